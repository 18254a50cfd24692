"""What a phantom of CheXpert holds, drawn before any pixel: patients, findings, severities.

A study's patient is in one of five states (`STATES`), as an intensive care unit and an outpatient
clinic have different people. A state says how frequent each of thirteen findings is; given the
state they are independent, and their frequencies over all states are about those of CheXpert's
train.csv, with half of its uncertain answers counted as present. Two labels follow from findings:
lung opacity is there if any kind of opacity is, and no finding if none is (a device is no
finding).

Every film shows all findings with a severity s in 0..1, drawn from Beta(a, b) where the finding
is there and from Beta(b, a) where it is not. With them the likelihood ratio of a severity is
(s / (1 - s))^(a - b), and the ideal observer's P(label | severities) follows by Bayes' rule
over the states: see `posterior`.

**A shortcut.** Devices are seen in the states in which people are ill: whoever sees one expects
disease, and is right. In another hospital (`PhantomSource.elsewhere`) they are as frequent in
every state, and say nothing. Everything else is equal there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import PhantomSource
from radpipe.studies.chexpert.layout import LABELS

DEVICE, OPACITY, NONE = "support_devices", "lung_opacity", "no_finding"
STATES = ("well", "heart failure", "infection", "intensive care", "old or chronic")
STATE_SHARES = np.array([0.20, 0.24, 0.18, 0.24, 0.14])
# Share of all studies, and how frequent it is in each state relative to the others.
FREQUENCIES: dict[str, tuple[float, tuple[float, ...]]] = {
    "enlarged_cardiomediastinum": (0.08, (0.2, 1.3, 0.7, 1.8, 0.8)),
    "cardiomegaly": (0.14, (0.2, 2.6, 0.5, 0.8, 0.7)),
    # Opacity of no kind in particular; the label also counts the kinds below.
    OPACITY: (0.05, (0.2, 1.0, 1.6, 1.0, 1.0)),
    "lung_lesion": (0.045, (0.3, 0.5, 0.9, 0.8, 3.0)),
    "edema": (0.26, (0.05, 2.5, 0.8, 1.1, 0.2)),
    "consolidation": (0.13, (0.05, 0.6, 3.0, 1.0, 0.4)),
    "pneumonia": (0.07, (0.05, 0.5, 3.9, 0.5, 0.3)),
    "atelectasis": (0.22, (0.1, 0.9, 0.8, 2.3, 0.5)),
    "pneumothorax": (0.09, (0.1, 0.2, 0.4, 2.9, 0.9)),
    "pleural_effusion": (0.41, (0.05, 1.5, 1.1, 1.6, 0.3)),
    "pleural_other": (0.022, (0.2, 0.5, 0.9, 0.9, 3.2)),
    "fracture": (0.04, (0.5, 0.6, 0.5, 0.9, 3.0)),
    DEVICE: (0.52, (0.06, 1.6, 1.2, 1.9, 0.1)),
}
FINDINGS = tuple(FREQUENCIES)
OPACITIES = (OPACITY, "lung_lesion", "edema", "consolidation", "pneumonia", "atelectasis")
# Beta(a, b) of a severity where the finding is there, and Beta(b, a) where it is not: findings
# overlap, so that most of the difficulty lies in the labels; a device is plain to see.
SEVERITY = np.array([(9.0, 1.5) if finding == DEVICE else (5.0, 2.0) for finding in FINDINGS])
# Shares of the answers of train.csv that are uncertain (Irvin et al. 2019, table 1): of each label
# the studies in which a reader would waver most.
UNCERTAIN = {
    "enlarged_cardiomediastinum": 0.056,
    "cardiomegaly": 0.036,
    OPACITY: 0.025,
    "lung_lesion": 0.007,
    "edema": 0.058,
    "consolidation": 0.124,
    "pneumonia": 0.084,
    "atelectasis": 0.151,
    "pneumothorax": 0.014,
    "pleural_effusion": 0.052,
    "pleural_other": 0.012,
    "fracture": 0.003,
    DEVICE: 0.005,
}
PART_SHARES = {"train": 0.6, "valid": 0.15, "test": 0.25}
# Shares of patients with 1, 2, ... studies in train; valid and test have one.
STUDIES = (0.45, 0.27, 0.14, 0.08, 0.06)
# A patient's next study finds the same state with this probability, else any.
STAYS = 0.7
LATERAL_SHARE = 0.17
SIDES = (88, 104)

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStudy:
    """One study of the phantom.

    Attributes
    ----------
    number
        From 0, over all parts; the pixels depend on it, on the severities and on the seed only.
    patient
        From 1, over all parts.
    study
        From 1, of the patient.
    part
        train, valid or test.
    severity
        s of each finding, as in `FINDINGS`, 0..1.
    truth
        Label to 0 or 1.
    uncertain
        Labels of which a reader is not certain; none outside train.
    views
        frontal, and perhaps lateral.
    shape
        (rows, columns) of the frontal film; of the lateral one the other way round.
    female
        Sex.
    age
        Years.
    projection
        AP or PA.

    """

    number: int
    patient: int
    study: int
    part: str
    severity: tuple[float, ...]
    truth: dict[str, int]
    uncertain: frozenset[str]
    views: tuple[str, ...]
    shape: tuple[int, int]
    female: bool
    age: int
    projection: str


def frequencies(*, elsewhere: bool) -> Numbers:
    """Return P(finding | state).

    Parameters
    ----------
    elsewhere
        Of the hospital in which a device says nothing of the state.

    Returns
    -------
    ndarray of shape (5, 13)
        Rows as in `STATES`, columns as in `FINDINGS`.

    """
    columns = []
    for finding, (share, relative) in FREQUENCIES.items():
        weights = np.ones(len(STATES)) if elsewhere and finding == DEVICE else np.array(relative)
        columns.append(share * weights / (STATE_SHARES @ weights))
    return np.stack(columns, axis=1)


def draw_plan(source: PhantomSource) -> list[PlannedStudy]:
    """Draw the studies of a phantom, train first; same source, same plan."""
    rng = np.random.default_rng([source.seed, 0])
    parts, patients, studies = _draw_people(source.patients, rng)
    states = _draw_states(studies, rng)
    there = rng.random((len(states), len(FINDINGS)))
    present = there < frequencies(elsewhere=source.elsewhere)[states]
    a, b = SEVERITY.T
    severity: Numbers = rng.beta(np.where(present, a, b), np.where(present, b, a))
    truths = _truths(present)
    doubts = _doubts(severity, present, train=np.array([part == "train" for part in parts]))
    traits = _draw_traits(patients, rng)
    lateral = rng.random(len(states)) < LATERAL_SHARE
    shapes = rng.integers(*SIDES, size=(len(states), 2), endpoint=True)
    return [
        PlannedStudy(
            number=number,
            patient=patients[number],
            study=studies[number],
            part=parts[number],
            severity=tuple(map(float, severity[number])),
            truth=truths[number],
            uncertain=doubts[number],
            views=("frontal", "lateral") if lateral[number] else ("frontal",),
            shape=(int(shapes[number, 0]), int(shapes[number, 1])),
            female=traits[patients[number]][0],
            age=traits[patients[number]][1],
            projection="AP" if states[number] in (1, 3) else "PA",
        )
        for number in range(len(states))
    ]


def posterior(
    severity: Numbers, *, elsewhere: bool, seen: Sequence[str] = FINDINGS
) -> dict[str, Numbers]:
    """Return P(label | severities), the ideal observer's, who knows all frequencies.

    Parameters
    ----------
    severity
        (n, 13) values of s in 0..1 without the ends, columns as in `FINDINGS`.
    elsewhere
        Which hospital's frequencies.
    seen
        Findings that can be seen; a lateral film does not show all.

    Returns
    -------
    dict
        Label to (n,) probabilities.

    """
    a, b = SEVERITY.T
    odds = (severity / (1 - severity)) ** (a - b)
    odds[:, [finding not in seen for finding in FINDINGS]] = 1.0
    prior = frequencies(elsewhere=elsewhere)[None]  # (1, states, findings)
    evidence = prior * odds[:, None, :] + 1 - prior
    state = STATE_SHARES * np.prod(evidence, axis=2)
    state /= state.sum(axis=1, keepdims=True)
    given = prior * odds[:, None, :] / evidence  # P(finding | severities, state)

    def without(findings: Sequence[str]) -> Numbers:
        """Return the probability that none of these is there."""
        columns = [FINDINGS.index(finding) for finding in findings]
        absent: Numbers = (state * np.prod(1 - given[:, :, columns], axis=2)).sum(axis=1)
        return absent

    shares = {finding: 1 - without([finding]) for finding in FINDINGS}
    shares[OPACITY] = 1 - without(OPACITIES)
    shares[NONE] = without([finding for finding in FINDINGS if finding != DEVICE])
    return {label: np.clip(shares[label], 0, 1) for label in LABELS}


def _draw_people(
    n_patients: int, rng: np.random.Generator
) -> tuple[list[str], list[int], list[int]]:
    """Return part, patient and study (from 1) of every study, train first."""
    n_valid, n_test = (round(PART_SHARES[part] * n_patients) for part in ("valid", "test"))
    n_train = n_patients - n_valid - n_test
    counts = [*rng.choice(len(STUDIES), n_train, p=STUDIES) + 1, *[1] * (n_valid + n_test)]
    each = ["train"] * n_train + ["valid"] * n_valid + ["test"] * n_test
    rows = [
        (part, patient, study)
        for patient, (part, count) in enumerate(zip(each, counts, strict=True), start=1)
        for study in range(1, int(count) + 1)
    ]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def _draw_states(studies: Sequence[int], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the state of every study; a patient's next one is most often that of the last."""
    states = rng.choice(len(STATES), len(studies), p=STATE_SHARES)
    stays = rng.random(len(studies)) < STAYS
    for number, study in enumerate(studies):
        if study > 1 and stays[number]:
            states[number] = states[number - 1]
    return states


