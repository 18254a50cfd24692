"""Logits of several networks put together by a logistic regression, fitted on `tune`."""

import numpy as np
import torch
from torch import Tensor, nn


class Combination(nn.Module):
    """One logistic regression a label over the probabilities that the views give it.

    Its coefficients are saved with the weights. Before it is fitted it takes the mean.

    Attributes
    ----------
    weight, bias
        Float32 (labels, views) and (labels,): logit = bias + sum of weight * probability.

    References
    ----------
    Bien et al., PLoS Medicine 2018;15:e1002699, "Combining predictions from multiple series".

    """

    weight: Tensor
    bias: Tensor

    def __init__(self, n_views: int, n_labels: int) -> None:
        super().__init__()
        # Four times the mean less two has the slope of the logit where the mean is a half.
        self.register_buffer("weight", torch.full((n_labels, n_views), 4.0 / n_views))
        self.register_buffer("bias", torch.full((n_labels,), -2.0))

    def forward(self, logits: Tensor) -> Tensor:
        """Map logits (cases, views, labels) to logits (cases, labels)."""
        probabilities = torch.sigmoid(logits.float())
        return torch.einsum("cvl,lv->cl", probabilities, self.weight) + self.bias

    def fit(self, logits: Tensor, truth: np.ndarray) -> None:
        """Fit the coefficients of every label whose presence and absence occur.

        Parameters
        ----------
        logits
            Logits (cases, views, labels) of `tune`, on the processor.
        truth
            (cases, labels) 0 or 1, NaN where unknown.

        """
        # Takes seconds to import, so only those wait who need it.
        from sklearn.linear_model import LogisticRegression

        probabilities = torch.sigmoid(logits.double()).numpy()
        for label, answers in enumerate(truth.T):
            known = ~np.isnan(answers)
            if len(np.unique(answers[known])) < 2:
                continue
            found = LogisticRegression().fit(probabilities[known, :, label], answers[known])
            self.weight[label] = torch.from_numpy(found.coef_[0]).to(self.weight)
            self.bias[label] = float(found.intercept_[0])
