"""The phantom of `chexpert`: layout, frequencies, exact posterior, and its shortcut."""

import csv
import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from radpipe.core.errors import ConfigError
from radpipe.core.settings import PhantomSource, Target
from radpipe.studies.base.adapters import check_source, load_adapter, read_layout
from radpipe.studies.base.manifest import list_files, write_manifest
from radpipe.studies.chexpert.layout import LABELS
from radpipe.studies.chexpert.phantom import write_phantom
from radpipe.studies.chexpert.phantom_plan import (
    DEVICE,
    FINDINGS,
    FREQUENCIES,
    NONE,
    OPACITIES,
    OPACITY,
    SEVERITY,
    STATE_SHARES,
    UNCERTAIN,
    draw_plan,
    frequencies,
    posterior,
)
from radpipe.studies.chexpert.phantom_tables import film_name, missing_film
from tests.studies.adapter_harness import PhantomHarness
from tests.studies.test_chexpert import Fake

ALL_VIEWS = {"views": "all"}
FOURTEEN = {"kind": "multi-label", "classes": list(LABELS)}
NOTHING: dict[str, list[object]] = {}
SCORED = ("atelectasis", "cardiomegaly", "consolidation", "edema", "pleural_effusion")


def source(patients=40, seed=1, *, elsewhere=False):
    return PhantomSource(kind="phantom", seed=seed, patients=patients, elsewhere=elsewhere)


@pytest.fixture(scope="module")
def many():
    """Return large plans: at home and elsewhere, with severities and truths."""
    found = {}
    for elsewhere in (False, True):
        plan = draw_plan(source(6000, 3, elsewhere=elsewhere))
        truth = {label: np.array([study.truth[label] for study in plan]) for label in LABELS}
        found[elsewhere] = plan, np.array([study.severity for study in plan]), truth
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    raw = tmp_path_factory.mktemp("chest")
    write_phantom(raw, source=source(), workers=1)
    return raw


class TestPhantom(PhantomHarness, Fake):
    """What every adapter's phantom must do."""

    layout = ALL_VIEWS
    target = FOURTEEN
    expected = NOTHING

    def write_phantom(self, out, *, seed=1, patients=100):
        """Write a phantom in which the one film that is missing is less than a hundredth."""
        super().write_phantom(out, seed=seed, patients=patients)


# --- the plan --------------------------------------------------------------------------


def test_each_finding_is_as_frequent_over_all_states_as_it_is_said_to_be():
    for elsewhere in (False, True):
        found = frequencies(elsewhere=elsewhere)
        assert ((found > 0) & (found < 1)).all()
        shares = [share for share, _ in FREQUENCIES.values()]
        assert STATE_SHARES @ found == pytest.approx(np.array(shares))


def test_labels_are_as_frequent_as_they_are_said_to_be(many):
    _, _, truth = many[False]
    for finding, (share, _) in FREQUENCIES.items():
        if finding != OPACITY:
            assert truth[finding].mean() == pytest.approx(share, abs=0.02), finding


def test_two_labels_follow_from_the_others(many):
    plan, _, _ = many[False]
    for study in plan:
        kinds = [study.truth[finding] for finding in OPACITIES if finding != OPACITY]
        assert study.truth[OPACITY] or not any(kinds)
        rest = [study.truth[label] for label in LABELS if label not in (NONE, DEVICE)]
        assert study.truth[NONE] == (not any(rest))


def test_only_train_is_uncertain_and_as_often_as_it_is_said_to_be(many):
    plan, _, _ = many[False]
    train = [study for study in plan if study.part == "train"]
    assert not any(study.uncertain for study in plan if study.part != "train")
    for finding, share in UNCERTAIN.items():
        found = np.mean([finding in study.uncertain for study in train])
        assert found == pytest.approx(share, abs=1 / len(train)), finding


def test_a_reader_wavers_where_the_evidence_is_weakest(many):
    plan, _, _ = many[False]
    column = FINDINGS.index("atelectasis")
    train = [study for study in plan if study.part == "train"]
    far = {True: [], False: []}
    for study in train:
        far["atelectasis" in study.uncertain].append(abs(study.severity[column] - 0.5))
    assert max(far[True]) <= min(far[False])


def test_parts_have_their_shares_and_valid_and_test_one_study_a_patient():
    plan = draw_plan(source(200))
    patients = {part: {s.patient for s in plan if s.part == part} for part in ("train", "valid")}
    assert (len(patients["train"]), len(patients["valid"])) == (120, 30)
    assert len([study for study in plan if study.part == "test"]) == 50
    assert all(study.study == 1 for study in plan if study.part != "train")
    assert max(study.study for study in plan) > 2


# --- the ideal observer ----------------------------------------------------------------


def test_the_posterior_is_bayes_rule_over_all_findings_of_all_states():
    """Sum over all 2^13 sets of findings and five states, with the densities themselves."""
    rng = np.random.default_rng(0)
    severity = rng.uniform(0.1, 0.9, 13)
    a, b = SEVERITY.T
    # Up to a factor that present and absent share, the densities of Beta(a, b) and Beta(b, a).
    present, absent = (s1 * s2 for s1, s2 in _powers(severity, a, b))
    by_state = frequencies(elsewhere=False)
    weights = dict.fromkeys(LABELS, 0.0)
    total = 0.0
    sets = np.array(list(itertools.product([0, 1], repeat=13)), dtype=bool)
    likelihood = np.prod(np.where(sets, present, absent), axis=1)
    joint = sum(
        share * np.prod(np.where(sets, prior, 1 - prior), axis=1) * likelihood
        for share, prior in zip(STATE_SHARES, by_state, strict=True)
    )
    total = joint.sum()
    for index, finding in enumerate(FINDINGS):
        weights[finding] = joint[sets[:, index]].sum()
    kinds = [FINDINGS.index(finding) for finding in OPACITIES]
    rest = [index for index, finding in enumerate(FINDINGS) if finding != DEVICE]
    weights[OPACITY] = joint[sets[:, kinds].any(axis=1)].sum()
    weights[NONE] = joint[~sets[:, rest].any(axis=1)].sum()
    found = posterior(severity[None], elsewhere=False)
    for label in LABELS:
        assert found[label][0] == pytest.approx(weights[label] / total, rel=1e-9), label


