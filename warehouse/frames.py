"""Polars frames read by DuckDB without a copy, over Arrow's C stream interface.

DuckDB also reads PyArrow's tables, and whatever else can give such a stream, but through `pyarrow.dataset`, which imports pandas where
that is installed: 84 MiB and half a second before the first row. A stream by itself needs neither, and no copy of texts in PyArrow's form.
"""

from __future__ import annotations

import duckdb
import polars as pl

#: Rows of one chunk of the stream, which one thread reads: a row group of DuckDB.
_CHUNK_ROWS = 122_880


def register_stream(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Register a frame as the view `name` for one read by one statement; DuckDB refuses a second read of a stream.

    Args:
        con: a connection.
        name: of the view; one that is there is replaced.
        frame: any number of rows; their order is kept.
    """
    if frame.height > _CHUNK_ROWS:
        # Without copying: a stream of one piece would be read by one thread.
        frame = pl.concat(list(frame.iter_slices(_CHUNK_ROWS)), rechunk=False)
    con.register(name, frame.__arrow_c_stream__(None))
