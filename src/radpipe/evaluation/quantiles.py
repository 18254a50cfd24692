"""Quantiles of distributions, without the third of a second that SciPy takes to be imported."""

import math
from statistics import NormalDist

NORMAL = NormalDist()


def student(share: float, freedom: int) -> float:
    """Return a quantile of Student's distribution, to three digits.

    Of one and two degrees of freedom in closed form, else Abramowitz & Stegun, Handbook of
    Mathematical Functions, 1964, 26.7.5.
    """
    if freedom == 1:
        return math.tan(math.pi * (share - 0.5))
    if freedom == 2:
        return (2 * share - 1) / math.sqrt(2 * share * (1 - share))
    z = NORMAL.inv_cdf(share)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))


def normal_of(t: float, freedom: int) -> float:
    """Return the normal deviate that is as far out as a value of Student's distribution.

    To about 0.02 (Wallace, Ann Math Stat 1959;30:1121).
    """
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    return math.copysign(scale * math.sqrt(freedom * math.log1p(t**2 / freedom)), t)
