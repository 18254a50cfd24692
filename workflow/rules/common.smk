# Shared by all rules: what the scripts of the steps declare, and whether receipts agree.
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from radpipe.core.errors import RadpipeError
from radpipe.core.graph import Graph, receipt_path
from radpipe.core.kernels import training_of
from radpipe.core.links import refuse_links
from radpipe.core.params import load_params
from radpipe.core.places import require_writable
from radpipe.engines.clocks import ignore_times
from radpipe.engines.failures import failures
from radpipe.engines.freshness import Freshness
from radpipe.engines.plan import train_resources
from radpipe.engines.retries import try_no_refusal_again
from radpipe.engines.run import prefer_this_python
from radpipe.engines.slurm import keep_jobs_while_slurm_is_silent
from snakemake.exceptions import IncompleteCheckpointException, WorkflowError

try:
    PARAMS = load_params()
    GRAPH = Graph(PARAMS)
    require_writable()
    refuse_links(GRAPH.makers)
    for name in PARAMS.plan.variants:
        PARAMS.recipes[name]
    for name in PARAMS.explain:
        PARAMS.explained[name]
except RadpipeError as error:
    # The user can mend it: one message, without the lines of code that Snakemake shows of others.
    raise WorkflowError(str(error)) from None
FRESHNESS = Freshness(GRAPH)
# After these, planning looks again: what they make anew often comes out as it was.
CHECKPOINTS = frozenset({"split", "localize", "weights", "features"})
STARTED = datetime.now(UTC).replace(microsecond=0)

# Rules call `python`; no environment needs to be activated for that.
prefer_this_python()
keep_jobs_while_slurm_is_silent()
ignore_times()
try_no_refusal_again(GRAPH, STARTED)


wildcard_constraints:
    study="|".join(PARAMS.studies),
    variant="|".join(PARAMS.plan.variants),
    # Without an ensemble nothing is one.
    ensemble="|".join(PARAMS.plan.ensembles) or "(?!)",
    imported="|".join(PARAMS.plan.imported) or "(?!)",
    start="|".join(PARAMS.plan.starts) or "(?!)",
    backbone="|".join(PARAMS.features) or "(?!)",
    fold=r"\d+",
    seed=r"\d+",


def inputs(step):
    """The inputs of a step: its files, all of them old while the step is fresh.

    Only receipts decide what runs again: a stale run's outputs count as asked for by force, so that
    no time of a file decides, whoever set it. While a checkpoint is still to come, the answer is
    not known yet: the files stand in the graph, the decision follows.
    """

    def files(wildcards):
        run = GRAPH.planned(GRAPH.steps[step], wildcards)
        paths = [str(run.step.script), *run.inputs]
        try:
            return paths if stale(run) else ancient(paths)
        except IncompleteCheckpointException:
            return paths

    def decision(wildcards):
        run = GRAPH.planned(GRAPH.steps[step], wildcards)
        forced = workflow.dag.forcefiles
        (forced.update if stale(run) else forced.difference_update)(run.outputs)
        return []

    return files, decision


def stale(run):
    """Whether a run must be made again; asked anew once a checkpoint is done."""
    FRESHNESS.ask_again(CHECKPOINTS)
    # Rules named with --forcerun count as stale, so what depends on them runs again, too.
    FRESHNESS.force({str(name) for name in workflow.dag_settings.forcerun})
    plan_once_if_possible()
    for maker in FRESHNESS.waits_for(run, CHECKPOINTS):
        getattr(checkpoints, maker.step.name).get(**maker.values)
    return bool(FRESHNESS.reasons(run))


@cache
def plan_once_if_possible():
    """Look again after no checkpoint that is fresh: it takes as long and finds the same."""
    for name in CHECKPOINTS:
        stale = any(map(FRESHNESS.reasons, GRAPH.runs_of(name)))
        workflow.get_rule(name).is_checkpoint = stale


def outputs(step, **shown):
    """The outputs of a step by name, with its receipt; `shown` in Snakemake's report, and how."""
    declared = GRAPH.steps[step]
    paths = {
        name: path if Path(path).suffix else directory(path)
        for name, path in declared.writes.items()
    }
    paths |= {name: report(paths[name], **how) for name, how in shown.items()}
    name = declared.run_name({key: f"{{{key}}}" for key in declared.wildcards})
    return paths | {"receipt": str(receipt_path(step, name))}


def log_of(step):
    """Where a step logs."""
    return (
        outputs(step)["receipt"]
        .replace("results/receipts", "logs")
        .replace(".json", ".log")
    )


def command(step):
    """The command line of a step."""
    declared = GRAPH.steps[step]
    wildcards = {name: f"{{wildcards.{name}}}" for name in declared.wildcards}
    return declared.command.format_map(wildcards)


def order(step):
    """Which of the jobs that are ready go first: those of the study that stands first.

    So a report of it is there while others train (engines/preview.py). Of one study those go first
    that training waits for, then trainings, as they stand in plan.variants: the longest one, if it
    stands first, is not what a finished study waits for, and short jobs at the end keep all cores
    at work.
    """
    training = GRAPH.height("train")
    phase = (GRAPH.height(step) >= training) + (GRAPH.height(step) > training)
    last = len(PARAMS.studies) - 1
    most = len(PARAMS.plan.variants)

    def priority(wildcards):
        fields = GRAPH.fields(GRAPH.planned(GRAPH.steps[step], wildcards).values)
        study, variant = fields.get("study"), fields.get("variant")
        if not study:
            return 0
        later = last - [*PARAMS.studies].index(study)
        place = PARAMS.plan.variants.index(variant) if step == "train" else most
        return (3 * later + phase) * (most + 1) + max(most - place, 0)

    return priority


def resources(step):
    """What a step asks of a cluster for by default; a job that failed asks for more next time."""
    declared = GRAPH.steps[step]
    asked = {"mem_mb": declared.mem_mb, "runtime": declared.runtime}
    return {
        name: lambda wildcards, attempt, amount=amount: amount * attempt
        for name, amount in asked.items()
        if amount
    }


def processors(step):
    """How many processors a step that uses all it may get asks for.

    On this machine at most half: a job that asks for all of them waits until nothing else runs,
    however early its study stands (`order`).
    """
    declared = GRAPH.steps[step].threads

    def asked(wildcards):
        if workflow.non_local_exec_or_dryrun:
            return declared
        return min(declared, max((workflow.cores or 1) // 2, 1))

    return asked


def threads(wildcards):
    """Processors of a variant's prediction: its preset or params.yaml says."""
    return training_of(PARAMS, wildcards.variant).threads


def backbone_threads(wildcards):
    """Processors of a frozen network."""
    return PARAMS.features[wildcards.backbone].threads


def train_threads(wildcards):
    """Processors of a variant's training, on each node."""
    how = training_of(PARAMS, wildcards.variant)
    return how.threads * how.processes


def training(name):
    """Input function: how much of a resource a variant's training asks for."""
    return lambda wildcards: train_resources(training_of(PARAMS, wildcards.variant))[
        name
    ]


def explain_failures():
    """Say what failed since this Snakefile was read, and what to do."""
    for message in failures(PARAMS, STARTED):
        print(f"\n{message}", file=sys.stderr)
