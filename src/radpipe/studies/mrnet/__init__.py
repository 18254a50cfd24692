"""Adapter `mrnet`: knee MRI exams of three planes, MRNet-v1.0; docs/how-to/mrnet.md."""

import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from radpipe.core.errors import ConfigError
from radpipe.core.findings import Finding, problem
from radpipe.core.settings import PhantomSource, Target
from radpipe.studies.base.contract import (
    Case,
    CaseTable,
    Files,
    Signals,
    case_table,
    unknown_patient,
)
from radpipe.studies.base.truth import read_boxes, read_label_ceiling
from radpipe.studies.mrnet.examine import examine_data
from radpipe.studies.mrnet.exams import (
    Volumes,
    find_volumes,
    incomplete,
    refuse_mismatch,
    refuse_other_layout,
    refuse_shared,
)
from radpipe.studies.mrnet.layout import (
    LABELS,
    PARTS,
    PLANES,
    MrnetLayout,
    volume_name,
    wanted_labels,
)
from radpipe.studies.mrnet.phantom import signals, write_phantom
from radpipe.studies.mrnet.tables import Labels, read_labels, some

log = logging.getLogger("radpipe.index")


class MRNet:
    """Knee MRI exams with an axial, a coronal and a sagittal series and three labels.

    1,370 exams of Stanford University Medical Center, 2001 to 2012, of which 1,250 were
    released: train, 1,130 exams of 1,088 patients; valid, 120 exams of 111 patients, here
    the part `test`. The other 120 were kept as a hidden test set. Labels (abnormal; tear of
    the anterior cruciate ligament, acl; meniscal tear, meniscus) were taken by hand from the
    clinical reports. The release names no patients.

    Layout: `{train,valid}/{axial,coronal,sagittal}/NNNN.npy`, each (slices, 256, 256) uint8,
    and `{train,valid}-{abnormal,acl,meniscus}.csv` without header.

    Citation: Bien et al., PLoS Medicine 2018;15:e1002699. Licence: Stanford University
    research use agreement; the data may not be passed on. Where: on request, from the pages
    of the Stanford ML Group and of the Stanford AIMI Center.

    See `radpipe.studies.base.contract.Adapter` for the methods.
    """

    layout_model: type[BaseModel] = MrnetLayout
    has_elsewhere = False

    def views(self, layout: MrnetLayout) -> tuple[str, ...]:
        """Return the planes."""
        del layout
        return PLANES

    def check_target(self, layout: MrnetLayout, target: Target) -> None:
        """Refuse a target that is not made of the three labels."""
        wanted_labels(layout, target)

    def cases(self, raw: Path, *, files: Files, layout: MrnetLayout, target: Target) -> CaseTable:
        """Read tables and names of volumes; an exam that lacks a plane names fewer files."""
        labels = wanted_labels(layout, target)
        refuse_other_layout(files)
        volumes = {part: find_volumes(files, part) for part in PARTS}
        refuse_shared(volumes)
        ceiling = read_label_ceiling(raw, files=files, labels=labels, target=target)
        cases: list[Case] = []
        for part, exams in volumes.items():
            tables = read_labels(raw, files=files, part=part, labels=labels)
            refuse_mismatch(part, exams, tables[labels[0]])
            cases += [_case(exam, part, planes, tables, ceiling) for exam, planes in exams.items()]
            _warn_of_missing_planes(part, exams)
        log.warning(
            "MRNet names no patients: each of %d exams is taken for a patient of its own. The"
            " 1,130 exams of its train part come from 1,088 patients, so that train and tune"
            " may share a few; no patient stands in both train and test.",
            len(cases),
        )
        place = {file: (case.case, plane) for case in cases for plane, file in case.files.items()}
        boxes = read_boxes(raw, files=files, cases=place)
        return case_table(cases, target=target, views=self.views(layout), boxes=boxes)

    def phantom(
        self, out: Path, *, source: PhantomSource, layout: MrnetLayout, target: Target
    ) -> None:
        """Write exams of synthetic knees, with all three labels whatever the target."""
        wanted_labels(layout, target)
        write_phantom(out, source=source)

    def signals(self, *, source: PhantomSource, layout: MrnetLayout, target: Target) -> Signals:
        """Return what tells where the findings of synthetic knees show."""
        del layout, target
        return signals(source)

    def examine(
        self, raw: Path, *, files: Mapping[str, int], layout: MrnetLayout, target: Target
    ) -> list[Finding]:
        """Tell what is missing or odd; headers of volumes are read, pixels are not."""
        findings = []
        labels: tuple[str, ...] = LABELS
        try:
            labels = wanted_labels(layout, target)
        except ConfigError as error:
            findings.append(problem(error))
        return findings + examine_data(raw, files=files, labels=labels)


def _case(
    exam: str,
    part: str,
    planes: Mapping[str, str],
    tables: Mapping[str, Labels],
    ceiling: Mapping[str, tuple[float, ...]],
) -> Case:
    return Case(
        case=exam,
        patient=unknown_patient(exam),
        official=PARTS[part],
        target=tuple(float(table[exam]) for table in tables.values()),
        files=planes,
        covariates={},
        ceiling=ceiling.get(volume_name(part, PLANES[0], exam)),
    )


def _warn_of_missing_planes(part: str, volumes: Volumes) -> None:
    for plane, exams in incomplete(volumes).items():
        log.warning(
            "%s/: %d of %d exams have no %s volume, such as %s; the step ingest leaves such exams"
            " out and says so in rejected.csv",
            part,
            len(exams),
            len(volumes),
            plane,
            some(exams),
        )


ADAPTER = MRNet()
