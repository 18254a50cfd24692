"""Captions of Snakemake's own report: every figure has one, and they are valid text."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

from radpipe.app.report.results import FIGURES

CAPTIONS = Path(__file__).parents[2] / "workflow/report"


def render(name: str, **wildcards: str) -> str:
    """Render a caption as Snakemake does."""
    text = (CAPTIONS / name).read_text(encoding="utf-8")
    config = {"plan": {"variants": ["a", "b"], "folds": [0], "seeds": [0, 1], "open_test": []}}
    job = SimpleNamespace(wildcards=SimpleNamespace(**wildcards), config=config)
    filled = Environment(undefined=StrictUndefined).from_string(text).render(snakemake=job)  # noqa: S701
    settings = {"halt_level": 2}  # a warning about the markup is an error
    return str(publish_parts(filled, writer="html", settings_overrides=settings)["html_body"])


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_has_a_caption_of_its_own(figure):
    text = render("figures.rst", figure=figure, study="bones")
    assert "<strong>bones</strong>" in text
    assert "Figure <em>" not in text


def test_unknown_figures_are_named():
    assert "<em>other</em>" in render("figures.rst", figure="other", study="bones")


def test_other_captions():
    assert "2 variants on fold(s)" in render("workflow.rst")
    assert "Opened test parts:\nnone." in render("workflow.rst")
    assert "reviewers" in render("report.rst")
    assert "<strong>chest</strong>" in render("sizes.rst", study="chest")
