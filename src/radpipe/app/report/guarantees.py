"""Guarantees on the page: what is promised of new patients, and whether test bears it out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from radpipe.app.report.estimates import ShownEstimate, decimal, percent
from radpipe.app.report.results import StudyResults, VariantResults
from radpipe.app.report.story import Caution

KEPT = {"average": "on average", "certain": "with {certainty} certainty"}


@dataclass(frozen=True)
class Threshold:
    """A threshold that finds the share asked for: of a variant, a class, on average or certain.

    `least` is what this tune part may come to where the promise holds; None: no threshold.
    """

    variant: str
    asked_of: str
    kept: str
    n_patients: int
    limit: str
    least: float | None
    found: ShownEstimate | None
    passed: ShownEstimate | None
    whys: tuple[str, str]


@dataclass(frozen=True)
class Sets:
    """Prediction sets of a variant and question.

    Attributes
    ----------
    coverage
        Of each answer its name, patients of tune, and how often sets hold it on test.
    least
        What this tune part may come to where the promise holds.
    sizes
        How many of the cases of test have how many answers, such as "1: 62 %, 2: 38 %".
    why
        Why there are none; empty if there are.

    """

    variant: str
    question: str
    coverage: tuple[tuple[str, int, ShownEstimate | None], ...]
    least: tuple[float, ...]
    sizes: str
    why: str


@dataclass(frozen=True, kw_only=True)
class GuaranteeView:
    """Guarantees of a study, ready to be laid out.

    Attributes
    ----------
    sensitivity, coverage, certainty
        What is asked for, as percentages.
    judged
        Whether test is open, so that they could be judged.

    """

    sensitivity: str
    coverage: str
    certainty: str
    folds: int
    judged: bool
    thresholds: list[Threshold]
    sets: list[Sets]


def guarantee_view(study: StudyResults) -> GuaranteeView | None:
    """Prepare them; None where metrics.json of some variant tells of none."""
    blocks = {variant.name: variant.metrics.get("guarantee") for variant in study.variants}
    first = blocks[study.best.name]
    if first is None:
        return None
    asked = {name: percent(share) for name, share in first["asked"].items()}
    given = {name: block for name, block in blocks.items() if block is not None}
    return GuaranteeView(
        **asked,
        folds=first["folds"],
        judged=study.opened,
        thresholds=[one for name, block in given.items() for one in _thresholds(name, block)],
        sets=[one for name, block in given.items() for one in _sets(name, block)],
    )


def _thresholds(variant: str, block: Mapping[str, Any]) -> Iterator[Threshold]:
    certainty = percent(block["asked"]["certainty"])
    for asked_of, each in block["thresholds"].items():
        for kind, kept in KEPT.items():
            one = each[kind]
            test = one.get("test") or {}
            blocks = [test.get(name) for name in ("sensitivity", "specificity")]
            found, passed = (ShownEstimate.of(block) for block in blocks)
            yield Threshold(
                variant,
                asked_of,
                kept.format(certainty=certainty),
                each["n_patients"],
                one["why"] or _limit(one["threshold"], block["folds"]),
                None if one["why"] else one["least"],
                found,
                passed,
                tuple(one["why"] or ShownEstimate.why(block) for block in blocks),  # type: ignore[arg-type]
            )


def _limit(threshold: float | None, folds: int) -> str:
    """Return a threshold; with several folds cases are ranked among those of each."""
    return decimal(threshold) if folds == 1 else f"by the models of {folds} folds"


def _sets(variant: str, block: Mapping[str, Any]) -> Iterator[Sets]:
    for question, each in block["sets"].items():
        test = each.get("test") or {}
        coverage = test.get("coverage", {})
        yield Sets(
            variant,
            question,
            tuple(
                (name, n, ShownEstimate.of(coverage.get(name)))
                for name, n in each["n_patients"].items()
            ),
            tuple(each["least"][name] for name in each["n_patients"]),
            _sizes(test.get("sizes", [])),
            each["why"],
        )


def _sizes(counts: list[int]) -> str:
    total = sum(counts)
    shares = [(size, n / total) for size, n in enumerate(counts, start=1) if n]
    return ", ".join(f"{size}: {percent(round(share, 3))}" for size, share in shares)


def guarantee_cautions(study: StudyResults) -> Iterator[Caution]:
    """Warn of guarantees that test refutes.

    The whole interval must lie below what the tune part at hand may come to: that it lies below the
    share asked for refutes no promise about the average of tune parts.
    """
    judged = [one for variant in study.variants for one in _judged(variant)]
    broken = [text for text, kept in judged if not kept]
    if study.opened and broken:
        more = f"; and {len(broken) - 4} more" if len(broken) > 4 else ""
        yield Caution(
            "serious",
            "A guarantee was not kept on test",
            f"{'; '.join(broken[:4])}{more} (of {len(judged)} looked at). Patients of test do not"
            " come as those of tune did, or tune chose more than a threshold, or it was one of the"
            " rare unlucky parts. Do not rely on it for other patients.",
        )


def _judged(variant: VariantResults) -> Iterator[tuple[str, bool]]:
    """Yield what is promised and was found on test, and whether the two go together."""
    block = variant.metrics.get("guarantee")
    if block is None:
        return
    for one in _thresholds(variant.name, block):
        if one.found:
            said = f"{one.found.text} ({one.found.interval})"
            text = f"sensitivity for {one.asked_of} of {variant.name}, {one.kept}: {said}"
            yield text, one.least is None or one.found.high >= one.least
    for sets in _sets(variant.name, block):
        for (name, _, found), least in zip(sets.coverage, sets.least, strict=True):
            if found:
                said = f"{found.text} ({found.interval})"
                yield f"coverage of {name} of {variant.name}: {said}", found.high >= least
