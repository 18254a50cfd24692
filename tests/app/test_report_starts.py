"""What the report says of a variant's starting weights."""

from dataclasses import replace

import pytest

from radpipe.app.report.starts import listed, short, told
from tests.app.test_report_page import page

RUN = "results/runs/grades/fold-0-seed-2/weights.safetensors"
GRADES = {"variant": "grades", "fold": 0, "seed": 2, "n_patients": 1208}
FILM = {"variant": "film", "fold": 1, "seed": 0, "n_patients": 1}
STUDIES = {"grades": "knee_oa", "film": "hips"}


@pytest.fixture
def starting(studies):
    """Return a function that makes the best variant start from weights with a lineage."""

    def make(path, lineage=()):
        best = studies[0].best
        metrics = {**best.metrics, "recipe": {**best.metrics["recipe"], "lineage": list(lineage)}}
        recipe = {**best.recipe, "weights": {"path": path, "sha256": "c" * 64}}
        return replace(best, metrics=metrics, recipe=recipe)

    return make


def test_random_weights_are_no_line_of_their_own(studies):
    best = studies[0].best
    assert short(best) == ""
    assert told(best, STUDIES) == "random weights"
    assert listed(studies[0].variants, STUDIES) == []


def test_another_run_is_told_with_whom_it_learned_from(starting):
    variant = starting(RUN, [GRADES])
    assert short(variant) == "starts from grades"
    assert (
        told(variant, STUDIES)
        == "grades, fold 0 seed 2, which learned from 1\u202f208 patients of knee_oa"
    )


def test_a_chain_is_told_from_the_nearest_run_backwards(starting):
    text = told(starting(RUN, [FILM, GRADES]), STUDIES)
    assert text == (
        "grades, fold 0 seed 2, which learned from 1\u202f208 patients of knee_oa; that one"
        " started from film, fold 1 seed 0, which learned from 1 patient of hips"
    )


def test_weights_of_another_project_are_named_by_their_file(starting):
    variant = starting("weights/hips.safetensors", [FILM])
    assert short(variant) == "starts from weights/hips.safetensors"
    assert told(variant, {}) == (
        "weights/hips.safetensors, made by film, fold 1 seed 0, which learned from 1 patient"
    )


def test_the_page_tells_it_only_where_a_variant_does_not_start_at_random(starting, studies):
    bones = studies[0]
    assert "<h3>What they start from" not in page(studies)
    text = page([replace(bones, variants=(starting(RUN, [GRADES]), *bones.variants[1:]))])
    assert "starts from grades</span>" in text
    section = text[text.index("<h3>What they start from") : text.index("<h3>Which differences")]
    assert "which learned from 1\u202f208 patients</td>" in section
    assert section.count("<td>random weights</td>") == len(bones.variants) - 1


@pytest.mark.parametrize(
    ("lineage", "near", "far"),
    [
        ([], "a random network", "a network of random weights"),
        (
            [GRADES],
            "grades",
            "grades, fold 0 seed 2, which learned from 1\u202f208 patients of knee_oa",
        ),
    ],
)
def test_a_head_is_told_by_what_its_features_are_made_with(starting, lineage, near, far):
    variant = starting("weights/random.json", lineage)
    store = {"path": "data/bones/features/seen", "sha256": "d" * 64}
    head = replace(variant, recipe={**variant.recipe, "store": store})
    assert short(head) == f"head on frozen features of {near}"
    assert told(head, STUDIES) == f"random weights, as a head on seen: frozen features of {far}"


LOSSES = {"probabilities": 0.5214, "logits": 0.4871}


@pytest.fixture
def joined(studies):
    """Return a function that makes the best variant an ensemble."""

    def make(asked):
        best, other = studies[0].variants[:2]
        names = {"members": [other.name, "third"], "mean": "logits", "asked": asked}
        metrics = {**best.metrics, "ensemble": {**names, "tune_loss": LOSSES}}
        metrics["recipe"] = {**metrics["recipe"], "model": "ensemble", "preset": None}
        kept = {key: best.recipe[key] for key in ("study", "image", "split", "versions")}
        return replace(
            best, metrics=metrics, recipe={**kept, "members": names["members"], "mean": asked}
        )

    return make


