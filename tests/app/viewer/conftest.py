"""A project with an exam's run, an exported model of pictures, and the process that computes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from radpipe.app.viewer.offered import Offered, offered
from radpipe.app.viewer.process import Helper
from radpipe.core.files import write_json
from radpipe.core.tables import write_table
from tests.conftest import SMALL
from tests.prediction.conftest import exams, pictures
from tests.prediction.made import Made

__all__ = ["exams", "pictures"]
AREA = {"value": 0.5, "low": 0.4, "high": 0.6}


@pytest.fixture(scope="session")
def project(exams: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose one run looks at three planes of knees."""
    root = tmp_path_factory.mktemp("viewed")
    run = root / "results/runs/bones-x/fold-0-seed-0"
    shutil.copytree(exams.run, run)
    write_table(run / "predictions.parquet", exams.table)
    data = root / "data/bones"
    data.mkdir(parents=True)
    (data / "raw").symlink_to(exams.raw)
    write_table(data / "cases.parquet", exams.cases)
    parts = {part: {"metrics": {"auc": AREA}, "n_cases": 9, "n_patients": 8} for part in ("tune",)}
    write_json(root / "results/scores/bones-x/metrics.json", {"parts": parts})
    plan = yaml.safe_load(yaml.safe_dump(SMALL))
    (root / "params.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    return root


@pytest.fixture
def inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a test run in the project's folder."""
    monkeypatch.chdir(project)
    return project


@pytest.fixture(scope="session")
def exported(pictures: Made) -> Offered:
    """Return the exported model of pictures."""
    (found,), _ = offered([pictures.folder], Path("nowhere"))
    return found


@pytest.fixture(scope="session")
def knee(project: Path) -> Offered:
    """Return the run of the project."""
    (found,), _ = offered([], project / "results/runs")
    return found


@pytest.fixture(scope="session")
def helper() -> Iterator[Helper]:
    """Return the process that computes, one for all tests."""
    found = Helper()
    yield found
    found.stop()
