"""A memory: "Taipei" is a destination after "arrive" and a departure after "leave", which one word alone cannot say.

Each word of a sentence such as "arrive Taipei on November 2nd" is to be given its slot: destination, departure, time of
arrival, time of departure, or none of them. There are 480 sentences: six cities, four months, five days, arriving or
leaving, and the date at the end or at the beginning, as in "on November 2nd leave Taipei". 120 of them are learned
from, and all others are read.

A feed-forward network sees one word at a time, so for a city, a month or a day it can only guess: at best it has 70% of
the words. A recurrent network remembers the words before. It knows all but a date that comes before the verb: 90%. A
bidirectional one reads from both ends.

Left: the words of new sentences that each reads right. Right: what two of them make of "Taipei" in two sentences.

    python demos/recurrent.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import itertools
import random
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy
from experiment import GREEN, VIOLET, for_each_seed, options, paired, show, slide, summary, train
from pictures import BLUE, ORANGE, counted

from scalargrad import Value, cross_entropy, lift, nn, one_hot, optim, softmax, total

VERBS, ON = ("arrive", "leave"), "on"
CITIES = ("Taipei", "Tokyo", "Berlin", "Rome", "Paris", "Lima")
MONTHS, DAYS = ("May", "June", "October", "November"), ("1st", "2nd", "3rd", "4th", "5th")
WORDS = (*VERBS, ON, *CITIES, *MONTHS, *DAYS)
SLOTS = ("none", "destination", "departure", "time of arrival", "time of departure")
LEARNED = 120  # of the sentences
Sentence = list[tuple[str, str]]  # words, each with its slot
Rows = list[list[float]]


def sentence(verb: str, city: str, month: str, day: str, starts_with_date: bool = False) -> Sentence:
    """Return a sentence, each word with its slot."""
    arrives = verb == VERBS[0]
    where, when = ("destination", "time of arrival") if arrives else ("departure", "time of departure")
    place, date = [(verb, "none"), (city, where)], [(ON, "none"), (month, when), (day, when)]
    return date + place if starts_with_date else place + date


SENTENCES = [sentence(*choice) for choice in itertools.product(VERBS, CITIES, MONTHS, DAYS, (False, True))]
LENGTH = len(SENTENCES[0])


def columns(sentences: Sequence[Sentence]) -> tuple[list[Rows], list[Rows]]:
    """Return for each sentence a row for each word, and the slots that they should have."""
    words = [[one_hot(WORDS.index(word), len(WORDS)) for word, _ in words] for words in sentences]
    return words, [[one_hot(SLOTS.index(slot), len(SLOTS)) for _, slot in words] for words in sentences]


class FeedForward(nn.Module):
    """A network that reads each word by itself."""

    def __init__(self, seed: int) -> None:
        self.network = nn.MLP(len(WORDS), [8, len(SLOTS)], "tanh", rng=seed)

    def __call__(self, rows: Any) -> list[list[Value]]:
        """Return the scores of the slots for each word."""
        return [self.network.outputs(row) for row in rows]


class BothWays(nn.Module):
    """Two recurrent layers that read from both ends, and a layer that reads what both remember."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.reading = nn.Bidirectional(nn.Recurrent(len(WORDS), 4, rng=rng), nn.Recurrent(len(WORDS), 4, rng=rng))
        self.readout = nn.Layer(8, len(SLOTS), None, rng)

    def __call__(self, rows: Any) -> list[list[Value]]:
        """Return the scores of the slots for each word."""
        return [self.readout.outputs(row) for row in self.reading(rows)]


NETWORKS: dict[str, Callable[[int], Any]] = {
    "feed-forward": FeedForward,
    "recurrent": lambda seed: nn.Recurrent(len(WORDS), 8, len(SLOTS), rng=seed),
    "bidirectional": BothWays,
}


class Run(NamedTuple):
    """What a training came to."""

    new: float  # the share of the words of new sentences whose slot is right
    taipei: dict[str, list[float]]  # the probability of each slot for "Taipei", by the verb before it


def learn(name: str, seed: int, epochs: int, sentences: Sequence[Sentence] = SENTENCES) -> Run:
    """Train a network on some of the sentences, and let it read the others."""
    shuffled = random.Random(seed).sample(sentences, len(sentences))
    model = NETWORKS[name](seed)

    def loss(rows: Any, targets: Any) -> Value:
        return total(map(cross_entropy, model(rows), targets)) / LENGTH

    data, optimizer = columns(shuffled[:LEARNED]), optim.Adam(rate=0.02)
    train(loss, model.parameters(), data, optimizer=optimizer, epochs=epochs, batch_size=10, rng=seed)
    words, targets = columns(shuffled[LEARNED:])
    program = lift(lambda rows: [softmax(scores) for scores in model(rows)], model.parameters())
    right = numpy.argmax(program(words), axis=2) == numpy.argmax(targets, axis=2)
    both, _ = columns([sentence(verb, "Taipei", "November", "2nd") for verb in VERBS])
    taipei = dict(zip(VERBS, numpy.asarray(program(both))[:, 1].tolist(), strict=True))
    return Run(float(numpy.mean(right)), taipei)


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report and draw, as the arguments say."""
    epochs = (20, "times that each sentence is learned from")
    chosen = options(argv, "recurrent", "Fill slots with and without a memory.", epochs=epochs)
    runs = {name: for_each_seed(partial(learn, name, epochs=chosen.epochs), chosen.seeds) for name in NETWORKS}
    rows = {name: [summary([run.new for run in own])] for name, own in runs.items()}
    show(f"slots of words in {len(SENTENCES) - LEARNED} new sentences", ["", "right"], rows)

    with slide(chosen.output, "A memory tells arriving from leaving", width_ratios=[1, 1]) as (left, right):
        paired(left, list(NETWORKS), [[run.new for run in own] for own in runs.values()], [ORANGE, BLUE, GREEN])
        left.set(
            title=f"New sentences: {counted(chosen.seeds, 'run')} each", ylabel="slots that are right", ylim=(0.5, 1.02)
        )
        left.yaxis.set_major_formatter("{x:.0%}")
        bars = [(name, verb) for name in ("feed-forward", "recurrent") for verb in VERBS]
        places, start = (3.4, 2.5, 0.9, 0.0), numpy.zeros(4)
        for slot, colour in (("destination", GREEN), ("departure", VIOLET)):
            of_slot = SLOTS.index(slot)
            widths = [statistics.fmean(run.taipei[verb][of_slot] for run in runs[name]) for name, verb in bars]
            right.barh(places, widths, 0.7, start, color=colour, label=slot)
            start += widths
        right.set(title="What is Taipei?", xlim=(0, 1), xlabel="probability, mean of all runs")
        right.set_yticks(places, [f"{name}:\n{verb} Taipei …" for name, verb in bars])
        right.legend(loc="lower center", bbox_to_anchor=(0.5, 0.46), ncols=2, frameon=False)


if __name__ == "__main__":
    main()
