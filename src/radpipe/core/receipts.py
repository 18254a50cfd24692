"""Receipts: what a step really did, and whether that is still what the settings ask for."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import radpipe
from radpipe.core.errors import ConfigError, StaleError
from radpipe.core.files import files_below, read_json, sha256_json, write_json
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params, lookup

RECEIPTS = Path("results/receipts")
SCRIPTS = Path("workflow/scripts")
# Where the package's own code stands in the project, whatever folder it is imported from.
PACKAGE = Path("src/radpipe")
# Fact of a trained run: what the network looked like after its first steps (`radpipe accept`).
FIRST_STEPS = "first_steps_sha256"


def receipt_path(step: str, run: str) -> Path:
    """Return where the receipt of one run of a step lies."""
    return RECEIPTS / step / f"{run}.json"


def code_files(step: str, layers: Iterable[str]) -> dict[str, Path]:
    """List the code a step depends on: its script and every file of its layers.

    Returns the name in the project (`src/radpipe/core/files.py`) and the place that is
    really imported, which differ when the package is installed elsewhere.
    """
    root = Path(radpipe.__file__).parent
    if PACKAGE.is_dir() and PACKAGE.resolve() != root.resolve():
        raise ConfigError(
            f"python would use the radpipe of another folder, {root}, and not this one's"
            f" {PACKAGE}. Make an environment of its own here: make install."
        )
    found = {f"{SCRIPTS}/{step}.py": SCRIPTS / f"{step}.py"}
    for layer in layers:
        folder = root / layer
        for file in files_below(folder):
            found[str(PACKAGE / file.relative_to(root))] = file
    return found


def code_hashes(step: str, layers: Iterable[str], hashes: Hashes) -> dict[str, str]:
    """Hash the code a step depends on."""
    return {name: hashes.of(path) for name, path in code_files(step, layers).items()}


@dataclass(frozen=True)
class Receipt:
    """One run of one step.

    Attributes
    ----------
    settings
        Dotted path in `params.yaml` to the value that was used.
    layers
        Layers of the package that the step may import.
    code, inputs, outputs
        Path in the project to SHA-256.
    facts
        Host, processor, time and the like: true, and of no consequence for agreement.

    """

    step: str
    run: str
    settings: Mapping[str, Any]
    layers: tuple[str, ...]
    code: Mapping[str, str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)

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
        body = self._body()
        write_json(self.path, {**body, "seal": sha256_json(body)})

    def _body(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "run": self.run,
            "settings": dict(self.settings),
            "layers": list(self.layers),
            "code": dict(self.code),
            "inputs": dict(self.inputs),
            "outputs": dict(self.outputs),
            "facts": dict(self.facts),
        }


def read_receipt(path: Path) -> Receipt:
    """Read a receipt; one whose seal is broken is a `StaleError`."""
    try:
        body = read_json(path)
        seal = body.pop("seal")
        receipt = Receipt(**{**body, "layers": tuple(body["layers"])})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StaleError(f"{path}: not a receipt ({error}). Delete it and run again.") from error
    if sha256_json(body) != seal or receipt.path != Path(*Path(path).parts[-4:]):
        raise StaleError(
            f"{path}: this receipt was changed after it was written, so it proves nothing."
            " Delete it and run again."
        )
    return receipt


def read_maker(path: Path | str, read: Callable[[Path], Receipt] = read_receipt) -> Receipt | None:
    """Find the receipt that vouches for a file or folder, if a step made it.

    Receipts are searched as text, the likely ones first; `read` parses the one that is found.
    What is wrong with the receipt of another run is not asked.
    """
    line = f'"{path}": "'
    for candidate in _candidates(Path(path)):
        if line in candidate.read_text(encoding="utf-8"):
            found = read(candidate)
            if str(path) in found.outputs:
                return found
    return None


def _candidates(path: Path) -> Iterator[Path]:
    """Yield receipts, those first whose run is named after parts of the path.

    A large plan has thousands of receipts.
    """
    steps = sorted(RECEIPTS.glob("*"))
    likely = [f"{step}/{name}.json" for step in steps for name in likely_runs(path)]
    yield from (Path(name) for name in likely if os.path.exists(name))  # noqa: PTH110 (faster)
    yield from RECEIPTS.glob("*/*.json")


def likely_runs(path: Path) -> list[str]:
    """List the names that the run which made a file may have, made of parts of its path.

    Most runs are named after parts of what they write, such as `v1-fold-0-seed-0` of
    `results/runs/v1/fold-0-seed-0/weights.safetensors`.
    """
    parts = path.parts
    return ["-".join(parts[i:j]) for i in range(len(parts)) for j in range(len(parts), i, -1)]


def disagreements(
    receipt: Receipt,
    params: Params,
    hashes: Hashes,
    *,
    code: Mapping[str, str] | None = None,
    foreseen: Mapping[str, str] | None = None,
) -> list[str]:
    """List what no longer agrees with a receipt, most telling first; empty is good.

    Settings are compared with `params`, code and inputs and outputs with the files of now.

    Parameters
    ----------
    receipt, params, hashes
        What was, what is asked for, and the files of now.
    code
        Hashes of the step's code, if they are known already.
    foreseen
        Input to the hash that it will have once it is made again.

    """
    lines = []
    for key, then in receipt.settings.items():
        try:
            now = lookup(params, key)
        except ConfigError:
            now = "absent"
        lines += [f"{path}: {a!r} when made, {b!r} now" for path, a, b in _changes(key, then, now)]
    if code is None:
        code = code_hashes(receipt.step, receipt.layers, hashes)
    lines += [f"code {name}: {what}" for name, what in _compare(receipt.code, code)]
    inputs = _hashes_of_now(receipt.inputs, hashes) | {
        name: digest for name, digest in (foreseen or {}).items() if name in receipt.inputs
    }
    lines += [f"input {name}: {what}" for name, what in _compare(receipt.inputs, inputs)]
    outputs = _hashes_of_now(receipt.outputs, hashes)
    return lines + [f"output {name}: {what}" for name, what in _compare(receipt.outputs, outputs)]


def _hashes_of_now(recorded: Iterable[str], hashes: Hashes) -> dict[str, str]:
    return {name: hashes.of(Path(name)) for name in recorded if Path(name).exists()}


def _compare(then: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, str]]:
    changed = [(name, "changed") for name in then if name in now and then[name] != now[name]]
    missing = [(name, "missing") for name in then if name not in now]
    added = [(name, "added") for name in now if name not in then]
    return changed + missing + added


def _changes(path: str, then: Any, now: Any) -> list[tuple[str, Any, Any]]:
    """Walk two JSON values and return the leaves that differ."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        keys = [*then, *(key for key in now if key not in then)]
        return [
            change
            for key in keys
            for change in _changes(f"{path}.{key}", then.get(key, "absent"), now.get(key, "absent"))
        ]
    return [] if then == now else [(path, then, now)]
