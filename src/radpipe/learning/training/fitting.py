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
from radpipe.learning.starts.start import Taken, starts_from_weights
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
        """Fit on covariates or features (cases, columns), and on what is true of the cases.

        Classes int64 (cases,) and weights float32 (cases,), or None; of several labels, which only
        models with a true attribute `labels` are asked about, float32 (cases, labels) both, NaN
        where unknown.
        """


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
    if starts_from_weights(run.recipe):
        raise ConfigError(
            f"variants.{run.recipe.variant}.weights: {run.recipe.model.name!r} is fitted in one go"
            " and cannot start from weights; use weights/random.json."
        )
    model = build_model(run.recipe.model, **shape_of(run.store, run.recipe))
    labels = run.recipe.target.kind == "multi-label" and getattr(model, "labels", False)
    chosen, truth = _labels(run, seed) if labels else _chosen(run, seed)
    fit_table(model, run.train.entries)
    weights = class_weights(run.train.targets, run.recipe.target, run.how)
    entries = run.train.entries_of(chosen)
    assert entries is not None  # noqa: S101 - tells the type checker
    fittable: Fittable = model  # type: ignore[assignment]
    fittable.fit(entries, truth, _each(weights, truth), seed=seed)
    return _scored(run, model)


def _each(weights: Tensor | None, truth: np.ndarray) -> np.ndarray | None:
    """Return the weight of each case, or of each of its labels, of the shape of `truth`.

    From the weights of absent and present, or of classes (columns, classes), by what is true.
    """
    if weights is None:
        return None
    by_class = weights.numpy()
    if truth.ndim == 1:
        return np.asarray(by_class[0, truth])
    which = np.nan_to_num(truth).astype(np.int64)
    return np.asarray(by_class[np.arange(truth.shape[1]), which])


def _labels(run: TrainingRun, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which train cases are shown, in their order, and their labels, NaN where unknown."""
    target, how = run.recipe.target, run.how
    _refuse(run, "binary-cross-entropy")
    generator = torch.Generator().manual_seed(seed)
    chosen = draw_order(run.train.targets, target, how, generator).sort().values.numpy()
    return chosen, run.train.targets[chosen]


def _refuse(run: TrainingRun, wanted: str) -> None:
    """Refuse a loss or a policy for which nothing can be fitted in one go."""
    target, how = run.recipe.target, run.how
    if loss_name(target, how) != wanted:
        raise ConfigError(
            f"model.name: {run.recipe.model.name!r} takes one class a case and the loss that"
            f" `auto` stands for; the target is {target.kind}, train.loss {how.loss!r}."
        )
    if run.train.taught is not None and policies(target, how) != ["ignore"] * len(target.columns):
        raise ConfigError(
            f"train.uncertain: {run.recipe.model.name!r} is fitted in one go, on cases whose class"
            " is known; use ignore."
        )


def _chosen(run: TrainingRun, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which train cases are shown, in their order, and their classes."""
    target, how = run.recipe.target, run.how
    losses = {"binary": "binary-cross-entropy", "multi-label": "none that is for one class"}
    _refuse(run, losses.get(target.kind, "cross-entropy"))
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
