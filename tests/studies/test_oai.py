"""The adapter `oai` reads tables and names of films as released."""

# ruff: noqa: RUF012  the fake studies of the harness are never changed

import hashlib
import logging
import math
import re

import pytest

from radpipe.core.errors import ConfigError
from radpipe.core.settings import PhantomSource, Target
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import write_manifest
from radpipe.studies.oai.answers import progressed
from tests.studies.adapter_harness import AdapterHarness, PhantomHarness
from tests.studies.fake_oai import (
    DATES,
    KL,
    PEOPLE,
    PROGRESSION,
    SERIES,
    FakeOAI,
    film,
    name,
)

NAN = math.nan
KNEES = [f"{name(person)}_{side}" for person in PEOPLE for side in "RL"]


def ordered(values):
    """Sort values of the knees, given by person and right first, as the table of cases has them."""
    return [value for _, value in sorted(zip(KNEES, values, strict=True), key=lambda pair: pair[0])]


class TestGrades(PhantomHarness):
    """The KL grade of each knee."""

    name = "oai"
    layout = {"question": "kl"}
    target = KL
    expected = {
        "case": sorted(KNEES),
        "patient": ordered([name(person) for person in PEOPLE for _ in "RL"]),
        "target": ordered([0, 1, 2, 3, 4, NAN]),
        "file_image": ordered([film(person) for person in PEOPLE for _ in "RL"]),
        "covariate_age": ordered([60, 60, 71, 71, 45, 45]),
        "covariate_sex": ordered([0, 0, 1, 1, 1, 1]),
        "covariate_bmi": ordered([25.5, 25.5, 30.25, 30.25, 31, 31]),
        "covariate_race": ordered([1, 1, 0, 0, NAN, NAN]),
        "covariate_injury": ordered([0, 1, 0, NAN, 1, 0]),
        "covariate_alignment": ordered([-4.5, 2, NAN, 0, -12.25, -1]),
    }

    def fake(self, raw):
        FakeOAI().write(raw)


class TestProgression(AdapterHarness):
    """Whether the medial joint space narrowed: 4.3 to 3.6 mm has, 4 to 3.301 mm has not."""

    name = "oai"
    layout = {"question": "progression"}
    target = PROGRESSION
    expected = {
        "case": sorted(KNEES),
        "target": ordered([0, 1, 0, NAN, NAN, NAN]),
        "covariate_jsw": ordered([5, 4.3, 4, NAN, 1.2, NAN]),
        "covariate_kl": ordered([0, 1, 2, 3, 4, NAN]),
        "covariate_age": ordered([60, 60, 71, 71, 45, 45]),
    }

    def fake(self, raw):
        FakeOAI().write(raw)


def read(fake, tmp_path, target=None, **layout):
    raw = tmp_path / "raw"
    fake.write(raw)
    return read_folder(raw, tmp_path, target, **layout)


def read_folder(raw, tmp_path, target=None, **layout):
    adapter = load_adapter("oai")
    question = layout.setdefault("question", "kl")
    typed = read_layout("s", adapter, layout)
    files = write_manifest(raw, tmp_path / "m.csv")
    wanted = Target.model_validate(target or (KL if question == "kl" else PROGRESSION))
    return adapter.cases(raw, files=files, layout=typed, target=wanted)


def targets(found):
    """Return the target by person and side."""
    by_case = {case["case"]: case["target"] for case in found.cases.to_pylist()}
    return {
        f"{person[-1]}{side}": by_case[f"{name(person)}_{side}"]
        for person in PEOPLE
        for side in "RL"
        if f"{name(person)}_{side}" in by_case
    }


# --- who is whom -----------------------------------------------------------------------


def test_a_patient_is_a_keyed_hash(tmp_path):
    """The published key's name of one identifier, worked out with OpenSSL."""
    assert name("9900001") == "2059ce99c28095c9"
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef")
    found = read(FakeOAI(), tmp_path, key_file=str(key))
    expected = {name(person, b"0123456789abcdef") for person in PEOPLE}
    assert set(found.cases["patient"].to_pylist()) == expected
    assert name("9900001") not in expected


