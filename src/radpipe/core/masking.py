"""Names of files and cases as messages may show them: by their form, and how many have it."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePosixPath

from radpipe.core.plurals import counted
from radpipe.core.text_files import composed

IMAGE_SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".gif"),
    *(".dcm", ".dicom"),
}
# A run of letters and digits.
RUN = re.compile(r"[^\W_]+")
# Forms of names that a message shows.
N_PATTERNS = 3
# Of a word that may stay as it is anywhere in a name.
LETTERS = 3
# Whether messages name files; see `names_shown`.
SHOWN: ContextVar[bool] = ContextVar("SHOWN", default=False)


def masked(name: str) -> str:
    """Return a name with every digit as 0 and every letter as x; an image's suffix stays.

    Names of files often hold a patient's number, and messages are passed on.
    """
    stem, suffix = _parted(name)
    return "".join(map(_sign, stem)) + suffix


def shortened(name: str) -> str:
    """Return a name with runs of digits as 0, of letters as x, and of both as *, but its suffix.

    Letters before a number are x0.
    """
    stem, suffix = _parted(name)
    return RUN.sub(_run, stem) + suffix


@contextmanager
def names_shown() -> Iterator[None]:
    """Let `patterns` show a name of each form as it is.

    For what only the terminal of who has the files gets: never in a step, whose messages go to
    logs that are passed on.
    """
    token = SHOWN.set(True)
    try:
        yield
    finally:
        SHOWN.reset(token)


def patterns(names: Iterable[str], words: Iterable[str] = ()) -> str:
    """Count names by their masked form, the most frequent first: "3 like 'x00.png'".

    Where there are more forms than are shown, runs of letters and digits become one sign.

    Parameters
    ----------
    names
        Paths, or what stands in a table.
    words
        What stays as it is because the settings say it: names of classes and parts.

    """
    every = list(names)
    keep = _keeper(words)
    forms, note = _counted(every, keep, masked), "0 is any digit, x any letter"
    if len(forms) > N_PATTERNS:
        forms = _counted(every, keep, shortened)
        note = "0 is any number, x any word, * a mixture"
    order = sorted(forms, key=lambda form: -len(forms[form]))
    shown = {form: forms[form][0] if SHOWN.get() else form for form in order}
    listed = ", ".join(f"{len(forms[form])} like {shown[form]!r}" for form in order[:N_PATTERNS])
    rest = len(order) - N_PATTERNS
    more = f" and {counted(rest, 'other form', 'other forms')}" if rest > 0 else ""
    return f"{listed}{more}" + ("" if SHOWN.get() else f" ({note})")


def _counted(
    names: Iterable[str], keep: re.Pattern[str] | None, form: Callable[[str], str]
) -> dict[str, list[str]]:
    """Return form to the names that have it."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_formed(name, keep, form), []).append(name)
    return found


def _formed(name: str, keep: re.Pattern[str] | None, form: Callable[[str], str]) -> str:
    """Return the form of a name in which the words that are known stay."""
    if keep is None:
        return form(name)
    stem, suffix = _parted(name)
    parts, end = "", 0
    for found in keep.finditer(stem):
        parts += form(stem[end : found.start()]) + found[0]
        end = found.end()
    return parts + form(stem[end:]) + suffix


def _keeper(words: Iterable[str]) -> re.Pattern[str] | None:
    """Match known words: whole folders, and those of three letters or more anywhere.

    A short one, such as a grade, could be part of a patient's number elsewhere.
    """
    known = sorted({composed(word) for word in words if word}, key=len, reverse=True)
    if not known:
        return None
    folders = "|".join(map(re.escape, known))
    long = [re.escape(word) for word in known if sum(map(str.isalpha, word)) >= LETTERS]
    inside = [rf"(?<![^\W_])(?:{'|'.join(long)})(?![^\W_])"] if long else []
    return re.compile("|".join([rf"(?:(?<=/)|^)(?:{folders})(?=/)", *inside]))


def _parted(name: str) -> tuple[str, str]:
    """Part the suffix of an image from a name; any other belongs to the name."""
    suffix = PurePosixPath(name).suffix
    suffix = suffix if suffix.lower() in IMAGE_SUFFIXES else ""
    return name.removesuffix(suffix), suffix


def _sign(sign: str) -> str:
    return "0" if sign.isdigit() else "x" if sign.isalpha() else sign


def _run(found: re.Match[str]) -> str:
    form = re.sub(r"(.)\1+", r"\1", "".join(map(_sign, found[0])))
    return form if form in ("0", "x", "x0") else "*"
