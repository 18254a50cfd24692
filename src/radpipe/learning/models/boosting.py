"""Gradient boosting of trees on a table (Friedman, Annals of Statistics 2001;29:1189).

scikit-learn fits the trees; what it found is written into tensors of a fixed shape, so that
they lie in the same file as any network's weights and predicting needs torch alone.
"""

from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from radpipe.core.settings import Count, Positive, Strict
from radpipe.learning.models.base import table_architecture
from radpipe.learning.models.covariates import Encoder, TableInput


class BoostingSettings(Strict):
    """Settings of the architecture `boosting`."""

    table: TableInput
    trees: Count = Field(default=100, description="One after the other, for each output.")
    depth: int = Field(default=3, ge=1, le=8, description="Questions that a tree asks a case.")
    learning_rate: Positive = Field(default=0.1, description="Share of a tree that is added.")
    subsample: float = Field(
        default=1.0, gt=0, le=1, description="Share of the cases that each tree is shown."
    )


class Trees(nn.Module):
    """Complete binary trees whose leaves are added up.

    Questions of a tree lie in the order of a heap: those after question k are 2 k + 1, for a
    value up to the threshold, and 2 k + 2. A branch that ends early goes on with thresholds of
    infinity.

    Attributes
    ----------
    feature, threshold
        Int64 and float64 (trees, outputs, 2^depth - 1).
    value
        Float64 (trees, outputs, 2^depth): of the leaves, from left to right.
    intercept
        Float64 (outputs,).

    """

    feature: Tensor
    threshold: Tensor
    value: Tensor
    intercept: Tensor

    def __init__(self, n_trees: int, depth: int, n_outputs: int) -> None:
        super().__init__()
        self.depth = depth
        shape = (n_trees, n_outputs, 2**depth - 1)
        self.register_buffer("feature", torch.zeros(shape, dtype=torch.int64))
        self.register_buffer("threshold", torch.full(shape, torch.inf, dtype=torch.float64))
        self.register_buffer("value", torch.zeros(*shape[:2], 2**depth, dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros(n_outputs, dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs (cases, features) to float64 logits (cases, outputs)."""
        n_trees, n_outputs, n_inner = self.feature.shape
        feature, threshold = self.feature.flatten(0, 1), self.threshold.flatten(0, 1)
        tree = torch.arange(len(feature), device=inputs.device)
        place = torch.zeros(inputs.shape[0], len(feature), dtype=torch.int64, device=inputs.device)
        for _ in range(self.depth):
            answer = inputs.gather(1, feature[tree, place])
            place = 2 * place + 1 + (answer.double() > threshold[tree, place])
        leaves = self.value.flatten(0, 1)[tree, place - n_inner]
        return leaves.view(-1, n_trees, n_outputs).sum(dim=1) + self.intercept


class Boosting(nn.Module):
    """An encoder and trees; fitted at once instead of by gradients.

    Attributes
    ----------
    encoder, trees
        From covariates to inputs, and from these to logits.

    """

    def __init__(self, settings: BoostingSettings, n_outputs: int) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(settings.table)
        self.trees = Trees(settings.trees, settings.depth, n_outputs)

    def forward(self, table: Tensor) -> Tensor:
        """Map covariates (batch, columns), NaN where unknown, to logits (batch, n_outputs)."""
        logits: Tensor = self.trees(self.encoder(table))
        return logits.float()

    def fit(
        self, entries: np.ndarray, truth: np.ndarray, weights: np.ndarray | None, *, seed: int
    ) -> None:
        """Fit the trees; the encoder is fitted before.

        Parameters
        ----------
        entries
            Covariates (cases, columns), NaN where unknown.
        truth
            Int64 (cases,): classes, all of which occur.
        weights
            Float (cases,), or None.
        seed
            Seeds what `subsample` draws, and the choice between questions that are as good.

        """
        # Takes seconds to import, so only those wait who need it.
        from sklearn.ensemble import GradientBoostingClassifier

        own = self.settings
        found = GradientBoostingClassifier(
            n_estimators=own.trees,
            max_depth=own.depth,
            learning_rate=own.learning_rate,
            subsample=own.subsample,
            random_state=seed % 2**32,
        )
        with torch.no_grad():
            inputs = self.encoder(torch.from_numpy(entries))
        found.fit(inputs.numpy(), truth, sample_weight=weights)
        self._take(found, inputs)

    def _take(self, found: Any, inputs: Tensor) -> None:
        trees = self.trees
        for number, row in enumerate(found.estimators_):
            for output, one in enumerate(row):
                _complete(one.tree_, trees, number, output, node=0, place=0)
        trees.value *= self.settings.learning_rate
        # What every case starts from is no tree; it is whatever the trees leave unexplained.
        trees.intercept.zero_()
        said = np.asarray(found.decision_function(inputs[:1].numpy())).reshape(-1)
        trees.intercept.copy_(torch.from_numpy(said) - trees(inputs[:1])[0])


def _complete(tree: Any, into: Trees, number: int, output: int, *, node: int, place: int) -> None:
    """Write a node and all below it to their places; a leaf's value to the leaf it leads to."""
    n_inner = into.feature.shape[2]
    left, right = tree.children_left[node], tree.children_right[node]
    if left < 0:  # a leaf
        while place < n_inner:
            place = 2 * place + 1
        into.value[number, output, place - n_inner] = float(tree.value[node, 0, 0])
        return
    into.feature[number, output, place] = int(tree.feature[node])
    into.threshold[number, output, place] = float(tree.threshold[node])
    _complete(tree, into, number, output, node=left, place=2 * place + 1)
    _complete(tree, into, number, output, node=right, place=2 * place + 2)


@table_architecture("boosting", BoostingSettings, fitted=True)
def boosting(settings: BoostingSettings, *, n_outputs: int) -> nn.Module:
    """Build the trees, empty."""
    return Boosting(settings, n_outputs)
