"""Compute what a frozen network says of each case of a study, once for all heads.

Reads   the store of pixels that it looks at, and the weights that it has
Writes  data/<study>/features/<backbone>/   the features, packed like a store
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging
import sys

from tqdm import tqdm

from radpipe.core.recipe import make_backbone_recipe
from radpipe.core.settings import Features
from radpipe.core.step import Job, Step
from radpipe.imaging.store import Store
from radpipe.imaging.writing import building
from radpipe.learning.starts.frozen import arithmetic_for, make_backbone, write_features
from radpipe.learning.training.run import arithmetic_of, set_up

log = logging.getLogger("radpipe.features")

STEP = Step(
    "features",
    __doc__,
    each="features",
    reads={"store": "{store}", "start": "{weights}"},
    writes={"out": "data/{study}/features/{backbone}"},
    settings=("features.{backbone}",),
    loads=("radpipe.learning.models.{architectures}",),
    mem_mb=8000,
    runtime=240,
)


def main(job: Job) -> None:
    """Build the network, look at every case, write."""
    name, store = job.args.backbone, Store(job.args.store)
    block: Features = job.setting(f"features.{name}")
    recipe = make_backbone_recipe(name, block, job.hashes)
    how = arithmetic_for(block.threads)
    device = set_up(how)
    made = make_backbone(
        recipe, n_channels=store.channels, n_views=len(store.views), volumes=store.volumes
    )
    total = len(store.cases) * recipe.passes
    with (
        building(job.args.out) as folder,
        tqdm(total=total, desc="features", mininterval=5, leave=False, file=sys.stderr) as bar,
    ):
        about = write_features(folder, recipe, store, made, device, told=bar.update)
    job.computed(arithmetic_of(how, device))
    taken = {} if made.taken is None else {"start": made.taken.facts}
    job.fact(device=device.type, cases=about.cases, features=about.features, **taken)
    log.info("computed features %s: cases=%d features=%d", name, about.cases, about.features)


if __name__ == "__main__":
    STEP(main)
