"""What `radpipe check-data` says of a folder of images: counts, and files that are none."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.findings import Finding, problem
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.core.settings import Split, Target
from radpipe.studies.base.contract import Case, File
from radpipe.studies.base.template import Template
from radpipe.studies.base.truth import BOXES, CEILING
from radpipe.studies.folders.copies import tell_copies
from radpipe.studies.folders.covariates import kinds
from radpipe.studies.folders.films import examine_films
from radpipe.studies.folders.findings import (
    left_out,
    refuse_absent_classes,
)
from radpipe.studies.folders.headers import Seen, headers_of
from radpipe.studies.folders.layout import FoldersLayout
from radpipe.studies.folders.passable import passable
from radpipe.studies.folders.pictures import pictures_below
from radpipe.studies.folders.table import read_table
from radpipe.studies.folders.tree import read_tree
from radpipe.studies.folders.views import told_of_views

N_NAMED = 5


def examine_data(
    raw: Path, *, files: Mapping[str, int], layout: FoldersLayout, target: Target
) -> list[Finding]:
    """Tell what is missing or odd in a folder of images.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Path below it to size in bytes.
    layout, target
        Of the study.

    """
    unhashed = {name: File(size, "") for name, size in files.items()}
    read = read_tree if layout.path is not None else read_table
    readable, findings = passable(raw, files=unhashed, layout=layout, target=target)
    seen = _seen(raw, files, layout)
    cases: Sequence[Case] = ()
    if readable is None:
        findings += _unread(raw, files)
    else:
        try:
            cases = read(raw, files=unhashed, layout=readable, target=target, seen=seen)
            findings += _cases(cases, layout, target)
            findings += tell_copies(raw, files, cases)
            used = {file for case in cases for file in case.files.values()}
            words = layout.words(target.classes)
            findings += _unused(raw, files, layout, used, seen.aside, words)
            refuse_absent_classes(cases, target)
        except (ConfigError, DataError) as error:
            findings.append(problem(error))
    findings += examine_films(seen.headers or {}, layout, cases)
    empty = [name for name, size in files.items() if not size]
    if empty:
        listed = f"{counted(len(empty), 'file is', 'files are')} empty, such as {_some(empty)}"
        findings.append(Finding("problem", listed, "copy them once more, or delete them"))
    return findings


def _seen(raw: Path, files: Mapping[str, int], layout: FoldersLayout) -> Seen:
    """Read the headers of DICOM films once, for cases and for what is said of films."""
    shown = [file for file in pictures_below(raw, files) if not left_out(file, layout)]
    # Without the key, nobody can be named: cases will say so.
    with suppress(DataError):
        return Seen(headers_of(raw, shown, layout))
    return Seen()


def _cases(cases: Sequence[Case], layout: FoldersLayout, target: Target) -> Iterator[Finding]:
    yield from _counts(cases, target)
    yield from _parts(cases, layout)
    yield from _sides(cases)
    yield from told_of_views(cases, layout)
    if said := kinds(cases, layout.table):
        yield Finding("ok", f"covariates: {said}")
    yield from _divided(cases)


def _counts(cases: Sequence[Case], target: Target) -> Iterator[Finding]:
    by_part: dict[str, Counter[str]] = {}
    for case in cases:
        counts = by_part.setdefault(case.official or "no official part", Counter())
        counts["images"] += len(case.files)
        counts.update(_classes(case, target))
    for part, counts in sorted(by_part.items()):
        named = [name for name in (*target.classes, "unknown") if counts[name]]
        text = ", ".join(f"{name} {counts[name]:,}" for name in named)
        yield Finding("ok", f"{part}: {counted(counts['images'], 'image')}; {text}")
    n_patients = len({case.patient for case in cases})
    yield Finding("ok", f"{counted(n_patients, 'patient')}, or images whose patient is unknown")


def _parts(cases: Sequence[Case], layout: FoldersLayout) -> Iterator[Finding]:
    """Tell where `test` will come from, if the data set does not give it."""
    parts = {case.official for case in cases}
    if "test" in parts or not cases:
        return
    rest = "; tune stays fold 0" if "tune" in parts else ""
    how = (
        "name their column in layout.table.part"
        if layout.table
        else "put the images into train/, val/ and test/, and begin layout.path with {part}/"
    )
    yield Finding(
        "note",
        "no official part test: the step split draws it by patient,"
        f" {Split.model_fields['test'].default:.0%} of them or what split.test says{rest}",
        f"to give parts of your own, {how}; other names of parts go into layout.parts",
    )


def _unread(raw: Path, files: Mapping[str, int]) -> Iterator[Finding]:
    n_images = counted(len(pictures_below(raw, files)), "image")
    yield Finding("note", f"{n_images} there; cases are read once this is mended")


def _sides(cases: Sequence[Case]) -> Iterator[Finding]:
    sides = Counter(case.side for case in cases)
    if not (sides["R"] or sides["L"]):
        return
    unknown = f", unknown {sides[None]:,}" if sides[None] else ""
    yield Finding("ok", f"sides: right {sides['R']:,}, left {sides['L']:,}{unknown}")
    shown = Counter((case.patient, case.side) for case in cases if case.side)
    if several := sum(n > 1 for n in shown.values()):
        yield Finding(
            "note",
            f"{counted(several, 'side of a patient has', 'sides of patients have')} several"
            " images, each a case of its own",
            "if there should be one each, look for copies under two classes or parts",
        )


def _divided(cases: Sequence[Case]) -> Iterator[Finding]:
    parts: dict[str, set[str]] = {}
    for case in cases:
        parts.setdefault(case.patient, set()).add(case.official or "train")
    if divided := sum(len(found) > 1 for found in parts.values()):
        yield Finding(
            "warning",
            f"{counted(divided, 'patient stands', 'patients stand')} in several official parts",
            "split refuses them; with split.on_leak: drop their cases of test stay before those"
            " of tune, and these before train",
        )


def _classes(case: Case, target: Target) -> list[str]:
    if target.kind == "multi-label":
        found = zip(target.classes, case.target, strict=True)
        return [name for name, value in found if value == 1]
    value = case.target[0]
    return ["unknown" if math.isnan(value) else target.classes[int(value)]]


def _unused(
    raw: Path,
    files: Mapping[str, int],
    layout: FoldersLayout,
    used: set[str],
    aside: set[str],
    words: Collection[str],
) -> Iterator[Finding]:
    """Tell of pictures that are no cases; those that the layout leaves out are only counted."""
    shown = set(pictures_below(raw, files))
    aside = aside | {file for file in files if left_out(file, layout)}
    if rest := sorted(shown - used - aside):
        yield _strays(rest, layout, words)
    if wanted := shown & aside:
        yield Finding(
            "ok", f"{counted(len(wanted), 'image is', 'images are')} left out, as layout says"
        )
    table = layout.table
    known = {CEILING, BOXES, *([table.file, *table.part_files.values()] if table else [])}
    if others := [name for name in files if name not in shown | known | aside]:
        yield Finding(
            "note",
            f"{counted(len(others), 'file is no picture', 'files are no pictures')}, such as"
            f" {_some(others)}",
        )


def _strays(rest: Sequence[str], layout: FoldersLayout, words: Collection[str]) -> Finding:
    """Tell of pictures that no one meant to leave out, by the form of their names."""
    if layout.table:
        what = (
            f"{counted(len(rest), 'image is', 'images are')} not in {layout.table.file}:"
            f" {patterns(rest, words)}"
        )
        return Finding("warning", what, "they are no cases; name them under layout.leave_out")
    template = Template(layout.path or "")
    return Finding(
        "warning",
        f"{counted(len(rest), 'image does', 'images do')} not fit layout.path {template.text!r}:"
        f" {patterns(rest, words)}",
        f"they are no cases; expected: {template.expected}.{template.unparted}",
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:N_NAMED]) + (", ..." if len(names) > N_NAMED else "")
