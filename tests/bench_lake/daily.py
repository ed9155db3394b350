"""A year of daily loads: one catalog with 1% of its prices changed each day, on the lake with upkeep."""

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
from warehouse.store import lake_admin

FIRST = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
#: Days asked for (1 is the first that compares with a day before), and from each on, days whose median stands for it.
ASKED = (1, 100, 364)
ABOUT = 5
#: Seldomer than on the schedule (daily): what holds for a week of small files holds for a day of them.
EVERY_DAYS = 7


def offers(day: int, count: int) -> pl.DataFrame:
    """The catalog of one day (its number): 1% of the offers changed their price on it, each offer every hundredth day."""
    return duckdb.sql(
        f"""SELECT 'aws' AS provider, 'region' || (n // 500) AS region, 'type' || (n % 500) AS instance_type,
            'on_demand' AS purchase_option, 'instance' AS price_component, '' AS offer_variant, 'H100' AS accelerator_name,
            8::DOUBLE AS accelerator_count, 80::DOUBLE AS accelerator_memory_gib, 192::DOUBLE AS vcpu_count,
            2048::DOUBLE AS memory_gib,
            1::DOUBLE + n % 97 + ({day} + n) // 100 / 1000 AS price_amount_per_hour, 'USD' AS currency_code,
            'capture' AS capture_id FROM range({count}) t(n)"""
    ).pl()


def load(con: duckdb.DuckDBPyConnection, day: int, count: int) -> int:
    """Record the catalog of a day in one transaction; returns the appended rows."""
    at = FIRST + dt.timedelta(days=day)
    snapshot = log.Snapshot("bench", "all", at.isoformat(), at, True, offers(day, count))
    with transaction(con):
        return log.record(con, CLOUD_RATE, snapshot, at, lambda *_: (snapshot.frame.clear(), None))


def year(home: Home, count: int, days: int, upkeep: Callable[[], object] | None) -> dict[int, tuple[float, float]]:
    """Load every day, with upkeep after every `EVERY_DAYS`; returns seconds of the loads around the days asked for, and of this process's processor time in them.

    A day that is timed has a write session of its own, as a run has; the days between share one until the next upkeep.
    Each day is a commit of its own in either case.

    Raises:
        RuntimeError: if a day appended another number of rows than changed.
    """
    asked = [d for d in ASKED if d < days]
    timed = {d for day in asked for d in range(day, min(day + ABOUT, days))} | set(range(days - ABOUT, days))
    seconds: dict[int, tuple[float, float]] = {}
    day = 0
    while day < days:
        end = day + 1
        if day not in timed:
            while end < days and end not in timed and end % EVERY_DAYS:
                end += 1
        began, worked = time.perf_counter(), time.process_time()
        with write_session(home, catalog()) as con:
            for number in range(day, end):
                appended = load(con, number, count)
                if appended != (count if number == 0 else count // 100):
                    raise RuntimeError(f"day {number} appended {appended} rows")
        if day in timed:
            seconds[day] = time.perf_counter() - began, time.process_time() - worked
        day = end
        if upkeep and day % EVERY_DAYS == 0:
            upkeep()
    return seconds


def about(seconds: dict[int, tuple[float, float]], day: int) -> tuple[float, float]:
    """Median seconds, and of processor time, of the loads from a day on, or of the last ones."""
    last = max(seconds)
    start = min(day, last + 1 - ABOUT)
    elapsed, worked = zip(*(seconds[d] for d in range(start, start + ABOUT)), strict=True)
    return statistics.median(elapsed), statistics.median(worked)


def run(chosen: argparse.Namespace) -> dict:
    """Print and return the seconds of a load on day 1, 100 and 364, on the lake with upkeep and on the embedded file."""
    found = {}
    with _place.postgres(chosen.folder) as server:
        for name, of in (("file", None), ("lake", server)):
            with _place.empty(of, chosen.folder) as home:
                upkeeps: list[float] = []

                def upkeep(home: Home = home, upkeeps: list[float] = upkeeps) -> None:
                    began = time.perf_counter()
                    lake_admin.upkeep(_place.lake_store(home))
                    upkeeps.append(time.perf_counter() - began)

                seconds = year(home, chosen.offers, chosen.days, upkeep if of else None)
                found[name] = {f"day_{day}_s": round(about(seconds, day)[0], 3) for day in ASKED} | {
                    **{f"day_{day}_processor_s": round(about(seconds, day)[1], 3) for day in ASKED},
                    "upkeep_s": _place.spread(upkeeps) if upkeeps else None,
                    **_place.sizes(home),
                }
                print(f"{name}: {found[name]}", flush=True)
    return {
        "offers": chosen.offers,
        "changed_share": 0.01,
        "days": chosen.days,
        "upkeep_every_days": EVERY_DAYS,
        "cases": found,
    }
