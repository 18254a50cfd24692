"""Train a run again, whole or its first steps alone, without touching what it made.

`radpipe accept` starts this as a process and compares what comes out with a receipt.
"""

import json
import sys
from itertools import count

from radpipe.core.receipts import FIRST_STEPS
from radpipe.core.recipe import read_recipe
from radpipe.core.step import StoppedError
from radpipe.learning.networks.network import read_about
from radpipe.learning.runs.one_run import Order, train_run
from radpipe.learning.training.state import PROOF_STEPS

WHOLE, START = "whole", "start"


def main(how: str, *words: str) -> None:
    """Train what the words of an `Order` say; print what the first steps came to."""
    order = Order.of(list(words))
    asked = count(1)
    try:
        facts = train_run(
            order,
            read_recipe(order.recipe),
            # Asked after every step and after every epoch: twice a step at most.
            lambda: how == START and next(asked) > 2 * PROOF_STEPS,
        )
        came = facts[FIRST_STEPS]
    except StoppedError:
        came = read_about(order.state / "state.safetensors")["progress"]["start"]
    sys.stdout.write(json.dumps({FIRST_STEPS: came}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
