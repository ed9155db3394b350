"""The command line: a thin door onto the Dagster jobs and the published file.

`run`, `refresh` and `load` execute Dagster jobs in this process on the instance under the home folder, so that the UI
opened later shows those runs. Nothing here goes around the asset graph. Exit codes: 0 good, 1 failed, 2 bad usage.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from pipelines.alerts.commands import alerts, tell
from pipelines.console import err, out
from pipelines.lake_commands import lake
from pipelines.restate_command import restate
from warehouse.errors import PetadayError
from warehouse.home import Home


class _Group(click.Group):
    """Turns every error into one clear line; `--verbose` shows the trace."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **kwargs: Any) -> Any:
        import duckdb

        kwargs["standalone_mode"] = False
        # Wherever a person puts it: before the command, after it, at the end.
        given = sys.argv[1:] if args is None else list(args)
        verbose = "--verbose" in given
        words = ["--verbose"] * verbose + [word for word in given if word != "--verbose"]
        try:
            result = super().main(words, *rest, **kwargs)
            sys.exit(result if isinstance(result, int) else 0)
        except click.exceptions.Exit as e:
            sys.exit(e.exit_code)
        except click.Abort:
            err.print("stopped; what was committed stays, the next run goes on from there")
            sys.exit(130)
        except click.UsageError as e:
            e.show()
            sys.exit(2)
        except BrokenPipeError:
            # Whoever read the output has enough of it (`| head`).
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except (PetadayError, duckdb.Error, OSError) as e:
            if verbose:
                raise
            # What is wrong with a person's own input is told whole; of other errors the first line says it.
            lines = getattr(e, "problems", None) or (str(e).strip() or type(e).__name__).splitlines()[:1]
            for line in lines:
                err.print(f"petaday: {line}", markup=False)
            sys.exit(1)
        except Exception as e:
            if verbose:
                raise
            first = (str(e).strip().splitlines() or [""])[0]
            err.print(f"petaday: unexpected {type(e).__name__}: {first} (--verbose shows the trace)", markup=False)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help="Show traces and the log of every step.")
@click.version_option("0.1.0", prog_name="petaday")
@click.pass_context
def main(context: click.Context, verbose: bool) -> None:
    """What AI compute costs in money, energy and carbon: prices, grids and estimates with their history."""
    context.obj = {"verbose": verbose}


main.add_command(alerts)
main.add_command(restate)
main.add_command(lake)

# Jobs ---------------------------------------------------------------------------------------------------------------------


def _quiet(verbose: bool) -> dict[str, Any]:
    level = "DEBUG" if verbose else "CRITICAL"
    return {"loggers": {"console": {"config": {"log_level": level}}}}


@contextlib.contextmanager
def _progress(title: str, verbose: bool) -> Generator[None]:
    """A spinner with the last step that ended; plain lines where there is no terminal."""
    from pipelines import progress

    if verbose or not err.is_terminal:
        progress.listen(lambda step, good: err.print(f"  {'done' if good else 'FAILED'}  {step.replace('__', '/')}"))
        err.print(title)
        try:
            yield
        finally:
            progress.listen(None)
        return
    with err.status(title) as status:
        progress.listen(
            lambda step, good: status.update(f"{title}: {step.replace('__', '/')} {'done' if good else 'FAILED'}")
        )
        try:
            yield
        finally:
            progress.listen(None)


