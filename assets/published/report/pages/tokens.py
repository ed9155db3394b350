"""The page *tokens*: API prices in force and over time, and what serving oneself costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assets.published.report import charts
from assets.published.report.data import Facts, Row
from assets.published.report.pages.common import grouped, stamp
from assets.published.report.shown import UNKNOWN, day, money, percent
from assets.published.report.texts import words

#: Rows of a long table; more than that are counted, not shown.
MANY = 1500
#: Vendors in one chart.
DRAWN_VENDORS = 6


def tokens(facts: Facts) -> Row:
    """API prices in force and over time, and what self-hosting costs."""
    rows = facts.rows("token_now")
    table = _paired(rows)
    return {
        **_self_hosted(facts),
        "tokens": table[:MANY],
        "token_count": len(table),
        "now_stamp": stamp(facts, rows, "USD/Mtoken", *(r["seen_on"] for r in rows)),
        **_history(facts),
        **_vendors(facts),
    }


def _paired(rows: Sequence[Row]) -> list[Row]:
    """Input and output price of an offer in one row."""
    paired: dict[tuple[Any, ...], Row] = {}
    keys = ("vendor", "model", "context_tier_from_tokens", "time_window", "region")
    for row in rows:
        entry = paired.setdefault(tuple(row[k] for k in keys), {**row, "input": None, "output": None})
        entry[row["direction"]] = row["price_usd_per_mtok"]
        entry["from_on"] = max(entry["from_on"], row["from_on"])
        entry["seen_on"] = max(entry["seen_on"], row["seen_on"])
    return list(paired.values())


def _history(facts: Facts) -> Row:
    """Output prices that changed, as steps."""
    history = facts.rows("token_history")
    for row in history:
        row["series"] = f"{row['vendor']} {row['model']}"
        row["says"] = f"{row['series']} {day(row['from_on'])}: {money(row['price'])} USD/Mtoken"
    # A step lasts until the next one; the last until the price ended, else until the report.
    ends = [
        r | {"from_on": r["to_on"], "says": f"{r['series']} {day(r['to_on'])}: {money(r['price'])} USD/Mtoken"}
        for r in {r["series"]: r for r in history}.values()
    ]
    unit, title = "USD per million output tokens", words("tokens.history")
    return {
        "history_rows": history,
        "history_chart": charts.lines(history + ends, "from_on", "price", "series", unit, title, step=True),
        "history_stamp": stamp(facts, history, "USD/Mtoken", *(r["from_on"] for r in history)),
    }


def _vendors(facts: Facts) -> Row:
    """Output prices at which new models were introduced, for the vendors with the most quarters."""
    by_vendor = grouped(facts.rows("token_vendor"), "vendor")
    major = sorted(by_vendor, key=lambda vendor: (-len(by_vendor[vendor]), vendor))[:DRAWN_VENDORS]
    vendors = [row for vendor, rows in by_vendor.items() if vendor in major for row in rows]
    for row in vendors:
        row["says"] = (
            f"{row['vendor']} {day(row['quarter_on'])}: {money(row['central'])} [{money(row['low'])} … {money(row['high'])}] USD/Mtoken, {row['models']} models"
        )
    unit, title = "USD per million output tokens", words("tokens.vendors")
    return {
        "vendor_rows": vendors,
        "vendor_chart": charts.lines(vendors, "quarter_on", "central", "vendor", unit, title),
        "vendor_stamp": stamp(facts, vendors, "USD/Mtoken", *(r["quarter_on"] for r in vendors)),
    }


def _self_hosted(facts: Facts) -> Row:
    """The same model served on rented GPUs and bought by API."""
    offers = facts.rows("self_host")
    for row in offers:
        spread = "" if row["low"] == row["high"] else f" [{money(row['low'])} … {money(row['high'])}]"
        row["says"] = f"{row['kind']}, {row['label']} {row['model'] or ''}: {money(row['central'])}{spread} USD/Mtoken"
    # With one side missing there is nothing to compare.
    has_both = {r["kind"] for r in offers} == {"self-hosted", "API"}
    used = [r for r in offers if r["used_low"] is not None]
    unit, title = "USD per million output tokens", words("tokens.self_host")
    return {
        "self_host": offers,
        "self_host_used": f"{percent(min(r['used_low'] for r in used))} – {percent(max(r['used_high'] for r in used))}"
        if used
        else UNKNOWN,
        "self_host_chart": charts.ranges(offers, "label", unit, title, colour="kind") if has_both else None,
        "self_host_stamp": stamp(facts, offers, "USD/Mtoken", *(r["on_date"] for r in offers)),
    }
