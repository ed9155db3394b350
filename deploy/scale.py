"""docs/scale.md: what was measured on the lake, and the arithmetic for 10 and 1,000 times more.

Every number of the page is a measured figure (deploy/measured.json, written by `make bench-lake`), an input of `INPUTS`
or `PROFILES`, or a line of `LINES`, whose formula stands beside it. `python -m deploy.scale` writes the page anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).with_name("measured.json")
PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
_MARK = "<!-- {} of python -m deploy.scale -->"
_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Input:
    """A number that is not measured here, with where it is from."""

    meaning: str
    value: float
    origin: str


INPUTS = {
    "changed_share": Input(
        "share of offers whose price changes in a day", 0.01, "assumed; as in the daily measurement"
    ),
    "capture_bytes": Input("bytes of a kept, compressed capture per offer", 20, "assumed"),
    "storage_usd": Input(
        "USD for a GB-month in the object store", 0.023, "S3 Standard, us-east-1, first 50 TB: list price, not re-read"
    ),
    "machine_usd": Input(
        "USD for an hour of a machine with 8 vCPU and 32 GiB",
        0.4032,
        "AWS m7i.2xlarge, us-east-1, on demand: list price, not re-read",
    ),
    "vcpus": Input("vCPU of that machine; one worker or one reader's question uses one", 8, "the same"),
    "questions": Input("questions of one reader in a working hour", 20, "assumed"),
    "connections": Input(
        "catalog connections of one open reader, at most", 8, "pg_connection_limit in warehouse/store/lake.py"
    ),
    "role_connections": Input("connections that the reader's role may hold", 500, "deploy/roles.sql"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What a team has."""

    name: str
    offers: int
    loads_per_day: int
    price_years: int
    zones: int
    slot_minutes: int
    grid_years: int
    readers: int


PROFILES = (
    Profile("one team", 50_000, 1, 1, 350, 60, 5, 10),
    Profile("10 times", 500_000, 1, 5, 400, 30, 10, 100),
    Profile("1,000 times", 5_000_000, 6, 10, 400, 5, 20, 1_000),
)
_PROFILE_ROWS = {
    "offers": "offers watched (1,000 times: all AWS, Azure and GCP SKUs, taken as 5 million; assumed, not counted)",
    "loads_per_day": "loads of each offer a day",
    "price_years": "years of price history",
    "zones": "grid zones",
    "slot_minutes": "minutes of a grid slot",
    "grid_years": "years of grid history",
    "readers": "readers at work at the same time",
}

#: Parts of the measurement, in order.
PARTS = ("workers", "backfill", "readers", "daily", "history")

