"""How alike two pictures are once one is laid on the other: turns, crops and light aside.

Films of different people correlate above 0.95 as wholes. What tells a copy is that the fine
detail agrees nearly everywhere, so detail is compared patch by patch, and the median over the
patches is the answer: a likeness in some places does not make a copy, and neither black
corners nor a burnt-in letter unmake one.

Nearly all candidates are look-alikes, so pairs are sorted out as early as is safe, by an
agreement that costs little, and only what is left is measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from radpipe.splitting.agreement import agreement
from radpipe.splitting.descent import descend
from radpipe.splitting.detail import Each, Level, in_batches, level
from radpipe.splitting.nominate import Pairs
from radpipe.splitting.warp import Floats, laying

Ints = npt.NDArray[np.int64]


def strangers(wanted: float) -> float:
    """Return the agreement below which pairs are plainly unlike, though badly aligned as yet."""
    return min(0.4, wanted)


def look_alikes(wanted: float) -> float:
    """Return the agreement below which pairs that are nearly aligned will not reach `wanted`.

    Measured on 10,500 made-up copies of phantoms and films that agree by 0.97 or more in the end:
    on a quarter of the pixels their agreement was at most 0.07 less (benchmarks/copies.py).
    Copies that agree less well are also aligned more slowly.
    """
    return wanted - 0.03 - 1.5 * (1 - wanted)


@dataclass(frozen=True)
class Stage:
    """A part of the way from a nominated pair to its correlation.

    Attributes
    ----------
    side
        Of the shrunk pictures, pixels.
    steps
        Of Gauss-Newton.
    bar
        Tells from the wanted correlation which agreement ends a pair; None: all go on.
    stride
        Look at every `stride`-th row and column only. The maps that more than 1 finds are rough,
        so the next stage begins where this one did.
    exact
        The agreement is that of the moved picture's detail, not that of its moved detail.

    """

    side: int
    steps: int
    bar: Callable[[float], float] | None = None
    stride: int = 1
    exact: bool = False


STAGES = (
    Stage(16, 7),
    Stage(32, 5, strangers),
    Stage(64, 4, look_alikes, stride=2),
    Stage(64, 2),
    Stage(64, 3, exact=True),
)


def correlations(
    pictures: npt.NDArray[np.generic], pairs: Pairs, wanted: float = -1, each: Each = map
) -> Floats:
    """Return how well the fine detail of aligned pictures agrees, patch by patch.

    The second of a pair is laid on the first by an affine map (inverse compositional
    Gauss-Newton on local contrast, with Cauchy weights). Both are band-passed, their
    correlation is taken in patches of 8 x 8 pixels, and its median over the patches that show
    something is returned.

    Parameters
    ----------
    pictures : array of shape (n, side, side)
        Any grey scale, side 16 to 64 or so.
    pairs
        Which of them to compare, and how the second is laid.
    wanted
        Correlation below which a value need not be right.
    each
        How the batches of a stage are gone through.

    Returns
    -------
    float32 array of shape (pairs,)
        -1 to 1; 1 for the same picture, 0 where there is nothing to compare. Pairs that
        will not reach `wanted` get the value found when this became plain.

    References
    ----------
    Baker and Matthews, "Lucas-Kanade 20 years on", IJCV 56, 2004, section 3.2.

    """
    alike = np.zeros(len(pairs), np.float32)
    maps = laying(pairs.orientation)
    left = np.arange(len(pairs))
    for side, stages in groupby(STAGES, lambda stage: stage.side):
        which = np.unique([pairs.first[left], pairs.second[left]])
        films = level(pictures, which, side, each)
        for stage in stages:
            first, second = np.searchsorted(which, [pairs.first[left], pairs.second[left]])
            job = _Job(films, first, second, laying(pairs.orientation[left]), maps[left])
            found, moved = _look(job, stage, each)
            if stage.stride == 1:
                maps[left] = moved
            if found is not None:
                alike[left] = found
            if stage.bar is not None:
                left = left[alike[left] >= stage.bar(wanted)]
    return alike


@dataclass(frozen=True)
class _Job:
    """Pairs (n,) at one stage: their pictures, how the second was laid, and their maps."""

    films: Level
    first: Ints
    second: Ints
    laid: Floats
    maps: Floats


def _look(job: _Job, stage: Stage, each: Each) -> tuple[Floats | None, Floats]:
    """Return agreement (None if nothing asks for it) and maps after a stage."""
    asked = stage.exact or stage.bar is not None
    found = np.zeros(len(job.maps), np.float32) if asked else None
    moved = np.empty_like(job.maps)
    films, stride = job.films, stage.stride

    def work(some: slice) -> None:
        a, b = job.first[some], job.second[some]
        new = descend(films, a, b, job.laid[some], job.maps[some], steps=stage.steps, stride=stride)
        moved[some] = new
        if found is not None:
            found[some] = agreement(films, a, b, new, stride=stride, exact=stage.exact)

    in_batches(work, len(moved), (films.side // stride) ** 2, each)
    return found, moved
