"""A catalog of 200,000 offers: bytes to committed log, against a bare DuckDB load; and a second snapshot, 1% changed."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import duckdb
import polars as pl

from assets import intake, reading, recording
from assets.catalog import catalog
from assets.sources import all_sources
from assets.subjects import CLOUD_RATE
from tests.bench._timing import compare, seconds
from warehouse import loading, staging
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.home import Home

ROWS = 200_000


def catalog_csv(path: Path, changed_share: float = 0.0, rows: int = ROWS) -> Path:
    """A file in the layout of the SkyPilot catalog of one cloud, every row an offer with an accelerator."""
    n = pl.int_range(0, rows, eager=True)
    price = 0.5 + (n % 4000) / 100
    if changed_share:
        price = pl.select(pl.when(n % int(1 / changed_share) == 0).then(price + 0.01).otherwise(price)).to_series()
    pl.DataFrame(
        {
            "InstanceType": pl.select(pl.format("Standard_NC{}_v5", n % 2000)).to_series(),
            "AcceleratorName": pl.select(
                pl.when(n % 2 == 0).then(pl.lit("H100")).otherwise(pl.lit("A100-80GB"))
            ).to_series(),
            "AcceleratorCount": 1 + n % 8,
            "vCPUs": 8 + n % 64,
            "MemoryGiB": 64 + n % 512,
            "GpuInfo": pl.select(pl.repeat("H100", rows)).to_series(),
            "Price": price.round(4),
            "SpotPrice": pl.repeat(None, rows, dtype=pl.Float64, eager=True),
            "Region": pl.select(pl.format("region{}", n // 2000)).to_series(),
            "Generation": pl.repeat("V2", rows, eager=True),
        }
    ).write_csv(path)
    return path


def _fresh_home() -> Home:
    home = Home(Path(tempfile.mkdtemp(prefix="petaday-bench-"))).create()
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
    return home


def _take(home: Home, file: Path, day: int) -> None:
    import shutil

    spooled = home.spool_dir / f"azure_{day}.csv"
    shutil.copyfile(file, spooled)
    moment = dt.datetime(2026, 1, day, tzinfo=dt.UTC)
    taken = intake.take(home, all_sources()["skypilot"], [Document(spooled, "file:azure_vms.csv", moment, "csv")])
    if taken.outcome != "loaded":
        raise RuntimeError(taken.message)


def _record(home: Home) -> None:
    with write_session(home, catalog()) as con:
        loading.record_staged(con, home, catalog(), reading.parse_again(home))


def run() -> None:
    """Print the ratios."""
    folder = Path(tempfile.mkdtemp(prefix="petaday-bench-"))
    first, second = catalog_csv(folder / "azure_vms.csv"), catalog_csv(folder / "second.csv", 0.01)
    print(f"{ROWS:,} rows, {first.stat().st_size / 1e6:.0f} MB")

    homes = iter([_fresh_home() for _ in range(5)])

    def ours() -> None:
        home = next(homes)
        _take(home, first, 1)
        _record(home)

    def bare() -> None:
        target = folder / "bare.duckdb"
        target.unlink(missing_ok=True)
        with duckdb.connect(str(target)) as con:
            con.execute(f"CREATE TABLE t AS SELECT * FROM read_csv('{first}')").fetchall()
            con.execute("CHECKPOINT").fetchall()

    compare("bytes to committed log / bare read_csv into a table", ours, bare, "at most 2.0")

    ratios = []
    for _ in range(5):
        home = _fresh_home()
        _take(home, first, 1)
        _record(home)
        _take(home, second, 2)
        staged = next(staging.staged(home))[1].scopes[0].frame
        comparing = _comparing(home, staged)
        recording = seconds(lambda home=home: _record(home))
        ratios.append((recording / comparing, recording, comparing))
    ratio, recording, comparing = sorted(ratios)[len(ratios) // 2]
    print(
        f"recording a snapshot with 1% changed: {recording * 1e3:.0f} ms, comparing it: {comparing * 1e3:.0f} ms, "
        f"ratio {ratio:.2f} (aim: less than 2)"
    )


def _comparing(home: Home, snapshot: pl.DataFrame) -> float:
    """Seconds to compare the snapshot with the last state of every offer in plain SQL, all columns, nothing written."""
    keys = ", ".join(CLOUD_RATE.keys)
    differ = " OR ".join(f"n.{v} IS DISTINCT FROM o.{v}" for v in CLOUD_RATE.values)
    query = (
        "SELECT count(*) FROM snapshot n FULL JOIN (SELECT * FROM observed.cloud_rate_log QUALIFY row_number() OVER "
        f"(PARTITION BY {keys} ORDER BY valid_from DESC, recorded_at DESC) = 1) o USING ({keys}) WHERE o.is_offered IS NULL OR {differ}"
    )
    with write_session(home, catalog()) as con:
        con.register("snapshot", snapshot.to_arrow())
        return seconds(lambda: con.execute(query).fetchall())
