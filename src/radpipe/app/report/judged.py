"""How true maps are: scores of explanations beside what knows less, and verdicts in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radpipe.app.report.downloads import Download, download
from radpipe.app.report.estimates import ShownEstimate, decimal, number, probability
from radpipe.app.report.results import Row, picture, read_rows
from radpipe.core.files import read_json

IDEAL = "ideal observer"
PLACED = {
    "pointing": "Highest place in the finding",
    "energy": "Evidence in the finding",
    "overlap": "Overlap (IoU)",
}
# What else is told of an explanation, and how it is called.
FURTHER = {
    "deletion": "Deletion, area",
    "deletion_random": "Deletion in random order",
    "insertion": "Insertion, area",
    "insertion_random": "Insertion in random order",
    "randomised": "Alike to maps of a random network",
    "randomised_structure": "The same, structural similarity",
    "randomised_pointing": "Highest place, random network",
    "randomised_energy": "Evidence in the finding, random network",
    "shuffled": "Alike to maps after shuffled labels",
    "shuffled_pointing": "Highest place, shuffled labels",
    "moved": "Alike after a pixel's shift",
    "seed": "Alike with another seed",
}
FIGURES = ("maps", "deletion", "randomised")
MEASURES = {
    **PLACED,
    "deletion": "Deletion",
    "insertion": "Insertion",
    "randomised_pointing": FURTHER["randomised_pointing"],
    "randomised_energy": FURTHER["randomised_energy"],
}


@dataclass(frozen=True)
class Verdict:
    """What an explanation passes or fails, in words."""

    name: str
    verdict: str
    said: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """A score of one explanation, beside what knows nothing of the case."""

    own: ShownEstimate | None
    why: str
    average: str
    chance: str


@dataclass(frozen=True)
class Judged:
    """The explanations of one study.

    Attributes
    ----------
    part
        On which they were judged.
    verdicts
        One an explanation.
    placed
        (explanation, a score for each of `PLACED`), the ideal observer first.
    columns
        Explanations that were checked.
    further
        (measure, an estimate for each of `columns`).
    pairs
        (measure, first, second, difference, its p-value corrected) of explanations.
    figures, downloads
        Kind to file, and to CSV.

    """

    part: str
    verdicts: list[Verdict]
    placed: list[tuple[str, list[Scored]]]
    columns: list[str]
    further: list[tuple[str, list[ShownEstimate | None]]]
    pairs: list[tuple[str, str, str, ShownEstimate, str]]
    figures: Mapping[str, Path]
    downloads: Mapping[str, Download]

    @property
    def headings(self) -> list[str]:
        """Columns of the table."""
        return list(PLACED.values())


def read_judged(study: str, folder: Path) -> Judged | None:
    """Read what `judge` found of a study.

    Parameters
    ----------
    study
        Its name.
    folder
        `results/judged`.

    Returns
    -------
    Judged or None
        None where no map of it was scored.

    """
    file = folder / f"tables/{study}-verdicts.json"
    if not file.exists():
        return None
    said = read_json(file)
    tables = {name: folder / f"tables/{study}-{name}.csv" for name in ("scores", "paired")}
    scores = [row for row in read_rows(tables["scores"]) if row["label"] == ""]
    if not scores:
        return None
    several = len({row["variant"] for row in scores}) > 1
    columns = [n for n in _by_name(scores, several=several) if IDEAL not in n]
    figures = {kind: picture(folder / "figures", f"{study}-{kind}") for kind in FIGURES}
    return Judged(
        part=said["part"],
        verdicts=[
            Verdict(_name(one, several=several), one["verdict"], tuple(one["said"]))
            for one in said["verdicts"]
        ],
        placed=_placed(scores, several=several),
        columns=columns,
        further=_further(scores, columns, several=several),
        pairs=list(_pairs(read_rows(tables["paired"]), several=several)),
        figures={kind: path for kind, path in figures.items() if path},
        downloads={
            name: download(
                f"{study}-explanations-{name}",
                path.read_text(encoding="utf-8"),
                beside=path.relative_to(folder.parent),
            )
            for name, path in tables.items()
        },
    )


def _name(row: Mapping[str, Any], *, several: bool) -> str:
    return f"{row['variant']}: {row['method']}" if several else str(row["method"])


def _by_name(scores: Sequence[Row], *, several: bool) -> dict[str, dict[str, Row]]:
    found: dict[str, dict[str, Row]] = {}
    for row in scores:
        found.setdefault(_name(row, several=several), {})[row["measure"]] = row
    return dict(sorted(found.items(), key=lambda item: IDEAL not in item[0]))


def _placed(scores: Sequence[Row], *, several: bool) -> list[tuple[str, list[Scored]]]:
    return [
        (
            name,
            [
                Scored(
                    ShownEstimate.of(own.get(measure)),
                    ShownEstimate.why(own.get(measure)),
                    "" if IDEAL in name else _with_interval(own.get(f"{measure}_average")),
                    "" if IDEAL in name else _value(own.get(f"{measure}_chance")),
                )
                for measure in PLACED
            ],
        )
        for name, own in _by_name(scores, several=several).items()
        if set(PLACED) & set(own)
    ]


def _with_interval(row: Row | None) -> str:
    found = ShownEstimate.of(row)
    return "without interval" if found is None else f"{found.text} ({found.interval})"


def _value(row: Row | None) -> str:
    return decimal(number((row or {}).get("value")))


def _further(
    scores: Sequence[Row], columns: Sequence[str], *, several: bool
) -> list[tuple[str, list[ShownEstimate | None]]]:
    by_name = _by_name(scores, several=several)
    found = []
    for measure, title in {**FURTHER, **_shortcuts(scores)}.items():
        cells = [ShownEstimate.of(by_name[name].get(measure)) for name in columns]
        if any(cells):
            found.append((title, cells))
    return found


def _shortcuts(scores: Sequence[Row]) -> dict[str, str]:
    """Name the measures of evidence on labels that may be shortcuts."""
    measures = sorted({row["measure"] for row in scores if row["measure"].startswith("on_")})
    return {
        measure: (
            f"Share of the area outside on {measure[3:].removesuffix('_chance')}"
            if measure.endswith("_chance")
            else f"Evidence outside the finding on {measure[3:]}"
        )
        for measure in measures
    }


def _pairs(rows: Sequence[Row], *, several: bool) -> list[tuple[str, str, str, ShownEstimate, str]]:
    found = []
    for row in rows:
        estimate = ShownEstimate.of({**row, "value": row["difference"]})
        if row["measure"] not in MEASURES or estimate is None:
            continue
        sides = [
            name if several else name.rpartition("/")[2] for name in (row["first"], row["second"])
        ]
        p = probability(number(row["p_holm"]))
        found.append((MEASURES[row["measure"]], sides[0], sides[1], estimate, p))
    return found
