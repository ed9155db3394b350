"""From a Vega-Lite specification to an SVG element that is safe to place in a page: no script, no other host.

Text is drawn in the colour of the page, so that light, dark and print need one drawing. What comes out is checked
against a list of SVG elements and attributes: nothing else reaches the page, whatever a publisher called a GPU.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree  # ty: ignore[missing-module-member] - a compiled module without types
from markupsafe import Markup

#: Told apart with common colour blindness, and of middle lightness: they hold on white and on near black.
PALETTE = ("#3b7dd8", "#d9722e", "#26966b", "#c2485f", "#8a63d2", "#a88600", "#148fa6", "#7d7d7d")

_ELEMENTS = frozenset(
    [
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
    ]
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
