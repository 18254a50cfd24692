"""Models that are fitted at once, without gradients, epochs or a state to go on from."""

import logging
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from radpipe.core.errors import ConfigError, DataError
from radpipe.learning.data.samplers import draw_order
from radpipe.learning.data.uncertain import policies
from radpipe.learning.models import build_model
from radpipe.learning.models.covariates import fit_table
from radpipe.learning.networks.class_weights import class_weights
from radpipe.learning.networks.inference import infer_logits
from radpipe.learning.networks.losses import loss_name
from radpipe.learning.networks.network import Network, make_network, shape_of
from radpipe.learning.starts.start import Taken
from radpipe.learning.training.run import TrainingRun
from radpipe.learning.training.state import Progress
from radpipe.learning.training.stopping import Watch
from radpipe.learning.training.watching import score_tune

log = logging.getLogger("radpipe.train")


class Fittable(Protocol):
    """A model whose builder was filed as `fitted`."""

    def fit(
        self, entries: np.ndarray, truth: np.ndarray, weights: np.ndarray | None, *, seed: int
    ) -> None:
        """Fit on covariates (cases, columns), classes (cases,) and weights (cases,) or None."""


@dataclass
class Fitted:
    """What remains of a run: as `state.State`, without what a next step would need."""

    network: Network
    progress: Progress
    kept: dict[str, Tensor]
    taken: Taken | None = None


def fit(run: TrainingRun, *, seed: int) -> Fitted:
    """Fit a model on the cases that the sampler chooses, and score `tune` once.

    Parameters
    ----------
    run
        From `make_run`. Of its training settings `sampler`, `class_weights` and `best_metric`
        matter.
    seed
        Seeds the draw of cases and the model's own.

    Raises
    ------
    ConfigError
        The target has several labels, the loss asks for something else, or the run is to start
        from weights.
    DataError
        A class has no case in the train part.

    """
    if run.ancestors or run.borrowed:
        raise ConfigError(
            f"variants.{run.recipe.variant}.weights: {run.recipe.model.name!r} is fitted in one go"
            " and cannot start from weights; use weights/random.json."
        )
    chosen, truth = _chosen(run, seed)
    model = build_model(run.recipe.model, **shape_of(run.store, run.recipe))
    fit_table(model, run.train.entries)
    weights = class_weights(run.train.targets, run.recipe.target, run.how)
    entries = run.train.entries_of(chosen)
    assert entries is not None  # noqa: S101 - tells the type checker
    fittable: Fittable = model  # type: ignore[assignment]
    fittable.fit(entries, truth, None if weights is None else weights.numpy()[0, truth], seed=seed)
    return _scored(run, model)


def _chosen(run: TrainingRun, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which train cases are shown, in their order, and their classes."""
    target, how = run.recipe.target, run.how
    one_of_several = target.kind in ("multi-class", "ordinal")
    wanted = "cross-entropy" if one_of_several else "binary-cross-entropy"
    if target.kind == "multi-label" or loss_name(target, how) != wanted:
        raise ConfigError(
            f"model.name: {run.recipe.model.name!r} takes one class a case and the loss that"
            f" `auto` stands for; the target is {target.kind}, train.loss {how.loss!r}."
        )
    if run.train.taught is not None and policies(target, how) != ["ignore"]:
        raise ConfigError(
            f"train.uncertain: {run.recipe.model.name!r} is fitted in one go, on cases whose class"
            " is known; use ignore."
        )
    generator = torch.Generator().manual_seed(seed)
    order = draw_order(run.train.targets, target, how, generator)
    chosen = order.sort().values.numpy()
    truth = run.train.targets[chosen, 0].astype(np.int64)
    if missing := set(range(len(target.classes))) - set(truth.tolist()):
        names = ", ".join(target.classes[k] for k in sorted(missing))
        raise DataError(
            f"{run.recipe.split.path}: the train part has no case of {names}, which"
            f" {run.recipe.model.name!r} cannot be fitted without. Choose fewer plan.folds or"
            " another split.seed."
        )
    return chosen, truth


def _scored(run: TrainingRun, model: nn.Module) -> Fitted:
    none, one = torch.zeros(run.store.channels), torch.ones(run.store.channels)
    network = make_network(run.recipe, model, none, one).to(run.device).eval()
    progress = Progress(best=Watch(run.how.best_metric), stop=Watch(run.how.stop_metric))
    kept = {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}
    fitted = Fitted(network, progress, kept)
    train = run.train
    logits = infer_logits(network, run.store, train.rows, run.device, train.entries)
    truth = torch.from_numpy(train.targets).to(run.device)
    n_known = int((~np.isnan(train.targets)).sum())
    row = {"train_loss": float(run.loss(logits.to(run.device), truth)) / n_known}
    scores = score_tune(run, fitted)
    row |= {f"tune_{name}": value for name, value in scores.items()}
    progress.best.see(scores[run.how.best_metric], 1)
    progress.done = True
    progress.epoch = progress.step = 1
    progress.history.append({"epoch": 1, "lr": run.how.lr, **row})
    log.info("fitted: %s", " ".join(f"{name}={value:.4g}" for name, value in row.items()))
    return fitted
