"""One door to all methods: what is refused, repeated, and independent of company."""

from dataclasses import replace

import numpy as np
import pytest

from radpipe.core.errors import ConfigError
from radpipe.explaining.explain import explain
from radpipe.explaining.methods import read_method
from tests.explaining.made import material_of, member_of

COMPACT = {"name": "compact", "widths": [4, 8]}
CAM = read_method({"name": "grad-cam"})


def test_every_label_of_every_case_has_a_map_in_order():
    found = explain([member_of(COMPACT)], material_of(3), how=CAM, labels=[[0], [2, 1], []])
    assert [(m.case, m.label) for m in found] == [("case-0", 0), ("case-1", 2), ("case-1", 1)]
    for each in found:
        assert each.views["image"].shape == (1, 32, 32)
        assert each.views["image"].dtype == np.float32
        assert not each.signed


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_none_is_refused_with_those_that_are(label):
    with pytest.raises(ConfigError, match=rf"label {label} .*0 fracture, 1 metal, 2 cast"):
        explain([member_of(COMPACT)], material_of(1), how=CAM, labels=[[label]])


def test_a_layer_that_is_none_is_refused_with_those_that_are():
    how = read_method({"name": "grad-cam", "layer": "3.bodi"})
    with pytest.raises(ConfigError, match=r"no layer '3.bodi'.*did you mean '3.body'.*3.shortcut"):
        explain([member_of(COMPACT)], material_of(1), how=how, labels=[[0]])


def test_repeats_are_the_same_bytes_whatever_the_company():
    member, material = member_of(COMPACT), material_of(19)
    labels = [[k % 3] for k in range(19)]
    whole = explain([member], material, how=CAM, labels=labels)
    again = explain([member], material, how=CAM, labels=labels)
    for one, other in zip(whole, again, strict=True):
        assert one.views["image"].tobytes() == other.views["image"].tobytes()
    order = np.random.default_rng(0).permutation(19)
    some = replace(material, names=[material.names[k] for k in order], rows=material.rows[order])
    moved = explain([member], some, how=CAM, labels=[labels[k] for k in order])
    for place, k in enumerate(order):
        assert moved[place].views["image"].tobytes() == whole[k].views["image"].tobytes()


def test_the_network_is_left_as_it_was():
    member = member_of(COMPACT)
    member.network.train()
    explain([member], material_of(1), how=CAM, labels=[[0]])
    assert member.network.training
    assert all(p.requires_grad and p.grad is None for p in member.network.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in member.network.modules())
