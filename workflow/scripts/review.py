"""Show the crops of a study that are most likely wrong, to be looked at.

Reads   data/<study>/crops, data/<study>/joints.parquet
Writes  results/studies/<study>/joints.png
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import numpy as np
import pyarrow as pa

from radpipe.core.recipe import stored_image
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table
from radpipe.figures.joints import joints_figure
from radpipe.figures.saving import save
from radpipe.imaging.boxes import to_square
from radpipe.imaging.crops import regions_of
from radpipe.imaging.store import Store

STEP = Step(
    "review",
    __doc__,
    each="localize",
    reads={"crops": "data/{study}/crops", "joints": "data/{study}/joints.parquet"},
    writes={"picture": "results/studies/{study}/joints.png"},
    # Pixels, which may be restricted.
    keeps={"picture": "remote"},
)
# More than a reader looks at would be no use.
SHOWN = 10
EDGES = ("x0", "y0", "x1", "y1")


def main(job: Job) -> None:
    """Draw the worst crops with what is known of them."""
    crops = Store(job.args.crops)
    joints = with_crop(read_table(job.args.joints), crops)
    rows = worst(joints)
    shown = joints.take(rows)
    known = np.column_stack([shown[f"known_{name}"].to_numpy() for name in EDGES])
    places = [crops.row_of(*key) for key in keys(shown)]
    regions = regions_of(crops)
    boxes = to_square(known, [regions[place] for place in places], stored_image(crops.path))
    pixels = crops.pixels(np.array(places)).mean(axis=3) / (2**crops.bits - 1)
    save(joints_figure(pixels, captions(shown), boxes), job.args.picture)


def with_crop(joints: pa.Table, crops: Store) -> pa.Table:
    """Return the rows of joints.parquet that have a crop."""
    there = set(zip(*(crops.index[name].to_pylist() for name in ("case", "view")), strict=True))
    return joints.filter(pa.array([key in there for key in keys(joints)]))


def keys(joints: pa.Table) -> list[tuple[str, str]]:
    """Return case and view of each row."""
    return list(zip(joints["case"].to_pylist(), joints["view"].to_pylist(), strict=True))


def worst(joints: pa.Table) -> list[int]:
    """Return rows, least overlap first where it is known, else least confidence."""
    overlap = np.nan_to_num(joints["overlap"].to_numpy(), nan=2.0)
    order = np.lexsort((joints["confidence"].to_numpy(), overlap))
    return [int(row) for row in order[:SHOWN]]


def captions(joints: pa.Table) -> list[str]:
    """Say of each row how sure the detector was, and how right where that is known."""
    columns = (joints[name].to_pylist() for name in ("confidence", "overlap"))
    return [
        f"confidence {confidence:.2f}"
        + (f", overlap {overlap:.2f}" if np.isfinite(overlap) else "")
        for confidence, overlap in zip(*columns, strict=True)
    ]


if __name__ == "__main__":
    STEP(main)
