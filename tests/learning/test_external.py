"""Runs of one study asked about the cases of another: whom they know, what they predict."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.tables import read_table, write_table
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_all, read_part
from radpipe.learning.external import (
    Question,
    check_form,
    hashed_names,
    known_of,
    learned_from,
    predict_runs,
    read_cohort,
)
from radpipe.learning.networks.inference import predict_table
from radpipe.learning.networks.network import save_weights
from radpipe.learning.starts.lineage import Ancestor, hash_of, lineage_facts
from radpipe.learning.training.train import about, start
from tests.small_study import KL, small_recipe, write_knees

SPLIT = pa.table(
    {
        "case": ["a", "b", "c", "d", "e"],
        "patient": ["p", "p", "q", "r", "s"],
        "named": ["p", "o", "q", "r", "s"],
        "part": ["train", "train", "test", "train", "test"],
    }
)


def lineage(path, *ancestors):
    save_weights(path, {}, {"lineage": lineage_facts(ancestors)})
    return path


def run(variant, *, gradients=(), stopping=()):
    return Ancestor(variant, 0, 0, "recipe", "cnn", tuple(gradients), tuple(stopping))


def test_whom_runs_learned_from_is_put_together_by_variant(tmp_path):
    """Gradients and stopping count alike, of ancestors and of every fold."""
    first = run("old", gradients=["1"], stopping=["2"])
    files = [
        lineage(tmp_path / "a", first, run("new", gradients=["3"])),
        lineage(tmp_path / "b", first, run("new", gradients=["4"], stopping=["3"])),
    ]
    assert learned_from(files) == {"old": {"1", "2"}, "new": {"3", "4"}}


def test_weights_that_say_nothing_are_refused(tmp_path):
    save_weights(tmp_path / "a", {}, {})
    with pytest.raises(DataError, match="does not say whom"):
        learned_from([tmp_path / "a"])


def test_a_patient_has_both_names():
    names = hashed_names(SPLIT)
    assert {case: set(own) for case, own in names.items()}["b"] == {hash_of("p"), hash_of("o")}
    assert names["c"] == (hash_of("q"),)


def test_learning_counts_before_test_and_who_did_neither_is_left_out():
    known = known_of(SPLIT, {hash_of("o"), hash_of("q")}, home=True)
    assert known.roles == {"b": "learned", "c": "learned", "e": "test"}
    assert known.names == {"learned": {hash_of("o"), hash_of("q")}, "test": {hash_of("s")}}
    assert known_of(SPLIT, {hash_of("o")}, home=False).roles == {"b": "learned"}


@pytest.fixture
def asked(make, tmp_path):
    """Return a saved run and the question about every case of its own study."""
    made = make()
    state = start(made, seed=0)
    state.keep()
    weights = tmp_path / "weights.safetensors"
    save_weights(weights, state.kept, about(made, state, fold=0, seed=0))
    split = Path(made.recipe.split.path)
    cases = read_cohort(made.recipe, split, made.store, without=())
    question = Question(
        weights=weights, recipe=made.recipe, fold=0, seed=3, store=made.store, cases=cases
    )
    return made, state, question


def test_a_cohort_is_all_parts_but_those_left_out(asked):
    made, _, question = asked
    split = Path(made.recipe.split.path)
    names = read_table(split)["case"].to_pylist()
    assert question.cases.table["case"].to_pylist() == names
    fewer = read_cohort(made.recipe, split, made.store, without={names[0], names[5]})
    assert fewer.table["case"].to_pylist() == [*names[1:5], *names[6:]]
    assert len(fewer.rows) == len(names) - 2
    with pytest.raises(DataError, match="no case of the cohort is left"):
        read_cohort(made.recipe, split, made.store, without=set(names))


def test_predictions_are_those_of_predict(asked):
    """Those of tune differ by no more than a last bit, whatever cases stand beside them."""
    made, state, question = asked
    (table,) = predict_runs([question])
    assert table.column_names[:6] == ["variant", "fold", "seed", "case", "patient", "part"]
    assert (table["variant"][0].as_py(), table["seed"][0].as_py()) == ("bones-x", 3)
    own = predict_table(
        state.network,
        made.store,
        made.tune,
        made.recipe,
        part="tune",
        device="cpu",
    )
    rows = [table["case"].to_pylist().index(case) for case in own["case"].to_pylist()]
    for name in made.recipe.target.score_columns:
        np.testing.assert_allclose(
            table[name].to_numpy()[rows], own[name].to_numpy(), rtol=0, atol=1e-6
        )


class Form:
    """A store that says what it is."""

    def __init__(self, **form):
        self.__dict__.update({"bits": 8, "channels": 1, "views": ["image"], "volumes": False})
        self.__dict__.update(form)


@pytest.mark.parametrize(
    "form", [{"bits": 16}, {"channels": 3}, {"views": ["a", "b"]}, {"volumes": True}]
)
def test_a_cohort_of_another_form_is_refused(make, form):
    recipe = make().recipe
    check_form(recipe, Form(), Form(), study="far")
    with pytest.raises(DataError, match=rf"far: bones-x cannot .* the {next(iter(form))} of"):
        check_form(recipe, Form(), Form(**form), study="far")


def test_a_cohort_must_have_the_covariates_that_a_table_takes(tmp_path):
    write_knees(tmp_path, KL)
    recipe = small_recipe(tmp_path, KL, preset="knee_oa/table_floor")
    split = Path(recipe.split.path)
    assert read_all(split, Form(), KL, recipe.model).entries.shape == (48, 7)
    other = recipe.model.model_copy(update={"table": {"numbers": {"weight": "mean"}}})
    with pytest.raises(ConfigError, match=r"model.table: covariate: unknown 'weight'"):
        read_all(split, Form(), KL, other)


def test_a_cohort_need_not_know_what_was_asked_for_training_alone(tmp_path):
    write_knees(tmp_path, KL)
    recipe = small_recipe(tmp_path, KL, preset="knee_oa/multi_task")
    split, store = Path(recipe.split.path), Store(tmp_path / "data/bones/store")
    table = read_table(split).drop_columns(["covariate_kl"])
    write_table(split, table)
    assert read_all(split, store, KL, recipe.model).auxiliary is None
    with pytest.raises(ConfigError, match="unknown 'kl'"):
        read_part(split, store, KL, part="train", fold=0, model=recipe.model)
