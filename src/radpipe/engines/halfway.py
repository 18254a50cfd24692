"""Files that DVC writes in place: half is left when it is killed, or finds no room, just then."""

import json
from collections.abc import Iterator
from pathlib import Path

from radpipe.core.checking import load_yaml
from radpipe.core.errors import RadpipeError
from radpipe.core.findings import Finding
from radpipe.core.git import is_known

LOCK, IN_USE = Path("dvc.lock"), Path(".dvc/tmp/rwlock")


def half_written() -> Iterator[Finding]:
    """Name what DVC (3.67) will not start with; results are never among it."""
    if IN_USE.exists() and not _is_json(IN_USE):
        yield Finding(
            "problem",
            f"{IN_USE}: half a list is left of a DVC that was killed or found the disk full",
            f"rm {IN_USE}, if no DVC is at work here",
        )
    if LOCK.exists() and not _is_lock(LOCK):
        put_back = f"git checkout {LOCK}" if is_known([LOCK]) else f"rm {LOCK}"
        yield Finding(
            "problem",
            f"{LOCK}: half of it is left of a DVC that was killed or found the disk full",
            f"{put_back}; radpipe run makes what is missing, make record writes it down again",
        )


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def _is_lock(file: Path) -> bool:
    """Tell whether DVC can read a file of stages: it asks for their schema and what each ran."""
    try:
        found = load_yaml(file)
    except RadpipeError:
        return False
    if not isinstance(found, dict) or "schema" not in found:
        return False
    stages = found.get("stages", {})
    return isinstance(stages, dict) and all(
        isinstance(stage, dict) and "cmd" in stage for stage in stages.values()
    )
