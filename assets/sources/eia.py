"""EIA Open Data v2: hourly generation by fuel and balancing authority (-> intensity), and monthly retail prices.

Quirks: `period` is the END of the hour, in UTC: a slot begins an hour earlier. `value` is a number up to API 2.1.5 and
text since (January 2024), and sometimes null. Respondents include sums (US48 and thirteen regions: NY is a region, NYIS
an authority), which are left out, or everything would count twice. A page has at most 5,000 rows, which only a warning
says; pages are requested by offset until `total` is reached, and an hour that is split between pages of which one is
missing is refused. New fuel codes appear: an unknown code counts as generation without a factor. OTH is large in small
authorities, whose hours are then refused (see `_fuel_mix`). The answer echoes the api_key in its `request` block: the
client removes it before anything is stored. Data are revised for weeks. An answer restricted to some fuels
(facets[fueltype]) is not a mix. Retail prices are cents per kWh by state and sector, two months late.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import polars as pl
import pycountry

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    json_of,
    refused,
    split_by_fault,
    to_instant,
)
from assets.sources._fuel_mix import intensities
from assets.sources._rows import electricity_price_rows, frame_of, inside
from warehouse.captures import Document

HOST = "api.eia.gov"
KEY = "EIA_API_KEY"
PAGE_ROWS = 5_000

_REGIONS = {
    "CAL": "BANC CISO IID LDWP TIDC",
    "CAR": "CPLE CPLW DUK SC SCEG YAD",
    "CENT": "SPA SWPP",
    "FLA": "FMPP FPC FPL GVL HST JEA NSB SEC TAL TEC",
    "MIDA": "PJM",
    "MIDW": "AECI EEI GLHB LGEE MISO",
    "NE": "ISNE",
    "NW": "AVA AVRN BPAT CHPD DOPD GCPD GRID GWA IPCO NEVP NWMT PACE PACW PGE PSCO PSEI SCL TPWR WACM WAUW WWA",
    "NY": "NYIS",
    "SE": "AEC SEPA SOCO",
    "SW": "AZPS DEAA EPE GRIF GRMA HGMA PNM SRP TEPC WALC",
    "TEN": "TVA",
    "TEX": "ERCO",
}
#: Respondents that are sums of others.
SUMS = ("US48", *_REGIONS)
ZONES = {code: f"US-{region}-{code}" for region, codes in _REGIONS.items() for code in codes.split()}
FUELS = {
    "COL": "coal",
    "NG": "gas",
    "NUC": "nuclear",
    "OIL": "oil",
    "WAT": "hydro",
    "SUN": "solar",
    "WND": "wind",
    "GEO": "geothermal",
    "BAT": "storage",
    "PS": "storage",
    "OES": "storage",
    "UES": "storage",
    "SNB": "solar",
    "WNB": "wind",
    "OTH": "unknown",
    "UNK": "unknown",
}
#: Fuels of which a null is always a gap; others (oil) are null where an authority has none.
NEVER_SILENT = ("coal", "gas", "nuclear")
_SECTORS = {"IND": "retail_industrial", "COM": "retail_commercial", "ALL": "retail_all"}


def _request(route: str, params: Mapping[str, str], offset: int = 0) -> Request:
    return Request(
        f"https://{HOST}/v2/electricity/{route}/data/",
        params={**params, "offset": str(offset), "length": str(PAGE_ROWS)},
        secret_params={"api_key": os.environ[KEY]},
    )


def plan_mix(window: Window) -> Iterable[Sequence[Request]]:
    """One batch per day, all authorities; the last three days if no window is given (data are a day late)."""
    for day in window.days(3):
        # The hour that ends at 00:00 belongs to the day before.
        yield [
            _request(
                "rto/fuel-type-data",
                {
                    "frequency": "hourly",
                    "data[0]": "value",
                    "start": f"{day}T01",
                    "end": f"{day + dt.timedelta(days=1)}T00",
                    "sort[0][column]": "period",
                    "sort[0][direction]": "asc",
                },
            )
        ]


def plan_retail(window: Window) -> Iterable[Sequence[Request]]:
    """One batch: the last year, or the window."""
    first = window.first_on or (window.now - dt.timedelta(days=400)).date()
    params = {
        "frequency": "monthly",
        "data[0]": "price",
        "start": f"{first:%Y-%m}",
        "sort[0][column]": "period",
        "sort[0][direction]": "asc",
    }
    params |= {f"facets[sectorid][{n}]": sector for n, sector in enumerate(_SECTORS)}
    yield [_request("retail-sales", params)]


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer of the API, decoded once."""

    url: str
    rows: list[dict[str, Any]]
    #: Number of rows that exist for the query, which some versions of the API send as text.
    total: int
    #: Row at which the page begins.
    offset: int
    #: The fuels that the answer is restricted to; empty if it is not.
    fuels: Sequence[str]


