"""What a network is made of: its layers in the order in which an input passes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from radpipe.core.settings import ModelChoice
from radpipe.learning.models import (
    n_parameters,
    table_of,
    takes_exams,
    takes_features,
    takes_pixels,
)


@dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Attributes
    ----------
    name
        Module name, such as "layer1.0.conv1".
    kind
        Class of the module, such as "Conv2d".
    detail
        The settings that make a layer of its kind different, such as "3 × 3, stride 2".
    shape
        Shape of its first output, without the batch; empty if that is no tensor.
    parameters
        As `n_parameters` counts, of the layer itself; containers count for their layers.
    calls
        How often an input passes it: more than once where views or slices share it.
    source
        Name of the layer whose output it takes, untouched, when it is passed first; "input"
        for an input; empty if something between the modules has changed it.
    beside
        Where `source` is empty: name of an earlier layer that takes the very same input.

    """

    name: str
    kind: str
    detail: str
    shape: tuple[int, ...]
    parameters: int
    calls: int = 1
    source: str = ""
    beside: str = ""


@dataclass(frozen=True)
class NetworkSummary:
    """Layers of a network, what goes in and how many parameters it has in all.

    Attributes
    ----------
    inputs
        Shape of each input, without the batch.

    """

    layers: tuple[Layer, ...]
    inputs: tuple[tuple[int, ...], ...]
    parameters: int


def example_input(choice: ModelChoice, *, n_channels: int, size: int, n_views: int) -> list[Any]:
    """Return what an architecture is called with for one case, without memory.

    A picture (1, n_channels, size, size), or for each view a slice and the number of slices;
    then covariates (1, columns), if it takes any. Of a head, features (1, n_channels).
    """
    if takes_features(choice):
        return [torch.zeros(1, n_channels, device="meta")]
    picture = torch.zeros(1, n_channels, size, size, device="meta")
    table, found = table_of(choice), []
    if table is not None:
        found = [torch.zeros(1, len(table.columns), device="meta")]
    if not takes_exams(choice):
        return [picture, *found] if takes_pixels(choice) else found
    return [[picture.clone() for _ in range(n_views)], [(1,)] * n_views]


def trace(model: nn.Module, *example: Any) -> NetworkSummary:
    """Send an example through a network and note its layers as they are passed.

    A layer is a module without modules below it, or one with weights of its own. What a
    network does between its modules (sums of residual blocks, maxima over slices) is no
    module and does not show.

    Parameters
    ----------
    model
        Put into evaluation while it is traced. On torch's "meta" device, as from
        `build_empty`, nothing is computed and no memory is needed.
    *example
        What the model is called with: tensors, or lists or dictionaries of them (as for
        several views), with a batch in front and on the model's device.

    """
    noted: dict[str, Layer] = {}
    # Tensors are kept with their origin, so that no later one is taken for them.
    origins = {id(tensor): ("input", tensor) for tensor in _tensors(example)}
    takers: dict[int, tuple[str, Tensor]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, taken: Any, output: Any) -> None:
            first, old = next(iter(_tensors(taken)), torch.empty(0)), noted.get(name)
            source, beside = origins.get(id(first), ("",))[0], ""
            if not source:
                beside = takers.setdefault(id(first), (name, first))[0]
            noted[name] = old or Layer(
                name=name,
                kind=type(module).__name__,
                detail=detail(module),
                shape=tuple(output.shape[1:]) if isinstance(output, Tensor) else (),
                parameters=_own(module),
                source=source,
                beside="" if beside == name else beside,
            )
            if old:
                noted[name] = replace(old, calls=old.calls + 1)
            for tensor in _tensors(output):
                # What comes from a layer's second call has no place in a list of layers.
                origins[id(tensor)] = ("" if old else name, tensor)
                takers.pop(id(tensor), None)  # a layer that works in place returns its input

        return hook

    hooks = [
        module.register_forward_hook(note(name or "model"))
        for name, module in model.named_modules()
        if not any(module.children()) or _own(module)
    ]
    trained = model.training
    try:
        with torch.no_grad():
            answer = model.eval()(*example)
            combine = getattr(model, "combine", None)
            if combine is not None:  # what the network itself does not call
                combine(answer)
    finally:
        model.train(trained)
        for hook in hooks:
            hook.remove()
    return NetworkSummary(
        layers=tuple(noted.values()),
        inputs=tuple(tuple(tensor.shape[1:]) for tensor in _tensors(example)),
        parameters=n_parameters(model),
    )


def detail(module: nn.Module) -> str:
    """Say what makes a layer different from others of its kind; empty for most."""
    if isinstance(module, nn.modules.conv._ConvNd):
        text = f"{_sides(module.kernel_size)}, {module.in_channels} → {module.out_channels}"
        return text + _stride(module.stride)
    if isinstance(module, nn.Linear):
        return f"{module.in_features} → {module.out_features}"
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d | nn.MaxPool3d | nn.AvgPool3d):
        return _sides(module.kernel_size) + _stride(module.stride)
    if isinstance(module, nn.Dropout | nn.Dropout2d | nn.Dropout3d):
        return f"{module.p:g}"
    if isinstance(module, nn.LeakyReLU):
        return f"slope {module.negative_slope:g}"
    return ""


def _own(module: nn.Module) -> int:
    """Count the module's own parameters and running values, not those of modules below."""
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return sum(tensor.numel() for name, tensor in own if "num_batches" not in name)


def _sides(value: Any) -> str:
    sides = value if isinstance(value, tuple) else (value, value)
    return " × ".join(str(side) for side in sides)


def _stride(value: Any) -> str:
    sides = value if isinstance(value, tuple) else (value,)
    if all(side == 1 for side in sides):
        return ""
    return f", stride {sides[0] if len(set(sides)) == 1 else _sides(sides)}"


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value
    if not isinstance(items, Iterable):
        return []
    return [tensor for item in items for tensor in _tensors(item)]
