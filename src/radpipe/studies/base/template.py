"""Templates of paths, such as `{part}/{class}/{patient}-{_}`: match a path, or make one."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# A name, and after a colon how many digits it has.
FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::([1-9][0-9]?))?")
IGNORED = ("_", "file")
KNOWN = ("class", "patient", "part")
IMAGE_SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".gif"),
    *(".dcm", ".dicom"),
}


class Template:
    """A path with placeholders in braces.

    A placeholder matches one or more signs within one folder or file name, as few as
    possible; `{patient:7}` matches exactly seven digits. One that is named twice must match
    the same text, except `_` and `file`, which are free. The suffix of an image is left out
    of the match unless the template's last part holds a dot outside its placeholders.

    Raises
    ------
    ValueError
        A brace without its partner, or a placeholder that is no name.

    """

    def __init__(self, text: str) -> None:
        self.text = text
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
        self.names = [name for name in _names(text) if name not in IGNORED]
        self.with_suffix = "." in PLACEHOLDER.sub("", text.rpartition("/")[2])
        self._parts = [re.compile(_pattern(part)) for part in text.split("/")]
        self._whole = re.compile(_pattern(text))

    @property
    def covariates(self) -> list[str]:
        """Placeholders that are neither understood nor ignored, each once, in order."""
        return [name for name in dict.fromkeys(self.names) if name not in KNOWN]

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
        path = PurePosixPath(file)
        bare = not self.with_suffix and path.suffix.lower() in IMAGE_SUFFIXES
        found = self._whole.fullmatch(str(path.with_suffix("")) if bare else file)
        return found.groupdict() if found else None

    def match_folder(self, folder: str) -> dict[str, str] | None:
        """Match a folder against the first part of the template, as deep as it goes."""
        names = folder.split("/")
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
