"""The command `radpipe`, in this process; record, sync and run are tested with the engines."""

import json
import logging

import pytest

from radpipe.app import cli
from radpipe.core.errors import ConfigError, RadpipeError
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
    assert "settings are sound: studies=1 runs=2" in caplog.text


def test_a_wrong_override_is_found_before_anything_runs(params, project):
    project.set("variants.bones-v1.train.optimizer", "adm")
    with pytest.raises(ConfigError, match=r"variants.bones-v1.train.optimizer: unknown 'adm', did"):
        cli.check_settings(load_params())


def test_what_was_never_made_is_listed(params, caplog):
    with pytest.raises(RadpipeError, match="14 disagreements"):
        cli.check_receipts(params)
    assert "fetch bones: no receipt" in caplog.text


def test_the_schema_is_written_for_editors(params, project):
    cli.write_schema(params)
    written = json.loads((project.root / "params.schema.json").read_text())
    assert "studies" in written["properties"]
    assert written["x-preset"]["title"] == "Preset"


def test_a_mistake_ends_with_2_and_one_message(project, monkeypatch, caplog):
    monkeypatch.chdir(project.root)
    monkeypatch.setattr("sys.argv", ["radpipe", "verify"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "snakemake makes these runs again" in caplog.text
