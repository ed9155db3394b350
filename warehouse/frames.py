"""Polars frames read by DuckDB without a copy, over Arrow's C stream interface.

DuckDB also reads PyArrow's tables, and whatever else can give such a stream, but through `pyarrow.dataset`, which imports pandas where
that is installed: 84 MiB and half a second before the first row. A stream by itself needs neither, and no copy of texts in PyArrow's form.
"""

from __future__ import annotations

import duckdb
import polars as pl

#: From so many rows on a frame goes as a PyArrow table, which all threads read; a stream, in however many chunks, is read by one (DuckDB 1.5: 15 million
#: rows in twice the time). The copy of the texts and the import cost more than that for fewer.
_MANY_ROWS = 1_000_000


def register_stream(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Register a frame as the view `name` for one read by one statement; DuckDB refuses a second read of a stream.

    Args:
        con: a connection.
        name: of the view; one that is there is replaced.
        frame: any number of rows; their order is kept.
    """
    con.register(name, frame.to_arrow() if frame.height >= _MANY_ROWS else frame.__arrow_c_stream__(None))
