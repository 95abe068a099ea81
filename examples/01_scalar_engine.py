"""A scalar autodiff engine without minidl: every number remembers how it was made.

You learn that reverse mode is the chain rule, walked from the result back to the inputs.
"""

import math


class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.parents, self.slopes, self.grad = data, parents, slopes, 0.0

    def __add__(self, other):
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def tanh(self):
        y = math.tanh(self.data)
        return Value(y, (self,), (1 - y * y,))

    def backward(self):
        order, seen = [], set()

        def visit(value):
            if value not in seen:
                seen.add(value)
                for parent in value.parents:
                    visit(parent)
                order.append(value)

        visit(self)
        self.grad = 1.0
        for value in reversed(order):
            for parent, slope in zip(value.parents, value.slopes, strict=True):
                parent.grad += slope * value.grad


def neuron(w, x, b):
    return (w * x + b).tanh() * w  # w is used twice: its two gradients add up


w, x, b = Value(0.7), Value(-1.3), Value(0.4)
y = neuron(w, x, b)
y.backward()
print(f"y = tanh(w·x + b)·w = {y.data:.6f}")

h = 1e-6
for i, name in enumerate("wxb"):
    up, down = [0.7, -1.3, 0.4], [0.7, -1.3, 0.4]
    up[i] += h
    down[i] -= h
    measured = (neuron(*map(Value, up)).data - neuron(*map(Value, down)).data) / (2 * h)
    gradient = (w, x, b)[i].grad
    print(f"dy/d{name} = {gradient:+.6f}   by finite differences {measured:+.6f}")
    assert abs(gradient - measured) < 1e-8
