"""Ember: monthly carbon intensity by country, and European day-ahead prices, CC BY 4.0.

gCO2e/kWh, lifecycle with upstream methane, of what is generated. Quirks: every release revises all history, so each is
a capture of its own and all remain available; the release date is not in the file. The last month of a file is
provisional (half of the countries have none) and therefore `estimated`. World and EU have an empty code and are kept;
the other groups (G7, OECD, continents ...) are not zones and are left out. Prices come as a tidy monthly file and as a
wide one that mixes grains: monthly means, and the last days twice ("Daily (1 year)" and "Daily (3 months)"), all by
date. A price is that of a country, a mean over its bidding zones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import polars as pl
import pycountry

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    csv_rows,
    plain_extension,
    refused,
    to_instant,
)
from assets.sources._rows import electricity_price_rows, frame_of, grid_carbon_rows, json_list, not_objects, objects
from assets.sources._yearly import UNKNOWN_COUNTRY
from assets.sources._zones import zone_of_alpha3
from warehouse.captures import Document

HOST = "api.ember-energy.org"
KEY = "EMBER_API_KEY"
_AGGREGATES = {"World": "WORLD", "EU": "EU"}
_VALUE = "emissions_intensity_gco2_per_kwh"
#: Columns of the wide price file that are no country.
_NOT_COUNTRIES = ("Date", "Max EU price", "Min EU price", "Grain", "popup_date")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """All countries and months in one answer; the key is free."""
    first = window.first_on.isoformat()[:7] if window.first_on else "2018-01"
    yield [
        Request(
            f"https://{HOST}/v1/carbon-intensity/monthly",
            params={"start_date": first},
            secret_params={"api_key": os.environ[KEY]},
        )
    ]


def _text(document: Document) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Columns name, code, date, value: all text; and the broken lines of a CSV, or the records that are none."""
    if plain_extension(document) == "json":
        records = json_list(document, "data")
        frame = frame_of(objects(records), dict.fromkeys(("entity", "entity_code", "date", _VALUE), pl.String))
        return frame.rename({"entity": "name", "entity_code": "code", _VALUE: "value"}), not_objects(records)
    text, broken = csv_rows(document, ["country_or_region", "country_code", "date", _VALUE])
    text = text.select(
        pl.col("country_or_region").alias("name"),
        pl.col("country_code").alias("code"),
        "date",
        pl.col(_VALUE).alias("value"),
    )
    return text, broken


def _zone() -> pl.Expr:
    """The country's zone, or that of the two groups that are zones."""
    group = pl.col("name").replace_strict(_AGGREGATES, default=None, return_dtype=pl.String)
    return pl.coalesce(zone_of_alpha3(pl.col("code")), group)


def _month(column: str) -> pl.Expr:
    return (
        pl.coalesce(
            pl.col(column).str.to_date("%Y-%m-%d", strict=False),
            (pl.col(column).str.extract(r"^(\d{4}-\d{2})$") + "-01").str.to_date("%Y-%m-%d", strict=False),
        )
        .dt.month_start()
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
    )


def parse(documents: Sequence[Document]) -> Reading:
    """One row per country and month with a value."""
    (document,) = documents
    text, broken = _text(document)
    rows = text.with_columns(
        _zone().alias("zone"),
        _month("date").alias("valid_from"),
        pl.col("value").cast(pl.Float64, strict=False).alias("n"),
    ).filter(pl.col("value").is_not_null() & (pl.col("value") != ""))
    # An unknown code is a fault; an empty one is a group of countries.
    unknown = pl.col("zone").is_null() & (pl.col("code").fill_null("") != "") & (pl.col("code").str.len_chars() == 3)
    unreadable = pl.col("valid_from").is_null() | pl.col("n").is_null()
    bad = rows.filter(unknown | unreadable)
    why = pl.when(unreadable).then(pl.lit("the month or the value cannot be read")).otherwise(pl.lit(UNKNOWN_COUNTRY))
    good = rows.filter(~(unknown | unreadable) & pl.col("zone").is_not_null())
    # A month that has not begun is a slip of the file, and refused later.
    begun = pl.col("valid_from").filter(pl.col("valid_from") <= document.fetched_at)
    provisional = pl.col("valid_from") == begun.max()
    frame = grid_carbon_rows(
        good,
        resolution="P1M",
        basis_boundary="lifecycle",
        basis_kind=pl.when(provisional).then(pl.lit("estimated")).otherwise(pl.lit("actual")),
        intensity_gco2e_per_kwh=pl.col("n"),
    )
    return Reading([Scope("monthly", frame)], refused(bad, why)).refusing(broken)


