"""ENTSO-E Transparency Platform: generation per type (A75 -> intensity) and day-ahead prices (A44), XML.

Quirks: the namespace contains a version that changes, so names are matched without it. `curveType` A03 leaves out
points that repeat the last one, which are filled in to the end of the period; A01 leaves out nothing, so a missing
point stays missing. Series with outBiddingZone_Domain are consumption (pumping, station use), not generation. Pumped
storage (B10) and batteries (B25) are storage. "No data" is an Acknowledgement document, often with status 200. Prices
of one hour may come from two auctions with different slot lengths: classification position 1 is the coupled day-ahead
auction; an hour that only another auction prices (EXAA, some hours earlier) is refused. Slots are PT60M, PT30M or
PT15M; days begin at local midnight and have 23 to 25 hours; all times are UTC. DE is the generation of the country,
DE-LU the price zone; NO, SE and DK are countries beside their zones. Imports, heat and grid losses are ignored (see
`_fuel_mix`).
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Sequence

import polars as pl
from lxml import etree  # ty: ignore[missing-module-member] - a compiled module without types

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, refused
from assets.sources._fuel_mix import intensities
from assets.sources._rows import electricity_price_rows
from assets.sources._xml import root_of, text_of
from warehouse.captures import Document

HOST = "web-api.tp.entsoe.eu"
KEY = "ENTSOE_API_KEY"

#: EIC code of an area -> grid zone.
ZONES = {
    "10YAT-APG------L": "AT",
    "10YBE----------2": "BE",
    "10YCH-SWISSGRIDZ": "CH",
    "10YCZ-CEPS-----N": "CZ",
    "10Y1001A1001A83F": "DE",
    "10Y1001A1001A82H": "DE-LU",
    "10Y1001A1001A63L": "DE-AT-LU",
    "10YDK-1--------W": "DK-DK1",
    "10YDK-2--------M": "DK-DK2",
    "10Y1001A1001A39I": "EE",
    "10YES-REE------0": "ES",
    "10YFI-1--------U": "FI",
    "10YFR-RTE------C": "FR",
    "10YGR-HTSO-----Y": "GR",
    "10YHU-MAVIR----U": "HU",
    "10Y1001A1001A59C": "IE",
    "10Y1001A1001A73I": "IT-NO",
    "10YLT-1001A0008Q": "LT",
    "10YLV-1001A00074": "LV",
    "10YNL----------L": "NL",
    "10YNO-1--------2": "NO-NO1",
    "10YNO-2--------T": "NO-NO2",
    "10YNO-3--------J": "NO-NO3",
    "10YNO-4--------9": "NO-NO4",
    "10Y1001A1001A48H": "NO-NO5",
    "10YPL-AREA-----S": "PL",
    "10YPT-REN------W": "PT",
    "10YRO-TEL------P": "RO",
    "10Y1001A1001A44P": "SE-SE1",
    "10Y1001A1001A45N": "SE-SE2",
    "10Y1001A1001A46L": "SE-SE3",
    "10Y1001A1001A47J": "SE-SE4",
    "10YSI-ELES-----O": "SI",
    "10YSK-SEPS-----K": "SK",
}
#: Areas that are read from files but not requested: without data today, not tried, or countries whose zones are
#: requested.
ALSO_READ = {
    "10YAL-KESH-----5": "AL",
    "10YBA-JPCC-----D": "BA",
    "10YCA-BULGARIA-R": "BG",
    "10YCY-1001A0003J": "CY",
    "10Y1001A1001A65H": "DK",
    "10YGB----------A": "GB",
    "10Y1001A1001A016": "GB-NIR",
    "10Y1001A1001B012": "GE",
    "10YHR-HEP------M": "HR",
    "10YIE-1001A00010": "IE",
    "10YIT-GRTN-----B": "IT",
    "10Y1001A1001A70O": "IT-CNO",
    "10Y1001A1001A71M": "IT-CSO",
    "10Y1001A1001A74G": "IT-SAR",
    "10Y1001A1001A75E": "IT-SIC",
    "10Y1001A1001A788": "IT-SO",
    "10YLU-CEGEDEL-NQ": "LU",
    "10Y1001A1001A990": "MD",
    "10YCS-CG-TSO---S": "ME",
    "10YMK-MEPSO----8": "MK",
    "10Y1001A1001A93C": "MT",
    "10YNO-0--------C": "NO",
    "10YCS-SERBIATSOV": "RS",
    "10YSE-1--------K": "SE",
    "10YTR-TEIAS----W": "TR",
    "10Y1001C--00003F": "UA",
    "10Y1001C--00100H": "XK",
}
#: Areas without generation, or without prices, of their own.
_NO_GENERATION = ("DE-LU", "DE-AT-LU")
_NO_PRICE = ("DE", "IE", "DE-AT-LU")
PSR_TYPES = {
    "B01": "biomass",
    "B02": "lignite",
    "B03": "unknown",
    "B04": "gas",
    "B05": "coal",
    "B06": "oil",
    "B07": "oil_shale",
    "B08": "peat",
    "B09": "geothermal",
    "B10": "storage",
    "B11": "hydro",
    "B12": "hydro",
    "B13": "ocean",
    "B14": "nuclear",
    "B15": "unknown",
    "B16": "solar",
    "B17": "unknown",
    "B18": "wind_offshore",
    "B19": "wind",
    "B20": "unknown",
    "B25": "storage",
}
#: If an area has this many kinds of generation, they do not all stay constant at the same time.
_KINDS_THAT_TELL = 4
_MINUTES = {"PT5M": 5, "PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
_RESOLUTIONS = {5: "PT5M", 15: "PT15M", 30: "PT30M", 60: "PT1H"}


def _requests(
    window: Window, ahead: int, document: dict[str, str], domains: Sequence[str], without: Sequence[str]
) -> Iterable[Sequence[Request]]:
    for first, last in window.spans(30, default_days=3 + ahead, ahead=ahead):
        period = {"periodStart": f"{first:%Y%m%d}0000", "periodEnd": f"{last + dt.timedelta(days=1):%Y%m%d}0000"}
        for code, zone in ZONES.items():
            if zone not in without:
                params = document | dict.fromkeys(domains, code) | period
                yield [
                    Request(
                        f"https://{HOST}/api",
                        params=params,
                        secret_params={"securityToken": os.environ[KEY]},
                        extension="xml",
                    )
                ]


def plan_generation(window: Window) -> Iterable[Sequence[Request]]:
    """One request per area and 30 days; the last three days if no window is given."""
    return _requests(window, 0, {"documentType": "A75", "processType": "A16"}, ["in_Domain"], _NO_GENERATION)


def plan_price(window: Window) -> Iterable[Sequence[Request]]:
    """One request per bidding zone and 30 days; two days back to tomorrow if no window is given."""
    return _requests(window, 1, {"documentType": "A44"}, ["in_Domain", "out_Domain"], _NO_PRICE)


def _series(document: Document, document_type: str) -> list[etree._Element]:
    """The TimeSeries of a document of that type.

    Raises:
        LayoutError: if there is no data (an Acknowledgement), or it is of another type.
    """
    root = root_of(document)
    name = etree.QName(root).localname
    if name == "Acknowledgement_MarketDocument":
        raise LayoutError(
            f"{document.url}: ENTSO-E has no data: {text_of(root, 'Reason', 'text') or 'no reason given'}"[:400]
        )
    found = text_of(root, "type")
    if found != document_type:
        raise LayoutError(f"{document.url}: a {name} of type {found}, expected {document_type}")
    series = root.xpath("./*[local-name()='TimeSeries']")
    if not series:
        raise LayoutError(f"{document.url}: no TimeSeries")
    return series


def _points(document: Document, series: Sequence[etree._Element], value_name: str) -> pl.DataFrame:
    """Every slot of every period: columns series, minutes, valid_from, value, is_stated; A03 filled forward.

    The loops go over series and periods (tens), never over points.
    """
    frames = []
    for number, one in enumerate(series):
        fills = text_of(one, "curveType") == "A03"
        for period in one.xpath("./*[local-name()='Period']"):
            resolution = text_of(period, "resolution") or ""
            start, end = (text_of(period, "timeInterval", edge) or "" for edge in ("start", "end"))
            if resolution not in _MINUTES:
                raise LayoutError(f"{document.url}: unknown resolution {resolution!r}")
            try:
                first, last = (
                    dt.datetime.strptime(edge, "%Y-%m-%dT%H:%MZ").replace(tzinfo=dt.UTC) for edge in (start, end)
                )
            except ValueError as e:
                raise LayoutError(f"{document.url}: interval {start!r} to {end!r} cannot be read") from e
            minutes = _MINUTES[resolution]
            count = int((last - first).total_seconds() // 60 // minutes)
            if not 0 < count <= 60 * 24 * 370 // minutes:
                raise LayoutError(f"{document.url}: interval {start} to {end} is not within a year")
            given = (
                pl.DataFrame(
                    {
                        "position": period.xpath("./*[local-name()='Point']/*[local-name()='position']/text()"),
                        "value": period.xpath(f"./*[local-name()='Point']/*[local-name()='{value_name}']/text()"),
                    },
                    schema={"position": pl.String, "value": pl.String},
                )
                .select(pl.all().str.strip_chars().cast(pl.Float64, strict=False))
                .with_columns(pl.col("position").cast(pl.Int64))
            )
            if given.null_count().sum_horizontal().item():
                # With A03 it would silently be filled with the value before.
                raise LayoutError(f"{document.url}: a position or {value_name} is not a number")
            if given["position"].is_duplicated().any() or not given["position"].is_between(1, count).all():
                raise LayoutError(f"{document.url}: positions are not within 1 to {count}, each once")
            slots = pl.DataFrame({"position": range(1, count + 1)}, schema={"position": pl.Int64}).join(
                given, on="position", how="left", maintain_order="left"
            )
            frames.append(
                slots.select(
                    pl.lit(number).alias("series"),
                    pl.lit(minutes).alias("minutes"),
                    (
                        pl.lit(first).cast(pl.Datetime("us", "UTC"))
                        + pl.duration(minutes=(pl.col("position") - 1) * minutes)
                    ).alias("valid_from"),
                    pl.col("value").forward_fill() if fills else pl.col("value"),
                    pl.col("value").is_not_null().alias("is_stated"),
                )
            )
    if not frames:
        raise LayoutError(f"{document.url}: no Period")
    return pl.concat(frames)


def _stated(points: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Points up to the last slot for which any kind of generation is stated, and the slots (zone, valid_from) after it.

    One kind may stay constant to the end of a period; if several all do, the answer ended early.
    """
    several = pl.col("series").n_unique().over("zone") >= _KINDS_THAT_TELL
    last = pl.col("valid_from").filter("is_stated").max().over("zone")
    late = several & (pl.col("valid_from") > last)
    return points.filter(~late), points.filter(late).select("zone", "valid_from").unique(maintain_order=True)


