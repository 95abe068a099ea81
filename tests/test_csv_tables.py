"""Tables from CSV files: what is read, what is inferred, and every way they are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minidl import data
from minidl.core.errors import ArgumentError, DataError, FileError, UnknownNameError

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture
def csv_file(tmp_path):
    """A function that writes a file and says where."""

    def write(content: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_text_labels_become_class_numbers(csv_file):
    path = csv_file("width,kind,weight\n7.1, orange ,150\n9,apple,1e2\n\n8,apple,-3\n", "fruit.csv")
    fruit = data.load_csv(path, target="kind")
    np.testing.assert_array_equal(fruit.X, [[7.1, 150], [9, 100], [8, -3]])
    assert fruit.X.dtype == np.float64
    assert fruit.y.tolist() == [1, 0, 0]
    assert fruit.y.dtype == np.int64
    assert fruit.classes == ("apple", "orange")
    assert fruit.feature_names == ("width", "weight")
    assert (fruit.name, fruit.family, fruit.task) == ("fruit", "fruit", "classification")
    assert (fruit.metric, fruit.source) == ("accuracy", str(path))


@given(
    table=st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        min_size=2,
        max_size=20,
        unique_by=lambda row: row[1],
    )
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_number_arrives_to_the_last_bit(csv_file, table):
    path = csv_file("a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in table))
    loaded = data.load_csv(path, "b", task="regression")
    assert loaded.X[:, 0].tolist() == [a for a, _ in table]
    assert loaded.y.tolist() == [b for _, b in table]
    assert (loaded.y.dtype, loaded.task, loaded.metric) == (np.float64, "regression", "r2")
    assert loaded.classes == ()


def target_of(csv_file, values, **options):
    return data.load_csv(csv_file("x,t\n" + "".join(f"0,{v}\n" for v in values)), "t", **options)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([1, 2, 1, 2, 2], ("1", "2")),
        ([-1, 1, 1, 1, -1], ("-1", "1")),
        ([10, 9, 10, 9, 10], ("9", "10")),  # in the order of numbers, not of text
        (["1.0", "2", "1", "2.0", "1e0"], ("1", "2")),
        ([1234567, 7654321] * 3, ("1234567", "7654321")),
        ([*range(20)] * 3, tuple(map(str, range(20)))),
        ([*range(21)] * 3, ()),  # 21 whole numbers: too many
        ([0, 1, 0, 1], ()),  # as many as half of the rows
        ([0.5, 1.5] * 5, ()),  # not whole
    ],
)
def test_the_task_is_inferred(csv_file, values, classes):
    loaded = target_of(csv_file, values)
    assert loaded.classes == classes
    assert loaded.task == ("classification" if classes else "regression")
    if classes:
        labels = [float(loaded.classes[number]) for number in loaded.y]
        assert labels == [float(value) for value in values]
    else:
        assert loaded.y.tolist() == values


def test_the_task_can_be_told(csv_file):
    assert target_of(csv_file, [1, 2] * 5, task="regression").y.tolist() == [1.0, 2.0] * 5
    assert target_of(csv_file, [0.5, 1.5], task="classification").classes == ("0.5", "1.5")
    mixed = target_of(csv_file, ["1", "one", "1"], task="classification")
    assert (mixed.classes, mixed.y.tolist()) == (("1", "one"), [0, 1, 0])


LABELS = {
    "underscores": (["1_0", "10", "2_0"], ("10", "1_0", "2_0")),
    "zeros in front": (["007", "7"], ("007", "7")),
    "zeros in front of all": (["007", "008"], ("007", "008")),
    "ids beyond float64": (
        ["9007199254740993", "9007199254740992"], ("9007199254740992", "9007199254740993")),
    "truth values": (["True", "False"], ("False", "True")),
    "commas": (['"1,000"', '"2,000"'], ("1,000", "2,000")),
    "hexadecimal": (["0x10", "16"], ("0x10", "16")),
    "other digits": (["١٠", "10"], ("10", "١٠")),
    "text and numbers": (["1", "one"], ("1", "one")),
}  # fmt: skip


@pytest.mark.parametrize("case", LABELS)
def test_labels_stay_the_text_they_are(csv_file, case):
    cells, classes = LABELS[case]
    loaded = target_of(csv_file, cells * 3)
    assert loaded.classes == classes
    assert [loaded.classes[number] for number in loaded.y] == [c.strip('"') for c in cells * 3]


def test_zeros_in_front_are_numbers_where_a_quantity_is_told(csv_file):
    assert target_of(csv_file, ["007", "7", "08"], task="regression").y.tolist() == [7, 7, 8]


def test_one_number_written_in_two_ways_is_one_value(csv_file, refused):
    with refused(DataError, "column 't'", "two different values", "'1' in every row", "another"):
        target_of(csv_file, ["1", "1.0", "1"])
    for task in (None, "regression"):
        with refused(DataError, "column 't'", "two different", "'7' in every row", "another"):
            target_of(csv_file, ["7", "7.0", "7"], task=task)


def test_text_that_stands_once_among_numbers_is_a_typo(csv_file, refused):
    with refused(DataError, "line 5, column 't'", "as in other rows", "'1o'", "task='classif"):
        target_of(csv_file, ["10", "20", "10", "1o", "20"])


CELLS = {
    "1_0": "Replace text by numbers",
    "1,000": "Write 1000 if the comma parts thousands, 1.000 if it is a decimal comma.",
    "-12,345": "Write -12345 if the comma parts thousands, -12.345 if it is a decimal comma.",
    "1,234,567": "Write 1234567, without commas between the thousands.",
    "1,234.5": "Write 1234.5, without commas between the thousands.",
    "2,5": "Write a decimal point: 2.5.",
    "١٠": "Replace text by numbers",
    "True": "Replace text by numbers",
    "0x10": "Replace text by numbers",
}


@pytest.mark.parametrize("cell", CELLS)
def test_cells_that_are_no_numbers_to_everybody(csv_file, cell, refused):
    path = csv_file(f'a,t\n"{cell}",1\n2,2\n')
    with refused(DataError, "line 2, column 'a'", "a number", repr(cell), CELLS[cell]):
        data.load_csv(path, "t")


def test_a_rare_class_asks_for_balanced_accuracy(csv_file):
    assert target_of(csv_file, ["a"] * 9 + ["b"]).metric == "accuracy"
    assert target_of(csv_file, ["a"] * 10 + ["b"]).metric == "balanced_accuracy"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfx,t\r\n1,2\r\n3,4.5\r\n",  # Excel: byte order mark, \r\n
        b"x,t\r1,2\r3,4.5",  # an old Mac
        b'"x"," t"\n"1",2\n\n3,"4.5"\n\n',
    ],
)
def test_files_of_other_systems(csv_file, content):
    loaded = data.load_csv(str(csv_file(content)), "t")
    assert loaded.X.tolist() == [[1.0], [3.0]]
    assert loaded.y.tolist() == [2.0, 4.5]
    assert loaded.feature_names == ("x",)


HEAD = "age,height,t\n1,2,3\n"


@pytest.mark.parametrize(
    ("content", "culprit", "expected", "got", "remedy"),
    [
        (
            HEAD + "1,,4\n",
            "line 3, column 'height'",
            "a value",
            "a gap ('')",
            "leave the whole row",
        ),
        (HEAD + "NaN,2,4\n", "line 3, column 'age'", "a value", "a gap ('NaN')", "Fill it in"),
        (HEAD + "\n1,2,?\n", "line 4, column 't'", "a value", "a gap ('?')", "Fill it in"),
        (HEAD + "1,tall,4\n", "line 3, column 'height'", "a number", "'tall'", "0 and 1"),
        (HEAD + '1,"2,5",4\n', "line 3, column 'height'", "a number", "'2,5'", "point: 2.5"),
        (HEAD + "1,-inf,4\n", "line 3, column 'height'", "a finite", "-inf", "leave the row"),
        (HEAD + "1,1e999,4\n", "line 3, column 'height'", "a finite", "1e999", "leave the row"),
        (HEAD + "1,2,inf\n", "line 3, column 't'", "a finite number", "inf", "leave the row"),
        ("t,a,b\n1,2,3\n1,x,3\n", "line 3, column 'a'", "a number", "'x'", "0 and 1"),
        (HEAD + "1,2,4\n1,2,x\n", "line 4, column 't'", "a number", "'x'", "task='classif"),
        (HEAD + "1,2\n", "table.csv, line 3", "3 cells, as in the header", "2", "Complete the row"),
        (HEAD + "1,2,3,4\n", "table.csv, line 3", "3 cells, as in the header", "4", "quotes"),
        (HEAD + '1,"2\n3",4\n', "line 3, column 'height'", "a number", "'2\\n3'", "0 and 1"),
        ('a,t\n1,"x\ny"\n1\n', "table.csv, line 4", "2 cells", "1", "Complete the row"),
        (HEAD + '1,"2,3\n4,5,6\n', "table.csv, line 3", "commas", "unexpected end", "Close every"),
        (HEAD + "4,5,3\n", "column 't'", "two different values", "'3' in every row", "another"),
        ("a,t\n1,x\n2,x\n", "column 't'", "two different values", "'x' in every row", "target"),
        ("", "table.csv", "a header and rows", "an empty file", "Write a header"),
        (" \n,\n", "table.csv", "a header and rows", "an empty file", "Write a header"),
        ("a,t\n", "table.csv", "rows below the header", "none", "Add rows"),
        ("t\n1\n2\n", "table.csv", "at least one feature", "'t' alone", "Add the columns"),
        ("1,2,3\n4,5,6\n", "line 1", "a header", "numbers (1, 2, 3 …)", "Put a first line"),
        (",a,t\n0,1,2\n", "line 1", "a header", "no name for column 1", "index=False"),
        ("a,t,a\n0,1,2\n", "line 1", "once", "two columns called 'a'", "Rename"),
        ("a;t\n1;2\n", "line 1", "separated by commas", "';'", "Save the table again with commas"),
        ("\na\tt\n1\t2\n", "line 2", "separated by commas", "'\\t'", "Save the table again"),
    ],
)
def test_a_table_that_cannot_be_learned_from(
    csv_file, content, culprit, expected, got, remedy, refused
):
    with refused(DataError, culprit, expected, got, remedy):
        data.load_csv(csv_file(content), "t")


def test_text_in_a_target_told_to_be_a_quantity(csv_file, refused):
    path = csv_file("a,t\n1,low\n2,high\n")
    with refused(DataError, f"{path}, line 2, column 't'", "a number", "'low'", "0 and 1"):
        data.load_csv(path, "t", task="regression")


def test_a_target_that_is_no_column(csv_file, refused):
    path = csv_file("petal length,species\n1,a\n2,b\n")
    with refused(UnknownNameError, str(path), "petal length", "'Species'", "mean 'species'?"):
        data.load_csv(path, "Species")
    with refused(UnknownNameError, "target column", "species", "'y'", "target='species'"):
        data.load_csv(path, "y")


def test_a_task_that_is_none(csv_file, refused):
    path = csv_file("a,t\n1,2\n")
    with refused(ArgumentError, "task", "'regression'", "'regresion'", "Did you mean 'regression'"):
        data.load_csv(path, "t", task="regresion")
    with refused(ArgumentError, "task", "'classification'", "'x'", "inferred"):
        data.load_csv(path, "t", task="x")


def test_a_file_that_is_not_there(csv_file, tmp_path, refused):
    path = csv_file("a,t\n1,2\n", "measurements.csv")
    with refused(FileError, "measurement.csv", "a CSV file", "no such file", repr(str(path))):
        data.load_csv(tmp_path / "measurement.csv", "t")
    with refused(FileError, "nowhere", "a CSV file", "no such file", str(Path.cwd())):
        data.load_csv("nowhere/z.csv", "t")


def test_a_folder_instead_of_a_file(tmp_path, refused):
    with refused(FileError, str(tmp_path), "a CSV file", "directory", "may read"):
        data.load_csv(tmp_path, "t")


def test_bytes_that_are_not_text(csv_file, refused):
    latin = csv_file("a,t\n1,x\n2,größe\n".encode("latin-1"))
    with refused(FileError, f"{latin}, line 3", "UTF-8", "the byte 0xf6", "CSV UTF-8"):
        data.load_csv(latin, "t")
    with refused(FileError, "line 1", "UTF-8", "the byte 0xff", "CSV UTF-8"):
        data.load_csv(csv_file("a,t\n1,x\n".encode("utf-16")), "t")
