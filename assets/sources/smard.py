"""SMARD (Bundesnetzagentur): German generation by quarter-hour, turned into a carbon intensity (see `_fuel_mix`).

Quirks: semicolons, a byte order mark, German dots for thousands ("1.093" is a thousand and ninety-three) and a comma
for decimals, a dash for nothing. The time is the German wall clock: 02:00 to 02:45 comes twice when clocks go back.
Values are MWh per quarter-hour, not MW (for the mix only shares matter). "Sonstige" are without a factor; pumped
storage is storage. The file is a download by hand; generation in Germany only, imports ignored. CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, csv_of, refused
from assets.sources._clock import placed
from assets.sources._fuel_mix import intensities
from warehouse.captures import Document

CLOCK = "Europe/Berlin"
FUELS = {
    "Biomasse": "biomass",
    "Wasserkraft": "hydro",
    "Wind Offshore": "wind_offshore",
    "Wind Onshore": "wind",
    "Photovoltaik": "solar",
    "Sonstige Erneuerbare": "unknown",
    "Kernenergie": "nuclear",
    "Braunkohle": "lignite",
    "Steinkohle": "coal",
    "Erdgas": "gas",
    "Pumpspeicher": "storage",
    "Sonstige Konventionelle": "unknown",
}


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per quarter-hour."""
    (document,) = documents
    text = csv_of(document, ["Datum", "Uhrzeit"], separator=";")
    columns = {c: c.removesuffix("[MWh]").strip() for c in text.columns if c.endswith("[MWh]")}
    if set(columns.values()) != set(FUELS):
        odd = sorted(set(columns.values()) ^ set(FUELS))
        raise LayoutError(f"{document.url}: columns of other fuels than known, or in another unit: {', '.join(odd)}")
    number = pl.col("text").str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    clock = placed(
        text.with_columns(
            (pl.col("Datum") + " " + pl.col("Uhrzeit"))
            .str.to_datetime("%d.%m.%Y %H:%M", time_unit="us", strict=False)
            .alias("local")
        ),
        "local",
        CLOCK,
    )
    unplaced = clock.filter(pl.col("why").is_not_null()).select("Datum", "Uhrzeit", "why")
    mix = (
        clock.filter(pl.col("why").is_null())
        .unpivot(list(columns), index="valid_from", variable_name="column", value_name="text")
        .select(
            pl.lit("DE").alias("zone"),
            "valid_from",
            pl.col("column")
            .replace_strict({c: FUELS[name] for c, name in columns.items()}, return_dtype=pl.String)
            .alias("fuel"),
            number.cast(pl.Float64, strict=False).alias("generation"),
        )
    )
    frame, slots = intensities(mix, resolution="PT15M")
    return Reading([Scope("DE", frame)], pl.concat([refused(unplaced, pl.col("why")), slots]))


SMARD = Source(
    source_id="smard",
    subject="grid_carbon",
    title="SMARD generation in Germany (by hand; imports ignored)",
    homepage_url="https://www.smard.de/",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    attribution="Bundesnetzagentur | SMARD.de",
    parse=parse,
    extension="csv",
    stale_after_days=400.0,
)
