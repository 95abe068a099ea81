"""Pictures of activations, losses and histories; matplotlib is imported when one is drawn."""

from minidl.figures.catalogue import SOURCE_FIGURES, characters, plot

__all__ = [
    "SOURCE_FIGURES",
    "characters",
    "plot",
]
