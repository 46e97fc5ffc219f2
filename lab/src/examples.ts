// What the menu offers. The first one is there when the lab opens.

export interface Example {
  title: string;
  code: string;
}

export const EXAMPLES: Example[] = [
  {
    title: "A product and a sum",
    code: `from scalargrad import Value

a = Value(2.0)
b = Value(-3.0)
c = Value(10.0)

e = a * b
d = e + c
f = Value(-2.0)
L = d * f

L.backward()
print("dL/da =", a.grad)
`,
  },
  {
    title: "A neuron",
    code: `from scalargrad import Value

x1, x2 = Value(2.0), Value(0.0)     # inputs
w1, w2 = Value(-3.0), Value(1.0)    # weights
b = Value(6.8813735870195432)       # bias

n = x1 * w1 + x2 * w2 + b
o = n.tanh()

o.backward()
`,
  },
  {
    title: "Used twice: why +=",
    code: `from scalargrad import Value

a = Value(3.0)
b = a + a        # a is used twice: both contributions add up
c = b * a

c.backward()
print(a.grad)
`,
  },
  {
    title: "A small network",
    code: `from scalargrad import Value, nn

model = nn.MLP(2, [2, 1], rng=0)
x = [Value(1.0), Value(-2.0)]
loss = (model(x) - 1.0) ** 2

loss.backward()
print("loss", loss.data)
`,
  },
  {
    title: "Softmax and cross-entropy",
    code: `from scalargrad import Value, cross_entropy

scores = [Value(2.0), Value(-1.0), Value(0.5)]
loss = cross_entropy(scores, 2)

loss.backward()
print([score.grad for score in scores])
`,
  },
  {
    title: "Gradient descent in a loop",
    code: `from scalargrad import Value

x = Value(10.0)
for step in range(8):
    y = (x - 3.0) ** 2
    x.zero_grad()
    y.backward()
    print(f"step {step}: x = {x.data:.4f}, y = {y.data:.4f}, slope = {x.grad:.4f}")
    x.data -= 0.2 * x.grad
`,
  },
];
