"""Whose picture a file is, from its name."""

import pytest

from radpipe.app.init.patients import patient_pattern, untold


def numbered(form, n_patients=10, n_each=3):
    return [form.format(p=p, k=k) for p in range(n_patients) for k in range(1, n_each + 1)]


@pytest.mark.parametrize(
    ("form", "template"),
    [
        ("person{p}_bacteria_{k}", "{patient}_bacteria_{_}"),
        ("p{p:02d}-{k}", "{patient}-{_}"),
        ("{p:04d}_{k}", "{patient}_{_}"),
        ("IM-{p:04d}-{k:04d}", "IM-{patient}-{_}"),
        ("patient_{p}_{k}", "patient_{patient}_{_}"),
        ("{p:03d}.{k}", "{patient}.{_}"),
    ],
)
def test_patients_of_several_pictures(form, template):
    found = patient_pattern(numbered(form))
    assert (found.template, found.n_patients) == (template, 10)


def test_names_of_several_forms_share_what_stands_before_the_first_sign():
    names = [*numbered("p{p}_{k}"), *numbered("p{p}_left_{k}")]
    assert patient_pattern(names).template == "{patient}_{_}"


def test_what_is_told():
    found = patient_pattern(numbered("person{p}_{k}"))
    assert found.told(30) == (
        "10 for 30 images, from the names of files: 'person0_1' is taken for one of 'person0'"
    )


@pytest.mark.parametrize(
    "names",
    [
        [],
        [f"{n:08x}" for n in range(1000, 1040)],  # one picture each, or nobody knows
        [f"image_{n}" for n in range(40)],  # all differ
        numbered("normal_{p}{k}"),  # a word that is in all names, then a number of its own
        numbered("{k}_{p:03d}"),  # the view first: what differs first is no patient
        [f"a{n}_{k}" for n in range(2) for k in range(50)],  # two devices
        [*numbered("p{p}_{k}"), *numbered("p{p}-{k}")],  # made in two ways
    ],
)
def test_names_that_tell_nothing(names):
    assert patient_pattern(names) is None


def test_names_of_which_some_tell_are_counted_by_form():
    """As in a well-known set of chest films; no name is shown, only its form."""
    telling = numbered("person{p}_bacteria_{k}")
    others = [f"NORMAL2-IM-{n:04d}-0001" for n in range(20)]
    assert untold([*telling, *others]) == (
        "30 names of files tell, such as 'x0_x_0', and 20 do not, such as 'x0-x-0-0'; x: letters,"
        " 0: digits"
    )


def test_names_that_all_tell_in_several_ways():
    said = untold([*numbered("p{p}_{k}"), *numbered("p{p}-{k}")])
    assert said.startswith("all names of files tell, but in several ways: 'x0_0', 'x0-0'; x: ")


def test_names_of_which_none_tells():
    assert untold([f"image_{n}" for n in range(40)]) == "names of files do not tell"


def test_a_patient_of_one_picture_is_known_by_its_name():
    assert patient_pattern([f"patient{n:03d}" for n in range(20)]).template == "{patient}"
    assert patient_pattern([f"case-{n}" for n in range(20)]).template == "case-{patient}"
