"""Our World in Data: yearly carbon intensity of electricity, every country.

Two forms: the energy data set (`owid-energy-data.csv`, `carbon_intensity_elec`, `iso_code`) and the chart's own CSV
(Entity, Code, Year and a value column that is renamed with each download; in lower case and with short names where so
asked for, and then perhaps with the year that a value was carried over from: that one is its year). Origin is Ember:
lifecycle, average, by production. Aggregates have no code, or one that begins with OWID_; only the world is kept of
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Source, Window, csv_rows, to_number
from assets.sources._yearly import yearly_lifecycle
from assets.sources._zones import zone_of_alpha3
from warehouse.captures import Document

HOST = "raw.githubusercontent.com"
#: A column with the year in which the value beside it was stated.
_OF_YEAR = r"(?i)[ _]year\b"


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The whole data set; it has no dated address."""
    yield [Request(f"https://{HOST}/owid/energy-data/master/owid-energy-data.csv", extension="csv")]


def parse(documents: Sequence[Document]) -> Reading:
    """One row per country and year with a value."""
    (document,) = documents
    raw, broken = csv_rows(document, [])
    if "carbon_intensity_elec" in raw.columns:
        names = {"iso_code": "code", "country": "entity", "year": "year", "carbon_intensity_elec": "value"}
    elif {"entity", "code", "year"} <= {c.lower() for c in raw.columns}:
        found = [c for c in raw.columns if re.search(r"(?i)(?:carbon|co2)[ _]intensity", c)]
        values = [c for c in found if not re.search(_OF_YEAR, c)]
        if len(values) != 1:
            raise LayoutError(f"{document.url}: expected one column on carbon intensity, found {values or raw.columns}")
        names = {c: c.lower() for c in raw.columns if c.lower() in ("code", "entity", "year")} | {values[0]: "value"}
        names |= {c: "stated_year" for c in found if re.search(_OF_YEAR, c)}
    else:
        raise LayoutError(
            f"{document.url}: neither iso_code, year, carbon_intensity_elec nor Entity, Code, Year: found {', '.join(raw.columns)[:300]}"
        )
    if missing := [c for c in names if c not in raw.columns]:
        raise LayoutError(f"{document.url}: column {', '.join(missing)} is missing (renamed?)")
    rows = raw.select(pl.col(old).alias(new) for old, new in names.items()).filter(pl.col("value").fill_null("") != "")
    if "stated_year" in rows.columns:
        rows = rows.with_columns(pl.coalesce("stated_year", "year").alias("year")).unique(
            ["entity", "code", "year"], keep="first", maintain_order=True
        )
    code = pl.when(pl.col("entity") == "World").then(pl.lit("OWID_WRL")).otherwise(pl.col("code"))
    rows = rows.with_columns(
        zone_of_alpha3(code).alias("zone"),
        to_number("value").alias("intensity_gco2e_per_kwh"),
        pl.col("year").cast(pl.Int32, strict=False),
    )
    # Groups of countries have no code, or one of OWID's.
    is_group = code.is_null() | code.str.starts_with("OWID_")
    return yearly_lifecycle(rows.filter(pl.col("zone").is_not_null() | ~is_group), "world").refusing(broken)


OWID = Source(
    source_id="owid",
    subject="grid_carbon",
    title="Our World in Data: energy",
    homepage_url="https://github.com/owid/energy-data",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    attribution="Our World in Data, from Ember, CC BY 4.0",
    parse=parse,
    parser_version=4,
    plan=plan,
    hosts=(HOST,),
    cadence="15 4 * * 1",
    changes_within_days=400,
    extension="csv",
    stale_after_days=14,
)
