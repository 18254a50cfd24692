"""Gradients of single answers: a case's own, whatever stands beside it in the batch."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from radpipe.explaining.subject import Asked


def turns(asked: Sequence[Asked]) -> Iterator[list[int]]:
    """Yield a label for each case, until each has had all of its own; the first fills up."""
    for k in range(max(len(each.labels) for each in asked)):
        yield [each.labels[k] if k < len(each.labels) else each.labels[0] for each in asked]


def picked(answers: Tensor, labels: Sequence[int]) -> Tensor:
    """Add up one answer of each case, from (cases, questions): its gradient is each case's own."""
    which = torch.tensor(labels, device=answers.device)
    # A mask instead of an index: its gradient is the same to the bit on every device.
    mask = torch.nn.functional.one_hot(which, answers.shape[1]).to(answers.dtype)
    return (answers * mask).sum()
