"""The galleries on the page."""

import pytest

from radpipe.app.report.explanations import COLOURS, read_galleries
from radpipe.core.files import write_json
from radpipe.core.settings import Explain
from radpipe.core.settings.explain import LOOKS
from tests.app.fake_results import plan, write_comparison, write_results
from tests.app.fake_studies import PIXEL

METHODS = {"cam": {"name": "grad-cam", "layer": "5"}, "slow": {"preset": "published/chest-lime"}}
ONE = {
    "part": "test",
    "label": "fractured",
    "why": "wrong",
    "probability": 0.8712,
    "threshold": 0.3,
    "decided": True,
    "truth": False,
    "bin": {"n_cases": 23, "share": 0.609, "low": 0.408, "high": 0.778},
    "table": {"cam": {"age": 0.3, "bmi": -1.25}},
    "file": "01.jpg",
    "views": [["sagittal", 4, 9]],
    "outlined": True,
}
FACTS = {
    "variant": "bones-v1",
    "study": "bones",
    "run": {"fold": 0, "seed": 0},
    "methods": {
        "cam": {"name": "grad-cam", "preset": None, "scored": True, "look": "heat", "layer": "5"},
        "slow": {"name": "lime", "preset": "published/chest-lime", "scored": False, "look": "heat"},
    },
    "shown": 1,
    "scored": {"tune": 60, "test": 100},
    "boxes": {"fractured": ["fracture"]},
    "other_seed": {"slow": {"median": 0.712, "least": 0.44, "n": 4}},
}


def write_explained(root, shows=(ONE,), **facts):
    """Write what `explain` writes of bones-v1; return its block."""
    folder = root / "results/explanations/bones-v1"
    write_json(folder / "facts.json", FACTS | facts)
    (folder / "gallery").mkdir(exist_ok=True)
    write_json(folder / "gallery/gallery.json", list(shows))
    (folder / "gallery/01.jpg").write_bytes(PIXEL)
    return {"bones-v1": {"study": "bones", "remote": None, "methods": METHODS}}


@pytest.fixture
def read(tmp_path):
    """Return a function that writes and reads the gallery of one variant."""

    def after(*shows, several=False, restricted=False, **facts):
        blocks = write_explained(tmp_path, shows or (ONE,), **facts)
        explain = {name: Explain.model_validate(block) for name, block in blocks.items()}
        how = {"several_runs": several, "restricted": restricted}
        (found,) = read_galleries(
            "bones", explain, results=tmp_path / "results/explanations", **how
        )
        assert not read_galleries("chest", explain, results=tmp_path, **how)
        return found

    return after


def test_a_case_is_told_in_words(read):
    found = read(several=True)
    assert found.columns == [
        *("film", "cam (grad-cam; layer 5)", "slow (lime; as published: published/chest-lime)")
    ]
    assert found.run == "fold 0, seed 0"
    (one,) = found.shown
    assert one.title == "fractured, the surest wrong answer"
    assert one.text.replace("\N{NARROW NO-BREAK SPACE}", " ") == (
        "Probability 0.871 (yes). Of 23 tune cases with a probability like it, 60.9 % [40.8 %,"
        " 77.8 %] had it. Truth: absent. Slices: sagittal 4 of 9. Its known place is outlined."
    )
    assert one.shares == [("bmi", "−1.250"), ("age", "+0.300")]
    assert "60 cases of tune and 100 cases of test" in found.scored
    assert found.judged
    assert found.colours.startswith("Colours: violet to yellow speaks for the label, blue against")


def test_what_is_not_known_or_not_shown_is_said(read):
    shy = {"truth": None, "bin": None, "file": None, "withheld": "letters", "outlined": False}
    found = read(ONE | shy, boxes={})
    (one,) = found.shown
    assert one.picture is None
    assert one.text.startswith(
        "Probability 0.871 (yes). No case of tune had a probability like it."
    )
    assert "Truth: unknown." in one.text
    assert one.text.endswith("No picture: letters.")
    assert "this study has no boxes" in found.scored
    assert not found.judged
    assert not found.outlined


def test_colours_are_explained_for_each_look(read):
    methods = {
        "cam": FACTS["methods"]["cam"],
        "other": {**FACTS["methods"]["slow"], "look": "jet"},
    }
    found = read(methods=methods).colours
    assert found.startswith("Colours of cam: violet to yellow")
    assert found.endswith("; of other: blue is least and red is most.")
    assert set(COLOURS) == set(LOOKS)


def test_restricted_pixels_stay_off_the_page(read):
    found = read(restricted=True)
    assert found.shown == []
    assert found.withheld.endswith("results/explanations/bones-v1/gallery")


def test_the_page_shows_galleries_and_names_those_that_it_may_not(project):
    project.params = plan() | {"explain": write_explained(project.root)}
    project.save()
    write_results(project.root)
    write_comparison(project.root)
    done = project.step("report")
    assert done.returncode == 0, done.stderr
    html = (project.root / "results/report.html").read_text(encoding="utf-8")
    assert html.count("Where it looks</h3>") == 1
    assert html.count("data:image/jpeg;base64,") == 1
    assert 'alt="bones-v1, fractured, the surest wrong answer: film, cam' in html


def test_what_draws_says_how_much_its_maps_move_with_the_seed(read):
    assert read().redrawn == (
        "Another seed gives other maps of slow: rank correlation 0.712 (median of 4 maps, the"
        " least 0.440)."
    )
    assert read(other_seed={}).redrawn == ""
