"""Make the seven classical mistakes on many worksheets, and see whether the grader names them.

Wrong answers come from a second, plain NumPy network in which the mistake is really made, not from
the grader's own list. Each is rounded to the digits that are asked for. Where a mistake happens to
give the right number to those digits there is nothing to see, and it is not counted. Where two
mistakes give the same number nobody can tell them apart: the grader names both, and these are
counted apart. Right answers, rounded and in full, must never be called wrong.

    python benchmarks/grading.py [worksheets]
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import minidl as ml
from minidl.walkthrough.practice.items import Item
from minidl.walkthrough.practice.mistakes import MISTAKES

SLOPES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "linear": (lambda z: z, np.ones_like),
}
BRANCHES = {"relu": (0.0, 1.0), "leaky_relu": (0.01, 1.0)}
"""The slopes of the two branches."""


class ByHand:
    """A two-layer network forwards, backwards and updated once, in plain NumPy."""

    def __init__(self, sheet: ml.Worksheet) -> None:
        start = {array.name: array.numbers for array in sheet.walkthrough.start}
        problem = sheet.walkthrough.problem
        self.x, self.t = start["x"], start["t"]
        self.weights = [start["dense1.weight"], start["dense2.weight"]]
        self.biases = [start["dense1.bias"], start["dense2.bias"]]
        named = (layer.activation or "linear" for layer in problem.layers)
        self.activations = [name.partition("(")[0] for name in named]
        self.crossentropy = problem.loss.startswith("binary")
        self.momentum = 0.9 if "momentum=0.9" in problem.optimizer else 0.0
        self.rate = 0.5
        self.forward()
        self.backward()
        self.new_weights = [w - self.rate * g for w, g in zip(self.weights, self.dw, strict=True)]
        self.new_biases = [b - self.rate * g for b, g in zip(self.biases, self.db, strict=True)]

    def forward(self) -> None:
        (f1, _), (f2, _) = (SLOPES[name] for name in self.activations)
        z1 = self.x @ self.weights[0] + self.biases[0]
        z2 = f1(z1) @ self.weights[1] + self.biases[1]
        self.inputs, self.z, self.out = [self.x, f1(z1)], [z1, z2], [f1(z1), f2(z2)]
        p = self.out[1]
        if self.crossentropy:
            self.each = -self.t * np.log(p) - (1 - self.t) * np.log(1 - p)
        else:
            self.each = (p - self.t) ** 2
        self.loss = self.each.mean()

    def backward(self) -> None:
        p, n = self.out[1], self.t.size
        (_, d1), (_, d2) = (SLOPES[name] for name in self.activations)
        self.at_p = (p - self.t) / (p * (1 - p)) if self.crossentropy else 2 * (p - self.t)
        self.dp = self.at_p / n
        dz2 = self.dp * d2(self.z[1])
        self.dh = dz2 @ self.weights[1].T
        dz1 = self.dh * d1(self.z[0])
        self.dz, self.local = [dz1, dz2], [d1(self.z[0]), d2(self.z[1])]
        self.dw = [a.T @ dz for a, dz in zip(self.inputs, self.dz, strict=True)]
        self.db = [dz.sum(axis=0) for dz in self.dz]


Told = tuple[str, float]
"""A mistake, and the number that it gives."""
Made = tuple[float, list[Told]]
"""A blank's right number, and what each mistake makes of it."""


def told(net: ByHand, item: Item, rng: np.random.Generator) -> Made | None:
    """What is made of a blank; None where no mistake is told."""
    back = item.step.expansion == "dense_dx"  # ∂dense1 comes by the weights of dense2
    name = item.step.reads[0] if back else item.array.removeprefix("∂")
    layer = int(name[5]) - 1 if name.startswith("dense") else 1
    if item.step.phase == "forward":
        made = _forward(net, item, layer, rng)
    elif item.step.phase == "loss":
        made = _loss(net, item)
    elif item.step.phase == "update":
        made = _update(net, item, layer)
    elif item.step.expansion == "loss_back":
        made = _loss_back(net, item)
    elif item.step.expansion == "elementwise_back":
        made = _activation_back(net, item, layer)
    elif item.step.expansion in ("dense_dx", "dense_dw"):
        made = _dense_back(net, item, layer, rng)
    else:
        made = None
    if made is None:
        return None
    right, wrong = made
    return right, [("sign", -right), *wrong] if item.step.phase != "update" else wrong


