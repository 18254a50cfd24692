"""Starting weights that others learned: fetched, held to their hash, and only then opened."""

import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from radpipe.core import borrowed, places
from radpipe.core.borrowed import tensors_file
from radpipe.core.descriptors import WEIGHTS, Descriptor
from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import read_json, sha256_file, sha256_json, write_json, write_text
from radpipe.core.locks import lock

log = logging.getLogger("radpipe.weights")

PICKLES = (".pth", ".pt", ".bin", ".ckpt")
# Another way of writing tensors, another number: files are then written anew.
FORM = 1
MARKUP = (b"<!doctype", b"<html", b"<?xml")


def obtain(descriptor: Descriptor) -> tuple[str, str]:
    """Have the tensors that a descriptor describes in the folder that projects share.

    Returns
    -------
    file, tensors
        SHA-256 of the published file, and of the safetensors file made of it.

    Raises
    ------
    DataError
        The file cannot be had, is another one, or holds something else than tensors.
    ConfigError
        Nothing says which hash the file must have.

    """
    # Before anything is written: the folder may be another's, and all in it.
    if (digest := _stated(descriptor)) and (known := _converted(descriptor, digest)):
        return digest, known
    with alone(descriptor):
        file = borrowed.home() / "files" / descriptor.name / descriptor.file
        fetched = not file.is_file()
        if fetched:
            fetch(descriptor.addresses, file, _hash_told(descriptor))
        digest = sha256_file(file)
        try:
            _check_hash(descriptor, file, digest)
        except DataError:
            if fetched:
                file.unlink()
            raise
        return digest, _convert(descriptor, file, digest)


def fetch(addresses: Iterable[str], file: Path, hash_told: str) -> None:
    """Fetch a file from the first address that has it.

    Raises
    ------
    DataError
        None has, or there is no network: with address, hash and the place to put the file.

    """
    # What speaks to servers takes time to load, and most runs have the file.
    from radpipe.studies.base.download import Resuming

    file.parent.mkdir(parents=True, exist_ok=True)
    part, complaints = file.with_name(f"{file.name}.part"), []
    for address in addresses:
        try:
            log.info("fetching %s", address)
            Resuming(part, by_hand="", patient=False)(address, str(file), None)
        except DataError as error:
            complaints.append(str(error))
        else:
            return
    raise DataError(
        "\n  ".join(["could not be fetched:", *complaints])
        + f"\nThe way out: get the file, {hash_told}, on a machine that has a network, and put"
        f" it at {file}. {borrowed.VARIABLE} names the folder, if it is to be another one."
    )


def _stated(descriptor: Descriptor) -> str | None:
    """Return the hash that the descriptor states, or that was pinned at first use."""
    if descriptor.sha256:
        return descriptor.sha256
    file = _pin(descriptor)
    if not file.is_file():
        return None
    digest, _, name = file.read_text(encoding="utf-8").strip().partition("  ")
    if not re.fullmatch(r"[0-9a-f]{64}", digest) or name != descriptor.file:
        raise ConfigError(
            f"{file}: should be the SHA-256 of {descriptor.file}, two spaces and this name. The way"
            " out: correct it, or delete it to have it written anew."
        )
    return digest


def _pin(descriptor: Descriptor) -> Path:
    return places.home() / WEIGHTS / f"{descriptor.name}.sha256"


def _hash_told(descriptor: Descriptor) -> str:
    if digest := _stated(descriptor):
        return f"SHA-256 {digest}"
    if descriptor.sha256_prefix:
        return f"whose SHA-256 begins with {descriptor.sha256_prefix}"
    return "whose SHA-256 nothing states"


