"""Patients and pictures of a cohort that another study's variants already know.

The policy, in one place:

- Known to a variant are the patients who gave gradients to it or to a run that it started from,
  and those by whom epochs, thresholds or temperature were chosen: role "learned". The home study's
  test patients taught nothing: role "test". They are counted, and nothing else is done.
- A cohort's patient is found by name, where names mean the same person in both data sets, and by
  pictures, always: the same file, the same pixels, or a near copy (`splitting.copies`).
- `accept` names the cohort's files whose likeness was looked at; they are left alone.
- `refuse` stops if anything is left; `drop` leaves out every case of the patients found.
"""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from radpipe.core.errors import ConfigError, LeakError, near_miss
from radpipe.core.files import write_text
from radpipe.core.plurals import counted
from radpipe.core.settings import External
from radpipe.imaging.store import Store
from radpipe.splitting.copies import Kind, agreement, find_copies
from radpipe.splitting.thumbnails import thumbnails
from radpipe.splitting.warp import shrink

Strings = npt.NDArray[np.str_]
Role = Literal["learned", "test"]
Likeness = Kind | Literal["listed"]
Decision = Literal["accepted", "dropped", "refused", "none"]
COLUMNS = ("case", "file", "kind", "correlation", "study", "role", "other_file", "decision")
COUNTED = ("study", "role", "kind", "decision", "pairs", "cases", "patients")
ROLES: tuple[Role, ...] = ("learned", "test")


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Stored pictures of one study, one entry each.

    Attributes
    ----------
    study
        Its name.
    case, file, sha256, pixel_hash
        Shape (n,): whose picture it is, the file it comes from, and the hashes of its bytes and of
        its pixels.
    role
        Shape (n,), "learned" or "test": what its patient was to the variants; None of a cohort.
    thumbnails
        Uint8 (n, side, side).

    """

    study: str
    case: Strings
    file: Strings
    sha256: Strings
    pixel_hash: Strings
    role: Strings | None = None
    thumbnails: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.case)

    def of(self, role: Role) -> "Pictures":
        """Return the pictures in one role; without roles, all have learned."""
        roles = np.full(len(self), "learned") if self.role is None else self.role
        here = roles == role
        return Pictures(
            study=self.study,
            case=self.case[here],
            file=self.file[here],
            sha256=self.sha256[here],
            pixel_hash=self.pixel_hash[here],
            role=roles[here],
            thumbnails=self.thumbnails[here],
        )


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """A case of the cohort whose patient or picture is known.

    Attributes
    ----------
    case, file
        Of the cohort; no file where a name was found.
    study, role, other_case, other_file
        Where it was found, and as what; no case and file where a name was found.
    kind
        patient: the same name; bytes, pixels, near: the same picture; listed: a published list of
        what weights of others have learned from names the patient or a picture.
    correlation
        `alignment.correlations`; NaN for a name.

    """

    case: str
    file: str = ""
    study: str
    role: Role
    other_case: str = ""
    other_file: str = ""
    kind: Likeness
    correlation: float = float("nan")
    decision: Decision = "none"


@dataclass(frozen=True)
class SettledOverlap:
    """What is left of a cohort.

    Attributes
    ----------
    found
        All overlaps, with decisions.
    dropped
        Names of the cases that are left out.
    patient_of
        Cohort's case to its patient.

    """

    found: list[Overlap]
    dropped: frozenset[str]
    patient_of: Mapping[str, str]

    def patients(self, role: Role) -> int:
        """Count the cohort's patients who were found in a role."""
        return len({self.patient_of[one.case] for one in self.found if one.role == role})

    def counts(self) -> list[dict[str, Any]]:
        """Return rows of `COUNTED`: numbers alone, so that they may go where names may not."""
        groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for one in self.found:
            groups[one.study, one.role, one.kind, one.decision].append(one.case)
        rows = (
            (*key, len(cases), len(set(cases)), len({self.patient_of[case] for case in cases}))
            for key, cases in sorted(groups.items())
        )
        return [dict(zip(COUNTED, row, strict=True)) for row in rows]


