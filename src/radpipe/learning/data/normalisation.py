"""How a run normalises its pixels: mean and SD of each channel."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from radpipe.core.descriptors import InputRecipe
from radpipe.core.errors import ConfigError
from radpipe.core.settings import Training
from radpipe.learning.data.cases import Summed

# Mean and SD of a slice whose volume was brought to 0..255 (Bien et al., PLoS Medicine
# 2018;15:e1002699), from 0 to 1.
MRNET = (58.09 / 255, 49.73 / 255)
# torchvision's constants for weights trained on ImageNet (red, green, blue).
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def normalisation(
    store: Summed, rows: np.ndarray, how: Training, start: InputRecipe | None = None
) -> tuple[Tensor, Tensor]:
    """Return mean and SD per channel, float32 (channels,), of pixels from 0 to 1.

    Parameters
    ----------
    store, rows
        The run's own train part, rows of any shape, for `normalize: standard`.
    how
        `normalize` says which: unit (0 and 1), standard, MRNet's constants, torchvision's, or those
        of `start`, averaged over the colours for grey pictures.
    start
        How pictures were prepared for the weights that others learned.

    Raises
    ------
    ConfigError
        It is to be as the start has learned, and that is not known.
    DataError
        The store was made before its index held the sums that `normalize: standard` takes.

    """
    if how.normalize == "start":
        if start is None:
            raise ConfigError(
                "train.normalize: start asks how the starting weights have learned, which"
                " weights/<name>.json alone say; give the variant such weights, or say unit,"
                " standard, imagenet or mrnet."
            )
        return _pair(*start.normalisation(store.channels))
    if how.normalize != "mrnet" and not rows.size:
        return constants("unit", store.channels)
    if how.normalize != "standard":
        return constants(how.normalize, store.channels)
    white = 2**store.bits - 1
    return _pair(*(each / white for each in store.sums(rows).mean_and_sd()))


def constants(how: Literal["unit", "imagenet", "mrnet"], channels: int) -> tuple[Tensor, Tensor]:
    """Return mean and SD per channel, float32 (channels,), where they depend on no picture."""
    if how == "unit":
        return torch.zeros(channels), torch.ones(channels)
    if how == "mrnet":
        mean, sd = MRNET
        return _pair([mean] * channels, [sd] * channels)
    means, sds = np.array(IMAGENET)
    grey = channels == 1
    return _pair([means.mean()] if grey else means, [sds.mean()] if grey else sds)


def _pair(mean: Sequence[float], sd: Sequence[float]) -> tuple[Tensor, Tensor]:
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(sd, dtype=torch.float32)
