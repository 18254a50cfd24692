"""How pictures lie in memory when a network sees them, and how they are normalised."""

import pytest
import torch

from radpipe.learning.data.cases import Batch
from radpipe.learning.networks.network import Network, channels_last


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_come_last_in_memory_even_if_there_is_one(channels):
    images = torch.arange(2 * channels * 4 * 5.0).view(2, channels, 4, 5)
    laid = channels_last(images)
    assert torch.equal(laid, images)
    assert laid.stride() == (20 * channels, 1, 5 * channels, channels)


def test_a_convolution_of_grey_pictures_gives_channels_last():
    """By the strides of its input torch decides how all that follows is laid out."""
    layer = torch.nn.Conv2d(1, 8, 3).to(memory_format=torch.channels_last)
    made = layer(channels_last(torch.rand(2, 1, 6, 6)))
    assert made.is_contiguous(memory_format=torch.channels_last)


MEAN, SD = torch.tensor([0.5]), torch.tensor([0.25])
HALF_UP = torch.full((2, 1, 4, 4), 0.75)


class Means(torch.nn.Module):
    """Says of a picture what its mean is."""

    def forward(self, pictures):
        return pictures.mean(dim=(1, 2, 3))[:, None]


def said(*, training, **how):
    """Return what a network sees of two pictures of 0.75, at a mean of 0.5 and an SD of 0.25."""
    network = Network(Means(), MEAN, SD, **how).train(training)
    return network(Batch((HALF_UP.clone(),), ((1, 1),))).tolist()


def test_pictures_are_normalised_wherever_a_network_sees_them():
    """(0.75 - 0.5) / 0.25 = 1."""
    assert said(training=True) == said(training=False) == [[1.0], [1.0]]


def test_the_missing_normalisation_of_held_out_pictures_can_be_reproduced():
    assert said(training=True, held_out=False) == [[1.0], [1.0]]
    assert said(training=False, held_out=False) == [[0.75], [0.75]]
    assert said(training=False, held_out=False, stretch=True) == [[0.75], [0.75]]
