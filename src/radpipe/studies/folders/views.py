"""Films of several views put together into cases, where `layout.views` names them."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from radpipe.core.errors import DataError
from radpipe.core.findings import Finding
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.imaging.dicom.views import POSITIONS
from radpipe.studies.base.contract import Case
from radpipe.studies.folders.layout import VIEW, FoldersLayout

log = logging.getLogger("radpipe.index")

# What is said of a film to put it in its place, and is no covariate of a case of several.
PLACE = ("view", "study")
Key = tuple[str, str, str | None]


def with_views(
    cases: Sequence[Case], layout: FoldersLayout, aside: set[str] | None = None
) -> list[Case]:
    """Return cases as `layout.views` asks for them.

    Parameters
    ----------
    cases
        Of one film each, which covariates `view` and `study` put in its place.
    layout
        Its `views`; None: the cases stay as they are. With one view, films of others are left out.
        With several, films of the same patient, study and side are one case, named after the film
        of its first view.
    aside
        Gets the films of other views.

    Raises
    ------
    DataError
        No film has one of the views, a case has several films of one, or films of a case contradict
        each other. No name is shown.

    """
    if layout.views is None:
        return list(cases)
    shown = [(view_called(case.covariates.get("view", ""), layout.views), case) for case in cases]
    kept = [(view, case) for view, case in shown if view is not None]
    others = [case for view, case in shown if view is None]
    if aside is not None:
        aside |= {case.files[VIEW] for case in others}
    _tell_others(others, layout)
    if not kept:
        raise DataError(
            f"layout.views: no film has one of the views {', '.join(layout.views)}. The way out:"
            " correct the names, or what says the view (layout.header, path or table)"
        )
    if len(layout.views) == 1:
        return [_bare(case) for _, case in kept]
    return _grouped(kept, layout)


def view_called(text: str, views: Mapping[str, str]) -> str | None:
    """Return the view that a data set's word stands for: "AP" is frontal, None is another one."""
    if text.lower() in views:
        return text.lower()
    meant = POSITIONS.get(text.upper(), "")
    return meant if meant in views else None


def told_of_views(cases: Sequence[Case], layout: FoldersLayout) -> Iterator[Finding]:
    """Tell how many cases have each view, and how many are not whole."""
    if layout.views is None or len(layout.views) == 1:
        return
    counts = Counter(view for case in cases for view in case.files)
    listed = ", ".join(f"{view} {counts[view]:,}" for view in layout.views)
    yield Finding("ok", f"views of {counted(len(cases), 'case')}: {listed}")
    needed = [view for view, how in layout.views.items() if how == "required"]
    if lacking := sum(any(view not in case.files for view in needed) for case in cases):
        yield Finding(
            "warning",
            f"{counted(lacking, 'case lacks', 'cases lack')} a view that is required"
            f" ({', '.join(needed)})",
            "step ingest leaves them out; a view that may be missing is optional in layout.views",
        )


def _tell_others(others: Sequence[Case], layout: FoldersLayout) -> None:
    if others:
        unknown = sum(not case.covariates.get("view") for case in others)
        log.warning(
            "films of other views than %s, left out: %d (of %d of them the view is not known)",
            ", ".join(layout.views or ()),
            len(others),
            unknown,
        )


def _grouped(kept: Sequence[tuple[str, Case]], layout: FoldersLayout) -> list[Case]:
    groups: dict[Key, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for view, case in kept:
        key = (case.patient, case.covariates.get("study", ""), case.side)
        groups[key][view].append(case)
    _refuse_several(groups)
    whole = [{view: films[view][0] for view in layout.views or () if view in films}
             for films in groups.values()]  # fmt: skip
    _refuse_contradictions(whole)
    return [_together(films) for films in whole]


def _together(films: Mapping[str, Case]) -> Case:
    first = next(iter(films.values()))
    return replace(_bare(first), files={view: case.files[VIEW] for view, case in films.items()})


def _bare(case: Case) -> Case:
    kept = {name: value for name, value in case.covariates.items() if name not in PLACE}
    return replace(case, covariates=kept)


def _refuse_several(groups: Mapping[Key, Mapping[str, Sequence[Case]]]) -> None:
    several = [films for views in groups.values() for films in views.values() if len(films) > 1]
    if several:
        files = [case.files[VIEW] for films in several for case in films]
        raise DataError(
            f"layout.views: {counted(len(several), 'case has', 'cases have')} several films of one"
            f" view: {patterns(files)}; which of them counts is not said. The way out: if they are"
            " of several visits, let study part them (layout.header: [study], or a column or"
            " placeholder study); or name those that do not count under layout.leave_out"
        )


def _refuse_contradictions(cases: Sequence[Mapping[str, Case]]) -> None:
    """Refuse films of a case that differ in target, part or covariates."""
    odd = [films for films in cases if len({_said(case) for case in films.values()}) > 1]
    if odd:
        files = [case.files[VIEW] for films in odd for case in films.values()]
        raise DataError(
            f"layout.views: films of {counted(len(odd), 'case')} have another target, part or"
            f" covariate than the others of the same case: {patterns(files)}. The way out: correct"
            " path or table; or let study part them, if they are of several visits"
        )


def _said(case: Case) -> str:
    # As text, because an unknown target, NaN, is not equal to itself.
    return str((case.target, case.official, sorted(_bare(case).covariates.items())))
