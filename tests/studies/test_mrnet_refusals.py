"""What the adapter `mrnet` refuses, and that it says the way out."""

import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import write_manifest
from tests.studies.fake_mrnet import FakeMRNet

THREE = ["abnormal", "acl", "meniscus"]


@pytest.fixture
def fake():
    return FakeMRNet()


def read(fake, tmp_path, change=None, labels=THREE):
    raw = fake.write(tmp_path / "raw")
    if change:
        change(raw)
    files = write_manifest(raw, tmp_path / "m.csv")
    adapter = load_adapter("mrnet")
    target = Target(kind="multi-label", classes=labels)
    layout = read_layout("s", adapter, {})
    return adapter.cases(raw, files=files, layout=layout, target=target).cases


def refused(fake, tmp_path, message, change=None):
    with pytest.raises(DataError, match=message) as found:
        read(fake, tmp_path, change)
    assert "way out" in str(found.value)


# --- tables ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\n0000,0\n", r"train-acl\.csv, line 1: 'id,label' looks like a header"),
        ("exam,acl\r\n0000,0\r\n", r"line 1: 'exam,acl' looks like a header"),
        ("0000,0\n0001,1\n0001,1\n0002,0\n", r"train-acl\.csv: 1 row names .* lines 2, 3"),
        ("0000,0\n0001,2\n0002,0\n", r"line 2: should be .* 0 or 1, "),
        ("0000,0\n0001,\n0002,0\n", r"line 2: should be an exam"),
        ("0000,0\n0001\n", r"format, which has 2: line 2 has 1\."),
        ("0000,0\n0001,1.0\n", r"line 2: should be an exam"),
        ("0000,0\n,1\n", r"line 2: should be an exam"),
        ("0000,0\n0001,1,1\n", r"format, which has 2: line 2 has 3\."),
        ("", r"train-acl\.csv has no rows"),
        ("\n \n", r"train-acl\.csv has no rows"),
        ("0000,0\n0001,1\n", r"train-acl\.csv lacks 1, such as 0002"),
        ("0000,0\n0001,1\n0002,0\n0009,0\n", r"train-abnormal\.csv lacks 1, such as 0009"),
    ],
)
def test_a_table_that_is_wrong(fake, tmp_path, text, message):
    fake.tables["train-acl.csv"] = text
    refused(fake, tmp_path, message)


def test_a_table_that_is_no_text(fake, tmp_path):
    def spoil(raw):
        (raw / "train-acl.csv").write_bytes(b"\x50\x4b\x03\x04\xff\xfe\x00")

    refused(fake, tmp_path, r"train-acl\.csv is a workbook .*, no table of text", spoil)


def test_a_table_that_is_missing(fake, tmp_path):
    del fake.tables["valid-meniscus.csv"]
    refused(fake, tmp_path, r"valid-meniscus\.csv is missing .* six tables")


def test_a_table_that_no_one_asked_for_may_be_missing(fake, tmp_path):
    del fake.tables["valid-meniscus.csv"]
    assert len(read(fake, tmp_path, labels=["acl"])) == 5


def test_a_table_that_came_after_the_manifest_is_not_read(fake, tmp_path):
    """The manifest is the only list of files."""
    text = fake.tables.pop("train-acl.csv")
    raw = fake.write(tmp_path / "raw")
    files = write_manifest(raw, tmp_path / "m.csv")
    (raw / "train-acl.csv").write_text(text)
    adapter = load_adapter("mrnet")
    target = Target(kind="multi-label", classes=THREE)
    with pytest.raises(DataError, match=r"train-acl\.csv is missing"):
        adapter.cases(raw, files=files, layout=read_layout("s", adapter, {}), target=target)


# --- tables and volumes ----------------------------------------------------------------


def test_exams_without_volumes(fake, tmp_path):
    fake.exams["train"].remove("0002")
    refused(fake, tmp_path, r"train/: .* 1 exam of the tables has no volume, such as 0002")


def test_volumes_without_label(fake, tmp_path):
    fake.exams["valid"] += ["0009", "0010"]
    refused(fake, tmp_path, r"valid/: .* 2 exams have no label, such as 0009, 0010\.")


def test_leading_zeros_that_a_spreadsheet_took(fake, tmp_path):
    for label in THREE:
        name = f"train-{label}.csv"
        fake.tables[name] = fake.tables[name].replace("000", "")
    refused(fake, tmp_path, r"3 exams of .* such as 0, 1, 2; .* took the leading zeros away")


def test_an_exam_in_both_parts(fake, tmp_path):
    fake.exams["valid"].append("0001")
    refused(fake, tmp_path, r"1 exam stands in train/ and in valid/, such as 0001")


@pytest.mark.parametrize("part", ["train", "valid"])
def test_a_part_without_volumes(fake, tmp_path, part):
    fake.exams[part].clear()
    refused(fake, tmp_path, rf"no volumes such as {part}/axial/0000\.npy below the root")


def test_a_folder_too_high(fake, tmp_path):
    def move(raw):
        raw.rename(tmp_path / "MRNet-v1.0")
        raw.mkdir()
        (tmp_path / "MRNet-v1.0").rename(raw / "MRNet-v1.0")

    refused(fake, tmp_path, r"some below MRNet-v1\.0/\. The way out: add that", move)
