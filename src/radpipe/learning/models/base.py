"""What every architecture is built from: the registry, checked settings, initial weights."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.init import skip_init

from radpipe.core.checking import check
from radpipe.core.declared import ARCHITECTURES
from radpipe.core.errors import ConfigError, unknown_name
from radpipe.core.imports import registered
from radpipe.core.registry import Registry
from radpipe.core.settings import Strict

S = TypeVar("S", bound=Strict, contravariant=True)


class Architectures(Registry[Callable[..., nn.Module]]):
    """Architectures by name, of which a module is imported when one of its names is asked for.

    A builder takes the keywords n_channels, n_outputs, size, n_views and volumes, and the
    architecture's own settings.
    """

    def __getitem__(self, name: str) -> Callable[..., nn.Module]:
        self.load(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._entries, *self._modules}))

    def load(self, name: str) -> None:
        """Import the module that registers a name.

        Raises
        ------
        ConfigError
            No module of the package does.

        """
        if name in self._entries:
            return
        if name not in (modules := self._modules):
            raise unknown_name(self.kind, name, self)
        importlib.import_module(modules[name])

    @property
    def _modules(self) -> dict[str, str]:
        return registered(ARCHITECTURES)


MODELS = Architectures("model.name")

Start = Literal["he-uniform", "glorot-uniform"]


# How a network takes grey pictures whose start has learned from red, green and blue.
Stem = Literal["repeat", "sum", "mean"]
STEM = (
    "How grey pictures meet filters that a start has learned for red, green and blue: repeat, three"
    " equal colours; sum or mean of the filters over the colours, which leaves a third to train."
    " null: {default}"
)


@dataclass(frozen=True)
class Part:
    """What a part of a network is in another library, whose weights therefore fit.

    A module says so in its attribute `implementations`: the beginning of the names of its tensors
    to a `Part`.

    Attributes
    ----------
    implementation
        Library and name, such as "torchvision/resnet18". Equal shapes do not make equal functions.
    below
        Beginning of the library's own names for what lies here.
    own
        Beginnings of the names, here, of layers that the library's network has not, or of heads.
    beyond
        Beginnings of the library's names of what the part ends before.
    stem
        How it takes grey pictures; None: its first filters have a colour for each channel.
    resized
        Brings a tensor of the library, by its name here, to the shape of ours where pictures of
        another size ask for it: (name, theirs, ours) to a tensor. None: nothing depends on it.

    """

    implementation: str
    below: str = ""
    own: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    stem: Stem | None = None
    resized: Callable[[str, Tensor, Tensor], Tensor] | None = None


class Builder(Protocol[S]):
    """Builds a network for single pictures from its own checked settings and the study's shape."""

    def __call__(self, settings: S, /, *, n_channels: int, n_outputs: int, size: int) -> nn.Module:
        """Return a model from (batch, n_channels, size, size) to (batch, n_outputs)."""


class ExamBuilder(Protocol[S]):
    """Builds a network for several views of slices."""

    def __call__(
        self, settings: S, /, *, n_channels: int, n_outputs: int, size: int, n_views: int
    ) -> nn.Module:
        """Return a model from slices and their counts, see `models.exam`, to logits."""


class TableBuilder(Protocol[S]):
    """Builds a model for covariates only, whatever views the study has."""

    def __call__(self, settings: S, /, *, n_outputs: int) -> nn.Module:
        """Return a model from (batch, columns) to (batch, n_outputs)."""


class HeadBuilder(Protocol[S]):
    """Builds a head for the features of a frozen network."""

    def __call__(self, settings: S, /, *, n_features: int, n_outputs: int) -> nn.Module:
        """Return a model from (batch, n_features) to (batch, n_outputs)."""


# The names under which networks for pictures, for exams, for tables and for features are filed, and
# those of models that are fitted at once.
PICTURES: set[str] = set()
EXAMS: set[str] = set()
TABLES: set[str] = set()
HEADS: set[str] = set()
FITTED: set[str] = set()
# The typed settings of each architecture.
SETTINGS: dict[str, type[Strict]] = {}


