"""Grid carbon: five years of hours of 350 zones into the log, against a bare DuckDB load of the same file; and what asking it costs.

`PETADAY_BENCH_MINUTES=5 python -m tests.bench grid` takes five-minute slots instead of hours (184 million rows, by hand: it
takes a while); they are made and recorded in parts of at most `PART_ROWS`, as a backfill comes, so memory does not grow.
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import tempfile
from pathlib import Path

import duckdb
import polars as pl

from assets import recording
from assets.catalog import catalog
from assets.estimated.indices import slices
from assets.estimated.indices.grid_slices import GRID_DAYS
from assets.subjects import GRID_CARBON
from tests.bench._timing import compare, measured, seconds
from warehouse import log
from warehouse.connection import transaction, write_session
from warehouse.home import Home

ZONES = 350
YEARS = 5
MINUTES = int(os.environ.get("PETADAY_BENCH_MINUTES", "60"))
START = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
#: Rows of one Parquet file and of one batch through the log: five years of hours are one.
PART_ROWS = 16_000_000
#: The scale of publishers: one decimal or two, a daily wave and noise.
_SLOTS = """
    SELECT 'Z' || lpad(z::VARCHAR, 3, '0') AS zone, '{resolution}' AS resolution, 'average' AS basis_method, 'lifecycle' AS basis_boundary,
        'location' AS basis_accounting, 'actual' AS basis_kind, round(300 + 200 * sin(n * {minutes} / 1440.0 * 6.2832 + z) + hash(n, z) % 50, 1) AS intensity_gco2e_per_kwh,
        TIMESTAMPTZ '2021-01-01' + n * INTERVAL {minutes} MINUTE AS valid_from
    FROM range({first}, {last}) t(n), range({zones}) u(z) ORDER BY n, z
