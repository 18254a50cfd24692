"""Small studies for the tests of what is counted."""

from typing import Any

import numpy as np

from radpipe.core.settings import Target
from radpipe.exploring.cases import StudyCases

TWO_LABELS = Target(kind="multi-label", classes=["edema", "fracture"])
THREE = Target(kind="multi-class", classes=["a", "b", "c"])


def cases(truth: Any, target: Target = TWO_LABELS, **given: Any) -> StudyCases:
    """Return cases, each of another patient and none in test unless something else is given."""
    known = np.asarray(truth, dtype=float).reshape(len(truth), -1)
    n = len(known)
    values = {
        "case": np.array([f"c{k:03}" for k in range(n)], dtype=object),
        "patient": np.arange(n),
        "fold": np.arange(n) % 2,
    }
    return StudyCases(target=target, truth=known, **{**values, **given})