Measured = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the arithmetic."""

    name: str
    unit: str
    formula: str
    needs: str
    of: Callable[[Measured, Profile, Mapping[str, float]], float]


def _given(name: str) -> float:
    return INPUTS[name].value


def grid_bytes_per_row(m: Measured) -> float:
    """Parquet bytes of a grid row in the lake."""
    return m["history"]["written"]["parquet_bytes"] / m["history"]["rows"]


def price_bytes_per_row(m: Measured) -> float:
    """Parquet bytes of a price row in the lake, all files of a year of daily loads counted."""
    d = m["daily"]
    rows = d["offers"] * (1 + d["changed_share"] * (d["days"] - 1))
    return d["cases"]["lake"]["parquet_bytes"] / rows


def worker_rate(m: Measured) -> float:
    """Rows per second of one worker, from captured bytes to the committed log."""
    return m["workers"]["rows_per_second"]["lake, answers after 0 s"]["1"]


LINES = (
    Line(
        "grid rows",
        "rows",
        "zones x years x 365 x 1,440 / minutes",
        "",
        lambda m, p, v: p.zones * p.grid_years * _YEAR_DAYS * 1440 / p.slot_minutes,
    ),
    Line(
        "grid Parquet",
        "GB",
        "grid rows x bytes a row, measured",
        "history",
        lambda m, p, v: v["grid rows"] * grid_bytes_per_row(m) / 1e9,
    ),
    Line(
        "loading the grid history once",
        "hours",
        "grid rows / rows a second, measured",
        "history",
        lambda m, p, v: v["grid rows"] / m["history"]["rows_per_second"] / 3600,
    ),
    Line("offers compared a day", "rows", "offers x loads a day", "", lambda m, p, v: p.offers * p.loads_per_day),
    Line(
        "price rows",
        "rows",
        "offers x (1 + changed share x 365 x years)",
        "",
        lambda m, p, v: p.offers * (1 + _given("changed_share") * _YEAR_DAYS * p.price_years),
    ),
    Line(
        "price Parquet",
        "GB",
        "price rows x bytes a row, measured",
        "daily",
        lambda m, p, v: v["price rows"] * price_bytes_per_row(m) / 1e9,
    ),
    Line(
        "captures of prices",
        "GB",
        "offers compared a day x 365 x years x bytes of a capture",
        "",
        lambda m, p, v: v["offers compared a day"] * _YEAR_DAYS * p.price_years * _given("capture_bytes") / 1e9,
    ),
    Line(
        "one worker's work on prices",
        "hours a day",
        "offers compared a day / rows a second of a worker, measured",
        "workers",
        lambda m, p, v: v["offers compared a day"] / worker_rate(m) / 3600,
    ),
    Line(
        "share of the day that the write lock would be held, if nothing ran beside it",
        "%",
        "one worker's hours / 24 (an upper bound: parsing is outside the lock)",
        "workers",
        lambda m, p, v: 100 * v["one worker's work on prices"] / 24,
    ),
    Line(
        "questions a second",
        "1/s",
        "readers x questions an hour / 3,600",
        "",
        lambda m, p, v: p.readers * _given("questions") / 3600,
    ),
    Line(
        "processors for questions on a zone-month",
        "vCPU",
        "questions a second x (opening + first answer, measured)",
        "history",
        lambda m, p, v: (
            v["questions a second"]
            * (m["history"]["questions"]["zone_month"]["open_s"] + m["history"]["questions"]["zone_month"]["cold_s"])
        ),
    ),
    Line(
        "catalog connections, if all readers are open",
        "",
        "readers x connections of one",
        "",
        lambda m, p, v: p.readers * _given("connections"),
    ),
    Line(
        "storage",
        "USD a month",
        "(grid + price Parquet + captures) x USD a GB-month",
        "daily",
        lambda m, p, v: (v["grid Parquet"] + v["price Parquet"] + v["captures of prices"]) * _given("storage_usd"),
    ),
    Line(
        "machines for workers and questions",
        "USD a month",
        "(catalog 1 + ceil((worker hours / 24 + question vCPU) / vCPU of one)) x 730 x USD an hour",
        "workers",
        lambda m, p, v: (
            (
                1
                + math.ceil(
                    (v["one worker's work on prices"] / 24 + v["processors for questions on a zone-month"])
                    / _given("vcpus")
                )
            )
            * 730
            * _given("machine_usd")
        ),
    ),
)


def plan(measured: Measured, profile: Profile) -> dict[str, float]:
    """Every line of the arithmetic whose measured figures are there, by name."""
    values: dict[str, float] = {}
    for line in LINES:
        if not line.needs or line.needs in measured:
            values[line.name] = line.of(measured, profile, values)
    return values


# The page -------------------------------------------------------------------------------------------------------------------


def shown(value: float) -> str:
    """Three significant digits, or whole with thousands."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *("| " + " | ".join(r) + " |" for r in rows)]


def _machine_lines(m: Measured) -> list[str]:
    machine = next(iter(m.values()))["machine"]
    averages = [part["machine"]["load_average"] for part in m.values()]
    loads = " to ".join(f"{load:g}" for load in sorted({min(averages), max(averages)}))
    return [
        f"On {machine['cores']} cores and {machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}, DuckDB "
        f"{machine['duckdb']}; PostgreSQL with fsync, Parquet in a local folder, made data (values with one decimal on a daily wave, "
        f"which compress well). Load average {loads} on {machine['cores']} cores: where it is far above their number, other work ran "
        "beside, times are upper bounds, and only ratios within one table say much."
    ]


def _history_lines(m: Measured) -> list[str]:
    h = m["history"]
    written, questions = h["written"], h["questions"]
    rows = [
        ["recording all of it", f"{h['load_s']:,.0f} s, {h['rows_per_second']:,} rows/s"],
        ["first month; last month", f"{h['first_month_s']} s; {h['last_month_s']} s"],
        [
            "Parquet",
            f"{written['parquet_bytes'] / 1e6:,.0f} MB in {written['parquet_files']} files, {grid_bytes_per_row(m):.2f} bytes a row",
        ],
        ["catalog in PostgreSQL", f"{written['catalog_bytes'] / 1e6:.1f} MB"],
        ["upkeep afterwards", f"{h['upkeep_s']} s"],
        ["one more slot of every zone, a whole session", f"{h['one_more_slot_s']} s"],
    ]
    for name, title in (
        ("zone_month", "one zone-month of the current view"),
        ("zone_month_log", "the same from the log"),
        ("all_zones_now", "all zones at one instant, on both clocks"),
    ):
        q = questions[name]
        rows.append(
            [f"{title}: opening a session, first answer, again", f"{q['open_s']} s, {q['cold_s']} s, {q['warm_s']} s"]
        )
    return [
        f"**A five-minute history** (`python -m tests.bench_lake history`): {h['zones']} zones, {h['years']} years, "
        f"{h['rows']:,} rows, a month at a time through the log.",
        "",
        *_table(["what", "measured"], rows),
    ]


