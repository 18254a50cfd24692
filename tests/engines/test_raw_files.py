"""`radpipe status` says when files that are read in place are no longer those of the manifest."""

import pytest

from radpipe.app import cli
from radpipe.core.params import load_params
from radpipe.engines import status
from radpipe.engines.raw_files import changed_since_fetch
from radpipe.studies.base.manifest import write_manifest


@pytest.fixture
def films(project, tmp_path, monkeypatch):
    """Enter a project whose study reads a folder elsewhere, and return that folder."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("one", "two", "three"):
        (folder / f"{name}.png").write_text(name)
    project.set("studies.bones.source", {"kind": "path", "path": str(folder)})
    monkeypatch.chdir(project.root)
    monkeypatch.setattr(status, "listed_jobs", lambda: None)
    monkeypatch.setattr(status, "waiting_jobs", dict)
    (project.root / "data/bones").mkdir(parents=True)
    write_manifest(folder, project.root / "data/bones/manifest.csv")
    return folder


def test_nothing_is_said_of_files_that_are_as_they_were_listed(films):
    assert list(changed_since_fetch(load_params())) == []


def test_files_that_were_added_removed_or_resized_are_counted_by_status(films, capsys):
    (films / "four.png").write_text("four")
    (films / "five.png").write_text("five")
    (films / "two.png").unlink()
    (films / "one.png").write_text("longer")
    cli.show_status(load_params())
    said = capsys.readouterr().out
    assert "\nraw files of bones: 1 changed, 2 added, 1 missing since fetch listed them" in said
    assert "delete data/bones/manifest.csv and run." in said
    assert "four" not in said


def test_a_disk_that_is_not_there_and_a_study_that_was_not_fetched_are_no_change(films, project):
    films.rename(films.with_name("elsewhere"))
    assert list(changed_since_fetch(load_params())) == []
    films.with_name("elsewhere").rename(films)
    (project.root / "data/bones/manifest.csv").unlink()
    assert list(changed_since_fetch(load_params())) == []


def test_a_manifest_that_is_none_hides_no_table(films, project, capsys):
    (project.root / "data/bones/manifest.csv").write_text("half")
    cli.show_status(load_params())
    said = capsys.readouterr().out
    assert said.startswith("step ")
    assert "raw files of bones cannot be compared with data/bones/manifest.csv: " in said
