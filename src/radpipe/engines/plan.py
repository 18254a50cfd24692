"""What is planned, written down for DVC in small files: settings, code and recipes of the runs.

DVC parses all of `params.yaml` for each stage that names a setting, and hashes folders of code for
each that names one, so that looking at a plan grows with the square of its variants. One stage,
`plan`, reads both once and writes down what the runs of each step depend on; another, `recipe`,
adds the hashes of a variant's data. The other stages depend on these files. Snakemake asks
receipts, which hold the same.
"""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from radpipe.core import recipe
from radpipe.core.declared import Declared
from radpipe.core.files import clear_leftovers, files_below, json_text, write_text
from radpipe.core.graph import Graph, Run
from radpipe.core.hashes import Hashes
from radpipe.core.imports import needed
from radpipe.core.links import refuse_links
from radpipe.core.params import Params, lookup
from radpipe.core.receipts import name_of_code, program_of
from radpipe.core.recipe import make_recipe
from radpipe.core.settings import Training
from radpipe.core.sources import source_of
from radpipe.core.versions import link_versions

PLAN, RECIPES = Path("results/plan"), Path("results/recipes")
# DVC looks at the folders of all cohorts, all starts and all explanations, which are to be there
# without any, too.
COHORTS, STARTS = Path("results/cohorts/plan.json"), Path("results/starts/plan.json")
EXPLAINED = Path("results/explanations/plan.json")

log = logging.getLogger("radpipe.engines")


def write_plan(params: Params) -> None:
    """Write the settings and the code that runs depend on, for DVC to compare."""
    graph = Graph(params)
    refuse_links(graph.makers)
    link_libraries(graph)
    texts = plan_texts(graph)
    for file in files_below(PLAN):
        if file not in texts:
            file.unlink()
    planned: dict[Path, Any] = {COHORTS: params.plan.cohorts, STARTS: params.plan.starts}
    planned[EXPLAINED] = list(params.explain)
    _write([*texts.items(), *((file, json_text(what)) for file, what in planned.items())])
    log.info("wrote what runs depend on: files=%d", len(texts))


def link_libraries(graph: Graph) -> None:
    """Link to what says the versions of the libraries on which runs depend, for DVC to compare."""
    link_versions({name for run in graph.runs.values() for name in program_of(run)[1]})


def write_recipes(params: Params, variants: Iterable[str] = ()) -> None:
    """Write the recipes of variants whose data are there, for DVC to compare; by default of all."""
    hashes = Hashes()
    chosen = list(variants) or list(params.variants)
    _write((recipe_file(name), make_recipe(params, name, hashes).text) for name in chosen)


def write_all(params: Params) -> None:
    """Write whatever DVC compares and no step makes, when everything is made."""
    write_plan(params)
    write_recipes(params)


def plan_texts(graph: Graph) -> dict[Path, str]:
    """Return each file of the plan and what it should hold."""
    texts: dict[Path, str] = {}
    for run in graph.runs.values():
        file = plan_file(run.step, run)
        if file not in texts:
            code, versions = program_of(run)
            settings = {name: lookup(graph.params, name) for name in run.settings}
            texts[file] = json_text({"code": code, "libraries": versions, "settings": settings})
    files = sorted(needed(Path(recipe.__file__)))
    code = {name_of_code(file): source_of(file).digest for file in files}
    for name in graph.params.variants:
        settings = {f"recipe.{name}": graph.params.recipes[name]}
        texts[PLAN / "recipe" / f"{name}.json"] = json_text({"code": code, "settings": settings})
    return texts


def plan_file(step: Declared, run: Run) -> Path:
    """Return where a run's settings and code stand; runs of a variant share one file."""
    values = [str(run.values[name]) for name in step.wildcards if name not in ("fold", "seed")]
    return PLAN / step.name / f"{'-'.join(values) or 'all'}.json"


def recipe_file(variant: str) -> Path:
    """Return where the recipe of a variant stands for DVC."""
    return RECIPES / f"{variant}.json"


def train_resources(how: Training) -> dict[str, int | str | None]:
    """Return what a training job asks of Snakemake; None asks for nothing.

    One node: a GPU a process. Several nodes: the words with which Snakemake's SLURM executor
    asks for one task a node (`tasks_per_gpu: 0` keeps it from asking for more), for GPUs by
    the node, and (`mpi`) for a job that starts its tasks itself.
    """
    one = how.nodes == 1
    return {
        "gpu": how.processes if one else None,
        "gres": None if one else f"gpu:{how.processes}",
        "nodes": None if one else how.nodes,
        "tasks": None if one else how.nodes,
        "tasks_per_gpu": None if one else 0,
        "mpi": None if one else "srun",
    }


def _write(texts: Iterable[tuple[Path, str]]) -> None:
    """Write files; what is as it was keeps its time, so that DVC needs not read it again."""
    for file, text in texts:
        clear_leftovers(file)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            write_text(file, text)
