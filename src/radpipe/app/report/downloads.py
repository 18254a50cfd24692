"""The numbers behind each figure, as CSV to take away.

A table travels in the page if it is small; else the page names the file beside it.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radpipe.app.report.addresses import of_text

# Bytes of a table that still travels in the page; 14 labels times 6 variants of curves do not.
MOST = 128 * 1024
# Tables of all studies, from which a study's rows are taken.
SHARED = ("roc", "pr", "reliability", "smooth", "decision", "points", "confusion", "history")
OWN = ("ranking", "paired", "decided", "ceiling", "learning")
CARDED = {
    "people": ("patients", "ages", "age_by_answer", "groups"),
    "labels": ("labels", "together", "combinations"),
    "drift": ("drift", "grey"),
    "sizes": ("detail",),
}


@dataclass(frozen=True)
class Download:
    """A table to take away.

    Attributes
    ----------
    name
        Of the file that a browser saves.
    href
        The table itself as a `data:` address, or the file beside the page.
    beside
        Whether it is a file beside the page, which holds other studies, too.

    """

    name: str
    href: str
    beside: bool = False


def downloads(
    study: str, *, tables: Path, page: Path, card: Mapping[str, Any] | None
) -> dict[str, Download]:
    """Return what can be taken away of a study, by the kind of its figure or table.

    Nothing is in it that the page may not tell: curves, counts, and the study's card.

    Parameters
    ----------
    study
        Its name.
    tables
        `results/comparison`.
    page
        Folder of the page, from which files beside it are named.
    card
        Content of its card.json; None where it has none.

    """
    found = {}
    for kind in (*SHARED, *OWN):
        shared = kind in SHARED
        path = tables / (f"{kind}.csv" if shared else f"{study}-{kind}.csv")
        if path.exists():
            text = _rows_of(path, study) if shared else path.read_text(encoding="utf-8")
            found[kind] = download(f"{study}-{kind}", text, beside=path.relative_to(page))
    for kind, blocks in CARDED.items():
        told = {block: card[block] for block in blocks if card and card.get(block)}
        if told:
            found[kind] = download(f"{study}-{kind}", as_csv(("what", "value"), flat(told)))
    return found


def download(name: str, text: str, *, beside: Path | None = None) -> Download:
    """Put a CSV text into an address, or name the file beside the page if it is large."""
    if beside is not None and len(text.encode()) > MOST:
        return Download(f"{name}.csv", str(beside), beside=True)
    return Download(f"{name}.csv", of_text(text, "text/csv"))


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write rows as the text of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of nested values; what is null was not told."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flat(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from flat(item, f"{path}.{place}")
    else:
        yield path, "" if value is None else value


def _rows_of(path: Path, study: str) -> str:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        columns = list(rows.fieldnames or ())
        return as_csv(columns, [list(row.values()) for row in rows if row["study"] == study])
