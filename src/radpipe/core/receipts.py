"""Receipts: what a step really did, and whether that is still what the settings ask for."""

import errno
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import radpipe
from radpipe.core.errors import ConfigError, StaleError
from radpipe.core.files import read_json, sha256_json, write_json
from radpipe.core.graph import Run, receipt_path
from radpipe.core.hashes import Hashes
from radpipe.core.links import said_of
from radpipe.core.params import Params, lookup
from radpipe.core.versions import libraries

# Where the package's own code stands in the project, whatever folder it is imported from.
PACKAGE = Path("src/radpipe")
# What a file is that is not there: nothing, below a file, a link that leads to itself.
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})

# Hashes of a run's code, and versions of its libraries.
Program = tuple[dict[str, str], dict[str, str]]


def program_of(run: Run) -> Program:
    """Return the code and the libraries on which a run depends, found once for a graph.

    Code is hashed by what it says (comments and docstrings say nothing), under its name in the
    project: wherever the package is installed, its modules are named `src/radpipe/...`.

    Raises
    ------
    ConfigError
        The project has a package of its own, and Python would use another one.

    """
    programs: dict[tuple[str, tuple[str, ...]], Program] = run.graph.programs
    key = (run.step.name, run.loads)
    if key not in programs:
        _require_own_package()
        files = run.code()
        names = {name_of_code(file): file for file in files}
        source_of = run.graph.code.source_of
        code = {name: source_of(names[name]).digest for name in sorted(names)}
        imported = {name for file in files for name in source_of(file).libraries}
        programs[key] = code, libraries(imported, run.outputs)
    return programs[key]


def _require_own_package() -> None:
    root = Path(radpipe.__file__).parent
    if PACKAGE.is_dir() and PACKAGE.resolve() != root.resolve():
        raise ConfigError(
            f"python would use the radpipe of another folder, {root}, and not this one's"
            f" {PACKAGE}. Make an environment of its own here: make install."
        )


@lru_cache(maxsize=4096)
def name_of_code(file: Path) -> str:
    """Return the name of a file of code in the project."""
    root = Path(radpipe.__file__).parent
    return str(PACKAGE / file.relative_to(root) if file.is_relative_to(root) else file)


@dataclass(frozen=True)
class Receipt:
    """One run of one step.

    Attributes
    ----------
    settings
        Dotted path in `params.yaml` to the value that was used.
    code, inputs, outputs
        Path in the project to SHA-256; of code, of what it says (`radpipe.core.sources`).
    libraries
        Distribution to version, of the libraries that decide what is written.
    facts
        Host, processor, time and the like: true, and of no consequence for agreement.

    """

    step: str
    run: str
    settings: Mapping[str, Any]
    code: Mapping[str, str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return receipt_path(self.step, self.run)

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.step} {self.run}"

    def write(self) -> None:
        """Write the receipt with a seal over its content."""
        body = asdict(self)
        write_json(self.path, {**body, "seal": sha256_json(body)})


def read_receipt(path: Path) -> Receipt:
    """Read a receipt; one whose seal is broken is a `StaleError`."""
    try:
        body = read_json(path)
        seal = body.pop("seal")
        receipt = Receipt(**body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StaleError(f"{path}: not a receipt ({error}). Delete it and run again.") from error
    if sha256_json(body) != seal or receipt.path != Path(*Path(path).parts[-4:]):
        raise StaleError(
            f"{path}: this receipt was changed after it was written, so it proves nothing."
            " Delete it and run again."
        )
    return receipt


def disagreements(
    receipt: Receipt,
    run: Run,
    params: Params,
    hashes: Hashes,
) -> list[str]:
    """List what no longer agrees with a receipt, most telling first; empty is good.

    Parameters
    ----------
    receipt, run
        What was done, and what would be done now.
    params, hashes
        The settings and the files of now.

    """
    lines = [
        f"{path}: {then!r} when made, {now!r} now"
        for key in dict.fromkeys([*receipt.settings, *run.settings])
        for path, then, now in _changes(
            key, receipt.settings.get(key, "absent"), _setting_of_now(params, run, key)
        )
    ]
    code, versions = program_of(run)
    lines += [f"code {name}: {what}" for name, what in _compare(receipt.code, code)]
    for name in {**receipt.libraries, **versions}:
        then, now = receipt.libraries.get(name, "absent"), versions.get(name, "absent")
        if then != now:
            lines.append(f"library {name}: {then} when made, {now} now")
    inputs = _hashes_of_now(run.inputs, hashes)
    lines += [f"input {name}: {what}" for name, what in _compare(receipt.inputs, inputs)]
    outputs = _hashes_of_now(run.outputs, hashes)
    return lines + [f"output {name}: {what}" for name, what in _compare(receipt.outputs, outputs)]


def _setting_of_now(params: Params, run: Run, key: str) -> Any:
    if key not in run.settings:
        return "absent"
    try:
        return lookup(params, key)
    except ConfigError:
        return "absent"


def _hashes_of_now(paths: Iterable[str], hashes: Hashes) -> dict[str, str]:
    found = {}
    for name in paths:
        try:
            found[name] = hashes.of(Path(name))
        except OSError as error:
            if error.errno not in ABSENT:
                raise
    return found


def _compare(then: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, str]]:
    if then == now:
        return []
    differ = [name for name in then if name in now and then[name] != now[name]]
    changed = [(name, f"changed{said_of(Path(name))}") for name in differ]
    missing = [(name, f"missing{said_of(Path(name))}") for name in then if name not in now]
    added = [(name, "added") for name in now if name not in then]
    return changed + missing + added


def _changes(path: str, then: Any, now: Any) -> list[tuple[str, Any, Any]]:
    """Walk two JSON values and return the leaves that differ."""
    if then == now:
        return []
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        keys = [*then, *(key for key in now if key not in then)]
        return [
            change
            for key in keys
            for change in _changes(f"{path}.{key}", then.get(key, "absent"), now.get(key, "absent"))
        ]
    return [(path, then, now)]
