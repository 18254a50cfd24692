"""The composition of a study on the page, whole and with pieces missing."""

from dataclasses import replace

import pytest

from radpipe.app.report.card import card_view
from tests.app.fake_studies import card
from tests.app.test_report_page import page


def test_counts_and_differences_are_told(studies):
    html = page(studies)
    assert "1\u202f450</b><span>combinations of labels outside test" in html
    assert "fewer than 5</b><span>cases with several labels" in html
    assert "60 ± 10</b><span>years of age" in html
    assert "3 differences of 0.1 and more" in html
    assert '<td class="num"><b>+0.535</b></td>' in html
    assert '<td class="num">60.2 ± 9.5</td>' in html
    # Age is not known of tune.
    assert '<td class="num">–</td>' in html


def test_all_pictures_are_there(studies):
    view = card_view(studies[0])
    assert view is not None
    assert list(view.captions) == ["people", "labels", "drift", "contact"]
    assert view.withheld == ""


def test_pixels_of_restricted_data_are_not_on_the_page(studies):
    figures = {name: path for name, path in studies[0].figures.items() if name != "contact"}
    html = page([replace(studies[0], figures=figures, restricted=True)])
    assert "A contact sheet is in results/studies/bones/contact.png and not on this page" in html
    assert "Stored pictures, row by row" not in html


@pytest.mark.parametrize("piece", card(["a"]))
def test_a_card_may_lack_any_piece(studies, piece):
    found = {name: value for name, value in card(["a"]).items() if name != piece}
    assert "Who and what is in it" in page([replace(studies[0], card=found)])


@pytest.mark.parametrize("kind", ["people", "labels", "drift", "contact", "sizes"])
def test_any_picture_may_be_missing(studies, kind):
    figures = {name: path for name, path in studies[0].figures.items() if name != kind}
    assert "Who and what is in it" in page([replace(studies[0], figures=figures)])


def test_without_a_card_there_is_no_section(studies):
    study = replace(studies[0], card=None)
    assert card_view(study) is None
    assert "Who and what is in it" not in page([study])