def all_of(kind: set[str]) -> list[str]:
    """List every architecture of a kind, such as `EXAMS`; this imports all modules."""
    for name in MODELS:
        MODELS.load(name)
    return sorted(kind)


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
        def make(own: S, shape: dict[str, int], n_views: int, volumes: bool) -> nn.Module:
            if n_views > 1 or volumes:
                what = "volumes" if volumes else "pictures"
                raise ConfigError(
                    f"model.name: {name!r} takes one picture a case, and cases of this study"
                    f" have {n_views} views of {what}; use one of: {', '.join(all_of(EXAMS))}."
                )
            return build(own, **shape)

        PICTURES.add(name)
        return _file(name, settings, make)

    return file


def exam_architecture(
    name: str, settings: type[S]
) -> Callable[[ExamBuilder[S]], Callable[..., nn.Module]]:
    """Return a decorator as `architecture` does, for networks that take whole exams."""

    def file(build: ExamBuilder[S]) -> Callable[..., nn.Module]:
        def make(own: S, shape: dict[str, int], n_views: int, volumes: bool) -> nn.Module:
            del volumes  # a picture is a volume of one slice
            return build(own, **shape, n_views=n_views)

        EXAMS.add(name)
        return _file(name, settings, make)

    return file


def table_architecture(
    name: str, settings: type[S], *, fitted: bool = False
) -> Callable[[TableBuilder[S]], Callable[..., nn.Module]]:
    """Return a decorator as `architecture` does, for models that take covariates only.

    Their settings have a block `table` (`learning.table.Table`). What is `fitted` has a method
    `fit` (`learning.fitting.Fittable`) and is not trained by gradients.
    """

    def file(build: TableBuilder[S]) -> Callable[..., nn.Module]:
        def make(own: S, shape: dict[str, int], n_views: int, volumes: bool) -> nn.Module:
            del n_views, volumes  # pixels are not looked at
            return build(own, n_outputs=shape["n_outputs"])

        TABLES.add(name)
        if fitted:
            FITTED.add(name)
        return _file(name, settings, make)

    return file


def head_architecture(
    name: str, settings: type[S], *, fitted: bool = False, remembers: bool = False
) -> Callable[[HeadBuilder[S]], Callable[..., nn.Module]]:
    """Return a decorator as `architecture` does, for heads of a frozen network's features.

    Features count as channels. What is `fitted` has a method `fit` (`learning.fitting.Fittable`)
    and is not trained by gradients. What `remembers` keeps features of cases in its weights, and is
    refused for restricted data: this is read from the source (`core.sources.REMEMBERS`).
    """
    del remembers

    def file(build: HeadBuilder[S]) -> Callable[..., nn.Module]:
        def make(own: S, shape: dict[str, int], n_views: int, volumes: bool) -> nn.Module:
            del n_views, volumes  # the frozen network has looked at pixels
            return build(own, n_features=shape["n_channels"], n_outputs=shape["n_outputs"])

        HEADS.add(name)
        if fitted:
            FITTED.add(name)
        return _file(name, settings, make)

    return file


def _file(
    name: str, settings: type[S], make: Callable[[S, dict[str, int], int, bool], nn.Module]
) -> Callable[..., nn.Module]:
    def checked(
        *,
        n_channels: int,
        n_outputs: int,
        size: int,
        n_views: int = 1,
        volumes: bool = False,
        where: str = "model",
        **given: Any,
    ) -> nn.Module:
        """Build the architecture from keywords, or raise `ConfigError`."""
        own = check(settings, given, where=where, source=f"architecture {name}")
        shape = {"n_channels": n_channels, "n_outputs": n_outputs, "size": size}
        return make(own, shape, n_views, volumes)

    SETTINGS[name] = settings
    return MODELS.register(name)(checked)


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
