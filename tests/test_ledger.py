"""A ledger: results to the bit, what it lists, claims; threads and processes that share one."""

import re
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from ledgers import HERE, STUDY, VARIABLES, begun, contents, full, refusal, trials

from minidl.pairing import Ledger, Result

# --------------------------------------------------------------------------------- results

RESULTS = [
    full(),
    replace(full(), score=np.nan, status="diverged", reason='"quoted"\n∞', outputs=None),
    Result(),
    Result("failed", "why", outputs=np.empty((0, 3), np.float32)),
    replace(full(1 / 3), outputs=np.arange(6, dtype=np.float32).reshape(3, 2).T),
    replace(full(-np.inf), scores=np.empty(0)),
]


@pytest.mark.parametrize("given", RESULTS)
def test_a_result_comes_back_to_the_bit(tmp_path, given):
    path = begun(tmp_path / "study.sqlite")
    [trial] = trials(1)
    with Ledger(path) as opened:
        opened.add([("place", trial, given)])
    with Ledger(path, write=False) as opened:
        back = opened.results(["place", "elsewhere"])["place"]
    for name in ("losses", "scores", "outputs"):
        one, other = getattr(given, name), getattr(back, name)
        if one is None:
            assert other is None
        else:
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            assert one.tobytes() == other.tobytes()
    for name in ("status", "reason", "score", "health", "seconds", "host"):
        assert repr(getattr(given, name)) == repr(getattr(back, name))  # repr: NaN equals NaN


def test_what_is_there_stays(tmp_path):
    [trial] = trials(1)
    with Ledger(tmp_path / "study.sqlite") as opened:
        for score in (0.25, 0.75):
            opened.add([("place", trial, Result(score=score))])
        opened.add([])
        assert opened.results(["place"])["place"].score == 0.25
        assert opened.count() == {"ok": 1}


def test_a_ledger_lists_what_it_has(tmp_path):
    with Ledger(tmp_path / "study.sqlite") as opened:
        assert opened.count() == {}
        assert opened.results([]) == {}
        assert opened.done(["a"]) == set()
        statuses = ["ok", "diverged", "ok"]
        found = zip("abc", trials(), statuses, strict=True)
        opened.add([(key, trial, Result(status)) for key, trial, status in found])
        assert opened.count() == {"diverged": 1, "ok": 2}
        assert opened.done(["a", "z"]) == {"a"}


def test_claims_are_kept_from_others_until_they_are_done(tmp_path):
    path = begun(tmp_path / "study.sqlite")
    [trial] = trials(1)
    with Ledger(path) as one, Ledger(path) as other:
        assert one.claim(["a", "b"]) == ["a", "b"]
        assert one.claim(["a", "b"]) == ["a", "b"]  # its own: a worker died
        assert other.claim(["a", "b", "c"]) == ["c"]
        one.add([("a", trial, Result())])
        assert other.claim(["a", "b"], firmly=True) == ["b"]
        assert one.claim(["a", "b", "c"]) == []
        other.begin(STUDY, HERE)  # who was killed claims nothing for ever
        assert one.claim(["b", "c"]) == ["b", "c"]


# ------------------------------------------------------------------------------- many at once


def test_threads_share_a_ledger(tmp_path):
    """Whoever has room claims: in a callback of joblib's, on any thread."""
    path, errors, claimed = begun(tmp_path / "study.sqlite"), [], []
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with Ledger(path) as opened:

            def work(number):
                try:
                    for i in range(40):
                        key = f"{number}-{i}"
                        claimed.extend(opened.claim([key]))
                        opened.add([(key, trials(1)[0], full(i))])
                        assert opened.results([key])[key].score == i
                        assert opened.claim([key]) == []
                        opened.count()
                except BaseException as error:
                    errors.append(error)

            threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert errors == []
            assert opened.count() == {"ok": 320}
    finally:
        sys.setswitchinterval(usual)
    assert len(set(claimed)) == 320


MANY = """
import sys
from minidl.pairing import *
trial = Trial(Cell("xor", Pairing.parse("relu/sigmoid+bce")), 0.01, 0)
print("ready", flush=True)
sys.stdin.readline()
claimed = 0
for turn in range(20):
    with Ledger(sys.argv[1]) as opened:
        free = opened.claim([f"{turn}-{i}" for i in range(5)])
        claimed += len(free)
        opened.add([(key, trial, Result(score=0.5)) for key in free])
print("claimed", claimed)
"""


def test_processes_share_a_ledger_from_its_first_moment(tmp_path):
    path = tmp_path / "study.sqlite"
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", MANY, str(path)],
            env=VARIABLES,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    seen = 0
    while seen < 100 and any(process.poll() is None for process in processes):
        error = refusal(contents, path)  # a reader among writers
        if error is None:
            now = sum(contents(path)[2].values())
            assert now >= seen
            seen = now
        else:
            assert seen == 0  # before the first had made its tables
            assert re.search("no such|another|readonly|begun", str(error))
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert sum(int(text.split("claimed ")[1]) for text in said) == 100
    with Ledger(path, write=False) as opened:
        assert opened.count() == {"ok": 100}
