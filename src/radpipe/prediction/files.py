"""From the names of files, or a table that names them, to cases; and answers as a table."""

import csv
import io
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from radpipe.core.errors import ConfigError, DataError, unknown_name
from radpipe.core.files import files_below
from radpipe.core.text_files import log_notes
from radpipe.core.text_tables import Form, read_text_table
from radpipe.imaging.read import Side
from radpipe.prediction.description import Description
from radpipe.prediction.predictor import Answers
from radpipe.prediction.raw import RawCase
from radpipe.studies.base.contract import number_of

log = logging.getLogger("radpipe.predict")

SIDES: tuple[Side, ...] = get_args(Side)
YESNO = ("no", "yes")
YES, NO = ("1", "yes", "true"), ("", "0", "no", "false")


def cases_of_files(
    what: Description, files: Iterable[Path], side: Side | None = None
) -> list[RawCase]:
    """Make a case of each file, of each side in it, or of the files of an exam.

    Parameters
    ----------
    what
        Says which views a case has. Of several, files are put together into exams by the name
        of the view, which is that of the file (`exam-1/axial.npy`) or of its folder
        (`axial/0001.npy`).
    files
        Files, and folders of which every file below counts.
    side
        Which side files show, where cases are sides of the patient; None: both, if those of
        the predictor's study did.

    Raises
    ------
    ConfigError
        Cases need more than files: a side, or covariates.
    DataError
        A file belongs to no view, or there is none.

    """
    if what.inputs.covariates:
        raise ConfigError(
            f"{what.title} takes the covariates {', '.join(what.inputs.covariates)}; give them and"
            " the files in a table (--table)."
        )
    every = [each for path in files for each in (files_below(path) if path.is_dir() else [path])]
    if not every:
        raise DataError("there is no file to predict")
    if len(what.inputs.views) > 1:
        return _exams(what, every)
    (view,) = what.inputs.views
    if not what.inputs.sides:
        return [RawCase(_shown(file), {view: file}) for file in every]
    if side is None and not what.inputs.halves:
        raise ConfigError(
            f"{what.title} mirrors pictures of the left side; say which side the files show"
            " (--side R or --side L), or give a table with a column `side`."
        )
    sides = SIDES if side is None else (side,)
    return [
        RawCase(f"{_shown(file)}_{one}", {view: file}, side=one, both=what.inputs.halves)
        for file in every
        for one in sides
    ]


def cases_of_table(what: Description, table: Path) -> list[RawCase]:
    """Read cases from a table of text with a header.

    Parameters
    ----------
    what
        Says which columns count: `file`, or for several views one column each, named as they are;
        paths are relative to the table. `case` (else the number of the line). Where cases are
        sides: `side`, R or L, and `both`, yes or no, whether the file shows both (by default as in
        the study). Each covariate by its name, empty where unknown. Other columns do not matter.
    table
        The file.

    Raises
    ------
    DataError
        The table cannot be read, or lacks a column or a value.

    """
    read = read_text_table(table, str(table), Form(keep_hollow=True))
    log_notes(log, read.notes)
    if not read.lines:
        raise DataError(f"{table}: holds no case")
    views = what.inputs.views
    columns = {view: "file" if len(views) == 1 else view for view in views}
    needed = [*columns.values(), *what.inputs.covariates]
    needed += ["side"] if what.inputs.sides else []
    for name in needed:
        if name not in read.named:
            raise DataError(f"{table}: {unknown_name('no column of the name', name, read.named)}")
    return [
        _case(what, dict(zip(read.named, cells, strict=True)), table.parent, columns, line, table)
        for line, cells in zip(read.lines, read.rows(), strict=True)
    ]


def _case(
    what: Description,
    row: Mapping[str, str],
    root: Path,
    columns: Mapping[str, str],
    line: int,
    table: Path,
) -> RawCase:
    """Read one line of a table."""
    inputs, where = what.inputs, f"{table}, line {line}"
    if absent := [name for name in columns.values() if not row[name]]:
        raise DataError(f"{where}: names no file under {', '.join(absent)}")
    side: Side | None = None
    if inputs.sides:
        side = _chosen(row["side"].upper(), SIDES, f"{where}: side")
    both = inputs.halves
    if row.get("both"):
        both = _chosen(row["both"].lower(), (*YES, *NO), f"{where}: both") in YES
    return RawCase(
        row.get("case") or str(line),
        {view: root / row[name] for view, name in columns.items()},
        side=side,
        both=both,
        covariates={name: _number(row[name], f"{where}: {name}") for name in inputs.covariates},
    )


