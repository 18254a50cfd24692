"""What both ways of reading a folder share: the image files, classes, parts, and refusals."""

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from radpipe.core.errors import DataError, near_miss
from radpipe.core.plurals import counted
from radpipe.core.settings import Target
from radpipe.core.text_files import composed
from radpipe.studies.base.contract import Case, Files, unknown_patient
from radpipe.studies.folders.layout import FoldersLayout, Part
from radpipe.studies.folders.pictures import pictures_below, stem_of

log = logging.getLogger("radpipe.index")

N_NAMED = 10


def image_files(raw: Path, files: Files, layout: FoldersLayout) -> list[str]:
    """List the pictures that are not left out, sorted; see `pictures_below`."""
    found = pictures_below(raw, files)
    unused = [
        rule
        for rule in layout.leave_out
        if not any(fnmatchcase(composed(file), rule) for file in files)
    ]
    if unused:
        raise DataError(
            f"layout.leave_out: {unused[0]!r} fits no file{near_miss(unused[0], found)}"
            " Paths are relative to the root of the data set."
        )
    return [file for file in found if not left_out(file, layout)]


def left_out(file: str, layout: FoldersLayout) -> bool:
    """Tell whether `layout.leave_out` names a file."""
    return any(fnmatchcase(composed(file), rule) for rule in layout.leave_out)


def official_part(name: str, layout: FoldersLayout) -> Part | None:
    """Return the part that the data set's own name stands for; None: none, or to be left out."""
    if not name:
        return None
    parts = layout.part_names
    key = name if name in parts else name.lower()
    if key in parts:
        return parts[key]
    raise DataError(
        f"the part {name!r} is not known{near_miss(name, parts)} Known: {', '.join(parts)}."
        f" The way out: say in params.yaml what it is, layout.parts: {name}: train, or null to"
        " leave it out."
    )


def is_left_out(part: str, layout: FoldersLayout) -> bool:
    """Tell whether `layout.parts` leaves out the part that a data set names."""
    return bool(part) and official_part(part, layout) is None


def refuse_absent_classes(cases: Iterable[Case], target: Target) -> None:
    """Refuse a class that no image has."""
    if target.kind == "multi-label":
        return
    present = {case.target[0] for case in cases}
    absent = [name for index, name in enumerate(target.classes) if index not in present]
    if absent:
        raise DataError(
            f"no image of the classes {', '.join(map(repr, absent))} of target.classes. The"
            " way out: add images, map a folder or value to the class, or take it out of"
            " target.classes."
        )


def refuse_contradictions(cases: Sequence[Case], files: Files, target: Target) -> None:
    """Refuse byte-identical images with different targets."""
    by_hash: dict[str, list[tuple[str, Case]]] = defaultdict(list)
    for case in cases:
        if not any(math.isnan(value) for value in case.target):
            for file in case.files.values():
                by_hash[files[file].sha256].append((file, case))
    lines = [
        ", ".join(f"{file} ({_said(case, target)})" for file, case in copies)
        for copies in by_hash.values()
        if len({case.target for _, case in copies}) > 1
    ]
    if lines:
        raise DataError(
            f"{counted(len(lines), 'image stands', 'images stand')} in two classes (files with"
            " the same bytes):\n  "
            f"{listing(lines)}\nThe way out: delete the wrong ones, or name them in"
            " params.yaml under layout.leave_out."
        )


def warn_of_unknown_patients(cases: Sequence[Case]) -> None:
    """Say that images without a patient may be divided between the parts."""
    if n_unknown := sum(case.patient == unknown_patient(case.case) for case in cases):
        log.warning(
            "patients unknown for %d of %s: each of them is taken for a patient of its"
            " own. If patients have several images, name {patient} in layout.path, or"
            " layout.table.patient, or patient in layout.header (DICOM); otherwise pictures of one"
            " patient may stand in train and test.",
            n_unknown,
            counted(len(cases), "image"),
        )


def listing(lines: Sequence[str]) -> str:
    """Join the first ten lines and count the rest."""
    more = [f"... and {len(lines) - N_NAMED} more"] if len(lines) > N_NAMED else []
    return "\n  ".join([*lines[:N_NAMED], *more])


def case_names(files: Sequence[str]) -> Mapping[str, str]:
    """Name cases by their path without suffix, or with it where two would be the same."""
    stems = [stem_of(file) for file in files]
    count: dict[str, int] = defaultdict(int)
    for stem in stems:
        count[stem] += 1
    return {
        file: stem if count[stem] == 1 else file for file, stem in zip(files, stems, strict=True)
    }


def _said(case: Case, target: Target) -> str:
    if target.kind == "multi-label":
        return " ".join(f"{value:.0f}" for value in case.target)
    return target.classes[int(case.target[0])]
