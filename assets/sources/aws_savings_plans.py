"""AWS Savings Plans: what an instance-hour costs under a commitment of one or three years, per region, since 2019.

Kept are plans without upfront payment, since only their rate is a price per hour, for Linux without other software on
shared tenancy. A Compute Savings Plan holds for any family and region, an EC2 Instance Savings Plan for one family in
one region; both are told apart by `offer_variant`. They are bought in the same way as a reservation (`reserved_1y`,
`reserved_3y`) and committed to in dollars per hour.

Quirks: the same lines of metadata above as in the EC2 price list, but fields without quotes and a header of its own;
`regions` is a list and versions are one too, with a date of publication and none of an end. The file names neither
accelerators nor their number: families tell (see `_aws.ACCELERATED`), counts come from reference.instance_accelerator.
A rate holds from its EffectiveDate; a region's file is complete for the plans it lists.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urljoin, urlsplit

import polars as pl

from assets.sources._aws import ACCELERATED, csv_rows, unpacked
from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    json_of,
    refused,
    to_instant,
    to_number,
)
from assets.sources._rows import cloud_rates
from warehouse.captures import Document

HOST = "pricing.us-east-1.amazonaws.com"
_ROOT = f"https://{HOST}/savingsPlan/v1.0/aws/AWSComputeSavingsPlan"
_FRESH = dt.timedelta(days=62)
_COLUMNS = (
    "SKU",
    "Unit",
    "EffectiveDate",
    "DiscountedRate",
    "Currency",
    "DiscountedServiceCode",
    "DiscountedUsageType",
    "DiscountedOperation",
    "PurchaseOption",
    "LeaseContractLength",
    "LeaseContractLengthUnit",
    "Product Family",
    "DiscountedRegionCode",
    "DiscountedInstanceType",
)
_VARIANTS = {"ComputeSavingsPlans": "compute_savings_plan", "EC2InstanceSavingsPlans": "ec2_instance_savings_plan"}
_TERMS = {"1 year": "reserved_1y", "3 year": "reserved_3y"}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The index of regions (of the current version), or of versions where past days are asked for."""
    yield [Request(f"{_ROOT}/{'index' if window.first_on else 'current/region_index'}.json", is_index=True)]


def _versions(document: Document, listed: Sequence[dict[str, str]], window: Window) -> Iterator[Sequence[Request]]:
    """Index files of the versions in force in the window; each is in force until the next was published."""
    dated = sorted((v["publicationDate"][:10], v["offerVersionUrl"]) for v in listed)
    first, last = window.first_on or dt.date.min, window.last_on or window.now.date()
    ends = [begins for begins, _ in dated[1:]] + [dt.date.max.isoformat()]
    for (begins, url), end in zip(dated, ends, strict=True):
        # Two versions of one day: both are asked for, the later one then holds.
        if begins <= last.isoformat() and (end > first.isoformat() or begins >= first.isoformat()):
            yield [Request(_on_host(document, url), is_index=True)]


def _on_host(document: Document, path: str) -> str:
    url = urljoin(document.url, path)
    if urlsplit(url).netloc != HOST:
        raise LayoutError(f"{document.url}: a file lies on {urlsplit(url).netloc}, not on {HOST}: refused")
    return url


def expand(document: Document, window: Window) -> Iterator[Sequence[Request]]:
    """From the index of versions to those in force in the window; from an index of regions to one file per region.

    Raises:
        LayoutError: if it is neither, or leads to another host.
    """
    index = json_of(document)
    if isinstance(index, dict) and isinstance(index.get("versions"), list):
        yield from _versions(document, index["versions"], window)
        return
    if not isinstance(index, dict) or not isinstance(index.get("regions"), list):
        raise LayoutError(f"{document.url}: no list of versions or regions in the index (renamed?)")
    for region in index["regions"]:
        # Regions only: no accelerator is sold under a plan in a Local or Wavelength Zone's own file.
        if re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d+", region["regionCode"]):
            url = _on_host(document, re.sub(r"\.json$", ".csv", region["versionUrl"]))
            stamp = re.search(r"/(\d{14})/", url) if window.first_on else None
            as_of = dt.datetime.strptime(stamp[1], "%Y%m%d%H%M%S").replace(tzinfo=dt.UTC) if stamp else None
            yield [Request(url, extension="csv", as_of=as_of)]


