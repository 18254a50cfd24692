"""The phantom of `mrnet`: real layout, exact posterior, known truth, no giveaways."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core.settings import PhantomSource
from radpipe.studies.base import drawing
from radpipe.studies.base.manifest import list_files, write_manifest
from radpipe.studies.mrnet import phantom as module
from radpipe.studies.mrnet.phantom import draw, write_phantom
from radpipe.studies.mrnet.phantom_plan import (
    FINDINGS,
    PRESENCE,
    SEVERITY,
    SLICES,
    STATE_COUNTS,
    apportion,
    draw_plan,
    draw_severities,
    posterior,
)

LABELS = ("abnormal", "acl", "meniscus")


def source(patients=20, seed=1):
    return PhantomSource(kind="phantom", seed=seed, patients=patients)


# --- the plan --------------------------------------------------------------------------


def test_states_have_the_proportions_of_mrnet():
    """With 1,250 exams and MRNet's own parts, the counts would be MRNet's own."""
    assert apportion(STATE_COUNTS["train"], 1130) == [217, 433, 272, 83, 125]
    assert apportion(STATE_COUNTS["valid"], 120) == [25, 20, 21, 23, 31]
    plan = draw_plan(source(600))
    valid = [exam for exam in plan if exam.part == "valid"]
    counts = {label: sum(exam.labels[label] for exam in valid) for label in LABELS}
    assert (len(valid), counts) == (120, {"abnormal": 95, "acl": 54, "meniscus": 52})


def test_a_share_by_hand():
    """A half, three tenths and a fifth of seven are 3.5, 2.1 and 1.4: the first is rounded up."""
    assert apportion((5, 3, 2), 7) == [4, 2, 1]


@given(
    st.lists(st.integers(0, 500), min_size=1, max_size=6).filter(any),
    st.integers(0, 2000),
)
def test_shares_add_up_and_are_no_more_than_one_off(weights, total):
    counts = apportion(tuple(weights), total)
    exact = np.array(weights) * total / sum(weights)
    assert sum(counts) == total
    assert np.abs(np.array(counts) - exact).max() < 1


def test_the_smallest_phantom_has_both_values_of_every_label_in_both_parts():
    plan = draw_plan(source(20))
    for part, n in (("train", 16), ("valid", 4)):
        exams = [exam for exam in plan if exam.part == part]
        assert len(exams) == n
        for label in LABELS:
            assert {exam.labels[label] for exam in exams} == {0, 1}


def test_ids_go_on_from_train_to_valid():
    plan = draw_plan(source(30))
    assert [exam.exam for exam in plan] == [f"{n:04d}" for n in range(30)]
    assert [exam.part for exam in plan] == ["train"] * 24 + ["valid"] * 6


def test_slices_tell_nothing_of_the_labels():
    plan = draw_plan(source(6000))
    slices = np.array([exam.slices for exam in plan])
    assert (slices.min(), slices.max()) == SLICES
    assert np.corrcoef(slices.T)[0, 1] == pytest.approx(0, abs=4 / np.sqrt(6000))
    for label in LABELS:
        values = np.array([exam.labels[label] for exam in plan])
        for plane in range(3):
            assert abs(np.corrcoef(slices[:, plane], values)[0, 1]) < 4 / np.sqrt(6000)


# --- the ideal observer ----------------------------------------------------------------


def test_the_posterior_by_hand():
    """Severities of one half say nothing: the posterior is the share of the part."""
    shares = posterior(np.full((1, 3), 0.5), "train")
    assert shares["abnormal"] == pytest.approx([913 / 1130])
    assert shares["acl"] == pytest.approx([208 / 1130])
    assert shares["meniscus"] == pytest.approx([397 / 1130])
    # s = 0.75 has the odds 3, and a - b = 2.4: an ACL tear is 3^2.4 times as likely. With the
    # others at one half the weights are none 25, abnormal 20, meniscus 21, then 23 and 31
    # times that ratio.
    ratio = 3**2.4
    total = 25 + 20 + 21 + (23 + 31) * ratio
    shares = posterior(np.array([[0.75, 0.5, 0.5]]), "valid")
    assert shares["acl"] == pytest.approx([54 * ratio / total])
    assert shares["abnormal"] == pytest.approx([1 - 25 / total])
    assert shares["meniscus"] == pytest.approx([(21 + 31 * ratio) / total])
    # Effusion alone: sure in "abnormal only", absent in "none", one half beside tears.
    mean = (1 + 3**2.8) / 2
    total = 25 + 20 * 3**2.8 + (21 + 23 + 31) * mean
    shares = posterior(np.array([[0.5, 0.5, 0.75]]), "valid")
    assert shares["abnormal"] == pytest.approx([1 - 25 / total])


def test_the_posterior_against_an_independent_sum():
    """Bayes' rule over all eight combinations of findings, with SciPy's densities."""
    from scipy.stats import beta

    severity = np.random.default_rng(0).uniform(0.05, 0.95, (20, 3))
    a, b = SEVERITY.T
    there, absent = beta.pdf(severity, a, b), beta.pdf(severity, b, a)
    weight = np.zeros((20, 5))
    for state, count in enumerate(STATE_COUNTS["train"]):
        for combination in np.ndindex(2, 2, 2):
            chosen = np.array(combination)
            prior = np.prod(np.where(chosen, PRESENCE[state], 1 - PRESENCE[state]))
            weight[:, state] += count * prior * np.prod(np.where(chosen, there, absent), axis=1)
    state = weight / weight.sum(axis=1, keepdims=True)
    shares = posterior(severity, "train")
    assert shares["abnormal"] == pytest.approx(1 - state[:, 0])
    assert shares["acl"] == pytest.approx(state[:, 3] + state[:, 4])
    assert shares["meniscus"] == pytest.approx(state[:, 2] + state[:, 4])


@pytest.fixture(scope="module", params=["train", "valid"])
def many(request):
    """Return 100,000 draws of a part: truth and posterior by label."""
    states = np.repeat(np.arange(5), apportion(STATE_COUNTS[request.param], 100_000))
    severity = draw_severities(states, np.random.default_rng(1))
    truth = {"abnormal": states > 0, "acl": states >= 3, "meniscus": (states == 2) | (states == 4)}
    return request.param, truth, posterior(severity, request.param)


def test_labels_occur_as_often_as_the_posterior_says(many):
    """Calibration of the ideal observer: mean posterior against share of labels."""
    _, truth, shares = many
    for label in LABELS:
        for low, high in ((0, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 0.95), (0.95, 1)):
            inside = (shares[label] >= low) & (shares[label] < high)
            seen, said = truth[label][inside].mean(), shares[label][inside].mean()
            # Four standard errors of a share.
            assert abs(seen - said) < 4 * np.sqrt(said * (1 - said) / inside.sum()) + 1e-3


def test_the_ceiling_is_where_the_docstring_says(many):
    part, truth, shares = many
    said = {"train": (0.928, 0.934, 0.932), "valid": (0.936, 0.932, 0.934)}[part]
    for label, area in zip(LABELS, said, strict=True):
        assert _area(truth[label], shares[label]) == pytest.approx(area, abs=0.002)


# --- the files -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(folder, source=source())
    return folder


def rows(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_the_files_are_what_the_plan_says(written):
    plan = draw_plan(source())
    volumes = {f"{e.part}/{plane}/{e.exam}.npy" for e in plan for plane in module.PLANES}
    tables = {f"{part}-{label}.csv" for part in STATE_COUNTS for label in LABELS}
    assert set(list_files(written)) == volumes | tables | {"ceiling.csv", "boxes.csv"}
    for exam in plan:
        for plane, n_slices in zip(module.PLANES, exam.slices, strict=True):
            pixels = np.load(written / exam.part / plane / f"{exam.exam}.npy", allow_pickle=False)
            assert (pixels.shape, pixels.dtype) == ((n_slices, 64, 64), np.uint8)
    for part in STATE_COUNTS:
        for label in LABELS:
            lines = [f"{e.exam},{e.labels[label]}" for e in plan if e.part == part]
            assert (written / f"{part}-{label}.csv").read_text().splitlines() == lines


def test_the_ceiling_is_the_posterior(written):
    found = {row["file"]: row for row in rows(written / "ceiling.csv")}
    plan = draw_plan(source())
    assert len(found) == len(plan)
    for exam in plan:
        shares = posterior(np.array([exam.severity]), exam.part)
        row = found[f"{exam.part}/axial/{exam.exam}.npy"]
        assert [float(row[label]) for label in LABELS] == [shares[label][0] for label in LABELS]


def test_boxes_stand_where_a_finding_is_plain_to_see(written):
    boxed = {(row["file"], row["label"]) for row in rows(written / "boxes.csv")}
    expected = {
        (f"{exam.part}/{plane}/{exam.exam}.npy", finding)
        for exam in draw_plan(source())
        for finding, severity in zip(FINDINGS, exam.severity, strict=True)
        for plane in module.SEEN[finding]
        if severity >= module.BOXED_FROM
    }
    assert boxed == expected


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path, written, monkeypatch):
    monkeypatch.setattr(drawing, "FEW", 0)
    write_phantom(tmp_path / "two", source=source(), workers=2)
    assert write_manifest(tmp_path / "two", tmp_path / "2.csv") == write_manifest(
        written, tmp_path / "1.csv"
    )


def test_a_finding_changes_its_slices_inside_its_box_and_nothing_else():
    """The same exam with and without a finding differs in the box only, if noise is the same."""
    from dataclasses import replace

    exam = draw_plan(source())[0]
    for index, finding in enumerate(FINDINGS):
        none = replace(exam, severity=(0.0, 0.0, 0.0))
        severity = tuple(float(index == i) for i in range(3))
        shown = replace(exam, severity=severity)
        for plane in module.PLANES:
            before, _ = draw(none, plane, seed=1)
            after, lesions = draw(shown, plane, seed=1)
            changed = before != after
            if plane not in module.SEEN[finding]:
                assert not changed.any()
                assert lesions == []
                continue
            assert {found for found, _ in lesions} == {finding}
            outside = changed.copy()
            for _, (number, x0, y0, x1, y1) in lesions:
                difference = after[number, y0:y1, x0:x1].astype(int) - before[number, y0:y1, x0:x1]
                assert difference.mean() > 20
                # The soft edge of a lesion may reach two pixels beyond its box.
                outside[number, max(y0 - 2, 0) : y1 + 2, max(x0 - 2, 0) : x1 + 2] = False
            assert not outside.any()


def _area(truth, score):
    """Return the area under the ROC curve as the share of pairs in order, ties half."""
    positive, negative = np.sort(score[truth]), np.sort(score[~truth])
    below = np.searchsorted(negative, positive, "left")
    ties = np.searchsorted(negative, positive, "right") - below
    return (below + ties / 2).sum() / (len(positive) * len(negative))