def parse_generation(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per area and slot."""
    (document,) = documents
    series = [s for s in _series(document, "A75") if text_of(s, "inBiddingZone_Domain.mRID")]
    if not series:
        raise LayoutError(f"{document.url}: consumption only, no generation")
    about = pl.DataFrame(
        {
            "series": range(len(series)),
            "area": [text_of(s, "inBiddingZone_Domain.mRID") for s in series],
            "psr": [text_of(s, "MktPSRType", "psrType") for s in series],
            "unit": [text_of(s, "quantity_Measure_Unit.name") for s in series],
        },
        schema={"series": pl.Int32, "area": pl.String, "psr": pl.String, "unit": pl.String},
    )
    if set(about["unit"]) != {"MAW"}:
        raise LayoutError(
            f"{document.url}: quantities in {', '.join(map(str, set(about['unit'])))}, expected MAW (megawatt)"
        )
    about = about.with_columns(
        pl.col("area").replace_strict(ZONES | ALSO_READ, default=None, return_dtype=pl.String).alias("zone"),
        pl.col("psr").replace_strict(PSR_TYPES, default="unknown", return_dtype=pl.String).alias("fuel"),
    )
    if about["zone"].null_count():
        raise LayoutError(
            f"{document.url}: unknown area {', '.join(about.filter(pl.col('zone').is_null())['area'].unique())}"
        )
    points = _points(document, series, "quantity").join(about, on="series")
    points, stale = _stated(points)
    good, bad = [], [refused(stale, "no kind of generation is stated any more: the last values filled on (A03)")]
    # If some kinds are hourly and some quarter-hourly, neither group is the whole mix.
    points = points.with_columns(pl.col("valid_from").dt.truncate("1h").alias("hour"))
    is_mixed = pl.col("minutes").n_unique().over("zone", "hour") > 1
    mixed = points.filter(is_mixed).select("zone", "hour").unique(maintain_order=True)
    bad.append(refused(mixed, "kinds of generation in slots of different lengths for the same hour"))
    points = points.join(mixed, on=["zone", "hour"], how="anti")
    for (minutes,), part in points.group_by("minutes", maintain_order=True):
        kind = pl.concat_str("psr", "fuel", separator=" ").alias("kind")
        mix = part.select("zone", "valid_from", "fuel", kind, pl.col("value").alias("generation"))
        frame, slots = intensities(mix, resolution=_RESOLUTIONS[int(str(minutes))], kind="kind")
        good.append(frame)
        bad.append(slots)
    return Reading([Scope(about["zone"][0], pl.concat(good))] if good else [], pl.concat(bad))


def parse_price(documents: Sequence[Document]) -> Reading:
    """Day-ahead prices by bidding zone, with the publisher's length of slot."""
    (document,) = documents
    series = _series(document, "A44")
    about = pl.DataFrame(
        {
            "series": range(len(series)),
            "area": [text_of(s, "in_Domain.mRID") for s in series],
            "currency_code": [text_of(s, "currency_Unit.name") for s in series],
            "unit": [text_of(s, "price_Measure_Unit.name") for s in series],
            "contract": [text_of(s, "contract_MarketAgreement.type") for s in series],
            "rank": [text_of(s, "classificationSequence_AttributeInstanceComponent.position") for s in series],
        },
        schema={"series": pl.Int32, **dict.fromkeys(("area", "currency_code", "unit", "contract", "rank"), pl.String)},
    ).with_columns(
        pl.col("area").replace_strict(ZONES | ALSO_READ, default=None, return_dtype=pl.String).alias("zone"),
        pl.col("rank").cast(pl.Int64, strict=False).fill_null(1),
    )
    if set(about["unit"]) != {"MWH"} or about["zone"].null_count():
        raise LayoutError(
            f"{document.url}: a price not per MWh, or an unknown area: {about.select('area', 'unit').unique().rows()}"
        )
    # A07 is intraday.
    about = about.filter(pl.col("contract").fill_null("A01") == "A01")
    if about.is_empty():
        raise LayoutError(f"{document.url}: prices of the intraday auctions alone, none of the day before")
    points = _points(document, series, "price.amount").join(about, on="series").filter(pl.col("value").is_not_null())
    points = points.with_columns(pl.col("valid_from").dt.truncate("1h").alias("hour"))
    first = points.filter(pl.col("rank") == 1)
    others = (
        points.join(first, on=["zone", "hour"], how="anti").select("zone", "hour", "rank").unique(maintain_order=True)
    )
    frame = electricity_price_rows(
        first,
        market="day_ahead",
        resolution=pl.col("minutes").cast(pl.Int64).replace_strict(_RESOLUTIONS, return_dtype=pl.String),
        price_amount_per_mwh=pl.col("value"),
    ).unique(maintain_order=True)
    key = ["zone", "resolution", "currency_code", "valid_from"]
    twice = frame.filter(pl.struct(key).is_duplicated())
    return Reading(
        [Scope(about["zone"][0], frame.join(twice, on=key, how="anti"))],
        pl.concat(
            [
                refused(twice, "two auctions of the same rank price one slot differently"),
                refused(
                    others,
                    "only another auction than the coupled day-ahead one (classification position 1) prices this hour",
                ),
            ]
        ),
    )


ENTSOE_GENERATION = Source(
    source_id="entsoe",
    subject="grid_carbon",
    title="ENTSO-E generation per type (imports ignored)",
    homepage_url="https://transparency.entsoe.eu/",
    licence="ENTSO-E terms (most items CC BY 4.0)",
    attribution="ENTSO-E Transparency Platform",
    parse=parse_generation,
    parser_version=6,
    plan=plan_generation,
    hosts=(HOST,),
    cadence="20 */3 * * *",
    changes_within_days=3,
    key_name=KEY,
    extension="xml",
    has_history=True,
)
ENTSOE_PRICE = Source(
    source_id="entsoe_price",
    subject="electricity_price",
    title="ENTSO-E day-ahead prices",
    homepage_url="https://transparency.entsoe.eu/",
    licence="ENTSO-E terms (most items CC BY 4.0)",
    attribution="ENTSO-E Transparency Platform",
    parse=parse_price,
    parser_version=3,
    plan=plan_price,
    hosts=(HOST,),
    cadence="50 13 * * *",
    changes_within_days=4,
    key_name=KEY,
    extension="xml",
    has_history=True,
    # Until the coupled auction is over, tomorrow is priced by EXAA alone and refused.
    max_rejected_share=0.5,
)
