"""What every method is made of: the registry, checked settings, and what it is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from pydantic import Field

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError
from radpipe.core.registry import Registry
from radpipe.core.settings import Count, Fraction, Strict
from radpipe.explaining.shares import Shares
from radpipe.explaining.subject import Asked, Drawn, Member, Of
from radpipe.learning.data.cases import Batch
from radpipe.learning.networks.inference import BATCH

# What stands where pixels are not; see `explaining.perturbing.Fill`.
Grey = Fraction | Literal["mean", "case"]

S = TypeVar("S", bound=Strict, contravariant=True)


class Explains(Protocol[S]):
    """A method for pictures."""

    def __call__(
        self, settings: S, member: Member, batch: Batch, asked: Sequence[Asked], /
    ) -> list[Drawn]:
        """Return for each case of the batch a map for each label that is asked of it."""


class PictureSettings(Strict):
    """What all methods for pictures may be told."""

    of: Of = Field(
        default="logit",
        description="What is explained: the logit, or the probability, whose slope is small where"
        " the network is sure.",
    )
    batch: Count = Field(
        default=BATCH,
        description="Pictures in a pass, of which the last is filled up; another number may give"
        " other last bits. Exams come one by one, or as copies of one.",
    )
    table: Shares | None = Field(
        default=Shares(),
        description="Of networks that take a table, too: how the contributions of its covariates"
        " are counted; null: not at all.",
    )


@dataclass(frozen=True)
class Entry:
    """A method as it is filed.

    Attributes
    ----------
    settings
        Their type.
    explains
        The function; None for what explains tables, see `explaining.explain`.
    alone
        Cases come one by one, because a batch is copies of a case.
    gradients
        It takes gradients, so that answers must have some.
    signed
        From settings to whether negative values speak against the answer.

    """

    settings: type[Strict]
    explains: Callable[[Any, Member, Batch, Sequence[Asked]], list[Drawn]] | None
    alone: bool
    gradients: bool
    signed: Callable[[Any], bool]


EXPLANATIONS: Registry[Entry] = Registry("name of an explanation")


@dataclass(frozen=True)
class Method:
    """A method with its settings.

    Attributes
    ----------
    name
        In `EXPLANATIONS`.
    settings
        Its own, checked.

    """

    name: str
    settings: Strict

    @property
    def entry(self) -> Entry:
        """What is filed under the name."""
        return EXPLANATIONS[self.name]

    @property
    def shares(self) -> tuple[Shares, Of] | None:
        """How covariates' contributions are counted, and to what; None: they are not."""
        own: Any = self.settings
        shares = own if isinstance(own, Shares) else getattr(own, "table", None)
        if shares is None:
            return None
        return shares, "logit" if own.of == "logit" else "probability"

    @property
    def signed(self) -> bool:
        """Whether negative values of its maps speak against the answer."""
        return self.entry.signed(self.settings)


def explanation(
    name: str,
    settings: type[S],
    *,
    signed: Callable[[S], bool],
    alone: bool = False,
    gradients: bool = False,
) -> Callable[[Explains[S]], Explains[S]]:
    """Return a decorator that files a method for pictures under a name; see `Entry`."""

    def file(explains: Explains[S]) -> Explains[S]:
        EXPLANATIONS.register(name)(Entry(settings, explains, alone, gradients, signed))
        return explains

    return file


def read_method(given: Mapping[str, Any], *, where: str = "", source: str = "method") -> Method:
    """Check the settings of a method.

    Parameters
    ----------
    given
        `name`, and the method's own settings.
    where, source
        Dotted path and file of `given`, for messages.

    Raises
    ------
    ConfigError
        The name or a setting is unknown, or a value is out of range.

    """
    if not isinstance(given.get("name"), str):
        known = ", ".join(EXPLANATIONS)
        raise ConfigError(f"{source}: {where or 'a method'}: needs a name, one of: {known}.")
    own = {key: value for key, value in given.items() if key != "name"}
    entry = EXPLANATIONS[given["name"]]
    return Method(given["name"], check(entry.settings, own, where=where, source=source))
