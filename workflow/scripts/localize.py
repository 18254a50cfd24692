"""Train a detector of joints on train patients, find every joint, cut crops from the raw pixels.

Reads   data/<study>/manifest.csv, cases.parquet, boxes.parquet, store/, split.parquet, raw files
Writes  data/<study>/crops/                    a store of squares around the joints
        data/<study>/detector.safetensors      the detector
        data/<study>/joints.parquet            box and confidence of every case
        results/studies/<study>/localize.json  how well it finds them; no names
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import write_json
from radpipe.core.processors import n_processors
from radpipe.core.settings import Image, Localize
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table, write_table
from radpipe.detection.finding import ARITHMETIC, Found, find, save_detector, train_detector
from radpipe.imaging.boxes import Boxes, best_fixed_box, from_square, overlap, to_square
from radpipe.imaging.crops import (
    crop_image,
    cut_crops,
    regions_of,
    spacing_of,
    squares_around,
    stretch_of,
)
from radpipe.imaging.store import Store
from radpipe.learning.training.run import arithmetic_of, set_up
from radpipe.studies.base.sources import materialise, origin

log = logging.getLogger("radpipe.localize")

STEP = Step(
    "localize",
    __doc__,
    each="localize",
    reads={
        "manifest": "data/{study}/manifest.csv",
        "cases": "data/{study}/cases.parquet",
        "boxes": "data/{study}/boxes.parquet",
        "store": "data/{study}/store",
        "split": "data/{study}/split.parquet",
    },
    writes={
        "out": "data/{study}/crops",
        "detector": "data/{study}/detector.safetensors",
        "joints": "data/{study}/joints.parquet",
        "summary": "results/studies/{study}/localize.json",
    },
    settings=("studies.{study}.adapter|source|layout|target|image", "localize.{study}"),
    loads=("radpipe.studies.{adapter}",),
    keeps={"summary": "git"},
    # Its detector learns on one; where it cuts crops, which takes less time, it uses all there are.
    threads=1,
    mem_mb=6000,
    runtime=240,
)
# More than a reader looks at would be no use.
SHOWN = 10


def main(job: Job) -> None:
    """Train, find, cut, sum up."""
    args = job.args
    how: Localize = job.setting(f"localize.{args.study}")
    image: Image = job.setting(f"studies.{args.study}.image")
    store = Store(args.store)
    if store.volumes or len(store.views) > 1:
        raise ConfigError(f"localize.{args.study}: joints are found in studies of one picture each")
    raw = materialise(args.study, origin(job, args.study))
    regions, part = regions_of(store), parts_of(store, read_table(args.split))
    known = known_boxes(store, read_table(args.boxes), how.label)
    squares = to_square(known, regions, image)
    chosen = np.flatnonzero((part == "train") & np.isfinite(known).all(axis=1))
    check_boxes(len(chosen), job, how)
    job.computed(arithmetic_of(ARITHMETIC, set_up(ARITHMETIC)))
    detector = train_detector(store, chosen, squares[chosen], how.detection)
    save_detector(args.detector, detector, args.study, image, how)
    found = find(detector, store)
    boxes = from_square(found.boxes, regions, image)
    unsure = {
        int(k): f"no confident joint (confidence {found.confidence[k]:.2f}, least"
        f" {how.confidence:g})"
        for k in np.flatnonzero(found.confidence < how.confidence)
    }
    crops = squares_around(boxes, spacing_of(store), [r.mirrored for r in regions], how)
    image = crop_image(image, how)
    packed = cut_crops(
        store, crops, raw=raw, image=image, out=args.out, workers=n_processors(), unsure=unsure
    )
    iou = np.where(np.isfinite(known).all(axis=1), overlap(boxes, np.nan_to_num(known)), np.nan)
    fixed = fixed_overlap(squares, chosen)
    write_table(args.joints, joints_table(store, part, boxes, known, found, iou))
    summary = {
        "study": args.study,
        "image": image.model_dump(),
        "extent_mm": how.extent_mm,
        "n_cases": len(store.cases),
        "n_crops": len(packed.stored),
        "n_unsure": len(unsure),
        "n_rejected": len(packed.rejected) - len(unsure),
        "n_without_spacing": int(np.isnan(spacing_of(store)).any(axis=1).sum()),
        "n_taught": len(chosen),
        "sides": sides(known, regions),
        "overlap": {name: quantiles(iou[part == name]) for name in ("train", "tune", "test")},
        "fixed_box": {name: quantiles(fixed[part == name]) for name in ("train", "tune", "test")},
    }
    write_json(args.summary, summary)
    for reason in list(unsure.values())[:SHOWN]:
        log.warning("left out a case: %s", reason)
    log.info("cut %d crops, %d cases without", len(packed.stored), len(packed.rejected))
    job.fact(**{key: value for key, value in summary.items() if key.startswith("n_")})


def parts_of(store: Store, split: pa.Table) -> NDArray[np.str_]:
    """Return the part of each row's case: test; tune for fold 0; train; "" if it has none.

    Shape (rows of the store,). The detector serves all folds and is trained without fold 0, which
    is `tune` by default.
    """
    columns = (split[name].to_pylist() for name in ("case", "part", "fold"))
    place = {
        case: "tune" if part == "train" and fold == 0 else part
        for case, part, fold in zip(*columns, strict=True)
    }
    return np.array([place.get(case, "") for case in store.index["case"].to_pylist()])


def known_boxes(store: Store, boxes: pa.Table, label: str) -> Boxes:
    """Return the known box of each row of the store, (n, 4), NaN if none.

    The table's are in pixels of the file, what is returned in pixels that were made square.
    """
    there: dict[tuple[str, str], list[float]] = {}
    for row in boxes.to_pylist():
        if row["label"] == label:
            there[row["case"], row["view"]] = [row[name] for name in ("x0", "y0", "x1", "y1")]
    keys = zip(store.index["case"].to_pylist(), store.index["view"].to_pylist(), strict=True)
    found = np.array([there.get(key, [np.nan] * 4) for key in keys], dtype=np.float64)
    return found * stretch_of(store)


def check_boxes(n: int, job: Job, how: Localize) -> None:
    """Refuse to train on nothing."""
    if n < how.detection.batch_size:
        raise DataError(
            f"{job.args.boxes}: {n} cases of train have a box labelled {how.label!r}, and at least"
            f" {how.detection.batch_size} (localize.{job.args.study}.detection.batch_size) are"
            " needed to train a detector. The way out: draw boxes around the joints of some train"
            " patients and give them as the study's page in docs/ says."
        )


def fixed_overlap(known: Boxes, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the overlap of the best fixed box, found on train, with each known one.

    Parameters
    ----------
    known
        (n, 4) in any unit, NaN where unknown.
    chosen
        Numbers of the boxes of train, (m,); all of them known.

    Returns
    -------
    ndarray
        (n,) intersection over union, 0 to 1; NaN where the box is unknown.

    """
    best = best_fixed_box(known[chosen])
    found = overlap(np.tile(best, (len(known), 1)), np.nan_to_num(known))
    return np.where(np.isfinite(known).all(axis=1), found, np.nan)


