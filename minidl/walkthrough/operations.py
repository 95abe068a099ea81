"""What each kernel that is no activation and no loss does, read as a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from minidl.autodiff import Tensor
from minidl.program import Step as Ran
from minidl.program import address
from minidl.walkthrough.reading import Reader, named, operand
from minidl.walkthrough.steps import Array
from minidl.walkthrough.updates import variant
from minidl.walkthrough.words import WHY

Reading = Callable[[Reader, Ran, int], object]


def _dense(reader: Reader, ran: Ran, i: int) -> None:
    x, w, b, y = named(ran, "x", "w", "b", "y")
    reader.add(ran, i, "dense", f"{y} = {x} · {w} + {b}", (x, w, b))


def _dense_dx(reader: Reader, ran: Ran, i: int) -> None:
    w, dy, dx = named(ran, "w", "dy", "dx")
    above = reader.arrays[dy]
    off = _all_off(above, -1)[..., None] & (_wrote(ran) == 0)
    made = [Array.of(dx, _wrote(ran), off)]
    reader.add(ran, i, "dense_dx", f"{dx} = {dy} · {w}ᵀ", (w, dy), made)


def _dense_dw(reader: Reader, ran: Ran, i: int) -> None:
    x, dy, dw = named(ran, "x", "dy", "dw")
    off = _of_units(reader.arrays[dy]) & (_wrote(ran) == 0)
    reader.add(ran, i, "dense_dw", f"{dw} = {x}ᵀ · {dy}", (x, dy), [Array.of(dw, _wrote(ran), off)])


def _dense_db(reader: Reader, ran: Ran, i: int) -> None:
    dy, db = named(ran, "dy", "db")
    off = _of_units(reader.arrays[dy]) & (_wrote(ran) == 0)
    rule = f"{db} = Σ {dy} over the rows"
    reader.add(ran, i, "dense_db", rule, (dy,), [Array.of(db, _wrote(ran), off)])


def _wrote(ran: Ran) -> np.ndarray:
    (numbers,) = ran.wrote.values()
    return numbers


def _all_off(array: Array, axis: int | tuple[int, ...]) -> np.ndarray:
    """Along an axis: whether all is 0, and some of it because a unit is off."""
    none: np.ndarray = (array.numbers == 0).all(axis=axis) & array.off.any(axis=axis)
    return none


def _of_units(array: Array) -> np.ndarray:
    """The same for each unit, over all rows."""
    return _all_off(array, tuple(range(len(array.shape) - 1)))


def _matmul(reader: Reader, ran: Ran, i: int) -> None:
    a, b, y = named(ran, "a", "b", "y")
    reader.add(ran, i, "matmul", f"{y} = {a} · {b}", (a, b))


def _matmul_da(reader: Reader, ran: Ran, i: int) -> None:
    b, dy, da = named(ran, "b", "dy", "da")
    reader.add(ran, i, "matmul_da", f"{da} = {dy} · {b}ᵀ", (b, dy))


def _matmul_db(reader: Reader, ran: Ran, i: int) -> None:
    a, dy, db = named(ran, "a", "dy", "db")
    reader.add(ran, i, "matmul_db", f"{db} = {a}ᵀ · {dy}", (a, dy))


def _dropout(reader: Reader, ran: Ran, i: int) -> None:
    """The mask is what the very same kernel makes of ones."""
    x, y = named(ran, "x", "y")
    rate, ones = float(operand(ran, "rate")), np.ones_like(operand(ran, "x"))
    kept = np.empty_like(ones)
    ran.instruction.kernel.run(ones, kept, operand(ran, "stream"), rate)
    forwards = ran.instruction.phase == "forward"
    mask = Array.of(f"{y.removeprefix('∂')}.mask", (kept != 0).reshape(_wrote(ran).shape))
    reader.add(
        ran, i, "dropout" if forwards else "dropout_back",
        f"{y} = {x} / (1 − rate) where the mask is 1, else 0", (x,),
        aside=(mask,), settings={"rate": rate},
    )  # fmt: skip


def _places(ran: Ran, seen: str) -> tuple[Array, dict[str, float]]:
    """Where each number that is seen lies in the whole; and what it is divided by."""
    offset, lengths, strides = (operand(ran, name) for name in ("offset", "lengths", "strides"))
    places = np.full(tuple(lengths), int(offset))
    for axis, stride in enumerate(strides):
        shape = [1] * len(lengths)
        shape[axis] = -1
        places = places + (np.arange(lengths[axis]) * stride).reshape(shape)
    parameters = ran.instruction.kernel.parameters
    divisor = float(operand(ran, "divisor")) if "divisor" in parameters else 1.0
    return Array.of("places", places.reshape(operand(ran, seen).shape)), {"divisor": divisor}


def _gather_view(reader: Reader, ran: Ran, i: int) -> None:
    x, y = named(ran, "x", "y")
    places, settings = _places(ran, "y")
    rule = f"{y} = {x}, moved by {ran.instruction.title}"
    reader.add(ran, i, "moved", rule, (x,), aside=(places,), settings=settings)


def _add_view(reader: Reader, ran: Ran, i: int) -> None:
    y, x = named(ran, "y", "x")
    places, settings = _places(ran, "y")
    rule = f"{x} = sums of {y}, by {ran.instruction.title}"
    reader.add(ran, i, "added", rule, (y,), aside=(places,), settings=settings)


def _put_view(reader: Reader, ran: Ran, i: int) -> None:
    """A part of an array; the parts that come later are not computed yet."""
    x, y = named(ran, "x", "y")
    places, _ = _places(ran, "x")
    numbers = _wrote(ran)
    missing = np.ones(numbers.shape, bool)
    if y in reader.arrays:
        missing = reader.arrays[y].missing.copy()
    missing.reshape(-1)[places.numbers.astype(int)] = False
    made = [Array.of(y, numbers, pending=missing)]
    reader.add(ran, i, "", f"{y} by put_view", (x,), made)


def _copy(reader: Reader, ran: Ran, i: int) -> None:
    x, y = named(ran, "x", "y")
    places = Array.of("places", np.arange(_wrote(ran).size))
    reader.add(ran, i, "moved", f"{y} = {x}", (x,), aside=(places,))


def _total(reader: Reader, ran: Ran, i: int) -> None:
    x, y = named(ran, "x", "y")
    places, divisor = Array.of("places", np.zeros(operand(ran, "x").size)), operand(ran, "divisor")
    rule = f"{y} = Σ {x}" + (f" / {divisor:g}" if divisor != 1.0 else "")
    reader.add(
        ran, i, "added", rule, (x,), aside=(places,), settings={"divisor": float(divisor)},
        why=WHY["total"] if ran.instruction.phase == "loss" else "",
    )  # fmt: skip


def _fill(reader: Reader, ran: Ran, i: int) -> None:
    dy, dx = named(ran, "dy", "dx")
    divisor = float(operand(ran, "divisor"))
    reader.add(ran, i, "shared", f"{dx} = {dy} / {divisor:g}", (dy,), settings={"divisor": divisor})


def _accumulate(reader: Reader, ran: Ran, i: int) -> None:
    total, part = named(ran, "total", "part")
    first, second = (_origin(reader, name) for name in (total, part))
    rule = f"{total} = what came by {first} + what came by {second}"
    ways = {"first": first, "second": second}
    reader.add(ran, i, "fan_out", rule, (total, part), formulas=ways)


def _origin(reader: Reader, name: str) -> str:
    """By way of which result a gradient came back."""
    for step in reversed(reader.steps):
        if any(array.name == name for array in step.writes):
            if step.expansion == "fan_out":
                return "the ways before"
            mirrored = step.mirrors
            return name if mirrored is None else reader.steps[mirrored].writes[0].name
    return name


# ── updates ───────────────────────────────────────────────────────────────────────────────────


def _spans(reader: Reader, block: np.ndarray, gradients: bool) -> Iterator[tuple[Tensor, slice]]:
    """The parameters that lie in a stretch of memory, and where; or those whose gradients do."""
    begin, size = address(block), block.size
    for parameter in reader.optimizer.parameters:
        own = parameter._home if gradients else parameter._array
        assert own is not None
        first = (address(own) - begin) // block.itemsize
        if first >= 0 and first + own.size <= size:
            yield parameter, slice(first, first + own.size)


def _update(expansion: str, keys: tuple[str, ...], states: tuple[str, ...]) -> Reading:
    """An optimizer's kernel: p, g, its states, and step numbers, which ``keys`` name."""

    def read(reader: Reader, ran: Ran, i: int) -> None:
        settings = dict(zip(keys, operand(ran, "step_numbers").tolist(), strict=True))
        own = () if settings.get("momentum") == 0.0 else states
        block, reads, writes = operand(ran, "p"), list[str](), list[Array]()
        for parameter, span in _spans(reader, block, gradients=False):
            name = str(parameter.name)
            reads += [name, f"∂{name}", *(f"{name}.{state}" for state in own)]
            writes.append(Array.of(name, block[span].reshape(parameter.shape)))
            for state in own:
                numbers = operand(ran, "velocity" if state == "velocity" else state)[span]
                writes.append(Array.of(f"{name}.{state}", numbers.reshape(parameter.shape)))
        why = WHY["momentum"] if own == ("velocity",) else ""
        rule = (DECAY if settings["decay"] else "") + RULES[variant(expansion, settings)]
        reader.add(ran, i, expansion, rule, reads, writes, settings=settings, why=why)

    return read


