"""Gradients of single answers: a case's own, whatever stands beside it in the batch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from radpipe.explaining.subject import Asked, Drawn, Maps, Member, Of, answers_of
from radpipe.learning.data.cases import Batch


def turns(asked: Sequence[Asked]) -> list[list[int]]:
    """Return a label of each case, until each has had all of its own; the first fills up."""
    return [
        [each.labels[k] if k < len(each.labels) else each.labels[0] for each in asked]
        for k in range(max(len(each.labels) for each in asked))
    ]


def picked(answers: Tensor, labels: Sequence[int]) -> Tensor:
    """Add up one answer of each case, from (cases, questions): its gradient is each case's own."""
    which = torch.tensor(labels, device=answers.device)
    # A mask instead of an index: its gradient is the same to the bit on every device.
    mask = torch.nn.functional.one_hot(which, answers.shape[1]).to(answers.dtype)
    return (answers * mask).sum()


def slopes(
    member: Member, batch: Batch, rounds: Sequence[Sequence[int]], of: Of
) -> tuple[list[tuple[Tensor, ...]], Tensor]:
    """Return the gradients of answers by pixels from 0 to 1.

    Parameters
    ----------
    member, batch, of
        Who is asked what; its weights ask for no gradients (`still`).
    rounds
        For each round a label of each case.

    Returns
    -------
    found
        For each round and view of the shape of the batch's; 0 where nothing depends on a view.
    shares
        Probabilities, (cases, questions).

    """
    views = tuple(view.detach().requires_grad_() for view in batch.views)
    logits = member.logits(Batch(views, batch.counts, batch.table))
    answers = answers_of(logits, member.what, of)
    found = []
    for labels in rounds:
        last = labels is rounds[-1]
        each = torch.autograd.grad(
            picked(answers, labels), views, allow_unused=True, retain_graph=not last
        )
        pairs = zip(each, views, strict=True)
        found.append(tuple(torch.zeros_like(v) if g is None else g for g, v in pairs))
    return found, answers_of(logits.detach(), member.what, "probability")


def dealt(rounds: list[Maps], asked: Sequence[Asked], batch: Batch, shares: Tensor) -> list[Drawn]:
    """Deal out maps of a whole batch, one round a label, and probabilities to its cases."""
    parts = [
        [torch.split(view, list(counts)) for view, counts in zip(views, batch.counts, strict=True)]
        for views in rounds
    ]
    return [
        Drawn(
            [tuple(view[case] for view in parts[k]) for k in range(len(each.labels))],
            shares[case],
        )
        for case, each in enumerate(asked)
    ]
