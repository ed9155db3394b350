"""GB Carbon Intensity API (NESO): half-hourly carbon intensity of Great Britain, national and of 18 regions.

gCO2/kWh, average, operational (combustion only), with imports and losses. Times are UTC, in half-hour slots. Quirks,
each seen in a recorded answer: a range begins with the slot that *ends* at `from`; a range stops at New Year, so years
are requested separately; a slot may be repeated; whole days are missing, or are answered with 500; `actual` is null for
current and future slots and for some past ones; regions have a forecast only; regions 15 to 18 are aggregates (England,
Scotland, Wales, GB) and are identified by id, since their names change; a regional forecast of exactly 0 is right for a
mix of wind, hydro and nuclear alone, and an artefact of the model where the mix burns something (100 % biomass, 99.9 %
gas); before the first data `data` is null.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    csv_rows,
    json_of,
    plain_extension,
    refused,
    to_instant,
)
from assets.sources._clock import length_of
from assets.sources._rows import NUMBER_OR_NAN, frame_of, grid_carbon_rows, inside, number_cells, number_of
from warehouse.captures import Document

HOST = "api.carbonintensity.org.uk"
FIRST_DAY = dt.date(2017, 9, 12)
FIRST_REGIONAL_DAY = dt.date(2018, 5, 10)
_RANGE_DAYS = 13
TIME = "%Y-%m-%dT%H:%MZ"
#: Fuels with an operational factor above zero; the others (wind, hydro, solar, nuclear) may add up to 0 g/kWh.
EMITTING = ("biomass", "coal", "gas", "imports", "other")
CLEAN = ("hydro", "nuclear", "solar", "wind")
#: Why a slot is refused, here and of its mix.
NO_HALF_HOUR = "the slot is not a half-hour that starts on the hour or half past"
ARTEFACT = (
    "regional forecast of 0 for a mix that burns fuel (or that cannot be read): an artefact of the publisher's model"
)
GAP = "below 1 g/kWh: a gap in the publisher's data, or another unit than gCO2/kWh"
#: Region 18 is Great Britain in the regional model, whose forecast differs from the national one (by up to 40 % in a
#: recorded answer); it is therefore not GB.
_AGGREGATES = {15: "GB-ENG", 16: "GB-SCT", 17: "GB-WLS"}
#: Regions are numbered from 1 to this.
REGIONS = 18


def zone_of_region(column: str) -> pl.Expr:
    """Zone of a column of region ids; null for none, and for one that is not known."""
    number = pl.col(column).cast(pl.Int64, strict=False)
    zone = number.replace_strict(_AGGREGATES, default=pl.format("GB-NESO-{}", number), return_dtype=pl.String)
    return pl.when(number.is_between(1, REGIONS)).then(zone)


def is_half_hour() -> pl.Expr:
    """Whether `valid_from` to `to` is a half-hour that starts on the hour or half past; null if either is null."""
    return (pl.col("to") - pl.col("valid_from") == pl.duration(minutes=30)) & (
        pl.col("valid_from").dt.minute() % 30 == 0
    )


def data_of(document: Document) -> Any:
    """What an answer has under `data`.

    Raises:
        LayoutError: if there is nothing, with the publisher's message if there is one.
    """
    answer = json_of(document)
    if not isinstance(answer, dict) or "data" not in answer:
        message = answer.get("error", {}).get("message") if isinstance(answer, dict) else None
        raise LayoutError(f"{document.url}: no `data` in the answer{f': {message}' if message else ''}")
    found = answer["data"]
    if not found:
        raise LayoutError(f"{document.url}: `data` is {found}: nothing published for this range")
    if not isinstance(found, dict) and not (isinstance(found, list) and any(isinstance(r, dict) for r in found)):
        raise LayoutError(f"{document.url}: `data` is {str(found)[:50]!r}, expected slots or regions")
    return found


def ranges(window: Window, first_possible: dt.date) -> Iterable[tuple[dt.datetime, dt.datetime]]:
    """Ranges of at most 13 days that never cross New Year; without a window, yesterday to two days ahead."""
    if window.first_on is None:
        yield window.now - dt.timedelta(days=1), window.now + dt.timedelta(days=2)
        return
    day, last = max(window.first_on, first_possible), window.last_on or window.now.date()
    while day <= last:
        end = min(day + dt.timedelta(days=_RANGE_DAYS - 1), last, dt.date(day.year, 12, 31))
        start = dt.datetime.combine(day, dt.time(), dt.UTC)
        yield start + dt.timedelta(minutes=30), dt.datetime.combine(end, dt.time(), dt.UTC) + dt.timedelta(days=1)
        day = end + dt.timedelta(days=1)


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """National and regional ranges, each a batch of its own."""
    for start, end in ranges(window, FIRST_DAY):
        yield [Request(f"https://{HOST}/intensity/{start:{TIME}}/{end:{TIME}}")]
    for start, end in ranges(window, FIRST_REGIONAL_DAY):
        yield [Request(f"https://{HOST}/regional/intensity/{start:{TIME}}/{end:{TIME}}")]


def _slots(rows: list[dict[str, Any]], document: Document) -> pl.DataFrame:
    """Slots of records with from, to, actual and forecast; null where one is not given, or is no text or number."""
    if not rows:
        raise LayoutError(f"{document.url}: no slot in the answer")
    number, text = NUMBER_OR_NAN, pl.String
    frame = frame_of(rows, {"zone": text, "from": text, "to": text, "actual": number, "forecast": number})
    return frame.select(
        "zone",
        to_instant("from", TIME).alias("valid_from"),
        to_instant("to", TIME),
        "actual",
        "forecast",
        pl.Series("is_artefact", [row.get("is_artefact", False) for row in rows], dtype=pl.Boolean),
    )


def _national(data: list[Any], document: Document) -> pl.DataFrame:
    rows = [{name: inside(record, name) for name in ("from", "to")} | _figures(record) for record in data]
    return _slots([{**row, "zone": "GB"} for row in rows], document)


def _figures(record: Any) -> dict[str, Any]:
    found = inside(record, "intensity")
    is_readable = isinstance(record, dict) and (found is None or isinstance(found, dict))
    # What is neither figures nor nothing is no number, and refused.
    return {name: inside(found, name) if is_readable else "?" for name in ("actual", "forecast")}


def _regional(slots: list[tuple[Any, Any]], document: Document) -> pl.DataFrame:
    """Slots of regions, each with the record that holds its from and to."""
    rows = []
    for slot, region in slots:
        mix = inside(region, "generationmix")
        clean = [m for m in (mix if isinstance(mix, list) else []) if inside(m, "fuel") in CLEAN]
        clean_percent = sum(number_of(inside(m, "perc")) or 0 for m in clean)
        figures = _figures(region)
        rows.append(
            {name: inside(slot, name) for name in ("from", "to")}
            | figures
            | {"zone": inside(region, "regionid"), "is_artefact": figures["forecast"] == 0 and clean_percent < 99}
        )
    return _slots(rows, document).with_columns(zone_of_region("zone"))


def _one_region(data: dict, document: Document) -> pl.DataFrame:
    """`/regional/…/regionid/N`: one region, with its slots under `data`."""
    about = {"regionid": inside(data, "regionid")}
    slots = inside(data, "data") or []
    return _regional([(slot, {**slot, **about} if isinstance(slot, dict) else about) for slot in slots], document)


def _from_csv(document: Document) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Extracts of the API kept by hand: columns from, forecast, actual (also with the prefix `intensity.`); and broken lines."""
    raw, broken = csv_rows(document, ["from"])
    raw = raw.rename({c: c.removeprefix("intensity.") for c in raw.columns})
    if "forecast" not in raw.columns and "actual" not in raw.columns:
        raise LayoutError(f"{document.url}: neither forecast nor actual among the columns {', '.join(raw.columns)}")
    time = pl.coalesce(to_instant("from", TIME), to_instant("from", "%Y-%m-%d %H:%M:%S%z"))
    number = [
        (number_cells(pl.col(c)) if c in raw.columns else pl.lit(None, dtype=pl.Float64)).alias(c)
        for c in ("actual", "forecast")
    ]
    # Hourly means of half-hours are other figures than those of the API.
    length_of(document, raw.select(time.alias("from"))["from"], ("PT30M",))
    slots = raw.select(
        pl.lit("GB").alias("zone"),
        time.alias("valid_from"),
        (time + pl.duration(minutes=30)).alias("to"),
        *number,
        pl.lit(False).alias("is_artefact"),
    )
    return slots, broken


