"""minidl pair: plan, run, resume and report a study."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minidl.cli.printing import print_line
from minidl.core import ArgumentError, make_folder
from minidl.document import put, to_lines

if TYPE_CHECKING:
    from minidl.pairing import Ledger, Study

app = typer.Typer(invoke_without_command=True)

HIDDEN = ("relu", "leaky_relu", "sigmoid", "tanh", "elu", "selu", "gelu")
HEADS = ("sigmoid+bce", "softmax+cce", "sigmoid+focal", "sigmoid+mse", "softmax+mse",
         "softmax+mae", "linear+mse", "linear+huber", "linear+mae", "linear+hinge")  # fmt: skip
QUICK: dict[str, Any] = {
    "datasets": ["moons", "diabetes"],
    "hidden": ["relu", "sigmoid", "tanh", "elu"],
    "learning_rates": [0.01],
    "repetitions": 2,
    "epochs": 15,
}
"""What --quick changes: no tuning, and no claims."""

StudyFile = Annotated[Path, typer.Argument(help="A study in TOML.")]
LEDGER = "study.sqlite"
"""What `minidl pair` calls its ledger."""


def _in_folder(path: Path) -> Path:
    return path / LEDGER if path.is_dir() else path


LedgerFile = Annotated[
    Path, typer.Argument(help="A study's ledger, or its folder.", callback=_in_folder)
]
Workers = Annotated[int | None, typer.Option(min=1, help="One a core.")]
Backend = Annotated[str, typer.Option(help="threads, loky (processes) or dask.")]
Scheduler = Annotated[str | None, typer.Option(help="dask's address: tcp://host:8786.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the report: where the ledger is.")]


@app.callback()
def pair(
    context: typer.Context,
    data: Annotated[list[str] | None, typer.Option(help="A dataset, or FILE.csv:COLUMN *.")] = None,
    target: Annotated[str | None, typer.Option(help="The COLUMN of CSV files without.")] = None,
    hidden: Annotated[list[str] | None, typer.Option(help="A hidden activation *.")] = None,
    head: Annotated[list[str] | None, typer.Option(help="A head, as sigmoid+bce *.")] = None,
    output: Annotated[list[str] | None, typer.Option(help="Heads with this output *.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Repetitions: 5, quick 2.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of a trial: 30, quick 15.")] = None,
    optimizer: Annotated[str, typer.Option(help="One of minidl list.")] = "adam",
    learning_rate: Annotated[float | None, typer.Option(help="Fixed, instead of tuned.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A first look, in 30 seconds.")] = False,
    unsound: Annotated[bool, typer.Option("--unsound", help="Train unsound heads, too.")] = False,
    workers: Workers = None,
    backend: Backend = "threads",
    scheduler: Scheduler = None,
    out: Annotated[Path, typer.Option(help="Folder for ledger and report.")] = Path("results"),
) -> None:
    """Which activation goes with which loss: train pairings on datasets, and report.

    Without a command: every card, seven hidden activations, ten heads, each
    with a tuned learning rate. Options marked * may be given several times:
    --data moons --data wine.
    """
    if context.invoked_subcommand is not None:
        return
    given: dict[str, Any] = {
        "datasets": _with_target(data or [], target),
        "hidden": hidden,
        "heads": head,
        "outputs": output,
        "repetitions": seeds,
        "epochs": epochs,
        "optimizers": [optimizer],
        "learning_rates": None if learning_rate is None else [learning_rate],
        "unsound": unsound,
    }
    study = _study(quick, {key: value for key, value in given.items() if value})
    _run(study, out / LEDGER, out, workers, backend, scheduler)


def _study(quick: bool, given: dict[str, Any]) -> Study:
    """The default study, or the quick one, with what flags change."""
    from minidl.data import datasets
    from minidl.pairing import Study

    usual: dict[str, Any] = {
        "name": "pairings",
        "datasets": datasets.names(),
        "hidden": HIDDEN,
        "tuning_repetitions": 2,
        "repetitions": 5,
        "epochs": 30,
    }
    if "outputs" not in given:
        usual["heads"] = HEADS
    return Study(**{**usual, **(QUICK if quick else {}), **given})


def _with_target(names: list[str], target: str | None) -> list[str]:
    """CSV files with their column as studies have it; names of cards as they are."""
    from minidl.pairing import is_file

    # file.csv:column names its own, unless a file is called that.
    lacking = [n for n in names if is_file(n) and (":" not in n or Path(n).is_file())]
    if target is None and lacking:
        raise ArgumentError("--target", "the column to predict", "none", "Write --target COLUMN.")
    if target is not None and not lacking:
        got = f"{', '.join(names)}, which need none" if names else "no --data at all"
        remedy = "Leave it out, or write --data FILE.csv."
        raise ArgumentError(f"--target {target}", "a CSV file whose column it is", got, remedy)
    return [f"{name}:{target}" if name in lacking else name for name in names]


@app.command()
def plan(study: StudyFile) -> None:
    """What a study would train, how long it takes, and what it can and cannot show."""
    from minidl.pairing import Study, plan

    put(to_lines(plan(Study.read(study))))


@app.command()
def run(
    study: StudyFile,
    ledger: Annotated[
        Path | None, typer.Option(help=f"Else {LEDGER} in --out, or in a folder called as STUDY.")
    ] = None,
    workers: Workers = None,
    backend: Backend = "threads",
    scheduler: Scheduler = None,
    out: Out = None,
) -> None:
    """Train what the ledger does not have yet, and report."""
    from minidl.pairing import Study

    path = ledger or (out or study.with_suffix("")) / LEDGER  # no file of the user's is there
    _run(Study.read(study), path, path.parent if out is None else out, workers, backend, scheduler)


@app.command()
def resume(
    ledger: LedgerFile,
    workers: Workers = None,
    backend: Backend = "threads",
    scheduler: Scheduler = None,
    out: Out = None,
) -> None:
    """Go on where a study was interrupted."""
    with _open(ledger) as opened:
        study = opened.study
    _run(study, ledger, ledger.parent if out is None else out, workers, backend, scheduler)


def _run(
    study: Study,
    path: Path,
    out: Path,
    workers: int | None,
    backend: str,
    scheduler: str | None,
) -> None:
    from minidl.pairing import planned_tables, run

    planned_tables(study, study.load())  # refuses a reference that nothing could be compared with
    for folder in (path.parent, out):  # before training, not after
        make_folder(folder)
    complete = run(study, path, workers=workers, backend=backend, scheduler=scheduler)
    report(path, out)
    if not complete:
        elsewhere = [] if out == path.parent else ["--out", str(out)]
        command = shlex.join(["minidl", "pair", "resume", str(path), *elsewhere])
        print_line(f"Not complete: {command} goes on.")
        raise typer.Exit(1)  # so that a script sees it


@app.command()
def status(ledger: LedgerFile) -> None:
    """How far a study is."""
    from minidl.pairing import status

    with _open(ledger) as opened:
        put(to_lines(status(opened)))


@app.command()
def report(ledger: LedgerFile, out: Out = None) -> None:
    """Say what a study shows, and write it: a page, Markdown, a picture and a CSV."""
    from minidl.pairing import Findings, write_results
    from minidl.pairing.report import show, write

    out = ledger.parent if out is None else out
    with _open(ledger) as opened:
        findings = Findings.of(opened.study, opened.study.load(), opened)
        show(findings)
        for path in (*write(findings, out), write_results(opened, out)):
            print_line(path)


@app.command()
def export(
    ledger: LedgerFile,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files: export, beside the ledger.")
    ] = None,
) -> None:
    """Write every trial as CSV and arrays; the same bytes however the study was run."""
    from minidl.pairing import export

    with _open(ledger) as opened:
        # A folder of its own: a study.toml beside the ledger may be what the user wrote.
        for path in export(opened, ledger.parent / "export" if out is None else out):
            print_line(path)


def _open(path: Path) -> Ledger:
    from minidl.pairing import Ledger

    return Ledger(path, write=False)
