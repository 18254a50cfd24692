"""What every architecture is built from: the registry, checked settings, initial weights."""

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

import torch
from torch import nn
from torch.nn.utils.init import skip_init

from radpipe.core.params import check
from radpipe.core.registry import Registry
from radpipe.core.settings import Strict

S = TypeVar("S", bound=Strict, contravariant=True)

# Keywords n_channels, n_outputs, size, and the architecture's own settings.
MODELS: Registry[Callable[..., nn.Module]] = Registry("model.name")

Start = Literal["he-uniform", "glorot-uniform"]


class Builder(Protocol[S]):
    """Builds an architecture from its own checked settings and the shape of the study."""

    def __call__(self, settings: S, /, *, n_channels: int, n_outputs: int, size: int) -> nn.Module:
        """Return a model from (batch, n_channels, size, size) to (batch, n_outputs)."""


def architecture(name: str, settings: type[S]) -> Callable[[Builder[S]], Callable[..., nn.Module]]:
    """Return a decorator that files a builder under `name` and checks its settings first.

    Parameters
    ----------
    name
        What `model.name` of a preset says.
    settings
        The other keys of the preset's `model` block, typed; unknown ones are refused.

    """

    def file(build: Builder[S]) -> Callable[..., nn.Module]:
        def checked(*, n_channels: int, n_outputs: int, size: int, **given: Any) -> nn.Module:
            """Build the architecture from keywords, or raise `ConfigError`."""
            own = check(settings, given, where="model", source=f"architecture {name}")
            return build(own, n_channels=n_channels, n_outputs=n_outputs, size=size)

        return MODELS.register(name)(checked)

    return file


def conv(n_in: int, n_out: int, kernel: int, *, start: Start) -> nn.Module:
    """Make a convolution with a bias that keeps the size; `kernel` is odd."""
    return _fill(_unfilled(nn.Conv2d, n_in, n_out, kernel, padding=kernel // 2), start)


def dense(n_in: int, n_out: int, *, bias: bool, start: Start) -> nn.Module:
    """Make a fully connected layer."""
    return _fill(_unfilled(nn.Linear, n_in, n_out, bias=bias), start)


def _unfilled(layer: type[nn.Module], *shape: int, **options: Any) -> nn.Module:
    # Spares torch's own start, a second for 200 million weights; knows no default device.
    make: Callable[..., nn.Module] = skip_init
    return make(layer, *shape, **options, device=torch.get_default_device())


def _fill(layer: nn.Module, start: Start) -> nn.Module:
    for name, tensor in layer.named_parameters():
        if name == "bias":
            nn.init.zeros_(tensor)
        elif start == "he-uniform":
            nn.init.kaiming_uniform_(tensor, nonlinearity="relu")
        else:
            nn.init.xavier_uniform_(tensor)
    return layer
