"""What Arrow does without pandas."""

import subprocess
import sys

SPARED = """
import sys
import numpy as np, pyarrow as pa
from radpipe.core.sparing import spare_pandas
spare_pandas()
table = pa.table({"n": pa.array([1, None]), "x": np.array([0.5, 0.25]), "t": ["a", "b"]})
assert "pandas" not in sys.modules
assert table["x"].to_numpy().tolist() == [0.5, 0.25]
assert np.isnan(table["n"].to_numpy()).tolist() == [False, True]
assert table.sort_by("x")["t"].to_pylist() == ["b", "a"]
assert "pandas" not in sys.modules
import pandas
assert pandas.DataFrame({"x": [1]})["x"].sum() == 1
"""
LOADED = """
import pandas, pyarrow as pa
from radpipe.core.sparing import spare_pandas
spare_pandas()
assert pa.Table.from_pandas(pandas.DataFrame({"x": [1]})).num_rows == 1
"""
NEITHER = """
import sys
from radpipe.core.sparing import spare_pandas
spare_pandas()
assert "pyarrow" not in sys.modules
"""


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_arrow_loads_no_pandas_and_gives_the_same():
    done = python(SPARED)
    assert done.returncode == 0, done.stderr


def test_pandas_that_is_there_is_used():
    done = python(LOADED)
    assert done.returncode == 0, done.stderr


def test_arrow_is_not_loaded_for_it():
    done = python(NEITHER)
    assert done.returncode == 0, done.stderr
