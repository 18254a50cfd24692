"""Integrated gradients: captum's values, and the sum that they promise."""

import captum.attr
import numpy as np
import pytest
import torch

from radpipe.explaining.explain import explain
from radpipe.explaining.methods import read_method
from tests.explaining.made import Noise, Plain, material_of, member_of, pixels_of

COMPACT = {"name": "compact", "widths": [4, 8]}
RULES = {"gauss-legendre": "gausslegendre", "middle": "riemann_middle"}


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("steps", [5, 20])
def test_values_are_captums(rule, steps):
    member, material = member_of(COMPACT, channels=3), material_of(2, Noise(channels=3))
    images = pixels_of(member, material)
    found = captum.attr.IntegratedGradients(Plain(member))
    theirs = found.attribute(images, baselines=0.25, target=2, n_steps=steps, method=RULES[rule])
    how = {"name": "integrated-gradients", "steps": steps, "rule": rule, "baseline": 0.25}
    ours = explain([member], material, how=read_method(how), labels=[[2, 0], [2]])
    for one, other in zip((ours[0], ours[2]), theirs.sum(1).detach().numpy(), strict=True):
        assert one.signed
        np.testing.assert_allclose(one.views["image"][0], other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("baseline", [0.0, "mean", "case"])
def test_the_sum_is_the_answer_less_that_of_the_baseline(baseline):
    member, material = member_of(COMPACT), material_of(1)
    how = {"name": "integrated-gradients", "steps": 300, "baseline": baseline}
    one = explain([member], material, how=read_method(how), labels=[[1]])[0]
    image = pixels_of(member, material)
    base = {0.0: torch.zeros_like(image), "mean": torch.full_like(image, 0.4)}.get(
        baseline, image.mean().expand_as(image)
    )
    with torch.no_grad():
        said = Plain(member)(torch.cat([image, base]))[:, 1]
    assert one.views["image"].sum() == pytest.approx(float(said[0] - said[1]), abs=0.02)


def test_exams_go_their_way_in_all_views_together():
    trunk = {"kind": "residual", "widths": [4, 8]}
    member = member_of({"name": "exam", "trunk": trunk, "pool": "attention"}, views=2, volumes=True)
    material = material_of(1, Noise(["axial", "coronal"], volumes=True))
    how = read_method({"name": "integrated-gradients", "steps": 200})
    one = explain([member], material, how=how, labels=[[0]])[0]
    batch = material.batch(member, [0])
    with torch.no_grad():
        said = member.answers(batch, "logit")[0, 0]
        black = type(batch)(tuple(map(torch.zeros_like, batch.views)), batch.counts)
        less = member.answers(black, "logit")[0, 0]
    total = sum(float(view.sum()) for view in one.views.values())
    assert total == pytest.approx(float(said - less), abs=0.02)
