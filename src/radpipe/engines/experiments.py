"""`radpipe experiments`: DVC's experiments, with the scores of every variant.

`dvc exp show` has room for the best variant of each study. All variants' scores are in a file
of their own in Git, which is read at the commit that each experiment is.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from radpipe.engines.commands import lines_of
from radpipe.engines.record import dvc

NUMBERS = Path("results/variants.json")
PARAMS = "params.yaml"
ABSENT = "absent"
# How DVC's queue says that an experiment stands, and what the table says of those without scores.
DONE, FAILED = "success", "failed"
WAITING = {"queued": "queued; dvc queue start begins", "running": "running", FAILED: "failed"}
# Wide enough for "0.913 [0.888, 0.936]".
CELL = 20
GAP = 2
Numbers = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class ExperimentRow:
    """The workspace, a commit or an experiment.

    Attributes
    ----------
    scores
        Variant to (value, lower and upper end of its interval).
    changes
        What `params.yaml` has other than the row's commit, one line a setting.
    studies
        Variant to the study it belongs to, as far as the settings say.

    """

    name: str
    scores: Mapping[str, tuple[float, float, float]]
    changes: tuple[str, ...]
    studies: Mapping[str, str] = field(default_factory=dict)


def read_experiments(text: str, numbers: Numbers) -> list[ExperimentRow]:
    """Read what `dvc exp show --json` printed: workspace, commits, experiments below theirs.

    Parameters
    ----------
    text
        What DVC printed.
    numbers
        Revision, such as "workspace", to the scores of its variants.

    """
    rows = []
    states = json.loads(text)
    heads = [state for state in states if state["rev"] != "workspace"]
    for state in states:
        commit = heads[0] if state["rev"] == "workspace" and heads else state
        rows.append(_row(state, commit, numbers(state["rev"])))
        for group in state.get("experiments") or ():
            how = (group.get("executor") or {}).get("state") or DONE
            for one in group["revs"][-1:]:
                # Of one that did not end well, Git would show its commit's scores.
                found = numbers(one["rev"]) if how == DONE else {}
                rows.append(_row(one, state, found, indent="  ", how=how))
    return rows


def numbers_at(revision: str) -> Mapping[str, Any]:
    """Return the scores of all variants at a commit or in the workspace; none if it has none."""
    if revision == "workspace":
        text = NUMBERS.read_text(encoding="utf-8") if NUMBERS.exists() else ""
    else:
        text = "\n".join(lines_of("git", "show", f"{revision}:./{NUMBERS}"))
    found: Mapping[str, Any] = json.loads(text or "{}")
    return found


def layout(rows: list[ExperimentRow], width: int) -> str:
    """Lay the rows out in `width` columns: name, a score per variant, then what was changed.

    Variants are ordered by their score in the first row that has one; those for which there
    is no room are counted in the last line. Each study has a table of its own, because scores
    of different data cannot be compared.
    """
    study_of = {variant: study for row in reversed(rows) for variant, study in row.studies.items()}
    variants = _order(rows)
    studies = sorted({study_of.get(variant, "") for variant in variants})
    if len(studies) < 2:
        return _table(rows, variants, width, title="experiment")
    tables = []
    for study in studies:
        own = [variant for variant in variants if study_of.get(variant, "") == study]
        others = {name for name in study_of if study_of[name] != study}
        mine = [replace(row, changes=_concerning(row.changes, study, others)) for row in rows]
        tables.append(_table(mine, own, width, title=study or "experiment"))
    return "\n\n".join(tables)


def _concerning(changes: Iterable[str], study: str, others: set[str]) -> tuple[str, ...]:
    """Leave out what was changed of variants and settings of other studies."""
    found = []
    for change in changes:
        block, _, rest = change.partition(".")
        name = rest.partition(".")[0]
        foreign = name in others if block == "variants" else name != study
        if block not in ("variants", "studies") or not foreign:
            found.append(change)
    return tuple(found)


def _table(rows: list[ExperimentRow], variants: list[str], width: int, *, title: str) -> str:
    prefix = _shared(variants)
    left = max([len(row.name) for row in rows] + [len(title)])
    room = max(1, (width - left) // (CELL + GAP))
    shown = variants[:room]
    head = [variant.removeprefix(prefix) for variant in shown]
    lines = [title.ljust(left) + "".join(" " * GAP + h[:CELL].ljust(CELL) for h in head)]
    for row in rows:
        cells = (_cell(row, variant) for variant in shown)
        lines.append(row.name.ljust(left) + "".join(" " * GAP + cell.ljust(CELL) for cell in cells))
        lines += [_cut(f"{'':{left + GAP}}{change}", width) for change in row.changes]
    hidden = variants[room:]
    lines += [f"no room for: {', '.join(hidden)}"] if hidden else []
    return "\n".join(line.rstrip() for line in lines)


def experiments(width: int) -> str:
    """Return the table of all experiments of the current commit.

    Raises
    ------
    RadpipeError
        DVC failed; its message is part of the error.

    """
    return layout(read_experiments(dvc("exp", "show", "--json"), numbers_at), width)


def _row(
    state: Mapping[str, Any],
    commit: Mapping[str, Any],
    numbers: Mapping[str, Any],
    *,
    indent: str = "",
    how: str = DONE,
) -> ExperimentRow:
    params = _params(state)
    scores = {
        variant: (block[key], block[f"{key}_low"], block[f"{key}_high"])
        for variant, block in numbers.items()
        for key in list(block)[:1]
        if {f"{key}_low", f"{key}_high"} <= block.keys()
    }
    rev = state["rev"]
    name = indent + (state.get("name") or (rev if rev == "workspace" else rev[:7]))
    blocks = params.get("variants") or {}
    studies = {variant: block["study"] for variant, block in blocks.items() if "study" in block}
    changes = tuple(_changes(_params(commit), params)) if params else ()
    if error := state.get("error"):
        said = f"; what it said: dvc queue logs {state['name']}" if how == FAILED else ""
        return ExperimentRow(name, {}, (f"failed: {error.get('msg', '')}{said}", *changes), studies)
    if how != DONE:
        return ExperimentRow(name, {}, (WAITING.get(how, how), *changes), studies)
    return ExperimentRow(name, scores, changes, studies)


def _params(state: Mapping[str, Any]) -> Mapping[str, Any]:
    files = (state.get("data") or {}).get("params") or {}
    found: Mapping[str, Any] = (files.get(PARAMS) or {}).get("data") or {}
    return found


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line for each setting that differs."""
    old, new = dict(_leaves(before)), dict(_leaves(now))
    for key in [*old, *(key for key in new if key not in old)]:
        a, b = old.get(key, ABSENT), new.get(key, ABSENT)
        if a != b:
            yield f"{key}: {a} -> {b}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _order(rows: list[ExperimentRow]) -> list[str]:
    order: list[str] = []
    for row in rows:
        best_first = sorted(row.scores, key=lambda name: -row.scores[name][0])
        order += [variant for variant in best_first if variant not in order]
    return order


def _shared(variants: list[str]) -> str:
    """Return the word that all names begin with, the study's name usually, and its hyphen."""
    first = {variant.partition("-")[0] for variant in variants}
    return f"{first.pop()}-" if len(first) == 1 and all("-" in v for v in variants) else ""


def _cell(row: ExperimentRow, variant: str) -> str:
    if variant not in row.scores:
        return "-"
    value, low, high = row.scores[variant]
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
