"""Whether two names of patients are probably one, written in two ways: 7 and 7.0, P01 and p01.

Spreadsheets and programs take leading zeros away, add decimals to whole numbers, and people write
capitals and blanks as they like. Two forms of one patient would be two patients, of whom one may
stand in train and the other in test.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

# What programs and people write where they do not know a patient.
UNKNOWN_WORDS = frozenset(
    {"nan", "<na>", "nat", "na", "n/a", "#n/a", "none", "null", "nil", "(null)", "\\n"}
    | {"#ref!", "#name?", "#value!", "#div/0!", "#num!", "#null!"}
    | {"unknown", "unk", "missing", "undefined", "not available", "-", "--", "?", "."}
)
# What a spreadsheet makes of a long number, 1.23457E+12, of 2-1 and of both in a narrow column.
MONTHS = "jan|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
CHANGED = re.compile(
    rf"[+-]?[0-9]+(?:[.,][0-9]+)?e\+[0-9]+|[0-9]{{1,2}}[-. ]+(?:{MONTHS})\.?|#+", re.IGNORECASE
)
# Letters before a number: a name such as sub-007 has two parts. Digits among letters are a code, of
# which each sign counts: a01b1 and a1b01 are two.
NUMBERED = re.compile(r"[^0-9]*[0-9]+")
PARTS = re.compile(r"([\s_.-]+)")
ZEROS = re.compile(r"^([^0-9]*)0+([0-9])")
JOINT = re.compile(r"([^\W\d_]+)[\s_-]+([0-9]+)")
WHOLE = re.compile(r"([0-9]+)[.,]0*")


def _unsigned(text: str) -> str:
    return text.strip("'\"").removeprefix("+")


def _whole(text: str) -> str:
    found = WHOLE.fullmatch(text)
    return found[1] if found else text


def _without_zeros(text: str) -> str:
    parts = PARTS.split(text)
    return "".join(ZEROS.sub(r"\1\2", part) if NUMBERED.fullmatch(part) else part for part in parts)


def _seen(text: str) -> str:
    """Return what is seen of a text: no signs without width, one kind of blanks and digits."""
    shown = "".join(sign for sign in text if unicodedata.category(sign) not in ("Cf", "Cc"))
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def _joined(text: str) -> str:
    found = JOINT.fullmatch(text)
    return f"{found[1]}{found[2]}" if found else text


# What two forms can differ in, and how it is taken away; each works on what those before left.
FOLDS: Mapping[str, Callable[[str], str]] = {
    "blanks or signs that look alike": _seen,
    "quotation marks or a plus": _unsigned,
    "capitals": str.casefold,
    "a decimal point": _whole,
    "what stands before the number": _joined,
    "leading zeros": _without_zeros,
}


@dataclass(frozen=True, slots=True)
class Forms:
    """Names of patients that are probably one.

    Attributes
    ----------
    names
        As they are written, sorted.
    differ
        In what.

    """

    names: tuple[str, ...]
    differ: tuple[str, ...]


def plain_form(name: str) -> str:
    """Return a patient's name without what programs and people write differently.

    A name of several parts, such as `train/007`, is folded part by part.
    """
    return "/".join(_folded(part) for part in name.split("/"))


def several_forms(names: Iterable[str]) -> list[Forms]:
    """Return the groups of different names that are probably one patient."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        groups[plain_form(name)].append(name)
    return [Forms(tuple(group), _differ(group)) for group in groups.values() if len(group) > 1]


def is_unknown_word(name: str) -> bool:
    """Tell whether a name says that the patient is not known."""
    return name.strip().casefold() in UNKNOWN_WORDS


def is_changed(name: str) -> bool:
    """Tell whether a spreadsheet has shortened a long number, or made a date of a name."""
    return bool(CHANGED.fullmatch(name.strip()))


def _folded(text: str, but: str = "") -> str:
    for what, fold in FOLDS.items():
        text = text if what == but else fold(text)
    return text


def _differ(group: Sequence[str]) -> tuple[str, ...]:
    """Return without which folds the forms would not be the same, or else which change any."""
    parts = [name.split("/") for name in group]
    needed = [
        what
        for what in FOLDS
        if len({tuple(_folded(part, but=what) for part in each) for each in parts}) > 1
    ]
    every = [part for each in parts for part in each]
    return tuple(needed or [what for what, f in FOLDS.items() if any(f(p) != p for p in every)])
