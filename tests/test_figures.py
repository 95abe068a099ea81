"""Pictures of the registries: where a curve jumps, nothing is drawn across."""

import numpy as np
import pytest

from minidl.figures import catalogue as figures
from minidl.nn import activations, losses


@pytest.mark.parametrize("name", activations.names() + losses.names())
def test_no_line_is_drawn_across_a_jump(name):
    jumps = {"mae": 2, **dict.fromkeys(("relu", "leaky_relu", "prelu", "selu"), 1)}
    jumps |= dict.fromkeys(("hinge", "categorical_hinge"), 1)
    x, y, slope, *_ = figures.curve(name)
    assert np.isnan(figures._broken(x, slope)[1]).sum() == jumps.get(name, 0)
    assert not np.isnan(figures._broken(x, y)[1]).any()


def test_a_jump_between_two_bends_is_a_gap():
    x = np.linspace(-1, 1, 401)
    y = figures._broken(x, np.where(x < 0, x**2, 1 + np.sin(x)))[1]
    assert np.flatnonzero(np.isnan(y)).tolist() == [200]


def test_a_picture_that_is_cut_short_leaves_the_one_before(tmp_path, cut_short):
    (tmp_path / "01_relu.svg").write_text("of yesterday", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        figures.write_pictures(["relu"], tmp_path)
    assert (tmp_path / "01_relu.svg").read_text(encoding="utf-8") == "of yesterday"
