"""OpenElectricity (once OpenNEM): Australia's National Electricity Market by fuel and its spot prices, every five minutes.

Quirks: a time is AEMO's SETTLEMENTDATE, the END of five minutes in market time (UTC+10 all year; `created_at` may have
another offset). Answers have two forms: v4 has pairs [time, value] by region and fuel, v3 arrays with start, last and
interval. Values are null where a fuel is late: rooftop solar (behind the meter, an estimate) is late for some slots,
which are refused where solar matters. Charging is a positive number. The `emissions_factor` of v3 is tonnes in five
minutes divided by megawatts, a twelfth of t/MWh, so it is not read: the intensity is computed from the mix (see
`_fuel_mix`), without imports. For slots longer than five minutes, and for the Western market (WEM), it is not
documented whether a time begins or ends the slot: they are refused. Gas from coal mines has no factor. CC BY-NC 4.0:
not for commercial use.
"""

from __future__ import annotations

import datetime as dt
import os
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
    json_of,
    refused,
    split_by_fault,
    to_instant,
)
from assets.sources._fuel_mix import intensities
from assets.sources._rows import electricity_price_rows, inside, number_or_nan
from warehouse.captures import Document

HOST = "api.openelectricity.org.au"
KEY = "OPENELECTRICITY_API_KEY"
ZONES = {"NSW1": "AU-NSW", "QLD1": "AU-QLD", "SA1": "AU-SA", "TAS1": "AU-TAS", "VIC1": "AU-VIC"}
FUELS = {
    "battery": "storage",
    "battery_charging": "storage",
    "battery_discharging": "storage",
    "bioenergy_biogas": "biomass",
    "bioenergy_biomass": "biomass",
    "coal_black": "coal",
    "coal_brown": "lignite",
    "distillate": "oil",
    "exports": "imports",
    "gas_ccgt": "gas",
    "gas_ocgt": "gas",
    "gas_recip": "gas",
    "gas_steam": "gas",
    "gas_wcmg": "unknown",
    "hydro": "hydro",
    "imports": "imports",
    "interconnector": "imports",
    "nuclear": "nuclear",
    "pumps": "storage",
    "solar_rooftop": "solar",
    "solar_thermal": "solar_thermal",
    "solar_utility": "solar",
    "wind": "wind",
    "wind_offshore": "wind_offshore",
}
#: Market time: the offset of every time that is read.
OFFSET = "+10:00"
_MINUTES = 5


def _plan(window: Window, path: str, metric: str, grouping: dict[str, str]) -> Iterable[Sequence[Request]]:
    """One request per region and market day; the last two where no window is given."""
    for day in window.days(2):
        for region in ZONES:
            yield [
                Request(
                    f"https://{HOST}/v4/{path}/network/NEM",
                    params={
                        "metrics": metric,
                        "interval": "5m",
                        # Both ends are part of the answer, and name the end of a slot.
                        "date_start": f"{day}T00:05:00",
                        "date_end": f"{day + dt.timedelta(days=1)}T00:00:00",
                        "network_region": region,
                        "primary_grouping": "network_region",
                        **grouping,
                    },
                    secret_headers={"Authorization": f"Bearer {os.environ[KEY]}"},
                )
            ]


def plan_mix(window: Window) -> Iterable[Sequence[Request]]:
    """Power by fuel, region by region."""
    return _plan(window, "data", "power", {"secondary_grouping": "fueltech"})


def plan_price(window: Window) -> Iterable[Sequence[Request]]:
    """Spot prices, region by region."""
    return _plan(window, "market", "price", {})


#: A part that cannot be read: why, and the region that it is of; None if it may be of any.
_Fault = tuple[str, str | None]
_SERIES = {**dict.fromkeys(("region", "fuel_tech", "time"), pl.String), "value": pl.Float64}


def _parts(document: Document) -> list[object]:
    body = json_of(document)
    parts = body.get("data") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not parts:
        said = (body.get("error") or body.get("messages") or "") if isinstance(body, dict) else ""
        raise LayoutError(f"{document.url}: no `data`; {str(said)[:200]}")
    return parts


