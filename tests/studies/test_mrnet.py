"""The adapter `mrnet` reads tables and volumes as released."""

# ruff: noqa: RUF012  the fake studies of the harness are never changed

import logging
import math
import re

import numpy as np
import pytest

from radpipe.core.errors import ConfigError
from radpipe.core.settings import PhantomSource, Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import write_manifest
from tests.studies.adapter_harness import PhantomHarness
from tests.studies.fake_mrnet import FakeMRNet


class Fake(PhantomHarness):
    """Five exams; what is asked of them differs."""

    name = "mrnet"

    def fake(self, raw):
        FakeMRNet().write(raw)


class TestThreeLabels(Fake):
    """All labels, in the order of the paper."""

    layout = {}
    target = {"kind": "multi-label", "classes": ["abnormal", "acl", "meniscus"]}
    expected = {
        "case": ["0000", "0001", "0002", "0003", "0004"],
        "patient": [f"image:000{n}" for n in range(5)],
        "official": ["train", "train", "train", "test", "test"],
        "target_abnormal": [0, 1, 1, 0, 1],
        "target_acl": [0, 1, 0, 0, 1],
        "target_meniscus": [0, 0, 1, 0, 1],
        "file_axial": [
            f"{p}/axial/000{n}.npy" for n, p in enumerate(["train"] * 3 + ["valid"] * 2)
        ],
        "file_sagittal": [
            f"{p}/sagittal/000{n}.npy" for n, p in enumerate(["train"] * 3 + ["valid"] * 2)
        ],
    }


class TestTwoLabelsInAnotherOrder(Fake):
    """A label may be left out."""

    layout = {}
    target = {"kind": "multi-label", "classes": ["meniscus", "abnormal"]}
    expected = {"target_meniscus": [0, 0, 1, 0, 1], "target_abnormal": [0, 1, 1, 0, 1]}


class TestOneLabel(Fake):
    """A binary target with class names of its own."""

    layout = {"label": "acl"}
    target = {"kind": "binary", "classes": ["intact", "torn"]}
    expected = {"target": [0, 1, 0, 0, 1]}


def read(raw, tmp_path, layout=None, **target):
    adapter = load_adapter("mrnet")
    typed = read_layout("s", adapter, layout or {})
    files = write_manifest(raw, tmp_path / "m.csv")
    return adapter.cases(raw, files=files, layout=typed, target=Target.model_validate(target))


THREE = {"kind": "multi-label", "classes": ["abnormal", "acl", "meniscus"]}
TORN = {"kind": "binary", "classes": ["intact", "torn"], "layout": {"label": "acl"}}


@pytest.fixture
def raw(tmp_path):
    FakeMRNet().write(tmp_path / "raw")
    return tmp_path / "raw"


