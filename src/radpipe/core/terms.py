"""Terms of weights that others learned, which go on with whatever comes from them.

A run notes them in its weights, because a file that another project takes over
(`weights/<name>.safetensors`) is all that this project has of them. Only terms that restrict are
noted, and no texts, so that an edit of these trains nothing again.
"""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Strict

Use = Literal["research", "commercial"]
# Metadata entry under which `train` notes facts about a run, as JSON.
ENTRY = "radpipe"
# The header of a safetensors file is at most this long, bytes.
LONGEST = 100_000_000


class Terms(Strict):
    """What a licence restricts."""

    spdx: str = Field(description="SPDX identifier of the licence.")
    forbids: list[Use] = Field(description="Uses that it forbids.")


def terms_of(weights: Path) -> list[tuple[str, Terms]]:
    """Read the terms that weights of a run carry on, each with the name of its start.

    Projects may give one name to two starts, so that a name may come twice.

    None of a file that is missing or no safetensors: nothing can be started from it either.

    Raises
    ------
    ConfigError
        What they say of their terms cannot be read, so nobody knows what is allowed.

    """
    try:
        starts = _about(weights).get("borrowed", ())
        return [(s["start"], Terms.model_validate(s["terms"])) for s in starts if "terms" in s]
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise ConfigError(
            f"{weights}: does not say under which terms it may be used ({error}). The way out: get"
            " the file again from the project that made it."
        ) from error


def _about(weights: Path) -> dict[str, Any]:
    """Read the facts in the header of a safetensors file: its length in eight bytes, then JSON."""
    try:
        with weights.open("rb") as file:
            n_bytes = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(n_bytes, LONGEST)))
        about: dict[str, Any] = json.loads(header["__metadata__"][ENTRY])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return about


def refuse_forbidden(where: str, weights: Path, use: Use) -> None:
    """Refuse weights of another project that come from weights which forbid this one's use.

    Raises
    ------
    ConfigError
        Naming the setting, the first start, its licence and the way out.

    """
    for start, terms in terms_of(weights):
        if use in terms.forbids:
            raise ConfigError(
                f"{where}: {weights} comes from {start}, whose licence {terms.spdx} forbids {use}"
                f" use, and plan.use is {use}. The way out: start from other weights or from"
                " weights/random.json, or get another licence from the authors of"
                f" {start} and train again where these weights were made."
            )
