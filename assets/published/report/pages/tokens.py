"""The page *tokens*: API prices in force and over time, and what serving oneself costs."""

from __future__ import annotations

from typing import Any

from assets.published.report import charts
from assets.published.report.data import Facts, Row
from assets.published.report.pages.common import grouped, stamp
from assets.published.report.shown import UNKNOWN, day, money, percent
from assets.published.report.texts import words

#: Rows of a long table; more than that are counted, not shown.
MANY = 1500


def tokens(facts: Facts) -> Row:
    """API prices: in force, and over time."""
    rows = facts.rows("token_now")
    paired: dict[tuple[Any, ...], Row] = {}
    keys = ("vendor", "model", "context_tier_from_tokens", "time_window", "region")
    for row in rows:
        entry = paired.setdefault(tuple(row[k] for k in keys), {**row, "input": None, "output": None})
        entry[row["direction"]] = row["price_usd_per_mtok"]
        entry["from_on"] = max(entry["from_on"], row["from_on"])
        entry["seen_on"] = max(entry["seen_on"], row["seen_on"])
    table = list(paired.values())
    history = facts.rows("token_history")
    for row in history:
        row["series"] = f"{row['vendor']} {row['model']}"
        row["says"] = f"{row['series']} {day(row['from_on'])}: {money(row['price'])} USD/Mtoken"
    # A step holds until the next, the last until it ended or the report.
    last = {r["series"]: r for r in history}
    held = [
        r | {"from_on": r["to_on"], "says": f"{r['series']} {day(r['to_on'])}: {money(r['price'])} USD/Mtoken"}
        for r in last.values()
    ]
    vendors = facts.rows("token_vendor")
    major = [
        v
        for v, _ in sorted(((v, len(g)) for v, g in grouped(vendors, "vendor").items()), key=lambda p: (-p[1], p[0]))[
            :6
        ]
    ]
    vendors = [r for r in vendors if r["vendor"] in major]
    for row in vendors:
        row["says"] = (
            f"{row['vendor']} {day(row['quarter_on'])}: {money(row['central'])} [{money(row['low'])} … {money(row['high'])}] USD/Mtoken, {row['models']} models"
        )
    offers = facts.rows("self_host")
    for row in offers:
        spread = "" if row["low"] == row["high"] else f" [{money(row['low'])} … {money(row['high'])}]"
        row["says"] = f"{row['kind']}, {row['label']} {row['model'] or ''}: {money(row['central'])}{spread} USD/Mtoken"
    # Nothing to compare with one side missing.
    has_both = {r["kind"] for r in offers} == {"self-hosted", "API"}
    used = [r for r in offers if r["used_low"] is not None]
    return {
        "self_host": offers,
        "self_host_used": f"{percent(min(r['used_low'] for r in used))} – {percent(max(r['used_high'] for r in used))}"
        if used
        else UNKNOWN,
        "self_host_chart": charts.ranges(
            offers, "label", "USD per million output tokens", words("tokens.self_host"), colour="kind"
        )
        if has_both
        else None,
        "self_host_stamp": stamp(facts, offers, "USD/Mtoken", *(r["on_date"] for r in offers)),
        "tokens": table[:MANY],
        "token_count": len(table),
        "history_chart": charts.lines(
            history + held,
            "from_on",
            "price",
            "series",
            "USD per million output tokens",
            words("tokens.history"),
            step=True,
        )
        if history
        else None,
        "vendor_chart": charts.lines(
            vendors, "quarter_on", "central", "vendor", "USD per million output tokens", words("tokens.vendors")
        )
        if vendors
        else None,
        "history_rows": history,
        "vendor_rows": vendors,
        "now_stamp": stamp(facts, rows, "USD/Mtoken", *(r["seen_on"] for r in rows)),
        "history_stamp": stamp(facts, history, "USD/Mtoken", *(r["from_on"] for r in history)),
        "vendor_stamp": stamp(facts, vendors, "USD/Mtoken", *(r["quarter_on"] for r in vendors)),
    }
