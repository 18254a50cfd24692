"""A share of the train patients, for learning curves: nested, and with every class in it."""

import hashlib

import numpy as np

from radpipe.core.settings import Target
from radpipe.learning.data.cases import Cases


def within(cases: Cases, target: Target, fraction: float, seed: int) -> Cases:
    """Return the cases of a share of the patients.

    Whole patients, in the order of a lot that their names and the run's seed draw, so that a
    smaller share lies within every larger one of the same seed. Of each stratum, the patients with
    the same rarest class or label, the same share is taken, and at least one.

    Parameters
    ----------
    cases
        The train part.
    target
        Says what the columns of targets mean.
    fraction
        Share of the patients, above 0 and at most 1.
    seed
        The run's; another one draws other patients.

    """
    if fraction == 1:
        return cases
    names, whose = np.unique(cases.table["patient"].to_pylist(), return_inverse=True)
    place = places(names, rarest(whose, present(cases.targets, target)), seed)
    return cases.take(np.flatnonzero((place <= fraction)[whose]))


def present(targets: np.ndarray, target: Target) -> np.ndarray:
    """Return which classes or labels cases have, bool (cases, classes), from (cases, columns)."""
    if target.kind == "multi-label":
        return np.asarray(targets == 1)
    return np.asarray(targets[:, :1] == np.arange(len(target.classes)))


def rarest(whose: np.ndarray, has: np.ndarray) -> np.ndarray:
    """Return each patient's rarest class, int (patients,); the number of classes: none at all.

    From each case's patient, (cases,), and what cases have, bool (cases, classes).
    """
    of_patient = np.zeros((whose.max() + 1, has.shape[1]), dtype=bool)
    np.logical_or.at(of_patient, whose, has)
    order = np.argsort(of_patient.sum(axis=0), kind="stable")
    first = of_patient[:, order].argmax(axis=1)
    return np.asarray(np.where(of_patient.any(axis=1), order[first], has.shape[1]))


def places(names: np.ndarray, stratum: np.ndarray, seed: int) -> np.ndarray:
    """Return the share of patients from which on each of them is taken, (patients,), 0 to 1.

    Patients of a stratum lie at equal distances, behind one another by lot. The first of each is
    always taken; where the others lie depends on a lot of the stratum, so that many small strata
    do not add up to a larger share.
    """
    place = np.empty(len(names))
    lots = np.array([_lot(f"{seed} {name}") for name in names])
    for each in np.unique(stratum):
        mine = np.flatnonzero(stratum == each)
        order = mine[np.argsort(lots[mine], kind="stable")]
        place[order] = (np.arange(len(order)) + _lot(f"{seed} stratum {each}")) / len(order)
        place[order[0]] = 0.0
    return place


def _lot(text: str) -> float:
    """Return a number from 0 to below 1."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48
