"""What someone who trains writes: optimizers of the library and of their own, schedules, loops, histories."""

import random
from collections.abc import Sequence
from typing import Any, assert_type

from scalargrad import Value, cross_entropy, nn, optim


class Sign(optim.Optimizer):
    """Steps of one length."""

    remembers = ("velocity",)

    def __init__(self, parameters: optim.Parameters | None = None, rate: float = 0.5, decay: float = 0.5) -> None:
        super().__init__(parameters, rate)
        self.decay = decay

    def rule(self, gradient: Any, velocity: Any) -> Any:
        velocity = self.decay * velocity + (1 - self.decay) * gradient
        return self.rate * velocity / (abs(velocity) + 1e-12), velocity


model = nn.MLP(2, [4, 3], rng=0)


def loss(row: Sequence[float], target: Sequence[float]) -> Value:
    return cross_entropy(model.outputs(row), target)


optimizer = optim.Adam(model.parameters(), rate=optim.Cosine(0.1, steps=100))
optimizer.rate = 0.01
optimizer.rate = optim.WarmUp(0.01, steps=10)
optimizer.rate = lambda step: 0.1 / (1 + step)
assert_type(optimizer.rate, float)
assert_type(optimizer.on([1.0, 2.0]), optim.Adam)
assert_type(Sign(rate=0.1), Sign)

rows, targets = [[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
history = optim.train(
    loss,
    model.parameters(),
    (rows, targets),
    optimizer=Sign(rate=0.1),
    epochs=2,
    callback=lambda history: print(history["loss"][-1]),
    schedule=optim.StepDecay(0.1, every=10),
    rng=random.Random(0),
)
assert_type(history, optim.History)
assert_type(history["loss"], list[float])
history = optim.train(
    loss, model.parameters(), (rows, targets), optimizer=Sign(), epochs=3, resume=history, lifted=False, patience=2
)
optim.train(
    loss,
    model.parameters(),
    (rows, targets),
    metrics={"accuracy": lambda row, target: optim.accuracy(model.outputs(row), target)},
)


def problem(rng: random.Random) -> optim.MinimizeResult:
    x = Value(rng.uniform(-3, 3))
    return optim.minimize(lambda: x**4 - 3 * x**2 + x, [x], optimizer=optim.GradientDescent(rate=0.01, momentum=0.5))


for run in optim.restarts(problem, n=4, seed=0, until=lambda run: run.fun < -3):
    assert_type(run, optim.MinimizeResult)
