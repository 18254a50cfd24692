"""The frozen network of a head, read from the file that lies beside the predictor."""

from pathlib import Path

import torch

from radpipe.core.errors import DataError
from radpipe.learning.models import build_empty, takes_exams
from radpipe.learning.models.last import take_off_last
from radpipe.learning.networks.network import Network, read_tensors
from radpipe.prediction.description import FrozenNetwork


def read_backbone(path: Path, what: FrozenNetwork) -> Network:
    """Read a frozen network, without its last layer.

    Parameters
    ----------
    path
        Of `backbone.safetensors`, known to be the right one.
    what
        Which architecture, and what it looks at.

    Raises
    ------
    DataError
        The tensors are not those of this architecture and shape.

    """
    model = build_empty(what.model, **what.shape.model_dump())
    take_off_last(model, "backbone.model.name")
    empty = torch.empty(what.shape.n_channels)
    network = Network(model, empty, empty, exams=takes_exams(what.model), stretch=what.stretch)
    try:
        network.load_state_dict(read_tensors(path), assign=True)
    except RuntimeError as error:
        raise DataError(
            f"{path}: not the weights of architecture {what.model.name!r} with these settings"
            f" ({str(error).splitlines()[0]})"
        ) from error
    return network.to(memory_format=torch.channels_last).eval()
