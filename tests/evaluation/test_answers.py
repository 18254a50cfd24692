"""Tables of answers: what is read, and how mistakes are told without what stands in a cell."""

import math

import numpy as np
import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Imported, Target
from radpipe.evaluation.answers import as_score, middle_of, read_answers

BINARY = Target(kind="binary", classes=["no", "yes"])
LABELS = Target(kind="multi-label", classes=["edema", "pleural_effusion"])
GRADES = Target(kind="ordinal", classes=["kl0", "kl1", "kl2"])


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a table from its text."""

    def run(text, target=BINARY, **settings):
        block = Imported.model_validate(
            {
                "study": "s",
                "predictions": "p.csv",
                "by": {"kind": "reader", "name": "r"},
                **settings,
            }
        )
        path = tmp_path / "p.csv"
        path.write_text(text)
        return read_answers(path, block, target, where="plan.imported.r")

    return run


def test_of_two_classes_the_positive_one_is_enough(read):
    found = read("case,yes\na,0.25\nb,1\n")
    assert found.case == ("a", "b")
    np.testing.assert_allclose(found.scores, [[0.75, 0.25], [0.0, 1.0]])


def test_logits_become_probabilities(read):
    assert read("case,yes\na,0\n", form="logits").scores[0, 1] == 0.5
    row = read("case,kl0,kl1,kl2\na,0,0,0.6931471805599453\n", GRADES, form="logits").scores[0]
    np.testing.assert_allclose(row, [0.25, 0.25, 0.5])
    one = read("case,edema,pleural_effusion\na,0,-800\n", LABELS, form="logits").scores[0]
    np.testing.assert_allclose(one, [0.5, 0.0], atol=1e-12)


def test_ratings_keep_their_order_within_the_scale(read):
    found = read("case,yes\na,1\nb,3\nc,5\n", form="ratings", scale=[1, 5])
    np.testing.assert_allclose(found.scores[:, 1], [0, 0.5, 1])


def test_decisions_are_classes_or_zero_and_one(read):
    grades = read("case,decision\na,kl2\nb,kl0\n", GRADES, form="decisions").scores
    np.testing.assert_array_equal(grades, [[0, 0, 1], [1, 0, 0]])
    for text in ("case,decision\na,yes\nb,no\n", "case,decision\na,1\nb,0\n", "case,yes\na,1\nb,0"):
        np.testing.assert_array_equal(read(text, form="decisions").scores, [[0, 1], [1, 0]])
    labels = read("case,edema,pleural_effusion\na,1,0\n", LABELS, form="decisions").scores
    np.testing.assert_array_equal(labels, [[1, 0]])


def test_a_table_of_several_readers_is_taken_apart(read):
    text = "who,film,certain\nr1,a,0.1\nr2,a,0.9\n"
    columns = {"case": "film", "yes": "certain"}
    found = read(text, columns=columns, rows={"who": "r2"})
    assert (found.case, found.scores[0, 1]) == (("a",), 0.9)


def test_tables_of_chexperts_test_studies_are_read_as_published(read):
    """A path of a study, and headers of labels; labels that are not asked for are left alone."""
    text = "Study,No Finding,Edema,Pleural Effusion\nCheXpert-v1.0/test/patient9/study1,0,1,0\n"
    found = read(text, LABELS, layout="chexpert", form="decisions")
    assert found.case == ("patient9/study1",)
    np.testing.assert_array_equal(found.scores, [[1, 0]])


def test_a_case_that_was_not_read_is_no_answer(read):
    found = read("case,edema,pleural_effusion\na,0.5,0.5\nb,,\n", LABELS)
    assert (found.case, found.unanswered) == (("a",), 1)


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("case,yes\na,0.5\na,0.5\n", {}, "1 case stands there more than once"),
        ("case,yes\na,0.5\nb,nan\n", {}, "1 row with an answer that is missing or no finite"),
        ("case,yes\na,0.5\nb,x\nc,inf\n", {}, "2 rows with an answer that is missing"),
        ("case,yes\na,0.5\nb,-3\n", {}, "1 row with a number outside 0..1 (line 3). The way out:"),
        ("case,yes\na,0.5\nb,-3\n", {}, "form: logits, if they are any real numbers"),
        ("case,yes\na,6\n", {"form": "ratings", "scale": [1, 5]}, "outside 1..5"),
        ("case,decision\na,maybe\n", {"form": "decisions"}, "missing or none of the study's"),
        ("film,yes\na,0.5\n", {}, "no column 'case' or 'score_case' for 'case'"),
        ("case,yess\na,0.5\n", {}, "for 'yes', did you mean 'yess'? The way out: plan.imported.r."),
        ("case,yes\na,85\n", {}, "percentages divided by 100"),
        ("case;yes\na;0,5\n", {}, "with a point before decimals"),
        ("case,yes\na,50%\n", {}, "1 row with an answer that is missing or no finite number"),
        # Python reads these as 10 and 0.5.
        ("case,yes\na,1_0\n", {"form": "logits"}, "1 row with an answer that is missing or no"),
        ("case,yes\na,\u0660.\u0665\n", {}, "1 row with an answer that is missing or no finite"),
        ("case,x\na,0.5\n", {"columns": {"yes": "case"}}, "one column is to hold two things"),
        (
            "case,yes\na,0.5\n",
            {"rows": {"who": "r"}},
            "no column 'who', which plan.imported.r",
        ),
        ("case,yes\na,0.5\n", {"rows": {"case": "r"}}, "none of its 1 row is what"),
        ("case,yes\na,\n", {}, "holds no answer"),
    ],
)
def test_a_mistake_is_told_with_counts_and_the_way_out(read, text, settings, message):
    with pytest.raises(DataError) as error:
        read(text, **settings)
    assert message in str(error.value)


def test_probabilities_that_do_not_exclude_each_other_are_refused(read):
    with pytest.raises(DataError, match=r"1 row whose probabilities .* do not add up to 1"):
        read("case,kl0,kl1,kl2\na,0.5,0.5,0.5\nb,0.33,0.33,0.33\n", GRADES)


def test_no_cell_is_ever_shown(read):
    """A cell may be a patient's name."""
    headless = "Miller,0.25\nSmith,0.75\n"
    for text in ("case,yes\nMiller,x\n", "case,yes\nMiller,1\nMiller,1\n", headless):
        with pytest.raises(DataError) as error:
            read(text)
        assert "Miller" not in str(error.value)
    with pytest.raises(DataError) as error:
        read(headless, rows={"reader": "r1"})
    assert "Miller" not in str(error.value)


def test_the_middle_of_each_form():
    base = {"study": "s", "predictions": "p", "by": {"kind": "system", "name": "n"}}
    for form, middle in (
        ({"form": "probabilities"}, 0.5),
        ({"form": "logits"}, 0.0),
        ({"form": "ratings", "scale": (1, 6)}, 3.5),
    ):
        block = Imported.model_validate({**base, **form})
        assert middle_of(block) == middle
        assert math.isclose(float(as_score(block, middle)), 0.5)
