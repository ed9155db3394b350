"""Every question of docs/cookbook.md, asked of the bundled data: it runs, its columns are those printed, its rows make sense."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

COOKBOOK = Path(__file__).parents[2] / "docs" / "cookbook.md"
_ENTRY = re.compile(
    r"^## (\d+)\. (.+?)\n.*?```sql\n(.+?)\n```\n\n\| (.+?) \|\n.*?\n(\d[\d,]*) rows?", re.MULTILINE | re.DOTALL
)
ENTRIES = [
    (int(number), question, sql, columns.split(" | "), int(rows.replace(",", "")))
    for number, question, sql, columns, rows in _ENTRY.findall(COOKBOOK.read_text(encoding="utf-8"))
]
#: Questions whose honest answer on the bundled data is no row.
_EMPTY = {"When should a job start to run on green hours?"}


def test_the_cookbook_has_its_questions() -> None:
    assert len(ENTRIES) >= 25
    assert [number for number, *_ in ENTRIES] == list(range(1, len(ENTRIES) + 1))
    assert len({question for _, question, *_ in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize(
    ("number", "question", "sql", "columns", "row_count"), ENTRIES, ids=[f"{n}" for n, *_ in ENTRIES]
)
def test_a_question_is_answered_as_printed(
    bundled: duckdb.DuckDBPyConnection, number: int, question: str, sql: str, columns: list[str], row_count: int
) -> None:
    answer = bundled.sql(sql)
    assert answer is not None
    assert answer.columns == columns
    rows = answer.fetchall()
    assert (not rows) == (question in _EMPTY) == (row_count == 0), number
    for row in rows:
        for name, value in zip(columns, row, strict=True):
            if value is None or not isinstance(value, int | float):
                continue
            if "usd_per_gpu_hour" in name:
                assert 0.003 < value < 200
            elif name in ("kgco2e", "gco2e_per_kwh", "energy_kwh", "cost_usd", "million_usd"):
                assert value >= 0


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
