"""What `radpipe init` proposes for DICOM films: patients, sides and views of headers."""

import pytest

from radpipe.app.init.study import look
from radpipe.core.errors import DataError
from tests.studies.test_folders_dicom import shot, write

# Invented, and looked for in what is said.
ID = "MRN-77"


def films(n=24, name="{n}", folders=("healthy", "fractured"), **told):
    """Return class folders of films; what is told of each is a function of its number."""
    return {
        f"{folders[n % 2]}/{name.format(n=n)}": shot(n, **{key: of(n) for key, of in told.items()})
        for n in range(n)
    }


def proposed(tmp_path, files):
    write(tmp_path, files)
    found = look(tmp_path).proposal
    said = " ".join(one.what for one in found.remarks)
    assert ID not in said
    return found


def about(proposal, word):
    return [one.what for one in proposal.remarks if one.about == word]


def test_patients_sides_and_views_of_headers(tmp_path):
    told = {
        "PatientID": lambda n: f"{ID}{n // 3}0",
        "ImageLaterality": lambda n: "RL"[n // 2 % 2],
        "ViewPosition": lambda n: ["AP", "LL"][n // 3 % 2],
    }
    found = proposed(tmp_path, films(**told))
    assert found.layout == {"path": "{class}/{file}", "header": ["patient", "side", "view"]}
    assert found.patients_known
    assert about(found, "patients") == ["8 for 24 films, from Patient ID, as keyed hashes"]
    assert about(found, "parts") == ["none given: a quarter is drawn as test, by patient"]
    assert about(found, "views")[0].startswith("frontal 12, lateral 12, from headers")


def test_a_table_of_hashed_ids(tmp_path):
    files = {f"{n % 3}/{n:03}f": shot(n, PatientID=f"{ID}{n // 3}0") for n in range(24)}
    rows = [f"{n:03}f,{'healthy' if n % 2 else 'fractured'}\n" for n in range(24)]
    found = proposed(tmp_path, files | {"labels.csv": "id,label\n" + "".join(rows)})
    table = {"file": "labels.csv", "image": "id", "find": "name", "target": "label"}
    assert found.layout == {"table": table, "header": ["patient"]}


def test_a_patient_id_is_better_than_a_guess_from_names(tmp_path):
    """IM-0003-0001 looks like film 1 of patient 3, and is the third series of a day."""
    name = "IM-{n:04}"
    files = {
        f"{'healthy' if n % 2 else 'fractured'}/{name.format(n=n // 3)}-{n:04}": shot(
            n, PatientID=f"{ID}{n // 4}0"
        )
        for n in range(36)
    }
    found = proposed(tmp_path, files)
    assert found.layout == {"path": "{class}/{file}", "header": ["patient"]}
    assert about(found, "patients") == ["9 for 36 films, from Patient ID, as keyed hashes"]


def test_folders_of_patients_are_kept(tmp_path):
    files = {
        f"{'healthy' if n % 2 else 'fractured'}/patient{n // 3:03}/{n}": shot(
            n, PatientID=f"{ID}{n}0"
        )
        for n in range(36)
    }
    found = proposed(tmp_path, files)
    assert found.layout == {"path": "{class}/{patient}/{file}"}


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        (lambda n: "ANONYMOUS", "all films have the same one"),
        (lambda n: "NA" if n == 3 else f"{ID}{n}", "some are words for an unknown patient"),
        (lambda n: f"{n % 7}" if n % 2 else f"00{n % 7}", "or written in several forms"),
    ],
)
def test_patient_ids_that_name_nobody_are_told_and_not_used(tmp_path, ids, why):
    found = proposed(tmp_path, films(PatientID=ids))
    assert "header" not in found.layout
    assert why in about(found, "headers")[0]
    assert not found.patients_known


def test_sides_that_some_films_do_not_say_are_not_used(tmp_path):
    sides = {"ImageLaterality": lambda n: "R" if n % 2 else "U"}
    assert "header" not in proposed(tmp_path, films(**sides)).layout


def test_pictures_have_no_headers(tmp_path):
    files = {f"{'healthy' if n % 2 else 'fractured'}/{n}.png": "x" for n in range(20)}
    write(tmp_path, files)
    with pytest.raises(DataError, match="none of 20 images that were tried can be read"):
        look(tmp_path)
