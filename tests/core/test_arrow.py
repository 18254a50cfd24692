"""Arrow does not load pandas where nothing else does, and tables stay what they are."""

import subprocess
import sys

CODE = """
import sys
import numpy as np
import pyarrow as pa
from radpipe.core.arrow import keep_pandas_out

keep_pandas_out()
column = pa.array(np.array([1.5, np.nan]))
print(column.to_pylist(), column.to_numpy().tolist(), pa.array([1, None]).null_count)
print("pandas" in sys.modules)
keep_pandas_out()
print(pa.table({"a": [1, 2]}).to_pandas()["a"].tolist(), "pandas" in sys.modules)
"""
FIRST = """
import sys
from radpipe.core.arrow import keep_pandas_out

keep_pandas_out()
print("pyarrow" in sys.modules)
import numpy as np
import pandas
import pyarrow as pa
keep_pandas_out()
print(pa.array(pandas.Series([1.5, np.nan])).to_pylist())
"""


def said(code: str) -> list[str]:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.splitlines()


def test_pandas_is_loaded_only_by_who_asks_for_it() -> None:
    assert said(CODE) == ["[1.5, nan] [1.5, nan] 1", "False", "[1, 2] True"]


def test_nothing_happens_without_arrow_or_with_pandas() -> None:
    assert said(FIRST) == ["False", "[1.5, None]"]
