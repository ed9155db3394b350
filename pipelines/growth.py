"""How much a home, or a team's lake, grows in a month: measured on its files, projected by the schedules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from dagster._utils.schedules import cron_string_iterator

from assets.sources import all_sources
from pipelines.instance import KEPT_RUN_DAYS
from warehouse.capture_store import CaptureStore
from warehouse.captures import Capture
from warehouse.home import Home
from warehouse.publish import KEPT_PUBLICATIONS
from warehouse.settings import setting
from warehouse.store import store_of

MONTH_DAYS = 30
#: Captures of one source less than this apart belong to one run.
_ONE_RUN = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes on disk (whole blocks), now and projected.

    `sources` has one row per scheduled source: source_id, runs_per_month_count, run_count (seen in this home),
    capture_count, bytes_per_run (as seen: what was unchanged is stored once), bytes_per_changed_run (if every answer
    differed), and both times runs_per_month_count; null where nothing was captured.
    """

    sources: pl.DataFrame
    capture_byte_count: int
    warehouse_byte_count: int
    publication_byte_count: int
    kept_publication_count: int
    dagster_byte_count: int
    run_count: int
    kept_run_days: int

    @property
    def dagster_bytes_per_run(self) -> float | None:
        """Bytes of Dagster's records per run; None if there was no run."""
        return self.dagster_byte_count / self.run_count if self.run_count else None

    @property
    def runs_per_month(self) -> int:
        """Runs that the schedules ask for in 30 days."""
        return int(self.sources["runs_per_month_count"].sum())


def runs_per_month(cadence: str, month_from: dt.datetime) -> int:
    """Ticks of a cron line in 30 days."""
    until = month_from + dt.timedelta(days=MONTH_DAYS)
    count = 0
    for at in cron_string_iterator(month_from.timestamp(), cadence, "UTC"):
        if at >= until:
            return count
        count += 1
    return count


def disk_bytes(path: Path) -> int:
    """Disk space of a file or folder, in whole blocks; files that disappear meanwhile are left out."""
    total = 0
    for file in path.rglob("*") if path.is_dir() else [path]:
        try:
            status = file.lstat()
        except FileNotFoundError:
            continue
        total += status.st_blocks * 512
    return total


def _captured(captures: Sequence[Capture], sizes: dict[str, int]) -> pl.DataFrame:
    """One row per capture that a publisher sent: source_id, fetched_at, path, byte_count (bytes), sidecar_byte_count."""
    # Pages of one answer share a sidecar. (Earlier versions wrote one for each page.)
    rows = [
        (
            c.source_id,
            c.fetched,
            str(c.path),
            sizes.get(c.path.as_posix()),
            sizes.get(c.sidecar.as_posix(), c.batch_size * sizes.get(f"{c.folder.as_posix()}/{c.capture_id}.json", 0))
            // c.batch_size,
        )
        for c in captures
    ]
    schema = {
        "source_id": pl.String,
        "fetched_at": pl.Datetime("us", "UTC"),
        "path": pl.String,
        "byte_count": pl.Int64,
        "sidecar_byte_count": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _by_source(captured: pl.DataFrame) -> pl.DataFrame:
    """Runs seen and bytes per run, by source."""
    ordered = captured.sort("source_id", "fetched_at")
    is_new_run = (pl.col("fetched_at").diff().over("source_id") > _ONE_RUN).fill_null(value=True)
    # The same bytes lie in one file, however often they came.
    is_first = pl.col("path").is_first_distinct().over("source_id")
    return (
        ordered.with_columns(is_new_run.alias("is_new_run"), is_first.alias("is_first"))
        .group_by("source_id")
        .agg(
            pl.col("is_new_run").sum().alias("run_count"),
            pl.len().alias("capture_count"),
            (pl.col("byte_count").filter("is_first").sum() + pl.col("sidecar_byte_count").sum()).alias("stored"),
            (pl.col("byte_count") + pl.col("sidecar_byte_count")).sum().alias("if_changed"),
        )
        .select(
            "source_id",
            pl.col("run_count").cast(pl.Int64),
            pl.col("capture_count").cast(pl.Int64),
            (pl.col("stored") / pl.col("run_count")).alias("bytes_per_run"),
            (pl.col("if_changed") / pl.col("run_count")).alias("bytes_per_changed_run"),
        )
    )


def measure(home: Home, run_count: int, now: dt.datetime | None = None) -> Growth:
    """Measure a home.

    Args:
        home: the home folder.
        run_count: runs that its Dagster instance holds.
        now: beginning of the month that is projected.
    """
    moment = now or dt.datetime.now(dt.UTC)
    store = CaptureStore(home)
    captures = list(store.captures())
    # Listed after the captures that they belong to: none of those is missing.
    sizes = store.files.sizes()
    scheduled = pl.DataFrame(
        [
            (s.source_id, runs_per_month(s.cadence, moment))
            for s in all_sources().values()
            if s.cadence and s.plan and not s.is_bundled
        ],
        schema={"source_id": pl.String, "runs_per_month_count": pl.Int64},
        orient="row",
    )
    sources = (
        scheduled.join(_by_source(_captured(captures, sizes)), on="source_id", how="left")
        .with_columns(
            (pl.col("bytes_per_run") * pl.col("runs_per_month_count")).alias("bytes_per_month"),
            (pl.col("bytes_per_changed_run") * pl.col("runs_per_month_count")).alias("bytes_per_month_if_changed"),
        )
        .sort("bytes_per_month_if_changed", "source_id", descending=[True, False], nulls_last=True)
    )
    return Growth(
        sources,
        sum(sizes.values()),
        store_of(home).byte_count(),
        disk_bytes(home.published_file) if home.published_file.exists() else 0,
        setting("PETADAY_KEEP_PUBLICATIONS", KEPT_PUBLICATIONS),
        disk_bytes(home.dagster_dir),
        run_count,
        setting("PETADAY_KEEP_RUN_DAYS", KEPT_RUN_DAYS),
    )
