"""What every adapter must do; a new adapter's test inherits this and gives a fake study."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.misc import is_dicom

from radpipe.core.errors import ConfigError
from radpipe.core.findings import Finding
from radpipe.core.settings import PhantomSource, Target
from radpipe.studies.base.adapters import adapter_names, load_adapter, read_layout
from radpipe.studies.base.contract import CaseTable, check_cases
from radpipe.studies.base.manifest import list_files, write_manifest


class AdapterHarness:
    """Inherit, set `name`, write `fake` and say what `expected` is; the checks come along.

    Attributes
    ----------
    name
        The adapter.
    layout
        A `layout` block.
    target
        A `target` block.
    expected
        Columns of the fake study's table of cases that the test knows by heart.

    """

    name: str
    layout: dict[str, Any]
    target: dict[str, Any]
    expected: dict[str, list[Any]]

    def fake(self, raw: Path) -> None:
        """Write a small study by hand below `raw`."""
        raise NotImplementedError

    def read(self, raw: Path, manifest: Path) -> CaseTable:
        """Read a folder as the step `index` does."""
        adapter = load_adapter(self.name)
        layout = read_layout("fake", adapter, self.layout)
        target = Target.model_validate(self.target)
        files = write_manifest(raw, manifest)
        found = adapter.cases(raw, files=files, layout=layout, target=target)
        check_cases(found, target=target, views=adapter.views(layout), files=files)
        return found

    def examine(self, raw: Path) -> Sequence[Finding]:
        """Examine a folder as `radpipe check-data` does."""
        adapter = load_adapter(self.name)
        layout = read_layout("fake", adapter, self.layout)
        target = Target.model_validate(self.target)
        return adapter.examine(raw, files=list_files(raw), layout=layout, target=target)

    @pytest.fixture
    def raw(self, tmp_path: Path) -> Path:
        folder = tmp_path / "raw"
        folder.mkdir()
        self.fake(folder)
        return folder

    def test_is_found_by_its_name(self):
        assert self.name in adapter_names()

    def test_an_unknown_layout_setting_is_refused(self):
        with pytest.raises(ConfigError, match=r"studies\.fake\.layout\.no_such_thing: unknown"):
            read_layout("fake", load_adapter(self.name), {**self.layout, "no_such_thing": 1})

    def test_its_target_is_accepted(self):
        adapter = load_adapter(self.name)
        layout = read_layout("fake", adapter, self.layout)
        adapter.check_target(layout, Target.model_validate(self.target))

    def test_reads_what_is_expected(self, raw, tmp_path):
        cases = self.read(raw, tmp_path / "manifest.csv").cases
        for column, values in self.expected.items():
            assert cases[column].to_pylist() == pytest.approx(values, nan_ok=True), column

    def test_changes_no_file(self, raw, tmp_path):
        before = {file: (raw / file).stat().st_mtime_ns for file in list_files(raw)}
        self.read(raw, tmp_path / "manifest.csv")
        assert before == {file: (raw / file).stat().st_mtime_ns for file in list_files(raw)}

    def test_reads_the_same_twice(self, raw, tmp_path):
        one, two = (self.read(raw, tmp_path / "manifest.csv") for _ in range(2))
        assert str(one.cases.to_pylist()) == str(two.cases.to_pylist())  # NaN equals nothing
        assert one.boxes.equals(two.boxes)

    def test_is_examined_without_a_problem(self, raw):
        findings = self.examine(raw)
        assert findings
        assert [finding.what for finding in findings if finding.level == "problem"] == []

    def test_a_target_that_the_layout_cannot_give_hides_no_other_finding(self, raw):
        adapter = load_adapter(self.name)
        layout = read_layout("fake", adapter, self.layout)
        target = Target(kind="multi-class", classes=[f"no such class {n}" for n in range(9)])
        findings = adapter.examine(raw, files=list_files(raw), layout=layout, target=target)
        assert "problem" in {finding.level for finding in findings}
        assert len(findings) > 1 or "no such class" in findings[0].what


class PhantomHarness(AdapterHarness):
    """The same for a layout in which the adapter can also write its phantom."""

    def write_phantom(self, out: Path, *, seed: int = 1, patients: int = 20) -> None:
        """Write the adapter's phantom."""
        adapter = load_adapter(self.name)
        adapter.phantom(
            out,
            source=PhantomSource(kind="phantom", seed=seed, patients=patients),
            layout=read_layout("fake", adapter, self.layout),
            target=Target.model_validate(self.target),
        )

    def test_the_phantom_is_read_by_the_same_adapter(self, tmp_path):
        self.write_phantom(tmp_path / "raw")
        found = self.read(tmp_path / "raw", tmp_path / "manifest.csv")
        target = Target.model_validate(self.target)
        assert set(target.ceiling_columns) <= set(found.cases.column_names)
        assert found.cases["patient"].to_pylist() != found.cases["case"].to_pylist()
        assert len(found.boxes) > 0

    def test_boxes_of_the_phantom_lie_in_their_pictures(self, tmp_path):
        self.write_phantom(tmp_path / "raw")
        found = self.read(tmp_path / "raw", tmp_path / "manifest.csv")
        cases = {case["case"]: case for case in found.cases.to_pylist()}
        for box in found.boxes.to_pylist():
            file = cases[box["case"]][f"file_{box['view']}"]
            slices, rows, columns = shape_of(tmp_path / "raw" / file)
            assert 0 <= box["slice"] < slices
            assert 0 <= box["x0"] < box["x1"] <= columns
            assert 0 <= box["y0"] < box["y1"] <= rows

    def test_the_phantom_is_examined_without_a_problem(self, tmp_path):
        self.write_phantom(tmp_path / "raw")
        assert "problem" not in {finding.level for finding in self.examine(tmp_path / "raw")}

    def test_the_phantom_depends_on_its_seed_and_nothing_else(self, tmp_path):
        for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
            self.write_phantom(tmp_path / folder, seed=seed)
        a, b, c = (write_manifest(tmp_path / name, tmp_path / f"{name}.csv") for name in "abc")
        assert a == b
        assert a != c


def shape_of(file: Path) -> tuple[int, int, int]:
    """Return slices, rows and columns of a picture or volume."""
    if file.suffix == ".npy":
        slices, rows, columns = np.load(file).shape
        return slices, rows, columns
    if is_dicom(file):
        header = dcmread(file, stop_before_pixels=True)
        return 1, header.Rows, header.Columns
    with Image.open(file) as picture:
        return 1, picture.height, picture.width
