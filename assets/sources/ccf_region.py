"""Cloud Carbon Footprint: grid emission factors of cloud regions, one undated file per provider.

In metric TONS per kWh, a million times the usual unit: converted here, and refused where the header does not say so.
The provider stands in the name of the file alone (`grid-emissions-factors-aws.csv`); each is a scope of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import LayoutError, Reading, Request, Source, Window, csv_of, refused, require_columns
from assets.sources._region_claims import Claimed, by_scope, claims, known_text
from warehouse.captures import Document

REPOSITORY = "cloud-carbon-footprint/ccf-coefficients"
CLAIMED_BY = "Cloud Carbon Footprint"
PROVIDERS = ("aws", "azure", "gcp")
_GRAMS_PER_TON = 1e6


def _path(provider: str) -> str:
    return f"data/grid-emissions-factors-{provider}.csv"


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The file of each provider, of today or of past days."""
    for provider in PROVIDERS:
        yield from _git.current_or_past(REPOSITORY, _path(provider), window, "main")


def parse(documents: Sequence[Document]) -> Reading:
    """One row per region.

    Raises:
        LayoutError: if the name of the file is of no provider, or the factor is not in tons per kWh.
    """
    (document,) = documents
    named = re.search(rf"factors-({'|'.join(PROVIDERS)})\.csv", document.url)
    if not named:
        raise LayoutError(
            f"{document.url}: the provider stands in the name of the file alone: call it grid-emissions-factors-<provider>.csv "
            f"with one of {', '.join(PROVIDERS)}"
        )
    raw = csv_of(document, ["Region"])
    factor = next((c for c in raw.columns if re.search(r"CO2e?.*metric ton\s*/\s*kWh", c, re.IGNORECASE)), None)
    if factor is None:
        require_columns(document, raw.columns, ["CO2e (metric ton/kWh)"])
    rows = raw.with_columns(
        pl.lit(named[1]).alias("provider"),
        known_text("Region").alias("region"),
    )
    nowhere = pl.col("region").is_null() | pl.col("region").str.contains(r"\s")
    bad = raw.filter(rows.select(nowhere).to_series())
    column = Claimed(factor or "", "grid_gco2e_per_kwh", "gCO2e/kWh", factor=_GRAMS_PER_TON)
    found, fields = claims(rows.filter(~nowhere), [column], CLAIMED_BY)
    return by_scope(
        found, [refused(bad, "not a region id", rows.filter(nowhere).select("provider", "region")), *fields]
    )


CCF_REGION = Source(
    source_id="ccf_region",
    subject="region_claim",
    title="Cloud Carbon Footprint: grids of cloud regions",
    homepage_url=f"https://github.com/{REPOSITORY}",
    licence="Apache-2.0",
    licence_url="https://www.apache.org/licenses/LICENSE-2.0",
    attribution=CLAIMED_BY,
    parse=parse,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="50 4 * * 2",
    has_history=True,
    extension="csv",
    stale_after_days=14,
)