def test_a_key_file_may_lie_below_the_root(tmp_path):
    FakeOAI().write(tmp_path / "raw")
    (tmp_path / "raw/secret").write_bytes(b"0123456789abcdef")
    found = read_folder(tmp_path / "raw", tmp_path, key_file="secret")
    assert name("9900002", b"0123456789abcdef") in found.cases["patient"].to_pylist()


@pytest.mark.parametrize("question", ["kl", "progression"])
def test_nothing_names_a_person_but_the_path_of_the_film(tmp_path, caplog, question):
    with caplog.at_level(logging.DEBUG):
        found = read(FakeOAI(), tmp_path, question=question)
    said = str(found.cases.drop_columns("file_image").to_pylist()) + caplog.text
    said += str(found.boxes.to_pylist())
    for secret in (*PEOPLE, *DATES.values(), *SERIES.values()):
        assert secret not in said
        assert hashlib.sha256(secret.encode()).hexdigest()[:16] not in said


def test_both_knees_of_a_film_name_their_side(tmp_path):
    from radpipe.studies import oai

    made = []
    real = oai.case_table

    def keep(cases, **rest):
        made.extend(cases)
        return real(cases, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oai, "case_table", keep)
        read(FakeOAI(), tmp_path)
    assert {(case.case[-1], case.side, case.shows_both) for case in made} == {
        ("R", "R", True),
        ("L", "L", True),
    }


# --- how tables may be written ---------------------------------------------------------


@pytest.mark.parametrize("change", ["windows", "mark", "accent", "case", "blank"])
def test_how_a_table_is_written_does_not_matter(tmp_path, change):
    raw = FakeOAI().write(tmp_path / "raw")
    before = targets(read_folder(raw, tmp_path))
    for file in (raw / "tables").iterdir():
        text = file.read_text()
        if change == "windows":
            file.write_bytes(text.replace("\n", "\r\n").encode())
        elif change == "mark":
            file.write_text(text, encoding="utf-8-sig")
        elif change == "accent":
            file.write_bytes(text.replace("1: Male", "1: Mâle").encode("cp1252"))
        elif change == "case":
            header, _, rest = text.partition("\n")
            file.write_text(f"{header.lower()}\n{rest}")
            file.rename(file.with_name(file.name.upper()))
        else:
            file.write_text(text.replace("\n", "\n\n") + " \n")
    assert str(targets(read_folder(raw, tmp_path))) == str(before)


def test_an_unknown_value_is_never_zero(tmp_path):
    fake = FakeOAI()
    for missing in (".", "", ".A: Not Expected", ".: Missing Form/Incomplete Workbook"):
        text = fake.tables["kxr_sq_bu00.txt"].replace("|1: One\n", f"|{missing}\n")
        one = FakeOAI(tables={**fake.tables, "kxr_sq_bu00.txt": text})
        assert math.isnan(targets(read(one, tmp_path / (missing[:2] or "none")))["1L"])


def test_the_grade_is_no_covariate_of_itself(tmp_path):
    names = read(FakeOAI(), tmp_path).cases.column_names
    assert "covariate_kl" not in names
    assert "covariate_jsw" not in names


def test_a_covariate_can_be_left_out(tmp_path):
    fake = FakeOAI()
    del fake.tables["kxr_fta_duryea00.txt"]
    names = read(fake, tmp_path, alignment=None).cases.column_names
    assert "covariate_alignment" not in names
    assert "covariate_age" in names


def test_a_table_by_patient_speaks_of_both_knees_by_column(tmp_path):
    """Alignment as a pair of columns, in place of a table by knee."""
    fake = FakeOAI()
    fake.tables["exam.txt"] = "ID|V00RANG|V00LANG\n9900001|1.5|-2.5\n"
    column = {"table": "exam.txt", "column": "V00{side}ANG"}
    cases = read(fake, tmp_path, alignment=column).cases.to_pylist()
    found = {case["case"]: case["covariate_alignment"] for case in cases}
    assert found[f"{name(PEOPLE[0])}_R"] == 1.5
    assert found[f"{name(PEOPLE[0])}_L"] == -2.5
    assert math.isnan(found[f"{name(PEOPLE[1])}_R"])


