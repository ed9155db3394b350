"""Alibaba Cloud ECS: the price file behind the price pages of the international (USD) and the mainland site (CNY).

The pages name a versioned folder on the publisher's content network, which holds `price/download/instancePrice.json`:
`pricingInfo` maps "region::type::network::system::io" to `hours`, `months` and `years`, each a list of {price, period}
with the price of the whole period as text. No recorded answer was available: the form is the one on which public
readers of the file agree (Apache Libcloud, a Karpenter provider, banzaicloud's cloudinfo); one of them has two entries
of the file of 2018-10-08 in its tests: 0.09 an hour, and 466.56, 933.1 and 1,399.64 for one, two and three years.

Quirks: a type is listed up to eight times (classic and VPC network, Linux and Windows, I/O-optimised or not): only
Linux in a VPC, I/O-optimised, is kept. A term is paid in advance and priced as a whole: its price is divided by its
hours, and the variant is `prepaid`. The file does not say which accelerator a type has: families gn and ga have whole
ones, vgn and sgn slices; counts come from the documentation (reference.instance_accelerator). Both sites sell the same
regions at different prices to different customers: offers of the mainland site have the variant `china_site`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    body_of,
    json_of,
    refused,
    to_number,
)
from assets.sources._rows import cloud_rates, inside, objects
from warehouse.captures import Document

FILES_HOST = "g.alicdn.com"
_INTERNATIONAL = "https://www.alibabacloud.com/product/ecs-pricing-list/en"
_MAINLAND = "https://www.aliyun.com/price/ecs/ecs-pricing/zh"
_FOLDER = re.compile(r"//g\.alicdn\.com/aliyun/(ecs-price-info(?:-intl)?)/(\d+(?:\.\d+)+)/")
#: Families with GPUs: gn (NVIDIA), ga (AMD), their bare metal and cluster forms, and the slices vgn and sgn.
_ACCELERATED = re.compile(r"^ecs\.(?:ebm|scc|v|s)?g[na]\d")
#: Unit and period of a price -> (purchase option, hours that it pays).
_PERIODS = {
    ("hours", "1"): ("on_demand", 1.0),
    ("years", "1"): ("reserved_1y", 8760.0),
    ("years", "3"): ("reserved_3y", 26280.0),
}


def expand(document: Document, window: Window) -> Iterable[Sequence[Request]]:
    """From the price page to the newest file that it names.

    Raises:
        LayoutError: if the page names none.
    """
    page = body_of(document).decode("utf-8", "replace").replace("\\/", "/")
    wanted = "ecs-price-info" if "aliyun.com" in document.url else "ecs-price-info-intl"
    versions = {version for folder, version in _FOLDER.findall(page) if folder == wanted}
    if not versions:
        raise LayoutError(f"{document.url}: the page names no folder {FILES_HOST}/aliyun/{wanted}/ (moved?)")
    newest = max(versions, key=lambda v: [int(n) for n in v.split(".")])
    yield [Request(f"https://{FILES_HOST}/aliyun/{wanted}/{newest}/price/download/instancePrice.json")]


def _prices(terms: object) -> Iterator[tuple[str | None, float, str | None]]:
    """(purchase option, hours, price) of each term; without an option, and maybe a price, where its period is not told."""
    if not isinstance(terms, dict):
        yield None, 1.0, None
        return
    for unit in ("hours", "years"):
        listed = terms.get(unit)
        for price in objects(listed):
            period = str(price.get("period"))
            # Terms of other lengths are known, and not kept.
            if (unit, period) in _PERIODS or not period.isdecimal():
                yield *_PERIODS.get((unit, period), (None, 1.0)), str(price.get("price"))
        if listed is not None and not isinstance(listed, list):
            yield None, 1.0, None


def parse(documents: Sequence[Document], *, site: str, currency: str) -> Reading:
    """One row per region, type and term."""
    (document,) = documents
    answer = json_of(document)
    info = inside(answer, "pricingInfo")
    if not isinstance(info, dict) or not info:
        raise LayoutError(f"{document.url}: pricingInfo is missing or empty (renamed?)")
    if answer.get("currency") != currency:
        raise LayoutError(f"{document.url}: prices are in {answer.get('currency')!r}, expected {currency}")
    rows = [
        (region, kind, *price)
        for (region, kind, *place), terms in ((key.split("::"), terms) for key, terms in info.items() if "::" in key)
        if place == ["vpc", "linux", "optimized"] and _ACCELERATED.match(kind)
        for price in _prices(terms)
    ]
    raw = pl.DataFrame(
        rows,
        schema={"region": pl.String, "type": pl.String, "option": pl.String, "hours": pl.Float64, "text": pl.String},
        orient="row",
    ).with_columns(to_number("text").alias("amount"))
    sound = (pl.col("amount") > 0).fill_null(value=False) & pl.col("option").is_not_null()
    bad = raw.filter(~sound).drop("amount")
    prepaid = pl.when(pl.col("option") != "on_demand").then(pl.lit("prepaid"))
    offers = cloud_rates(
        raw.filter(sound),
        provider="alibaba",
        region=pl.col("region"),
        instance_type=pl.col("type"),
        purchase_option=pl.col("option"),
        offer_variant=pl.concat_str(pl.lit(site or None, dtype=pl.String), prepaid, separator=" ", ignore_nulls=True),
        price_amount_per_hour=pl.col("amount") / pl.col("hours"),
        currency_code=currency,
    )
    rejected = refused(
        bad,
        "the price is not a positive number, or its period cannot be read",
        region=pl.col("region"),
        instance_type=pl.col("type"),
        purchase_option=pl.col("option"),
    )
    return Reading([Scope(site or "alibaba", offers, is_complete=True)], rejected)


def _plan(page: str) -> Callable[[Window], Iterable[Sequence[Request]]]:
    return lambda window: [[Request(page, extension="html", is_index=True)]]


def _source(source_id: str, title: str, page: str, site: str, currency: str, host: str) -> Source:
    return Source(
        source_id=source_id,
        subject="cloud_rate",
        title=title,
        homepage_url=page,
        licence="prices are facts; terms of Alibaba Cloud",
        attribution="Alibaba Cloud",
        parse=partial(parse, site=site, currency=currency),
        parser_version=2,
        plan=_plan(page),
        expand=expand,
        hosts=(host, FILES_HOST),
        cadence="50 7 * * *",
        changes_within_days=365,
        is_scraped=True,
        max_bytes=512 << 20,
    )


ALIBABA = _source("alibaba", "Alibaba Cloud ECS prices", _INTERNATIONAL, "", "USD", "www.alibabacloud.com")
ALIBABA_CN = _source(
    "alibaba_cn", "Alibaba Cloud ECS prices, mainland site", _MAINLAND, "china_site", "CNY", "www.aliyun.com"
)
