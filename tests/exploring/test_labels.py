"""Answers, and labels that are present together, outside test."""

import numpy as np

from radpipe.exploring.labels import combinations, label_counts, together
from tests.exploring.made import THREE, TWO_LABELS, cases

NAN = np.nan


def test_the_four_answers_are_counted_apart():
    truth = [[1, 0], [0, NAN], [NAN, NAN], [1, 1]]
    uncertain = np.array([[0, 0], [0, 1], [0, 1], [0, 0]], dtype=bool)
    found = label_counts(cases(truth, uncertain=uncertain))
    assert found["labels"] == ["edema", "fracture"]
    assert found["present"] == [2, 1]
    assert found["absent"] == [1, 1]
    assert found["uncertain"] == [0, 2]
    assert found["blank"] == [1, 0]


def test_without_such_columns_nothing_is_uncertain():
    found = label_counts(cases([[1, NAN]]))
    assert (found["uncertain"], found["blank"]) == ([0, 0], [0, 1])


def test_answers_of_test_are_not_counted():
    found = label_counts(cases([[1, 1], [1, 0]], fold=np.array([-1, 0])))
    assert (found["n_cases"], found["present"]) == (1, [1, 0])


def test_pairs_are_counted_and_hidden_if_few():
    truth = [[1, 1]] * 4 + [[1, 0]] * 5 + [[0, 1]] * 6
    found = together(cases(truth))
    assert found == {"labels": ["edema", "fracture"], "n": [[9, None], [None, 10]]}


def test_combinations_are_ranked_and_told_from_five_patients_on():
    truth = [[1, 1]] * 7 + [[1, 0]] * 9 + [[0, 0]] * 6 + [[0, 1]] * 2
    found = combinations(cases(truth))
    assert found is not None
    assert found["n_distinct"] == 4
    assert found["frequent"] == [
        {"labels": ["edema"], "n": 9},
        {"labels": ["edema", "fracture"], "n": 7},
        {"labels": [], "n": 6},
    ]
    assert (found["n_none"], found["n_one"], found["n_several"]) == (6, 11, 7)


def test_films_of_one_patient_are_no_frequent_combination():
    found = combinations(cases([[1, 1]] * 9, patient=np.zeros(9, int)))
    assert found is not None
    assert found["frequent"] == []
    assert found["n_several"] is None


def test_unknown_and_uncertain_answers_are_not_present():
    found = combinations(cases([[1, NAN]] * 5))
    assert found is not None
    assert found["frequent"] == [{"labels": ["edema"], "n": 5}]


def test_classes_are_never_together():
    assert together(cases([0, 1], THREE)) is None
    assert combinations(cases([0, 1], THREE)) is None
    one = TWO_LABELS.model_copy(update={"classes": ["edema"]})
    assert together(cases([[1]], one)) is None
