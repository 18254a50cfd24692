"""`radpipe efficiency`: what steps asked for and what they used, from the receipts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from radpipe.core.graph import Graph
from radpipe.core.params import Params
from radpipe.core.receipts import read_receipt

HEADER = ("step", "runs", "minutes", "longest", "processors", "of", "memory MiB", "of")


def efficiency(params: Params) -> str:
    """Lay out, step by step, what the runs of the plan asked for and used.

    Returns
    -------
    str
        A table: runs, their minutes together and the longest; processors that were busy on
        average, of those asked for; the highest memory of a run, MiB, of that asked for. A
        dash stands for what nobody asked for, which is so outside SLURM.

    """
    facts = defaultdict(list)
    for run in Graph(params).runs.values():
        if run.receipt.exists():
            facts[run.step.name].append(read_receipt(run.receipt).facts)
    rows = [HEADER, *(_row(step, runs) for step, runs in facts.items())]
    widths = [max(len(row[k]) for row in rows) for k in range(len(HEADER))]
    return "\n".join(
        row[0].ljust(widths[0])
        + "".join(cell.rjust(width + 2) for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    )


def _row(step: str, runs: list[Mapping[str, Any]]) -> tuple[str, ...]:
    seconds = [run["seconds"] for run in runs]
    busy = sum(run["cpu_seconds"] for run in runs) / max(sum(seconds), 1e-9)
    return (
        step,
        str(len(runs)),
        f"{sum(seconds) / 60:.1f}",
        f"{max(seconds) / 60:.1f}",
        f"{busy:.1f}",
        _asked(run.get("processors_asked") for run in runs),
        str(max(run["peak_memory_mib"] for run in runs)),
        _asked(run.get("memory_asked_mib") for run in runs),
    )


def _asked(values: Iterable[int | None]) -> str:
    known = [value for value in values if value is not None]
    return str(max(known)) if known else "-"
