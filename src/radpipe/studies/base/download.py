"""Downloads that survive broken transfers: resume, retry with back-off, hash, first seen."""

import errno
import logging
import shutil
import time
import urllib.request
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit

from tqdm import tqdm

from radpipe.core.errors import DataError
from radpipe.core.files import read_json, sha256_file, write_json
from radpipe.core.settings import Download

log = logging.getLogger("radpipe.fetch")

CHUNK_BYTES = 1 << 18
TIMEOUT_SECONDS = 60
# Tries in a row that bring no byte; a server that is busy recovers within a minute or so.
TRIES = 6
BACK_OFF_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
# Errors of our own disk, which no other try mends.
OURS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT, errno.EIO}
BY_HAND = (
    " The way out: try again later; or download the file by hand and give the study"
    " `source: {kind: path, path: <folder>}`."
)


def download(file: Download, folder: Path, *, seen: Path) -> Path:
    """Fetch one file into `folder` and check its hash; a file that is there is not fetched.

    Parameters
    ----------
    file
        Address and hash. Without a hash, that of the first download is written into
        `seen`, and every later download must have it.
    folder
        Where downloads of the study lie; a broken transfer leaves `<name>.part` there.
    seen
        JSON file with the hashes of first downloads by address.

    Returns
    -------
    Path
        The downloaded file.

    Raises
    ------
    DataError
        The server refuses, stays silent or serves something else.

    """
    import pooch  # takes 0.3 s, and most studies lie on disk already

    folder.mkdir(parents=True, exist_ok=True)
    name = file_name(file.address)
    known = _known_hash(file, seen)
    pooch.get_logger().setLevel(logging.WARNING)  # its advice is about its own settings
    fetcher = Resuming(folder / f"{name}.part")
    try:
        path = Path(
            pooch.retrieve(
                file.address, known_hash=known, fname=name, path=folder, downloader=fetcher
            )
        )
    except ValueError as error:  # how pooch reports a wrong hash
        raise DataError(_wrong_hash(file, known, seen)) from error
    _note_first(file, path, seen)
    return path


def file_name(address: str) -> str:
    """Return a safe file name for an address: its last part, letters and digits mostly."""
    last = unquote(urlsplit(address).path).rstrip("/").rpartition("/")[2]
    safe = "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in last)
    return safe.lstrip(".") or "download"


class Resuming:
    """A downloader for pooch that goes on where a broken transfer stopped.

    Parameters
    ----------
    part
        File in which the transfer is collected; it outlives the process.
    by_hand
        Ends the message when it gives up: how else the file gets here.
    patient
        Whether it tries again where nobody answers at all: no such host, no network.

    """

    def __init__(self, part: Path, by_hand: str = BY_HAND, *, patient: bool = True) -> None:
        self.part = part
        self.by_hand = by_hand
        self.patient = patient
        self._whole = False

    def __call__(self, url: str, output_file: str | IO[Any], pooch: object) -> None:  # noqa: ARG002
        """Collect `url` in the part file, then move it to `output_file`."""
        failures, wait = 0, BACK_OFF_SECONDS
        while not self._whole:
            before = self._size()
            try:
                self._transfer(url)
            except (OSError, HTTPException) as error:
                _give_up_if_hopeless(url, error, self.by_hand)
                if not self.patient and type(error) is URLError and not self._size():
                    raise DataError(f"{url}: nobody answers ({error}).{self.by_hand}") from error
                progressed = self._size() > before
                failures = 1 if progressed else failures + 1
                wait = BACK_OFF_SECONDS if progressed else min(wait * 2, LONGEST_WAIT_SECONDS)
                if failures >= TRIES:
                    raise DataError(
                        f"{url}: no answer after {TRIES} tries ({error}).{self.by_hand}"
                    ) from error
                log.warning("transfer broke off at %d bytes: %s", self._size(), error)
                time.sleep(wait)
        shutil.move(self.part, str(output_file))

    def _transfer(self, url: str) -> None:
        """Ask for what is missing and append it; raise if less came than was promised."""
        have = self._size()
        headers = {"Range": f"bytes={have}-"} if have else {}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 (settings: http/s only)
        try:
            answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310
        except HTTPError as error:
            if error.code == 416 and have:  # the part is not a part of what is served now
                self.part.unlink()
            raise
        with answer:
            resumed = answer.status == 206 and _starts_at(answer.headers, have)
            promised = _length(answer.headers)
            expected = None if promised is None else promised + (have if resumed else 0)
            with self.part.open("ab" if resumed else "wb") as stream:
                _copy(answer, stream, done=have if resumed else 0, total=expected)
        if expected is not None and self._size() != expected:
            raise ConnectionError(f"{self._size()} of {expected} bytes came")
        self._whole = True

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def _copy(answer: IO[bytes], stream: IO[bytes], *, done: int, total: int | None) -> None:
    with tqdm(
        initial=done, total=total, unit="B", unit_scale=True, desc="downloading", mininterval=2
    ) as bar:
        while chunk := answer.read(CHUNK_BYTES):
            stream.write(chunk)
            bar.update(len(chunk))


def _length(headers: Message) -> int | None:
    text = headers.get("Content-Length")
    return int(text) if text and text.isdigit() else None


def _starts_at(headers: Message, start: int) -> bool:
    return headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _give_up_if_hopeless(url: str, error: Exception, by_hand: str) -> None:
    """Raise at once where another try cannot help: disk full, no such page, no access."""
    if isinstance(error, HTTPError):
        # 408 and 429 ask for patience, 416 was mended by dropping the part.
        if error.code >= 500 or error.code in (408, 416, 429):
            return
        raise DataError(f"{url}: the server answered {error.code} {error.reason}.{by_hand}")
    if isinstance(error, OSError) and error.errno in OURS:
        raise error


def _known_hash(file: Download, seen: Path) -> str | None:
    """Return the pinned hash, or that of the first download, as pooch takes it."""
    pinned = file.sha256 or _seen(seen).get(file.address, {}).get("sha256")
    if pinned is None or ":" in pinned:
        return pinned
    return f"sha256:{pinned}"


def _note_first(file: Download, path: Path, seen: Path) -> None:
    entries = _seen(seen)
    if file.address in entries:
        return
    digest = sha256_file(path)
    entries[file.address] = {"sha256": digest, "bytes": path.stat().st_size}
    write_json(seen, entries)
    if file.sha256 is None:
        log.warning(
            "first download of %s: bytes=%d. Its hash was written to %s and later downloads"
            " must have it. Pin it in params.yaml: sha256: %s",
            file.address,
            path.stat().st_size,
            seen,
            digest,
        )


def _seen(path: Path) -> dict[str, dict[str, Any]]:
    return dict(read_json(path)) if path.exists() else {}


def _wrong_hash(file: Download, known: str | None, seen: Path) -> str:
    origin = "params.yaml" if file.sha256 else f"{seen} (the first download)"
    return (
        f"{file.address}: the file does not have the hash {known} of {origin}. It was damaged"
        " on its way, or the publisher changed it; nothing of it was kept. The way out: run"
        f" again; if it fails again, ask the publisher, then correct the hash in {origin}."
    )
