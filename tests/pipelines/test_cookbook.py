"""Every question of docs/cookbook.md, asked of the bundled data: the answer is the one printed, and its rows make sense."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from assets.published import cookbook

PAGE = cookbook.PAGE.read_text(encoding="utf-8")
ENTRIES = [(int(m["number"]), m["question"], m["sql"], m["answer"]) for m in cookbook.ENTRY.finditer(PAGE)]
#: Questions whose honest answer on the bundled data is no row.
_EMPTY = {"When should a job start to run on green hours?"}


def test_the_cookbook_has_its_questions() -> None:
    assert len(ENTRIES) >= 25
    assert [number for number, *_ in ENTRIES] == list(range(1, len(ENTRIES) + 1))
    assert len({question for _, question, *_ in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize(("number", "question", "sql", "printed"), ENTRIES, ids=[f"{n}" for n, *_ in ENTRIES])
def test_a_question_is_answered_as_printed(
    bundled: duckdb.DuckDBPyConnection, number: int, question: str, sql: str, printed: str
) -> None:
    asked = bundled.sql(sql)
    rows = asked.fetchall()
    assert cookbook.answer(asked.columns, rows) == printed, (
        "if the new answer is right: `petaday run` in a fresh home, then `python -m assets.published.cookbook`"
    )
    assert (not rows) == (question in _EMPTY), number
    for row in rows:
        for name, value in zip(asked.columns, row, strict=True):
            if value is None or not isinstance(value, int | float):
                continue
            if "usd_per_gpu_hour" in name:
                assert 0.003 < value < 200
            elif name in ("kgco2e", "gco2e_per_kwh", "energy_kwh", "cost_usd", "million_usd"):
                assert value >= 0


@pytest.fixture(params=["Asia/Shanghai", "America/Los_Angeles"])
def elsewhere(
    bundled: duckdb.DuckDBPyConnection, request: pytest.FixtureRequest
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The session of a client that keeps its own time zone."""
    bundled.execute(f"SET TimeZone = '{request.param}'")
    yield bundled
    bundled.execute("SET TimeZone = 'UTC'")


def test_the_answers_are_the_same_in_another_time_zone(elsewhere: duckdb.DuckDBPyConnection) -> None:
    asked = "\n".join(
        m[0] for m in cookbook.ENTRY.finditer(PAGE) if int(m["number"]) in (2, 11, 12, 13, 21, 29, 43, 45, 46)
    )
    assert asked.count("## ") == 9
    assert cookbook.answered(elsewhere, asked) == asked


def test_a_day_that_is_asked_for_begins_at_midnight_utc(elsewhere: duckdb.DuckDBPyConnection) -> None:
    """Claude Sonnet 5 has cost 15 USD since midnight (UTC) of 1 September 2026, 10 before."""
    asked = (
        "SELECT price_usd_per_mtok FROM token_price_of('claude-sonnet-5', valid_at := {}) WHERE direction = 'output'"
    )
    assert elsewhere.sql(asked.format("DATE '2026-09-01'")).fetchall() == [(15,)]
    assert elsewhere.sql(asked.format("DATE '2026-08-31'")).fetchall() == [(10,)]
    assert elsewhere.sql(asked.format("TIMESTAMPTZ '2026-08-31 23:59:59+00'")).fetchall() == [(10,)]
    on = "SELECT DISTINCT index_on::VARCHAR FROM petaday_cost(DATE '2022-01-01')"
    assert elsewhere.sql(on).fetchall() == [("2022-01-01",)]
    seen = "SELECT min(changed_at) = TIMESTAMPTZ '2026-09-01 00:00:00+00' FROM changes_since(DATE '2026-09-01')"
    assert elsewhere.sql(seen).fetchall() == [(True,)]


def test_money_and_carbon_of_the_frontier_go_opposite_ways(bundled: duckdb.DuckDBPyConnection) -> None:
    sql = next(sql for _, question, sql, *_ in ENTRIES if "frontier" in question)
    rows = bundled.sql(f"SELECT cost_usd, kgco2e FROM ({sql}) ORDER BY cost_usd").fetchall()
    assert rows
    assert [kg for _, kg in rows] == sorted((kg for _, kg in rows), reverse=True)


def test_parts_of_a_move_add_up(bundled: duckdb.DuckDBPyConnection) -> None:
    rows = bundled.sql(
        "SELECT quantity, sum(moved_by) FILTER (part <> 'total') - sum(moved_by) FILTER (part = 'total') FROM why_rate_moved('aws', 'p4d.24xlarge', "
        "DATE '2022-06-01', DATE '2025-07-01', from_region := 'us-east-1', to_instance_type := 'p5.48xlarge', flop := 1e22) GROUP BY quantity"
    ).fetchall()
    assert {quantity for quantity, _ in rows} == {"cost_usd", "energy_kwh", "operational_kgco2e"}
    assert all(abs(difference) < 1e-6 for _, difference in rows)


def test_a_larger_value_lies_above_a_smaller_one(bundled: duckdb.DuckDBPyConnection) -> None:
    """Degrees west of Greenwich are below zero: in per cent they said the opposite."""
    found = bundled.sql(
        "SELECT attribute, min(difference_percent) FROM observed.disagreement WHERE subject = 'region' GROUP BY attribute"
    ).fetchall()
    least = dict(found)
    assert least["longitude"] is None
    assert least["latitude"] is None
    assert all(value is None or value > 0 for value in least.values())
    assert sum(value is not None for value in least.values()) >= 4
