"""What `radpipe check-data` says of DICOM films by their headers."""

import pytest

from radpipe.imaging.dicom import codecs
from tests.dicom_files import DEFLATED, EXPLICIT, body, meta, scene
from tests.studies.test_folders_dicom import TABLE, examined, shot

TREE = {"path": "{class}/{file}"}


def of(tmp_path, *films, layout=TREE):
    files = {f"{'healthy' if n % 2 else 'fractured'}/f{n}": data for n, data in enumerate(films)}
    return examined(tmp_path, files, layout)


def starting(found, start):
    return [(level, what) for level, what in found if what.startswith(start)]


def test_what_films_have_in_common(tmp_path):
    found = of(
        tmp_path,
        shot(0, Modality="DX", BodyPartExamined="KNEE", ImageLaterality="R", ViewPosition="AP"),
        shot(1, Modality="DX", PhotometricInterpretation="MONOCHROME1", BitsStored=12),
        shot(2, Modality="CR", ImagerPixelSpacing=r"0.2\0.2", ImageLaterality="L"),
        shot(3, Modality="Smith", PixelSpacing=r"0.1\0.15", BodyPartExamined="SMITH"),
    )
    assert ("ok", "4 DICOM films; headers were read, pixels not") in found
    assert ("ok", "modalities: DX 2, CR 1, not said 1") in found
    assert ("ok", "body parts: KNEE 1, not said 3") in found
    assert ("ok", "transfer syntaxes: Explicit VR Little Endian 4") in found
    assert ("ok", "sizes: 16 to 16 rows, 12 to 12 columns; bits: 16 3, 12 1") in found
    assert (
        "ok",
        "pixels: MONOCHROME2 3, MONOCHROME1 1; MONOCHROME1, which is turned round, is 25%",
    ) in found
    assert ("ok", "what is shown: none 4") in found
    assert (
        "ok",
        "spacing: Imager Pixel Spacing 1 (0.2 to 0.2 mm), Pixel Spacing 1 (0.1 to 0.15 mm),"
        " not said 2",
    ) in found
    assert ("ok", "sides in headers: right 1, left 1, not said 2") in found
    assert ("ok", "views in headers: frontal 1, not said 3") in found
    assert "mith" not in str(found).lower()
    assert starting(found, "devices") == []


def test_windows_of_some_films(tmp_path):
    found = of(tmp_path, shot(0, WindowCenter="9", WindowWidth="5"), shot(1))
    assert ("ok", "what is shown: one window 1, none 1") in found
    assert starting(found, "1 film has neither window nor lookup table")[0][0] == "note"


def test_windows_that_cannot_be_applied_are_counted(tmp_path):
    found = of(tmp_path, shot(0, WindowCenter="9", WindowWidth="0"), shot(1))
    assert ("ok", "what is shown: a window that cannot be applied 1, none 1") in found
    (line,) = starting(found, "1 film: a window that cannot be applied, so all grey levels")
    assert line[0] == "warning"


def test_devices_if_the_study_allows(tmp_path):
    maker = {"Manufacturer": "Maker", "ManufacturerModelName": "M1"}
    found = of(tmp_path, shot(0, **maker), shot(1, **maker), layout={**TREE, "devices": True})
    assert ("ok", "devices: Maker M1 2") in found


def test_syntaxes_that_cannot_be_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(codecs, "_is_there", lambda *_: False)
    films = [meta(uid) + body(scene((16, 12))) for uid in ("1.2.840.10008.1.2.5", "1.2.3.4")]
    found = of(tmp_path, *films)
    assert ("ok", "transfer syntaxes: RLE Lossless 1, not said 1") in found
    problems = [what for level, what in found if level == "problem"]
    assert problems[0].startswith(
        "1 film: RLE Lossless needs a codec that is missing (pip install pylibjpeg-rle)"
    )
    assert problems[1].startswith("1 film: is kept in a transfer syntax that is not read")


@pytest.mark.parametrize(
    ("elements", "start"),
    [
        ({"NumberOfFrames": 2}, "1 file holds several frames, up to 2, such as one for each view"),
        ({"PixelData": None}, "1 file holds no pixels"),
        ({"ImageType": r"DERIVED\PRIMARY\STITCHED"}, "1 film is most likely stitched"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "1 film: FOR PROCESSING: raw values"),
        ({"PresentationLUTShape": "INVERSE"}, "1 film: MONOCHROME2 with INVERSE"),
        ({"BurnedInAnnotation": "YES"}, "1 film says that text stands in the pixels"),
        ({"Modality": "OT"}, "1 film says that text stands in the pixels, or is a capture"),
    ],
)
def test_films_that_are_not_what_they_should_be(tmp_path, elements, start):
    found = of(tmp_path, shot(0, **elements), shot(1))
    ((level, what),) = starting(found, start)
    assert level == "warning"
    assert "x0" in what  # the form of the name


def test_a_film_that_is_there_twice(tmp_path):
    uid = {"SOPInstanceUID": "1.2.3.4.5"}
    found = of(tmp_path, shot(0, **uid), shot(1, **uid), shot(2, SOPInstanceUID="1.2.3"))
    ((level, what),) = starting(found, "1 film more than once")
    assert (level, "1.2.3" in what) == ("warning", False)


def test_broken_films_are_counted_with_their_reason(tmp_path):
    broken = meta(DEFLATED) + b"\xff" * 40
    found = of(tmp_path, broken, shot(1))
    assert starting(found, "1 film: broken or truncated")[0][0] == "warning"


def test_patients_that_headers_know_and_nobody_asks(tmp_path):
    films = [shot(n, PatientID=f"P{n // 2}7") for n in range(4)]
    found = of(tmp_path, *films)
    assert ("warning", "patients are unknown, and headers name 2 for 4 films") in found
    assert starting(found, "no layout.key_file") == []
    asked = of(tmp_path, *films, layout={**TREE, "header": ["patient"]})
    assert starting(asked, "patients are unknown") == []
    assert ("ok", "2 patients, or images whose patient is unknown") in asked
    assert starting(asked, "no layout.key_file")[0][0] == "note"


def test_spacing_of_several_kinds_is_a_remark(tmp_path):
    found = of(tmp_path, shot(0, ImagerPixelSpacing=r"0.2\0.2"), shot(1, PixelSpacing=r"0.1\0.1"))
    assert starting(found, "spacing of several kinds")[0][0] == "note"


def test_films_are_told_where_no_case_can_be_read(tmp_path):
    files = {"a": shot(1, Modality="DX"), "t.csv": "id,y\na,healthy\n"}
    layout = {"table": {**TABLE, "image": "no_such_column"}}
    found = examined(tmp_path, files, layout)
    assert ("ok", "modalities: DX 1") in found


def test_pictures_alone_say_nothing_of_films(tmp_path):
    found = examined(tmp_path, {"healthy/a.png": "a", "fractured/b.png": "b"}, TREE)
    assert starting(found, "modalities") == []
    assert EXPLICIT not in str(found)


def test_films_that_were_cut_off_are_a_problem(tmp_path):
    found = of(tmp_path, shot(0)[:-9], shot(1), shot(2))
    (line,) = [(level, what) for level, what in found if "truncated" in what]
    assert line[0] == "problem"
    start = "1 film is truncated, shorter than rows, columns and bits in the header say: 1 like "
    assert line[1].startswith(start)
    assert not [what for _, what in of(tmp_path, shot(0), shot(1)) if "truncated" in what]
