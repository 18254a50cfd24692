"""Layers by name: which give maps, wildcards, and long lists cut short."""

import pytest

from radpipe.core.errors import ConfigError
from radpipe.explaining.layers import choose_layers, maps_of, watching
from tests.explaining.made import Noise, material_of, member_of

DENSE = {"name": "torchvision", "networks": ["densenet121"], "blocks": [2, 2], "growth": 8}
EXAM = {"name": "exam", "trunk": {"kind": "residual", "widths": [4, 8]}, "trunks": "view"}


def test_layers_with_maps_come_in_the_order_of_their_calls():
    member = member_of({"name": "compact", "widths": [4, 8]})
    found = maps_of(member, material_of(1).batch(member, [0]))
    assert list(found) == [
        *("0", "1", "2"),
        *(f"3.body.{k}" for k in range(5)),
        *("3.body", "3.shortcut.0", "3.shortcut.1", "3.shortcut.2", "3.shortcut", "3"),
    ]
    assert found["3"] == (1, 8, 16, 16)


def test_a_star_stands_for_anything():
    member = member_of(EXAM, views=2, volumes=True)
    material = material_of(1, Noise(["axial", "coronal"], volumes=True))
    batch = material.batch(member, [0])
    assert choose_layers(member, batch, "trunks.*.0.0") == ["trunks.0.0.0", "trunks.1.0.0"]
    with watching(member, ["trunks.1.0.0", "trunks.0.0.0"]) as seen:
        member.logits(batch)
    # View by view, whatever the order of the names.
    assert [(each.layer, each.view) for each in seen] == [("trunks.0.0.0", 0), ("trunks.1.0.0", 1)]


def test_a_long_list_is_cut_short():
    member = member_of(DENSE)
    with pytest.raises(ConfigError, match=r"last first: networks.0.features, .* and \d+ more"):
        choose_layers(member, material_of(1).batch(member, [0]), "networks.0.classifier")
