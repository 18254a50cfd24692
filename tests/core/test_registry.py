"""Names to things."""

import pytest

from radpipe.core.errors import ConfigError
from radpipe.core.registry import Registry


@pytest.fixture
def metrics() -> Registry[int]:
    registry: Registry[int] = Registry("metric")
    registry.register("brier")(1)
    registry.register("auc")(2)
    return registry


def test_names_come_sorted(metrics):
    assert list(metrics) == ["auc", "brier"]
    assert len(metrics) == 2
    assert "auc" in metrics


def test_an_unknown_name_shows_its_near_miss(metrics):
    with pytest.raises(ConfigError, match="unknown 'acu', did you mean 'auc'"):
        metrics["acu"]


def test_a_name_is_given_once(metrics):
    with pytest.raises(KeyError, match="metric 'auc' is registered twice"):
        metrics.register("auc")(3)
