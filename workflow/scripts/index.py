"""Read a study's layout into one table of cases and one of lesion boxes.

Reads   data/<study>/manifest.csv, and the raw files it lists
Writes  data/<study>/cases.parquet     case, patient, official, target, uncertain, file, covariate_*
        data/<study>/boxes.parquet     case, view, slice, x0, y0, x1, y1, label
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging

from radpipe.core.step import Job, Step
from radpipe.core.tables import write_table
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.contract import check_cases
from radpipe.studies.base.manifest import check_manifest
from radpipe.studies.base.sources import materialise, origin

log = logging.getLogger("radpipe.index")

STEP = Step(
    "index",
    __doc__,
    each="studies",
    reads={"manifest": "data/{study}/manifest.csv"},
    writes={"out": "data/{study}/cases.parquet", "boxes": "data/{study}/boxes.parquet"},
    settings=("studies.{study}.adapter|source|layout|target",),
    loads=("radpipe.studies.{adapter}",),
)


def main(job: Job) -> None:
    """Check the files against the manifest, let the adapter read them, write its tables."""
    name = job.args.study
    study = origin(job, name)
    adapter = load_adapter(study.adapter)
    layout = read_layout(name, adapter, study.layout)
    raw = materialise(name, study)
    files = check_manifest(raw, job.args.manifest)
    found = adapter.cases(raw, files=files, layout=layout, target=study.target)
    check_cases(found, target=study.target, views=adapter.views(layout), files=files)
    write_table(job.args.out, found.cases)
    write_table(job.args.boxes, found.boxes)
    n_patients = len(set(found.cases["patient"].to_pylist()))
    job.fact(cases=len(found.cases), patients=n_patients, boxes=len(found.boxes))
    log.info(
        "indexed %s: cases=%d patients=%d boxes=%d",
        name,
        len(found.cases),
        n_patients,
        len(found.boxes),
    )


if __name__ == "__main__":
    STEP(main)
