"""Decode, resize and pack a study's pictures or volumes into its store, and sum up what came in.

Reads   data/<study>/manifest.csv, data/<study>/cases.parquet, and the raw files they name
Writes  data/<study>/store/                   pixels, index.parquet, rejected.csv, fingerprint.json
        results/studies/<study>/ingest.json   counts, sizes, intensities; no names
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging

from radpipe.core.files import write_json
from radpipe.core.processors import n_processors
from radpipe.core.settings import Image
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table
from radpipe.imaging.ingest import ingest
from radpipe.studies.base.manifest import read_manifest
from radpipe.studies.base.sources import materialise, origin

log = logging.getLogger("radpipe.ingest")

STEP = Step(
    "ingest",
    __doc__,
    each="studies",
    reads={"manifest": "data/{study}/manifest.csv", "cases": "data/{study}/cases.parquet"},
    writes={"out": "data/{study}/store", "summary": "results/studies/{study}/ingest.json"},
    settings=("studies.{study}.adapter|source|layout|target|image",),
    loads=("radpipe.studies.{adapter}",),
    keeps={"summary": "git"},
    threads=8,
    mem_mb=6000,
    runtime=240,
)


def main(job: Job) -> None:
    """Make the store, then describe it."""
    study = job.args.study
    image: Image = job.setting(f"studies.{study}.image")
    raw = materialise(study, origin(job, study))
    manifest = {name: file.sha256 for name, file in read_manifest(job.args.manifest).items()}
    summary = ingest(
        read_table(job.args.cases),
        raw,
        image,
        job.args.out,
        manifest=manifest,
        workers=n_processors(),
    )
    write_json(job.args.summary, {"study": study, "image": image.model_dump(), **summary})
    counts = {key: value for key, value in summary.items() if key.startswith("n_")}
    job.fact(**counts)
    log.info("ingested %s: %s", study, " ".join(f"{k}={v}" for k, v in counts.items()))


if __name__ == "__main__":
    STEP(main)
