"""Where a study's files come from, and the folder in which they lie on this machine.

`path`     used where it lies: never copied, linked or changed.
`phantom`  written by the adapter below `data/<study>/raw`.
`arrays`   pictures and labels of one .npz, written below `data/<study>/raw`.
`url`      downloaded to `data/<study>/download` and unpacked below `data/<study>/raw`.

Raw files are no engine's output, so after a clone they may be absent while everything that
was made from them is there. `materialise` makes them again whenever a step needs them.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import radpipe
from radpipe.core.errors import DataError
from radpipe.core.files import read_json, sha256_json, write_json
from radpipe.core.imports import needed
from radpipe.core.locks import lock
from radpipe.core.places import home
from radpipe.core.settings import (
    ArraysSource,
    PathSource,
    PhantomSource,
    Source,
    Target,
    UrlSource,
)
from radpipe.core.sources import source_of
from radpipe.core.step import Job
from radpipe.core.versions import libraries
from radpipe.studies.base.adapters import check_source, load_adapter, read_layout
from radpipe.studies.base.manifest import list_files

DATA = Path("data")
# What a step must declare in its settings to be able to call `origin`.
SETTINGS = (
    "studies.{study}.adapter",
    "studies.{study}.source",
    "studies.{study}.layout",
    "studies.{study}.target",
)


class Origin(Protocol):
    """What must be known of a study to find its files; `core.settings.Study` fits."""

    @property
    def adapter(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> Source: ...  # noqa: D102
    @property
    def layout(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def target(self) -> Target: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class DeclaredOrigin:
    """The `Origin` of a study, from the settings that a step declared."""

    adapter: str
    source: Source
    layout: dict[str, Any]
    target: Target


def origin(job: Job, study: str) -> DeclaredOrigin:
    """Read a study's origin from a step's settings; the step declares `SETTINGS`."""
    return DeclaredOrigin(*(job.setting(key.format(study=study)) for key in SETTINGS))


def raw_root(name: str, study: Origin) -> Path:
    """Return the folder of a study's raw files, whether or not it exists.

    Parameters
    ----------
    name
        Key of the study in `params.yaml`.
    study
        Its settings.

    """
    if isinstance(study.source, PathSource):
        return _expanded(study.source.path)
    return DATA / name / "raw"


def _expanded(given: str) -> Path:
    path = Path(os.path.expandvars(given)).expanduser()
    # A copy that DVC runs an experiment in has only what Git knows.
    return path if path.exists() else home() / path


def materialise(name: str, study: Origin) -> Path:
    """Make sure that a study's raw files are there, and return their folder.

    Files that are there and agree with the settings that made them are kept. New ones are
    put together under another name, so that half a study is never taken for a whole one.

    Raises
    ------
    DataError
        The path does not exist, or the download failed.

    """
    raw = raw_root(name, study)
    if isinstance(study.source, PathSource):
        check_path(name, study.source.path, raw)
        return raw
    folder, made_by = raw.parent, _made_by(study)
    in_project = home() / raw
    if in_project != raw and _agrees(in_project, made_by):
        return in_project  # nothing is downloaded twice for an experiment in a copy
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if not _agrees(raw, made_by):
            _build(name, study, raw)
            listing = sha256_json(list_files(raw))
            write_json(folder / ".source.json", {"made_by": made_by, "listing": listing})
    return raw


def check_path(name: str, given: str, raw: Path) -> None:
    """Refuse a source that is no folder.

    Parameters
    ----------
    name
        Of the study.
    given
        Its `source.path`.
    raw
        The same with `~` and variables replaced.

    Raises
    ------
    DataError
        There is no such folder, it is a file, or a variable is not set.

    """
    where = _refuse_absent(name, given, raw, "folder")
    if not raw.is_dir():
        raise DataError(
            f"{where} is a file; give the folder that holds the data set. Of an .npz say kind:"
            " arrays."
        )


def check_arrays(name: str, source: ArraysSource) -> Path:
    """Return where the .npz of a source lies.

    Raises
    ------
    DataError
        There is no such file, it is a folder, or a variable is not set.

    """
    path = _expanded(source.path)
    where = _refuse_absent(name, source.path, path, "file")
    if not path.is_file():
        raise DataError(f"{where} is a folder; give the .npz in it. Of a folder say kind: path.")
    return path


def _refuse_absent(name: str, given: str, path: Path, what: str) -> str:
    """Refuse a path at which nothing lies; return how messages name it."""
    where = f"params.yaml: studies.{name}.source.path: {given!r}"
    if "$" in str(path):
        raise DataError(f"{where} names a variable that is not set in this shell. Set it.")
    if not path.exists():
        raise DataError(
            f"{where}: there is no such {what} (looked for {path.absolute()}). The way out:"
            " correct the path, connect the disk, or run on the machine that has the data."
        )
    return where


def _build(name: str, study: Origin, raw: Path) -> None:
    """Write the files under a temporary name and put them in the place of `raw`."""
    for left_over in raw.parent.glob(".raw-*"):
        shutil.rmtree(left_over)
    building = Path(tempfile.mkdtemp(prefix=".raw-", dir=raw.parent))
    try:
        if isinstance(study.source, PhantomSource):
            adapter = load_adapter(study.adapter)
            layout = read_layout(name, adapter, study.layout)
            check_source(name, adapter, study.source)
            adapter.phantom(building, source=study.source, layout=layout, target=study.target)
        elif isinstance(study.source, ArraysSource):
            _unpack_local(name, study.source, building)
        elif isinstance(study.source, UrlSource):
            _fetch(study.source, building, folder=raw.parent)
        building.chmod(0o755)  # mkdtemp makes private folders
        if raw.exists():
            shutil.rmtree(raw)
        building.rename(raw)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _unpack_local(name: str, source: ArraysSource, out: Path) -> None:
    from radpipe.studies.base.arrays import unpack_arrays

    path = check_arrays(name, source)
    kind, _, wanted = source.sha256.rpartition(":")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, kind or "sha256").hexdigest()
    if found != wanted:
        raise DataError(
            f"params.yaml: studies.{name}.source.sha256: {path.name} has the hash {found}, and not"
            f" {wanted}. It is damaged, or of another release. The way out: get it again, or"
            " correct the setting."
        )
    unpack_arrays(path, out, source)


def _fetch(source: UrlSource, out: Path, *, folder: Path) -> None:
    # What speaks to servers takes a tenth of a step's start; most sources need none of it.
    from radpipe.studies.base.arrays import unpack_arrays
    from radpipe.studies.base.download import download, file_name
    from radpipe.studies.base.unpack import is_archive, unpack

    for file in source.files:
        path = download(file, folder / "download", seen=folder / "source.json")
        if file.arrays is not None:
            unpack_arrays(path, out, file.arrays)
        elif file.unpack and is_archive(path):
            unpack(path, out)
        else:
            shutil.copyfile(path, out / file_name(file.address))


def _made_by(study: Origin) -> dict[str, Any]:
    """Describe what the raw files depend on; another description makes them again."""
    source = study.source.model_dump(mode="json")
    if isinstance(study.source, UrlSource | ArraysSource):
        return {"source": source}
    return {
        "source": source,
        "adapter": study.adapter,
        "layout": dict(study.layout),
        "target": study.target.model_dump(mode="json"),
        **_phantom_program(study.adapter),
    }


def _phantom_program(adapter: str) -> dict[str, dict[str, str]]:
    """Return what draws an adapter's phantom: all its code, by what it says, and libraries.

    A receipt of `fetch` holds no less, so a phantom is drawn again when `fetch` is stale for them.
    """
    root = Path(radpipe.__file__).parent
    drawing = [*root.glob(f"studies/{adapter}/phantom*.py"), *root.glob(f"studies/{adapter}.py")]
    files = sorted({*drawing, *(file for each in drawing for file in needed(each))})
    imported = {name for file in files for name in source_of(file).libraries}
    code = {str(file.relative_to(root)): source_of(file).digest for file in files}
    return {"code": code, "libraries": libraries(imported, ())}


def _agrees(raw: Path, made_by: Mapping[str, Any]) -> bool:
    """Tell whether the files of now are whole and what `made_by` would give."""
    try:
        note = read_json(raw.parent / ".source.json")
        same: bool = note == {"made_by": made_by, "listing": sha256_json(list_files(raw))}
    except (OSError, ValueError):
        return False  # nothing was made yet, or it was not finished
    return same


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make a study's files; others wait for it."""
    with (folder / ".source.lock").open("w") as stream:
        lock(stream)
        yield
