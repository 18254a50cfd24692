"""Names of parts, classes and grades."""

import pytest

from radpipe.app.init.tokens import are_grades, in_order, is_negative, part_of, slug


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(("train", "train"), ("Training", "train"), ("train_set", "train"), ("TRN", "train")),
        *(("val", "tune"), ("Validation", "tune"), ("valid-images", "tune"), ("dev", "tune")),
        *(("test", "test"), ("testset", "test"), ("Testing", "test"), ("hold-out", "test")),
        *(("NORMAL", None), ("trainee", None), ("set", None), ("", None)),
    ],
)
def test_parts_in_any_spelling(name, part):
    assert part_of(name) == part


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["PNEUMONIA", "NORMAL"], ["NORMAL", "PNEUMONIA"]),
        (["fractured", "healthy"], ["healthy", "fractured"]),
        (["Fractured", "Non_fractured"], ["Non_fractured", "Fractured"]),
        (["effusion", "no effusion"], ["no effusion", "effusion"]),
        (["1", "0"], ["0", "1"]),
        (["covid", "Viral Pneumonia", "Normal"], ["Normal", "covid", "Viral Pneumonia"]),
        (["type10", "type2"], ["type2", "type10"]),
        (["nodule", "mass"], ["mass", "nodule"]),
    ],
)
def test_the_class_without_a_finding_comes_first(names, ordered):
    assert in_order(names) == ordered


def test_a_word_that_begins_with_no_is_no_negative():
    assert not is_negative("nodule")
    assert not is_negative("node")
    assert is_negative("nontumor")
    assert is_negative("uninfected")


@pytest.mark.parametrize(
    ("names", "called", "grades"),
    [
        (["0", "1", "2", "3", "4"], "", True),
        (["grade 1", "grade 2", "grade 3"], "", True),
        (["0", "1"], "grade", False),
        (["3", "7", "9"], "", False),
        (["3", "7", "9"], "Gleason score", True),
        (["1.0", "2.0", "3.0"], "", True),
        (["a", "b", "c"], "grade", False),
    ],
)
def test_grades(names, called, grades):
    assert are_grades(names, called) == grades


def test_a_name_for_a_study():
    assert slug("My X-rays (2024)") == "my_x_rays_2024"
    assert slug("---") == "pictures"
