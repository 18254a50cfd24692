"""What became of a study's files: counts and reasons, in which no file and no case is named."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radpipe.core.masking import patterns
from radpipe.imaging.worker import ChunkOutcome

log = logging.getLogger("radpipe.ingest")

# Reasons that are told, most frequent first.
SHOWN = 10


def tally(
    n_cases: int,
    stored: Sequence[ChunkOutcome],
    rejected: Sequence[tuple[str, str, str]],
    *,
    listed: Path,
) -> dict[str, Any]:
    """Count what came and what stayed, and log what a person should look at.

    Parameters
    ----------
    n_cases
        Of the study's table.
    stored
        What is in the store.
    rejected
        File, case and reason of the rest.
    listed
        Where these are written, each with its file.

    Returns
    -------
    dict
        JSON, without names of files or cases; reasons without the details that follow in brackets.

    """
    kept = {one.task.case for one in stored}
    reasons = Counter(reason.partition(" (")[0] for _, _, reason in rejected)
    for line in told(rejected):
        log.warning("refused: %s", line)
    if rejected:
        log.warning("refused %d in all; which ones: %s", len(rejected), listed)
    # Both knees of a film are cases of their own.
    n_burned_in = len({one.task.file for one in stored if one.burned_in})
    if n_burned_in:
        log.warning(
            "pictures that are captures or scans, say so themselves, or show lines of letters: %d."
            " Text, perhaps a name, is likely to stand in their pixels. Look at some before passing"
            " the store on",
            n_burned_in,
        )
    remarks = _remarks(stored)
    for text, number in remarks.items():
        log.warning("films with %s: %d", text, number)
    pixels = Counter(one.pixel_hash for one in stored)
    return {
        "n_cases": n_cases,
        "n_cases_stored": len(kept),
        "n_cases_lost": n_cases - len(kept),
        "n_pictures": len(stored),
        "n_rejected": len(rejected),
        "rejected": dict(sorted(reasons.items())),
        "n_burned_in": n_burned_in,
        "remarks": remarks,
        "n_equal_pixels": sum(n - 1 for n in pixels.values()),
    }


def _remarks(stored: Sequence[ChunkOutcome]) -> dict[str, int]:
    """Count the files of each remark; both knees of a film are cases of their own."""
    found = {(text, one.task.file) for one in stored for text in one.remarks}
    return dict(sorted(Counter(text for text, _ in found).items()))


def told(rejected: Sequence[tuple[str, str, str]]) -> list[str]:
    """Say why files were refused, most frequent reason first, and what they are called like."""
    cases: defaultdict[str, list[str]] = defaultdict(list)
    for _, case, reason in rejected:
        cases[reason].append(case)
    order = sorted(cases, key=lambda reason: -len(cases[reason]))
    return [f"{reason}: {patterns(cases[reason])}" for reason in order[:SHOWN]]
