"""A five-minute carbon history through the log on the lake: 350 zones, 5 years, 184 million rows, a month at a time.

Each month is made in memory, and then recorded as any batch is: a write session with the lock, one transaction, the log's
own comparison with what is there. Then upkeep, what asking costs, and one more slot of every zone on the full log.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import time

import duckdb
import polars as pl

from assets.catalog import catalog
from assets.subjects import GRID_CARBON
from tests.bench_lake import _place
from warehouse import log
from warehouse.connection import read_published, transaction, write_session
from warehouse.home import Home
from warehouse.store import lake_admin

FIRST = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
MONTHS_PER_YEAR = 12
#: The scale of publishers: one decimal, a daily wave, and noise.
_SLOTS = """
    SELECT 'Z' || lpad(z::VARCHAR, 3, '0') AS zone, 'PT{minutes}M' AS resolution, 'average' AS basis_method,
        'lifecycle' AS basis_boundary, 'location' AS basis_accounting, 'actual' AS basis_kind,
        round(300 + 200 * sin(n * {minutes} / 1440.0 * 6.2832 + z) + hash(n, z) % 50, 1) AS intensity_gco2e_per_kwh,
        TIMESTAMPTZ '2021-01-01' + n * INTERVAL {minutes} MINUTE AS valid_from, 'capture' AS capture_id
    FROM range({first}, {last}) t(n), range({zones}) u(z) ORDER BY n, z
"""
_MONTH = "zone = 'Z017' AND valid_from >= '2021-05-01' AND valid_from < '2021-06-01'"


def slots(first: int, last: int, zones: int, minutes: int) -> pl.DataFrame:
    """The slots number `first` to `last` (exclusive) of every zone, in order of time."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        frame = con.sql(_SLOTS.format(first=first, last=last, zones=zones, minutes=minutes)).pl()
    return frame.with_columns(pl.col("valid_from").dt.cast_time_unit("us").dt.convert_time_zone("UTC"))


def record(home: Home, frame: pl.DataFrame, number: int) -> float:
    """One batch through the log; returns its seconds."""
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=number)
    snapshot = log.Snapshot("bench", "all", f"batch{number:06d}", at, False, frame)
    began = time.perf_counter()
    with write_session(home, catalog()) as con, transaction(con):
        appended = log.record(con, GRID_CARBON, snapshot, at, lambda *_: (frame.clear(), None))
    if appended != frame.height:
        raise RuntimeError(f"{appended} of {frame.height} rows were appended")
    return time.perf_counter() - began


def asked(home: Home, sql: str) -> dict[str, float]:
    """Seconds of a question in a new session (the session's start included), and again in the same one."""
    began = time.perf_counter()
    with read_published(home) as con:
        opened = time.perf_counter()
        con.execute(sql).fetchall()
        first = time.perf_counter()
        again = []
        for _ in range(9):
            start = time.perf_counter()
            con.execute(sql).fetchall()
            again.append(time.perf_counter() - start)
    return {
        "open_s": round(opened - began, 3),
        "cold_s": round(first - opened, 4),
        "warm_s": _place.spread(again)["p50"],
    }


def run(chosen: argparse.Namespace) -> dict:
    """Print and return size, rate and what asking costs."""
    per_year = 365 * 24 * 60 // chosen.minutes
    count = chosen.years * per_year
    months = chosen.years * MONTHS_PER_YEAR
    bounds = [count * m // months for m in range(months + 1)]
    with _place.postgres(chosen.folder) as server, _place.empty(server, chosen.folder) as home:
        loads = []
        for number, (first, last) in enumerate(itertools.pairwise(bounds)):
            frame = slots(first, last, chosen.zones, chosen.minutes)
            loads.append(record(home, frame, number))
            if number % MONTHS_PER_YEAR == MONTHS_PER_YEAR - 1:
                print(
                    f"year {number // MONTHS_PER_YEAR + 1}: a month of {frame.height:,} rows in {loads[-1]:.1f} s",
                    flush=True,
                )
        rows = count * chosen.zones
        written = _place.sizes(home)
        began = time.perf_counter()
        lake_admin.upkeep(_place.lake_store(home))
        upkeep_s = time.perf_counter() - began
        one_more = [
            record(home, slots(count + n, count + n + 1, chosen.zones, chosen.minutes), months + n) for n in range(5)
        ]
        current = "FROM observed.grid_carbon"
        questions = {
            "zone_month": f"SELECT count(*), avg(intensity_gco2e_per_kwh) {current} WHERE {_MONTH}",
            "zone_month_log": f"SELECT count(*), avg(intensity_gco2e_per_kwh) {current}_log WHERE {_MONTH}",
            "all_zones_now": "SELECT count(*), avg(intensity_gco2e_per_kwh) FROM "
            f"grid_carbon_as_of(TIMESTAMPTZ '{FIRST + dt.timedelta(minutes=chosen.minutes * (count - 1))}')",
        }
        found = {
            "zones": chosen.zones,
            "years": chosen.years,
            "slot_minutes": chosen.minutes,
            "rows": rows,
            "load_s": round(sum(loads), 1),
            "rows_per_second": round(rows / sum(loads)),
            "first_month_s": round(loads[0], 2),
            "last_month_s": round(loads[-1], 2),
            "one_more_slot_s": _place.spread(one_more)["p50"],
            "upkeep_s": round(upkeep_s, 1),
            "written": written,
            "questions": {name: asked(home, sql) for name, sql in questions.items()},
        }
    for name, value in found.items():
        print(f"{name}: {value}")
    return found
