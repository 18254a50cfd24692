"""Dropout that drops the same on processors of every maker.

torch draws the mask of `nn.Dropout` with MKL's generator on Intel's processors and with its own on
all others (ATen/native/cpu/DistributionKernels.cpp), so that equal seeds train other networks, and
no environment variable changes that. Where the probability is a tensor, it always draws with its
own. The masks are those that `nn.Dropout` draws on processors that are not Intel's.
"""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """`nn.Dropout` with torch's own generator on every processor; on GPUs the same as torch's."""

    def forward(self, x: Tensor) -> Tensor:
        """Set a share `p` of the values to 0 and scale the rest, while training; any shape."""
        if not self.training or self.p == 0 or x.device.type != "cpu":
            return super().forward(x)
        kept = torch.tensor(1 - self.p, dtype=torch.float64)
        return x * torch.empty_like(x).bernoulli_(kept).div_(1 - self.p)


def drop_everywhere_alike(model: nn.Module) -> None:
    """Put `Dropout` into the place of every `nn.Dropout` of a network, torchvision's included.

    Raises
    ------
    TypeError
        It drops in a way that has no such form yet (`nn.Dropout2d`, `nn.AlphaDropout`).

    """
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p))
            elif isinstance(child, nn.modules.dropout._DropoutNd) and type(child) is not Dropout:
                raise TypeError(
                    f"{name}: {type(child).__name__} drops otherwise on Intel's processors than on"
                    " others; use radpipe.learning.models.dropout.Dropout"
                )
