"""`radpipe accept`: training code was edited without effect, and that is proven, not claimed.

A receipt holds the hash of every module that training depends on, so that a comment makes every
run stale. Where nothing but code disagrees, the first steps of one run of every variant and the
whole of the shortest run are made again; if every bit comes out equal, receipts take the code of
now.
"""

import json
import logging
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from radpipe.core.errors import RadpipeError, StaleError
from radpipe.core.files import sha256_file
from radpipe.core.graph import Graph, Run
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params
from radpipe.core.receipts import FIRST_STEPS, Receipt, code_hashes, read_receipt
from radpipe.engines.freshness import Freshness
from radpipe.engines.plan import write_all
from radpipe.engines.record import dvc, one_at_a_time

LOCK_FILE = Path("dvc.lock")

log = logging.getLogger("radpipe.engines")


@dataclass(frozen=True)
class Trained:
    """A trained run, with its receipt."""

    run: Run
    receipt: Receipt

    @property
    def variant(self) -> str:
        """The variant's name."""
        return str(self.run.values["variant"])


def accept(params: Params) -> None:
    """Keep trained runs after an edit of code that changes no result; prove that first.

    Raises
    ------
    RadpipeError
        Something comes out otherwise, or cannot be compared: no receipt was touched.

    """
    with one_at_a_time():
        runs = _only_code_differs(params)
        if not runs:
            log.info("nothing to accept: no planned training is stale because of its code alone")
            return
        shortest = min(runs, key=lambda run: float(run.receipt.facts["seconds"]))
        firsts = {run.variant: run for run in reversed(runs)}
        proofs = [("start", run) for run in firsts.values()] + [("whole", shortest)]
        log.info("%d runs are stale by their code alone; to prove: %d", len(runs), len(proofs))
        for how, run in tqdm(proofs, desc="accept", unit="proof", file=sys.stderr):
            _prove(how, run)
        _take_over(params, runs, [f"{how} of {run.receipt.run}" for how, run in proofs])
    log.info(
        "accepted %d runs: the first steps of %d and the whole of %s came out equal. Next:"
        " snakemake (or dvc repro) makes the quick steps again and trains nothing.",
        len(runs),
        len(firsts),
        shortest.receipt.run,
    )


def _only_code_differs(params: Params) -> list[Trained]:
    """Find the trained runs whose receipt disagrees with nothing but code.

    Raises
    ------
    StaleError
        A run has too little in its receipt to be compared.

    """
    graph, found = Graph(params), []
    freshness = Freshness(graph)
    for run in (run for run in graph.runs.values() if run.step.name == "train"):
        reasons = freshness.reasons(run)
        if reasons and all(reason.startswith("code ") for reason in reasons):
            receipt = read_receipt(run.receipt)
            if not receipt.facts.get(FIRST_STEPS):
                raise StaleError(f"{receipt.path}: too old to compare with. Train this run again.")
            found.append(Trained(run, receipt))
        elif reasons:
            log.info("not asked about, it is to be trained anyway: %s (%s)", run.name, reasons[0])
    return found


def _prove(how: str, run: Trained) -> None:
    """Make a run again, beside its files, and compare.

    Raises
    ------
    StaleError
        It comes out otherwise.

    """
    receipt = run.receipt
    with tempfile.TemporaryDirectory(prefix="radpipe-accept-") as folder:
        writes = {name: paths[0] for name, paths in run.run.writes.items()}
        # In the order in which an `Order` of radpipe.learning.runs.one_run names them.
        made = {writes[name]: Path(folder, name) for name in ("weights", "history")}
        words = [writes["recipe"], run.run.values["fold"], run.run.values["seed"]]
        places = [*made.values(), Path(folder, "state"), Path(folder, "board")]
        came = _train(how, [*map(str, words), *map(str, places)])
        differs = [] if came[FIRST_STEPS] == receipt.facts[FIRST_STEPS] else ["its first steps"]
        if how == "whole":
            differs += [n for n, p in made.items() if sha256_file(p) != receipt.outputs[n]]
    if differs:
        raise StaleError(
            f"accept: refused, {receipt.run} comes out otherwise with the code of now:"
            f" {', '.join(differs)}.\nIt was made on {receipt.facts['host']}"
            f" ({receipt.facts['processor']}); another processor gives other last bits.\n"
            "The way out: undo the edit, or let snakemake (or dvc repro) train again."
        )


def _train(how: str, words: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "radpipe.learning.runs.proof", how, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RadpipeError(f"accept: training again failed:\n{done.stderr}")
    came: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return came


def _take_over(params: Params, runs: list[Trained], proof: list[str]) -> None:
    """Write the code of now into the receipts, and how that was proven; tell DVC."""
    hashes = Hashes()
    accepted = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "equal": proof}
    for run in runs:
        facts = {**run.receipt.facts, "accepted": accepted}
        replace(run.receipt, code=code_hashes(run.run, hashes), facts=facts).write()
    recorded = LOCK_FILE.read_text(encoding="utf-8") if LOCK_FILE.exists() else ""
    stages = ["plan"] + ["train@" + "-".join(map(str, run.run.values.values())) for run in runs]
    if known := [stage for stage in stages if f"\n  {stage}:" in recorded]:
        write_all(params)
        dvc("commit", "--force", *known)
