"""Patients into `test` and folds: whole, stratified, and the same whatever the order of rows."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Split, Target

Strings = npt.NDArray[np.str_]
Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """Where every case stands.

    Attributes
    ----------
    part
        "train" (all that is not test) or "test", shape (n,).
    fold
        0 to folds - 1, or -1 in `test`, shape (n,).
    drawn
        Of "test" and "fold 0": whether it was drawn, False where the data set decides.

    """

    part: Strings
    fold: Ints
    drawn: dict[str, bool]


# Puts cases into as many parts as there are shares: which cases, the shares, and the number of the
# stream of chance (0 for `test`, 1 for folds).
Draw = Callable[[Ints, tuple[float, ...], int], Ints]

# From so many patients on, a group with this share of the cases is hardly one person.
SMALL, LARGE = 50, 0.05


def draw_parts(
    patient: Strings, truth: Numbers, official: Strings, *, split: Split, target: Target
) -> Parts:
    """Divide cases into `test` and folds.

    An official `test` is `test`; without one it is drawn from what is not official `tune`.
    An official `tune` is fold 0, and the other folds are drawn from the rest; without one all
    folds are. Cases without an official part count as `train` where others have one.

    Parameters
    ----------
    patient : string array of shape (n,)
        Whose each case is, after grouping; never divided by a draw.
    truth : float64 array of shape (n, columns)
        The target columns, NaN where unknown; an unknown case is placed, and counts for
        sizes but for no class.
    official : string array of shape (n,)
        "test", "tune", "train", or "" for none.
    split
        Seed, share of `test`, number of folds, and how to draw.
    target
        What the columns mean.

    """
    draw = (
        _hashed(patient, split)
        if split.draw == "hashed"
        else _stratified(patient, strata_of(truth, target), split)
    )
    test = official == "test"
    tune = official == "tune"
    drawn = {"test": not test.any(), "fold 0": not tune.any()}
    if drawn["test"]:
        rest = np.flatnonzero(~tune)
        test[rest] = draw(rest, (split.test, 1 - split.test), 0) == 0
    fold = np.full(len(patient), -1, dtype=np.int64)
    fold[tune] = 0
    rest = np.flatnonzero(~test & ~tune)
    taken = 1 if tune.any() else 0
    folds = split.folds - taken
    fold[rest] = taken + draw(rest, (1 / folds,) * folds, 1)
    return Parts(np.where(test, "test", "train"), fold, drawn)


def strata_of(truth: Numbers, target: Target) -> Numbers:
    """Return what is to be shared out evenly: 0/1 of shape (n, classes).

    A column for every class, or for every label where it is present; an unknown target is
    0 everywhere.
    """
    if target.kind == "multi-label":
        return np.asarray(truth == 1, np.float64)
    return np.asarray(truth[:, :1] == np.arange(len(target.classes)), np.float64)


def missing_classes(parts: Parts, truth: Numbers, target: Target) -> list[tuple[str, str]]:
    """List the parts ("test", "fold 0") that lack a class, or a label's presence or absence."""
    needed = _needed(truth, target)
    places = {"test": parts.fold < 0}
    places |= {f"fold {f}": parts.fold == f for f in range(int(parts.fold.max(initial=0)) + 1)}
    return [
        (place, name)
        for place, here in places.items()
        for name, there in needed.items()
        if not (here & there).any()
    ]


def check_classes(
    parts: Parts, truth: Numbers, patient: Strings, *, target: Target, study: str, folds: int
) -> list[str]:
    """Refuse a drawn part that lacks a class; return those of official parts as remarks.

    Raises
    ------
    ConfigError
        Naming the part, the class and how many patients have it.

    """
    if len(np.unique(parts.fold[parts.fold >= 0])) < folds:
        raise ConfigError(
            f"studies.{study}.split.folds: {folds} folds cannot be filled from"
            f" {len(np.unique(patient[parts.fold >= 0]))} patients outside test."
        )
    remarks = []
    for place, name in missing_classes(parts, truth, target):
        if not parts.drawn.get(place, True):
            remarks.append(f"the official {place} has no case of {name!r}")
            continue
        has = _needed(truth, target)[name]
        raise ConfigError(
            f"studies.{study}.split: {place} has no case of {name!r}, which {has.sum()} cases of"
            f" {len(np.unique(patient[has]))} patients have. The way out: fewer folds, another"
            " share or seed of test, more data, or a target without this class."
        )
    return remarks


