"""External validation: a study's variants on further studies, beside their scores at home."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radpipe.app.report.data import KINDS
from radpipe.app.report.downloads import Download, download
from radpipe.app.report.estimates import Scale, ShownEstimate, whole
from radpipe.app.report.results import (
    Row,
    StudyResults,
    VariantResults,
    block_of,
    picture,
    read_rows,
)
from radpipe.app.report.story import FEW_CASES, FEW_PATIENTS, Caution
from radpipe.core.cards import RANKED_BY, Card
from radpipe.core.files import read_json
from radpipe.core.plurals import counted

DECISIONS = {
    "accepted": "accepted by name in params.yaml",
    "dropped": "dropped: the whole patient was left out",
    "none": "left: patients of the home test part, who taught nothing",
}
LIKENESS = {
    **KINDS,
    "patient": "same name of a patient",
    "listed": "on a published list",
}


@dataclass(frozen=True)
class Cohort:
    """A further study on which the variants of a home study were judged.

    Attributes
    ----------
    name
        Its name.
    scores
        Content of `results/cohorts/<cohort>/scores.json`.
    leaks
        Rows of leaks.csv beside it.
    figure
        Drawing of home and cohort side by side, if there is one.
    download
        Its numbers as CSV.

    """

    name: str
    scores: Mapping[str, Any]
    leaks: tuple[Row, ...] = ()
    figure: Path | None = None
    download: Download | None = None


@dataclass(frozen=True)
class ExternalLine:
    """One variant: a measure at home, on the cohort, and cohort minus home.

    `whys` says of each of them why it has no interval.
    """

    variant: str
    home: ShownEstimate | None
    away: ShownEstimate | None
    difference: ShownEstimate | None
    whys: tuple[str, str, str] = ("", "", "")

    @classmethod
    def of(cls, variant: str, *blocks: Mapping[str, Any] | None) -> "ExternalLine":
        """Read the blocks of home, cohort and difference."""
        home, away, difference = map(ShownEstimate.of, blocks)
        first, second, third = map(ShownEstimate.why, blocks)
        return cls(variant, home, away, difference, (first, second, third))


@dataclass(frozen=True)
class Measure:
    """One metric, all together or of one class, for all variants on one axis."""

    title: str
    scale: Scale
    lines: tuple[ExternalLine, ...]
    perfect: float | None = None


@dataclass(frozen=True, kw_only=True)
class ExternalView:
    """One cohort, ready to be laid out.

    Attributes
    ----------
    facts
        (count, what it counts).
    part
        Part of the home study that is set beside it.
    folds
        Number of folds over whose mean is decided.
    first, decisions, calibration, per_class
        AUC; what depends on thresholds; what depends on temperature; AUC of each class.
    overlaps
        (likeness, what was done, number of pairs, number of patients).

    """

    cohort: Cohort
    facts: list[tuple[str, str]]
    part: str
    folds: int
    cautions: list[Caution]
    first: Measure
    decisions: list[Measure]
    calibration: list[Measure]
    per_class: list[Measure]
    overlaps: list[tuple[str, str, str, str]]


def read_cohorts(
    home: str,
    cohorts: Mapping[str, str],
    *,
    results: Path,
    figures: Path,
) -> tuple[Cohort, ...]:
    """Read the cohorts of a study, in the order of the plan.

    Parameters
    ----------
    home
        The study whose variants were judged.
    cohorts
        `plan.cohorts`: cohort to home study.
    results, figures
        Where their scores lie, a folder each, and their drawings.

    """
    return tuple(
        Cohort(
            name,
            read_json(results / name / "scores.json"),
            read_rows(results / name / "leaks.csv"),
            picture(figures, f"{name}-external"),
            download(f"{name}-external", (results / name / "scores.csv").read_text("utf-8")),
        )
        for name, study in cohorts.items()
        if study == home
    )


def external_views(study: StudyResults, openings: Sequence[Row]) -> list[ExternalView]:
    """Prepare the cohorts of a study for the page."""
    return [_view(study, cohort, openings) for cohort in study.cohorts]


def _view(study: StudyResults, cohort: Cohort, openings: Sequence[Row]) -> ExternalView:
    judged, ranked_by = cohort.scores["variants"], study.cards[RANKED_BY]
    labels = study.classes if len(study.classes) > 2 or study.kind == "multi-label" else ()
    return ExternalView(
        cohort=cohort,
        facts=_facts(study, cohort),
        part=judged[study.best.name]["home_part"],
        folds=max(one.get("operating_point", {}).get("folds", 1) for one in judged.values()),
        cautions=_cautions(study, cohort, openings),
        first=_measure(study, cohort, ranked_by),
        decisions=_measures(study, cohort, "ranking"),
        calibration=_measures(study, cohort, "calibration"),
        per_class=[_measure(study, cohort, ranked_by, label=name) for name in labels],
        overlaps=[
            (
                f"{LIKENESS[row['kind']]}, in {row['study']}",
                DECISIONS[row["decision"]],
                whole(row["pairs"]),
                whole(row["patients"]),
            )
            for row in cohort.leaks
        ],
    )


def _measures(study: StudyResults, cohort: Cohort, table: str) -> list[Measure]:
    """Return the metrics of one of the page's tables that have an interval, but the first."""
    cards = (c for c in study.cards.values() if c.table == table and c.name != RANKED_BY)
    found = (_measure(study, cohort, card) for card in cards)
    return [one for one in found if any(line.away for line in one.lines)]


