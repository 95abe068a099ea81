"""Worksheets: equations with blanks, marked by what classical mistakes would have given."""

from minidl.walkthrough.practice.grading import Marks, grade, read_answers
from minidl.walkthrough.practice.worksheets import SHEET, Worksheet, worksheet

__all__ = [
    "Marks",
    "SHEET",
    "Worksheet",
    "grade",
    "read_answers",
    "worksheet",
]
