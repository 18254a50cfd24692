"""What would leak between parts, and what is done about it: refuse, group, drop or accept.

The policy, in one place:

- A leak is a patient in two official parts, or a picture that stands alike under two
  patients. Copies within one patient are none, for a patient is never divided.
- `accept` names files: whatever one of them is alike to is listed and left alone.
- `refuse` stops if anything is left. Copies inside the official `test` (or `tune`) leak
  nowhere and are only listed.
- `drop` keeps the first case of each set of copies (an official `test` before `tune` before
  `train`, then by name) and drops the cases of other patients that share its picture.
- `group` treats patients who share a picture as one person, named by the smallest of their
  names. A group may not straddle official parts, and a published `test` must stay what it is:
  all of the group's cases outside its first part (`test`, `tune`, `train`) are dropped.
- A patient in two official parts is treated alike by both: the first part keeps its cases.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from radpipe.core.errors import ConfigError, LeakError, near_miss
from radpipe.core.plurals import counted
from radpipe.splitting.copies import Copy, Kind, agreement
from radpipe.splitting.groups import Groups

Strings = npt.NDArray[np.str_]
Decision = Literal["grouped", "dropped", "accepted", "refused", "none"]
OnLeak = Literal["refuse", "group", "drop"]
PARTS = ("test", "tune", "train", "")


@dataclass(frozen=True, kw_only=True)
class LeakCases:
    """The cases of a study, one entry each, sorted by name.

    Attributes
    ----------
    case, patient
        Names, shape (n,).
    official
        Part in the data set's own division: "test", "tune", "train", or "" for none.

    """

    case: Strings
    patient: Strings
    official: Strings


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Two files that stand alike, the cases they belong to, and what was decided."""

    file_a: str
    file_b: str
    case_a: int
    case_b: int
    kind: Kind
    correlation: float
    decision: Decision = "none"


@dataclass(frozen=True)
class Settled:
    """What is left once leaks are dealt with.

    Attributes
    ----------
    leaks
        All of them, with decisions.
    patient
        Patient of each case, shape (n,); the group's name where patients were grouped.
    kept
        Which cases stay, bool of shape (n,).

    """

    leaks: list[Leak]
    patient: Strings
    kept: npt.NDArray[np.bool_]


def copy_leaks(
    copies: Iterable[Copy], *, files: Sequence[str], case_of: npt.NDArray[np.int64]
) -> list[Leak]:
    """Turn alike pictures into leaks between cases.

    Parameters
    ----------
    copies
        From `find_copies`.
    files
        File of every picture.
    case_of : int array of shape (pictures,)
        Number of the case of every picture.

    """
    return [
        Leak(
            file_a=files[copy.first],
            file_b=files[copy.second],
            case_a=int(case_of[copy.first]),
            case_b=int(case_of[copy.second]),
            kind=copy.kind,
            correlation=copy.correlation,
        )
        for copy in copies
    ]


def patient_leaks(cases: LeakCases, *, files: Sequence[str]) -> list[Leak]:
    """List patients who stand in two official parts, by one file from each part.

    Parameters
    ----------
    cases
        All cases; none is expected to have an official part.
    files
        One file of every case.

    """
    if not (cases.official != "").any():
        return []
    first: dict[str, dict[str, int]] = {}
    for k, (patient, part) in enumerate(zip(cases.patient, cases.official, strict=True)):
        first.setdefault(str(patient), {}).setdefault(str(part) or "train", k)
    found = []
    for parts in first.values():
        keeper, *others = sorted(parts, key=PARTS.index)
        for other in others:
            a, b = parts[keeper], parts[other]
            found.append(
                Leak(
                    file_a=files[a],
                    file_b=files[b],
                    case_a=a,
                    case_b=b,
                    kind="patient",
                    correlation=float("nan"),
                )
            )
    return found


def settle(
    leaks: Sequence[Leak], cases: LeakCases, *, on_leak: OnLeak, accept: Iterable[str]
) -> Settled:
    """Decide about every leak; nothing is raised here (see `refuse`)."""
    accepted = set(accept)
    rank = _rank(cases.official)
    decided = []
    for leak in leaks:
        decision = _decision(leak, rank, on_leak)
        if {leak.file_a, leak.file_b} & accepted:
            decision = "accepted"
        decided.append(replace(leak, decision=decision))
    if on_leak == "group":
        return _group(decided, cases, rank)
    return Settled(decided, cases.patient, _without_copies(decided, cases, rank))


def check_accept(accept: Iterable[str], files: Sequence[str], *, study: str) -> None:
    """Refuse accepted files that the study does not have."""
    known = set(files)
    for file in accept:
        if file not in known:
            raise ConfigError(
                f"studies.{study}.split.accept: no stored picture comes from {file!r}"
                f"{near_miss(file, known)} Names are relative to the study's folder."
            )


def _decision(leak: Leak, rank: npt.NDArray[np.int64], on_leak: OnLeak) -> Decision:
    """Decide about a leak that nobody has accepted."""
    if on_leak == "group":
        return "grouped"
    if rank[leak.case_a] == rank[leak.case_b] < PARTS.index("train"):
        return "none"
    return "refused" if on_leak == "refuse" else "dropped"


