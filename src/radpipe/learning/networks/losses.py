"""Losses with unknown targets left out, and probabilities from logits."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Asymmetric, Target, Training

# (logits (n, outputs), targets (n, columns)) -> sum over the known entries, a scalar. To be
# divided by their number, which the caller counts where the targets lie: a device that
# trains should not have to be waited for.
Loss = Callable[[Tensor, Tensor], Tensor]
# Absent, present and uncertain as three classes of each label.
THREE = "three-classes"


def loss_name(target: Target, train: Training) -> str:
    """Return the loss that `auto` stands for, or the one asked for.

    Raises
    ------
    ConfigError
        Cross-entropy over classes was asked for labels that do not exclude each other, a loss
        of grades for classes without an order, or a class of what is uncertain without labels.

    """
    one_of_several = target.kind in ("multi-class", "ordinal")
    if train.uncertain.learn_as == "three":
        return _three_name(target, train)
    if train.loss == "ordinal":
        if target.kind != "ordinal":
            raise ConfigError(
                "train.loss: 'ordinal' needs classes with an order, and the target is"
                f" {target.kind}; use 'auto', or declare the target ordinal if its classes are"
                " grades."
            )
        return "ordinal"
    if train.loss in ("asymmetric", "auc-margin"):
        if one_of_several:
            raise ConfigError(
                f"train.loss: {train.loss!r} weighs what is absent against what is present, and the"
                f" target is {target.kind}; use 'auto'."
            )
        return train.loss
    if train.loss == "auto":
        return "cross-entropy" if one_of_several else "binary-cross-entropy"
    if train.loss == "cross-entropy" and target.kind == "multi-label":
        raise ConfigError(
            "train.loss: 'cross-entropy' needs one class a case, and the target is"
            " multi-label; use 'binary-cross-entropy' or 'auto'."
        )
    # With one logit the two are the same function, softmax of (0, z) being sigmoid of z.
    return "binary-cross-entropy" if target.kind == "binary" else train.loss


def _three_name(target: Target, train: Training) -> str:
    if target.kind != "multi-label" or train.loss not in ("auto", "binary-cross-entropy"):
        raise ConfigError(
            "train.uncertain: 'three' makes three classes of every label, for a multi-label target"
            f" and train.loss 'auto'; the target is {target.kind}, train.loss {train.loss!r}."
        )
    return THREE


def n_outputs(target: Target, train: Training) -> int:
    """Return the width of a network's last layer.

    One logit for a binary target, one a class or label otherwise; with the loss `ordinal`
    one for each grade but the highest, beyond which nothing goes; three a label (absent,
    present, uncertain) if what is uncertain is a class of its own.
    """
    name = loss_name(target, train)
    if name == THREE:
        return 3 * len(target.classes)
    return len(target.classes) - (name == "ordinal" or target.kind == "binary")


def make_loss(target: Target, train: Training, weights: Tensor | None = None) -> Loss:
    """Make the loss of a run.

    Parameters
    ----------
    target, train
        Kind of target and the loss asked for.
    weights
        Float32 (columns, classes), from `class_weights`; None leaves every case its weight of
        1. As in Keras, weighted losses are added up and divided by the number of cases, not by
        the sum of weights.

    Returns
    -------
    Loss
        Maps logits (n, outputs) and targets (n, columns), NaN unknown, to a scalar.

    """
    name = loss_name(target, train)
    smoothing = train.label_smoothing
    if name == "cross-entropy":
        return lambda logits, targets: _cross_entropy(logits, targets, weights, smoothing)
    if name == "asymmetric":
        return lambda logits, targets: _asymmetric(logits, targets, weights, train.asymmetric)
    if name == "auc-margin":
        return lambda logits, targets: _auc_margin(logits, targets, train.auc_margin)
    if name == "ordinal":
        return lambda logits, targets: _conditional(logits, targets, weights)
    if name == THREE:
        return lambda logits, targets: _of_three(logits, targets, weights, smoothing)
    one_hot = target.kind in ("multi-class", "ordinal")

    def binary(logits: Tensor, targets: Tensor) -> Tensor:
        known = ~torch.isnan(targets)
        weighed = _weigh(targets, known, weights)
        if one_hot:
            truth = F.one_hot(torch.where(known, targets, 0.0).long()[:, 0], logits.shape[1])
        else:
            truth = torch.where(known, targets, 0.0)
        soft = truth.to(logits.dtype)
        if smoothing:
            soft = soft * (1 - smoothing) + smoothing / 2
        each = F.binary_cross_entropy_with_logits(logits, soft, reduction="none")
        return (each * weighed).sum() / (logits.shape[1] if one_hot else 1)

    return binary


def _cross_entropy(
    logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float
) -> Tensor:
    known = ~torch.isnan(targets)
    truth = torch.where(known, targets, 0.0).long()[:, 0]
    each = F.cross_entropy(logits, truth, reduction="none", label_smoothing=smoothing)
    return (each * _weigh(targets, known, weights)[:, 0]).sum()


def _asymmetric(logits: Tensor, targets: Tensor, weights: Tensor | None, how: Asymmetric) -> Tensor:
    """Return the loss of Ridnik et al. (ICCV 2021:82), equations 6 to 8, for soft labels, too."""
    known = ~torch.isnan(targets)
    truth = torch.where(known, targets, 0.0).to(logits.dtype)
    share = torch.sigmoid(logits)
    shifted = (share - how.margin).clamp_min(0)
    # Of the shifted probability, which stays below 1; without a shift, without losing digits.
    absent = torch.log1p(-shifted) if how.margin else F.logsigmoid(-logits)
    present = (1 - share) ** how.gamma_present * F.logsigmoid(logits)
    each = -truth * present - (1 - truth) * shifted**how.gamma_absent * absent
    return (each * _weigh(targets, known, weights)).sum()


def _auc_margin(logits: Tensor, targets: Tensor, margin: float) -> Tensor:
    """Return the AUC margin loss of Yuan et al. (ICCV 2021:3020), equation 4, for each label.

    The paper trains a, b and alpha beside the network: for given scores the best a and b are
    the means of the present and of the absent, and the best alpha is what lacks between them to
    the margin, or 0. With these the loss of a label is the variance of each group and the square
    of that lack, and its gradient is the paper's at that point. All are of the cases at hand, a
    soft label counting in both groups by its shares; a group without a case has no part in it.
    It is multiplied by the number of known cases, by which the caller divides.
    """
    known = ~torch.isnan(targets)
    present = torch.where(known, targets, 0.0).to(logits.dtype)
    absent = known.to(logits.dtype) - present
    score = torch.sigmoid(logits)
    (mean, spread), (other, wide) = (_moments(score, group) for group in (present, absent))
    both = (present.sum(0) > 0) & (absent.sum(0) > 0)
    lack = torch.where(both, (margin + other - mean).clamp_min(0), 0.0)
    return ((spread + wide + lack.square()) * known.sum(0)).sum()


def _moments(score: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance (labels,) of scores (n, labels), each counted by its share."""
    total = share.sum(0).clamp_min(torch.finfo(share.dtype).tiny)
    mean = (score * share).sum(0) / total
    return mean, ((score - mean).square() * share).sum(0) / total


