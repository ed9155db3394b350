"""The page *today*: rates, cheapest offers, what moved, how fresh every source is."""

from __future__ import annotations

import datetime as dt

from assets.published.report import charts
from assets.published.report.data import Facts, Row
from assets.published.report.pages.common import COMPARED, grouped, stamp, states, year
from assets.published.report.pages.petaday import grid_of, petadays_now
from assets.published.report.shown import day, money, number
from assets.published.report.texts import words

#: What the figures at the head are of: the accelerator that rental indices quote, and the bundled training on it.
HEADLINE, HEADLINE_TRAINING = "nvidia-h100-sxm-80gb", "gpt-3-175b-h100"


def _headlines(facts: Facts, hours: list[Row]) -> list[Row]:
    """The figures at the head of the page: an hour, a petaday and its carbon, a training; those that are known."""
    hour = next((r for r in hours if r["accelerator_id"] == HEADLINE), None)
    if hour is None:
        return []
    name, seen = {"accelerator": hour["accelerator"]}, (hour["first_seen_on"], hour["seen_on"])
    found = [
        ("hour", hour, "", "USD/GPU-h", name, {"count": hour["providers"]}, stamp(facts, [hour], "", *seen)),
    ]
    for row in petadays_now(facts):
        if row["accelerator_id"] != HEADLINE:
            continue
        found.append(("petaday", row, "cost_", "USD", name, {}, stamp(facts, [row], "", *seen)))
        if row["carbon_central"] is not None:
            days = year(row["grid_year"])
            grid = {"grid": number(row["grid"]), "year": row["grid_year"]}
            found.append(("carbon", row, "carbon_", "kgCO2e", name, grid, stamp(facts, grid_of([row]), "", *days)))
    training = facts.answer(
        "FROM estimated.training_estimate WHERE scenario_id = ? AND quantity = 'cost_usd' AND central IS NOT NULL "
        "AND method_version = (SELECT _newest_method(method_version) FROM estimated.training_estimate)",
        [HEADLINE_TRAINING],
    )
    # Of a training the estimate names the newest capture alone; its rate is that of the hour.
    found += [("training", row, "", "USD", name, {}, stamp(facts, [hour], "", *seen)) for row in training]
    return [
        {
            "what": f"headline.{key}",
            "note": f"headline.{key}_note",
            "given": given,
            "note_given": note_given,
            "unit": unit,
            "stamp": said,
            "told": {
                side: (money if key == "hour" else number)(row[f"{prefix}{side}"])
                for side in ("low", "central", "high")
            },
        }
        for key, row, prefix, unit, given, note_given, said in found
    ]


def today(facts: Facts) -> Row:
    """GPU-hours, cheapest offers, what moved, and how fresh every source is."""
    hours = facts.rows("gpu_hour")
    shown = sorted(hours[:COMPARED], key=lambda r: r["central"])
    for row in shown:
        row["says"] = (
            f"{row['accelerator']}: {money(row['central'])} [{money(row['low'])} … {money(row['high'])}] USD/GPU-h, "
            f"{row['offers']} offers, {row['providers']} providers"
        )
    index = facts.rows("price_index")
    for row in index:
        row["says"] = (
            f"{row['accelerator']} {day(row['index_on'])}: {money(row['index_usd'])} USD/GPU-h, index {number(row['index_points'])}; "
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
        "headlines": _headlines(facts, hours),
        "hours": hours,
        "hours_chart": charts.ranges(shown, "accelerator", "USD per GPU-hour", words("today.hours")),
        "hours_stamp": stamp(facts, hours, "USD/GPU-h", *(r[k] for r in hours for k in ("first_seen_on", "seen_on"))),
        "index": index,
        "index_chart": charts.lines(
            index, "index_on", "index_usd", "accelerator", "USD per GPU-hour", words("today.index")
        ),
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
