"""gpurentalprices (Adrian Nutiu): daily snapshots of 34 providers, USD per GPU-hour. CC BY 4.0.

Quirks: `usd_hr` is per GPU even where `min_gpus` says that eight must be rented, so the offer's price is that many
times it. Providers join (2, 18, 34 within three weeks): an index must be on matched pairs. GPU names are the
tracker's slugs; a slug comes with several sizes of memory (v100 16 and 32), and early files fold two RunPod cards of
one size into one slug (rtx-pro-6000 at 1.99 and 1.89): those rows are refused, since nothing tells which is which.
`kind` mixes tier and purchase option: secure and community are clouds of one provider, serverless is billed by the
second without a commitment. A provider that could not be read is carried on with its last rows (`fetched_at` older
than the file). Google's prices come from its list of GPUs, to which the host is to be added (an A100 at 2.93, not the 3.67
of the machine): they are of the accelerator alone. `latest.json` is today's snapshot; past days keep their file.

A snapshot is complete for the day it was made. Loaded long after that day, it tells what held then and nothing of now:
then its rows carry their date and end no other offer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused, require_columns
from assets.sources._rows import frame_of, provider_name
from warehouse.captures import Document

HOST = "raw.githubusercontent.com"
_DATA = f"https://{HOST}/adriannutiu/gpu-rental-prices/main/data"
#: A snapshot older than this when it was fetched is history.
FRESH = dt.timedelta(days=3)
_SCHEMA = {
    "provider": pl.String,
    "gpu": pl.String,
    "vram_gb": pl.Float64,
    "usd_hr": pl.Float64,
    "kind": pl.String,
    "min_gpus": pl.Float64,
    "source_url": pl.String,
}
_OPTIONAL = ("min_gpus", "source_url")
#: kind -> (purchase option, offer variant).
_KINDS = {
    "on-demand": ("on_demand", ""),
    "secure": ("on_demand", "secure"),
    "community": ("on_demand", "community"),
    "serverless": ("on_demand", "serverless"),
    "spot": ("spot", ""),
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """Today's snapshot, or the file of every past day asked for."""
    if window.first_on is None and window.last_on is None:
        yield [Request(f"{_DATA}/latest.json")]
        return
    for day in window.days():
        yield [Request(f"{_DATA}/snapshots/{day.isoformat()}.json")]


def parse(documents: Sequence[Document]) -> Reading:
    """One row per provider, GPU, kind and least number of GPUs."""
    (document,) = documents
    snapshot = json_of(document)
    offers = snapshot.get("offers") if isinstance(snapshot, dict) else None
    if not isinstance(offers, list) or not offers:
        raise LayoutError(f"{document.url}: no list of offers in the snapshot")
    require_columns(document, sorted({name for o in offers for name in o}), [c for c in _SCHEMA if c not in _OPTIONAL])
    try:
        made_at = dt.datetime.fromisoformat(str(snapshot.get("generated_at", "")).replace("Z", "+00:00"))
    except ValueError as e:
        raise LayoutError(f"{document.url}: generated_at is no time: {snapshot.get('generated_at')!r}") from e
    raw = frame_of(offers, _SCHEMA)
    known = pl.col("kind").is_in(list(_KINDS))
    priced = (pl.col("usd_hr") > 0).fill_null(value=False)
    bad = raw.filter(~(known & priced).fill_null(value=False))
    count = pl.col("min_gpus").fill_null(1.0)
    memory = pl.when(pl.col("vram_gb") > 0).then("vram_gb")
    # Chips whose memory the tracker does not know are offers too.
    size = pl.format(" {} GB", memory.cast(pl.Int64)).fill_null("")
    card = pl.format("{}x {}{}", count.cast(pl.Int64), "gpu", size)
    is_fresh = document.fetched_at - made_at <= FRESH
    rows = raw.filter(known & priced).select(
        provider_name(pl.col("provider")).alias("provider"),
        pl.lit("global").alias("region"),
        card.alias("instance_type"),
        pl.col("kind").replace_strict({k: v[0] for k, v in _KINDS.items()}).alias("purchase_option"),
        # By the page it is from; files without addresses have Google's rows all the same.
        pl.when(pl.col("source_url").str.contains("gpus-pricing", literal=True).fill_null(pl.col("provider") == "gcp"))
        .then(pl.lit("accelerator"))
        .otherwise(pl.lit("instance"))
        .alias("price_component"),
        pl.col("kind").replace_strict({k: v[1] for k, v in _KINDS.items()}).alias("offer_variant"),
        pl.col("gpu").alias("accelerator_name"),
        count.alias("accelerator_count"),
        memory.alias("accelerator_memory_gib"),
        pl.lit(None, dtype=pl.Float64).alias("vcpu_count"),
        pl.lit(None, dtype=pl.Float64).alias("memory_gib"),
        (pl.col("usd_hr") * count).alias("price_amount_per_hour"),
        pl.lit("USD").alias("currency_code"),
        pl.lit(None if is_fresh else made_at, dtype=pl.Datetime("us", "UTC")).alias("valid_from"),
    )
    rejected = refused(
        bad,
        "the kind of offer is not known, or the price is not above zero",
        provider=provider_name(pl.col("provider")),
        instance_type=card,
        purchase_option=pl.col("kind").replace_strict({k: v[0] for k, v in _KINDS.items()}, default=None),
    )
    return Reading([Scope("gpurentalprices", rows, is_complete=is_fresh)], rejected)


GPURENTALPRICES = Source(
    source_id="gpurentalprices",
    subject="cloud_rate",
    title="gpurentalprices snapshots",
    homepage_url="https://github.com/adriannutiu/gpu-rental-prices",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    attribution="gpurentalprices by Adrian Nutiu",
    parse=parse,
    plan=plan,
    hosts=(HOST,),
    parser_version=3,
    cadence="10 9 * * *",
    has_history=True,
    # Five slugs of RunPod stood twice, with different prices, in the first file.
    max_rejected_share=0.25,
)
