"""What `radpipe check-data` says of MRNet: counts, and volumes that are odd."""

import numpy as np
import pytest

from radpipe.core.settings import Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import list_files
from radpipe.studies.mrnet.headers import read_header
from tests.studies.fake_mrnet import FakeMRNet

THREE = ["abnormal", "acl", "meniscus"]


@pytest.fixture
def raw(tmp_path):
    return FakeMRNet().write(tmp_path / "raw")


def examine(raw, labels=THREE):
    adapter = load_adapter("mrnet")
    target = Target(kind="multi-label", classes=labels)
    layout = read_layout("s", adapter, {})
    return adapter.examine(raw, files=list_files(raw), layout=layout, target=target)


def lines(raw, level, labels=THREE):
    return [finding.what for finding in examine(raw, labels) if finding.level == level]


def test_counts_stand_beside_the_published_ones(raw):
    notes = lines(raw, "note")
    assert "train/: 3 exams; MRNet-v1.0 has 1,130" in notes
    assert "train-acl.csv: 1 of 3 exams (33.3%); MRNet-v1.0 has 208 of 1,130" in notes
    assert "valid-abnormal.csv: 1 of 2 exams (50.0%); MRNet-v1.0 has 95 of 120" in notes


def test_the_published_numbers_are_nothing_to_note(tmp_path):
    counts = {"abnormal": 95, "acl": 54, "meniscus": 52}
    fake = FakeMRNet()
    ids = [f"{n:04d}" for n in range(1130, 1250)]
    fake.exams["valid"] = ids
    for label, n in counts.items():
        rows = [f"{exam},{int(order < n)}\n" for order, exam in enumerate(ids)]
        fake.tables[f"valid-{label}.csv"] = "".join(rows)
    said = lines(fake.write(tmp_path / "raw"), "ok")
    assert "valid/: 120 exams" in said
    assert "valid-acl.csv: 54 of 120 exams (45.0%)" in said


def test_slices_and_kinds_are_summed_up(raw):
    said = lines(raw, "ok")
    assert "axial: 5 volumes, slices 3 to 5, 3.8 on average" in said  # 3 4 5 and 3 4
    assert "15 volumes of 8 x 8 uint8" in said
    assert any("15 volumes: 8 x 8 pixels; MRNet-v1.0 has 256" in w for w in lines(raw, "warning"))


@pytest.mark.parametrize(
    ("array", "level", "what"),
    [
        (np.zeros((5, 256, 256), np.uint8), None, None),
        (np.zeros((256, 256), np.uint8), "problem", "2 axes in place of"),
        (np.zeros((2, 3, 256, 256), np.uint8), "problem", "4 axes in place of"),
        (np.zeros((0, 256, 256), np.uint8), "problem", "no slice or no pixel"),
        (np.zeros((5, 256, 0), np.uint8), "problem", "no slice or no pixel"),
        (np.zeros((5, 256, 256), np.float32), "problem", "float32 in place of uint8"),
        (np.zeros((5, 256, 256), np.int16), "warning", "int16 in place of uint8"),
        (np.zeros((5, 256, 200), np.uint8), "warning", "not square"),
        (np.zeros((101, 256, 256), np.uint8), "warning", "more than 100 slices"),
        (np.zeros((2, 256, 256), np.uint8), "warning", "fewer than 3 slices"),
        (np.zeros((5, 128, 128), np.uint8), "warning", "128 x 128 pixels; MRNet"),
    ],
)
def test_an_odd_volume(raw, array, level, what):
    np.save(raw / "train/coronal/0001.npy", array)
    named = [
        (finding.level, finding.what)
        for finding in examine(raw)
        if "0001.npy" in finding.what and "8 x 8" not in finding.what
    ]
    if level is None:
        assert named == []
    else:
        ((found, text),) = named
        assert found == level
        assert text.startswith("1 volume: ")
        assert what in text
        assert text.endswith("such as train/coronal/0001.npy")


