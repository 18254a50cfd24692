"""The maps of scored cases, measured against where their findings are."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from radpipe.explaining.explain import CaseMap
from radpipe.explaining.measures import area, energy_inside, joined, pointing
from radpipe.explaining.plan import PartPlan
from radpipe.explaining.table import Measured
from radpipe.explaining.truth import Truth


def measured(
    variant: str,
    method: str,
    plan: PartPlan,
    maps: Iterable[CaseMap],
    truth: Truth,
    names: Sequence[str],
) -> Iterator[Measured]:
    """Yield what one map after the other says of the finding whose place is known.

    Parameters
    ----------
    variant, method
        What the rows are called.
    plan
        Which cases of the part are scored.
    maps
        Of this method, of the part's cases.
    truth
        Where the findings are; a map of a finding without a place is left out.
    names
        Of the labels, see `evaluation.sample.column_names`.

    """
    asked = plan.part.asked
    rows = {str(case): row for row, case in enumerate(asked.case.tolist())}
    for each in maps:
        row = rows[each.case]
        masks = truth.of(each.case, each.label)
        if each.label not in plan.scored.get(row, ()) or not masks:
            continue
        evidence = joined(each.views).astype(np.float64)
        known = {v: masks.get(v, np.zeros(m.shape, bool)) for v, m in each.views.items()}
        inside = joined(known).astype(np.bool_)
        values = {
            "pointing": pointing(evidence, inside),
            "energy_inside": energy_inside(evidence, inside),
            "area": area(inside),
        }
        yield Measured(
            each.case,
            str(asked.patient[row]),
            asked.part,
            variant,
            method,
            names[each.label],
            values,
        )
