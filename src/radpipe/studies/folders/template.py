"""Templates of paths, such as `{part}/{class}/{patient}-{_}`: match a path, or make one."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
IGNORED = ("_", "file")
KNOWN = ("class", "patient", "part")


class Template:
    """A path with placeholders in braces.

    A placeholder matches one or more signs within one folder or file name, as few as
    possible. One that is named twice must match the same text, except `_` and `file`,
    which are free. The suffix of the file is left out of the match unless the template's
    last part holds a dot outside its placeholders.

    Raises
    ------
    ValueError
        A brace without its partner, or a placeholder that is no name.

    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = [name for name in PLACEHOLDER.findall(text) if name not in IGNORED]
        literal = PLACEHOLDER.sub("", text)
        if "{" in literal or "}" in literal:
            raise ValueError(f"{text!r}: a brace without its partner")
        for name in PLACEHOLDER.findall(text):
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(
                    f"{text!r}: {{{name}}} is no name; use letters, digits and _, and {{_}} for"
                    " what is to be ignored"
                )
        self.with_suffix = "." in PLACEHOLDER.sub("", text.rpartition("/")[2])
        self._parts = [_pattern(part) for part in text.split("/")]
        self._whole = re.compile(_whole_pattern(text))

    @property
    def covariates(self) -> list[str]:
        """Placeholders that are neither understood nor ignored, each once, in order."""
        return [name for name in dict.fromkeys(self.names) if name not in KNOWN]

    @property
    def class_depth(self) -> int:
        """Number of folder names up to and with the one that holds the class."""
        return 1 + next(i for i, part in enumerate(self.text.split("/")) if "{class}" in part)

    def match(self, file: str) -> dict[str, str] | None:
        """Return what each placeholder stands for in a path, or None."""
        path = PurePosixPath(file)
        text = file if self.with_suffix else str(path.with_suffix(""))
        found = self._whole.fullmatch(text)
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
        """Return the path in which every placeholder is replaced by its value."""
        return PLACEHOLDER.sub(lambda found: values[found[1]], self.text)


def _whole_pattern(text: str) -> str:
    """Return the regular expression of a template; a repeated name must match the same."""
    seen: set[str] = set()
    pattern, end = "", 0
    for found in PLACEHOLDER.finditer(text):
        pattern += re.escape(text[end : found.start()])
        name, end = found[1], found.end()
        if name in IGNORED:
            pattern += "[^/]+?"
        elif name in seen:
            pattern += f"(?P={name})"
        else:
            pattern += f"(?P<{name}>[^/]+?)"
        seen.add(name)
    return pattern + re.escape(text[end:])


def _pattern(part: str) -> re.Pattern[str]:
    return re.compile(_whole_pattern(part))
