"""What the page asks a model about: cases of the project, and files that were handed to it."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from radpipe.app.viewer.limits import MAX_CASE, MAX_FILE, MAX_FILES, MEGA
from radpipe.app.viewer.offered import Offered
from radpipe.core.errors import DataError
from radpipe.core.files import read_json
from radpipe.core.params import load_params
from radpipe.core.tables import read_table
from radpipe.prediction.description import Inputs
from radpipe.studies.base.sources import raw_root

ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Given:
    """A case as files in memory.

    Attributes
    ----------
    files
        View to all bytes of its file.
    side, both
        As `prediction.raw.RawCase` has them.
    covariates
        Name to value; None is unknown.

    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    side: str | None = None
    both: bool = False
    covariates: Mapping[str, float | None] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return all but the files, as JSON can hold it."""
        return {"side": self.side, "both": self.both, "covariates": dict(self.covariates)}


@dataclass(frozen=True)
class Known:
    """A case of the project for which a run has predicted.

    Attributes
    ----------
    part
        "tune" or "test".
    truth
        Column of the target to its value; None is unknown.

    """

    name: str
    part: str
    truth: Mapping[str, float | None]


def known_cases(model: Offered) -> list[Known]:
    """List the cases of `tune`, and of `test` if it was opened, in the order of their names.

    Raises
    ------
    DataError
        The run has no predictions.

    """
    file = model.folder / "predictions.parquet"
    if not file.is_file():
        raise DataError(f"{file}: missing. Run predict again, or hand over files of your own.")
    columns = ["case", "part", *model.what.target.columns]
    rows = read_table(file).select(columns).to_pylist()
    names = model.what.target.columns
    found = [Known(r["case"], r["part"], {name: r[name] for name in names}) for r in rows]
    return sorted(found, key=lambda each: (each.part, each.name))


def scores_of(model: Offered) -> list[tuple[str, dict[str, Any]]]:
    """Return where the model's variant was judged in its project: a place and its AUC.

    Its own study's parts, the mean over its runs, then hospitals of `plan.cohorts`.
    """
    variant, study = model.what.variant, model.study
    file = Path("results/scores", variant, "metrics.json")
    if not model.in_project or not file.is_file():
        return []
    found = []
    for part, block in read_json(file)["parts"].items():
        area = block["metrics"]["auc"]
        if area["value"] is not None:
            counts = {key: block[key] for key in ("n_cases", "n_patients")}
            found.append((f"{study}, part {part}", {**area, **counts}))
    for table in sorted(Path("results/cohorts").glob("*/scores.csv")):
        with table.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if (row["variant"], row["metric"], row["class"]) == (variant, "auc", ""):
                    numbers = {key: float(row[key] or "nan") for key in ("value", "low", "high")}
                    counts = {key: int(row[key]) for key in ("n_cases", "n_patients")}
                    found.append((table.parent.name, {**numbers, **counts}))
    return found


def files_of(model: Offered, case: str) -> Given:
    """Read the raw files of a case of the project, and what is known of it.

    Raises
    ------
    DataError
        The project lacks the study, its table or a file.

    """
    study = model.what.study.name
    params = load_params()
    if study not in params.studies:
        raise DataError(f"params.yaml: there is no study {study!r} any more.")
    table = Path("data", study, "cases.parquet")
    if not table.is_file():
        raise DataError(f"{table}: missing. Run index again, or hand over files of your own.")
    rows = [row for row in read_table(table).to_pylist() if row["case"] == case]
    if not rows:
        raise DataError(f"{table}: lacks this case, which the run has predicted. Run it again.")
    row, root = rows[0], raw_root(study, params.studies[study])
    inputs = model.what.inputs
    return Given(
        {view: _read(root / row[f"file_{view}"]) for view in inputs.views if row[f"file_{view}"]},
        side=row.get("side") if inputs.sides else None,
        both=bool(row.get("shows_both")),
        covariates={name: row.get(f"covariate_{name}") for name in inputs.covariates},
    )


def _read(file: Path) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(
            f"A raw file of this case cannot be read ({error.strerror}). radpipe run fetches raw"
            " files again where it can."
        ) from error
    refuse_large([data])
    return data


def refuse_large(files: Sequence[bytes]) -> None:
    """Refuse files that are empty or larger than `limits` allow.

    Raises
    ------
    DataError
        One is, or all together are.

    """
    if any(not data for data in files):
        raise DataError("A file is empty (0 bytes). Choose it again.")
    if any(len(data) > MAX_FILE for data in files):
        raise DataError(
            f"A file is larger than {MAX_FILE // MEGA} MB, the most that this page takes."
            " radpipe predict has no such limit."
        )
    if sum(map(len, files)) > MAX_CASE:
        raise DataError(f"The files are larger than {MAX_CASE // MEGA} MB together.")


def by_view(inputs: Inputs, files: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    """Say which file is which view.

    Parameters
    ----------
    inputs
        What the model takes.
    files
        Names and contents. Of a name only counts what it has of a view: `axial.npy`, or the
        folder in `axial/0007.npy`.

    Raises
    ------
    DataError
        They are too many, too few, too large or packed, or it cannot be said.

    """
    views = inputs.views
    wanted = f"one file for each of its views, named {', '.join(f'{v}.npy' for v in views)}"
    if not inputs.views:
        raise DataError("This model takes a table alone and no file.")
    if not files:
        raise DataError("No file was handed over.")
    if len(files) > MAX_FILES:
        raise DataError(f"There are {len(files)} files, and {MAX_FILES} are the most.")
    refuse_large([data for _, data in files])
    if any(data.startswith(ZIP) for _, data in files):
        what = wanted if len(views) > 1 else "one DICOM, PNG or JPEG file"
        raise DataError(f"A zip archive is not opened here. Unpack it and choose {what}.")
    if len(views) == 1:
        if len(files) > 1:
            raise DataError(
                f"There are {len(files)} files, and this model takes one picture a case."
                " Choose one of them."
            )
        return {views[0]: files[0][1]}
    found: dict[str, bytes] = {}
    for name, data in files:
        path = PurePath(name.lower().replace("\\", "/"))
        named = [v for v in views if v.lower() in (path.stem, path.parent.name)]
        if len(named) != 1:
            raise DataError(f"A file's name tells no view. The model takes {wanted}.")
        if named[0] in found:
            raise DataError(f"Two files are named {named[0]}. The model takes {wanted}.")
        found[named[0]] = data
    if missing := [view for view in views if view not in found]:
        raise DataError(
            f"The exam lacks the plane {' and '.join(missing)}. The model takes {wanted}."
        )
    return found
