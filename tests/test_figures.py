"""Pictures of the registries: where a curve jumps, nothing is drawn across."""

import numpy as np
import pytest

from minidl.figures import catalogue as figures
from minidl.nn import activations, losses


@pytest.mark.parametrize("name", activations.names() + losses.names())
def test_no_line_is_drawn_across_a_jump(name, monkeypatch):
    x, y, slope, *_ = figures.curve(name)
    between = np.add.outer(x[:-1], np.arange(100) * (x[1] - x[0]) / 100)  # holds x to the bit
    monkeypatch.setattr(np, "linspace", lambda *_: np.append(between, x[-1]))
    fine = np.abs(np.diff(figures.curve(name)[2]).reshape(-1, 100))  # a row for each of the steps
    jumps = fine.max(axis=1) > 0.9 * np.abs(np.diff(slope))  # one in a hundred takes it all
    jumps &= np.abs(np.diff(slope)) > 0.05 * np.ptp(slope)
    assert np.isnan(figures._broken(x, slope)[1]).sum() == jumps.sum()
    assert not np.isnan(figures._broken(x, y)[1]).any()


def test_jumps_are_seen():
    """Of minidl's own: where a derivative is known to jump."""
    jumps = {"mae": 2, "relu": 1, "selu": 1, "hinge": 1, "tanh": 0, "softmax": 0}
    for name, count in jumps.items():
        x, _, slope, *_ = figures.curve(name)
        assert np.isnan(figures._broken(x, slope)[1]).sum() == count, name


def test_a_jump_between_two_bends_is_a_gap():
    x = np.linspace(-1, 1, 401)
    y = figures._broken(x, np.where(x < 0, x**2, 1 + np.sin(x)))[1]
    assert np.flatnonzero(np.isnan(y)).tolist() == [200]


def test_a_picture_that_is_cut_short_leaves_the_one_before(tmp_path, cut_short):
    (tmp_path / "01_relu.svg").write_text("of yesterday", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        figures.write_pictures(["relu"], tmp_path)
    assert (tmp_path / "01_relu.svg").read_text(encoding="utf-8") == "of yesterday"
