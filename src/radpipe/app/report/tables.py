"""Rows of the page's tables, made from results; the template only lays them out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radpipe.app.report.estimates import Scale, ShownEstimate, decimal, number, whole
from radpipe.app.report.results import Row, StudyResults, VariantResults
from radpipe.core.cards import RANKED_BY, Card
from radpipe.core.settings import Kind

# Blocks of a recipe that are settings; the last two of an ensemble, the others of a variant.
RECIPE = ("preset", "image", "model", "train", "augment", "members", "mean")

NO_AREA = "few cases, or one answer only"


@dataclass(frozen=True)
class TableColumn:
    """One metric for all variants, on one axis.

    Attributes
    ----------
    ceiling
        The ideal observer's value, None if unknown.
    cells
        One per variant in the order of the ranking; None where there is no interval.
    perfect
        The value to reach, where it is neither the smallest nor the largest.
    whys
        Of each variant why there is no interval; empty where nobody says.

    """

    key: str
    title: str
    scale: Scale
    ceiling: ShownEstimate | None
    cells: tuple[ShownEstimate | None, ...]
    perfect: float | None = None
    whys: tuple[str, ...] = ()


def columns(study: StudyResults, cards: Iterable[Card]) -> list[TableColumn]:
    """Return the metrics that at least one variant has with an interval.

    A metric is followed by its distance from the ceiling, where the study knows that.
    """
    found = []
    for card in cards:
        cells = tuple(variant.estimate(card.name) for variant in study.variants)
        ceiling = study.ceiling(card.name)
        if any(cells):
            scale = Scale.around([*cells, ceiling], card.goal)
            title = card.heading(study.kind)
            whys = tuple(variant.why(card.name) for variant in study.variants)
            found.append(TableColumn(card.name, title, scale, ceiling, cells, card.goal, whys))
        gaps = study.gaps_of(card.name)
        if any(gaps):
            scale, title = Scale.around(gaps, 0.0), f"Ceiling − {card.title}"
            found.append(TableColumn(f"{card.name}_gap", title, scale, None, gaps, 0.0))
    return found


def ranking(study: StudyResults) -> list[TableColumn]:
    """Return the columns of the ranking, first the metric that decides it.

    Those of a few kinds of target alone, such as grades, come early: wide tables are scrolled.
    """
    cards = [card for card in study.cards.values() if card.table == "ranking"]
    cards.sort(key=lambda card: (card.name != RANKED_BY, not card.special))
    return columns(study, cards)


def decisions(study: StudyResults) -> list[TableColumn]:
    """Return the columns that tell what a decision means."""
    return columns(study, [card for card in study.cards.values() if card.table == "decisions"])


def calibration(study: StudyResults) -> list[TableColumn]:
    """Return the columns that judge probabilities."""
    return columns(study, [card for card in study.cards.values() if card.table == "calibration"])


def spread(variant: VariantResults) -> str:
    """Write mean and standard deviation of AUC over seeds and folds; empty for one run."""
    runs = variant.scores["metrics"].get(RANKED_BY, {}).get("runs") or {}
    mean, sd, n = (number(runs.get(key)) for key in ("mean", "sd", "n"))
    if mean is None or sd is None or n is None or n < 2:
        return ""
    return f"{decimal(mean)} ± {decimal(sd)} in {round(n)} runs"


def own_cases(study: StudyResults, variant: VariantResults) -> str:
    """Write how many cases a variant was scored on; empty if all have the same."""
    if study.n_common is None:
        return ""
    area = decimal(study.on_common.get(variant.name))
    return (
        f"{whole(variant.scores['n_cases'])} cases; AUC {area} on the"
        f" {whole(study.n_common)} common ones"
    )


@dataclass(frozen=True)
class Confusion:
    """Counts of true against decided class of one variant.

    Attributes
    ----------
    rows
        Per true class: name, number of cases, and (number, share) per decided class; None
        where a pair cannot be, as of two labels.

    """

    variant: str
    decided: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[tuple[int, float] | None, ...]], ...]


def confusion(study: StudyResults) -> list[Confusion]:
    """Return the counts of each variant on the part that it is ranked by."""
    found = []
    for variant in study.variants:
        rows = [row for row in variant.confusion if row["part"] == study.part]
        if rows:
            found.append(_confusion(variant.name, _counts(rows, study.kind)))
    return found


def _counts(rows: Sequence[Row], kind: Kind) -> dict[tuple[str, str], int]:
    """Return the number of each pair of true and decided class.

    Labels are decided one by one, so that two columns serve them all: of each line of two rows the
    first is what was left alone.
    """
    labels = kind == "multi-label"
    return {
        (row["true"], ("absent", "present")[k % 2] if labels else row["decided"]): int(row["n"])
        for k, row in enumerate(rows)
    }


def _confusion(variant: str, counts: Mapping[tuple[str, str], int]) -> Confusion:
    """Lay out the counts of pairs of true and decided class, with their shares of the true one."""
    decided = tuple(dict.fromkeys(d for _, d in counts))
    rows = []
    for true in dict.fromkeys(true for true, _ in counts):
        line = [counts.get((true, d)) for d in decided]
        total = sum(n for n in line if n is not None)
        cells = tuple(None if n is None else (n, n / total if total else 0.0) for n in line)
        rows.append((true, total, cells))
    return Confusion(variant, decided, tuple(rows))


@dataclass(frozen=True)
class Subgroup:
    """One value of a covariate, with one AUC per variant, or why there is none."""

    covariate: str
    value: str
    n_cases: int
    n_patients: int
    cells: tuple[ShownEstimate | None, ...]
    whys: tuple[str, ...]


def subgroups(study: StudyResults) -> list[Subgroup]:
    """Return the subgroups with a cell per variant in the order of the ranking."""
    sizes: dict[tuple[str, str], tuple[int, int]] = {}
    aucs: list[dict[tuple[str, str], Mapping[str, Any] | None]] = []
    for variant in study.variants:
        own = {}
        for group in variant.scores.get("subgroups") or ():
            key = (str(group["covariate"]), str(group["value"]))
            sizes.setdefault(key, (group["n_cases"], group["n_patients"]))
            own[key] = group.get("auc")
        aucs.append(own)
    found = []
    for key, n in sizes.items():
        blocks = [own.get(key) for own in aucs]
        cells = tuple(ShownEstimate.of(block) for block in blocks)
        whys = tuple(ShownEstimate.why(block) if block else NO_AREA for block in blocks)
        found.append(Subgroup(*key, *n, cells, whys))
    return found


def without_number(groups: Iterable[Subgroup]) -> list[tuple[str, str]]:
    """Return (reason, names) of the subgroups in which no variant has a number."""
    reasons: dict[str, list[str]] = {}
    for group in groups:
        if not any(group.cells):
            reasons.setdefault(group.whys[0], []).append(f"{group.covariate}: {group.value}")
    return [(why, ", ".join(names)) for why, names in reasons.items()]


def settings(variants: Iterable[VariantResults]) -> list[tuple[str, tuple[str, ...], bool]]:
    """Return (dotted setting, value per variant, whether they differ) of the recipes."""
    flat = [flatten({key: v.recipe[key] for key in RECIPE if key in v.recipe}) for v in variants]
    keys = list(dict.fromkeys(key for one in flat for key in one))
    rows = [(key, tuple(one.get(key, "") for one in flat)) for key in keys]
    return [(key, values, len(set(values)) > 1) for key, values in rows]


def versions(variants: Iterable[VariantResults]) -> list[tuple[str, str]]:
    """Return package and version; several, if variants were made with different ones."""
    found: dict[str, dict[str, None]] = {}
    for variant in variants:
        for package, version in (variant.recipe.get("versions") or {}).items():
            found.setdefault(package, {})[version] = None
    return [(package, ", ".join(each)) for package, each in sorted(found.items())]


@dataclass(frozen=True)
class Opening:
    """How often a variant opened the test part of its study."""

    study: str
    variant: str
    times: int
    recipes: int
    first: str
    last: str
    planned: bool


def openings(rows: Iterable[Row], planned: Iterable[str]) -> list[Opening]:
    """Count openings of `test` per study and variant, in the order of their first."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row["study"], row["variant"]), []).append(row)
    names = set(planned)
    return [
        Opening(
            study,
            variant,
            times=len(group),
            recipes=len({row["recipe"] for row in group}),
            first=min(row["time"] for row in group),
            last=max(row["time"] for row in group),
            planned=variant in names,
        )
        for (study, variant), group in grouped.items()
    ]


def flatten(value: Any, path: str = "") -> dict[str, str]:
    """Turn nested settings into dotted paths and readable values."""
    if isinstance(value, Mapping):
        return {
            key: text
            for name, item in value.items()
            for key, text in flatten(item, f"{path}.{name}" if path else str(name)).items()
        }
    if value is None:
        return {path: "none"}
    if isinstance(value, list | tuple):
        return {path: ", ".join(str(item) for item in value)}
    if isinstance(value, bool):
        return {path: "yes" if value else "no"}
    return {path: f"{value:g}" if isinstance(value, float) else str(value)}
