"""Whose picture a file is, from its name: `person12_bacteria_3` is one of person12's."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

LETTERS, DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
SEPARATORS = re.compile(r"([_\-. ])")
# Names that are a patient's by themselves.
ALONE = re.compile(r"(patient|person|subject|subj|sub|pat|pt|case|p|s|id)[0-9]+$", re.IGNORECASE)
CALLED = re.compile(r"(patient|person|subject|subj|sub|pat|pt|case|id)$", re.IGNORECASE)
# Fewer names than these are rather views, days or devices.
LEAST = 5
# Most pictures of one patient: a share of all, or this number where there are few.
LARGEST_SHARE, LARGEST = 0.2, 20
# Most pictures of a patient on average.
MOST_EACH = 50
# Forms of names that a message shows.
N_FORMS = 3


@dataclass(frozen=True)
class Pattern:
    """How file names name patients.

    Attributes
    ----------
    template
        Of a file's name without its suffix, such as "{patient}_{_}".
    n_patients
        How many there are.
    example
        One name and the patient in it.

    """

    template: str
    n_patients: int
    example: tuple[str, str]

    def told(self, n_files: int) -> str:
        """Say what was seen, with an example."""
        name, patient = self.example
        return (
            f"{self.n_patients:,} for {n_files:,} images, from the names of files:"
            f" {name!r} is taken for one of {patient!r}"
        )


def patient_pattern(stems: Sequence[str]) -> Pattern | None:
    """Find the part of the names that several pictures share and that looks like a number.

    Parameters
    ----------
    stems
        Names of files without folder and suffix.

    Returns
    -------
    Pattern or None
        None if nothing in the names can be a patient: all differ, or they are made in
        several ways.

    """
    split = [SEPARATORS.split(stem) for stem in stems]
    if not split:
        return None
    if len({tuple(tokens[1::2]) for tokens in split}) == 1:
        return _alike(stems, split)
    firsts = {tokens[1] if len(tokens) > 1 else "" for tokens in split}
    values = [tokens[0] for tokens in split]
    if len(firsts) == 1 and "" not in firsts and _are_patients(values):
        return _pattern(f"{{patient}}{firsts.pop()}{{_}}", stems, values)
    return None


def untold(stems: Sequence[str]) -> str:
    """Say why names do not tell whose pictures they are, where `patient_pattern` finds nothing.

    Parameters
    ----------
    stems
        Names of files without folder and suffix.

    Returns
    -------
    str
        How many names would tell by themselves and how many would not, with a form of each,
        letters as x and digits as 0: no name is shown.

    """
    by_form: dict[str, list[str]] = defaultdict(list)
    for stem in stems:
        by_form[_form(stem)].append(stem)
    forms = sorted(by_form, key=lambda form: -len(by_form[form]))
    telling = [f for f in forms if len(by_form[f]) >= LEAST and patient_pattern(by_form[f])]
    others = [form for form in forms if form not in set(telling)]
    if not telling:
        return "names of files do not tell"
    n_telling = sum(len(by_form[form]) for form in telling)
    if not others:
        ways = ", ".join(map(repr, telling[:N_FORMS]))
        return f"all names of files tell, but in several ways: {ways}; x: letters, 0: digits"
    return (
        f"{n_telling:,} names of files tell, such as {telling[0]!r}, and"
        f" {len(stems) - n_telling:,} do not, such as {others[0]!r}; x: letters, 0: digits"
    )


def _alike(stems: Sequence[str], split: Sequence[Sequence[str]]) -> Pattern | None:
    """Look for the patient in names that are all made of the same number of tokens."""
    columns = list(zip(*(tokens[0::2] for tokens in split), strict=True))
    if len(columns) == 1:
        alone = sum(bool(ALONE.match(name)) for name in columns[0])
        if alone >= 0.95 * len(stems):
            return _pattern("{patient}", stems, columns[0])
        return None
    for position, values in enumerate(columns):
        named = position > 0 and bool(CALLED.match(columns[position - 1][0]))
        if _are_patients(values) or (named and _has_digits(values)):
            return _pattern(_template(split[0], columns, position), stems, values)
        if len(set(values)) > 1:
            return None  # what differs first is no patient, and what follows it may be anything
    return None


def _template(tokens: Sequence[str], columns: Sequence[Sequence[str]], position: int) -> str:
    """Write what is the same in all names as it is, and the rest as {_}."""
    text = ""
    for index, values in enumerate(columns):
        constant = len(set(values)) == 1 and not set("{}") & set(values[0])
        text += "{patient}" if index == position else values[0] if constant else "{_}"
        text += tokens[2 * index + 1] if 2 * index + 1 < len(tokens) else ""
    return text


def _pattern(template: str, stems: Sequence[str], values: Sequence[str]) -> Pattern:
    several = Counter(values).most_common(1)[0][0]
    place = values.index(several)
    return Pattern(template, len(set(values)), (stems[place], several))


def _form(stem: str) -> str:
    return DIGITS.sub("0", LETTERS.sub("x", stem))


def _are_patients(values: Sequence[str]) -> bool:
    """Tell whether values are shared by a few pictures each, as a patient's number is."""
    counts = Counter(values)
    n, different = len(values), len(counts)
    largest = max(counts.values())
    return (
        different >= LEAST
        and different <= 0.98 * n
        and n <= MOST_EACH * different
        and largest <= max(LARGEST, LARGEST_SHARE * n)
        and _has_digits(values)
    )


def _has_digits(values: Sequence[str]) -> bool:
    return sum(any(sign.isdigit() for sign in value) for value in values) >= 0.9 * len(values)
