"""docs/scale.md follows from its inputs: the page is what the script writes, and the script computes what its formulas say."""

from __future__ import annotations

import json

import pytest

from deploy import scale

#: Round figures, so that every result can be checked by head.
MEASURED = {
    "history": {
        "rows": 1_000_000,
        "rows_per_second": 500_000,
        "written": {"parquet_bytes": 4_000_000},
        "questions": {"zone_month": {"open_s": 1.0, "cold_s": 0.5}},
    },
    "daily": {"offers": 100, "changed_share": 0.01, "days": 101, "cases": {"lake": {"parquet_bytes": 2_000}}},
    "workers": {"rows_per_second": {"lake, answers after 0 s": {"1": 10_000}}},
}
TEAM = scale.Profile("x", 1_000_000, 6, 10, 400, 5, 20, 1_000)


def test_the_page_is_what_the_script_writes() -> None:
    page = scale.PAGE.read_text()
    assert page == scale.written(page, json.loads(scale.MEASURED.read_text())), "run: python -m deploy.scale"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grid rows", 400 * 20 * 365 * 288),
        ("grid Parquet", 400 * 20 * 365 * 288 * 4 / 1e9),
        ("loading the grid history once", 400 * 20 * 365 * 288 / 500_000 / 3600),
        ("offers compared a day", 6_000_000),
        ("price rows", 1_000_000 * (1 + 0.01 * 3650)),
        ("price Parquet", 37_500_000 * 10 / 1e9),
        ("captures of prices", 6_000_000 * 3650 * 20 / 1e9),
        ("one worker's work on prices", 600 / 3600),
        ("share of the day that the write lock would be held, if nothing ran beside it", 600 / 864),
        ("questions a second", 20_000 / 3600),
        ("processors for questions on a zone-month", 20_000 / 3600 * 1.5),
        ("catalog connections, if all readers are open", 8_000),
        ("storage", (3.36384 + 0.375 + 438.0) * 0.023),
        ("machines for workers and questions", 3 * 730 * 0.4032),
    ],
)
def test_results_follow_from_the_inputs(name: str, value: float) -> None:
    assert scale.plan(MEASURED, TEAM)[name] == pytest.approx(value)


def test_every_line_is_checked_and_none_is_invented_where_nothing_was_measured() -> None:
    assert len(scale.plan(MEASURED, TEAM)) == len(scale.LINES) == 14
    without = scale.plan({"history": MEASURED["history"]}, TEAM)
    assert "price Parquet" not in without
    assert "storage" not in without
    assert "grid Parquet" in without
