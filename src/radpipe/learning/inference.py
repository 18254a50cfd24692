"""Scores of cases from a trained network, the same whatever cases stand beside them."""

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from radpipe.core.recipe import Recipe
from radpipe.learning.data import Cases, Pixels, gather
from radpipe.learning.losses import probabilities

# Every batch has this size, the last one too: another size may choose another kernel, and
# another kernel other last bits.
BATCH = 16


def infer(network: nn.Module, store: Pixels, rows: np.ndarray, device: torch.device) -> Tensor:
    """Return float32 logits (n, outputs) on the processor; the network is left in eval mode.

    Parameters
    ----------
    network
        Takes pixels from 0 to 1.
    store, rows
        Which pictures, in the order of the result. Arithmetic is float32 whatever the
        precision of the training: scores in bfloat16 would tie.
    device
        Where the network lies.

    """
    network.eval()
    logits = []
    with torch.inference_mode():
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            padded = np.concatenate([batch, np.full(BATCH - len(batch), batch[0])])
            answers = network(gather(store, padded, device))
            logits.append(answers[: len(batch)].float().cpu())
    return torch.cat(logits)


def predict_table(
    network: nn.Module, store: Pixels, cases: Cases, recipe: Recipe, *, part: str, device: str
) -> pa.Table:
    """Predict a part and return its table, sorted by case.

    Returns
    -------
    pa.Table
        case, patient, part, targets, scores (float32 probabilities), and the ceiling and
        covariate columns of the split.

    """
    logits = infer(network, store, cases.rows, torch.device(device))
    scores = probabilities(logits, recipe.target, recipe.train).numpy()
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