def parse(documents: Sequence[Document]) -> Reading:
    """One row per region, instance type, kind of plan and term."""
    (document,) = documents
    with unpacked(document) as plain:
        raw, broken, metadata = csv_rows(plain, _COLUMNS, _COLUMNS, naming=("BoxUsage:", "No Upfront"))
    at_region = re.search(r"/((?:[a-z]+-){2,}\d+)/index\.", document.url)
    term = pl.concat_str(
        "LeaseContractLength", pl.col("LeaseContractLengthUnit").str.to_lowercase().str.strip_suffix("s"), separator=" "
    )
    raw = raw.filter(
        (pl.col("DiscountedServiceCode") == "AmazonEC2")
        & pl.col("DiscountedUsageType").str.contains(r"^(?:[A-Z0-9]+-)?BoxUsage:")
        & (pl.col("DiscountedOperation") == "RunInstances")
        & (pl.col("PurchaseOption") == "No Upfront")
        & pl.col("DiscountedInstanceType").str.contains(ACCELERATED)
        & pl.col("Product Family").is_in(list(_VARIANTS))
    ).with_columns(
        to_number("DiscountedRate").alias("amount"),
        term.replace_strict(_TERMS, default=None, return_dtype=pl.String).alias("option"),
        to_instant(pl.col("EffectiveDate").str.slice(0, 10), "%Y-%m-%d").alias("valid_from"),
    )
    sound = (
        (pl.col("amount") > 0).fill_null(value=False)
        & pl.col("Unit").is_in(["Hrs", "Hours", "Hour"])
        & pl.col("option").is_not_null()
        & pl.col("valid_from").is_not_null()
    )
    bad = raw.filter(~sound)
    rows = cloud_rates(
        raw.filter(sound),
        provider="aws",
        region=pl.col("DiscountedRegionCode"),
        instance_type=pl.col("DiscountedInstanceType"),
        purchase_option=pl.col("option"),
        offer_variant=pl.col("Product Family").replace_strict(_VARIANTS, default=None, return_dtype=pl.String),
        price_amount_per_hour=pl.col("amount"),
        currency_code=pl.col("Currency"),
    )
    published = metadata.get("Publication Date")
    is_fresh = published is not None and document.fetched_at - dt.datetime.fromisoformat(published) < _FRESH
    scopes = [
        Scope(str(name), part, is_complete=is_fresh)
        for (name,), part in rows.partition_by("region", as_dict=True).items()
    ]
    if not scopes and at_region:
        # A region that sells no accelerator under a plan says so with a complete answer of no row.
        scopes = [Scope(at_region[1], rows, is_complete=is_fresh)]
    why = "the rate is not a positive number per hour, or its term or date is not known"
    keys = bad.select(
        *(pl.col("DiscountedRegionCode").alias(name) for name in ("scope", "region")),
        pl.col("DiscountedInstanceType").alias("instance_type"),
        pl.col("option").alias("purchase_option"),
    )
    rejected = [
        refused(bad.drop("amount", "option", "valid_from"), why, keys),
        refused(broken.select("line"), broken["why"], broken.select("instance_type")),
    ]
    return Reading(scopes, pl.concat(rejected, how="diagonal"))


AWS_SAVINGS_PLANS = Source(
    source_id="aws_savings_plans",
    subject="cloud_rate",
    title="AWS Savings Plans",
    homepage_url="https://aws.amazon.com/savingsplans/compute-pricing/",
    licence="for informational purposes only, subject to the terms on the pricing pages",
    attribution="Amazon Web Services",
    parse=parse,
    plan=plan,
    expand=expand,
    hosts=(HOST,),
    cadence="40 3 * * *",
    changes_within_days=180,
    parser_version=3,
    extension="csv",
    has_history=True,
    max_bytes=2 << 30,
    min_kept_share=0.6,
    may_be_empty=True,
)
