"""What of a project may be shown to somebody else: no name, no id, no path, no address.

Logs and receipts promise to hold none of these. Here that is not believed: the names that the
project's own tables know are looked for and taken out, and so is all that looks like a path.
"""

import getpass
import os
import platform
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import radpipe
from radpipe.core.declared import SCRIPTS
from radpipe.core.errors import RadpipeError
from radpipe.core.params import Params
from radpipe.core.settings import PhantomSource
from radpipe.core.tables import read_table
from radpipe.studies.base.manifest import list_files, read_manifest
from radpipe.studies.base.sources import raw_root

REMOVED = "<removed>"
# Texts of these keys of params.yaml are paths and addresses outside, or names of files.
PRIVATE_KEYS = frozenset({"path", "address", "accept", "remote", "key_file"})
# A number as short as this is more often a count than an id; it is taken out in quotes only.
SHORT = 4
WORD = re.compile(r"[^\s'\"()\[\]{},;<>|]+")
# Between letters or digits and any other sign.
EDGE = re.compile(r"(?<=[^\W_])(?=[\W_])|(?<=[\W_])(?=[^\W_])")
# As many parts of a word as a name may have; longer ones are found by their parts.
PARTS = 24
QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
# What is left of a path outside the project: two folders deep at least.
PATH = re.compile(r"(?<![\w.<>])(?:~|\$\w+)?(?:/[^\s/'\"():,;]+){2,}/?")
ADDRESS = re.compile(r"\b[a-z][a-z0-9+]*://[^\s'\"]+")


@dataclass(frozen=True)
class Names:
    """Names and ids that must not be shown.

    Attributes
    ----------
    known
        Of patients, cases and files, and parts of file names, without capitals.
    unknown
        Studies whose tables are not there, so that their names are not known either.
    words
        Of settings and code, which give nobody away, without capitals.

    """

    known: frozenset[str]
    unknown: tuple[str, ...]
    words: frozenset[str] = frozenset()

    @classmethod
    def of(cls, params: Params) -> "Names":
        """Collect the names of all studies from their tables."""
        found: set[str] = set()
        unknown = []
        shown = _vocabulary(params)
        for study, block in params.studies.items():
            if isinstance(block.source, PhantomSource):
                continue  # nobody's pictures, and the same for everybody
            try:
                files = {part.casefold() for part in _parts_of_files(study, params)}
                found |= (files - shown) | set(_ids(study))
            except (OSError, RadpipeError):
                unknown.append(study)
        # Words are looked up one by one, so a name of several is known by its words, too.
        words = {word.casefold() for name in found for word in WORD.findall(name)}
        forms = {form.casefold() for name in found | (words - shown) for form in _forms(name)}
        return cls(frozenset(forms - {""}), tuple(unknown), frozenset(shown))


def _parts_of_files(study: str, params: Params) -> Iterator[str]:
    """Yield the names of a study's files and of the folders that they lie in.

    Raises
    ------
    OSError, RadpipeError
        There is no list of them, or it cannot be read.

    """
    manifest = Path("data") / study / "manifest.csv"
    raw = raw_root(study, params.studies[study])
    if not manifest.exists() and not raw.is_dir():
        raise FileNotFoundError(manifest)
    for name in read_manifest(manifest) if manifest.exists() else list_files(raw):
        path = PurePosixPath(name)
        yield from (name, path.stem, *path.parts)


def _ids(study: str) -> Iterator[str]:
    """Yield the names of a study's patients and cases.

    Raises
    ------
    RadpipeError
        A table cannot be read.

    """
    tables = {"cases": ["case", "patient"], "split": ["case", "patient", "named"]}
    for name, columns in tables.items():
        if (table := Path("data") / study / f"{name}.parquet").exists():
            for column in read_table(table, columns).to_pydict().values():
                yield from map(str, column)


def _forms(name: str) -> Iterator[str]:
    """Yield a name as it may be printed: letters with marks have two forms and an escape."""
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, name)
        yield from (text, text.encode("unicode_escape").decode())


