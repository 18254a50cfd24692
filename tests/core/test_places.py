"""Which folder is the project's own."""

from pathlib import Path

import pytest

from radpipe.core.places import home


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("/work/knees", "/work/knees"),
        ("/work/knees/.dvc/tmp/exps/standalone/tmp1", "/work/knees"),
        ("/work/knees/.dvc/tmp/exps/tmp1/below", "/work/knees"),
        ("/work/knees/.dvc/tmp/exps", "/work/knees/.dvc/tmp/exps"),
        ("/work/dvc/tmp/exps/tmp1", "/work/dvc/tmp/exps/tmp1"),
    ],
)
def test_a_copy_that_dvc_made_belongs_to_its_project(folder, found):
    assert home(Path(folder)) == Path(found)


def test_a_project_keeps_its_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert home() == Path()
    copy = tmp_path / ".dvc/tmp/exps/standalone/tmp1"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert home() == tmp_path
