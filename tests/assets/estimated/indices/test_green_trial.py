"""The back-test of the advice when to start, worked by hand: a small history with a change to summer time and a gap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assets.observed.views import lookup_statements
from assets.subjects import GRID_CARBON

SQL = Path(__file__).parents[4] / "assets" / "estimated" / "indices"


@pytest.fixture(params=["UTC", "Europe/London", "America/Los_Angeles"])
def history(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """Hours of one zone from Sunday 9 March to 2 April 2025 21:00 UTC, in a session of any time zone.

    300 g/kWh by day and 100 g/kWh in the four hours from 02:00 UTC. On Sunday 30 March, when Britain's clocks go forward, the
    night is dirty (500) and the four hours from 13:00 are clean (50): nobody can know it. The hour of 1 April 15:00 is missing.
    """
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'; CREATE SCHEMA observed; CREATE SCHEMA estimated; CREATE SCHEMA meta")
        for statement in (*GRID_CARBON.ddl(), *lookup_statements()):
            con.execute(statement).fetchall()
        con.execute(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT 'test' AS source_id, 'all' AS scope, 'GB' AS zone, 'PT1H' AS resolution, "
            "'average' AS basis_method, 'direct' AS basis_boundary, 'location' AS basis_accounting, 'actual' AS basis_kind, true AS is_offered, "
            "CASE WHEN t::DATE = '2025-03-30' AND hour(t) BETWEEN 2 AND 5 THEN 500 WHEN t::DATE = '2025-03-30' AND hour(t) BETWEEN 13 AND 16 THEN 50 "
            "WHEN hour(t) BETWEEN 2 AND 5 THEN 100 ELSE 300 END AS intensity_gco2e_per_kwh, t AT TIME ZONE 'UTC' AS valid_from, "
            "TIMESTAMPTZ '2025-05-01' AS observed_at, TIMESTAMPTZ '2025-05-01' AS recorded_at, 'c' AS capture_id "
            "FROM range(TIMESTAMP '2025-03-09', TIMESTAMP '2025-04-02 22:00', INTERVAL 1 HOUR) r(t) WHERE t <> '2025-04-01 15:00'"
        )
        con.execute(f"SET TimeZone = '{request.param}'")
        con.execute(
            "CREATE TABLE _touched AS SELECT 'GB' AS zone, 'test' AS source_id, unnest(range(DATE '2025-03-09', DATE '2025-04-05', INTERVAL 1 DAY))::DATE AS asked_on"
        )
        con.execute("CREATE TABLE estimated.green_trial AS " + _with_days(_rule("green_trial.sql")))
        con.execute("CREATE TABLE meta.source (source_id VARCHAR, is_bundled BOOLEAN)")
        yield con


def _rule(name: str) -> str:
    return (SQL / name).read_text(encoding="utf-8").replace("$method_version", "'by-hand'")


def _with_days(rule: str) -> str:
    return rule.replace("$first_on", "DATE '2025-03-09'").replace("$last_on", "DATE '2025-04-04'")


#: Jobs of 4 hours that may wait 24: (day, trials, g/kWh at once, as advised, at best, trials in which the advice was not worse).
#: The first day with 20 known days before it is Saturday 29 March; the advice is always the next 02:00, which is 100 by then.
BY_HAND = [
    # 00:00: at once (300+300+100+100)/4 = 200, advised 100, best 100. 06:00: at once 300, advised the dirty night 500, best 300 (no clean
    # hour within 24). 12:00: 300, 500, best Sunday 12:00 (300+50+50+50)/4 = 112.5. 18:00: 300, 500, best Sunday 13:00 = 50.
    ("2025-03-29", 4, (200 + 3 * 300) / 4, (100 + 3 * 500) / 4, (100 + 300 + 112.5 + 50) / 4, 1),
    # 00:00: at once (300+300+500+500)/4 = 400, advised 500, best 50. 06:00: 300, 100, 50. 12:00: 112.5, 100, 50. 18:00: 300, 100, 100.
    ("2025-03-30", 4, (400 + 300 + 112.5 + 300) / 4, (500 + 3 * 100) / 4, (50 + 50 + 50 + 100) / 4, 3),
    # 00:00 and 06:00 as on any day. 12:00 and 18:00 look at 1 April 15:00, up to 27 hours ahead, which is missing: no trial.
    ("2025-03-31", 2, (200 + 300) / 2, 100.0, 100.0, 2),
    # 00:00, 06:00 and 12:00 look at the missing hour too; 18:00 sees the last hour of the history, 2 April 21:00.
    ("2025-04-01", 1, 300.0, 100.0, 100.0, 1),
]


def test_trials_of_each_day_are_those_worked_by_hand(history: duckdb.DuckDBPyConnection) -> None:
    rows = history.execute(
        "SELECT strftime(asked_on, '%Y-%m-%d'), trial_count, now_gco2e_per_kwh, advised_gco2e_per_kwh, perfect_gco2e_per_kwh, not_worse_count "
        "FROM estimated.green_trial WHERE job_hours = 4 AND horizon_hours = 24 ORDER BY asked_on"
    ).fetchall()
    assert rows == BY_HAND


def test_what_was_measured_speaks_once_it_is_known(history: duckdb.DuckDBPyConnection) -> None:
    """Estimates that stand beside measured slots change no trial; where only an estimate is known, it speaks."""
    history.execute(
        "INSERT INTO observed.grid_carbon_log SELECT * REPLACE ('estimated' AS basis_kind, 5 * intensity_gco2e_per_kwh AS intensity_gco2e_per_kwh, "
        "observed_at - INTERVAL 1 DAY AS observed_at) FROM observed.grid_carbon_log"
    )
    trials = "SELECT * FROM (" + _with_days(_rule("green_trial.sql")) + ") ORDER BY ALL"
    assert history.execute(trials).fetchall() == history.execute("FROM estimated.green_trial ORDER BY ALL").fetchall()
    history.execute("DELETE FROM observed.grid_carbon_log WHERE basis_kind = 'actual'")
    estimated = history.execute(trials).fetchall()
    measured = history.execute("FROM estimated.green_trial ORDER BY ALL").fetchall()
    assert [row[:8] for row in estimated] == [row[:8] for row in measured]
    assert [row[8] for row in estimated] == [pytest.approx(5 * row[8]) for row in measured]


def test_what_the_advice_reached_is_that_of_all_trials_together(history: duckdb.DuckDBPyConnection) -> None:
    """11 trials: at once 4 x 275 + 4 x 278.125 + 2 x 250 + 300 = 3012.5; advised 1600 + 800 + 200 + 100 = 2700; best 562.5 + 250 + 200 + 100."""
    found = history.execute(
        "SELECT trial_count, now_gco2e_per_kwh, saving_share, perfect_saving_share, reached_share, not_worse_share FROM ("
        + _rule("green_window.sql")
        + ") WHERE job_hours = 4"
    ).fetchall()
    saving, best_saving = 1 - 2700 / 3012.5, 1 - 1112.5 / 3012.5
    assert found == [pytest.approx((11, 3012.5 / 11, saving, best_saving, 312.5 / 1900, 7 / 11), rel=1e-9)]
