"""One sigmoid neuron learns to turn 1 into 0 (Nielsen, Neural Networks and Deep Learning, ch. 3).

You learn that a neuron which is badly wrong learns slowly under squared error.
"""

import minidl as ml

for w0, b0, published in [(0.6, 0.9, 0.0940), (2.0, 2.0, 0.2028)]:
    w = ml.Tensor([w0], requires_grad=True, dtype="float64")
    b = ml.Tensor([b0], requires_grad=True, dtype="float64")
    optimizer = ml.SGD([w, b], learning_rate=0.15)
    print(f"w = {w0}, b = {b0}")
    for epoch in range(301):
        a = ml.sigmoid(w * 1.0 + b)
        if epoch % 50 == 0:
            print(f"  epoch {epoch:3d}   output {a.item():.4f}")
        cost = (0.5 * a**2).sum()
        optimizer.zero_grad()
        cost.backward()
        if epoch < 300:
            optimizer.step()
    assert round(a.item(), 4) == published
