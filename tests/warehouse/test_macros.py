"""What a macro takes for granted must hold whenever it is asked, not when it was made."""

from __future__ import annotations

import re

import duckdb
import pytest

from assets.catalog import catalog
from assets.subjects import RESOLUTIONS
from warehouse.connection import write_session
from warehouse.home import Home
from warehouse.macros import defaults_of, is_macro, name_of

MACROS = {str(name_of(s)): defaults_of(s) for s in catalog().scripts if is_macro(s)}
#: NULL, a number, a truth, a text or an instant in so many words, or a list of these.
PLAIN = re.compile(
    r"(NULL|true|false|-?[\d.]+(e-?\d+)?|(TIMESTAMPTZ|DATE)?\s*'[^']*'|\[[^()]*\])(::\w+(\[\])?)?\Z", re.IGNORECASE
)


@pytest.mark.parametrize("name", sorted(name for name, defaults in MACROS.items() if defaults))
def test_no_default_is_worked_out_when_the_macro_is_made(name: str) -> None:
    """DuckDB keeps the value of a default, not its expression: `valid_at := now()` answered for the day on which the warehouse was made."""
    assert {p: d for p, d in MACROS[name].items() if not PLAIN.match(d)} == {}


def test_there_are_macros_that_answer_for_now() -> None:
    now = {name for name, defaults in MACROS.items() if "TIMESTAMPTZ '-infinity'" in defaults.values()}
    assert {
        "gpu_hour_price",
        "cheapest",
        "token_price_of",
        "region_carbon",
        "green_window",
        "siting",
        "petaday_cost",
    } <= now


def test_an_instant_that_is_not_given_is_now_and_an_unknown_one_is_not() -> None:
    con = duckdb.connect()
    scripts = [s for s in catalog().scripts if is_macro(s) and name_of(s) in ("_instant", "_asked_instant")]
    assert len(scripts) == 2
    for script in scripts:
        con.execute(script).fetchall()
    asked = "_asked_instant(TIMESTAMPTZ '-infinity') = now(), _asked_instant(NULL), _asked_instant(DATE '2026-01-02') = TIMESTAMPTZ '2026-01-02 00:00:00+00'"
    for _ in range(2):
        assert con.execute(f"SELECT {asked}").fetchall() == [(True, None, True)]


def test_a_macro_that_is_no_longer_declared_goes(home: Home) -> None:
    """Of an earlier Petaday: it would still answer, by tables that have changed since."""
    with write_session(home, catalog()) as con:
        kept = names(con)
        con.execute("CREATE MACRO former(a) AS a + 1")
        con.execute("CREATE MACRO former_rows() AS TABLE SELECT 1")
        con.execute("UPDATE meta.definition SET fingerprint = 'of an earlier one' WHERE name = 'catalog'")
    with write_session(home, catalog()) as con:
        assert names(con) == kept == set(MACROS)


def names(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {
        name
        for (name,) in con.execute(
            "SELECT function_name FROM duckdb_functions() WHERE NOT internal AND database_name = current_database() AND function_type LIKE '%macro'"
        ).fetchall()
    }


@pytest.mark.parametrize(
    ("moved", "total_from", "total_to", "left"),
    [
        (1.763e-10, 1_152_568.0, 518_656.0, 0.0),
        (-633_912.0, 1_152_568.0, 518_656.0, -633_912.0),
        (2e-6, 3e-5, 5e-5, 2e-6),
        (0.0, 0.0, 0.0, 0.0),
        (None, None, 1.0, None),
        (1e-12, None, None, 1e-12),
    ],
)
def test_what_rounding_leaves_of_a_split_is_no_move(
    moved: float | None, total_from: float | None, total_to: float | None, left: float | None
) -> None:
    with duckdb.connect() as con:
        con.execute(next(s for s in catalog().scripts if name_of(s) == "_without_rounding")).fetchall()
        found = con.execute("SELECT _without_rounding(?, ?, ?)", [moved, total_from, total_to]).fetchall()
    assert found == [(left,)]


def test_every_length_of_slots_has_its_rank_and_is_hourly_or_longer() -> None:
    """A new length that a macro forgets would have no end, no rank, and be neither hourly nor longer."""
    con = duckdb.connect()
    wanted = ("slot_length", "resolution_rank", "is_hourly", "_is_longer_than_hourly")
    for script in catalog().scripts:
        if is_macro(script) and name_of(script) in wanted:
            con.execute(script).fetchall()
    rows = con.execute(
        "SELECT resolution, rank() OVER (ORDER BY slot_length(resolution)), resolution_rank(resolution), "
        "slot_length(resolution) <= INTERVAL 1 HOUR, is_hourly(resolution), NOT _is_longer_than_hourly(resolution) "
        "FROM (SELECT unnest($resolutions) AS resolution) ORDER BY slot_length(resolution)",
        {"resolutions": list(RESOLUTIONS)},
    ).fetchall()
    assert [row[0] for row in rows] == list(RESOLUTIONS)
    assert all(row[1] == row[2] and row[3] is row[4] is row[5] for row in rows), rows