def _page(document: Document) -> _Page:
    """A page; what was asked for stands in its address, or in the request that the answer repeats.

    Raises:
        LayoutError: if it is not JSON or has no rows where they belong.
    """
    body = json_of(document)
    rows = inside(body, "response", "data")
    if not isinstance(rows, list):
        raise LayoutError(f"{document.url}: no response.data; {str(inside(body, 'error') or '')[:200]}")
    asked = parse_qsl(urlsplit(document.url).query)
    repeated = inside(body, "request", "params", "facets", "fueltype") or []
    return _Page(
        url=document.url,
        rows=rows,
        total=int(inside(body, "response", "total") or len(rows)),
        offset=int(dict(asked).get("offset") or inside(body, "request", "params", "offset") or 0),
        fuels=[value for name, value in asked if name.startswith("facets[fueltype]")]
        or ([repeated] if isinstance(repeated, str) else repeated),
    )


def follow(document: Document) -> Request | None:
    """The next page, until `total` rows were requested."""
    try:
        page = _page(document)
    except LayoutError:
        # The parser refuses it, once it is captured.
        return None
    if not page.rows or page.offset + len(page.rows) >= page.total:
        return None
    asked = dict(parse_qsl(urlsplit(document.url).query))
    params = {k: v for k, v in asked.items() if k not in ("offset", "length")}
    route = urlsplit(document.url).path.removeprefix("/v2/electricity/").removesuffix("/data/")
    return _request(route, params, page.offset + len(page.rows))


def _frame(pages: Sequence[_Page], fields: Sequence[str], others: Sequence[str] = ()) -> tuple[pl.DataFrame, list[str]]:
    """Rows of all pages as text (`fields`, and the optional `others`), and the periods split by a missing page."""
    first = next((row for page in pages for row in page.rows if isinstance(row, dict)), None)
    if first is None:
        raise LayoutError(f"{pages[0].url}: no row")
    if missing := [f for f in fields if f not in first]:
        raise LayoutError(f"{pages[0].url}: no field {', '.join(missing)}")
    schema = dict.fromkeys([*fields, *others], pl.String)
    frame = pl.concat([frame_of(page.rows, schema) for page in pages if page.rows]).unique(maintain_order=True)
    cut: list[str] = []
    if min(page.offset for page in pages) > 0:
        cut.append(str(frame["period"].min()))
    if max(page.offset + len(page.rows) for page in pages) < max(page.total for page in pages):
        cut.append(str(frame["period"].max()))
    return frame, cut


