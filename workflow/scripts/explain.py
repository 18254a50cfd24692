"""Show where a variant looks: maps of some cases, and how well they agree with the known truth.

Reads   recipe.json, weights.safetensors, predictions.parquet and predictor.json of the first run
        of the variant, the store and split of its study, data/<study>/boxes.parquet
Writes  results/explanations/<variant>/gallery/          pictures of a few cases, without names
        results/explanations/<variant>/measures.parquet  numbers of each scored map
        results/explanations/<variant>/facts.json        what was explained; no names
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin(kernels_to="predict")

import logging
import time
from collections.abc import Mapping
from typing import Any

from radpipe.core.files import write_json
from radpipe.core.recipe import read_recipe
from radpipe.core.settings import Explain
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table, write_table
from radpipe.explaining.explain import CaseMap, explain
from radpipe.explaining.methods import Method, read_method
from radpipe.explaining.parts import Part, point_of, read_parts
from radpipe.explaining.plan import Plan, plan_part
from radpipe.explaining.scored import measured
from radpipe.explaining.subject import Material, Member
from radpipe.explaining.table import measures_table
from radpipe.explaining.truth import Truth, located, shown_by, truth_of
from radpipe.imaging.store import Store
from radpipe.learning.networks.network import load_network
from radpipe.learning.training.run import arithmetic_of, set_up
from radpipe.prediction.description import read_description

log = logging.getLogger("radpipe.explain")

STEP = Step(
    "explain",
    __doc__,
    each="explain",
    reads={
        "store": "{store}",
        "split": "data/{study}/split.parquet",
        "boxes": "data/{study}/boxes.parquet",
        "recipe": "results/runs/{variant}/fold-{folds}-seed-{seeds}/recipe.json",
        "weights": "results/runs/{variant}/fold-{folds}-seed-{seeds}/weights.safetensors",
        "predictions": "results/runs/{variant}/fold-{folds}-seed-{seeds}/predictions.parquet",
        "described": "results/runs/{variant}/fold-{folds}-seed-{seeds}/predictor.json",
    },
    writes={
        "gallery": "results/explanations/{variant}/gallery",
        "measures": "results/explanations/{variant}/measures.parquet",
        "facts": "results/explanations/{variant}/facts.json",
    },
    settings=("explained.{variant}", "opened.{study}", "plan.folds|seeds", "evaluation.confidence"),
    loads=("radpipe.learning.models.{architectures}",),
    keeps={"gallery": "remote", "measures": "remote", "facts": "git"},
    mem_mb=8000,
    runtime=120,
)
