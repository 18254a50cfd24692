"""Which libraries decide what a run writes."""

import shutil
import sys
from importlib.metadata import PathDistribution, distributions

import pytest

from radpipe.core import versions
from radpipe.core.sources import source_of
from radpipe.core.versions import (
    DISTRIBUTIONS,
    NEUTRAL,
    WRITERS,
    libraries,
    link_versions,
    needs,
    within,
)
from tests.conftest import ROOT


def test_every_import_of_the_project_is_known_to_decide_or_not():
    """A new library is put into one of the two tables, with thought."""
    files = [f for folder in ("src", "workflow") for f in (ROOT / folder).rglob("*.py")]
    imported = {name for file in files for name in source_of(file).libraries}
    assert imported - set(DISTRIBUTIONS) - NEUTRAL == set()
    assert not set(DISTRIBUTIONS) & NEUTRAL
    assert set(WRITERS) <= set(DISTRIBUTIONS)


def test_decoders_come_with_the_library_that_loads_them():
    found = libraries(["pydicom"], ["data/bones/store"])
    assert {"pydicom", "pylibjpeg-openjpeg", "pyjpegls", "python-gdcm", "pillow"} <= set(found)


@pytest.mark.parametrize(
    ("outputs", "counts"),
    [(["cases.parquet"], True), (["store"], True), (["weights.safetensors", "a.csv"], False)],
)
def test_a_writer_of_a_format_counts_where_it_writes(outputs, counts):
    assert ("pyarrow" in libraries(["pyarrow", "numpy"], outputs)) is counts
    assert "numpy" in libraries(["pyarrow", "numpy"], outputs)


def test_what_shows_progress_decides_nothing():
    assert libraries(["tqdm", "snakemake", "dvc"], ["store"]) == {}


def test_an_unknown_library_counts_under_its_own_name():
    assert libraries(["nibabel"], ["store"]) == {"nibabel": "not installed"}


@pytest.fixture
def cv2(tmp_path, monkeypatch):
    """Return a function that installs a version of a library whose import has another name."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    def install(version):
        folder = site / f"opencv_thing-{version}.dist-info"
        vendored = folder.parent / "vendored/x.dist-info/METADATA"
        shutil.rmtree(site, ignore_errors=True)
        for file in (folder / "METADATA", vendored):
            file.parent.mkdir(parents=True)
            file.write_text(f"Metadata-Version: 2.1\nName: opencv-thing\nVersion: {version}\n")
        names = ("vendored/x.dist-info/METADATA", f"{folder.name}/METADATA", "cv2/__init__.py")
        (folder / "RECORD").write_text("".join(f"{name},,\n" for name in names))
        versions._installed.cache_clear()
        versions._version.cache_clear()
        return folder / "METADATA"

    yield install
    versions._installed.cache_clear()
    versions._version.cache_clear()


def test_versions_are_those_that_the_metadata_state():
    for installed in distributions():
        assert versions._said_by(installed) == installed.version


@pytest.mark.parametrize(
    ("metadata", "version"),
    [
        ("Name: x\nVersion: 1.0\n\nVersion: 9\n", "1.0"),
        ("Name: x\nVersion:   1.1\n", "1.1"),
        ("Name: x\nversion: 1.2\n\nVersion: 9\n", "1.2"),
    ],
)
def test_a_version_is_read_however_it_is_stated(tmp_path, metadata, version):
    (tmp_path / "METADATA").write_text(metadata)
    installed = PathDistribution(tmp_path)
    assert versions._said_by(installed) == installed.version == version


def test_a_library_that_is_imported_by_another_name_counts_with_its_version(cv2):
    for version in ("1.0", "2.0"):
        cv2(version)
        assert libraries(["cv2"], ["store"]) == {"opencv-thing": version}


def test_libraries_of_the_plan_are_linked_to_whatever_they_are_called(cv2, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    link = versions.LINKS / "opencv-thing"
    file = cv2("1.0")
    link_versions({"opencv-thing", "numpy"})
    assert link.readlink() == file
    link_versions()
    assert link.readlink() == file
    link_versions({"numpy"})
    assert not link.is_symlink()


def test_links_lead_to_files_that_say_the_version(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    link_versions()
    for package in ("numpy", "torch", "pillow", "pydicom", "pylibjpeg-openjpeg"):
        version = versions.versions_of([package])[package]
        assert version in (versions.LINKS / package).read_text(encoding="utf-8")


def test_links_follow_what_is_installed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "site/numpy.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1.2\n")
    (other / "RECORD").write_text("numpy.dist-info/METADATA,,\n")
    link_versions()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    link_versions()
    assert (versions.LINKS / "numpy").readlink() == other / "METADATA"
    monkeypatch.setattr(versions, "_distribution", lambda _: None)
    link_versions()
    assert list(versions.LINKS.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "clauses", "allowed"),
    [
        ("0.25.0+cpu", ">=0.13", True),
        ("0.9", ">=0.13", False),
        ("1.0", "==1", True),
        ("2.0rc1", ">=1,<2", False),
        ("1.9.9", ">1,<=1.9.9,!=1.5", True),
        ("1.5.0", "!=1.5", False),
    ],
)
def test_versions_are_held_to_clauses(version, clauses, allowed):
    assert within(version, clauses) is allowed


@pytest.mark.parametrize(
    ("asked", "needed"),
    [
        ("Requires-Dist: pandas", True),
        ("Requires-Dist: pandas (>=1.2)", True),
        ('Requires-Dist: Pandas<3,>=2 ; python_version >= "3.9"', True),
        ("Requires-Dist: pandas-stubs", False),
        ('Requires-Dist: pandas ; extra == "tables"', False),
        ("Requires-Dist: numpy\n\nRequires-Dist: pandas", False),
    ],
)
def test_a_library_brings_what_it_cannot_be_without(tmp_path, monkeypatch, asked, needed):
    folder = tmp_path / "seagull-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: seagull\n{asked}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert needs("seagull", "pandas") is needed
    assert needs("pandas", "pandas")
    assert not needs("nowhere-to-be-found", "pandas")
