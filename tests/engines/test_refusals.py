"""What plain Snakemake says of settings that cannot be: one message, and nothing of the code."""

import pytest

EXPLAINED = {"study": "bones", "remote": None, "methods": {"x": {"preset": "published/nobody"}}}


@pytest.mark.engine
@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("plan.nonsense", 1, "plan.nonsense: unknown setting"),
        ("variants.bones-v1.preset", "bones/v9", "variants.bones-v1.preset: unknown 'bones/v9'"),
        ("variants.bones-v1.train.epochs", 0, "train.epochs"),
        ("explain.bones-v1", EXPLAINED, "unknown 'published/nobody'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_planned(engines, setting, value, said):
    engines.set(setting, value)
    text = engines.run("snakemake", "-n", check=False)
    assert said in text
    assert "src/radpipe" not in text
    assert "Shell command" not in text
