"""Experiments: on a small setting, too, each shows what it says, for every seed; what should not show it does not."""

from __future__ import annotations

import math
import random
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import autoencoder
import batches
import convolution
import depth
import dropout
import early_stopping
import error_surface
import experiment
import grid_world
import losses
import matplotlib as mpl
import maxout
import memory
import numpy as np
import optimizers
import pytest
import recurrent
import very_deep
import weight_decay
import word_vectors
from digits import loss_function
from PIL import Image

from scalargrad import Value, optim, total

from .conftest import DEMOS, Drawn

EXPERIMENTS: dict[str, list[str]] = {
    "losses": ["--examples", "20", "--epochs", "2"],
    "batches": ["--examples", "20", "--epochs", "2"],
    "depth": ["--examples", "20", "--epochs", "1", "--layers", "4"],
    "optimizers": [],
    "early_stopping": ["--examples", "20", "--epochs", "4", "--patience", "1"],
    "weight_decay": ["--examples", "20", "--epochs", "2"],
    "dropout": ["--examples", "20", "--epochs", "1"],
    "maxout": ["--examples", "20", "--epochs", "1"],
    "convolution": ["--examples", "20", "--epochs", "1"],
    "very_deep": ["--examples", "20", "--epochs", "1", "--layers", "4"],
    "recurrent": ["--epochs", "1"],
    "error_surface": ["--steps", "20"],
    "memory": ["--stories", "20", "--epochs", "1"],
    "grid_world": ["--rounds", "20"],
    "autoencoder": ["--examples", "20", "--epochs", "1"],
    "word_vectors": ["--sentences", "200", "--epochs", "2"],
}
every_experiment = pytest.mark.parametrize("demo", EXPERIMENTS)


# ---------------------------------------------------------------- what they share


@every_experiment
def test_a_table_and_a_picture_for_a_slide(
    demo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], drawn: Drawn
) -> None:
    """Each prints a table and draws one picture of a slide's size, whole, and leaves its style to no other picture."""
    before = dict(mpl.rcParams)
    path = tmp_path / "picture.png"
    __import__(demo).main(["--seeds", "1", *EXPERIMENTS[demo], "--output", str(path)])
    captured = capsys.readouterr()
    assert captured.out.count("┏") >= 1
    assert captured.out.endswith(f"drawn in {path}\n")
    assert not captured.err
    picture = Image.open(path)
    assert picture.width / picture.height == pytest.approx(16 / 9, rel=0.01)
    assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 100
    assert drawn.beyond() == [[0, 0, 0, 0]]
    assert not re.search(r"\b1 (run|start|step|epoch)s\b", "\n".join(drawn.texts()))
    assert not re.search(r"(?<!of )\b1 (run|start|step|epoch)s\b", captured.out)
    assert dict(mpl.rcParams) == before


def test_a_title_that_is_cut_off_is_seen(tmp_path: Path, drawn: Drawn) -> None:
    """Negative control: a title wider than its slide is cut off on both sides."""
    with experiment.slide(tmp_path / "picture.png", "A title " * 12):
        pass
    left, below, right, above = drawn.beyond()[0]
    assert min(left, right) > 0.5
    assert below == above == 0


