"""Ten million requests priced on their date in one SQL, written as a table, against genai-prices' `calc_price` in a loop, on the same prices.

What each request costs (`total_price` of the peer), and the same with what of it is input and what output: a column of 10
million DOUBLE takes a tenth of the time to write. `PETADAY_BENCH_REQUESTS` takes another number of rows.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import all_sources
from tests.bench._timing import LARGE_TABLES, against_loop
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.home import Home

ROWS = int(os.environ.get("PETADAY_BENCH_REQUESTS", "10000000"))
LOOPED = 5_000
_ASKED = {
    "each its cost": "request_id, cost_usd",
    "each its cost, of that input and output": "request_id, input_cost_usd, output_cost_usd, cost_usd",
}
_PRICES = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
_REQUESTS = """
    SELECT n AS request_id, m.vendor, m.model, (1 + hash(n, 1) % 300000)::BIGINT AS input_tokens_count, (hash(n, 2) % 4000)::BIGINT AS output_tokens_count,
        (CASE WHEN n % 3 = 0 THEN hash(n, 3) % (1 + hash(n, 1) % 300000) ELSE 0 END)::BIGINT AS cached_read_tokens_count,
        TIMESTAMPTZ '2024-01-01' + to_seconds((hash(n, 4) % 63072000)::DOUBLE) AS requested_at
    FROM (SELECT n, (hash(n) % {models})::BIGINT AS number FROM range({rows}) t(n)) JOIN model m USING (number) ORDER BY n
"""


def _line(price: Any) -> dict:
    """The prices of a model in the layout of the publisher's file."""
    line = {}
    for name in _PRICES:
        value = getattr(price, name, None)
        if value is None:
            continue
        if hasattr(value, "tiers"):
            tiers = [{"start": t.start, "price": float(t.price)} for t in value.tiers]
            line[name] = {"base": float(value.base), "tiers": tiers}
        else:
            line[name] = float(value)
    return line


def _constraint(entry: Any) -> dict:
    found = entry.constraint
    if found is None:
        return {}
    if hasattr(found, "start_date"):
        return {"constraint": {"start_date": found.start_date.isoformat()}}
    return {"constraint": {"start_time": f"{found.start_time:%H:%M:%SZ}", "end_time": f"{found.end_time:%H:%M:%SZ}"}}


def _each(prices: Any) -> list:
    return [e.prices for e in prices] if isinstance(prices, list) else [prices]


def _is_found(provider: str, model: str) -> bool:
    try:
        return get_snapshot().find_provider_model(model, None, provider, None)[1].id == model
    except LookupError:
        return False


def _published() -> list[dict]:
    """The prices that the package holds, as its publisher's file."""
    providers = []
    for provider in get_snapshot().providers:
        models = []
        for model in provider.models:
            if isinstance(model.prices, list):
                prices: Any = [_constraint(e) | {"prices": _line(e.prices)} for e in model.prices]
                lines = [e["prices"] for e in prices]
            else:
                prices = _line(model.prices)
                lines = [prices]
            # Models priced by tokens in and out and by nothing else, that the package finds by their own id.
            has_fee = any(getattr(p, "requests_kcount", None) is not None for p in _each(model.prices))
            if (
                all("input_mtok" in x and "output_mtok" in x for x in lines)
                and not has_fee
                and _is_found(provider.id, model.id)
            ):
                models.append({"id": model.id, "prices": prices})
        providers.append({"id": provider.id, "models": models})
    return providers


def _peer(row: dict) -> float:
    usage = Usage(
        input_tokens=row["input_tokens_count"],
        output_tokens=row["output_tokens_count"],
        cache_read_tokens=row["cached_read_tokens_count"],
    )
    found = calc_price(
        usage, model_ref=row["model"], provider_id=row["vendor"], genai_request_timestamp=row["requested_at"]
    )
    return float(found.total_price)


def _load(home: Home, providers: list[dict]) -> None:
    recording.refresh_reference(home)
    file = home.spool_dir / "data.json"
    file.write_text(json.dumps(providers))
    # Known since before the first request: a price without a date holds from when it was first seen.
    seen = Document(file, "file:data.json", dt.datetime(2023, 12, 31, tzinfo=dt.UTC), "json")
    taken = intake.take(home, all_sources()["genai_prices"], [seen])
    if taken.outcome != "loaded":
        raise RuntimeError(taken.message)
    recording.record_subject(home, "token_price")


def _differences(con: duckdb.DuckDBPyConnection, rows: list[dict], theirs: list[float]) -> tuple[float, int]:
    """Largest relative difference over the looped requests, and how many differ by more than 1e-9."""
    ours = con.execute(f"SELECT cost_usd FROM cost WHERE request_id < {len(rows)} ORDER BY request_id").fetchall()
    apart = [
        abs((a if a is not None else float("inf")) - b) / max(abs(b), 1e-12)
        for (a,), b in zip(ours, theirs, strict=True)
    ]
    for row, (a,), b, d in zip(rows, ours, theirs, apart, strict=True):
        if d > 1e-9 and os.environ.get("PETADAY_BENCH_SHOW"):
            print(row, a, b)
    return max(apart), sum(d > 1e-9 for d in apart)


def run() -> None:
    """Print the ratio."""
    providers = _published()
    models = [(p["id"], m["id"]) for p in providers for m in p["models"]]
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        home = Home(Path(name)).create()
        _load(home, providers)
        with write_session(home, catalog()) as con:
            con.register("listed", pl.DataFrame(models, schema=["vendor", "model"], orient="row").to_arrow())
            con.execute("CREATE TABLE model AS SELECT *, row_number() OVER () - 1 AS number FROM listed").fetchall()
            con.execute(f"CREATE TABLE request AS {_REQUESTS.format(rows=ROWS, models=len(models))}").fetchall()
            rows = con.sql(f"FROM request WHERE request_id < {LOOPED} ORDER BY request_id").pl().to_dicts()
            for setting in LARGE_TABLES:
                con.execute(setting).fetchall()
            for (asked, columns), kind in itertools.product(_ASKED.items(), ("TEMP TABLE", "TABLE")):
                create = f"CREATE {kind} cost AS SELECT {columns} FROM request_cost('request')"
                theirs: list[float] = []
                told = against_loop(
                    lambda create=create: con.execute(create).fetchall(),
                    ROWS,
                    lambda theirs=theirs: theirs.__setitem__(slice(None), list(map(_peer, rows))),
                    LOOPED,
                    clear=lambda: con.execute("DROP TABLE IF EXISTS cost").fetchall(),
                )
                largest, many = _differences(con, rows, theirs)
                print(
                    f"{ROWS:,} requests to {len(models):,} models priced on their date, {asked}, written as a {kind.lower()}, calc_price in a loop: {told} (aim: at least 400 x); "
                    f"{many} of {LOOPED:,} differ, largest relative difference {largest:.1e} (aim: the same results)",
                    flush=True,
                )
                con.execute("DROP TABLE cost").fetchall()
