"""The phantom of adapter `oai`: films of two knees as DICOM, tables, and known truth.

Writes what OAI holds at baseline, in its layout, with invented people, and beside it what is
known of the truth: `ceiling_kl.csv`, `ceiling_progression.csv` and `joints.csv` (see
`truth`). The files do not depend on the question that a study asks.
"""

from functools import partial
from pathlib import Path

from radpipe.core.settings import PhantomSource
from radpipe.studies.base.drawing import draw_all
from radpipe.studies.oai.phantom_dicom import write_film
from radpipe.studies.oai.phantom_film import plan_films
from radpipe.studies.oai.phantom_plan import draw_plan
from radpipe.studies.oai.phantom_tables import write_ceilings, write_joints, write_tables


def write_phantom(out: Path, *, source: PhantomSource, workers: int | None = None) -> None:
    """Write a phantom study; its bytes do not depend on the number of workers.

    Parameters
    ----------
    out
        Folder to write into.
    source
        Seed, and number of patients with films.
    workers
        Processes; by default the cores this process may use.

    """
    people = draw_plan(source)
    films = plan_films(people, seed=source.seed)
    write = partial(write_film, out, seed=source.seed)
    boxes = draw_all(write, films, unit="films", workers=workers)
    write_tables(out, people, films, seed=source.seed)
    write_ceilings(out, films)
    write_joints(out / "joints.csv", films, boxes)