def _worker_lines(m: Measured) -> list[str]:
    w = m["workers"]
    rows = [[name, *(f"{rates[n]:,}" for n in ("1", "2", "4"))] for name, rates in w["rows_per_second"].items()]
    return [
        f"**Workers** (`python -m tests.bench_lake workers`): {w['rows']:,} offers in 8 files, from bytes to committed log; rows per second.",
        "",
        *_table(["", "1 worker", "2 workers", "4 workers"], rows),
    ]


def _backfill_lines(m: Measured) -> list[str]:
    b = m["backfill"]
    rows = [[n, str(c["runs"]), str(c["at_work_s"]), str(c["asked_s"])] for n, c in b["workers"].items()]
    return [
        f"**A backfill** (`python -m tests.bench_lake backfill`): {b['days']} days of a publisher who takes {b['answer_s']:.0f} s to answer, by the "
        f"workers of a team; every half-hour there once. One run of one process on the embedded file takes {b['one_process_s']} s. Who asked for "
        "it waits longer than the runs take: Dagster's backfill daemon looks every 30 s for what to start and for what has ended.",
        "",
        *_table(["workers", "runs", "first start to last end, s", "as seen by who asked, s"], rows),
    ]


def _reader_lines(m: Measured) -> list[str]:
    r = m["readers"]
    keys = ("reads_per_second", "p50", "p95", "failed_reads", "torn_reads", "commits_per_second")
    rows = [[name, *(str((c | c["read_s"])[key]) for key in keys)] for name, c in r["cases"].items()]
    return [
        f"**Readers beside writers** (`python -m tests.bench_lake readers`): {r['seconds']:.0f} s each, commits of {r['rows_per_commit']:,} rows.",
        "",
        *_table(["", "answers/s", "p50 s", "p95 s", "failed", "torn", "commits/s"], rows),
    ]


def _daily_lines(m: Measured) -> list[str]:
    d = m["daily"]
    rows = [
        [
            name,
            *(f"{c[f'day_{day}_s']} ({c[f'day_{day}_processor_s']})" for day in (1, 100, 364)),
            f"{c.get('parquet_bytes', c.get('file_bytes', 0)):,}",
        ]
        for name, c in d["cases"].items()
    ]
    return [
        f"**A year of daily loads** (`python -m tests.bench_lake daily`): {d['offers']:,} offers, {d['changed_share']:.0%} changed a day, "
        f"upkeep every {d['upkeep_every_days']} days; seconds of a load, and in brackets the seconds of processor time of the process that loads, "
        "which other work beside it changes less.",
        "",
        *_table(["", "day 1", "day 100", "day 364", "bytes"], rows),
    ]


#: Part of the measurement -> what the page says of it, in the order of the page.
_PART_LINES: dict[str, Callable[[Measured], list[str]]] = {
    "history": _history_lines,
    "workers": _worker_lines,
    "backfill": _backfill_lines,
    "readers": _reader_lines,
    "daily": _daily_lines,
}


def _measured_lines(m: Measured) -> list[str]:
    parts = [_machine_lines(m), *(lines(m) for part, lines in _PART_LINES.items() if m.get(part))]
    missing = [part for part in PARTS if part not in m]
    if missing:
        parts.append([f"Not measured yet: {', '.join(missing)}; lines of the arithmetic that need them are left out."])
    return [line for part in parts for line in (*part, "")]


def _arithmetic_lines(m: Measured) -> list[str]:
    plans = [plan(m, profile) for profile in PROFILES]
    names = [p.name for p in PROFILES]
    profile_rows = [[meaning, *(f"{getattr(p, name):,}" for p in PROFILES)] for name, meaning in _PROFILE_ROWS.items()]
    input_rows = [[i.meaning, f"{i.value:g}", i.origin] for i in INPUTS.values()]
    result_rows = [
        [f"{line.name}{f', {line.unit}' if line.unit else ''}", line.formula, *(shown(p[line.name]) for p in plans)]
        for line in LINES
        if line.name in plans[0]
    ]
    return [
        *_table(["what a team has", *names], profile_rows),
        "",
        *_table(["input", "value", "from"], input_rows),
        "",
        *_table(["result", "formula", *names], result_rows),
    ]


def written(page: str, measured: Measured) -> str:
    """The page with its two computed parts replaced."""
    for part, lines in (("measured", _measured_lines(measured)), ("arithmetic", _arithmetic_lines(measured))):
        begin, end = _MARK.format(f"begin {part}"), _MARK.format(f"end {part}")
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = "\n".join([before + begin, *lines, end]) + after
    return page


def main() -> None:
    """Write the page."""
    PAGE.write_text(written(PAGE.read_text(), json.loads(MEASURED.read_text())))


if __name__ == "__main__":
    main()
