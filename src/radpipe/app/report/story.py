"""What the numbers say: one answer per study, and what a reader must be warned of."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from radpipe.app.report.baseline import baselines
from radpipe.app.report.estimates import ShownEstimate, percent, probability, whole
from radpipe.app.report.pairs import paired_between
from radpipe.app.report.results import Row, StudyResults, VariantResults
from radpipe.core.cards import RANKED_BY
from radpipe.core.settings import Training

# Below this, an interval is wide and its bootstrap itself unsteady.
FEW_CASES = 30
FEW_PATIENTS = 20
# Mean gap between predicted and observed frequency from which calibration counts as poor.
POOR_ECE = 0.1

Level = Literal["serious", "note"]


@dataclass(frozen=True)
class Caution:
    """Something that a reader must know before believing a number."""

    level: Level
    title: str
    text: str


@dataclass(frozen=True)
class Answer:
    """The result of one study in a sentence, and its parts for display.

    Attributes
    ----------
    lead
        "ranks first of 3 variants", or "is the only variant".
    gap
        How far ahead of the next it is, with interval and corrected p; empty if alone.
    verdict
        Whether the gap is more than chance; empty if alone.
    top
        What the ideal observer reaches; empty if the study knows none.

    """

    variant: str
    estimate: ShownEstimate | None
    lead: str
    gap: str
    verdict: str
    top: str


def answer(study: StudyResults, *, confidence: float) -> Answer:
    """Put the result of a study into words."""
    best, others = study.best, study.variants[1:]
    part = f"the {study.part} part"
    lead = (
        f"ranks first of {len(study.variants)} variants on {part}"
        if others
        else f"is the only variant, scored on {part}"
    )
    gap, verdict = _gap(study, others[0], confidence) if others else ("", "")
    return Answer(best.name, best.estimate(RANKED_BY), lead, gap, verdict, _top(study))


def _gap(study: StudyResults, runner_up: VariantResults, confidence: float) -> tuple[str, str]:
    difference, p = paired_between(study, study.best.name, runner_up.name)
    if difference is None:
        tested = (
            f"has no interval (corrected p {_equals(p)})" if p is not None else "was not tested"
        )
        return f"{runner_up.name} is next", f"the difference between the two {tested}"
    text = (
        f"it leads {runner_up.name}, the next, by {difference.text} AUC"
        f" ({percent(confidence)} interval {difference.interval}; corrected p {_equals(p)})"
    )
    if p is not None and p < 1 - confidence and difference.low > 0:
        return text, "more than chance explains"
    return text, "not more than chance could explain: these data do not tell the two apart"


def _top(study: StudyResults) -> str:
    ceiling, gap = study.ceiling(RANKED_BY), study.gaps_of()[0]
    if ceiling is None:
        return ""
    text = (
        f"the ideal observer, whom no honest model can beat, reaches {ceiling.text}"
        f" ({ceiling.interval}) on the same cases"
    )
    return f"{text}, {gap.signed} ({gap.interval}) against the best variant" if gap else text


def cautions(study: StudyResults, openings: Sequence[Row]) -> list[Caution]:
    """List what a reader of this study must be warned of, most serious first."""
    found = [
        *_unopened(study),
        *_reopened(study, openings),
        *_faults(study.variants),
        *_seen(study.variants),
        *_above_ceiling(study),
        *_other_cases(study),
        *_patients(study),
        *_few_cases(study),
        *_without_interval(study),
        *_calibration(study.variants),
        *_accepted(study),
        *_remarks(study),
        *_one_run(study),
        *_no_baseline(study),
    ]
    return in_order(found)


def in_order(cautions: Iterable[Caution]) -> list[Caution]:
    """Put the most serious first."""
    return sorted(cautions, key=lambda caution: caution.level != "serious")


def _unopened(study: StudyResults) -> Iterator[Caution]:
    if not study.opened:
        yield Caution(
            "serious",
            "The test part has not been opened",
            "The ranking is by the tune part, which also chose the best epoch, the operating"
            " point and the calibration. Its numbers are too good; use them to choose, not to"
            " publish.",
        )


def _reopened(study: StudyResults, openings: Sequence[Row]) -> Iterator[Caution]:
    recipes: dict[str, set[str]] = {}
    for row in openings:
        # Openings of cohorts by the same variants are told with the cohorts.
        if row["study"] == study.name:
            recipes.setdefault(row["variant"], set()).add(row["recipe"])
    for name in (variant.name for variant in study.variants):
        if len(recipes.get(name, ())) > 1:
            yield Caution(
                "serious",
                f"{name} opened the test part with {len(recipes[name])} different recipes",
                "A variant that is changed after its test score was seen is fitted to the test"
                " part, and its interval no longer covers that.",
            )


def _seen(variants: Iterable[VariantResults]) -> Iterator[Caution]:
    """Name variants whose start has learned from data of the study before."""
    for variant in variants:
        if variant.seen:
            yield Caution(
                "serious",
                f"{variant.name} starts from weights that have seen these data",
                f"They have learned from: {variant.seen}. Where that is a data set by its name,"
                " nobody says whether cases of the test part were among them, and the score may be"
                " too good; where it is the tune part, what was chosen by it is.",
            )


def _faults(variants: Iterable[VariantResults]) -> Iterator[Caution]:
    """Name variants whose preset reproduces a fault of published code."""
    for variant in variants:
        if "train" not in variant.recipe:
            continue
        for setting, what in Training.model_validate(variant.recipe["train"]).faults.items():
            yield Caution(
                "serious",
                f"{variant.name} reproduces a fault of published code",
                f"{setting} is set so that {what}. Its scores say what that code reached, and not"
                " what the network can do.",
            )


def _above_ceiling(study: StudyResults) -> Iterator[Caution]:
    for variant in study.variants:
        for label in ("", *study.classes):
            ceiling, score = variant.ceiling(RANKED_BY, label), variant.estimate(RANKED_BY, label)
            if ceiling and score and score.value > ceiling.high:
                yield Caution(
                    "serious",
                    f"{variant.name} scores above the ceiling{f' on {label}' if label else ''}",
                    f"AUC {score.text} ({score.interval}) lies above the ideal observer's"
                    f" interval ({ceiling.interval}). No honest model can do that: look for a"
                    " leak.",
                )


def _other_cases(study: StudyResults) -> Iterator[Caution]:
    if study.n_common is not None:
        own = ", ".join(f"{v.name}: {whole(v.scores['n_cases'])}" for v in study.variants)
        yield Caution(
            "serious",
            f"Variants were scored on different cases ({own}; common: {whole(study.n_common)})",
            "Some stores lack cases that others hold. Every number of a variant is of its own"
            " cases; the order, and the tests of differences, are of the common ones. A case"
            " that a variant was not shown counts neither for it nor against it, so ask"
            " whether the missing ones are the difficult ones.",
        )


def _patients(study: StudyResults) -> Iterator[Caution]:
    scores = study.best.scores
    if scores["n_cases"] and scores["n_cases"] == scores["n_patients"]:
        yield Caution(
            "note",
            "Patients are unknown, or have one case each",
            "Every case counts as its own patient. If some patients have several, they may"
            " stand on both sides of the split, and the intervals are too narrow.",
        )


def _few_cases(study: StudyResults) -> Iterator[Caution]:
    scores = study.best.scores
    counts = list(zip(study.classes, scores["n_per_class"], strict=False))
    if study.kind == "multi-label":
        # At most: cases of which a label is unknown are counted as without it.
        counts += [(f"no {name}", scores["n_cases"] - n) for name, n in counts]
    few = [f"{name}: {whole(n)}" for name, n in counts if n < FEW_CASES]
    if few:
        yield Caution(
            "serious",
            f"Few cases in a class ({', '.join(few)})",
            f"With fewer than {FEW_CASES} cases of a class in the {study.part} part, its numbers"
            " hang on single cases.",
        )

    patients = study.best.scores["n_patients"]
    if patients < FEW_PATIENTS:
        yield Caution(
            "serious",
            f"Few patients ({whole(patients)})",
            f"With fewer than {FEW_PATIENTS} patients in the {study.part} part, draws of patients"
            " say little about other patients: the intervals are too narrow.",
        )


def _without_interval(study: StudyResults) -> Iterator[Caution]:
    """Name the numbers that have no interval, and say why."""
    reasons: dict[str, list[str]] = {}
    first = False
    for variant in study.variants:
        for label, found in (("", variant.reasons()), *_by_label(variant, study)):
            for metric, why in found.items():
                if metric not in study.cards:
                    continue
                first |= metric == RANKED_BY and not label
                title = study.cards[metric].title
                named = f"{title} of {label}" if label else title
                reasons.setdefault(why, []).append(f"{named} ({variant.name})")
    if reasons:
        yield Caution(
            "serious" if first else "note",
            "Some numbers have no interval, and are not shown",
            "; ".join(f"{why}: {_few_of(names)}" for why, names in reasons.items()) + ".",
        )


def _by_label(variant: VariantResults, study: StudyResults) -> Iterator[tuple[str, dict[str, str]]]:
    return ((label, variant.reasons(label)) for label in study.classes)


def _few_of(names: Sequence[str], most: int = 6) -> str:
    """List some names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _calibration(variants: Iterable[VariantResults]) -> Iterator[Caution]:
    poor = []
    for variant in variants:
        error = variant.estimate("ece")
        if error is not None and error.value > POOR_ECE:
            poor.append(f"{variant.name} (ECE {error.text}, {error.interval})")
    if poor:
        yield Caution(
            "serious" if len(poor) == len(list(variants)) else "note",
            "Probabilities are poorly calibrated",
            f"{'; '.join(poor)}: predicted and observed frequencies differ by more than"
            f" {POOR_ECE} on average, so do not read these outputs as risks.",
        )


