"""Pictures of activations, losses and training; matplotlib is imported when one is drawn."""

from minidl.figures.catalogue import SOURCE_FIGURES as SOURCE_FIGURES
from minidl.figures.catalogue import characters as characters
from minidl.figures.catalogue import write_pictures as write_pictures
from minidl.figures.runs import plot as plot
