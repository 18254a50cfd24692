"""Show what came into a study's store: sizes and intensities of its pictures.

Reads   data/<study>/store
Writes  results/studies/<study>/sizes.png
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

from radpipe.core.files import read_json
from radpipe.core.step import Job, Step
from radpipe.figures.saving import save
from radpipe.figures.sizes import sizes_figure
from radpipe.imaging.store import Store

STEP = Step(
    "explore",
    __doc__,
    each="studies",
    reads={"store": "data/{study}/store"},
    writes={"sizes": "results/studies/{study}/sizes.png"},
)


def main(job: Job) -> None:
    """Draw sizes and intensities."""
    store = Store(job.args.store)
    fingerprint = read_json(store.path / "fingerprint.json")
    rows, columns = (store.index[name].to_numpy() for name in ("rows", "columns"))
    save(sizes_figure(rows, columns, fingerprint, size=store.size), job.args.sizes)


if __name__ == "__main__":
    STEP(main)
