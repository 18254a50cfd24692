"""The mistakes that a user can mend: one base, a class per kind, one place for wording."""

from collections.abc import Iterable
from difflib import get_close_matches


class RadpipeError(Exception):
    """Something the user can put right; a step prints it in full and exits with 2."""


class ConfigError(RadpipeError):
    """A value in `params.yaml` or a preset is unknown, missing or out of range."""


class DataError(RadpipeError):
    """A file of a study is missing, unreadable or not what its table says."""


class LeakError(RadpipeError):
    """The same patient or picture would stand on both sides of a split."""


class StaleError(RadpipeError):
    """A receipt does not agree with the settings, the code or the files of now."""


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: ", did you mean 'x'?" for the closest of `known`, else "."."""
    by_lower = {str(k).lower(): str(k) for k in known}
    close = get_close_matches(str(name).lower(), by_lower, n=1)
    return f", did you mean {by_lower[close[0]]!r}?" if close else "."


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """Build the error for a name that nothing answers to.

    Parameters
    ----------
    kind
        What the name should have been, such as "metric" or
        "variants.bones-v1.preset".
    name
        The name that came.
    known
        The names that were allowed.

    """
    allowed = sorted(str(k) for k in known)
    hint = near_miss(name, allowed)
    return ConfigError(f"{kind}: unknown {name!r}{hint} Known: {', '.join(allowed)}.")
