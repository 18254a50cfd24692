"""Decode, resize and pack a study's pictures or volumes into its store, and sum up what came in.

Reads   data/<study>/manifest.csv, data/<study>/cases.parquet, and the raw files they name
Writes  data/<study>/store/                   pixels, index.parquet, rejected.csv, fingerprint.json
        results/studies/<study>/ingest.json   counts, sizes, intensities; no names
        results/studies/<study>/sizes.png     the same as a picture
"""

import logging
from typing import Any

from radpipe.core.files import write_json
from radpipe.core.processors import n_processors
from radpipe.core.settings import Image
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table
from radpipe.imaging.ingest import ingest
from radpipe.imaging.store import Store
from radpipe.studies.base.manifest import read_manifest
from radpipe.studies.base.sources import SETTINGS, materialise, origin

log = logging.getLogger("radpipe.ingest")

STEP = Step(
    "ingest",
    __doc__,
    run="{study}",
    layers=("core", "imaging", "studies/base", "studies/{adapter}", "figures"),
    options={"study": str},
    reads=("manifest", "cases"),
    writes=("out", "summary", "picture"),
    settings=(*SETTINGS, "studies.{study}.image"),
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
    about = {"study": study, **card(job, study), "image": image.model_dump()}
    write_json(job.args.summary, {**about, **summary})
    draw(job, image, summary["fingerprint"])
    counts = {key: value for key, value in summary.items() if key.startswith("n_")}
    job.fact(**counts)
    log.info("ingested %s: %s", study, " ".join(f"{k}={v}" for k, v in counts.items()))


def card(job: Job, study: str) -> dict[str, str | None]:
    """Return what models that learn from the study shall say of it: adapter and licence."""
    found = origin(job, study)
    return {"adapter": found.adapter, "licence": getattr(found.source, "licence", None)}


def draw(job: Job, image: Image, fingerprint: dict[str, Any]) -> None:
    """Draw sizes and intensities; matplotlib is loaded only once the store is whole."""
    from radpipe.figures.saving import save
    from radpipe.figures.sizes import sizes_figure

    index = Store(job.args.out).index
    rows, columns = (index[name].to_numpy() for name in ("rows", "columns"))
    save(sizes_figure(rows, columns, fingerprint, size=image.side), job.args.picture)


if __name__ == "__main__":
    STEP(main)
