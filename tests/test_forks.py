"""A forked child of a process whose other threads train: what docs/threads.md promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork to get wrong")

HELD = """
import os, signal, threading, time
import minidl as ml
from minidl.kernels.forking import build_lock
from numba.core.compiler_lock import global_compiler_lock

held = threading.Event()

def compiling():
    with build_lock, global_compiler_lock:
        held.set()
        time.sleep(0.5)

threading.Thread(target=compiling).start()
held.wait()
child = os.fork()
if not child:
    signal.alarm(30)
    os._exit(0 if ml.relu([2.0])[0] == 2.0 else 1)  # has to compile, or to load
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

LISTENING = """
import os, threading
import minidl as ml
from minidl.autodiff.trace import Listener, handed_to, listeners

entered, done = threading.Event(), threading.Event()

def listening():
    with handed_to(Listener()):
        entered.set()
        done.wait()

thread = threading.Thread(target=listening)
thread.start()
entered.wait()
with handed_to(Listener()):
    child = os.fork()
    if not child:
        os._exit(len(listeners))  # that of the thread that forked
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(listeners))
done.set()
thread.join()
"""

TRAINING = """
import os, signal, threading
import numpy as np
import minidl as ml

X, y = np.linspace(-1, 1, 64).reshape(32, 2), np.arange(32) % 2
hidden = ["relu", "tanh", "elu", "softsign"]

def train(name):
    net = ml.mlp([2, 4, 1], hidden=name, output="sigmoid", seed=0)
    return ml.fit(net, X, y, loss="bce", epochs=2)["loss"][-1]

expected = train("relu")
stop = threading.Event()

def again():
    while not stop.is_set():
        for name in hidden:
            train(name)

thread = threading.Thread(target=again)
thread.start()
for _ in range(10):
    child = os.fork()
    if not child:
        signal.alarm(60)
        os._exit(0 if train("relu") == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
thread.join()
print("ten children trained")
"""


def told(code):
    done = subprocess.run(
        [sys.executable, "-W", "ignore:.*fork:DeprecationWarning", "-c", code],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_fork_waits_until_nobody_compiles():
    assert told(HELD) == "0"


def test_a_child_has_no_listeners_of_threads_that_are_not_there():
    assert told(LISTENING) == "1 2"


def test_children_train_while_a_thread_of_the_parent_trains():
    assert told(TRAINING) == "ten children trained"
