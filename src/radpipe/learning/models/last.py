"""The last layer of a network, which is taken off where its features are wanted."""

from torch import nn

from radpipe.core.errors import ConfigError


def take_off_last(model: nn.Module, where: str) -> int:
    """Replace a network's last layer by nothing; return how many features it took.

    Parameters
    ----------
    model
        Changed in place.
    where
        The setting that names the network, for messages.

    Raises
    ------
    ConfigError
        The network does not end in a linear layer.

    """
    own = [name for name, part in model.named_modules() if [*part.parameters(recurse=False)]]
    last = model.get_submodule(own[-1]) if own else model
    if not own or not own[-1] or not isinstance(last, nn.Linear):
        raise ConfigError(
            f"{where}: this network does not end in a linear layer below others, so its features"
            " cannot be had without it; use another."
        )
    parent, _, child = own[-1].rpartition(".")
    setattr(model.get_submodule(parent), child, nn.Identity())
    return last.in_features
