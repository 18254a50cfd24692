"""What the page says of numbers, as sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from radpipe.core.plurals import counted
from radpipe.core.settings import Target
from radpipe.evaluation.sample import column_names
from radpipe.prediction.description import Description, Judged, Promised, ReliabilityBin

RESEARCH = (
    "Research use only. This is no medical device, and no decision about a person may depend on it."
)
# Ends of the colours of a published app for bones; it showed exactly 70 in red.
GREEN, ORANGE = 0.7, 0.4
RULES = {
    "youden": "chosen where sensitivity + specificity was largest",
    "sensitivity": "chosen to find as many as was asked for",
    "half": "one half, without a look at any case",
}
# What colours of maps stand for, by their names in `pictures.COLOURS`.
LEGENDS = {
    "orange": "Orange speaks for the answer, blue against it.",
    "red to green": "Red is most, green less, and what has no colour little; each view by itself.",
    "jet": "Red is most, blue is nothing.",
}
# With fewer cases of a kind a share says little.
FEW = 10


def questions(target: Target) -> list[str]:
    """Name what each threshold is about, in the order of answers."""
    return column_names(target)


def percent(share: float) -> str:
    """Write a share of 0..1 as per cent; never 0 or 100 of what is neither."""
    if 0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{100 * share:.1f} %"


def verdict(question: Mapping[str, Any]) -> str:
    """Say of which side of its threshold a question's probability is."""
    side = "At or above" if question["flag"] else "Below"
    said = "yes" if question["flag"] else "no"
    return f"{side} the threshold of {percent(question['threshold'])}: decided as {said}"


def reliability(question: Mapping[str, Any], judged: Judged | None) -> str:
    """Say what came true of cases that were given a like probability."""
    if judged is None:
        return (
            "How often such probabilities came true is not noted: the model was described by an"
            " older version. Export it again."
        )
    number = int(question["bin"])
    given = f"a probability of {10 * number} to {10 * (number + 1)} %"
    found = next((each for each in judged.bins if each.number == number), None)
    if found is None:
        return f"On tune no case had {given}: how often it comes true is not known."
    few = ", which says little" if found.cases < FEW else ""
    return (
        f"On tune {counted(found.cases, 'case', 'cases')} had {given}{few}; of these"
        f" {100 * found.share:.0f} % were {question['name']} (95 % interval {100 * found.low:.0f}"
        f" to {100 * found.high:.0f} %).{_off(found)}"
    )


def _off(found: ReliabilityBin) -> str:
    """Say that probabilities did not come true as often as they said, if that is no chance."""
    if found.low <= found.mean <= found.high:
        return ""
    way = "low" if found.mean < found.low else "high"
    return (
        f" The model gave them {100 * found.mean:.0f} % on average, which was too {way}: rely on"
        " the share that came true, not on the probability."
    )


def such_cases(question: Mapping[str, Any], judged: Judged | None) -> str:
    """Say what the threshold means: how many of 100 cases on the same side had the finding."""
    if judged is None:
        return ""
    flagged = bool(question["flag"])
    n = judged.flagged if flagged else judged.passed
    hits = judged.flagged_yes if flagged else judged.passed_yes
    side = "at or above" if flagged else "below"
    every = judged.flagged + judged.passed
    if not n:
        return f"On tune no case was {side} the threshold."
    common = round(100 * (judged.flagged_yes + judged.passed_yes) / every)
    return (
        f"Of 100 cases {side} the threshold about {round(100 * hits / n)} were {question['name']}"
        f" on tune ({hits} of {n}), and {common} of 100 of all its cases. Where {question['name']}"
        " is rarer or more common than there, both numbers fall or rise."
    )


def rule(what: Description) -> str:
    """Say how thresholds were chosen."""
    point = what.operating_point
    if point is None:
        return ""
    return (
        f"Thresholds were {RULES[point.rule]}, on the {point.n_cases} cases of the run's own tune"
        " part. Temperature and thresholds come from the same cases, so new ones fare a little"
        " worse."
    )


def sets(guaranteed: Mapping[str, str], promised: Promised | None) -> dict[str, str]:
    """Say which answers cannot be ruled out: a label, or "" for a whole case, to a sentence."""
    if promised is None:
        return {}
    share = f"{100 * promised.asked.coverage:g} % of patients"
    found = {}
    for column, text in guaranteed.items():
        if column == "set" or column.startswith("set_"):
            label = column.removeprefix("set").removeprefix("_")
            # Of a label they are "no <label>" and "<label>".
            answers = [
                {label: "yes", f"no {label}": "no"}.get(each, each) for each in text.split("|")
            ]
            said = f"{' or '.join(answers)}. For {share} the truth is in such a set."
            found[label] = (
                f"Answers that cannot be ruled out: {said}"
                if text
                else "No answer is ruled out with a guarantee: tune has too few patients."
            )
    return found


