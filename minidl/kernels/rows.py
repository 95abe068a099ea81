"""Batches from a dataset where it lies, and what each batch's loss was.

``cursor`` holds how many rows of the order were taken, and how many batches.
"""

from __future__ import annotations

from minidl.kernels.jit import Refused, kernel


@kernel("batch")
def take(data, order, cursor, batch):
    """The next rows in order."""
    if data.shape[1] != batch.shape[1] or cursor.size != 2:
        raise Refused
    if not 0 <= cursor[0] <= order.size - batch.shape[0]:
        raise Refused
    for i in range(batch.shape[0]):
        row = order[cursor[0] + i]
        if not 0 <= row < data.shape[0]:
            raise Refused
        for j in range(batch.shape[1]):
            batch[i, j] = data[row, j]


@kernel("losses cursor")
def keep(loss, losses, cursor, rows):
    """Note a batch's loss and go on to the next."""
    if loss.size != 1 or cursor.size != 2 or not 0 <= cursor[1] < losses.size:
        raise Refused
    losses[cursor[1]] = loss[0]
    cursor[0] += rows
    cursor[1] += 1
