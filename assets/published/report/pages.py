"""What stands on each page: rows asked, charts drawn; no wording and no markup."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import platform
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from assets.published.report import charts
from assets.published.report.data import Facts, Row
from assets.published.report.shown import day, money, number, percent
from assets.published.report.texts import words

#: Rows of a long table; more than that are counted, not shown.
MANY = 1500
#: Lines of a chart that compares; more cannot be told apart.
COMPARED = 18
#: Smaller parts of a variance cannot be seen in a bar.
SEEN_SHARE = 0.005


def _joined(rows: Iterable[Row]) -> bool | None:
    """True: all bundled, False: all live, None: some of both."""
    kinds = {bool(r["is_bundled"]) for r in rows if r.get("is_bundled") is not None}
    return kinds.pop() if len(kinds) == 1 else None


#: Names of claimants that are too long for a legend or a cell.
_SHORT = {
    "Green Software Foundation Cloud_Region_Metadata": "GSF",
    "Google Cloud region-carbon-info": "Google",
    "Cloud Carbon Footprint": "CCF",
}


def _claimant(claimed_by: str | None) -> str:
    """A claimant in short."""
    name = (claimed_by or "").split(",")[0].split(" (")[0]
    for long, short in _SHORT.items():
        name = name.replace(long, short)
    return name


def _stamp(rows: Sequence[Row], unit: str, *days: dt.date | None) -> Row:
    """What every figure says: its unit, its dates, bundled or live."""
    known = sorted(d for d in days if d is not None)
    return {
        "unit": unit,
        "from_on": known[0] if known else None,
        "to_on": known[-1] if known else None,
        "is_bundled": _joined(rows),
        "rows": sum(r.get("is_bundled") is not None for r in rows),
    }


def today(facts: Facts) -> Row:
    """GPU-hours, cheapest offers, what moved, and how fresh every source is."""
    hours = facts.rows("gpu_hour")
    shown = sorted(hours[:COMPARED], key=lambda r: r["central"])
    for row in shown:
        row["says"] = (
            f"{row['accelerator_id']}: {money(row['central'])} [{money(row['low'])} … {money(row['high'])}] USD/GPU-h, "
            f"{row['offers']} offers, {row['providers']} providers"
        )
    cheapest = facts.rows("cheapest")
    changes = facts.rows("change")
    sources = _states(facts)
    return {
        "hours": hours,
        "hours_chart": charts.ranges(shown, "accelerator_id", "USD per GPU-hour", words("today.hours"))
        if shown
        else None,
        "hours_stamp": _stamp(hours, "USD/GPU-h", *(r[k] for r in hours for k in ("first_seen_on", "seen_on"))),
        "cheapest": cheapest,
        "cheapest_stamp": _stamp(cheapest, "USD/GPU-h", *(r["seen_on"] for r in cheapest)),
        "changes": changes,
        "change_stamps": {
            subject: _stamp(rows, rows[0]["unit"], rows[0]["last_on"] - dt.timedelta(days=30), rows[0]["last_on"])
            | {"total": rows[0]["total"]}
            for subject, rows in _grouped(changes, "subject").items()
        },
        "sources": [s for s in sources if s["last_good_at"]],
        "unread": [s for s in sources if not s["last_good_at"]],
    }


def _grouped(rows: Iterable[Row], key: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return dict(groups)


def _states(facts: Facts) -> list[Row]:
    """Sources with their state in one word."""
    from assets.sources import all_sources

    rows = facts.rows("source")
    for row in rows:
        source = all_sources().get(row["source_id"])
        limit = source.stale_after_days * 86400 if source else None
        if row["last_good_at"] is None:
            row["state"] = "state.key" if row["key_name"] else "state.unread"
        elif row["is_bundled"]:
            row["state"] = "state.bundled"
        else:
            row["state"] = "state.stale" if limit and row["age_s"] > limit else "state.fresh"
        row["age_days"] = None if row["age_s"] is None else max(row["age_s"], 0) / 86400
    return rows


_NOW_POINTS = """
    SELECT accelerator_id, getvariable('report_at')::DATE AS month_on, quantile_cont(price_usd_per_gpu_hour, 0.05) AS price_low,
           median(price_usd_per_gpu_hour) AS price_central, quantile_cont(price_usd_per_gpu_hour, 0.95) AS price_high,
           count(*) AS offers, count(DISTINCT provider) AS providers, bool_and(is_bundled) AS is_bundled
    FROM offer_now WHERE purchase_option = 'on_demand' GROUP BY accelerator_id
