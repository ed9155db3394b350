"""The page *scenarios*: estimates with their bands, what the bands come from, and where a claim holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assets.published.report import charts
from assets.published.report.data import Facts, Row
from assets.published.report.pages.article import claims
from assets.published.report.pages.common import grouped, stamp
from assets.published.report.shown import percent, spoken_band
from assets.published.report.texts import words

if TYPE_CHECKING:
    from assets.estimated.scenario_files.training import Scenario

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
    found = [
        _scenario(facts, stated.get(scenario_id), rows, factors.get(scenario_id, []), varying, observing)
        for scenario_id, rows in grouped(facts.rows("scenario"), "scenario_id").items()
    ]
    return {
        "article": claims(facts),
        "scenarios": found,
        **_compared(facts, found, "cost", "cost_usd", "USD"),
        **_compared(facts, found, "carbon", "operational_kgco2e", "kgCO2e"),
    }


def _scenario(
    facts: Facts,
    stated: Scenario | None,
    rows: list[Row],
    factors: Sequence[Row],
    varying: Sequence[str],
    observing: set[tuple[str, str]],
) -> Row:
    """One scenario: its quantities and factors, and the chart of what its bands come from.

    Args:
        facts: the published file.
        stated: the bundled file, None if it is no longer bundled.
        rows: its estimates.
        factors: their factors.
        varying: every factor that is drawn on the page, so that each keeps its colour.
        observing: (scenario, quantity) of the estimates that rest on an observation.
    """
    scenario_id = rows[0]["scenario_id"]
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
        for f in factors
        if (f["variance_share"] or 0) >= SEEN_SHARE
    ]
    title = words("scenarios.shares_of", name=scenario_id)
    return {
        "scenario_id": scenario_id,
        "title": (stated and stated.title) or scenario_id,
        "note": stated and stated.note,
        "urls": re.findall(r"https?://[^\s;,]+", str(stated.source_url) if stated and stated.source_url else ""),
        "quantities": rows,
        "factors": _once(factors),
        "shares_chart": charts.shares(parts, varying, title),
        "stamp": stamp(facts, rows, "", rows[0]["as_of_on"]),
        "method_version": rows[0]["method_version"],
    }


def _compared(facts: Facts, found: Sequence[Row], name: str, quantity: str, unit: str) -> Row:
    """`<name>_chart` and `<name>_stamp`: one quantity of all scenarios, smallest first."""
    rows = [
        r | {"says": f"{r['scenario_id']}: {spoken_band(r['low'], r['central'], r['high'])} {r['unit']}"}
        for s in found
        for r in s["quantities"]
        if r["quantity"] == quantity and r["central"]
    ]
    rows.sort(key=lambda r: r["central"])
    return {
        f"{name}_chart": charts.ranges(
            rows, "scenario_id", f"{unit} per training", words(f"scenarios.{name}"), fmt="~s"
        ),
        f"{name}_stamp": stamp(facts, rows, unit, *(r["as_of_on"] for r in rows)),
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
