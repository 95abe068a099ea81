"""The problem, the loss, the first gradient, and the loss after the update."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from minidl.program import RunInstruction
from minidl.walkthrough.formulas import Equation, Index, branch_values, letter, parse, to_latex
from minidl.walkthrough.operations.facts import of_loss
from minidl.walkthrough.operations.heads import gradient_equations, is_margin, loss_equations
from minidl.walkthrough.operations.operation import Latex, Operation, Question, operation, registry
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
        link = f"{loss.link}({p})" if logits else p
        step = self.add(
            reader, ran, i, (t, p), [Array.of(losses, ran.wrote[losses])],
            f"{losses} = {loss.name}({t}, {link})", formulas=formulas, settings=settings,
        )  # fmt: skip
        found = Array.of(slopes, ran.wrote[slopes])
        reader.after_total = lambda: _turn_round(reader, step, found)

    def latex(self, step: Step, symbol: Latex) -> str:
        """The loss of one, and the prediction that it looks at."""
        value, link = step.formulas["value"], step.formulas["link"]
        result = symbol(step.writes[0].name)
        if not value:
            return rf"{result} = {letter(step.operation)}\left(t, p\right)"
        z, each = symbol(step.reads[1]), to_latex(parse(value))
        if "columns" in step.settings and not is_margin(step):
            texts = {"t": "t_j", "p": "p_j"}
            each = rf"\sum_j {to_latex(parse(f'({value})'), texts=texts)}"
        if not link:
            return rf"{result} = {each} \qquad p = {z}"
        texts = {"x": z, "x_i": f"{z}_i", "x_j": f"{z}_j"}
        behind = to_latex(parse(link), texts=texts)
        return rf"{result} = {each} \qquad p{'_i' if 'x_i' in link else ''} = {behind}"

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        return loss_equations(scene, name, index)

    def wrong_branch(self, asked: Question) -> Iterator[Decimal]:
        if asked.equation.kind in ("value", "local"):
            yield from branch_values(asked.equation.formula, asked.equation.printed)


def _turn_round(reader: Reader, each: Step, slopes: Array) -> None:
    """∂L/∂L = 1, then the gradient that the loss has found going forward."""
    reader.loss_name = reader.steps[-1].writes[0].name
    one = Array.of(f"∂{reader.loss_name}", np.ones(()))
    registry[LossSeed.key].append(reader, f"∂L/∂L = {one.name} = 1", [one], "seed", phase="seed",
                                  title="∂L/∂L = 1")  # fmt: skip
    link = " × ∂p/∂z" if each.formulas["link"] else ""
    registry[LossGradient.key].append(
        reader, f"{slopes.name} = ∂L/∂ℓ × ∂ℓ/∂p{link}", [slopes], each.operation,
        phase="backward", reads=(*each.reads, one.name),
        why=LossGradient.of_fused if each.formulas["cancels"] else "",
        formulas=each.formulas, settings=each.settings,
        instruction=each.instruction, mirrors=each.number,
    )  # fmt: skip


@operation
class LossSeed(Operation):
    """∂L/∂L = 1."""

    key = "seed"
    why = "The way back starts here: the loss changes by 1 for each 1 that the loss changes."

    def latex(self, step: Step, symbol: Latex) -> str:
        return r"\frac{\partial L}{\partial L} = 1"


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

    def latex(self, step: Step, symbol: Latex) -> str:
        result, z = symbol(step.writes[0].name), symbol(step.reads[1])
        chain = r"\frac{\partial L}{\partial \ell} \cdot \frac{\partial \ell}{\partial p}"
        if not step.formulas["link"]:
            return f"{result} = {chain}"
        chain += rf" \cdot \frac{{\partial p}}{{\partial {z}}}"
        if stated := step.formulas["cancels"]:
            count = step.settings["count"]
            share = "" if count == 1 else rf"\frac{{1}}{{{count:g}}} "
            tree = parse(stated)
            sums = share and isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub)
            inner = to_latex(tree, texts={"z": z})
            chain += f" = {share}" + (rf"\left({inner}\right)" if sums else inner)
        return f"{result} = {chain}"

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
            scene.told("value", after.symbol, float(after.value), "the same batch again"),
            scene.equation("update", "change of the loss", "a - b", {"a": after, "b": before}),
        ]
