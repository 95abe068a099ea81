"""Does a study lose anything? Killed at random moments, on any workers, on a cluster.

Each run is a process of its own, ended by ``kill -9`` at a random moment: while it starts, makes
its ledger, tunes, reports. *Kept* is what the ledger had after it; *lost* is what it had before
and had no more: 0 if it keeps its promise; *under way* is what had been begun, and is run again.
At the end the export is compared, byte by byte, with that of a run that nobody disturbed.

    python benchmarks/resilience.py            # 20 kills, then other workers: some minutes
    python benchmarks/resilience.py --kills 5
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from minidl.pairing import Ledger, Study, run
from minidl.pairing.execution.exporting import export

STUDY = Study(
    name="resilience",
    datasets=["iris", "xor", "moons"],
    hidden=["relu", "tanh", "elu", "gelu"],
    heads=["sigmoid+bce", "softmax+cce", "sigmoid+mse"],
)
RUN = """
import sys
from minidl.pairing import Study, run
run(Study.read(sys.argv[1]), sys.argv[2], workers=2)
"""
LATEST = 6.0
"""Seconds after which a process is killed at the latest; it needs one or two to start."""


def places(path: Path, table: str = "trials") -> set[str]:
    """What a table of a ledger has, read without minidl; nothing if it is not made yet."""
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as connection:
        try:
            return {row[0] for row in connection.execute(f"SELECT key FROM {table}")}
        except sqlite3.DatabaseError:
            return set()


def exported(path: Path) -> list[bytes]:
    """The files of a ledger's export."""
    with Ledger(path, write=False) as ledger:
        return [file.read_bytes() for file in export(ledger, path.with_suffix(""))]


def kill_often(folder: Path, wanted: list[bytes], kills: int) -> bool:
    """Kill a study so many times, and let it end; begin another one if it was quicker."""
    moments = random.Random(0)
    study = folder / "study.toml"
    study.write_text(STUDY.toml(), encoding="utf-8")
    path, begun, identical = folder / "killed-0.sqlite", 1, True
    print(f"{'kill':>4}{'after':>9}{'kept':>8}{'lost':>6}{'under way':>11}")
    for kill in range(1, kills + 1):
        before, after = places(path), moments.uniform(0.0, LATEST)
        process = subprocess.Popen([sys.executable, "-c", RUN, study, path])
        time.sleep(after)
        process.kill()
        ended = process.wait() == 0
        now = places(path)
        lost, under_way = len(before - now), len(places(path, "claims"))
        identical &= not lost
        print(f"{kill:>4}{after:>7.2f} s{len(now):>8}{lost:>6}{under_way:>11}", flush=True)
        if ended:
            identical &= exported(path) == wanted
            print(f"     complete, {said(identical)}: the next study begins")
            path, begun = folder / f"killed-{begun}.sqlite", begun + 1
    run(STUDY, path)
    identical &= exported(path) == wanted
    print(f"     resumed to the end: {said(identical)}\n")
    return identical


def said(identical: bool) -> str:
    """A verdict."""
    return "identical" if identical else "NOT IDENTICAL"


def on_workers(folder: Path, wanted: list[bytes]) -> bool:
    """The same study on 1, 2 and 4 threads and on processes."""
    identical = True
    for backend, workers in (("threads", 1), ("threads", 2), ("threads", 4), ("loky", 2)):
        path = folder / f"{backend}-{workers}.sqlite"
        began = time.monotonic()
        run(STUDY, path, workers=workers, backend=backend)
        seconds = time.monotonic() - began
        same = exported(path) == wanted
        identical &= same
        print(f"{workers} {backend:<24}{seconds:>6.1f} s  {said(same)}", flush=True)
    return identical


def on_cluster(folder: Path, wanted: list[bytes]) -> bool:
    """The same study on a dask cluster of two processes, one of which is killed half-way."""
    from distributed import LocalCluster

    path = folder / "dask.sqlite"
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(processes=True, **options) as cluster:
        pid = next(iter(cluster.workers.values())).pid
        half = len(STUDY.cells(STUDY.load())) * STUDY.trials_per_cell // 2

        def kill_one() -> None:
            while len(places(path)) < half:
                time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        began = time.monotonic()
        run(STUDY, path, backend="dask", scheduler=cluster.scheduler_address)
        seconds = time.monotonic() - began
        killer.join()
    same = exported(path) == wanted
    print(f"2 {'dask, one killed half-way':<24}{seconds:>5.1f} s  {said(same)}")
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(STUDY, folder / "plain.sqlite", workers=1)
        wanted = exported(folder / "plain.sqlite")
        print(f"{len(places(folder / 'plain.sqlite')):,} trials, undisturbed, as the measure\n")
        checks = (kill_often(folder, wanted, kills), on_workers(folder, wanted))
        verdict = all(checks) and on_cluster(folder, wanted)
    print(f"\nall the same to the byte: {'yes' if verdict else 'NO'}")
    sys.exit(not verdict)


if __name__ == "__main__":
    main()
