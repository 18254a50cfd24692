"""Which cases of a part are shown, and which are scored; nothing of a network is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.core.settings import Explain, Gallery, Target
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.sample import Sample, column_names

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """The answers of a model to the cases of one part.

    Attributes
    ----------
    part
        tune or test.
    case, patient
        (cases,) texts.
    sample
        Truths, calibrated probabilities and decisions, see `OperatingPoint.sample`.
    thresholds
        (columns,), for these probabilities.

    """

    part: str
    case: NDArray[np.object_]
    patient: NDArray[np.object_]
    sample: Sample
    thresholds: Sequence[float]


@dataclass(frozen=True, order=True)
class Shown:
    """A case of the gallery, and the answer that is explained.

    Attributes
    ----------
    row
        Number of the case in its part.
    label
        Column of the question, see `evaluation.sample.column_names`.
    why
        How it was chosen: right, wrong, absent, missed, nearest, random or named.

    """

    row: int
    label: int
    why: str


def explained_labels(target: Target, how: Explain) -> list[int]:
    """Return the columns of the questions whose answers are explained."""
    wanted = how.labels or target.scored
    return [k for k, name in enumerate(column_names(target)) if name in wanted]


def choose(target: Target, asked: Asked, how: Gallery, among: Sequence[int]) -> list[Shown]:
    """Choose the cases that are shown, each answer once, under the first reason.

    The most confident of a class or label are of different patients. Named cases that are of
    another part are left out here; see `check_named`.

    Parameters
    ----------
    target
        What is predicted.
    asked
        The answers to one part.
    how
        How many of which.
    among
        The labels that are explained.

    Returns
    -------
    list of Shown
        In the order right, wrong, absent, missed, nearest, random, named, labels in their order.

    """
    names = column_names(target)
    labels = [k for k in among if not how.labels or names[k] in how.labels]
    found: dict[tuple[int, int], Shown] = {}
    for one in (
        *_confident(asked, labels, how.confident),
        *_nearest(asked, labels, how.nearest),
        *_random(asked, labels, how),
        *_named(asked, labels, how.named),
    ):
        found.setdefault((one.row, one.label), one)
    return list(found.values())


def check_named(named: Sequence[str], parts: Sequence[Asked]) -> None:
    """Refuse named cases that are in none of the parts that may be looked at.

    Raises
    ------
    DataError
        Such cases are told by their place in the list, because names may be those of patients.

    """
    known = {case for asked in parts for case in asked.case.tolist()}
    if missing := [str(k) for k, name in enumerate(named, start=1) if name not in known]:
        raise DataError(
            f"gallery.named: of {len(named)} cases these are not in"
            f" {' or '.join(asked.part for asked in parts)}: number {', '.join(missing)}. The way"
            " out: name cases of these parts (split.parquet says which they are); test is looked"
            " at only where plan.open_test has opened it"
        )


def draw_scored(
    asked: Asked, located: Sequence[Sequence[int]], *, count: int, seed: int
) -> dict[int, list[int]]:
    """Draw cases whose maps are scored: those with a finding that is there and of known place.

    Parameters
    ----------
    asked
        The answers to one part.
    located
        For each case the labels whose place is known.
    count
        Cases at most.
    seed
        Of the draw; the same cases for all variants of a study that are asked about the same.

    Returns
    -------
    dict
        Number of a case to the labels that are explained, in the order of the part.

    """
    present = asked.sample.positive
    found = {
        row: wanted
        for row, labels in enumerate(located)
        if (wanted := [k for k in labels if present[row, k]])
    }
    rows = np.array(sorted(found), dtype=np.int64)
    drawn = np.random.default_rng(seed).permutation(rows)[:count]
    return {row: found[row] for row in sorted(drawn.tolist())}


def _confident(asked: Asked, labels: Sequence[int], count: int) -> Iterator[Shown]:
    """Yield the surest right and wrong answers of each label; of exclusive classes, yes alone."""
    sample = asked.sample
    for k in labels:
        yes, chances = sample.decided[:, k], sample.probabilities[:, k]
        kinds = [("right", yes & sample.positive[:, k], -chances)]
        kinds.append(("wrong", yes & sample.negative[:, k], -chances))
        if not sample.exclusive:
            kinds.append(("absent", ~yes & sample.negative[:, k], chances))
            kinds.append(("missed", ~yes & sample.positive[:, k], chances))
        for why, those, order in kinds:
            for row in _first(asked, np.flatnonzero(those), order, count):
                yield Shown(row, k, why)


def _nearest(asked: Asked, labels: Sequence[int], count: int) -> Iterator[Shown]:
    """Yield cases nearest to a threshold; of exclusive classes, those least decided."""
    sample = asked.sample
    if sample.exclusive:
        best = np.sort(sample.probabilities, axis=1)
        decided = sample.decided.argmax(axis=1)
        rows = np.flatnonzero(np.isin(decided, labels))
        for row in _first(asked, rows, best[:, -1] - best[:, -2], count):
            yield Shown(row, int(decided[row]), "nearest")
        return
    for k in labels:
        far = np.abs(sample.probabilities[:, k] - asked.thresholds[k])
        for row in _first(asked, np.arange(len(far)), far, count):
            yield Shown(row, k, "nearest")


def _random(asked: Asked, labels: Sequence[int], how: Gallery) -> Iterator[Shown]:
    """Yield cases of a seeded draw, each with its most probable label."""
    drawn = np.random.default_rng(how.seed).permutation(len(asked.case))[: how.random]
    for row in drawn.tolist():
        yield Shown(row, _most_probable(asked, labels, row), "random")


def _named(asked: Asked, labels: Sequence[int], names: Sequence[str]) -> Iterator[Shown]:
    place = {case: row for row, case in enumerate(asked.case.tolist())}
    for name in names:
        if name in place:
            yield Shown(place[name], _most_probable(asked, labels, place[name]), "named")


def _most_probable(asked: Asked, labels: Sequence[int], row: int) -> int:
    return max(labels, key=lambda k: float(asked.sample.probabilities[row, k]))


def _first(asked: Asked, rows: Integers, order: Floats, count: int) -> list[int]:
    """Return the first of some rows, by an order of all; of each patient one, ties by name."""
    seen: set[str] = set()
    found: list[int] = []
    for row in sorted(rows.tolist(), key=lambda row: (float(order[row]), str(asked.case[row]))):
        if len(found) == count:
            break
        if asked.patient[row] not in seen:
            seen.add(asked.patient[row])
            found.append(row)
    return found
