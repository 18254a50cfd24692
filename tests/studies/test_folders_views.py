"""Films of several views as one case, of which some may be missing."""

import logging

import pytest

from radpipe.core.errors import ConfigError, DataError
from radpipe.studies.base.adapters import load_adapter, read_layout
from tests.studies.test_folders_dicom import TABLE, cases, examined, shot

BOTH = {"frontal": "required", "lateral": "optional"}
TREE = {"path": "{class}/{patient}_{view}_{_}", "views": BOTH}
TAGS = {"path": "{class}/{file}", "header": ["patient", "side", "view", "study"], "views": BOTH}


def named(*names):
    """Return class folders of pictures p1_ap_1 and so on; even patients are healthy."""
    return {f"{'fractured' if int(n[1]) % 2 else 'healthy'}/{n}.png": n for n in names}


def test_two_views_of_a_patient_are_one_case(tmp_path):
    files = named("p1_AP_1", "p1_LL_2", "p2_pa_1", "p3_Frontal_1", "p3_lateral_1", "p4_ap_1")
    found = cases(tmp_path, files, TREE)
    assert found["case"].to_pylist() == [
        *("fractured/p1_AP_1", "fractured/p3_Frontal_1", "healthy/p2_pa_1", "healthy/p4_ap_1")
    ]
    assert found["file_lateral"].to_pylist()[:2] == [
        "fractured/p1_LL_2.png",
        "fractured/p3_lateral_1.png",
    ]
    assert found["without_lateral"].to_pylist() == [False, False, True, True]
    assert "without_frontal" not in found.column_names
    assert "covariate_view" not in found.column_names


def test_films_of_other_views_are_left_out_and_counted(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    files = named("p1_AP_1", "p1_skyline_2", "p2_pa_1", "p2_xyz_1")
    found = cases(tmp_path, files, {**TREE, "views": {"frontal": "required"}})
    assert found["file_image"].to_pylist() == ["fractured/p1_AP_1.png", "healthy/p2_pa_1.png"]
    assert "films of other views than frontal, left out: 2 (of 0 of them" in caplog.text
    told = examined(tmp_path, {}, {**TREE, "views": {"frontal": "required"}})
    assert ("ok", "2 images are left out, as layout says") in told


def test_patient_side_view_and_study_of_headers_make_cases(tmp_path):
    files = {}
    for n in range(8):
        who, side, view = n // 4, "RL"[n // 2 % 2], ["AP", "LL"][n % 2]
        told = {"PatientID": f"MRN{who}9", "ImageLaterality": side, "ViewPosition": view}
        name = f"{'fractured' if who else 'healthy'}/{n}"
        files[name] = shot(n, StudyInstanceUID=f"1.2.{who}", **told)
    found = cases(tmp_path, files, TAGS)
    assert len(found) == 4
    assert found["side"].to_pylist() == ["R", "L", "R", "L"]
    assert found["file_lateral"].to_pylist() == [
        *("fractured/5", "fractured/7", "healthy/1", "healthy/3")
    ]
    assert not [name for name in found.column_names if name.startswith("covariate")]
    told = examined(tmp_path, {}, TAGS)
    assert ("ok", "views of 4 cases: frontal 4, lateral 4") in told


def visits(n_studies):
    """Return two frontal films and a lateral one of one knee, of one or two visits."""
    files = {"healthy/h": shot(9, PatientID="MRN8", ViewPosition="AP", StudyInstanceUID="1.9")}
    for n, view in enumerate(("AP", "LL", "AP")):
        study = f"1.2.{n // 2 if n_studies == 2 else 0}"
        files[f"fractured/{n}"] = shot(
            n, PatientID="MRN7", ViewPosition=view, StudyInstanceUID=study
        )
    return files


def test_several_films_of_one_view_are_refused(tmp_path):
    message = r"1 case has several films of one view: 2 like 'xxxxxxxxx/0'.*let study part them"
    with pytest.raises(DataError, match=message) as caught:
        cases(tmp_path, visits(1), TAGS)
    assert "MRN" not in str(caught.value)


def test_visits_are_told_apart_by_study(tmp_path):
    found = cases(tmp_path, visits(2), TAGS)
    assert found["case"].to_pylist() == ["fractured/0", "fractured/2", "healthy/h"]
    with pytest.raises(DataError, match="several films of one view"):
        cases(tmp_path, {}, {**TAGS, "header": ["patient", "view"]})


def test_a_table_names_view_and_study(tmp_path):
    files = {f"{n}.png": str(n) for n in range(5)}
    files["t.csv"] = (
        "id,y,who,v,visit\n0,healthy,p1,AP,1\n1,healthy,p1,LAT,1\n2,healthy,p1,AP,2\n"
        "3,fractured,p2,PA,1\n4,fractured,p2,LL,1\n"
    )
    table = {**TABLE, "path": "{id}.png", "patient": "who", "view": "v", "study": "visit"}
    found = cases(tmp_path, files, {"table": table, "views": BOTH})
    assert found["case"].to_pylist() == ["0", "2", "3"]
    assert found["file_lateral"].to_pylist() == ["1.png", None, "4.png"]


def test_films_of_a_case_that_contradict_each_other(tmp_path):
    files = {"healthy/p1_ap_1.png": "a", "fractured/p1_lat_1.png": "b", **named("p4_ap_1")}
    with pytest.raises(DataError, match="films of 1 case have another target, part or covariate"):
        cases(tmp_path, files, TREE)


def test_cases_without_a_required_view_are_told(tmp_path):
    files = named("p1_AP_1", "p1_LL_1", "p2_LL_1", "p3_AP_1")
    found = cases(tmp_path, files, TREE)
    assert found["file_frontal"].to_pylist() == [
        *("fractured/p1_AP_1.png", "fractured/p3_AP_1.png", None)
    ]
    told = examined(tmp_path, {}, TREE)
    assert ("warning", "1 case lacks a view that is required (frontal)") in told
    assert ("ok", "views of 3 cases: frontal 2, lateral 2") in told


def test_no_film_of_the_views(tmp_path):
    with pytest.raises(DataError, match=r"layout\.views: no film has one of the views frontal, la"):
        cases(tmp_path, named("p1_x_1", "p2_y_1"), TREE)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"path": "{class}/{patient}_{_}"}, "nothing says the view of a film"),
        ({"path": "{class}/{view}_{_}"}, "nothing says the patient of a film"),
        ({"views": {"frontal": "optional"}}, "at least one view must be required"),
        ({"views": {"Frontal!": "required"}}, "Frontal!"),
        ({"header": ["study"], "views": None}, "study only parts films of several views"),
        (
            {"path": "{class}/{patient}", "header": ["view"], "views": {"ap": "required"}},
            "headers never say 'ap', but frontal, lateral, oblique, axial",
        ),
    ],
)
def test_views_that_nothing_can_say(change, match):
    with pytest.raises(ConfigError, match=match):
        read_layout("s", load_adapter("folders"), {**TREE, **change})


def test_a_view_without_views_is_a_covariate(tmp_path):
    found = cases(tmp_path, named("p1_AP_1", "p2_LL_1"), {**TREE, "views": None})
    assert found["covariate_view"].to_pylist() == ["AP", "LL"]
