"""AWS Price List bulk files: every price of every region, as CSV or JSON, with all versions since 2015.

A region's file has 100 to 700 MB, of which hardly anything concerns accelerators. The CSV is read in blocks, and only
lines that name Linux and shared tenancy are parsed (765 MB in 1.1 s with a peak of 190 MB; the lazy scan of Polars took
2.9 s and 880 MB). The JSON is never decoded as a whole: the file is memory-mapped, the few products with accelerators
are found by their attribute, and only their terms are decoded.

Quirks: a CSV begins with lines of metadata (five so far) before its header, and the order and number of columns change
(CapacityStatus and MarketOption were added late: without them, the usage type tells). One instance type has hundreds of
rows: only Linux, shared tenancy, no software, no licence, used capacity is kept. A reservation has an hourly row and an
"Upfront Fee" row: only standard ones without an upfront fee are a price per hour, so only those are kept. Capacity
Blocks have 0.00 in most files (their price changes daily) and are kept only where they have a price. Every other
recorded zero belongs to a row that bills something else (hours of a reservation paid upfront, reserved and used
capacity, a dedicated host): a zero for the plain machine does not say that it is not sold, and is refused. `GPU` counts
accelerators and is empty for Trainium, Inferentia and Gaudi; `GPU Memory` is "NA", of one GPU or of all, so it is not
read. The file does not name the accelerator. Local and Wavelength Zones are in their region's file with their own
region code.

Dates: a price holds from its EffectiveDate, mostly the first of the month in which the version was published, including
days already past. A version from the archive is recorded as observed when it was published. An older version loaded by
hand should be given the time of its publication with `--fetched-at`; without it, the file at least ends no offer.
"""

from __future__ import annotations

import datetime as dt
import json
import mmap
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import polars as pl

from assets.sources._aws import OTHER_ACCELERATORS, csv_rows, gib, region_of, unpacked
from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    json_of,
    looks_like_html,
    refused,
    split_by_fault,
    to_instant,
    to_number,
)
from assets.sources._rows import cloud_rates, inside, number_of, text_or_none
from warehouse.captures import Document

HOST = "pricing.us-east-1.amazonaws.com"
CHINA_HOST = "pricing.cn-north-1.amazonaws.com.cn"
_ROOTS = {
    HOST: f"https://{HOST}/offers/v1.0/aws/AmazonEC2",
    CHINA_HOST: f"https://{CHINA_HOST}/offers/v1.0/cn/AmazonEC2",
}

#: The global region index also lists this one, which is no region of that partition.
_NOT_A_REGION = ("cn-north-1-pkx-1",)
#: A file published longer ago than this does not say what is offered today.
_FRESH = dt.timedelta(days=62)

#: Columns of the CSV: attribute of the JSON.
_COLUMNS = {
    "SKU": "sku",
    "TermType": None,
    "EffectiveDate": None,
    "Unit": None,
    "PricePerUnit": None,
    "Currency": None,
    "Product Family": "productFamily",
    "Location": "location",
    "Instance Type": "instanceType",
    "vCPU": "vcpu",
    "Memory": "memory",
    "Tenancy": "tenancy",
    "Operating System": "operatingSystem",
    "usageType": "usagetype",
    "LeaseContractLength": None,
    "PurchaseOption": None,
    "OfferingClass": None,
    "Location Type": "locationType",
    "License Model": "licenseModel",
    "operation": "operation",
    "CapacityStatus": "capacitystatus",
    "GPU": "gpu",
    "MarketOption": "marketoption",
    "Pre Installed S/W": "preInstalledSw",
    "Region Code": "regionCode",
}
_REQUIRED = (
    "SKU",
    "TermType",
    "EffectiveDate",
    "Unit",
    "PricePerUnit",
    "Currency",
    "Location",
    "Instance Type",
    "Tenancy",
    "Operating System",
    "usageType",
)
_ABSENT = ("NA", "N/A", "")
#: How much of a JSON file is looked at before its pages are let go.
_WINDOW = 32 << 20
_LONGEST_SKU = 256


# Plan -----------------------------------------------------------------------------------------------------------------


