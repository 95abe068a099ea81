"""Kernels run on operands that lie between guard words, which nobody may touch."""

import numpy as np

from minidl.autodiff.trace import Listener
from minidl.kernels.jit import Refused

GUARD = 256
"""Bytes on each side."""

LAYOUTS = ((0, 0xFF), (1, 0x3F))
"""Items off a cache line; the byte that guards are made of: NaN (or −1), and 0.747."""


class Touched(AssertionError):
    """A kernel read or wrote beside its operands."""


class Guarded(Listener):
    """Runs each kernel twice on guarded copies of its operands, then where they lie.

    Attributes
    ----------
    runs, words : int
        How many guarded runs there were, and how many guard words were looked at.
    """

    def __init__(self):
        self.runs = self.words = 0

    def called(self, kernel, arguments):
        arguments = [np.asarray(x) if isinstance(x, np.ndarray) else x for x in arguments]
        copies = [self._run(kernel, arguments, *layout) for layout in LAYOUTS]
        refused = _refused(kernel, arguments)
        for results, was_refused in copies:
            if was_refused != refused:
                raise Touched(f"{kernel.name}: refused between guards, or only without them")
            for name, mine, theirs in zip(kernel.parameters, results, arguments, strict=True):
                if isinstance(mine, np.ndarray) and mine.tobytes() != theirs.tobytes():
                    raise Touched(f"{kernel.name}: {name} depends on what lies beside an operand")
        if refused:
            raise Refused if not kernel.writes else kernel.misfit(arguments)

    def _run(self, kernel, arguments, shift, byte):
        blocks, copies = _copied(arguments, shift, byte)
        refused = _refused(kernel, copies)
        self.runs += 1
        for memory, begin, end in blocks:
            self.words += (len(memory) - (end - begin)) // 8
            if (memory[:begin] != byte).any() or (memory[end:] != byte).any():
                raise Touched(f"{kernel.name}: wrote beside its operands")
        for i, (copy, given) in enumerate(zip(copies, arguments, strict=True)):
            if not isinstance(copy, np.ndarray) or i in kernel.writes or _shared(i, arguments):
                continue
            if copy.tobytes() != given.tobytes():
                raise Touched(f"{kernel.name}: wrote into {kernel.parameters[i]}")
        return copies, refused


def _refused(kernel, arguments):
    try:
        kernel.run(*arguments)
    except Refused:
        return True
    return False


def _place(array):
    begin = array.__array_interface__["data"][0]
    return begin, begin + array.nbytes


def _shared(i, arguments):
    """Whether an operand lies in the memory of another one."""
    begin, end = _place(arguments[i])
    others = [_place(x) for j, x in enumerate(arguments) if j != i and isinstance(x, np.ndarray)]
    return any(low < end and begin < high for low, high in others)


def _copied(arguments, shift, byte):
    """Operands in guarded memory, those that share some still together: blocks, and operands."""
    arrays = sorted((x for x in arguments if isinstance(x, np.ndarray)), key=_place)
    pieces = []
    for array in arrays:
        begin, end = _place(array)
        if pieces and begin < pieces[-1][1]:
            pieces[-1][1] = max(end, pieces[-1][1])
        else:
            pieces.append([begin, end, array.itemsize])
    blocks, homes = [], {}
    for begin, end, item in pieces:
        memory = np.full(end - begin + 2 * GUARD + 128, byte, np.uint8)
        first = GUARD + (-(_place(memory)[0] + GUARD)) % 64 + shift * item
        blocks.append((memory, first, first + end - begin))
        homes[begin, end] = memory, first
    copies = []
    for x in arguments:
        if isinstance(x, np.ndarray):
            begin, end = _place(x)
            low, high = next(p for p in homes if p[0] <= begin and end <= p[1])
            memory, first = homes[low, high]
            home = memory[first + begin - low : first + end - low].view(x.dtype).reshape(x.shape)
            home[...] = x
            x = home
        copies.append(x)
    return blocks, copies
