"""JSON and TOML of every kind that minidl reads: plain data, or a FileError that names the file."""

import json

import pytest

import minidl as ml
from minidl.core.errors import ArgumentError, FileError, MinidlError
from minidl.core.settings import number, short, whole_number
from minidl.data.cards import cards_folder, read_card
from minidl.pairing import Study
from minidl.walkthrough.examples import two_layers
from minidl.walkthrough.practice.grading import read_answers
from minidl.walkthrough.practice.worksheets import Worksheet

SHEET = ml.worksheet(two_layers())
JSON = {
    "walkthrough": (ml.Walkthrough.load, two_layers().to_json()),
    "worksheet": (lambda path: Worksheet.from_json(path.read_text("utf-8")), SHEET.to_json()),
    "answers": (read_answers, json.dumps({"a": 0.5})),
}
TOML = {"study": Study.read, "card": read_card}
DEEP = {
    "lists": "[" * 50_000,
    "whole lists": "[" * 50_000 + "]" * 50_000,
    "lists that can be read": "[" * 150 + "]" * 150,
    "mappings": '{"a":' * 5_000 + "1" + "}" * 5_000,
}
OTHER = {"digits": "1" + "0" * 5_000, "NaN": "NaN", "infinity": "[-Infinity]", "nothing": "",
         "cut": '{"a": ', "half a character": '"\ud800"',
         "half a character, escaped": r'{"\ud800": 1}'}  # fmt: skip


def refusal(read, path):
    with pytest.raises(FileError) as caught:
        read(path)
    assert caught.value.remedy
    assert len(str(caught.value)) < 2000
    return caught.value


@pytest.mark.parametrize("kind", JSON)
@pytest.mark.parametrize("content", [*DEEP, *OTHER])
def test_json_of_any_kind(tmp_path, kind, content):
    path = tmp_path / "data.json"
    read, whole = JSON[kind]
    path.write_text(whole, encoding="utf-8")
    assert read(path)
    path.write_bytes((DEEP | OTHER)[content].encode("utf-8", "surrogatepass"))
    if (kind, content) != ("worksheet", "half a character"):  # it is given as text
        refusal(read, path)


@pytest.mark.parametrize("kind", ["walkthrough", "answers"])
def test_json_that_is_no_text(tmp_path, kind):
    path = tmp_path / "data.json"
    path.write_bytes(b'\xff\xfe{"a": 1}')
    assert "no text in UTF-8" in refusal(JSON[kind][0], path).got


LARGE = [10**400, -(10**400), 10**30, 1e300, True, None, "", "1", [], [1], {}, {"a": 1}, [[[]]]]


@pytest.mark.parametrize("kind", ["walkthrough", "worksheet"])
def test_values_of_other_kinds_anywhere(tmp_path, kind):
    """Every leaf of the first steps in turn is replaced by something else."""
    path = tmp_path / "data.json"
    read, text = JSON[kind]
    data = json.loads(text)

    def leaves(part):
        for key in part if isinstance(part, dict) else range(len(part)):
            if isinstance(part[key], dict | list):
                yield from leaves(part[key])
            else:
                yield part, key

    places = list(leaves(data))
    refused = 0
    for place, (part, key) in enumerate(places[:: len(places) // 150]):
        kept, part[key] = part[key], LARGE[place % len(LARGE)]
        path.write_text(json.dumps(data), encoding="utf-8")
        try:
            document = read(path)
        except FileError:
            refused += 1
        else:
            assert str(document)
            assert document.to_markdown()
        part[key] = kept
    assert refused > 75


# ----------------------------------------------------------------------------------------- TOML


@pytest.mark.parametrize("kind", TOML)
@pytest.mark.parametrize(
    "content",
    [
        *(f"a = {text}".encode() for name, text in DEEP.items() if name != "mappings"),
        b"a = " + b"{b=" * 3_000 + b"1" + b"}" * 3_000,
        b"a" + b".a" * 3_000 + b" = 1",
        b"[" + b"a." * 3_000 + b"a]",
        b"a = 1" + b"0" * 5_000,
        b"a = 0x" + b"f" * 5_000_000 + b"g",
        b"\xff\xfe",
        b"a = 1\na = 2",
        b"a = 1979-99-99",
        b'a = "\\ud800"',
    ],
    ids=range(12),
)
def test_toml_of_any_kind(tmp_path, kind, content):
    path = tmp_path / "data.toml"
    path.write_bytes(content)
    assert refusal(TOML[kind], path).culprit == str(path)


def test_a_card_reads_and_a_missing_one_is_refused(tmp_path):
    assert read_card(cards_folder() / "xor.toml").name == "xor"
    for kind, read in TOML.items():
        assert "No such file" in refusal(read, tmp_path / f"{kind}.toml").got


VALUES = (
    "1", "0", "-1", "1.5", "true", '"x"', '""', "[]", "[1]", '["x"]', "[[1]]", "{a = 1}", "inf",
    "nan", "1e999", "1979-05-27", "07:32:00", "1" + "0" * 400, "1" + "0" * 4_000,
    "[1" + "0" * 4_000 + "]", "[99999999999]", "[" * 90 + "]" * 90, '["relu"]', '["\\u0000"]',
    '["a.csv:x"]', '["+"]', "[nan]", "[0.001, 1e999]",
)  # fmt: skip
KEYS = (
    "name", "datasets", "families", "hidden", "heads", "outputs", "unsound", "widths", "depths",
    "init", "optimizers", "learning_rates", "tuning_repetitions", "repetitions", "epochs",
    "batch_size", "minutes", "reference", "other", "a.b",
)  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_any_value_of_any_key_of_a_study(tmp_path, key):
    path = tmp_path / "study.toml"
    messages = []
    for value in VALUES:
        usual = "" if key == "datasets" else 'datasets = ["xor"]\n'
        path.write_text(f"{usual}{key} = {value}\n", encoding="utf-8")
        try:
            study = Study.read(path)
        except MinidlError as error:
            messages.append(str(error))
        else:
            again = tmp_path / "again.toml"
            again.write_text(study.toml(), encoding="utf-8")
            assert Study.read(again) == study
    assert len(messages) >= len(VALUES) - 8
    assert max(map(len, messages)) < 2000


@pytest.mark.parametrize("key", ["widths", "depths", "epochs", "batch_size"])
def test_a_study_larger_than_any_computer(tmp_path, key, refused):
    path = tmp_path / "study.toml"
    path.write_text(f'datasets = ["xor"]\n{key} = 99999999999\n', encoding="utf-8")
    with refused(ArgumentError, key, "a whole number from 1 to", "99999999999", f"Write {key}"):
        Study.read(path)


# ------------------------------------------------------------------------------------- numbers


def test_numbers_that_no_float_is_as_large_as(refused):
    with refused(ArgumentError, "rate", "a number in", "1000", "Write 0.01"):
        number("rate", 10**400)
    with refused(ArgumentError, "n", "a whole number", "thousands of digits", "Write n=16"):
        whole_number("n", -(10**5000))
    circle = []
    circle.append(circle)
    assert len(short([circle] * 10**5)) < 300
