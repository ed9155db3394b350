"""A usage ledger: which instance ran, when, where and how long. Loaded by hand: `petaday load usage FILE.csv`.

Two forms are read. Petaday's own: `used_from, used_to, provider, region, instance_type` and `instance_hours` (or
`instance_count`, which is multiplied by the duration); optionally `purchase_option, workload, account, resource,
line_id, billed_amount, currency_code`. And FOCUS (FinOps Open Cost and Usage Specification 1.0 to 1.2): rows with
ChargeCategory Usage that are consumed in hours, of ServiceCategory Compute or AI and Machine Learning; storage,
network, taxes, credits and purchases are not hours of an instance and are left out. The instance type is `InstanceType`
of SkuPriceDetails, or one of the columns that providers add; the workload is the tag of that name. FOCUS does not state
the term of a commitment, so its purchase option stays empty and no list price is applied to it.

A line is one slot of its instance. A later file that states it again corrects it; 0 hours withdraw it. Times without an
offset are UTC, as FOCUS requires.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.purchases import PURCHASE_OPTIONS
from assets.sources._base import (
    LayoutError,
    Reading,
    Scope,
    Source,
    csv_of,
    refused,
    require_columns,
    split_by_fault,
    to_number,
)
from warehouse.captures import Document

_OWN = ("used_from", "used_to", "provider", "region", "instance_type")
_OWN_TEXTS = ("purchase_option", "workload", "account", "resource", "line_id")
_FOCUS = ("ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ConsumedQuantity", "ConsumedUnit", "RegionId")
#: How FOCUS names the provider: renamed in version 1.3.
_FOCUS_PROVIDER = ("ProviderName", "ServiceProviderName", "HostProviderName")
_SERVICES = ("Compute", "AI and Machine Learning")
_HOURS = r"(?i)^(instance[- ]?)?(hours?|hrs?)$"
#: Columns that providers add to FOCUS for the instance type, and how it stands in them.
_INSTANCE_COLUMNS = {
    "x_SkuInstanceType": r"^(.+)$",
    "x_InstanceType": r"^(.+)$",
    "x_UsageType": r"(?:BoxUsage|SpotUsage|HeavyUsage|DedicatedUsage|UnusedBox):(.+)$",
}
_PRICING_CATEGORY = {"Standard": "on_demand", "Dynamic": "spot"}
#: Names of providers in bills, in lower case -> provider of `observed.cloud_rate`.
PROVIDERS = {
    "amazon web services": "aws",
    "amazon web services, inc.": "aws",
    "amazon": "aws",
    "microsoft": "azure",
    "microsoft azure": "azure",
    "google": "gcp",
    "google cloud": "gcp",
    "google cloud platform": "gcp",
    "oracle": "oci",
    "oracle cloud infrastructure": "oci",
    "alibaba cloud": "alibaba",
    "lambda labs": "lambda",
}


def _instant(column: str) -> pl.Expr:
    """A text column as UTC: ISO 8601, with or without offset, seconds or time of day."""
    text = pl.col(column).str.strip_chars().str.replace(r"( ?UTC|Z)$", "+00:00").str.replace("T", " ", literal=True)
    text = pl.when(text.str.contains(r"^\d{4}-\d\d-\d\d$")).then(text + " 00:00:00").otherwise(text)
    text = text.str.replace(r"^(\d{4}-\d\d-\d\d \d\d:\d\d)([+-]|$)", "${1}:00${2}")
    text = pl.when(text.str.contains(r"[+-]\d\d:?\d\d$")).then(text).otherwise(text + "+00:00")
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False).dt.convert_time_zone("UTC")


def _text(column: str, found: Sequence[str]) -> pl.Expr:
    """A text column with '' for nothing; '' where the file has no such column."""
    return (pl.col(column).str.strip_chars().fill_null("") if column in found else pl.lit("")).alias(column)


def _own(document: Document, raw: pl.DataFrame) -> pl.DataFrame:
    missing = [c for c in _OWN if c not in raw.columns]
    if not {"instance_hours", "instance_count"} & set(raw.columns):
        missing.append("instance_hours (or instance_count)")
    if missing:
        raise LayoutError(
            f"{document.url}: no column {', '.join(missing)}: a ledger has {', '.join(_OWN)} and instance_hours or "
            f"instance_count, a FOCUS export {', '.join(_FOCUS)}; found {', '.join(raw.columns)[:300]}"
        )
    length_h = (pl.col("valid_from_read") - pl.col("used_to_read")).dt.total_seconds() / -3600
    hours = to_number("instance_hours") if "instance_hours" in raw.columns else to_number("instance_count") * length_h
    return raw.with_columns(
        _instant("used_from").alias("valid_from_read"), _instant("used_to").alias("used_to_read")
    ).with_columns(
        *(_text(c, raw.columns) for c in _OWN_TEXTS),
        hours.alias("instance_hours_read"),
        (to_number("billed_amount") if "billed_amount" in raw.columns else pl.lit(None, pl.Float64)).alias(
            "billed_read"
        ),
        (_text("currency_code", raw.columns).replace("", None)).alias("currency_read"),
    )


def _focus(document: Document, raw: pl.DataFrame) -> pl.DataFrame:
    require_columns(document, raw.columns, _FOCUS)
    provider = next((c for c in _FOCUS_PROVIDER if c in raw.columns), None)
    if provider is None:
        require_columns(document, raw.columns, _FOCUS_PROVIDER[:1])
    is_use = (pl.col("ChargeCategory") == "Usage") & pl.col("ConsumedUnit").str.contains(_HOURS)
    if "ServiceCategory" in raw.columns:
        is_use &= pl.col("ServiceCategory").is_in(_SERVICES)
    rows = raw.filter(is_use)
    if rows.is_empty():
        raise LayoutError(f"{document.url}: a FOCUS file without one row of compute used by the hour (of {raw.height})")
    instance = [pl.col(c).str.extract(pattern) for c, pattern in _INSTANCE_COLUMNS.items() if c in raw.columns]
    if "SkuPriceDetails" in raw.columns:
        # Cut out by pattern: one object that is not JSON must not stop the rest.
        instance.insert(0, pl.col("SkuPriceDetails").str.extract(r'"InstanceType"\s*:\s*"([^"\\]+)"'))
    tag = pl.col("Tags").str.extract(r'(?i)"workload"\s*:\s*"([^"\\]+)"') if "Tags" in raw.columns else pl.lit("")
    pricing = pl.col("PricingCategory") if "PricingCategory" in raw.columns else pl.lit(None, pl.String)
    return rows.with_columns(
        _instant("ChargePeriodStart").alias("valid_from_read"),
        _instant("ChargePeriodEnd").alias("used_to_read"),
        pl.col(provider or "").alias("provider"),
        pl.col("RegionId").alias("region"),
        pl.coalesce(*instance, pl.lit(None, pl.String)).alias("instance_type"),
        pricing.replace_strict(_PRICING_CATEGORY, default="", return_dtype=pl.String)
        .fill_null("")
        .alias("purchase_option"),
        _text("SubAccountId", raw.columns).alias("account"),
        _text("ResourceId", raw.columns).alias("resource"),
        _text("x_LineItemId", raw.columns).alias("line_id"),
        tag.fill_null("").alias("workload"),
        to_number("ConsumedQuantity").alias("instance_hours_read"),
        (to_number("BilledCost") if "BilledCost" in raw.columns else pl.lit(None, pl.Float64)).alias("billed_read"),
        _text("BillingCurrency", raw.columns).replace("", None).alias("currency_read"),
    )


def parse(documents: Sequence[Document]) -> Reading:
    """One row per line of use."""
    (document,) = documents
    raw = csv_of(document, [])
    read = (_focus if "ChargePeriodStart" in raw.columns else _own)(document, raw)
    name = pl.col("provider").str.strip_chars().str.to_lowercase()
    why = (
        pl.when(pl.col("valid_from_read").is_null() | pl.col("used_to_read").is_null())
        .then(pl.lit("its start or end is not a time such as 2026-11-25T12:00:00Z"))
        .when(pl.col("used_to_read") <= pl.col("valid_from_read"))
        .then(pl.lit("it ends before it starts"))
        .when(pl.col("used_to_read") - pl.col("valid_from_read") > pl.duration(days=32))
        .then(pl.lit("it is longer than a month: state it by the month or shorter, since prices and grids change"))
        .when(pl.col("instance_type").str.strip_chars().fill_null("") == "")
        .then(pl.lit("the instance type is missing"))
        .when(pl.col("region").str.strip_chars().fill_null("") == "")
        .then(pl.lit("the region is missing"))
        .when(~pl.col("purchase_option").is_in(["", *PURCHASE_OPTIONS]))
        .then(pl.lit(f"purchase_option is not one of {', '.join(PURCHASE_OPTIONS)}, or empty"))
        .when(pl.col("instance_hours_read").is_null())
        .then(pl.lit("the hours of use are not a number"))
    )
    good, bad = split_by_fault(read, why)
    rows = good.select(
        *(pl.col(c) for c in ("account", "resource", "line_id", "workload")),
        name.replace(PROVIDERS).alias("provider"),
        pl.col("region").str.strip_chars(),
        pl.col("instance_type").str.strip_chars(),
        "purchase_option",
        pl.col("used_to_read").alias("used_to"),
        pl.col("instance_hours_read").alias("instance_hours"),
        pl.col("billed_read").alias("billed_amount"),
        pl.col("currency_read").alias("currency_code"),
        pl.col("valid_from_read").alias("valid_from"),
    )
    return Reading([Scope("ledger", rows)], refused(bad.select(raw.columns), bad["why"]))


USAGE = Source(
    source_id="usage",
    subject="usage",
    title="Your own use (a ledger or FOCUS export, by hand)",
    homepage_url="https://focus.finops.org/",
    licence="your own",
    attribution="You",
    parse=parse,
    extension="csv",
    max_bytes=1 << 30,
    stale_after_days=400.0,
)
