"""`measures.parquet`: what was measured of the map of one case, one number a row.

It names cases and patients, so it goes where the study's data go.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("case", pa.string()),
        ("patient", pa.string()),
        ("part", pa.string()),
        ("variant", pa.string()),
        # The key of the method in the settings; an explanation of a variant.
        ("method", pa.string()),
        # The class or label whose map it is.
        ("label", pa.string()),
        ("measure", pa.string()),
        # NaN: not defined for this case.
        ("value", pa.float64()),
    ]
)


@dataclass(frozen=True, order=True)
class Measured:
    """One map of one case, and what was measured of it.

    Attributes
    ----------
    case, patient, part, variant, method, label
        As in `SCHEMA`.
    values
        Measure to its value.

    """

    case: str
    patient: str
    part: str
    variant: str
    method: str
    label: str
    values: Mapping[str, float]


def measures_table(rows: Iterable[Measured]) -> pa.Table:
    """Lay out what was measured, ordered by part, method, label, case and measure."""
    found = [
        {
            "case": row.case,
            "patient": row.patient,
            "part": row.part,
            "variant": row.variant,
            "method": row.method,
            "label": row.label,
            "measure": measure,
            "value": value,
        }
        for row in rows
        for measure, value in row.values.items()
    ]
    order = [(name, "ascending") for name in ("part", "method", "label", "case", "measure")]
    return pa.Table.from_pylist(found, schema=SCHEMA).sort_by(order)
