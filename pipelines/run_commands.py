"""`petaday run`, `refresh` and `load`: the commands that bring data in."""

from __future__ import annotations

import datetime as dt
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from pipelines.alerts.commands import tell
from pipelines.console import err, figure, out
from pipelines.executing import execute, progress_of, report_due_rebuild, report_failures, settle
from warehouse.home import Home

if TYPE_CHECKING:
    from assets.sources._base import Source


@click.command()
@click.pass_obj
def run(options: dict[str, Any]) -> int:
    """The main job on the bundled data: no key, no network."""
    home = Home.from_environment()
    with progress_of("bundled data, estimates, publishing", options["verbose"]):
        failures = execute(home, "run", options["verbose"])
    report_failures(failures)
    tell(home)
    report_due_rebuild(home)
    if failures:
        return 1
    _summary(home)
    return 0


def _summary(home: Home) -> None:
    from warehouse.connection import read_published

    with read_published(home) as con:
        rows = con.execute(
            "SELECT subject, count(DISTINCT source_id), count(DISTINCT source_id) FILTER (is_bundled) FROM meta.snapshot "
            "JOIN meta.source USING (source_id, subject) GROUP BY subject ORDER BY subject"
        ).fetchall()
        table = Table("subject", "rows", "sources", "newest date", title="What was built", title_justify="left")
        for subject, sources, bundled in rows:
            count, newest = con.execute(
                f"SELECT count(*), strftime(max(valid_from) FILTER (valid_from <= now()), '%Y-%m-%d') FROM observed.{subject}"
            ).fetchall()[0]
            table.add_row(subject, f"{count:,}", f"{sources}{f' ({bundled} bundled)' if bundled else ''}", newest)
        out.print(table)
        number = con.execute("SELECT max(publication_number) FROM meta.publication").fetchall()[0][0]
        _print_headline(con)
    out.print(f"\nPublished as number {number}: {home.published_file}")
    command = _own_name()
    out.print("\nNext:")
    for words, meaning in (
        ('query "FROM help()"', "ask what was published in SQL"),
        ("ui", "assets, lineage and runs in the browser"),
        ("refresh", "read the live publishers"),
    ):
        out.print(f"  {command} {words:<28}  {meaning}")


def _own_name() -> str:
    """How to call this command in this shell: by name if it is on the PATH, else by its path."""
    called = Path(sys.argv[0]).absolute()
    if shutil.which("petaday") or called.name != "petaday":
        return "petaday"
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)


#: Scenarios that the main job shows: what was published, and the same training at the rates observed now.
_HEADLINE = {"gpt-3-175b": "as trained in 2020 (published inputs)", "gpt-3-175b-a100": "on A100 at observed rates"}


def _print_headline(con: Any) -> None:
    """The training estimate of GPT-3, with its band where inputs are not given."""
    table = Table(
        "scenario",
        "quantity",
        "low (p5)",
        "central",
        "high (p95)",
        "unit",
        title="\nTraining GPT-3 (175B)",
        title_justify="left",
    )
    for scenario_id, title in _HEADLINE.items():
        rows = con.execute(
            "SELECT quantity, low, central, high, unit FROM estimated.training_estimate WHERE scenario_id = ? "
            "ORDER BY list_position(['training_flop', 'pf_days', 'gpu_hours', 'energy_kwh', 'cost_usd', 'operational_kgco2e'], quantity)",
            [scenario_id],
        ).fetchall()
        for number, (quantity, *band, unit) in enumerate(rows):
            table.add_row(title if number == 0 else "", quantity, *map(_shown, band), unit)
        table.add_section()
    out.print(table)


def _shown(value: float | None) -> str:
    return "unknown" if value is None else figure(value, 4)


def _dates(first: dt.datetime | None, last: dt.datetime | None) -> tuple[str, str] | None:
    if first is None and last is None:
        return None
    if first is None:
        raise click.UsageError("--to needs --from")
    until = last or dt.datetime.now(dt.UTC).replace(tzinfo=None)
    if until < first:
        raise click.UsageError(f"--to {until:%Y-%m-%d} lies before --from {first:%Y-%m-%d}")
    return f"{first:%Y-%m-%d}", f"{until:%Y-%m-%d}"


