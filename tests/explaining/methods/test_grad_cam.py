"""Grad-CAM: captum's values, ReLUs in place, exams through their poolings."""

from dataclasses import replace

import captum.attr
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from radpipe.core.errors import ConfigError
from radpipe.explaining.explain import explain
from radpipe.explaining.layers import choose_layers
from radpipe.explaining.methods import read_method
from tests.explaining.made import Noise, Plain, material_of, member_of, pixels_of

DENSE = {"name": "torchvision", "networks": ["densenet121"], "blocks": [2, 2], "growth": 8}
NORM = "networks.0.features.norm5"
COMPACT = {"name": "compact", "widths": [4, 8]}
TRUNK = {"kind": "residual", "widths": [4, 8]}
PLAIN = {"kind": "plain", "blocks": [{"filters": 4, "kernel": 3}, {"filters": 6}]}


def drawn(member, material, labels, **how):
    method = read_method({"name": "grad-cam", **how})
    return explain([member], material, how=method, labels=labels)


@pytest.mark.parametrize(
    ("model", "layer", "of"),
    [
        pytest.param(COMPACT, "3", "logit", id="a block that ends in a function"),
        pytest.param(COMPACT, "3", "probability", id="of the sigmoid, as 004"),
        pytest.param(DENSE, NORM, "logit", id="a ReLU in place behind"),
        pytest.param(DENSE, NORM[:-5] + "denseblock1.denselayer1", "logit", id="deeper"),
    ],
)
def test_values_are_captums(model, layer, of):
    member, material = member_of(model), material_of(3)
    found = captum.attr.LayerGradCam(Plain(member, of), member.network.model.get_submodule(layer))
    peaks = []
    for label in range(3):
        maps = found.attribute(pixels_of(member, material), target=label, relu_attributions=True)
        theirs = F.interpolate(maps, (32, 32), mode="bilinear").detach().numpy()[:, 0]
        ours = drawn(member, material, [[label]] * 3, layer=layer, of=of)
        peaks.append(theirs.max())
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one.views["image"][0], other, atol=1e-5, rtol=1e-5)
    assert max(peaks) > 0.001


def test_a_relu_in_place_is_before_or_behind_as_one_says():
    """Worked out from the last norm of a DenseNet by hand: ReLU, mean, one linear layer."""
    member, material = member_of(DENSE), material_of(2)
    collection = member.network.model
    images = (pixels_of(member, material) - 0.4) / 0.3
    with torch.no_grad():
        before = collection.networks[0].features(images)
        behind, weight = before.relu(), collection.last.weight[1]
        mean = weight / before.shape[2:].numel()
        slope = mean[None, :, None, None] * (before > 0)
        by = {
            "before": (slope.mean(dim=(2, 3), keepdim=True) * before).sum(1),
            "after": (mean[None, :, None, None] * behind).sum(1),
            "mixed": (slope.mean(dim=(2, 3), keepdim=True) * behind).sum(1),
        }
    for values, expected in by.items():
        large = F.interpolate(expected.relu()[:, None], (32, 32), mode="bilinear")[:, 0]
        ours = drawn(member, material, [[1]] * 2, values=values)  # norm5 by default
        for one, other in zip(ours, large.numpy(), strict=True):
            np.testing.assert_allclose(one.views["image"][0], other, atol=1e-6, rtol=1e-5)
    assert (by["before"] - by["after"]).abs().max() > 0.01


def test_what_speaks_against_is_kept_on_demand():
    member, material = member_of(COMPACT), material_of(1)
    kept = drawn(member, material, [[0]], keep_negative=True)[0]
    assert kept.signed
    assert kept.views["image"].min() < 0