def _accepted(study: StudyResults) -> Iterator[Caution]:
    n = study.split["accepted_files"]
    if n:
        yield Caution(
            "note",
            f"{whole(n)} file{'s' if n > 1 else ''} accepted in spite of likeness",
            "Someone looked at these files and declared them no leak; they are named in"
            " params.yaml.",
        )


def _remarks(study: StudyResults) -> Iterator[Caution]:
    for remark in study.split["remarks"]:
        yield Caution("note", "About the parts", remark)


def _one_run(study: StudyResults) -> Iterator[Caution]:
    runs = study.best.metrics
    if len(runs["folds"]) * len(runs["seeds"]) == 1:
        yield Caution(
            "note",
            "One run per variant",
            "Intervals hold the chance of drawing patients, not that of training: with another"
            " seed a variant may rank elsewhere. Add seeds or folds in plan.",
        )


def _no_baseline(study: StudyResults) -> Iterator[Caution]:
    if not baselines(study):
        yield Caution(
            "note",
            "No baseline is in the ranking",
            "None of the variants is a plain model, such as the linear map of coarse pixels that"
            " presets named floor hold, so nobody can tell how much of a score a network was needed"
            " for. Plan one beside them: it trains in a minute.",
        )


def _equals(p: float | None) -> str:
    text = probability(p)
    return text if text.startswith("<") else f"= {text}"