"""


def slots(first: int, last: int) -> str:
    """SQL of the slots number `first` to `last` (exclusive) of every zone, in order of time."""
    resolution = "PT1H" if MINUTES == 60 else f"PT{MINUTES}M"
    return _SLOTS.format(resolution=resolution, minutes=MINUTES, first=first, last=last, zones=ZONES)


def _parts(folder: Path, count: int) -> list[Path]:
    """The slots as Parquet files in order of time; no slot is cut by two of them."""
    step, files = PART_ROWS // ZONES, []
    for first in range(0, count, step):
        files.append(folder / f"slots-{first:09d}.parquet")
        duckdb.execute(f"COPY ({slots(first, min(first + step, count))}) TO '{files[-1]}' (FORMAT parquet)")
    return files


def _fresh_home(folder: Path) -> Home:
    home = Home(Path(tempfile.mkdtemp(dir=folder))).create()
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
    return home


def _record(home: Home, frame: pl.DataFrame, observed_at: dt.datetime) -> int:
    """One batch through the log, in a write session of its own."""
    frame = frame.with_columns(
        pl.col("valid_from").dt.cast_time_unit("us").dt.convert_time_zone("UTC"), pl.lit("capture").alias("capture_id")
    )
    snapshot = log.Snapshot("bench", "all", observed_at.isoformat(), observed_at, False, frame)
    with write_session(home, catalog()) as con, transaction(con):
        return log.record(con, GRID_CARBON, snapshot, observed_at, lambda *_: (frame.clear(), None))


def _milliseconds(con: duckdb.DuckDBPyConnection, sql: str, rounds: int = 40) -> str:
    """Clock (median) and processor time (smallest): on a busy machine the second says more."""
    taken = [measured(lambda: con.execute(sql).fetchall()) for _ in range(rounds)]
    return f"{statistics.median(t for t, _ in taken) * 1e3:.1f} ms, {min(t for _, t in taken) * 1e3:.1f} ms of processor time"


def run() -> None:
    """Print the ratios."""
    count = YEARS * 365 * 24 * 60 // MINUTES
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        folder = Path(name)
        duckdb.execute("SET TimeZone = 'UTC'")
        files = _parts(folder, count)
        print(f"{count * ZONES:,} rows, Parquet {sum(f.stat().st_size for f in files) / 1e6:.0f} MB")
        homes: list[Home] = []

        def ours() -> None:
            homes.append(_fresh_home(folder))
            seen_at = START + dt.timedelta(days=YEARS * 365)
            appended = sum(
                _record(homes[-1], pl.read_parquet(file), seen_at + dt.timedelta(seconds=n))
                for n, file in enumerate(files)
            )
            if appended != count * ZONES:
                raise RuntimeError(f"{appended} rows appended")

        def bare() -> None:
            target = folder / "bare.duckdb"
            target.unlink(missing_ok=True)
            with duckdb.connect(str(target)) as con:
                con.execute(f"CREATE TABLE t AS FROM read_parquet('{folder}/slots-*.parquet')").fetchall()
                con.execute("CHECKPOINT").fetchall()

        rounds = 3 if MINUTES == 60 else 1
        compare("Parquet to committed log / bare DuckDB load", ours, bare, "less than 1.5", rounds)
        home = homes[-1]
        print(f"work file: {home.work_file.stat().st_size / 1e6:.0f} MB (aim: under 70 MB for hours)")
        _add_an_hour(folder, home, count)
        with write_session(home, catalog()) as con:
            month = "zone = 'Z017' AND valid_from >= '2023-05-01' AND valid_from < '2023-06-01'"
            took = _milliseconds(
                con, f"SELECT count(*), avg(intensity_gco2e_per_kwh) FROM observed.grid_carbon WHERE {month}"
            )
            print(f"one zone-month of the current view: {took} (aim: under 10 ms)")
            whole = "SELECT count(*), avg(intensity_gco2e_per_kwh) FROM observed.grid_carbon"
            print(f"count and mean of the whole view: {_milliseconds(con, whole, 2)}")
            # As after every run: without the sums by day all slots are added up.
            slices.update(con, GRID_DAYS)
            print(f"every year of every zone: {_milliseconds(con, 'FROM observed.grid_carbon_year', 2)}")
            _join_prices(con)


def _add_an_hour(folder: Path, full: Home, count: int) -> None:
    """One more slot of every zone, on an empty and on the full log, in turn."""
    empty = _fresh_home(folder)
    ratios = []
    for n in range(7):
        frame = duckdb.sql(slots(count + n, count + n + 1)).pl()
        at = START + dt.timedelta(days=YEARS * 365 + 1, hours=n)
        on_full, on_empty = (
            seconds(lambda f=frame, a=at: _record(full, f, a)),
            seconds(lambda f=frame, a=at: _record(empty, f, a)),
        )
        ratios.append((on_full / on_empty, on_full, on_empty))
    ratio, on_full, on_empty = sorted(ratios)[len(ratios) // 2]
    print(
        f"one more slot of {ZONES} zones: {on_full * 1e3:.0f} ms on the full log, {on_empty * 1e3:.0f} ms on an empty one, "
        f"ratio {ratio:.2f} (aim: less than 1.5)"
    )


def _join_prices(con: duckdb.DuckDBPyConnection) -> None:
    """A year of intensity joined to 20,000 price intervals: the current view against plain tables in memory."""
    con.execute(
        "CREATE TEMP TABLE interval AS SELECT 'Z' || lpad((n % 350)::VARCHAR, 3, '0') AS zone, "
        "TIMESTAMPTZ '2023-01-01' + (n * 26) * INTERVAL 1 MINUTE AS at FROM range(20000) t(n)"
    ).fetchall()
    year = "valid_from >= '2023-01-01' AND valid_from < '2024-01-01'"
    con.execute(
        f"CREATE TEMP TABLE plain AS SELECT zone, valid_from, intensity_gco2e_per_kwh FROM observed.grid_carbon WHERE {year}"
    ).fetchall()
    # A sum of doubles depends on the order of the rows in its last digits: rounded, so that only a real difference counts.
    join = "SELECT count(*), round(sum(g.intensity_gco2e_per_kwh), 3) FROM interval i ASOF JOIN {grid} g ON g.zone = i.zone AND i.at >= g.valid_from"
    ours = join.format(
        grid=f"(SELECT zone, valid_from, intensity_gco2e_per_kwh FROM observed.grid_carbon_log WHERE {year})"
    )
    peer = join.format(grid="plain")
    if con.execute(ours).fetchall() != con.execute(peer).fetchall():
        raise RuntimeError("the two joins differ")
    compare(
        "ASOF join of a year to 20,000 prices, in the log / in memory",
        lambda: con.execute(ours).fetchall(),
        lambda: con.execute(peer).fetchall(),
        "at most 2.0",
        rounds=7,
    )