def transposed(w: np.ndarray) -> np.ndarray | None:
    """Read by columns instead of rows; None where it makes no difference."""
    if min(w.shape) < 2:
        return None
    return w.T if w.shape[0] == w.shape[1] else w.flatten().reshape(w.shape[1], w.shape[0]).T


def other_branch(net: ByHand, layer: int, item: Item) -> list[float]:
    """The slopes of the branches that are not taken."""
    slopes = BRANCHES.get(net.activations[layer], ())
    return [slope for slope in slopes if slope != net.local[layer][item.index]]


def _forward(net: ByHand, item: Item, layer: int, rng: np.random.Generator) -> Made:
    i, j = item.index
    if item.step.expansion != "dense":
        right, z = net.out[layer][i, j], net.z[layer][i, j]
        return right, [("branch", slope * z) for slope in other_branch(net, layer, item)]
    terms = [*(net.inputs[layer][i] * net.weights[layer][:, j]), net.biases[layer][j]]
    right = sum(terms)
    wrong = [("sign", right - 2 * rng.choice(terms))]
    wrong.append(("stale", net.inputs[layer][i] @ net.new_weights[layer][:, j]
                  + net.new_biases[layer][j]))  # fmt: skip
    if (other := transposed(net.weights[layer])) is not None:
        wrong.append(("transposed", net.inputs[layer][i] @ other[:, j] + net.biases[layer][j]))
    return right, wrong


def _loss(net: ByHand, item: Item) -> Made | None:
    if item.step.expansion == "each":
        return None if item.equation.left.startswith("p[") else (net.each.flat[item.index[0]], [])
    return net.loss, [("mean", net.each.sum())]


def _loss_back(net: ByHand, item: Item) -> Made | None:
    place, count = item.index, net.t.size
    if item.equation.kind == "local":
        if item.equation.left.startswith("∂p"):
            return net.local[1][place], []
        return net.at_p[place], []
    if item.equation.kind == "value":
        return None
    fused = item.equation.kind in ("factored", "cancels")
    right = (net.dz[1] if fused else net.dp)[place]
    wrong = [("mean", right * count)]
    if item.equation.kind == "factored":
        wrong.append(("slope", net.dp[place]))
    return right, wrong


def _activation_back(net: ByHand, item: Item, layer: int) -> Made:
    place = item.index
    upstream = (net.dh if layer == 0 else net.dp)[place]
    slopes = other_branch(net, layer, item)
    if item.equation.kind == "local":
        return net.local[layer][place], [("branch", slope) for slope in slopes]
    wrong = [("branch", slope * upstream) for slope in slopes]
    return net.dz[layer][place], [("slope", upstream), *wrong]


def _dense_back(net: ByHand, item: Item, layer: int, rng: np.random.Generator) -> Made:
    i, j = item.index
    dz, x = net.dz[layer], net.inputs[layer]
    if item.step.expansion == "dense_dx":
        matrices = [net.weights[layer], net.new_weights[layer], transposed(net.weights[layer])]
        ways = [None if w is None else dz[i] * w[j] for w in matrices]
    else:
        swapped = None
        if min(x.shape[1], dz.shape[1]) > 1:
            rows = zip(x, dz, strict=True)
            outer = [np.outer(d, a).flatten().reshape(len(a), len(d)) for a, d in rows]
            swapped = np.array([o[i, j] for o in outer])
        ways = [x[:, i] * dz[:, j], None, swapped]
    own = ways[0]
    assert own is not None
    if item.equation.kind == "contribution" and len(own) > 1:
        ways = [None if way is None else way[item.place : item.place + 1] for way in ways]
        own = ways[0]
    wrong = [(kind, way.sum()) for kind, way in zip(("", "stale", "transposed"), ways, strict=True)
             if way is not None and kind]  # fmt: skip
    if item.equation.kind == "sum":
        wrong.append(("fan-out", rng.choice(own)))
        if item.step.expansion == "dense_dw":
            wrong.append(("mean", own.mean()))
    return own.sum(), wrong


