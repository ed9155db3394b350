"""How numbers, dates and addresses are written in the report."""

from __future__ import annotations

import datetime as dt
import math
from urllib.parse import urlsplit

from markupsafe import Markup

from assets.published.report.texts import told

UNKNOWN = "–"


def number(value: float | int | None, digits: int = 3) -> str:
    """A number with `digits` significant digits and separators; large powers as 3.14 × 10²³."""
    if value is None:
        return UNKNOWN
    value = float(value)
    if not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    value = float(f"{value:.{digits - 1}e}")  # rounded first: 9.999 is 10.0, of another power
    power = math.floor(math.log10(abs(value)))
    if power >= 12 or power < -4:
        raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{value / 10**power:.{digits - 1}f} × 10{raised}"
    decimals = max(digits - 1 - power, 0)
    if power >= digits:
        return f"{value:,.0f}"
    return f"{value:,.{decimals}f}"


def exact(value: float | None) -> str:
    """A number with up to six significant digits, without zeros that say nothing."""
    text = number(value, 6)
    return text.rstrip("0").rstrip(".") if "." in text and "×" not in text else text


def money(value: float | None) -> str:
    """A price: cents are kept, small prices keep three digits."""
    if value is None:
        return UNKNOWN
    cents = f"{value:,.2f}"
    return cents if abs(value) >= 1 or float(cents) == value else f"{value:.3g}"


def band(low: float | None, central: float | None, high: float | None, unit: str) -> Markup:
    """A central value with its band and unit."""
    if central is None:
        return told("unknown")
    if low == high or low is None or high is None:
        return Markup('<b>{}</b> <span class="unit">{}</span>').format(number(central), unit)
    return Markup('<b>{}</b> <span class="band">[{} … {}]</span> <span class="unit">{}</span>').format(
        number(central), number(low), number(high), unit
    )


def spoken_band(low: float | None, central: float | None, high: float | None) -> str:
    """A band as plain text, for the tooltip of a mark: central value and, in brackets, low and high."""
    return f"{number(central)} [{number(low)} … {number(high)}]"


def claimed(low: float | None, high: float | None) -> str:
    """The range that a claim allows; one side may be open."""
    if low is None and high is None:
        return UNKNOWN
    if low is None or high is None:
        return f"≤ {exact(high)}" if low is None else f"≥ {exact(low)}"
    return f"{exact(low)} … {exact(high)}"


def percent(share: float | None, *, sign: bool = False) -> str:
    """A share in percent."""
    if share is None:
        return UNKNOWN
    return f"{share:+.1%}" if sign else f"{share:.0%}"


def day(value: dt.date | dt.datetime | None) -> str:
    """A day in ISO form."""
    return UNKNOWN if value is None else f"{value:%Y-%m-%d}"


def origin(is_bundled: bool | None, *, mixed: bool = False) -> Markup:
    """Bundled or live, said in words."""
    if mixed:
        return Markup('<span class="tag mixed">{}</span>').format(told("mixed"))
    if is_bundled is None:
        return Markup("")
    key = "bundled" if is_bundled else "live"
    return Markup('<span class="tag {}">{}</span>').format(key, told(key))


def address(url: str | None) -> str | None:
    """A URL that may stand in a link: http and https only."""
    return url if url and urlsplit(url).scheme in ("http", "https") else None