_MEANS = "m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  "
DECAY = "g ← g + λ·w;  "
RULES = {
    "sgd": "w ← w − η·g",
    "momentum": "v ← μ·v + g;  w ← w − η·v",
    "nesterov": "v ← μ·v + g;  w ← w − η·(g + μ·v)",
    "adam": f"{_MEANS}w ← w − η·m̂/(√v̂ + ε)",
    "adamw": f"{_MEANS}w ← w·(1 − η·λ) − η·m̂/(√v̂ + ε)",
    "rmsprop": "v ← ρ·v + (1 − ρ)·g²;  w ← w − η·g/(√v + ε)",
}
"""Updates in symbols; L2 decay comes before them."""

_COMMON = ("eta", "t")
_SGD = (*_COMMON, "momentum", "nesterov", "decay")
_ADAM = (*_COMMON, "beta1", "beta2", "epsilon", "decay", "decoupled")
_RMSPROP = (*_COMMON, "rho", "epsilon", "decay")


def _clipped(reader: Reader, ran: Ran) -> tuple[list[str], list[Array]]:
    """The gradients that a kernel of clipping looks at: their names, and what they are now."""
    block, names, arrays = operand(ran, "g"), list[str](), list[Array]()
    for parameter, span in _spans(reader, block, gradients=True):
        name = f"∂{parameter.name}"
        names.append(name)
        off = reader.arrays[name].off
        arrays.append(Array.of(name, block[span].reshape(parameter.shape), off))
    return names, arrays


