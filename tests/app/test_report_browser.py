"""The page in a real browser: it fits, sorts, can be read by all, and asks nobody for anything."""

from pathlib import Path

import pytest

from radpipe.app.checklists.writing import write_checklists
from radpipe.app.report.results import read_studies
from tests.app.conftest import folders
from tests.app.fake_results import VARIANTS
from tests.app.test_report_page import page
from tests.browser import browser

ACCESSIBILITY = Path(__file__).with_name("accessibility.js").read_text(encoding="utf-8")
FIRST_COLUMN = "[...document.querySelectorAll('#study-bones table.sortable')][0]"
ORDER = f"[...{FIRST_COLUMN}.querySelectorAll('tbody.rows th')].map((e) => e.textContent)"
SORT = f"[...{FIRST_COLUMN}.tHead.rows[0].cells].map((e) => e.ariaSort)"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SCROLLED = """[...document.querySelectorAll('#study-bones-ranking ~ .scroll')].slice(0, 2)
  .map((e) => e.scrollWidth - e.clientWidth)"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory, results):
    """Return a browser, and the page of all made-up studies as a file."""
    folder = tmp_path_factory.mktemp("browser")
    file = folder / "report.html"
    file.write_text(page(read_studies(folders(results), VARIANTS)), encoding="utf-8")
    with browser(folder / "profile") as found:
        yield found, file


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_can_be_read_by_all_and_fits(opened, width, dark):
    chromium, file = opened
    chromium.open(file, width=width, dark=dark)
    assert (
        chromium.tell("document.querySelectorAll('details').forEach((e) => (e.open = true))")
        is None
    )
    assert chromium.tell(ACCESSIBILITY) == []
    assert chromium.tell(WIDER) == 0
    background = chromium.tell("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is not dark
    assert set(chromium.asked) == {file.as_uri()}


@pytest.mark.parametrize("width", [1280, 390])
def test_checklists_can_be_read_by_all_and_fit(opened, results, width):
    chromium, file = opened
    folder = file.parent / "checklists"
    write_checklists(folder, read_studies(folders(results), VARIANTS), ())
    chromium.open(folder / "index.html", width=width)
    chromium.tell("document.querySelectorAll('details').forEach((e) => (e.open = true))")
    assert chromium.tell(ACCESSIBILITY) == []
    assert chromium.tell(WIDER) == 0


def test_ranking_is_not_scrolled_on_a_usual_screen(opened):
    chromium, file = opened
    chromium.open(file, width=1280)
    assert chromium.tell(SCROLLED) == [0, 0]


def test_table_is_sorted_by_keyboard(opened):
    chromium, file = opened
    chromium.open(file, width=1280)
    before = chromium.tell(ORDER)
    chromium.tell(f"{FIRST_COLUMN}.tHead.querySelectorAll('button')[1].focus()")
    assert chromium.tell("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    chromium.press("Enter", 13, "\r")
    assert chromium.tell(SORT)[:2] == [None, "descending"]
    assert chromium.tell(ORDER) == before
    chromium.press("Enter", 13, "\r")
    assert chromium.tell(SORT)[:2] == [None, "ascending"]
    assert chromium.tell(ORDER) == before[::-1]


def test_page_without_scripts_shows_the_same_and_offers_no_sorting(opened):
    chromium, file = opened
    words = "document.body.innerText.length"
    with_scripts = chromium.open(file, width=1280).tell(words)
    chromium.open(file, width=1280, scripts=False)
    assert chromium.tell("document.querySelectorAll('th button').length") == 0
    assert chromium.tell(words) == pytest.approx(with_scripts, rel=0.02)
    assert chromium.tell("getComputedStyle(document.querySelector('summary')).cursor") == "pointer"
