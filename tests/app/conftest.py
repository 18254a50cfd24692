"""Made-up results for the tests of the report."""

from pathlib import Path

import pytest

from radpipe.app.report.results import ResultFolders, StudyResults, read_studies
from tests.app.fake_results import VARIANTS, write_comparison, write_results


def folders(root: Path) -> ResultFolders:
    """Return where the results of a project lie."""
    results = root / "results"
    return ResultFolders(
        scores=results / "scores",
        tables=results / "comparison",
        figures=results / "figures",
        studies=results / "studies",
    )


@pytest.fixture(scope="session")
def results(tmp_path_factory) -> Path:
    """Return a project folder with results; nobody changes it."""
    root = tmp_path_factory.mktemp("results")
    write_results(root)
    write_comparison(root)
    return root


@pytest.fixture
def studies(results) -> tuple[StudyResults, ...]:
    """Return the studies of `results`: bones (opened), chest (tune only)."""
    return read_studies(folders(results), VARIANTS)
