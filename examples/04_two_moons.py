"""Two moons: a hidden layer bends the border that a single neuron can only draw straight.

You learn the whole round: load, split, scale, train, judge.
"""

import minidl as ml

moons = ml.data.load("moons").split(seed=0).standardised()
accuracy = {}
for name, widths in [("one neuron", [2, 1]), ("2-16-16-1", [2, 16, 16, 1])]:
    net = ml.mlp(widths, hidden="relu", output="sigmoid", seed=0)
    ml.fit(
        net, moons.X_train, moons.y_train, loss="binary_crossentropy", learning_rate=1e-2, epochs=60
    )
    result = ml.evaluate(
        net, moons.X_test, moons.y_test, loss="binary_crossentropy", metrics=["accuracy"]
    )
    accuracy[name] = result["accuracy"]
    print(f"{name:10}   test loss {result['loss']:.3f}   accuracy {result['accuracy']:.3f}")

assert accuracy["2-16-16-1"] > accuracy["one neuron"]
