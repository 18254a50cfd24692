"""Adapter `folders`: class folders of images, or a folder of images with a table.

Reads every image data set whose paths or whose one table say what each image shows: any
number of classes, official parts, patients, covariates.
docs/first-steps/your-own-images.md shows how.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from radpipe.core.findings import Finding
from radpipe.core.settings import PhantomSource, Target
from radpipe.studies.base.contract import CaseTable, Files, Signals, case_table
from radpipe.studies.base.truth import read_boxes
from radpipe.studies.folders.covariates import categories, kinds
from radpipe.studies.folders.examine import examine_data
from radpipe.studies.folders.findings import (
    refuse_absent_classes,
    refuse_contradictions,
)
from radpipe.studies.folders.layout import VIEW, FoldersLayout, check_template
from radpipe.studies.folders.phantom import signals, write_phantom
from radpipe.studies.folders.rows import check_table
from radpipe.studies.folders.table import read_table
from radpipe.studies.folders.tree import check_tree, read_tree

log = logging.getLogger("radpipe.index")


class Folders:
    """One image per case, or several views; see `radpipe.studies.base.contract.Adapter`."""

    layout_model: type[BaseModel] = FoldersLayout
    has_elsewhere = False

    def views(self, layout: FoldersLayout) -> tuple[str, ...]:
        """Return the views that the layout names; one alone is called "image"."""
        several = layout.views is not None and len(layout.views) > 1
        return tuple(layout.views or ()) if several else (VIEW,)

    def check_target(self, layout: FoldersLayout, target: Target) -> None:
        """Refuse a target that folders or the table cannot give."""
        if layout.table is None:
            check_template("layout.path", layout.path or "")
            check_tree(layout, target)
        else:
            check_template("layout.table.name", layout.table.name or "")
            check_table(layout.table, target)

    def cases(self, raw: Path, *, files: Files, layout: FoldersLayout, target: Target) -> CaseTable:
        """Read class folders or a folder with a table."""
        read = read_tree if layout.path is not None else read_table
        cases = read(raw, files=files, layout=layout, target=target)
        if said := kinds(cases, layout.table):
            log.info("covariates: %s", said)
        refuse_absent_classes(cases, target)
        refuse_contradictions(cases, files, target)
        place = {file: (case.case, view) for case in cases for view, file in case.files.items()}
        boxes = read_boxes(raw, files=files, cases=place)
        text = categories(layout.table)
        return case_table(
            cases,
            target=target,
            views=self.views(layout),
            boxes=boxes,
            categories=text,
            optional=[name for name, how in (layout.views or {}).items() if how == "optional"],
        )

    def phantom(
        self, out: Path, *, source: PhantomSource, layout: FoldersLayout, target: Target
    ) -> None:
        """Write class folders of synthetic bones."""
        write_phantom(out, source=source, layout=layout, target=target)

    def signals(self, *, source: PhantomSource, layout: FoldersLayout, target: Target) -> Signals:
        """Return what tells where the lesions of synthetic bones show."""
        return signals(source, layout, target)

    def examine(
        self, raw: Path, *, files: Mapping[str, int], layout: FoldersLayout, target: Target
    ) -> list[Finding]:
        """Count images by class and part, and tell of files that are no pictures."""
        return examine_data(raw, files=files, layout=layout, target=target)


ADAPTER = Folders()