def _measure(study: StudyResults, cohort: Cohort, card: Card, *, label: str = "") -> Measure:
    lines = tuple(_line(variant, cohort, card.name, label) for variant in study.variants)
    shown = [each for line in lines for each in (line.home, line.away)]
    title = label or card.heading(study.kind)
    return Measure(title, Scale.around(shown, card.goal), lines, card.goal)


def _line(variant: VariantResults, cohort: Cohort, metric: str, label: str) -> ExternalLine:
    judged = cohort.scores["variants"][variant.name]
    home = variant.metrics["parts"][judged["home_part"]]["metrics"]
    blocks = (home, judged["scores"]["metrics"], judged["difference"])
    return ExternalLine.of(variant.name, *(block_of(block.get(metric), label) for block in blocks))


def _facts(study: StudyResults, cohort: Cohort) -> list[tuple[str, str]]:
    scores = cohort.scores["variants"][study.best.name]["scores"]
    facts = [(scores["n_cases"], "cases"), (scores["n_patients"], "patients")]
    facts += list(zip(scores["n_per_class"], study.classes, strict=True))
    return [(whole(n), label) for n, label in facts]


def _cautions(study: StudyResults, cohort: Cohort, openings: Sequence[Row]) -> list[Caution]:
    found = [
        *_compared_with_tune(study, cohort),
        *_opened_again(study, cohort, openings),
        *_few(study, cohort),
        *_other_cases(study, cohort),
        *_known(cohort),
    ]
    return sorted(found, key=lambda caution: caution.level != "serious")


def _compared_with_tune(study: StudyResults, cohort: Cohort) -> Iterator[Caution]:
    if cohort.scores["variants"][study.best.name]["home_part"] == "tune":
        yield Caution(
            "serious",
            "Compared with the tune part of the home study",
            "Its test part is closed. Scores on tune are too good, because thresholds, temperature"
            " and the best epoch were chosen there, so part of the drop is none.",
        )


def _opened_again(
    study: StudyResults, cohort: Cohort, openings: Sequence[Row]
) -> Iterator[Caution]:
    for variant in study.variants:
        mine = [r for r in openings if (r["study"], r["variant"]) == (cohort.name, variant.name)]
        if (n := len({row["recipe"] for row in mine})) > 1:
            yield Caution(
                "serious",
                f"{variant.name} was judged on {cohort.name} with {n} different recipes",
                "A variant that is changed after its scores on a cohort were seen is fitted to the"
                " cohort, which is then no external one.",
            )


def _few(study: StudyResults, cohort: Cohort) -> Iterator[Caution]:
    scores = cohort.scores["variants"][study.best.name]["scores"]
    counts = list(zip(study.classes, scores["n_per_class"], strict=True))
    if study.kind == "multi-label":
        counts += [(f"no {name}", scores["n_cases"] - n) for name, n in counts]
    if few := [f"{name}: {whole(n)}" for name, n in counts if n < FEW_CASES]:
        yield Caution(
            "serious",
            f"Few cases in a class of the cohort ({', '.join(few)})",
            f"With fewer than {FEW_CASES} cases of a class its numbers hang on single cases.",
        )
    if scores["n_patients"] < FEW_PATIENTS:
        yield Caution(
            "serious",
            f"Few patients in the cohort ({whole(scores['n_patients'])})",
            f"With fewer than {FEW_PATIENTS} patients the intervals are too narrow.",
        )


def _other_cases(study: StudyResults, cohort: Cohort) -> Iterator[Caution]:
    judged = cohort.scores["variants"]
    counts = {v.name: judged[v.name]["scores"]["n_cases"] for v in study.variants}
    if len(set(counts.values())) > 1:
        yield Caution(
            "serious",
            f"Variants were judged on different cases of {cohort.name}",
            f"{'; '.join(f'{name}: {whole(n)}' for name, n in counts.items())}. Some folders of"
            " pixels lack cases that others hold, so compare each variant with its own home score"
            " only.",
        )


def _known(cohort: Cohort) -> Iterator[Caution]:
    known = cohort.scores["known"]
    if n := known["patients_of_home_test"]:
        yield Caution(
            "note",
            f"{counted(n, 'patient')} of the home test part in the cohort, too",
            "They taught the variants nothing, so both scores are honest. But the two samples are"
            " not of different patients alone, and the interval of the difference takes them as"
            " such.",
        )
    for name, judged in cohort.scores["variants"].items():
        if seen := judged.get("seen"):
            yield Caution(
                "serious",
                f"{name} starts from weights that have seen these data",
                f"They have learned from {', '.join(seen)}, by its name one of {cohort.name}'s data"
                " sets; nobody says from which of its images, so this is no external validation.",
            )
    if n := known["patients_dropped"]:
        yield Caution(
            "note",
            f"{counted(n, 'patient')} left out",
            f"The variants know these patients or pictures; {whole(known['cases_dropped'])} of"
            " their cases are not judged.",
        )
    if n := known["accepted_files"]:
        yield Caution(
            "note",
            f"{counted(n, 'file')} accepted in spite of likeness",
            "Someone looked at these files and declared them no leak; they are named in"
            " params.yaml.",
        )
    if not known["same_names"]:
        yield Caution(
            "note",
            "Patients were compared by their pictures, not by their names",
            "params.yaml says that names were given by somebody else, so that an equal name means"
            " nothing. A patient of the home study with a new picture would not be found.",
        )
