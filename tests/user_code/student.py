"""What a student writes after the video: expressions, gradients, a network that is trained."""

from typing import assert_type

import scalargrad as sg
from scalargrad import Value, cross_entropy, grad, hinge, mean, nn, no_grad, optim, softmax, square_error, total

a, b = Value(2.0, label="a"), Value(-3.0)
c = (a * b + 10) ** 2 / abs(a) - 1
c.backward()
slope: float = a.grad
assert_type(grad(c, a), Value)
assert_type(grad(c, [a, b]), list[Value])
assert_type(sg.tanh(a), Value)
assert_type(sg.tanh(1.0), float)
assert_type(sg.relu(a) + sg.exp(b) + sg.abs(a), Value)
assert_type(sg.gelu(a), Value)
assert_type(sg.leaky_relu(2.0), float)
assert_type(sg.silu(a) + sg.elu(b, 0.5) + sg.leaky_relu(a, b), Value)
assert_type(sg.elu(2.0), float)
assert_type(sg.binary_cross_entropy(a, 1), Value)
assert_type(sg.binary_cross_entropy([0.5, 1.0], [0, 1]), float)

neuron = nn.Neuron(weights=[1, -2], bias=1, activation="sigmoid")
assert_type(neuron([1.0, -1.0]), Value)
layer = nn.Layer(weights=[[1, -2], [-1, 1]], biases=[1, 0], activation=None)
assert_type(layer.outputs([1, -1]), list[Value])
assert_type(nn.Layer(2, 1).output([1, -1]), Value)

assert_type(nn.Maxout(weights=[[[1, -2], [-1, 1]]]).output([1, -1]), Value)
assert_type(nn.PReLU()(a), Value)
assert_type(nn.Dropout(0.5)([1.0, a]), list[Value])
sentence = [[1.0, 2.0], [3.0, 4.0]]
assert_type(nn.Recurrent(2, 3, 1, memory="output")(sentence)[-1], list[Value])
outputs, (hidden, memory) = nn.LSTM(2, 3).run(sentence)
assert_type(memory, list[Value])
assert_type(nn.GRU(2, 3).step([1, 2], [0, 0, 0]), tuple[list[Value], list[Value]])
assert_type(nn.Bidirectional(nn.GRU(2, 3), nn.LSTM(2, 3))(sentence), list[list[Value]])
attention = nn.Attention(2, causal=True, rng=0)
assert_type(attention(sentence), list[list[Value]])
assert_type(attention.attention_weights(sentence)[0], list[list[Value]])
assert_type(nn.Attention(2, context_width=3, rng=0)(sentence, [[1, 2, a]])[-1], list[Value])
dropping = nn.MLP(3, [4, 1], "prelu", dropout=0.5)
assert_type(dropping.eval().output([1, 2, 3]), Value)
assert_type(nn.LayerNorm(3)([1.0, a, 2]), list[Value])
assert_type(nn.RMSNorm(weights=[1, a])([1.0, 2.0]), list[Value])
assert_type(nn.Embedding(27, 8, rng=0)(3), list[Value])
image = [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
assert_type(nn.Convolution(1, 2, 2, padding=(0, 1), rng=0)(image), list[list[list[Value]]])
assert_type(nn.MaxPool(3)([image]), list[list[list[Value]]])
reader = nn.Sequential(nn.Convolution(1, 4, 2, rng=0), nn.AveragePool(2), sg.flatten, nn.MLP(4, [8, 2], rng=0))
assert_type(reader.outputs(image), list[Value])
deep = nn.Sequential(nn.Residual(nn.Layer(3, 3, "tanh")), nn.Highway(3), nn.Layer(3, 1, None))
assert_type(deep.output([1, 2, 3]), Value)

xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
ys = [1.0, -1.0, -1.0, 1.0]
rows = list(zip(xs, ys, strict=True))
model = nn.MLP(3, [4, 4, 1], "tanh", "tanh", rng=0)
for _ in range(3):
    loss = total(square_error(model(x), y) for x, y in rows)
    model.zero_grad()
    loss.backward()
    for parameter in model.parameters():
        parameter.data -= 0.05 * parameter.grad
    print(loss.data)

exact = total(square_error(model.output(x), y) for x, y in rows)
assert_type(exact, Value)
assert_type(mean([exact, exact]) + 1e-4 * total(p * p for p in model.parameters()), Value)
assert_type(hinge([model.output(x) for x in xs], ys), Value)
assert_type(square_error([1.0, 2.0], [0.0, 1.0]), float)
several = nn.MLP(3, [4, 2], "tanh", rng=0)
lecture = square_error(softmax(several(xs[0])), [1, 0])
lecture.backward()
entropy = cross_entropy(several(xs[0]), 1)
entropy.backward()
distribution = softmax(several(xs[0]))
print(distribution[0].data)
with no_grad():
    predictions = [model.output(x).data for x in xs]
assert_type(predictions, list[float])
optimizer = optim.GradientDescent(model.parameters(), rate=0.05)
optimizer.step()
