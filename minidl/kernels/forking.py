"""What is held while kernels are made and libraries loaded, and that ``fork`` waits for.

A forked child has one thread, and whatever another was about to do stays half done for ever: a
lock that it held is never released. So a fork takes these locks first; nobody else has them then.
"""

from __future__ import annotations

import os
from threading import RLock

from numba.core.compiler_lock import global_compiler_lock

build_lock = RLock()
"""Held while kernels are made: of two threads at once each would make its own, and a recorder that
meets one and then the other takes them for two operations. Comes before numba's own lock."""


def _take() -> None:
    build_lock.acquire()
    global_compiler_lock.acquire()


def _give_back() -> None:
    global_compiler_lock.release()
    build_lock.release()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_take, after_in_parent=_give_back, after_in_child=_give_back)
