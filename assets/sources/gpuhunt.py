"""gpuhunt catalog: dated zip files of offers per provider, price per instance-hour in USD.

`/v3/{provider}/version` names the newest version (`YYYYMMDD-run`), `/v3/{provider}/{version}/catalog.zip` holds
`{provider}.csv`; the older v2 layout holds all providers in one archive. Quirks: CPU-only offers have no GPU name; GCP
locations are zones; `memory` is the host's in GiB, `gpu_memory` that of one GPU; a version is known only if someone
kept its name. Google's TPUs are named `tpu-v5p-8` (or `v5p-8`, beside the vendor google) and so on, the number counting
cores, with a `gpu_count` of 1. In some regions GCP's machines stand at the price of a commitment under "on demand" (see
`_gcp`): those rows are refused. `spot` False is not all "on demand": the flag `gcp-dws-calendar-mode` marks capacity
that is booked for set days. G4 machines come twice, once more for old readers under `gcp-g4-preview`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    body_of,
    csv_rows,
    read_members,
    refused,
    split_by_fault,
    to_number,
)
from assets.sources._gcp import COMMITTED, is_committed
from assets.sources._rows import PROVIDER_NAMES
from warehouse.captures import Document

HOST = "dstack-gpu-pricing.s3.eu-west-1.amazonaws.com"
PROVIDERS = ("aws", "azure", "gcp", "lambdalabs", "nebius", "oci", "runpod", "verda", "cloudrift")
#: Flags of capacity that is booked ahead, and of rows that stand there once more under their own flag.
_BOOKED, _TWICE = "calendar-mode", r"\bgcp-g4-preview\b"
_REQUIRED = ("instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory", "spot")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The version of each provider's catalog; `follow` asks for the catalog itself."""
    for provider in PROVIDERS:
        yield [Request(f"https://{HOST}/v3/{provider}/version", extension="txt")]


def follow(document: Document) -> Request | None:
    """From a version to its catalog."""
    if not document.url.endswith("/version"):
        return None
    version = document.read_bytes(1024).decode("ascii", "replace").strip()
    if not version or not version.replace("-", "").isalnum():
        raise LayoutError(f"{document.url}: not a catalog version: {version[:60]!r}")
    return Request(document.url.removesuffix("version") + f"{version}/catalog.zip", extension="zip")


def _members(document: Document) -> list[tuple[str, bytes]]:
    """(provider, CSV bytes) of every catalog in the document."""
    body = document.read_bytes()
    if body[:2] != b"PK":
        name = document.url.rsplit("/", 1)[-1].removeprefix("file:").split(".")[0].split("_")[0]
        return [(name, body_of(document))]
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            infos = [i for i in archive.infolist() if i.filename.endswith(".csv")]
            if not infos:
                raise LayoutError(f"{document.url}: no CSV file in the archive")
            names = [i.filename.rsplit("/", 1)[-1].removesuffix(".csv") for i in infos]
            return list(zip(names, read_members(document.url, archive, infos), strict=True))
    except zipfile.BadZipFile as e:
        raise LayoutError(f"{document.url}: the archive cannot be read (truncated?): {str(e)[:200]}") from e