def _powers(s, a, b):
    """Yield the two factors of either density."""
    yield s ** (a - 1), (1 - s) ** (b - 1)
    yield s ** (b - 1), (1 - s) ** (a - 1)


def test_what_is_not_seen_leaves_the_prior():
    severity = np.full((1, 13), 0.9)
    found = posterior(severity, elsewhere=False, seen=())
    for finding, (share, _) in FREQUENCIES.items():
        if finding != OPACITY:
            assert found[finding][0] == pytest.approx(share)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_observer_is_calibrated_and_better_than_severity_alone(many, elsewhere):
    _, severity, truth = many[elsewhere]
    found = posterior(severity, elsewhere=elsewhere)
    for label in LABELS:
        assert found[label].mean() == pytest.approx(truth[label].mean(), abs=0.015), label
    for label in SCORED:
        alone = roc_auc_score(truth[label], severity[:, FINDINGS.index(label)])
        assert roc_auc_score(truth[label], found[label]) > alone - 0.002, label


def test_whoever_trusts_devices_is_right_at_home_and_wrong_elsewhere(many):
    """The observer of one hospital loses in the other, and more than its own observer."""
    lost = {}
    for label in (*SCORED, NONE):
        areas = {}
        for elsewhere, (_, severity, truth) in many.items():
            for whose in (False, True):
                found = posterior(severity, elsewhere=whose)[label]
                areas[elsewhere, whose] = roc_auc_score(truth[label], found)
        lost[label] = areas[True, True] - areas[True, False]
    assert lost[NONE] > 0.02
    assert all(loss > 0 for loss in lost.values())


# --- the files -------------------------------------------------------------------------


def test_the_tables_are_those_of_a_release(written):
    assert {"train.csv", "valid.csv", "test.csv", "ceiling.csv", "boxes.csv"} <= set(
        list_files(written)
    )
    rows = {part: _rows(written / f"{part}.csv") for part in ("train", "valid", "test")}
    assert set(rows["test"][0]) == {"Path", *rows["train"][0]} - {
        "Sex",
        "Age",
        "Frontal/Lateral",
        "AP/PA",
    }
    cells = {part: {row["Edema"] for row in rows[part]} for part in rows}
    assert cells["train"] <= {"1.0", "0.0", "-1.0", ""}
    assert "" in cells["train"]
    assert cells["valid"] | cells["test"] == {"1.0", "0.0"}
    assert {row["Sex"] for row in rows["train"]} == {"Male", "Female", "Unknown"}
    assert "0" in {row["Age"] for row in rows["train"]}


def test_one_film_of_train_is_missing_and_no_patient(written):
    named = {row["Path"].partition("/")[2] for row in _rows(written / "train.csv")}
    lost = named - set(list_files(written))
    assert lost == {missing_film(draw_plan(source()))}
    (patient,) = {film.split("/")[1] for film in lost}
    assert sum(f"/{patient}/" in film for film in named - lost) > 0


def test_every_film_that_is_there_has_a_ceiling(written):
    told = {row["file"] for row in _rows(written / "ceiling.csv")}
    assert {file for file in list_files(written) if file.endswith(".jpg")} <= told


def test_files_do_not_depend_on_the_number_of_workers(tmp_path, written):
    write_phantom(tmp_path / "two", source=source(), workers=2)
    (one, two) = (
        write_manifest(folder, tmp_path / f"{n}.csv")
        for n, folder in enumerate((written, tmp_path / "two"))
    )
    assert one == two


def test_another_hospital_has_other_films_and_the_same_layout(tmp_path, written):
    write_phantom(tmp_path, source=source(elsewhere=True), workers=1)
    assert _rows(tmp_path / "ceiling.csv") != _rows(written / "ceiling.csv")
    assert _rows(tmp_path / "train.csv")[0].keys() == _rows(written / "train.csv")[0].keys()


def test_a_film_that_a_study_has_not_has_no_number():
    study = draw_plan(source())[0]
    assert film_name(study, "frontal").endswith("study1/view1_frontal.jpg")


@pytest.mark.parametrize("adapter", ["folders", "mrnet", "oai"])
def test_adapters_with_one_hospital_refuse_another(adapter):
    with pytest.raises(ConfigError, match=r"studies\.x\.source\.elsewhere: .*way out"):
        check_source("x", load_adapter(adapter), source(elsewhere=True))
    check_source("x", load_adapter(adapter), source())
    check_source("x", load_adapter("chexpert"), source(elsewhere=True))


def test_the_phantom_does_not_depend_on_layout_or_target(tmp_path, written):
    adapter = load_adapter("chexpert")
    adapter.phantom(
        tmp_path,
        source=source(),
        layout=read_layout("x", adapter, {"label": "edema"}),
        target=Target(kind="binary", classes=["no", "yes"]),
    )
    assert list_files(tmp_path) == list_files(written)


def _rows(file):
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
