"""Which runs have to be made again: receipts alone decide, whatever made the files.

Snakemake compares times and its own notes, DVC compares its lock file; neither knows what
the other did (see docs/why/two-engines.md). A receipt knows.
"""

from collections.abc import Collection
from pathlib import Path

from radpipe.core.errors import RadpipeError
from radpipe.core.graph import Graph, Run
from radpipe.core.hashes import Hashes, Stamp, stamp_of
from radpipe.core.params import Params
from radpipe.core.receipts import Receipt, disagreements, read_receipt


class Freshness:
    """Answers "must this run be made again?", and why.

    A run is fresh if its receipt agrees with the settings, the code and the files of now, and if
    the runs that make its inputs are fresh.

    Parameters
    ----------
    graph
        The planned runs.
    trust_memory
        Believe remembered hashes of files whose size, time and inode are unchanged.

    Notes
    -----
    Answers are given once and repeated until `ask_again`: planning a thousand runs asks ten
    thousand times while nothing changes.

    """

    def __init__(self, graph: Graph, *, trust_memory: bool = True) -> None:
        self.graph = graph
        self.params: Params = graph.params
        self.hashes = Hashes(trust_memory=trust_memory)
        self._forced: dict[tuple[str, str], Stamp | None] = {}
        self._receipts: dict[Path, tuple[Stamp, Receipt]] = {}
        self._stamps: list[Stamp | None] = []
        self._answers: dict[tuple[str, str], list[str]] = {}
        self._own: dict[tuple[str, str], list[str]] = {}

    def ask_again(self, steps: Collection[str]) -> None:
        """Forget all answers if one of these steps has written a receipt since."""
        stamps = [_stamp(run.receipt) for name in steps for run in self.graph.runs_of(name)]
        if stamps != self._stamps:
            self._stamps = stamps
            self._answers, self._own = {}, {}

    def force(self, steps: Collection[str]) -> None:
        """Count the runs of some steps as stale, whatever their receipts say, until made again."""
        if steps and not self._forced:
            runs = [run for name in steps for run in self.graph.runs_of(name)]
            self._forced = {run.key: _stamp(run.receipt) for run in runs}
            self._answers, self._own = {}, {}

    def reasons(self, run: Run) -> list[str]:
        """List why a run must be made again, its own reasons first; empty if it need not."""
        if run.key not in self._answers:
            self._answers[run.key] = self.own_reasons(run) or [
                f"{maker.title} is made again"
                for maker in self.graph.makers_of(run)
                if self.reasons(maker)
            ]
        return self._answers[run.key]

    def own_reasons(self, run: Run) -> list[str]:
        """List what disagrees with the run's own receipt, without asking its makers."""
        if run.key not in self._own:
            self._own[run.key] = self._disagreements(run)
        return self._own[run.key]

    def waits_for(self, run: Run, checkpoints: frozenset[str]) -> list[Run]:
        """List the runs of `checkpoints` that must be done before a run's own can be judged.

        What is made again upstream may come out as it was; then nothing follows from it.
        """
        stale = [maker for maker in self.graph.makers_of(run) if self.reasons(maker)]
        found = [maker for maker in stale if maker.step.name in checkpoints]
        for maker in stale:
            found += self.waits_for(maker, checkpoints)
        return list({each.key: each for each in found}.values())

    def _disagreements(self, run: Run) -> list[str]:
        stamp = _stamp(run.receipt)
        if stamp is None:
            return ["no receipt"]
        if self._forced.get(run.key) == stamp:
            return ["asked for"]
        try:
            receipt = self._receipt(run.receipt, stamp)
            return disagreements(receipt, run, self.params, self.hashes)
        except RadpipeError as error:
            return [str(error)]

    def _receipt(self, path: Path, stamp: Stamp) -> Receipt:
        known = self._receipts.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, read_receipt(path))
            self._receipts[path] = known
        return known[1]


def _stamp(path: Path) -> Stamp | None:
    """Return what tells that a file was written anew; None without one."""
    try:
        return stamp_of(path)
    except FileNotFoundError:
        return None
