"""What training watches on `tune` after every epoch."""

import numpy as np
import torch
from torch import Tensor

from radpipe.learning.distributed.process_group import ProcessGroup
from radpipe.learning.networks.inference import infer
from radpipe.learning.networks.losses import probabilities
from radpipe.learning.training.run import TrainingRun
from radpipe.learning.training.scores import tune_scores
from radpipe.learning.training.state import TrainingOutcome


def score_tune(run: TrainingRun, state: TrainingOutcome) -> dict[str, float]:
    """Score the `tune` part: its loss and the other watched metrics."""
    outputs = infer_together(run, state)
    fit_combination(run, state, outputs)
    with torch.inference_mode():
        logits = state.network.decide(outputs.to(run.device)).cpu()
    target, truth = run.recipe.target, run.tune.targets
    n_known = int((~np.isnan(truth)).sum())
    loss = float(run.tune_loss(logits, torch.from_numpy(truth))) / n_known if n_known else np.nan
    scores = probabilities(logits, target, run.how).numpy()
    return decided({"loss": loss, **tune_scores(truth, scores, target)}, run.process_group)


def fit_combination(run: TrainingRun, state: TrainingOutcome, outputs: Tensor) -> None:
    """Fit what puts logits (n, views, outputs) of `tune` together, if the network has several."""
    combine = state.network.combine
    if combine is not None:
        combine.fit(outputs, run.tune.targets)
        for tensor in (combine.weight, combine.bias):
            run.process_group.follow(tensor)


def infer_together(run: TrainingRun, state: TrainingOutcome) -> Tensor:
    """Return what the network says of `tune`, float32 on the processor (see `infer`).

    Shape (n, outputs) or (n, views, outputs), the same and whole in every process.
    Values do not depend on the number of processes, because `infer` treats each case alike.
    """
    rows = run.tune.rows
    mine, n_copies = run.process_group.share(len(rows))
    entries = run.tune.entries_of(mine)
    outputs = infer(state.network, run.batches, rows[mine], run.device, entries)
    if run.process_group.size == 1 or n_copies > 1:
        return outputs
    whole = torch.zeros(len(rows), *outputs.shape[1:])
    whole[mine] = outputs
    run.process_group.add(whole)  # each row is 0 but in one process, so that adding rounds nothing
    return whole


def decided(scores: dict[str, float], process_group: ProcessGroup) -> dict[str, float]:
    """Return the first process's scores, so that no last bit makes processes disagree."""
    if process_group.size == 1:
        return scores
    values = torch.tensor(list(scores.values()), dtype=torch.float64)
    process_group.follow(values)
    return dict(zip(scores, values.tolist(), strict=True))