class Trap:
    """Unpickling it would be noticed."""

    def __reduce__(self):
        return (pytest.fail, ("an object array was loaded",))


def test_pickled_objects_are_told_of_and_never_loaded(raw):
    objects = np.empty(3, dtype=object)
    objects[:] = Trap()
    np.save(raw / "train/axial/0000.npy", objects, allow_pickle=True)
    (problem,) = lines(raw, "problem")
    assert "pickled Python objects" in problem
    assert "not loaded" in problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"no array", "cannot be read"),
        (b"\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fort", "cannot be read"),
        (b"\x93NUMPY\x03\x00\x76\x00\x00\x00", "version 3.0 of the format"),
        (b"\x93NUMPY\x01\x00\x10\x00__import__('os')", "cannot be read"),
    ],
)
def test_files_that_are_no_arrays(raw, content, message):
    (raw / "valid/sagittal/0004.npy").write_bytes(content)
    (problem,) = lines(raw, "problem")
    assert message in problem


def test_a_volume_that_was_cut_short(raw):
    file = raw / "valid/sagittal/0004.npy"
    file.write_bytes(file.read_bytes()[:-1])
    (problem,) = lines(raw, "problem")
    assert "shorter or longer than the header says" in problem


def test_a_header_says_how_long_the_file_is(tmp_path):
    for order, dtype in (("C", np.uint8), ("F", np.float64)):
        np.save(tmp_path / "x.npy", np.zeros((3, 4, 5), dtype, order=order))
        header = read_header(tmp_path / "x.npy")
        assert (header.shape, header.dtype) == ((3, 4, 5), dtype)
        assert header.n_bytes == (tmp_path / "x.npy").stat().st_size


def test_a_plane_that_is_missing(raw):
    (raw / "train/axial/0002.npy").unlink()
    (problem,) = lines(raw, "problem")
    assert problem == "train/axial/: lacks 1 of 3 exams, such as 0002"


def test_the_search_goes_on_behind_a_problem(raw):
    """Everything that is wrong is told at once."""
    (raw / "train-acl.csv").write_text("id,acl\n0000,0\n")
    (raw / "valid-acl.csv").unlink()
    (raw / "train-meniscus.csv").write_text("0000,1\n")
    (raw / "valid/axial/0009.npy").write_bytes(b"")
    found = "\n".join(lines(raw, "problem"))
    for text in ("a header", "valid-acl.csv is missing", "lacks 2, such as 0001, 0002",
                 "all of one class", "1 exam has no label, such as 0009",
                 "valid/coronal/: lacks 1 of 3 exams", "cannot be read"):  # fmt: skip
        assert text in found
    assert all(f.way_out for f in examine(raw) if f.level == "problem")


def test_a_table_that_the_study_does_not_need(raw):
    (raw / "valid-acl.csv").unlink()
    assert lines(raw, "problem", labels=["meniscus"]) == []
    assert "valid-acl.csv is missing; this study does not need it" in lines(
        raw, "note", labels=["meniscus"]
    )


def test_another_layout_is_the_only_thing_told(tmp_path):
    FakeMRNet().write(tmp_path / "raw/MRNet-v1.0")
    (problem,) = examine(tmp_path / "raw")
    assert problem.level == "problem"
    assert "some below MRNet-v1.0/" in problem.what
    assert "source.path" in problem.way_out


def test_exams_in_both_parts(tmp_path):
    fake = FakeMRNet()
    fake.exams["valid"].append("0001")
    assert (
        "in train/ and in valid/, such as 0001" in lines(fake.write(tmp_path / "r"), "problem")[0]
    )


def test_files_that_are_not_used(raw):
    np.save(raw / "train/0000.npy", np.zeros(3))
    (raw / "readme.txt").write_text("about")
    assert "1 .npy file belongs to no plane, such as train/0000.npy" in lines(raw, "warning")
    assert "1 other file is not used" in lines(raw, "note")
