"""What to conclude from a study: two sentences, which say no more than the numbers do."""

import re
from collections.abc import Sequence

from radpipe.app.report.baseline import baselines, is_baseline
from radpipe.app.report.estimates import percent
from radpipe.app.report.pairs import paired_between
from radpipe.app.report.results import StudyResults, VariantResults
from radpipe.app.report.story import Caution
from radpipe.core.cards import RANKED_BY

# Serious cautions that the second sentence names; the rest is counted.
MOST_NAMED = 3


def conclusion(study: StudyResults, cautions: Sequence[Caution], *, confidence: float) -> str:
    """Say which variant is best and whether it really is, then what limits that.

    "Really" means: the interval of the difference does not hold 0, and the corrected p is below 1
    minus the confidence.
    """
    return f"{_best(study, confidence)} {_limits(study, cautions)}"


def _best(study: StudyResults, confidence: float) -> str:
    part, others = study.part, [variant.name for variant in study.variants[1:]]
    name = f"{study.best.name}{_kind(study.best)}"
    area = study.best.estimate(RANKED_BY)
    said = (
        f"AUC {area.text} ({percent(confidence)} interval {area.interval})"
        if area
        else "an AUC without an interval"
    )
    if not others:
        return f"{name} reaches {said} on {part}, and nothing stands beside it to be better than."
    equal = [other for other in others if not _better(study, other, confidence)]
    if not equal:
        lead, _ = paired_between(study, study.best.name, others[0])
        ahead = f", {lead.signed} ({lead.interval}) over the next, {others[0]}" if lead else ""
        return f"{name} is really better than all others: {said} on {part}{ahead}."
    if len(equal) == len(others):
        return (
            f"{name} ranks first on {part} with {said}, but these data tell it apart from none of"
            f" the others ({_named(equal)})."
        )
    return (
        f"{name} ranks first on {part} with {said}, but these data do not tell it apart from"
        f" {_named(equal)}{_beats(study, equal)}."
    )


def _kind(best: VariantResults) -> str:
    """Say of what is first that it is a baseline, or the answers of a person."""
    if best.imported and best.metrics["imported"]["by"]["kind"] == "reader":
        return ", a reader,"
    return ", a baseline," if is_baseline(best) else ""


def _beats(study: StudyResults, equal: Sequence[str]) -> str:
    """Say whether it is really better than a baseline that is not among its equals."""
    plain = [name for name in baselines(study) if name not in (study.best.name, *equal)]
    return f"; it is really better than the baseline {_named(plain)}" if plain else ""


def _limits(study: StudyResults, cautions: Sequence[Caution]) -> str:
    if not study.opened:
        return (
            "This is tune, on which choices were made: choose by it, and publish nothing before"
            " the test part is opened."
        )
    serious = (each for each in cautions if each.level == "serious")
    titles = [_inside(each.title) for each in serious if _concerns_best(study, each)]
    if not titles:
        return "It holds for patients like those of test; no serious warning concerns this variant."
    more = len(titles) - MOST_NAMED
    rest = f"; and {more} more" if more > 0 else ""
    return f"Mind before using it: {'; '.join(titles[:MOST_NAMED])}{rest}."


def _concerns_best(study: StudyResults, caution: Caution) -> bool:
    """Tell whether a warning is about the best variant or all of them, not about others alone.

    A name that may be a word of any sentence, such as "test", tells nothing of whom it is about.
    """
    said = set(re.findall(r"[\w.-]*\w", f"{caution.title} {caution.text}"))
    others = [one.name for one in study.variants if not re.fullmatch("[a-z]+", one.name)]
    return study.best.name in said or said.isdisjoint(others)


def _inside(title: str) -> str:
    """Write a title within a sentence; names keep their capital."""
    first = title.split(maxsplit=1)[0]
    return title[0].lower() + title[1:] if first.istitle() else title


def _better(study: StudyResults, other: str, confidence: float) -> bool:
    difference, p = paired_between(study, study.best.name, other)
    return p is not None and p < 1 - confidence and difference is not None and difference.low > 0


def _named(names: Sequence[str]) -> str:
    shown, more = list(names[:MOST_NAMED]), len(names) - MOST_NAMED
    shown += [f"{more} more"] if more > 0 else []
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)
