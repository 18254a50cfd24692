"""Patients and pictures that a cohort shares with what variants already know."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from radpipe.core.errors import ConfigError, LeakError
from radpipe.core.settings import External
from radpipe.splitting.overlap import (
    Overlap,
    Pictures,
    check_accept,
    refuse,
    settle,
    shared_names,
    shared_pictures,
)
from tests.splitting.films import altered, films

N = 40


def pictures(study, images, *, role=None, files=None, pixels=None):
    """Return pictures of cases "<study>-<number>", each with hashes of its own."""
    names = np.array([f"{study}-{k}" for k in range(len(images))])
    own = {
        "sha256": names if files is None else np.array(files),
        "pixel_hash": names if pixels is None else np.array(pixels),
    }
    files = np.array([f"{name}.png" for name in names])
    roles = None if role is None else np.array(role)
    return Pictures(study=study, case=names, file=files, role=roles, thumbnails=images, **own)


def named(study, n, **same):
    """Return n hashes of a study; `_3="home-1"` gives the fourth another one."""
    found = [f"{study}-{k}" for k in range(n)]
    for key, other in same.items():
        found[int(key[1:])] = other
    return found


def search(cohort, *others, correlation=0.92):
    found = shared_pictures(cohort, others, correlation=correlation)
    return [(one.case, one.other_case, one.kind, one.role) for one in found]


def test_other_people_give_nothing():
    cohort = pictures("cohort", films(N, seed=2))
    assert search(cohort, pictures("home", films(N, seed=1))) == []


def test_each_kind_of_a_shared_picture_is_found():
    home, new = films(N, seed=1), films(N, seed=2)
    new[0], new[1] = home[5], home[6]
    new[2] = altered(home[7:8], degrees=2, shift=0.03, light=1.1)[0]
    cohort = pictures(
        "cohort",
        new,
        files=named("cohort", N, _0="home-5"),
        pixels=named("cohort", N, _0="home-5", _1="home-6"),
    )
    assert search(cohort, pictures("home", home)) == [
        ("cohort-0", "home-5", "bytes", "learned"),
        ("cohort-1", "home-6", "pixels", "learned"),
        ("cohort-2", "home-7", "near", "learned"),
    ]


def test_copies_within_a_study_are_none_of_this_search():
    home, new = films(N, seed=1), films(N, seed=2)
    home[1], new[1] = home[0], new[0]
    same = [named(study, N, _1=f"{study}-0") for study in ("cohort", "home")]
    cohort = pictures("cohort", new, files=same[0], pixels=same[0])
    assert search(cohort, pictures("home", home, files=same[1], pixels=same[1])) == []


def test_every_copy_in_the_cohort_is_found():
    """Also near copies that are one picture among themselves, which are looked at once."""
    home, new = films(N, seed=1), films(N, seed=2)
    new[0] = new[1] = home[5]
    new[2] = new[3] = altered(home[7:8], degrees=2, light=0.9)[0]
    hashes = named("cohort", N, _0="home-5", _1="home-5", _3="cohort-2")
    found = search(pictures("cohort", new, files=hashes, pixels=hashes), pictures("home", home))
    assert [(case, kind) for case, _, kind, _ in found] == [
        ("cohort-0", "bytes"),
        ("cohort-1", "bytes"),
        ("cohort-2", "near"),
        ("cohort-3", "near"),
    ]


def test_a_picture_that_has_taught_something_counts_before_the_same_one_in_test():
    home, new = films(N, seed=1), films(N, seed=2)
    home[9], new[0], new[1] = home[5], home[5], home[6]
    roles = ["test"] * N
    roles[9] = "learned"
    same = named("home", N, _9="home-5")
    cohort = named("cohort", N, _0="home-5", _1="home-6")
    assert search(
        pictures("cohort", new, files=cohort, pixels=cohort),
        pictures("home", home, role=roles, files=same, pixels=same),
    ) == [("cohort-0", "home-9", "bytes", "learned"), ("cohort-1", "home-6", "bytes", "test")]


def test_several_studies_are_searched_and_stores_may_have_another_side():
    home, new, third = films(N, seed=1), films(N, seed=2), films(N, seed=3, side=80)
    new[0] = home[5]
    found = search(pictures("cohort", new), pictures("home", home), pictures("third", third))
    assert found == [("cohort-0", "home-5", "near", "learned")]


@pytest.mark.parametrize("nothing", ["cohort", "home"])
def test_a_study_without_pictures_shares_none(nothing):
    sizes = {"cohort": N, "home": N} | {nothing: 0}
    stores = {study: pictures(study, films(N, seed=1)[:n]) for study, n in sizes.items()}
    assert search(stores["cohort"], stores["home"]) == []


def test_a_name_is_found_under_any_of_a_patients_names_and_learning_counts_first():
    known = {
        "home": {"learned": {"b", "g"}, "test": {"t"}},
        "another project": {"learned": {"a"}},
    }
    names = {"c-0": ["a"], "c-1": ["x", "g"], "c-2": ["t"], "c-3": ["t", "b"], "c-4": ["z"]}
    found = [(one.case, one.study, one.role, one.kind) for one in shared_names(names, known)]
    assert found == [
        ("c-0", "another project", "learned", "patient"),
        ("c-1", "home", "learned", "patient"),
        ("c-2", "home", "test", "patient"),
        ("c-3", "home", "learned", "patient"),
    ]


PATIENTS = {"c-0": "p", "c-1": "p", "c-2": "q", "c-3": "r", "c-4": "s"}
NAME = Overlap(case="c-0", study="home", role="learned", kind="patient")
NEAR = Overlap(
    case="c-2",
    file="c-2.png",
    study="home",
    role="learned",
    other_case="h-1",
    other_file="h-1.png",
    kind="near",
    correlation=0.98,
)
TESTED = Overlap(case="c-3", file="c-3.png", study="home", role="test", kind="bytes")


def test_refusing_is_the_default_and_the_home_test_is_only_counted():
    settled = settle([NAME, NEAR, TESTED], PATIENTS, External())
    assert [one.decision for one in settled.found] == ["refused", "refused", "none"]
    assert settled.dropped == frozenset()
    assert (settled.patients("learned"), settled.patients("test")) == (2, 1)


def test_dropping_leaves_out_whole_patients():
    settled = settle([NAME, NEAR, TESTED], PATIENTS, External(on_leak="drop"))
    assert settled.dropped == {"c-0", "c-1", "c-2"}
    assert settled.counts() == [
        {
            **{"study": "home", "role": "learned", "kind": "near", "decision": "dropped"},
            **{"pairs": 1, "cases": 1, "patients": 1},
        },
        {
            **{"study": "home", "role": "learned", "kind": "patient", "decision": "dropped"},
            **{"pairs": 1, "cases": 1, "patients": 1},
        },
        {
            **{"study": "home", "role": "test", "kind": "bytes", "decision": "none"},
            **{"pairs": 1, "cases": 1, "patients": 1},
        },
    ]


def test_an_accepted_file_stays_but_not_for_another_reason():
    again = Overlap(case="c-2", study="home", role="learned", kind="patient")
    settled = settle([NEAR, again], PATIENTS, External(accept=["c-2.png"]))
    assert [one.decision for one in settled.found] == ["accepted", "refused"]


def test_accepted_files_must_be_there():
    check_accept(["c-2.png"], ["c-2.png"], study="elsewhere")
    with pytest.raises(ConfigError, match=r"elsewhere.external.accept: no stored .* 'c-2.pgn'"):
        check_accept(["c-2.pgn"], ["c-2.png"], study="elsewhere")


def test_a_refusal_counts_cases_and_leaves_a_table(tmp_path):
    table = tmp_path / "refused.csv"
    with pytest.raises(LeakError) as caught:
        refuse(settle([NAME, NEAR], PATIENTS, External()), study="else", home="home", table=table)
    message = str(caught.value)
    assert "else: 2 cases are known to the variants of home" in message
    assert "  patient 1 of home\n" in message
    assert "  near    1 of home, which agree by 0.980 to 0.980\n" in message
    for way in ("on_leak: drop", "same_names: false", "studies.else.external.accept", str(table)):
        assert way in message
    assert not [name for name in (".png", "c-0", "c-2", "h-1") if name in message]
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["decision"] for row in rows] == ["refused", "refused"]
    assert [row["correlation"] for row in rows] == ["", "0.9800"]
    refuse(settle([TESTED], PATIENTS, External()), study="else", home="home", table=table)
    assert not table.exists()


@pytest.mark.parametrize(
    ("kind", "offered", "not_offered"),
    [
        ("listed", ["on_leak: drop", "`unrelated: [else]`", "same_names"], ["accept"]),
        ("patient", ["on_leak: drop", "same_names: false"], ["accept", "unrelated"]),
        ("near", ["on_leak: drop", "external.accept"], ["same_names", "unrelated"]),
    ],
)
def test_no_way_out_is_offered_that_leads_nowhere(tmp_path, kind, offered, not_offered):
    one = replace(NEAR, kind=kind)
    settled = settle([one], PATIENTS, External())
    with pytest.raises(LeakError) as caught:
        refuse(settled, study="else", home="home", table=tmp_path / "refused.csv")
    ways = str(caught.value).partition("The way out")[2]
    assert all(way in ways for way in offered)
    assert not [way for way in not_offered if way in ways]