# --- several readings ------------------------------------------------------------------


def add(fake, row, table="kxr_sq_bu00.txt"):
    fake.tables[table] += row + "\n"


def test_the_first_reading_project_that_knows_counts(tmp_path):
    fake = FakeOAI()
    add(fake, "9900001|1|42|016600770001|4")  # 15 says 0
    add(fake, "9900003|2|37|016600770003|1")  # 15 does not know
    found = targets(read(fake, tmp_path))
    assert (found["1R"], found["3L"]) == (0, 1)
    found = targets(read_folder(tmp_path / "raw", tmp_path, readings=["42", "15"]))
    assert (found["1R"], found["3L"]) == (4, 1)


def test_the_same_reading_twice_is_told(tmp_path, caplog):
    fake = FakeOAI()
    add(fake, "9900001|1: Right|15|016600770001|0")
    with caplog.at_level(logging.WARNING):
        assert targets(read(fake, tmp_path))["1R"] == 0
    assert "kxr_sq_bu00.txt: 1 row says again what another one says" in caplog.text


@pytest.mark.parametrize(
    ("baseline", "later", "expected"),
    [
        (4.3, 3.6, True),  # 0.6999999999999997 in binary
        (4.0, 3.301, False),
        (4.0, 3.3, True),
        (1.5, 0.8, True),
        (1.5, 0.801, False),
        (3.0, 4.0, False),
    ],
)
def test_a_loss_of_exactly_the_limit_counts(baseline, later, expected):
    assert progressed(baseline, later, 0.7) is expected


def test_the_limit_is_a_setting(tmp_path):
    found = targets(read(FakeOAI(), tmp_path, question="progression", loss=0.699))
    assert [found["1R"], found["1L"], found["2R"]] == [0, 1, 1]


# --- films -----------------------------------------------------------------------------


def test_rows_without_films_and_films_without_rows_are_counted(tmp_path, caplog):
    fake = FakeOAI()
    del fake.films[film("9900002")]
    DATES["9900009"] = "19091231"
    fake.films[film("9900009", "00770009")] = 99
    del DATES["9900009"]
    with caplog.at_level(logging.WARNING):
        found = read(fake, tmp_path)
    assert set(targets(found)) == {"1R", "1L", "3R", "3L"}
    assert "2 of 6 knees have no film" in caplog.text
    assert "1 of 3 films belong to no knee" in caplog.text


def test_a_patient_with_one_knee(tmp_path):
    fake = FakeOAI()
    text = fake.tables["kxr_sq_bu00.txt"]
    fake.tables["kxr_sq_bu00.txt"] = text.replace("9900001|2: Left|15|016600770001|1: One\n", "")
    assert set(targets(read(fake, tmp_path))) == {"1R", "2R", "2L", "3R", "3L"}


def test_the_barcode_chooses_among_films(tmp_path):
    fake = FakeOAI()
    fake.films[film("9900001", "00778888")] = 77
    fake.tables["kxr_sq_bu00.txt"] = fake.tables["kxr_sq_bu00.txt"].replace(
        "9900001|2: Left|15|016600770001", "9900001|2: Left|15|016600778888"
    )
    cases = {case["case"]: case for case in read(fake, tmp_path).cases.to_pylist()}
    assert cases[f"{name('9900001')}_R"]["file_image"] == film("9900001")
    assert cases[f"{name('9900001')}_L"]["file_image"] == film("9900001", "00778888")


def test_a_film_of_another_series_is_not_taken(tmp_path, caplog):
    fake = FakeOAI()
    fake.films[film("9900001", "00778888")] = fake.films.pop(film("9900001"))
    with caplog.at_level(logging.WARNING):
        assert set(targets(read(fake, tmp_path))) == {"2R", "2L", "3R", "3L"}
    assert "2 of them have films of another series" in caplog.text


def test_the_same_film_under_two_names_is_one(tmp_path, caplog):
    fake = FakeOAI()
    fake.films[film("9900001", file="002")] = fake.films[film("9900001")]
    with caplog.at_level(logging.WARNING):
        found = read(fake, tmp_path)
    assert set(found.cases["file_image"].to_pylist()) == {film(person) for person in PEOPLE}
    assert "1 of 4 films belong to no knee" in caplog.text
    assert "1 of them hold the same bytes" in caplog.text


