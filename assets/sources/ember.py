"""Ember: yearly carbon intensity of electricity by country, CC BY 4.0.

gCO2e/kWh, lifecycle with upstream methane, by production. The yearly API answer as JSON (`data` of records with
`entity_code`, `date`) or the published CSV (`country_code`, `year`). Aggregates have an empty code; World and EU are
kept. All history is revised with each release: every release is a capture of its own, and both stay askable.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import (
    Reading,
    Request,
    Source,
    Window,
    csv_rows,
    plain_extension,
    require_columns,
    to_number,
)
from assets.sources._rows import frame_of, json_list, not_objects, objects
from assets.sources._yearly import yearly_lifecycle
from assets.sources._zones import zone_of_alpha3
from warehouse.captures import Document

HOST = "api.ember-energy.org"
KEY = "EMBER_API_KEY"
#: Fields of the API's records -> columns of the published file.
_FIELDS = {
    "entity": "country_or_region",
    "entity_code": "country_code",
    "date": "year",
    "emissions_intensity_gco2_per_kwh": "emissions_intensity_gco2_per_kwh",
}
_AGGREGATES = {"World": "OWID_WRL", "EU": "OWID_EU27"}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """All countries and years in one answer; the key is free."""
    yield [
        Request(
            f"https://{HOST}/v1/carbon-intensity/yearly",
            params={"start_date": "2000"},
            secret_params={"api_key": os.environ[KEY]},
        )
    ]


def parse(documents: Sequence[Document]) -> Reading:
    """One row per country and year with a value."""
    (document,) = documents
    broken = None
    if plain_extension(document) == "json":
        listed = json_list(document, "data")
        records, broken = objects(listed), not_objects(listed)
        require_columns(document, sorted({name for record in records for name in record}), list(_FIELDS))
        raw = frame_of(records, dict.fromkeys(_FIELDS, pl.String)).rename(_FIELDS)
    else:
        raw, broken = csv_rows(
            document, ["country_or_region", "country_code", "year", "emissions_intensity_gco2_per_kwh"]
        )
    name = pl.col("country_or_region")
    code = pl.coalesce(
        pl.col("country_code").replace("", None), name.replace_strict(_AGGREGATES, default=None, return_dtype=pl.String)
    )
    rows = raw.with_columns(
        zone_of_alpha3(code).alias("zone"),
        to_number("emissions_intensity_gco2_per_kwh").alias("intensity_gco2e_per_kwh"),
        pl.col("year").str.slice(0, 4).cast(pl.Int32, strict=False),
    ).filter(pl.col("emissions_intensity_gco2_per_kwh").is_not_null())
    is_country = pl.col("country_code").fill_null("") != ""
    return yearly_lifecycle(rows.filter(pl.col("zone").is_not_null() | is_country), "yearly").refusing(broken)


EMBER = Source(
    source_id="ember",
    subject="grid_carbon",
    title="Ember: yearly electricity data",
    homepage_url="https://ember-energy.org/data/",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    attribution="Ember, CC BY 4.0",
    parse=parse,
    parser_version=5,
    plan=plan,
    hosts=(HOST,),
    cadence="45 4 * * 1",
    changes_within_days=400,
    key_name=KEY,
    extension="csv",
    stale_after_days=14,
)
