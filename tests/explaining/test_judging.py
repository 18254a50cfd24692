"""What measures of a study come to: means, pairs and verdicts, by hand."""

import numpy as np
import pytest

from radpipe.core.settings import Evaluation
from radpipe.explaining.judging import (
    PAIRED,
    SCORES,
    curve_rows,
    last_part,
    pair_rows,
    read_explanations,
    score_rows,
    verdicts,
)

HOW = Evaluation(bootstrap=400)
N = 24


def rows_of(method, *, variant="v", part="test", **measures):
    """Return rows of N cases: a number of each case, or the same for all."""
    rows = []
    for measure, values in measures.items():
        for k, value in enumerate(np.broadcast_to(values, N)):
            head = {"case": f"c{k}", "patient": f"p{k // 2}", "part": part, "variant": variant}
            label = "acl" if k % 2 else "meniscus"
            more = {"method": method, "label": label, "measure": measure, "value": float(value)}
            rows.append({**head, **more})
    return rows


def judged(rows, bound=0.5):
    """Return scores, pairs and verdicts by method."""
    found = read_explanations(rows, last_part(rows))
    scores = score_rows("knee", "test", found, HOW)
    pairs = pair_rows("knee", "test", found, HOW)
    said = verdicts(scores, pairs, {"v": bound}, confidence=HOW.confidence)
    return scores, pairs, {one["method"]: one for one in said}


RNG = np.random.default_rng(5)
HITS = (np.arange(N) % 4 > 0).astype(float)
GOOD = {
    "pointing": HITS,
    "pointing_average": (np.arange(N) % 4 == 0).astype(float),
    "randomised": RNG.normal(0.1, 0.05, N),
    "deletion": RNG.normal(0.2, 0.02, N),
    "deletion_random": RNG.normal(0.4, 0.02, N),
}


def test_scores_are_means_over_labels_and_of_each():
    scores, _, _ = judged(rows_of("cam", **GOOD))
    assert set(scores[0]) == set(SCORES)
    by_label = {row["label"]: row for row in scores if row["measure"] == "pointing"}
    assert by_label[""]["value"] == pytest.approx(0.75)
    assert by_label["acl"]["value"] == pytest.approx(1.0)
    assert by_label["meniscus"]["value"] == pytest.approx(0.5)
    assert (by_label[""]["n_cases"], by_label[""]["n_patients"]) == (N, N // 2)
    # Sanity is not told label by label.
    assert [row["label"] for row in scores if row["measure"] == "deletion"] == [""]


def test_another_part_and_undefined_values_count_nowhere():
    rows = rows_of("cam", pointing=HITS) + rows_of("cam", part="tune", pointing=0.0)
    rows += rows_of("lime", overlap=np.nan)
    scores, _, _ = judged(rows)
    assert {row["measure"] for row in scores} == {"pointing"}
    assert scores[0]["value"] == pytest.approx(0.75)
    assert last_part(rows_of("cam", part="tune", pointing=1.0)) == "tune"


def test_pairs_are_of_the_same_maps_and_corrected():
    rows = rows_of("cam", **GOOD) + rows_of("lime", pointing=0.0)
    rows += rows_of("cam", variant="w", pointing=HITS) + rows_of("ideal observer", pointing=1.0)
    _, pairs, _ = judged(rows)
    assert set(pairs[0]) == set(PAIRED)
    found = {(row["first"], row["second"]): row for row in pairs if row["measure"] == "pointing"}
    assert found["v/cam", "mean map of others"]["difference"] == pytest.approx(0.5)
    assert found["v/cam", "v/lime"]["difference"] == pytest.approx(0.75)
    assert found["v/cam", "w/cam"]["difference"] == 0
    assert found["v/cam", "v/ideal observer"]["difference"] == pytest.approx(-0.25)
    # Variants are compared by the same method only.
    assert ("v/lime", "w/cam") not in found
    kinds = {row["kind"] for row in found.values()}
    assert kinds == {"reference", "methods", "variants"}
    assert all(row["p_holm"] >= row["p"] for row in found.values())


def test_a_method_that_passes_is_said_to():
    _, _, said = judged(rows_of("cam", **GOOD))
    assert said["cam"] == {"variant": "v", "method": "cam", "verdict": "passes", "said": []}


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        ({"randomised": RNG.normal(0.9, 0.02, N)}, "fails", "hardly change when all weights"),
        ({"randomised": RNG.normal(0.5, 0.5, N)}, "unclear", "is not certain"),
        ({"pointing_average": HITS}, "fails", "no better than the mean map"),
        (
            {"deletion_random": RNG.normal(0.1, 0.02, N)},
            "passes",
            "no more than deleting at random",
        ),
    ],
)
def test_a_method_that_fails_is_marked_in_words(change, verdict, words):
    _, _, said = judged(rows_of("cam", **{**GOOD, **change}))
    assert said["cam"]["verdict"] == verdict
    assert words in " ".join(said["cam"]["said"])


def test_what_correction_denies_is_not_said():
    # Six of twelve patients differ, all the same way: p = 2 / 2^6 = 0.031, of two tests 0.063.
    _, pairs, said = judged(rows_of("cam", **GOOD) + rows_of("ideal observer", pointing=1.0))
    (row,) = (row for row in pairs if row["second"] == "mean map of others")
    assert row["low"] > 0
    assert (row["p"], row["p_holm"]) == pytest.approx((0.031, 0.0625), abs=0.005)
    assert said["cam"]["verdict"] == "unclear"
    assert "is not shown" in said["cam"]["said"][0]
    assert "corrected p 0.06" in said["cam"]["said"][0]


def test_maps_that_find_something_without_having_learned_fail():
    found = {"randomised_energy": RNG.normal(0.5, 0.02, N), "energy_average": 0.1}
    _, _, said = judged(rows_of("cam", **GOOD, **found))
    assert said["cam"]["verdict"] == "fails"
    assert said["cam"]["said"][0].startswith("Without anything learned it finds more")
    found["randomised_energy"] = RNG.normal(0.1, 0.02, N)
    assert judged(rows_of("cam", **GOOD, **found))[2]["cam"]["verdict"] == "passes"


def test_the_bound_is_a_setting():
    rows = rows_of("cam", **{**GOOD, "randomised": RNG.normal(0.6, 0.02, N)})
    assert judged(rows, bound=0.5)[2]["cam"]["verdict"] == "fails"
    assert judged(rows, bound=0.8)[2]["cam"]["verdict"] == "passes"


def test_what_was_not_checked_does_not_pass():
    # Right each time, and the others never: there is no interval, and yet no doubt.
    rows = rows_of("cam", pointing=1.0, pointing_average=0.0)
    rows += rows_of("ideal observer", pointing=1.0)
    _, _, said = judged(rows)
    assert said["cam"]["verdict"] == "not checked"
    assert "ideal observer" not in said


def test_points_of_curves_stand_in_a_table_of_their_own():
    scores, _, _ = judged(rows_of("cam", **{"deletion@0.10": 0.4, "deletion_random@0.20": 0.5}))
    found = {(row["curve"], row["share"]): row["value"] for row in curve_rows(scores)}
    assert found == {("deletion", 0.1): pytest.approx(0.4), ("deletion_random", 0.2): 0.5}