def _check_hash(descriptor: Descriptor, file: Path, digest: str) -> None:
    """Hold a file to the hash that is stated for it; pin the whole where only a part is stated."""
    stated, prefix = _stated(descriptor), descriptor.sha256_prefix or ""
    if (stated and digest != stated) or not digest.startswith(prefix):
        raise DataError(
            f"{file}: has the SHA-256 {digest} and {file.stat().st_size} bytes, and should be the"
            f" file {_hash_told(descriptor)} of {descriptor.path}. {diagnosis(file)} It was not"
            f" opened. The way out: delete it if it is there, get it again from"
            f" {descriptor.addresses[0]}, and if it comes out the same, ask who publishes it."
        )
    if stated:
        return
    if not prefix:
        raise ConfigError(
            f"{descriptor.path}: sha256 is null, and no source's first digits stand there, so"
            f" nothing says which file is the right one. {file} ({file.stat().st_size} bytes) was"
            " not opened. The way out: compare its hash with what its publisher states, then write"
            f' there:\n  "sha256": "{digest}"'
        )
    write_text(_pin(descriptor), f"{digest}  {descriptor.file}\n")
    log.warning(
        "pinned %s: SHA-256 %s begins with %s, as is stated; from now on the file must have all of"
        " it. Commit %s.",
        descriptor.name,
        digest,
        prefix,
        _pin(descriptor),
    )


def diagnosis(file: Path) -> str:
    """Say what a file that has another hash probably is, by its first bytes."""
    with file.open("rb") as stream:
        head = stream.read(512).lstrip().lower()
    if head.startswith(MARKUP):
        return "It is a web page, such as one that asks to log in, and not the file."
    return "It was cut off or damaged on its way, is another file, or its publisher changed it."


def _record(descriptor: Descriptor, digest: str) -> Path:
    key = sha256_json({"file": digest, "inside": descriptor.inside, "form": FORM})
    return borrowed.home() / "converted" / f"{key}.json"


def _converted(descriptor: Descriptor, digest: str) -> str | None:
    """Return the hash of the tensors that were made of a file; None if they are not here, whole."""
    record = _record(descriptor, digest)
    if not record.is_file():
        return None
    found = str(read_json(record)["tensors"])
    file = tensors_file(found)
    return found if file.is_file() and sha256_file(file) == found else None


def _convert(descriptor: Descriptor, file: Path, digest: str) -> str:
    if known := _converted(descriptor, digest):
        return known
    folder = borrowed.home() / "tensors"
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f".{descriptor.name}-{digest}"
    try:
        _writer(file)(file, made, descriptor)
        tensors = sha256_file(made)
        made.replace(tensors_file(tensors))
    finally:
        made.unlink(missing_ok=True)
    record = _record(descriptor, digest)
    record.parent.mkdir(exist_ok=True)
    write_json(record, {"tensors": tensors, "from": descriptor.file})
    log.info("converted %s: tensors=%s", descriptor.file, tensors_file(tensors))
    return tensors


def _writer(file: Path) -> Callable[[Path, Path, Descriptor], None]:
    if file.suffix in PICKLES:
        return _unpickle
    return _copy if file.suffix == ".safetensors" else _from_npz


def _unpickle(file: Path, made: Path, descriptor: Descriptor) -> None:
    """Let a process of its own read a pickle, tensors alone."""
    command = [sys.executable, "-m", "radpipe.learning.starts.unpickle", str(file), str(made)]
    done = subprocess.run(
        [*command, descriptor.inside or ""], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip() or f"the process ended with {done.returncode}"
        raise DataError(f"{file}: {said}")


def _copy(file: Path, made: Path, descriptor: Descriptor) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as opened:
            empty = not list(opened.keys())
    except SafetensorError as error:
        raise DataError(f"{file}: no safetensors file ({error}); correct `file`.") from error
    if empty:
        raise DataError(f"{file}: holds no tensor. {descriptor.path} describes another file.")
    shutil.copyfile(file, made)


def _from_npz(file: Path, made: Path, descriptor: Descriptor) -> None:
    import zipfile

    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        with np.load(file, allow_pickle=False) as opened:
            arrays = {name: np.ascontiguousarray(opened[name]) for name in opened.files}
        save_file(arrays, made)
    except (ValueError, OSError, zipfile.BadZipFile, SafetensorError) as error:
        raise DataError(
            f"{file}: no .npz of plain arrays ({error}). Pickled objects could run code and are not"
            f" opened; {descriptor.path} has to name another file."
        ) from error


@contextmanager
def alone(descriptor: Descriptor) -> Iterator[None]:
    """Let one process at a time fetch the same weights; others wait for it."""
    folder = borrowed.home() / "files" / descriptor.name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as stream:
        lock(stream)
        yield
