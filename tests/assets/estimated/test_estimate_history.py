"""Estimates as they were told: what was answered for an earlier time stays the answer, whatever is estimated later."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest

from assets import recording, recovery
from assets.catalog import catalog
from assets.estimated import estimate_history
from warehouse.connection import read_published, transaction, write_session
from warehouse.home import Home
from warehouse.publish import publish

FROM, TO = "gpt-3-cost-1-4-million", "gpt-3-cost-4-6-million"


@pytest.fixture
def con(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    recording.refresh_reference(home)
    with write_session(home, catalog()) as opened:
        yield opened


def estimated(
    con: duckdb.DuckDBPyConnection, numbers: dict[tuple[str, str], float | None], version: str = "m-1"
) -> str:
    """Estimates take the place of those before, as in the assets; returns a moment after it, as SQL."""
    with transaction(con):
        con.execute("DELETE FROM estimated.training_estimate WHERE method_version = ?", [version]).fetchall()
        for (scenario, quantity), value in numbers.items():
            con.execute(
                "INSERT INTO estimated.training_estimate BY NAME SELECT $1 AS scenario_id, $2 AS quantity, $3 AS method_version, "
                "$4 AS low, $4 AS central, $4 AS high, 'USD' AS unit, now() AS as_of_at, false AS is_bundled, now() AS computed_at",
                [scenario, quantity, version, value],
            ).fetchall()
        estimate_history.note(con)
    return f"TIMESTAMPTZ '{con.execute('SELECT now()::VARCHAR').fetchall()[0][0]}'"


def answers(con: duckdb.DuckDBPyConnection, known: str | None) -> list[list[tuple]]:
    known_at = f"known_at := {known}" if known else ""
    return [
        con.execute(f"FROM {call} ORDER BY ALL").fetchall()
        for call in (
            f"_scenario_quantity_known({known_at})",
            f"scenario_verdict({known_at})",
            f"why_differs('{FROM}', '{TO}'{known_at and ', '}{known_at})",
        )
    ]


def test_what_was_answered_for_a_time_never_changes(con: duckdb.DuckDBPyConnection) -> None:
    draw = random.Random(6)
    keys = [(s, q) for s in (FROM, TO, "gpt-3-175b") for q in ("training_flop", "cost_usd", "gpu_hours")]
    told: list[tuple[str, list[list[tuple]]]] = []
    for _ in range(8):
        chosen = draw.sample(keys, draw.randint(4, 9))
        moment = estimated(con, {k: draw.choice([None, 1e6, 2e6, 4.6e6]) for k in chosen}, draw.choice(["m-1", "m-2"]))
        now = answers(con, None)
        assert answers(con, moment) == now, "as known now is what the tables hold"
        assert now[0]
        told.append((moment, now))
    assert [answers(con, moment) for moment, _ in told] == [was for _, was in told]
    assert len({str(was) for _, was in told}) > 4
    before = answers(con, "TIMESTAMPTZ '2020-01-01 00:00:00+00'")
    assert before[0] == []
    assert {row[11] for row in before[1]} == {"unknown"}


def test_only_changes_are_noted(con: duckdb.DuckDBPyConnection) -> None:
    numbers = {(FROM, "cost_usd"): 1.4e6, (FROM, "gpu_hours"): None}
    estimated(con, numbers)
    estimated(con, numbers)
    assert con.execute("SELECT count(*) FROM meta.estimate_word").fetchall() == [(2,)]
    estimated(con, {(FROM, "cost_usd"): 1.5e6})
    rows = con.execute(
        "SELECT quantity, central, is_estimated FROM meta.estimate_word ORDER BY recorded_at, quantity"
    ).fetchall()
    assert rows[2:] == [("cost_usd", 1.5e6, True), ("gpu_hours", None, False)]


def test_a_clock_that_was_set_back_changes_no_earlier_answer(con: duckdb.DuckDBPyConnection) -> None:
    estimated(con, {(FROM, "cost_usd"): 1.4e6, (TO, "cost_usd"): 4.6e6})
    con.execute("UPDATE meta.estimate_word SET recorded_at = recorded_at + INTERVAL 1 DAY").fetchall()
    told_at = "(SELECT max(recorded_at) FROM meta.estimate_word)"
    moments = [con.execute(f"SELECT {told_at}::VARCHAR").fetchall()[0][0], "2020-01-01 00:00:00+00"]
    told = [answers(con, f"TIMESTAMPTZ '{moment}'") for moment in moments]
    changed = {(FROM, "cost_usd"): 1.5e6}
    estimated(con, changed)
    estimated(con, changed)
    assert [answers(con, f"TIMESTAMPTZ '{moment}'") for moment in moments] == told
    assert con.execute(
        "SELECT scenario_id, central, is_estimated FROM meta.estimate_word ORDER BY recorded_at, scenario_id OFFSET 2"
    ).fetchall() == [(FROM, 1.5e6, True), (TO, None, False)], "each change once, after what was told before"


def test_no_word_without_its_estimate(con: duckdb.DuckDBPyConnection) -> None:
    """A transaction that breaks off notes nothing."""
    estimated(con, {(FROM, "cost_usd"): 1.4e6})
    with pytest.raises(ZeroDivisionError), transaction(con):
        con.execute("DELETE FROM estimated.training_estimate").fetchall()
        assert estimate_history.note(con) == 1
        raise ZeroDivisionError
    assert con.execute("SELECT count(*) FROM meta.estimate_word").fetchall() == [(1,)]


def test_a_warehouse_made_again_recalls_what_was_told(home: Home) -> None:
    """The words are in no capture: they come back from the published file with the numbers of the publications."""
    recording.refresh_reference(home)
    with write_session(home, catalog()) as con:
        first = estimated(con, {(FROM, "cost_usd"): 1.4e6})
        told = answers(con, first)
        estimated(con, {(FROM, "cost_usd"): 1.5e6})
    # These numbers have no factors, which no publication may lack.
    held = replace(catalog(), promises=())
    publish(home, held)
    recovery.rebuild_warehouse(home, lambda _: None)
    with write_session(home, catalog()) as con:
        assert con.execute("SELECT count(*) FROM meta.estimate_word").fetchall() == [(0,)]
        again = estimated(con, {(FROM, "cost_usd"): 1.5e6})
        now = answers(con, None)
        # As when an asset has computed it.
        con.execute("INSERT INTO meta.definition VALUES ('estimated.training_estimate', 'anew')").fetchall()
    assert publish(home, held).number == 2
    with read_published(home) as con:
        assert con.execute("SELECT count(*) FROM meta.estimate_word").fetchall() == [(2,)]
        assert answers(con, first) == told
        assert answers(con, again) == answers(con, None) == now
