"""Small pictures first: a part of the training at half the side.

Progressive learning (Tan and Le, ICML 2021, arXiv:2104.00298), in two stages.
"""

import logging

import torch
import torch.nn.functional as F

from radpipe.core.errors import ConfigError
from radpipe.learning.data.cases import Batch
from radpipe.learning.networks.network import Network
from radpipe.learning.training.run import TrainingRun

log = logging.getLogger("radpipe.train")


def sized(run: TrainingRun, batch: Batch, epoch: int) -> Batch:
    """Return a batch as it is learned from after so many epochs: whole, or at half its side."""
    return halved(batch) if run.how.halves(epoch) else batch


def halved(batch: Batch) -> Batch:
    """Return a batch at half its side: means of two by two pixels, without an odd last one."""
    return Batch(tuple(F.avg_pool2d(view, 2) for view in batch.views), batch.counts, batch.table)


def check_small(run: TrainingRun, network: Network) -> None:
    """Make sure that a network which is to learn small pictures can take them.

    Parameters
    ----------
    run
        Its settings and cases; the first of these is tried.
    network
        On the run's device.

    Raises
    ------
    ConfigError
        It takes pictures of one side only, takes none, or pools small ones away.

    """
    if not run.how.halves(0):
        return
    where = f"variants.{run.recipe.variant}.train.small_first"
    case = run.batches.take(run.train.rows[:1], run.train.entries_of(slice(1)))
    if not case.views:
        raise ConfigError(f"{where}: {run.recipe.model.name} looks at no pictures; leave it out.")
    small = halved(case)
    side = small.views[0].shape[-1]
    was = network.training
    network.eval()
    try:
        with torch.inference_mode():
            network(small)
    except torch.OutOfMemoryError:
        # Nothing is wrong with the side, and training knows how to do with less memory.
        log.warning("memory of the device ran out: small pictures were not tried")
    # Transformers assert the side that they were built for; others fail at what does not fit.
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ConfigError(
            f"{where}: {run.recipe.model.name} cannot take pictures of {side} pixels, half the"
            f" side of the store's ({error}). The way out: leave small_first out, or another"
            " architecture, such as compact or resnet18."
        ) from error
    finally:
        network.train(was)
