"""Checks on the log: they find what is wrong with it, and read again only what they have not seen."""

from __future__ import annotations

import datetime as dt

import duckdb

from assets import recording
from assets.catalog import catalog
from assets.estimated.indices.assets import _keys_unique_if_changed
from assets.estimated.indices.grid_slices import GRID_DAYS
from assets.estimated.indices.slices import update
from assets.observed.checks import CHECKS, checks_of
from assets.subjects import GRID_CARBON, SUBJECTS
from tests.assets.estimated.indices.test_slices import Loader, hours
from warehouse.connection import write_session
from warehouse.home import Home


def _twice(con: duckdb.DuckDBPyConnection) -> int:
    passed, found = CHECKS["keys_unique"].run(con, GRID_CARBON)
    assert passed == (found["keys_that_occur_twice"] == 0)
    return found["keys_that_occur_twice"]


def _out_of_bounds(con: duckdb.DuckDBPyConnection) -> int:
    passed, found = CHECKS["values_in_bounds"].run(con, GRID_CARBON)
    assert passed == (found["rows_out_of_bounds"] == 0)
    return found["rows_out_of_bounds"]


def _repeat(con: duckdb.DuckDBPyConnection, recorded_at: dt.datetime) -> None:
    con.execute(
        f"INSERT INTO {GRID_CARBON.log_name} FROM {GRID_CARBON.log_name} WHERE recorded_at = ? LIMIT 1", [recorded_at]
    ).fetchall()


def test_a_subject_has_no_check_that_cannot_fail_on_it() -> None:
    everywhere = {
        "columns_as_declared",
        "values_in_bounds",
        "keys_unique",
        "sources_fresh",
        "row_count_steady",
        "no_rows_refused",
    }
    # What a user loads by hand may stand still.
    assert [s.name for s in SUBJECTS if "sources_change" not in checks_of(s.name)] == ["usage"]
    extra = {s.name: sorted(checks_of(s.name).keys() - everywhere - {"sources_change"}) for s in SUBJECTS}
    assert {name: checks for name, checks in extra.items() if checks} == {
        "cloud_rate": ["no_unit_jumps", "rates_agree"],
        "gpu_price": ["no_unit_jumps"],
        "grid_carbon": ["no_fuel_missing"],
        "token_price": ["no_unit_jumps", "rates_agree"],
    }
    assert all(everywhere <= checks_of(s.name).keys() for s in SUBJECTS)


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


def test_a_value_out_of_bounds_is_told_until_it_is_gone(home: Home) -> None:
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
        loader = Loader(con)
        loader.load("s1", "a", 100, hours("AA", 0, 50, 1))
        assert _out_of_bounds(con) == 0
        loader.load("s1", "a", 101, hours("AA", 50, 60, 2))
        wrong = "FROM observed.grid_carbon_log WHERE recorded_at = ?"
        con.execute(
            "UPDATE observed.grid_carbon_log SET intensity_gco2e_per_kwh = -1 WHERE recorded_at = ?", [loader.moment]
        ).fetchall()
        rows = con.execute(f"SELECT count(*) {wrong}", [loader.moment]).fetchall()[0][0]
        assert (_out_of_bounds(con), _out_of_bounds(con)) == (rows, rows)
        moment = loader.moment
        loader.load("s1", "a", 102, hours("AA", 60, 70, 3))
        assert _out_of_bounds(con) == rows
        con.execute(f"DELETE {wrong}", [moment]).fetchall()
        assert _out_of_bounds(con) == 0


def test_a_table_by_day_is_read_again_when_it_was_written(home: Home) -> None:
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
        loader = Loader(con)
        loader.load("s1", "a", 100, hours("AA", 0, 50, 1))
        update(con, GRID_DAYS)
        name = GRID_DAYS.table.full_name
        assert _keys_unique_if_changed(con, GRID_DAYS) == (True, {"keys_that_occur_twice": 0})
        loader.load("s1", "a", 101, hours("AA", 50, 60, 2))
        update(con, GRID_DAYS)
        con.execute(f"INSERT INTO {name} FROM {name} LIMIT 1").fetchall()
        for _ in range(2):
            assert _keys_unique_if_changed(con, GRID_DAYS) == (False, {"keys_that_occur_twice": 1})
