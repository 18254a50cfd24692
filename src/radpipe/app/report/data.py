"""The data behind a study: what was read, refused, found alike, and how it was split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radpipe.app.report.card import CardView, card_view
from radpipe.app.report.estimates import whole
from radpipe.app.report.joints import JointsView, joints_view
from radpipe.app.report.results import StudyResults
from radpipe.app.report.tables import flatten

KINDS = {
    "patient": "same patient in two parts",
    "bytes": "same file, byte for byte",
    "pixels": "same pixels in another file",
    "near": "nearly the same picture (turned, cropped, brightened)",
}
DECISIONS = {
    "grouped": "grouped: treated as one patient",
    "dropped": "dropped: only the first copy kept",
    "accepted": "accepted by name in params.yaml",
    "refused": "refused",
    "none": "left: both stand in the same part",
}


@dataclass(frozen=True)
class Part:
    """One part or fold with its counts; `classes` in the order of the target.

    `uncertain` are answers that the data set is not sure of, in the same order; empty if it is of
    all.
    """

    name: str
    n_cases: int
    n_patients: int
    classes: tuple[int, ...]
    uncertain: tuple[int, ...] = ()


@dataclass(frozen=True)
class DataView:
    """Tables of the data section.

    Attributes
    ----------
    facts
        (count, what it counts).
    rejected
        (reason, number of files), most frequent first.
    leaks
        (kind, decision, number of pairs of files).
    rules
        (setting of the split, value).
    source, sizes
        Sentences about where the pictures come from and how large they are.
    joints
        Where joints were cut out.
    card
        What the step explore counted, where it has.

    """

    facts: list[tuple[str, str]]
    parts: list[Part]
    rejected: list[tuple[str, int]]
    leaks: list[tuple[str, str, int]]
    rules: list[tuple[str, str]]
    source: str
    sizes: str
    joints: JointsView | None
    card: CardView | None


def data_view(study: StudyResults) -> DataView:
    """Make rows of the summaries that ingest and split wrote."""
    rejected = sorted(study.ingest["rejected"].items(), key=lambda item: (-item[1], item[0]))
    return DataView(
        facts=_facts(study),
        parts=_parts(study),
        rejected=rejected,
        leaks=_leaks(study.split["leaks"]),
        rules=_rules(study.split["rules"]),
        source=_source(study.source),
        sizes=_sizes(study),
        joints=joints_view(study.joints),
        card=card_view(study),
    )


def _facts(study: StudyResults) -> list[tuple[str, str]]:
    ingest, cases, patients = study.ingest, study.split["cases"], study.split["patients"]
    facts = [
        (cases["indexed"], "cases in the study's table"),
        (ingest["n_rejected"], "files refused"),
        (cases["dropped"], "cases dropped as copies"),
        (cases["placed"], "cases placed in parts"),
        (patients["placed"], f"patients ({whole(patients['named'])} before grouping)"),
    ]
    if n := ingest.get("n_equal_pixels"):
        facts.append((n, "pictures equal to another one, of the same patient or of two"))
    if n := ingest["n_burned_in"]:
        facts.append((n, "pictures with text burned in, likely: look at some"))
    facts += [(n, f"films with {text}") for text, n in ingest["remarks"].items()]
    return [(whole(n), label) for n, label in facts]


def _sizes(study: StudyResults) -> str:
    stored = study.best.recipe["image"]["side"]
    seen = study.ingest["fingerprint"]
    best, what = seen["recommended_size"], "pictures"
    if "n_slices" in seen:
        what = f"{whole(seen['n_pictures'])} volumes ({whole(seen['n_slices'])} slices)"
    return (
        f"Sizes and intensities of the {what} as they came. They are stored with a side of"
        f" {stored} pixels; {best} is the largest usual side that enlarges few of them. The detail"
        f" that a side loses is an estimate; radpipe propose {study.name} proposes a side."
    )


def _parts(study: StudyResults) -> list[Part]:
    # Called train in the files, for it is everything that is not test.
    titles = {"train": "train and tune"}
    found = [(titles.get(name, name), block) for name, block in study.split["parts"].items()]
    found += [(f"fold {block['fold']}", block) for block in study.split["folds"]]
    return [
        Part(
            name,
            block["n_cases"],
            block["n_patients"],
            tuple(block["n_per_class"]),
            _uncertain(block),
        )
        for name, block in found
    ]


def _uncertain(block: Mapping[str, Any]) -> tuple[int, ...]:
    """Return uncertain answers in the order of the classes; of two classes, beside the second."""
    if "n_uncertain" in block:
        return 0, block["n_uncertain"]
    return tuple(block.get("n_uncertain_per_label", ()))


def _rules(rules: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Make rows of the rules; without the share of test where the data set has its own test."""
    drawn = rules["drawn"]["test"]
    used = {name: value for name, value in rules.items() if drawn or name != "test"}
    return list(flatten(used).items())


def _leaks(counts: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    return [(KINDS[row["kind"]], DECISIONS[row["decision"]], row["n"]) for row in counts]


def _source(source: Mapping[str, Any]) -> str:
    kind = source.get("kind")
    if kind == "phantom":
        return "Synthetic pictures with known truth (phantom), not patients."
    if kind == "url":
        return f"Downloaded; licence {source.get('licence')}."
    return "The user's own files." if kind in ("path", "arrays") else ""
