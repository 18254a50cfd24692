"""Which kernels a step computes with: its variant's, chosen before torch is loaded."""

import argparse
import logging
import os
import sys
from typing import Literal

from radpipe.core import environment
from radpipe.core.cohorts import judged_on
from radpipe.core.environment import DEFAULT
from radpipe.core.errors import ConfigError, RadpipeError
from radpipe.core.graph import Run
from radpipe.core.params import Params, load_params
from radpipe.core.settings import Training

# Where several variants are predicted in one process, the first of these that any of them wants:
# what one of them does not promise, none of the process's outputs can.
ORDER = ("native", "avx2", "avx512")

Doing = Literal["train", "predict"]

log = logging.getLogger("radpipe.step")


def pin_kernels(do: Doing) -> None:
    """Choose the kernels of the variant, or of the cohort's variants, that the command line names.

    Part of `environment.pin`, before torch is loaded. Settings that cannot be read are told
    by the step, in its log, when it reads them itself.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--variant")
    parser.add_argument("--study")
    given, _ = parser.parse_known_args()
    try:
        params = load_params()
        if given.variant in params.variants:
            environment.use_kernels(kernels_of(params, [given.variant], do))
            # Of what does not ask torch for its threads, such as scikit-learn's boosting.
            os.environ["OMP_NUM_THREADS"] = str(training_of(params, given.variant).threads)
        elif given.study in params.plan.cohorts:
            names = judged_on(given.study, params.plan, params.variants)
            environment.use_kernels(kernels_of(params, names, do))
    except RadpipeError:
        return


def kernels_of(params: Params, variants: list[str], do: Doing) -> str:
    """Return the kernels of a process that computes with these variants."""
    wanted = {training_of(params, name).kernels_to(do) for name in variants}
    return next((kernels for kernels in ORDER if kernels in wanted), DEFAULT)


def training_of(params: Params, variant: str) -> Training:
    """Return how a variant is trained, from its recipe."""
    return Training.model_validate(params.recipes[variant]["train"])


def doing(run: Run) -> Doing:
    """Tell what a run does with variants."""
    return "train" if run.step.name == "train" else "predict"


def variants_of(run: Run) -> list[str]:
    """List the variants whose networks a run trains or asks."""
    if "variant" in run.values:
        return [str(run.values["variant"])]
    if run.step.each == "cohorts":
        params = run.graph.params
        return judged_on(str(run.values["study"]), params.plan, params.variants)
    return []


def check_playable(run: Run) -> None:
    """Refuse a variant whose kernels this processor does not have; `auto` only warns.

    Raises
    ------
    ConfigError
        Naming the kernels, what the processor lacks, and the way out.

    """
    for name in variants_of(run):
        how = training_of(run.graph.params, name)
        if missing := environment.lacking(how.kernels_to(doing(run))):
            reason = f"this processor has no {', '.join(missing)}"
            if how.kernels != "auto":
                raise ConfigError(
                    f"variants.{name}.train.kernels: {how.kernels} cannot be computed here, because"
                    f" {reason}. The way out: another machine, or kernels: native, whose last bits"
                    " are those of one kind of processor."
                )
            log.warning(
                "%s: %s, so the last bits are those of this kind of processor", run.title, reason
            )


def check_kernels(run: Run) -> None:
    """Make sure that a run which has loaded torch has done so under its variant's kernels.

    Raises
    ------
    RuntimeError
        The script did not choose them, or did so too late.

    """
    if "torch" not in sys.modules:
        return
    wanted = kernels_of(run.graph.params, variants_of(run), doing(run))
    wanted = "native" if environment.lacking(wanted) else wanted
    if environment.kernels_in_use() != wanted:
        raise RuntimeError(
            f"{run.title} computes with {environment.kernels_in_use()} kernels and not {wanted};"
            " let its script begin with pin(kernels_to=...) (docs/how-to/add-a-step.md)"
        )
