"""Adapter `oai`: knee radiographs of the Osteoarthritis Initiative; docs/how-to/oai.md."""

import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from radpipe.core.errors import ConfigError
from radpipe.core.findings import Finding, problem
from radpipe.core.plurals import counted
from radpipe.core.settings import PhantomSource, Target
from radpipe.core.text_files import log_notes
from radpipe.studies.base.contract import Case, CaseTable, Files, Signals, case_table
from radpipe.studies.base.keyed import patient_name, read_key
from radpipe.studies.oai.answers import read_answers
from radpipe.studies.oai.films import (
    Chosen,
    Films,
    choose_films,
    find_films,
    read_barcodes,
    refuse_no_films,
    refuse_unclear,
)
from radpipe.studies.oai.layout import PUBLIC_KEY, OaiLayout, check_target
from radpipe.studies.oai.tables import OaiTables
from radpipe.studies.oai.truth import VIEW, read_ceiling, read_joints

log = logging.getLogger("radpipe.index")


class OAI:
    """Knees on bilateral radiographs, with KL grades and joint space over four years.

    4,796 people aged 45 to 79 with or at risk of osteoarthritis of the knee, seen at four
    centres in the United States from 2004 on; bilateral posteroanterior films in fixed flexion.
    KL grades were read centrally from these films (Boston University); joint-space widths
    were measured by software under a reader's eye (Duryea).

    Layout: films below `results/00m/<release>/<patient>/<date>/<series>/`, without suffix, and
    tables of text parted by `|`. A case is a knee; both knees of a patient name one film.
    Names of cases and patients are keyed hashes of the data set's identifiers.

    Data: Osteoarthritis Initiative, National Institute of Mental Health Data Archive; on
    application, and not to be passed on.

    See `radpipe.studies.base.contract.Adapter` for the methods.
    """

    layout_model: type[BaseModel] = OaiLayout
    has_elsewhere = False

    def views(self, layout: OaiLayout) -> tuple[str, ...]:
        """Return the one view."""
        del layout
        return (VIEW,)

    def check_target(self, layout: OaiLayout, target: Target) -> None:
        """Refuse a target that the question does not have."""
        check_target(layout, target)

    def cases(self, raw: Path, *, files: Files, layout: OaiLayout, target: Target) -> CaseTable:
        """Read tables and names of films; knees without a film are counted and left out."""
        check_target(layout, target)
        key = read_key(raw, layout.key_file, public=PUBLIC_KEY)
        films = find_films(files, layout)
        refuse_no_films(films, files, layout)
        tables = OaiTables(raw, files)
        answers = read_answers(tables, layout)
        graded = tables.get(layout.grade.table, setting="layout.grade.table")
        chosen = choose_films(
            answers.target,
            films,
            read_barcodes(graded, layout),
            lambda one, other: files[one].sha256 == files[other].sha256,
        )
        refuse_unclear(chosen, answers.table, layout)
        log_notes(log, answers.notes)
        _tell(answers.table.name, films, chosen)
        ceiling = read_ceiling(
            raw, files=files, question=layout.question, n_classes=len(target.classes)
        )
        cases = []
        for knee, file in chosen.films.items():
            patient, side = patient_name(knee[0], key), knee[1]
            cases.append(
                Case(
                    case=f"{patient}_{side}",
                    patient=patient,
                    official=None,
                    target=(answers.target[knee],),
                    files={VIEW: file},
                    covariates={
                        name: f"{values[knee]:.10g}" if knee in values else ""
                        for name, values in answers.covariates.items()
                    },
                    ceiling=ceiling.get((file, side)),
                    side=side,
                    shows_both=True,
                )
            )
        place = {(case.files[VIEW], str(case.side)): case.case for case in cases}
        boxes, n_others = read_joints(raw, files=files, layout=layout, cases=place)
        if n_others:
            log.warning(
                "left out: %s no case",
                counted(n_others, "box around a joint belongs to", "boxes around joints belong to"),
            )
        return case_table(cases, target=target, views=self.views(layout), boxes=boxes)

    def phantom(
        self, out: Path, *, source: PhantomSource, layout: OaiLayout, target: Target
    ) -> None:
        """Write films and tables of invented people, the same for either question."""
        # Writing DICOM is not needed where a table is read.
        from radpipe.studies.oai.phantom import write_phantom

        check_target(layout, target)
        write_phantom(out, source=source)

    def signals(self, *, source: PhantomSource, layout: OaiLayout, target: Target) -> Signals:
        """Tell nothing: a grade is no place."""
        del source, layout, target
        return lambda _file, _label: None

    def examine(
        self, raw: Path, *, files: Mapping[str, int], layout: OaiLayout, target: Target
    ) -> list[Finding]:
        """Tell what is missing or odd; headers of films are read, pixels are not."""
        from radpipe.studies.oai.examine import examine_data

        findings = []
        try:
            check_target(layout, target)
        except ConfigError as error:
            findings.append(problem(error))
        return findings + examine_data(raw, files=files, layout=layout)


def _tell(table: str, films: Films, chosen: Chosen) -> None:
    """Say how many knees and films have no counterpart."""
    _tell_knees(table, chosen)
    _tell_films(table, films, chosen)


def _tell_knees(table: str, chosen: Chosen) -> None:
    if chosen.without:
        log.warning(
            "%s: %d of %d knees have no film and are left out (%d of them have films of another"
            " series)",
            table,
            len(chosen.without),
            len(chosen.without) + len(chosen.films),
            len(chosen.other_series),
        )


def _tell_films(table: str, films: Films, chosen: Chosen) -> None:
    used = set(chosen.films.values())
    unused = sum(film.file not in used for several in films.values() for film in several)
    if unused:
        log.warning(
            "%d of %d films belong to no knee of %s (%d of them hold the same bytes as another)",
            unused,
            sum(map(len, films.values())),
            table,
            len(chosen.copies),
        )


ADAPTER = OAI()
