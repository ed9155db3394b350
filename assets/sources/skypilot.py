"""SkyPilot catalog: one CSV per cloud, price per instance-hour in USD.

Quirks: for GCP's A2 and A3, host rows have no accelerator and no GPU price, and accelerator rows have no host: their
prices are added here. In some regions GCP's accelerators have the price of a commitment under "on demand" (see
`_gcp`): refused. A host at 0.0 (A4) is sold by the slice, whose price includes it; in 2026 those prices were at half
and at 0.7 of the list everywhere, so none of them is read as on demand. `GpuInfo` is a Python repr, JSON or a bare
name, and its memory differs by cloud: of one GPU or of all of them (Vast, Prime Intellect, whose instance type states
that of one), in MiB or in GiB under the same name (RunPod, Shadeform), or 0 for unknown; its fields were once in
small letters (DigitalOcean). For RunPod and Hyperbolic only `GpuInfo` states the form of a card. A spot price of 0.00
means none. Preview sizes have an empty price. Azure's file has a `Generation` column, GCP's has zones. The catalog
drops the end of the names of Vast's cards (`RTX_3090_Ti`, `RTX_4080S` and `RTX_4090D`, and the form of `A100_PCIE`
and `H100_NVL`): there the name is read from the instance type, which has it in full. Mithril sells by auction: its
file has the lowest accepted bid as on-demand and spot price alike (H200 at 1.00 in 2026), which is neither, so all of
it is refused and the file is not requested. Scaleway's prices are those of its API, in euros. Nebius once had the
memory of the host in place of that of the card. Files of clouds without a spot market may lack its column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    csv_rows,
    is_no_number,
    refused,
    to_number,
)
from assets.sources._gcp import COMMITTED, is_committed
from assets.sources._rows import PROVIDER_NAMES, cloud_rates
from warehouse.captures import Document

#: Clouds with a file of offers under catalogs/v8, as the repository listed them in 2026 (and Azure).
CLOUDS = (
    "aws",
    "azure",
    "cudo",
    "daytona",
    "gcp",
    "hyperbolic",
    "hyperstack",
    "jarvislabs",
    "lambda",
    "lium",
    "nebius",
    "oci",
    "primeintellect",
    "runpod",
    "seeweb",
    "shadeform",
    "spheron",
    "vast",
    "verda",
    "yotta",
)
#: Clouds of older catalogs, which a file loaded by hand may be of.
_OLDER_CLOUDS = ("ibm", "fluidstack", "mithril", "paperspace", "do", "scaleway", "scp", "simplepod", "vsphere")
_REQUIRED = ("InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "Price", "Region")
#: Clouds whose figures are in another currency than USD.
_CURRENCIES = {"scaleway": "EUR"}

#: GCP host families whose accelerator is fixed and priced apart: family -> accelerator as the accelerator rows name it.
_GCP_HOSTS = {
    "a2-highgpu": "A100",
    "a2-megagpu": "A100",
    "a2-ultragpu": "A100-80GB",
    "a3-highgpu": "H100",
    "a3-edgegpu": "H100",
    "a3-megagpu": "H100-MEGA",
    "a3-ultragpu": "H200",
    "a4-highgpu": "B200",
    "g2-standard": "L4",
    "a4x-highgpu": "GB200",
    "a4x-maxgpu": "GB300",
    "g4-standard": "RTXPRO6000",
}
#: Accelerators of the families whose names count processors.
_GCP_COUNTS = {
    "g2": {4: 1.0, 8: 1.0, 12: 1.0, 16: 1.0, 32: 1.0, 24: 2.0, 48: 4.0, 96: 8.0},
    "g4": {48: 1.0, 96: 2.0, 192: 4.0, 384: 8.0},
}
_COUNT_OF_STANDARD = {
    f"{family}-standard-{cpus}": count for family, counts in _GCP_COUNTS.items() for cpus, count in counts.items()
}


_OPTIONS = {"Price": "on_demand", "SpotPrice": "spot"}
_GCP_FAMILY = r"^([a-z0-9]+-[a-z]+gpu|g[24]-standard)"
#: The card in an instance type of Vast: "4x-RTX_4070S_Ti-32-65536".
_VAST_CARD = r"^\d+x-(.+)-\d+-\d+$"
#: The memory of one card in an instance type of Prime Intellect: "lambdalabs__8xA100_80GB__240__1800".
_PRIMEINTELLECT_GIB = r"__\d+x.+_(\d+)GB(?:__|$)"
#: From this spot price per hour on there is no spot market: Prime Intellect's file once said 99999999 for it.
_NO_SPOT_USD = 1e6
#: Clouds whose cards have their full name, with its form, in `GpuInfo` only.
_NAMED_IN_INFO = ("runpod", "hyperbolic")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One file per cloud, as it stands or as it stood on past days."""
    for cloud in CLOUDS:
        path = f"catalogs/v8/{cloud}/vms.csv"
        yield from _git.current_or_past("skypilot-org/skypilot-catalog", path, window, "master")


