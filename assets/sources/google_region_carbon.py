"""Google Cloud, region-carbon-info: carbon-free share and grid intensity of each of its regions, one file per year.

`Google CFE` is the share (0-1) of carbon-free energy averaged over the hours, Google's own contracts counted; empty
where unknown. The intensity (gCO2eq/kWh) is a lifecycle one in the files of 2019 and 2020 and an operational one from
2021 on, as their headers say: a basis of its own each. A year is revised after it was published (2021 had 0.95 for
Montréal in July 2022 and 1.00 later), so each version is a capture of its own.

Quirks: the year stands in the name of the file alone. The version of July 2022 has a column on net operational
emissions, its name ending in a tab, all 0 and without a unit: not read. One region may bear the name of a place that
has none (N/A). `latest.csv` points to another file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from assets.sources import _git
from assets.sources._base import LayoutError, Reading, Request, Source, Window, csv_of, json_of, refused, split_by_fault
from assets.sources._region_claims import Claimed, by_scope, claims, is_place, known_text, not_over
from warehouse.captures import Document

REPOSITORY = "GoogleCloudPlatform/region-carbon-info"
FOLDER = "data/yearly"
CLAIMED_BY = "Google Cloud region-carbon-info"
FIRST_YEAR = 2019

#: A year in the name of a file, which is no part of a date.
_YEAR = re.compile(r"(?<![0-9-])20\d\d(?![0-9]|-\d\d)")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The list of files, or (for past days) the versions of each."""
    if window.first_on is None:
        yield [Request(f"https://{_git.API_HOST}/repos/{REPOSITORY}/contents/{FOLDER}", {"ref": "main"}, is_index=True)]
        return
    for year in range(FIRST_YEAR, window.days()[-1].year):
        yield from _git.versions(REPOSITORY, f"{FOLDER}/{year}.csv", window)


def expand(document: Document, window: Window) -> Iterator[Sequence[Request]]:
    """From the list of files to each year's; from a list of commits to the file as each left it.

    Raises:
        LayoutError: if the list names no file of a year.
    """
    if "/contents/" not in document.url:
        yield from _git.expand(document, window)
        return
    listed = json_of(document)
    names: list[Any] = [f.get("name") for f in listed if isinstance(f, dict)] if isinstance(listed, list) else []
    years = sorted(n for n in names if isinstance(n, str) and re.fullmatch(r"20\d\d\.csv", n))
    if not years:
        raise LayoutError(f"{document.url}: names no file of a year (moved?): {str(listed)[:200]}")
    for name in years:
        yield [Request(f"https://{_git.RAW_HOST}/{REPOSITORY}/main/{FOLDER}/{name}", extension="csv")]


def year_of(document: Document) -> str:
    """The year that a file is of, by its name.

    Raises:
        LayoutError: if the name tells no year, or several.
    """
    years = {*_YEAR.findall(re.split("[/:]", document.url)[-1])}
    if len(years) != 1:
        raise LayoutError(
            f"{document.url}: the year stands in the name of the file alone: call it <year>.csv, as Google does"
        )
    return years.pop()


def _one(document: Document, columns: Sequence[str], what: str, pattern: str) -> str:
    found = [c for c in columns if re.search(pattern, c.strip(), re.IGNORECASE)]
    if len(found) != 1:
        raise LayoutError(
            f"{document.url}: expected one column of {what}, found {len(found)} in {', '.join(map(repr, columns))[:300]}"
        )
    return found[0]


def parse(documents: Sequence[Document]) -> Reading:
    """Share and intensity of each region."""
    (document,) = documents
    year = year_of(document)
    raw = csv_of(document, [])
    region = _one(document, raw.columns, "regions", r"\bregion\b")
    share = _one(document, raw.columns, "the carbon-free share", r"\bCFE\b|carbon.free")
    # Grams alone: kg or tons per kWh would be a number of the same look.
    intensity = _one(
        document, raw.columns, "the intensity in gCO2eq / kWh", r"carbon intensity.*\(\s*gCO2e?q?\s*/\s*kWh\s*\)"
    )
    rows = raw.with_columns(
        pl.lit("gcp").alias("provider"),
        known_text(region).alias("region"),
        pl.lit(year).alias("period"),
    )
    why = (
        pl.when(pl.col("region").is_null())
        .then(pl.lit("no region"))
        .when(not_over("period", document.fetched_at.year))
        .then(pl.lit("the year was not over when this was seen: an estimate, not what was measured"))
        .when(is_place("region"))
        .then(pl.lit("the region is the name of a place, not a region id"))
    )
    rows, bad = split_by_fault(rows, why)
    boundary = "lifecycle" if "lifecycle" in intensity.lower() else "operational"
    columns = (
        Claimed(share, "carbon_free_share", "share", "hourly matching"),
        Claimed(intensity, "grid_gco2e_per_kwh", "gCO2e/kWh", boundary),
    )
    found, fields = claims(rows, columns, CLAIMED_BY)
    if found.is_empty():
        raise LayoutError(f"{document.url}: no region with a share or an intensity of a year that is over")
    unplaced = refused(bad.select(raw.columns), bad["why"], bad.select("provider", "region", "period"))
    return by_scope(found, [unplaced, *fields])


GOOGLE_REGION_CARBON = Source(
    source_id="google_region_carbon",
    subject="region_claim",
    title="Google Cloud: carbon data of its regions",
    homepage_url=f"https://github.com/{REPOSITORY}",
    licence="Apache-2.0",
    licence_url="https://www.apache.org/licenses/LICENSE-2.0",
    attribution="Google Cloud, region-carbon-info",
    parse=parse,
    plan=plan,
    expand=expand,
    hosts=_git.HOSTS,
    cadence="35 4 * * 2",
    changes_within_days=550,
    has_history=True,
    extension="csv",
    stale_after_days=14,
)
