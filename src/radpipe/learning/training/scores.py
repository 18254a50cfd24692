"""The few scores that training watches on `tune`; the report's come from evaluation."""

import numpy as np

from radpipe.core.errors import ConfigError, unknown_name
from radpipe.core.settings import Plateau, Target, Training

# Of grades alone: the history of other targets has no column for it.
OF_GRADES = "quadratic_kappa"
NAMES = ("loss", "auc", "accuracy", "balanced_accuracy", OF_GRADES)


def larger_is_better(name: str) -> bool:
    """Tell which way a score improves; an unknown name is a `ConfigError`."""
    if name not in NAMES:
        raise unknown_name("tune metric", name, NAMES)
    return name != "loss"


def check_watched(target: Target, train: Training) -> None:
    """Refuse settings that watch a score which the target does not have.

    Raises
    ------
    ConfigError
        A score of grades is to be watched, and the classes have no order.

    """
    watched = {"best_metric": train.best_metric, "stop_metric": train.stop_metric}
    if isinstance(train.schedule, Plateau):
        watched["schedule.metric"] = train.schedule.metric
    for setting, name in watched.items():
        if name == OF_GRADES and target.kind != "ordinal":
            raise ConfigError(
                f"train.{setting}: {name!r} needs classes with an order, and the target is"
                f" {target.kind}; use one of {', '.join(n for n in NAMES if n != OF_GRADES)}."
            )


def tune_scores(truth: np.ndarray, scores: np.ndarray, target: Target) -> dict[str, float]:
    """Score probabilities; NaN where a score is undefined.

    Parameters
    ----------
    truth
        (n, target columns), NaN where unknown.
    scores
        (n, classes) probabilities.
    target
        A multi-label target is scored label by label at 0.5, and averaged over those of
        `Target.score_on`.

    Returns
    -------
    dict
        auc (mean over classes, each against the rest, or over labels), accuracy,
        balanced_accuracy (mean recall of the classes that occur); of an ordinal target also
        quadratic_kappa.

    """
    if target.kind == "multi-label":
        counted = [target.classes.index(name) for name in target.scored]
        each = [_one_label(truth[:, k], scores[:, k]) for k in counted]
        return {name: _mean([row[name] for row in each]) for name in each[0]}
    known = ~np.isnan(truth[:, 0])
    level, known_scores = truth[known, 0].astype(np.int64), scores[known]
    classes = [1] if target.kind == "binary" else range(len(target.classes))
    auc = _mean([area(level == k, known_scores[:, k]) for k in classes])
    decided = known_scores.argmax(axis=1)
    found = {"auc": auc, **_decisions(level, decided)}
    if target.kind == "ordinal":
        found[OF_GRADES] = quadratic_kappa(level, decided)
    return found


def area(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the area under the ROC curve, ties counting half; NaN with one class only.

    Of bool (n,), True for a positive, and (n,) scores on any scale.
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    _, position, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[position]  # mean rank among equals, from 1
    wins = rank[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * n_negative))


def quadratic_kappa(truth: np.ndarray, decided: np.ndarray) -> float:
    """Return 1 less the mean squared distance of grades over that of independent ones.

    Of grades from 0, int64 (n,) each. Cohen, Psychological Bulletin 1968;70:213. NaN without a
    case, or if all grades are one.
    """
    # The mean of (i - j)^2 over all pairs of a truth and a decision, times the cases squared.
    squares = int(np.square(truth).sum() + np.square(decided).sum())
    by_chance = len(truth) * squares - 2 * int(truth.sum()) * int(decided.sum())
    apart = len(truth) * int(np.square(truth - decided).sum())
    return 1 - apart / by_chance if by_chance else float("nan")


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
