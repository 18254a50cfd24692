"""When results were made and from which commit, as their receipts say.

Nothing is asked of the clock or of Git: the same results give the same page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from radpipe.core.receipts import Receipt, read_receipt


@dataclass(frozen=True)
class Made:
    """When some runs ended, and what was checked out.

    Attributes
    ----------
    first, last
        When the first and the last of them ended, to the minute in UTC: "2026-11-30 17:47".
    commits
        Whole hashes, each once; empty without Git.
    clean
        Whether nothing differed from these commits.
    receipts
        Paths of the receipts that say so.

    """

    first: str
    last: str
    commits: tuple[str, ...]
    clean: bool
    receipts: tuple[str, ...]

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        """Read one receipt."""
        facts = receipt.facts
        time = str(facts["finished"])[:16].replace("T", " ")
        commits = (str(facts["commit"]),) if facts.get("commit") else ()
        clean = facts.get("clean") is not False
        return cls(time, time, commits, clean, (str(receipt.path),))


def made_of(paths: Iterable[Path]) -> Made | None:
    """Read receipts; None if there is none, as of results that were copied from elsewhere."""
    return together(Made.of(read_receipt(path)) for path in paths if path.exists())


def together(found: Iterable[Made]) -> Made | None:
    """Say of several as of one when and from what they were made; None of none."""
    each = list(found)
    if not each:
        return None
    return Made(
        min(one.first for one in each),
        max(one.last for one in each),
        tuple(dict.fromkeys(commit for one in each for commit in one.commits)),
        all(one.clean for one in each),
        tuple(path for one in each for path in one.receipts),
    )
