# Shared by all rules: the settings, code dependencies, and whether receipts agree.
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from radpipe.engines.failures import failures
from radpipe.engines.freshness import Freshness
from radpipe.engines.plan import RUN_NAMES, train_resources, train_settings
from radpipe.engines.run import prefer_this_python
from radpipe.engines.slurm import keep_jobs_while_slurm_is_silent
from radpipe.core.params import load_params
from snakemake.exceptions import IncompleteCheckpointException

PARAMS = load_params()
FRESHNESS = Freshness(PARAMS)
AFTER_RECIPE = ("train", "predict", "evaluate", "compare", "report")
LOOKED = []
TRAINING = train_settings(PARAMS)
NOW = ".state/now"
STARTED = datetime.now(UTC).replace(microsecond=0)
# Which of the jobs that are ready go first (predict, evaluate: 0). Data come before trainings: a
# step that takes all cores would wait, with a core idle, for trainings to end. Short jobs are left
# for the end, where they keep all cores at work. Snakemake takes the largest sum, hence the tens.
FIRST = {
    "train": 1,
    "recipe": 10,
    "split": 100,
    "localize": 1000,
    "ingest": 10_000,
    "index": 100_000,
    "fetch": 100_000,
}

# Rules call `python`; no environment needs to be activated for that.
prefer_this_python()
keep_jobs_while_slurm_is_silent()

# A file that is newer than every output and never twice the same (Snakemake compares the
# content of small files, too). It is the only input that can make a rule run again.
if workflow.is_main_process:
    Path(NOW).parent.mkdir(exist_ok=True)
    Path(NOW).write_text(uuid.uuid4().hex)


wildcard_constraints:
    study="|".join(PARAMS.studies),
    variant="|".join(PARAMS.variants),
    fold=r"\d+",
    seed=r"\d+",


def code(step, *layers):
    """The script and the layers whose change makes `step` run again.

    The layers' only in a checkout: beside an installed package, receipts alone hold them.
    """
    found = [f"src/radpipe/{layer}" for layer in layers if Path("src/radpipe").exists()]
    return ancient([f"workflow/scripts/{step}.py", *found])


def adapter(wildcards):
    """The module that reads the study's layout, in a checkout."""
    path = f"src/radpipe/studies/{PARAMS.studies[wildcards.study].adapter}"
    return ancient(path) if Path(path).exists() else []


def study_of(wildcards):
    """The study of a variant."""
    return PARAMS.variants[wildcards.variant].study


def threads(wildcards):
    """Processors of a variant's prediction: its preset or params.yaml says."""
    return TRAINING[wildcards.variant].threads


def train_threads(wildcards):
    """Processors of a variant's training, on each node."""
    how = TRAINING[wildcards.variant]
    return how.threads * how.processes


def training(name):
    """Input function: how much of a resource a variant's training asks for."""
    return lambda wildcards: train_resources(TRAINING[wildcards.variant])[name]


def recipe_of(wildcards):
    """The recipe of a variant."""
    return f"results/runs/{wildcards.variant}/recipe.json"


def stale(step, wildcards):
    """Whether a run must be made again; what trains waits until data and split are settled."""
    look_again()
    variants = [wildcards.variant] if "variant" in wildcards.keys() else PARAMS.variants
    if step in AFTER_RECIPE:
        for made_by, study in {w for v in variants for w in FRESHNESS.waits_for(v)}:
            getattr(checkpoints, made_by).get(study=study)
    return bool(FRESHNESS.reasons(step, RUN_NAMES[step].format(**wildcards)))


def look_again():
    """Ask receipts anew once a checkpoint is done; nothing else changes while one plans.

    In a dry run checkpoints count as done one after the other, but nothing is made.
    """
    n_done = 0 if workflow.dryrun else len(checkpoints.created_output)
    if LOOKED != [n_done]:
        LOOKED[:] = [n_done]
        # Rules named with --forcerun count as stale, so what depends on them runs again, too.
        FRESHNESS.forced = {str(name) for name in workflow.dag_settings.forcerun}
        FRESHNESS.look_again()


def made(step, paths):
    """Input function: files that count as old while the receipt of `step` agrees.

    Only receipts decide what runs again, so that times, which DVC rewrites, never do.
    """

    def choose(wildcards):
        found = paths(wildcards) if callable(paths) else paths
        found = [found] if isinstance(found, str) else found
        found = [path.format(**wildcards) for path in found]
        try:
            return found if stale(step, wildcards) else ancient(found)
        except IncompleteCheckpointException:
            return found  # asked again once the split is made

    return choose


def now(step):
    """Input function: NOW is an old file while the receipt of `step` agrees, else news."""
    return lambda wildcards: NOW if stale(step, wildcards) else ancient(NOW)


def explain_failures():
    """Say what failed since this Snakefile was read, and what to do."""
    for message in failures(PARAMS, STARTED):
        print(f"\n{message}", file=sys.stderr)
