"""Paired comparison of what two variants decide: sensitivity, specificity, PPV and NPV.

Both were asked about the same cases, of which a patient may have several. The test is that of
McNemar, with patients as the units.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Evaluation
from radpipe.evaluation.draws import Integers, owners
from radpipe.evaluation.paired import holm
from radpipe.evaluation.rows import Row, difference_of
from radpipe.evaluation.sample import Sample, column_names
from radpipe.evaluation.scored import Scored, common_cases
from radpipe.evaluation.shares import Share

DECIDED = (
    "study",
    "part",
    "metric",
    "class",
    "variant_a",
    "variant_b",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "n_patients",
    "why",
)
METRICS = ("sensitivity", "specificity", "precision", "npv")
# Up to so many patients who add something to a difference, all signs are tried.
EXACT = 12
TINY = 1e-12
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Counted:
    """Cases of one variant of which a share is asked: hits among some, one entry for each case."""

    hit: Mask
    of: Mask

    @classmethod
    def of_metric(cls, metric: str, sample: Sample, column: int) -> "Counted":
        """Return the cases that a metric counts, with the decisions of a column's threshold."""
        yes, no, flags = (
            each[:, column] for each in (sample.positive, sample.negative, sample.flags)
        )
        decided = sample.decided[:, column]
        return {
            "sensitivity": cls(flags, yes),
            "specificity": cls(~flags, no),
            "precision": cls(yes, decided & (yes | no)),
            "npv": cls(no, ~decided & (yes | no)),
        }[metric]


def score_test(first: Counted, second: Counted, owner: Integers) -> float:
    """Test whether two shares about the same patients are equal.

    Parameters
    ----------
    first, second
        What is counted of each variant.
    owner
        Shape (cases,): number of each case's patient.

    Returns
    -------
    float
        Two-sided p. Each patient adds to the difference of the shares; if there is none, each of
        these terms is as likely with the other sign. With many patients the sum over its
        square root of squares is normal: for sensitivity and specificity McNemar's test for
        clusters (Obuchowski, Stat Med 1998;17:1495, without its factor (K - 1) / K of K patients;
        every case weighs the same, as in the shares themselves, not every patient as with
        Durkalski et al., Stat Med 2003;22:2417). Predictive values go around the pooled share, as
        the weighted generalised score test does (Kosinski, Stat Med 2013;32:964), but with the
        squares that were seen in place of p (1 - p), which is the same with many cases. With at
        most `EXACT` patients who add something all signs are tried, and
        what is as far as the sum itself counts half (mid-p: Fagerland et al., BMC Med Res Methodol
        2013;13:91). NaN where a share has no cases, 1 where nobody is decided differently.

    """
    sizes = [int(one.of.sum()) for one in (first, second)]
    if not all(sizes):
        return math.nan
    pooled = sum(int((one.hit & one.of).sum()) for one in (first, second)) / sum(sizes)
    terms = np.zeros(len(owner))
    for one, size, sign in zip((first, second), sizes, (1, -1), strict=True):
        terms += sign * np.where(one.of, one.hit - pooled, 0.0) / size
    sums = np.bincount(owner, terms)
    differ = sums[np.abs(sums) > TINY]
    total = abs(float(sums.sum()))
    if not len(differ):
        return 1.0
    if len(differ) > EXACT:
        return math.erfc(total / math.sqrt(2 * float((sums**2).sum())))
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(differ))))
    swapped = np.abs(signs @ differ)
    return float((swapped > total + TINY).mean() + (swapped >= total - TINY).mean()) / 2


def decided_rows(
    study: str, variants: Sequence[Scored], part: str, evaluation: Evaluation
) -> list[dict[str, Any]]:
    """Compare every pair of a study's variants on their common cases.

    Parameters
    ----------
    study, variants, part
        Its name, its variants, and the part that it is ranked by.
    evaluation
        Confidence of the intervals.

    Returns
    -------
    list of dict
        Rows of `DECIDED`, first variant minus second, of each class or label at its own threshold
        (predictive values of exclusive classes: of the decision for a class). `p_holm` is
        corrected within a metric for pairs and labels; `why` says why there is no interval.

    """
    if len(variants) < 2:
        return []
    common = common_cases(variants, part)
    owner = owners(common.cases[variants[0].name].patient)
    samples = [one.sample(common.cases[one.name], part) for one in variants]
    rows: list[dict[str, Any]] = []
    for metric in METRICS:
        family = []
        for column, name in enumerate(column_names(variants[0].target)):
            counted = [Counted.of_metric(metric, sample, column) for sample in samples]
            shares = [_share(one, owner, evaluation.confidence) for one in counted]
            for i, j in itertools.combinations(range(len(variants)), 2):
                about = {"metric": metric, "class": name, "variant_a": variants[i].name}
                pair = _pair((counted[i], counted[j]), (shares[i], shares[j]), owner)
                family.append({**about, "variant_b": variants[j].name, **pair})
        corrected = holm([row["p"] for row in family])
        rows += [{**row, "p_holm": p} for row, p in zip(family, corrected, strict=True)]
    return [{"study": study, "part": part, **row} for row in rows]


def _share(one: Counted, owner: Integers, confidence: float) -> Row:
    return Share(one.hit, one.of).row(owner, int(owner.max(initial=-1)) + 1, confidence)


def _pair(
    counted: tuple[Counted, Counted], shares: tuple[Row, Row], owner: Integers
) -> Mapping[str, Any]:
    """Return difference, interval, test and number of patients of two variants."""
    change = difference_of(*shares, paired=True)
    asked = counted[0].of | counted[1].of
    return {
        "difference": change.value,
        "low": change.low,
        "high": change.high,
        "p": score_test(*counted, owner),
        "n_patients": len(np.unique(owner[asked])),
        "why": change.why,
    }
