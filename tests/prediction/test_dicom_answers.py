"""Answers as DICOM: valid, of the same patient and study, and silent about them elsewhere."""

import dataclasses
import logging
import subprocess
import sys
import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from radpipe.app.predictor import predict
from radpipe.core.errors import ConfigError, DataError
from radpipe.core.settings import Image
from radpipe.explaining.captures import draw, foremost, map_pictures
from radpipe.explaining.dicom_answers import RESEARCH, uid_of, write_answers
from radpipe.explaining.dicom_headers import read_sources
from radpipe.imaging.regions import Region
from radpipe.prediction.predictor import Predictor
from radpipe.prediction.reading import Squares

VALIDATOR = Path(sys.executable).with_name("dciodvfy")
NOW = datetime(2026, 1, 2, 3, 4, 5)
WHO = {"PatientName": "Doe^Jane^Quux", "PatientID": "ID-4711-X", "PatientBirthDate": "19500607"}


@pytest.fixture(scope="session")
def films(halves, tmp_path_factory):
    """Three films of both knees, whose names must go nowhere but into reports."""
    folder = tmp_path_factory.mktemp("films")
    cases = [case for case in halves.raw_cases("test") if case.both]
    names = sorted({case.views["image"] for case in cases})[:3]
    for number, name in enumerate(names):
        data = dcmread(name)
        for keyword, value in WHO.items():
            setattr(data, keyword, value)
        data.save_as(folder / f"film-{number}.dcm")
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def written(halves, films, tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    predict(folder=halves.folder, files=films, out=folder / "table.csv", dicom=folder / "dicom")
    return folder


def errors(file):
    done = subprocess.run([VALIDATOR, file], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert {"EnhancedSR", "SCImage"} & set(lines), lines
    return [line for line in lines if line.startswith("Error")]


@pytest.mark.skipif(not VALIDATOR.exists(), reason="no dciodvfy for this machine")
def test_reports_and_pictures_are_valid(written):
    files = sorted((written / "dicom").iterdir())
    assert [file.name for file in files[:4]] == [
        *("0001-R-map.dcm", "0001-R-report.dcm", "0002-L-map.dcm", "0002-L-report.dcm")
    ]
    assert len(files) == 12
    assert {file.name: errors(file) for file in files} == {file.name: [] for file in files}


def test_who_the_patient_is_goes_into_dicom_alone(written, films, capsys):
    source = dcmread(films[0])
    uids = set()
    for file in (written / "dicom").iterdir():
        data = dcmread(file)
        assert {keyword: str(data[keyword].value) for keyword in WHO} == WHO
        uids |= {data.SOPInstanceUID, data.SeriesInstanceUID}
        if file.name.startswith(("0001", "0002")):
            assert data.StudyInstanceUID == source.StudyInstanceUID
            assert data.StudyDate == source.StudyDate
    assert len(uids) == 24
    said = (written / "table.csv").read_text() + "".join(capsys.readouterr())
    said += " ".join(path.name for path in (written / "dicom").iterdir())
    assert not any(value in said for value in WHO.values())


def test_a_report_says_what_the_table_says(written, halves, films):
    predictor = Predictor.open(halves.folder)
    table = (written / "table.csv").read_text().splitlines()
    header, row = (line.split(",") for line in table[:2])
    told = dict(zip(header, row, strict=True))
    items = list(contents(dcmread(written / "dicom/0001-R-report.dcm")))
    numbers = {name: value for name, value in items if isinstance(value, float)}
    for name in predictor.description.target.classes:
        said = float(told[f"probability_{name}"])
        assert numbers[f"Probability of {name}"] == pytest.approx(said, abs=1e-5)
    words = [(name, value) for name, value in items if isinstance(value, str)]
    assert ("Decision", told["decision"]) in words
    assert ("Unlike what the model learned from", told["unlike"]) in words
    assert ("Laterality", "Right") in words
    assert ("Use", RESEARCH) in words
    assert ("Algorithm Name", predictor.description.title) in words


def contents(data):
    """Yield name and value of every number, code and text of a report."""
    for item in data.get("ContentSequence", ()):
        name = item.ConceptNameCodeSequence[0].CodeMeaning
        if item.ValueType == "NUM":
            yield name, float(item.MeasuredValueSequence[0].NumericValue)
        if item.ValueType == "CODE":
            yield name, item.ConceptCodeSequence[0].CodeMeaning
        if item.ValueType == "TEXT":
            yield name, item.TextValue
        yield from contents(item)


def test_a_picture_says_side_body_part_and_spacing(written, films):
    source = dcmread(films[0], stop_before_pixels=True)
    for number, side in ((1, "R"), (2, "L")):
        data = dcmread(written / f"dicom/{number:04d}-{side}-map.dcm")
        assert (data.Laterality, data.ImageComments) == (side, RESEARCH)
        assert data.get("BodyPartExamined") == source.get("BodyPartExamined")
        assert data.pixel_array.shape == (512 + 48, 512, 3)
        assert len(data.PixelSpacing) == 2


def test_other_files_and_other_models_are_refused(halves, exams, pictures, films, tmp_path):
    what = Predictor.open(halves.folder).description
    case = halves.raw_cases("test")[0]
    png = dataclasses.replace(case, views={"image": pictures.raw_cases("test")[0].views["image"]})
    with pytest.raises(DataError, match="case 2 of 2: is no DICOM film"):
        read_sources(what, [case, png])
    array = dataclasses.replace(case, views={"image": np.zeros((40, 40), np.uint8)})
    with pytest.raises(DataError, match="case 1 of 1: is no DICOM film"):
        read_sources(what, [array])
    with pytest.raises(ConfigError, match="takes axial, coronal, sagittal; leave --dicom out"):
        read_sources(Predictor.open(exams.folder).description, exams.raw_cases("test")[:1])
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(ConfigError, match="holds something already"):
        predict(folder=halves.folder, files=films[:1], dicom=tmp_path / "full")


ODD = {
    "as it is": {},
    "no orientation": {"PatientOrientation": None, "ImageLaterality": None},
    "empty orientation": {"PatientOrientation": ""},
    "oblique": {"PatientOrientation": ["LA", "F"]},
    "no pair": {"ImageLaterality": "U", "Laterality": None},
    "latin": {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Dörr^Jürgen"},
    "kanji": {
        "SpecificCharacterSet": ["", "ISO 2022 IR 87"],
        "PatientName": "Yamada^Taro=山田^太郎",
    },
    "one name": {"PatientName": "Jane"},
    "another sex": {"PatientSex": "W"},
    "no date": {"PatientBirthDate": "00000000", "StudyTime": "25"},
    "nobody": dict.fromkeys((*WHO, "PatientSex", "AccessionNumber", "StudyID", "StudyDate")),
    "lossy": {"BurnedInAnnotation": "YES", "LossyImageCompression": "01"},
}


@pytest.mark.parametrize("name", ODD)
def test_headers_as_they_are_come_through(name, pictures, films, tmp_path, capfd, caplog):
    """A model of no sides; what names nobody is left empty, and nothing is logged of a film."""
    data = dcmread(films[0])
    data.AcquisitionDateTime = "20200102030405"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value in ODD[name].items():
            if value is not None:
                setattr(data, keyword, value)
            elif keyword in data:
                del data[keyword]
        data.save_as(tmp_path / "film.dcm")
    with caplog.at_level(logging.DEBUG):
        predict(folder=pictures.folder, files=[tmp_path / "film.dcm"], dicom=tmp_path / "dicom")
    for file in sorted((tmp_path / "dicom").iterdir()):
        if VALIDATOR.exists():
            assert errors(file) == []
        found = dcmread(file)
        assert str(found.PatientName) == str(data.get("PatientName", ""))
        assert found.PatientSex == ("" if name == "another sex" else data.get("PatientSex", ""))
        taken, made = found.ContributingEquipmentSequence
        assert str(taken.ContributionDateTime).startswith("20200102")
        assert not str(made.ContributionDateTime).startswith("20200102")
    picture = dcmread(tmp_path / "dicom/0001-map.dcm")
    oblique = list(data.get("PatientOrientation") or [])
    assert list(picture.PatientOrientation or []) == oblique
    for keyword in ("BurnedInAnnotation", "LossyImageCompression"):
        assert picture.get(keyword) == data.get(keyword)
    assert picture.SourceImageSequence[0].ReferencedSOPInstanceUID == data.SOPInstanceUID
    assert "Grad-CAM of" in picture.DerivationDescription
    said = "".join(capfd.readouterr()) + caplog.text
    assert data.StudyInstanceUID not in said
    assert data.SOPInstanceUID not in said


def test_a_header_of_no_study_is_refused_and_not_quoted(halves, films, tmp_path):
    what = Predictor.open(halves.folder).description
    cases = [dataclasses.replace(halves.raw_cases("test")[0], views={"image": films[0]})]
    data = dcmread(films[0])
    del data.StudyInstanceUID
    data.save_as(tmp_path / "film.dcm")
    gone = [*cases, dataclasses.replace(cases[0], views={"image": tmp_path / "film.dcm"})]
    with pytest.raises(DataError, match="case 2 of 2: is no DICOM film whose header") as caught:
        read_sources(what, gone)
    assert caught.value.__cause__ is None


def test_a_film_of_which_no_report_can_be_made_costs_the_others_nothing(halves, films, tmp_path):
    """A kind of object that highdicom does not know; and a film that is given twice."""
    predictor = Predictor.open(halves.folder)
    cases = 3 * [dataclasses.replace(halves.raw_cases("test")[0], views={"image": films[0]})]
    sources = read_sources(predictor.description, cases)
    sources[1].SOPClassUID = "1.2.3"
    about = predictor.description, cases, predictor.predict(cases), sources, [None] * 3
    with pytest.raises(DataError, match=r"case 2 of 3: is no .* Those of the other cases are in"):
        write_answers(tmp_path, *about, now=NOW)
    uids = {dcmread(file).SOPInstanceUID for file in tmp_path.iterdir()}
    assert len(uids) == len(list(tmp_path.iterdir())) == 2


def test_a_code_has_one_meaning(written):
    found = {}
    for file in (written / "dicom").glob("*-report.dcm"):
        for item in dcmread(file).iterall():
            if item.keyword in ("ConceptNameCodeSequence", "ConceptCodeSequence"):
                code = item.value[0]
                assert len(code.CodeValue) <= 16
                key = code.CodingSchemeDesignator, code.CodeValue
                assert found.setdefault(key, code.CodeMeaning) == code.CodeMeaning
    assert {scheme for scheme, _ in found} >= {"DCM", "SCT", "99RADPIPE"}


def test_equal_answers_at_one_moment_are_equal_bytes(halves, films, tmp_path):
    predictor = Predictor.open(halves.folder)
    cases = [dataclasses.replace(halves.raw_cases("test")[0], views={"image": films[0]})]
    answers = predictor.predict(cases)
    sources = read_sources(predictor.description, cases)
    pictures = map_pictures(predictor, cases, answers)
    for name in ("one", "two"):
        write_answers(
            tmp_path / name, predictor.description, cases, answers, sources, pictures, now=NOW
        )
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    assert uid_of(1) != uid_of(2)
    assert len(uid_of("x")) <= 64


def test_a_picture_lies_as_the_film_does():
    """A left side is turned back, and 16 columns of 0.5 mm in 8 pixels are 1 mm each."""
    row = np.zeros((1, 8, 8, 1), np.uint8)
    row[0, :, 0] = 255
    whole = Squares(["a"], ["image"], [row], Image(side=8), volumes=False)
    for mirrored in (False, True):
        region = Region(0, 0, 16, 16, mirrored)
        squares = dataclasses.replace(whole, regions=[region], spacings=[(0.5, 0.5)])
        heat = np.zeros((8, 8), np.float32)
        found = draw(squares, 0, heat, "text")
        bright = found.pixels[256, :, 0] > 200
        assert bright[-1 if mirrored else 0]
        assert not bright[0 if mirrored else -1]
        assert found.spacing == pytest.approx((1 / 64, 1 / 64))
    unknown = dataclasses.replace(squares, spacings=[(np.nan, np.nan)])
    assert draw(unknown, 0, heat, "text").spacing is None


def test_models_without_convolutions_have_no_picture(caplog, halves, films, monkeypatch):
    predictor = Predictor.open(halves.folder)
    case = dataclasses.replace(halves.raw_cases("test")[0], views={"image": films[0]})
    answers = predictor.predict([case])
    assert foremost(answers, 0) == 0

    def refuse(*_args, **_more):
        raise ConfigError("nothing to look into")

    monkeypatch.setattr("radpipe.explaining.captures.explain", refuse)
    with caplog.at_level(logging.WARNING):
        assert map_pictures(predictor, [case], answers) == [None]
    assert "no maps: nothing to look into" in caplog.text
