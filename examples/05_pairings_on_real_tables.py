"""Recommended pairings of activations and loss against mismatched ones, on four real tables.

You learn how much the pairing matters, and where it hardly does: read the table, not the rule.
Each pair of runs shares its split, first weights and order of rows;
all share one learning rate, so a small gap says little.
"""

import numpy as np

import minidl as ml

SEEDS = range(4)
DUELS = [  # hidden activation, output activation, loss; the mismatched one comes last
    ("breast_cancer", [("relu", "sigmoid", "binary_crossentropy"), ("relu", "sigmoid", "mse")]),
    ("wine", [("relu", "softmax", "categorical_crossentropy"), ("relu", "softmax", "mse")]),
    ("digits", [("relu", "softmax", "categorical_crossentropy"), ("relu", "softmax", "mse")]),
    ("digits", [(hidden, "softmax", "categorical_crossentropy")
                for hidden in ("relu", "elu", "sigmoid")]),
    ("diabetes", [("relu", "linear", "mse"), ("relu", "linear", "huber"),
                  ("relu", "sigmoid", "mse")]),
]  # fmt: skip


def trial(data, hidden, output, loss, seed):
    regression = data.task == "regression"
    split = data.split(seed=seed).standardised(target=regression)
    units = data.n_classes if data.n_classes > 2 else 1
    y, y_test = split.y_train, split.y_test
    if units > 1 and loss == "mse":
        y = np.eye(units)[y]
    net = ml.mlp([data.X.shape[1], 16, units], hidden, output, seed=seed)
    ml.fit(net, split.X_train, y, loss=loss, learning_rate=3e-3, epochs=30, seed=seed)
    out = net.predict(split.X_test)
    if regression:
        return 1 - np.mean((out[:, 0] - y_test) ** 2) / np.var(y_test)
    return np.mean((out.argmax(axis=1) if units > 1 else out[:, 0] > 0.5) == y_test)


print(f"{'table':14} {'hidden':8} {'output':8} {'loss':25} accuracy or R²: mean (worst … best)")
for name, pairings in DUELS:
    data = ml.data.load(name)
    runs = []
    for pairing in pairings:
        scores = [trial(data, *pairing, seed) for seed in SEEDS]
        assert np.isfinite(scores).all()
        runs.append(np.array(scores))
        spread = f"({min(scores):.3f} … {max(scores):.3f})"
        hidden, output, loss = pairing
        print(f"{name:14} {hidden:8} {output:8} {loss:25} {np.mean(scores):.3f} {spread}")
    for (hidden, output, loss), scores in zip(pairings[:-1], runs[:-1], strict=True):
        gaps = scores - runs[-1]
        print(
            f"  {hidden}, {output} + {loss} minus mismatched: {gaps.mean():+.3f}, "
            f"better in {(gaps > 0).sum()} of {len(gaps)} seeds"
        )
    print()

# The last table is diabetes: a sigmoid cannot say what lies below the mean, whatever the loss.
assert all(scores.mean() > runs[-1].mean() for scores in runs[:-1])
