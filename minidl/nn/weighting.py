"""One number from many: how the losses of rows are weighed and brought together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.autodiff import BinaryElementwise, Sum, broadcast, recorder, reduction, weighted_mean
from minidl.core import (
    NON_NEGATIVE,
    REALS,
    ArgumentError,
    Interval,
    RecordError,
    ShapeError,
    as_numbers,
    cast_checked,
    number,
    text_number,
)
from minidl.nn.domains import check_domain, check_numbers

REDUCTIONS = ("mean", "sum", "none")


ClassWeight = Mapping[Any, float] | str


def row_weights(
    t: np.ndarray, sample_weight: Any, class_weight: ClassWeight | None, culprit: str
) -> np.ndarray | None:
    """One weight a row from both kinds, multiplied; None if neither is given."""
    weights = None
    if sample_weight is not None:
        weights = _of_samples(t, sample_weight, f"{culprit}(sample_weight=…)")
    if class_weight is not None:
        by_class = _of_classes(t, class_weight, f"{culprit}(class_weight=…)")
        weights = by_class if weights is None else weights * by_class
    return weights


def _of_samples(t: np.ndarray, sample_weight: Any, culprit: str) -> np.ndarray:
    rows = len(t) if t.ndim else 1
    weights = cast_checked(culprit, as_numbers(culprit, sample_weight), t.dtype)
    if weights.shape != (rows,):
        raise ShapeError(
            culprit,
            f"one weight a row, shape ({rows},)",
            f"shape {weights.shape}",
            "Give one number for each row.",
        )
    check_domain(culprit, weights, NON_NEGATIVE, "Weights are ≥ 0.")
    check_numbers(culprit, weights, "Use 0 instead.")
    return weights


def _of_classes(t: np.ndarray, class_weight: ClassWeight, culprit: str) -> np.ndarray:
    """Each row's class weight."""
    if recorder() is not None:
        raise RecordError(
            culprit,
            "weights that do not depend on a batch's numbers",
            "classes, which are numbers of the batch",
            "Work the weights out beforehand and hand them to the step: sample_weight=w.",
        )
    weights = class_weights(t, class_weight, culprit)
    classes, places = np.unique(_labels(t, culprit), return_inverse=True)
    for label in classes.tolist():
        if label not in weights:
            raise ArgumentError(
                culprit,
                "a weight for every class in the data",
                f"none for class {label:g}",
                f"Add {label:g}: 1.0.",
            )
    by_class = np.array([weights[label] for label in classes.tolist()])
    return cast_checked(culprit, by_class, t.dtype)[places]


def class_weights(t: np.ndarray, class_weight: ClassWeight, culprit: str) -> dict[float, float]:
    """The weight of each class; "balanced" is rows / (classes · rows of the class)."""
    if not hasattr(class_weight, "items"):  # a pandas Series has them, too
        if str(class_weight) != "balanced":
            remedy = "Write class_weight='balanced', or {0: 1.0, 1: 5.0}."
            raise ArgumentError(culprit, "'balanced' or a mapping", repr(class_weight), remedy)
        classes, counts = np.unique(_labels(t, culprit), return_counts=True)
        weights = counts.sum() / (len(classes) * counts)
        return dict(zip(classes.tolist(), weights.tolist(), strict=True))
    return {
        _class(culprit, key): _plain(f"{culprit}[{key!r}]", value, NON_NEGATIVE, 1.0)
        for key, value in class_weight.items()
    }


def _labels(t: np.ndarray, culprit: str) -> np.ndarray:
    """Each row's class, if it has one."""
    rows = len(t) if t.ndim else 1
    wide = t.ndim == 2 and t.shape[1] > 1
    if t.size != rows and not (wide and (np.count_nonzero(t > 0, axis=1) == 1).all()):
        raise ArgumentError(
            culprit,
            "targets with one class a row",
            f"shape {t.shape}",
            "Give sample_weight instead.",
        )
    labels: np.ndarray = t.argmax(axis=-1) if wide else t.reshape(rows)
    if (between := labels[labels != np.rint(labels)]).size:
        expected, remedy = "targets that are classes, whole numbers", "Give sample_weight instead."
        raise ArgumentError(culprit, expected, f"{between[0]:g} among them", remedy)
    return labels


def _class(culprit: str, key: Any) -> float:
    if isinstance(key, str):  # JSON knows no other keys
        class_number = text_number(key)
        key = key if class_number is None else class_number
    return _plain(f"a class of {culprit}", key, REALS, 0)


def _plain(culprit: str, given: Any, domain: Interval, example: float) -> float:
    """A class or a weight; truth values count, and an array of one number is that."""
    if hasattr(given, "item") and np.ndim(given) == 0:
        given = given.item()
    return number(culprit, float(given) if isinstance(given, bool) else given, domain, example)


class Weigh(BinaryElementwise):
    """A loss times its weight; a weight of 0 leaves nothing, even of NaN."""

    name = "weigh"
    operand_names = ("loss", "weight")
    value = staticmethod(lambda a, b: a * b if b != 0.0 else 0.0)
    slope_a = staticmethod(lambda a, b: b)
    slope_b = staticmethod(lambda a, b: a)


weigh = Weigh()


def weighed(each: Any, how: str, weights: np.ndarray | None) -> Any:
    """The losses of rows or elements times their weights, as they are, added up, or their mean."""
    if weights is None:
        return each
    if how == "mean":
        return weighted_mean(each, weights)
    column = weights.reshape(-1, *(1,) * (len(each.shape) - 1))
    weighted = weigh(each, broadcast(each.shape)(column))
    return weighted if how == "none" else reduction(Sum)(weighted)
