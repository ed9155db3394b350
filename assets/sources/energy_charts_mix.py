"""Energy-Charts public power: European generation by kind every quarter-hour, turned into a carbon intensity.

See `_fuel_mix` for the arithmetic. Quirks: parallel arrays under `production_types`, with nulls where a kind is late;
among the kinds stand loads, shares and trade, which are no generation; pumped storage is storage; coal-derived gas,
waste and others have no factor. A kind whose name is new is counted as generation without a factor. Which country it is
stands in the address only. The length of a slot is read from the distance to the next (hours in some countries).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of
from assets.sources._clock import length_of
from assets.sources._fuel_mix import intensities
from assets.sources._rows import number_or_nan
from assets.sources.energy_charts import COUNTRIES, HOST, LENGTHS, place_of, spans
from warehouse.captures import Document

FUELS = {
    "Battery Storage": "storage",
    "Biomass": "biomass",
    "Fossil brown coal / lignite": "lignite",
    "Fossil coal-derived gas": "unknown",
    "Fossil gas": "gas",
    "Fossil hard coal": "coal",
    "Fossil oil": "oil",
    "Fossil oil shale": "oil_shale",
    "Fossil peat": "peat",
    "Geothermal": "geothermal",
    "Hydro Run-of-River": "hydro",
    "Hydro pumped storage": "storage",
    "Hydro pumped storage consumption": "storage",
    "Hydro water reservoir": "hydro",
    "Marine": "ocean",
    "Nuclear": "nuclear",
    "Others": "unknown",
    "Other renewables": "unknown",
    "Solar": "solar",
    "Waste": "unknown",
    "Wind offshore": "wind_offshore",
    "Wind onshore": "wind",
}
#: How the names begin of what stands among the kinds and is none.
NO_GENERATION = ("Cross border electricity trading", "Import Balance", "Load", "Residual load", "Renewable share")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One request per country and month."""
    for first, last in spans(window):
        for country in COUNTRIES:
            params = {"country": country, "start": first.isoformat(), "end": last.isoformat()}
            yield [Request(f"https://{HOST}/public_power", params=params)]


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per slot of one country."""
    (document,) = documents
    country = place_of(document, "country").upper()
    zone = {"UK": "GB", "ALL": "EU-ALL"}.get(country, country)
    body = json_of(document)
    seconds, kinds = (body.get(n) if isinstance(body, dict) else None for n in ("unix_seconds", "production_types"))
    if not isinstance(seconds, list) or not isinstance(kinds, list) or len(seconds) < 2:
        raise LayoutError(f"{document.url}: expected the arrays unix_seconds (two slots at least) and production_types")
    if len(set(seconds)) != len(seconds):
        raise LayoutError(f"{document.url}: a time comes twice")
    names = [k["name"] for k in kinds]
    if len(set(names)) != len(names):
        raise LayoutError(f"{document.url}: a kind of generation comes twice")
    series = {
        k["name"]: [number_or_nan(v) for v in k["data"]] for k in kinds if not k["name"].startswith(NO_GENERATION)
    }
    if odd := {n: len(d) for n, d in series.items() if len(d) != len(seconds)}:
        raise LayoutError(f"{document.url}: the arrays are not parallel: {len(seconds)} times, {odd}")
    if not series:
        raise LayoutError(f"{document.url}: no kind of generation")
    wide = pl.DataFrame(
        {"seconds": seconds, **series}, schema={"seconds": pl.Int64, **dict.fromkeys(series, pl.Float64)}, strict=False
    ).sort("seconds")
    wide = wide.with_columns(
        pl.from_epoch("seconds").dt.cast_time_unit("us").dt.replace_time_zone("UTC").alias("valid_from")
    )
    resolution = length_of(document, wide["valid_from"], LENGTHS)
    mix = (
        wide.unpivot(list(series), index="valid_from", variable_name="kind", value_name="generation")
        # The running slots are null in every kind: not there yet.
        .filter(pl.col("generation").is_not_null().any().over("valid_from"))
        .select(
            pl.lit(zone).alias("zone"),
            "valid_from",
            pl.col("kind").replace_strict(FUELS, default="unknown", return_dtype=pl.String).alias("fuel"),
            "generation",
            "kind",
        )
    )
    frame, slots = intensities(mix, resolution=resolution, kind="kind")
    return Reading([Scope(zone, frame)], slots)


ENERGY_CHARTS_MIX = Source(
    source_id="energy_charts_mix",
    subject="grid_carbon",
    title="Energy-Charts public power (imports ignored)",
    homepage_url="https://www.energy-charts.info/",
    licence="CC BY 4.0",
    attribution="Energy-Charts, Fraunhofer ISE",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    parse=parse,
    parser_version=6,
    plan=plan,
    hosts=(HOST,),
    cadence="50 */6 * * *",
    changes_within_days=3,
    has_history=True,
    stale_after_days=1.0,
)
