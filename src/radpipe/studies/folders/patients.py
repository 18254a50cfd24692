"""Patients of a folder's images: refused or merged where one is written in several forms."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from radpipe.core.errors import DataError
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.core.text_tables import some_lines
from radpipe.studies.base.contract import Case, unknown_patient
from radpipe.studies.base.same_patient import (
    Forms,
    is_changed,
    is_unknown_word,
    plain_form,
    several_forms,
)
from radpipe.studies.folders.layout import FoldersLayout

log = logging.getLogger("radpipe.index")

Lines = Mapping[str, Sequence[int]]


def settle_patients(
    cases: Sequence[Case], layout: FoldersLayout, *, where: str, lines: Lines | None = None
) -> list[Case]:
    """Do with patients of several forms what `layout.patient_forms` says.

    Parameters
    ----------
    cases
        All of the study.
    layout
        Its settings.
    where
        What names the patients: "t.csv: column id" or "layout.path".
    lines
        Patient to the lines of the table that name it; None: names of files do.

    Returns
    -------
    list
        The cases; if forms are merged, each patient by the first of its forms.

    Raises
    ------
    DataError
        Forms are refused and there are some, words for an unknown patient, or names that a
        spreadsheet has changed. No name is shown.

    """
    if layout.patient_forms == "keep":
        return list(cases)
    known = {case.patient for case in cases if case.patient != unknown_patient(case.case)}
    words = sorted(filter(is_unknown_word, known))
    forms = several_forms(known.difference(words))
    merge = layout.patient_forms == "merge"
    if changed := sorted(filter(is_changed, known)):
        raise DataError(
            f"{where}: {counted(len(changed), 'patient looks', 'patients look')} like a long number"
            " that a spreadsheet has shortened, such as 1.2E+12, or like a date that it has made,"
            f" such as 02-Jan{_places(changed, lines)}: different patients may have become one. The"
            " way out: take the table from before that; or, if they are names, say in params.yaml"
            " layout.patient_forms: keep"
        )
    if words and not merge:
        raise DataError(
            f"{where}: {counted(len(words), 'word', 'words')} in the place of a patient"
            f" {'stands' if len(words) == 1 else 'stand'} for an unknown one, such as nan or NA"
            f"{_places(words, lines)}; all such images would be one patient's. The way out: leave"
            " these cells empty; or say in params.yaml layout.patient_forms: merge (each such image"
            " is taken for a patient of its own) or keep (it is a name)"
        )
    if forms and not merge:
        raise DataError(_refused(forms, where, lines))
    if not merge:
        return list(cases)
    return _merged(cases, forms, set(words), where)


def _merged(
    cases: Sequence[Case], forms: Sequence[Forms], words: set[str], where: str
) -> list[Case]:
    """Give each patient one name, and cases of an unknown one a patient of their own."""
    first = {plain_form(form.names[0]): form.names[0] for form in forms}
    done = []
    for case in cases:
        name = first.get(plain_form(case.patient), case.patient)
        name = unknown_patient(case.case) if case.patient in words else name
        done.append(case if name == case.patient else replace(case, patient=name))
    if forms or words:
        log.warning(
            "%s: %s written in several forms, merged; words for an unknown patient: %d",
            where,
            counted(len(forms), "patient was", "patients were"),
            len(words),
        )
    return done


def _refused(forms: Sequence[Forms], where: str, lines: Lines | None) -> str:
    differ = ", ".join(dict.fromkeys(what for form in forms for what in form.differ))
    places = _places(forms[0].names, lines)
    return (
        f"{where}: {counted(len(forms), 'patient is', 'patients are')} probably written in several"
        f" forms, which differ in {differ}{places}; they would count as different patients, and"
        " might stand in both train and test. The way out: write each patient in one way; or say in"
        " params.yaml layout.patient_forms: merge (they are one) or keep (they are not)"
    )


def _places(names: Sequence[str], lines: Lines | None) -> str:
    """Say where names stand, by line or by form, never by what they are."""
    if lines is None:
        return f", such as {patterns(names)}"
    return f", such as {some_lines([lines[name][0] for name in names if lines.get(name)])}"
