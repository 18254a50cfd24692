"""What an adapter is: it turns the files of a data set into a table of cases.

An adapter is one module or package `radpipe.studies.<name>` with an object `ADAPTER`. It
reads a layout on disk and nothing else: where the files come from, that they did not
change, and what happens to the pixels is not its business.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel

from radpipe.core.errors import DataError
from radpipe.core.findings import Finding
from radpipe.core.plurals import counted
from radpipe.core.settings import PhantomSource, Target

PARTS = ("train", "tune", "test")
UNKNOWN_PATIENT = "image:"
BOX_SCHEMA = pa.schema(
    [
        ("case", pa.string()),
        ("view", pa.string()),
        ("slice", pa.int64()),
        ("x0", pa.float64()),
        ("y0", pa.float64()),
        ("x1", pa.float64()),
        ("y1", pa.float64()),
        ("label", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class File:
    """One line of the manifest: size and hash of a raw file."""

    size: int
    sha256: str


# Path below the raw root, with forward slashes, to what is known about the file.
Files = Mapping[str, File]
# From a file of a phantom and a class to what there is to see of it: the square of what its finding
# changes, without noise, float32 (slices, rows, columns); None where the phantom cannot tell.
Signals = Callable[[str, str], NDArray[np.float32] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One unit of prediction, as an adapter finds it.

    Attributes
    ----------
    case
        Name, unique in the study.
    patient
        Unit of splitting; also a group of any other kind that must not be divided.
    official
        Part that the data set itself gives the case, or None.
    target
        Index of the class; for a multi-label target one 0 or 1 a label. NaN is unknown.
    files
        View to file below the raw root; an image study has the one view "image". A case that
        lacks a view which is not optional is left out by step ingest.
    covariates
        Name to the text that the data set gives; "" is unknown.
    ceiling
        Ideal observer's probability of every class, or None where no one knows it.
    side
        "R" or "L", the side of the patient that the case is: pictures of the left are mirrored
        when the store is made. None: sides do not matter.
    shows_both
        Its files show both sides, unless their own tags say otherwise: the store gets the half
        of `side`. Another case of the patient may name the same files.
    uncertain
        Whether the data set itself calls each answer of `target` uncertain, which is then NaN: it
        is no answer, and no silence either. None: the data set does not say such things.

    """

    case: str
    patient: str
    official: str | None
    target: tuple[float, ...]
    files: Mapping[str, str]
    covariates: Mapping[str, str]
    ceiling: tuple[float, ...] | None = None
    side: str | None = None
    shows_both: bool = False
    uncertain: tuple[bool, ...] | None = None


@dataclass(frozen=True, slots=True)
class CaseTable:
    """The cases of a study and the lesion boxes that are known, as they are stored."""

    cases: pa.Table
    boxes: pa.Table


class Adapter(Protocol):
    """What `radpipe.studies.<name>.ADAPTER` must offer.

    Attributes
    ----------
    layout_model
        Typed form of the study's `layout` block.
    has_elsewhere
        Whether the phantom can draw another hospital's patients (`PhantomSource.elsewhere`).

    """

    layout_model: type[BaseModel]
    has_elsewhere: bool

    def views(self, layout: Any) -> tuple[str, ...]:
        """Return the names of the pictures that a case has or, where it may, lacks."""

    def check_target(self, layout: Any, target: Target) -> None:
        """Refuse a target that this layout cannot give, without looking at a file.

        Raises
        ------
        ConfigError
            Saying which targets it can give.

        """

    def cases(self, raw: Path, *, files: Files, layout: Any, target: Target) -> CaseTable:
        """Read the layout below `raw`; `files` is the manifest, the only list of files.

        Raises
        ------
        DataError
            The files or tables contradict themselves or the settings.

        """

    def phantom(self, out: Path, *, source: PhantomSource, layout: Any, target: Target) -> None:
        """Write a synthetic study in this layout below `out`; same arguments, same bytes."""

    def signals(self, *, source: PhantomSource, layout: Any, target: Target) -> Signals:
        """Return what tells of files that `phantom` wrote, drawn again, where each class shows.

        With white noise the evidence of a pixel is the square of its signal over the noise's
        variance, which is what an ideal observer who knows the signal adds up.
        """

    def examine(
        self, raw: Path, *, files: Mapping[str, int], layout: Any, target: Target
    ) -> Sequence[Finding]:
        """Tell what is missing or odd below `raw`, before anything runs and without pixels.

        `files` is path to size in bytes; nothing is hashed. What `cases` would refuse, and
        settings that contradict the layout, are problems here, and the search goes on behind
        them as far as it can.
        """