def _limit(reader: Reader, ran: Ran, i: int) -> None:
    bound = float(operand(ran, "bound"))
    rule = f"every gradient within ±{bound:g}"
    reader.add(ran, i, "limit", rule, *_clipped(reader, ran), settings={"bound": bound})


def _square_sum(reader: Reader, ran: Ran, i: int) -> None:
    names, _ = _clipped(reader, ran)
    reader.add(ran, i, "squares", "Σ g² over all gradients", names)


def _shrink_to(reader: Reader, ran: Ran, i: int) -> None:
    bound, (names, arrays) = float(operand(ran, "bound")), _clipped(reader, ran)
    rule = f"all gradients scaled down together, to a norm of at most {bound:g}"
    reads = names + named(ran, "squares")
    reader.add(ran, i, "shrink", rule, reads, arrays, settings={"bound": bound})


READINGS: dict[str, Reading] = {
    "dense": _dense,
    "dense_dx": _dense_dx,
    "dense_dw": _dense_dw,
    "dense_db": _dense_db,
    "matmul": _matmul,
    "matmul_da": _matmul_da,
    "matmul_db": _matmul_db,
    "dropout": _dropout,
    "gather_view": _gather_view,
    "add_view": _add_view,
    "put_view": _put_view,
    "copy": _copy,
    "total": _total,
    "fill": _fill,
    "accumulate": _accumulate,
    "limit": _limit,
    "square_sum": _square_sum,
    "shrink_to": _shrink_to,
    "sgd": _update("sgd", _SGD, ("velocity",)),
    "adam": _update("adam", _ADAM, ("m", "v")),
    "rmsprop": _update("rmsprop", _RMSPROP, ("v",)),
}
"""By the kernel's name."""
