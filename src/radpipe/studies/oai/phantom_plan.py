"""What a phantom of OAI holds, drawn before any pixel: people, their knees, what tables say.

How labels follow from what shows: `phantom_labels`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from radpipe.core.settings import PhantomSource
from radpipe.studies.oai.phantom_labels import (
    AGE,
    ALIGNMENT_DEGREES,
    BMI,
    Values,
    draw_signs,
    grade_shares,
    progression_share,
    widths,
)

Films = Literal["both", "apart", "one"]

# Shares of people or knees, at least one each.
SHARE_APART, SHARE_ONE, SHARE_UNSEEN = 0.015, 0.015, 0.02
SHARE_NO_GRADE, SHARE_NO_LATER, SHARE_DROPPED, SHARE_READ_TWICE = 0.02, 0.10, 0.03, 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedKnee:
    """One knee of the phantom.

    Attributes
    ----------
    side
        "R" or "L".
    severity, reaction
        What shows, 0..1.
    alignment
        Angle as it stands in the table, degrees.
    injury
        Whether it was ever injured.
    medial_width, lateral_width
        Least joint space as drawn, mm.
    measured
        Medial joint space at baseline as it stands in the table, mm.
    later
        The same after 48 months.
    grade
        KL grade, 0..4.
    progressed
        Whether the joint space narrowed by 0.7 mm or more.
    grade_shares
        P(grade | all that can be known).
    progression_share
        P(progressed | all that can be known).
    graded, seen_later, usable
        Whether the tables hold the grade, the later visit, and a width that counts.
    read_twice
        Whether a second reading project gave another grade.

    """

    side: str
    severity: float
    reaction: float
    alignment: float
    injury: int
    medial_width: float
    lateral_width: float
    measured: float
    later: float
    grade: int
    progressed: int
    grade_shares: tuple[float, ...]
    progression_share: float
    graded: bool
    seen_later: bool
    usable: bool
    read_twice: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One patient of the phantom.

    Attributes
    ----------
    number
        Its number; the pixels depend on it, on the knees and on the seed only.
    age, bmi
        Years, and kg per square metre.
    sex, race
        Codes as in the table of enrolment.
    films
        "both": one film of two knees; "apart": two of one knee each; "one": one knee only.
    seen
        Whether there is a film at all.
    knees
        Right first.

    """

    number: int
    age: int
    bmi: float
    sex: int
    race: int
    films: Films
    seen: bool
    knees: tuple[PlannedKnee, ...]

    @property
    def id(self) -> str:
        """The invented identifier."""
        return f"PHANTOM{self.number:04d}"


def draw_plan(source: PhantomSource) -> list[Person]:
    """Draw the people of a phantom study; same source, same plan.

    Some more than `source.patients` stand in the tables, because not everybody has a film.
    """
    rng = np.random.default_rng([source.seed, 0])
    n_unseen = _at_least_one(SHARE_UNSEEN, source.patients)
    n = source.patients + n_unseen
    age, bmi = _normal(AGE, n, rng), _normal(BMI, n, rng)
    age, bmi = np.round(age), np.round(bmi, 1)
    knees = _draw_knees(age, bmi, rng)
    n_apart = _at_least_one(SHARE_APART, source.patients)
    n_one = _at_least_one(SHARE_ONE, source.patients)
    kinds: list[Films] = [
        "apart" if place < n_apart else "one" if place < n_apart + n_one else "both"
        for place in range(n)
    ]
    order = rng.permutation(n)
    seen = np.arange(n) < source.patients
    sex = 1 + (rng.random(n) < 0.58)
    race = rng.choice(4, size=n, p=(0.02, 0.79, 0.17, 0.02))
    people: list[Person] = []
    for number, place in enumerate(order):
        kind: Films = kinds[place]
        pair = knees[2 * number : 2 * number + 2]
        people.append(
            Person(
                number=number,
                age=int(age[number]),
                bmi=float(bmi[number]),
                sex=int(sex[number]),
                race=int(race[number]),
                films=kind,
                seen=bool(seen[place]),
                knees=tuple(pair if kind != "one" else pair[number % 2 :][:1]),
            )
        )
    return people


def _draw_knees(age: Values, bmi: Values, rng: np.random.Generator) -> list[PlannedKnee]:
    """Draw two knees for each person, right first."""
    n = 2 * len(age)
    severity, reaction = (sign.reshape(-1) for sign in draw_signs(age, bmi, rng))
    alignment = np.round(_normal(ALIGNMENT_DEGREES, n, rng), 1)
    injury = rng.random(n) < 0.25
    of_grades = grade_shares(severity, reaction)
    grade = (rng.random(n)[:, None] > np.cumsum(of_grades, axis=1)[:, :-1]).sum(axis=1)
    of_progression = progression_share(reaction, alignment, np.repeat(bmi, 2))
    progressed = rng.random(n) < of_progression
    medial = widths(severity)
    lateral = np.clip(5.6 - severity + rng.normal(0, 0.4, n), 3, 7)
    measured = np.maximum(np.round(medial + rng.normal(0, 0.08, n), 3), 0.9)
    loss = np.where(
        progressed,
        np.minimum(0.7 + rng.exponential(0.5, n), measured),
        np.clip(rng.normal(0.15, 0.25, n), -0.6, 0.699),
    )
    later = measured - np.where(progressed, np.ceil(1000 * loss), np.floor(1000 * loss)) / 1000
    has = {
        name: rng.random(n) >= share
        for name, share in (
            ("graded", SHARE_NO_GRADE),
            ("seen_later", SHARE_NO_LATER),
            ("usable", SHARE_DROPPED),
        )
    }
    twice = rng.random(n) < SHARE_READ_TWICE
    return [
        PlannedKnee(
            side="RL"[row % 2],
            severity=float(severity[row]),
            reaction=float(reaction[row]),
            alignment=float(alignment[row]),
            injury=int(injury[row]),
            medial_width=float(medial[row]),
            lateral_width=float(lateral[row]),
            measured=float(measured[row]),
            later=max(float(np.round(later[row], 3)), 0.0),
            grade=int(grade[row]),
            progressed=int(progressed[row]),
            grade_shares=tuple(map(float, of_grades[row])),
            progression_share=float(of_progression[row]),
            graded=bool(has["graded"][row]),
            seen_later=bool(has["seen_later"][row]),
            usable=bool(has["usable"][row]),
            read_twice=bool(twice[row]),
        )
        for row in range(n)
    ]


def _normal(spread: tuple[float, float, float, float], n: int, rng: np.random.Generator) -> Values:
    """Draw values of a mean and standard deviation, cut at both ends."""
    mean, sd, low, high = spread
    drawn: Values = np.clip(rng.normal(mean, sd, n), low, high)
    return drawn


def _at_least_one(share: float, n: int) -> int:
    return max(1, round(share * n))