"""


def petaday(facts: Facts) -> Row:
    """$ and kg of one PFLOP/s-day, over GPUs and over time."""
    now = facts.petaday(_NOW_POINTS)
    compared = sorted(
        sorted(now, key=lambda r: (-r["providers"], -r["offers"], r["accelerator_id"]))[:COMPARED],
        key=lambda r: r["cost_central"],
    )
    cost = [_limits(r, "cost", "USD") for r in compared]
    carbon = sorted(
        (_limits(r, "carbon", "kgCO2e") for r in compared if r["carbon_central"] is not None),
        key=lambda r: r["central"],
    )
    history = facts.petaday(f"FROM ({_text(facts, 'rate_history')})")
    for row in history:
        row["says"] = (
            f"{row['accelerator_id']} {day(row['month_on'])}: {number(row['cost_central'])} [{number(row['cost_low'])} … {number(row['cost_high'])}] USD"
        )
    rates = facts.rows("rate_history")
    for row in rates:
        row["says"] = (
            f"{row['accelerator_id']} {day(row['month_on'])}: {money(row['price_central'])} [{money(row['price_low'])} … {money(row['price_high'])}] USD/GPU-h"
        )
    days = [r["month_on"] for r in history]
    return {
        "now": now,
        "history": history,
        "cost_chart": charts.ranges(cost, "accelerator_id", "USD per PFLOP/s-day", words("petaday.cost"))
        if cost
        else None,
        "carbon_chart": charts.ranges(carbon, "accelerator_id", "kgCO2e per PFLOP/s-day", words("petaday.carbon"))
        if carbon
        else None,
        "time_chart": charts.lines(
            history, "month_on", "cost_central", "accelerator_id", "USD per PFLOP/s-day", words("petaday.time")
        )
        if history
        else None,
        "rate_chart": charts.lines(
            rates, "month_on", "price_central", "accelerator_id", "USD per GPU-hour", words("petaday.rates")
        )
        if rates
        else None,
        "now_stamp": _stamp(now, "USD, kgCO2e per PFLOP/s-day", facts.report_at.date()),
        "history_stamp": _stamp(history, "USD per PFLOP/s-day", *days),
        "rate_stamp": _stamp(rates, "USD/GPU-h", *days),
        "grid": now[0]["grid"] if now else None,
        "grid_year": now[0]["grid_year"] if now else None,
        "defaults": facts.answer("FROM reference.method_default ORDER BY method_version DESC, factor"),
    }


def _text(facts: Facts, name: str) -> str:
    from assets.published.report.data import sql

    facts.asked[name] = sql(name)
    return facts.asked[name]


def _limits(row: Row, quantity: str, unit: str) -> Row:
    low, central, high = (row[f"{quantity}_{side}"] for side in ("low", "central", "high"))
    return {
        "accelerator_id": row["accelerator_id"],
        "low": low,
        "central": central,
        "high": high,
        "says": f"{row['accelerator_id']}: {number(central)} [{number(low)} … {number(high)}] {unit} per PFLOP/s-day",
    }


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
    # A step holds until the report.
    last = {r["series"]: r for r in history}
    held = [
        r
        | {
            "from_on": facts.report_at.date(),
            "says": f"{r['series']} {day(facts.report_at)}: {money(r['price'])} USD/Mtoken",
        }
        for r in last.values()
    ]
    vendors = facts.rows("token_vendor")
    major = [
        v
        for v, _ in sorted(((v, len(g)) for v, g in _grouped(vendors, "vendor").items()), key=lambda p: (-p[1], p[0]))[
            :6
        ]
    ]
    vendors = [r for r in vendors if r["vendor"] in major]
    for row in vendors:
        row["says"] = (
            f"{row['vendor']} {day(row['quarter_on'])}: {money(row['central'])} [{money(row['low'])} … {money(row['high'])}] USD/Mtoken, {row['models']} models"
        )
    return {
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
        "now_stamp": _stamp(rows, "USD/Mtoken", *(r["seen_on"] for r in rows)),
        "history_stamp": _stamp(history, "USD/Mtoken", *(r["from_on"] for r in history)),
        "vendor_stamp": _stamp(rows, "USD/Mtoken", *(r["quarter_on"] for r in vendors)),
    }


def regions(facts: Facts) -> Row:
    """Carbon of cloud regions with what others claim, and the hours of the grids seen by the hour."""
    rows = facts.rows("region")
    for claim in (c for r in rows for c in r["claims"] or ()):
        claim["who"] = _claimant(claim["claimed_by"])
    placed = [
        {
            "longitude": r["longitude"],
            "latitude": r["latitude"],
            "grid": r["grid_gco2e_per_kwh"],
            "says": f"{r['provider']} {r['region']}: {number(r['grid_gco2e_per_kwh'])} gCO2e/kWh ({r['grid_year']})",
        }
        for r in rows
        if r["latitude"] is not None and r["grid_gco2e_per_kwh"] is not None
    ]
    contested = sorted(
        (r for r in rows if (r["claimants"] or 0) >= 2 and r["claim_low"]),
        key=lambda r: r["claim_low"] - r["claim_high"],
    )[:16]
    claims = [
        {
            "label": f"{r['provider']} {r['region']}",
            "value": c["value"],
            "who": _claimant(c["claimed_by"]),
            "says": f"{r['provider']} {r['region']}: {number(c['value'])} gCO2e/kWh, {c['claimed_by']}"
            + (f", {c['year']}" if c["year"] else ""),
        }
        for r in contested
        for c in r["claims"]
    ]
    hourly = facts.rows("grid_hour")
    profiles = []
    for (zone, boundary), group in _grouped(
        [r | {"pair": (r["zone"], r["basis_boundary"])} for r in hourly], "pair"
    ).items():
        lowest = sorted(group, key=lambda r: r["central"])[:4]
        profiles.append(
            {
                "zone": zone,
                "boundary": boundary,
                "low": min(r["central"] for r in group),
                "high": max(r["central"] for r in group),
                "hours": ", ".join(f"{r['hour_of_day']:02d}" for r in sorted(lowest, key=lambda r: r["hour_of_day"])),
                "first_on": group[0]["first_on"],
                "last_on": group[0]["last_on"],
                "is_bundled": group[0]["is_bundled"],
            }
        )
    years = [dt.date(r["grid_year"], 12, 31) for r in rows if r["grid_year"]]
    return {
        "regions": rows,
        "map_chart": charts.places(placed, words("regions.map")) if placed else None,
        "claims_chart": charts.dots(claims, "gCO2e per kWh", words("regions.claims")) if claims else None,
        "profiles": profiles,
        "stamp": _stamp(rows, "gCO2e/kWh", *years),
    }


def scenarios(facts: Facts) -> Row:
    """Training estimates with bands, what the bands come from, and where the claim holds."""
    from assets.estimated.scenario import bundled_scenarios

    stated = {s.scenario_id: s for s in bundled_scenarios()}
    factor_rows = facts.rows("factor")
    factors = _grouped(factor_rows, "scenario_id")
    varying = sorted({f["factor"] for f in factor_rows if (f["variance_share"] or 0) >= SEEN_SHARE})
    # What rests on no observation at all is neither bundled nor live.
    observing = {(f["scenario_id"], f["quantity"]) for f in factor_rows if f["origin_kind"] == "observed"}
    found: list[Row] = []
    for scenario_id, rows in _grouped(facts.rows("scenario"), "scenario_id").items():
        scenario = stated.get(scenario_id)
        mine = factors.get(scenario_id, [])
        for row in rows:
            if (scenario_id, row["quantity"]) not in observing:
                row["is_bundled"] = None
        parts = [
            {
                "quantity": words(f"quantity.{f['quantity']}"),
                "factor": f["factor"],
                "share": f["variance_share"],
                "says": f"{f['quantity']}: {f['factor']} {percent(f['variance_share'])}",
            }
            for f in mine
            if (f["variance_share"] or 0) >= SEEN_SHARE
        ]
        found.append(
            {
                "scenario_id": scenario_id,
                "title": (scenario and scenario.title) or scenario_id,
                "note": scenario and scenario.note,
                "urls": re.findall(
                    r"https?://[^\s;,]+", str(scenario.source_url) if scenario and scenario.source_url else ""
                ),
                "quantities": rows,
                "factors": _once(mine),
                "shares_chart": charts.shares(parts, varying, words("scenarios.shares_of", name=scenario_id))
                if parts
                else None,
                "stamp": _stamp(rows, "", rows[0]["as_of_on"]),
                "method_version": rows[0]["method_version"],
            }
        )
    costs = [
        r
        | {"says": f"{r['scenario_id']}: {number(r['central'])} [{number(r['low'])} … {number(r['high'])}] {r['unit']}"}
        for s in found
        for r in s["quantities"]
        if r["quantity"] == "cost_usd" and r["central"]
    ]
    carbon = [
        r
        | {"says": f"{r['scenario_id']}: {number(r['central'])} [{number(r['low'])} … {number(r['high'])}] {r['unit']}"}
        for s in found
        for r in s["quantities"]
        if r["quantity"] == "operational_kgco2e" and r["central"]
    ]
    return {
        "scenarios": found,
        "cost_chart": charts.ranges(
            sorted(costs, key=lambda r: r["central"]),
            "scenario_id",
            "USD per training",
            words("scenarios.cost"),
            fmt="~s",
        )
        if costs
        else None,
        "carbon_chart": charts.ranges(
            sorted(carbon, key=lambda r: r["central"]),
            "scenario_id",
            "kgCO2e per training",
            words("scenarios.carbon"),
            fmt="~s",
        )
        if carbon
        else None,
        "cost_stamp": _stamp(costs, "USD", *(r["as_of_on"] for r in costs)),
        "carbon_stamp": _stamp(carbon, "kgCO2e", *(r["as_of_on"] for r in carbon)),
    }


def _once(factors: Sequence[Row]) -> list[Row]:
    """Factors named once each, with the quantities they work on and the largest share they cause."""
    merged: dict[str, Row] = {}
    for factor in factors:
        kept = merged.setdefault(factor["factor"], {**factor, "quantities": [], "largest": None})
        kept["quantities"].append(factor["quantity"])
        share = factor["variance_share"]
        if share is not None and share >= (kept["largest"] or 0):
            kept["largest"], kept["largest_of"] = share, factor["quantity"]
    return sorted(merged.values(), key=lambda r: (-(r["largest"] or 0), r["factor"]))


def method(facts: Facts) -> Row:
    """Formulas, defaults, bounds, sources with their licences, versions."""
    from assets.estimated.scenario import NUMBERS

    return {
        "formulas": facts.rows("formula"),
        "defaults": facts.answer("FROM reference.method_default ORDER BY method_version DESC, factor"),
        "bounds": [
            {"name": name, **{k: getattr(b, k) for k in ("unit", "smallest", "largest", "hint")}}
            for name, b in NUMBERS.items()
        ],
        "sources": _states(facts),
        "reference": facts.answer(
            "SELECT table_name, row_count, loaded_at::DATE AS loaded_on, sha256 FROM meta.reference_file ORDER BY 1"
        ),
        "versions": [
            ("Petaday", importlib.metadata.version("petaday")),
            ("DuckDB", facts.answer("SELECT version() AS v")[0]["v"]),
            ("Python", platform.python_version()),
            ("schema", facts.answer("SELECT max(version) AS v FROM meta.schema_version")[0]["v"]),
            (
                "method",
                ", ".join(
                    r["v"]
                    for r in facts.answer(
                        "SELECT DISTINCT method_version AS v FROM estimated.training_estimate ORDER BY 1"
                    )
                ),
            ),
        ],
    }
