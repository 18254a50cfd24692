"""What the report is made from: the planned variants' scores, by study."""

import csv
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radpipe.app.report.downloads import Download, downloads
from radpipe.app.report.estimates import ShownEstimate, number
from radpipe.app.report.made import Made
from radpipe.app.report.readers import read_readers
from radpipe.core.cards import RANKED_BY, Card, read_cards
from radpipe.core.errors import DataError
from radpipe.core.files import read_json
from radpipe.core.settings import Kind

if TYPE_CHECKING:
    from radpipe.app.report.explanations import Gallery
    from radpipe.app.report.external import Cohort
    from radpipe.app.report.judged import Judged
    from radpipe.app.report.publications import Published

Row = Mapping[str, str]
FIGURES = (
    "ranking",
    "roc",
    "pr",
    "reliability",
    "smooth",
    "decision",
    "confusion",
    "history",
    "learning",
)
TOPICS = ("people", "labels", "drift")
CARDS = "cards.json"


@dataclass(frozen=True, kw_only=True)
class VariantResults:
    """One variant's scores on the part that its study is ranked by.

    Attributes
    ----------
    metrics
        Content of `results/scores/<variant>/metrics.json`.
    recipe
        Content of `results/scores/<variant>/recipe.json`.
    confusion
        Rows of `confusion.csv`: part, true, decided, n.
    part
        "test" if its study was opened, else "tune".
    seen
        Data of the study from which its start has learned before; empty: none that is known.

    """

    name: str
    metrics: Mapping[str, Any]
    recipe: Mapping[str, Any]
    confusion: tuple[Row, ...]
    part: str
    seen: str = ""

    @property
    def imported(self) -> bool:
        """Whether its answers come from a table."""
        return "imported" in self.metrics

    @property
    def scores(self) -> Mapping[str, Any]:
        """The block of `metrics.json` of the part it is ranked by."""
        block: Mapping[str, Any] = self.metrics["parts"][self.part]
        return block

    @property
    def over_folds(self) -> int:
        """Number of folds over whose mean its operating point decides."""
        point = self.scores.get("operating_point") or self.metrics["operating_point"]
        return int(point.get("folds", 1))

    def estimate(self, metric: str, label: str = "") -> ShownEstimate | None:
        """Return a metric with its interval, of one class or label if asked; None without."""
        return _of(self.scores["metrics"].get(metric), label)

    def why(self, metric: str, label: str = "") -> str:
        """Return why a metric has no interval; empty if it has one."""
        return ShownEstimate.why(block_of(self.scores["metrics"].get(metric), label))

    def reasons(self, label: str = "") -> dict[str, str]:
        """Return why metrics have no interval, by name, but those that are meant to have none."""
        blocks = self.scores["metrics"].items()
        meant = {name for name, block in blocks if block and block.get("meant")}
        found = {name: self.why(name, label) for name, _ in blocks if name not in meant}
        return {name: why for name, why in found.items() if why}

    def ceiling(self, metric: str, label: str = "") -> ShownEstimate | None:
        """Return the ideal observer's score on the same cases, if the study knows it."""
        return _of((self.scores.get("ceiling") or {}).get(metric), label)


