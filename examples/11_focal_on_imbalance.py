"""Focal loss on 1:50 classes, and whether it helps.

You learn to ask with several seeds, and next to the simpler remedy, class weights.
"""

import numpy as np

import minidl as ml

data = ml.data.load("imbalanced")
RUNS = {
    "cross-entropy": ("binary_crossentropy", None),
    "focal": ("focal", None),
    "class weights": ("binary_crossentropy", {0: 1.0, 1: 50.0}),
}
means = {}
for name, (loss, class_weight) in RUNS.items():
    scores = []
    for seed in range(3):
        part = data.split(seed=seed).standardised()
        net = ml.mlp([data.X.shape[1], 16, 1], hidden="relu", output="sigmoid", seed=seed)
        ml.fit(
            net,
            part.X_train,
            part.y_train,
            loss=loss,
            class_weight=class_weight,
            learning_rate=1e-2,
            epochs=15,
            seed=seed,
        )
        result = ml.evaluate(
            net,
            part.X_test,
            part.y_test,
            loss=loss,
            metrics=["balanced_accuracy", "average_precision"],
        )
        scores.append([result["balanced_accuracy"], result["average_precision"]])
    means[name] = np.mean(scores, axis=0)
    print(
        f"{name:14} balanced accuracy {means[name][0]:.3f}   average precision {means[name][1]:.3f}"
    )

gain = means["focal"] - means["cross-entropy"]
print(f"focal minus cross-entropy: {gain[0]:+.3f} and {gain[1]:+.3f}")
assert means["class weights"][0] > means["cross-entropy"][0]
