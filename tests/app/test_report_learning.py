"""Learning curves and the note for planning, on the page."""

from dataclasses import replace

import pytest

from radpipe.app.report.learning import learned, needed, say
from tests.app.test_report_page import page


def row(kind, value="", low="", high="", **more):
    return {"kind": kind, "value": value, "low": low, "high": high, "why": "", **more}


def gain(value, low, high):
    return row("gain", str(value), str(low), str(high), curve="bones-v1", patients="800.0")


def curve(last):
    seen = [
        row("seen", v, v - 0.02, v + 0.02, variant=name, fraction=f, patients=n, runs=r)
        for name, f, n, v, r in (("bones-v1", 1, 400, 0.9, 1), ("bones-floor", 0.5, 200, 0.85, 1))
    ]
    return tuple({"curve": "bones-v1", **each} for each in (*seen, last))


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        pytest.param(
            (0.012, 0.004, 0.02),
            "Twice the patients (800) would help: +0.012 AUC (0.004 to 0.020).",
            id="help",
        ),
        pytest.param(
            (0.001, 0.0, 0.004),
            "Twice the patients (800) would hardly help: +0.001 AUC (0.000 to 0.004).",
            id="hardly",
        ),
        pytest.param(
            (0.01, 0.0, 0.05),
            "Whether twice the patients (800) would help cannot be told from these points:"
            " +0.010 AUC (0.000 to 0.050).",
            id="cannot be told",
        ),
    ],
)
def test_what_is_said_of_twice_the_patients(ends, said):
    assert say(gain(*ends)) == said


def test_without_a_fit_the_reason_is_said():
    why = "3 shares of the patients are needed"
    assert say(gain("", "", "") | {"why": why}) == (
        f"What 800 patients would give cannot be told: {why}."
    )


def test_the_page_shows_a_curve(studies):
    bones, chest = studies
    study = replace(bones, learning=curve(gain(0.012, 0.004, 0.02)))
    (found,) = learned(study)
    assert [point[:3] for point in found.points] == [
        ("bones-v1", "100\u202f%", "400"),
        ("bones-floor", "50\u202f%", "200"),
    ]
    assert found.note.startswith("One run each")
    text = page([study, chest])
    assert "Would more data help?" in text
    assert "would help: +0.012 AUC" in text
    assert "Would more data help?" not in page([bones, chest])


def test_patients_that_a_difference_takes_by_hand(studies):
    """All 0.04 wide, 266 patients: SE 0.0102; ((1.960 + 0.842) * 0.0102 / 0.02)^2 = 2.044."""
    bones, _ = studies
    found = needed(bones)
    assert [one.difference for one in found] == ["0.01", "0.02", "0.05"]
    assert [one.times for one in found] == ["8.2", "2", "0.33"]
    assert found[1].patients == "550"
    assert needed(replace(bones, paired=())) == []
