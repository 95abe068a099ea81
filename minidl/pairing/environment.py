"""What a trial's bits depend on besides its own facts: code, libraries, BLAS kernels."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

from minidl.activations import activations
from minidl.data import Dataset
from minidl.errors import ArgumentError
from minidl.initializers import initializers
from minidl.kernels import blas
from minidl.kernels.jit import JIT, digest
from minidl.losses import losses
from minidl.optimizers import optimizers
from minidl.pairing.trial import Cell, Trial

ABOVE = ("cli", "figures", "info", "literature", "pairing", "walkthrough")
"""What no trial runs, at the top of the package; of ``pairing`` see ``OF_PAIRING``."""
OF_PAIRING = ("grid.py", "trial.py", "trainer.py")
LIBRARIES = ("numpy", "numba", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Environment:
    """Where trials have the same bits: the same code, libraries and BLAS kernels.

    Examples
    --------
    >>> Environment.here() == Environment.here()
    True
    """

    numerics: str
    libraries: str
    blas: str

    @classmethod
    @functools.cache
    def here(cls) -> Environment:
        """That of this process."""
        libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
        return cls(_numerics(), libraries + ("" if JIT else ", without the JIT"), _blas())

    def check(self, found: Environment, where: str) -> None:
        """Refuse another environment, and say in what it differs.

        Raises
        ------
        ArgumentError
            If any part differs.
        """
        mine, its = asdict(self), asdict(found)
        for name, expected in mine.items():
            if its[name] != expected:
                raise ArgumentError(
                    f"{where}: {name}",
                    f"{expected}, as the ledger has",
                    its[name],
                    "Its results would differ in the last bits: run the versions and the CPU "
                    "kind that the ledger was begun with, or begin another ledger.",
                )


def sources() -> list[Path]:
    """Every source file that a trial runs."""
    package = Path(__file__).parent.parent
    return [
        path
        for path in sorted(package.rglob("*.py"))
        if (top := path.relative_to(package).parts[0].removesuffix(".py")) not in ABOVE
        or (top == "pairing" and path.name in OF_PAIRING)
    ]


def _numerics() -> str:
    code = b"".join(path.read_bytes() for path in sources())
    return f"minidl {version('minidl')}, code {hashlib.sha256(code).hexdigest()[:16]}"


def _blas() -> str:
    blas.load()
    pools = blas.pools()  # scipy brings its own on PyPI, and shares the system's elsewhere
    products = [one for one in pools if "scipy" in Path(one["filepath"]).parent.name] or pools
    return "; ".join(
        f"{one['internal_api']} {one['version']} {one.get('architecture', '')}, "
        f"threads: {one['num_threads']}"
        for one in products
    )


@functools.lru_cache(maxsize=32)  # a worker meets many copies of one
def fingerprint(data: Dataset) -> str:
    """A digest of a dataset's numbers, task and metric."""
    told = f"{data.name} {data.task} {data.metric} {data.classes} {data.X.shape}".encode()
    return hashlib.sha256(told + data.X.tobytes() + data.y.tobytes()).hexdigest()[:16]


def keys(trials: Sequence[Trial], data: Dataset, environment: Environment) -> list[str]:
    """For each trial of one cell, a digest of all that decides its result: its place in a ledger.

    Activations, losses, optimizers and initializers of the user's own are part of it.
    """
    if not trials:
        return []
    shared = [fingerprint(data), own(trials[0].cell), *asdict(environment).values()]
    return [
        hashlib.sha256("\0".join([*shared, *map(str, trial.facts.values())]).encode()).hexdigest()
        for trial in trials
    ]


def own(cell: Cell) -> str:
    """What the user's own entries compute in a cell."""
    head, setting = cell.pairing.head, cell.setting
    entries: list[Any] = [activations[cell.pairing.hidden], activations[head.activation]]
    entries += [losses[head.loss], optimizers[setting.optimizer]]
    told = [_formulas(entry) for entry in entries]
    if setting.init in initializers:  # "auto" is the activation's choice
        told += map(_told, vars(initializers[setting.init]).values())
    return " ".join(told)


@functools.cache  # an entry is what it is: another formula is another entry
def _formulas(entry: Any) -> str:
    """A digest of what an entry adds to minidl's sources, which ``numerics`` tells."""
    cls = getattr(entry, "cls", type(entry))
    own = [one for one in cls.__mro__ if not one.__module__.startswith(("minidl.", "builtins"))]
    parts = [part for one in reversed(own) for part in vars(one).items()]
    told = [_told(value) for name, value in parts if not name.startswith("_")]
    told += [_told(value) for name, value in vars(entry).items() if name != "cls"]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]


def _told(value: Any) -> str:
    function = getattr(value, "__func__", value)  # of a static or class method
    if isinstance(function, FunctionType):
        return "" if function.__module__.startswith("minidl.") else digest(function)
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))
