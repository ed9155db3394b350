"""What follows from one more hour, or one late correction, on one and five years of hours of 350 zones, against computing everything anew."""

from __future__ import annotations

import datetime as dt
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import polars as pl

from assets import recording
from assets.catalog import catalog
from assets.estimated.indices import slices
from assets.estimated.indices.grid_slices import SLICED
from assets.estimated.indices.slices import Sliced
from assets.subjects import GRID_CARBON
from tests.bench._timing import seconds
from tests.bench.bench_grid import slots
from tests.bench.bench_incremental_prices import forget
from warehouse import log
from warehouse.connection import transaction, write_session
from warehouse.home import Home

ZONES = 350
START = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
AIMS = {1: "1/120", 5: "1/400"}
#: As many as there are kinds of hours: a trial is made every sixth one.
ROUNDS = 6


class History:
    """A home with so many years of hours; each batch is known an hour later than the one before."""

    def __init__(self, folder: Path, years: int, home: Home | None = None) -> None:
        self.home = home or Home(Path(tempfile.mkdtemp(dir=folder))).create()
        self.last, self.moment = years * 365 * 24, START + dt.timedelta(days=10_000)
        with write_session(self.home, catalog()) as con:
            recording.sync_sources(con)
            for first in range(0, self.last, 24 * 31):
                self.record(con, slots(first, min(first + 24 * 31, self.last)))

    def record(self, con: duckdb.DuckDBPyConnection, sql: str) -> None:
        con.execute("SET TimeZone = 'UTC'")
        frame = (
            con.sql(sql)
            .pl()
            .with_columns(
                pl.col("valid_from").dt.cast_time_unit("us").dt.convert_time_zone("UTC"),
                pl.lit("capture").alias("capture_id"),
            )
        )
        self.moment += dt.timedelta(hours=1)
        said = log.Snapshot("bench", "all", f"b{self.moment:%Y%m%d%H}", self.moment, False, frame)
        with transaction(con):
            log.record(con, GRID_CARBON, said, self.moment, lambda *_: (frame.clear(), None))

    def one_more_hour(self, con: duckdb.DuckDBPyConnection) -> None:
        self.record(con, slots(self.last, self.last + 1))
        self.last += 1

    def correction(self, con: duckdb.DuckDBPyConnection, days: int, back: int) -> None:
        """Another value of one zone for so many days, `back` days before the end."""
        first = self.last - 24 * back
        self.record(
            con,
            f"SELECT * REPLACE (round(intensity_gco2e_per_kwh + {1 + back / 1000}, 3) AS intensity_gco2e_per_kwh) "
            f"FROM ({slots(first, first + 24 * days)}) WHERE zone = 'Z017'",
        )


def digest(con: duckdb.DuckDBPyConnection, sliced: Sliced) -> tuple:
    return con.execute(f"SELECT count(*), sum(hash(t)) FROM {sliced.table.full_name} t").fetchall()[0]


def _of(history: History, sliced: Sliced, years: int) -> None:
    with write_session(history.home, catalog()) as con:
        slices.update(con, sliced)
        hour, correction = [], []
        for n in range(ROUNDS):
            history.one_more_hour(con)
            hour.append(seconds(lambda: slices.update(con, sliced)))
            history.correction(con, 30, 40 + 31 * n)
            correction.append(seconds(lambda: slices.update(con, sliced)))
        added = digest(con, sliced)
        forget(con, sliced.table.full_name)
        anew = seconds(lambda: slices.update(con, sliced))
        if added != digest(con, sliced):
            raise RuntimeError(f"{sliced.table.full_name}: what was added is not what everything anew gives")
        one, late = statistics.mean(hour), statistics.mean(correction)
        print(
            f"{sliced.table.name}, {years} year(s), {added[0]:,} rows: one more hour of {ZONES} zones {one * 1e3:.0f} ms, all anew {anew:.1f} s, "
            f"ratio 1/{anew / one:.0f} (aim: at most {AIMS[years]}); the same table. "
            f"30 days of one zone corrected late: {late * 1e3:.0f} ms, {late / one:.2f} x the hour (aim: at most 2)",
            flush=True,
        )


def _peak(home: Home) -> int:
    """Peak resident memory in MiB of a process that computes all tables anew."""
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from assets.catalog import catalog\n"
        "from assets.estimated.indices import slices\n"
        "from assets.estimated.indices.grid_slices import SLICED\n"
        "from warehouse.connection import write_session\n"
        "from warehouse.home import Home\n"
        "with write_session(Home(Path(sys.argv[1])), catalog()) as con:\n"
        "    con.execute(\"DELETE FROM meta.definition WHERE name LIKE 'estimated.%'\").fetchall()\n"
        "    for part in SLICED: slices.update(con, part)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, str(home.root)], capture_output=True, text=True, check=True)
    return int(ran.stdout.split()[-1]) // 1024


def run() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        for years in (int(y) for y in os.environ.get("PETADAY_BENCH_YEARS", "1,5").split(",")):
            history = History(Path(name), years)
            for sliced in SLICED:
                _of(history, sliced, years)
            print(f"{years} year(s), all anew: peak {_peak(history.home)} MiB (aim: under 1024)", flush=True)
