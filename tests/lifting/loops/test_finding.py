"""What repeats in a list of steps is found, however it begins; what only looks like it is not."""

from __future__ import annotations

import random
import string

from scalargrad.lifting.loops.finding import OUTSIDE, Steps, Stretch, carried, stretches


def _steps(tokens: str, references: list[tuple[int, ...]] | None = None) -> Steps:
    """Steps that each read the one before, or those that are given."""
    read = references or [(i - 1 if i else OUTSIDE,) for i in range(len(tokens))]
    return Steps([string.printable.index(token) for token in tokens], read)


def test_a_repetition_is_found_between_other_steps() -> None:
    """Its period is the shortest one, and it reaches as far as tokens and references agree."""
    repeats = stretches(_steps("xy" + 8 * "abc" + "zz"), 4)
    assert repeats == [Stretch(2, 2, 26, 26, 3)]


def test_a_part_of_an_iteration_belongs_to_it() -> None:
    """A repetition that breaks off within an iteration is found up to there."""
    assert stretches(_steps(5 * "abcd" + "ab" + "xyz"), 4) == [Stretch(0, 1, 22, 22, 4)]


def test_several_repetitions_are_found_in_order() -> None:
    """Each stretch is apart from the others."""
    repeats = stretches(_steps(6 * "abc" + "xyz" + 9 * "de"), 4)
    assert [(stretch.first, stretch.end, stretch.period) for stretch in repeats] == [(0, 18, 3), (21, 39, 2)]


def test_equal_parts_of_an_iteration_are_told_apart_by_what_they_read() -> None:
    """Three equal layers in each step of time are one iteration: the first of them reads the time."""
    references: list[tuple[int, ...]] = []
    for i in range(60):
        layer, part = divmod(i % 6, 2)
        references.append((i - 1 if part else OUTSIDE if layer == 0 else i - 1, i - 6 if i >= 6 and part else OUTSIDE))
    repeats = stretches(_steps(30 * "ab", references), 8)
    assert [stretch.period for stretch in repeats] == [6]


def test_what_saves_too_little_is_none() -> None:
    """Four times three steps save nine lines."""
    assert len(stretches(_steps(4 * "abc"), 9)) == 1
    assert not stretches(_steps(4 * "abc"), 10)


def test_the_same_tokens_with_other_references_are_none() -> None:
    """Steps that read anything before them do not repeat, though their tokens do."""
    rng = random.Random(0)
    references: list[tuple[int, ...]] = [(rng.randrange(i) if i else OUTSIDE,) for i in range(60)]
    assert not stretches(_steps(20 * "abc", references), 8)


def test_random_tokens_do_not_repeat() -> None:
    """In random steps there is nothing to find."""
    for seed in range(20):
        tokens = "".join(random.Random(seed).choices(string.ascii_letters, k=300))
        assert not stretches(_steps(tokens), 8)


def test_what_an_iteration_takes_over_depends_on_where_it_begins() -> None:
    """Of a, b and c, of which c reads a and b, two are taken over where c begins, and one elsewhere."""
    references: list[tuple[int, ...]] = []
    for i in range(24):
        references.append([(i - 1 if i else OUTSIDE,), (OUTSIDE,), (i - 2, i - 1)][i % 3])
    steps = _steps(8 * "abc", references)
    (stretch,) = stretches(steps, 8)
    counts = carried(steps, stretch)
    by_place = {(stretch.start + place) % 3: count for place, count in enumerate(counts)}
    assert by_place == {0: 1, 1: 1, 2: 2}
