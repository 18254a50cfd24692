"""Names of patients that tell nothing: a keyed hash of the identifier."""

import hashlib
import hmac
import os
from pathlib import Path

from radpipe.core.errors import DataError

MIN_KEY_BYTES = 16
NAME_DIGITS = 16


def read_key(raw: Path, key_file: str | None, *, public: bytes) -> bytes:
    """Return the key of the hash: the bytes of the file, or the published one.

    Parameters
    ----------
    raw
        Root of the data set.
    key_file
        Path, absolute or below `raw`; ~ and $VARIABLES are expanded.
    public
        The adapter's published key. It keeps nothing secret, and makes names that are the same
        everywhere.

    Raises
    ------
    DataError
        The file cannot be read, or is too short to be a secret.

    """
    if key_file is None:
        return public
    path = raw / Path(os.path.expandvars(key_file)).expanduser()
    way_out = (
        " The way out: correct layout.key_file, or make one: head -c 32 /dev/urandom > FILE. Keep"
        " it: another key gives other names."
    )
    try:
        key = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError(f"layout.key_file cannot be read ({reason}).{way_out}") from error
    if len(key) < MIN_KEY_BYTES:
        raise DataError(
            f"layout.key_file holds {len(key)} bytes; a secret has {MIN_KEY_BYTES} or more."
            f"{way_out}"
        )
    return key


def patient_name(identifier: str, key: bytes) -> str:
    """Return the name of a patient: 16 hexadecimal digits of HMAC-SHA256 (RFC 2104)."""
    digest = hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest()
    return digest[:NAME_DIGITS]
