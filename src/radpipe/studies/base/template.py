"""Templates of paths, such as `{part}/{class}/{patient}-{_}`: match a path, or make one."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from radpipe.core.masking import IMAGE_SUFFIXES
from radpipe.core.text_files import composed

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# A name, and after a colon how many digits it has.
FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::([1-9][0-9]?))?")
# Two placeholders with nothing between them.
UNPARTED = re.compile(r"\{([^{}]*)\}(?=\{([^{}]*)\})")
IGNORED = ("_", "file")
KNOWN = ("class", "patient", "part")


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
