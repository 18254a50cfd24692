"""Receipts: sealed, and compared with the settings, code and files of now."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from radpipe.core.checking import check
from radpipe.core.errors import StaleError
from radpipe.core.graph import Graph, receipt_path
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params
from radpipe.core.receipts import (
    Receipt,
    disagreements,
    program_of,
    read_receipt,
)
from tests.conftest import SMALL


@pytest.fixture
def params():
    return check(Params, SMALL, where="", source="params.yaml")


SCRIPT = '''"""Split."""
import numpy
from radpipe.core.step import Step
STEP = Step(
    "split",
    __doc__,
    each="studies",
    reads={"a": "in"},
    writes={"b": "out"},
    settings=("studies.{study}.split.seed",),
)
'''


@pytest.fixture
def receipt(tmp_path, monkeypatch, params):
    """Return a receipt that agrees with everything, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workflow/scripts").mkdir(parents=True)
    (tmp_path / "workflow/scripts/split.py").write_text(SCRIPT)
    for name in ("in", "out"):
        (tmp_path / name).write_text(name)
    hashes = Hashes()
    return Receipt(
        step="split",
        run="bones",
        settings={"studies.bones.split.seed": 1},
        code=program_of(run_of(params))[0],
        inputs={"in": hashes.of(Path("in"))},
        outputs={"out": hashes.of(Path("out"))},
        libraries=program_of(run_of(params))[1],
    )


def run_of(params):
    return Graph(params).runs["split", next(iter(params.studies))]


def compared(receipt, params):
    return disagreements(receipt, run_of(params), params, Hashes())


def test_what_was_written_is_read(receipt):
    receipt.write()
    assert receipt.path == receipt_path("split", "bones")
    assert read_receipt(receipt.path) == receipt


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"bones"', '"bonez"'),
        lambda text: text.replace('"seal": "', '"seal": "0'),
        lambda text: text[: len(text) // 2],
        lambda text: json.dumps([1]),
    ],
)
def test_a_changed_receipt_proves_nothing(receipt, spoil):
    receipt.write()
    receipt.path.write_text(spoil(receipt.path.read_text()))
    with pytest.raises(StaleError, match="Delete it and run again"):
        read_receipt(receipt.path)


def test_a_receipt_under_another_name_proves_nothing(receipt):
    receipt.write()
    other = receipt_path("split", "hips")
    receipt.path.rename(other)
    with pytest.raises(StaleError, match="was changed after it was written"):
        read_receipt(other)


def test_nothing_changed_is_agreement(receipt, params):
    assert compared(receipt, params) == []


def test_a_changed_setting_is_named_with_both_values(receipt, params):
    edited = json.loads(json.dumps(SMALL))
    edited["studies"]["bones"]["split"]["seed"] = 2
    now = check(Params, edited, where="", source="params.yaml")
    assert "studies.bones.split.seed: 1 when made, 2 now" in compared(receipt, now)


def test_an_absent_setting_is_named(receipt, params):
    edited = json.loads(json.dumps(SMALL).replace('"bones"', '"hips"'))
    now = check(Params, edited, where="", source="params.yaml")
    lines = compared(receipt, now)
    assert "studies.bones.split.seed: 1 when made, 'absent' now" in lines


@pytest.mark.parametrize(("file", "line"), [("in", "input in: "), ("out", "output out: ")])
def test_changed_and_missing_files_are_named(receipt, params, tmp_path, file, line):
    (tmp_path / file).write_text("other")
    assert f"{line}changed" in compared(receipt, params)
    (tmp_path / file).unlink()
    assert f"{line}missing" in compared(receipt, params)


def test_changed_code_is_named(receipt, params, tmp_path):
    (tmp_path / "workflow/scripts/split.py").write_text(SCRIPT + "# other")
    assert compared(receipt, params) == []
    (tmp_path / "workflow/scripts/split.py").write_text(SCRIPT + "other = 1")
    assert "code workflow/scripts/split.py: changed" in compared(receipt, params)


def test_a_changed_library_is_named_with_both_versions(receipt, params):
    versions = {**receipt.libraries, "numpy": "1.0"}
    now = program_of(run_of(params))[1]["numpy"]
    lines = compared(replace(receipt, libraries=versions), params)
    assert lines == [f"library numpy: 1.0 when made, {now} now"]


def test_an_older_receipt_without_libraries_is_stale(receipt, params):
    lines = compared(replace(receipt, libraries={}), params)
    assert any(line.startswith("library numpy: absent when made") for line in lines)


def test_a_link_that_leads_to_itself_is_a_missing_file(receipt, params, tmp_path):
    (tmp_path / "out").unlink()
    (tmp_path / "out").symlink_to("out")
    assert any(line.startswith("output out: missing") for line in compared(receipt, params))


def test_an_input_that_is_declared_since_is_named(receipt, params, tmp_path):
    script = tmp_path / "workflow/scripts/split.py"
    script.write_text(SCRIPT.replace('"a": "in"', '"a": "in", "c": "more"'))
    (tmp_path / "more").write_text("more")
    assert "input more: added" in compared(receipt, params)


def test_code_is_what_is_imported(receipt):
    assert "workflow/scripts/split.py" in receipt.code
    assert {"src/radpipe/core/files.py", "src/radpipe/__init__.py"} <= set(receipt.code)
    assert not any("learning" in name for name in receipt.code)
