"""Trials a second: a study's beside the same trials by scikit-learn's MLP.

Same networks, splits, batches, epochs, learning rates and seeds; the head is the one that both
have: sigmoid + cross-entropy for two classes, softmax + cross-entropy for more, linear + squared
error for numbers. Both use two workers, dataset by dataset in turns; minidl's part is the whole
of ``minidl.pairing.run``: scoring, diagnosis and ledger included.

    python benchmarks/study.py               # the table: some minutes, nearly all scikit-learn's
    python benchmarks/study.py --reference   # the reference study, timed: 15 minutes at most
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import joblib
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from minidl.data import Dataset
from minidl.pairing import Ledger, Study, Trial, run
from minidl.pairing.execution.trainer import parts

REFERENCE = Path(__file__).parent / "reference.toml"
NAMES = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}
"""Hidden activations that both have."""
WORKERS = 2
WANTED = 15.0


def shared(data: Dataset) -> str:
    """The head that scikit-learn's network has."""
    if data.task == "regression":
        return "linear+mse"
    return "softmax+cce" if data.n_classes > 2 else "sigmoid+bce"


def theirs(trial: Trial, data: Dataset) -> float:
    """One trial by scikit-learn."""
    split, X, y = parts(data, trial.seed, trial.tuning)
    kind = MLPRegressor if data.task == "regression" else MLPClassifier
    net = kind(
        hidden_layer_sizes=trial.cell.setting.widths,
        activation=NAMES[trial.cell.pairing.hidden],
        alpha=0.0,
        batch_size=min(trial.batch_size, len(split.X_train)),
        learning_rate_init=trial.learning_rate,
        max_iter=trial.epochs,
        tol=0.0,
        n_iter_no_change=trial.epochs + 1,
        random_state=trial.seed,
    )
    warnings.simplefilter("ignore", ConvergenceWarning)
    try:
        return float(net.fit(split.X_train, split.y_train).score(X, y))
    except ValueError as error:
        if "non-finite" not in str(error):
            raise
        return float("nan")  # it diverged


def seconds(study: Study, path: Path) -> tuple[float, int]:
    """What a study takes, and how many trials that were."""
    began = time.perf_counter()
    run(study, path, workers=WORKERS, verbose=False)
    took = time.perf_counter() - began
    with Ledger(path, write=False) as ledger:
        return took, sum(ledger.count().values())


def compare(reference: Study, name: str, data: Dataset, folder: Path) -> tuple[float, float, int]:
    """Seconds of minidl and of scikit-learn for one dataset, and the number of trials."""
    study = replace(reference, datasets=[name], hidden=list(NAMES), heads=[shared(data)])
    ours, number = seconds(study, folder / f"{name}.sqlite")
    cells = study.cells({name: data})
    rate = study.learning_rates[len(study.learning_rates) // 2]
    trials = [t for cell in cells for t in (*study.tuning(cell), *study.final(cell, rate))]
    assert len(trials) == number
    calls = (joblib.delayed(theirs)(trial, data) for trial in trials)
    with joblib.parallel_config("loky", n_jobs=WORKERS, inner_max_num_threads=1):
        joblib.Parallel()(joblib.delayed(time.sleep)(0) for _ in range(WORKERS))  # start them
        began = time.perf_counter()
        joblib.Parallel()(calls)
    return ours, time.perf_counter() - began, number


def table(reference: Study) -> None:
    """One line a dataset, and both together."""
    data = reference.load()
    form = "{:<20}{:>8}{:>12}{:>14}{:>9}"
    print(form.format("dataset", "trials", "minidl /s", "scikit-learn /s", "ratio"))
    totals: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as warm:
        first = next(iter(data))
        compare(replace(reference, epochs=2), first, data[first], Path(warm))
        for name, dataset in data.items():
            ours, their, number = compare(reference, name, dataset, Path(folder))
            totals.update(ours=ours, theirs=their, number=number)
            rates = f"{number / ours:.0f}", f"{number / their:.1f}"
            print(form.format(name, number, *rates, f"{their / ours:.1f}"), flush=True)
    n, ratio = totals["number"], totals["theirs"] / totals["ours"]
    rates = f"{n / totals['ours']:.0f}", f"{n / totals['theirs']:.1f}"
    print(form.format("all", int(n), *rates, f"{ratio:.1f}"))
    print(f"at least {WANTED:g} wanted: {'✓' if ratio >= WANTED else '✗'}")


def main() -> None:
    """The table, or the whole reference study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", action="store_true", help="time the reference study")
    reference = Study.read(REFERENCE)
    if not parser.parse_args().reference:
        table(reference)
        return
    with tempfile.TemporaryDirectory() as folder:
        took, number = seconds(reference, Path(folder, "reference.sqlite"))
    print(f"{number:,} trials in {took / 60:.1f} minutes: {number / took:.0f} a second")


if __name__ == "__main__":
    main()
