"""Counts of a split, label by label."""

import numpy as np

from radpipe.core.settings import Split, Target
from radpipe.splitting.leaks import LeakCases, Settled
from radpipe.splitting.parts import Parts
from radpipe.splitting.tables import summary

NAN = np.nan
# Four cases of two labels; the last two are fold 0, and none is test but the first.
TRUTH = np.array([[1, NAN], [0, NAN], [NAN, NAN], [NAN, 1]])
DOUBTS = np.array([[0, 1], [0, 0], [1, 0], [0, 0]], dtype=bool)
NAMES = np.array(["a", "b", "c", "d"])


def counts(uncertain, kept=(True,) * 4):
    kept = np.array(kept)
    parts = Parts(
        np.array(["test", "train", "train", "train"])[kept], np.array([-1, 1, 0, 0])[kept], {}
    )
    return summary(
        "chest",
        LeakCases(case=NAMES, patient=NAMES, official=np.array([""] * 4)),
        TRUTH,
        Settled([], NAMES, kept),
        parts,
        uncertain=uncertain,
        split=Split(seed=1),
        target=Target(kind="multi-label", classes=["edema", "fracture"]),
        indexed=4,
        remarks=[],
    )


def test_unknown_and_uncertain_answers_are_counted_by_label():
    found = counts(DOUBTS)
    assert found["parts"]["test"]["n_unknown_per_label"] == [0, 1]
    assert found["parts"]["test"]["n_uncertain_per_label"] == [0, 1]
    assert found["parts"]["train"]["n_unknown_per_label"] == [2, 2]
    assert found["parts"]["train"]["n_uncertain_per_label"] == [1, 0]
    assert found["folds"][0]["n_unknown_per_label"] == [2, 1]


def test_cases_that_were_dropped_do_not_count():
    found = counts(DOUBTS, kept=(True, True, False, True))
    assert found["parts"]["train"]["n_uncertain_per_label"] == [0, 0]
    assert found["parts"]["train"]["n_unknown_per_label"] == [1, 1]


def test_a_data_set_that_says_nothing_of_doubts_has_no_counts_of_them():
    train = counts(None)["parts"]["train"]
    assert train["n_unknown_per_label"] == [2, 2]
    assert not any("uncertain" in name for name in train)