def _draw_traits(patients: Sequence[int], rng: np.random.Generator) -> dict[int, tuple[bool, int]]:
    """Return patient to sex and age, of which films say nothing."""
    known = sorted(set(patients))
    female = rng.random(len(known)) < 0.41
    ages = np.clip(np.round(rng.normal(60, 18, len(known))), 18, 90)
    return {
        patient: (bool(sex), int(age))
        for patient, sex, age in zip(known, female, ages, strict=True)
    }


def _truths(present: NDArray[np.bool_]) -> list[dict[str, int]]:
    """Return label to 0 or 1 for every study, from its findings (n, 13)."""
    truths = []
    for row in present:
        there = dict(zip(FINDINGS, row, strict=True))
        none = not any(there[finding] for finding in FINDINGS if finding != DEVICE)
        there |= {NONE: none, OPACITY: any(there[finding] for finding in OPACITIES)}
        truths.append({label: int(there[label]) for label in LABELS})
    return truths


def _doubts(
    severity: Numbers, present: NDArray[np.bool_], *, train: NDArray[np.bool_]
) -> list[frozenset[str]]:
    """Return for every study the labels whose severity is nearest to no answer.

    A reader wavers where a severity is as likely with the finding as without, which is at 1/2; for
    each label, the share of train that CheXpert calls uncertain. Opacity that is there for
    another reason is in no doubt.
    """
    doubts: list[set[str]] = [set() for _ in severity]
    kinds = [FINDINGS.index(finding) for finding in OPACITIES if finding != OPACITY]
    for column, finding in enumerate(FINDINGS):
        distance = np.abs(severity[:, column] - 0.5)
        distance[~train] = np.inf
        if finding == OPACITY:
            distance[present[:, kinds].any(axis=1)] = np.inf
        n_doubted = round(UNCERTAIN[finding] * int(train.sum()))
        for number in np.argsort(distance, kind="stable")[:n_doubted]:
            doubts[number].add(finding)
    return [frozenset(found) for found in doubts]
