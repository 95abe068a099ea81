"""Output in any encoding, without docstrings, and by ``python -m minidl``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minidl.core.encoding import HANDLER, lenient, printable

CHECKOUT = Path(__file__).parents[1]
COMMANDS = ["explain --help", "list", "show selu", "show wine", "explain mazur", "xray",
            "reproduce --list"]  # fmt: skip
CLI = f"""
from minidl.cli import app
for command in {COMMANDS}:
    print("$", command, flush=True)
    app(command.split(), standalone_mode=False)
"""
SCRIPT = """
import numpy as np
import minidl as ml

X, y = np.linspace(-1, 1, 16).reshape(8, 2), [0, 1] * 4
net = ml.mlp([2, 3, 1], hidden="prelu", output="sigmoid", seed=0)
print(net.summary(batch_size=4))
history = ml.fit(net, X, y, loss="bce", epochs=2, verbose=True)
optimizer = ml.Adam(net.parameters())

def step(x, t):
    loss = ml.binary_crossentropy(t, net(x))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss

walkthrough = ml.explain(net, X[:1], y[:1], loss="bce")
for shown in (history, net, optimizer, ml.record(step, X, np.ones((8, 1))), ml.data.load("wine"),
              ml.diagnose(net, X, y, loss="bce"), walkthrough, ml.relu.range,
              ml.losses["hinge"].target):
    print(shown)
walkthrough.show()
try:
    ml.huber(delta=-1)
except ml.MinidlError as error:
    print(error)
"""


def output(*arguments, encoding="utf-8"):
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONIOENCODING": encoding,
             "COLUMNS": "100"},
        capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(encoding)


@pytest.fixture(scope="module")
def whole():
    """What a terminal shows that has every character."""
    return {code: output("-c", code) for code in (CLI, SCRIPT)}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("code", [CLI, SCRIPT], ids=["commands", "script"])
def test_what_an_encoding_lacks_is_written_in_plain_letters(code, encoding, whole):
    told = output("-c", code, encoding=encoding)
    assert told.count("?") == whole[code].count("?")
    assert len(told.splitlines()) == pytest.approx(len(whole[code].splitlines()), abs=8)
    if encoding == "ascii" and code == CLI:
        assert "(lambda = 1.0507..., alpha = 1.6733...)" in told
        assert "-" * 60 in told
    if encoding == "ascii" and code == SCRIPT:
        assert "layer             output     parameters\n---------------" in told
        assert "[0, inf)\n{-1, 1}" in told
        assert "huber(delta=...): expected a number in [0, inf), got -1" in told


def test_characters_stand_for_what_they_mean():
    """Greek by name, what is raised behind ^, what is lowered beside, letters without accents."""
    plain = {
        "∂L/∂w₁ ≤ 2σ² − μ": "dL/dw1 <= 2sigma^2 - mu",
        "λα eˣ → Φ(x′)": "lambda alpha e^x -> Phi(x')",
        "Müller, Šidák": "Muller, Sidak",
        "½ ± 10⁻⁶ ⟨a⟩ …": "1/2 +- 10^-6 <a> ...",
        "┌─┐│└┘": "+-+|++",
        "你🙂": "??",
        "plain": "plain",
    }
    for text, shown in plain.items():
        told = text.encode("ascii", HANDLER).decode()
        assert told.replace("10^-^6", "10^-6") == shown


def test_nothing_changes_where_every_character_is_there(capsys):
    print(printable("σ² ≤ ½"))
    assert capsys.readouterr().out == "σ² ≤ ½\n"


def test_a_stream_is_strict_again_afterwards(tmp_path):
    with open(tmp_path / "told", "w", encoding="ascii") as stream:
        with lenient(stream, None):
            stream.write("σ")
        assert stream.errors == "strict"
        with pytest.raises(UnicodeEncodeError):
            stream.write("σ")
    assert (tmp_path / "told").read_text() == "sigma"


@pytest.mark.parametrize("code", [CLI, SCRIPT], ids=["commands", "script"])
def test_everything_runs_without_docstrings_and_assertions(code):
    assert output("-OO", "-c", code)


def test_python_m_minidl_is_the_command_line():
    assert output("-m", "minidl", "--version").startswith("minidl ")
    assert "Usage: python -m minidl" in output("-m", "minidl", "--help")
