"""CodeCarbon and ML CO2 Impact: carbon intensity of the grid by cloud region, one undated table each, in one form.

`impact` is in gCO2eq/kWh, gathered by hand from many places and years (`source` names them); ML CO2 Impact also has a
PUE of some of Google's regions. Each provider is a scope of its own: a version that lists it no longer (CodeCarbon
dropped AWS and Azure in 2023) leaves its last word standing, with its day. Quirks: a byte order mark; OVH's regions in
small letters and a slip in one of Google's (me-cenrtal1), both mended; a provider without a region, refused; an impact
of 0 (Seeweb's, after contracts), refused: no grid is without emissions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import Reading, Request, Source, Window, csv_of, refused
from assets.sources._region_claims import Claimed, by_scope, claims, known_text
from assets.sources._rows import provider_name
from warehouse.captures import Document

_SLIPS = {"me-cenrtal1": "me-central1"}
_COLUMNS = (Claimed("impact", "grid_gco2e_per_kwh", "gCO2e/kWh"), Claimed("PUE", "pue", "ratio"))


def _reader(claimed_by: str) -> Callable[[Sequence[Document]], Reading]:
    def parse(documents: Sequence[Document]) -> Reading:
        """One row per region and attribute with a value."""
        (document,) = documents
        raw = csv_of(document, ["provider", "region", "impact"])
        rows = raw.with_columns(
            provider_name(known_text("provider")).alias("provider"),
            known_text("region").replace(_SLIPS).alias("region"),
        ).with_columns(
            pl.when(pl.col("provider") == "ovh")
            .then(pl.col("region").str.to_uppercase())
            .otherwise("region")
            .alias("region")
        )
        nowhere = pl.any_horizontal(
            pl.col("provider").is_null(), pl.col("region").is_null(), pl.col("region").str.contains(r"\s")
        ).fill_null(value=True)
        bad = raw.filter(rows.select(nowhere).to_series())
        found, fields = claims(rows.filter(~nowhere), _COLUMNS, claimed_by)
        is_zero = ((pl.col("attribute") == "grid_gco2e_per_kwh") & (pl.col("amount") == 0)).fill_null(value=False)
        of_zero = found.filter(is_zero)
        zeros = refused(of_zero, "an intensity of 0: no grid is without emissions", of_zero)
        unplaced = refused(bad, "no provider, or not a region id", rows.filter(nowhere).select("provider", "region"))
        return by_scope(found.filter(~is_zero), [unplaced, zeros, *fields])

    return parse


def _planner(repository: str, path: str) -> Callable[[Window], Iterable[Sequence[Request]]]:
    def plan(window: Window) -> Iterable[Sequence[Request]]:
        """The table of today, or those of past days."""
        return _git.current_or_past(repository, path, window)

    return plan


def _source(source_id: str, claimed_by: str, repository: str, path: str, cadence: str) -> Source:
    return Source(
        source_id=source_id,
        subject="region_claim",
        title=f"{claimed_by}: grids of cloud regions",
        homepage_url=f"https://github.com/{repository}",
        licence="MIT",
        licence_url=f"https://github.com/{repository}/blob/master/LICENSE",
        attribution=claimed_by,
        parse=_reader(claimed_by),
        plan=_planner(repository, path),
        expand=_git.expand,
        hosts=_git.HOSTS,
        cadence=cadence,
        has_history=True,
        extension="csv",
        stale_after_days=14,
    )


CODECARBON_REGION = _source(
    "codecarbon_region", "CodeCarbon", "mlco2/codecarbon", "codecarbon/data/cloud/impact.csv", "40 4 * * 2"
)
MLCO2_REGION = _source("mlco2_region", "ML CO2 Impact", "mlco2/impact", "data/impact.csv", "45 4 * * 2")
