"""A 2-2-2 network forwards and backwards (Mazur, A Step by Step Backpropagation Example).

You learn where each number of one training step comes from. Biases are not updated, as on his
page. The page prints .291027924 for the error after the step; double precision gives .291027774.
"""

import numpy as np

import minidl as ml

x, t, rate = np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]]), 0.5
W1 = ml.Tensor([[0.15, 0.25], [0.20, 0.30]], requires_grad=True, dtype="float64")
W2 = ml.Tensor([[0.40, 0.50], [0.45, 0.55]], requires_grad=True, dtype="float64")


def forward():
    h = ml.sigmoid(ml.matmul(x, W1) + 0.35)
    o = ml.sigmoid(ml.matmul(h, W2) + 0.60)
    return h, o, (0.5 * (o - t) ** 2).sum()


h, o, error = forward()
error.backward()
hidden, out, before = h.numpy()[0], o.numpy()[0], error.item()
for i in range(2):
    print(f"h{i + 1} = σ(Σ w·i + b1) = {hidden[i]:.9f}")
for i in range(2):
    print(f"o{i + 1} = σ(Σ w·h + b2) = {out[i]:.9f}")
print(f"E = Σ ½(t − o)² = {before:.9f}")
assert round(before, 9) == 0.298371109

delta_o = (out - t[0]) * out * (1 - out)
delta_h = (W2.numpy() @ delta_o) * hidden * (1 - hidden)
print(f"δo = (o − t)·o·(1 − o) = {delta_o}")
print(f"δh = (Σ w·δo)·h·(1 − h) = {delta_h}")
assert np.allclose(W2.grad, np.outer(hidden, delta_o), rtol=1e-12, atol=0)
assert np.allclose(W1.grad, np.outer(x[0], delta_h), rtol=1e-12, atol=0)

new1, new2 = W1.numpy() - rate * W1.grad, W2.numpy() - rate * W2.grad
for i, weight in enumerate([*new1.T.ravel(), *new2.T.ravel()], start=1):
    print(f"w{i}⁺ = w{i} − η·∂E/∂w{i} = {weight:.8f}")
assert round(float(new2[0, 0]), 8) == 0.35891648

W1 = ml.Tensor(new1, dtype="float64")
W2 = ml.Tensor(new2, dtype="float64")
after = forward()[2].item()
print(f"E after one step = {after:.9f}   (his page: .291027924)")
assert round(after, 9) == 0.291027774
