"""Gradient saliency: captum's gradients, by channels as published."""

import captum.attr
import numpy as np
import pytest

from radpipe.core.settings import Target
from radpipe.explaining.explain import explain
from radpipe.explaining.methods import read_method
from radpipe.explaining.subject import answers_of
from tests.explaining.made import Noise, Plain, material_of, member_of, pixels_of

COMPACT = {"name": "compact", "widths": [4, 8]}


@pytest.mark.parametrize("of", ["logit", "probability"])
@pytest.mark.parametrize("form", ["absolute", "signed"])
def test_values_are_captums(of, form):
    member, material = member_of(COMPACT, channels=3), material_of(3, Noise(channels=3))
    images = pixels_of(member, material).requires_grad_()
    theirs = captum.attr.Saliency(Plain(member, of)).attribute(images, target=1, abs=False)
    flat = theirs.abs().amax(1) if form == "absolute" else theirs.sum(1)
    how = read_method({"name": "saliency", "of": of, "form": form})
    ours = explain([member], material, how=how, labels=[[1]] * 3)
    for one, other in zip(ours, flat.numpy(), strict=True):
        assert one.signed == (form == "signed")
        np.testing.assert_allclose(one.views["image"][0], other, atol=1e-5, rtol=1e-5)


def test_exclusive_classes_and_grades_have_answers_for_each_class():
    for kind in ("multi-class", "ordinal"):
        target = Target(kind=kind, classes=["0", "1", "2"])
        member = member_of(COMPACT, target=target)
        logits = member.logits(material_of(2).batch(member, [0, 1]))
        shares = answers_of(logits, member.what, "probability")
        assert shares.shape == (2, 3)
        np.testing.assert_allclose(shares.sum(1).detach(), 1, rtol=1e-5)
        how = read_method({"name": "saliency", "of": "probability", "form": "signed"})
        maps = explain([member], material_of(1), how=how, labels=[[0, 1, 2]])
        # Probabilities add up to 1 whatever the pixels are.
        total = sum(each.views["image"] for each in maps)
        np.testing.assert_allclose(total, 0, atol=1e-6)
