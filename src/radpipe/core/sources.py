"""What a file of Python says: what it imports, and what the interpreter would make of it.

Comments, layout, docstrings and line numbers are nothing to the interpreter, so an edit of them
changes no digest. Files are parsed, never imported, and what was found is remembered by the hash
of their bytes. Of a file that is no Python, such as a template, every byte counts.
"""

import ast
import json
import sys
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from radpipe.core.errors import RadpipeError
from radpipe.core.files import read_json, sha256_bytes, write_text
from radpipe.core.hashes import Stamp, stamp_of

MEMORY = Path(".state/sources.json")
# The end of the name of the functions that register an architecture under their first argument.
REGISTERS = "architecture"
# What such a call says of an architecture whose weights hold what it was shown.
REMEMBERS = "remembers"


@dataclass(frozen=True)
class Source:
    """What one file of Python says.

    Attributes
    ----------
    digest
        SHA-256 of its syntax tree, without docstrings and places; of its bytes if it has none.
    imports
        Modules of radpipe; of `from a import b` both a and a.b, because b may be a module.
    libraries
        Top-level names of what else it imports, the standard library left out.
    whole_package
        Whether it goes through `iter_modules(__path__)` and so imports all modules beside it.
    architectures
        What it registers: the first arguments of calls of functions so named (`REGISTERS`).
    remembering
        Those of them whose weights hold cases (`REMEMBERS`).

    """

    digest: str
    imports: tuple[str, ...]
    libraries: tuple[str, ...]
    whole_package: bool
    architectures: tuple[str, ...] = ()
    remembering: tuple[str, ...] = ()


def source_of(file: Path) -> Source:
    """Return what a file says.

    Raises
    ------
    RadpipeError
        It is called Python and cannot be parsed.

    """
    return _source(file, stamp_of(file))


def parsed(file: Path) -> ast.Module:
    """Parse a file of Python.

    Raises
    ------
    RadpipeError
        It cannot be parsed.

    """
    return _parse(file.read_bytes(), file)


def _parse(data: bytes, file: Path) -> ast.Module:
    try:
        return ast.parse(data, str(file))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise RadpipeError(
            f"{file}{line}: Python cannot read this ({said}). The way out: correct it, or put back"
            f" the last commit's: git checkout {file}"
        ) from error


def remember() -> None:
    """Write down what was parsed, so that the next process need not; it is no loss if it cannot."""
    if _new and MEMORY.parent.is_dir():
        _memory().update(_new)
        _new.clear()
        known = {key: asdict(source) for key, source in _memory().items()}
        try:
            write_text(MEMORY, json.dumps({"by": _by(), "sources": known}))
        except OSError:
            return  # a folder that only may be read


_new: dict[str, Source] = {}


@lru_cache(maxsize=4096)
def _source(file: Path, stamp: Stamp) -> Source:
    del stamp
    data = file.read_bytes()
    key = sha256_bytes(data)
    if file.suffix != ".py":
        return Source(key, (), (), whole_package=False)
    found = _memory().get(key) or _new.get(key)
    if found is None:
        found = _new[key] = _read(_parse(data, file))
    return found


@lru_cache(maxsize=1)
def _memory() -> dict[str, Source]:
    try:
        held = read_json(MEMORY)
        if held["by"] != _by():
            return {}
        return {key: _restored(found) for key, found in held["sources"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # nothing was written down, or not whole: parse instead


def _restored(found: dict[str, Any]) -> Source:
    names = ("imports", "libraries", "architectures", "remembering")
    lists = {name: tuple(found[name]) for name in names}
    return Source(**{**found, **lists})


@lru_cache(maxsize=1)
def _by() -> str:
    """Name who remembers: what another Python or another version of this file found is void."""
    return f"{sys.version_info[:2]} {sha256_bytes(Path(__file__).read_bytes())}"


def _read(tree: ast.Module) -> Source:
    names = {name for node in ast.walk(tree) for name in _imported(node)}
    ours = {name for name in names if name.partition(".")[0] == "radpipe"}
    others = {name.partition(".")[0] for name in names - ours} - sys.stdlib_module_names
    whole = any(_goes_through_its_modules(node) for node in ast.walk(tree))
    digest = sha256_bytes(repr(_plain(tree)).encode("utf-8", "backslashreplace"))
    found = [each for node in ast.walk(tree) for each in _registered(node)]
    return Source(
        digest,
        tuple(sorted(ours)),
        tuple(sorted(others)),
        whole,
        architectures=tuple(name for name, _ in found),
        remembering=tuple(name for name, remembers in found if remembers),
    )


def _registered(node: ast.AST) -> list[tuple[str, bool]]:
    """Return the architecture that a call registers, if any, and whether it remembers cases."""
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        remembers = any(each.arg == REMEMBERS for each in node.keywords)
        return [(str(node.args[0].value), remembers)] if name.endswith(REGISTERS) else []
    return []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _goes_through_its_modules(node: ast.AST) -> bool:
    called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "iter_modules"
    return called and ast.unparse(node) == "iter_modules(__path__)"


def _plain(value: Any) -> Any:
    """Turn a syntax tree into nested lists that are the same under every version of Python.

    What is empty is left out, because versions differ in which empty fields a node has. A bare
    text does nothing, wherever it stands.
    """
    if isinstance(value, list):
        return [_plain(item) for item in value if not _is_bare_text(item)]
    if not isinstance(value, ast.AST):
        return repr(value)
    fields = [
        (name, _plain(part))
        for name, part in ast.iter_fields(value)
        if part not in (None, []) and name not in ("kind", "type_comment")
    ]
    # `None` as a constant is no empty field.
    given = [("value", repr(value.value))] if isinstance(value, ast.Constant) else fields
    return [type(value).__name__, *given]


def _is_bare_text(item: Any) -> bool:
    constant = item.value if isinstance(item, ast.Expr) else None
    return isinstance(constant, ast.Constant) and isinstance(constant.value, str)
