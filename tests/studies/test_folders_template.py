"""Templates of paths: what they match, and that they match what they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.studies.folders.template import Template


@pytest.mark.parametrize(
    ("template", "file", "found"),
    [
        pytest.param("{class}/{file}", "a/b.png", {"class": "a"}, id="suffix left out"),
        pytest.param("{class}/{file}", "a/b/c.png", None, id="one folder a slash"),
        pytest.param("{class}/{file}", "b.png", None, id="too shallow"),
        pytest.param(
            "{class}/{patient}-{_}", "a/IM-0115-0001.jpeg", {"class": "a", "patient": "IM"},
            id="as little as possible",
        ),
        pytest.param(
            "{class}/IM-{patient}-{_}", "a/IM-0115-0001.jpeg", {"class": "a", "patient": "0115"},
            id="text between",
        ),
        pytest.param(
            "{_}/{_}_{class}/{_}", "p/study1_positive/i.png", {"class": "positive"},
            id="ignored names are free",
        ),
        pytest.param(
            "{class}/{patient}_{side}", "a/p_left.png",
            {"class": "a", "patient": "p", "side": "left"}, id="no suffix in the last one",
        ),
        pytest.param("{class}/{patient}.png", "a/p.png", {"class": "a", "patient": "p"}, id="dot"),
        pytest.param("{class}/{patient}.png", "a/p.jpg", None, id="another suffix"),
        pytest.param("{class}/{class}-{_}", "a/b-1.png", None, id="twice, but not the same"),
        pytest.param("{class}/{class}-{_}", "a/a-1.png", {"class": "a"}, id="twice the same"),
        pytest.param("x (1)/{class}/{_}", "x (1)/a/b.png", {"class": "a"}, id="signs are literal"),
    ],
)  # fmt: skip
def test_matches(template, file, found):
    assert Template(template).match(file) == found


def test_covariates_are_what_is_not_understood():
    template = Template("{part}/{body_part}/{class}/{patient}_{side}_{_}")
    assert template.covariates == ["body_part", "side"]
    assert template.class_depth == 3


def test_folders_match_the_first_part():
    template = Template("{part}/x_{class}/{file}")
    assert template.match_folder("train/x_a") == {"part": "train", "class": "a"}
    assert template.match_folder("train/a") is None


WORD = st.text("abcäß 01", min_size=1, max_size=6)


@given(WORD, WORD, WORD)
def test_what_is_rendered_is_matched(name, patient, rest):
    template = Template("d/{class}/{patient}-{_}")
    file = template.render({"class": name, "patient": patient, "_": rest})
    assert template.match(file + ".png") == {"class": name, "patient": patient}