@click.command()
@click.argument("sources", nargs=-1)
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day, for sources with history.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day.")
@click.pass_obj
def refresh(
    options: dict[str, Any], sources: tuple[str, ...], first: dt.datetime | None, last: dt.datetime | None
) -> int:
    """Read the live publishers (all, or SOURCES), then derive and publish."""
    from assets.sources import all_sources, needs_key, source_named

    home = Home.from_environment()
    chosen = [source_named(s) for s in sources] or [s for s in all_sources().values() if s.plan and s.cadence]
    window = _dates(first, last)
    if window and not sources:
        raise click.UsageError("--from needs the SOURCES to read")
    for source in chosen:
        if not source.plan:
            raise click.UsageError(f"{source.source_id} has no live feed: {_instead_of_reading(source)}")
        if window and not source.has_history:
            raise click.UsageError(f"{source.source_id} has no history to ask for: leave --from out")
    failures: list[str] = []
    if sources and all(needs_key(s) for s in chosen):
        report_failures([_lacking(s) for s in chosen])
        return 1
    for source in chosen:
        if missing := needs_key(source):
            if sources:
                failures.append(_lacking(source))
            else:
                err.print(f"  skipped {source.source_id}: needs {missing}")
            continue
        partition: dict[str, Any] = {}
        if source.has_history:
            day = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
            first_day, last_day = window or (day, day)
            partition["tags"] = {
                "dagster/asset_partition_range_start": first_day,
                "dagster/asset_partition_range_end": last_day,
            }
        with progress_of(f"reading {source.title}", options["verbose"]):
            failures += execute(home, f"refresh_{source.source_id}", options["verbose"], **partition)
    return settle(home, options, failures)


def _instead_of_reading(source: Source) -> str:
    return (
        "`petaday run` loads it" if source.is_bundled else f"load its files with `petaday load {source.source_id} FILE`"
    )


def _lacking(source: Source) -> str:
    from assets.sources import needs_key

    return f"{source.source_id}: needs {needs_key(source)} in the environment"


@click.command()
@click.argument("source")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--fetched-at",
    help="When the publisher was seen to say this, ISO 8601; UTC unless an offset is given. Default: now.",
)
@click.pass_obj
def load(options: dict[str, Any], source: str, files: tuple[Path, ...], fetched_at: str | None) -> int:
    """Take recorded or hand-downloaded FILES as captures of SOURCE, then derive and publish."""
    from assets.sources import source_named

    found = source_named(source)
    home = Home.from_environment()
    moment = _instant(fetched_at) if fetched_at else ""
    config = {"files": [str(f.resolve()) for f in files], "fetched_at": moment}
    partition: dict[str, Any] = {}
    if found.has_history:
        partition["partition_key"] = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    with progress_of(f"taking {len(files)} file{'s' if len(files) > 1 else ''} as {found.title}", options["verbose"]):
        failures = execute(
            home,
            f"refresh_{found.source_id}",
            options["verbose"],
            ops={f"sources__{found.source_id}": {"config": config}},
            **partition,
        )
    status = settle(home, options, failures)
    return max(status, _tell_loaded(home, found.source_id, files))


def _instant(text: str) -> str:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"--fetched-at {text!r} is not an ISO 8601 instant such as 2026-04-02T12:00:00Z"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    if moment > dt.datetime.now(dt.UTC):
        raise click.UsageError(f"--fetched-at {text} lies in the future")
    return moment.astimezone(dt.UTC).isoformat()


def _tell_loaded(home: Home, source_id: str, files: Sequence[Path]) -> int:
    """What became of the files, and why rows were refused; 1 if a file was rejected, else 0."""
    from warehouse.connection import read_published

    if not home.published_file.exists():
        return 0
    with read_published(home) as con:
        rows = con.execute(
            "SELECT url, outcome, row_count, changed_count, rejected_count, batch_id FROM meta.capture WHERE source_id = ? "
            "AND url IN (SELECT unnest(?)) QUALIFY row_number() OVER (PARTITION BY url ORDER BY load_number DESC) = 1 ORDER BY url",
            [source_id, [f"file:{f.name}" for f in files]],
        ).fetchall()
        reasons = con.execute(
            "SELECT reason, count(*), min(row_json) FROM meta.rejected_row WHERE batch_id IN (SELECT unnest(?)) GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT 5",
            [[row[-1] for row in rows]],
        ).fetchall()
    table = Table("file", "outcome", "rows", "changes", "refused rows")
    for url, outcome, *counts, _ in rows:
        table.add_row(url.removeprefix("file:"), outcome, *(f"{c:,}" for c in counts))
    out.print(table)
    for reason, count, example in reasons:
        example = textwrap.shorten(example, 240, placeholder=" …")
        rows_told = f"{count:,} row{'s' if count > 1 else ''}"
        err.print(f"refused, {rows_told}: {reason}; for example {example}")
    return int(any(outcome == "rejected" for _, outcome, *_ in rows))
