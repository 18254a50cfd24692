"""Find, make or download a study's files, and list them with their hashes.

Reads   what studies.<study>.source in params.yaml says
Writes  data/<study>/manifest.csv      file, bytes, sha256
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging

from radpipe.core.step import Job, Step
from radpipe.studies.base.manifest import write_manifest
from radpipe.studies.base.sources import materialise, origin

log = logging.getLogger("radpipe.fetch")

STEP = Step(
    "fetch",
    __doc__,
    each="studies",
    writes={"out": "data/{study}/manifest.csv"},
    settings=("studies.{study}.adapter|source|layout|target",),
    loads=("radpipe.studies.{adapter}",),
)


def main(job: Job) -> None:
    """Have the files, hash them, write the manifest."""
    study = job.args.study
    raw = materialise(study, origin(job, study))
    files = write_manifest(raw, job.args.out)
    n_bytes = sum(file.size for file in files.values())
    job.fact(files=len(files), bytes=n_bytes)
    log.info("listed %s: files=%d megabytes=%.1f", study, len(files), n_bytes / 1e6)


if __name__ == "__main__":
    STEP(main)