def test_an_ensemble_is_told_by_its_members_and_how_its_mean_was_chosen(joined, studies):
    other = studies[0].variants[1].name
    assert short(joined("logits")) == f"mean logits of {other}, third"
    assert told(joined("logits"), {}) == f"nothing of its own: the mean logits of {other}, third"
    assert told(joined("chosen"), {}).endswith(
        "; chosen on tune by the log loss (probabilities 0.5214, logits 0.4871)"
    )


def test_the_page_shows_an_ensemble_without_what_only_trained_variants_have(joined, studies):
    text = page([replace(studies[0], variants=(joined("chosen"), *studies[0].variants[1:]))])
    assert "nothing of its own: the mean logits of" in text
    assert "<code>members</code>" in text
    row = text[text.index("<td>ensemble</td>") :]
    assert row[: row.index("</tr>")].count("<td>–</td>") == 5


START = "results/starts/rad/start.json"
LISTED = {"sha256": "00", "names": "images", "count": 1200}


@pytest.fixture
def outside(starting):
    """Return a function that makes the best variant start from weights that others learned."""

    def make(path=START, lineage=(), seen=""):
        variant = starting(path, lineage)
        learned_from = [
            {"data_set": "MURA", "list": None},
            {"data_set": "CheXpert", "list": LISTED},
        ]
        start = {"start": "rad", "function": "lib/net", "tune": 0, "learned_from": learned_from}
        recipe = {**variant.metrics["recipe"], "borrowed": [start]}
        return replace(variant, metrics={**variant.metrics, "recipe": recipe}, seen=seen)

    return make


TOLD = (
    "rad, weights of lib/net that others learned from MURA (which of its images is not known),"
    " CheXpert (1\u202f200 images by a published list)"
)


def test_weights_that_others_learned_are_told_with_their_data(outside):
    assert short(outside()) == "starts from rad"
    assert told(outside(), {}) == TOLD
    told_of_a_run = told(outside(RUN, [GRADES]), STUDIES)
    assert told_of_a_run.startswith("grades, fold 0 seed 2, which learned")
    assert told_of_a_run.endswith(f"; that one started from {TOLD}")


@pytest.mark.parametrize(
    ("forbids", "text"),
    [(["commercial"], "forbids commercial use"), ([], "restricts their use")],
)
def test_terms_that_restrict_are_told(outside, forbids, text):
    variant = outside()
    recipe = variant.metrics["recipe"]
    terms = {"spdx": "CC-BY-NC-4.0", "forbids": forbids}
    bound = {**recipe, "borrowed": [{**recipe["borrowed"][0], "terms": terms}]}
    variant = replace(variant, metrics={**variant.metrics, "recipe": bound})
    assert told(variant, {}) == (
        f"{TOLD}, under CC-BY-NC-4.0, which {text} of all that comes from them"
    )


def test_several_starts_are_all_told(outside):
    variant = outside()
    recipe = variant.metrics["recipe"]
    both = {**recipe, "borrowed": [*recipe["borrowed"], {**recipe["borrowed"][0], "start": "b"}]}
    variant = replace(variant, metrics={**variant.metrics, "recipe": both})
    assert short(variant) == "starts from rad, b"
    assert told(variant, {}) == f"{TOLD}; and from {TOLD.replace('rad,', 'b,')}"


def test_the_page_says_loudly_that_a_start_has_seen_the_data(outside, studies):
    variant = outside(seen="MURA")
    assert short(variant) == "starts from rad; has seen these data (MURA)"
    text = page([replace(studies[0], variants=(variant, *studies[0].variants[1:]))])
    assert "starts from rad; has seen these data (MURA)</span>" in text
    assert f"{variant.name} starts from weights that have seen these data</strong>" in text
