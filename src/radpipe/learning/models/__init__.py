"""The architectures that a preset can name."""

from typing import Any

import torch
from torch import nn

from radpipe.core.settings import ModelChoice
from radpipe.learning.models import cnn, compact, exam, floor, resnet
from radpipe.learning.models.base import EXAMS, MODELS

__all__ = ["MODELS", "build_empty", "build_model", "n_parameters", "takes_exams"]

# Importing a module files its architectures; the names here keep linters from dropping one.
_ARCHITECTURES = (cnn, compact, exam, floor, resnet)


def build_model(choice: ModelChoice, **shape: Any) -> nn.Module:
    """Build an architecture with fresh weights from torch's generator.

    Parameters
    ----------
    choice
        Name in `MODELS`, and the architecture's own settings.
    **shape
        `n_channels`, `n_outputs`, `size` (side of the input in pixels), `n_views` and
        `volumes` (whether views have slices).

    Returns
    -------
    nn.Module
        Maps (batch, n_channels, size, size) to logits (batch, n_outputs); one for exams maps
        what `models.exam.Exam.forward` says.

    Raises
    ------
    ConfigError
        The name or one of the settings is unknown or out of range.

    """
    model: nn.Module = MODELS[choice.name](**shape, **choice.settings)
    return model


def build_empty(choice: ModelChoice, **shape: Any) -> nn.Module:
    """Build an architecture without memory for its weights, which are to be loaded."""
    with torch.device("meta"):
        return build_model(choice, **shape)


def takes_exams(choice: ModelChoice) -> bool:
    """Tell whether an architecture takes several views of slices, and not one picture."""
    return choice.name in EXAMS


def n_parameters(model: nn.Module) -> int:
    """Count weights, and running means and variances, as Keras counts parameters."""
    counted = [value for name, value in model.state_dict().items() if "num_batches" not in name]
    return sum(value.numel() for value in counted)