def pictures_of(study: str, store: Store, roles: Mapping[str, Role] | None = None) -> Pictures:
    """Gather what the search needs of a study's store.

    Parameters
    ----------
    study
        Its name.
    store
        Its pictures or volumes; of these the middle slices are looked at.
    roles
        Case to role; other cases are left out. None: all cases, without roles.

    """
    columns = {
        name: np.array(store.index[name].to_pylist(), dtype=str)
        for name in ("case", "file", "sha256", "pixel_hash")
    }
    small = thumbnails(store)
    if roles is None:
        return Pictures(study=study, **columns, thumbnails=small)
    known = np.array([case in roles for case in columns["case"]], dtype=np.bool_)
    kept = {name: column[known] for name, column in columns.items()}
    role = np.array([roles[case] for case in kept["case"]], dtype=str)
    return Pictures(study=study, **kept, role=role, thumbnails=small[known])


def shared_names(
    names: Mapping[str, Collection[str]],
    known: Mapping[str, Mapping[Role, Collection[str]]],
) -> list[Overlap]:
    """Find cases whose patient has the name of a known one.

    Parameters
    ----------
    names
        Cohort's case to the names of its patient (or their hashes).
    known
        Study to the names of its patients (or their hashes), by role. A name that stands under
        both roles has learned.

    Returns
    -------
    list of Overlap
        At most one for each case and study, in the order of the cases.

    """
    found = []
    for case, own in names.items():
        for study, roles in known.items():
            role = next((r for r in ROLES if not set(own).isdisjoint(roles.get(r, ()))), None)
            if role is not None:
                found.append(Overlap(case=case, study=study, role=role, kind="patient"))
    return found


def shared_pictures(
    cohort: Pictures, others: Sequence[Pictures], *, correlation: float
) -> list[Overlap]:
    """Find pictures of a cohort that stand alike in other studies.

    Parameters
    ----------
    cohort
        Every picture of the cohort.
    others
        Pictures of the other studies, with roles.
    correlation
        From here on an aligned pair is a copy, in (0, 1].

    Returns
    -------
    list of Overlap
        Of identical pictures of the other studies, the cohort's are paired with the first.

    """
    # Of identical pictures each is paired with the first of the other side: those that have taught
    # something come before those that have not, and the cohort's come last.
    known = [part for role in ROLES for one in others if len(part := one.of(role))]
    if not known or not len(cohort):
        return []
    places = [(one, k) for one in known for k in range(len(one))]
    found = {}
    for copy in find_copies(
        _same_side([*(one.thumbnails for one in known), cohort.thumbnails]),
        sha256=np.concatenate([*(one.sha256 for one in known), cohort.sha256]),
        pixel_hash=np.concatenate([*(one.pixel_hash for one in known), cohort.pixel_hash]),
        # Two sides instead of patients: only pairs between them are of interest.
        patients=np.repeat(["known", "cohort"], [len(places), len(cohort)]),
        correlation=correlation,
    ):
        other, row = places[copy.first]
        for own in _alike(cohort, copy.second - len(places), copy.kind):
            key = (own, copy.first)
            found[key] = _overlap(cohort, own, other, row, copy.kind, copy.correlation)
    return [found[key] for key in sorted(found)]


def _overlap(
    cohort: Pictures, own: int, other: Pictures, row: int, kind: Kind, correlation: float
) -> Overlap:
    return Overlap(
        case=str(cohort.case[own]),
        file=str(cohort.file[own]),
        study=other.study,
        role="test" if other.role is not None and other.role[row] == "test" else "learned",
        other_case=str(other.case[row]),
        other_file=str(other.file[row]),
        kind=kind,
        correlation=correlation,
    )


def _alike(cohort: Pictures, own: int, kind: Kind) -> list[int]:
    """Return a picture and, of near copies, those of the same pixels: they are looked at once."""
    if kind != "near":
        return [own]
    same = cohort.pixel_hash == cohort.pixel_hash[own]
    return [int(k) for k in np.flatnonzero(same)]