@dataclass(frozen=True, kw_only=True)
class StudyResults:
    """One study: its variants in the order of the ranking, best first.

    Attributes
    ----------
    cards
        What each metric is, by name and in the order of tables; those without a meaning for
        the target, too.
    part
        The part that it is ranked by.
    paired
        Rows of `<study>-paired.csv` of that part; those of labels name their `class`.
    gaps
        Where the study knows the ideal observer: metric and class or label (empty: all
        together) to its value minus each variant's.
    ingest, split
        Summaries of these steps.
    source
        The block `source` of the study in `params.yaml`.
    restricted
        Whether its pixels have a remote of their own, so that the page shows none.
    figures
        Kind of figure to its file.
    downloads
        Kind of figure or table to its numbers as CSV.
    joints
        Summary of the step localize; None where nothing was cut out.
    card
        What the step explore counted; None where it has not.
    published
        What others found on the same data; None if nothing is known, or the data are others.
    cohorts
        Further studies on which its variants were judged.
    readers
        What was found about people who have read its cases; None if nobody has.
    n_common
        Cases that all variants were scored on; None if none was scored on others besides.
    on_common
        Variant to its AUC on these, which decides the order.
    learning
        Rows of `<study>-learning.csv`; none without variants that differ in train patients alone.
    decided
        Rows of `<study>-decided.csv`; none of a single variant.
    points
        Rows of `points.csv`: points of curves, partial areas, average precision.
    galleries
        Of the variants that are explained.
    judged
        How true their maps are; None where none was scored.
    made
        Variant to when, and from which commit, it was trained and scored; only where receipts say.

    """

    name: str
    classes: tuple[str, ...]
    kind: Kind
    cards: Mapping[str, Card]
    part: str
    variants: tuple[VariantResults, ...]
    paired: tuple[Row, ...]
    gaps: Mapping[tuple[str, str], Mapping[str, ShownEstimate]] = field(default_factory=dict)
    ingest: Mapping[str, Any]
    split: Mapping[str, Any]
    source: Mapping[str, Any] = field(default_factory=dict)
    restricted: bool = False
    figures: Mapping[str, Path] = field(default_factory=dict)
    downloads: Mapping[str, Download] = field(default_factory=dict)
    joints: Mapping[str, Any] | None = None
    card: Mapping[str, Any] | None = None
    published: "Published | None" = None
    cohorts: "tuple[Cohort, ...]" = ()
    readers: Mapping[str, Any] | None = None
    n_common: int | None = None
    on_common: Mapping[str, float | None] = field(default_factory=dict)
    learning: tuple[Row, ...] = ()
    decided: tuple[Row, ...] = ()
    points: tuple[Row, ...] = ()
    galleries: "tuple[Gallery, ...]" = ()
    judged: "Judged | None" = None
    made: Mapping[str, Made] = field(default_factory=dict)

    @property
    def opened(self) -> bool:
        """Whether the ranking is by `test`."""
        return self.part == "test"

    @property
    def best(self) -> VariantResults:
        """The first of the ranking."""
        return self.variants[0]

    @property
    def intervals(self) -> Mapping[str, Any]:
        """How intervals were made: bootstrap, confidence, seed."""
        block: Mapping[str, Any] = self.best.metrics["intervals"]
        return block

    def ceiling(self, metric: str) -> ShownEstimate | None:
        """Return the ideal observer's score, from any variant that has all cases."""
        return self.best.ceiling(metric)

    def gaps_of(self, metric: str = RANKED_BY, label: str = "") -> tuple[ShownEstimate | None, ...]:
        """Return the distance from the ceiling of each variant, in their order."""
        found = self.gaps.get((metric, label), {})
        return tuple(found.get(variant.name) for variant in self.variants)


@dataclass(frozen=True, kw_only=True)
class ResultFolders:
    """Where the results lie; the page lies beside the folder of tables."""

    scores: Path
    tables: Path
    figures: Path
    studies: Path

    @property
    def page(self) -> Path:
        """Folder of the page."""
        return self.tables.parent


def read_studies(
    folders: ResultFolders, variants: Iterable[str], *, localized: Container[str] = ()
) -> tuple[StudyResults, ...]:
    """Read the results of the planned variants, studies in the order of the plan.

    Parameters
    ----------
    folders
        Where scores, tables, figures and summaries lie.
    variants
        Names of the planned variants.
    localized
        Studies whose joints were cut out.

    Raises
    ------
    DataError
        A file is not what its maker writes.

    """
    by_study: dict[str, dict[str, Any]] = {}
    for name in variants:
        metrics = read_json(folders.scores / name / "metrics.json")
        by_study.setdefault(metrics["study"], {})[name] = metrics
    cards, studies = read_cards(folders.tables / CARDS), by_study.items()
    return tuple(_study(folders, name, found, cards, name in localized) for name, found in studies)


def block_of(block: Mapping[str, Any] | None, label: str) -> Mapping[str, Any] | None:
    """Return the block of a class or label of a metric's; empty: that of all together."""
    return ((block or {}).get("per_class") or {}).get(label) if label else block


def _of(block: Mapping[str, Any] | None, label: str) -> ShownEstimate | None:
    return ShownEstimate.of(block_of(block, label))


def read_rows(path: Path) -> tuple[dict[str, str], ...]:
    """Read a CSV file as one mapping per row."""
    with path.open(newline="", encoding="utf-8") as stream:
        return tuple(csv.DictReader(stream))


def _if_there(path: Path) -> tuple[Row, ...]:
    return read_rows(path) if path.exists() else ()