def _tidy(slots: pl.DataFrame, index: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Slots to rows of the subject, and refused rows."""
    half_hour = is_half_hour().fill_null(value=False)
    bad = slots.filter(~half_hour)
    artefacts = slots.filter(pl.col("is_artefact"))
    rows = (
        slots.filter(half_hour & ~pl.col("is_artefact"))
        .unpivot(
            ["actual", "forecast"],
            index=["zone", "valid_from"],
            variable_name="basis_kind",
            value_name="intensity_gco2e_per_kwh",
        )
        .filter(pl.col("intensity_gco2e_per_kwh").is_not_null())
    )
    # Great Britain has never run without emissions. A region may, by the model, which gives whole grams.
    grams = pl.col("intensity_gco2e_per_kwh")
    is_gap = (grams < 1) & ((pl.col("zone") == "GB") | (grams > 0))
    refusals = [
        refused(bad, NO_HALF_HOUR),
        refused(artefacts, ARTEFACT),
        refused(rows.filter(is_gap), GAP),
    ]
    tidy = grid_carbon_rows(
        rows.filter(~is_gap).with_columns(pl.lit(index).alias("document")), resolution="PT30M", basis_boundary="direct"
    )
    return tidy, pl.concat(refusals).with_columns(pl.lit(index).alias("document"))


def parse(documents: Sequence[Document]) -> Reading:
    """Slots of national and regional answers (JSON as the API sends it, or CSV extracts)."""
    frames, rejected = [], []
    for index, document in enumerate(documents):
        if plain_extension(document) == "csv":
            slots, broken = _from_csv(document)
            rejected.append(broken.with_columns(pl.lit(index).alias("document")))
        else:
            data = data_of(document)
            first = data if isinstance(data, dict) else next((r for r in data if isinstance(r, dict)), {})
            if "generationmix" in first and "intensity" not in first:
                raise LayoutError(f"{document.url}: a generation mix: load it with gb_carbon_intensity_mix")
            if isinstance(data, dict):
                slots = _one_region(data, document)
            elif "regions" in first:
                slots = _regional(
                    [(slot, region) for slot in data for region in inside(slot, "regions") or []], document
                )
            elif "regionid" in first:
                slots = pl.concat([_one_region(region, document) for region in data])
            elif "intensity" in first and "from" in first:
                slots = _national(data, document)
            else:
                raise LayoutError(
                    f"{document.url}: `data` holds {', '.join(first)[:200]}, not intensity by slot or region"
                )
        tidy, bad = _tidy(slots, index)
        frames.append(tidy)
        rejected.append(bad)
    rows = pl.concat(frames)
    national = rows.filter(pl.col("zone") == "GB")
    regional = rows.filter(pl.col("zone").ne_missing("GB"))
    scopes = [Scope(name, part) for name, part in (("national", national), ("regional", regional)) if part.height]
    return Reading(scopes, pl.concat(rejected))


GB_CARBON_INTENSITY = Source(
    source_id="gb_carbon_intensity",
    subject="grid_carbon",
    title="GB Carbon Intensity API (NESO)",
    homepage_url="https://carbonintensity.org.uk",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    attribution="NESO Carbon Intensity API, CC BY 4.0",
    parse=parse,
    parser_version=6,
    plan=plan,
    hosts=(HOST,),
    cadence="5,35 * * * *",
    changes_within_days=2,
    has_history=True,
    stale_after_days=1.0,
    max_rejected_share=0.5,
)
