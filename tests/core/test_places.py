"""Which folder is the project's own."""

import errno
import os
from pathlib import Path

import pytest

from radpipe.core.errors import RadpipeError
from radpipe.core.places import home, not_written, require_writable


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("/srv/knees", "/srv/knees"),
        ("/srv/knees/.dvc/tmp/exps/standalone/tmp1", "/srv/knees"),
        ("/srv/knees/.dvc/tmp/exps/tmp1/below", "/srv/knees"),
        ("/srv/knees/.dvc/tmp/exps", "/srv/knees/.dvc/tmp/exps"),
        ("/srv/dvc/tmp/exps/tmp1", "/srv/dvc/tmp/exps/tmp1"),
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


def test_a_project_that_can_only_be_read_is_refused_with_what_works_there(tmp_path, monkeypatch):
    require_writable(tmp_path)
    # As access() answers on a read-only mount, to root as well.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(RadpipeError, match=r"can only be read.*radpipe status, verify and check"):
        require_writable(tmp_path)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EROFS, "The way out: mount it so that it can be written"),
        (errno.ENOSPC, "The way out: make room on the disk"),
        (errno.ENOENT, None),
    ],
)
def test_what_could_not_be_written_is_one_message(number, said):
    message = not_written(OSError(number, os.strerror(number), "logs/train.log"))
    assert (message is None) == (said is None)
    assert said is None or said in str(message)
