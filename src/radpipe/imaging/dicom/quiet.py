"""Foreign libraries kept silent: their words can quote a file, and files hold names."""

import importlib
import logging
import os
import struct
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from radpipe.core.errors import DataError

LOGGERS = ("pydicom", "highdicom", "pylibjpeg", "openjpeg", "rle", "jpeg_ls", "PIL")
# The file descriptor is the process's, not a thread's.
_ONE_AT_A_TIME = threading.RLock()
# What pydicom is known to raise on a value that it cannot convert.
UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    OSError,
    EOFError,
    struct.error,
)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings and logs of pydicom and the codecs to themselves."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        _silence(loggers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if "pydicom" not in sys.modules:
                # When it is first imported, it sets the level of its log.
                importlib.import_module("pydicom")
                _silence(loggers)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def otherwise(reason: str) -> Iterator[None]:
    """Turn whatever a foreign library raises into a DataError with our own words.

    What codecs raise is documented nowhere, and its text can hold values of the file.
    """
    try:
        yield
    except (DataError, MemoryError):
        raise
    except BaseException as error:
        # A panic of a codec in Rust is no Exception, and its class can be imported nowhere.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise DataError(reason) from None
        raise


@contextmanager
def hushed() -> Iterator[None]:
    """Keep what codecs in C and Rust write to standard error, past Python, to themselves."""
    with _ONE_AT_A_TIME:
        sys.stderr.flush()
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def _silence(loggers: list[logging.Logger]) -> None:
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
