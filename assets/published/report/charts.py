"""Charts as Vega-Lite, drawn to SVG here: the page shows them at once, without a script and without another host.

Text is drawn in the colour of the page, so that light, dark and print need one drawing. Every mark keeps its values in
an aria-label, which the page shows as a tooltip; the same figures stand in a table beside each chart. What comes out is checked against a list of
SVG elements and attributes: nothing else reaches the page, whatever a publisher called a GPU.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree  # ty: ignore[missing-module-member] - a compiled module without types
from markupsafe import Markup

#: Told apart with common colour blindness, and of middle lightness: they hold on white and on near black.
PALETTE = ("#3b7dd8", "#d9722e", "#26966b", "#c2485f", "#8a63d2", "#a88600", "#148fa6", "#7d7d7d")

_ELEMENTS = frozenset(
    (
        "svg",
        "g",
        "path",
        "text",
        "tspan",
        "rect",
        "line",
        "circle",
        "defs",
        "clipPath",
        "title",
        "desc",
        "linearGradient",
        "stop",
    )
)
_ATTRIBUTES = frozenset(
    [
        "xmlns",
        "version",
        "viewBox",
        "width",
        "height",
        "class",
        "transform",
        "d",
        "fill",
        "stroke",
        "stroke-width",
        "stroke-opacity",
        "fill-opacity",
        "opacity",
        "stroke-dasharray",
        "stroke-miterlimit",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-dashoffset",
        "text-anchor",
        "font-family",
        "font-size",
        "font-weight",
        "font-style",
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "id",
        "clip-path",
        "role",
        "aria-label",
        "aria-roledescription",
        "aria-hidden",
        "aria-labelledby",
        "dy",
        "dx",
        "pointer-events",
        "dominant-baseline",
        "gradientUnits",
        "offset",
        "stop-color",
    ]
)
_SVG = "{http://www.w3.org/2000/svg}"

_CONFIG: dict[str, Any] = {
    "background": None,
    # Fonts of readers are wider than the one measured here.
    "padding": {"left": 34, "right": 12, "top": 5, "bottom": 5},
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 12,
        "domainColor": "currentColor",
        "domainOpacity": 0.4,
        "tickColor": "currentColor",
        "tickOpacity": 0.4,
        "gridColor": "currentColor",
        "gridOpacity": 0.12,
        "labelLimit": 220,
    },
    "legend": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 12,
        "orient": "bottom",
        "columns": 2,
        "labelLimit": 250,
        "symbolOpacity": 1,
        "columnPadding": 40,
    },
    "header": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "labelFontSize": 12,
        "labelFontWeight": "bold",
    },
    "title": {"color": "currentColor"},
    "range": {"category": list(PALETTE)},
}


class ChartError(Exception):
    """A drawing that must not reach the page."""


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return value


def values(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as inline data."""
    return {"values": [{k: _plain(v) for k, v in row.items()} for row in rows]}


def draw(spec: dict[str, Any], title: str) -> Markup:
    """A Vega-Lite specification as an SVG element that is safe to place in a page."""
    import vl_convert

    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": _CONFIG, **spec}
    # Nothing is loaded from anywhere: data and formats stand in the specification.
    text = vl_convert.vegalite_to_svg(json.dumps(whole), allowed_base_urls=[])
    return Markup(_cleaned(text, title))


def _cleaned(text: str, title: str) -> str:
    root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    mark = "c" + hashlib.sha256(text.encode()).hexdigest()[:8]
    for element in list(root.iter()):
        name = element.tag if isinstance(element.tag, str) else ""
        if name.removeprefix(_SVG) not in _ELEMENTS:
            raise ChartError(f"an element {name!r} in a drawing")
        for attribute in list(element.attrib):
            value = element.attrib[attribute]
            if attribute not in _ATTRIBUTES or (
                "url(" in value and attribute != "aria-label" and not value.startswith("url(#")
            ):
                del element.attrib[attribute]
            elif attribute == "id":  # several drawings stand on one page
                element.set("id", f"{mark}-{value}")
            elif value.startswith("url(#"):
                element.set(attribute, f"url(#{mark}-{value.removeprefix('url(#')}")
    root.attrib.pop("height", None)
    root.attrib["width"] = "100%"
    root.attrib["role"] = "img"
    root.attrib["aria-label"] = title
    for element in root.iter():
        if (
            element is not root
            and element.attrib.pop("aria-roledescription", None)
            and element.get("role") != "graphics-symbol"
        ):
            element.attrib.pop("aria-label", None)
            element.attrib.pop("role", None)
    return etree.tostring(root, encoding="unicode")


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
) -> Markup:
    """One line per row: a bar from low to high, a dot at the central value, on a logarithmic axis."""
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
) -> Markup:
    """A line per value of `colour` over time, with a band where one is given, on a logarithmic axis."""
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


def hours(rows: Sequence[Mapping[str, Any]], unit: str, title: str) -> Markup:
    """A line per zone over the hours of the day, on an axis that begins at 0."""
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


def shares(rows: Sequence[Mapping[str, Any]], factors: Sequence[str], title: str) -> Markup:
    """Parts of a whole, one stacked bar per quantity; a factor keeps its colour in all drawings of one `factors`."""
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


def places(rows: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """Cloud regions where they lie, by the carbon of their grid."""
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


def dots(rows: Sequence[Mapping[str, Any]], unit: str, title: str) -> Markup:
    """Several claims about the same thing on one line each."""
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
