"""One door to all methods: what is refused, repeated, and independent of company."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from radpipe.core.errors import ConfigError
from radpipe.explaining.explain import explain, mean_of
from radpipe.explaining.methods import EXPLANATIONS, read_method
from radpipe.explaining.subject import check_fits
from radpipe.learning.models.last import take_off_last
from radpipe.learning.networks.network import Network
from tests.explaining.made import Noise, material_of, member_of

COMPACT = {"name": "compact", "widths": [4, 8]}
CAM = read_method({"name": "grad-cam"})


def test_every_label_of_every_case_has_a_map_in_order():
    member = member_of(COMPACT)
    found = explain([member], material_of(3), how=CAM, labels=[[0], [2, 1], []])
    assert [(m.case, m.label) for m in found] == [("case-0", 0), ("case-1", 2), ("case-1", 1)]
    for each in found:
        assert each.views["image"].shape == (1, 32, 32)
        assert each.views["image"].dtype == np.float32
        assert not each.signed
    with torch.no_grad():
        shares = member.answers(material_of(2).batch(member, [0, 1]), "probability").numpy()
    for each, share in zip(found, (shares[0, 0], shares[1, 2], shares[1, 1]), strict=True):
        assert each.probability == pytest.approx(float(share), abs=1e-6)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_none_is_refused_with_those_that_are(label):
    with pytest.raises(ConfigError, match=rf"label {label} .*0 fracture, 1 metal, 2 cast"):
        explain([member_of(COMPACT)], material_of(1), how=CAM, labels=[[label]])


def test_a_layer_that_is_none_is_refused_with_those_that_are():
    how = read_method({"name": "grad-cam", "layer": "3.bodi"})
    with pytest.raises(ConfigError, match=r"no layer '3.bodi'.*did you mean '3.body'.*3.shortcut"):
        explain([member_of(COMPACT)], material_of(1), how=how, labels=[[0]])


def test_the_network_is_left_as_it_was():
    member = member_of(COMPACT)
    member.network.train()
    explain([member], material_of(1), how=CAM, labels=[[0]])
    assert member.network.training
    assert all(p.requires_grad and p.grad is None for p in member.network.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in member.network.modules())


METHODS = [
    {"name": "grad-cam"},
    {"name": "saliency"},
    {"name": "integrated-gradients", "steps": 5},
    {"name": "occlusion", "window": 16, "stride": 16},
    {"name": "lime", "samples": 20},
]


def test_every_method_for_pictures_is_tried_here():
    named = {each["name"] for each in METHODS}
    assert named == {name for name in EXPLANATIONS if EXPLANATIONS[name].explains is not None}


@pytest.mark.parametrize("how", METHODS, ids=lambda how: how["name"])
@pytest.mark.parametrize("batch", [1, 16])
def test_repeats_are_the_same_bytes_whatever_the_company(how, batch):
    member, material = member_of(COMPACT), material_of(19)
    labels = [[k % 3] for k in range(19)]
    method = read_method({**how, "batch": batch})
    whole, again = (
        explain([member], material, how=method, labels=labels, seed=3) for _ in range(2)
    )
    for one, other in zip(whole, again, strict=True):
        assert one.views["image"].tobytes() == other.views["image"].tobytes()
    order = np.random.default_rng(0).permutation(19)[:17]
    some = replace(material, names=[material.names[k] for k in order], rows=material.rows[order])
    moved = explain([member], some, how=method, labels=[labels[k] for k in order], seed=3)
    for place, k in enumerate(order):
        assert moved[place].views["image"].tobytes() == whole[k].views["image"].tobytes()


@pytest.mark.parametrize("how", METHODS, ids=lambda how: how["name"])
def test_heads_are_explained_through_their_frozen_network(how):
    """A linear head on features is the network that has it as its last layer."""
    whole = member_of(COMPACT)
    frozen = copy.deepcopy(whole.network)
    n = take_off_last(frozen.model, "model")
    head = member_of({"name": "head"}, channels=n)
    head.network.model.layers[-1].load_state_dict(whole.network.model[-1].state_dict())
    with_pixels = replace(head, backbone=frozen)
    labels, method = [[0, 2], [1]], read_method(how)
    ours = explain([with_pixels], material_of(2), how=method, labels=labels)
    theirs = explain([whole], material_of(2), how=method, labels=labels)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.views["image"], other.views["image"], atol=1e-6)
    with pytest.raises(ConfigError, match=r"needs pixels.*give its frozen network along"):
        explain([head], material_of(2), how=method, labels=labels)


def test_an_ensemble_is_the_mean_of_its_members():
    first, second = member_of(COMPACT), member_of({**COMPACT, "widths": [4, 6]})
    material, labels = material_of(2), [[0], [1]]
    both, one, two = (
        explain(members, material, how=CAM, labels=labels)
        for members in ([first, second], [first], [second])
    )
    for mean, a, b in zip(both, one, two, strict=True):
        expected = (a.views["image"].astype(float) + b.views["image"]) / 2
        np.testing.assert_allclose(mean.views["image"], expected, atol=1e-7)
    smaller = explain([first], material_of(2, Noise(side=16)), how=CAM, labels=labels)
    with pytest.raises(ConfigError, match="2 members are not of the same answers and squares"):
        mean_of([one, smaller])


def test_gradients_go_through_the_range_of_a_volume():
    """The way of normalising that stretches each volume: its ends have a part in every pixel."""
    model = {"name": "exam", "trunk": {"kind": "residual", "widths": [4]}}
    member = member_of(model, views=1, volumes=True)
    network = Network(
        member.network.model, torch.tensor([0.4]), torch.tensor([0.3]), exams=True, stretch=True
    ).eval()
    member = replace(member, network=network)
    how = read_method({"name": "saliency", "form": "signed"})
    one = explain([member], material_of(1, Noise(["axial"], volumes=True)), how=how, labels=[[0]])
    # Twice as bright, or brighter by as much everywhere, is the same volume to such a network.
    assert one[0].views["axial"].sum() == pytest.approx(0, abs=1e-4)


def test_votes_that_count_equally_have_no_gradients():
    votes = {"name": "neighbours", "votes": "equal"}
    with pytest.raises(ConfigError, match=r"saliency needs gradients.*votes: equal.*occlusion"):
        check_fits(
            replace(member_of(votes), backbone=member_of(COMPACT).network),
            pixels=True,
            method="saliency",
            gradients=True,
        )


def test_what_a_method_is_told_is_checked():
    with pytest.raises(ConfigError, match="unknown 'grad-cm', did you mean 'grad-cam'"):
        read_method({"name": "grad-cm"})
    with pytest.raises(ConfigError, match=r"explain.a: needs a name, one of: grad-cam"):
        read_method({}, where="explain.a", source="params.yaml")
    with pytest.raises(ConfigError, match=r"explain.a.samples: .*greater than or equal to 1"):
        read_method({"name": "lime", "samples": 0}, where="explain.a", source="params.yaml")
