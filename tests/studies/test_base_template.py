"""Templates of paths: what they match, and that they match what they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core.masking import masked, names_shown, patterns, shortened
from radpipe.studies.base.template import Template


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
        pytest.param(
            "{class}/{patient:7}{side}", "2/0000012R.png",
            {"class": "2", "patient": "0000012", "side": "R"}, id="seven digits",
        ),
        pytest.param("{class}/{patient:7}{side}", "2/000012R.png", None, id="six of seven digits"),
        pytest.param("{class}/{patient:7}{side}", "2/0000012.png", None, id="digits and no side"),
        pytest.param("{class}/{patient:2}_{_:2}", "2/01_1.png", None, id="digits to ignore"),
        pytest.param(
            "{patient:2}/{class}/{patient:2}", "01/a/01.png", {"patient": "01", "class": "a"},
            id="the same digits twice",
        ),
        pytest.param("{patient}_{side}", "1.2.3_R", {"patient": "1.2.3", "side": "R"},
                     id="a dot in a name is no suffix"),
        pytest.param("x (1)/{class}/{_}", "x (1)/a/b.png", {"class": "a"}, id="signs are literal"),
    ],
)  # fmt: skip
def test_matches(template, file, found):
    assert Template(template).match(file) == found


def test_covariates_are_what_is_not_understood():
    template = Template("{part}/{body_part}/{class}/{patient}_{side}_{_}")
    assert template.covariates == ["body_part", "side"]
    assert [template.depth(name) for name in ("part", "class", "patient", "age")] == [1, 3, 4, None]


def test_folders_match_the_first_part():
    template = Template("{part}/x_{class}/{file}")
    assert template.match_folder("train/x_a") == {"part": "train", "class": "a"}
    assert template.match_folder("train/a") is None


@pytest.mark.parametrize(
    "text", ["{patient:}", "{patient:0}", "{patient:d}", "{:7}", "{patient:123}", "{a b:2}"]
)
def test_a_number_of_digits_is_a_number(text):
    with pytest.raises(ValueError, match=r"is no name; .* such as \{patient:7\}"):
        Template("{class}/" + text)


def test_numbers_get_leading_zeros():
    template = Template("{class}/{patient:7}{side}")
    assert template.render({"class": "0", "patient": "12", "side": "L"}) == "0/0000012L"


WORD = st.text("abcäß 01", min_size=1, max_size=6)


@given(WORD, WORD, WORD)
def test_what_is_rendered_is_matched(name, patient, rest):
    template = Template("d/{class}/{patient}-{_}")
    file = template.render({"class": name, "patient": patient, "_": rest})
    assert template.match(file + ".png") == {"class": name, "patient": patient}


def test_names_are_masked_but_for_their_suffix():
    assert masked("sets/Müller 1970-03_R.PNG") == "xxxx/xxxxxx 0000-00_x.PNG"
    assert masked("notes.v2") == "xxxxx.x0"
    assert patterns(["a1.png", "b2.png", "c.png"]) == (
        "2 like 'x0.png', 1 like 'x.png' (0 is any digit, x any letter)"
    )
    assert " and 1 other form (" in patterns(["a", "a1", "1", "1a"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{part}/{class}/{patient:7}_{side}", "part / class / patient (7 digits), '_', side"),
        ("png/x{patient}-{_}.png", "'png' / 'x', patient, '-', anything, '.png'"),
    ],
)
def test_a_template_is_put_into_words(text, expected):
    assert Template(text).expected == expected
    assert Template(text).unparted == ""


def test_placeholders_that_nothing_parts():
    assert "Nothing parts {patient} from {side}" in Template("{class}/{patient}{side}").unparted
    assert Template("{patient:7}{side}").unparted == ""
    assert "from {c}" in Template("{a:2}{b}{c}").unparted


def test_many_forms_of_names_are_few_of_runs():
    """Sign by sign 1,129 odd names are as many forms, and three of them tell nothing."""
    names = [f"{chr(97 + n % 26) * (n % 40 + 1)}_{'7' * (n % 29 + 1)}.png" for n in range(1129)]
    assert len({masked(name) for name in names}) > 1000
    assert patterns(names) == ("1129 like 'x_0.png' (0 is any number, x any word, * a mixture)")
    with names_shown():
        assert patterns(names) == f"1129 like {names[0]!r}"


def test_few_forms_tell_each_sign():
    """How many digits a name has can be what is wrong with it."""
    assert patterns(["p01.png", "p2.png", "p03.png"]).startswith(
        "2 like 'x00.png', 1 like 'x0.png' (0 is any digit, x any letter)"
    )


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("p07-2.png", "x0-0.png"),
        ("0b918943df09.dcm", "*.dcm"),
        ("1.2.840.11.36.19", "0.0.0.0.0.0"),
        ("Müller 1970-03_R.PNG", "x 0-0_x.PNG"),
        ("ab12cd", "*"),
        ("7up", "*"),
    ],
)
def test_runs_of_letters_and_digits_are_one_sign(name, form):
    assert shortened(name) == form


def test_words_that_settings_name_stay():
    names = ["train/NORMAL/Smith normal.png", "train/3/Smith_3.png", "3/abnormal_42.png"]
    assert patterns(names, {"NORMAL", "train", "3", "normal"}) == (
        "1 like 'train/NORMAL/xxxxx normal.png', 1 like 'train/3/xxxxx_0.png',"
        " 1 like '3/xxxxxxxx_00.png' (0 is any digit, x any letter)"
    )
