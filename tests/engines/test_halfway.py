"""What a killed DVC leaves half of is named with the way out; what is whole is not."""

import subprocess

import pytest

from radpipe.engines.halfway import IN_USE, LOCK, half_written

WHOLE = """schema: '2.0'
stages:
  split@bones:
    cmd: python workflow/scripts/split.py --study bones
    deps:
    - path: data/bones/cases.parquet
      hash: md5
      md5: 1e05
      size: 5
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Enter an empty repository."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    IN_USE.parent.mkdir(parents=True)


@pytest.mark.parametrize("text", ["{}", '{"read": {"/x": [{"pid": 1}]}}'])
def test_a_whole_list_is_no_finding(text):
    IN_USE.write_text(text)
    LOCK.write_text(WHOLE)
    assert list(half_written()) == []


@pytest.mark.parametrize("text", ["", '{"read": {"/x": [{"pi'])
def test_half_a_list_is_to_be_deleted(text):
    IN_USE.write_text(text)
    (finding,) = half_written()
    assert finding.level == "problem"
    assert finding.way_out.startswith("rm .dvc/tmp/rwlock, if no DVC is at work")


@pytest.mark.parametrize("cut", [0, 10, 12, 16, 22, 25, 34, 37, 41])
def test_half_a_lock_is_put_back_where_git_has_one(cut):
    """Whether the text ends within a line or behind one."""
    LOCK.write_text(WHOLE[:cut])
    (finding,) = half_written()
    assert finding.way_out.startswith("rm dvc.lock; radpipe run makes what is missing")
    subprocess.run(["git", "add", "dvc.lock"], check=True)
    (finding,) = half_written()
    assert finding.way_out.startswith("git checkout dvc.lock")
