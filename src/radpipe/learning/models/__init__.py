"""The architectures that a preset can name."""

from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from radpipe.core.checking import check
from radpipe.core.settings import ModelChoice, Strict
from radpipe.learning.models.base import EXAMS, FITTED, HEADS, MODELS, SETTINGS, TABLES
from radpipe.learning.models.covariates import Auxiliary, TableInput
from radpipe.learning.models.dropout import drop_everywhere_alike

__all__ = [
    "MODELS",
    "auxiliary_of",
    "build_empty",
    "build_model",
    "is_fitted",
    "n_parameters",
    "table_of",
    "takes_exams",
    "takes_features",
    "takes_pixels",
]


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
        what `models.exam.Exam.forward` says, one for tables covariates (batch, columns).

    Raises
    ------
    ConfigError
        The name or one of the settings is unknown or out of range.

    """
    model: nn.Module = MODELS[choice.name](**shape, **choice.settings)
    drop_everywhere_alike(model)
    return model


def build_empty(choice: ModelChoice, **shape: Any) -> nn.Module:
    """Build an architecture without memory for its weights, which are to be loaded."""
    with torch.device("meta"), _Undrawn():
        return build_model(choice, **shape)


class _Undrawn(TorchFunctionMode):
    """Leave weights as they are where they would be drawn from a normal distribution.

    On the "meta" device nothing is drawn anyway, and torch would import its compiler for that,
    which takes seconds.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function is torch.Tensor.normal_:
            return args[0]
        return function(*args, **(kwargs or {}))


def takes_exams(choice: ModelChoice) -> bool:
    """Tell whether an architecture takes several views of slices, and not one picture."""
    return _is(choice, EXAMS)


def takes_pixels(choice: ModelChoice) -> bool:
    """Tell whether an architecture looks at pixels, and not at a table or at features only."""
    return not _is(choice, TABLES | HEADS)


def takes_features(choice: ModelChoice) -> bool:
    """Tell whether an architecture is a head, which looks at a frozen network's features."""
    return _is(choice, HEADS)


def is_fitted(choice: ModelChoice) -> bool:
    """Tell whether an architecture is fitted at once, and not trained by gradients."""
    return _is(choice, FITTED)


def table_of(choice: ModelChoice) -> TableInput | None:
    """Return which covariates an architecture takes, if any."""
    found = getattr(_settings_of(choice), "table", None)
    return found if isinstance(found, TableInput) else None


def auxiliary_of(choice: ModelChoice) -> Auxiliary | None:
    """Return what an architecture is asked for beside the target, if anything."""
    found = getattr(_settings_of(choice), "auxiliary", None)
    return found if isinstance(found, Auxiliary) else None


def _is(choice: ModelChoice, kind: set[str]) -> bool:
    MODELS.load(choice.name)
    return choice.name in kind


def _settings_of(choice: ModelChoice) -> Strict:
    MODELS.load(choice.name)
    source = f"architecture {choice.name}"
    return check(SETTINGS[choice.name], choice.settings, where="model", source=source)


def n_parameters(model: nn.Module) -> int:
    """Count weights, and running means and variances, as Keras counts parameters."""
    counted = [value for name, value in model.state_dict().items() if "num_batches" not in name]
    return sum(value.numel() for value in counted)
