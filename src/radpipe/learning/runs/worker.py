"""One of several processes that train a run: torchrun starts it, `launch` reads its answer.

Its last arguments are an `Order`; the first is the folder for the answer. It saves and ends
when it is asked to (SIGTERM) and when its standard input ends: that closes when the step asks
for it, and by itself when the step is no more, so that no process is left behind.
"""

import logging
import select
import sys
import time
from pathlib import Path
from typing import Any

from radpipe.core.errors import RadpipeError
from radpipe.core.files import write_json
from radpipe.core.recipe import read_recipe
from radpipe.core.step import StoppedError
from radpipe.learning.distributed.process_group import join, part
from radpipe.learning.runs.one_run import Order, train_run
from radpipe.learning.training.stopping import StopRequest

ANSWER = "answer.json"

log = logging.getLogger("radpipe.worker")


def main(arguments: list[str]) -> int:
    """Train, and write an answer or what went wrong; return the exit code."""
    folder, order = Path(arguments[0]), Order.of(arguments[1:])
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.captureWarnings(capture=True)
    asked = StopRequest()
    try:
        recipe = read_recipe(order.recipe)
        process_group = join(recipe.train)
        if process_group.rank == 0:
            logging.getLogger("radpipe").setLevel(logging.INFO)
        answer: dict[str, Any]
        try:
            answer = {
                "facts": train_run(order, recipe, lambda: asked() or input_ended(), process_group)
            }
        except StoppedError as stopped:
            answer = {"stopped": str(stopped)}
        if process_group.rank == 0:
            write_json(folder / ANSWER, answer)
        part(process_group)
    except Exception as error:
        said = failure(error)
        if said["kind"] == "bug":
            log.exception("this process failed")
        write_json(folder / f"failed-{time.time_ns()}.json", said)
        return 1
    return 0


def failure(error: Exception) -> dict[str, str]:
    """Describe an error: whether the user can mend it ("config", "system") or not ("bug")."""
    kind = "bug"
    if isinstance(error, RadpipeError):
        kind = "config"
    elif isinstance(error, OSError):
        kind = "system"
    text = f"{type(error).__name__}: {error}" if kind == "bug" else str(error)
    return {"kind": kind, "message": text}


def input_ended() -> bool:
    """Tell whether standard input has ended; nothing is ever written to it."""
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
