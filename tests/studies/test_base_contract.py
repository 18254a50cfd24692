"""Tables of cases: types, order, and what breaks the contract."""

import math

import pyarrow as pa
import pytest

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.settings import Target
from radpipe.studies.base import adapters
from radpipe.studies.base.contract import (
    BOX_SCHEMA,
    Case,
    CaseTable,
    File,
    case_table,
    check_cases,
    covariate,
)

TARGET = Target(kind="binary", classes=["no", "yes"])
FILES = {"a.png": File(1, "x"), "b.png": File(1, "y")}


def case(name="a", **more):
    values = {
        "case": name,
        "patient": "p",
        "official": None,
        "target": (1.0,),
        "files": {"image": f"{name}.png"},
        "covariates": {},
    }
    return Case(**{**values, **more})


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (["1", "-2.5", " 3e2 "], pa.float64(), [1.0, -2.5, 300.0]),
        (["1", "", "inf"], pa.float64(), [1.0, math.nan, math.nan]),
        (["", "-inf"], pa.float64(), [math.nan, math.nan]),
        (["0", "0.5"], pa.float64(), [0.0, 0.5]),
        (["1", "x", " "], pa.string(), ["1", "x", None]),
        (["1", "01"], pa.string(), ["1", "01"]),
    ],
)
def test_types_of_covariates(texts, kind, values):
    column = covariate(texts)
    assert column.type == kind
    assert column.to_pylist() == pytest.approx(values, nan_ok=True)


def test_cases_are_sorted_and_the_rest_filled_in():
    found = case_table(
        [
            case("b", covariates={"age": "3"}),
            case("a", covariates={"sex": "f"}, ceiling=(0.25, 0.75), official="test"),
        ],
        target=TARGET,
        views=("image",),
    )
    check_cases(found, target=TARGET, views=("image",), files=FILES)
    assert found.cases.column_names == [
        *("case", "patient", "official", "target", "file_image"),
        *("covariate_age", "covariate_sex", "ceiling_no", "ceiling_yes"),
    ]
    assert found.cases["case"].to_pylist() == ["a", "b"]
    assert found.cases["ceiling_yes"].to_pylist() == pytest.approx([0.75, math.nan], nan_ok=True)
    assert found.cases["covariate_age"].to_pylist() == pytest.approx([math.nan, 3], nan_ok=True)
    assert found.boxes.num_rows == 0


def test_no_cases_and_doubles_are_refused():
    with pytest.raises(DataError, match="has no case"):
        case_table([], target=TARGET, views=("image",))
    with pytest.raises(DataError, match="1 name stands for more than one case, such as 'a'"):
        case_table([case("a"), case("a")], target=TARGET, views=("image",))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"target": (2.0,)}, "whole number 0..1"),
        ({"target": (0.5,)}, "whole number"),
        ({"official": "dev"}, "official parts are train, tune, test"),
        ({"patient": ""}, "needs a patient"),
        ({"files": {"image": "c.png"}}, r"not in the manifest: \['c.png'\]"),
    ],
)
def test_broken_contracts(broken, message):
    found = case_table([case(**broken)], target=TARGET, views=("image",))
    with pytest.raises(DataError, match=message):
        check_cases(found, target=TARGET, views=("image",), files=FILES)


LABELS = Target(kind="multi-label", classes=["a", "b"])


def test_uncertain_answers_have_columns_where_a_data_set_knows_such():
    doubted = case("a", target=(math.nan, 1.0), uncertain=(True, False))
    silent = case("b", target=(math.nan, 0.0))
    found = case_table([silent, doubted], target=LABELS, views=("image",))
    check_cases(found, target=LABELS, views=("image",), files=FILES)
    assert found.cases.column_names[3:7] == ["target_a", "target_b", "uncertain_a", "uncertain_b"]
    assert found.cases["uncertain_a"].to_pylist() == [True, False]
    assert found.cases["uncertain_b"].to_pylist() == [False, False]
    assert math.isnan(found.cases["target_a"].to_pylist()[0])
    other = case_table([silent], target=LABELS, views=("image",))
    assert not set(LABELS.uncertain_columns) & set(other.cases.column_names)


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_an_answer_that_is_uncertain_cannot_be_given(answer):
    found = case_table([case(target=(answer,), uncertain=(True,))], target=TARGET, views=("image",))
    with pytest.raises(DataError, match="what uncertain doubts must be unknown in target"):
        check_cases(found, target=TARGET, views=("image",), files=FILES)


def test_missing_columns_wrong_order_and_stray_boxes():
    good = case_table([case("a"), case("b")], target=TARGET, views=("image",))
    kept = {"target": TARGET, "views": ("image",), "files": FILES}
    with pytest.raises(DataError, match="lacks the columns target"):
        check_cases(CaseTable(good.cases.drop_columns("target"), good.boxes), **kept)
    with pytest.raises(DataError, match="sorted"):
        check_cases(CaseTable(good.cases.take([1, 0]), good.boxes), **kept)
    box = dict.fromkeys(BOX_SCHEMA.names, 0) | {"case": "z", "view": "image", "label": "x"}
    boxes = pa.Table.from_pylist([box], schema=BOX_SCHEMA)
    with pytest.raises(DataError, match="belongs to no case"):
        check_cases(CaseTable(good.cases, boxes), **kept)


def test_an_unknown_adapter_shows_its_near_miss():
    with pytest.raises(ConfigError, match=r"adapter: unknown 'folder', did you mean 'folders'"):
        adapters.load_adapter("folder")
    with pytest.raises(ConfigError, match="unknown 'base'"):
        adapters.load_adapter("base")


def test_a_module_without_adapter_is_refused(monkeypatch):
    monkeypatch.setattr(adapters, "adapter_names", lambda: ["base"])
    with pytest.raises(ConfigError, match="has no ADAPTER"):
        adapters.load_adapter("base")
