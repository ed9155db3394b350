"""Vast.ai: a market of offers by thousands of hosts; kept as a distribution, not one row per offer. USD.

Quirks: `dph_total` (base price plus the disk that comes with it) is for the whole offer, so an 8-GPU offer is divided
by eight downstream. `gpu_frac` below 1 is a share of the *machine*, never of a GPU: 2 of 8 whole GPUs, so it is
counted like any other offer. A host lists one machine several times, split in 1, 2, 4 and 8: groups go by number of
GPUs, so a machine's splits never meet in one group. `verification` also says unverified and deverified: those offers
are not what a company can rent, and are left out. `min_bid` of interruptible offers may lie far above the price on
demand, and is not used. The API gives 64 offers unless asked for more. Answers name hosts by IP address: only market
figures leave here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused
from assets.sources._rows import cloud_rates, frame_of, not_objects, objects
from warehouse.captures import Document

HOST = "console.vast.ai"
#: Offers asked for; the market had about 3,000 that can be rented at once. An answer of this length is taken for cut.
LIMIT = 10_000
#: Lengths at which an answer was cut without saying so: 64 where no limit is heard, and round thousands.
CAPS = frozenset({64, *range(1000, LIMIT, 1000)})
QUERY = {
    "verified": {"eq": True},
    "rentable": {"eq": True},
    "rented": {"eq": False},
    "external": {"eq": False},
    "type": "on-demand",
    "order": [["dph_total", "asc"]],
    "limit": LIMIT,
}
QUANTILES = {"market_p10": 0.1, "market_p50": 0.5, "market_p90": 0.9}
#: Lowest and highest ask for one GPU-hour that is believed, USD. Hosts of old consumer cards ask less than the bound of
#: the subject, and hosts that want no guest ask hundreds.
_BOUNDS_USD = (0.05, 200.0)
#: Only these fields are read; addresses and ids of hosts stay in the capture.
_FIELDS = {
    "gpu_name": pl.String,
    "num_gpus": pl.Float64,
    "dph_total": pl.Float64,
    "gpu_ram": pl.Float64,
    "verification": pl.String,
    "rentable": pl.Boolean,
    "rented": pl.Boolean,
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One query for the offers that can be rented now."""
    yield [Request(f"https://{HOST}/api/v0/bundles/", method="POST", json_body=QUERY)]


def _offers(document: Document) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Offers as they came, and the entries that are none."""
    answer = json_of(document)
    offers = answer.get("offers") if isinstance(answer, dict) else answer
    if isinstance(offers, dict):  # asked for one offer, the API sends the object itself
        offers = [offers]
    if not isinstance(offers, list) or not offers:
        said = json.dumps(answer)[:150] if isinstance(answer, dict) else ""
        raise LayoutError(f"{document.url}: no list of offers: {said}")
    strange = not_objects(offers)
    offers = objects(offers)
    missing = [f for f in ("gpu_name", "num_gpus", "dph_total", "rentable") if not any(f in o for o in offers)]
    if missing:
        raise LayoutError(f"{document.url}: {', '.join(missing)} is missing from every offer (renamed?)")
    if len(offers) >= LIMIT or len(offers) in CAPS:
        raise LayoutError(
            f"{document.url}: {len(offers)} offers, exactly a limit: the answer is cut short, its cheap end"
        )
    if not any("verification" in o or "verified" in o for o in offers):
        raise LayoutError(f"{document.url}: no offer says whether it is verified (renamed?)")
    rows = [
        {f: o.get(f) for f in _FIELDS}
        | {"verification": o.get("verification") or ("verified" if o.get("verified") else "")}
        for o in offers
    ]
    return frame_of(rows, _FIELDS).with_columns(pl.col("gpu_name").str.strip_chars()), strange


def parse(documents: Sequence[Document]) -> Reading:
    """Per GPU and number of GPUs: the lowest price, and the 10th, 50th and 90th percentile (linear) of the offers."""
    (document,) = documents
    raw, strange = _offers(document)
    raw = raw.filter(
        pl.col("rentable").fill_null(value=False)
        & ~pl.col("rented").fill_null(value=False)
        & (pl.col("verification") == "verified")
    )
    # An offer without a GPU is a CPU machine: another subject.
    raw = raw.filter((pl.col("num_gpus") != 0).fill_null(value=True))
    sound = (
        pl.col("gpu_name").fill_null("").ne("")
        & (pl.col("num_gpus") > 0)
        & (pl.col("dph_total") > 0)
        & (pl.col("num_gpus") == pl.col("num_gpus").round())
        & pl.col("dph_total").is_finite()
    ).fill_null(value=False)
    # One absurd ask would move no quantile much, but it would be the group's minimum: bound each offer by itself.
    per_gpu = pl.col("dph_total") / pl.col("num_gpus")
    in_bounds = per_gpu.is_between(*_BOUNDS_USD).fill_null(value=False)
    # Hosts report a few MiB more or less for one model; cards of one name with other memory are another product.
    sized = raw.with_columns(
        ((pl.col("gpu_ram") / 1024 / 4).round() * 4).cast(pl.Int64, strict=False).alias("size_gib")
    )
    bad = sized.filter(~sound | ~in_bounds)
    good = sized.filter(sound & in_bounds)
    machine = pl.format(
        "{}x {}{}",
        pl.col("num_gpus").cast(pl.Int64, strict=False),
        "gpu_name",
        pl.format(" {} GiB", "size_gib").fill_null(""),
    )
    price = pl.col("dph_total")
    groups = good.group_by("gpu_name", "num_gpus", "size_gib", maintain_order=True).agg(
        price.min().alias("market_min"),
        *(price.quantile(q, interpolation="linear").alias(name) for name, q in QUANTILES.items()),
        (pl.col("gpu_ram").median() / 1024).alias("memory_gib"),
    )
    quantiles = groups.unpivot(
        ["market_min", *QUANTILES],
        index=["gpu_name", "num_gpus", "size_gib", "memory_gib"],
        variable_name="variant",
        value_name="price",
    )
    rows = cloud_rates(
        quantiles,
        provider="vast",
        instance_type=machine,
        offer_variant=pl.col("variant"),
        accelerator_name=pl.col("gpu_name"),
        accelerator_count=pl.col("num_gpus"),
        accelerator_memory_gib=pl.col("memory_gib"),
        price_amount_per_hour=pl.col("price"),
    )
    why = (
        pl.when(~sound)
        .then(pl.lit("no GPU name, no whole number of GPUs, or no price above zero"))
        .otherwise(pl.format("a GPU-hour of {} USD is not between {} and {}", per_gpu, *map(pl.lit, _BOUNDS_USD)))
    )
    # The host may be the only one with such a machine: then its ask is not known, and it has not gone.
    rejected = refused(bad.drop("size_gib"), why, bad.select(machine.alias("instance_type")))
    return Reading([Scope("vast", rows, is_complete=True)], rejected).refusing(strange)


VAST = Source(
    source_id="vast",
    subject="cloud_rate",
    title="Vast.ai market",
    homepage_url="https://vast.ai/pricing",
    licence="prices are facts; terms of Vast.ai",
    parse=parse,
    parser_version=3,
    plan=plan,
    hosts=(HOST,),
    cadence="15 */6 * * *",
    changes_within_days=3,
    # Offers are refused one by one, rows count whole groups: old cards below five cents are many.
    max_bytes=128 << 20,
    max_rejected_share=0.6,
)
