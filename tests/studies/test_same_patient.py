"""Which names of patients are probably one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.studies.base.same_patient import (
    is_changed,
    is_unknown_word,
    plain_form,
    several_forms,
)


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("7", "7.0", "a decimal point"),
        ("7", "7,00", "a decimal point"),
        ("7", "7.", "a decimal point"),
        ("7", "007", "leading zeros"),
        ("007.0", "7", "a decimal point"),
        ("P01", "p01", "capitals"),
        ("P01", "P1", "leading zeros"),
        ("P01", " P01", "blanks or signs that look alike"),
        ("P01", "P01\u200b", "blanks or signs that look alike"),
        ("P01", "\uff3001", "blanks or signs that look alike"),
        ("P 01", "P\u00a0 01", "blanks or signs that look alike"),
        ("P01", "P-01", "what stands before the number"),
        ("P01", "P_1", "what stands before the number"),
        ("7", "'7", "quotation marks or a plus"),
        ("7", "+7", "quotation marks or a plus"),
        ("stra\u00dfe1", "STRASSE1", "capitals"),
        ("train/7", "train/007", "leading zeros"),
        ("sub-007", "sub-7", "leading zeros"),
        ("sub-007_ses-1", "sub-7_ses-01", "leading zeros"),
        ("1990-01-02", "1990-1-2", "leading zeros"),
        ("0", "000", "leading zeros"),
    ],
)
def test_forms_of_one_patient(one, other, differ):
    (forms,) = several_forms([one, other, one, "quite another"])
    assert set(forms.names) == {one, other}
    assert differ in forms.differ


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("7", "70"),
        ("1.1", "1.10"),
        ("1-12", "11-2"),
        ("12-1", "1-21"),
        ("P1", "Q1"),
        ("P10", "P1"),
        ("a b", "ab"),
        ("train/7", "test/7"),
        ("7", "-7"),
        ("1.5", "15"),
        ("3e5", "35"),
        ("P01a", "P01b"),
        ("a01b1", "a1b01"),
        ("042f06a9", "42f006a9"),
        ("a-1b", "a1-b"),
        ("e0123-1", "e0-1231"),
    ],
)
def test_different_patients_stay_different(one, other):
    assert several_forms([one, other]) == []


@given(st.text(max_size=12))
def test_a_plain_form_is_its_own(name):
    assert plain_form(plain_form(name)) == plain_form(name)


@given(st.integers(0, 10**9), st.integers(0, 4))
def test_numbers_written_by_programs_are_one(number, zeros):
    written = {str(number), f"{number}.0", f"{'0' * zeros}{number}", f" {number} "}
    assert len({plain_form(name) for name in written}) == 1


@given(st.sets(st.text("0123456789abcdef", min_size=8, max_size=8), max_size=40))
def test_codes_of_one_length_are_told_apart(codes):
    assert several_forms(codes) == []


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_are_told_apart(one, other):
    assert (plain_form(f"P{one:07}") == plain_form(f"P{other:07}")) == (one == other)


@pytest.mark.parametrize("word", ["nan", "NaN", "NA", "n/a", "None", "NULL", "?", "-", "<NA>"])
def test_words_for_nobody(word):
    assert is_unknown_word(word)
    assert not is_unknown_word(f"{word}1")


def test_names_that_a_spreadsheet_changed():
    assert all(map(is_changed, ["1.23457E+12", "1,2e+05", "1E+05", "02-Jan", "2. Mrz", "####"]))
    assert not any(map(is_changed, ["3E5", "12e4", "1.5", "E+12", "02-Janet", "Jan-02x", "1-2"]))
