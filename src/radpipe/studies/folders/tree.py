"""Class folders: the path of an image says what it shows."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from radpipe.core.errors import ConfigError, DataError, near_miss
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.core.settings import Target
from radpipe.studies.base.contract import Case, Files, unknown_patient
from radpipe.studies.base.template import Template
from radpipe.studies.base.truth import read_ceiling
from radpipe.studies.folders.codes import refuse_unknown_sides, side_of
from radpipe.studies.folders.findings import (
    case_names,
    image_files,
    is_left_out,
    listing,
    official_part,
    warn_of_unknown_patients,
)
from radpipe.studies.folders.headers import Seen, with_headers
from radpipe.studies.folders.layout import VIEW, FoldersLayout
from radpipe.studies.folders.patients import settle_patients
from radpipe.studies.folders.pictures import pictures_below
from radpipe.studies.folders.views import with_views

log = logging.getLogger("radpipe.index")


def read_tree(
    raw: Path, *, files: Files, layout: FoldersLayout, target: Target, seen: Seen | None = None
) -> list[Case]:
    """Read class folders.

    Parameters
    ----------
    raw
        Root of the study's files.
    files
        The manifest.
    layout
        With `path`.
    target
        binary, multi-class or ordinal.
    seen
        Who examines a data set: headers that were read already, and a place for what is left out.

    Raises
    ------
    ConfigError
        See `check_tree`.
    DataError
        No file fits the template, a folder is no class, or a class folder is empty.

    """
    check_tree(layout, target)
    template = Template(layout.path or "")
    names = class_names(layout, target)
    images = image_files(raw, files, layout)
    fits = {file: found for file in images if (found := template.match(file)) is not None}
    _report_misfits(images, fits, template, layout.words(target.classes))
    log.info(
        "images=%d fitting=%d other_files=%d", len(images), len(fits), len(files) - len(images)
    )
    every = set(fits)
    fits = {
        file: found
        for file, found in fits.items()
        if not is_left_out(found.get("part", ""), layout)
    }
    _refuse_unknown_folders({found["class"] for found in fits.values()}, names)
    _refuse_empty_folders(raw, template, pictures_below(raw, files), names, layout)
    ceiling = read_ceiling(raw, files=files, target=target, translate=names.get)
    kept = [file for file in fits if names[fits[file]["class"]] is not None]
    if seen is not None:
        seen.aside |= every.difference(kept)
    case_of = case_names(kept)
    refuse_unknown_sides({file: fits[file].get("side", "") for file in kept}, template)
    cases = [
        Case(
            case=case_of[file],
            patient=fits[file].get("patient") or unknown_patient(case_of[file]),
            official=official_part(fits[file].get("part", ""), layout),
            target=(float(target.classes.index(names[fits[file]["class"]] or "")),),
            files={VIEW: file},
            covariates=covariates_of(fits[file], template),
            ceiling=ceiling.get(file),
            side=side_of(fits[file].get("side", "")),
        )
        for file in kept
    ]
    cases = with_headers(raw, cases, layout, seen.headers if seen else None)
    warn_of_unknown_patients(cases)
    cases = settle_patients(cases, layout, where="layout.path")
    return with_views(cases, layout, seen.aside if seen else None)


def check_tree(layout: FoldersLayout, target: Target) -> None:
    """Refuse a target that class folders cannot give.

    Raises
    ------
    ConfigError
        It has several labels, or `layout.classes` names a class that it does not have.

    """
    if target.kind == "multi-label":
        raise ConfigError(
            "a folder gives an image one class; a multi-label target needs layout.table."
        )
    class_names(layout, target)


def covariates_of(found: Mapping[str, str], template: Template) -> dict[str, str]:
    """Return the covariates among what a template found, a side as R or L."""
    told = {**found, "side": side_of(found.get("side", "")) or ""}
    return {name: told[name] for name in template.covariates}


def class_names(layout: FoldersLayout, target: Target) -> dict[str, str | None]:
    """Return folder to class of the target; a folder to be left out goes to None.

    Raises
    ------
    ConfigError
        `layout.classes` names a class that the target does not have.

    """
    for folder, name in layout.classes.items():
        if name is not None and name not in target.classes:
            raise ConfigError(
                f"layout.classes.{folder}: unknown {name!r}{near_miss(name, target.classes)}"
                f" Classes of the target: {', '.join(target.classes)}."
            )
    return {**{name: name for name in target.classes}, **layout.classes}


def _report_misfits(
    images: list[str], fits: dict[str, dict[str, str]], template: Template, words: Collection[str]
) -> None:
    if not images:
        raise DataError(
            "the data set holds no images (files with a suffix such as .png or .jpg, or DICOM)."
            " Check the study's source in params.yaml."
        )
    misfits = [file for file in images if file not in fits]
    if not fits:
        raise DataError(
            f"no image fits layout.path {template.text!r}. There are {patterns(images, words)}."
            f" Expected: {template.expected}.{template.unparted or _cause(images, template)}"
        )
    if misfits:
        log.warning(
            "%s layout.path %r, and no case comes of that: %s. Expected: %s.%s",
            counted(len(misfits), "image does not fit", "images do not fit"),
            template.text,
            patterns(misfits, words),
            template.expected,
            template.unparted,
        )


def _cause(images: list[str], template: Template) -> str:
    """Say why no path fits: another number of folders, or other signs between the names."""
    wanted, there = template.text.count("/"), sorted({file.count("/") for file in images})
    if wanted not in there:
        deep = " or ".join(map(str, there[:3]))
        return (
            f" The images lie {deep} folders deep, and layout.path has {wanted}. The way out: write"
            " one '/' for each folder, and {_} for one whose name says nothing."
        )
    return (
        " The number of folders is right, so what stands between the placeholders, or how many"
        " digits one has, is not. The way out: correct it, and write {_} for what is to be ignored."
    )


def _refuse_unknown_folders(found: set[str], names: dict[str, str | None]) -> None:
    unknown = sorted(found - names.keys())
    if unknown:
        raise DataError(
            f"the folders {', '.join(map(repr, unknown[:10]))} are no classes"
            f"{near_miss(unknown[0], names)} Known: {', '.join(names)}. The way out: say in"
            f" params.yaml what they are, layout.classes: {unknown[0]}: <class>, or null to"
            " leave a folder out."
        )


def _refuse_empty_folders(
    raw: Path,
    template: Template,
    images: Sequence[str],
    names: dict[str, str | None],
    layout: FoldersLayout,
) -> None:
    """Refuse a class folder without images, which is a copy that went wrong.

    Images that the layout leaves out are images, too.

    Where patients have folders above the class, a patient without images of a class is
    nothing special, so only the last level that all patients share is looked at.
    """
    deepest = len(template.text.split("/"))
    depth = template.depth("class") or deepest
    if depth == deepest or (template.depth("patient") or deepest) <= depth:
        return

    def is_wanted(folder: str) -> bool:
        found = template.match_folder(folder)
        if found is None or names.get(found["class"]) is None:
            return False
        return not is_left_out(found.get("part", ""), layout)

    full = {"/".join(file.split("/")[:depth]) for file in images}
    empty = [one for one in _folders(raw, depth) if one not in full and is_wanted(one)]
    if empty:
        raise DataError(
            f"class folders without images:\n  {listing(sorted(empty))}\nThe way out: put the"
            " images there, or delete the folders."
        )


def _folders(raw: Path, depth: int) -> Iterator[str]:
    for folder in raw.glob("/".join("*" * depth)):
        if folder.is_dir():
            yield folder.relative_to(raw).as_posix()
