"""What training makes of labels of which the data set is not certain.

The policies are those of CheXpert's authors (Irvin et al., AAAI 2019;33:590): to ignore such
labels, to take them for absent or present, to make them a class of their own; and of Pham et al.
(Neurocomputing 2021;437:186): to take them for present with doubt, as a number drawn from a range.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Target, Training, Uncertain

# Index of the class of its own, behind absent and present.
UNCERTAIN_CLASS = 2.0
FIXED = {"ignore": np.nan, "zeros": 0.0, "ones": 1.0, "three": UNCERTAIN_CLASS}
# Apart from all else that is drawn from a run's seed.
STREAM = 0x554E43


@dataclass(frozen=True)
class Lessons:
    """What a network is to learn of some cases.

    Attributes
    ----------
    targets
        Float32 (n, labels): 0, 1, something between, 2 for a class of its own; NaN: nothing.
    anew
        Bool (n, labels): drawn again for every batch; None where nothing is.

    """

    targets: np.ndarray
    anew: np.ndarray | None = None

    def take(self, which: np.ndarray) -> "Lessons":
        """Return those of some of the cases, by their numbers (m,)."""
        return Lessons(self.targets[which], None if self.anew is None else self.anew[which])

    def of_batch(self, batch: np.ndarray, how: Uncertain, generator: torch.Generator) -> Tensor:
        """Return float32 (m, labels) of a batch of cases, by their numbers (m,)."""
        targets = torch.from_numpy(self.targets[batch])
        if self.anew is None:
            return targets
        drawn = torch.rand(targets.shape, generator=generator)
        soft = how.low + (how.high - how.low) * drawn
        return torch.where(torch.from_numpy(self.anew[batch]), soft, targets)


def policies(target: Target, how: Training) -> list[str]:
    """Return the policy of every column of the truth, in the target's order.

    Raises
    ------
    ConfigError
        A label is none of the target's, or the target is one class of several, of which none can
        be uncertain by itself.

    """
    names = target.classes if target.kind == "multi-label" else target.classes[-1:]
    if unknown := how.uncertain.labels.keys() - set(names):
        raise ConfigError(
            f"train.uncertain.labels: {', '.join(sorted(unknown))}: no label of the target, which"
            f" has {', '.join(names)}."
        )
    found: list[str] = [how.uncertain.labels.get(name, how.uncertain.learn_as) for name in names]
    if target.kind in ("multi-class", "ordinal") and found != ["ignore"]:
        raise ConfigError(
            f"train.uncertain: {found[0]} is said of labels, and the target is {target.kind}. Use"
            " ignore, or a binary or multi-label target."
        )
    return found


def teaches(targets: np.ndarray, uncertain: np.ndarray, each: list[str]) -> np.ndarray:
    """Tell of which cases something is learned, bool (n,).

    Parameters
    ----------
    targets
        Float (n, labels), NaN where unknown or uncertain.
    uncertain
        Bool (n, labels).
    each
        Policy of every label.

    """
    learned = np.array([policy != "ignore" for policy in each])
    found: np.ndarray = (~np.isnan(targets) | (uncertain & learned)).any(axis=1)
    return found


def lessons(
    targets: np.ndarray, uncertain: np.ndarray, each: list[str], how: Uncertain, *, seed: int
) -> Lessons:
    """Say what is learned of each label of each case.

    Parameters
    ----------
    targets, uncertain, each
        As for `teaches`.
    how, seed
        The range to draw from, and the run's seed: equal seeds draw the same.

    """
    found = targets.astype(np.float32, copy=True)
    for column, policy in enumerate(each):
        if policy != "smooth":
            found[uncertain[:, column], column] = FIXED[policy]
    soft = uncertain & np.array([policy == "smooth" for policy in each])
    draw = np.random.default_rng([seed, STREAM])
    found[soft] = draw.uniform(how.low, how.high, targets.shape)[soft]
    return Lessons(found, soft if how.draw == "anew" and soft.any() else None)
