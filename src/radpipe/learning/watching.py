"""What training watches on `tune` after every epoch."""

import numpy as np
import torch
from torch import Tensor

from radpipe.learning.inference import infer
from radpipe.learning.losses import probabilities
from radpipe.learning.run import Run
from radpipe.learning.scores import tune_scores
from radpipe.learning.state import Outcome
from radpipe.learning.team import Team


def score_tune(run: Run, state: Outcome) -> dict[str, float]:
    """Score the `tune` part: its loss and the other watched metrics."""
    opinions = infer_together(run, state)
    fit_combination(run, state, opinions)
    with torch.inference_mode():
        logits = state.network.decide(opinions.to(run.device)).cpu()
    target, truth = run.recipe.target, run.tune.targets
    n_known = int((~np.isnan(truth)).sum())
    loss = float(run.tune_loss(logits, torch.from_numpy(truth))) / n_known if n_known else np.nan
    scores = probabilities(logits, target, run.how).numpy()
    return decided({"loss": loss, **tune_scores(truth, scores, target)}, run.team)


def fit_combination(run: Run, state: Outcome, opinions: Tensor) -> None:
    """Fit what puts the opinions of views together, if the network has several."""
    combine = state.network.combine
    if combine is not None:
        combine.fit(opinions, run.tune.targets)
        for tensor in (combine.weight, combine.bias):
            run.team.follow(tensor)


def infer_together(run: Run, state: Outcome) -> Tensor:
    """Return what the network says of `tune`, float32 on the processor (see `infer`).

    Values do not depend on the number of processes, because `infer` treats each case alike.
    """
    rows = run.tune.rows
    mine, n_copies = run.team.share(len(rows))
    entries = run.tune.entries_of(mine)
    opinions = infer(state.network, run.batches, rows[mine], run.device, entries)
    if run.team.size == 1 or n_copies > 1:
        return opinions
    whole = torch.zeros(len(rows), *opinions.shape[1:])
    whole[mine] = opinions
    run.team.add(whole)  # each row is 0 but in one process, so that adding rounds nothing
    return whole


def decided(scores: dict[str, float], team: Team) -> dict[str, float]:
    """Return the first process's scores, so that no last bit makes processes disagree."""
    if team.size == 1:
        return scores
    values = torch.tensor(list(scores.values()), dtype=torch.float64)
    team.follow(values)
    return dict(zip(scores, values.tolist(), strict=True))