# --- boxes and the ideal observer ------------------------------------------------------


def test_boxes_of_some_films(tmp_path):
    raw = FakeOAI().write(tmp_path / "raw")
    (raw / "joints.csv").write_text(
        f"file,side,x0,y0,x1,y1\n{film('9900002')},L,14.5,2,20,9\n{film('9900001')},1,0,1,5,6\n"
        "else/001,R,0,0,1,1\n"
    )
    boxes = {box["case"]: box for box in read_folder(raw, tmp_path).boxes.to_pylist()}
    left, right = (boxes[f"{name('9900002')}_L"], boxes[f"{name('9900001')}_R"])
    assert len(boxes) == 2
    assert [left[key] for key in ("view", "slice", "label")] == ["image", 0, "joint"]
    assert [left[key] for key in ("x0", "y0", "x1", "y1")] == [14.5, 2, 20, 9]
    assert right["x1"] == 5
    (raw / "joints.csv").rename(raw / "mine.csv")
    assert len(read_folder(raw, tmp_path).boxes) == 0
    assert len(read_folder(raw, tmp_path, boxes="mine.csv").boxes) == 2


def test_the_ideal_observer_of_each_question(tmp_path):
    raw = FakeOAI().write(tmp_path / "raw")
    (raw / "ceiling_kl.csv").write_text(
        f"file,side,0,1,2,3,4\n{film('9900002')},L,0.1,0.2,0.3,0.4,0\n"
    )
    (raw / "ceiling_progression.csv").write_text(
        f"file,side,no,yes\n{film('9900001')},R,0.25,0.75\n"
    )
    cases = {case["case"]: case for case in read_folder(raw, tmp_path).cases.to_pylist()}
    assert cases[f"{name('9900002')}_L"]["ceiling_3"] == 0.4
    assert math.isnan(cases[f"{name('9900002')}_R"]["ceiling_3"])
    found = read_folder(raw, tmp_path, question="progression").cases.to_pylist()
    by_case = {case["case"]: case for case in found}
    assert by_case[f"{name('9900001')}_R"]["ceiling_yes"] == 0.75


# --- targets and settings --------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "target", "message"),
    [
        ("kl", PROGRESSION, r"kl has 5 classes.*binary target of 2.*way out"),
        ("kl", {"kind": "ordinal", "classes": ["a", "b", "c"]}, "ordinal target of 3"),
        ("kl", {"kind": "multi-label", "classes": list("abcde")}, "multi-label target of 5"),
        ("progression", KL, r"progression is yes or no.*ordinal target.*way out"),
    ],
)
def test_targets_that_the_question_does_not_have(tmp_path, question, target, message):
    with pytest.raises(ConfigError, match=message):
        read(FakeOAI(), tmp_path, target, question=question)
    adapter = load_adapter("oai")
    typed, wanted = read_layout("s", adapter, {"question": question}), Target(**target)
    source = PhantomSource(kind="phantom", patients=20)
    with pytest.raises(ConfigError, match=message):
        adapter.phantom(tmp_path / "new", source=source, layout=typed, target=wanted)
    first = adapter.examine(tmp_path, files={}, layout=typed, target=wanted)[0]
    assert re.search(message, f"{first.what} way out: {first.way_out}")


def test_grades_may_be_classes_without_order(tmp_path):
    target = {"kind": "multi-class", "classes": ["a", "b", "c", "d", "e"]}
    assert targets(read(FakeOAI(), tmp_path, target))["3R"] == 4


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({}, r"layout\.question"),
        ({"question": "pain"}, r"layout\.question"),
        ({"question": "kl", "films": "a/{series}/{_}"}, "must name {patient}"),
        ({"question": "kl", "films": "a/{patient}/{_}"}, "must name {series}, or barcode"),
        ({"question": "kl", "grade": {"table": "x.txt"}}, r"layout\.grade\.column"),
    ],
)
def test_layouts_that_cannot_be(layout, message):
    with pytest.raises(ConfigError, match=message):
        read_layout("s", load_adapter("oai"), layout)
