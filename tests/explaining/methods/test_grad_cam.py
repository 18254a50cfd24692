"""Grad-CAM: captum's values, ReLUs in place, exams through their poolings."""

import captum.attr
import numpy as np
import pytest
import torch
from torch import nn

from radpipe.explaining.explain import explain
from radpipe.explaining.methods import read_method
from radpipe.learning.data.cases import Batch, gather
from tests.explaining.made import material_of, member_of

DENSE = {"name": "torchvision", "networks": ["densenet121"], "blocks": [2, 2], "growth": 8}
COMPACT = {"name": "compact", "widths": [4, 8]}


def drawn(member, material, labels, **how):
    method = read_method({"name": "grad-cam", **how})
    return explain([member], material, how=method, labels=labels)


class Plain(nn.Module):
    """A member as captum takes it: pictures in, logits out."""

    def __init__(self, member):
        super().__init__()
        self.network = member.network

    def forward(self, images):
        return self.network(Batch((images,), ((1,) * len(images),)))


def by_captum(member, material, layer, label):
    """Return captum's Grad-CAM, before it is brought to the size of the picture."""
    batch = gather(material.store, material.rows, torch.device("cpu"))
    found = captum.attr.LayerGradCam(Plain(member), member.network.model.get_submodule(layer))
    maps = found.attribute(batch.views[0], target=label, relu_attributions=True)
    return nn.functional.interpolate(maps, (32, 32), mode="bilinear").detach().numpy()[:, 0]


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        pytest.param(COMPACT, "3", id="a block that ends in a function"),
        pytest.param(DENSE, "networks.0.features.norm5", id="a ReLU in place behind"),
        pytest.param(DENSE, "networks.0.features.denseblock1.denselayer1", id="deeper"),
    ],
)
def test_values_are_captums(model, layer):
    member, material = member_of(model, side=32), material_of(3)
    for label in range(3):
        ours = drawn(member, material, [[label]] * 3, layer=layer)
        theirs = by_captum(member, material, layer, label)
        for k, each in enumerate(ours):
            assert each.views["image"].max() > 0 or not theirs[k].max()
            np.testing.assert_allclose(each.views["image"][0], theirs[k], atol=1e-5, rtol=1e-5)
