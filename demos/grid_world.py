"""Reinforcement: a mouse learns its way to the cheese, though it hears only at the end of a walk how good it was.

The mouse starts in the same cell each time and takes at most 40 steps. At the end it gets 10 points, 15 if it ended at
the crumbs, and 20 if it ended at the cheese, which is further away. Nobody says which step was good. REINFORCE
(Williams, 1992) makes the steps of a good walk more likely: its loss is reward × -log(probability of the step), added
up over the steps of a walk.

All rewards are positive here, so every step that was taken becomes more likely, and the crumbs win, which are soon
found by chance. A baseline repairs this: the mean reward of ten walks is subtracted, and the steps of a walk that was
worse than the mean become less likely. The rate is fair: of 20 runs with the rate 0.1 the cheese is found in 18 with a
baseline, and in 6 without it, and neither finds it more often with any other rate from 0.01 to 0.8.

Left: the mean reward while learning. Right: the way that the mouse has learned with a baseline; an arrow is as dark as
its step is likely.

    python demos/grid_world.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import random
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from experiment import VIOLET, band, by_name, for_each_seed, options, show, slide, summary
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from pictures import BLUE, GREY, INK, ORANGE, counted

from scalargrad import Value, cross_entropy, lift, nn, optim, softmax

MAZE = ["..#.C", ".....", ".##..", "M.c.."]  # M is the mouse, C the cheese, c the crumbs, # a wall
STEPS = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}
LONGEST = 40
REWARDS, NOTHING = {"C": 20.0, "c": 15.0}, 10.0
HEIGHT, WIDTH = len(MAZE), len(MAZE[0])
CELLS = [(row, column) for row in range(HEIGHT) for column in range(WIDTH) if MAZE[row][column] != "#"]
START = next((row, column) for row, column in CELLS if MAZE[row][column] == "M")


class Walk(NamedTuple):
    """What the mouse did, and what it got for it."""

    cells: list[int]  # row × width + column
    steps: list[int]  # the place of each in STEPS
    reward: float


def neighbour(row: int, column: int, step: int) -> tuple[int, int]:
    """Return where a step leads; at a wall the mouse stays where it is."""
    right, down = list(STEPS.values())[step]
    row_after, column_after = row + down, column + right
    inside = 0 <= row_after < HEIGHT and 0 <= column_after < WIDTH
    return (row_after, column_after) if inside and MAZE[row_after][column_after] != "#" else (row, column)


def walk(policy: Sequence[Sequence[float]], rng: random.Random) -> Walk:
    """Let the mouse walk once; the policy has the probability of each step in each cell."""
    cells: list[int] = []
    steps: list[int] = []
    row, column = START
    while MAZE[row][column] not in REWARDS and len(steps) < LONGEST:
        cells.append(row * WIDTH + column)
        steps += rng.choices(range(len(STEPS)), policy[cells[-1]])
        row, column = neighbour(row, column, steps[-1])
    return Walk(cells, steps, REWARDS.get(MAZE[row][column], NOTHING))


class Run(NamedTuple):
    """What the mouse has learned."""

    rewards: list[float]  # the mean reward of the walks in each round
    policy: list[list[float]]  # the probability of each step in each cell, at the end


def learn(seed: int, baseline: bool, rounds: int, walks: int = 10, rate: float = 0.1) -> Run:
    """Walk, and make the steps of good walks more likely, round after round."""
    rng, scores = random.Random(seed), nn.Embedding(weights=[[0.0] * len(STEPS) for _ in range(HEIGHT * WIDTH)])
    parameters: list[Value] = scores.parameters()
    probabilities = lift(lambda cell: softmax(scores(cell)), parameters)
    loss = lift(lambda cell, step, weight: weight * cross_entropy(scores(cell), step), parameters)
    theta, rewards = loss.pack(), []
    optimizer = optim.GradientDescent(theta, rate=rate)
    for _ in range(rounds):
        policy = probabilities(list(range(HEIGHT * WIDTH))).tolist()
        seen = [walk(policy, rng) for _ in range(walks)]
        rewards.append(statistics.fmean(own.reward for own in seen))
        cells, steps, weights = [], [], []
        for own in seen:
            cells += own.cells
            steps += own.steps
            weights += [own.reward - (rewards[-1] if baseline else 0.0)] * len(own.steps)
        _, gradient = loss.value_and_grad(cells, steps, weights)  # the mean over all steps; of a walk it is the sum
        theta = optimizer.step(gradient * (len(steps) / walks))
        loss.unpack(theta)
    return Run(rewards, probabilities(list(range(HEIGHT * WIDTH))).tolist())


def compare(seeds: int, rounds: int) -> dict[str, list[Run]]:
    """Learn without and with a baseline, for each seed."""
    runs = for_each_seed(lambda seed: [learn(seed, baseline, rounds) for baseline in (False, True)], seeds)
    return by_name(("without baseline", "with baseline"), runs)


def draw_policy(axes: Axes, policy: Sequence[Sequence[float]]) -> None:
    """Draw the maze, and in each cell an arrow for each step, as dark as the step is likely."""
    names = {"C": "cheese\n20", "c": "crumbs\n15"}
    for row, cells in enumerate(MAZE):
        for column, cell in enumerate(cells):
            colour = {"#": INK, "C": ORANGE, "c": VIOLET}.get(cell, "white")
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor=GREY))
            axes.text(column, row, names.get(cell, ""), ha="center", va="center", color="white", fontsize=15)
            if cell not in REWARDS and cell != "#":
                for (right, down), likely in zip(STEPS.values(), policy[row * WIDTH + column], strict=True):
                    axes.arrow(
                        column + 0.06 * right, row + 0.06 * down, 0.2 * right, 0.2 * down,
                        head_width=0.14, width=0.03, color=BLUE, alpha=likely)  # fmt: skip
    axes.text(START[1], START[0] + 0.55, "start", ha="center", va="top", fontsize=15)
    axes.set(xlim=(-0.55, WIDTH - 0.45), ylim=(HEIGHT - 0.45, -0.55), aspect="equal")
    axes.set_axis_off()


def main(argv: Sequence[str] | None = None) -> None:
    """Learn, report and draw, as the arguments say."""
    chosen = options(
        argv, "grid_world", "Learn a way from rewards that come at the end of a walk, without and with a baseline.",
        rounds=(100, "rounds of ten walks"),
    )  # fmt: skip
    runs = compare(chosen.seeds, chosen.rounds)
    last = {name: [statistics.fmean(run.rewards[-10:]) for run in own] for name, own in runs.items()}
    rows = {name: [summary(own, ".1f"), f"{sum(one > 18 for one in own)} of {len(own)}"] for name, own in last.items()}
    show("a mouse and its cheese", ["REINFORCE", "mean reward of the last rounds", "found the cheese"], rows)

    with slide(chosen.output, "A baseline: better than usual is good", width_ratios=[3, 2]) as (curves, maze):
        for (name, own), colour in zip(runs.items(), (GREY, BLUE), strict=True):
            tens = range(0, chosen.rounds, 10)  # the mean of ten rounds makes a smooth line
            curve = [[statistics.fmean(run.rewards[start : start + 10]) for start in tens] for run in own]
            band(curves, [start + 10 for start in tens], curve, colour, name)
        curves.set(title=counted(chosen.seeds, "run"), xlabel="rounds of ten walks", ylabel="reward", ylim=(10, 20.3))
        curves.legend(frameon=False, loc="lower right")
        draw_policy(maze, max(runs["with baseline"], key=lambda run: run.rewards[-1]).policy)
        maze.set_title("The way it has learned")


if __name__ == "__main__":
    main()
