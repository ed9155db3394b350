"""The page *today*: rates, cheapest offers, what moved, how fresh every source is."""

from __future__ import annotations

import datetime as dt

from assets.published.report import charts
from assets.published.report.data import Facts, Row
from assets.published.report.pages.common import grouped, stamp, states
from assets.published.report.shown import day, money, number
from assets.published.report.texts import words

#: Lines of a chart that compares; more cannot be told apart.
COMPARED = 18


def today(facts: Facts) -> Row:
    """GPU-hours, cheapest offers, what moved, and how fresh every source is."""
    hours = facts.rows("gpu_hour")
    shown = sorted(hours[:COMPARED], key=lambda r: r["central"])
    for row in shown:
        row["says"] = (
            f"{row['accelerator_id']}: {money(row['central'])} [{money(row['low'])} … {money(row['high'])}] USD/GPU-h, "
            f"{row['offers']} offers, {row['providers']} providers"
        )
    index = facts.rows("price_index")
    for row in index:
        row["says"] = (
            f"{row['accelerator_id']} {day(row['index_on'])}: {money(row['index_usd'])} USD/GPU-h, index {number(row['index_points'])}; "
            f"{row['providers']} providers, quartiles {money(row['lower_usd'])} … {money(row['upper_usd'])}"
        )
    of_index = facts.answer(
        "SELECT DISTINCT capture_id, is_bundled FROM offer WHERE purchase_option = 'on_demand' AND accelerator_id IN (SELECT unnest(?))",
        [sorted({r["accelerator_id"] for r in index})],
    )
    cheapest = facts.rows("cheapest")
    greenest = facts.rows("greenest")
    changes = facts.rows("change")
    sources = states(facts)
    return {
        "hours": hours,
        "hours_chart": charts.ranges(shown, "accelerator_id", "USD per GPU-hour", words("today.hours"))
        if shown
        else None,
        "hours_stamp": stamp(facts, hours, "USD/GPU-h", *(r[k] for r in hours for k in ("first_seen_on", "seen_on"))),
        "index": index,
        "index_chart": charts.lines(
            index, "index_on", "index_usd", "accelerator_id", "USD per GPU-hour", words("today.index")
        )
        if index
        else None,
        "index_stamp": stamp(facts, of_index, "USD/GPU-h", *(r["index_on"] for r in index)),
        "cheapest": cheapest,
        "cheapest_stamp": stamp(facts, cheapest, "USD/GPU-h", *(r["seen_on"] for r in cheapest)),
        "greenest": greenest,
        "greenest_stamp": stamp(facts, greenest, "gCO2e/kWh, USD/GPU-h", *(r["seen_on"] for r in greenest)),
        "changes": changes,
        "change_stamps": {
            subject: stamp(facts, rows, rows[0]["unit"], rows[0]["last_on"] - dt.timedelta(days=30), rows[0]["last_on"])
            | {"total": rows[0]["total"]}
            for subject, rows in grouped(changes, "subject").items()
        },
        "sources": [s for s in sources if s["last_good_at"]],
        "unread": [s for s in sources if not s["last_good_at"]],
    }
