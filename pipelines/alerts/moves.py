"""Prices and estimates that moved since they were last reported, estimates with the split of their change.

The first check only records them. Later checks compare with the value that was last *reported*, so that many small
steps add up to a report.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from pipelines.alerts.config import AlertConfig

_SQL = Path(__file__).parent


def _run(con: duckdb.DuckDBPyConnection, file: str, **values: object) -> None:
    for statement in con.extract_statements((_SQL / file).read_text(encoding="utf-8")):
        wanted = {name: value for name, value in values.items() if name in statement.named_parameters}
        con.execute(statement, wanted or None).fetchall()


def moved_prices(con: duckdb.DuckDBPyConnection, config: AlertConfig) -> list[str]:
    """Lines on prices that moved by more than the setting; records what it reports.

    The caller commits, together with the messages.
    """
    _run(
        con,
        "moved_price.sql",
        percent=config.price_percent,
        accelerators=list(config.accelerators),
        purchase_options=list(config.purchase_options),
    )
    rows = con.execute(
        "SELECT seller, thing, way, offer_count, source_count, is_bundled, largest FROM price_line"
    ).fetchall()
    con.execute(
        "DELETE FROM alerts.main.told_price t USING price_moved m WHERE m.subject = t.subject AND m.source_id = t.source_id AND m.seller = t.seller "
        "AND m.item = t.item AND m.variant = t.variant AND m.region = t.region AND abs(m.percent) > ?",
        [config.price_percent],
    ).fetchall()
    con.execute(
        "INSERT INTO alerts.main.told_price SELECT n.subject, n.source_id, n.seller, n.item, n.variant, n.region, n.price, n.currency_code, n.usd, "
        "CASE WHEN m.item IS NOT NULL THEN now() END FROM price_now n "
        "LEFT JOIN price_moved m USING (subject, source_id, seller, item, variant, region) "
        "ANTI JOIN alerts.main.told_price t ON t.subject = n.subject AND t.source_id = n.source_id AND t.seller = n.seller AND t.item = n.item "
        "AND t.variant = n.variant AND t.region = n.region"
    ).fetchall()
    return [_price_line(*row) for row in rows]


def _price_line(
    seller: str, thing: str, way: str, offer_count: int, source_count: int, is_bundled: bool, largest: dict[str, Any]
) -> str:
    old = f"{_number(largest['old_price'])} {largest['old_currency_code']}"
    new = f"{_number(largest['price'])} {largest['currency_code']} {largest['per']}"
    more = f"; {offer_count} offers moved" if offer_count > 1 else ""
    said_by = largest["source_id"] if source_count == 1 else f"{source_count} sources"
    return (
        f"price of {thing} ({way}) at {seller} moved {largest['percent']:+.1f} %: {largest['item']} in {largest['region']} "
        f"{old} -> {new}{more}; by {said_by}{' (bundled)' if is_bundled else ''}"
    )


def moved_estimates(con: duckdb.DuckDBPyConnection, config: AlertConfig) -> list[str]:
    """Lines on estimates that moved by more than the setting, each with its split; records what it reports."""
    _run(con, "moved_estimate.sql", percent=config.estimate_percent)
    rows = con.execute(
        "SELECT scenario_id, quantity, method_version, old_central, central, unit, reason, is_bundled, parts, adds_up FROM estimate_line"
    ).fetchall()
    for table in ("told_estimate", "told_factor"):
        con.execute(
            f"DELETE FROM alerts.main.{table} t USING estimate_moved m WHERE m.scenario_id = t.scenario_id AND m.quantity = t.quantity "
            "AND m.method_version = t.method_version"
        ).fetchall()
    con.execute(
        "INSERT INTO alerts.main.told_factor SELECT f.scenario_id, f.quantity, f.method_version, f.factor, f.value FROM estimated.factor f "
        "ANTI JOIN alerts.main.told_estimate t ON t.scenario_id = f.scenario_id AND t.quantity = f.quantity AND t.method_version = f.method_version"
    ).fetchall()
    con.execute(
        "INSERT INTO alerts.main.told_estimate SELECT n.scenario_id, n.quantity, n.method_version, n.central FROM estimate_now n "
        "ANTI JOIN alerts.main.told_estimate t ON t.scenario_id = n.scenario_id AND t.quantity = n.quantity AND t.method_version = n.method_version"
    ).fetchall()
    return [_estimate_line(*row) for row in rows]


def _estimate_line(
    scenario_id: str,
    quantity: str,
    method_version: str,
    old: float | None,
    new: float | None,
    unit: str,
    reason: str | None,
    is_bundled: bool,
    parts: list[dict[str, Any]] | None,
    adds_up: bool | None,
) -> str:
    head = f"estimate {scenario_id} {quantity} ({method_version}{', bundled data' if is_bundled else ''})"
    if new is None:
        return f"{head} became unknown, was {_number(old)} {unit}: {reason or 'no reason given'}"
    if old is None:
        return f"{head} became known: {_number(new)} {unit}"
    moved = f"{100 * (new / old - 1):+.1f} %" if old else "from zero"
    return (
        f"{head} moved {moved}: {_number(old)} -> {_number(new)} {unit}; "
        f"{'; '.join(_split(parts or [], unit, bool(adds_up), new - old))}"
    )


def _split(parts: list[dict[str, Any]], unit: str, adds_up: bool, total: float) -> Iterator[str]:
    if not parts:
        yield "no factor that was there before has changed: one came or went, see estimated.factor"
        return
    for part in parts:
        amount = f"{_signed(part['moved_by'])} {unit} " if adds_up else ""
        yield f"{amount}by {part['factor']} {_number(part['old_value'])} -> {_number(part['value'])} {part['unit']}"
    if not adds_up:
        yield f"these do not add up to {_signed(total)} {unit}, so no split is given"


def _number(value: float | None) -> str:
    return (
        "unknown" if value is None else f"{value:,.6g}" if abs(value) < 1e6 or abs(value) >= 1e15 else f"{value:,.0f}"
    )


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "-") + _number(abs(value))
