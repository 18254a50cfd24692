"""Checklists and cards: counted as published, and nothing claimed that no file backs."""

import csv
from dataclasses import replace

import pytest

from radpipe.app.checklists.facts import FILLERS, Asked
from radpipe.app.checklists.forms import FORMS, Form, Item, read_form
from radpipe.app.checklists.writing import (
    COLUMNS,
    YOURS,
    as_markdown,
    fill,
    own_first,
    write_checklists,
)
from radpipe.app.report.made import Made
from radpipe.core.errors import DataError
from tests.app.fake_results import VARIANTS


def asked(study):
    """Return what answers about a study are read from."""
    return Asked(study, (), {name: made[0] for name, made in VARIANTS.items()})


@pytest.mark.parametrize(
    ("name", "items", "main"),
    [
        pytest.param("claim-2024", 44, 44, id="CLAIM 2024"),
        pytest.param("stard-ai", 40, 40, id="STARD-AI"),
        pytest.param("tripod-ai", 52, 27, id="TRIPOD+AI: 27 items, 52 with their parts"),
    ],
)
def test_lists_have_as_many_items_as_were_published(name, items, main):
    numbers = [item.number for item in read_form(name).items]
    assert len(numbers) == len(set(numbers)) == items
    assert len({number.rstrip("abcdefg") for number in numbers}) == main


@pytest.mark.parametrize("name", FORMS)
def test_every_item_names_a_function_that_there_is(name):
    named = {item.filler for item in read_form(name).items} - {None}
    assert named <= set(FILLERS)


def test_every_function_is_asked_for():
    named = {item.filler for name in FORMS for item in read_form(name).items}
    assert set(FILLERS) <= named


@pytest.mark.parametrize("name", FORMS)
def test_every_answer_comes_from_a_file_that_is_there(results, studies, name):
    for study in studies:
        for line in fill(read_form(name), asked(study)):
            if line.fact is None:
                assert line.cells[-1] == YOURS
                continue
            assert line.fact.value
            assert line.fact.places
            places = set(line.fact.places) - {"params.yaml"}
            missing = [place for place in places if not (results / place).exists()]
            assert missing == [], line.item


def test_answers_are_the_numbers_of_the_files(studies):
    bones = studies[0]
    answers = {line.item.number: line.fact for line in fill(read_form("claim-2024"), asked(bones))}
    auc = bones.best.estimate("auc")
    assert f"test: AUC {auc.text} ({auc.interval})" in answers["37"].value
    assert answers["1"].value.endswith("1\u202f292\u202f195 parameters (bones-v1)")
    assert "truncated image: 20" in answers["8"].value
    assert answers["43"] is None  # no receipt names a commit
    made = Made("2026-11-30 17:44", "2026-11-30 17:49", ("c" * 40,), True, ("results/x.json",))
    known = FILLERS["available"](asked(replace(bones, made={"bones-v1": made})))
    assert known.value == f"Code and settings: commit {'c' * 40}"
    assert known.places == ("results/x.json",)


def test_of_a_model_from_elsewhere_nothing_is_claimed_that_no_file_says(studies):
    best = studies[0].best
    recipe = {"model": "imported", "sha256": "a" * 64, "parameters": None, "versions": {}}
    by = {"by": {"kind": "reader", "name": "reader-1", "modality": ""}, "form": "ratings"}
    given = replace(best, metrics={**best.metrics, "recipe": recipe, "imported": by}, recipe={})
    found = asked(replace(studies[0], variants=(given,), paired=()))
    silent = ("software", "model", "inputs", "training", "start", "preprocessing", "selection")
    for name in (*silent, "technique", "output", "ensemble"):
        assert FILLERS[name](found) is None
    # A reader may rank first; answers are about the model that comes next.
    beside = own_first(replace(studies[0], variants=(given, *studies[0].variants[1:])))
    assert beside.best.name == "bones-resnet18"
    assert beside.variants[-1] is given


def test_of_several_classes_the_most_probable_one_is_decided_for(studies):
    for study in studies:
        several = study.kind in ("multi-class", "ordinal")
        for name in ("threshold", "output"):
            assert ("most probable class" in FILLERS[name](asked(study)).value) is several


def test_parts_that_came_with_the_data_were_not_drawn(studies):
    bones = studies[0]
    found = FILLERS["disjoint"](asked(bones))
    assert found.value.startswith("Parts share no patient; test was drawn over patients. ")
    rules = {**bones.split["rules"], "drawn": {"test": False}}
    alone = {**bones.split["patients"], "named": bones.split["cases"]["indexed"]}
    given = replace(bones, split={**bones.split, "rules": rules, "patients": alone})
    found = FILLERS["disjoint"](asked(given))
    assert "test came with the data" in found.value
    assert found.rest == "whether patients have one case each, as their names say"


def test_of_one_variant_no_pair_is_tested(studies):
    assert "Pairs of variants" in FILLERS["uncertainty"](asked(studies[0])).value
    found = FILLERS["uncertainty"](asked(replace(studies[0], paired=())))
    assert "Pairs" not in found.value
    assert not any("paired" in place for place in found.places)


def test_an_unknown_function_is_refused(studies):
    form = Form("odd", "Odd", "", "", "", (Item("1", "Data", "What?", "sauces"),))
    with pytest.raises(DataError, match=r"odd.yaml, item 1: nothing is called 'sauces'; known"):
        fill(form, asked(studies[0]))


def test_tables_cards_and_page_are_written_and_old_ones_go(tmp_path, studies):
    (tmp_path / "wrists-claim-2024.csv").write_text("of a study that is no longer planned")
    write_checklists(tmp_path, studies, ())
    names = {path.name for path in tmp_path.iterdir()}
    tables = {f"{study.name}-{form}.csv" for study in studies for form in FORMS}
    cards = {f"{study.name}-{card}.md" for study in studies for card in ("model-card", "data-card")}
    assert names == {*tables, *cards, "index.html"}
    with (tmp_path / "bones-tripod-ai.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == 52
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<h3 id=") == 2 * len(FORMS)
    assert page.count(YOURS) > 20


def test_names_are_no_markup_in_a_card(studies):
    classes = ("healthy", "*bold*", "<b>")
    study = replace(studies[0], classes=classes)
    text = as_markdown(*_filled("data-card", study))
    assert r"\*bold\*, \<b\>" in text
    assert text.startswith("# Data card: bones\n")


def _filled(name, study):
    form = read_form(name)
    return form, fill(form, asked(study)), asked(study)