def _update(net: ByHand, item: Item, layer: int) -> Made | None:
    matrix = ".weight" in item.array
    old, gradient = (net.weights, net.dw) if matrix else (net.biases, net.db)
    w, g = old[layer][item.index], gradient[layer][item.index]
    if item.array.endswith(".velocity") or "velocity" in item.equation.left:
        return None
    return w - net.rate * g, [("sign", w + net.rate * g), ("stale", w)]


def answer(value: float, digits: int) -> str:
    """A number with so many significant digits."""
    return f"{value:.{digits - 1}e}"


def sheets(count: int) -> Iterator[ml.Worksheet]:
    """Worksheets of every difficulty."""
    for seed in range(count):
        difficulty = ("values", "derivatives", "contributions", "updates")[seed % 4]
        yield ml.worksheet(seed=seed, difficulty=difficulty, blanks=20)


def run(count: int) -> tuple[dict[str, Counter[str]], int, list[str]]:
    """What became of every mistake, by kind; how many right answers; those called wrong."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in MISTAKES}
    right, refused = 0, []
    for sheet in sheets(count):
        net, rng = ByHand(sheet), np.random.default_rng(sheet.seed)
        for blank in sheet.blanks:
            item = sheet.asked[blank.number]
            if (made := told(net, item, rng)) is None:
                continue
            value, wrongs = made
            for text in (answer(value, item.digits), repr(float(value))):
                right += 1
                if _mark(sheet, blank, text).verdict != "right":
                    refused.append(f"seed {sheet.seed}: {blank.name} = {text}")
            for kind, number in wrongs:
                mark = _mark(sheet, blank, answer(number, item.digits))
                found[kind][_became(kind, mark)] += 1
    return found, right, refused


def _mark(sheet: ml.Worksheet, blank: Any, text: str) -> Any:
    marks = ml.grade(sheet, {blank.name: text}).marks
    return next(mark for mark in marks if mark.name == blank.name)


def _became(kind: str, mark: Any) -> str:
    if mark.verdict == "right":
        return "unseen"
    if kind not in mark.mistakes:
        return "missed"
    return "named" if len(mark.mistakes) == 1 else "among"


def main() -> None:
    """Print the table."""
    found, right, refused = run(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    heads = ("made", "alone", "among", "missed", "unseen", "alone", "or among")
    print(f"{'mistake':<11}" + "".join(f"{head:>9}" for head in heads))
    total: Counter[str] = Counter()
    for kind, became in found.items():
        total += became
        print(_row(kind, became))
    print(_row("all", total))
    print("alone: named, and nothing else. among: named with others that give the same number.")
    print(
        "unseen: the mistake gives the right number to the digits asked for; not counted as made."
    )
    print(f"right answers: {right}, called wrong: {len(refused)}")
    for line in refused[:20]:
        print(f"  {line}")
    if refused or (total["named"] + total["among"]) < 0.95 * _made(total):
        raise SystemExit("The grader falls short.")


def _made(became: Counter[str]) -> int:
    return became["named"] + became["among"] + became["missed"]


def _row(kind: str, became: Counter[str]) -> str:
    made = _made(became)
    counts = "".join(f"{became[key]:9d}" for key in ("named", "among", "missed", "unseen"))
    shares = [became["named"], became["named"] + became["among"]]
    told = "".join(f"{share / made if made else float('nan'):9.1%}" for share in shares)
    return f"{kind:<11}{made:9d}{counts}{told}"


if __name__ == "__main__":
    main()
