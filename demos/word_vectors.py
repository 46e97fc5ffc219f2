"""Word vectors: a word is known by the company it keeps, and a relation between words becomes a direction.

A small world of countries, their capitals, and what people eat and speak there is told in 2,000 simple sentences. Each
word has a vector of a few numbers, from which the network predicts the other words of a sentence (the skip-gram model,
Mikolov and others, 2013). Nobody tells it what a capital is; still, the step from Rome to Italy leads from Berlin to
Germany. The table has the share of such questions that are answered correctly, for all pairs of countries and in both
directions, by vectors of several sizes. Any word may be the answer, those of the question as well.

Left: the correct answers while learning. Right: countries and capitals, in the plane where they lie furthest apart.

    python demos/word_vectors.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import itertools
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from experiment import GREEN, band, by_name, for_each_seed, options, show, slide, summary, train
from matplotlib.axes import Axes
from pictures import BLUE, GREY, ORANGE, counted

from scalargrad import Value, cross_entropy, nn, optim

COUNTRIES = {  # the capital, the language, what people eat, and the river
    "Italy": ("Rome", "Italian", "pizza", "Tiber"), "Germany": ("Berlin", "German", "bread", "Spree"),
    "France": ("Paris", "French", "cheese", "Seine"), "Japan": ("Tokyo", "Japanese", "rice", "Sumida"),
    "Spain": ("Madrid", "Spanish", "ham", "Manzanares"), "Poland": ("Warsaw", "Polish", "dumplings", "Vistula"),
    "Sweden": ("Stockholm", "Swedish", "herring", "Fyris"), "Portugal": ("Lisbon", "Portuguese", "cod", "Tagus"),
}  # fmt: skip
PAIRS = [(own[0], country) for country, own in COUNTRIES.items()]
QUESTIONS = [  # "Rome is to Italy as Berlin to?" and so on, with the answer as fourth
    (*one, *other) for way in (PAIRS, [pair[::-1] for pair in PAIRS]) for one, other in itertools.permutations(way, 2)
]
SIZES = (2, 4, 8, 16)
OF_CAPITALS = ["the mayor of {} opens a bridge", "the streets of {} are crowded", "a tram crosses {}"]
OF_COUNTRIES = ["the army of {} is small", "the border of {} is long", "the villages of {} are quiet"]
OF_BOTH = ["in {} you hear {1}", "people from {} love {2}", "the {3} flows through {}", "visitors of {} learn {1}"]
SMALL_WORDS = {"the", "of", "a", "is", "are", "in", "you", "from", "through"}  # they stand beside every word


def sentences(rng: random.Random, count: int) -> list[list[str]]:
    """Tell something about a country or its capital, again and again; small words are left out."""
    texts = []
    for _ in range(count):
        country, (capital, *rest) = rng.choice(list(COUNTRIES.items()))
        place, own = rng.choice([(capital, OF_CAPITALS), (country, OF_COUNTRIES)])
        text = rng.choice(own + OF_BOTH).replace("{}", "{0}").format(place, *rest)
        texts.append([word for word in text.split() if word not in SMALL_WORDS])
    return texts


class SkipGram(nn.Module):
    """Scores of all words as neighbours of a word: the products of its vector with one vector for each of them."""

    def __init__(self, words: int, size: int, rng: random.Random) -> None:
        self.vectors = nn.Embedding(words, size, rng, initial=lambda rng, _: rng.gauss(0.0, 0.1))
        self.neighbours = nn.Layer(size, words, activation=None, rng=rng)

    def __call__(self, word: int) -> list[Value]:
        """Return a score for each word."""
        return self.neighbours.outputs(self.vectors(word))

    def table(self) -> Any:
        """Return the vectors of all words as an array."""
        return numpy.array([[number.data for number in row] for row in self.vectors.weights])


def answers(vectors: Any, words: Sequence[str]) -> float:
    """Return the share of questions "a : b = c : ?" whose answer is the word closest to b - a + c."""
    units = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
    right = []
    for question in QUESTIONS:
        a, b, c, answer = map(words.index, question)
        right.append(numpy.argmax(units @ (units[b] - units[a] + units[c])) == answer)
    return float(numpy.mean(right))


class Run(NamedTuple):
    """What came of one text: correct answers after each epoch, and at the end an array with a row for each word."""

    accuracies: list[float]
    words: list[str]
    vectors: Any


def learn(seed: int, size: int, epochs: int, count: int) -> Run:
    """Learn the vectors from a text, and ask the questions after each epoch."""
    rng = random.Random(seed)
    texts = sentences(rng, count)
    words = sorted({word for text in texts for word in text} | {word for pair in PAIRS for word in pair})
    pairs = [tuple(map(words.index, pair)) for text in texts for pair in itertools.permutations(text, 2)]
    model, accuracies = SkipGram(len(words), size, rng), []
    train(
        lambda word, neighbour: cross_entropy(model(word), neighbour),
        model.parameters(), tuple(map(list, zip(*pairs, strict=True))),
        optimizer=optim.Adam(rate=0.02), epochs=epochs, batch_size=100, rng=seed,
        callback=lambda _: accuracies.append(answers(model.table(), words)),
    )  # fmt: skip
    return Run(accuracies, words, model.table())


def compare(seeds: int, epochs: int, count: int) -> dict[int, list[Run]]:
    """Learn vectors of each size, for each seed."""
    runs = for_each_seed(lambda seed: [learn(seed, size, epochs, count) for size in SIZES], seeds)
    return by_name(SIZES, runs)


def draw_map(axes: Axes, run: Run) -> None:
    """Draw countries and capitals in the plane in which they lie furthest apart, with a line between each two."""
    own = run.vectors[[run.words.index(word) for pair in PAIRS for word in pair]]
    flat = own @ numpy.linalg.svd(own - own.mean(axis=0), full_matrices=False)[2][:2].T
    for (capital, country), to, from_ in zip(PAIRS, flat[::2], flat[1::2], strict=True):
        axes.annotate("", to, from_, arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 2})
        sides = ("right", "left") if to[0] < from_[0] else ("left", "right")  # beside the arrow, not on it
        for word, (x, y), side, colour in zip((capital, country), (to, from_), sides, (ORANGE, BLUE), strict=True):
            axes.text(x, y, f" {word} ", color=colour, ha=side, va="center", fontsize=15)
    axes.set(title="Countries and capitals", xticks=[], yticks=[], xmargin=0.25)
    axes.plot(*flat.T, alpha=0)  # sets the limits


def main(argv: Sequence[str] | None = None) -> None:
    """Learn, report and draw, as the arguments say."""
    chosen = options(
        argv, "word_vectors", "Learn vectors of words from their neighbours, and ask what is to Italy as Berlin.",
        sentences=(2000, "sentences to learn from"), epochs=(10, "times that each pair of neighbours is learned from"),
    )  # fmt: skip
    runs = compare(chosen.seeds, chosen.epochs, chosen.sentences)
    rows = {f"{size}": [summary([run.accuracies[end] for run in own], ".0%") for end in (0, -1)]
            for size, own in runs.items()}  # fmt: skip
    show("Rome is to Italy as Berlin is to?", ["numbers in a vector", "after one epoch", "after the last"], rows)

    with slide(chosen.output, "Word vectors: a relation is a direction") as (curve, plane):
        for (size, own), colour in zip(runs.items(), (GREY, ORANGE, GREEN, BLUE), strict=True):
            band(curve, range(1, chosen.epochs + 1), [run.accuracies for run in own], colour, f"{size} numbers")
        curve.set(title=f"Correct answers, {counted(chosen.seeds, 'run')}", xlabel="epoch", ylim=(0, 1.03))
        curve.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.45))
        curve.yaxis.set_major_formatter("{x:.0%}")
        draw_map(plane, runs[SIZES[-1]][0])


if __name__ == "__main__":
    main()
