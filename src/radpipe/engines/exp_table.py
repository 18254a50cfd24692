"""`dvc exp show` in columns that tell, in a project of radpipe.

DVC shows every setting of params.yaml and the hash of every file that a stage depends on, each
in a column of its own: hundreds for a plan of twenty variants. No setting of DVC chooses among
them (3.67: `--drop`, `--keep` and `--only-changed` exist on the command line only). `radpipe.pth`,
installed beside the package, therefore calls `install` when a process is `dvc exp show`, and the
table gets one column for each study and one for what was changed. DVC still collects, sorts and
prints it. Whoever asks for columns (`--drop`, `--keep`, `--csv`, `--json`) gets DVC's own.
"""

import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

# Depended on by stages of every project of radpipe, and of no other.
OURS = "results/plan/"
CHANGED = "changed"
NOTHING = "-"
WIDTH = 160
# What a column takes beside its text, and the table beside its columns: blanks, DVC's borders.
AROUND, EDGES = 3, 1
# A column of changes is not made narrower, a value not longer, a list of changes not higher.
NARROWEST, VALUE, LINES = 24, 24, 8


def install() -> None:
    """Replace what DVC prints of the table that it has collected."""
    from dvc.commands.experiments import show as command

    print_table = command.show_experiments

    def show_experiments(table: Any, headers: Mapping[str, Sequence[str]], **options: Any) -> None:
        asked = any(options.get(name) for name in ("keep", "drop", "csv"))
        if not asked and any(name.startswith(OURS) for name in headers["deps"]):
            headers = rearrange(table, headers, markdown=bool(options.get("markdown")))
            options["only_changed"] = False
        print_table(table, headers, **options)

    command.show_experiments = show_experiments


def rearrange(
    table: Any, headers: Mapping[str, Sequence[str]], *, markdown: bool = False
) -> dict[str, list[str]]:
    """Put few columns in place of all that DVC has collected.

    Parameters
    ----------
    table
        DVC's `TabularData`: a row for the workspace, each commit and each experiment; changed.
    headers
        Names of its columns, by "metrics", "params" and "deps".
    markdown
        Cells of one line, because Markdown's tables have no others.

    Returns
    -------
    dict
        Names of the new columns.

    """
    rows = [dict(zip(table.keys(), map(str, row), strict=True)) for row in table]
    studies = _studies(headers["metrics"])
    own = [name for name in headers["metrics"] if name.rpartition(".")[0] not in studies]
    table.drop(*(name for names in headers.values() for name in names if name not in own))
    # DVC itself drops this column where it is empty.
    table.column("Executor")[:] = [NOTHING] * len(rows)
    room = _room(table, own)
    columns = _laid_out(rows, studies, room, markdown=markdown)
    room -= sum(_width(name, cells) for name, cells in columns.items())
    pairs = zip(rows, _commits(rows), strict=True)
    changes = [_changes(row, commit, headers["params"]) for row, commit in pairs]
    _fill(table, columns)
    _fill(table, {CHANGED: [_wrapped(texts, room - AROUND, markdown) for texts in changes]})
    return {"metrics": [*own, *columns], "params": [CHANGED], "deps": []}


def _fill(table: Any, columns: Mapping[str, Sequence[str]]) -> None:
    from dvc.ui import ui

    for name, cells in columns.items():
        table.add_column(name)
        table.column(name)[:] = [ui.rich_text(cell) for cell in cells]


def _studies(metrics: Sequence[str]) -> dict[str, list[str]]:
    """Return each study that names its best variant, and its metrics that have an interval."""
    best = [name.removesuffix(".best") for name in metrics if name.endswith(".best")]
    return {
        study: [
            name.removeprefix(f"{study}.")
            for name in metrics
            if name.startswith(f"{study}.") and f"{name}_low" in metrics
        ]
        for study in best
    }


