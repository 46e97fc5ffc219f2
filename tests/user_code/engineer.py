"""What an engineer writes: modules of their own, classes, functions that take Values and floats, lifted programs."""

from collections.abc import Sequence
from typing import assert_type

from scalargrad import Value, cross_entropy, functional, lift, log_softmax, logsumexp, nn, softmax, tanh, total


class Residual(nn.Module):
    """Layers with a connection past them."""

    def __init__(self, width: int, classes: int) -> None:
        self.layers = [nn.Layer(width, width, activation, rng=0) for activation in ("tanh", tanh, functional.gelu)]
        self.scale = Value(0.5, label="scale")
        self.head = nn.Layer(width, classes, None, rng=1)

    def __call__(self, row: Sequence[Value | float]) -> list[Value]:
        for layer in self.layers:
            row = [x + self.scale * y for x, y in zip(row, layer.outputs(row), strict=True)]
        return self.mark(self.head.outputs(row), row)


def squared(x: Value) -> Value:
    return x * x


model = Residual(2, 3)
scores = model([1.0, 2.0])
assert_type(scores, list[Value])
assert_type(softmax(scores), list[Value])
assert_type(softmax([0.5, 1.0]), list[float])
assert_type(log_softmax(scores)[0], Value)
assert_type(logsumexp(scores), Value)
loss = cross_entropy(scores, 2)
assert_type(loss, Value)
assert_type(cross_entropy(scores, [0.0, 0.5, 0.5]), Value)
loss.backward()
names: dict[str, float] = {name: parameter.grad for name, parameter in model.named_parameters()}
state: dict[str, float] = model.state_dict()
model.load_state_dict(state)

users = nn.MLP(2, [4, 3], squared, output=None, rng=0)
assert_type(users.outputs([1, 2]), list[Value])
weights = [Value(1.0), Value(2.0)]
assert_type(nn.Neuron(weights=weights, bias=weights[0])([1.0, 2.0]), Value)


def loss_of(row: Sequence[float], target: Sequence[float]) -> Value:
    return cross_entropy(model(row), target) + 1e-3 * total(p * p for p in model.parameters())


program = lift(loss_of, model.parameters())
(mean, beside), gradient = lift(lambda row: (model(row)[0], row), [], has_aux=True).value_and_grad([[0.5, 1.0]])
assert_type(mean, float)
