"""Whom weights have learned from: hashes, their file, and what is refused."""

import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import sha256_file
from radpipe.core.tables import write_table
from radpipe.learning.networks.network import read_about, save_weights
from radpipe.learning.starts.lineage import (
    Ancestor,
    check_lineage,
    hash_of,
    lineage_facts,
    patients_of,
    patients_of_test,
    read_lineage,
)
from tests.small_study import TWO, small_recipe, write_study

A = Ancestor("a", 0, 1, "recipe", "cnn", gradients=("11", "12"), stopping=("13",))


def test_the_hash_is_that_of_a_fixed_text():
    """`printf 'radpipe patient p1' | sha256sum | head -c 16`."""
    assert hash_of("p1") == "9c52d5044549f7df"


def test_patients_count_once_and_under_both_names():
    table = pa.table({"patient": ["p1", "p1", "p3"], "named": ["p1", "p2", "p3"]})
    assert patients_of(table) == tuple(sorted(hash_of(name) for name in ("p1", "p2", "p3")))


def test_only_the_patients_of_test_are_read(tmp_path):
    names = ["p1", "p2", "p3"]
    parts = {"patient": names, "named": names, "part": ["train", "test", "train"]}
    write_table(tmp_path / "split.parquet", pa.table(parts))
    assert patients_of_test(tmp_path / "split.parquet") == (hash_of("p2"),)


@given(st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), max_size=5))
def test_what_is_written_is_read(hashes):
    lineage = [A, dataclasses.replace(A, gradients=tuple(hashes))]
    facts = {"lineage": lineage_facts(lineage)}
    assert list(read_lineage(facts, Path("w"))) == lineage


def test_thousands_of_patients_fit_and_equal_ones_give_equal_bytes(tmp_path):
    many = tuple(sorted(hash_of(str(k)) for k in range(20_000)))
    facts = {"lineage": lineage_facts([dataclasses.replace(A, gradients=many)])}
    for name in ("a", "b"):
        save_weights(tmp_path / name, {}, facts)
    assert sha256_file(tmp_path / "a") == sha256_file(tmp_path / "b")
    assert read_lineage(read_about(tmp_path / "a"), tmp_path)[0].gradients == many


@pytest.mark.parametrize("about", [{}, {"lineage": [{"variant": "a"}]}, {"lineage": 3}])
def test_weights_that_do_not_say_whom_they_learned_from_are_refused(about):
    with pytest.raises(DataError, match="w: does not say whom its weights have learned from"):
        read_lineage(about, Path("w"))


@pytest.fixture
def refused(tmp_path):
    """Return what a check of A, and a run before it, says for `tune` and `test` of a run."""
    write_study(tmp_path, TWO)
    recipe = small_recipe(tmp_path, TWO)

    def check(lineage, tune, test):
        try:
            check_lineage(recipe, lineage, tune=tune, test=test)
        except ConfigError as error:
            return str(error).splitlines()
        return []

    return check


def test_parts_that_are_the_same_may_go_on(refused):
    assert refused([A], tune=["13", "14"], test=["15"]) == []
    assert refused([A], tune=[], test=[]) == []


@pytest.mark.parametrize(
    ("tune", "test", "line"),
    [
        (["11", "12", "15"], ["16"], "a (fold 0, seed 1) learned from 2 of the 3 patients in `tu"),
        (["13"], ["11", "16"], "a (fold 0, seed 1) learned from 1 of the 2 patients in `test`"),
        (["14"], ["13"], "a (fold 0, seed 1) was stopped or chosen by 1 of the 1 patients in `tes"),
    ],
)
def test_learning_from_whom_one_is_judged_by_is_refused(refused, tune, test, line):
    later = dataclasses.replace(A, variant="b", gradients=("99",), stopping=("98",))
    said = refused([A, later], tune=tune, test=test)
    assert said[0].startswith("variants.bones-x.weights: ")
    assert said[1].strip().startswith(line)
    assert len(said) == 3
    assert "a run of the same fold" in said[2]
    assert "split.draw: hashed" in said[2]
