"""External validation on the page: cohorts below their home study."""

import json
from dataclasses import replace

import pytest

from radpipe.app.report.external import external_views, read_cohorts
from radpipe.app.report.results import read_studies
from radpipe.app.report.story import cautions
from tests.app.conftest import folders
from tests.app.fake_cohort import NAME, write_cohort
from tests.app.fake_results import HASH, VARIANTS, write_comparison, write_results
from tests.app.test_report_page import Outline, page


@pytest.fixture
def judged(tmp_path):
    """Return a function that reads the made-up studies, bones with a cohort."""
    write_results(tmp_path)
    write_comparison(tmp_path)

    def read(edit=None, **cohort):
        write_cohort(tmp_path, **cohort)
        path = tmp_path / "results/cohorts" / NAME / "scores.json"
        scores = json.loads(path.read_text())
        if edit:
            edit(scores)
            path.write_text(json.dumps(scores))
        where = {"results": tmp_path / "results/cohorts", "figures": tmp_path / "results/figures"}
        return tuple(
            replace(
                study,
                cohorts=read_cohorts(study.name, {NAME: "bones"}, **where),
            )
            for study in read_studies(folders(tmp_path), VARIANTS)
        )

    return read


def titles(study, openings=()):
    (view,) = external_views(study, openings)
    return [caution.title for caution in view.cautions]


def test_a_cohort_stands_below_its_home_study_only(judged):
    bones, chest = judged()
    assert [view.cohort.name for view in external_views(bones, ())] == [NAME]
    assert external_views(chest, ()) == []
    html = page((bones, chest))
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert html.count("<h3>External validation") == 1
    at = html.index("<h3>External validation")
    assert html.index('id="study-bones"') < at < html.index('id="study-chest"')
    for text in ("Thresholds and temperature are those of bones's tune part", "Cohort − home"):
        assert text in html
    assert f"Forest plot of AUC at home and on {NAME}" in html


def test_scores_that_told_how_far_folds_disagree_are_named(judged):
    def means(scores):
        for one in scores["variants"].values():
            one["operating_point"] = {"folds": 5}

    html = page(judged(means))
    assert "'s tune part; nothing was chosen on the cohort" not in html
    assert "scores of its test part, not truths, told how far folds disagree" in html


def test_home_cohort_and_difference_stand_beside_each_other(judged):
    bones, _ = judged()
    (view,) = external_views(bones, ())
    assert view.part == "test"
    line = view.first.lines[0]
    assert line.variant == bones.best.name
    assert line.home == bones.best.estimate("auc")
    assert line.away.value == pytest.approx(line.home.value - 0.05)
    assert (line.difference.signed, line.difference.interval) == ("−0.050", "−0.070 to −0.030")
    assert [one.title for one in view.calibration] == [
        *("Brier score", "ECE", "Log loss", "Slope", "Intercept")
    ]
    assert {"Sensitivity", "Specificity"} <= {one.title for one in view.decisions}
    assert [one.title for one in view.per_class] == list(bones.classes)
    assert view.facts[:3] == [("612", "cases"), ("301", "patients"), ("300", "healthy")]
    assert view.overlaps == [
        (
            "nearly the same picture (turned, cropped, brightened), in bones",
            "dropped: the whole patient was left out",
            *("3", "2"),
        ),
        (
            "same name of a patient, in bones",
            "left: patients of the home test part, who taught nothing",
            *("4", "3"),
        ),
    ]


def test_a_reader_is_warned(judged):
    def edit(scores):
        scores["known"] |= {"same_names": False, "accepted_files": 1}
        first, second = list(scores["variants"])[:2]
        scores["variants"][first]["home_part"] = "tune"
        scores["variants"][first]["seen"] = ["MURA"]
        scores["variants"][second]["scores"] = {
            **scores["variants"][second]["scores"],
            "n_cases": 600,
        }

    bones, _ = judged(edit)
    assert titles(bones) == [
        "Compared with the tune part of the home study",
        "Few cases in a class of the cohort (beyond_repair: 13)",
        f"Variants were judged on different cases of {NAME}",
        "bones-v1 starts from weights that have seen these data",
        "3 patients of the home test part in the cohort, too",
        "2 patients left out",
        "1 file accepted in spite of likeness",
        "Patients were compared by their pictures, not by their names",
    ]


def test_a_clean_cohort_says_so(judged):
    clean = {"cases_dropped": 0, "patients_dropped": 0, "patients_of_home_test": 0}
    bones, chest = judged(leaks="study,role,kind,decision,pairs,cases,patients\n", known=clean)
    assert titles(bones) == ["Few cases in a class of the cohort (beyond_repair: 13)"]
    assert f"No patient and no picture of {NAME} was found" in page((bones, chest))


def test_looks_at_a_cohort_are_not_openings_of_the_home_test(judged):
    bones, _ = judged()
    row = {"variant": "bones-v1", "study": NAME, "recipe": HASH["bones-v1"]}
    openings = [row, {**row, "recipe": "other"}, {**row, "study": "bones", "recipe": "third"}]
    told = f"bones-v1 was judged on {NAME} with 2 different recipes"
    assert told in titles(bones, openings)
    assert not any("opened the test part" in c.title for c in cautions(bones, openings))
