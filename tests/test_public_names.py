"""What ``dir`` shows of what users hold in their hands."""

import pytest

import minidl as ml

NET = ml.mlp([2, 3, 1], seed=0)

SHOWN = {
    "Tensor": (
        ml.Tensor([1.0]),
        "T abs apply backward broadcast_to clip data detach dtype exp grad is_frozen is_parameter "
        "item log max mean min name ndim numpy requires_grad reshape retain_grad shape size sqrt "
        "sum transpose",
    ),
    "Dense": (
        NET[0],
        "activation bias config forward function in_features init keeps_width kind name "
        "out_features parameters parts pre_activation seed trainable weight",
    ),
    "Sequential": (
        NET,
        "block config dtype evaluate fit forward function in_features keeps_width kind layers "
        "name optimizer out_features output_activation parameters parts predict save summary "
        "trainable",
    ),
    "Adam": (
        ml.Adam(NET.parameters()),
        "aliases clip_norm clip_value constants defaults domains formulas kernel learning_rate "
        "name parameters purpose reset settings state states step steps symbols update_kernel "
        "zero_grad",
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_dir_shows_what_users_call_and_what_subclasses_write(name):
    thing, shown = SHOWN[name]
    assert [each for each in dir(thing) if not each.startswith("_")] == shown.split()