def likeness(unlike: bool | None, what: Description) -> str:
    """Say whether a case is unlike those of tune, and how often that is said of a like one."""
    known = what.likeness
    if unlike is None or known is None:
        return "Whether it is like what the model learned from is not known for this model."
    rate, low, high = (100 * share for share in (known.rate, *known.interval))
    if unlike:
        return (
            "This case is unlike what the model learned from, and its answer is not to be relied"
            f" on. Of cases that are like it, {rate:.1f} % are called unlike by mistake (95 %"
            f" interval {low:.1f} to {high:.1f} %)."
        )
    return (
        "The network's features do not set this case apart from those that the model learned from."
        " This is no proof that it is like them."
    )


def colour(probability: float) -> tuple[str, str]:
    """Return the colour of a probability, and what it stands for, as a published app showed it.

    There green was above 70 %, orange 40 to 70 %, and red all else, by which exactly 70 % was red;
    here it is orange.
    """
    if probability > GREEN:
        return "green", "more than 70 %"
    if probability >= ORANGE:
        return "orange", "40 to 70 %"
    return "red", "less than 40 %"


def likeliest(target: Target, says: Mapping[str, Any], label: int) -> str:
    """Say which answer is the most probable, how probable, and why the decision may differ."""
    name, chance = favoured(target, says, label)
    name = name.rpartition(": ")[2] if target.kind == "multi-label" else name
    of = "of yes and no" if target.kind == "multi-label" else "of all answers"
    shade, range_ = colour(chance)
    said = f"Most probable {of}: {name}, {percent(chance)} ({shade}: {range_})."
    flagged = says["questions"][label]["flag"]
    if target.kind == "multi-label" and flagged is not (name == "yes"):
        said += " The threshold is another one than one half, so the decision may differ."
    return f"{said} The colour says how sure the model is, not how ill somebody is."


def favoured(target: Target, says: Mapping[str, Any], label: int) -> tuple[str, float]:
    """Return the answer that the model favours, and its probability, 0 to 1.

    Of a label present or absent, of classes the most probable.
    """
    if target.kind == "multi-label":
        question = says["questions"][label]
        chance = float(question["probability"])
        yes = chance >= 0.5
        return f"{question['name']}: {'yes' if yes else 'no'}", chance if yes else 1 - chance
    name = max(says["classes"], key=says["classes"].__getitem__)
    return name, float(says["classes"][name])


def drawing(maps: Mapping[str, Any], colours: str, slices: int) -> str:
    """Say how maps are to be read: view to its map, -1..1, a key of `LEGENDS`, most slices."""
    if not any(each.any() for each in maps.values()):
        return "The map is empty: by this method nothing in the picture speaks for this answer."
    said = LEGENDS[colours]
    if slices > 1:
        said += " Each plane begins with the slice in which its map is largest."
    if len(maps) > 1 and colours != "red to green":
        said += " All planes share one scale: one without colour says little beside the others."
    return said


def truth(target: Target, known: Mapping[str, float | None]) -> str:
    """Say what is known to be true of a case of the project."""
    if target.kind == "multi-label":
        values = {
            c: known[column] for c, column in zip(target.classes, target.columns, strict=True)
        }
        present = [name for name, value in values.items() if value == 1]
        unknown = [name for name, value in values.items() if value is None or value != value]
        said = ", ".join(present) or "none of the labels"
        return said + (f" (unknown: {', '.join(unknown)})" if unknown else "")
    value = known[target.columns[0]]
    return "unknown" if value is None or value != value else target.classes[int(value)]


def learned(what: Description) -> list[str]:
    """Say what a model learned from."""
    study = what.study
    said = [
        f"It learned from {counted(study.train.cases, 'case', 'cases')} of"
        f" {counted(study.train.patients, 'patient', 'patients')} of the study {study.name};"
        f" {counted(study.tune.cases, 'case', 'cases')} of"
        f" {counted(study.tune.patients, 'patient', 'patients')} (its tune part) chose the epoch,"
        " the temperature and the thresholds.",
        f"Network: {what.model.name}, {what.parameters:,} parameters, pictures of"
        f" {what.inputs.image.side} pixels." if what.inputs.views else
        f"Model: {what.model.name}, {what.parameters:,} parameters, of a table.",
    ]  # fmt: skip
    said += [
        f"It started from {run.variant}, which learned from {run.n_patients} patients."
        for run in what.learned_from[:-1]
    ]
    said += [
        f"It started from weights of others, {each.start}, which learned from"
        f" {', '.join(each.data_sets)}."
        for each in what.borrowed
    ]
    return said


def judged_where(what: Description, scores: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Say where a model was judged: pairs of a place and its area under the ROC curve."""
    if not scores:
        tune = what.study.tune
        return [
            f"This copy knows its tune part alone ({tune.cases} cases of {tune.patients} patients"
            f" of {what.study.name}). Its report says how it did on test and elsewhere."
        ]
    return [
        f"{place}: AUC {each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}],"
        f" {each['n_cases']} cases of {each['n_patients']} patients"
        for place, each in scores
    ]
