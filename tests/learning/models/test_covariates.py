"""Covariates as inputs: reading, encoding, what is learned of them, and where it stays."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.settings import ModelChoice
from radpipe.core.tables import read_table, write_table
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import Batch, gather, read_part
from radpipe.learning.models.covariates import (
    Auxiliary,
    Encoder,
    TableInput,
    auxiliary_loss,
    read_auxiliary,
    read_entries,
)
from tests.small_study import TWO, factors, write_knees

NAN = float("nan")
TAKEN = TableInput(
    numbers={"age": "mean", "bmi": "median", "injury": "zero"}, categories={"race": [0, 1, 3]}
)
# age, bmi, injury, race
ENTRIES = np.array(
    [[50, 20, 1, 0], [60, NAN, NAN, 3], [NAN, 30, 0, NAN], [70, 22, 1, 1]], dtype=np.float32
)


def encoded(settings: TableInput, entries: np.ndarray = ENTRIES) -> np.ndarray:
    encoder = Encoder(settings)
    encoder.fit(ENTRIES)
    return encoder(torch.from_numpy(entries)).numpy()


def test_covariates_become_inputs_by_hand():
    """The mean age is 60, the median BMI 22; an unknown race is no race at all."""
    assert encoded(TAKEN).tolist() == [
        [50, 20, 1, 1, 0, 0],
        [60, 22, 0, 0, 0, 1],
        [60, 30, 0, 0, 0, 0],
        [70, 22, 1, 0, 1, 0],
    ]
    assert TAKEN.n_inputs == 6
    assert TAKEN.columns == ["age", "bmi", "injury", "race"]


def test_numbers_are_standardised_with_gaps_filled():
    """Ages of 50, 60, 60, 70 have a mean of 60 and an SD of the root of 50."""
    inputs = encoded(TAKEN.model_copy(update={"standardise": True}))
    assert inputs[:, 0] == pytest.approx(np.array([-10, 0, 0, 10]) / 50**0.5)
    np.testing.assert_allclose(inputs[:, :3].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(inputs[:, :3].std(axis=0), 1, rtol=1e-6)
    assert inputs[1, 3:].tolist() == [0, 0, 1]


def test_a_number_that_never_differs_is_not_divided_by_zero():
    settings = TableInput(numbers={"age": "mean"}, standardise=True)
    encoder = Encoder(settings)
    encoder.fit(np.full((3, 1), 7, dtype=np.float32))
    assert encoder(torch.tensor([[7.0], [NAN], [9.0]])).tolist() == [[0], [0], [2]]


def test_a_number_that_is_never_known_has_no_mean():
    unknown = np.full((3, 1), NAN, dtype=np.float32)
    with pytest.raises(DataError, match=r"covariate_age: unknown in every case .* no mean"):
        Encoder(TableInput(numbers={"age": "mean"})).fit(unknown)
    zero = Encoder(TableInput(numbers={"age": "zero"}))
    zero.fit(unknown)
    assert zero(torch.from_numpy(unknown)).tolist() == [[0]] * 3


@given(order=st.permutations(range(4)))
def test_a_case_is_encoded_without_its_neighbours(order):
    assert np.array_equal(encoded(TAKEN, ENTRIES[order]), encoded(TAKEN)[order])
    assert np.array_equal(encoded(TAKEN, ENTRIES[order[:1]]), encoded(TAKEN)[order[:1]])


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({}, "at least one covariate"),
        ({"numbers": {"kl": "mean"}, "categories": {"kl": [0]}}, "'kl' is taken twice"),
        ({"categories": {"kl": [0, 0]}}, "list each of its values once"),
        ({"numbers": {"kl": "mode"}}, "'mean', 'median' or 'zero'"),
    ],
)
def test_blocks_that_make_no_sense_are_refused(block, said):
    with pytest.raises(ValidationError, match=said):
        TableInput.model_validate(block)


def table(**columns: list[object]) -> pa.Table:
    return pa.table({f"covariate_{name}": pa.array(v) for name, v in columns.items()})


def test_a_covariate_that_is_missing_shows_the_near_miss():
    there = table(age=[1.0], agent=[1.0], bmi=[2.0])
    with pytest.raises(ConfigError, match=r"model\.table: covariate: unknown 'bmj', did you mean"):
        read_entries(there, TableInput(numbers={"bmj": "mean"}))
    with pytest.raises(ConfigError, match=r"Known: age, agent, bmi\."):
        read_auxiliary(there, Auxiliary(column="race", classes=2))
    with pytest.raises(ConfigError, match="the study has none"):
        read_entries(pa.table({"case": ["a"]}), TableInput(numbers={"age": "mean"}))


def test_texts_are_refused():
    with pytest.raises(ConfigError, match="covariate 'sex' holds texts"):
        read_entries(table(sex=["f", None]), TableInput(categories={"sex": [0, 1]}))


def test_values_outside_the_categories_are_counted():
    there = table(race=[0.0, 7.0, NAN, 7.0, 2.5])
    said = r"covariate_race has values .*: 2\.5 \(1 cases\), 7 \(2 cases\); known are 0, 1"
    with pytest.raises(DataError, match=said):
        read_entries(there, TableInput(categories={"race": [0, 1]}))
    with pytest.raises(DataError, match=r"model\.auxiliary\.classes does not know"):
        read_auxiliary(there, Auxiliary(column="race", classes=3))


def test_unknown_entries_are_read_as_nan():
    found = read_entries(table(age=[1, None], bmi=[NAN, 2.0]), TableInput(numbers={"bmi": "zero"}))
    assert found.dtype == np.float32
    assert np.isnan(found[0, 0])
    assert found[1].tolist() == [2.0]


def test_auxiliary_loss_by_hand():
    """Logits of (0, log 3) give 1/4 and 3/4; the second case is unknown."""
    logits = torch.tensor([[0.0, np.log(3)], [5.0, -5.0], [0.0, np.log(3)]])
    truth = torch.tensor([0.0, NAN, 1.0])
    assert auxiliary_loss(logits, truth).item() == pytest.approx(np.log(4) + np.log(4 / 3))


JOINT = ModelChoice.model_validate(
    {
        "name": "joint",
        "image": {"name": "floor"},
        "table": {"numbers": {"age": "mean", "bmi": "mean"}, "categories": {"kl": range(5)}},
        "auxiliary": {"column": "kl", "classes": 5},
    }
)


@pytest.fixture
def study(tmp_path):
    write_knees(tmp_path, TWO)
    return tmp_path / "data/bones/split.parquet", Store(tmp_path / "data/bones/store")


def test_cases_carry_their_covariates(study):
    split, store = study
    cases = read_part(split, store, TWO, part="tune", fold=1, model=JOINT)
    numbers = [int(name.removeprefix("case-")) for name in cases.table["case"].to_pylist()]
    drawn = factors(48)
    expected = np.stack([drawn[f"covariate_{name}"] for name in ("age", "bmi", "kl")], axis=1)
    np.testing.assert_array_equal(cases.entries, expected[numbers].astype(np.float32))
    np.testing.assert_array_equal(cases.auxiliary, cases.entries[:, 2])
    plain = read_part(split, store, TWO, part="tune", fold=1, model=ModelChoice(name="floor"))
    assert (plain.entries, plain.auxiliary) == (None, None)


def test_a_model_for_tables_reads_no_pixels(study):
    split, store = study
    alone = ModelChoice.model_validate({"name": "table", "table": {"numbers": {"age": "mean"}}})
    cases = read_part(split, store, TWO, part="tune", fold=0, model=alone)
    assert cases.rows.shape == (len(cases), 0)
    batch = gather(store, cases.rows, torch.device("cpu"), cases.entries)
    assert (batch.views, batch.counts, len(batch)) == ((), (), len(cases))
    assert [len(piece) for piece in batch.chunk(2)] == [(len(cases) + 1) // 2, len(cases) // 2]


@given(n=st.integers(1, 9), pieces=st.integers(1, 4))
def test_a_batch_is_divided_with_its_table(n, pieces):
    view, rows = torch.arange(2.0 * n).view(-1, 1, 1, 1), torch.arange(3.0 * n).view(n, 3)
    batch = Batch((view,), ((2,) * n,), rows)
    parts = batch.chunk(pieces)
    expected = rows.chunk(pieces)
    assert [part.table.tolist() for part in parts] == [rows.tolist() for rows in expected]
    for part in parts:
        assert part.views[0][::2, 0, 0, 0].tolist() == (part.table[:, 0] / 1.5).tolist()


@settings(deadline=None, max_examples=15)
@given(values=st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3))
def test_tune_and_test_cannot_move_what_is_learned(study_once, values):
    """Whatever covariates the other parts have: the same bits of statistics."""
    split, store, clean = study_once
    changed = read_table(clean)
    part, fold = changed["part"].to_numpy(), changed["fold"].to_numpy()
    other = (part == "test") | (fold == 0)
    assert other.any()
    for name, value in zip(("age", "bmi", "alignment"), values, strict=True):
        place = changed.column_names.index(f"covariate_{name}")
        column = np.where(other, value, changed.column(place).to_numpy())
        changed = changed.set_column(place, f"covariate_{name}", pa.array(column))
    write_table(split, changed)
    assert learned(split, store) == learned(clean, store)


@pytest.fixture(scope="module")
def study_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("knees")
    write_knees(root, TWO)
    split = root / "data/bones/split.parquet"
    clean = split.with_name("clean.parquet")
    write_table(clean, read_table(split))
    return split, Store(root / "data/bones/store"), clean


def learned(split, store):
    numbers = {"age": "mean", "bmi": "median", "alignment": "mean"}
    block = {"numbers": numbers, "standardise": True}
    model = ModelChoice.model_validate({"name": "table", "table": block})
    cases = read_part(split, store, TWO, part="train", fold=0, model=model)
    encoder = Encoder(TableInput.model_validate(block))
    encoder.fit(cases.entries)
    return [tensor.tolist() for tensor in encoder.state_dict().values()]
