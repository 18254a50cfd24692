"""How often DVC is asked to put recorded files in place."""

import pytest

from radpipe.core.errors import RadpipeError
from radpipe.core.params import load_params
from radpipe.engines.aside import bring_back


@pytest.fixture
def params(project, monkeypatch):
    monkeypatch.chdir(project.root)
    return load_params()


class Dvc:
    """Fails as often as told, as beside a pull that a kill left at work."""

    def __init__(self, failures: int) -> None:
        self.failures, self.asked, self.forgot = failures, 0, 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked <= self.failures:
            raise RadpipeError("dvc pull failed:\nERROR: Checkout failed\nresults/report.html")

    def forget(self) -> None:
        self.forgot += 1


@pytest.mark.parametrize("failures", [0, 1])
def test_what_failed_once_is_asked_for_again(params, caplog, failures):
    dvc = Dvc(failures)
    bring_back(params, dvc, dvc.forget)
    assert (dvc.asked, dvc.forgot) == (1 + failures, failures)
    assert ("is asked once more" in caplog.text) == bool(failures)


def test_what_fails_twice_has_failed(params):
    dvc = Dvc(2)
    with pytest.raises(RadpipeError, match="Checkout failed"):
        bring_back(params, dvc, dvc.forget)
    assert dvc.asked == 2
