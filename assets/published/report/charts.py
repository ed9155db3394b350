"""The kinds of chart in the report, as Vega-Lite specifications.

Every mark keeps its values in an aria-label, which the page shows as a tooltip; the same figures stand in a table
beside each chart. Without rows there is no chart: None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from assets.published.report.drawing import PALETTE, draw, values


def _log(low: float, high: float) -> list[float]:
    """A domain for a logarithmic axis that starts and ends at 1, 2 or 5 times a power of ten."""

    def step(value: float, *, up: bool) -> float:
        power = 10.0 ** math.floor(math.log10(value))
        steps = [power * m for m in (1, 2, 5, 10)]
        return next(s for s in steps if s >= value * 0.999) if up else max(s for s in steps if s <= value * 1.001)

    return [step(low, up=False), step(high, up=True)]


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between two values; powers alone where that is many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(powers) <= 3 else (1,) if len(powers) > 5 else (1, 3)
    found = [m * 10.0**p for p in powers for m in steps]
    return [t for t in found if low * 0.999 <= t <= high * 1.001]


def _log_axis(
    rows: Sequence[Mapping[str, Any]], fields: Sequence[str], title: str, field: str, fmt: str = "~g"
) -> dict[str, Any]:
    numbers = [float(r[f]) for r in rows for f in fields if r.get(f)]
    domain = _log(min(numbers), max(numbers))
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"type": "log", "domain": domain, "nice": False},
        "axis": {"values": ticks(*domain), "format": fmt},
    }


def ranges(
    rows: Sequence[Mapping[str, Any]], label: str, unit: str, title: str, *, colour: str | None = None, fmt: str = "~g"
) -> Markup | None:
    """One line per row: a bar from low to high, a dot at the central value, on a logarithmic axis."""
    if not rows:
        return None
    x = _log_axis(rows, ("low", "central", "high"), unit, "low", fmt)
    y = {
        "field": label,
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"ticks": False, "domain": False, "grid": True},
    }
    hue: dict[str, Any] = (
        {"color": {"field": colour, "type": "nominal", "title": None}} if colour else {"color": {"value": PALETTE[0]}}
    )
    point = {**x, "field": "central"}
    return draw(
        {
            "data": values(rows),
            "width": 330,
            "height": {"step": 24},
            "encoding": {"y": y, "description": {"field": "says", "type": "nominal"}},
            "layer": [
                {
                    "mark": {"type": "bar", "height": 9, "opacity": 0.45, "cornerRadius": 4},
                    "encoding": {"x": x, "x2": {"field": "high"}, **hue},
                },
                {"mark": {"type": "point", "filled": True, "size": 75, "opacity": 1}, "encoding": {"x": point, **hue}},
            ],
        },
        title,
    )


def lines(
    rows: Sequence[Mapping[str, Any]],
    x: str,
    y: str,
    colour: str,
    unit: str,
    title: str,
    *,
    band: tuple[str, str] | None = None,
    step: bool = False,
    fmt: str = "~g",
    height: int = 300,
) -> Markup | None:
    """A line per value of `colour` over time, with a band where one is given, on a logarithmic axis."""
    if not rows:
        return None
    fields = (y, *(band or ()))
    vertical = _log_axis(rows, fields, unit, y, fmt)
    horizontal = {
        "field": x,
        "type": "temporal",
        "title": None,
        "axis": {"grid": False, "labelOverlap": "greedy", "labelSeparation": 14, "tickCount": 5, "format": "%Y-%m"},
    }
    hue = {"field": colour, "type": "nominal", "title": None}
    layer: list[dict[str, Any]] = []
    if band:
        layer.append(
            {
                "mark": {"type": "area", "opacity": 0.13, "interpolate": "monotone"},
                "encoding": {
                    "x": horizontal,
                    "y": {**vertical, "field": band[0]},
                    "y2": {"field": band[1]},
                    "color": hue,
                },
            }
        )
    shape = "step-after" if step else "linear"
    layer.append(
        {
            "mark": {"type": "line", "interpolate": shape, "strokeWidth": 2},
            "encoding": {"x": horizontal, "y": vertical, "color": hue},
        }
    )
    layer.append(
        {
            "mark": {"type": "point", "filled": True, "size": 26, "opacity": 1},
            "encoding": {
                "x": horizontal,
                "y": vertical,
                "color": hue,
                "description": {"field": "says", "type": "nominal"},
            },
        }
    )
    return draw({"data": values(rows), "width": 430, "height": height, "layer": layer}, title)


def hours(rows: Sequence[Mapping[str, Any]], unit: str, title: str) -> Markup | None:
    """A line per zone over the hours of the day, on an axis that begins at 0."""
    if not rows:
        return None
    across = {
        "field": "hour_of_day",
        "type": "quantitative",
        "title": "hour of the day, UTC",
        "scale": {"domain": [0, 23], "nice": False},
        "axis": {"grid": False, "values": list(range(0, 24, 3))},
    }
    up = {"field": "central", "type": "quantitative", "title": unit, "scale": {"zero": True}}
    hue = {"field": "zone", "type": "nominal", "title": None}
    return draw(
        {
            "data": values(rows),
            "width": 430,
            "height": 300,
            "layer": [
                {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"x": across, "y": up, "color": hue}},
                {
                    "mark": {"type": "point", "filled": True, "size": 26, "opacity": 1},
                    "encoding": {
                        "x": across,
                        "y": up,
                        "color": hue,
                        "description": {"field": "says", "type": "nominal"},
                    },
                },
            ],
        },
        title,
    )


def shares(rows: Sequence[Mapping[str, Any]], factors: Sequence[str], title: str) -> Markup | None:
    """Parts of a whole, one stacked bar per quantity; a factor keeps its colour in all drawings of one `factors`."""
    if not rows:
        return None
    present = {row["factor"] for row in rows}
    return draw(
        {
            "data": values(rows),
            "width": 380,
            "height": {"step": 28},
            "mark": {"type": "bar", "height": 18},
            "encoding": {
                "x": {
                    "field": "share",
                    "type": "quantitative",
                    "title": "share of the variance",
                    "stack": "zero",
                    "scale": {"domain": [0, 1], "nice": False},
                    "axis": {"format": ".0%", "tickCount": 5},
                },
                "y": {
                    "field": "quantity",
                    "type": "nominal",
                    "title": None,
                    "sort": None,
                    "axis": {"ticks": False, "domain": False},
                },
                "color": {
                    "field": "factor",
                    "type": "nominal",
                    "title": None,
                    "scale": {"domain": list(factors)},
                    "legend": {"values": [f for f in factors if f in present]},
                },
                "order": {"field": "share", "type": "quantitative", "sort": "descending"},
                "description": {"field": "says", "type": "nominal"},
            },
        },
        title,
    )


#: Names on the map: longitude, latitude, in the sea or where no region lies.
_CONTINENTS = (
    (-105, 57, "North America"),
    (-58, -8, "South America"),
    (20, 8, "Africa"),
    (15, 66, "Europe"),
    (95, 58, "Asia"),
    (134, -25, "Australia"),
)


def places(rows: Sequence[Mapping[str, Any]], title: str) -> Markup | None:
    """Cloud regions where they lie, by the carbon of their grid."""
    if not rows:
        return None
    return draw(
        {
            "width": 560,
            "height": 225,
            "projection": {"type": "equirectangular", "scale": 88, "translate": [280, 128]},
            "layer": [
                {
                    "data": {"graticule": {"step": [30, 30]}},
                    "mark": {
                        "type": "geoshape",
                        "stroke": "currentColor",
                        "strokeOpacity": 0.15,
                        "fill": None,
                        "aria": False,
                    },
                },
                {
                    "data": values([dict(zip(("x", "y", "name"), c, strict=True)) for c in _CONTINENTS]),
                    "mark": {
                        "type": "text",
                        "fontSize": 12,
                        "color": "currentColor",
                        "opacity": 0.55,
                        "aria": False,
                    },
                    "encoding": {
                        "longitude": {"field": "x", "type": "quantitative"},
                        "latitude": {"field": "y", "type": "quantitative"},
                        "text": {"field": "name"},
                    },
                },
                {
                    "data": values(rows),
                    "mark": {"type": "circle", "size": 70, "opacity": 0.85, "stroke": "#888888", "strokeWidth": 0.5},
                    "encoding": {
                        "longitude": {"field": "longitude", "type": "quantitative"},
                        "latitude": {"field": "latitude", "type": "quantitative"},
                        "color": {
                            "field": "grid",
                            "type": "quantitative",
                            "title": "gCO2e/kWh",
                            "scale": {
                                "domain": [0, 200, 400, 600, 800],
                                "range": ["#1a9850", "#91cf60", "#e6c84b", "#f08a3c", "#c0392b"],
                                "clamp": True,
                            },
                            "legend": {"orient": "bottom", "direction": "horizontal", "gradientLength": 240},
                        },
                        "description": {"field": "says", "type": "nominal"},
                    },
                },
            ],
        },
        title,
    )


def dots(rows: Sequence[Mapping[str, Any]], unit: str, title: str) -> Markup | None:
    """Several claims about the same thing on one line each."""
    if not rows:
        return None
    return draw(
        {
            "data": values(rows),
            "width": 350,
            "height": {"step": 22},
            "encoding": {
                "y": {
                    "field": "label",
                    "type": "nominal",
                    "sort": None,
                    "title": None,
                    "axis": {"ticks": False, "domain": False, "grid": True},
                }
            },
            "layer": [
                {
                    "mark": {"type": "rule", "opacity": 0.35, "color": "currentColor"},
                    "encoding": {
                        "x": {"field": "value", "type": "quantitative", "aggregate": "min"},
                        "x2": {"field": "value", "aggregate": "max"},
                    },
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 70, "opacity": 0.9},
                    "encoding": {
                        "x": {"field": "value", "type": "quantitative", "title": unit},
                        "color": {"field": "who", "type": "nominal", "title": None},
                        "description": {"field": "says", "type": "nominal"},
                    },
                },
            ],
        },
        title,
    )
