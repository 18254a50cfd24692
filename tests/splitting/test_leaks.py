"""The policy about leaks, case by case."""

import numpy as np
import pytest

from radpipe.core.errors import ConfigError, LeakError
from radpipe.splitting.copies import Copy
from radpipe.splitting.leaks import (
    LeakCases,
    check_accept,
    copy_leaks,
    numbered,
    patient_leaks,
    refuse,
    settle,
    told_of_joins,
)


def study(*rows):
    """Build cases from (patient, official) and name their files."""
    cases = LeakCases(
        case=np.array([f"c{k}" for k in range(len(rows))]),
        patient=np.array([patient for patient, _ in rows]),
        official=np.array([part for _, part in rows]),
    )
    return cases, [f"c{k}.png" for k in range(len(rows))]


def settled(rows, pairs, on_leak, accept=()):
    """Settle leaks between cases given as pairs of numbers."""
    cases, files = study(*rows)
    copies = [Copy(a, b, "near", 0.95) for a, b in pairs]
    leaks = [
        *patient_leaks(cases, files=files),
        *copy_leaks(copies, files=files, case_of=np.arange(len(files))),
    ]
    return settle(leaks, cases, on_leak=on_leak, accept=accept)


FREE = [("p", ""), ("q", ""), ("r", ""), ("q", "")]


def test_group_joins_patients_under_the_smallest_name():
    found = settled(FREE, [(2, 1)], "group")
    assert found.patient.tolist() == ["p", "q", "q", "q"]
    assert found.kept.all()
    assert [leak.decision for leak in found.leaks] == ["grouped"]


def test_group_joins_along_a_chain():
    assert settled(FREE, [(0, 2), (2, 3)], "group").patient.tolist() == ["p"] * 4


def test_drop_keeps_the_first_copy_and_its_patient():
    """Cases 1 (q) and 3 (q) both look like 2 (r): r's case goes, q keeps both."""
    found = settled(FREE, [(1, 2), (2, 3)], "drop")
    assert found.kept.tolist() == [True, True, False, True]
    assert found.patient.tolist() == ["p", "q", "r", "q"]


def test_refuse_marks_and_accept_excepts():
    found = settled(FREE, [(0, 1), (0, 2)], "refuse", accept=["c1.png"])
    assert [leak.decision for leak in found.leaks] == ["accepted", "refused"]
    assert found.kept.all()


@pytest.mark.parametrize("on_leak", ["group", "drop"])
def test_accepted_leaks_change_nothing(on_leak):
    found = settled(FREE, [(0, 1)], on_leak, accept=["c0.png"])
    assert found.kept.all()
    assert found.patient.tolist() == ["p", "q", "r", "q"]


OFFICIAL = [("p", "train"), ("p", "train"), ("q", "test"), ("r", "test"), ("s", "tune")]


def test_group_keeps_the_official_test_and_drops_the_whole_patient_from_train():
    found = settled(OFFICIAL, [(0, 2)], "group")
    assert found.kept.tolist() == [False, False, True, True, True]
    assert found.leaks[0].decision == "dropped"
    assert found.patient[2] == "p"


def test_drop_keeps_the_official_test_and_drops_the_copy_from_train():
    found = settled(OFFICIAL, [(0, 2)], "drop")
    assert found.kept.tolist() == [False, True, True, True, True]


def test_drop_never_drops_from_the_official_test():
    """Two test cases of different patients look like one of train: only that one goes."""
    found = settled(OFFICIAL, [(0, 2), (0, 3)], "drop")
    assert found.kept.tolist() == [False, True, True, True, True]


@pytest.mark.parametrize(("on_leak", "decision"), [("refuse", "none"), ("drop", "none")])
def test_copies_inside_the_official_test_leak_nowhere(on_leak, decision):
    found = settled(OFFICIAL, [(2, 3)], on_leak)
    assert [leak.decision for leak in found.leaks] == [decision]
    assert found.kept.all()


def test_copies_inside_the_official_test_can_be_grouped():
    found = settled(OFFICIAL, [(2, 3)], "group")
    assert found.patient[3] == "q"
    assert found.kept.all()


SPREAD = [("p", "train"), ("p", "test"), ("p", "tune"), ("q", ""), ("q", "train")]


@pytest.mark.parametrize("on_leak", ["group", "drop"])
def test_a_patient_in_two_official_parts_stays_in_the_first(on_leak):
    found = settled(SPREAD, [], on_leak)
    assert [leak.kind for leak in found.leaks] == ["patient", "patient"]
    assert [leak.decision for leak in found.leaks] == ["dropped", "dropped"]
    assert found.kept.tolist() == [False, True, False, True, True]


def test_a_patient_in_two_official_parts_is_refused():
    found = settled(SPREAD, [], "refuse")
    assert {leak.file_a for leak in found.leaks} == {"c1.png"}
    assert {leak.decision for leak in found.leaks} == {"refused"}


def test_an_accepted_patient_stays_in_both_parts():
    assert settled(SPREAD, [], "group", accept=["c1.png"]).kept.all()


def test_without_official_parts_no_patient_leaks():
    cases, files = study(*FREE)
    assert patient_leaks(cases, files=files) == []


def test_refusal_counts_kinds_and_shows_the_way_out():
    rows = [(f"p{k:02d}", "") for k in range(30)]
    found = settled(rows, [(k, k + 1) for k in range(24)], "refuse")
    with pytest.raises(LeakError) as raised:
        refuse(found, study="bones", table="data/bones/leaks-refused.csv")
    text = str(raised.value)
    assert text.startswith("24 pairs of cases would leak")
    assert "near    24 pairs, which agree by 0.950 to 0.950\n" in text
    assert "data/bones/leaks-refused.csv" in text
    for setting in ("on_leak", "accept", "correlation"):
        assert f"studies.bones.split.{setting}" in text
    # Names of cases can hold a patient's number.
    assert not [name for name in ("p00", "c0", "c19", ".png") if name in text]


def test_patients_who_were_joined_are_counted_with_the_way_out():
    rows = [(f"p{k:02d}", "") for k in range(6)]
    found = settled(rows, [(0, 1), (1, 2)], "group")
    about = {"study": "bones", "correlation": 0.9, "table": "leaks-refused.csv"}
    text = told_of_joins(found, study(*rows)[0], **about)
    assert "2 pairs of copies joined 6 patients into 4" in text
    assert "agree by 0.950 to 0.950" in text
    assert "raise studies.bones.split.correlation (now 0.9)" in text
    assert told_of_joins(settled(rows, [], "group"), study(*rows)[0], **about) == ""


def test_nothing_is_refused_where_nothing_leaks():
    refuse(settled(FREE, [], "refuse"), study="bones", table="")


def test_accept_refuses_unknown_files():
    with pytest.raises(ConfigError, match=r"split.accept.*'c1.pgn', did you mean 'c1.png'"):
        check_accept(["c1.pgn"], ["c0.png", "c1.png"], study="bones")
    check_accept(["c1.png"], ["c0.png", "c1.png"], study="bones")


def test_leaks_are_numbered_by_the_set_they_belong_to():
    assert numbered(settled(FREE, [(0, 1), (2, 3)], "group").leaks) == [1, 2]
    assert numbered(settled(FREE, [(0, 1), (1, 3)], "group").leaks) == [1, 1]