def case_table(
    cases: Sequence[Case],
    *,
    target: Target,
    views: Sequence[str],
    boxes: pa.Table | None = None,
    categories: Collection[str] = (),
    optional: Collection[str] = (),
) -> CaseTable:
    """Put cases into the form in which they are stored, sorted by case.

    Of a view that is `optional`, the column `without_<view>` says which cases are whole without it.

    Covariates that hold only numbers become float64, others, and those named by `categories`,
    stay text. Ceiling columns exist if the ideal observer of any case is known, `side` and
    `shows_both` if any case has a side, uncertain columns if any case has `uncertain`.

    Raises
    ------
    DataError
        There is no case, or two have the same name.

    """
    ordered = sorted(cases, key=lambda case: case.case)
    _refuse_doubles(ordered)
    text, number = pa.string(), pa.float64()
    columns: dict[str, pa.Array] = {
        "case": pa.array([case.case for case in ordered], text),
        "patient": pa.array([case.patient for case in ordered], text),
        "official": pa.array([case.official for case in ordered], text),
    }
    for index, name in enumerate(target.columns):
        columns[name] = pa.array([case.target[index] for case in ordered], number)
    if any(case.uncertain is not None for case in ordered):
        for index, name in enumerate(target.uncertain_columns):
            doubts = [case.uncertain is not None and case.uncertain[index] for case in ordered]
            columns[name] = pa.array(doubts, pa.bool_())
    for view in views:
        columns[f"file_{view}"] = pa.array([case.files.get(view) for case in ordered], text)
        if view in optional:
            lacks = [view not in case.files for case in ordered]
            columns[f"without_{view}"] = pa.array(lacks, pa.bool_())
    if any(case.side for case in ordered):
        columns["side"] = pa.array([case.side for case in ordered], text)
        columns["shows_both"] = pa.array([case.shows_both for case in ordered], pa.bool_())
    for name in sorted({name for case in ordered for name in case.covariates}):
        texts = [case.covariates.get(name, "") for case in ordered]
        columns[f"covariate_{name}"] = category(texts) if name in categories else covariate(texts)
    if any(case.ceiling for case in ordered):
        unknown = (math.nan,) * len(target.classes)
        for index, name in enumerate(target.ceiling_columns):
            columns[name] = pa.array([(case.ceiling or unknown)[index] for case in ordered], number)
    return CaseTable(pa.table(columns), BOX_SCHEMA.empty_table() if boxes is None else boxes)


def unknown_patient(case: str) -> str:
    """Name the patient of a case whose patient no one knows: no other case has it.

    The name starts with `UNKNOWN_PATIENT`, by which later steps can count such cases.
    """
    return f"{UNKNOWN_PATIENT}{case}"


def covariate(texts: Sequence[str]) -> pa.Array:
    """Give a covariate of shape (n,) its type: float64 if all known values are numbers, else text.

    Infinite values are no measurements and become unknown, NaN. A number with a leading
    zero, such as 007, is an identifier, and its column stays text.
    """
    numbers = [number_of(text) for text in texts]
    if any(number is None for number in numbers):
        return category(texts)
    return pa.array(numbers, pa.float64())


def category(texts: Sequence[str]) -> pa.Array:
    """Give a covariate of shape (n,) the type of text, whatever it holds; empty is unknown."""
    return pa.array([text.strip() or None for text in texts], pa.string())


def number_of(text: str) -> float | None:
    """Return the number in a text, NaN for an empty or infinite one, None for no number.

    Numbers have a decimal point; 42,5 and Python's own 1_000 are none.
    """
    text = text.strip()
    if not text:
        return math.nan
    if "_" in text:
        return None
    digits = text.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else math.nan


def check_cases(found: CaseTable, *, target: Target, views: Sequence[str], files: Files) -> None:
    """Refuse a table of cases that breaks the contract; every adapter's result passes here.

    Raises
    ------
    DataError
        A column, a value or a file is not what later steps rely on.

    """
    cases, boxes = found.cases, found.boxes
    needed = ["case", "patient", "official", *target.columns, *(f"file_{view}" for view in views)]
    if missing := [name for name in needed if name not in cases.column_names]:
        raise DataError(f"the table of cases lacks the columns {', '.join(missing)}")
    names = cases["case"].to_pylist()
    _require(names == sorted(set(names)), "cases must be sorted and each stand once")
    _require(all(cases["patient"].to_pylist()), "every case needs a patient")
    official = set(cases["official"].to_pylist()) - {None}
    _require(official <= set(PARTS), f"official parts are {', '.join(PARTS)}, got {official}")
    sides = set(cases["side"].to_pylist()) if "side" in cases.column_names else set()
    _require(sides <= {"R", "L", None}, f"sides are R and L, got {sides - {'R', 'L', None}}")
    top = 1 if target.kind == "multi-label" else len(target.classes) - 1
    for column in target.columns:
        values = {value for value in cases[column].to_pylist() if not math.isnan(value)}
        _require(
            values <= set(range(top + 1)), f"{column} must be a whole number 0..{top} or unknown"
        )
    _check_uncertain(cases, target)
    for view in views:
        lost = set(cases[f"file_{view}"].to_pylist()) - {None} - files.keys()
        _require(not lost, f"files that are not in the manifest: {sorted(lost)[:10]}")
    _require(boxes.schema.equals(BOX_SCHEMA), "boxes must have the columns of BOX_SCHEMA")
    _require(set(boxes["case"].to_pylist()) <= set(names), "a box belongs to no case")


def _check_uncertain(cases: pa.Table, target: Target) -> None:
    """Refuse an answer that is called uncertain and given all the same."""
    for column, doubt in zip(target.columns, target.uncertain_columns, strict=True):
        if doubt in cases.column_names:
            pairs = zip(cases[column].to_pylist(), cases[doubt].to_pylist(), strict=True)
            unknown = all(math.isnan(value) for value, doubted in pairs if doubted)
            _require(unknown, f"what {doubt} doubts must be unknown in {column}")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise DataError(f"the adapter broke its contract: {what}.")


def _refuse_doubles(ordered: Sequence[Case]) -> None:
    if not ordered:
        raise DataError("the study has no case.")
    doubles = [name for name, n in Counter(case.case for case in ordered).items() if n > 1]
    if doubles:
        raise DataError(
            f"{counted(len(doubles), 'name stands', 'names stand')} for more than one case, such"
            f" as {doubles[0]!r}."
            " A case needs a name of its own: choose another column or rename the files."
        )
