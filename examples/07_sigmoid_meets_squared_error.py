"""Sigmoid meets squared error: the more wrong, the less it learns.

You learn why cross-entropy belongs to sigmoid: its gradient σ(z) − y lacks the factor σ′(z).
"""

import numpy as np

import minidl as ml

print("target 0      ½(σ − y)²    cross-entropy      ratio = 1/σ′(z)")
for logit in (0.0, 2.0, 4.0, 8.0):
    gradients = []
    for loss in (ml.mse, ml.binary_crossentropy):
        z = ml.Tensor([[logit]], requires_grad=True, dtype="float64")
        loss(np.zeros((1, 1)), ml.sigmoid(z)).backward()
        gradients.append(z.grad.item() / (2 if loss is ml.mse else 1))
    ratio = gradients[1] / gradients[0]
    print(f"z = {logit:.0f}   {gradients[0]:14.6f}   {gradients[1]:14.6f}   {ratio:14.1f}")
    assert np.isclose(ratio, 2 + 2 * np.cosh(logit))
    if logit == 4:
        assert round(ratio, 1) == 56.6