def _same_side(thumbnails: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """Put thumbnails under each other, shrunk to the smallest side."""
    side = min(each.shape[1] for each in thumbnails)
    return np.concatenate([np.rint(shrink(each, side)).astype(np.uint8) for each in thumbnails])


def settle(
    found: Iterable[Overlap], patient_of: Mapping[str, str], external: External
) -> SettledOverlap:
    """Decide about every overlap; nothing is raised here (see `refuse`).

    Parameters
    ----------
    found
        From `shared_names` and `shared_pictures`.
    patient_of
        Every case of the cohort, and its patient.
    external
        The cohort's own settings.

    """
    accepted, decided = set(external.accept), []
    for one in found:
        decision: Decision = "dropped" if external.on_leak == "drop" else "refused"
        if one.role == "test":
            decision = "none"
        elif one.file in accepted:
            decision = "accepted"
        decided.append(replace(one, decision=decision))
    leaving = {patient_of[one.case] for one in decided if one.decision == "dropped"}
    dropped = frozenset(case for case, patient in patient_of.items() if patient in leaving)
    return SettledOverlap(decided, dropped, patient_of)


def check_accept(accept: Iterable[str], files: Collection[str], *, study: str) -> None:
    """Refuse accepted files that the cohort does not have."""
    for file in accept:
        if file not in files:
            raise ConfigError(
                f"studies.{study}.external.accept: no stored picture comes from {file!r}"
                f"{near_miss(file, files)} Names are relative to the study's folder."
            )


def refuse(settled: SettledOverlap, *, study: str, home: str, table: Path) -> None:
    """Stop if an overlap was refused, with all of them in a table.

    Parameters
    ----------
    settled
        From `settle`; overlaps are counted, because names of cases can hold a patient's number.
    study, home
        The cohort, and the study whose variants are to be judged.
    table
        Written if anything was refused, removed if nothing was.

    Raises
    ------
    LeakError
        With the number of overlaps of each kind and the way out.

    """
    table.unlink(missing_ok=True)
    refused = [one for one in settled.found if one.decision == "refused"]
    if not refused:
        return
    write_overlaps(table, settled.found)
    lines = []
    for (kind, of), number in Counter((one.kind, one.study) for one in refused).items():
        agree = [one.correlation for one in refused if (one.kind, one.study) == (kind, of)]
        how = f", {agreement(agree)}" if kind == "near" else ""
        lines.append(f"  {kind:8}{number:,} of {of}{how}")
    raise LeakError(
        f"{study}: {counted(len({one.case for one in refused}), 'case is', 'cases are')} known to"
        f" the variants of {home}, which learned from these patients or were chosen by them"
        " (patient: the same name; bytes, pixels, near: the same picture; listed: on a published"
        " list of what their starting weights learned from):\n"
        + "\n".join(lines)
        + f"\nAll of them: {table}\nThe way out, in params.yaml: "
        + _ways_out(f"studies.{study}.external", study, {one.kind for one in refused})
    )


def _ways_out(settings: str, study: str, kinds: Collection[Likeness]) -> str:
    """Say what can be done about the kinds of likeness that were found."""
    ways = [f"{settings}.on_leak: drop (leave these patients out)"]
    if "patient" in kinds:
        ways.append(
            f"{settings}.same_names: false, if names are given by somebody else and an equal name"
            " means nothing"
        )
    if not {"bytes", "pixels", "near"}.isdisjoint(kinds):
        ways.append(
            "after looking at a pair of pictures that is no copy, add its file to"
            f" {settings}.accept"
        )
    if "listed" in kinds:
        ways.append(
            f"where a list names patients, {settings}.same_names: false, if its names are given by"
            f" somebody else; or, if {study} certainly does not come from a list's data set,"
            f" `unrelated: [{study}]` beside it in the descriptor of the weights"
            " (docs/how-to/borrowed-weights.md)"
        )
    return "; or ".join(ways) + "."


def write_overlaps(path: Path, found: Iterable[Overlap]) -> None:
    """Write all overlaps, one row each; it names files, so it stays where the data may lie."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in found:
        alike = "" if one.kind in ("patient", "listed") else f"{one.correlation:.4f}"
        rows.writerow(
            [one.case, one.file, one.kind, alike, one.study, one.role, one.other_file, one.decision]
        )
    write_text(path, text.getvalue())
