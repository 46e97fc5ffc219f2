"""Python programs that do what a training did: the whole of it, or the loss of one example at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scalargrad.engine.value import Value
from scalargrad.explain.walk.steps import Steps

from .training import OPTIMIZERS, Settings, Training

TRAIN = '''\
"""A network learns to tell two classes of points apart."""

{imports}

points = {points}
targets = {targets}

model = nn.MLP(2, {sizes}, activation={activation!r}, rng={seed}{dropout})


def example_loss(point, target):
    return {loss}(model.output(point), target)


{masked}program = lift(example_loss, model.parameters(), target="python")
theta = program.pack()
optimizer = {optimizer}
{begin}
for step in range({steps}):
{body}    print(step, loss)
    theta = optimizer.step(gradient)
program.unpack(theta)
'''

ALL = "    loss, gradient = program.value_and_grad(points, targets{masks}, at=theta)\n"
BATCHES = """\
    epoch, place = divmod(step, batches)
    if place == 0:  # each epoch uses each example once, in a new order
        order = list(range(len(points)))
        random.Random(f"{seed}/{{epoch}}").shuffle(order)
    batch = order[place * {batch} : (place + 1) * {batch}]
"""
OF_BATCH = """\
    xs, ys = [points[i] for i in batch], [targets[i] for i in batch]
    loss, gradient = program.value_and_grad(xs, ys{masks}, at=theta)
"""
MASKS = """\
    rng = random.Random(f"{seed}/masks/{{step}}")
    masks = [example_loss.draw(rng) for _ in {which}]
"""


def whole(settings: Settings, steps: int) -> str:
    """Return the program that makes a training from its beginning, and prints the loss before each step."""
    points = settings.points()
    count = len(points.labels)
    batch = None if settings.batch is None or settings.batch >= count else settings.batch
    masks = ", masks" if settings.dropout else ""
    body = "" if batch is None else BATCHES.format(seed=settings.seed, batch=batch)
    if masks:
        body += MASKS.format(seed=settings.seed, which="points" if batch is None else "batch")
    body += (ALL if batch is None else OF_BATCH).format(masks=masks)
    needed = [*(["math"] if batch is not None else []), *(["random"] if batch is not None or masks else [])]
    imports = [f"import {name}" for name in needed] + [""] * bool(needed)
    return TRAIN.format(
        imports="\n".join([*imports, f"from scalargrad import {settings.loss}, lift, nn, optim"]),
        points=_lines([list(place) for place in points.places]),
        targets=[max(label, 0) if settings.loss == "binary_cross_entropy" else label for label in points.labels],
        sizes=[*settings.layers, 1],
        activation=_activation(settings),
        seed=settings.seed,
        dropout=f", dropout={settings.dropout!r}" if settings.dropout else "",
        loss=settings.loss,
        masked="example_loss = nn.Masked(example_loss, points[0], targets[0])\n" if masks else "",
        optimizer=_optimizer(settings),
        begin="" if batch is None else f"batches = math.ceil(len(points) / {batch})\n",
        steps=steps,
        body=body,
    )


def of_example(training: Training, step: int, example: int, parameter: int | None = None) -> str:
    """Return the program that computes the loss of an example with the parameters of a moment, and its gradient.

    A parameter that the reader asks about is called w in it.

    Numbers that the step drops are dropped in it, too, if the example is one of the step's batch.

    >>> training = Training(Settings(layers=(2,), loss="hinge"))
    >>> print(of_example(training, 0, 1))
    from scalargrad import Value, hinge, nn
    <BLANKLINE>
    # example 1, with the network as it was after 0 steps
    weights = [
        [
            [...],
    ...
    loss = hinge(score, 1)
    loss.backward()
    <BLANKLINE>
    """
    settings, moment = training.settings, training.moment(step)
    place, target = training.points.places[example], training.targets[example]
    numbers = iter(moment.theta)
    weights, biases = [], []
    for layer in training.model.layers:
        neurons = [[next(numbers) for _ in neuron.parameters()] for neuron in layer.neurons]
        weights.append([row[:-1] for row in neurons])
        biases.append([row[-1] for row in neurons])
    batch = training.batch(moment.step)
    is_dropped = bool(settings.dropout) and example in batch
    dropout = f", dropout={settings.dropout!r}" if is_dropped else ""
    after = f"after {moment.step:,} step{'s' * (moment.step != 1)}"
    lines = [
        f"from scalargrad import Value, {settings.loss}, nn",
        "",
        f"# example {example}, with the network as it was {after}",
        "weights = [",
        *(f"    {line}" for rows in weights for line in ["[", *(f"    {row}," for row in rows), "],"]),
        "]",
        f"biases = {_lines(biases)}",
        f"model = nn.MLP(weights=weights, biases=biases, activation={_activation(settings)!r}{dropout})",
        *([] if parameter is None else [f"{_path(training, parameter)}.label = 'w'"]),
        "",
        f"x, y = Value({place[0]!r}), Value({place[1]!r})",
    ]
    if is_dropped:
        mask = training.masks(moment.step)[batch.index(example)]
        lines += [
            f"mask = {mask}  # 0 for what this step drops",
            f"example_loss = nn.Masked(lambda point: {settings.loss}(model.output(point), {target}), {list(place)})",
            "loss = example_loss([x, y], mask)",
        ]
    else:
        lines += ["score = model.output([x, y])", f"loss = {settings.loss}(score, {target})"]
    return "\n".join([*lines, "loss.backward()", ""])


def place_of(training: Training, code: str, parameter: int) -> int | None:
    """Return after how many steps of the walk of an example a parameter has its gradient; None if it gets none."""
    names: dict[str, object] = {}
    exec(compile(code, "lab.py", "exec"), names)  # noqa: S102  # the program of `of_example`
    model, loss = names["model"], names["loss"]
    assert isinstance(model, type(training.model))
    assert isinstance(loss, Value)
    wanted = model.parameters()[parameter]
    places = [place for place, step in enumerate(Steps(loss), start=1) if step.operand is wanted]
    return places[-1] if places else None


def _path(training: Training, parameter: int) -> str:
    """How a program calls a parameter: layers.0.neurons.1.bias is model.layers[0].neurons[1].bias."""
    name, _ = list(training.model.named_parameters())[parameter]
    return "".join(["model", *(f"[{word}]" if word.isdigit() else f".{word}" for word in name.split("."))])


def _activation(settings: Settings) -> str | None:
    return None if settings.activation == "linear" else settings.activation


def _optimizer(settings: Settings) -> str:
    kind, options = OPTIMIZERS[settings.optimizer]
    given = {"rate": settings.rate, **options, "weight_decay": settings.weight_decay}
    return f"optim.{kind.__name__}(theta, {', '.join(f'{name}={number!r}' for name, number in given.items())})"


def _lines(rows: Iterable[Sequence[float]]) -> str:
    """A list with a row in each line."""
    return "\n".join(["[", *(f"    {row}," for row in rows), "]"])
