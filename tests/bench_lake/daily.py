"""A year of daily loads: one catalog with 1% of its prices changed each day, on the lake with upkeep on its schedule."""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import time
from collections.abc import Callable

import duckdb
import polars as pl

from assets.catalog import catalog
from assets.subjects import CLOUD_RATE
from tests.bench_lake import _place
from warehouse import log
from warehouse.connection import transaction, write_session
from warehouse.home import Home
from warehouse.store import keeping

FIRST = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
#: Days whose median stands for day 1, 100 and 364.
ABOUT = 5


def offers(day: int, count: int) -> pl.DataFrame:
    """The catalog of one day (its number): 1% of the offers changed their price on it, each offer every hundredth day."""
    return duckdb.sql(
        f"""SELECT 'aws' AS provider, 'region' || (n // 500) AS region, 'type' || (n % 500) AS instance_type,
            'on_demand' AS purchase_option, 'instance' AS price_component, '' AS offer_variant, 'H100' AS accelerator_name,
            8.0 AS accelerator_count, 80.0 AS accelerator_memory_gib, 192.0 AS vcpu_count, 2048.0 AS memory_gib,
            1.0 + n % 97 + ({day} + n) // 100 / 1000.0 AS price_amount_per_hour, 'USD' AS currency_code,
            'capture' AS capture_id FROM range({count}) t(n)"""
    ).pl()


def load(home: Home, day: int, count: int) -> tuple[int, float]:
    """Record the catalog of a day; returns (appended rows, seconds)."""
    at = FIRST + dt.timedelta(days=day)
    snapshot = log.Snapshot("bench", "all", at.isoformat(), at, True, offers(day, count))
    began = time.perf_counter()
    with write_session(home, catalog()) as con, transaction(con):
        appended = log.record(con, CLOUD_RATE, snapshot, at, lambda *_: snapshot.frame.clear())
    return appended, time.perf_counter() - began


def year(
    home: Home, count: int, days: int, upkeep: Callable[[], object] | None, every: int = 1
) -> tuple[list[float], list[float]]:
    """Load every day, with upkeep after every so many; returns seconds of the loads and of the upkeeps.

    Raises:
        RuntimeError: if a day appended another number of rows than changed.
    """
    loads, upkeeps = [], []
    for day in range(days):
        appended, seconds = load(home, day, count)
        if appended != (count if day == 0 else count // 100):
            raise RuntimeError(f"day {day} appended {appended} rows")
        loads.append(seconds)
        if upkeep and (day + 1) % every == 0:
            began = time.perf_counter()
            upkeep()
            upkeeps.append(time.perf_counter() - began)
    return loads, upkeeps


def about(loads: list[float], day: int) -> float:
    """Median seconds of the loads around a day (1 is the first that compares with a day before)."""
    start = min(max(day, 1), len(loads) - ABOUT)
    return statistics.median(loads[start : start + ABOUT])


def run(chosen: argparse.Namespace) -> dict:
    """Print and return the seconds of day 1, 100 and 364, with upkeep daily, without, and on the embedded file."""
    found = {}
    last = chosen.days - 1
    with _place.postgres(chosen.folder) as server:
        for name, of, is_kept in (("file", None, False), ("lake, daily upkeep", server, True)):
            with _place.empty(of, chosen.folder) as home:
                lake = _place.lake_store(home) if of else None
                loads, upkeeps = year(
                    home,
                    chosen.offers,
                    chosen.days,
                    (lambda lake=lake: keeping.upkeep(lake)) if is_kept and lake else None,
                )
                found[name] = {
                    "day_1_s": round(about(loads, 1), 3),
                    "day_100_s": round(about(loads, min(100, last)), 3),
                    "day_364_s": round(about(loads, last), 3),
                    "upkeep_s": _place.spread(upkeeps) if upkeeps else None,
                    **_place.sizes(home),
                }
                print(f"{name}: {found[name]}", flush=True)
    return {"offers": chosen.offers, "changed_share": 0.01, "days": chosen.days, "cases": found}
