"""The page *petaday*: money and carbon of one PFLOP/s-day."""

from __future__ import annotations

from assets.published.report import charts
from assets.published.report.data import Facts, Row
from assets.published.report.pages.common import COMPARED, stamp, year
from assets.published.report.shown import day, spoken_band
from assets.published.report.texts import words

_NOW_POINTS = """
    SELECT accelerator_id, getvariable('report_at')::DATE AS month_on, low AS price_low, central AS price_central, high AS price_high,
           offers, providers, is_bundled, capture_ids
    FROM ($gpu_hour)
"""


def petadays_now(facts: Facts) -> list[Row]:
    """Money, energy and carbon of one PFLOP/s-day per accelerator, at the rates in force."""
    return facts.petaday(_NOW_POINTS.replace("$gpu_hour", facts.text("gpu_hour")))


def grid_of(rows: list[Row]) -> list[Row]:
    """The capture of the grid behind the carbon of petadays: no price is in it."""
    return [{"capture_id": row["grid_capture_id"]} for row in rows[:1]]


def petaday(facts: Facts) -> Row:
    """$ and kg of one PFLOP/s-day, over GPUs and over time."""
    now = petadays_now(facts)
    compared = sorted(
        sorted(now, key=lambda r: (-r["providers"], -r["offers"], r["accelerator_id"]))[:COMPARED],
        key=lambda r: r["cost_central"],
    )
    cost = [_limits(r, "cost", "USD") for r in compared]
    carbon = sorted(
        (_limits(r, "carbon", "kgCO2e") for r in compared if r["carbon_central"] is not None),
        key=lambda r: r["central"],
    )
    history = facts.petaday(facts.text("index_point").replace("$rate_history", facts.text("rate_history")))
    for row in history:
        row["says"] = (
            f"{row['accelerator']} {day(row['month_on'])}: {spoken_band(row['cost_low'], row['cost_central'], row['cost_high'])} USD"
        )
    days = [r["month_on"] for r in history]
    shown = {r["accelerator_id"] for r in compared}
    rates = [r for r in facts.rows("gpu_hour") if r["accelerator_id"] in shown]
    seen = [r[side] for r in rates for side in ("first_seen_on", "seen_on")]
    grid_days = year(now[0]["grid_year"]) if now and now[0]["grid_year"] else ()
    return {
        "now": now,
        "history": history,
        "cost_chart": charts.ranges(cost, "accelerator", "USD per PFLOP/s-day", words("petaday.cost")),
        "carbon_chart": charts.ranges(carbon, "accelerator", "kgCO2e per PFLOP/s-day", words("petaday.carbon")),
        "time_chart": charts.lines(
            history, "month_on", "cost_central", "accelerator", "USD per PFLOP/s-day", words("petaday.time")
        ),
        "cost_stamp": stamp(facts, compared, "USD per PFLOP/s-day", *seen),
        "carbon_stamp": stamp(facts, grid_of(compared), "kgCO2e per PFLOP/s-day", *grid_days),
        "history_stamp": stamp(facts, history, "USD per PFLOP/s-day", *days),
        "grid": now[0]["grid"] if now else None,
        "grid_year": now[0]["grid_year"] if now else None,
        "defaults": facts.answer("FROM reference.method_default ORDER BY method_version DESC, factor"),
    }


def _limits(row: Row, quantity: str, unit: str) -> Row:
    low, central, high = (row[f"{quantity}_{side}"] for side in ("low", "central", "high"))
    return {
        "accelerator": row["accelerator"],
        "low": low,
        "central": central,
        "high": high,
        "says": f"{row['accelerator']}: {spoken_band(low, central, high)} {unit} per PFLOP/s-day",
    }
