"""Subgroups against the rest: whether a difference is more than chance."""

from dataclasses import dataclass

from radpipe.app.report.estimates import ShownEstimate, number
from radpipe.app.report.results import StudyResults

TITLES = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "observed_minus_expected": "Observed − expected",
}


@dataclass(frozen=True)
class GroupLine:
    """A measure of a variant in a group, and how much more it is there than elsewhere."""

    variant: str
    group: str
    measure: str
    n_cases: int
    inside: ShownEstimate | None
    difference: ShownEstimate | None
    corrected: float | None
    why: str


def group_lines(study: StudyResults) -> list[GroupLine]:
    """Return all lines, those that are told apart first; none of older results."""
    found = [
        GroupLine(
            variant.name,
            f"{row['covariate']}: {row['value']}",
            TITLES[row["metric"]],
            row["n_cases"],
            ShownEstimate.of(row["inside"]),
            ShownEstimate.of(row["difference"]),
            number(row.get("p_holm")),
            row["why"],
        )
        for variant in study.variants
        for row in variant.scores.get("groups") or ()
    ]
    alpha = 1 - study.intervals["confidence"]
    return sorted(found, key=lambda line: line.corrected is None or line.corrected >= alpha)
