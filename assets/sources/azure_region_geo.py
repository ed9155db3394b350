"""Carbon Aware SDK: coordinates of Azure's regions, as Azure's own command line lists them.

One JSON object: region -> {Latitude, Longitude (texts), Name}. A region without coordinates claims nothing;
one at 0, 0 (brazilus) lies in the sea and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import LayoutError, Reading, Request, Source, Window, json_of, refused
from assets.sources._region_claims import Claimed, by_scope, claims
from assets.sources._rows import frame_of
from warehouse.captures import Document

REPOSITORY = "Green-Software-Foundation/carbon-aware-sdk"
PATH = "src/data/location-sources/azure-regions.json"
CLAIMED_BY = "carbon-aware-sdk"
_COLUMNS = (Claimed("Latitude", "latitude", "degree"), Claimed("Longitude", "longitude", "degree"))


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The list of today, or those of past days."""
    return _git.current_or_past(REPOSITORY, PATH, window)


def parse(documents: Sequence[Document]) -> Reading:
    """Latitude and longitude of each region.

    Raises:
        LayoutError: if it is not an object of regions with coordinates.
    """
    (document,) = documents
    listed = json_of(document)
    regions = {k: v for k, v in listed.items() if isinstance(v, dict)} if isinstance(listed, dict) else {}
    if not any("Latitude" in v and "Longitude" in v for v in regions.values()):
        raise LayoutError(f"{document.url}: no object of regions with Latitude and Longitude: {str(listed)[:120]}")
    schema = dict.fromkeys(("Latitude", "Longitude"), pl.String)
    rows = frame_of(list(regions.values()), schema).with_columns(
        pl.lit("azure").alias("provider"),
        pl.Series("region", list(regions), dtype=pl.String),
    )
    at_sea = pl.all_horizontal(pl.col(c).cast(pl.Float64, strict=False) == 0 for c in schema).fill_null(value=False)
    found, fields = claims(rows.filter(~at_sea), _COLUMNS, CLAIMED_BY)
    nowhere = refused(
        rows.filter(at_sea).select("region", *schema), "coordinates 0, 0: not known, no place", region=pl.col("region")
    )
    return by_scope(found, [nowhere, *fields])


AZURE_REGION_GEO = Source(
    source_id="azure_region_geo",
    subject="region_claim",
    title="Carbon Aware SDK: coordinates of Azure's regions",
    homepage_url=f"https://github.com/{REPOSITORY}",
    licence="MIT",
    licence_url=f"https://github.com/{REPOSITORY}/blob/dev/LICENSE",
    attribution="Green Software Foundation, Carbon Aware SDK",
    parse=parse,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="55 4 * * 2",
    has_history=True,
    stale_after_days=14,
)
