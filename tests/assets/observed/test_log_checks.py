"""Checks on the log: they find what is wrong with it, and read again only what they have not seen."""

from __future__ import annotations

import datetime as dt

import duckdb

from assets import recording
from assets.catalog import catalog
from assets.observed.checks import CHECKS
from assets.subjects import GRID_CARBON
from tests.assets.estimated.indices.test_slices import Loader, hours
from warehouse.connection import write_session
from warehouse.home import Home


def _twice(con: duckdb.DuckDBPyConnection) -> int:
    passed, found = CHECKS["keys_unique"].run(con, GRID_CARBON)
    assert passed == (found["keys_that_occur_twice"] == 0)
    return found["keys_that_occur_twice"]


def _repeat(con: duckdb.DuckDBPyConnection, recorded_at: dt.datetime) -> None:
    con.execute(
        f"INSERT INTO {GRID_CARBON.log_name} FROM {GRID_CARBON.log_name} WHERE recorded_at = ? LIMIT 1", [recorded_at]
    ).fetchall()


def test_a_word_that_stands_twice_is_told_until_it_is_gone(home: Home) -> None:
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
        loader = Loader(con)
        loader.load("s1", "a", 100, hours("AA", 0, 50, 1))
        assert _twice(con) == 0
        loader.load("s1", "a", 101, hours("AA", 50, 60, 2))
        _repeat(con, loader.moment)
        assert (_twice(con), _twice(con)) == (1, 1)
        loader.load("s1", "a", 102, hours("AA", 60, 70, 3))
        assert _twice(con) == 1
        con.execute(
            f"DELETE FROM {GRID_CARBON.log_name} WHERE recorded_at = ?", [loader.moment - dt.timedelta(minutes=7)]
        ).fetchall()
        assert _twice(con) == 0
