"""The page *regions*: carbon of cloud regions with the claims side by side, hours of the day, green windows."""

from __future__ import annotations

from collections.abc import Sequence

from assets.published.report import charts, drawing
from assets.published.report.data import Facts, Row
from assets.published.report.pages.common import grouped, stamp, year
from assets.published.report.shown import number, spoken_band
from assets.published.report.texts import words

#: Regions in the chart of claims that differ.
CONTESTED = 16
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


def regions(facts: Facts) -> Row:
    """Carbon of cloud regions with what others claim, and the hours of the grids observed by the hour."""
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
    hourly = facts.rows("grid_hour")
    curves = _curves(hourly)
    windows = facts.rows("green_window")
    grid_days = [d for r in rows if r["grid_year"] for d in year(r["grid_year"])]
    return {
        "regions": rows,
        "map_chart": charts.places(placed, words("regions.map")),
        **_contested(facts, rows),
        "profiles": _profiles(hourly),
        "hours_chart": charts.hours(curves, "gCO2e per kWh", words("regions.hours_chart")),
        "hours_stamp": stamp(facts, curves, "gCO2e/kWh", *(r[k] for r in curves for k in ("first_on", "last_on"))),
        "windows": windows,
        "windows_stamp": stamp(facts, windows, "gCO2e/kWh", *(r[k] for r in windows for k in ("first_on", "last_on"))),
        "stamp": stamp(facts, rows, "gCO2e/kWh", *grid_days),
    }


def _contested(facts: Facts, rows: Sequence[Row]) -> Row:
    """Chart and stamp of the regions for which claims differ most."""
    contested = sorted(
        (r for r in rows if (r["claimants"] or 0) >= 2 and r["claim_low"]),
        key=lambda r: r["claim_low"] - r["claim_high"],
    )[:CONTESTED]
    claims = [
        {
            "label": f"{r['provider']} {r['region']}",
            "value": c["value"],
            "who": c["who"],
            "says": f"{r['provider']} {r['region']}: {number(c['value'])} gCO2e/kWh, {c['claimed_by']}"
            + (f", {c['year']}" if c["year"] else ""),
        }
        for r in contested
        for c in r["claims"]
    ]
    days = [d for r in contested for c in r["claims"] if c["year"] for d in year(c["year"])]
    return {
        "claims_chart": charts.dots(claims, "gCO2e per kWh", words("regions.claims")),
        "claims_stamp": stamp(facts, contested, "gCO2e/kWh", *days),
    }


def _profiles(hourly: Sequence[Row]) -> list[Row]:
    """Of each zone and boundary the lowest and highest hourly mean, and the four hours of the day with the lowest means."""
    profiles = []
    by_series = grouped([r | {"series": (r["zone"], r["basis_boundary"])} for r in hourly], "series")
    for (zone, boundary), group in by_series.items():
        lowest = sorted(group, key=lambda r: r["central"])[:4]
        profiles.append(
            {
                "zone": zone,
                "boundary": boundary,
                "low": min(r["central"] for r in group),
                "high": max(r["central"] for r in group),
                "hours": ", ".join(f"{hour:02d}" for hour in sorted(r["hour_of_day"] for r in lowest)),
                "first_on": group[0]["first_on"],
                "last_on": group[0]["last_on"],
                "is_bundled": group[0]["is_bundled"],
            }
        )
    return profiles


def _curves(hourly: Sequence[Row]) -> list[Row]:
    """Rows of the chart: one boundary, lifecycle, as on the map; no more zones than there are colours, those with the newest data."""
    rows = [r for r in hourly if r["basis_boundary"] == "lifecycle"]
    newest = {r["zone"]: r["last_on"] for r in rows}
    drawn = sorted(newest, key=lambda zone: (-newest[zone].toordinal(), zone))[: len(drawing.PALETTE)]
    return [
        r
        | {
            "says": f"{r['zone']} {r['hour_of_day']:02d}:00 UTC: {spoken_band(r['low'], r['central'], r['high'])} gCO2e/kWh"
        }
        for r in rows
        if r["zone"] in drawn
    ]
