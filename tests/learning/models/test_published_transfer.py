"""Every published network that starts from ImageNet: what it holds, and what of it is trained."""

import pytest
from torch import nn

from radpipe.core.descriptors import read_descriptor
from radpipe.core.presets import load_preset
from radpipe.learning.models import build_empty, n_parameters
from radpipe.learning.starts.borrowing import fits, parts_of
from radpipe.learning.training.freezing import find_frozen, set_training
from tests.conftest import ROOT
from tests.learning.starts.conftest import borrowed_of


def trained(model, train):
    """Return how many weights are trained in the first and in the last epoch."""
    network = nn.Module()
    network.model = model
    frozen, found = find_frozen(model, train), []
    for epoch in (0, train.epochs - 1):
        set_training(network, frozen, epoch)
        found.append(sum(w.numel() for w in model.parameters() if w.requires_grad))
    return found


SIX = "densenet121 densenet169 densenet201 mnasnet1_0 vgg19_bn vgg19"
# Preset, outputs, views, starts; parameters with running values as Keras counts, and those trained
# in the first and in the last epoch. Published, or published without running values, or, where
# nothing is published, the sum of torchvision's own numbers and of the head's.
ZOO = [
    # Torchvision's norms have 9,408 scales that Keras' Inception has not: 9,307,043.
    ("transfer/inception_v1", 3, 1, "inception_v3", 9_307_043 + 9_408, 331_779, 331_779),
    ("transfer/inception_v1_l2", 3, 1, "inception_v3", 9_307_043 + 9_408, 331_779, 331_779),
    (
        *("transfer/inception_v1_dense", 3, 1, "inception_v3"),
        *(122_228_643 + 9_408, 113_251_331, 113_251_331),
    ),
    # 66,347,960 less the head of 1,000 classes, running values of 155,360 channels, 3 outputs.
    (
        *("transfer/efficientnet_b7", 3, 1, "efficientnet_b7"),
        *(66_347_960 - 2_561_000 + 2 * 155_360 + 7_683, 7_683, 7_683),
    ),
    # Keras' Xception without its top, and 2,048 x 3 + 3.
    ("transfer/xception", 3, 1, "xception", 20_861_480 + 6_147, 6_147, 6_147),
    ("transfer/xception_dense", 3, 1, "xception", 22_965_803, 2_102_275, 2_102_275),
    ("knee_oa/kl_pretraining", 5, 1, "vgg16", 14_717_253, 14_717_253, 14_717_253),
    ("knee_oa/image_only", 1, 1, "vgg16", 14_715_201, 14_715_201, 14_715_201),
    # 14 x 128 + 128, and 640 + 1; the network of stage B without its last layer of 513; 33 values
    # are known of the table, such as means.
    ("knee_oa/joint_frozen", 1, 1, "vgg16", 14_714_688 + 2_561 + 33, 2_561, 2_561),
    ("knee_oa/joint_unfrozen", 1, 1, "vgg16", 14_714_688 + 2_561 + 33, 2_561, 14_717_249),
    ("knee_oa/multi_task", 1, 1, "vgg16", 14_717_766, 14_717_766, 14_717_766),
    ("knee_mri/alexnet_planes", 3, 3, "alexnet", 7_411_395, 7_411_395, 7_411_395),
    # Nine AlexNets of 2,469,696, each with 256 + 1, and three regressions of 3 + 1 that no gradient
    # reaches.
    ("knee_mri/mrnet", 3, 3, "alexnet", 9 * 2_469_953 + 12, 9 * 2_469_953, 9 * 2_469_953),
    ("knee_mri/alexnet_shared", 1, 3, "alexnet", 2_469_696 + 769, 2_470_465, 2_470_465),
    # Running values of 41,824 and 86,368 channels.
    ("chest/densenet121_500", 14, 1, "densenet121", 7_473_370 + 83_648, 7_473_370, 7_473_370),
    ("chest/densenet121", 14, 1, "densenet121", 6_968_206 + 83_648, 6_968_206, 6_968_206),
    ("chest/efficientnet_b5", 14, 1, "efficientnet_b5", 28_369_470 + 172_736, *(28_369_470,) * 2),
    # Running values of 260,016 channels.
    ("chest/combined", 14, 1, SIX, 81_478_262 + 520_032, 81_478_262, 81_478_262),
]


@pytest.mark.parametrize(
    ("preset", "outputs", "views", "start", "total", "first", "last"), ZOO, ids=[z[0] for z in ZOO]
)
def test_sizes_are_the_published_ones(
    preset, outputs, views, start, total, first, last, monkeypatch
):
    monkeypatch.chdir(ROOT)
    found = load_preset(preset, {}, where="", root=ROOT / "presets")
    channels = {"grey": 1, "colour": 3}[found.channels]
    shape = {"n_outputs": outputs, "size": found.size, "n_views": views, "volumes": views > 1}
    model = build_empty(found.model, n_channels=channels, **shape)
    assert n_parameters(model) == total
    assert trained(model, found.train) == [first, last]
    starts = [borrowed_of(read_descriptor(name), "0" * 64) for name in start.split()]
    for part in parts_of(model).values():
        assert [fits(part, each) for each in starts].count(True) == 1
