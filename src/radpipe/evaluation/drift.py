"""Whether `test` is like `tune`: how far what was chosen there still holds.

Patients of the two parts are different, so the interval of a change is put together from those of
both sides as independent ones. `tune` chose thresholds and temperature, so its own numbers are a
little too good; a small fall is expected.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from radpipe.evaluation.rows import Row, difference_of

# What a frozen operating point and a frozen temperature can lose.
CHANGES = (
    "auc",
    "sensitivity",
    "specificity",
    "calibration_slope",
    "calibration_intercept",
)
Block = Mapping[str, Any]


def drift(tune: Block, test: Block) -> dict[str, Any]:
    """Return test minus tune of some metrics and of how frequent classes are.

    Parameters
    ----------
    tune, test
        Blocks of the parts in `metrics.json`.

    Returns
    -------
    dict
        "metrics": by name value, low, high and per_class; "prevalence": by class value, low and
        high. Not yet rounded; NaN where a side has no interval.

    """
    metrics = {
        name: {
            **_change(tune["metrics"][name], test["metrics"][name]),
            "per_class": {
                label: _change(block, test["metrics"][name]["per_class"][label])
                for label, block in tune["metrics"][name]["per_class"].items()
            },
        }
        for name in CHANGES
    }
    prevalence = {
        label: _change(block, test["prevalence"][label])
        for label, block in tune["prevalence"].items()
    }
    return {"metrics": metrics, "prevalence": prevalence}


def _change(before: Block, after: Block) -> dict[str, float]:
    first, second = (
        Row(block["value"], block["low"], block["high"], np.zeros(0)) for block in (after, before)
    )
    change = difference_of(first, second, paired=False)
    return {"value": change.value, "low": change.low, "high": change.high}
