"""Readers of a study on the page: how good they are, and how far they agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radpipe.app.report.estimates import ShownEstimate, decimal, number, probability
from radpipe.core.files import read_json
from radpipe.core.plurals import counted

TITLES = {
    "auc": "AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
}


@dataclass(frozen=True)
class ReaderLine:
    """A row of a table of readers.

    Attributes
    ----------
    names
        What stands before the numbers, in order.
    cells
        Numbers with intervals.
    texts
        What stands after them.

    """

    names: tuple[str, ...]
    cells: tuple[ShownEstimate | None, ...]
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReadersView:
    """The readers of a study, ready to be laid out.

    Attributes
    ----------
    said
        The results in words, a sentence each.
    means, modalities, systems, agreement
        Rows of the tables; empty where there is nothing to compare.

    """

    said: tuple[str, ...]
    means: list[ReaderLine]
    modalities: list[ReaderLine]
    systems: list[ReaderLine]
    agreement: list[ReaderLine]


def read_readers(tables: Path, study: str) -> Mapping[str, Any] | None:
    """Read what compare found about the readers of a study; None if it has none."""
    path = tables / f"{study}-readers.json"
    found: Mapping[str, Any] | None = read_json(path) if path.exists() else None
    return found


def readers_view(found: Mapping[str, Any] | None, *, alpha: float) -> ReadersView | None:
    """Lay out the readers of a study.

    Parameters
    ----------
    found
        Content of `<study>-readers.json`; None if nobody has read.
    alpha
        Below which corrected p-values tell two apart.

    """
    if found is None:
        return None
    return ReadersView(
        said=(_who(found), *_modalities_said(found, alpha), *_systems_said(found, alpha)),
        means=[
            ReaderLine(
                (TITLES[row["measure"]], row["class"], row["modality"] or "–"),
                (_share(row["random"]), _share(row["fixed"])),
                (", ".join(f"{who} {decimal(value)}" for who, value in row["each"].items()),),
            )
            for row in found["means"]
        ],
        modalities=[
            ReaderLine(
                (TITLES[row["measure"]], row["class"], f"{row['first']} − {row['second']}"),
                (_difference(row["random"]), _difference(row["fixed"])),
                (_p(row["random"]["p"]), _p(row["fixed"]["p"])),
            )
            for row in found["modalities"]
        ],
        systems=[
            ReaderLine(
                (row["variant"], TITLES[row["measure"]], row["class"], row["modality"] or "–"),
                (_difference(row["random"]), _difference(row["fixed"])),
                (_p(row["random"]["p"]), _p(row["p_holm"])),
            )
            for row in found["systems"]
        ],
        agreement=[
            ReaderLine(
                (row["modality"] or "–", row["class"], row["coefficient"], row["readers"]),
                (ShownEstimate.of(row),),
            )
            for row in found["agreement"]
        ],
    )


def _difference(block: Mapping[str, Any]) -> ShownEstimate | None:
    """Return a difference of shares or areas, of which no end is beyond 1."""
    found = ShownEstimate.of(block)
    return found and ShownEstimate(found.value, max(found.low, -1.0), min(found.high, 1.0))


def _share(block: Mapping[str, Any]) -> ShownEstimate | None:
    """Return a share or area with its interval, of which no end is outside 0..1."""
    found = ShownEstimate.of(block)
    return found and ShownEstimate(found.value, max(found.low, 0.0), min(found.high, 1.0))


def _p(value: Any) -> str:
    return probability(number(value))


def _who(found: Mapping[str, Any]) -> str:
    names = {one["reader"] for one in found["readers"]}
    modalities = {one["modality"] for one in found["readers"]} - {""}
    said = f" in {counted(len(modalities), 'modality', 'modalities')}" if modalities else ""
    cases, patients = (counted(found[key], key[2:-1]) for key in ("n_cases", "n_patients"))
    left_out = f" {found['left_out'].capitalize()}." if found["left_out"] else ""
    one = len(names) == 1
    return (
        f"{counted(len(names), 'reader has', 'readers have')} read{said}. They are compared on"
        f" {cases} of {patients} that {'the reader' if one else 'all of them'} and every variant"
        f" have answered.{left_out}"
        + (" With one reader nothing can be said of readers like this one." if one else "")
    )


def _modalities_said(found: Mapping[str, Any], alpha: float) -> list[str]:
    return [
        f"{_measure(row)} was {_by(shown)} with {row['first']} than with {row['second']}"
        f" (difference {shown.signed}, {shown.interval}; p {_p(row['random']['p'])}), for readers"
        f" like these {row['n_readers']}: {_told(row['random']['p'], alpha)}."
        for row in _first_measure(found["modalities"])
        if (shown := _difference(row["random"]))
    ]


def _systems_said(found: Mapping[str, Any], alpha: float) -> list[str]:
    return [
        f"{row['variant']} has {_by(shown)} {_measure(row)} than the mean of the readers"
        f"{_with(row['modality'])} (difference {shown.signed}, {shown.interval}; corrected p"
        f" {_p(row['p_holm'])}): {_told(row['p_holm'], alpha)}."
        for row in _first_measure(found["systems"])
        if (shown := _difference(row["random"]))
    ]


def _first_measure(rows: Sequence[Mapping[str, Any]], most: int = 4) -> list[Mapping[str, Any]]:
    """Return the rows of the measure that comes first, a few of them; tables have them all."""
    return [row for row in rows if row["measure"] == rows[0]["measure"]][:most]


def _measure(row: Mapping[str, Any]) -> str:
    title = TITLES[row["measure"]]
    return f"{title} of {row['class']}" if row["class"] else title


def _with(modality: str) -> str:
    return f" with {modality}" if modality else ""


def _by(shown: ShownEstimate) -> str:
    return "lower" if shown.value < 0 else "higher"


def _told(p: Any, alpha: float) -> str:
    value = number(p)
    return "told apart" if value is not None and value < alpha else "these data cannot tell"
