"""Ctrl-C while machine code is made or loaded is put off until it is there."""

import signal
import threading

import pytest

from minidl.kernels.interrupts import uninterrupted


def test_an_interrupt_comes_behind_the_function():
    done = []

    def load():
        signal.raise_signal(signal.SIGINT)
        done.append(1)
        return 3

    usual = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        uninterrupted(load)()
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is usual
    assert uninterrupted(lambda: 3)() == 3


def test_errors_and_other_threads_go_through():
    def fail():
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        uninterrupted(fail)()
    results = []
    thread = threading.Thread(target=lambda: results.append(uninterrupted(lambda: 5)()))
    thread.start()
    thread.join()
    assert results == [5]


def test_a_process_that_ignores_interrupts_goes_on_ignoring():
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert uninterrupted(lambda: 7)() == 7
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)
