"""What a trial's bits depend on besides its own facts: code, libraries, fused products."""

from __future__ import annotations

import ast
import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

from minidl.core import ArgumentError, defined_by_minidl
from minidl.data import Dataset
from minidl.kernels import cpu
from minidl.kernels.jit import JIT, digest
from minidl.nn import activations, initializers, losses
from minidl.optim import optimizers
from minidl.pairing.study import Cell, Trial

START = "minidl.pairing.execution.trainer"
"""The module that trains a trial: what it imports is what trials compute."""
LIBRARIES = ("numpy", "numba", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Environment:
    """Where trials have the same bits: the same code and libraries, on any CPU that fuses products.

    Examples
    --------
    >>> Environment.here() == Environment.here()
    True
    """

    numerics: str
    libraries: str
    blas: str = ""  # of a ledger that was begun before products were minidl's own

    @classmethod
    @functools.cache
    def here(cls) -> Environment:
        """That of this process."""
        libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
        return cls(_numerics(), libraries + ("" if JIT else ", without the JIT"))

    def check(self, other: Environment, where: str) -> None:
        """Refuse another environment, and say in what it differs.

        Raises
        ------
        ArgumentError
            If any part differs.
        """
        mine, its = asdict(self), asdict(other)
        for name, expected in mine.items():
            if its[name] != expected:
                raise ArgumentError(
                    f"{where}: {name}",
                    f"{expected}, as the ledger has",
                    its[name],
                    "Its results would differ in the last bits: run the versions that the ledger "
                    "was begun with, or begin another ledger.",
                )


def sources() -> list[Path]:
    """Every source file that a trial runs."""
    return [_path(module) for module in sorted(_trees())]


@functools.cache
def _trees() -> dict[str, ast.Module]:
    """The syntax of ``START`` and of every module of minidl that it imports, by name."""
    trees: dict[str, ast.Module] = {}
    waiting = [START]
    while waiting:
        module = waiting.pop()
        if module not in trees:
            trees[module] = _tree(module)
            waiting += _imported(trees[module])
    return trees


def _path(module: str) -> Path:
    path = Path(__file__).parents[3].joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _tree(module: str) -> ast.Module:
    return ast.parse(_path(module).read_bytes())


def _imported(tree: ast.Module) -> Iterator[str]:
    """The modules that define what a file may import from minidl."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("minidl."):
            yield from (_home(str(node.module), alias.name) for alias in node.names)


def _home(package: str, name: str) -> str:
    """The module that defines what this one calls by a name; what passes it on is no part of it."""
    if _path(f"{package}.{name}").is_file():
        return f"{package}.{name}"
    passed = (node for node in _tree(package).body if isinstance(node, ast.ImportFrom))
    for node in passed if _path(package).name == "__init__.py" else ():
        if any(name == (alias.asname or alias.name) for alias in node.names):
            return _home(str(node.module), name)
    return package


def _numerics() -> str:
    code = "\n".join(f"{module} {_written(tree)}" for module, tree in sorted(_trees().items()))
    digest = hashlib.sha256(code.encode()).hexdigest()[:16]
    fused = "" if cpu.FUSES else ", on a CPU without fused multiply-adds"
    return f"minidl {version('minidl')}, code {digest}{fused}"


def _written(node: object) -> str:
    """A syntax tree as text, the same for every layout, comment, docstring and Python.

    ``ast.dump`` differs between versions of Python in what it says of empty fields.
    """
    if isinstance(node, ast.AST):
        values = ((name, getattr(node, name, None)) for name in node._fields if name != "kind")
        parts = (f"{name}={_written(value)}" for name, value in values if value not in (None, []))
        return f"{type(node).__name__}({', '.join(parts)})"
    if isinstance(node, list):
        return f"[{', '.join(_written(each) for each in node if not _is_text(each))}]"
    return repr(node)


def _is_text(node: object) -> bool:
    """Whether a statement is nothing but text, as docstrings are."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@functools.lru_cache(maxsize=32)  # a worker meets many copies of one
def fingerprint(data: Dataset) -> str:
    """A digest of a dataset's numbers, task and metric."""
    facts = f"{data.name} {data.task} {data.metric} {data.classes} {data.X.shape}".encode()
    return hashlib.sha256(facts + data.X.tobytes() + data.y.tobytes()).hexdigest()[:16]


def keys(trials: Sequence[Trial], data: Dataset, environment: Environment) -> list[str]:
    """For each trial of one cell, a digest of all that decides its result: its place in a ledger.

    Activations, losses, optimizers and initializers of the user's own are part of it.
    """
    if not trials:
        return []
    shared = [fingerprint(data), users_entries(trials[0].cell), *asdict(environment).values()]
    return [
        hashlib.sha256("\0".join([*shared, *map(str, trial.facts.values())]).encode()).hexdigest()
        for trial in trials
    ]


def users_entries(cell: Cell) -> str:
    """What the user's own entries compute in a cell."""
    head, setting = cell.pairing.head, cell.setting
    entries: list[Any] = [activations[cell.pairing.hidden], activations[head.activation]]
    entries += [losses[head.loss], optimizers[setting.optimizer]]
    digests = [_formulas(entry) for entry in entries]
    if setting.init in initializers:  # "auto" is the activation's choice
        digests += map(_as_text, vars(initializers[setting.init]).values())
    return " ".join(digests)


@functools.cache  # an entry is what it is: another formula is another entry
def _formulas(entry: Any) -> str:
    """A digest of what an entry adds to minidl's sources, which ``numerics`` tells."""
    cls = getattr(entry, "cls", type(entry))
    foreign = [one for one in cls.__mro__ if not one.__module__.startswith(("minidl.", "builtins"))]
    parts = [part for one in reversed(foreign) for part in vars(one).items()]
    digests = [_as_text(value) for name, value in parts if not name.startswith("_")]
    digests += [_as_text(value) for name, value in vars(entry).items() if name != "cls"]
    return hashlib.sha256("\0".join(digests).encode()).hexdigest()[:16]


def _as_text(value: Any) -> str:
    function = getattr(value, "__func__", value)  # of a static or class method
    if isinstance(function, FunctionType):
        return "" if defined_by_minidl(function) else digest(function)
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))