def _chosen(text: str, allowed: Sequence[Any], where: str) -> Any:
    if text not in allowed:
        raise DataError(f"{where}: {text!r}, expected one of {', '.join(filter(None, allowed))}")
    return text


def _number(text: str, where: str) -> float | None:
    """Return a covariate's number as training reads it; None is unknown."""
    number = number_of(text)
    if number is None:
        raise DataError(
            f"{where}: {text!r} is no number; an unknown value is empty, decimals follow a point"
        )
    return number if math.isfinite(number) else None


def _exams(what: Description, files: Sequence[Path]) -> list[RawCase]:
    """Put the files of exams together by the names of their views."""
    exams: dict[Path, dict[str, Path]] = {}
    for number, file in enumerate(files, start=1):
        if file.stem in what.inputs.views:
            exam, view = file.parent, file.stem
        elif file.parent.name in what.inputs.views:
            exam, view = file.parent.parent / file.stem, file.parent.name
        else:
            raise DataError(
                f"file {number} of {len(files)}: neither it nor its folder has the name of a view,"
                f" {', '.join(what.inputs.views)}, by which the files of an exam are put together."
                " Rename them, or give a table (--table) with a column for each view."
            )
        exams.setdefault(exam, {})[view] = file
    return [RawCase(_shown(exam), views) for exam, views in exams.items()]


def _shown(file: Path) -> str:
    """Return a path that can be written; bytes that are no UTF-8 are escaped."""
    return os.fsencode(file).decode("utf-8", "backslashreplace")


def csv_text(answers: Answers) -> str:
    """Format answers as CSV, one line a case.

    Columns: `case`; `score_<class>`, float32, as in `predictions.parquet`; `probability_<class>`,
    after the temperature; `threshold_<class>`, to be compared with the latter; `decision`, or of a
    multi-label target `decision_<class>`, yes or no; what is guaranteed, `guaranteed_<class>`,
    `certain_<class>` and `set`; `unlike`, yes or no, whether the features of the case are unlike
    those of `tune`, and `distance`, above 1 if they are, empty where nothing is known of it;
    `note`, what is unusual about the files; `problem`, why there is no answer.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    labels = len(answers.classes) if answers.multi_label else 0
    writer.writerow(
        [
            "case",
            *(f"score_{name}" for name in answers.classes),
            *(f"probability_{name}" for name in answers.classes),
            *(f"threshold_{name}" for name in answers.questions),
            *([f"decision_{name}" for name in answers.classes] if labels else ["decision"]),
            *answers.guaranteed,
            "unlike",
            "distance",
            "note",
            "problem",
        ]
    )
    limits = [f"{limit:.6g}" for limit in answers.thresholds]
    for k, (case, problem) in enumerate(zip(answers.cases, answers.problems, strict=True)):
        if problem:
            n_empty = 2 * len(answers.classes) + len(limits) + (labels or 1)
            n_empty += len(answers.guaranteed) + 3
            writer.writerow([case, *[""] * n_empty, problem])
            continue
        decided = answers.decisions[k]
        said = ["yes" if name in decided else "no" for name in answers.classes[:labels]]
        scores = [str(score) for score in answers.scores[k]]
        chances = [f"{chance:.6g}" for chance in answers.probabilities[k]]
        kept = [texts[k] for texts in answers.guaranteed.values()]
        kept += [*_likeness(answers, k), answers.notes[k]]
        writer.writerow([case, *scores, *chances, *limits, *(said or decided), *kept, ""])
    return stream.getvalue()


def _likeness(answers: Answers, k: int) -> list[str]:
    """Format the columns `unlike` and `distance` of a case."""
    unlike = answers.unlike[k]
    return ["", ""] if unlike is None else [YESNO[unlike], f"{answers.distances[k]:.6g}"]