def sides(known: Boxes, regions: list[Any]) -> dict[str, int]:
    """Count the known joints whose centre lies in the part of the film that was taken.

    Boxes are (n, 4) in pixels of the file, NaN where unknown.
    """
    x = (known[:, 0] + known[:, 2]) / 2
    there = [np.isfinite(a) and r.x0 <= a <= r.x1 for a, r in zip(x, regions, strict=True)]
    return {"n_known": int(np.isfinite(x).sum()), "n_right": int(sum(there))}


def quantiles(values: NDArray[np.float64]) -> dict[str, float | int | None]:
    """Return count, median and least of the values (n,) that are known, not NaN."""
    values = values[np.isfinite(values)]
    if not len(values):
        return {"n": 0, "median": None, "min": None}
    return {
        "n": len(values),
        "median": round(float(np.median(values)), 4),
        "min": round(float(values.min()), 4),
    }


def joints_table(
    store: Store,
    part: NDArray[np.str_],
    boxes: Boxes,
    known: Boxes,
    found: Found,
    iou: NDArray[np.float64],
) -> pa.Table:
    """Build joints.parquet: one row a row of the store.

    Parameters
    ----------
    store
        Gives case and view of each of n rows.
    part
        (n,) part of the case.
    boxes, known
        (n, 4) in pixels of the film with square pixels: the found box, and the known one, NaN where
        unknown.
    found
        Says how confident the detector was.
    iou
        (n,) overlap of the two, 0 to 1, NaN where unknown.

    """
    names = ("x0", "y0", "x1", "y1")
    columns: dict[str, Any] = {name: store.index[name] for name in ("case", "view")}
    columns |= {"part": part.tolist(), "confidence": found.confidence, "overlap": iou}
    columns |= {name: boxes[:, k] for k, name in enumerate(names)}
    columns |= {f"known_{name}": known[:, k] for k, name in enumerate(names)}
    return pa.table(columns)


if __name__ == "__main__":
    STEP(main)
