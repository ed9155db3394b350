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


def _parts(document: Document) -> list[dict[str, Any]]:
    body = json_of(document)
    parts = body.get("data") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not parts:
        said = (body.get("error") or body.get("messages") or "") if isinstance(body, dict) else ""
        raise LayoutError(f"{document.url}: no `data`; {str(said)[:200]}")
    if not all(isinstance(part, dict) for part in parts):
        # It may be a fuel of any region.
        raise LayoutError(f"{document.url}: a part of `data` is no object")
    networks = {str(p.get("network_code") or p.get("network")).upper() for p in parts}
    if networks != {"NEM"}:
        raise LayoutError(
            f"{document.url}: network {', '.join(sorted(networks))}, expected NEM: whether the times of others begin or end "
            "their slots is not documented"
        )
    return parts


def _series(document: Document, metric: str) -> pl.DataFrame:
    """Columns region, fuel_tech, unit, time (text, the end of a slot), value; of one metric, in either shape."""
    schema = {**dict.fromkeys(("region", "fuel_tech", "unit", "time"), pl.String), "value": pl.Float64}
    frames = [pl.DataFrame(schema=schema)]
    for part in _parts(document):
        history = part.get("history")
        kind = part.get("metric") or part.get("data_type")
        if not isinstance(kind, str):
            raise LayoutError(
                f"{document.url}: {part.get('id') or 'a part of `data`'} does not say what it is (metric, data_type)"
            )
        if kind != metric:
            continue
        if history and metric == "power" and not part.get("fuel_tech"):
            # v3 calls demand a power too.
            continue
        interval = history.get("interval") if history else part.get("interval")
        if interval != f"{_MINUTES}m":
            raise LayoutError(
                f"{document.url}: slots of {interval}, expected {_MINUTES}m: whether the times of others begin or end them is "
                "not documented"
            )
        unit = part.get("unit") or part.get("units")
        if history:
            frames.append(_from_history(document, part, history, unit))
            continue
        for result in part.get("results") or []:
            about, pairs = inside(result, "columns"), inside(result, "data")
            named = ["region", "fueltech"] if metric == "power" else ["region"]
            if not all(isinstance(inside(about, name), str) for name in named) or not isinstance(pairs, list):
                # Without it, a region would be computed from its other fuels.
                raise LayoutError(f"{document.url}: a series without {', '.join(named)} or data: {str(result)[:100]}")
            frames.append(
                pl.DataFrame(
                    {
                        "time": [p[0] if _is_pair(p) else None for p in pairs],
                        "value": [number_or_nan(p[1]) if _is_pair(p) else float("nan") for p in pairs],
                    },
                    schema={"time": pl.String, "value": pl.Float64},
                    strict=False,
                ).select(
                    pl.lit(about.get("region"), pl.String).alias("region"),
                    pl.lit(str(about.get("fueltech") or "").lower()).alias("fuel_tech"),
                    pl.lit(unit, pl.String).alias("unit"),
                    "time",
                    "value",
                )
            )
    frame = pl.concat(frames)
    if frame.is_empty():
        raise LayoutError(f"{document.url}: no series of {metric}")
    return frame


def _is_pair(value: object) -> bool:
    """True for a time and a value."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _from_history(document: Document, part: dict[str, Any], history: dict[str, Any], unit: str | None) -> pl.DataFrame:
    try:
        first, last = (dt.datetime.fromisoformat(history[name]) for name in ("start", "last"))
        values = history["data"]
    except (KeyError, TypeError, ValueError) as e:
        raise LayoutError(f"{document.url}: {part.get('id')}: start, last or data cannot be read") from e
    if not isinstance(part.get("region"), str) or not isinstance(values, list):
        raise LayoutError(f"{document.url}: {part.get('id')}: no region or no data")
    count = int((last - first) / dt.timedelta(minutes=_MINUTES)) + 1
    if len(values) != count:
        raise LayoutError(f"{document.url}: {part.get('id')}: {len(values)} values for {count} slots")
    return (
        pl.DataFrame({"value": [number_or_nan(v) for v in values]}, schema={"value": pl.Float64}, strict=False)
        .with_row_index()
        .select(
            pl.lit(str(part.get("region") or "").upper()).alias("region"),
            pl.lit(str(part.get("fuel_tech") or "").lower()).alias("fuel_tech"),
            pl.lit(unit, pl.String).alias("unit"),
            (pl.lit(first).dt.convert_time_zone("Etc/GMT-10") + pl.duration(minutes=pl.col("index") * _MINUTES))
            .dt.strftime("%Y-%m-%dT%H:%M:%S%:z")
            .alias("time"),
            "value",
        )
    )


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
    series = _series(document, "power")
    if units := set(series["unit"].unique()) - {"MW"}:
        raise LayoutError(f"{document.url}: power in {', '.join(map(str, units))}, expected MW")
    rows, bad = _placed(series)
    mix = rows.select(
        "zone",
        "valid_from",
        pl.col("fuel_tech").replace_strict(FUELS, default="unknown", return_dtype=pl.String).alias("fuel"),
        pl.col("value").alias("generation"),
        "fuel_tech",
    )
    frame, slots = intensities(mix, resolution="PT5M", kind="fuel_tech")
    return Reading([Scope("NEM", frame)], pl.concat([bad, slots]))


def parse_price(documents: Sequence[Document]) -> Reading:
    """Spot prices in AUD by region."""
    (document,) = documents
    series = _series(document, "price")
    if units := set(series["unit"].unique()) - {"$/MWh", "AUD/MWh"}:
        raise LayoutError(f"{document.url}: price in {', '.join(map(str, units))}, expected AUD/MWh")
    rows, bad = _placed(series)
    frame = electricity_price_rows(
        rows.filter(pl.col("value").is_not_null()),
        market="real_time",
        resolution="PT5M",
        currency_code="AUD",
        price_amount_per_mwh=pl.col("value"),
    )
    return Reading([Scope("NEM", frame)], bad)


OPENELECTRICITY = Source(
    source_id="openelectricity",
    subject="grid_carbon",
    title="OpenElectricity: Australian generation by fuel (imports ignored)",
    homepage_url="https://openelectricity.org.au/",
    licence="CC BY-NC 4.0 (not for commercial use)",
    licence_url="https://creativecommons.org/licenses/by-nc/4.0/",
    attribution="OpenElectricity, from AEMO",
    parse=parse_mix,
    parser_version=6,
    plan=plan_mix,
    hosts=(HOST,),
    cadence="25 */6 * * *",
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
    parser_version=3,
    plan=plan_price,
    hosts=(HOST,),
    cadence="30 */6 * * *",
    key_name=KEY,
    has_history=True,
)