def _of_three(logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    """Return the cross-entropy of absent, present and uncertain, added over labels.

    What is uncertain weighs 1: weights are of the absent and the present.
    """
    known = ~torch.isnan(targets)
    truth = torch.where(known, targets, 0.0).long()
    if weights is not None:
        weights = torch.cat([weights, torch.ones_like(weights[:, :1])], dim=1)
    scores = _by_label(logits).transpose(1, 2)
    each = F.cross_entropy(scores, truth, reduction="none", label_smoothing=smoothing)
    return (each * _level_weights(truth, known, weights)).sum()


def _by_label(logits: Tensor) -> Tensor:
    """Return (n, labels, 3) of (n, 3 * labels)."""
    return logits.reshape(len(logits), -1, 3)


def _conditional(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Return the loss of CORN (Shi, Cao & Raschka, Pattern Anal Appl 2023;26:941).

    Logit k, from 0, asks whether a case of grade k or more goes beyond k, and learns from no
    other case. A case of grade y therefore answers the questions 0 to y, or all if y is the
    highest grade, and the sum of its binary cross-entropies is -log of the probability that
    `_grades` gives to y: this is what is summed over cases. The paper divides by the number
    of answers instead of that of cases, which scales the loss of a batch and nothing else.
    """
    known = ~torch.isnan(targets)
    grade = torch.where(known, targets, 0.0)
    question = torch.arange(logits.shape[1], device=logits.device)
    beyond = (grade > question).float()
    each = F.binary_cross_entropy_with_logits(logits, beyond, reduction="none")
    answered = (grade >= question).float()
    return ((each * answered).sum(dim=1) * _weigh(targets, known, weights)[:, 0]).sum()


def _grades(logits: Tensor) -> Tensor:
    """Turn conditional logits (n, K - 1) into probabilities (n, K) of the grades.

    P(beyond k) is the product of the conditional probabilities up to k, so it never rises
    with k; P(k) = P(beyond k - 1) * P(not beyond k, given k or more), without differences,
    which would lose digits.
    """
    reached = torch.cumprod(torch.sigmoid(logits), dim=1)
    one = torch.ones_like(logits[:, :1])
    stays = torch.cat([torch.sigmoid(-logits), one], dim=1)
    return torch.cat([one, reached], dim=1) * stays


def _weigh(targets: Tensor, known: Tensor, weights: Tensor | None) -> Tensor:
    """Return the weight of every target, 0 where it is unknown."""
    given = torch.where(known, targets, 0.0)
    if weights is None or weights.shape[1] != 2:
        return _level_weights(given.long(), known, weights)
    # Also of a label between absent and present; exactly the one weight or the other at 0 and 1.
    absent, present = weights.T
    return torch.where(known, (1 - given) * absent + given * present, 0.0)


def _level_weights(level: Tensor, known: Tensor, weights: Tensor | None) -> Tensor:
    """Return the weight of every level, int64 (n, columns), 0 where it is unknown."""
    if weights is None:
        return known.float()
    columns = torch.arange(level.shape[1], device=level.device)
    return torch.where(known, weights[columns, level], 0.0)


def probabilities(logits: Tensor, target: Target, train: Training) -> Tensor:
    """Turn logits (n, outputs) into float32 scores (n, classes).

    A binary target gets two columns, of its negative and its positive class. Classes that
    were trained each against the rest are scaled to a sum of 1; probabilities of grades that
    were trained in order are the chain of their conditional ones. Where what is uncertain is a
    class of its own, a label's probability is that of present against absent alone.
    """
    logits = logits.float()
    if target.kind == "binary":
        return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=1)
    name = loss_name(target, train)
    if name == "cross-entropy":
        return torch.softmax(logits, dim=1)
    if name == "ordinal":
        return _grades(logits)
    if name == THREE:
        absent, present, _ = _by_label(logits).unbind(2)
        return torch.sigmoid(present - absent)
    scores = torch.sigmoid(logits)
    if target.kind == "multi-label":
        return scores
    return scores / scores.sum(dim=1, keepdim=True).clamp_min(torch.finfo(scores.dtype).tiny)
