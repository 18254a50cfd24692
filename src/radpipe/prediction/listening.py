"""What a network hands to its last layer, overheard while it answers."""

from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radpipe.learning.networks.network import Network


def last_layers(model: nn.Module) -> list[nn.Linear]:
    """List the linear layers that a network ends in: one, or one a view and label; may be empty."""
    heads = getattr(model, "heads", None)
    if isinstance(heads, nn.ModuleList):
        return [layer for layer in heads.modules() if isinstance(layer, nn.Linear)]
    own = [part for part in model.modules() if [*part.parameters(recurse=False)]]
    return [last for last in own[-1:] if isinstance(last, nn.Linear)]


class Listener:
    """Overhears the input of the last layers of a network, for as long as it is entered.

    Parameters
    ----------
    network
        Answers batch by batch; it is left as it was.

    """

    def __init__(self, network: Network) -> None:
        self._layers = last_layers(network.model)
        self._heard: list[list[Tensor]] = [[] for _ in self._layers]
        self._hooks: list[Any] = []

    def __enter__(self) -> Self:
        for layer, heard in zip(self._layers, self._heard, strict=True):
            self._hooks.append(
                layer.register_forward_pre_hook(
                    lambda _, inputs, heard=heard: heard.append(inputs[0].detach().float().cpu())
                )
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def features(self, n: int) -> NDArray[np.float32] | None:
        """Return the features of the first `n` cases, (n, features), and forget all.

        Only the last batch may have been filled up. None if the network does not end in a linear
        layer.
        """
        if not self._layers:
            return None
        whole = torch.cat([torch.cat(heard)[:n].flatten(1) for heard in self._heard], dim=1)
        for heard in self._heard:
            heard.clear()
        return np.asarray(whole.numpy())