def _execute(
    home: Home,
    job: str,
    verbose: bool,
    *,
    ops: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    partition_key: str | None = None,
) -> list[str]:
    """Run a job in this process; returns the messages of the steps that failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pipelines.definitions import defs
        from pipelines.failures import failure_line
        from pipelines.instance import instance

        config = _quiet(verbose) | ({"ops": ops} if ops else {})
        with instance(home) as dagster_instance:
            result = defs.resolve_job_def(job).execute_in_process(
                instance=dagster_instance,
                run_config=config,
                raise_on_error=False,
                tags=tags,
                partition_key=partition_key,
            )
    if result.success:
        return []
    messages = [failure_line(event) for event in result.all_events if event.is_step_failure]
    return messages or [f"job {job} failed; see the run in `petaday ui`"]


def _report_failures(messages: Sequence[str]) -> None:
    for message in messages:
        err.print(f"petaday: {message}", markup=False)


@main.command()
@click.pass_obj
def run(options: dict[str, Any]) -> int:
    """The main job on the bundled data: no key, no network."""
    home = Home.from_environment()
    with _progress("bundled data, estimates, publishing", options["verbose"]):
        failures = _execute(home, "run", options["verbose"])
    _report_failures(failures)
    tell(home)
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
    out.print(f"\nPublished as number {number}: {home.published_file}", markup=False)
    command = _own_name()
    out.print("\nNext:", markup=False)
    for words, meaning in (
        ('query "FROM petaday.help()"', "ask the published file in SQL"),
        ("ui", "assets, lineage and runs in the browser"),
        ("refresh", "read the live publishers"),
    ):
        out.print(f"  {command} {words:<28}  {meaning}", markup=False)


def _own_name() -> str:
    """How to call this command from here: by name if the shell finds it, else by its path."""
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
    if value is None:
        return "unknown"
    return f"{value:,.4g}" if abs(value) >= 1e15 or abs(value) < 100 else f"{value:,.0f}"


def _dates(first: dt.datetime | None, last: dt.datetime | None) -> tuple[str, str] | None:
    if first is None and last is None:
        return None
    if first is None:
        raise click.UsageError("--to needs --from")
    until = last or dt.datetime.now(dt.UTC).replace(tzinfo=None)
    if until < first:
        raise click.UsageError(f"--to {until:%Y-%m-%d} lies before --from {first:%Y-%m-%d}")
    return f"{first:%Y-%m-%d}", f"{until:%Y-%m-%d}"


@main.command()
@click.argument("sources", nargs=-1)
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day, for sources with history.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day.")
@click.pass_obj
def refresh(
    options: dict[str, Any], sources: tuple[str, ...], first: dt.datetime | None, last: dt.datetime | None
) -> int:
    """Read the live publishers (all, or SOURCES), then derive and publish."""
    from assets.intake import needs_key
    from assets.sources import all_sources, source_named

    home = Home.from_environment()
    chosen = [source_named(s) for s in sources] or [s for s in all_sources().values() if s.plan and s.cadence]
    window = _dates(first, last)
    if window and not sources:
        raise click.UsageError("--from needs the SOURCES to read")
    failures: list[str] = []
    for source in chosen:
        if window and not source.has_history:
            raise click.UsageError(f"{source.source_id} has no history to ask for: leave --from out")
        if missing := needs_key(source):
            if sources:
                failures.append(f"{source.source_id}: needs {missing} in the environment")
            else:
                err.print(f"  skipped {source.source_id}: needs {missing}", markup=False)
            continue
        partition: dict[str, Any] = {}
        if source.has_history:
            day = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
            first_day, last_day = window or (day, day)
            partition["tags"] = {
                "dagster/asset_partition_range_start": first_day,
                "dagster/asset_partition_range_end": last_day,
            }
        with _progress(f"reading {source.title}", options["verbose"]):
            failures += _execute(home, f"refresh_{source.source_id}", options["verbose"], **partition)
    return _settle(home, options, failures)


def _settle(home: Home, options: dict[str, Any], failures: list[str]) -> int:
    with _progress("recording, estimating, publishing", options["verbose"]):
        failures = [*failures, *_execute(home, "settle", options["verbose"])]
    _report_failures(failures)
    if not any(f.startswith("published/") for f in failures) and home.published_file.exists():
        out.print(f"published: {home.published_file}", markup=False)
    tell(home)
    return 1 if failures else 0


@main.command()
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
    with _progress(f"taking {len(files)} file{'s' if len(files) > 1 else ''} as {found.title}", options["verbose"]):
        failures = _execute(
            home,
            f"refresh_{found.source_id}",
            options["verbose"],
            ops={f"sources__{found.source_id}": {"config": config}},
            **partition,
        )
    status = _settle(home, options, failures)
    _tell_loaded(home, found.source_id, files)
    return status


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


def _tell_loaded(home: Home, source_id: str, files: Sequence[Path]) -> None:
    from warehouse.connection import read_published

    if not home.published_file.exists():
        return
    with read_published(home) as con:
        rows = con.execute(
            "SELECT url, outcome, row_count, changed_count, rejected_count FROM meta.capture WHERE source_id = ? "
            "AND url IN (SELECT unnest(?)) QUALIFY row_number() OVER (PARTITION BY url ORDER BY load_number DESC) = 1 ORDER BY url",
            [source_id, [f"file:{f.name}" for f in files]],
        ).fetchall()
    table = Table("file", "outcome", "rows", "changes", "refused rows")
    for url, outcome, *counts in rows:
        table.add_row(url.removeprefix("file:"), outcome, *(f"{c:,}" for c in counts))
    out.print(table)


# Asking -------------------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("sql")
@click.option(
    "--format", "style", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File to write; needed for parquet.",
)
def query(sql: str, style: str, output: Path | None) -> int:
    """Ask the published file in SQL (read-only)."""
    from warehouse.connection import read_published
    from warehouse.tables import quoted

    with read_published(Home.from_environment()) as con:
        relation = con.sql(sql)
        if relation is None:
            return 0
        if style == "csv":
            # A cell of CSV holds text: lists and structs go in as JSON.
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
    else:
        import polars as pl

        with pl.Config(
            tbl_rows=200,
            tbl_cols=max(6, max(out.width, 100) // 16),
            tbl_width_chars=max(out.width, 100),
            fmt_str_lengths=60,
            tbl_hide_dataframe_shape=False,
        ):
            text = f"{frame}\n"
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


@main.command()
def status() -> int:
    """Per source: last good capture, its age, outcome, rows."""
    from assets.intake import needs_key
    from assets.sources import all_sources
    from warehouse.connection import read_published

    with read_published(Home.from_environment()) as con:
        rows = con.execute(
            "SELECT source_id, subject, strftime(last_good_at, '%Y-%m-%d %H:%M'), epoch(age), last_outcome, last_row_count, "
            "last_rejected_count, last_message, is_bundled FROM meta.source_status"
        ).fetchall()
    table = Table("source", "subject", "last good (UTC)", "age", "state", "rows", "refused")
    for source_id, subject, good, age, outcome, count, refused, message, bundled in rows:
        source = all_sources().get(source_id)
        missing = needs_key(source) if source else None
        stale = source is not None and age is not None and not bundled and age > source.stale_after_days * 86400
        if outcome is None:
            state = f"needs {missing}" if missing else "not read yet"
        else:
            state = ("bundled" if bundled else "stale" if stale else "fresh") + (
                "" if outcome != "rejected" else f"; last REJECTED: {message}"
            )
        table.add_row(
            source_id,
            subject,
            good or "-",
            _age(age),
            state,
            "-" if count is None else f"{count:,}",
            "-" if refused is None else f"{refused:,}",
        )
    out.print(table)
    return 0


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


@main.command()
@click.argument("scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def estimate(scenario: Path, as_json: bool) -> int:
    """Estimate a scenario of your own from a TOML file.

    One section says what it is: [training], [request], [embodied], [sci], [site], [prompt], [fleet], [service], [serving], [compute],
    [ownership], [fine_tuning], [break_even], [total] or [compare]; or a decision: [siting], [why_moved], [build_adapt_buy],
    [east_west], [esg_report], [compute_growth] or [petaday_history]. A field that is not known is answered with those that are.
    """
    from assets.estimated.report import estimate_file

    result = estimate_file(Home.from_environment(), scenario)
    if as_json:
        sys.stdout.write(json.dumps(result, indent=2, default=str) + "\n")
        return 0
    if "decision" in result:
        _print_decision(result)
        return 0
    quantities = {k: v for k, v in result.items() if isinstance(v, dict) and "central" in v}
    table = Table("quantity", "low (p5)", "central", "high (p95)", "unit")
    for name, band in quantities.items():
        if band["central"] is not None:
            table.add_row(name, *(f"{band[k]:,.6g}" for k in ("low", "central", "high")), band["unit"])
    out.print(table)
    if unknown := {name: band for name, band in quantities.items() if band["central"] is None}:
        out.print("\nUnknown:")
        for name, band in unknown.items():
            out.print(f"  {name} ({band['unit']}): {band.get('reason') or ''}", markup=False)
    out.print("\nWhat it rests on:")
    for factor in result["factors"]:
        value, low, high = (f"{factor[k]:,.6g}" for k in ("value", "low", "high"))
        band = "" if low == high else f" [{low} to {high}]"
        origin = f"{factor['origin_kind'].replace('_', ' ')}: {factor['origin_ref']}"
        out.print(
            f"  {factor['factor']} = {value}{band} {factor['unit']}  ({textwrap.shorten(origin, 200)})", markup=False
        )
    return 0


#: Columns of a decision that fit a screen; --json prints all.
_SHOWN = {
    "petaday_history": (
        "index_on",
        "accelerator_id",
        "low_usd",
        "cost_usd",
        "high_usd",
        "energy_kwh",
        "provider_count",
    ),
    "siting": (
        "provider",
        "region",
        "accelerator_id",
        "purchase_option",
        "total_usd",
        "operational_kgco2e",
        "cheaper_probability",
        "greener_probability",
        "is_pareto",
        "unknown",
    ),
    "why_moved": ("quantity", "part", "value_from", "value_to", "moved_by"),
    "build_adapt_buy": (
        "month_on",
        "way",
        "fixed_usd",
        "own_usd_per_mtok",
        "buy_usd_per_mtok",
        "low_break_even_mtok",
        "break_even_mtok",
        "high_break_even_mtok",
        "verdict",
    ),
    "east_west": (
        "cluster_id",
        "side",
        "total_cny",
        "net_saving_cny",
        "kgco2",
        "carbon_change_share",
        "is_pareto",
        "verdict",
    ),
    "compute_growth": (
        "source_id",
        "quantity",
        "low_growth_per_year",
        "growth_per_year",
        "high_growth_per_year",
        "doubling_months",
        "point_count",
    ),
    "esg_report": (
        "workload",
        "period",
        "energy_kwh",
        "location_kgco2e",
        "market_kgco2e",
        "embodied_kgco2e",
        "water_l",
        "sci_gco2e_per_unit",
    ),
}
_ROWS_SHOWN = 40


def _print_decision(result: Mapping[str, Any]) -> None:
    """The rows of a decision as a table."""
    columns, rows = _SHOWN[result["decision"]], result["rows"]
    # The frontier first: it is what the question was for.
    ordered = sorted(rows, key=lambda row: not row.get("is_pareto")) if result["decision"] == "siting" else rows
    table = Table(*columns)
    for row in ordered[:_ROWS_SHOWN]:
        table.add_row(*(_decided(row[c]) for c in columns))
    out.print(table)
    if len(rows) > _ROWS_SHOWN:
        out.print(f"{len(rows):,} rows, the first {_ROWS_SHOWN} shown; --json prints all, with every column.")
    if not rows:
        out.print("No row: nothing that was observed answers this.")


def _decided(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


@main.command()
@click.argument("row", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(row: tuple[str, ...], as_json: bool) -> int:
    """Walk a published number back to its bytes: [TABLE] KEY..., as in `gpt-3-175b cost_usd`.

    TABLE is estimated.training_estimate unless given, or observed.SUBJECT or reference.TABLE; KEY is the row's key or its start.
    """
    from dataclasses import asdict

    from assets.passport import explain as walk_of

    home = Home.from_environment()
    steps = walk_of(home, row)
    if as_json:
        sys.stdout.write(json.dumps([asdict(s) for s in steps], indent=2) + "\n")
        return 1 if any(s.bytes_match is False for s in steps) else 0
    shown = None
    for step in steps:
        if step.row_key != shown:
            shown = step.row_key
            out.print(f"\n{shown}", markup=False, style="bold")
        value = "" if step.value is None else f" = {step.value:,.6g} {step.unit}"
        out.print(f"{'  ' * min(step.step, 5)}{step.part}: {step.said_of}{value}", markup=False)
        indent = "  " * (min(step.step, 5) + 2)
        out.print(f"{indent}{textwrap.shorten(step.meaning or '', 220)}", markup=False)
        if step.source_url:
            out.print(f"{indent}source {step.source_url}", markup=False)
        if step.part == "capture":
            state = "bytes match" if step.bytes_match else "BYTES MISSING OR CHANGED"
            out.print(f"{indent}{step.url}, fetched {step.fetched_at}, licence: {step.licence}", markup=False)
            out.print(f"{indent}{home.captures_dir / (step.path or '')}", markup=False)
            out.print(f"{indent}SHA-256 {step.sha256}: {state}", markup=False)
    return 1 if any(s.bytes_match is False for s in steps) else 0


@main.command()
@click.option("--open/--no-open", "is_opened", default=True, help="Open it in the browser.", show_default=True)
@click.pass_obj
def report(options: dict[str, Any], is_opened: bool) -> int:
    """Pages with charts, made from the published file; built again if it is newer."""
    from assets.published.report import built, front_page

    home = Home.from_environment()
    if built(home) is None:
        with _progress("drawing the report", options["verbose"]):
            failures = _execute(home, "report", options["verbose"])
        _report_failures(failures)
        if failures:
            return 1
    page = front_page(home)
    out.print(str(page), markup=False)
    if is_opened:
        click.launch(str(page))
    return 0


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--csv", "has_csv", is_flag=True, help="Also CSV files, with cells that a spreadsheet would run made inert."
)
def export(folder: Path, has_csv: bool) -> int:
    """Every table as Parquet with a datapackage.json, and FOCUS-shaped cost rows, into DIR."""
    from assets.published.export import export as write_out

    result = write_out(Home.from_environment(), folder, has_csv=has_csv)
    out.print(
        f"{result.table_count} tables, {result.row_count:,} rows, {result.byte_count:,} bytes: {result.path}",
        markup=False,
    )
    return 0


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
def ui(port: int) -> int:
    """The Dagster UI on loopback, with the daemon that runs schedules."""
    from pipelines.instance import prepare

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise PetadayError(f"port {port} is taken: choose another with `petaday ui --port N`") from None
    home = Home.from_environment()
    prepare(home)
    os.environ["PETADAY_HOME"] = str(home.root)
    out.print(f"http://127.0.0.1:{port} (Ctrl-C to stop)", markup=False)
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "dev",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "-m",
        "pipelines.definitions",
        "--log-level",
        "warning",
    ]
    return _until_stopped(command)


def _until_stopped(command: Sequence[str]) -> int:
    """Run until it ends, or until Ctrl-C or SIGTERM: then let it stop its own processes, so that none goes on alone."""
    was_stopped = False
    with subprocess.Popen(command) as process:

        def stop(number: int, _: object) -> None:
            nonlocal was_stopped
            was_stopped = True
            # At a terminal Ctrl-C reaches the whole group, that process too.
            if number == signal.SIGTERM or not sys.stdin.isatty():
                process.terminate()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            status = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return 0 if was_stopped else status


# Keeping ------------------------------------------------------------------------------------------------------------------


@main.command()
def publish() -> int:
    """Make the one published file from the warehouse (or the lake), if anything changed."""
    from assets.catalog import catalog
    from warehouse.publish import publish as make

    home = Home.from_environment().create()
    made = make(home, catalog())
    state = "published as" if made.is_new else "unchanged since"
    out.print(f"{state} number {made.number}: {made.path} ({made.byte_count:,} bytes)", markup=False)
    return 0


@main.command()
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


@main.command()
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


@main.command()
@click.pass_obj
def rebuild(options: dict[str, Any]) -> int:
    """Make the warehouse again from the captures alone; the old work file is kept beside it."""
    from assets.recovery import rebuild_warehouse

    home = Home.from_environment()
    counts = rebuild_warehouse(home, lambda text: err.print(f"  {text}", markup=False))
    out.print(f"rebuilt from {counts['batch_count']} batches: {counts['appended_count']:,} rows", markup=False)
    return _settle(home, options, [])


@main.command()
def check() -> int:
    """Verify captures by their hashes, the work file, and the published file."""
    from assets.recovery import verify

    problems = verify(Home.from_environment(), lambda text: out.print(f"  {text}", markup=False))
    for problem in problems:
        err.print(f"petaday: {problem}", markup=False)
    out.print("all good" if not problems else f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
    return 1 if problems else 0


if __name__ == "__main__":
    main()
