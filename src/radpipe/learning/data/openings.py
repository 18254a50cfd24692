"""The record of every time a `test` part, or a cohort, was looked at."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

from radpipe.core.locks import lock
from radpipe.core.recipe import Recipe

COLUMNS = ("time", "study", "variant", "recipe", "fold", "seed")


def note_opening(
    path: Path, recipe: Recipe, *, fold: int, seed: int, study: str | None = None
) -> None:
    """Append one row to `openings.csv`; safe for several processes at once.

    Parameters
    ----------
    path
        The file.
    recipe, fold, seed
        The run that is judged.
    study
        The cohort that was opened; None: the `test` of the recipe's own study.

    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    row = (now, study or recipe.study, recipe.variant, recipe.sha256, fold, seed)
    with path.open("a", encoding="utf-8", newline="") as file:
        lock(file)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        file.seek(0, io.SEEK_END)
        if file.tell() == 0:
            writer.writerow(COLUMNS)
        writer.writerow(row)
        file.write(text.getvalue())
        file.flush()