def _needed(truth: Numbers, target: Target) -> dict[str, npt.NDArray[np.bool_]]:
    """Name what every part must have, with the cases that have it."""
    strata = strata_of(truth, target) > 0
    needed = {name: strata[:, k] for k, name in enumerate(target.classes)}
    if target.kind == "multi-label":
        needed |= {f"no {name}": truth[:, k] == 0 for k, name in enumerate(target.classes)}
    return needed


def _stratified(patient: Strings, strata: Numbers, split: Split) -> Draw:
    def draw(cases: Ints, shares: tuple[float, ...], stream: int) -> Ints:
        rng = np.random.default_rng([split.seed, stream])
        return _draw(patient[cases], strata[cases], shares, rng)

    return draw


def _hashed(patient: Strings, split: Split) -> Draw:
    """Draw by name: who else is there, and which classes anyone has, changes nothing.

    A larger share of `test` adds patients to it and takes none away.
    """
    names, whose = np.unique(patient, return_inverse=True)

    def draw(cases: Ints, shares: tuple[float, ...], stream: int) -> Ints:
        place = np.array([_fraction(f"{split.seed} {stream} {name}") for name in names])
        ends = np.cumsum(shares)[:-1]
        return np.searchsorted(ends, place, side="right").astype(np.int64)[whose[cases]]

    return draw


def _fraction(text: str) -> float:
    """Hash a text to a number from 0 to below 1."""
    # 53 bits: as many as a float64 holds without rounding up to 1.
    return (int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 11) / 2**53


def _draw(
    patient: Strings, strata: Numbers, shares: tuple[float, ...], rng: np.random.Generator
) -> Ints:
    """Give every patient to the part that lacks most of what the patient has.

    Large patients go first, equal ones in a random order. Counted are the cases of each
    class, weighing more the rarer the class, all cases, and patients.

    References
    ----------
    Sechidis et al., "On the stratification of multi-label data", ECML PKDD 2011, adapted
    to groups.

    """
    names, whose = np.unique(patient, return_inverse=True)
    counts = np.zeros((len(names), strata.shape[1] + 2))
    np.add.at(counts[:, :-2], whose, strata)
    counts[:, -2] = np.bincount(whose, minlength=len(names))
    counts[:, -1] = 1
    totals = np.maximum(counts.sum(axis=0), 1)
    wanted = np.outer(shares, totals)
    order = rng.permutation(len(names))
    order = order[np.argsort(-(counts[order] / totals).sum(axis=1), kind="stable")]
    lacking = wanted.copy()
    given = np.empty(len(names), dtype=np.int64)
    weights = 1 / (totals * wanted)
    for k in order:
        need = (lacking * weights) @ counts[k]
        part = int(need.argmax())
        given[k] = part
        lacking[part] -= counts[k]
    return given[whose]


def large_groups(patient: Strings, named: Strings) -> list[str]:
    """Remark on groups so large that look-alikes were probably taken for copies.

    Parameters
    ----------
    patient, named
        Shape (cases,): the group each case was put into, and the patient its data set names.

    """
    names, counts = np.unique(patient, return_counts=True)
    largest = names[counts.argmax()]
    joined = len(np.unique(named[patient == largest]))
    if joined < 2 or len(names) < SMALL or counts.max() <= LARGE * counts.sum():
        return []
    return [
        f"one group joins {joined} patients and holds {counts.max()} of {counts.sum()} cases:"
        " if leaks.csv shows look-alikes rather than copies, raise split.correlation"
    ]
