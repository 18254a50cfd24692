"""The registry: every method and setting is explained where users look."""

import pytest

from radpipe.explaining.methods import EXPLANATIONS
from radpipe.explaining.published import PUBLISHED
from tests.conftest import ROOT

PAGE = (ROOT / "docs/reference/explanations.md").read_text()


@pytest.mark.parametrize("name", list(EXPLANATIONS))
def test_every_method_is_on_the_page_and_its_settings_are_described(name):
    assert f"| `{name}` |" in PAGE
    for setting, field in EXPLANATIONS[name].settings.model_fields.items():
        assert field.description or setting == "kind", setting


def test_published_forms_are_on_the_page():
    assert all(f"`{name}`" in PAGE for name in PUBLISHED)