def _study(
    folders: ResultFolders,
    name: str,
    found: Mapping[str, Mapping[str, Any]],
    cards: Mapping[str, Card],
    localized: bool,
) -> StudyResults:
    opened = all("test" in metrics["parts"] for metrics in found.values())
    part = "test" if opened else "tune"
    ranked = _ranked(read_rows(folders.tables / f"{name}-ranking.csv"), part)
    order = [row["variant"] for row in ranked]
    if sorted(order) != sorted(found):
        raise DataError(
            f"{folders.tables}/{name}-ranking.csv ranks {', '.join(order) or 'nothing'}, but"
            f" {', '.join(found)} are planned. Run the step compare again."
        )
    target = next(iter(found.values()))["target"]
    gaps = _of_part(read_rows(folders.tables / f"{name}-ceiling.csv"), part)
    figures = {kind: picture(folders.figures, f"{name}-{kind}") for kind in FIGURES}
    figures |= _of_study(folders.studies / name)
    file = folders.studies / name / "card.json"
    card = read_json(file) if file.exists() else None
    joints = None
    if localized:
        joints = read_json(folders.studies / name / "localize.json")
        figures["joints"] = folders.studies / name / "joints.png"
    return StudyResults(
        name=name,
        classes=tuple(target["classes"]),
        kind=target["kind"],
        cards=cards,
        part=part,
        variants=tuple(
            _variant(folders, row["variant"], found[row["variant"]], part, row.get("seen", ""))
            for row in ranked
        ),
        paired=_of_part(read_rows(folders.tables / f"{name}-paired.csv"), part),
        gaps=_gaps(gaps),
        ingest=read_json(folders.studies / name / "ingest.json"),
        split=read_json(folders.studies / name / "split.json"),
        figures={kind: path for kind, path in figures.items() if path},
        joints=joints,
        downloads=downloads(name, tables=folders.tables, page=folders.page, card=card),
        card=card,
        readers=read_readers(folders.tables, name),
        n_common=_n_common(ranked),
        decided=_if_there(folders.tables / f"{name}-decided.csv"),
        points=tuple(r for r in _if_there(folders.tables / "points.csv") if r["study"] == name),
        learning=_if_there(folders.tables / f"{name}-learning.csv"),
        on_common={row["variant"]: number(row["value_common"]) for row in ranked},
    )


def _of_study(folder: Path) -> dict[str, Path | None]:
    """Return the pictures that explore drew of a study; None where one is missing."""
    found = {topic: picture(folder / "figures", topic) for topic in TOPICS}
    for name in ("sizes", "contact"):
        path = folder / f"{name}.png"
        found[name] = path if path.exists() else None
    return found


def _of_part(rows: Iterable[Row], part: str) -> tuple[Row, ...]:
    return tuple(row for row in rows if row["part"] == part)


def _ranked(ranking: Iterable[Row], part: str) -> list[Row]:
    order = (row for row in _of_part(ranking, part) if row["metric"] == RANKED_BY)
    rows = [row for row in order if row["kind"] == "variant"]
    return sorted(rows, key=lambda row: float(row["rank"] or "inf"))


def _n_common(ranked: Iterable[Row]) -> int | None:
    odd = [int(row["n_common"]) for row in ranked if row["n_common"] != row["n_cases"]]
    return odd[0] if odd else None


def _gaps(rows: Iterable[Row]) -> dict[tuple[str, str], dict[str, ShownEstimate]]:
    found: dict[tuple[str, str], dict[str, ShownEstimate]] = {}
    for row in rows:
        if gap := ShownEstimate.of({**row, "value": row["difference"]}):
            found.setdefault((row["metric"], row["class"]), {})[row["variant"]] = gap
    return found


def _variant(
    folders: ResultFolders,
    name: str,
    metrics: Mapping[str, Any],
    part: str,
    seen: str,
) -> VariantResults:
    return VariantResults(
        name=name,
        metrics=metrics,
        recipe=read_json(folders.scores / name / "recipe.json"),
        confusion=read_rows(folders.scores / name / "confusion.csv"),
        part=part,
        seen=seen,
    )


def picture(figures: Path, name: str) -> Path | None:
    """Return a figure, the drawing, which stays sharp in print, rather than the picture."""
    files = (figures / kind / f"{name}.{kind}" for kind in ("svg", "png"))
    return next((file for file in files if file.exists()), None)
