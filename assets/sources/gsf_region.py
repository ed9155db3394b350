"""Green Software Foundation, Real Time Cloud: what is published of each cloud region by year, gathered in one table.

Columns as its specification 1.0 defines them: zone of Electricity Maps, coordinates of the town, carbon-free share
matched by the hour and by the year (0-1), PUE, WUE (l/kWh) and intensities (gCO2e/kWh): market-based, location-based
(`average-consumption`, of Electricity Maps), of production, marginal (of WattTime), and the one weighted by the
provider's hourly use. `grid-carbon-intensity` repeats the marginal one and is not read, nor are totals of a region's
use, which no version of the table has filled so far. Empty means not available, never 0; a market-based 0 is a claim.

Quirks of the versions of 2025-02 to 2026-02:
- A column without a name among the last ones (2025-02); a blank after a longitude; zones renamed from one version to the next
  (AUS-NSW, AU-NSW).
- Azure's northeurope stands there twice a year, once as Ireland and once as Finland: the place is then part of the key.
- `asiapacific` is a geography of Azure, no region.
- A carbon-free share of 0 by the hour of Google until 2021 stands where Google's own table is empty: a gap, refused. Those of
  later years are Google's.
- Shares by the year of Google in 2024 are Google's shares by the hour (its issue 151): kept as claimed, corrected when it is.
- A file of estimates of the running year lies beside it, in the same form: told by its name and refused, as are claims of a
  year that was not over when they were seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Source,
    Window,
    csv_of,
    refused,
    require_columns,
    split_by_fault,
)
from assets.sources._region_claims import Claimed, by_scope, claims, is_place, known_text, not_over
from assets.sources._rows import provider_name
from warehouse.captures import Document

REPOSITORY = "Green-Software-Foundation/real-time-cloud"
PATH = "Cloud_Region_Metadata.csv"
CLAIMED_BY = "Green Software Foundation Cloud_Region_Metadata"

_KEY = ("year", "cloud-provider", "cloud-region")
_G = "gCO2e/kWh"
COLUMNS = (
    Claimed("em-zone-id", "grid_zone", "zone", is_text=True),
    Claimed("latitude", "latitude", "degree"),
    Claimed("longitude", "longitude", "degree"),
    Claimed("provider-cfe-hourly", "carbon_free_share", "share", "hourly matching"),
    Claimed("provider-cfe-annual", "carbon_free_share", "share", "annual matching"),
    Claimed("power-usage-effectiveness", "pue", "ratio"),
    Claimed("water-usage-effectiveness", "wue_l_per_kwh", "l/kWh"),
    Claimed("provider-carbon-intensity-market-annual", "market_based_gco2e_per_kwh", _G),
    Claimed("provider-carbon-intensity-average-consumption-hourly", "use_weighted_gco2e_per_kwh", _G),
    Claimed("grid-carbon-intensity-average-consumption-annual", "location_based_gco2e_per_kwh", _G),
    Claimed("grid-carbon-intensity-marginal-consumption-annual", "marginal_gco2e_per_kwh", _G),
    Claimed("grid-carbon-intensity-average-production-annual", "grid_gco2e_per_kwh", _G, "average production"),
)
#: Not regions: what a provider calls a group of them.
_GEOGRAPHIES = ("asiapacific",)
_LAST_YEAR_WITH_GAPS_AS_ZERO = 2021


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The table of today, or those of past days."""
    return _git.current_or_past(REPOSITORY, PATH, window, "main")


def parse(documents: Sequence[Document]) -> Reading:
    """One row per region, year and attribute with a value."""
    (document,) = documents
    if "_estimate" in document.url:
        raise LayoutError(f"{document.url}: estimates of a running year, no account of it: load {PATH}")
    raw = csv_of(document, [])
    # A name with blanks or capitals is the same name; of two columns without one neither is read.
    names = {c: c.strip().lower().replace(" ", "-").replace("_", "-") for c in raw.columns}
    raw = raw.select(pl.col(c).alias(n) for c, n in names.items() if list(names.values()).count(n) == 1)
    require_columns(document, raw.columns, _KEY)
    if not {c.column for c in COLUMNS} & {*raw.columns}:
        raise LayoutError(f"{document.url}: no column that claims anything: found {', '.join(raw.columns)[:300]}")
    rows = raw.with_columns(
        provider_name(known_text("cloud-provider")).alias("provider"),
        known_text("cloud-region").alias("region"),
        known_text("year").str.extract(r"^(20\d\d)(?:\.0)?$").alias("period"),
        *_coordinates(raw),
    )
    why = (
        pl.when(pl.col("provider").is_null() | pl.col("region").is_null())
        .then(pl.lit("no cloud-provider or no cloud-region"))
        .when(pl.col("period").is_null())
        .then(pl.lit("year is no year"))
        .when(not_over("period", document.fetched_at.year))
        .then(pl.lit("the year was not over when this was seen: an estimate, not what was measured"))
        .when(is_place("region"))
        .then(pl.lit("cloud-region is the name of a place, not a region id"))
        .when(pl.col("region").is_in(_GEOGRAPHIES))
        .then(pl.lit("cloud-region names a geography of several regions"))
    )
    rows, bad = split_by_fault(rows, why)
    unplaced = refused(bad.select(raw.columns), bad["why"], bad.select("provider", "region", "period"))
    location = known_text("location") if "location" in rows.columns else pl.lit(None, dtype=pl.String)
    is_repeated = pl.len().over("period", "provider", "region") > 1
    rows = rows.with_columns(pl.when(is_repeated).then(location).fill_null("").alias("place"))
    found, fields = claims(rows, COLUMNS, CLAIMED_BY)
    gap = (
        (pl.col("provider") == "gcp")
        & (pl.col("basis") == "hourly matching")
        & (pl.col("amount") == 0)
        & (pl.col("period").cast(pl.Int32) <= _LAST_YEAR_WITH_GAPS_AS_ZERO)
    ).fill_null(value=False)  # fmt: skip
    gaps = found.filter(gap)
    reason = "a carbon-free share of 0 where Google's own table of that year is empty: a gap, not a share"
    return by_scope(found.filter(~gap), [unplaced, *fields, refused(gaps, reason, gaps)])


def _coordinates(raw: pl.DataFrame) -> list[pl.Expr]:
    """Latitude and longitude as text, from 'latitude,longitude'; what is no such pair stays as it is, to be refused."""
    if "geolocation" not in raw.columns:
        return []
    pair = known_text("geolocation").str.extract_groups(r"^([+-]?[\d.]+)\s*[,;]\s*([+-]?[\d.]+)$")
    return [
        pl.coalesce(pair.struct.field(field), known_text("geolocation")).alias(name)
        for field, name in (("1", "latitude"), ("2", "longitude"))
    ]


GSF_REGION = Source(
    source_id="gsf_region",
    subject="region_claim",
    title="Green Software Foundation: Cloud Region Metadata",
    homepage_url=f"https://github.com/{REPOSITORY}",
    licence="MIT (code); terms of the Green Software Foundation (table)",
    licence_url=f"https://github.com/{REPOSITORY}",
    attribution="Green Software Foundation, Real Time Cloud",
    parse=parse,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="25 4 * * 2",
    changes_within_days=550,
    has_history=True,
    extension="csv",
    stale_after_days=14,
)
