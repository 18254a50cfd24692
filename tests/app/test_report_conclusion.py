"""What to conclude: two sentences that say no more than intervals, tests and warnings do."""

from dataclasses import replace

import pytest

from radpipe.app.report.baseline import baselines
from radpipe.app.report.conclusion import conclusion
from radpipe.app.report.story import Caution, cautions

PAIR = {"metric": "auc", "class": "", "low": "0.02", "high": "0.08", "difference": "0.05"}


def told(study, p, *, warned=()):
    """Conclude from tests of the best variant against the others, with these corrected p."""
    best, *others = (variant.name for variant in study.variants)
    rows = [
        {**PAIR, "variant_a": best, "variant_b": other, "p_holm": str(value)}
        for other, value in zip(others, p, strict=True)
    ]
    return conclusion(replace(study, paired=tuple(rows)), warned, confidence=0.95)


@pytest.mark.parametrize(
    ("p", "said"),
    [
        ((0.001, 0.001), "bones-v1 is really better than all others: AUC "),
        ((0.2, 0.2), "tell it apart from none of the others (bones-resnet18 and bones-floor)."),
        ((0.2, 0.001), "do not tell it apart from bones-resnet18; it is really better than the"
         " baseline bones-floor."),
    ],
)  # fmt: skip
def test_first_sentence_says_whether_the_best_is_really_better(studies, p, said):
    assert said in told(studies[0], p)


def test_an_interval_that_holds_zero_is_no_real_difference(studies):
    bones = studies[0]
    row = {**PAIR, "low": "-0.01", "variant_a": "bones-v1", "p_holm": "0.01"}
    pairs = tuple({**row, "variant_b": one.name} for one in bones.variants[1:])
    said = conclusion(replace(bones, paired=pairs), (), confidence=0.95)
    assert "apart from none of the others" in said


def test_second_sentence_names_what_concerns_the_best(studies):
    bones = studies[0]
    mine = Caution("serious", "bones-v1 scores above the ceiling", "A leak.")
    all_of_them = Caution("serious", "Few patients (12)", "Too few.")
    others = Caution(
        "serious", "Calibration on test is not what it was", "Slope of bones-floor: 2."
    )
    note = Caution("note", "One run per variant", "Add seeds.")
    said = told(bones, (0.2, 0.2), warned=(mine, all_of_them, others, note))
    assert said.endswith(
        "Mind before using it: bones-v1 scores above the ceiling; few patients (12)."
    )
    assert told(bones, (0.2, 0.2), warned=(others, note)).endswith("concerns this variant.")


def test_of_a_closed_test_part_nothing_is_published(studies):
    _, chest = studies
    alone = conclusion(replace(chest, variants=chest.variants[:1]), (), confidence=0.95)
    assert "nothing stands beside it to be better than. This is tune" in alone
    assert "publish nothing" in alone


def test_a_ranking_without_a_baseline_says_so(studies):
    bones = studies[0]
    title = "No baseline is in the ranking"
    assert baselines(bones) == ["bones-floor"]
    assert title not in {caution.title for caution in cautions(bones, ())}
    without = replace(bones, variants=bones.variants[:2])
    assert title in {caution.title for caution in cautions(without, ())}


def test_a_reader_who_ranks_first_is_called_one(studies):
    bones = studies[0]
    by = {"by": {"kind": "reader", "name": "reader-1", "modality": ""}}
    first = replace(bones.best, metrics={**bones.best.metrics, "imported": by})
    said = told(replace(bones, variants=(first, *bones.variants[1:])), (0.2, 0.2))
    assert said.startswith("bones-v1, a reader, ranks first on test")


def test_a_variant_called_like_a_word_hides_no_warning(studies):
    bones = studies[0]
    best, second, third = bones.variants
    odd = replace(bones, variants=(best, replace(second, name="test"), third))
    few = Caution("serious", "Few patients (12)", "So few patients of test tell little.")
    assert told(odd, (0.2, 0.2), warned=(few,)).endswith("Mind before using it: few patients (12).")
