"""Adapter `chexpert`: chest radiographs with 14 labels, CheXpert-v1.0; docs/how-to/chexpert.md."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel

from radpipe.core.errors import ConfigError
from radpipe.core.findings import Finding, problem
from radpipe.core.settings import PhantomSource, Target
from radpipe.core.text_files import log_notes
from radpipe.studies.base.contract import Case, CaseTable, Files, Signals, case_table
from radpipe.studies.base.truth import BOXES, read_boxes, read_label_ceiling
from radpipe.studies.chexpert.cases import cases_of
from radpipe.studies.chexpert.films import FilmFinder
from radpipe.studies.chexpert.layout import (
    VIEWS,
    ChexpertLayout,
    label_of,
    views_of,
    wanted_labels,
)
from radpipe.studies.chexpert.matching import refuse_shared
from radpipe.studies.chexpert.outlines import read_outlines
from radpipe.studies.chexpert.tables import find_tables, read_films

log = logging.getLogger("radpipe.index")


class CheXpert:
    """Chest radiographs with 14 labels, of which each may be called uncertain.

    Stanford Hospital, October 2002 to July 2017. Released are train, 223,414 films of 64,540
    patients, whose labels a program took from the reports (1 present, 0 absent, -1 uncertain, or
    not mentioned), and valid, 234 films of 200 patients, labelled by three radiologists. A later
    release adds test, 668 films of 500 patients, labelled by five.

    Layout: `{train,valid,test}/patientNNNNN/studyK/viewJ_{frontal,lateral}.jpg`, and `train.csv`,
    `valid.csv` and perhaps `test.csv`, in which paths begin with the name of the release.

    Citation: Irvin et al., AAAI Conference on Artificial Intelligence 2019;33:590. Licence:
    Stanford University research use agreement; the data may not be passed on. Where: on request,
    from the pages of the Stanford AIMI Center.

    See `radpipe.studies.base.contract.Adapter` for the methods.
    """

    layout_model: type[BaseModel] = ChexpertLayout
    has_elsewhere = True

    def views(self, layout: ChexpertLayout) -> tuple[str, ...]:
        """Return the one picture of a film, or the views of a study."""
        return views_of(layout)

    def check_target(self, layout: ChexpertLayout, target: Target) -> None:
        """Refuse a target that is not made of the 14 labels."""
        wanted_labels(layout, target)

    def cases(
        self, raw: Path, *, files: Files, layout: ChexpertLayout, target: Target
    ) -> CaseTable:
        """Read tables and names of films; films that are missing are counted and left out."""
        labels = wanted_labels(layout, target)
        names = find_tables(files)
        finder = FilmFinder(files)
        tables = [read_films(raw, file, part=part, labels=labels) for part, file in names.items()]
        log_notes(log, (note for table in tables for note in table.notes))
        refuse_shared(tables)
        ceiling = read_label_ceiling(
            raw, files=files, labels=labels, target=target, translate=label_of
        )
        cases, views = cases_of(tables, finder, layout, ceiling), self.views(layout)
        return case_table(
            cases,
            target=target,
            views=views,
            boxes=_boxes(raw, files, layout, cases),
            categories=("sex", "view", "projection"),
            # A study need not have both: most have no lateral film, and some nothing else.
            optional=views if views == VIEWS else (),
        )

    def phantom(
        self, out: Path, *, source: PhantomSource, layout: ChexpertLayout, target: Target
    ) -> None:
        """Write a phantom; its films and tables do not depend on the layout or target."""
        from radpipe.studies.chexpert.phantom import write_phantom

        del layout, target
        write_phantom(out, source=source)

    def signals(self, *, source: PhantomSource, layout: ChexpertLayout, target: Target) -> Signals:
        """Return what tells where the findings of synthetic chests show."""
        from radpipe.studies.chexpert.phantom import signals

        del layout, target
        return signals(source)

    def examine(
        self, raw: Path, *, files: Mapping[str, int], layout: ChexpertLayout, target: Target
    ) -> list[Finding]:
        """Tell what is missing or odd in tables and paths; no film is opened."""
        from radpipe.studies.chexpert.examine import examine_data

        findings = []
        try:
            wanted_labels(layout, target)
        except ConfigError as error:
            findings.append(problem(error))
        return findings + examine_data(raw, files=files, layout=layout)


def _boxes(
    raw: Path, files: Files, layout: ChexpertLayout, cases: Sequence[Case]
) -> pa.Table | None:
    """Return the boxes of lesions, if the data set has any, and the pieces of their outlines."""
    place = {file: (case.case, view) for case in cases for view, file in case.files.items()}
    found = [read_boxes(raw, files=files, cases=place)] if BOXES in files else []
    found += [read_outlines(raw, name, place) for name in layout.outlines]
    order = [(name, "ascending") for name in ("case", "view", "slice")]
    return pa.concat_tables(found).sort_by(order) if found else None


ADAPTER = CheXpert()
