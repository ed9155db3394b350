"""`petaday query`, `status`, `explain`, `report` and `export`: commands that read the published file."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from pipelines.console import err, figure, out, with_unit
from pipelines.executing import execute, progress_of, report_failures
from warehouse.home import Home

if TYPE_CHECKING:
    import polars as pl


@click.command()
@click.argument("sql")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "records", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
    help="records: one column a line, as a table shows a few rows that are too wide for it.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File to write; needed for parquet.",
)
def query(sql: str, style: str, output: Path | None) -> int:
    """Ask the published file in SQL (read-only)."""
    from warehouse.connection import read_published
    from warehouse.quoting import quoted

    if not sql.strip(" ;\n\t"):
        raise click.UsageError('nothing is asked; begin with petaday query "FROM help()"')
    with read_published(Home.from_environment()) as con:
        relation = con.sql(sql)
        if relation is None:
            return 0
        if style == "csv":
            # A CSV cell holds text: lists and structs are written as JSON.
            nested = ("list", "array", "struct", "map", "union")
            columns = zip(relation.columns, relation.types, strict=True)
            relation = relation.project(
                ", ".join(
                    f"to_json({quoted(c)})::VARCHAR AS {quoted(c)}" if t.id in nested else quoted(c) for c, t in columns
                )
            )
        frame = relation.pl()
    if style == "parquet":
        if output is None and sys.stdout.isatty():
            raise click.UsageError("parquet needs --output FILE")
        frame.write_parquet(output or sys.stdout.buffer)
        return 0
    if style == "csv":
        text = frame.write_csv()
    elif style == "json":
        text = frame.write_json() + "\n"
    elif style == "records" or (frame.width > _columns_fitting() and frame.height <= _RECORDS):
        text = _records(frame)
    else:
        text = _table(frame)
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


#: Rows that are shown one column a line where a table would leave columns out, and rows of a table.
_RECORDS, _TABLE_ROWS = 10, 200


def _columns_fitting() -> int:
    return max(6, max(out.width, 100) // 16)


def _records(frame: pl.DataFrame) -> str:
    """Every row as lines of `column  value`."""
    size = max((len(name) for name in frame.columns), default=0)
    lines = []
    for number, row in enumerate(frame.iter_rows(named=True), 1):
        lines.append(f"-- row {number} --")
        lines += [f"{name:{size}}  {_shown(value)}" for name, value in row.items()]
    return "\n".join([*lines, _rows(frame.height)]) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}{' UTC' if value.tzinfo else ''}"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def _table(frame: pl.DataFrame) -> str:
    """A table as wide as the terminal; what it leaves out is told."""
    import polars as pl

    fitting = _columns_fitting()
    with pl.Config(
        tbl_rows=_TABLE_ROWS,
        tbl_cols=fitting,
        tbl_width_chars=max(out.width, 100),
        fmt_str_lengths=60,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
    ):
        text = f"{frame}\n{_rows(frame.height)}"
    if frame.height > _TABLE_ROWS:
        text += f", the first and the last {_TABLE_ROWS // 2} shown; --format csv writes all"
    if frame.width > fitting:
        text += f"; {fitting} of {frame.width} columns shown: name those you need, or --format records"
    return text + "\n"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


_STATUS = (
    "SELECT source_id, subject, strftime(last_good_at, '%Y-%m-%d %H:%M'), epoch(age), epoch(now() - last_changed_at), "
    "epoch(unchanged_for), last_outcome, last_row_count, last_rejected_count, last_message, is_bundled FROM meta.source_status"
)


@click.command()
def status() -> int:
    """Per source: last good capture, its age and that of its last change, outcome, rows; which are not read yet, and what they need."""
    from assets.sources import all_sources, needs_key
    from warehouse.connection import read_published
    from warehouse.errors import NotPublishedError

    try:
        with read_published(Home.from_environment()) as con:
            rows = con.execute(_STATUS).fetchall()
    except NotPublishedError:
        _print_records(Home.from_environment())
        raise
    table = Table("source", "subject", "last good (UTC)", "age", "changed", "state", "rows", "refused")
    unread: dict[str, list[str]] = {}
    for source_id, subject, good, age, changed, unchanged, outcome, count, refused, message, bundled in rows:
        source = all_sources().get(source_id)
        if outcome is None:
            missing = needs_key(source) if source else None
            by = "load SOURCE FILE" if source and not source.cadence else "refresh"
            unread.setdefault(f"needs {missing}" if missing else f"`petaday {by}`", []).append(source_id)
            continue
        stale = source is not None and age is not None and not bundled and age > source.stale_after_days * 86400
        age_word = "bundled" if bundled else "no good answer yet" if age is None else "stale" if stale else "fresh"
        if source is not None and not bundled and source.stands_still(None if unchanged is None else unchanged / 86400):
            age_word += (
                f"; STANDS STILL: nothing new for {_age(unchanged)}, expected within {source.changes_within_days:g} d"
            )
        state = age_word + ("" if outcome != "rejected" else f"; last REJECTED: {message}")
        table.add_row(
            source_id,
            subject,
            good or "-",
            _age(age),
            "-" if bundled else _age(changed),
            state,
            "-" if count is None else f"{count:,}",
            "-" if refused is None else f"{refused:,}",
        )
    out.print(table)
    if unread:
        out.print(f"Not read yet, {sum(map(len, unread.values()))} sources:")
    for way, sources in sorted(unread.items()):
        out.print(textwrap.fill(f"{way}: {', '.join(sources)}", max(out.width, 100), subsequent_indent="    "))
    _print_records(Home.from_environment())
    return 0


def _print_records(home: Home) -> None:
    """What Dagster has recorded: sources and publications whose last run failed, active schedules with their ticks."""
    from pipelines.alerts.conditions import failed_steps
    from pipelines.instance import records_of
    from pipelines.ticks import accounts

    with records_of(home) as of:
        failing = failed_steps(of).conditions if of else ()
        seen = accounts(of) if of else []
    for condition in failing:
        out.print(condition.line)
    if not seen:
        return
    table = Table("schedule of", "ticks made", "failed", "missed", title="\nSchedules, 7 days", title_justify="left")
    for account in seen:
        made = f"{account.made_count:,} of {max(account.expected_count, account.made_count):,}"
        table.add_row(account.source_id, made, f"{account.failed_count:,}", account.words())
    out.print(table)


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


#: Result of comparing the bytes of a capture with their hash -> message.
_BYTES = {
    "match": "bytes match",
    "changed": "BYTES CHANGED, they hash to something else: restore the file from a backup of captures/",
    "missing": "BYTES MISSING, the file is gone while other captures are there: restore it from a backup of captures/",
    "not here": "not compared, captures are not kept here",
}


@click.command()
@click.argument("row", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--rows",
    "most_rows",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Rows to walk, where more begin so; 0: all.",
)
def explain(row: tuple[str, ...], as_json: bool, most_rows: int) -> int:
    """Walk a published number back to its bytes: [TABLE] KEY..., as in `gpt-3-175b cost_usd`.

    TABLE is estimated.TABLE, observed.SUBJECT or reference.TABLE; unless given, the estimates of all scenarios. KEY is
    the row's key or its start.
    """
    from dataclasses import asdict

    from assets.passport import explain as walk_of

    home = Home.from_environment()
    walks = walk_of(home, row, most_rows or None)
    steps = walks.steps
    if walks.shown_count < walks.row_count:
        err.print(
            f"{walks.row_count:,} rows begin so, the first {walks.shown_count} are walked: give more of the key, or --rows 0 for all"
        )
    if any(s.bytes_state == "not here" for s in steps):
        err.print(
            f"no captures under {home.captures_dir}: no bytes were compared with their hash. To compare them, set PETADAY_HOME to the home "
            "that published this file, or copy its captures/ there"
        )
    status = 1 if any(s.bytes_state in ("changed", "missing") for s in steps) else 0
    if as_json:
        sys.stdout.write(json.dumps([asdict(s) for s in steps], indent=2) + "\n")
        return status
    shown = None
    for step in steps:
        if step.row_key != shown:
            shown = step.row_key
            out.print(f"\n{shown}", style="bold")
        value = "" if step.value is None else f" = {with_unit(figure(step.value), step.unit)}"
        out.print(f"{'  ' * min(step.step, 5)}{step.part}: {step.said_of}{value}")
        indent = "  " * (min(step.step, 5) + 2)
        if step.meaning:
            out.print(f"{indent}{' '.join(step.meaning.split())}")
        if step.source_url:
            out.print(f"{indent}source {step.source_url}")
        if step.part == "capture":
            out.print(f"{indent}{step.url}, fetched {step.fetched_at}, licence: {step.licence}")
            out.print(f"{indent}{home.captures_dir / (step.path or '')}")
            out.print(f"{indent}SHA-256 {step.sha256}: {_BYTES[step.bytes_state or 'not here']}")
    return status


@click.command()
@click.option("--open/--no-open", "is_opened", default=True, help="Open it in the browser.", show_default=True)
@click.pass_obj
def report(options: dict[str, Any], is_opened: bool) -> int:
    """Pages with charts, made from the published file; built again if it is newer."""
    from assets.published.report import built, front_page

    home = Home.from_environment()
    if built(home) is None:
        with progress_of("drawing the report", options["verbose"]):
            failures = execute(home, "report", options["verbose"])
        report_failures(failures)
        if failures:
            return 1
    page = front_page(home)
    out.print(str(page))
    # Without a display (a server, a container) the opener of the desktop would only print what it did not find.
    if is_opened and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        click.launch(str(page))
    return 0


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--csv", "has_csv", is_flag=True, help="Also CSV files, with cells that a spreadsheet would run made inert."
)
def export(folder: Path, has_csv: bool) -> int:
    """Every table as Parquet with a datapackage.json, and FOCUS-shaped cost rows, into DIR."""
    from assets.published.export import export as write_out

    result = write_out(Home.from_environment(), folder, has_csv=has_csv)
    out.print(f"{result.table_count} tables, {result.row_count:,} rows, {result.byte_count:,} bytes: {result.path}")
    return 0
