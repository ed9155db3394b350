"""Polars frames read by DuckDB without a copy, over Arrow's C stream interface.

DuckDB can also read PyArrow tables, but through `pyarrow.dataset`, which imports pandas if that is installed: 84 MiB
and half a second before the first row. A stream needs neither, nor a copy of the strings in PyArrow's format.
"""

from __future__ import annotations

import duckdb
import polars as pl

#: Frames with at least this many rows are passed as PyArrow tables, which all threads read; a stream is read by a
#: single one (DuckDB 1.5: 15 million rows take twice as long). For smaller frames the import and the copy of strings
#: cost more.
_MANY_ROWS = 1_000_000


def register_stream(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Register a frame as the view `name` for a single read by one statement; a stream cannot be read twice.

    Args:
        con: a connection.
        name: name of the view; an existing one is replaced.
        frame: any number of rows; their order is kept.
    """
    con.register(name, frame.to_arrow() if frame.height >= _MANY_ROWS else frame.__arrow_c_stream__(None))
