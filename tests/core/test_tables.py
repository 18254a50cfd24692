"""Tables whose bytes depend on the rows alone."""

import pyarrow as pa
import pytest

from radpipe.core.errors import DataError
from radpipe.core.tables import read_table, write_table


def test_equal_rows_give_equal_bytes(tmp_path):
    rows = pa.table({"case": ["a", "b"], "target": [0.0, float("nan")]})
    noted = rows.replace_schema_metadata({"pandas": "9.9"})
    write_table(tmp_path / "one.parquet", rows)
    write_table(tmp_path / "two.parquet", noted)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert read_table(tmp_path / "one.parquet", ["case"]).column_names == ["case"]


def test_what_is_no_table_is_named(tmp_path):
    (tmp_path / "x.parquet").write_text("no table")
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read as a table"):
        read_table(tmp_path / "x.parquet")


def test_a_missing_column_is_named(tmp_path):
    write_table(tmp_path / "x.parquet", pa.table({"case": ["a"]}))
    with pytest.raises(DataError, match="has no column target"):
        read_table(tmp_path / "x.parquet", ["case", "target"])