@pytest.mark.parametrize("demo", [*EXPERIMENTS, "tiny_gpt"])  # test_gpt.py draws its picture
def test_each_has_at_most_150_lines_and_ten_seeds(demo: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An experiment fits on three screens, is repeated ten times by default, and its help has a command to try."""
    module = __import__(demo)
    assert len((DEMOS / f"{demo}.py").read_text().splitlines()) <= 150
    with pytest.raises(SystemExit):
        module.main(["--help"])
    shown = capsys.readouterr().out
    assert f"example: python demos/{demo}.py --" in shown
    assert "seed (default: 10)" in " ".join(shown.split())


def test_more_digits_than_there_are_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A number of digits that is too large is refused, with how many there are."""
    for main, most in ((losses.main, 4000), (early_stopping.main, 2000)):
        with pytest.raises(SystemExit):
            main(["--examples", f"{most + 1}"])
        assert f"there are {most} digits to learn from, not {most + 1}" in capsys.readouterr().err


def test_the_seed_decides_the_digits() -> None:
    """No test digit is learned from, the same seed gives the same digits, and another seed gives others."""
    learned, test = experiment.digits_for(3, 500)
    assert len(learned[0]) == 500
    assert len(test[0]) == 1000
    assert {len(pixels) for pixels in learned[0]} == {experiment.PIXELS}
    assert not set(map(id, learned[0])) & set(map(id, test[0]))
    assert experiment.digits_for(3, 500) == (learned, test)
    assert experiment.digits_for(4, 500) != (learned, test)


def test_accuracy_is_the_share_read_right() -> None:
    """It is the share of the digits whose largest output is that of the label, as counted one by one."""
    data, test = experiment.digits_for(0, 30)
    model = depth.network(0, "relu", 1)

    def is_right(pixels: Sequence[float], target: Sequence[float]) -> bool:
        outputs = [output.data for output in model.outputs(pixels)]
        return outputs.index(max(outputs)) == target.index(1.0)

    counted = statistics.fmean(map(is_right, *data))
    assert experiment.accuracies(model, data, test)[0] == pytest.approx(counted)


def test_every_fifth_label_is_wrong() -> None:
    """Of five digits one has another label, still one of ten, and the pixels stay."""
    data, _ = experiment.digits_for(0, 100)
    pixels, targets = experiment.mislabelled(data, random.Random(0))
    assert pixels == data[0]
    assert [given == own for given, own in zip(targets, data[1], strict=True)] == [False, True, True, True, True] * 20
    assert all(sorted(target) == [0.0] * 9 + [1.0] for target in targets)
    assert len({target.index(1.0) for target in targets[::5]}) > 5


def test_ctrl_c_ends_an_experiment() -> None:
    """When training is interrupted the experiment ends, and does not go on with the next run."""

    def loss(_: float) -> Value:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.train(loss, [Value(1.0)], ([1.0],), epochs=1, lifted=False)


def test_a_summary_has_mean_and_range() -> None:
    """The mean comes first, then the lowest and the highest, unless all are alike; ties are not ahead."""
    assert experiment.summary([0.5, 0.25, 0.75]) == "50.0% (25.0% … 75.0%)"
    assert experiment.summary([2, 2], ".0f") == "2"
    assert experiment.ahead([1, 2, 3], [1, 1, 4]) == "1 of 3"


# ---------------------------------------------------------------- losses


@pytest.mark.parametrize("behind", [-3.0, 0.0, 1.0, 10.0])
def test_the_slopes_of_both_losses(behind: float) -> None:
    """With p the right probability of two, the square error falls by 4p(1 - p)² and the cross-entropy by 1 - p."""
    p = 1 / (1 + math.exp(behind))
    assert losses.slopes(behind) == pytest.approx((4 * p * (1 - p) ** 2, 1 - p), rel=1e-9)


def test_cross_entropy_learns_faster() -> None:
    """At a small rate it reads more digits in each run, by far; at the largest rate it is no longer by far."""
    runs = losses.compare(seeds=2, examples=400, epochs=5, rates=(0.3, 3.0))

    def lead(rate: float) -> list[float]:
        pairs = zip(runs["cross-entropy", rate], runs["square", rate], strict=True)
        return [entropy[-1] - square[-1] for entropy, square in pairs]

    assert min(lead(0.3)) > 0.1
    assert max(lead(3.0)) < min(lead(0.3))


# ---------------------------------------------------------------- batches


def test_small_batches_learn_more_in_an_epoch() -> None:
    """After as many epochs the loss is lower the smaller the batch, and as many steps come to much the same."""
    runs = batches.compare(seeds=2, examples=300, epochs=4)
    for seed in range(2):
        one, ten, hundred, whole = (own[seed].losses[-1] for own in runs.values())
        assert one < ten - 0.1 < ten < hundred < whole
        as_many_steps = batches.learn(seed, 100, examples=300, epochs=40).losses[-1]
        assert abs(as_many_steps - ten) < abs(hundred - ten)


# ---------------------------------------------------------------- depth


def test_gradients_vanish_through_sigmoid_and_not_through_relu() -> None:
    """In the first of 20 layers sigmoid leaves less than a millionth of the last one's gradient, relu a good part."""
    size = depth.gradients(seeds=3, layers=20, examples=50)
    assert all(len(layers) == 20 for own in size.values() for layers in own)
    assert all(layers[0] < 1e-6 * layers[-1] for layers in size["sigmoid"])
    assert all(layers[0] > 1e-2 * layers[-1] for layers in size["relu"])


def test_sizes_are_those_of_a_sweep() -> None:
    """The sizes are what `backward` of the mean loss leaves in the weights of each layer."""
    model, (data, _) = depth.network(0, "sigmoid", 2), experiment.digits_for(0, 3)
    loss = loss_function(model, "cross-entropy")
    (total(loss(*example) for example in zip(*data, strict=True)) / 3).backward()
    swept = [
        statistics.fmean(abs(weight.grad) for neuron in layer.neurons for weight in neuron.weights)
        for layer in model.layers
    ]
    assert experiment.sizes_by_layer(model, data, "weights") == pytest.approx(swept, rel=1e-9)


def test_deep_sigmoid_networks_do_not_learn() -> None:
    """Three layers deep relu reads most of the digits it has learned from and sigmoid few; one deep, both learn."""
    runs = depth.compare(seeds=2, depths=(1, 3), examples=400, epochs=12)
    for (sigmoid, deep_sigmoid), (relu, deep_relu) in zip(runs["sigmoid"], runs["relu"], strict=True):
        assert min(sigmoid, relu, deep_relu) > 2 * deep_sigmoid


# ---------------------------------------------------------------- optimizers


@pytest.fixture(scope="module")
def steps() -> dict[tuple[str, str], list[int]]:
    """How many steps each optimizer takes on each surface, for ten seeds."""
    return {names: [len(path) - 1 for path in own] for names, own in optimizers.compare(10).items()}


def test_momentum_and_rates_per_parameter_help(steps: dict[tuple[str, str], list[int]]) -> None:
    """On each surface, from each start, all take fewer steps than gradient descent, and all but it arrive."""
    for surface in optimizers.SURFACES:
        slow = steps[surface, "gradient descent"]
        for optimizer in list(optimizers.OPTIMIZERS)[1:]:
            assert all(own < both for own, both in zip(steps[surface, optimizer], slow, strict=True))
            assert max(steps[surface, optimizer]) < 300


def test_the_rates_are_fair(steps: dict[tuple[str, str], list[int]]) -> None:
    """No optimizer takes fewer steps in all with another of the rates, unless it diverges somewhere."""
    for name, (make, chosen, _) in optimizers.OPTIMIZERS.items():

        def in_all(rate: float, make: optimizers.Make = make) -> float:
            paths = [
                optimizers.descend(surface, make(rate), surface.start(random.Random(seed)))
                for surface in optimizers.SURFACES.values()
                for seed in range(3)
            ]
            return math.inf if any(path[-1] == path[-2] for path in paths) else sum(len(path) - 1 for path in paths)

        own = sum(sum(steps[surface, name][:3]) for surface in optimizers.SURFACES)
        assert own == in_all(chosen) == min(map(in_all, optimizers.RATES))


def test_paths_go_from_one_start_to_a_minimum() -> None:
    """All optimizers start at the same point of a surface, and a path ends at its first point below the goal."""
    paths = optimizers.compare(1)
    for surface_name, surface in optimizers.SURFACES.items():
        own = [paths[surface_name, optimizer][0] for optimizer in optimizers.OPTIMIZERS]
        assert len({path[0] for path in own}) == 1
        assert all(surface.loss(*minimum) == 0 for minimum in surface.minima)
        for path in own:
            assert all(surface.loss(*point) >= optimizers.GOAL for point in path[:-1])
            assert surface.loss(*path[-1]) < optimizers.GOAL or len(path) == optimizers.MOST + 1


def test_a_run_that_diverges_has_not_arrived() -> None:
    """With too large a rate in the ravine, all steps count as taken."""
    ravine = optimizers.SURFACES["ravine"]
    path = optimizers.descend(ravine, optim.GradientDescent(rate=1.0), (-4.0, 1.0))
    assert len(path) == optimizers.MOST + 1
    assert path[-1] == path[-2]


# ---------------------------------------------------------------- early stopping


def test_early_stopping_reads_more_test_digits() -> None:
    """In each run; and it gives the network of its best epoch, as training for just so many epochs does."""
    runs = early_stopping.compare(seeds=2, patience=6, examples=200, epochs=30)
    for seed, (to_the_end, stopped) in enumerate(zip(*runs.values(), strict=True)):
        assert stopped.accuracy > to_the_end.accuracy + 0.02
        assert stopped.validation == to_the_end.validation[: len(stopped.validation)]
        assert to_the_end.validation[-1] > 1.2 * min(to_the_end.validation)
        assert to_the_end.learned[-1] < to_the_end.learned[5]
        best = 1 + stopped.validation.index(min(stopped.validation))
        assert len(stopped.validation) == best + 6
        assert early_stopping.learn(seed, None, 200, best).accuracy == stopped.accuracy


# ---------------------------------------------------------------- weight decay


def test_some_weight_decay_helps_and_much_hurts() -> None:
    """More of it makes smaller weights, and less is learned by heart; on test digits some of it helps."""
    runs = weight_decay.compare(seeds=2, decays=(0.0, 0.3, 3.0), examples=200, epochs=30)
    for none, some, much in zip(*runs.values(), strict=True):
        assert none.learned > some.learned > much.learned
        assert much.test < none.test < some.test
        assert mean_size(none.weights) > 1.5 * mean_size(some.weights) > 3 * mean_size(much.weights)


def mean_size(weights: Sequence[float]) -> float:
    return statistics.fmean(map(abs, weights))


# ---------------------------------------------------------------- dropout


def test_dropout_helps_on_noisy_digits() -> None:
    """After wrong labels it reads more test digits, with noise and without; after right ones it hardly matters."""
    runs = dropout.compare(seeds=2, examples=300, epochs=25, noises=(0.0, 0.1))
    for without, dropped in zip(*runs.values(), strict=True):
        assert without.learned > dropped.learned
        assert all(more > less + 0.02 for more, less in zip(dropped.test, without.test, strict=True))
    (without,), (dropped,) = dropout.compare(seeds=1, examples=300, epochs=25, noises=(0.0,), fault=False).values()
    assert abs(without.test[0] - dropped.test[0]) < 0.03


def test_noise_changes_each_pixel_and_no_label() -> None:
    """The noise has the given deviation, but for what is cut off at paper and ink; 0 changes nothing."""
    data, _ = experiment.digits_for(0, 50)
    assert np.allclose(dropout.noisy(data, 0.0, random.Random(0))[0], data[0], atol=1e-6)
    pixels, targets = dropout.noisy(data, 0.1, random.Random(0))
    grey = (np.array(data[0]) > 0.4) & (np.array(data[0]) < 0.6)
    assert targets == data[1]
    assert np.std((np.array(pixels) - np.array(data[0]))[grey]) == pytest.approx(0.1, rel=0.1)


# ---------------------------------------------------------------- maxout


def test_pieces_are_corners() -> None:
    """Two pieces learn relu and |x|, which one cannot; with more of them a neuron comes closer to a parabola."""
    runs = maxout.compare_functions(4)
    error = {pair: [neuron.error for neuron in own] for pair, own in runs.items()}
    for name in ("relu", "|x|"):
        assert max(error[name, 2]) < 1e-3 < 0.05 * min(error[name, 1])
    one, two, three, five = (statistics.fmean(error[maxout.PARABOLA, pieces]) for pieces in (1, 2, 3, 5))
    assert one > 10 * two > 15 * three > 20 * five
    for pieces in (1, 2, 3, 5):
        bends = np.diff(np.array([neuron.outputs for neuron in runs[maxout.PARABOLA, pieces]]), 2, axis=1)
        assert bends.min() > -1e-9
        assert (bends > 1e-9).sum(axis=1).max() <= 2 * (pieces - 1)


def test_maxout_learns_more_with_as_many_neurons() -> None:
    """Its loss is lower than relu's with as many neurons, in each run; relu with as many weights comes close to it."""
    relu, largest, wide = maxout.compare_digits(seeds=2, examples=300, epochs=8).values()
    assert all(low < high - 0.05 for low, high in zip(largest, relu, strict=True))
    assert abs(statistics.fmean(largest) - statistics.fmean(wide)) < statistics.fmean(relu) - statistics.fmean(largest)


# ---------------------------------------------------------------- convolution


def test_filters_read_more_with_fewer_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four filters, with half the parameters of a dense network, read more of the new digits than it does."""
    monkeypatch.setattr(convolution, "FILTERS", 4)
    models = {name: convolution.learn(0, name, 300, 8) for name in ("convolution", "dense, 12")}
    assert [len(model.parameters()) for model, _ in models.values()] == [1554, 3214]
    (_, filters), (_, dense) = (shares for _, shares in models.values())
    assert filters > dense + 0.03


# ---------------------------------------------------------------- ways around layers


def test_a_gradient_vanishes_through_layers_and_not_around_them() -> None:
    """Of 20 layers of sigmoids the first gets a billionth of the last one's gradient; with ways around it gets more."""
    size = very_deep.gradients(seeds=2, layers=20, examples=20)
    for run in size["plain"]:
        assert run[0] < 1e-9 * run[-1]
    for kind in ("residual", "highway"):
        assert all(run[0] > 0.1 * run[-1] for run in size[kind])


def test_many_layers_learn_with_ways_around_them() -> None:
    """Ten layers learn nothing when they are plain, and most digits with a way around each."""
    accuracy = {kind: very_deep.learn(0, kind, 10, 300, 8) for kind in very_deep.KINDS}
    assert accuracy["plain"] < 0.2
    assert min(accuracy["residual"], accuracy["highway"]) > 0.5


# ---------------------------------------------------------------- a memory network


def test_two_hops_find_what_one_cannot() -> None:
    """With two hops nearly all questions are answered, with one not many more than half of them."""
    ((_, one),), ((model, two),) = memory.compare(seeds=1, stories=600, epochs=20, several=(1, 2)).values()
    assert one < 0.7
    assert two > 0.95
    first, second = [], []  # where the hops should look: who has the thing, and where that person is
    for seed in range(50):
        told = memory.story(random.Random(seed))
        looks = model.looks(told)
        assert [sum(weights) for weights in looks] == pytest.approx([1.0, 1.0])
        asked = next(i for i, (_, what) in enumerate(told.sentences) if what == told.question)
        place = told.answer + memory.WORDS.index(memory.PLACES[0])
        there = told.sentences.index([told.sentences[asked][0], place])
        first.append(looks[0][asked])
        second.append(looks[1][there])
    assert statistics.fmean(first) > 0.8
    assert statistics.fmean(second) > 0.5


def test_a_story_says_where_things_are() -> None:
    """Each person of a story is in one place, each thing has one owner, who is among them, and the answer follows."""
    for seed in range(20):
        told = memory.story(random.Random(seed))
        sentences = [[memory.WORDS[word] for word in sentence] for sentence in told.sentences]
        where = dict(sentence for sentence in sentences if sentence[1] in memory.PLACES)
        owner = {thing: person for person, thing in sentences if thing in memory.THINGS}
        assert len(where) == len(owner) == 3
        assert memory.PLACES[told.answer] == where[owner[memory.WORDS[told.question]]]


# ---------------------------------------------------------------- the list of demos


def test_the_list_has_each_demo_once() -> None:
    """The list of demos links to each file once, and to none that is not there."""
    linked = re.findall(r"\]\(([^)/]+)\)", (DEMOS / "README.md").read_text())
    assert sorted(linked) == sorted(path.name for path in DEMOS.glob("*.py"))


# ---------------------------------------------------------------- recurrent


def best(sentences: Sequence[recurrent.Sentence], known: int) -> float:
    """The share of words whose slot can be said from the word and so many words before it."""
    seen: dict[object, Counter[str]] = {}
    for words in sentences:
        for place, (_, slot) in enumerate(words):
            before = tuple(word for word, _ in words[max(0, place - known) : place + 1])
            seen.setdefault(before, Counter())[slot] += 1
    counts = [max(counter.values()) for counter in seen.values()]
    return sum(counts) / sum(map(len, sentences))


def test_what_can_be_known_of_a_word() -> None:
    """By itself a word tells 70% of the slots, with all words before it 90%, and if the verb is always first, all."""
    assert best(recurrent.SENTENCES, 0) == pytest.approx(0.7)
    assert best(recurrent.SENTENCES, 4) == pytest.approx(0.9)
    assert best(recurrent.SENTENCES[::2], 4) == 1
    assert len({tuple(words) for words in recurrent.SENTENCES}) == 480


def test_a_memory_reads_what_one_word_cannot_say() -> None:
    """Each network reaches what can be known with what it sees, and no more; of the same city it says both things."""
    ends = {name: recurrent.learn(name, 1, epochs=15) for name in recurrent.NETWORKS}
    assert 0.6 < ends["feed-forward"].new < 0.75
    assert 0.85 < ends["recurrent"].new < 0.95
    assert ends["bidirectional"].new > 0.97
    arrive, leave = ends["recurrent"].taipei.values()
    assert min(arrive[1], leave[2]) > 0.9
    arrive, leave = ends["feed-forward"].taipei.values()
    assert arrive == pytest.approx(leave, rel=1e-9)


# ---------------------------------------------------------------- the error surface


def test_the_error_is_that_of_a_loop() -> None:
    """The error, and its gradient, are those of a loop over the sigmoid and of a difference quotient."""

    def error(w: float, b: float) -> float:
        h = 0.5
        for _ in range(error_surface.TIMES):
            h = 1 / (1 + math.exp(-w * h - b))
        return (h - error_surface.GOAL) ** 2

    for w, b in ((4.0, -2.0), (5.0, -2.3)):
        assert error_surface.program()([w], [b])[0] == pytest.approx(error(w, b), rel=1e-9)
        slopes = [(error(w + 1e-6, b) - error(w - 1e-6, b)) / 2e-6, (error(w, b + 1e-6) - error(w, b - 1e-6)) / 2e-6]
        assert np.ravel(error_surface.program().input_gradients([w], [b])) == pytest.approx(slopes, rel=1e-4)


def test_clipping_keeps_every_step_short() -> None:
    """Clipped, no step is longer than the rate times the norm, and all runs arrive; as it is, some fly away."""
    paths = error_surface.compare(seeds=3, steps=130)
    longest = error_surface.RATE * error_surface.WAYS["clipped"]
    assert all(path.longest <= longest * (1 + 1e-9) for path in paths["clipped"])
    assert all(path.errors[-1] < error_surface.FOUND for path in paths["clipped"])
    assert max(path.longest for path in paths["as it is"]) > 20 * longest
    assert any(path.errors[-1] > error_surface.FOUND for path in paths["as it is"])


# ---------------------------------------------------------------- grid world


def test_a_baseline_finds_the_cheese() -> None:
    """With a baseline the mouse nearly always ends at the cheese, without one it is content with less."""
    runs = grid_world.compare(seeds=2, rounds=100)
    for without, with_baseline in zip(*runs.values(), strict=True):
        assert statistics.fmean(with_baseline.rewards[-10:]) > 19
        assert statistics.fmean(without.rewards[-10:]) < 17
        for row, column in grid_world.CELLS:
            assert sum(with_baseline.policy[row * grid_world.WIDTH + column]) == pytest.approx(1)


def test_no_rate_makes_up_for_a_baseline() -> None:
    """Without a baseline smaller and larger rates are worse, too, than the usual one with it."""

    def reward(baseline: bool, rate: float) -> float:
        return statistics.fmean(
            statistics.fmean(grid_world.learn(seed, baseline, 100, rate=rate).rewards[-10:]) for seed in range(4)
        )

    with_baseline = reward(True, 0.1)
    assert all(reward(False, rate) < with_baseline - 1.5 for rate in (0.02, 0.05, 0.2))


def test_walls_stop_the_mouse_and_rewards_end_a_walk() -> None:
    """No step leads into a wall or out of the maze, and a walk ends at a reward, or after its longest time."""
    for row, column in grid_world.CELLS:
        for step in range(4):
            assert grid_world.neighbour(row, column, step) in grid_world.CELLS
    assert grid_world.neighbour(0, 1, 0) == (0, 1)
    assert grid_world.neighbour(1, 1, 0) == (1, 2)
    cells = grid_world.HEIGHT * grid_world.WIDTH
    rightwards = grid_world.walk([[1.0, 0.0, 0.0, 0.0]] * cells, random.Random(0))
    assert (rightwards.steps, rightwards.reward) == ([0, 0], 15.0)
    to_the_wall = grid_world.walk([[0.0, 1.0, 0.0, 0.0]] * cells, random.Random(0))
    assert (len(to_the_wall.steps), to_the_wall.reward) == (40, 10.0)


# ---------------------------------------------------------------- autoencoder


def test_an_autoencoder_is_better_than_principal_components_and_denoises() -> None:
    """A code of two numbers keeps more than two principal components, and who learned from noise removes more of it."""
    own = autoencoder.run(0, examples=1000, epochs=30)
    assert own.short < own.linear - 0.05
    assert own.denoised < own.plain - 0.3 < own.noisy - 0.6
    assert own.codes.shape == (1000, 2)


# ---------------------------------------------------------------- word vectors


def test_analogies_come_out() -> None:
    """Vectors of 16 numbers answer nearly every question; before they are trained, few."""
    run = word_vectors.learn(0, 16, epochs=4, count=2000)
    assert run.accuracies[-1] > 0.95
    untrained = np.random.default_rng(0).normal(size=run.vectors.shape)
    assert word_vectors.answers(untrained, run.words) < 0.2


def test_questions_go_both_ways_and_are_answered_by_differences() -> None:
    """There is a question for each two countries in each direction, and vectors that are sums of parts answer all."""
    assert len(set(word_vectors.QUESTIONS)) == 2 * 8 * 7
    assert ("Rome", "Italy", "Berlin", "Germany") in word_vectors.QUESTIONS
    words = [word for pair in word_vectors.PAIRS for word in pair]
    country, role = np.repeat(np.eye(8), 2, axis=0), np.tile(np.eye(2), (8, 1))
    assert word_vectors.answers(np.hstack([country, role]), words) == 1.0