def parse_price(documents: Sequence[Document]) -> Reading:
    """Day-ahead price by country, monthly and daily means, EUR/MWh."""
    (document,) = documents
    text, broken = csv_rows(document, [])
    if "day_ahead_price_eur_per_mwh" in text.columns:
        rows = text.select(
            zone_of_alpha3(pl.col("country_code")).alias("zone"),
            pl.col("date").alias("day"),
            pl.lit("P1M").alias("resolution"),
            pl.col("day_ahead_price_eur_per_mwh").alias("price"),
        )
    elif {"Date", "Grain", "Austria"} <= set(text.columns):
        countries = [c for c in text.columns if c not in _NOT_COUNTRIES]
        zones = {name: pycountry.countries.lookup(name).alpha_2 for name in countries}
        rows = text.unpivot(countries, index=["Date", "Grain"], variable_name="name", value_name="price").select(
            pl.col("name").replace_strict(zones, return_dtype=pl.String).alias("zone"),
            pl.col("Date").alias("day"),
            pl.when(pl.col("Grain") == "Monthly")
            .then(pl.lit("P1M"))
            .when(pl.col("Grain").str.starts_with("Daily"))
            .then(pl.lit("P1D"))
            .alias("resolution"),
            "price",
        )
    else:
        raise LayoutError(
            f"{document.url}: neither the tidy nor the wide price file; found {', '.join(text.columns)[:300]}"
        )
    rows = rows.filter(pl.col("price").is_not_null() & pl.col("zone").is_not_null()).with_columns(
        to_instant("day", "%Y-%m-%d").alias("valid_from"),
        pl.col("price").cast(pl.Float64, strict=False).alias("price_amount_per_mwh"),
    )
    unreadable = (
        pl.col("valid_from").is_null()
        | pl.col("price_amount_per_mwh").is_null()
        | pl.col("resolution").is_null()
        # A monthly mean must begin with its month.
        | ((pl.col("resolution") == "P1M") & (pl.col("valid_from").dt.day() != 1))
    )
    bad = rows.filter(unreadable)
    frame = electricity_price_rows(rows.filter(~unreadable), market="day_ahead", currency_code="EUR")
    unread = refused(bad, "day, grain or price cannot be read")
    return Reading([Scope("EUR", frame.unique(maintain_order=True))], unread).refusing(broken)


EMBER_MONTHLY = Source(
    source_id="ember_monthly",
    subject="grid_carbon",
    title="Ember monthly carbon intensity",
    homepage_url="https://ember-energy.org/data/monthly-electricity-data/",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    attribution="Ember",
    parse=parse,
    parser_version=6,
    plan=plan,
    hosts=(HOST,),
    cadence="20 6 * * 2",
    changes_within_days=75,
    key_name=KEY,
    extension="csv",
    has_history=True,
    stale_after_days=14.0,
)
EMBER_PRICE = Source(
    source_id="ember_price",
    subject="electricity_price",
    title="Ember European wholesale electricity prices",
    homepage_url="https://ember-energy.org/data/european-wholesale-electricity-price-data/",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    attribution="Ember",
    parse=parse_price,
    parser_version=3,
    extension="csv",
    stale_after_days=60.0,
)
