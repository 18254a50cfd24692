"""What shows in the knees of a phantom of OAI, and what their labels are, by known chances.

Two signs show in every knee, each as a standard normal value cut at 2.4 and drawn as a share
of its range, 0..1:

    severity    narrows the joint space and lets spurs grow
    reaction    brightens the bone below the medial plateau; depends a little on severity

Most of the difficulty lies in the labels. Sclerosis belongs to the definition of the grade: it
is the number of `GRADE_LIMITS` below a weighted sum of both signs plus normal noise, so that
P(grade | signs) is known (`grade_shares`). The medial
joint space narrows by 0.7 mm or more within 48 months with a probability that depends on
reaction, alignment and body mass index (`progression_share`): neither the film nor the risk
factors alone say all there is to know. Two knees of a person resemble each other.

What an ideal observer reaches, worked out on 200,000 knees:

    grade, macro AUC                                      0.877
    grade, quadratic kappa of the most probable one       0.83
    progression, AUC with film and risk factors           0.84
    progression, AUC with the film alone                  0.78
    progression, AUC with risk factors alone (grade too)  0.75
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

Values = NDArray[np.float64]

CUT = 2.4
# Grades 0 to 4 occur about as often as in OAI at baseline; the last one, 3 % there, twice as
# often, so that no fold of a small study lacks it.
GRADE_PROPORTIONS = (0.36, 0.18, 0.25, 0.14, 0.07)
GRADE_NOISE = 0.5
# How much severity and reaction weigh in the grade; their sum has a variance of 1.
GRADE_FROM = (0.8, 0.382)
# Limits of that sum plus noise, in its standard deviations: normal quantiles of the
# proportions' running sums.
GRADE_LIMITS = np.array([-0.3585, 0.1004, 0.8064, 1.4758]) * np.hypot(1, GRADE_NOISE)
# What severity is made of: age, body mass index, the person, the knee; squares add up to 1.
SEVERITY_FROM = (0.2, 0.2, 0.52**0.5, 0.40**0.5)
# What reaction is made of: severity, the person, the knee; squares add up to 1.
REACTION_FROM = (0.35, 0.5, (1 - 0.35**2 - 0.5**2) ** 0.5)
# Log odds of progression: at 0, of reaction, of varus alignment and of body mass index.
PROGRESSION_FROM = (-1.12, 1.41, 0.87, 0.41)
AGE = (61.0, 9.0, 45.0, 79.0)
BMI = (28.5, 4.8, 17.0, 47.0)
ALIGNMENT_DEGREES = (-4.0, 2.5, -12.0, 6.0)


def grade_shares(severity: Values, reaction: Values) -> Values:
    """Return P(grade | severity, reaction).

    Parameters
    ----------
    severity, reaction
        (n,) in 0..1, as drawn.

    Returns
    -------
    ndarray of shape (n, 5)
        Rows add up to 1.

    """
    by_severity, by_reaction = GRADE_FROM
    signs = by_severity * _standard(severity) + by_reaction * _standard(reaction)
    below = ndtr((GRADE_LIMITS - signs[:, None]) / GRADE_NOISE)
    edges = np.pad(below, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
    shares: Values = np.diff(edges, axis=1)
    return shares


def progression_share(reaction: Values, alignment: Values, bmi: Values) -> Values:
    """Return P(progression | reaction, alignment, body mass index).

    Parameters
    ----------
    reaction
        (n,) in 0..1, as drawn.
    alignment
        (n,) degrees, as in the table.
    bmi
        (n,) kg per square metre, as in the table.

    """
    start, by_reaction, by_varus, by_bmi = PROGRESSION_FROM
    varus = -(alignment - ALIGNMENT_DEGREES[0]) / ALIGNMENT_DEGREES[1]
    heavy = (bmi - BMI[0]) / BMI[1]
    odds = start + by_reaction * _standard(reaction) + by_varus * varus + by_bmi * heavy
    shares: Values = expit(odds)
    return shares


def draw_signs(age: Values, bmi: Values, rng: np.random.Generator) -> tuple[Values, Values]:
    """Draw severity and reaction of two knees a person, 0..1.

    Parameters
    ----------
    age, bmi
        (people,) years, and kg per square metre.
    rng
        Source of what belongs to the person and to the knee.

    Returns
    -------
    severity, reaction
        (people, 2).

    """
    n = len(age)
    by_age, by_bmi, by_person, by_knee = SEVERITY_FROM
    severity = by_age * (age[:, None] - AGE[0]) / AGE[1] + by_bmi * (bmi[:, None] - BMI[0]) / BMI[1]
    severity = severity + by_person * rng.standard_normal((n, 1))
    severity = np.clip(severity + by_knee * rng.standard_normal((n, 2)), -CUT, CUT)
    by_severity, by_person, by_knee = REACTION_FROM
    reaction = by_severity * severity + by_person * rng.standard_normal((n, 1))
    reaction = np.clip(reaction + by_knee * rng.standard_normal((n, 2)), -CUT, CUT)
    return _share(severity), _share(reaction)


def widths(severity: Values) -> Values:
    """Return the medial joint space that a severity of 0..1 shows, mm."""
    found: Values = 5.8 - 4.4 * severity
    return found


def _share(standard: Values) -> Values:
    """Return a value between the cuts as a share of their distance."""
    found: Values = (standard + CUT) / (2 * CUT)
    return found


def _standard(share: Values) -> Values:
    found: Values = share * (2 * CUT) - CUT
    return found
