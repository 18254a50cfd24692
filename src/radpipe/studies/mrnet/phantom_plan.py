"""What a phantom of MRNet holds, drawn before any pixel: states, findings, severities.

Every exam is in one of five states, in MRNet's own proportions, which differ between the
parts (an ACL tear has 18 % of train and 45 % of valid). A state says which findings are
there: an ACL tear, a meniscal tear, and effusion for whatever else is abnormal. Effusion is
there in all exams that are abnormal and nothing more, and beside tears in one half.

Every exam shows all three findings with a severity s in 0..1, drawn from Beta(a, b) where
the finding is there and from Beta(b, a) where it is not. The two overlap, so that most of
the difficulty lies in the labels. With them the likelihood ratio of a severity is
(s / (1 - s))^(a - b), and the ideal observer's P(label | severities) follows by Bayes' rule
over the five states with the part's own proportions: see `posterior`.

The ideal observer's AUC, worked out on 100,000 draws of either part:

    part     abnormal   acl     meniscus
    train    0.928      0.934   0.932
    valid    0.936      0.932   0.934
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import PhantomSource

# Exams of MRNet-v1.0 in each state, by part.
STATES = ("none", "abnormal only", "meniscus", "acl", "acl and meniscus")
STATE_COUNTS = {"train": (217, 433, 272, 83, 125), "valid": (25, 20, 21, 23, 31)}
FINDINGS = ("acl", "meniscus", "effusion")
# P(finding | state), rows as in STATES, columns as in FINDINGS.
PRESENCE = np.array(
    [
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0],
        [0.0, 1.0, 0.5],
        [1.0, 0.0, 0.5],
        [1.0, 1.0, 0.5],
    ]
)
# Beta(a, b) of the severity where a finding is there, as in FINDINGS; Beta(b, a) elsewhere.
# Effusion is the clearest, because it alone must tell "abnormal only" from "none".
SEVERITY = np.array([[4.4, 2.0], [4.4, 2.0], [4.8, 2.0]])
VALID_SHARE = 0.2
SLICES = (5, 10)

Severities = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedExam:
    """One exam of the phantom.

    Attributes
    ----------
    exam
        Its id, zero-padded.
    number
        Its number; the pixels depend on it, on the severities and on the seed only.
    part
        train or valid.
    state
        Index in `STATES`.
    severity
        s of each finding, as in `FINDINGS`, 0..1.
    slices
        Slices of each plane, as in `layout.PLANES`.

    """

    exam: str
    number: int
    part: str
    state: int
    severity: tuple[float, float, float]
    slices: tuple[int, int, int]

    @property
    def labels(self) -> dict[str, int]:
        """The exam's labels as they stand in the tables."""
        acl, meniscus = (int(PRESENCE[self.state, column] == 1) for column in (0, 1))
        return {"abnormal": int(self.state > 0), "acl": acl, "meniscus": meniscus}


def draw_plan(source: PhantomSource) -> list[PlannedExam]:
    """Draw the exams of a phantom study, train first; same source, same plan.

    The states come in MRNet's exact proportions, rounded by largest remainder, in random
    order; everything else is drawn.
    """
    rng = np.random.default_rng([source.seed, 0])
    n_valid = round(VALID_SHARE * source.patients)
    planned: list[PlannedExam] = []
    for part, n_exams in (("train", source.patients - n_valid), ("valid", n_valid)):
        states = np.repeat(np.arange(len(STATES)), apportion(STATE_COUNTS[part], n_exams))
        rng.shuffle(states)
        severities = draw_severities(states, rng)
        counts = rng.integers(*SLICES, size=(n_exams, 3), endpoint=True)
        for state, severity, slices in zip(states, severities, counts, strict=True):
            number = len(planned)
            planned.append(
                PlannedExam(
                    exam=f"{number:04d}",
                    number=number,
                    part=part,
                    state=int(state),
                    severity=(float(severity[0]), float(severity[1]), float(severity[2])),
                    slices=(int(slices[0]), int(slices[1]), int(slices[2])),
                )
            )
    return planned


def apportion(weights: tuple[int, ...], total: int) -> list[int]:
    """Divide `total` in proportion to `weights`, rounded by largest remainder."""
    exact = np.array(weights) * total / sum(weights)
    counts = np.floor(exact).astype(int)
    rest = np.argsort(counts - exact, kind="stable")[: total - counts.sum()]
    counts[rest] += 1
    return [int(count) for count in counts]


def draw_severities(states: NDArray[np.int_], rng: np.random.Generator) -> Severities:
    """Draw the severity of every finding.

    Parameters
    ----------
    states
        (n,) indices in `STATES`.
    rng
        Source of which findings are there, and of their severities.

    Returns
    -------
    ndarray of shape (n, 3)
        s, columns as in `FINDINGS`.

    """
    there = rng.random((len(states), len(FINDINGS))) < PRESENCE[states]
    a, b = SEVERITY.T
    severities: Severities = rng.beta(np.where(there, a, b), np.where(there, b, a))
    return severities


def posterior(severity: Severities, part: str) -> dict[str, NDArray[np.float64]]:
    """Return P(label | severities), the ideal observer's, who knows the part's proportions.

    Parameters
    ----------
    severity
        (n, 3) values of s in 0..1 without the ends, columns as in `FINDINGS`.
    part
        train or valid.

    Returns
    -------
    dict
        Label to (n,) probabilities.

    """
    a, b = SEVERITY.T
    odds = (severity / (1 - severity)) ** (a - b)
    # Of every state: its proportion times, for each finding, 1 where it is absent for sure,
    # the likelihood ratio where it is present for sure, and the mean of both at one half.
    weight = np.array(STATE_COUNTS[part], dtype=float) * np.prod(
        1 - PRESENCE[None] + PRESENCE[None] * odds[:, None, :], axis=2
    )
    state = weight / weight.sum(axis=1, keepdims=True)
    return {
        "abnormal": state[:, 1:].sum(axis=1),
        "acl": state[:, 3] + state[:, 4],
        "meniscus": state[:, 2] + state[:, 4],
    }
