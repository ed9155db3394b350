"""The page *scenarios*: estimates with their bands, what the bands come from, and where a claim holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assets.published.report import charts
from assets.published.report.data import Facts, Row
from assets.published.report.pages.article import claims
from assets.published.report.pages.common import grouped, stamp
from assets.published.report.shown import number, percent
from assets.published.report.texts import words

#: Smaller parts of a variance cannot be seen in a bar.
SEEN_SHARE = 0.005


def scenarios(facts: Facts) -> Row:
    """Training estimates with bands, what the bands come from, and where the claim holds."""
    from assets.estimated.scenario_files.training import bundled_scenarios

    stated = {s.scenario_id: s for s in bundled_scenarios()}
    factor_rows = facts.rows("factor")
    factors = grouped(factor_rows, "scenario_id")
    varying = sorted({f["factor"] for f in factor_rows if (f["variance_share"] or 0) >= SEEN_SHARE})
    # What rests on no observation at all is neither bundled nor live.
    observing = {(f["scenario_id"], f["quantity"]) for f in factor_rows if f["origin_kind"] == "observed"}
    found: list[Row] = []
    for scenario_id, rows in grouped(facts.rows("scenario"), "scenario_id").items():
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
                "stamp": stamp(facts, rows, "", rows[0]["as_of_on"]),
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
        "article": claims(facts),
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
        "cost_stamp": stamp(facts, costs, "USD", *(r["as_of_on"] for r in costs)),
        "carbon_stamp": stamp(facts, carbon, "kgCO2e", *(r["as_of_on"] for r in carbon)),
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
