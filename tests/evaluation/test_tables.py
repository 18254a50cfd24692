"""Numbers as text."""

import numpy as np
import pytest

from radpipe.core.errors import DataError
from radpipe.evaluation.tables import plain, read_csv, write_csv


def test_plain_values():
    value = {"a": np.float64(1 / 3), "b": [np.int64(2), float("nan"), True], "c": None, "d": "x"}
    assert plain(value) == {"a": 0.333333, "b": [2, None, True], "c": None, "d": "x"}
    assert plain(np.array([-1e-9])) == [0.0]
    assert str(plain(-1e-9)) == "0.0"
    assert plain(np.bool_(False)) is False
    assert plain(float("inf")) is None


def test_a_value_without_a_column_is_refused_and_nothing_is_written(tmp_path):
    path = tmp_path / "rows.csv"
    with pytest.raises(ValueError, match=r"rows\.csv: no column for b, c"):
        write_csv(path, ["a"], [{"a": 1}, {"a": 2, "c": 3, "b": 4}])
    assert not path.exists()


def test_csv_there_and_back(tmp_path):
    path = tmp_path / "rows.csv"
    write_csv(path, ["a", "b"], [{"a": 0.1234567, "b": "x,y"}, {"b": float("nan")}])
    assert path.read_bytes() == b'a,b\n0.123457,"x,y"\n,\n'
    assert read_csv(path) == [{"a": "0.123457", "b": "x,y"}, {"a": "", "b": ""}]


def test_an_empty_file_is_no_table(tmp_path):
    (tmp_path / "rows.csv").touch()
    with pytest.raises(DataError, match=r"rows\.csv: empty"):
        read_csv(tmp_path / "rows.csv")
