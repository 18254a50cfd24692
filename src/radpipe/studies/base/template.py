"""Templates of paths, such as `{part}/{class}/{patient}-{_}`: match a path, or make one."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePosixPath

from radpipe.core.plurals import counted
from radpipe.core.text_files import composed

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# A name, and after a colon how many digits it has.
FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::([1-9][0-9]?))?")
# Two placeholders with nothing between them.
UNPARTED = re.compile(r"\{([^{}]*)\}(?=\{([^{}]*)\})")
IGNORED = ("_", "file")
# A run of letters and digits.
RUN = re.compile(r"[^\W_]+")
# Forms of names that a message shows.
N_PATTERNS = 3
# Of a word that may stay as it is anywhere in a name.
LETTERS = 3
KNOWN = ("class", "patient", "part")
# Whether messages name files; see `names_shown`.
SHOWN: ContextVar[bool] = ContextVar("SHOWN", default=False)
IMAGE_SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".gif"),
    *(".dcm", ".dicom"),
}


class Template:
    """A path with placeholders in braces.

    A placeholder matches one or more signs within one folder or file name, as few as
    possible; `{patient:7}` matches exactly seven digits. One that is named twice must match
    the same text, except `_` and `file`, which are free. Accents are compared, and given back, in
    one of the two ways in which systems write them (NFC). The suffix of an image is left out
    of the match unless the template's last part holds a dot outside its placeholders.

    Attributes
    ----------
    expected
        What it stands for in words: folders parted by " / ", each as patient (7 digits), '_', side.

    Raises
    ------
    ValueError
        A brace without its partner, or a placeholder that is no name.

    """

    def __init__(self, text: str) -> None:
        self.text = text = composed(text)
        literal = PLACEHOLDER.sub("", text)
        if "{" in literal or "}" in literal:
            raise ValueError(f"{text!r}: a brace without its partner")
        for inside in PLACEHOLDER.findall(text):
            if not FIELD.fullmatch(inside):
                raise ValueError(
                    f"{text!r}: {{{inside}}} is no name; use letters, digits and _, {{_}} for"
                    " what is to be ignored, and a number after a colon for so many digits,"
                    " such as {patient:7}"
                )
        self.expected = " / ".join(_described(part) for part in text.split("/"))
        self.names = [name for name in _names(text) if name not in IGNORED]
        self.with_suffix = "." in PLACEHOLDER.sub("", text.rpartition("/")[2])
        self._parts = [re.compile(_pattern(part)) for part in text.split("/")]
        self._whole = re.compile(_pattern(text))

    @property
    def covariates(self) -> list[str]:
        """Placeholders that are neither understood nor ignored, each once, in order."""
        return [name for name in dict.fromkeys(self.names) if name not in KNOWN]

    @property
    def unparted(self) -> str:
        """Say which placeholder ends nobody knows where; empty if each one's end is clear.

        It is followed by another one at once, and takes as few signs as it can: one.
        """
        for part in self.text.split("/"):
            for one, other in UNPARTED.findall(part):
                if ":" not in one:
                    return (
                        f" Nothing parts {{{one}}} from {{{other}}}, so {{{one}}} takes one sign:"
                        f" write what stands between them, or how many digits it has, such as"
                        f" {{{one}:7}}."
                    )
        return ""

    @property
    def is_free(self) -> bool:
        """Whether a part is ignored, so that two files can agree in all that is understood."""
        return any(name in IGNORED for name in _names(self.text))

    def depth(self, name: str) -> int | None:
        """Count the folder names up to and with the one that holds a placeholder."""
        parts = self.text.split("/")
        return next((i for i, part in enumerate(parts, 1) if name in _names(part)), None)

    def match(self, file: str) -> dict[str, str] | None:
        """Return what each placeholder stands for in a path, or None."""
        path = PurePosixPath(file := composed(file))
        bare = not self.with_suffix and path.suffix.lower() in IMAGE_SUFFIXES
        found = self._whole.fullmatch(str(path.with_suffix("")) if bare else file)
        return found.groupdict() if found else None

    def match_folder(self, folder: str) -> dict[str, str] | None:
        """Match a folder against the first part of the template, as deep as it goes."""
        names = composed(folder).split("/")
        found: dict[str, str] = {}
        for name, part in zip(names, self._parts, strict=False):
            match = part.fullmatch(name)
            if match is None:
                return None
            found |= match.groupdict()
        return found

    def render(self, values: Mapping[str, str]) -> str:
        """Return the path in which every placeholder is replaced by its value.

        A value for a number of digits gets leading zeros.
        """
        return PLACEHOLDER.sub(lambda found: _filled(found[1], values), self.text)


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


def _described(part: str) -> str:
    """Put one folder or file name of a template into words: patient (7 digits), '_', side."""
    words, end = [], 0
    for found in PLACEHOLDER.finditer(part):
        words += [repr(part[end : found.start()])] if found.start() > end else []
        name, _, digits = found[1].partition(":")
        of = f" ({digits} digits)" if digits else ""
        words.append(f"{'anything' if name in IGNORED else name}{of}")
        end = found.end()
    words += [repr(part[end:])] if end < len(part) else []
    return ", ".join(words)


def _names(text: str) -> list[str]:
    return [inside.partition(":")[0] for inside in PLACEHOLDER.findall(text)]


def _filled(inside: str, values: Mapping[str, str]) -> str:
    name, _, digits = inside.partition(":")
    return values[name].zfill(int(digits or 0))


def _pattern(text: str) -> str:
    """Return the regular expression of a template; a repeated name must match the same."""
    seen: set[str] = set()
    pattern, end = "", 0
    for found in PLACEHOLDER.finditer(text):
        pattern += re.escape(text[end : found.start()])
        name, _, digits = found[1].partition(":")
        end = found.end()
        signs = f"[0-9]{{{digits}}}" if digits else "[^/]+?"
        if name in IGNORED:
            pattern += signs
        elif name in seen:
            pattern += f"(?P={name})"
        else:
            pattern += f"(?P<{name}>{signs})"
        seen.add(name)
    return pattern + re.escape(text[end:])
