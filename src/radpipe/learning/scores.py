"""The few scores that training watches on `tune`; the report's come from evaluation."""

import numpy as np

from radpipe.core.errors import unknown_name
from radpipe.core.settings import Target

NAMES = ("loss", "auc", "accuracy", "balanced_accuracy")


def larger_is_better(name: str) -> bool:
    """Tell which way a score improves; an unknown name is a `ConfigError`."""
    if name not in NAMES:
        raise unknown_name("tune metric", name, NAMES)
    return name != "loss"


def tune_scores(truth: np.ndarray, scores: np.ndarray, target: Target) -> dict[str, float]:
    """Score probabilities; NaN where a score is undefined.

    Parameters
    ----------
    truth
        (n, target columns), NaN where unknown.
    scores
        (n, classes) probabilities.
    target
        A multi-label target is scored label by label at 0.5, and averaged.

    Returns
    -------
    dict
        auc (mean over classes, each against the rest, or over labels), accuracy,
        balanced_accuracy (mean recall of the classes that occur).

    """
    if target.kind == "multi-label":
        each = [_one_label(truth[:, k], scores[:, k]) for k in range(scores.shape[1])]
        return {name: _mean([row[name] for row in each]) for name in NAMES[1:]}
    known = ~np.isnan(truth[:, 0])
    level, known_scores = truth[known, 0].astype(np.int64), scores[known]
    classes = [1] if target.kind == "binary" else range(len(target.classes))
    auc = _mean([area(level == k, known_scores[:, k]) for k in classes])
    return {"auc": auc, **_decisions(level, known_scores.argmax(axis=1))}


def area(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the area under the ROC curve, ties counting half; NaN with one class only."""
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    _, position, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[position]  # mean rank among equals, from 1
    wins = rank[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * n_negative))


def _one_label(truth: np.ndarray, score: np.ndarray) -> dict[str, float]:
    known = ~np.isnan(truth)
    level, score = truth[known].astype(np.int64), score[known]
    return {"auc": area(level == 1, score), **_decisions(level, (score >= 0.5).astype(np.int64))}


def _decisions(truth: np.ndarray, decided: np.ndarray) -> dict[str, float]:
    right = truth == decided
    recalls = [float(right[truth == k].mean()) for k in np.unique(truth)]
    accuracy = float(right.mean()) if len(right) else float("nan")
    return {"accuracy": accuracy, "balanced_accuracy": _mean(recalls)}


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
