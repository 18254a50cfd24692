"""The card of a study: everything about its cases that may be told, as one mapping."""

from typing import Any

from radpipe.exploring.cases import StudyCases
from radpipe.exploring.detail import detail_lost
from radpipe.exploring.drift import NOTABLE, compare_parts
from radpipe.exploring.few import FEWEST
from radpipe.exploring.labels import combinations, label_counts, together
from radpipe.exploring.people import age_by_answer, ages, cases_a_patient, groups
from radpipe.exploring.pixels import grey_values, measured, views_shown
from radpipe.imaging.store import Store


def study_card(study: str, cases: StudyCases, store: Store) -> dict[str, Any]:
    """Describe a study by counts and shares, none of which is of one to four patients alone.

    Parameters
    ----------
    study
        Its name.
    cases
        Those that were placed in parts.
    store
        Their pictures.

    Returns
    -------
    dict
        JSON: `patients`, `ages`, `age_by_answer` and `groups`; of the cases outside test `labels`,
        `together` and `combinations`; `drift` and `grey` by part, and `detail` by side. Null or
        empty is what the study does not know. `fewest` and `notable` say from when on groups are
        told and differences marked.

    """
    return {
        "study": study,
        "fewest": FEWEST,
        "notable": NOTABLE,
        "kind": cases.target.kind,
        "patients": cases_a_patient(cases),
        "ages": ages(cases),
        "age_by_answer": age_by_answer(cases),
        "groups": groups(cases, views_shown(store, cases)),
        "labels": label_counts(cases),
        "together": together(cases),
        "combinations": combinations(cases),
        "drift": compare_parts(cases, measured(store, cases)),
        "grey": grey_values(store, cases),
        "detail": detail_lost(store),
    }