def _cloud_of(document: Document) -> str:
    """The cloud that a file lists: by a folder of its address, else by the beginning of its name."""
    parts = document.url.replace("file:", "").lower().replace("\\", "/").split("/")
    for cloud in (*CLOUDS, *_OLDER_CLOUDS):
        if cloud in parts[:-1] or parts[-1].split("_")[0].split(".")[0] == cloud:
            return cloud
    # A cloud that came later, by the catalog's own way of naming.
    if named := re.match(
        r"([a-z0-9-]+)[/_]vms(?![a-z])", "/".join(parts[-2:]) if parts[-1].startswith("vms") else parts[-1]
    ):
        return named[1]
    raise LayoutError(
        f"{document.url}: cannot tell which cloud this catalog is of: name the file <cloud>_vms.csv, as {', '.join(CLOUDS)}"
    )


def _without_gcp_commitments(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """GCP: what is no price on demand, and zeros that are no price on spot, set to null; accelerators refused for the former."""
    alone = (pl.col("InstanceType").is_null() & ~pl.col("AcceleratorName").str.starts_with("tpu")).fill_null(
        value=False
    )
    rate = pl.when(alone).then(pl.col("Price") / pl.col("AcceleratorCount"))
    family = pl.col("InstanceType").str.extract(_GCP_FAMILY).replace_strict(_GCP_HOSTS, default=None)
    is_host = pl.col("AcceleratorName").is_null() & family.is_not_null()
    by_slice = is_host & (pl.col("Price") == 0).fill_null(value=False)
    sliced = frame.filter(by_slice).select(family.alias("name"))["name"].unique().to_list()
    committed = is_committed(rate, "AcceleratorName") | (rate.is_not_null() & pl.col("AcceleratorName").is_in(sliced))
    no_spot = (pl.col("SpotPrice") == 0) & (alone | (is_host & ~by_slice))
    return (
        frame.with_columns(
            pl.when(~committed).then("Price").alias("Price"),
            pl.when(~no_spot.fill_null(value=False)).then("SpotPrice").alias("SpotPrice"),
        ),
        frame.filter(committed),
    )


def _region() -> pl.Expr:
    return pl.col("Region").str.strip_chars(" ,").replace(["", "UNSPECIFIED"], "unknown").fill_null("unknown")


def _alone() -> pl.Expr:
    """How an accelerator is named that goes to any host."""
    return pl.format("{}x {}", pl.col("AcceleratorCount").cast(pl.Int64), "AcceleratorName")


def _attach_gcp_hosts(frame: pl.DataFrame) -> pl.DataFrame:
    """GCP: price of host and accelerators of one zone added up; accelerators that go to any host stay apart."""
    zone = ["Region", "AvailabilityZone"]
    family = pl.col("InstanceType").str.extract(_GCP_FAMILY)
    hosts = frame.filter(pl.col("AcceleratorName").is_null() & pl.col("InstanceType").is_not_null()).with_columns(
        family.replace_strict(_GCP_HOSTS, default=None, return_dtype=pl.String).alias("fixed"),
        pl.coalesce(
            pl.col("InstanceType").str.extract(r"gpu-(\d+)g").cast(pl.Float64),
            pl.col("InstanceType").replace_strict(_COUNT_OF_STANDARD, default=None, return_dtype=pl.Float64),
        ).alias("fixed_count"),
    )
    accelerators = frame.filter(pl.col("AcceleratorName").is_not_null())
    attached = (
        hosts.filter(pl.col("fixed").is_not_null() & pl.col("fixed_count").is_not_null())
        .drop("AcceleratorName", "AcceleratorCount", "gpu_memory_gib")
        .join(
            accelerators.select(
                *zone,
                pl.col("AcceleratorName").alias("fixed"),
                pl.col("AcceleratorCount").alias("fixed_count"),
                pl.col("Price").alias("gpu_price"),
                pl.col("SpotPrice").alias("gpu_spot"),
                "gpu_memory_gib",
            ),
            on=[*zone, "fixed", "fixed_count"],
            how="inner",
        )
        .with_columns(
            pl.col("fixed").alias("AcceleratorName"),
            pl.col("fixed_count").alias("AcceleratorCount"),
            (pl.col("Price") + pl.col("gpu_price")).alias("Price"),
            (pl.col("SpotPrice") + pl.col("gpu_spot")).alias("SpotPrice"),
            pl.lit("instance").alias("price_component"),
        )
    )
    whole = accelerators.filter(pl.col("InstanceType").is_not_null()).with_columns(
        pl.lit("instance").alias("price_component")
    )
    alone = accelerators.filter(
        pl.col("InstanceType").is_null() & ~pl.col("AcceleratorName").str.starts_with("tpu")
    ).with_columns(
        pl.lit("accelerator").alias("price_component"),
        _alone().alias("InstanceType"),
    )
    # A TPU row prices the whole slice under its name: the last number counts chips from v5e on, cores (two a chip)
    # before.
    size = pl.col("AcceleratorName").str.extract(r"-(\d+)$").cast(pl.Float64)
    by_cores = pl.col("AcceleratorName").str.contains(r"^tpu-v(2|3|4|5p)-")
    tpus = accelerators.filter(
        pl.col("InstanceType").is_null() & pl.col("AcceleratorName").str.starts_with("tpu")
    ).with_columns(
        pl.lit("instance").alias("price_component"),
        pl.col("AcceleratorName").alias("InstanceType"),
        pl.when(by_cores).then(size / 2).otherwise(size).alias("AcceleratorCount"),
    )
    columns = [*frame.columns, "price_component"]
    return pl.concat([part.select(columns) for part in (attached, whole, alone, tpus)])


def _gpu_memory_gib(cloud: str, name: pl.Expr, info: pl.Expr, count: pl.Expr) -> pl.Expr:
    """Memory of one accelerator in GiB, as far as the cloud's way of writing tells it; null where it does not."""
    if cloud == "primeintellect":
        return pl.col("InstanceType").str.extract(_PRIMEINTELLECT_GIB).cast(pl.Float64)
    one, total = (
        info.str.extract(rf"""(?i)['"]{field}['"]: ?(\d+)""").cast(pl.Float64)
        for field in ("SizeInMiB", "TotalGpuMemoryInMiB")
    )
    if cloud == "nebius":
        one = pl.when((one * count != to_number("MemoryGiB") * 1024).fill_null(value=True)).then(one)
    # Vast writes the total of all GPUs in both places; where both agree for several GPUs, nothing is per GPU, unless a
    # machine with one such GPU has the same figure (SimplePod, DigitalOcean): then the total is wrong. At Vast two A100
    # of 40 GB have what one of 80 GB has.
    is_of_one = one.is_in(one.filter(count == 1).unique().implode()).over(name) & (pl.lit(cloud) != "vast")
    is_of_all = (count > 1) & (one == total) & ~is_of_one & (pl.lit(cloud) != "lambda")
    figure = pl.when(is_of_all).then(one / count).otherwise(one)
    # No accelerator has less than a GiB: what is below is GiB under the name of MiB.
    in_name = name.str.extract(r"-(\d+)GB?$").cast(pl.Float64)
    return pl.when(figure > 0).then(pl.when(figure < 1024).then(figure).otherwise(figure / 1024)).otherwise(in_name)


def _typed(raw: pl.DataFrame, cloud: str) -> pl.DataFrame:
    """The columns of a catalog that are used, numbers as numbers, with `gpu_memory_gib`; a column that the file lacks is null."""
    zone = pl.col("AvailabilityZone") if "AvailabilityZone" in raw.columns else pl.lit(None, dtype=pl.String)
    info = pl.col("GpuInfo") if "GpuInfo" in raw.columns else pl.lit(None, dtype=pl.String)
    count = to_number("AcceleratorCount")
    name = pl.col("AcceleratorName")
    if cloud == "vast":
        card = pl.col("InstanceType").str.extract(_VAST_CARD).str.replace_all("_", " ", literal=True)
        name = pl.when(name.is_not_null()).then(pl.coalesce(card, name)).alias("AcceleratorName")
    elif cloud in _NAMED_IN_INFO:
        card = info.str.extract(r"""['"]Name['"]: ?['"]([^'"]+)['"]""")
        name = pl.when(name.is_not_null()).then(pl.coalesce(card, name)).alias("AcceleratorName")
    return raw.select(
        pl.col("InstanceType"),
        name,
        count.alias("AcceleratorCount"),
        to_number("vCPUs").alias("vCPUs"),
        to_number("MemoryGiB").alias("MemoryGiB"),
        to_number("Price").alias("Price"),
        pl.when(to_number("SpotPrice") < _NO_SPOT_USD).then(to_number("SpotPrice")).alias("SpotPrice"),
        pl.col("Region"),
        zone.alias("AvailabilityZone"),
        _gpu_memory_gib(cloud, pl.col("AcceleratorName"), info, count).alias("gpu_memory_gib"),
    )


def _by_option(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per offer and purchase option, with its `price`; an empty price (preview sizes, no spot market) says "not sold so", as does 0 on spot."""
    index = [c for c in frame.columns if c not in _OPTIONS]
    return pl.concat(
        frame.filter(pl.col(column).is_not_null() & ((pl.col(column) != 0) if option == "spot" else True)).select(
            *index, pl.lit(option).alias("purchase_option"), pl.col(column).alias("price")
        )
        for column, option in _OPTIONS.items()
    )


def _is_one_price_for_all() -> pl.Expr:
    """True for offers of TPU slices that have one price whatever their size, which prices none of them (seen in 2026)."""
    family = pl.col("AcceleratorName").str.extract(r"^(tpu-v[0-9a-z]+)-\d+$")
    size_count = pl.col("AcceleratorCount").n_unique()
    return family.is_not_null() & (
        size_count.over(family, "Region", "AvailabilityZone", "purchase_option", "price") > 1
    )


def _states_bids(frame: pl.DataFrame) -> bool:
    """Whether every offer with a spot price has the same price on demand, and there are several such."""
    spot = frame.filter(pl.col("SpotPrice") > 0)
    return spot.height > 1 and spot.filter(pl.col("Price").ne_missing(pl.col("SpotPrice"))).is_empty()


def _gcp_instances(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """GCP: whole instances and accelerators alone from rows of hosts and of accelerators; and what is refused."""
    frame, committed = _without_gcp_commitments(frame)
    frame = _attach_gcp_hosts(frame)
    # And the hosts that they are added to: without them their price is no price.
    of_host = frame.filter(pl.col("price_component") == "instance").join(
        committed, on=["Region", "AvailabilityZone", "AcceleratorName", "AcceleratorCount"], how="semi"
    )
    key = {"region": _region(), "purchase_option": "on_demand"}
    return frame, [
        refused(committed, COMMITTED, instance_type=_alone(), **key),
        refused(
            of_host.drop("price_component", "Price", "SpotPrice"),
            COMMITTED,
            instance_type=pl.col("InstanceType"),
            **key,
        ),
    ]


def parse(documents: Sequence[Document]) -> Reading:
    """Offers with accelerators, on demand and spot, one row per region (zones of one price count once)."""
    (document,) = documents
    # Azure's last column holds "V1,V2" without quotes: what overhangs belongs to it and is not used.
    raw, overlong = csv_rows(document, _REQUIRED, overhanging_column="Generation", may_be_short=True)
    if "SpotPrice" not in raw.columns:
        if renamed := [c for c in raw.columns if "spot" in c.lower()]:
            raise LayoutError(f"{document.url}: column SpotPrice is missing (renamed {', '.join(renamed)}?)")
        raw = raw.with_columns(pl.lit(None, pl.String).alias("SpotPrice"))
    cloud = _cloud_of(document)
    frame = _typed(raw, cloud)
    # An empty price says "not sold so"; a word in its place is a fault.
    of_gpu = pl.col("AcceleratorName").is_not_null() | pl.lit(cloud == "gcp")
    no_price = [
        refused(
            raw.filter(of_gpu & is_no_number(column)),
            f"{column} is not a number",
            region=_region(),
            # What goes to any host is part of many prices.
            instance_type=pl.col("InstanceType"),
            purchase_option=option,
        )
        for column, option in _OPTIONS.items()
    ]
    if cloud == "gcp":
        frame, of_commitments = _gcp_instances(frame)
        no_price += of_commitments
    else:
        frame = frame.filter(pl.col("AcceleratorName").is_not_null()).with_columns(
            pl.lit("instance").alias("price_component")
        )
    offers = _by_option(frame)
    is_bid = pl.lit(_states_bids(frame))
    bids, offers = offers.filter(is_bid), offers.filter(~is_bid)
    unusable, offers = offers.filter(pl.col("price") <= 0), offers.filter(pl.col("price") > 0)
    flat, offers = offers.filter(_is_one_price_for_all()), offers.filter(~_is_one_price_for_all())
    instance_type = pl.coalesce("InstanceType", pl.lit("unknown"))
    key = {"region": _region(), "instance_type": instance_type, "purchase_option": pl.col("purchase_option")}
    rows = cloud_rates(
        offers,
        provider=PROVIDER_NAMES.get(cloud, cloud),
        price_component=pl.col("price_component"),
        accelerator_name=pl.col("AcceleratorName"),
        accelerator_count=pl.col("AcceleratorCount"),
        accelerator_memory_gib=pl.col("gpu_memory_gib"),
        vcpu_count=pl.col("vCPUs"),
        memory_gib=pl.col("MemoryGiB"),
        price_amount_per_hour=pl.col("price"),
        currency_code=_CURRENCIES.get(cloud, "USD"),
        **key,
    )
    if "AvailabilityZone" in raw.columns:
        rows = _one_per_region(rows.with_columns(offers["AvailabilityZone"].fill_null("").alias("zone")))
    return Reading(
        [Scope(cloud, rows, is_complete=True)],
        pl.concat(
            [
                refused(
                    bids, "on demand and on spot at one price throughout: the lowest bid of an auction, no price", **key
                ),
                refused(unusable, "price is zero or negative on demand", **key),
                refused(flat, "one price for TPU slices of different size: it prices none of them", **key),
                *no_price,
                overlong,
            ],
            how="diagonal",
        ),
    )


def _one_per_region(rows: pl.DataFrame) -> pl.DataFrame:
    """Zones (and several hosts) of one region: where prices differ, each stays as a variant named by its zone."""
    key = ["provider", "region", "instance_type", "purchase_option", "price_component"]
    values = [c for c in rows.columns if c not in (*key, "zone", "offer_variant")]
    distinct = rows.unique(subset=[*key, *values], keep="first", maintain_order=True)
    several = pl.len().over(key) > 1
    variant = pl.when(several & (pl.col("zone") != "")).then(pl.col("zone")).otherwise(pl.lit(""))
    return distinct.with_columns(variant.alias("offer_variant")).drop("zone")


SKYPILOT = Source(
    source_id="skypilot",
    subject="cloud_rate",
    title="SkyPilot catalog",
    homepage_url="https://github.com/skypilot-org/skypilot-catalog",
    licence="not stated by the repository",
    attribution="SkyPilot catalog",
    parse=parse,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    has_history=True,
    parser_version=8,
    cadence="20 */8 * * *",
    changes_within_days=14,
    extension="csv",
)
