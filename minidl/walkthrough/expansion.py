"""From a step and the place of one number to the equations that work it out."""

from __future__ import annotations

from collections.abc import Callable

from minidl.walkthrough import backward, forward, heads, updates
from minidl.walkthrough.scene import Scene
from minidl.walkthrough.steps import Equation, Index

Rule = Callable[[Scene, str, Index], list[Equation]]

RULES: dict[str, Rule] = {
    "dense": forward.dense,
    "matmul": forward.matmul,
    "elementwise": forward.elementwise,
    "row": forward.row,
    "dropout": forward.dropout,
    "moved": forward.moved,
    "added": forward.added,
    "each": heads.each,
    "loss_back": heads.back,
    "dense_dx": backward.dense_dx,
    "dense_dw": backward.dense_dw,
    "dense_db": backward.dense_db,
    "matmul_da": backward.matmul_da,
    "matmul_db": backward.matmul_db,
    "elementwise_back": backward.elementwise,
    "row_back": backward.row,
    "dropout_back": backward.dropout,
    "fan_out": backward.fan_out,
    "shared": backward.shared,
    "limit": updates.limit,
    "squares": updates.squares,
    "shrink": updates.shrink,
    "sgd": updates.sgd,
    "adam": updates.adam,
    "rmsprop": updates.rmsprop,
    "afterwards": updates.afterwards,
}
"""What ``Step.expansion`` may name."""


def expand(scene: Scene, name: str, index: Index) -> tuple[Equation, ...]:
    """The equations that end in one number of an array which the step writes."""
    rule = RULES.get(scene.step.expansion)
    return tuple(rule(scene, name, index)) if rule else ()
