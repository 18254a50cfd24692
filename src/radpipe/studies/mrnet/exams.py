"""Which volumes each exam of MRNet has, and whether they fit the label tables."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.studies.mrnet.layout import PARTS, PLANES
from radpipe.studies.mrnet.tables import some

SUFFIX = ".npy"
# Exam to plane to file below the root.
Volumes = dict[str, dict[str, str]]


def find_volumes(files: Iterable[str], part: str) -> Volumes:
    """Find the volumes of one part, exams sorted."""
    found: Volumes = {}
    for file in sorted(files):
        path = PurePosixPath(file)
        folder, plane = path.parts[:2] if len(path.parts) == 3 else ("", "")
        if folder == part and plane in PLANES and path.suffix == SUFFIX:
            found.setdefault(path.stem, {})[plane] = file
    return dict(sorted(found.items()))


def refuse_other_layout(files: Collection[str]) -> None:
    """Refuse a folder without volumes where MRNet has them, and say where there are some.

    Raises
    ------
    DataError
        A part has no volumes.

    """
    for part in PARTS:
        if find_volumes(files, part):
            continue
        inside = f"/{part}/{PLANES[0]}/"
        above = sorted({file.partition(inside)[0] for file in files if inside in file})
        hint = (
            f" There are some below {above[0]}/. The way out: add that to the study's source.path."
            if above
            else " The way out: unpack the whole archive, or correct source.path in params.yaml."
        )
        raise DataError(
            f"there are no volumes such as {part}/{PLANES[0]}/0000{SUFFIX} below the root of the"
            f" data set.{hint}"
        )


def refuse_mismatch(part: str, volumes: Volumes, labels: Mapping[str, int]) -> None:
    """Refuse exams of the tables without volumes, and volumes of exams without labels.

    Raises
    ------
    DataError
        Tables and volumes list other exams.

    """
    unseen = sorted(labels.keys() - volumes.keys())
    unlabelled = sorted(volumes.keys() - labels.keys())
    lines = []
    if unseen:
        lines.append(
            f"{counted(len(unseen), 'exam of the tables has', 'exams of the tables have')} no"
            f" volume, such as {some(unseen)}"
        )
    if unlabelled:
        lines.append(
            f"{counted(len(unlabelled), 'exam has', 'exams have')} no label, such as"
            f" {some(unlabelled)}"
        )
    if not lines:
        return
    padded = {exam.zfill(4) for exam in unseen}
    way_out = (
        "a spreadsheet took the leading zeros away: take the tables from the archive again"
        if unseen and padded <= set(unlabelled)
        else "unpack the archive once more, or take the exams out of both"
    )
    raise DataError(
        f"{part}/: tables and volumes should list the same exams: {'; '.join(lines)}. The way"
        f" out: {way_out}."
    )


def refuse_shared(volumes: Mapping[str, Volumes]) -> None:
    """Refuse exams that stand in both parts.

    Raises
    ------
    DataError
        An id stands below train/ and valid/.

    """
    shared = sorted(set.intersection(*(set(exams) for exams in volumes.values())))
    if shared:
        raise DataError(
            f"{counted(len(shared), 'exam stands', 'exams stand')} in"
            f" {'/ and in '.join(volumes)}/, such as {some(shared)};"
            " an exam belongs to one part. The way out: unpack the archive once more."
        )


def incomplete(volumes: Volumes) -> dict[str, list[str]]:
    """Return exams that lack a plane, by plane, for planes that any exam lacks."""
    lacking = {
        plane: [exam for exam, planes in volumes.items() if plane not in planes] for plane in PLANES
    }
    return {plane: exams for plane, exams in lacking.items() if exams}
