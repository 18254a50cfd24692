"""What the cases outside test show: how often each answer is given, and which together.

Test is left out, because what its labels are like is not to be looked at before models are
chosen; split.json counts them once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.exploring.cases import StudyCases
from radpipe.exploring.few import FEWEST, told, told_each

# Combinations that are told, most frequent first.
MOST_COMBINATIONS = 20


def label_counts(cases: StudyCases) -> dict[str, Any]:
    """Count the answers of each label or class, outside test.

    Parameters
    ----------
    cases
        Of one study.

    Returns
    -------
    dict
        JSON: `n_cases`, `labels`, and a list of one number a label for `present`, `absent`,
        `uncertain` and `blank`, which is what is unknown without being called uncertain.

    """
    here = cases.outside_test
    present, unknown = cases.present[here] == 1, np.isnan(cases.present[here])
    doubted = _doubted(cases)[here] & unknown
    return {
        "n_cases": int(here.sum()),
        "labels": list(cases.answers),
        "present": present.sum(axis=0).tolist(),
        "absent": (~present & ~unknown).sum(axis=0).tolist(),
        "uncertain": doubted.sum(axis=0).tolist(),
        "blank": (unknown & ~doubted).sum(axis=0).tolist(),
    }


def _doubted(cases: StudyCases) -> NDArray[np.bool_]:
    shape = cases.present.shape
    if cases.uncertain is None:
        return np.zeros(shape, np.bool_)
    return np.broadcast_to(cases.uncertain, shape)


def together(cases: StudyCases) -> dict[str, Any] | None:
    """Count the cases outside test in which two labels are present.

    Parameters
    ----------
    cases
        Of one study.

    Returns
    -------
    dict or None
        JSON: `labels` and `n`, a matrix whose diagonal counts single labels and in which null
        stands for the cases of one to four patients; None unless there are several labels.

    """
    if not _several(cases):
        return None
    present = (cases.present == 1) & cases.outside_test[:, None]
    n = len(cases.answers)
    counts: list[list[int | None]] = [[None] * n for _ in range(n)]
    for a in range(n):
        for b in range(a, n):
            both = present[:, a] & present[:, b]
            counts[a][b] = counts[b][a] = told(both, cases.patient)
    return {"labels": list(cases.answers), "n": counts}


def combinations(cases: StudyCases) -> dict[str, Any] | None:
    """Count which labels are present together and no other, outside test.

    What is unknown or uncertain counts as not present.

    Parameters
    ----------
    cases
        Of one study.

    Returns
    -------
    dict or None
        JSON: `n_distinct` combinations, how many cases show `n_none`, `n_one` and `n_several`
        labels (null: of one to four patients), and `frequent`, a list of {labels, n} of at least
        five patients each; None unless there are several labels.

    """
    if not _several(cases):
        return None
    here = cases.outside_test
    present, patient = (cases.present == 1)[here], cases.patient[here]
    packed = np.packbits(present, axis=1)
    _, first, inverse, counts = np.unique(
        packed, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    most = np.argsort(-counts, kind="stable")[:MOST_COMBINATIONS]
    # Who has few cases has few patients; the rest is asked one by one.
    shown = [k for k in most if counts[k] >= FEWEST and told(inverse.ravel() == k, patient)]
    names = {k: [cases.answers[j] for j in np.flatnonzero(present[first[k]])] for k in shown}
    none, one, several = told_each(np.minimum(present.sum(axis=1), 2), patient, 3)
    return {
        "n_distinct": len(counts),
        "n_none": none,
        "n_one": one,
        "n_several": several,
        "frequent": [{"labels": names[k], "n": int(counts[k])} for k in shown],
    }


def _several(cases: StudyCases) -> bool:
    """Whether several answers can be present at once."""
    return cases.target.kind == "multi-label" and len(cases.answers) > 1
