"""Numbers behind figures, to take away: of one study alone, in the page or beside it."""

import csv
import io
from urllib.parse import unquote

from radpipe.app.report.downloads import MOST, as_csv, download, downloads, flat


def content(found):
    return list(csv.DictReader(io.StringIO(unquote(found.href.split(",", 1)[1]))))


def test_rows_of_other_studies_stay_at_home(tmp_path):
    tables = tmp_path / "results/comparison"
    tables.mkdir(parents=True)
    (tables / "roc.csv").write_text("study,variant,x\nbones,a,0.5\nchest,b,0.25\n")
    (tables / "bones-paired.csv").write_text("study,p\nbones,0.04\n")
    found = downloads("bones", tables=tables, page=tmp_path / "results", card=None)
    assert set(found) == {"roc", "paired"}
    assert content(found["roc"]) == [{"study": "bones", "variant": "a", "x": "0.5"}]
    assert found["roc"].name == "bones-roc.csv"
    assert content(found["paired"]) == [{"study": "bones", "p": "0.04"}]


def test_decisions_in_pairs_and_points_of_curves_can_be_taken_away(tmp_path):
    tables = tmp_path / "results/comparison"
    tables.mkdir(parents=True)
    (tables / "points.csv").write_text("study,variant,y\nbones,a,0.5\nchest,b,0.25\n")
    (tables / "bones-decided.csv").write_text("study,p\nbones,0.04\n")
    found = downloads("bones", tables=tables, page=tmp_path / "results", card=None)
    assert content(found["points"]) == [{"study": "bones", "variant": "a", "y": "0.5"}]
    assert content(found["decided"]) == [{"study": "bones", "p": "0.04"}]


def test_a_large_table_is_named_and_lies_beside_the_page(tmp_path):
    tables = tmp_path / "results/comparison"
    tables.mkdir(parents=True)
    (tables / "roc.csv").write_text("study,variant,x\n" + "bones,a,0.5\n" * (MOST // 12 + 1))
    found = downloads("bones", tables=tables, page=tmp_path / "results", card=None)["roc"]
    assert (found.href, found.beside) == ("comparison/roc.csv", True)
    assert not download("bones-roc", "x\n").beside


def test_what_a_card_does_not_tell_stays_empty(tmp_path):
    """One to four patients are null in the card, and nothing in the table."""
    card = {"patients": {"n_cases": 9, "patients": [5, None]}, "ages": None}
    found = downloads("bones", tables=tmp_path, page=tmp_path, card=card)
    assert set(found) == {"people"}
    assert content(found["people"]) == [
        {"what": "patients.n_cases", "value": "9"},
        {"what": "patients.patients.0", "value": "5"},
        {"what": "patients.patients.1", "value": ""},
    ]


def test_text_with_commas_is_quoted():
    assert as_csv(("a", "b"), [("x, y", 1)]) == 'a,b\n"x, y",1\n'
    assert list(flat({"a": [{"b": True}]})) == [("a.0.b", True)]
