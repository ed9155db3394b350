"""`petaday lake`: make, fill, verify and keep the warehouse of a team."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.console import err, out
from warehouse.home import Home


@click.group()
def lake() -> None:
    """The warehouse of a team: DuckLake on PostgreSQL, named by PETADAY_WAREHOUSE (see docs/lake.md)."""


def _told(problems: list[str], good: str) -> int:
    for problem in problems:
        err.print(f"petaday: {problem}")
    out.print(good if not problems else f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
    return 1 if problems else 0


def _say(text: str) -> None:
    out.print(f"  {text}")


@lake.command()
@click.option("--reader", metavar="ROLE", help="Let this PostgreSQL role read, and nothing else.")
def init(reader: str | None) -> int:
    """Make the lake, or bring its schema up to date."""
    from assets.catalog import catalog
    from assets.lake import lake_of
    from warehouse.store import lake_admin

    store = lake_of(Home.from_environment().create())
    is_new = lake_admin.init(store, catalog(), reader)
    out.print(f"{'made' if is_new else 'up to date'}: {store.name}")
    return 0


@lake.command()
@click.option("--replace", "is_replacing", is_flag=True, help="Put it in the place of what the lake holds.")
def migrate(is_replacing: bool) -> int:
    """Copy the embedded warehouse under PETADAY_HOME into the lake, captures included, and prove it equal."""
    from assets import lake as moving

    problems = moving.migrate(Home.from_environment().create(), _say, is_replacing=is_replacing)
    return _told(problems, "migrated and equal")


@lake.command()
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A work or published file that must hold the same.",
)
def check(against: Path | None) -> int:
    """Read everything; with --against, compare rows, hashes and answers on both clocks with a file."""
    from assets import lake as moving

    home = Home.from_environment().create()
    problems = moving.check(home, _say)
    if against:
        problems += moving.prove_equal(home, _say, against)
    return _told(problems, "all good")


@lake.command()
@click.option("--keep-days", type=click.IntRange(min=1), help="Days of old snapshots to keep.  [default: 7]")
def upkeep(keep_days: int | None) -> int:
    """Merge small files, expire old snapshots, remove files that nothing has named for a day."""
    from assets.lake import lake_of
    from warehouse.store import lake_admin

    kept = lake_admin.upkeep(lake_of(Home.from_environment().create()), keep_days)
    out.print(
        f"{kept.file_count_before} data files before, {kept.file_count} now; {kept.inlined_flushed_count} tables flushed, "
        f"{kept.snapshot_expired_count} snapshots expired, {kept.file_removed_count} files removed"
    )
    return 0


@lake.command()
@click.option("--reader", metavar="ROLE", help="Role to attach as, instead of the one in PETADAY_WAREHOUSE.")
def attach(reader: str | None) -> int:
    """Print the SQL with which any DuckDB client attaches the lake for reading, macros included."""
    from assets.lake import lake_of
    from warehouse.store import lake_admin

    store = lake_of(Home.from_environment())
    with store.open_for_reading() as con:
        print(lake_admin.attach_script(store, reader, con), end="")  # noqa: T201
    return 0
