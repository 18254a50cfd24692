"""What Arrow loads."""

import subprocess
import sys

CODE = """
import sys
import numpy as np, pyarrow as pa, pyarrow.compute as pc
from radpipe.core.arrow import without_pandas
with without_pandas():
    table = pa.table({"a": pa.array(np.arange(3.0)), "b": ["x", "y", "x"]})
    kept = table.filter(pc.equal(table["b"], "x"))
    print(kept["a"].to_numpy().tolist(), "pandas" in sys.modules)
print(table.to_pandas()["a"].sum())
"""


def test_pandas_is_loaded_by_who_asks_for_it_alone():
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[0.0, 2.0] False", "3.0"]
