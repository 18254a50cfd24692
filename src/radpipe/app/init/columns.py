"""A table beside the pictures: which column names the image, the class, the patient, the part."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from radpipe.app.init.tokens import COVARIATES, LABEL_COLUMNS, PART_COLUMNS, PATIENT_COLUMN, part_of
from radpipe.core.text_files import composed
from radpipe.studies.base.contract import number_of
from radpipe.studies.folders.covariates import COMMA
from radpipe.studies.folders.rows import plain_path

Rows = Sequence[Mapping[str, str]]
# Of the pictures, how many a table must name to be theirs.
LEAST_NAMED = 0.5
MOST_CLASSES = 20


@dataclass(frozen=True)
class ImageColumn:
    """The column that names images.

    Attributes
    ----------
    column
        Its name.
    path
        Template of the image's path from columns; None if the column is the path.
    file_of
        What stands in the column to the image, for those that are there.
    n_missing
        Rows whose image is not there.
    find
        The setting of that name.

    """

    column: str
    path: str | None
    file_of: Mapping[str, str]
    n_missing: int
    find: str = "path"

    @property
    def rank(self) -> int:
        """Which way is plainer: the column is the path, or gives it, or is a name in any folder."""
        return 0 if self.find == "name" else 2 if self.path is None else 1


def image_column(rows: Rows, pictures: Sequence[str]) -> ImageColumn | None:
    """Find the column that names the most pictures; None if none names half of them."""
    found = [candidate for column in rows[0] for candidate in _as_images(column, rows, pictures)]
    best = max(found, key=lambda one: (len(one.file_of), one.rank), default=None)
    if best is None or len(best.file_of) < LEAST_NAMED * min(len(pictures), len(rows)):
        return None
    return best


def label_columns(rows: Rows, but: set[str]) -> list[str]:
    """List the columns that can be the label, those that are called so first."""
    found = []
    for column in rows[0]:
        values = Counter(row[column] for row in rows if row[column])
        several = 2 <= len(values) <= MOST_CLASSES and sum(values.values()) >= 2 * len(values)
        if column not in but and several and not any(map(_is_measured, values)):
            found.append(column)
    called = {name: place for place, name in enumerate(LABEL_COLUMNS)}
    return sorted(found, key=lambda name: called.get(name.lower(), len(called)))


def is_called_label(column: str) -> bool:
    """Tell whether a column is called as labels are."""
    return column.lower() in LABEL_COLUMNS


def patient_column(rows: Rows, but: set[str]) -> str | None:
    """Return the column that is called as patients' are and is filled in every row."""
    called = [c for c in rows[0] if c not in but and PATIENT_COLUMN.match(c.lower())]
    # "patient" before "group": the longer word says more.
    for column in sorted(called, key=lambda name: name.lower().startswith("group")):
        if all(row[column] for row in rows) and len({row[column] for row in rows}) > 1:
            return column
    return None


def part_column(rows: Rows, but: set[str]) -> str | None:
    """Return the column in which every value is the name of a part."""
    for column in rows[0]:
        values = {row[column] for row in rows}
        called = column not in but and column.lower() in PART_COLUMNS
        if called and len(values) > 1 and all(map(part_of, values)):
            return column
    return None


def covariate_columns(rows: Rows, but: set[str]) -> list[str]:
    """List the columns of age, sex, view and the like that need no explanation."""
    found = []
    for column in rows[0]:
        if column in but or column.lower() not in COVARIATES:
            continue
        values = {row[column] for row in rows if row[column]}
        texts = [value for value in values if number_of(value) is None]
        if len(values) > 1 and (not texts or (len(texts) == len(values) <= MOST_CLASSES)):
            found.append(column)
    return found


def comma_columns(rows: Rows, but: set[str]) -> list[str]:
    """List the columns of age and the like whose numbers have commas, before decimals or not."""
    return [
        column
        for column in rows[0]
        if column not in but
        and column.lower() in COVARIATES
        and any(COMMA.fullmatch(row[column]) for row in rows)
    ]


def _as_images(column: str, rows: Rows, pictures: Sequence[str]) -> Iterator[ImageColumn]:
    """Yield the ways in which a column can name pictures: by path, by name, without suffix."""
    values = [row[column] for row in rows]
    if len(set(values)) < LEAST_NAMED * len(values):
        return
    by_path = {plain_path(file): file for file in pictures}
    plain = {value: by_path[plain_path(value)] for value in values if plain_path(value) in by_path}
    if plain:
        yield ImageColumn(column, None, plain, sum(value not in plain for value in values))
    for bare in (False, True):
        by_name: dict[str, list[str]] = defaultdict(list)
        for file in pictures:
            path = PurePosixPath(file)
            by_name[composed(path.stem if bare else path.name)].append(file)
        named = {v: by_name[v][0] for v in values if len(by_name.get(v, [])) == 1}
        # One template must fit all: the same folder, and the same suffix.
        forms = Counter(_form(file, bare) for file in named.values())
        if forms:
            form = forms.most_common(1)[0][0]
            kept = {value: file for value, file in named.items() if _form(file, bare) == form}
            path_template = form.replace("*", f"{{{column}}}")
            if re.search(r"[{}]", column) is None:
                missing = sum(value not in kept for value in values)
                yield ImageColumn(column, path_template, kept, missing)
    anywhere = _anywhere(values, pictures)
    missing = sum(value not in anywhere for value in values)
    yield ImageColumn(column, None, anywhere, missing, find="name")


def _anywhere(values: Sequence[str], pictures: Sequence[str]) -> dict[str, str]:
    """Return value to the one picture that has this name, with or without suffix."""
    whole: dict[str, list[str]] = defaultdict(list)
    bare: dict[str, list[str]] = defaultdict(list)
    for file in pictures:
        path = PurePosixPath(composed(file))
        whole[path.name].append(file)
        bare[path.stem].append(file)
    names = {value: PurePosixPath(plain_path(value)).name for value in values}
    found = {value: whole.get(name) or bare.get(name, []) for value, name in names.items()}
    return {value: files[0] for value, files in found.items() if len(files) == 1}


def _is_measured(value: str) -> bool:
    """Tell whether a value is a number with decimals, or infinite: a measurement, no class."""
    number = number_of(value)
    return number is not None and not number.is_integer()


def _form(file: str, bare: bool) -> str:
    path = PurePosixPath(file)
    folder = "" if str(path.parent) == "." else f"{path.parent}/"
    return f"{folder}*{path.suffix if bare else ''}"
