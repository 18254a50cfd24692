"""Scores of cases from a trained network, the same whatever cases stand beside them."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from radpipe.learning.data.batches import Batches, batches_of
from radpipe.learning.data.cases import Batch, Cases, Pixels
from radpipe.learning.networks.losses import probabilities
from radpipe.learning.networks.network import Blueprint, Network

# Every batch of pictures has this size, the last one too: another size may choose another
# kernel, and another kernel other last bits. Exams, whose numbers of slices differ, come one
# by one.
BATCH = 16


def infer(
    network: Network,
    store: Pixels | Batches,
    rows: np.ndarray,
    device: torch.device,
    entries: np.ndarray | None = None,
    *,
    change: Callable[[Batch], Batch] | None = None,
) -> Tensor:
    """Return what a network says of cases; it is left in eval mode.

    Parameters
    ----------
    network
        Takes pixels from 0 to 1.
    store, rows
        Which cases (n, views), in the order of the result, of a store or of batches of one that
        come to `device` already. Arithmetic is float32 whatever the
        precision of the training: scores in bfloat16 would tie.
    device
        Where the network lies.
    entries
        The cases' covariates (n, columns), if the network takes a table, or features.
    change
        What is done to each batch before, of which the last is filled up.

    Returns
    -------
    Tensor
        Float32 (n, outputs) or (n, views, outputs) on the processor: the input of
        `Network.decide`.

    """
    network.eval()
    batches = store if isinstance(store, Batches) else batches_of(store, device)
    groups = _groups(len(rows), 1 if network.exams else BATCH)
    batches.prefetch(rows[padded] for padded, _ in groups)
    outputs = []
    with torch.inference_mode():
        for padded, n in groups:
            table = None if entries is None else entries[padded]
            batch = batches.take(rows[padded], table)
            answers = network(batch if change is None else change(batch))
            outputs.append(answers[:n].float().cpu())
    return torch.cat(outputs)


def _groups(n: int, size: int) -> list[tuple[np.ndarray, int]]:
    """Cut the numbers of `n` cases into batches, the last filled up; how many of each count."""
    whole = np.split(np.arange(n), range(size, n, size))
    return [(np.concatenate([g, np.repeat(g[:1], size - len(g))]), len(g)) for g in whole]


def infer_logits(
    network: Network,
    store: Pixels | Batches,
    rows: np.ndarray,
    device: torch.device,
    entries: np.ndarray | None = None,
) -> Tensor:
    """Return the logits (n, outputs) of cases on the processor, in float32."""
    return logits_of(network, infer(network, store, rows, device, entries), device)


def logits_of(network: Network, outputs: Tensor, device: torch.device) -> Tensor:
    """Return the logits (n, outputs) on the processor of what `infer` returned."""
    with torch.inference_mode():
        return network.decide(outputs.to(device)).cpu()


def scores_of(
    network: Network, outputs: Tensor, what: Blueprint, device: torch.device
) -> np.ndarray:
    """Return the probabilities of what `infer` returned, float32 (n, classes).

    Of all cases at once: at the end of an array other instructions are used than in its middle,
    so that probabilities may differ by a last bit with the number of cases.
    """
    logits = logits_of(network, outputs, device)
    return np.asarray(probabilities(logits, what.target, what.train).numpy())


def predict_table(
    network: Network, store: Pixels, cases: Cases, recipe: Blueprint, *, part: str, device: str
) -> pa.Table:
    """Predict a part and return its table, sorted by case.

    Returns
    -------
    pa.Table
        case, patient, part, targets, scores (float32 probabilities), and the ceiling and
        covariate columns of the split.

    """
    place = torch.device(device)
    outputs = infer(network, store, cases.rows, place, cases.entries)
    scores = scores_of(network, outputs, recipe, place)
    given = cases.table
    columns = {"case": given["case"], "patient": given["patient"]}
    columns["part"] = pa.array([part] * len(cases))
    columns |= {name: given[name] for name in recipe.target.columns}
    columns |= {
        name: pa.array(np.ascontiguousarray(scores[:, k]))
        for k, name in enumerate(recipe.target.score_columns)
    }
    for start in ("ceiling_", "covariate_"):
        columns |= {name: given[name] for name in given.column_names if name.startswith(start)}
    return pa.table(columns)