def _vocabulary(params: Params) -> set[str]:
    """Return the words that settings and code use: a folder called `train` gives nobody away."""
    words = set(re.findall(r"[A-Za-z_]{2,}", _code()))
    for study in params.studies.values():
        words |= set(study.target.classes)
    words |= {*params.studies, *params.variants}
    return {word.casefold() for word in words}


@lru_cache(maxsize=1)
def _code() -> str:
    files = [*Path(radpipe.__file__).parent.rglob("*.py"), *SCRIPTS.glob("*.py")]
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


class Scrubber:
    """Takes out of texts and settings what may not be shown.

    Parameters
    ----------
    names
        What is known by name.

    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self._places = {
            str(Path.cwd()): ".",
            str(Path(radpipe.__file__).parents[1]): "src",
            sys.prefix: "<python>",
            sys.base_prefix: "<python>",
            str(Path.home()): "~",
        }
        people = {platform.node(): "<host>", _user(): "<user>"}
        # `root` is the user of most containers, and a word of any program.
        self._people = {n: w for n, w in people.items() if n.casefold() not in names.words}

    def text(self, text: str) -> str:
        """Return a text without names, ids, paths and addresses."""
        if self.names.unknown:
            text = QUOTED.sub(f"'{REMOVED}'", text)
        text = ADDRESS.sub("<address>", text)
        for place in sorted(self._places, key=len, reverse=True):
            if place not in ("/", ""):
                text = text.replace(place, self._places[place])
        text = QUOTED.sub(lambda m: self._quoted(m[0]), text)
        text = WORD.sub(lambda m: self._word(m[0]), text)
        text = PATH.sub("<path>", text)
        return self._people_out(text)

    def value(self, value: Any) -> Any:
        """Return a JSON value whose texts are scrubbed; numbers stay."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._of_key(key, item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def _of_key(self, key: object, item: Any) -> Any:
        if key == "host":
            return "<host>"
        if key in PRIVATE_KEYS and isinstance(item, str | list) and not _is_template(item):
            return REMOVED
        return self.value(item)

    def _quoted(self, quoted: str) -> str:
        mark, inside = quoted[0], quoted[1:-1]
        return f"{mark}{REMOVED}{mark}" if inside.casefold() in self.names.known else quoted

    def _word(self, word: str) -> str:
        if self._is_name(word):
            return REMOVED
        # Any part between signs may be one: logs/P01.txt, patient=P01-3, P01:
        edges = {0, len(word), *(found.start() for found in EDGE.finditer(word))}
        return self._parts(word, sorted(edges))

    def _parts(self, word: str, edges: list[int]) -> str:
        done, start, last = "", 0, len(edges) - 1
        while start < last:
            for end in range(min(last, start + PARTS), start, -1):
                if self._is_name(word[edges[start] : edges[end]]):
                    done, start = done + REMOVED, end
                    break
            else:
                done, start = done + word[edges[start] : edges[start + 1]], start + 1
        return done

    def _is_name(self, word: str) -> bool:
        is_count = word.isdigit() and len(word) <= SHORT and word[0] != "0"
        return len(word) > 1 and not is_count and word.casefold() in self.names.known

    def _people_out(self, text: str) -> str:
        for name, instead in self._people.items():
            if len(name) > 1:
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", instead, text)
        return text


def _is_template(item: object) -> bool:
    """Tell whether a setting says how paths are made: {patient} stands for all of them."""
    return isinstance(item, str) and "{" in item


def _user() -> str:
    """Return the user's name; empty if the system has only a number, which is nobody's."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def shown_variables(names: Iterable[str]) -> dict[str, str]:
    """Return variables of the environment whose values are numbers, switches or lists of these."""
    found = {name: os.environ[name] for name in names if name in os.environ}
    return {n: v if re.fullmatch(r"[\w,.:= -]*", v) else REMOVED for n, v in found.items()}
