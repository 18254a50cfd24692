"""Tables on disk: Parquet whose bytes depend on nothing but the rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from radpipe.core.errors import DataError
from radpipe.core.files import atomic


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table atomically; equal tables give equal bytes.

    Pandas metadata are dropped, because they name the version of pandas.
    """
    with atomic(path) as temporary:
        pq.write_table(table.replace_schema_metadata(None), temporary, compression="zstd")


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a table; a file that is not Parquet, or lacks a column, is a `DataError`."""
    try:
        # pq.read_table would load pandas, which takes a second that most steps can do without.
        with pq.ParquetFile(path) as file:
            missing = set(columns or ()) - set(file.schema_arrow.names)
            if not missing:
                return file.read(columns=columns)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
        raise DataError(
            f"{path}: cannot be read as a table ({error}). Delete it and run again."
        ) from error
    raise DataError(f"{path}: has no column {', '.join(sorted(missing))}. Delete it and run again.")
