"""Settings of a connection."""

from __future__ import annotations

import duckdb
import pytest

from warehouse.sessions import all_or_nothing, one_thread


def _threads(con: duckdb.DuckDBPyConnection) -> int:
    return con.execute("SELECT current_setting('threads')").fetchall()[0][0]


def test_threads_are_given_back_whatever_happens() -> None:
    con = duckdb.connect()
    con.execute("SET threads = 3").fetchall()
    with one_thread(con):
        assert _threads(con) == 1
    assert _threads(con) == 3
    with pytest.raises(duckdb.CatalogException), one_thread(con), all_or_nothing(con):
        con.execute("FROM nowhere").fetchall()
    assert _threads(con) == 3