def _laid_out(
    rows: Sequence[Mapping[str, str]],
    studies: Mapping[str, Sequence[str]],
    room: int,
    *,
    markdown: bool,
) -> dict[str, list[str]]:
    """Return a column for each study: its best variant, below it each metric with its interval.

    An interval stands below its metric's value where there is no room beside it.
    """
    for between in (" ", "\n"):
        columns = {
            "\n".join([study, *(_title(name, between) for name in metrics)]): [
                _cell(row, study, metrics, between) for row in rows
            ]
            for study, metrics in studies.items()
        }
        used = sum(_width(name, cells) for name, cells in columns.items())
        if markdown:
            return {_joined(name): [*map(_joined, cells)] for name, cells in columns.items()}
        if used + AROUND + NARROWEST <= room:
            break
    return columns


def _title(metric: str, between: str) -> str:
    return metric if between == " " else f"{metric}\n"


def _cell(row: Mapping[str, str], study: str, metrics: Sequence[str], between: str) -> str:
    names = (f"{study}.{metric}" for metric in metrics)
    scores = [_score(row, name, between) for name in names if row[name] != NOTHING]
    return "\n".join([row[f"{study}.best"], *scores])


def _score(row: Mapping[str, str], name: str, between: str) -> str:
    value, low, high = (_number(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return f"{value}{between}[{low}, {high}]"


def _number(text: str) -> str:
    """Write a number with three decimals; what is none, such as DVC's "!", stays as it is."""
    try:
        return f"{float(text):.3f}"
    except ValueError:
        return text


def _commits(rows: Sequence[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    """Yield, for each row, the one that it is compared with: its commit; of a commit itself."""
    heads = [row for row in rows if row["typ"] == "baseline" and row["rev"] != "workspace"]
    commit = rows[0]
    for row in rows:
        if row["typ"] == "baseline":
            commit = heads[0] if row["rev"] == "workspace" and heads else row
        yield commit


def _changes(
    row: Mapping[str, str], before: Mapping[str, str], params: Sequence[str]
) -> Iterator[str]:
    """Yield one text for each setting that differs, without the word that most begin with."""
    if all(row[name] == NOTHING for name in params):
        # DVC could not read this row.
        return
    for name in params:
        if row[name] != before[name]:
            short = name.removeprefix("variants.")
            yield f"{short}: {_value(before[name])} -> {_value(row[name])}"


def _value(text: str) -> str:
    if text == NOTHING:
        # DVC prints the same of a setting that is null and of one that is not there.
        return "unset"
    return textwrap.shorten(text, VALUE, placeholder="…") if len(text) > VALUE else text


def _wrapped(changes: Iterator[str], width: int, markdown: bool) -> str:
    """Return changes below each other, each in lines of at most `width` characters."""
    if markdown:
        return "; ".join(changes)
    lines = [line for change in changes for line in _lines(change, max(width, NARROWEST))]
    hidden = len(lines) - LINES
    return "\n".join(lines if hidden <= 0 else [*lines[: LINES - 1], "…"])


def _lines(text: str, width: int) -> list[str]:
    """Break a text behind blanks, and the names of settings behind their dots."""
    lines = [""]
    for piece in re.split(r"(?<= )|(?<=\.)(?=[a-z])", text):
        if lines[-1].strip() and len(lines[-1] + piece.rstrip()) > width:
            lines.append("  ")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _joined(text: str) -> str:
    return " ".join(text.split())


def _room(table: Any, own: Iterable[str]) -> int:
    """Return how many characters of the screen DVC's columns and a project's own leave."""
    # DVC puts these four together: "├── 1234567 [name]".
    names = zip(table.column("typ"), table.column("rev"), table.column("Experiment"), strict=True)
    heads = [rev if typ == "baseline" else f"├── {rev} [{name}]" for typ, rev, name in names]
    used = _width("Experiment", heads)
    for name in ("Created", "State", *own):
        cells = [*map(str, table.column(name))]
        used += _width(name, cells) if {*cells} != {NOTHING} else 0
    return shutil.get_terminal_size((WIDTH, 24)).columns - EDGES - used


def _width(name: str, cells: Iterable[str]) -> int:
    texts = (line for cell in (name, *cells) for line in cell.splitlines())
    return max(map(len, texts), default=0) + AROUND
