"""`radpipe learning-curve`: variants that learn from shares of the patients, for params.yaml."""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from radpipe.core.errors import ConfigError, unknown_name
from radpipe.core.params import Params

PARAMS = Path("params.yaml")
HEAD = """\
# A learning curve of {variant}. Nothing was changed. To use it: put these blocks below variants in
# params.yaml, and their names below plan.variants; then radpipe check and radpipe run.
# Several plan.seeds tell how much chance there is in training.
"""


def learning_curve(params: Params, *, variant: str, fractions: str) -> None:
    """Print the blocks of a variant that learns from shares of its train patients.

    Parameters
    ----------
    params
        Of the project.
    variant
        A key of variants.
    fractions
        Shares above 0 and below 1, separated by commas; the whole is the variant itself.

    Raises
    ------
    ConfigError
        There is no such variant, it learns from a share already, a share is none, or a name is
        taken by another block.

    """
    if variant not in params.variants:
        raise unknown_name("variant", variant, params.variants)
    if (own := params.recipes[variant]["train"]["fraction"]) != 1:
        raise ConfigError(
            f"variants.{variant} learns from a share of {own:g} of the patients already; name the"
            " variant that learns from all of them"
        )
    blocks: dict[str, Any] = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))["variants"]
    found = {
        f"{variant}-{f'{100 * share:g}'.replace('.', '_')}": with_share(blocks[variant], share)
        for share in shares_of(fractions)
    }
    if taken := sorted(found.keys() & blocks.keys()):
        raise ConfigError(f"params.yaml has variants of these names already: {', '.join(taken)}")
    planned = [name for name in (variant, *found) if name not in params.plan.variants]
    text = yaml.safe_dump({"variants": found, "plan": {"variants": planned}}, sort_keys=False)
    sys.stdout.write(HEAD.format(variant=variant) + text)


def with_share(block: dict[str, Any], share: float) -> dict[str, Any]:
    """Return a variant's block with another share of the patients."""
    return {**block, "train": {**(block.get("train") or {}), "fraction": share}}


def shares_of(text: str) -> list[float]:
    """Return the shares, each once and the largest first; 1 is left out.

    Raises
    ------
    ConfigError
        One is no number above 0 and at most 1, or there is none below 1.

    """
    found = set()
    for word in re.split(r"[,\s]+", text.strip()):
        try:
            share = float(word)
        except ValueError:
            share = 0.0
        if not 0 < share <= 1:
            raise ConfigError(
                f"--fractions: {word!r} is no share of the patients; numbers above 0 and at most 1"
                " are allowed, such as 0.1,0.25,0.5"
            )
        found.add(share)
    if found == {1.0}:
        raise ConfigError("--fractions: 1 is the variant itself; name smaller shares, too")
    return sorted(found - {1.0}, reverse=True)
