"""What headers of DICOM films can say of a study in the making: patients, sides and views."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from radpipe.app.init.proposal import Proposal
from radpipe.imaging.dicom.headers import FilmHeader
from radpipe.studies.base.keyed import KeyedPatient
from radpipe.studies.folders.headers import headers_of, known
from radpipe.studies.folders.layout import FoldersLayout

# Headers that are read, spread evenly over the names: two seconds.
N_READ = 2000
# Share of films whose header must say something, so that it is asked.
ENOUGH = 0.9


def propose_headers(raw: Path, pictures: Sequence[str], proposal: Proposal) -> None:
    """Let headers say what they know better than names of files, and remark it.

    Patients of a column or of folders are kept; those that were guessed from names of files are
    not, because Patient ID is no guess.

    Parameters
    ----------
    raw
        Root of the data set.
    pictures
        Paths below it.
    proposal
        Gets `layout.header`.

    """
    step = -(-len(pictures) // N_READ)
    # Identifiers are only compared, so that no key is needed.
    layout = FoldersLayout.model_validate(proposal.layout)
    films = list(known(headers_of(raw, pictures[::step], layout)).values())
    if not films or len(films) < ENOUGH * len(pictures[::step]):
        return
    asked = []
    if not proposal.patients_known or _is_guessed(proposal):
        asked += _patients(films, len(pictures), proposal)
    asked += _sides(films, proposal) + _views(films, proposal)
    if asked:
        proposal.layout["header"] = asked


def _patients(films: Sequence[FilmHeader], n_pictures: int, proposal: Proposal) -> list[str]:
    """Take patients from headers, if these name several and none in two ways."""
    named = [KeyedPatient(*film.patient) for film in films if film.patient]
    names, forms = {one.name for one in named}, {one.form for one in named}
    if not named:
        return []
    if len(names) == 1 or len(forms) < len(names) or any(one.unknown for one in named):
        why = (
            "all films have the same one"
            if len(names) == 1
            else "some are words for an unknown patient, or written in several forms"
        )
        proposal.say("headers", f"Patient IDs are not used: {why}", "layout.header")
        return []
    if len(named) < ENOUGH * len(films):
        return []
    _forget_guess(proposal)
    few = "" if len(films) == n_pictures else f" (a sample of {n_pictures:,})"
    text = f"{len(names):,} for {len(named):,} films{few}, from Patient ID, as keyed hashes"
    proposal.patients_known = True
    _say_again(proposal, "patients", text, "layout.header")
    return ["patient"]


def _is_guessed(proposal: Proposal) -> bool:
    """Tell whether the names of files were taken for names of patients."""
    table = proposal.layout.get("table", {})
    return "{patient}" in (table.get("name") or "") or "{patient}" in _last(proposal)


def _forget_guess(proposal: Proposal) -> None:
    if "{patient}" in _last(proposal):
        folders = proposal.layout["path"].rpartition("/")[0]
        proposal.layout["path"] = f"{folders}/{{file}}"
    proposal.layout.get("table", {}).pop("name", None)


def _last(proposal: Proposal) -> str:
    return str(proposal.layout.get("path", "")).rpartition("/")[2]


def _say_again(proposal: Proposal, about: str, what: str, setting: str) -> None:
    """Put a remark in the place of those about the same; parts are now drawn by patient."""
    place = next((i for i, one in enumerate(proposal.remarks) if one.about == about), 0)
    proposal.remarks[:] = [one for one in proposal.remarks if one.about != about]
    proposal.say(about, what, setting)
    proposal.remarks.insert(place, proposal.remarks.pop())
    proposal.remarks[:] = [
        replace(one, what=one.what.replace("by image", "by patient"))
        if one.about == "parts"
        else one
        for one in proposal.remarks
    ]


def _sides(films: Sequence[FilmHeader], proposal: Proposal) -> list[str]:
    """Take sides from headers, if all films show one side and both sides occur."""
    shown = Counter(film.facts.shows for film in films)
    table = proposal.layout.get("table", {})
    if table.get("side") or set(shown) != {"R", "L"}:
        return []
    text = (
        f"right {shown['R']:,}, left {shown['L']:,}, from headers; films of the left are mirrored"
    )
    proposal.say("sides", text, "layout.header")
    return ["side"]


def _views(films: Sequence[FilmHeader], proposal: Proposal) -> list[str]:
    """Keep views for results by subgroup, if there are several."""
    views = Counter(film.view for film in films if film.view)
    kept = proposal.layout.get("table", {}).get("covariates", [])
    if len(views) < 2 or views.total() < ENOUGH * len(films) or "view" in kept:
        return []
    listed = ", ".join(f"{name} {n:,}" for name, n in views.most_common())
    proposal.say(
        "views", f"{listed}, from headers: scores are given by these, too", "layout.header"
    )
    return ["view"]