def _offers(document: Document, provider: str, body: bytes) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Offers of a catalog, refused ones with the reason in `why`, and rows whose columns cannot be told."""
    if not body.strip():
        raise LayoutError(f"{document.url}: the catalog of {provider} is empty")
    raw, overlong = csv_rows(document, _REQUIRED, body=body, may_be_short=True)
    flags = pl.col("flags").fill_null("") if "flags" in raw.columns else pl.lit("")
    vendor = pl.col("gpu_vendor").fill_null("") if "gpu_vendor" in raw.columns else pl.lit("")
    is_spot = (
        pl.col("spot").str.strip_chars().str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
    )
    location = pl.col("location").fill_null("")
    region = location.str.replace(r"-[a-z]$", "") if provider == "gcp" else location
    # A GPU that the catalog cannot name is one all the same.
    has_gpu = (pl.col("gpu_name").fill_null("") != "") | (to_number("gpu_count") > 0).fill_null(value=False)
    offers = raw.filter(has_gpu & ~flags.str.contains(_TWICE)).select(
        pl.lit(PROVIDER_NAMES.get(provider, provider)).alias("provider"),
        pl.when(region == "").then(pl.lit("unknown")).otherwise(region).alias("region"),
        pl.col("instance_name").alias("instance_type"),
        pl.when(is_spot)
        .then(pl.lit("spot"))
        .when(~is_spot & flags.str.contains(_BOOKED))
        .then(pl.lit("capacity_block"))
        .when(~is_spot)
        .then(pl.lit("on_demand"))
        .alias("purchase_option"),
        pl.lit("instance").alias("price_component"),
        flags.alias("offer_variant"),
        pl.col("gpu_name").replace("", None).alias("accelerator_name"),
        pl.when(pl.col("gpu_name").str.starts_with("tpu") | (vendor == "google"))
        .then(None)
        .otherwise(to_number("gpu_count"))
        .alias("accelerator_count"),
        to_number("gpu_memory").replace(0.0, None).alias("accelerator_memory_gib"),
        to_number("cpu").alias("vcpu_count"),
        to_number("memory").alias("memory_gib"),
        to_number("price").alias("price_amount_per_hour"),
        pl.lit("USD").alias("currency_code"),
        location.alias("location"),
    )
    price = pl.col("price_amount_per_hour")
    why = (
        pl.when(price.is_null() | (price <= 0))
        .then(pl.lit("price is missing, zero or negative"))
        .when(pl.col("purchase_option").is_null())
        .then(pl.lit("spot is neither True nor False: cannot tell how it is bought"))
    )
    if provider == "gcp":
        on_demand = pl.when(pl.col("purchase_option") == "on_demand").then(price)
        same = ("instance_type", "accelerator_name", "accelerator_count")
        why = why.when(is_committed(on_demand, *same)).then(pl.lit(COMMITTED))
    good, bad = split_by_fault(offers, why)
    # Zones with one price count once, as they do among the good rows.
    bad = bad.unique(subset=[c for c in bad.columns if c != "location"], keep="first", maintain_order=True)
    return good, bad, overlong


def _one_per_region(offers: pl.DataFrame) -> pl.DataFrame:
    """Offers alike but for the zone count once; where zones differ in price, each is a variant of its own."""
    key = ["provider", "region", "instance_type", "purchase_option", "price_component", "offer_variant"]
    distinct = offers.unique(subset=[c for c in offers.columns if c != "location"], keep="first", maintain_order=True)
    several = (pl.len().over(key) > 1) & (pl.col("location") != pl.col("region"))
    zone = pl.concat_str([pl.col("offer_variant"), pl.col("location")], separator=" ").str.strip_chars()
    return distinct.with_columns(pl.when(several).then(zone).otherwise("offer_variant").alias("offer_variant")).drop(
        "location"
    )


def parse(documents: Sequence[Document]) -> Reading:
    """One complete scope per provider in the archive."""
    scopes, rejected = [], []
    for index, document in enumerate(documents):
        if document.url.endswith("/version"):
            continue
        at = pl.lit(index).alias("document")
        for provider, body in _members(document):
            good, bad, overlong = _offers(document, provider, body)
            name = PROVIDER_NAMES.get(provider, provider)
            # Only Google's locations are zones.
            frame = _one_per_region(good) if provider == "gcp" else good.drop("location")
            scopes.append(Scope(name, frame.with_columns(at), is_complete=True))
            rejected.append(overlong.with_columns(at, pl.lit(name).alias("scope")))
            if bad.height:
                keys = bad.select(pl.lit(name).alias("scope"), "region", "instance_type", "purchase_option")
                rejected.append(refused(bad.drop("why").with_columns(at), bad["why"], keys))
    return Reading(scopes, pl.concat(rejected, how="diagonal") if rejected else None)


GPUHUNT = Source(
    source_id="gpuhunt",
    subject="cloud_rate",
    title="gpuhunt catalog",
    homepage_url="https://github.com/dstackai/gpuhunt",
    licence="MPL-2.0 (code); prices are facts of the providers",
    licence_url="https://github.com/dstackai/gpuhunt/blob/master/LICENSE.md",
    attribution="gpuhunt by dstack",
    parse=parse,
    parser_version=5,
    plan=plan,
    follow=follow,
    hosts=(HOST,),
    cadence="40 */6 * * *",
    changes_within_days=14,
    extension="zip",
    # In 2026 two of five on-demand rows of GCP's H100 machines stood at the price of a commitment.
    max_rejected_share=0.6,
)
