"""Every table that follows the history, in one home: all of them after one more hour or one more capture of prices, against computing all of them anew.

`incremental` and `incremental_prices` tell of each table by itself.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from assets.catalog import catalog
from assets.estimated.indices import slices
from assets.estimated.indices.assets import INDICES, compute
from assets.estimated.indices.grid_slices import SLICED
from tests.bench import bench_incremental as grid
from tests.bench import bench_incremental_prices as prices
from tests.bench._timing import seconds
from warehouse.connection import write_session

_PRICE_INDEX, _GREEN_WINDOW = INDICES
_Step = Callable[[duckdb.DuckDBPyConnection], None]
_TABLES = ("grid_day", "green_trial", "green_window", "price_offer", "price_link", "price_index", "petaday_history")


def _after_an_hour(con: duckdb.DuckDBPyConnection) -> None:
    for sliced in SLICED:
        slices.update(con, sliced)
    # It goes by the captures, of which this home has none.
    prices.forget(con, _GREEN_WINDOW.table.full_name)
    compute(con, _GREEN_WINDOW)


def _after_a_capture(con: duckdb.DuckDBPyConnection) -> None:
    compute(con, _PRICE_INDEX)
    prices.update_petadays(con)


def _all(con: duckdb.DuckDBPyConnection) -> None:
    _after_an_hour(con)
    _after_a_capture(con)


def _median(con: duckdb.DuckDBPyConnection, happens: _Step, follows: _Step) -> float:
    times = []
    for _ in range(grid.ROUNDS):
        happens(con)
        times.append(seconds(lambda: follows(con)))
    return statistics.median(times)


def _digests(con: duckdb.DuckDBPyConnection) -> dict[str, tuple]:
    """Rows of every table; of the indices, whose last digits come from the order of adding logarithms, as that benchmark has them."""
    counts = {t: con.execute(f"SELECT count(*) FROM estimated.{t}").fetchall()[0] for t in _TABLES}
    exact = {t.table.name: grid.digest(con, t) for t in SLICED}
    return counts | exact | {"price_index": prices.digest(con), "petaday_history": prices.sum_of_petadays(con)}


def run() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        for years in (int(y) for y in os.environ.get("PETADAY_BENCH_YEARS", "1,5").split(",")):
            offers = prices.History(Path(name), years)
            hours = grid.History(Path(name), years, offers.home)
            with write_session(offers.home, catalog()) as con:
                offers.prepare(con)
                _all(con)
                hour = _median(con, hours.one_more_hour, _after_an_hour)
                capture = _median(con, offers.one_more, _after_a_capture)
                added = _digests(con)
                for table in _TABLES:
                    prices.forget(con, f"estimated.{table}")
                anew = seconds(lambda: _all(con))
                if added != _digests(con):
                    raise RuntimeError(f"what was added is not what everything anew gives: {added}, {_digests(con)}")
            for what, time in (
                (f"hour of {grid.ZONES} zones", hour),
                (f"capture of prices of {prices.OFFERS:,} offers", capture),
            ):
                print(
                    f"all {len(_TABLES)} tables, {years} year(s): after one more {what} {time * 1e3:.0f} ms, all anew {anew:.1f} s, "
                    f"ratio 1/{anew / time:.0f} (aim: at most {grid.AIMS[years]}); the same tables",
                    flush=True,
                )
