"""`petaday publish`, `publications`, `upkeep`, `growth`, `rebuild` and `check`: commands that maintain a home."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import click
from rich.table import Table

from pipelines.console import err, out
from pipelines.executing import settle
from warehouse.errors import PetadayError
from warehouse.home import Home


@click.command()
def publish() -> int:
    """Make the one published file from the warehouse (or the lake), if anything changed."""
    from assets.catalog import catalog
    from warehouse.publish import publish as make

    home = Home.from_environment().create()
    made = make(home, catalog())
    state = "published as" if made.is_new else "unchanged since"
    out.print(f"{state} number {made.number}: {made.path} ({made.byte_count:,} bytes)")
    return 0


@click.command()
def publications() -> int:
    """The current publication and the earlier ones that are kept, each opened and asked for its number."""
    from warehouse.publish import kept_publications

    table = Table("number", "published (UTC)", "bytes", "file")
    problems = 0
    for each in kept_publications(Home.from_environment()):
        problems += each.problem is not None
        moment = f"{each.published_at:%Y-%m-%d %H:%M:%S}" if each.published_at else each.problem
        name = f"{each.path}{' (current)' if each.is_current else ''}"
        table.add_row("-" if each.number is None else str(each.number), moment, f"{each.byte_count:,}", name)
    out.print(table)
    return 1 if problems else 0


@click.command()
def upkeep() -> int:
    """Remove old runs and what killed runs left behind; captures stay."""
    home = Home.from_environment().create()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pipelines.upkeep import run_upkeep

        out.print(run_upkeep(home))
    return 0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per scheduled source.")
def growth(as_json: bool) -> int:
    """How much this home grows in a month: measured on its files, projected by the schedules."""
    import polars as pl

    from pipelines.growth import measure
    from pipelines.instance import records_of

    home = Home.from_environment()
    with records_of(home) as of:
        count = of.get_runs_count() if of else 0
    seen = measure(home, count)
    if as_json:
        sys.stdout.write(seen.sources.write_json() + "\n")
        return 0
    table = Table("source", "runs a month", "runs seen", "MB a run", "MB a month", "if every answer differs")
    measured = seen.sources.drop_nulls("bytes_per_run")
    for row in measured.iter_rows(named=True):
        table.add_row(
            row["source_id"],
            f"{row['runs_per_month_count']:,}",
            f"{row['run_count']:,}",
            *(_megabytes(row[c]) for c in ("bytes_per_run", "bytes_per_month", "bytes_per_month_if_changed")),
        )
    totals = [float(measured[c].sum() or 0) for c in ("bytes_per_month", "bytes_per_month_if_changed")]
    table.add_row(
        f"{measured.height} of {seen.sources.height} measured",
        f"{seen.runs_per_month:,}",
        "",
        "",
        *[_megabytes(t) for t in totals],
    )
    out.print(table)
    kept = seen.publication_byte_count * (seen.kept_publication_count + 1)
    unread = seen.sources.filter(pl.col("bytes_per_run").is_null())["source_id"].sort()
    lines = [
        *([f"not measured, as nothing of them was read here: {', '.join(unread)}"] if len(unread) else []),
        f"captures now {_megabytes(seen.capture_byte_count)} MB, never deleted",
        f"warehouse now {_megabytes(seen.warehouse_byte_count)} MB; publications at most {_megabytes(kept)} MB ({seen.kept_publication_count} and the current one)",
    ]
    if (each := seen.dagster_bytes_per_run) is not None:
        a_day = seen.runs_per_month / 30
        lines.append(
            f"Dagster now {_megabytes(seen.dagster_byte_count)} MB for {seen.run_count:,} runs, {_megabytes(each)} MB each; with {seen.kept_run_days} days "
            f"kept and {a_day:,.0f} scheduled runs a day it stays below {_megabytes(each * a_day * seen.kept_run_days)} MB if they are like these "
            "(a run that finds nothing new keeps about a tenth of one that derives everything)"
        )
    for line in lines:
        out.print(line)
    return 0


def _megabytes(count: float | None) -> str:
    """Bytes as MB (10^6); a dash where nothing was measured."""
    return "-" if count is None else f"{count / 1e6:,.3g}" if count < 1e8 else f"{count / 1e6:,.0f}"


@click.command()
@click.pass_obj
def rebuild(options: dict[str, Any]) -> int:
    """Make the warehouse again from the captures alone; the old work file is kept beside it."""
    from assets.recovery import rebuild_warehouse
    from warehouse import pending_captures
    from warehouse.capture_store import CaptureStore

    home = Home.from_environment()
    pending_captures.rescue(home)
    if next(iter(CaptureStore(home).captures()), None) is None:
        # Else a wrong PETADAY_HOME would be answered with an empty warehouse, or a full one replaced by it.
        raise PetadayError(f"no captures in {home.root}: there is nothing to rebuild from, and nothing was replaced")
    counts = rebuild_warehouse(home, lambda text: err.print(f"  {text}"))
    out.print(f"rebuilt from {counts['batch_count']} batches: {counts['appended_count']:,} rows")
    return settle(home, options, [])


@click.command()
def check() -> int:
    """Verify captures by their hashes, the work file, the published file, the schedules' ticks and the runs."""
    from assets.recovery import verify
    from warehouse.rules import REBUILD_IS_DUE

    home = Home.from_environment()
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        out.print(f"  {text}")

    problems = [*verify(home, say), *_check_of_runs(home, say)]
    for problem in problems:
        err.print(f"petaday: {problem}")
    if problems:
        out.print(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
        return 1
    is_due = any(line.startswith(REBUILD_IS_DUE) for line in told)
    out.print(f"nothing is damaged; {REBUILD_IS_DUE}, see above" if is_due else "all good")
    return 0


def _check_of_runs(home: Home, tell: Callable[[str], None]) -> list[str]:
    """Ticks that were missed and runs that are broken; asks Dagster's records and changes nothing."""
    from pipelines.broken_runs import broken_runs
    from pipelines.instance import records_of
    from pipelines.ticks import accounts

    with records_of(home) as of:
        if of is None:
            return []
        seen, broken = accounts(of), broken_runs(home, of)
    if seen:
        missed = sum(len(a.missed) for a in seen)
        tell(f"{len(seen)} schedules are on: {sum(a.made_count for a in seen)} ticks in 7 days, {missed} missed")
    for account in seen:
        if account.missed and not account.problem:
            tell(f"{account.source_id}: {account.words()}")
    problems = [a.problem for a in seen if a.problem]
    problems += [
        f"run {run.run_id[:8]} of {run.job_name} counts as going on, but its process is gone: the next run, or the daemon, clears it"
        for run in broken
    ]
    return problems
