"""What damaged files give: a model file and a ledger, cut or with one bit flipped.

    python benchmarks/damage.py                    # 300 cuts and 2,000 flips; 200 of a ledger

Each must be refused by a FileError or give the identical content. The seed is fixed.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import minidl as ml
from minidl.core.errors import FileError
from minidl.pairing import Ledger, Study, run
from minidl.pairing.execution.exporting import export

OUTCOMES = ("refused", "identical", "different", "another error")

Read = Callable[[Path], Any]


def model_file(path: Path) -> Path:
    """A small network of every kind of layer, trained, with its optimizer."""
    net = ml.Sequential(
        ml.Dense(3, 4, "prelu", seed=1), ml.Dropout(0.2, seed=2), ml.Dense(4, 1, "sigmoid", seed=3)
    )
    X = np.random.default_rng(0).normal(size=(20, 3))
    rate = ml.WarmUp(ml.Cosine(1e-2, steps=20), steps=3)
    ml.fit(net, X, X[:, 0] > 0, loss="bce", optimizer="adam", learning_rate=rate, epochs=2, seed=0)
    net.save(path)
    return path


def model(path: Path) -> Any:
    """All that is read from a model file."""
    net = ml.load(path)
    optimizer = net.optimizer
    return (
        [layer.config() for layer in net],
        [(p.name, p.numpy().tobytes()) for p in net.parameters()],
        repr(optimizer),
        optimizer and {name: state.tobytes() for name, state in optimizer.state.items()},
    )


def ledger_file(path: Path) -> Path:
    """A small study, done."""
    study = Study(
        datasets=["xor"],
        hidden=["relu", "tanh"],
        heads=["sigmoid+bce"],
        learning_rates=[0.01],
        repetitions=3,
        epochs=3,
    )
    run(study, path, workers=1, verbose=False)
    return path


def ledger(path: Path) -> Any:
    """All that is read from a ledger: its export among it."""
    with tempfile.TemporaryDirectory() as folder, Ledger(path, write=False) as opened:
        files = [file.read_bytes() for file in export(opened, Path(folder))]
        return opened.study, opened.environment, opened.count(), files


def cuts(content: bytes, number: int, random: np.random.Generator) -> Iterator[bytes]:
    """The beginnings of a file, of several lengths."""
    for length in random.integers(len(content), size=number):
        yield content[:length]


def flips(content: bytes, number: int, random: np.random.Generator) -> Iterator[bytes]:
    """A file with another bit flipped each time."""
    for place in random.choice(8 * len(content), size=number, replace=False):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        yield bytes(damaged)


def outcomes(read: Read, path: Path, damaged: Iterator[bytes]) -> Counter[str]:
    """How often reading the file ended in which way, with each damage in its place."""
    whole, counts = read(path), Counter[str]()
    place = path.with_name(f"damaged{path.suffix}")
    for content in damaged:
        for left in place.parent.glob(f"{place.name}*"):  # SQLite's log, too
            left.unlink()
        place.write_bytes(content)
        try:
            counts["identical" if read(place) == whole else "different"] += 1
        except FileError:
            counts["refused"] += 1
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            counts["another error"] += 1
    return counts


def main() -> None:
    random = np.random.default_rng(0)
    print(f"{'':24}" + "".join(f"{name:>15}" for name in OUTCOMES))
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        network = model_file(Path(folder, "net.safetensors"))
        study = ledger_file(Path(folder, "study.sqlite"))
        for name, read, path, damage, number in (
            ("model file, cut", model, network, cuts, 300),
            ("model file, bit flipped", model, network, flips, 2000),
            ("ledger, cut", ledger, study, cuts, 50),
            ("ledger, bit flipped", ledger, study, flips, 200),
        ):
            counts = outcomes(read, path, damage(path.read_bytes(), number, random))
            print(f"{name:24}" + "".join(f"{counts[outcome]:15,}" for outcome in OUTCOMES))
            bad += counts["different"] + counts["another error"]
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