def test_the_log_says_that_patients_are_not_known(raw, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        read(raw, tmp_path, **THREE)
    assert "each of 5 exams is taken for a patient of its own" in caplog.text
    assert "1,088 patients" in caplog.text


@pytest.mark.parametrize("end", ["\r\n", "\n\n\n", "\r\n\r\n \r\n", ""])
def test_line_ends_and_blank_lines_do_not_matter(raw, tmp_path, end):
    rows = ["0000,0", "0001,1", "0002,0"]
    break_ = "\r\n" if end.startswith("\r") else "\n"
    (raw / "train-acl.csv").write_bytes((break_.join(rows) + end).encode())
    assert read(raw, tmp_path, **TORN).cases["target"].to_pylist() == [0, 1, 0, 0, 1]


def test_a_byte_order_mark_does_not_matter(raw, tmp_path):
    text = (raw / "train-acl.csv").read_text()
    (raw / "train-acl.csv").write_text(text, encoding="utf-8-sig")
    assert read(raw, tmp_path, **TORN).cases["target"].to_pylist() == [0, 1, 0, 0, 1]


def test_rows_may_stand_in_another_order(raw, tmp_path):
    (raw / "train-acl.csv").write_text("0002,0\n0000,0\n0001,1\n")
    assert read(raw, tmp_path, **THREE).cases["target_acl"].to_pylist() == [0, 1, 0, 0, 1]


def test_an_exam_without_a_plane_names_fewer_files(raw, tmp_path, caplog):
    (raw / "train/axial/0001.npy").unlink()
    with caplog.at_level(logging.WARNING):
        cases = read(raw, tmp_path, **THREE).cases.to_pylist()
    assert [case["file_axial"] is None for case in cases] == [False, True, False, False, False]
    assert cases[1]["file_coronal"] == "train/coronal/0001.npy"
    assert "train/: 1 of 3 exams have no axial volume, such as 0001" in caplog.text


def test_pixels_are_not_read(raw, tmp_path):
    for file in raw.rglob("*.npy"):
        file.write_bytes(b"")
    assert len(read(raw, tmp_path, **THREE).cases) == 5


def test_the_ideal_observer_of_each_label(raw, tmp_path):
    (raw / "ceiling.csv").write_text(
        "file,abnormal,acl,meniscus\ntrain/axial/0001.npy,0.9,0.8,0.25\n"
    )
    cases = read(raw, tmp_path, kind="multi-label", classes=["meniscus", "abnormal"]).cases
    assert cases["ceiling_meniscus"].to_pylist()[1] == 0.25
    assert cases["ceiling_abnormal"].to_pylist()[1] == 0.9
    assert math.isnan(cases["ceiling_abnormal"].to_pylist()[0])
    cases = read(raw, tmp_path, **TORN).cases.to_pylist()
    assert [cases[1]["ceiling_intact"], cases[1]["ceiling_torn"]] == pytest.approx([0.2, 0.8])


def test_boxes_have_their_plane_and_slice(raw, tmp_path):
    (raw / "boxes.csv").write_text(
        "file,slice,x0,y0,x1,y1,label\ntrain/coronal/0001.npy,2,1,2,3,4,acl\nelse.npy,0,0,0,1,1,x\n"
    )
    (box,) = read(raw, tmp_path, **THREE).boxes.to_pylist()
    assert (box["case"], box["view"], box["slice"]) == ("0001", "coronal", 2)
    assert (box["x0"], box["y1"], box["label"]) == (1, 4, "acl")


@pytest.mark.parametrize(
    ("layout", "target", "message"),
    [
        ({}, {"kind": "multi-label", "classes": ["acl", "meniscal"]}, "'meniscal', did you mean"),
        ({"label": "acl"}, THREE, "layout.label belongs to a binary target"),
        ({}, {"kind": "binary", "classes": ["a", "b"]}, "binary target needs layout.label"),
        ({}, {"kind": "multi-class", "classes": ["a", "b"]}, "no multi-class target"),
        ({}, {"kind": "ordinal", "classes": ["a", "b"]}, "no ordinal target.*way out"),
    ],
)
def test_targets_that_mrnet_does_not_have(raw, tmp_path, layout, target, message):
    with pytest.raises(ConfigError, match=message):
        read(raw, tmp_path, layout, **target)
    adapter, typed = load_adapter("mrnet"), read_layout("s", load_adapter("mrnet"), layout)
    target = Target.model_validate(target)
    source = PhantomSource(kind="phantom", patients=20)
    with pytest.raises(ConfigError, match=message):
        adapter.phantom(tmp_path / "new", source=source, layout=typed, target=target)
    first = adapter.examine(raw, files={}, layout=typed, target=target)[0]
    assert re.search(message, f"{first.what} way out: {first.way_out}")


def test_an_unknown_label_in_the_layout():
    with pytest.raises(ConfigError, match=r"layout\.label"):
        read_layout("s", load_adapter("mrnet"), {"label": "pcl"})


def test_the_fake_is_what_it_should_be(raw):
    """Rank 3, uint8, and other numbers of slices in every volume."""
    shapes = [np.load(file).shape for file in sorted(raw.rglob("*.npy"))]
    assert len(shapes) == 15
    assert len({shape[0] for shape in shapes}) > 1
