"""Worksheets: equations with blanks, marked by what classical mistakes would have given."""

from minidl.walkthrough.practice.grading import Marks as Marks
from minidl.walkthrough.practice.grading import grade as grade
from minidl.walkthrough.practice.grading import read_answers as read_answers
from minidl.walkthrough.practice.worksheets import SHEET as SHEET
from minidl.walkthrough.practice.worksheets import Worksheet as Worksheet
from minidl.walkthrough.practice.worksheets import worksheet as worksheet
