"""Which runs have to be made again: receipts alone decide, whatever made the files.

Snakemake compares times and its own notes, DVC compares its lock file; neither knows what
the other did (see docs/architecture.md, "The two engines"). A receipt knows.
"""

from pathlib import Path

from radpipe.core.errors import RadpipeError
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params
from radpipe.core.receipts import RECEIPTS, Receipt, disagreements, read_receipt, receipt_path


class Freshness:
    """Answers "must this run be made again?", and why.

    Parameters
    ----------
    params
        The settings of now.
    trust_memory
        Believe remembered hashes of files whose size, time and inode are unchanged.

    Attributes
    ----------
    forced
        Steps that the user wants to run again, whatever their receipts say.

    """

    def __init__(self, params: Params, *, trust_memory: bool = True) -> None:
        self.params = params
        self.forced: set[str] = set()
        self.hashes = Hashes(trust_memory=trust_memory)
        self._receipts: dict[Path, tuple[int, Receipt]] = {}
        self._makers: dict[str, Path] = {}

    def reasons(self, step: str, run: str) -> list[str]:
        """List why a run must be made again, its own reasons first; empty if it need not.

        A run must also be made again when a run that makes one of its inputs must.
        """
        self._find_makers()
        return self._reasons(receipt_path(step, run), {})

    def own_reasons(self, step: str, run: str) -> list[str]:
        """List what disagrees with the run's own receipt, without asking its makers."""
        return self._own(receipt_path(step, run))

    def _reasons(self, path: Path, seen: dict[Path, list[str]]) -> list[str]:
        if path in seen:
            return seen[path]
        seen[path] = []  # a receipt cannot be its own ancestor; this ends any circle
        found = self._own(path)
        if not found:
            for name in self._receipts[path][1].inputs:
                maker = self._makers.get(name)
                if maker and self._reasons(maker, seen):
                    found.append(f"{maker.parent.name} {maker.stem} is made again")
        seen[path] = found
        return found

    def _own(self, path: Path) -> list[str]:
        if path.parent.name in self.forced:
            return ["asked for"]
        if not path.exists():
            return ["no receipt"]
        try:
            return disagreements(self._receipt(path), self.params, self.hashes)
        except RadpipeError as error:
            return [str(error)]

    def _receipt(self, path: Path) -> Receipt:
        changed = path.stat().st_mtime_ns
        known = self._receipts.get(path)
        if known is None or known[0] != changed:
            known = (changed, read_receipt(path))
            self._receipts[path] = known
        return known[1]

    def _find_makers(self) -> None:
        """Map every output to the receipt that vouches for it."""
        self._makers = {}
        for path in sorted(RECEIPTS.glob("*/*.json")):
            try:
                receipt = self._receipt(path)
            except RadpipeError:
                continue  # reported when the run itself is asked about
            for name in receipt.outputs:
                self._makers[name] = path
