"""Which pictures a contact sheet shows: some of each label or class, of as many patients."""

import numpy as np
from numpy.typing import NDArray

from radpipe.exploring.cases import StudyCases
from radpipe.exploring.pixels import evenly
from radpipe.imaging.lettering import has_lettering
from radpipe.imaging.store import Store

# Pictures a row, and rows at most.
ACROSS = 8
MOST_ROWS = 16
# Looked at to find those without lettering.
CANDIDATES = 3 * ACROSS


def contact_rows(store: Store, cases: StudyCases) -> dict[str, NDArray[np.int64]]:
    """Choose pictures for a sheet, none of test and none in which lines of letters are seen.

    Parameters
    ----------
    store
        Of the study.
    cases
        Of the study.

    Returns
    -------
    dict
        Label or class (of a binary target both) to up to `ACROSS` rows of the store's index, each
        of another patient; those without a picture are left out.

    """
    row_of = first_rows(store)
    there = np.array([name in row_of for name in cases.case.tolist()])
    found = {}
    for name, mask in _shown(cases).items():
        numbers = np.flatnonzero(mask & there & cases.outside_test)
        _, firsts = np.unique(cases.patient[numbers], return_index=True)
        chosen = evenly(numbers[np.sort(firsts)], CANDIDATES)
        rows = np.array([row_of[case] for case in cases.case[chosen].tolist()], np.int64)
        if len(clean := without_letters(store, rows)):
            found[name] = evenly(clean, ACROSS)
    return found


def _shown(cases: StudyCases) -> dict[str, NDArray[np.bool_]]:
    names, present = cases.answers, cases.present
    found = {name: present[:, k] == 1 for k, name in enumerate(names)}
    if cases.target.kind == "binary":
        found = {cases.target.classes[0]: present[:, 0] == 0} | found
    return dict(list(found.items())[:MOST_ROWS])


def first_rows(store: Store) -> dict[str, int]:
    """Return the row of the first view of each case that the store has."""
    found: dict[str, int] = {}
    for row, case in enumerate(store.index["case"].to_pylist()):
        found.setdefault(case, row)
    return found


def without_letters(store: Store, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows whose stored picture shows no lines of letters."""
    clean = [not has_lettering(pixels[..., 0]) for pixels in store.middles(rows)]
    return rows[np.array(clean, np.bool_)]