def _plan(host: str, window: Window) -> Iterator[Sequence[Request]]:
    root = _ROOTS[host]
    index = "index.json" if window.first_on else "current/region_index.json"
    yield [Request(f"{root}/{index}", is_index=True)]


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The index of regions (of the current version), or of versions where past days are asked for."""
    return _plan(HOST, window)


def plan_china(window: Window) -> Iterable[Sequence[Request]]:
    """The same for the regions of AWS China."""
    return _plan(CHINA_HOST, window)


def _day(text: str) -> dt.date | None:
    return dt.datetime.fromisoformat(text).date() if text else None


def expand(document: Document, window: Window) -> Iterator[Sequence[Request]]:
    """From the index of versions to those in force in the window; from an index of regions to one file per region.

    Raises:
        LayoutError: if it is neither, or leads to another host.
    """
    index = json_of(document)
    parts = urlsplit(document.url)
    if "versions" in index:
        first, last = window.first_on or dt.date.min, window.last_on or window.now.date()
        for version, about in sorted(index["versions"].items()):
            begins, ends = _day(about["versionEffectiveBeginDate"]), _day(about.get("versionEffectiveEndDate", ""))
            if begins is not None and begins <= last and (ends is None or ends > first):
                yield [Request(f"{_ROOTS[parts.netloc]}/{version}/region_index.json", is_index=True)]
        return
    if "regions" not in index:
        raise LayoutError(f"{document.url}: neither versions nor regions in the index; found {', '.join(index)[:200]}")
    regions = index["regions"].values() if isinstance(index["regions"], dict) else index["regions"]
    for region in regions:
        url = urljoin(document.url, region.get("currentVersionUrl") or region["versionUrl"])
        if urlsplit(url).netloc != parts.netloc:
            elsewhere = urlsplit(url).netloc
            raise LayoutError(f"{document.url}: a region's file lies on {elsewhere}, not on {parts.netloc}: refused")
        # Regions only: Local and Wavelength Zones are in the file of their region.
        if re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d+", region["regionCode"]) and region["regionCode"] not in _NOT_A_REGION:
            yield [Request(re.sub(r"\.json$", ".csv", url), extension="csv", as_of=_published_in(url, window))]


def _published_in(url: str, window: Window) -> dt.datetime | None:
    """For a past version: when it was published, which its name tells."""
    found = re.search(r"/(\d{14})/", url) if window.first_on else None
    return dt.datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=dt.UTC) if found else None


# Parse ----------------------------------------------------------------------------------------------------------------


def _csv_rows(document: Document) -> tuple[pl.DataFrame, pl.DataFrame, str | None]:
    """Rows about accelerators, lines that are no rows (see `csv_rows`), and when the file was published."""
    frame, broken, metadata = csv_rows(document, _COLUMNS, _REQUIRED, naming=("Linux", "Shared"), wanted=_wanted())
    return frame, broken, metadata.get("Publication Date")


def _present(column: str) -> pl.Expr:
    return pl.col(column).is_not_null() & ~pl.col(column).is_in(_ABSENT)


def _wanted() -> pl.Expr:
    """Rows of the subject; cheap and selective conditions first."""
    usage = pl.col("usageType")
    return (
        (pl.col("Operating System") == "Linux")
        & (pl.col("Tenancy") == "Shared")
        & (_present("GPU") | pl.col("Instance Type").str.contains(OTHER_ACCELERATORS))
        & ~_present("Pre Installed S/W")
        & (pl.col("License Model").is_null() | pl.col("License Model").is_in(["No License required", *_ABSENT]))
        & (pl.col("CapacityStatus").is_null() | pl.col("CapacityStatus").is_in(["Used", *_ABSENT]))
        & ~usage.str.contains("Reservation:|UnusedBox:|UnusedDed|HostBoxUsage|DedicatedUsage")
        & (pl.col("Location Type").is_null() | (pl.col("Location Type") != "AWS Outposts"))
        # The fee that is paid once for a reservation; another unit is looked at.
        & (pl.col("Unit").fill_null("") != "Quantity")
        & (
            (pl.col("TermType") == "OnDemand")
            | (
                (pl.col("TermType") == "Reserved")
                & (pl.col("PurchaseOption") == "No Upfront")
                & (pl.col("OfferingClass").is_null() | (pl.col("OfferingClass") == "standard"))
            )
        )
    )


def _json_rows(document: Document) -> tuple[pl.DataFrame, str | None]:
    """The same from an offer file in JSON, of which only what is wanted is decoded."""
    if not document.path.stat().st_size:
        raise LayoutError(f"{document.url}: the answer is empty")
    with document.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        if looks_like_html(text[:1024]):
            raise LayoutError(f"{document.url}: an HTML page came in place of data (blocked, or moved)")
        products_at = text.find(b'"products"')
        # The last one: an attribute may be named so too.
        terms_at = max((at for _, at in _all(text, [b'"terms"'], max(products_at, 0), len(text))), default=-1)
        if not 0 <= products_at < terms_at:
            raise LayoutError(f"{document.url}: products and terms are missing (renamed, or truncated?)")
        if text[-4096:].rstrip()[-1:] != b"}":
            raise LayoutError(f"{document.url}: the file breaks off (truncated?)")
        published = re.search(rb'"publicationDate"\s*:\s*"([^"]+)"', text[:products_at])
        products = _products(text, products_at, terms_at)
        rows = [row for term in _terms(text, terms_at, products) for row in _flat(term, products)]
    if products and not rows:
        raise LayoutError(f"{document.url}: {len(products)} products and no term of any (another order of fields?)")
    schema = dict.fromkeys(_COLUMNS, pl.String)
    frame = pl.DataFrame(rows, schema=schema).filter(_wanted())
    return frame, published[1].decode() if published else None


def _windows(text: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Parts of a file, one after the other; pages of one that is done with count as memory until they are let go."""
    while start < end:
        stop = min(start + _WINDOW, end)
        yield start, stop
        if hasattr(mmap, "MADV_DONTNEED"):
            first = start // mmap.PAGESIZE * mmap.PAGESIZE
            text.madvise(mmap.MADV_DONTNEED, first, stop - first)
        start = stop


