"""A memory network: to answer a question it reads a story again and again, and finds out where to look next.

    Bob has the cup. Ann is in the attic. Eve has the key. Bob is in the garden. ...    Where is the cup?

To find the cup takes two steps: who has it, and where is that person? The network looks at all sentences at once, by
attention, and adds what it finds to its question: one hop. With one hop it can only guess. With two it finds out by
itself that the first look is for the thing, and the second for the person: nobody tells it which sentences matter.
Left: how many questions about new stories are answered right. Right: where the two hops look, in one of them.

After Sukhbaatar, Szlam, Weston and Fergus, "End-to-end memory networks", arXiv:1503.08895.

    python demos/memory.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from experiment import ahead, by_name, for_each_seed, options, paired, show, slide, summary, train
from pictures import BLUE, GREY, ORANGE, counted

from scalargrad import Value, cross_entropy, lift, nn, no_grad, optim

PEOPLE = ("Ann", "Bob", "Eve", "Tom")
THINGS = ("ball", "book", "cup", "key")
PLACES = ("attic", "cellar", "garden", "kitchen")
WORDS = (*PEOPLE, *THINGS, *PLACES)
TOLD = 3  # people, and as many things, in a story
WIDTH = 16
TEST = 500
HOPS = (1, 2, 3)


class Story(NamedTuple):
    """Sentences of two words each, the thing that is asked for, and the place where it is: words as integers."""

    sentences: list[list[int]]
    question: int
    answer: int


def story(rng: random.Random) -> Story:
    """Return a new story: some people, where each of them is, and who has what, in any order."""
    people = rng.sample(PEOPLE, TOLD)
    where = {person: rng.choice(PLACES) for person in people}
    owner = {thing: rng.choice(people) for thing in rng.sample(THINGS, TOLD)}
    told = [*where.items(), *((person, thing) for thing, person in owner.items())]
    rng.shuffle(told)
    question = rng.choice(list(owner))
    sentences = [[WORDS.index(word) for word in sentence] for sentence in told]
    return Story(sentences, WORDS.index(question), PLACES.index(where[owner[question]]))


class Memory(nn.Module):
    """A network that looks at the sentences in hops; each adds what it has found to the question."""

    def __init__(self, hops: int, rng: random.Random) -> None:
        self.words = nn.Embedding(len(WORDS), WIDTH, rng, lambda rng, _: rng.gauss(0, 0.3))
        self.hops = [nn.Attention(WIDTH, rng=rng) for _ in range(hops)]
        self.answer = nn.Layer(WIDTH, len(PLACES), None, rng)

    def states(self, sentences: Any, question: Any) -> tuple[list[list[Value]], list[list[Value]]]:
        """Return the rows of the sentences, and the question before the first hop and after each."""
        memory = [
            [x + y for x, y in zip(self.words(first), self.words(second), strict=True)] for first, second in sentences
        ]
        states = [self.words(question)]
        for hop in self.hops:
            (recalled,) = hop([states[-1]], memory)
            states.append([x + y for x, y in zip(states[-1], recalled, strict=True)])
        return memory, states

    def __call__(self, sentences: Any, question: Any) -> list[Value]:
        """Return a score for each place."""
        _, states = self.states(sentences, question)
        return self.answer.outputs(states[-1])

    def looks(self, told: Story) -> list[list[float]]:
        """Return for each hop how much it looks at each sentence."""
        with no_grad():
            memory, states = self.states(told.sentences, told.question)
            weights = [hop.attention_weights([state], memory) for hop, state in zip(self.hops, states, strict=False)]
        return [[weight.data for weight in of_hop[0][0]] for of_hop in weights]


def learn(seed: int, hops: int, stories: int, epochs: int) -> tuple[Memory, float]:
    """Train a network on as many stories; return it, and the share of questions about others that it answers right."""
    rng = random.Random(seed)
    learned, test = ([story(rng) for _ in range(number)] for number in (stories, TEST))
    model = Memory(hops, rng)
    train(
        lambda sentences, question, answer: cross_entropy(model(sentences, question), answer),
        model.parameters(),
        tuple(map(list, zip(*learned, strict=True))),
        optimizer=optim.Adam(rate=0.01),
        epochs=epochs,
        batch_size=20,
        rng=seed,
    )
    sentences, questions, answers = map(list, zip(*test, strict=True))
    scores = lift(model, model.parameters())(sentences, questions)
    return model, float(numpy.mean(numpy.argmax(scores, axis=1) == answers))


def compare(seeds: int, stories: int, epochs: int, several: Sequence[int] = HOPS) -> dict[int, list[Any]]:
    """Train with each number of hops, for each seed; return the networks and their shares of right answers."""
    runs = for_each_seed(lambda seed: [learn(seed, hops, stories, epochs) for hops in several], seeds)
    return by_name(several, runs)


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report and draw, as the arguments say."""
    chosen = options(
        argv, "memory", "Answer questions about stories by a memory network with one, two and three hops.",
        stories=(1000, "stories to learn from"), epochs=(20, "times that each story is learned from"),
    )  # fmt: skip
    runs = compare(chosen.seeds, chosen.stories, chosen.epochs)
    right = {hops: [share for _, share in own] for hops, own in runs.items()}
    rows = {str(hops): [summary(own), ahead(own, right[1]) if hops > 1 else ""] for hops, own in right.items()}
    show(f"answers to {TEST} new questions", ["hops", "right", "more than with one in"], rows)

    best, _ = max(runs[2], key=lambda run: run[1])
    told = story(random.Random(0))
    with slide(chosen.output, "A memory network finds out where to look next", width_ratios=[1, 1]) as (left, picture):
        paired(left, [f"{hops} hop{'s' * (hops > 1)}" for hops in HOPS], list(right.values()), (GREY, BLUE, ORANGE))
        left.set(title=f"New questions: {counted(chosen.seeds, 'run')} each", ylabel="right answers", ylim=(0, 1.05))
        left.yaxis.set_major_formatter("{x:.0%}")
        weights = numpy.array(best.looks(told)).T
        picture.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), weight in numpy.ndenumerate(weights):
            picture.text(
                column, row, f"{weight:.2f}", ha="center", va="center", color="white" if weight > 0.5 else GREY
            )
        words = [[WORDS[word] for word in sentence] for sentence in told.sentences]
        texts = [f"{who} {'is in' if what in PLACES else 'has'} the {what}" for who, what in words]
        picture.set_yticks(range(len(texts)), texts)
        picture.set_xticks([0, 1], ["1st hop", "2nd hop"])
        picture.tick_params(length=0)
        picture.spines[:].set_visible(False)
        picture.set(title=f"Where is the {WORDS[told.question]}?")


if __name__ == "__main__":
    main()
