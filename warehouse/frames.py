"""Frames handed to DuckDB as they lie in memory, over Arrow's C interface.

DuckDB also reads PyArrow's tables, and whatever else can give such a stream, but through `pyarrow.dataset`, which imports pandas where
that is installed: 84 MiB and half a second before the first row. A stream by itself needs neither, and no copy of texts in PyArrow's form.
"""

from __future__ import annotations

import duckdb
import polars as pl

#: Rows of a piece that one thread reads: a row group of DuckDB.
_TOGETHER = 122_880


def lend(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Let one statement read a frame as the view `name`, once; DuckDB refuses a second reading.

    Args:
        con: a connection.
        name: of the view; one that is there is replaced.
        frame: any number of rows; their order is kept.
    """
    if frame.height > _TOGETHER:
        # Without copying: a stream of one piece would be read by one thread.
        frame = pl.concat(list(frame.iter_slices(_TOGETHER)), rechunk=False)
    con.register(name, frame.__arrow_c_stream__(None))
