"""What an examination finds, of a machine or of a data set: one line each, and the way out."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from radpipe.core.errors import RadpipeError
from radpipe.core.plurals import counted


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    level
        "ok"; "note", worth knowing; "warning", odd; "problem", must be mended.
    what
        What was found, in one line.
    way_out
        What to do about it; "" if there is nothing to do.

    """

    level: Literal["ok", "note", "warning", "problem"]
    what: str
    way_out: str = ""


def problem(error: RadpipeError) -> Finding:
    """Turn an error into a finding of one line, with the way out that its message names."""
    what, _, way_out = " ".join(str(error).split()).partition(" The way out: ")
    return Finding("problem", what, way_out)


def summary(findings: Iterable[Finding]) -> str:
    """Count what was found, in one line that says what comes next."""
    counts = Counter(finding.level for finding in findings)
    told = [counted(counts[level], level) for level in ("problem", "warning", "note")]
    listed = ", ".join(line for line in told if not line.startswith("0 "))
    if counts["problem"]:
        return f"{listed}: mend each problem, and look once more"
    if counts["warning"]:
        return f"{listed}: look at each warning before radpipe run"
    return f"{listed}: nothing that must be mended" if listed else "nothing found"
