"""Runs that come to an end early: killed, interrupted, out of workers or disk, and resumed."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace

import pytest
from ledgers import VARIABLES
from runs import STUDY, TRIALS, count, exported

from minidl.core.errors import ArgumentError, FileError
from minidl.pairing import Ledger, run
from minidl.pairing.execution import runner
from minidl.pairing.execution.workers import perform

# ------------------------------------------------------------------------ killed and resumed

LONGER = replace(STUDY, epochs=80, repetitions=4)

RUN = """
import sys
from minidl.pairing import Ledger, Study, run
add, added = Ledger.add, []
def noted(self, found):
    add(self, found)
    added.extend(found)
Ledger.add = noted
if __name__ == "__main__":
    study, ledger, number, backend = sys.argv[1:]
    complete = run(Study.read(study), ledger, workers=int(number), backend=backend)
    print(complete, len(added), flush=True)
"""


def started(study, ledger, number=2, backend="threads", **options):
    """A process that runs a study."""
    file = ledger.with_suffix(".toml")
    file.write_text(study.toml(), encoding="utf-8")
    script = ledger.with_suffix(".py")
    script.write_text(RUN, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-W", "error", script, file, ledger, str(number), backend],
        env=VARIABLES,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def wait_for(ledger, trials, process):
    """Until the ledger has so many trials, or the process is at its end."""
    while process.poll() is None:
        try:
            if count(ledger) >= trials:
                return
        except FileError:  # not made yet
            time.sleep(0.01)


def test_killed_at_any_moment_and_resumed(tmp_path, ledger):
    """After the first result, in the midst of tuning, and while final trials run."""
    plain = tmp_path / "plain.sqlite"
    assert run(LONGER, plain, workers=2)
    seen = [0]
    for trials in (1, 20, 40):
        process = started(LONGER, ledger)
        wait_for(ledger, trials, process)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        seen.append(count(ledger))
        assert seen[-1] >= max(trials, seen[-2])
    assert seen[-1] < count(plain)
    assert run(LONGER, ledger, workers=2)
    assert exported(ledger) == exported(plain)


def test_two_processes_share_the_work(plain, ledger):
    both = [started(STUDY, ledger, number=1) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    done = [out.split() for out, _ in said]
    assert [complete for complete, _ in done] == ["True", "True"]
    assert TRIALS <= sum(int(trials) for _, trials in done) <= 1.25 * TRIALS
    assert exported(ledger) == plain


def test_ctrl_c_keeps_what_is_there(plain, ledger):
    """As a terminal sends it: to the process and to its workers."""
    process = started(LONGER, ledger, backend="loky", start_new_session=True)
    wait_for(ledger, 10, process)
    os.killpg(process.pid, signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert out.split()[0] == "False"
    assert "what was computed is kept" in said
    assert 10 <= count(ledger) == int(out.split()[1])


@pytest.mark.parametrize("number", [1, 2])
def test_an_interrupt_ends_a_run_and_another_goes_on(plain, ledger, kept, capsys, number):
    def interrupt():
        raise KeyboardInterrupt

    kept.acts[15] = interrupt
    assert run(STUDY, ledger, workers=number) is False
    assert "what was computed is kept" in capsys.readouterr().err
    there = count(ledger)
    assert 15 <= there == len(kept) < TRIALS
    assert run(STUDY, ledger, workers=number) is True
    assert len(kept) == len(set(kept)) == TRIALS  # nothing was trained twice
    assert exported(ledger) == plain


# ------------------------------------------------------------------- out of workers, or disk


@contextmanager
def dying(*lives):
    """Workers that come back so often, each time for so many tasks."""
    left = list(lives)

    def spread(tasks):
        for _ in range(left.pop(0) if left else 10**6):
            try:
                yield perform(next(tasks))
            except StopIteration:
                return
        raise BrokenProcessPool("killed")

    yield spread


def test_workers_may_die_as_long_as_something_gets_done(plain, ledger, monkeypatch):
    lives = (0, 0, 1, 0, 0, 2, 1, 1)
    monkeypatch.setattr(runner, "workers_of", lambda *_: dying(*lives))
    assert run(STUDY, ledger)
    assert exported(ledger) == plain


def test_workers_that_only_die_are_a_clear_error(ledger, monkeypatch, refused):
    monkeypatch.setattr(runner, "workers_of", lambda *_: dying(1, 0, 0, 0))
    with refused(ArgumentError, "workers", "that live", "3 deaths in a row", "memory"):
        run(STUDY, ledger)
    assert count(ledger) > 0


@pytest.mark.parametrize(
    ("where", "number", "backend"),
    [
        ("claim", 1, "threads"),
        ("add", 1, "threads"),
        ("claim", 2, "threads"),
        ("add", 2, "threads"),
        ("claim", 2, "loky"),
    ],
)
def test_a_disk_that_fills_up_ends_a_run(
    plain, ledger, processes, monkeypatch, where, number, backend
):
    """Tasks are claimed in callbacks of joblib's: an error there must not be lost."""
    usual, calls = getattr(Ledger, where), []

    def full(self, *given, **named):
        calls.append(1)
        if len(calls) == 7:
            raise FileError(str(self.path), "space on the disk", "full", "Make room.")
        return usual(self, *given, **named)

    monkeypatch.setattr(Ledger, where, full)
    with pytest.raises(FileError, match="space on the disk"):
        run(STUDY, ledger, workers=number, backend=backend)
    monkeypatch.undo()
    assert run(STUDY, ledger, workers=1)
    assert exported(ledger) == plain
