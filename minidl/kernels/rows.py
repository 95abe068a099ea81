"""Batches from a dataset where it lies, and what each batch's loss was.

``cursor`` holds how many rows of the order were taken, and how many batches.
"""

from __future__ import annotations

from minidl.kernels.jit import kernel


def _fit(data, order, cursor, batch):
    return data.shape[1] == batch.shape[1] and cursor.size == 2


@kernel("batch", _fit)
def take(data, order, cursor, batch):
    """The next rows in order."""
    for i in range(batch.shape[0]):
        row = order[cursor[0] + i]
        for j in range(batch.shape[1]):
            batch[i, j] = data[row, j]


@kernel("losses cursor", lambda loss, losses, cursor, rows: loss.size == 1 and cursor.size == 2)
def keep(loss, losses, cursor, rows):
    """Note a batch's loss and go on to the next."""
    losses[cursor[1]] = loss[0]
    cursor[0] += rows
    cursor[1] += 1
