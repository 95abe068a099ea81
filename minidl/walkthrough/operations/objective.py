"""The problem, the loss, the first gradient, and the loss after the update."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from decimal import Decimal

import numpy as np

from minidl.program import RunInstruction
from minidl.walkthrough.formulas import (
    Equation,
    Index,
    Symbol,
    branch_values,
    parse,
    partial,
    substitute,
)
from minidl.walkthrough.operations.activations import row_numbers
from minidl.walkthrough.operations.facts import of_loss
from minidl.walkthrough.operations.heads import gradient_equations, is_margin, loss_equations
from minidl.walkthrough.operations.operation import Operation, Question, operation, registry
from minidl.walkthrough.operations.reading import Reader, operand
from minidl.walkthrough.operations.scene import Scene
from minidl.walkthrough.steps import Array, Step


@operation
class Beginning(Operation):
    """What is there before the first instruction."""

    key = "problem"
    why = "These are the numbers that everything below is made from."


@operation
class EachLoss(Operation):
    """The loss of one element, or of one row."""

    key = "each"
    heading = "how wrong each prediction is"
    why = "How wrong each prediction is, as one number: small is good."
    is_loss = True

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        """Its slopes, found by the same instruction, wait for the way back."""
        line, loss = ran.instruction, reader.loss
        logits = bool(loss.link) and line.kernel is loss.kernel(True)
        columns = int(operand(ran, "columns")) if "columns" in line.kernel.parameters else 0
        formulas, settings = of_loss(loss, logits, columns)
        settings["count"] = float(round(1.0 / operand(ran, "share")))
        losses, slopes = (line.names[k] for k in line.kernel.writes)
        t, p = line.names[:2]
        words = f"{losses} = {loss.name}({t}, {p})"
        step = self.add(
            reader, ran, i, (t, p), [Array.of(losses, ran.wrote[losses])],
            rule="" if formulas["value"] else words, formulas=formulas, settings=settings,
        )  # fmt: skip
        gradient = Array.of(slopes, ran.wrote[slopes])
        reader.after_total = lambda: _turn_round(reader, step, gradient)

    def formulas(self, step: Step) -> Mapping[str, str]:
        """The loss of one, and the prediction that it looks at."""
        if not (value := step.formulas["value"]):
            return {}
        if "columns" in step.settings and not is_margin(step):
            of_row = {key: ast.Name(f"{key}_j") for key in "tp"}
            value = f"Sum({ast.unparse(substitute(parse(value), of_row))})"
        link = step.formulas["link"]
        return {self.result: value, "p_i" if "x_i" in link else "p": link or "x"}

    def arrays(self, step: Step) -> Mapping[str, str]:
        z = step.reads[1]
        return {self.result: step.writes[0].name, "x": z, **row_numbers(z)}

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        return loss_equations(scene, name, index)

    def wrong_branch(self, asked: Question) -> Iterator[Decimal]:
        if asked.equation.kind in ("value", "local"):
            yield from branch_values(asked.equation.formula, asked.equation.printed)


def _turn_round(reader: Reader, each: Step, slopes: Array) -> None:
    """∂L/∂L = 1, then the gradient that the loss has found going forward."""
    reader.loss_name = reader.steps[-1].writes[0].name
    one = Array.of(f"∂{reader.loss_name}", np.ones(()))
    registry[LossSeed.key].append(reader, [one], "seed", phase="seed", title="∂L/∂L = 1")
    registry[LossGradient.key].append(
        reader, [slopes], each.operation, reads=(*each.reads, one.name), phase="backward",
        why=LossGradient.of_fused if each.formulas["cancels"] else "",
        formulas=each.formulas, settings=each.settings,
        instruction=each.instruction, mirrors=each.number,
    )  # fmt: skip


@operation
class LossSeed(Operation):
    """∂L/∂L = 1."""

    key, formula = "seed", "1"
    why = "The way back starts here: the loss changes by 1 for each 1 that the loss changes."


@operation
class LossGradient(Operation):
    """The gradient where the loss hands it over: at the prediction, or at the logits behind it."""

    key = "loss_back"
    heading = "the loss's gradient"
    why = "The first gradient: which way, and how strongly, each prediction should move."
    of_fused = (
        "The factor that flattens at its ends cancels: what is left is prediction minus target."
    )
    is_loss_gradient = True

    def formulas(self, step: Step) -> Mapping[str, str]:
        """The chain rule, and the form in which it cancels."""
        formula = "share*slope*onward" if step.formulas["link"] else "share*slope"
        if cancelled := step.formulas["cancels"]:
            formula += f" == {'' if step.settings['count'] == 1 else 'n*'}({cancelled})"
        return {self.result: formula}

    def arrays(self, step: Step) -> Mapping[str, str]:
        z, count = step.reads[1], f"{step.settings['count']:g}"
        return {
            self.result: step.writes[0].name, "z": z, "n": Symbol.made("fraction", "1", count),
            "share": partial("L", "ℓ"), "slope": partial("ℓ", "p"), "onward": partial("p", z),
        }  # fmt: skip

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        return gradient_equations(scene, name, index)

    def without_slope(self, asked: Question) -> Iterator[Decimal]:
        if asked.equation.kind == "factored":
            yield from asked.equation.worked(
                {k: Decimal(1) for k in asked.equation.printed if k == "c" or _counted(k, "b")}
            )

    def mean_as_sum(self, asked: Question, right: Decimal) -> Iterator[Decimal]:
        if asked.equation.kind in ("factored", "cancels", "contribution"):
            count = Decimal(asked.scene.step.settings["count"])
            yield right * count
            yield right * count / asked.rows  # over the rows alone
            yield right / asked.rows

    wrong_branch = EachLoss.wrong_branch


def _counted(key: str, letter: str) -> bool:
    return key[0] == letter and key[1:].isdigit()


@operation
class LossAfterwards(Operation):
    """The loss after the update, and what the update changed."""

    key = "afterwards"
    why = "What the update was for: the same batch, with the new weights."
    asks = False

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        before = scene.known(scene.before[scene.step.reads[0]], index)
        after = scene.known(scene.step.array(name), index)
        return [
            scene.unexplained("value", after.symbol, float(after.value), "the same batch again"),
            scene.equation("update", "change of the loss", "a - b", {"a": after, "b": before}),
        ]
