"""How pictures lie in memory when a network sees them."""

import pytest
import torch

from radpipe.learning.networks.network import channels_last


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