def refuse(settled: Settled, *, study: str, table: str) -> None:
    """Stop if a leak was refused.

    Parameters
    ----------
    settled
        From `settle`.
    study
        Its name, for the way out.
    table
        Where all leaks are listed.

    Raises
    ------
    LeakError
        With the number of leaks of each kind and the way out. Names of cases stand in the table
        alone, because they can hold a patient's number, and messages are passed on.

    """
    refused = [leak for leak in settled.leaks if leak.decision == "refused"]
    if not refused:
        return
    raise LeakError(
        f"{counted(len(refused), 'pair')} of cases would leak between parts (patient: one"
        " patient in two"
        " official parts; bytes, pixels, near: one picture under two patients):\n"
        + "\n".join(_listed(refused))
        + f"\nAll of them: {table}\nThe way out, in params.yaml: studies.{study}.split.on_leak:"
        " group (treat them as one patient) or drop (keep the first copy only); or, after"
        f" looking at a pair that is no copy, add one of its files to studies.{study}.split.accept;"
        f" or, if most that are called near are no copies, raise studies.{study}.split.correlation."
    )


def _listed(refused: Sequence[Leak]) -> list[str]:
    """Count leaks of each kind, with how well near copies agree; names stand in the table only."""
    lines = []
    for kind, number in Counter(leak.kind for leak in refused).items():
        agree = [leak.correlation for leak in refused if leak.kind == kind]
        how = f", {agreement(agree)}" if kind == "near" else ""
        lines.append(f"  {kind:8}{counted(number, 'pair')}{how}")
    return lines


def told_of_joins(
    settled: Settled, cases: LeakCases, *, study: str, correlation: float, table: str
) -> str:
    """Say how many patients copies have joined, and the way out if they are none.

    Parameters
    ----------
    settled, cases
        From `settle`, and what it was settled for.
    study, correlation
        Its name, and what it says in `split.correlation`.
    table
        Where all leaks are listed.

    Returns
    -------
    str
        A sentence or more behind another one; empty if nobody was joined.

    """
    before = len(np.unique(cases.patient[settled.kept]))
    after = len(np.unique(settled.patient[settled.kept]))
    if after == before:
        return ""
    grouped = [leak for leak in settled.leaks if leak.decision == "grouped"]
    near = [leak.correlation for leak in grouped if leak.kind == "near"]
    way_out = (
        f" If those that are called near, {agreement(near)}, are no copies,"
        f" raise studies.{study}.split.correlation (now {correlation:g})."
        if near
        else ""
    )
    return (
        f" {counted(len(grouped), 'pair')} of copies joined {before:,} patients into"
        f" {after:,}; all of them: {table}.{way_out}"
    )


def numbered(leaks: Sequence[Leak]) -> list[int]:
    """Return the number of the set of alike cases each leak belongs to, from 1."""
    groups = Groups((leak.case_a, leak.case_b) for leak in leaks)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(groups.name(leak.case_a), len(numbers) + 1) for leak in leaks]


def _rank(official: Strings) -> npt.NDArray[np.int64]:
    """Return which part a case's official one gives way to; none at all gives way like train."""
    order = {"test": 0, "tune": 1, "train": 2, "": 2}
    return np.array([order[str(part)] for part in official], dtype=np.int64)


def _without_copies(
    leaks: Sequence[Leak], cases: LeakCases, rank: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Mark the cases that stay when all copies but the first are dropped."""
    kept = np.ones(len(cases.case), dtype=np.bool_)
    dropping = [leak for leak in leaks if leak.decision == "dropped"]
    copies = Groups((one.case_a, one.case_b) for one in dropping if one.kind != "patient")
    for members in copies.sets():
        first = min(members, key=lambda k: (rank[k], k))
        for k in members:
            official = rank[k] == rank[first] and rank[k] < PARTS.index("train")
            if cases.patient[k] != cases.patient[first] and not official:
                kept[k] = False
    for leak in dropping:
        if leak.kind == "patient":
            mine = cases.patient == cases.patient[leak.case_a]
            kept[mine & (rank > rank[mine].min())] = False
    return kept


def _group(leaks: Sequence[Leak], cases: LeakCases, rank: npt.NDArray[np.int64]) -> Settled:
    """Join patients, and drop what of a joined group lies outside its first official part."""
    joining = [leak for leak in leaks if leak.decision == "grouped"]
    names = Groups(
        (str(cases.patient[one.case_a]), str(cases.patient[one.case_b])) for one in joining
    )
    patient = np.array([names.name(str(name)) for name in cases.patient], dtype=object)
    kept = np.ones(len(cases.case), dtype=np.bool_)
    _, group = np.unique(patient.astype(str), return_inverse=True)
    first = np.full(group.max(initial=-1) + 1, len(PARTS))
    np.minimum.at(first, group, rank)
    touched = {int(group[one.case_a]) for one in joining}
    kept[np.isin(group, sorted(touched)) & (rank > first[group])] = False
    decided = [
        replace(leak, decision="dropped")
        if leak.decision == "grouped" and not (kept[leak.case_a] and kept[leak.case_b])
        else leak
        for leak in leaks
    ]
    return Settled(decided, patient.astype(str), kept)
