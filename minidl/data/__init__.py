"""A dataset by name or from a file: load, split, standardise, batch.

Toy datasets come by the name of their card (``cards``), tables of one's own from CSV files
(``tables``). Both become a ``Dataset``; its ``split`` gives the parts that a training run takes;
``batches`` walks through one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.core import Registry
from minidl.data.batching import Batches, batches
from minidl.data.cards import Card, read_cards
from minidl.data.checks import check_finite, check_resolution
from minidl.data.dataset import Dataset, Split
from minidl.data.loading import load, load_csv

__all__ = [
    "datasets",
    "load",
    "load_csv",
    "Batches",
    "Card",
    "Dataset",
    "Split",
    "batches",
    "check_finite",
    "check_resolution",
]

datasets: Registry[Card]  # every card by name; read when first asked for

if not TYPE_CHECKING:  # a type checker would believe that every name exists

    def __getattr__(name: str) -> Registry[Card]:
        if name == "datasets":
            return read_cards()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
