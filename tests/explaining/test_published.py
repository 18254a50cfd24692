"""Published forms: settings that are accepted, and layers that exist."""

import pytest

from radpipe.explaining.layers import choose_layers
from radpipe.explaining.methods import read_method
from radpipe.explaining.published import PUBLISHED
from tests.explaining.made import Noise, material_of, member_of


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_settings_are_accepted(name):
    method = read_method(PUBLISHED[name].method)
    assert method.name == PUBLISHED[name].method["name"]
    assert PUBLISHED[name].about


@pytest.mark.parametrize(
    ("name", "network", "layer"),
    [
        ("004-densenet", "densenet121", "networks.0.features.denseblock4.denselayer16.conv2"),
        ("004-efficientnet", "efficientnet_b0", "networks.0.features.8.0"),
    ],
)
def test_layers_exist(name, network, layer):
    member = member_of({"name": "torchvision", "networks": [network]}, side=64)
    batch = material_of(1, Noise(side=64)).batch(member, [0])
    assert choose_layers(member, batch, PUBLISHED[name].method["layer"]) == [layer]


def test_000_draws_the_last_convolution_and_its_relu():
    """15 x 15 before the last pooling, for slices of 256 pixels; here of 64."""
    blocks = [
        {"filters": 4, "kernel": 11, "stride": 4, "padding": 2},
        {"filters": 4, "kernel": 5, "padding": 2},
        *({"filters": 4, "pool": pool} for pool in (False, False, True)),
    ]
    exam = {"name": "exam", "trunk": {"kind": "plain", "blocks": blocks}, "trunks": "view"}
    member = member_of(exam, views=3, volumes=True, side=64)
    material = material_of(1, Noise(["axial", "coronal", "sagittal"], volumes=True, side=64))
    found = choose_layers(member, material.batch(member, [0]), None)
    assert found == [f"trunks.{view}.0.11" for view in range(3)]
