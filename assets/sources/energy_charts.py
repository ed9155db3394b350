"""Energy-Charts (Fraunhofer ISE): carbon intensity with forecast by country, and day-ahead prices by bidding zone.

Quirks: parallel arrays beside `unix_seconds`, with nulls at the end and between measurement and forecast; null means
"not yet". The API does not say whether co2eq is direct or lifecycle, so it is `unconfirmed`. A range may come back
shorter than requested; a price that is not published yet is a 404, so tomorrow is requested together with today. Only
the address tells the country or zone. Prices were hourly until 2025-09-30 and are quarter-hourly since: the length of a
slot is the distance to the next. Many requests are answered with 429 and Retry-After. Prices are CC BY 4.0 only for the
zones that come from SMARD, so only those are requested. DE-LU is the bidding zone of Germany and Luxembourg.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs, urlsplit

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused
from assets.sources._clock import lengths_of
from assets.sources._rows import (
    IMPLAUSIBLY_CLEAN,
    electricity_price_rows,
    grid_carbon_rows,
    is_implausibly_clean,
    number_or_nan,
)
from warehouse.captures import Document

HOST = "api.energy-charts.info"
COUNTRIES = ("at", "be", "ch", "cz", "de", "dk", "es", "fi", "fr", "hu", "ie", "it", "nl", "no", "pl", "pt", "se", "si")
#: Bidding zones whose prices come from SMARD (open licence) -> grid zone.
PRICE_ZONES = {
    "AT": "AT",
    "BE": "BE",
    "CH": "CH",
    "CZ": "CZ",
    "DE-LU": "DE-LU",
    "DE-AT-LU": "DE-AT-LU",
    "DK1": "DK-DK1",
    "DK2": "DK-DK2",
    "FR": "FR",
    "HU": "HU",
    "IT-North": "IT-NO",
    "NL": "NL",
    "NO2": "NO-NO2",
    "PL": "PL",
    "SE4": "SE-SE4",
    "SI": "SI",
}
LENGTHS = ("PT15M", "PT30M", "PT1H")
#: Days that one request may span.
MAX_DAYS = 30


def spans(window: Window) -> Iterable[tuple[dt.date, dt.date]]:
    """First and last day of each request; without a window, yesterday to tomorrow."""
    return window.spans(MAX_DAYS, default_days=3, ahead=1)


def plan_carbon(window: Window) -> Iterable[Sequence[Request]]:
    """One request per country and month."""
    for first, last in spans(window):
        for country in COUNTRIES:
            params = {"country": country, "start": first.isoformat(), "end": last.isoformat()}
            yield [Request(f"https://{HOST}/co2eq", params=params)]


def plan_price(window: Window) -> Iterable[Sequence[Request]]:
    """One request per bidding zone and month."""
    for first, last in spans(window):
        for zone in PRICE_ZONES:
            if zone != "DE-AT-LU" or first < dt.date(2018, 10, 1):
                params = {"bzn": zone, "start": first.isoformat(), "end": last.isoformat()}
                yield [Request(f"https://{HOST}/price", params=params)]


def place_of(document: Document, parameter: str) -> str:
    """The country or zone: from the address, or from the name of a file (`co2eq_fr_...`, `price_DE-LU_...`)."""
    query = parse_qs(urlsplit(document.url).query)
    if parameter in query:
        return query[parameter][0]
    found = re.search(r"(?:co2eq|price|public_power)_([A-Za-z0-9-]+)_", document.url)
    if not found:
        raise LayoutError(
            f"{document.url}: which {parameter}? name the file co2eq_<country>_..., public_power_<country>_... or price_<zone>_..."
        )
    return found[1]


def _series(document: Document, *names: str) -> pl.DataFrame:
    """Columns valid_from, resolution and one per array; in order of time."""
    body = json_of(document)
    if not isinstance(body, dict) or not all(isinstance(body.get(n), list) for n in ("unix_seconds", *names)):
        raise LayoutError(f"{document.url}: expected the arrays unix_seconds, {', '.join(names)}")
    lengths = {n: len(body[n]) for n in ("unix_seconds", *names)}
    if len(set(lengths.values())) != 1:
        raise LayoutError(f"{document.url}: the arrays are not parallel: {lengths}")
    if not body["unix_seconds"]:
        raise LayoutError(f"{document.url}: no slot")
    frame = pl.DataFrame(
        {"seconds": body["unix_seconds"], **{n: [number_or_nan(v) for v in body[n]] for n in names}},
        schema={"seconds": pl.Int64, **dict.fromkeys(names, pl.Float64)},
        strict=False,
    ).sort("seconds")
    frame = frame.with_columns(
        pl.from_epoch("seconds").dt.cast_time_unit("us").dt.replace_time_zone("UTC").alias("valid_from")
    )
    lengths = lengths_of(document, frame["valid_from"], LENGTHS)
    return frame.join(lengths, on="valid_from", how="left", maintain_order="left")


def parse_carbon(documents: Sequence[Document]) -> Reading:
    """Measured and forecast rows of one country; nulls are left out."""
    (document,) = documents
    country = place_of(document, "country").upper()
    zone = {"UK": "GB", "ALL": "EU-ALL"}.get(country, country)
    rows = (
        _series(document, "co2eq", "co2eq_forecast")
        .unpivot(
            ["co2eq", "co2eq_forecast"], index=["valid_from", "resolution"], variable_name="array", value_name="value"
        )
        .filter(pl.col("value").is_not_null())
    )
    frame = grid_carbon_rows(
        rows.filter(~is_implausibly_clean("value")),
        zone=zone,
        basis_boundary="unconfirmed",
        basis_kind=pl.when(pl.col("array") == "co2eq").then(pl.lit("actual")).otherwise(pl.lit("forecast")),
        intensity_gco2e_per_kwh=pl.col("value"),
    )
    return Reading([Scope(zone, frame)], refused(rows.filter(is_implausibly_clean("value")), IMPLAUSIBLY_CLEAN))


def parse_price(documents: Sequence[Document]) -> Reading:
    """Day-ahead prices of one bidding zone."""
    (document,) = documents
    place = place_of(document, "bzn")
    unit = str(json_of(document).get("unit", "")).replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{3}/MWH", unit):
        raise LayoutError(f"{document.url}: unit {unit or 'missing'!r} is not a currency per MWh")
    zone = PRICE_ZONES.get(place, place)
    rows = _series(document, "price").filter(pl.col("price").is_not_null())
    frame = electricity_price_rows(
        rows, zone=zone, market="day_ahead", currency_code=unit[:3], price_amount_per_mwh=pl.col("price")
    )
    twice = frame.filter(pl.col("valid_from").is_duplicated() & ~frame.is_duplicated())
    return Reading(
        [Scope(zone, frame.join(twice, on="valid_from", how="anti"))], refused(twice, "two prices for one slot")
    )


ENERGY_CHARTS_CARBON = Source(
    source_id="energy_charts_carbon",
    subject="grid_carbon",
    title="Energy-Charts carbon intensity",
    homepage_url="https://www.energy-charts.info/",
    licence="CC BY 4.0",
    attribution="Energy-Charts, Fraunhofer ISE",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    parse=parse_carbon,
    parser_version=3,
    plan=plan_carbon,
    hosts=(HOST,),
    cadence="35 */3 * * *",
    changes_within_days=3,
    has_history=True,
    stale_after_days=1.0,
)
ENERGY_CHARTS_PRICE = Source(
    source_id="energy_charts_price",
    subject="electricity_price",
    title="Energy-Charts day-ahead prices",
    homepage_url="https://www.energy-charts.info/",
    licence="CC BY 4.0 (zones from SMARD)",
    attribution="Bundesnetzagentur | SMARD.de, through Energy-Charts",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    parse=parse_price,
    parser_version=3,
    plan=plan_price,
    hosts=(HOST,),
    cadence="45 13 * * *",
    changes_within_days=4,
    has_history=True,
    stale_after_days=2.0,
)