def _all(text: mmap.mmap, marks: Sequence[bytes], start: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Every place of every mark, in order by window."""
    for begins, stops in _windows(text, start, end):
        for mark in marks:
            # One that lies across the end of the window begins in it.
            last = min(stops + len(mark) - 1, end)
            at = text.find(mark, begins, last)
            while at >= 0:
                yield mark, at
                at = text.find(mark, at + len(mark), last)


def _products(text: mmap.mmap, start: int, end: int) -> dict[str, dict[str, str]]:
    """Attributes of the products with accelerators, by SKU."""
    colon = re.compile(rb'"instanceType"(\s*:\s*)"').search(text, start, end)
    if not colon:
        return {}
    marks = [b'"gpu"', *(b'"instanceType"' + colon[1] + b'"' + family for family in (b"trn", b"inf", b"dl"))]
    found: dict[str, dict[str, str]] = {}
    for mark, at in _all(text, marks, start, end):
        opens, closes = text.rfind(b"{", start, at), text.find(b"}", at, end)
        attributes = json.loads(text[opens : closes + 1])
        sku = re.findall(rb'"sku"\s*:\s*"([^"]+)"', text[max(opens - 512, start) : opens])
        if not sku:
            raise ValueError(f"no sku before {mark!r} of a product: {text[max(opens - 100, start) : opens]!r}")
        if attributes.get("operatingSystem") == "Linux" and attributes.get("tenancy") == "Shared":
            found[sku[-1].decode()] = attributes
    return found


def _terms(text: mmap.mmap, start: int, products: dict[str, dict[str, str]]) -> Iterator[dict]:
    """Terms of these products, with the kind of term under `TermType`."""
    kinds = sorted(
        (next(_all(text, [b'"' + kind + b'"'], start, len(text)), (b"", -1))[1], kind.decode())
        for kind in (b"OnDemand", b"Reserved")
    )
    colon = re.compile(rb'"offerTermCode"\s*:\s*"[^"]*"\s*,\s*"sku"(\s*:\s*)"').search(text, start)
    if not colon:
        return
    wanted = {sku.encode() for sku in products}
    decoder = json.JSONDecoder()
    sku = re.compile(re.escape(b'"sku"' + colon[1] + b'"') + rb'([^"]+)')
    for begins, stops in _windows(text, start, len(text)):
        # A term that lies across the end of a window is found in it, by looking a little further.
        for match in sku.finditer(text, begins, min(stops + _LONGEST_SKU, len(text))):
            if match[1] in wanted and match.start() < stops:
                opens = text.rfind(b"{", start, match.start())
                term, _ = decoder.raw_decode(text[opens : opens + (1 << 16)].decode("utf-8", "ignore"))
                yield term | {"TermType": next((kind for at, kind in reversed(kinds) if 0 <= at < opens), None)}


def _flat(term: dict, products: dict[str, dict[str, str]]) -> Iterator[dict[str, str | None]]:
    """One row per price of a term, in the columns of the CSV."""
    attributes = {name: value for name, value in products[term["sku"]].items() if isinstance(value, str)}
    about = {column: attributes.get(name) if name else None for column, name in _COLUMNS.items()}
    terms = term.get("termAttributes")
    # What is not there, or in another form, is null, and its row refused by name.
    for dimension in _values(term.get("priceDimensions")):
        for currency, price in _items(inside(dimension, "pricePerUnit")) or [(None, None)]:
            yield about | {
                "SKU": term["sku"],
                "TermType": term["TermType"],
                "EffectiveDate": text_or_none(term.get("effectiveDate")),
                "Unit": text_or_none(inside(dimension, "unit")),
                "PricePerUnit": None if number_of(price) is None else str(price),
                "Currency": currency,
                "LeaseContractLength": text_or_none(inside(terms, "LeaseContractLength")),
                "PurchaseOption": text_or_none(inside(terms, "PurchaseOption")),
                "OfferingClass": text_or_none(inside(terms, "OfferingClass")),
            }


def _items(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


def _values(value: object) -> list[object]:
    """The values of a map; one that is nothing where it is none, or empty."""
    return [v for _, v in _items(value)] or [None]


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def _option() -> pl.Expr:
    """Purchase option of a row; null for a term that is not kept."""
    years = pl.col("LeaseContractLength").str.extract(r"(?i)^\s*(\d+)\s*y(?:ea)?rs?\s*$")
    return (
        pl.when((pl.col("TermType") == "OnDemand") & (pl.col("MarketOption") == "CapacityBlock"))
        .then(pl.lit("capacity_block"))
        .when(pl.col("operation").str.ends_with(":CB"))
        .then(pl.lit("capacity_block"))
        .when(pl.col("TermType") == "OnDemand")
        .then(pl.lit("on_demand"))
        .when(years == "1")
        .then(pl.lit("reserved_1y"))
        .when(years == "3")
        .then(pl.lit("reserved_3y"))
    )


def _why() -> pl.Expr:
    """Why a row with option, amount and valid_from is refused; null where it is not."""
    return (
        pl.when(~pl.col("Unit").is_in(["Hrs", "Hours", "Hour"]).fill_null(value=False))
        .then(pl.format("Unit is {}, not Hrs", pl.col("Unit").replace("", None).fill_null("missing")))
        .when(pl.col("amount").is_null() | (pl.col("amount") < 0) | pl.col("Instance Type").is_null())
        .then(pl.lit("PricePerUnit is not a positive number, or there is no instance type"))
        .when(pl.col("option").is_null())
        .then(
            pl.format(
                "a reservation for {}: not a term that is kept", pl.col("LeaseContractLength").fill_null("no term")
            )
        )
        .when(pl.col("amount") == 0)
        .then(pl.lit("PricePerUnit is zero, which is no price and does not say that it is not sold"))
        .when(pl.col("valid_from").is_null())
        .then(pl.format("EffectiveDate is {}", pl.col("EffectiveDate").replace("", None).fill_null("missing")))
    )


def parse(documents: Sequence[Document]) -> Reading:
    """Offers of one region, on demand, reserved without upfront and capacity blocks with a price."""
    (document,) = documents
    broken = None
    with unpacked(document) as plain:
        if _is_json(plain.path):
            raw, published = _json_rows(plain)
        else:
            raw, broken, published = _csv_rows(plain)
    at_region = re.search(r"/((?:[a-z]+-){2,}\d+)/index\.", document.url)
    of_another_day = (pl.col("option") == "capacity_block") & (pl.col("amount") == 0)
    raw = raw.with_columns(
        _option().alias("option"),
        to_number("PricePerUnit").alias("amount"),
        to_instant(pl.col("EffectiveDate").str.slice(0, 10), "%Y-%m-%d").alias("valid_from"),
    ).filter(~of_another_day.fill_null(value=False))
    raw, bad = split_by_fault(raw, _why())
    in_region = pl.col("Location Type").is_null() | (pl.col("Location Type") == "AWS Region")
    here = pl.lit(at_region[1] if at_region else None, dtype=pl.String)
    region = pl.coalesce(
        pl.col("Region Code").replace("", None),
        pl.when(in_region).then(here),
        region_of("Location"),
        pl.col("Location"),
        pl.lit("unknown"),
    )
    key = {
        "region": region,
        "instance_type": pl.col("Instance Type"),
        "purchase_option": pl.col("option"),
    }
    rows = cloud_rates(
        raw,
        provider="aws",
        # A zone that has its region's code is told apart by its name.
        offer_variant=pl.when(~in_region & pl.col("Region Code").str.contains(r"^[a-z]+(?:-[a-z]+)+-\d+$"))
        .then(pl.col("Location"))
        .otherwise(pl.lit(""))
        .fill_null(""),
        accelerator_count=to_number("GPU"),
        vcpu_count=to_number("vCPU"),
        memory_gib=gib("Memory"),
        price_amount_per_hour=pl.col("amount"),
        currency_code=pl.col("Currency"),
        **key,
    )
    # A zone belongs to the file of its region.
    scope = pl.col("region").str.extract(r"^((?:[a-z]+-){2,}\d+)").fill_null(pl.col("region")).alias("scope")
    is_fresh = published is not None and document.fetched_at - dt.datetime.fromisoformat(published) < _FRESH
    scopes = [
        Scope(str(name), part, is_complete=is_fresh)
        for (name,), part in rows.with_columns(scope).partition_by("scope", as_dict=True, include_key=False).items()
    ]
    if not scopes and at_region:
        # A region that offers no accelerator says so with a complete answer of no row.
        scopes = [Scope(at_region[1], rows, is_complete=is_fresh)]
    keys = bad.select(value.alias(name) for name, value in key.items()).select(scope, pl.all())
    rejected = [refused(bad.drop("option", "amount", "valid_from", "why"), bad["why"], keys)]
    if broken is not None:
        rejected.append(refused(broken.select("line"), broken["why"], broken.select("instance_type")))
    return Reading(scopes, pl.concat(rejected, how="diagonal"))


def _source(source_id: str, title: str, host: str, page: str) -> Source:
    return Source(
        source_id=source_id,
        subject="cloud_rate",
        title=title,
        homepage_url=page,
        licence="for informational purposes only, subject to the terms on the pricing pages",
        attribution="Amazon Web Services",
        parse=parse,
        plan=plan if host == HOST else plan_china,
        expand=expand,
        hosts=(host,),
        cadence="10 3 * * *",
        changes_within_days=90 if host == HOST else 365,
        extension="csv",
        has_history=True,
        max_bytes=2 << 30,
        parser_version=5,
        min_kept_share=0.6,
        # Small regions have a handful of offers.
        max_rejected_share=0.5,
        may_be_empty=True,
    )


AWS_PRICE_LIST = _source(
    "aws_price_list",
    "AWS Price List",
    HOST,
    "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html",
)
AWS_PRICE_LIST_CN = _source(
    "aws_price_list_cn", "AWS China Price List", CHINA_HOST, "https://www.amazonaws.cn/en/ec2/pricing/"
)