def parse_mix(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per authority and hour."""
    pages = [_page(document) for document in documents]
    for page in pages:
        if page.fuels:
            raise LayoutError(
                f"{page.url}: restricted to {', '.join(map(str, page.fuels))[:100]}, so it is not a mix: request it "
                "without facets[fueltype]"
            )
    frame, cut = _frame(pages, ["period", "respondent", "fueltype", "value"], ["value-units"])
    # A row without a respondent is no sum, and refused below.
    rows = frame.filter(~pl.col("respondent").is_in(SUMS).fill_null(value=False)).with_columns(
        (to_instant(pl.col("period") + ":00", "%Y-%m-%dT%H:%M") - pl.duration(hours=1)).alias("valid_from"),
        pl.col("respondent").replace_strict(ZONES, default=None, return_dtype=pl.String).alias("zone"),
        pl.col("value").cast(pl.Float64, strict=False).alias("generation"),
        pl.col("fueltype").replace_strict(FUELS, default="unknown", return_dtype=pl.String).alias("fuel"),
    )
    why = (
        pl.when(pl.col("valid_from").is_null())
        .then(pl.lit("the period cannot be read"))
        .when(pl.col("zone").is_null())
        .then(pl.lit("a balancing authority that Petaday does not know"))
        .when((pl.col("value-units").str.to_lowercase() != "megawatthours") & pl.col("value").is_not_null())
        .then(pl.format("in {}, not in megawatthours", "value-units"))
        .when(pl.col("value").is_not_null() & pl.col("generation").is_null())
        .then(pl.lit("the value is not a number"))
        .when(pl.col("period").is_in(cut))
        .then(pl.lit("the hour is cut by paging: other fuels are on a page that is not here"))
    )
    bad = (
        split_by_fault(rows, why)[1]
        .group_by("period", "respondent", "why", maintain_order=True)
        .agg(pl.col("fueltype").str.join(" ").alias("fuels"))
    )
    # An hour with one bad cell is not computed from the others.
    mix = rows.join(bad.select("period", "respondent"), on=["period", "respondent"], how="anti")
    good, slots = intensities(
        mix.select("zone", "valid_from", "fuel", "generation", "fueltype"),
        resolution="PT1H",
        kind="fueltype",
        never_silent=NEVER_SILENT,
    )
    return Reading([Scope("US", good)], pl.concat([refused(bad, pl.col("why")), slots]))


def parse_retail(documents: Sequence[Document]) -> Reading:
    """Retail price by state, sector and month; 1 cent per kWh is 10 USD per MWh."""
    frame, _ = _frame(
        [_page(document) for document in documents], ["period", "stateid", "sectorid", "price", "price-units"]
    )
    states = [s.code for s in pycountry.subdivisions.get(country_code="US")]
    zone = pl.when(pl.col("stateid") == "US").then(pl.lit("US")).otherwise("US-" + pl.col("stateid"))
    rows = frame.with_columns(
        zone.alias("zone"),
        pl.col("sectorid").replace_strict(_SECTORS, default=None, return_dtype=pl.String).alias("market"),
        (pl.col("price").cast(pl.Float64, strict=False) * 10).round(6).alias("price_amount_per_mwh"),
        to_instant(pl.col("period") + "-01", "%Y-%m-%d").alias("valid_from"),
    ).filter(pl.col("market").is_not_null() & pl.col("price").is_not_null() & pl.col("zone").is_in(["US", *states]))
    unit = pl.col("price-units").str.to_lowercase().str.contains(r"^cents per kilowatt-?hour$").fill_null(value=False)
    unreadable = pl.col("valid_from").is_null() | pl.col("price_amount_per_mwh").is_null() | ~unit
    bad = rows.filter(unreadable).select(*frame.columns)
    good = electricity_price_rows(rows.filter(~unreadable), resolution="P1M", currency_code="USD")
    return Reading([Scope("US", good)], refused(bad, "month, price or unit (cents per kilowatthour) cannot be read"))


EIA_MIX = Source(
    source_id="eia",
    subject="grid_carbon",
    title="EIA hourly generation by balancing authority (imports ignored)",
    homepage_url="https://www.eia.gov/opendata/",
    licence="US government, public domain",
    parse=parse_mix,
    parser_version=7,
    plan=plan_mix,
    follow=follow,
    hosts=(HOST,),
    attribution="U.S. Energy Information Administration",
    cadence="25 */6 * * *",
    changes_within_days=4,
    key_name=KEY,
    has_history=True,
    max_rejected_share=0.5,
    stale_after_days=4.0,
)
EIA_RETAIL = Source(
    source_id="eia_retail",
    subject="electricity_price",
    title="EIA retail electricity prices by state",
    homepage_url="https://www.eia.gov/opendata/",
    licence="US government, public domain",
    parse=parse_retail,
    parser_version=2,
    plan=plan_retail,
    follow=follow,
    hosts=(HOST,),
    attribution="U.S. Energy Information Administration",
    cadence="25 7 * * 3",
    changes_within_days=75,
    key_name=KEY,
    has_history=True,
    stale_after_days=14.0,
)
