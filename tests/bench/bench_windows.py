"""Runs over windows of time: totals by sums along the timeline, and hour by hour, against a plain ASOF join of scenario x offer x region x hour.

`PETADAY_BENCH_SCENARIOS` takes another number of scenarios.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

import duckdb

from assets import recording
from assets.catalog import catalog
from tests.bench._timing import compare, seconds
from tests.bench.bench_grid import slots
from warehouse.connection import write_session
from warehouse.home import Home

SCENARIOS = int(os.environ.get("PETADAY_BENCH_SCENARIOS", "60"))
PLACES, WEEKS = 40, 52
_KNOWN = "TIMESTAMPTZ '2021-01-01 00:00:00+00' AS observed_at, TIMESTAMPTZ '2021-01-01 00:00:00+00' AS recorded_at, 'c' AS capture_id"
#: An offer in each place; its price changes some fifty times in the year, at full hours, so that a row for every hour is exact too.
_PRICES = f"""
    INSERT INTO observed.cloud_rate_log BY NAME
    SELECT 'bench' AS source_id, 'all' AS scope, 'cloud' AS provider, 'r' || lpad(p::VARCHAR, 3, '0') AS region, 'x8' AS instance_type, 'on_demand' AS purchase_option,
        'instance' AS price_component, '' AS offer_variant, 8 AS accelerator_count, 16 + hash(p, n) % 1000 / 100 AS price_amount_per_hour, 'USD' AS currency_code,
        true AS is_offered, TIMESTAMPTZ '2021-01-01' + to_hours((n * 171 + p) * (n > 0)::INT) AS valid_from, valid_from AS observed_at,
        TIMESTAMPTZ '2021-01-01' AS recorded_at, 'c' AS capture_id
    FROM range({PLACES}) a(p), range(52) b(n)
"""
_GRID = """
    INSERT INTO observed.grid_carbon_log BY NAME
    SELECT 'bench' AS source_id, 'all' AS scope, s.*, true AS is_offered, {known}
    FROM ({slots}) s WHERE s.zone < 'Z{places:03d}'
"""
_PLAN = f"""
    CREATE OR REPLACE TEMP TABLE plan AS
    SELECT row_number() OVER () AS run_id, 'cloud' AS provider, 'r' || lpad(p::VARCHAR, 3, '0') AS region, 'Z' || lpad(p::VARCHAR, 3, '0') AS zone, 'x8' AS instance_type,
        'on_demand' AS purchase_option, 8.0 * (1 + s) AS accelerator_count, 5.0 + s AS power_kw, 1.2 AS pue,
        TIMESTAMPTZ '2021-01-01' + to_hours(168 * w) AS run_from, TIMESTAMPTZ '2021-01-01' + to_hours(168 * (w + 1)) AS run_to
    FROM range({{scenarios}}) a(s), range({PLACES}) b(p), range({WEEKS}) c(w)
"""
#: The same rows without Petaday's macros: prices and slots lie ready, each row of each hour finds its own.
_ROWS = """
    SELECT h.run_id, h.accelerator_count * o.price AS cost_usd, h.power_kw * h.pue * g.intensity / 1000 AS operational_kgco2e
    FROM (SELECT p.*, unnest(range(p.run_from, p.run_to, INTERVAL 1 HOUR)) AS hour_from FROM plan p) h
    ASOF JOIN offer o ON o.region = h.region AND h.hour_from >= o.counts_from
    ASOF JOIN slot g ON g.zone = h.zone AND h.hour_from >= g.valid_from
"""


def _history(con: duckdb.DuckDBPyConnection) -> None:
    """A year of prices and hours, and both once more as tables for the plain join."""
    con.execute("SET TimeZone = 'UTC'").fetchall()
    con.execute(_PRICES).fetchall()
    con.execute(_GRID.format(known=_KNOWN, slots=slots(0, 365 * 24), places=PLACES)).fetchall()
    con.execute("INSERT INTO meta.snapshot BY NAME SELECT 'bench' AS source_id, 'all' AS scope, 'cloud_rate' AS subject, true AS is_complete, "
                "TIMESTAMPTZ '2022-01-01' AS observed_at, TIMESTAMPTZ '2021-01-01' AS recorded_at").fetchall()  # fmt: skip
    con.execute(
        "CREATE TEMP TABLE offer AS SELECT region, counts_from, price_usd_per_gpu_hour AS price FROM observed.cloud_offer"
    ).fetchall()
    con.execute(
        "CREATE TEMP TABLE slot AS SELECT zone, valid_from, intensity_gco2e_per_kwh AS intensity FROM observed.grid_carbon"
    ).fetchall()


def _apart(con: duckdb.DuckDBPyConnection) -> float:
    """Largest relative difference of cost and carbon over all runs; unknown where it should not be counts as infinite."""
    return con.execute(
        "SELECT max(greatest(coalesce(abs(a.cost_usd / b.cost_usd - 1), 'inf'::DOUBLE), coalesce(abs(a.operational_kgco2e / b.operational_kgco2e - 1), 'inf'::DOUBLE))) "
        "FROM totals a FULL JOIN by_row b USING (run_id)"
    ).fetchall()[0][0]


def run() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        home = Home(Path(name)).create()
        recording.refresh_reference(home)
        with write_session(home, catalog()) as con:
            _measure(con)


def _measure(con: duckdb.DuckDBPyConnection) -> None:
    _history(con)
    con.execute(_PLAN.format(scenarios=SCENARIOS)).fetchall()
    runs = con.execute("SELECT count(*) FROM plan").fetchall()[0][0]
    ours = (
        "CREATE OR REPLACE TEMP TABLE totals AS SELECT run_id, cost_usd, operational_kgco2e FROM window_totals('plan')"
    )
    rows = f"CREATE OR REPLACE TEMP TABLE by_row AS SELECT run_id, sum(cost_usd) AS cost_usd, sum(operational_kgco2e) AS operational_kgco2e FROM ({_ROWS}) GROUP BY run_id"
    pairs = [
        (seconds(lambda: con.execute(ours).fetchall()), seconds(lambda: con.execute(rows).fetchall())) for _ in range(3)
    ]
    print(
        f"totals of {runs:,} runs of a week ({runs * 168:,} rows of scenario x offer x region x hour): {statistics.median(a for a, _ in pairs) * 1e3:.0f} ms, "
        f"row by row {statistics.median(b for _, b in pairs) * 1e3:.0f} ms, {statistics.median(b / a for a, b in pairs):.1f} x faster (aim: at least 12), "
        f"largest relative difference {_apart(con):.1e} (aim: at most 1e-9)",
        flush=True,
    )
    con.execute(_PLAN.format(scenarios=max(1, SCENARIOS // 2))).fetchall()
    count = con.execute("SELECT count(*) FROM plan").fetchall()[0][0] * 168
    summed = "SELECT count(*), sum(cost_usd), sum(operational_kgco2e) FROM {}"
    compare(
        f"{count:,} rows hour by hour (window_hours) against a plain ASOF join of the same rows",
        lambda: con.execute(summed.format("window_hours('plan')")).fetchall(),
        lambda: con.execute(summed.format(f"({_ROWS})")).fetchall(),
        "at most 1.25",
        rounds=3,
    )
