"""Occlusion: captum's values, and exams."""

import captum.attr
import numpy as np
import pytest

from radpipe.core.errors import ConfigError
from radpipe.explaining.explain import explain
from radpipe.explaining.methods import read_method
from tests.explaining.made import Noise, Plain, material_of, member_of, pixels_of

COMPACT = {"name": "compact", "widths": [4, 8]}


@pytest.mark.parametrize(("window", "stride"), [(8, 4), (10, 7), (32, 5)])
def test_values_are_captums(window, stride):
    member, material = member_of(COMPACT, channels=3), material_of(2, Noise(channels=3))
    theirs = captum.attr.Occlusion(Plain(member)).attribute(
        pixels_of(member, material),
        sliding_window_shapes=(3, window, window),
        strides=(3, stride, stride) if window < 32 else (3, 1, 1),
        baselines=0.5,
        target=1,
    )
    how = {"name": "occlusion", "window": window, "stride": stride, "fill": 0.5}
    ours = explain([member], material, how=read_method(how), labels=[[1], [1, 2]])
    for one, other in zip(ours, theirs[:, 0].numpy(), strict=False):
        np.testing.assert_allclose(one.views["image"][0], other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("slices", [None, 1])
def test_windows_of_an_exam_hide_one_view(slices):
    """Of a linear model the fall is the sum of what is hidden, times its weights."""
    member = member_of({"name": "exam-floor", "grid": 4}, views=2, volumes=True)
    material = material_of(1, Noise(["axial", "coronal"], volumes=True))
    how = {"name": "occlusion", "window": 8, "stride": 8, "slices": slices, "fill": 0.0}
    one = explain([member], material, how=read_method(how), labels=[[0]])[0]
    weight = member.network.model.linear.weight[0].detach().numpy().reshape(2, 4, 4)
    for k, (name, view) in enumerate(one.views.items()):
        pixels = material.batch(member, [0]).views[k][:, 0].numpy() / 0.3
        cells = pixels.reshape(len(pixels), 4, 8, 4, 8).mean((2, 4)) * weight[k] / len(pixels)
        expected = cells if slices else np.broadcast_to(cells.sum(0), cells.shape)
        large = np.repeat(np.repeat(expected, 8, 1), 8, 2)
        np.testing.assert_allclose(view, large, atol=1e-5, err_msg=name)


def test_a_stride_that_leaves_gaps_is_refused():
    with pytest.raises(ConfigError, match="stride 9 is longer than the window of 8 pixels"):
        read_method({"name": "occlusion", "window": 8, "stride": 9})
