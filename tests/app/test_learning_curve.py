"""`radpipe learning-curve`: its blocks pasted into params.yaml make one curve."""

from pathlib import Path

import pytest
import yaml

from radpipe.app.learning_curve import learning_curve, shares_of
from radpipe.core.errors import ConfigError
from radpipe.core.params import load_params

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Go to a folder with the settings of this repository."""
    for name in ("params.yaml", "presets", "weights", "src", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return load_params()


def test_the_blocks_differ_in_nothing_but_the_share(plan, capsys):
    learning_curve(plan, variant="bones-v1", fractions="0.5, 0.125,1")
    found = yaml.safe_load(capsys.readouterr().out)
    assert list(found["variants"]) == ["bones-v1-50", "bones-v1-12_5"]
    assert found["plan"]["variants"] == ["bones-v1-50", "bones-v1-12_5"]
    text = yaml.safe_load(Path("params.yaml").read_text())
    text["variants"] |= found["variants"]
    text["plan"]["variants"] += found["plan"]["variants"]
    Path("params.yaml").unlink()
    Path("params.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
    recipes = load_params().recipes
    whole = recipes["bones-v1"]
    for name, share in (("bones-v1-50", 0.5), ("bones-v1-12_5", 0.125)):
        assert recipes[name]["train"]["fraction"] == share
        train = recipes[name]["train"] | {"fraction": 1.0}
        assert {**recipes[name], "train": train, "variant": "bones-v1"} == whole


def test_what_is_no_curve_is_refused(plan):
    with pytest.raises(ConfigError, match="bones-v2"):
        learning_curve(plan, variant="bones-v2", fractions="0.5")
    with pytest.raises(ConfigError, match=r"'2' is no share.*above 0 and at most 1"):
        shares_of("0.5,2")
    with pytest.raises(ConfigError, match="the variant itself"):
        shares_of("1")
    assert shares_of("0.1,0.5,0.5") == [0.5, 0.1]
