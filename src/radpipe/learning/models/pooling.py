"""From the slices of unequal volumes to one row of features each.

Slices of a batch lie under each other, volume after volume ("ragged"), and every volume's
result is made from its own slices alone, whatever stands beside it.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

How = Literal["max", "mean", "attention"]


class SliceMax(nn.Module):
    """Take the largest value of every feature over the slices."""

    def forward(self, features: Tensor, counts: Sequence[int]) -> Tensor:
        """Map (slices, features) to (volumes, features)."""
        values: Tensor = side_by_side(features, counts, filling=-torch.inf).max(dim=1).values
        return values


class SliceMean(nn.Module):
    """Average every feature over the slices."""

    def forward(self, features: Tensor, counts: Sequence[int]) -> Tensor:
        """Map (slices, features) to (volumes, features)."""
        total = side_by_side(features, counts, filling=0.0).sum(dim=1)
        return total / torch.tensor(counts, dtype=features.dtype, device=features.device)[:, None]


class SliceAttention(nn.Module):
    """Average slices with weights that a small network gives them from their features.

    References
    ----------
    Ilse, Tomczak and Welling, "Attention-based deep multiple instance learning", ICML 2018,
    equation 9 (gated attention).

    """

    def __init__(self, n_features: int, n_hidden: int = 32) -> None:
        super().__init__()
        self.content = nn.Linear(n_features, n_hidden)
        self.gate = nn.Linear(n_features, n_hidden)
        self.score = nn.Linear(n_hidden, 1)

    def weights(self, features: Tensor, counts: Sequence[int]) -> Tensor:
        """Return (volumes, most slices, 1), adding up to 1 a volume; 0 beyond its slices."""
        hidden = torch.tanh(self.content(features)) * torch.sigmoid(self.gate(features))
        scores = side_by_side(self.score(hidden), counts, filling=-torch.inf)
        return scores.softmax(dim=1)

    def forward(self, features: Tensor, counts: Sequence[int]) -> Tensor:
        """Map (slices, features) to (volumes, features)."""
        weights = self.weights(features, counts)
        return (weights * side_by_side(features, counts, filling=0.0)).sum(dim=1)


POOLS: dict[How, Callable[[int], nn.Module]] = {
    "max": lambda _: SliceMax(),
    "mean": lambda _: SliceMean(),
    "attention": SliceAttention,
}


def spread(rows: Tensor, counts: Sequence[int]) -> Tensor:
    """Put rows of zeros, (volumes, features), in the place of volumes without slices.

    `rows` are those of the others, in order.
    """
    if len(rows) == len(counts):
        return rows
    there, nothing = iter(torch.split(rows, 1)), rows.new_zeros(1, rows.shape[1])
    return torch.cat([next(there) if n else nothing for n in counts])


def side_by_side(features: Tensor, counts: Sequence[int], *, filling: float) -> Tensor:
    """Stand volumes side by side, (volumes, most slices, features), short ones filled up.

    Made of cuts and pads only: their gradients are sums in a fixed order on every device,
    which scattering is not.
    """
    if len(set(counts)) == 1:
        return features.reshape(len(counts), counts[0], *features.shape[1:])
    parts = torch.split(features, list(counts))
    return nn.utils.rnn.pad_sequence(list(parts), batch_first=True, padding_value=filling)
