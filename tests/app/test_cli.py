"""The command `radpipe`, in this process; record, sync and run are tested with the engines."""

import errno
import json
import logging
import os
import signal
import subprocess
import sys

import pytest

from radpipe.app import cli
from radpipe.core.errors import ConfigError, DataError, RadpipeError
from radpipe.core.findings import Finding
from radpipe.core.params import load_params
from tests.conftest import Project


@pytest.fixture
def params(project: Project, monkeypatch):
    """Enter a project that nothing was made in."""
    monkeypatch.chdir(project.root)
    return load_params()


def test_sound_settings_are_counted(params, caplog):
    with caplog.at_level(logging.INFO):
        cli.check_settings(params)
    assert "settings are sound: studies=1 runs=2 ensembles=0 imported=0 explained=0" in caplog.text


def test_a_wrong_override_is_found_before_anything_runs(params, project):
    project.set("variants.bones-v1.train.optimizer", "adm")
    with pytest.raises(ConfigError, match=r"variants.bones-v1.train.optimizer: unknown 'adm', did"):
        cli.check_settings(load_params())


def test_targets_that_layouts_cannot_give_are_found_before_anything_runs(params, project):
    bones = project.params["studies"]["bones"]
    target = {"kind": "multi-label", "classes": ["acl"]}
    mrnet = {**bones, "adapter": "mrnet", "layout": {"label": "acl"}, "target": target}
    oai = {**bones, "adapter": "oai", "layout": {"question": "kl"}, "target": target}
    table = {"file": "t.csv", "image": "id", "target": ["a", "b"]}
    lists = {**bones, "layout": {"table": table}, "target": target}
    project.set("studies", {"bones": {**bones, "target": target}, "m": mrnet, "o": oai, "l": lists})
    with pytest.raises(ConfigError) as caught:
        cli.check_settings(load_params())
    lines = str(caught.value).splitlines()
    assert [line.split(":")[1].strip() for line in lines] == [
        f"studies.{name}" for name in ("bones", "m", "o", "l")
    ]
    assert "a multi-label target needs layout.table" in lines[0]
    assert "layout.label belongs to a binary target" in lines[1]
    assert "layout.question: kl has 5 classes" in lines[2]
    assert "needs 1 column" in lines[3]


def test_a_file_that_cannot_be_written_is_one_message(params, monkeypatch, caplog):
    def refuse(_):
        raise OSError(errno.EROFS, "Read-only file system", "params.schema.json")

    monkeypatch.setitem(cli.COMMANDS, "schema", refuse)
    monkeypatch.setattr(sys, "argv", ["radpipe", "schema"])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert "'params.schema.json'. The way out: mount it so that it can be written" in caplog.text


def test_who_has_read_enough_gets_no_traceback(project):
    """As of `radpipe status | head -1`: the reader is gone before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "radpipe.app", "status"],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=project.root,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_what_was_never_made_is_listed(params, caplog):
    with pytest.raises(RadpipeError, match="14 disagreements"):
        cli.check_receipts(params)
    assert "fetch bones: no receipt" in caplog.text


def test_the_schema_is_written_for_editors(params, project):
    cli.write_schema(params)
    written = json.loads((project.root / "params.schema.json").read_text())
    assert "studies" in written["properties"]
    assert written["x-preset"]["title"] == "Preset"


def test_a_data_set_is_checked_before_anything_runs(params, tmp_path, capsys):
    for name in ("healthy/p1-1.png", "fractured/p2-1.png", "beyond_repair/p3-1.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    cli.check_data(params, "bones", tmp_path)
    first, *_, last = capsys.readouterr().out.splitlines()
    assert last == "2 notes: nothing that must be mended"
    counts = "3 images; healthy 1, fractured 1, beyond_repair 1"
    assert first == f"ok       bones     no official part: {counts}"


def test_a_data_set_with_problems_ends_with_2(params, tmp_path, monkeypatch, capsys, caplog):
    (tmp_path / "healthy").mkdir()
    (tmp_path / "healthy/p1-1.png").write_text("a")
    monkeypatch.setattr("sys.argv", ["radpipe", "check-data", "bones", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr().out
    assert "problem  bones     no image of the classes" in said
    assert said.splitlines()[-1].startswith("1 problem, ")
    assert "Problems: 1; the way out is below each." in caplog.text


def test_no_way_out_is_promised_where_there_is_none(caplog):
    with pytest.raises(RadpipeError, match=r"^Problems: 1\.$"):
        cli._show([("a", Finding("ok", "fine")), ("a", Finding("problem", "bad"))])


def test_who_has_the_files_sees_their_names(params, tmp_path, capsys):
    """On the terminal only: in logs of steps they are masked (tests/studies)."""
    for name in ("train/healthy/anna_1.png", "train/fractured/ben_2.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    with pytest.raises(RadpipeError, match="the way out is below each"):
        cli.check_data(params, "bones", tmp_path)
    said = capsys.readouterr().out
    assert "1 like 'train/healthy/anna_1.png'" in said
    assert "The images lie 2 folders deep, and layout.path has 1." in said
    assert "write one '/' for each folder" in said.splitlines()[1]


def test_data_that_are_not_there(params, tmp_path):
    with pytest.raises(ConfigError, match=r"study: unknown 'bone', did you mean 'bones'"):
        cli.check_data(params, "bone", tmp_path)
    with pytest.raises(DataError, match=r"nowhere: there is no such folder"):
        cli.check_data(params, "bones", tmp_path / "nowhere")
    # Without a path: where the study's source has its files, which were not made yet.
    with pytest.raises(DataError, match=r"data/bones/raw: there is no such folder"):
        cli.check_data(params, "bones")


def test_a_mistake_ends_with_2_and_one_message(project, monkeypatch, caplog):
    monkeypatch.chdir(project.root)
    monkeypatch.setattr("sys.argv", ["radpipe", "verify"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "snakemake makes these runs again" in caplog.text