@pytest.mark.parametrize("pool", ["max", "mean", "attention"])
@pytest.mark.parametrize("weigh", ["slice", "view"])
@pytest.mark.parametrize("trunks", ["shared", "view"])
def test_exams_are_drawn_through_their_pooling(pool, weigh, trunks):
    """Against gradients that come through trunk, pooling and head by hand, view by view."""
    model = {"name": "exam", "trunk": PLAIN, "trunks": trunks, "pool": pool}
    member = member_of(model, views=2, volumes=True)
    material = material_of(2, Noise(["axial", "coronal"], volumes=True))
    ours = drawn(member, material, [[2], [2]], weigh=weigh)
    exam = member.network.model
    for case in range(2):
        batch = material.batch(member, [case])
        maps, pooled = [], []
        for k, view in enumerate(batch.views):
            trunk = next(iter(exam.trunks[k if trunks == "view" else 0]))
            layers = list(trunk)
            values = torch.nn.Sequential(*layers[:5])((view - 0.4) / 0.3).detach()
            maps.append(values.requires_grad_())
            features = torch.nn.Sequential(*layers[5:])(values)
            pooled.append(exam.pools[k][0](features, batch.counts[k]))
        answer = exam.heads[0][0](torch.cat(pooled, dim=1))[0, 2]
        slopes = torch.autograd.grad(answer, maps)
        for name, values, slope in zip(["axial", "coronal"], maps, slopes, strict=True):
            where = (2, 3) if weigh == "slice" else (0, 2, 3)
            one = (slope.mean(dim=where, keepdim=True) * values).sum(1).relu()
            large = F.interpolate(one[:, None], (32, 32), mode="bilinear")[:, 0]
            np.testing.assert_allclose(
                ours[case].views[name], large.detach().numpy(), atol=1e-5, rtol=1e-5
            )


def test_maximum_over_slices_leaves_slices_dark_that_win_nothing():
    model = {"name": "exam", "trunk": TRUNK, "pool": "max"}
    member = member_of(model, views=1, volumes=True)
    material = material_of(1, Noise(["axial"], volumes=True))
    one = drawn(member, material, [[0]])[0]
    assert one.views["axial"].shape == (3, 32, 32)


def test_every_label_has_its_own_trunk():
    model = {"name": "exam", "trunk": TRUNK, "trunks": "view-and-label", "head": "views"}
    member = member_of(model, views=2, volumes=True)
    material = material_of(2, Noise(["axial", "coronal"], volumes=True))
    ours = drawn(member, material, [[0, 1], [2]])
    assert all(view.any() for each in ours for view in each.views.values())
    only = drawn(member, material, [[0], []], layer="trunks.0.1.3")[0]
    assert not only.views["axial"].any()  # the trunk of another label


def test_a_view_that_a_case_lacks_is_left_out():
    member = member_of({"name": "exam", "trunk": TRUNK}, views=2, volumes=True)
    material = material_of(2, Noise(["axial", "coronal"], volumes=True))
    rows = material.rows.copy()
    rows[0, 0] = -1
    ours = drawn(member, replace(material, rows=rows), [[0], [0]])
    assert [sorted(each.views) for each in ours] == [["coronal"], ["axial", "coronal"]]
    whole = drawn(member, material, [[0], [0]])
    assert ours[1].views["axial"].tobytes() == whole[1].views["axial"].tobytes()


def test_networks_side_by_side_are_added_up():
    model = {**DENSE, "networks": ["densenet121", "densenet169"]}
    member, material = member_of(model), material_of(1)
    both = drawn(member, material, [[0]], keep_negative=True)[0].views["image"]
    parts = [
        drawn(member, material, [[0]], keep_negative=True, layer=layer)[0].views["image"]
        for layer in choose_layers(member, material.batch(member, [0]), None)
    ]
    assert len(parts) == 2
    np.testing.assert_allclose(both, sum(parts), atol=1e-6)


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        (COMPACT, ["3"]),
        (DENSE, [NORM]),
        ({"name": "vgg"}, ["features.29"]),
        ({"name": "joint", "image": COMPACT}, ["image.3"]),
        ({"name": "efficientnet_lite"}, ["top.bound"]),
    ],
)
def test_the_default_is_the_last_layer_of_features(model, layers):
    member, material = member_of(model, side=64), material_of(1, Noise(side=64))
    assert choose_layers(member, material.batch(member, [0]), None) == layers


def test_what_has_no_maps_is_refused_with_a_way_out():
    with pytest.raises(ConfigError, match=r"no layer of bones-v1 \(model.name: floor\).*saliency"):
        drawn(member_of({"name": "floor"}), material_of(1), [[0]])
