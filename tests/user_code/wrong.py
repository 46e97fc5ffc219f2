"""Lines that are wrong, each with a comment that says so: a type checker marks these, and no others."""

from typing import assert_type

from scalargrad import Value, functional, grad, nn, optim, softmax, total

x = Value(2.0)
model = nn.MLP(2, [3, 1], "tanh")
layer = nn.Layer(2, 3)

Value("2")  # wrong: text
x.item()  # wrong: a name of another library
grad(3.0, x)  # wrong: no Value
nn.Linear(2, 3)  # wrong: a name of another library
functional.mse_loss(x, 1.0)  # wrong: a name of another library
nn.Neuron(2, nonlin=False)  # wrong: a name of another library
nn.Neuron(2, 3)  # wrong: a number for an activation
nn.MLP(2, 3)  # wrong: one size in place of several
nn.Layer(weights=[1, 2])  # wrong: one row of weights in place of several
optim.SGD(model.parameters())  # wrong: a name of another library
optim.Adam(model.parameters(), lr=0.1)  # wrong: a name of another library
optim.train(total, model.parameters(), [[1.0]])  # wrong: a list in place of a tuple of columns
optim.Adam().rate = "0.1"  # wrong: text
model.output([1, 2]).backwards()  # wrong: misspelled
model.output(x)  # wrong: a number in place of a row
layer.outputs([1, 2]).backward()  # wrong: several outputs
softmax(x)  # wrong: one number
softmax([x]).backward()  # wrong: several results
total([1.0, 2.0]).backward()  # wrong: the sum of floats is a float
nn.Module()([1.0])  # wrong: has no call
nn.LSTM(2)  # wrong: without the number of cells
nn.Attention(4)(3.0)  # wrong: a number in place of a sequence
nn.Convolution(1, 2, 3).forward([[x]])  # wrong: a name of another library
assert_type(total([x, 1.0]), float)  # wrong: a Value
