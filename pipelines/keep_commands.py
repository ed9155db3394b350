"""`petaday publish`, `publications`, `upkeep`, `rebuild` and `check`: the commands that keep what is there."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from rich.table import Table

from pipelines.console import err, out
from pipelines.executing import settle
from warehouse.home import Home


@click.command()
def publish() -> int:
    """Make the one published file from the warehouse (or the lake), if anything changed."""
    from assets.catalog import catalog
    from warehouse.publish import publish as make

    home = Home.from_environment().create()
    made = make(home, catalog())
    state = "published as" if made.is_new else "unchanged since"
    out.print(f"{state} number {made.number}: {made.path} ({made.byte_count:,} bytes)", markup=False)
    return 0


@click.command()
def publications() -> int:
    """The current publication and the earlier ones that are kept."""
    home = Home.from_environment()
    files = [*sorted(home.publications_dir.glob("petaday-*.duckdb")), home.published_file]
    table = Table("file", "bytes", "published (UTC)")
    for file in files:
        if file.exists():
            moment = dt.datetime.fromtimestamp(file.stat().st_mtime, dt.UTC)
            table.add_row(str(file), f"{file.stat().st_size:,}", f"{moment:%Y-%m-%d %H:%M:%S}")
    out.print(table)
    return 0


@click.command()
def upkeep() -> int:
    """Remove old runs and what killed runs left behind; captures stay."""
    from pipelines.upkeep import forget_old_runs
    from warehouse.upkeep import sweep

    home = Home.from_environment().create()
    swept = sweep(home)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runs = forget_old_runs(home)
    out.print(f"removed {runs} old runs, {swept.file_count} leftovers ({swept.byte_count / 1e6:,.1f} MB)", markup=False)
    return 0


@click.command()
@click.pass_obj
def rebuild(options: dict[str, Any]) -> int:
    """Make the warehouse again from the captures alone; the old work file is kept beside it."""
    from assets.recovery import rebuild_warehouse

    home = Home.from_environment()
    counts = rebuild_warehouse(home, lambda text: err.print(f"  {text}", markup=False))
    out.print(f"rebuilt from {counts['batch_count']} batches: {counts['appended_count']:,} rows", markup=False)
    return settle(home, options, [])


@click.command()
def check() -> int:
    """Verify captures by their hashes, the work file, the published file, the schedules' ticks and the runs."""
    from assets.recovery import verify

    home = Home.from_environment()
    say = partial(out.print, markup=False)
    problems = [*verify(home, lambda text: say(f"  {text}")), *_check_of_runs(home, lambda text: say(f"  {text}"))]
    for problem in problems:
        err.print(f"petaday: {problem}", markup=False)
    out.print("all good" if not problems else f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
    return 1 if problems else 0


def _check_of_runs(home: Home, tell: Callable[[str], None]) -> list[str]:
    """Ticks that were missed and runs that are broken; asks Dagster's records and changes nothing."""
    if not (home.dagster_dir / "dagster.yaml").exists():
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pipelines.broken_runs import broken_runs
        from pipelines.instance import instance
        from pipelines.ticks import accounts

        with instance(home) as of:
            seen = accounts(of)
            broken = broken_runs(home, of)
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
