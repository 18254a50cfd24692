"""Names of patients and films that tell nothing: a keyed hash of the identifier."""

import hashlib
import hmac
import os
from pathlib import Path
from typing import NamedTuple

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.headers import Hiding
from radpipe.studies.base.same_patient import is_unknown_word, plain_form

MIN_KEY_BYTES = 16
# What is written over Patient ID when it is taken away, besides words for an unknown patient.
TAKEN_AWAY = frozenset(
    {"anon", "anonym", "anonymous", "anonymized", "anonymised", "removed", "redacted"}
    | {"deidentified", "de-identified", "no name", "patient"}
)
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


class KeyedPatient(NamedTuple):
    """A patient's identifier as hashes.

    Attributes
    ----------
    name
        Of the identifier as it is written.
    form
        Of what is left of it without what people write differently, see `plain_form`: two names of
        one form are probably one patient.
    unknown
        Not empty if it is a word for a patient who is not known.

    """

    name: str
    form: str
    unknown: str


def hiding(key: bytes) -> Hiding:
    """Return what a reader of headers makes of identifiers: hashes with a key."""

    def patient(text: str) -> KeyedPatient:
        word = is_unknown_word(text) or text.casefold() in TAKEN_AWAY
        form = patient_name(plain_form(text), key)
        return KeyedPatient(patient_name(text, key), form, "yes" if word else "")

    return Hiding(name=lambda text: patient_name(text, key), patient=patient)


def patient_name(identifier: str, key: bytes) -> str:
    """Return the name of a patient: 16 hexadecimal digits of HMAC-SHA256 (RFC 2104)."""
    digest = hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest()
    return digest[:NAME_DIGITS]
