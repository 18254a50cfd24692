"""Starting weights that others learned: fetched, held to their hash, and only then opened."""

import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from radpipe.core import borrowed, places
from radpipe.core.borrowed import tensors_file
from radpipe.core.descriptors import WEIGHTS, Archive, Descriptor
from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import read_json, sha256_file, sha256_json, share, write_json, write_text
from radpipe.core.locks import lock
from radpipe.learning.starts.archives import take_member

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
    if known := _here(descriptor):
        return known
    file = _raw(descriptor)
    with alone(file.parent):
        if not file.is_file():
            _take_over(descriptor, file)
        if not file.is_file():
            _get(descriptor, file)
        digest = sha256_file(file)
        _check_hash(descriptor, file, digest)
        return digest, _convert(descriptor, file, digest)


def _here(descriptor: Descriptor) -> tuple[str, str] | None:
    """Return what `obtain` does if all of it is here; in the shared folder nothing is written."""
    digest, file = _stated(descriptor), _raw(descriptor)
    if digest is None and descriptor.sha256_prefix and file.is_file():
        digest = sha256_file(file)
        known = _converted(descriptor, digest)
        if known:
            _check_hash(descriptor, file, digest)
    else:
        known = _converted(descriptor, digest) if digest else None
    return (digest, known) if digest and known else None


def _raw(descriptor: Descriptor) -> Path:
    """Return where the published file lies: two projects may call two files by the same names."""
    # As long as the shortest prefix, so that the place stays when more of the hash is known.
    stated = (descriptor.sha256 or descriptor.sha256_prefix or "")[:8]
    return _folder(descriptor, stated) / descriptor.file


def _folder(descriptor: Descriptor, stated: str) -> Path:
    key = stated or f"unstated-{sha256_json(descriptor.addresses)[:8]}"
    return borrowed.home() / "files" / f"{descriptor.name}-{key}"


def _take_over(descriptor: Descriptor, file: Path) -> None:
    """Use a file that was fetched to learn its hash, which the descriptor states by now."""
    before = _folder(descriptor, "") / descriptor.file
    if before.is_file() and sha256_file(before) == descriptor.sha256:
        before.replace(file)


def _get(descriptor: Descriptor, file: Path) -> None:
    """Fetch the file of weights, or take it out of the archive in which it comes."""
    archive = descriptor.archive
    if archive is None:
        _come_by(descriptor, file, _hash_told(descriptor), partial(_complaint, descriptor))
        return
    whole = file.with_name(archive.file)
    complaint = partial(_archive_complaint, archive, str(descriptor.path))
    if not whole.is_file():
        _come_by(descriptor, whole, f"SHA-256 {archive.sha256}", complaint)
    if wrong := complaint(whole):
        raise DataError(f"{wrong} The way out: delete it, and get it again.")
    take_member(whole, archive.member, file)


def _come_by(
    descriptor: Descriptor, file: Path, hash_told: str, complaint: Callable[[Path], str]
) -> None:
    """Fetch a file from the addresses of a descriptor; without any, tell how to get it."""
    if descriptor.addresses:
        fetch(descriptor.addresses, file, hash_told, complaint)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    raise DataError(
        f"{descriptor.path}: must be fetched by hand, once for all projects. The way out: where"
        f" there is a network\n  {descriptor.by_hand}\nthen put {file.name}, {hash_told},"
        f" here\n  {file}\nand run again. {borrowed.VARIABLE} names the folder, if it is to be"
        " another one."
    )


def _archive_complaint(archive: Archive, where: str, file: Path) -> str:
    """Say what is wrong with an archive by its hash; or ""."""
    digest = sha256_file(file)
    if digest == archive.sha256:
        return ""
    return (
        f"{file}: has the SHA-256 {digest} and {file.stat().st_size} bytes, and should be the"
        f" archive with SHA-256 {archive.sha256} of {where}. {diagnosis(file)} It was not opened."
    )


def fetch(
    addresses: Iterable[str], file: Path, hash_told: str, complaint: Callable[[Path], str]
) -> None:
    """Fetch a file from the first address that has it.

    Parameters
    ----------
    addresses, file
        Where it may be had, and where it is to lie.
    hash_told
        Its hash, for messages.
    complaint
        Says what is wrong with a file that came; empty: nothing. Servers answer with pages, too.

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
            continue
        if not (wrong := complaint(file)):
            return
        # The next try fetches it again.
        file.unlink()
        complaints.append(f"{address}: {wrong}")
    raise DataError(
        "\n  ".join(["could not be fetched:", *complaints])
        + f"\nThe way out: get the file, {hash_told}, on a machine that has a network, and put"
        f" it at {file}. {borrowed.VARIABLE} names the folder, if it is to be another one. If"
        " another file comes again and again, ask who publishes it."
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
    if not digest.startswith(descriptor.sha256_prefix or ""):
        raise ConfigError(
            f"{file}: pins the SHA-256 {digest}, which does not begin with the sha256_prefix"
            f" {descriptor.sha256_prefix} of {descriptor.path}: the file was pinned by another one."
            f" The way out: delete {file}, so that it is pinned anew; or correct sha256_prefix."
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


def _complaint(descriptor: Descriptor, file: Path) -> str:
    """Say what is wrong with a file by the hash, or its first digits, that are stated; or ""."""
    digest, stated = sha256_file(file), _stated(descriptor)
    if digest.startswith(stated or descriptor.sha256_prefix or ""):
        return ""
    return (
        f"{file}: has the SHA-256 {digest} and {file.stat().st_size} bytes, and should be the"
        f" file {_hash_told(descriptor)} of {descriptor.path}. {diagnosis(file)} It was not opened."
    )


def _check_hash(descriptor: Descriptor, file: Path, digest: str) -> None:
    """Hold a file to the hash that is stated for it; pin the whole where only a part is stated."""
    stated, prefix = _stated(descriptor), descriptor.sha256_prefix or ""
    if wrong := _complaint(descriptor, file):
        raise DataError(
            f"{wrong} The way out: delete it, get it again"
            f" ({next(iter(descriptor.addresses), descriptor.by_hand)}), and if it comes out the"
            " same, ask who publishes it."
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
        # safetensors writes private files.
        share(made)
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
        if odd := [name for name, array in arrays.items() if array.dtype.kind not in "biufc"]:
            raise ValueError(f"no numbers under {', '.join(odd)}")
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{file}: no .npz of plain arrays ({error}). Pickled objects could run code and are not"
            f" opened; {descriptor.path} has to name another file."
        ) from error
    try:
        save_file(arrays, made)
    except SafetensorError as error:
        raise DataError(f"{made}: its tensors cannot be written ({error}).") from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time fill a folder of the shared one; others wait for it.

    Raises
    ------
    DataError
        This user cannot write there.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("w")
    except PermissionError as error:
        raise DataError(
            f"{folder}: cannot be written ({error.strerror}), and not all that is needed lies there"
            f" yet. The way out: let somebody who may write there run {borrowed.AGAIN} ..., or let"
            f" {borrowed.VARIABLE} name a folder of your own."
        ) from error
    with stream:
        lock(stream)
        yield