def _series(document: Document, metric: str, units: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Columns `_SERIES` (time: text, the end of a slot) of one metric, in either shape; and the parts that cannot be read.

    Of power, such a part may be a fuel: its region would be computed from the others, so nothing is read of its region.

    Raises:
        LayoutError: if nothing is left, or if a part may be a fuel of any region.
    """
    frames, faults = [pl.DataFrame(schema=_SERIES)], []
    for part in _parts(document):
        found, wrong = _read_part(part, metric, units)
        frames += found
        faults += wrong
    whose_unknown = next((why for why, region in faults if region is None), None)
    if metric == "power" and whose_unknown:
        raise LayoutError(f"{document.url}: {whose_unknown}: it may be a fuel of any region")
    frame = pl.concat(frames)
    if metric == "power":
        frame = frame.filter(~pl.col("region").is_in([region for _, region in faults]).fill_null(value=False))
    if frame.is_empty():
        raise LayoutError(f"{document.url}: {faults[0][0] if faults else f'no series of {metric}'}")
    bad = pl.DataFrame(faults, schema={"why": pl.String, "region": pl.String}, orient="row")
    return frame, refused(bad.select("region"), bad["why"])


def _read_part(part: object, metric: str, units: Sequence[str]) -> tuple[list[pl.DataFrame], list[_Fault]]:
    """The series of one part of an answer, if it is of the metric."""
    if not isinstance(part, dict):
        return [], [("a part of `data` is no object", None)]
    name = part.get("id") or "a part of `data`"
    region = part.get("region")
    region = region.upper() if isinstance(region, str) else None
    kind = part.get("metric") or part.get("data_type")
    if not isinstance(kind, str):
        return [], [(f"{name} does not say what it is (metric, data_type)", region)]
    history = part.get("history")
    if kind != metric or (history and metric == "power" and not part.get("fuel_tech")):
        # v3 calls demand a power too.
        return [], []
    network = part.get("network_code") or part.get("network")
    if not isinstance(network, str) or network.upper() != "NEM":
        # No part of another network is a fuel of this one.
        of = network.upper() if isinstance(network, str) else None
        return [], [
            (f"network {of}, expected NEM: whether the times of others begin or end their slots is not documented", of)
        ]
    interval = inside(history, "interval") if history else part.get("interval")
    if interval != f"{_MINUTES}m":
        return [], [
            (
                f"{name}: slots of {interval}, expected {_MINUTES}m: whether the times of others begin or end them is not documented",
                region,
            )
        ]
    unit = part.get("unit") or part.get("units")
    if unit not in units:
        return [], [(f"{metric} in {unit}, expected {units[-1]}", region)]
    return _from_history(part, history, region) if history else _from_results(part, metric)


def _from_results(part: dict[str, Any], metric: str) -> tuple[list[pl.DataFrame], list[_Fault]]:
    """v4: pairs of time and value, by region and fuel."""
    frames: list[pl.DataFrame] = []
    faults: list[_Fault] = []
    results = part.get("results")
    for result in results if isinstance(results, list) else [None]:
        region, fuel, pairs = (
            inside(result, *path) for path in (("columns", "region"), ("columns", "fueltech"), ("data",))
        )
        named = {"region": region} | ({"fueltech": fuel} if metric == "power" else {})
        if not all(isinstance(name, str) for name in named.values()) or not isinstance(pairs, list) or not pairs:
            why = f"a series without {', '.join(named)} or data: {str(result)[:100]}"
            faults.append((why, region if isinstance(region, str) else None))
            continue
        frames.append(
            pl.DataFrame(
                {
                    "time": [p[0] if _is_pair(p) else None for p in pairs],
                    "value": [number_or_nan(p[1]) if _is_pair(p) else float("nan") for p in pairs],
                },
                schema={"time": pl.String, "value": pl.Float64},
                strict=False,
            ).select(
                pl.lit(region, pl.String).alias("region"),
                pl.lit(str(fuel or "").lower()).alias("fuel_tech"),
                "time",
                "value",
            )
        )
    return frames, faults


def _is_pair(value: object) -> bool:
    """True for a time and a value."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _from_history(part: dict[str, Any], history: object, region: str | None) -> tuple[list[pl.DataFrame], list[_Fault]]:
    """v3: the values of all slots from the first to the last."""
    name, values = part.get("id"), inside(history, "data")
    try:
        first, last = (dt.datetime.fromisoformat(inside(history, edge)) for edge in ("start", "last"))
        count = int((last - first) / dt.timedelta(minutes=_MINUTES)) + 1
    except (TypeError, ValueError):
        return [], [(f"{name}: start or last cannot be read", region)]
    if region is None or not isinstance(values, list):
        return [], [(f"{name}: no region or no data", region)]
    if len(values) != count:
        return [], [(f"{name}: {len(values)} values for {count} slots", region)]
    end = pl.lit(first).dt.convert_time_zone("Etc/GMT-10") + pl.duration(minutes=pl.col("index") * _MINUTES)
    frame = (
        pl.DataFrame({"value": [number_or_nan(v) for v in values]}, schema={"value": pl.Float64}, strict=False)
        .with_row_index()
        .select(
            pl.lit(region).alias("region"),
            pl.lit(str(part.get("fuel_tech") or "").lower()).alias("fuel_tech"),
            end.dt.strftime("%Y-%m-%dT%H:%M:%S%:z").alias("time"),
            "value",
        )
    )
    return [frame], []


def _placed(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with zone and the beginning of their slot, and refused rows."""
    end = to_instant("time", "%Y-%m-%dT%H:%M:%S%:z")
    on_slot = (end.dt.minute() % _MINUTES == 0) & (end.dt.second() == 0)
    frame = frame.with_columns(
        pl.col("region").replace_strict(ZONES, default=None, return_dtype=pl.String).alias("zone"),
        (end - pl.duration(minutes=_MINUTES)).alias("valid_from"),
        pl.when(~pl.col("time").str.ends_with(OFFSET) | ~on_slot.fill_null(value=False))
        .then(pl.lit("the time is not the end of five minutes on market time (+10:00)"))
        .when(~pl.col("region").is_in(list(ZONES)).fill_null(value=False))
        .then(pl.lit("a region that Petaday does not know"))
        .alias("why"),
    )
    good, bad = split_by_fault(frame, pl.col("why"))
    return good, refused(bad.drop("valid_from", "why", "zone"), bad["why"])


def parse_mix(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per region and five minutes."""
    (document,) = documents
    series, unread = _series(document, "power", ["MW"])
    rows, bad = _placed(series)
    mix = rows.select(
        "zone",
        "valid_from",
        pl.col("fuel_tech").replace_strict(FUELS, default="unknown", return_dtype=pl.String).alias("fuel"),
        pl.col("value").alias("generation"),
        "fuel_tech",
    )
    frame, slots = intensities(mix, resolution="PT5M", kind="fuel_tech")
    return Reading([Scope("NEM", frame)], pl.concat([unread, bad, slots]))


def parse_price(documents: Sequence[Document]) -> Reading:
    """Spot prices in AUD by region."""
    (document,) = documents
    series, unread = _series(document, "price", ["$/MWh", "AUD/MWh"])
    rows, bad = _placed(series)
    frame = electricity_price_rows(
        rows.filter(pl.col("value").is_not_null()),
        market="real_time",
        resolution="PT5M",
        currency_code="AUD",
        price_amount_per_mwh=pl.col("value"),
    )
    return Reading([Scope("NEM", frame)], pl.concat([unread, bad]))


OPENELECTRICITY = Source(
    source_id="openelectricity",
    subject="grid_carbon",
    title="OpenElectricity: Australian generation by fuel (imports ignored)",
    homepage_url="https://openelectricity.org.au/",
    licence="CC BY-NC 4.0 (not for commercial use)",
    licence_url="https://creativecommons.org/licenses/by-nc/4.0/",
    attribution="OpenElectricity, from AEMO",
    parse=parse_mix,
    parser_version=7,
    plan=plan_mix,
    hosts=(HOST,),
    cadence="25 */6 * * *",
    changes_within_days=3,
    key_name=KEY,
    has_history=True,
)
OPENELECTRICITY_PRICE = Source(
    source_id="openelectricity_price",
    subject="electricity_price",
    title="OpenElectricity: Australian spot prices",
    homepage_url="https://openelectricity.org.au/",
    licence="CC BY-NC 4.0 (not for commercial use)",
    licence_url="https://creativecommons.org/licenses/by-nc/4.0/",
    attribution="OpenElectricity, from AEMO",
    parse=parse_price,
    parser_version=4,
    plan=plan_price,
    hosts=(HOST,),
    cadence="30 */6 * * *",
    changes_within_days=4,
    key_name=KEY,
    has_history=True,
)
