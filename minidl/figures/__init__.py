"""Pictures of activations, losses and training; matplotlib is imported when one is drawn."""

from minidl.figures.catalogue import SOURCE_FIGURES, characters, write_pictures
from minidl.figures.runs import plot

__all__ = [
    "SOURCE_FIGURES",
    "characters",
    "plot",
    "write_pictures",
]
