"""Catalogs of offers: gpuhunt's 100,000 against its own `Catalog.load()`; a snapshot of 20,000 again and 1% changed; a price page of 5,000 rows."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import zipfile
from pathlib import Path
from unittest import mock

import polars as pl
from bs4 import BeautifulSoup

from assets.sources import all_sources
from tests.bench._homes import fresh_home, served, spool, take
from tests.bench._timing import compare
from warehouse.captures import Document

_CATALOG_URL = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3/aws/20260901-1/catalog.zip"


def catalog_zip(path: Path, rows: int, changed_every: int | None = None) -> Path:
    """A catalog of one provider in gpuhunt's layout, every row an offer with GPUs."""
    n = pl.int_range(0, rows, eager=True).alias("n").to_frame()
    changed = pl.col("n") % changed_every == 0 if changed_every else pl.lit(value=False)
    frame = n.select(
        pl.format("p{}.{}xlarge", pl.col("n") % 500, pl.col("n") // 500 % 50).alias("instance_name"),
        pl.format("region-{}", pl.col("n") // 25_000).alias("location"),
        (0.5 + pl.col("n") % 4000 / 100 + changed.cast(pl.Float64) / 1000).round(4).alias("price"),
        (8 + pl.col("n") % 64).alias("cpu"),
        (64.0 + pl.col("n") % 512).alias("memory"),
        (1 + pl.col("n") % 8).alias("gpu_count"),
        pl.when(pl.col("n") % 2 == 0).then(pl.lit("H100")).otherwise(pl.lit("A100")).alias("gpu_name"),
        pl.lit(80.0).alias("gpu_memory"),
        pl.lit("False").alias("spot"),
        pl.lit(100.0).alias("disk_size"),
        pl.lit("nvidia").alias("gpu_vendor"),
        pl.lit("").alias("flags"),
        pl.lit("x86").alias("cpu_arch"),
        pl.lit("{}").alias("provider_data"),
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("aws.csv", frame.write_csv())
    return path


def _gpuhunt(folder: Path, rows: int, rounds: int) -> None:
    """Bytes to committed log against the peer's objects in memory; both read the same archive."""
    from gpuhunt import Catalog

    file = catalog_zip(folder / "aws.zip", rows)
    with served() as server:
        base = f"{server.origin}/catalogs/v3"
        server.add("https://catalogs/v3/aws/20260901-1/catalog.zip", file.read_bytes())
        homes = iter([fresh_home(folder) for _ in range(rounds)])

        def ours() -> None:
            home = next(homes)
            take(home, "gpuhunt", [spool(home, file, _CATALOG_URL, 1)])

        def peer() -> None:
            loaded = Catalog(auto_reload=False)
            loaded.load(version="20260901-1")
            if len(loaded.catalog["aws"].items) != rows:
                raise RuntimeError("gpuhunt read another number of offers")

        with (
            mock.patch("gpuhunt._internal.catalog.OFFLINE_PROVIDERS", ["aws"]),
            mock.patch.dict(os.environ, {"GPUHUNT_CATALOG_URL": base}),
        ):
            compare(f"gpuhunt's Catalog.load() of {rows:,} offers / into the log", peer, ours, "at least 2.5", rounds)


def _snapshots(folder: Path, rows: int, rounds: int) -> None:
    first = catalog_zip(folder / "first.zip", rows)
    changed = catalog_zip(folder / "changed.zip", rows, changed_every=100)
    for title, second, outcome, aim in (
        ("unchanged", first, "unchanged", "at most 0.5"),
        ("1% changed", changed, "loaded", "at most 0.75"),
    ):
        known = [fresh_home(folder) for _ in range(rounds)]
        for home in known:
            take(home, "gpuhunt", [spool(home, first, _CATALOG_URL, 1)])
        again, fresh = iter(known), iter([fresh_home(folder) for _ in range(rounds)])

        def load_again(again=again, second=second, outcome=outcome) -> None:
            home = next(again)
            take(home, "gpuhunt", [spool(home, second, _CATALOG_URL, 2)], outcome)

        def load_first(fresh=fresh) -> None:
            home = next(fresh)
            take(home, "gpuhunt", [spool(home, first, _CATALOG_URL, 1)])

        compare(f"snapshot of {rows:,} offers, {title} / first load", load_again, load_first, aim, rounds)


def dated_list(path: Path, rows: int, changed_every: int | None = None) -> Path:
    """A list of GPU machines in the format of Azure Retail Prices, where a price that changed has a new date."""
    n = pl.int_range(0, rows, eager=True).alias("n").to_frame()
    changed = pl.col("n") % changed_every == 0 if changed_every else pl.lit(value=False)
    name = pl.format("Standard_NC{}ads_H100_v{}", 4 * (1 + pl.col("n") % 24), 1 + pl.col("n") // 24 % 7)
    price = (0.5 + pl.col("n") % 4000 / 100 + changed.cast(pl.Float64) / 1000).round(4)
    n.select(
        pl.lit("USD").alias("currencyCode"),
        pl.lit(0.0).alias("tierMinimumUnits"),
        price.alias("retailPrice"),
        pl.format("region{}", pl.col("n") // 168).alias("armRegionName"),
        pl.when(changed)
        .then(pl.lit("2026-09-02T00:00:00Z"))
        .otherwise(pl.lit("2026-01-01T00:00:00Z"))
        .alias("effectiveStartDate"),
        name.str.replace("Standard_", "").alias("meterName"),
        pl.lit("Virtual Machines NC Series").alias("productName"),
        name.alias("skuName"),
        pl.lit("Virtual Machines").alias("serviceName"),
        pl.lit("1 Hour").alias("unitOfMeasure"),
        pl.lit("Consumption").alias("type"),
        pl.lit(value=True).alias("isPrimaryMeterRegion"),
        name.alias("armSkuName"),
    ).write_json(path)
    return path


def _dated(folder: Path, rows: int, rounds: int) -> None:
    first, changed = dated_list(folder / "first.json", rows), dated_list(folder / "changed.json", rows, 100)
    url = "https://prices.azure.com/api/retail/prices"
    known = [fresh_home(folder) for _ in range(rounds)]
    for home in known:
        take(home, "azure_retail", [spool(home, first, url, 1)])
    again, fresh = iter(known), iter([fresh_home(folder) for _ in range(rounds)])

    def load_again() -> None:
        home = next(again)
        take(home, "azure_retail", [spool(home, changed, url, 2)])

    def load_first() -> None:
        home = next(fresh)
        take(home, "azure_retail", [spool(home, first, url, 1)])

    compare(f"dated list of {rows:,} offers, 1% changed / first load", load_again, load_first, "at most 2", rounds)


def price_page(path: Path, rows: int) -> Path:
    """A page in the layout of Lambda's price page."""
    row = (
        '<tr class="row"><td class="name">{count}x NVIDIA H{n} SXM</td><td>80 GB</td><td>{cpus}</td><td>225 GiB</td>'
        '<td>2.75 TiB SSD</td><td class="price">${price:.2f} / GPU / hr</td></tr>'
    )
    body = "\n".join(
        row.format(count=2 ** (n % 4), n=100 + n, cpus=26 * 2 ** (n % 4), price=1.5 + n % 300 / 100)
        for n in range(rows)
    )
    head = "<tr><th>GPU</th><th>VRAM</th><th>vCPUs</th><th>RAM</th><th>Storage</th><th>Price per GPU</th></tr>"
    path.write_text(
        f"<!doctype html><html><head><title>Pricing</title></head><body><table>{head}{body}</table></body></html>"
    )
    return path


def _page(folder: Path, rows: int, rounds: int) -> None:
    file = price_page(folder / "page.html", rows)
    body = file.read_bytes()
    document = Document(file, "https://lambda.ai/pricing", dt.datetime(2026, 9, 1, tzinfo=dt.UTC), "html")
    parse = all_sources()["lambda_page"].parse
    if parse([document]).scopes[0].frame.height != rows:
        raise RuntimeError("not every row of the page was read")
    compare(
        f"price page of {rows:,} rows ({len(body) / 1e6:.1f} MB) / BeautifulSoup(…, 'lxml') alone",
        lambda: parse([document]),
        lambda: BeautifulSoup(body, "lxml"),
        "at most 1.2",
        rounds,
    )


def run(scale: float = 1.0, rounds: int = 5) -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        folder = Path(name)
        _gpuhunt(folder, int(100_000 * scale), rounds)
        _snapshots(folder, int(20_000 * scale), rounds)
        _dated(folder, int(20_000 * scale), rounds)
        _page(folder, int(5_000 * scale), rounds)
