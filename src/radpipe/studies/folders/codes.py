"""What data sets write for the same thing: numbers saved as floats, and names of a side."""

import re
from collections.abc import Container, Mapping

from radpipe.core.errors import DataError
from radpipe.core.masking import masked, patterns
from radpipe.core.plurals import counted
from radpipe.studies.base.template import Template
from radpipe.studies.folders.findings import N_NAMED

# The Osteoarthritis Initiative writes 1 for right and 2 for left.
SIDES = {"r": "R", "right": "R", "1": "R", "l": "L", "left": "L", "2": "L"}
WHOLE = re.compile(r"([+-]?[0-9]+)\.0*")


def code(text: str, known: Container[str]) -> str:
    """Return a value as it stands in `known`: "1.0" is found as "1".

    A column of codes in which cells are empty is saved as floats by usual programs.
    """
    whole = WHOLE.fullmatch(text)
    return whole[1] if whole and text not in known else text


def side_of(text: str) -> str | None:
    """Return "R" or "L" for a data set's name of a side, None if it says nothing."""
    return SIDES[_key(text)] if text else None


def refuse_unknown_sides(said: Mapping[str, str], template: Template) -> None:
    """Refuse names of sides that no one knows.

    Parameters
    ----------
    said
        Where it stands (a file or a row) to what is said there; "" is unknown.
    template
        Which may have taken it from there.

    Raises
    ------
    DataError
        With the form of places and sides, and the names that are known.

    """
    wrong = {place: text for place, text in said.items() if text and not _knows(text)}
    if wrong:
        of_template = "side" in template.names
        sides = {masked(text) if of_template and len(text) > 2 else text for text in wrong.values()}
        raise DataError(
            f"{counted(len(wrong), 'side is', 'sides are')} not known,"
            f" {', '.join(map(repr, sorted(sides)[:N_NAMED]))}:"
            f" {patterns(wrong)}."
            + (f" Expected: {template.expected}.{template.unparted}" if of_template else "")
            + " Known: R, right or 1, and L, left or 2, in capitals or not. The way out: correct"
            " them, name the files under layout.leave_out, or give what is no side of the patient"
            " another name."
        )


def _knows(text: str) -> bool:
    return _key(text) in SIDES


def _key(text: str) -> str:
    return code(text, SIDES).lower()
