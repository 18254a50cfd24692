"""L2 on kernels, as Keras' layers have it: a term of the loss, and no decay of the optimiser's.

Adam divides what comes with the gradient by its running size, so that the two are not the same
(Loshchilov and Hutter, ICLR 2019, arXiv:1711.05101). Keras leaves norms and biases alone, and so
does this.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd


def kernels_of(model: nn.Module) -> Iterator[Tensor]:
    """Yield the kernels of a model, each once: what convolutions and dense layers multiply by."""
    kernels = (m.weight for m in model.modules() if isinstance(m, _ConvNd | nn.Linear))
    # A kernel that two layers share is one term of the loss.
    yield from dict.fromkeys(kernels)


@torch.no_grad()
def add_l2(kernels: Iterable[Tensor], factor: float) -> None:
    """Add the gradient of `factor` times the sum of squares to that of the kernels that learn.

    Its gradient is 2 `factor` w. A kernel that gave nothing to a batch, such as that of a view
    which no case had, is pulled all the same, as its term is in the loss.
    """
    for weight in kernels:
        if not weight.requires_grad:
            continue
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        weight.grad.add_(weight, alpha=2 * factor)
