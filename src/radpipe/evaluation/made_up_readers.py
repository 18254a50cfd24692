"""Made-up readers of a phantom, whose skill is known, so that a reader study can be tried.

What a reader perceives of a case is `distance` times the truth, plus what makes the case hard for
everybody, plus the reader's own error, of variances `SHARED` and 1 - `SHARED`; the area under the
ROC curve of such perceptions is Phi(distance / sqrt 2).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Target
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.sample import questions

# Share of the errors that readers have in common.
SHARED = 0.4
SCALE = (1, 6)
# Areas of four readers alone, and what help adds.
SKILLS = (0.78, 0.82, 0.86, 0.90)
HELP = {"alone": 0.0, "aided": 0.06}
NORMAL = NormalDist()


@dataclass(frozen=True)
class MadeUp:
    """One reader in one modality.

    Attributes
    ----------
    reader, modality
        How it is called.
    skill
        The area that would be found on endlessly many cases.
    answers
        Shape (cases, columns): ratings of `SCALE`, a column a question; of one class of several
        the number of the class that was decided for, (cases, 1).

    """

    reader: str
    modality: str
    skill: float
    answers: NDArray[np.int64]


def make_up_readers(
    target: Target, truth: Floats, *, seed: int, skills: Sequence[float] = SKILLS
) -> list[MadeUp]:
    """Let readers read cases alone, and aided.

    Parameters
    ----------
    target
        What is asked.
    truth
        Shape (cases, target columns); an unknown one is read as if it were negative.
    seed
        Of all perceptions.
    skills
        Area of each reader alone, 0.5 to 1.

    """
    rng = np.random.default_rng(seed)
    yes = np.nan_to_num(questions(target, truth))
    hard = rng.normal(scale=math.sqrt(SHARED), size=yes.shape)
    found = []
    for number, alone in enumerate(skills, start=1):
        for modality, more in HELP.items():
            skill = min(alone + more, 0.99)
            distance = math.sqrt(2) * NORMAL.inv_cdf(skill)
            own = rng.normal(scale=math.sqrt(1 - SHARED), size=yes.shape)
            perceived = distance * yes + hard + own
            answers = _answers(target, perceived, distance)
            found.append(MadeUp(f"reader-{number}", modality, skill, answers))
    return found


def _answers(target: Target, perceived: Floats, distance: float) -> NDArray[np.int64]:
    """Turn perceptions, (cases, columns), into ratings, or into the class perceived most."""
    if target.kind in ("multi-class", "ordinal"):
        return np.asarray(perceived.argmax(axis=1)[:, None])
    low, high = SCALE
    # Steps around the middle between ill and well, the third of five being the middle itself.
    steps = distance / 2 + np.linspace(-1.2, 1.2, high - low)
    return np.asarray(low + np.searchsorted(steps, perceived))
