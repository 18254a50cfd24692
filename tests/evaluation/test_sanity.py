"""Shuffled targets: nothing left to learn, nothing lost but the bond."""

import numpy as np

from radpipe.evaluation.draws import Weights
from radpipe.evaluation.metrics.areas import area_of
from radpipe.evaluation.sanity import shuffle_targets


def test_patients_swap_their_truths():
    patient = np.array(["a", "b", "a", "b"], dtype=object)
    truth = np.array([0.0, 1, 0, 1])
    found = {
        tuple(shuffle_targets(truth, patient, np.random.default_rng(seed))) for seed in range(20)
    }
    assert found == {(0, 1, 0, 1), (1, 0, 1, 0)}


def test_unequal_patients_repeat_or_cut():
    patient = np.array(["a", "a", "a", "b"], dtype=object)
    truth = np.array([[0.0], [2], [3], [1]])
    found = {
        tuple(shuffle_targets(truth, patient, np.random.default_rng(seed))[:, 0])
        for seed in range(20)
    }
    assert found == {(0, 2, 3, 1), (1, 1, 1, 0)}


def test_perfect_scores_fall_to_one_half():
    rng = np.random.default_rng(0)
    patient = np.array([f"p{i // 3}" for i in range(1500)], dtype=object)
    truth = np.repeat(rng.integers(0, 2, 500), 3).astype(float)
    shuffled = shuffle_targets(truth, patient, rng)
    # 500 patients: standard error about 0.026.
    assert abs(area_of(shuffled, truth, Weights.once(1500))[0] - 0.5) < 0.08
