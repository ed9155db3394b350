"""Azure Retail Prices: every price of a GPU virtual machine, 1,000 rows a page.

Quirks: one SKU name covers many prices, told apart only by reading product, SKU and meter name together: Windows (in
the product), Low Priority and Spot (in the SKU or meter), DevTest and reservation (in `type`). A reservation carries
the price of its whole term under `unitOfMeasure` "1 Hour". `Count` is the page's, not the total; the last page has a
null `NextPageLink`. Mirrors keep the pages as a bare list or under a lower-case `items`. Pages repeat rows.

Dates: `effectiveStartDate` is when a meter's price began, so it is `valid_from`; a date ahead is an announcement. A
price that changes gets a new date, but for corrections: 3 of about 1,000 meters, watched over 17 months, changed under
the same date. Such a correction restates the past, and what was known before stays known as of then. An answer that
gives one offer two prices from the same day is refused row by row. Without a date, a price holds from when it was seen.
`effectiveEndDate` (since 2023; spot prices are given for a month, sizes until they retire) is the last minute of a
price: from the next one on nothing is known, unless the answer, or a later one, states what follows.

Counts: no field tells how many GPUs a size has. The name gives the virtual CPUs and, for most sizes, the GPU; the count
stays null here and is joined from the reference. FPGA (NP) and video (NM) sizes are not AI accelerators and left out.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

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
    numbered,
    refused,
)
from assets.sources._rows import each_once, frame_of
from warehouse.captures import Document

HOST = "prices.azure.com"
URL = f"https://{HOST}/api/retail/prices"
_FILTER = "serviceName eq 'Virtual Machines' and contains(armSkuName, 'Standard_N')"

#: Hours of a reservation's term: its price is of the whole term.
TERM_HOURS = {"1 Year": 8_760.0, "3 Years": 26_280.0}
_TERM_OPTION = {"1 Year": "reserved_1y", "3 Years": "reserved_3y"}

#: NC, ND, NG and NV, and their confidential form (NCC).
_GPU_SIZE = r"^Standard_N[CDGV]C?\d"
_FIELDS = pl.Schema(
    {
        "armSkuName": pl.String,
        "armRegionName": pl.String,
        "serviceName": pl.String,
        "productName": pl.String,
        "skuName": pl.String,
        "meterName": pl.String,
        "type": pl.String,
        "reservationTerm": pl.String,
        "retailPrice": pl.Float64,
        "unitOfMeasure": pl.String,
        "currencyCode": pl.String,
        "effectiveStartDate": pl.String,
        "effectiveEndDate": pl.String,
        "tierMinimumUnits": pl.Float64,
        "isPrimaryMeterRegion": pl.Boolean,
    }
)
_REQUIRED = (
    "armSkuName",
    "armRegionName",
    "productName",
    "meterName",
    "type",
    "retailPrice",
    "unitOfMeasure",
    "currencyCode",
)
_READERS = 4
#: Years from which an end says that there is none.
_NO_END = 2200
_END_OF_PAGE = 4096
_GPU_NAME = b'"Standard_N'
_FIRST_ITEM = re.compile(rb'\[\s*(\{\s*"[^"\\]+"\s*:)')
_LIST_KEY = re.compile(rb'"([Ii]tems)"\s*:')
_NEXT = re.compile(rb'"[Nn]extPageLink"\s*:\s*(null|"((?:[^"\\]|\\.)*)")')


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The first page; the others follow. There is no history, only the date from which each price holds."""
    yield [Request(URL, params={"api-version": "2023-01-01-preview", "$filter": _FILTER})]


def _next_link(document: Document) -> str | None:
    """`NextPageLink` of a page, or None on the last one."""
    if document.body is not None:
        start, end = document.body[:_END_OF_PAGE], document.body[-_END_OF_PAGE:]
    else:
        with document.path.open("rb") as file:
            start = file.read(_END_OF_PAGE)
            file.seek(max(document.path.stat().st_size - _END_OF_PAGE, 0))
            end = file.read()
    # It stands behind the items as a rule, and before them at times.
    for part in (end, start):
        if (found := _NEXT.search(part)) and found[2]:
            return found[2].decode().replace("\\u0026", "&").replace("\\/", "/")
    return None


def follow(document: Document) -> Request | None:
    """The next page, if there is one.

    Raises:
        LayoutError: if the link leads away from the publisher.
    """
    link = _next_link(document)
    if not link:
        return None
    parts = urlsplit(link)
    if parts.scheme != "https" or parts.hostname != HOST:
        raise LayoutError(f"{document.url}: the next page lies on {parts.hostname}, not on {HOST}: refused")
    return Request(link.replace(f"{HOST}:443", HOST))


def read_page(document: Document) -> pl.DataFrame:
    """Rows of one page about GPU virtual machines, as they came; a few others may be among them."""
    body = body_of(document)
    if body[:3] == b"\xef\xbb\xbf":
        body = body[3:]
    wrapped = body.lstrip()[:1] == b"{"
    key = None
    if wrapped:
        found = _LIST_KEY.search(body)
        if not found:
            raise LayoutError(f"{document.url}: field Items is missing (renamed?): {body[:200]!r}")
        key = found[1].decode()
    if missing := [name for name in _REQUIRED if f'"{name}"'.encode() not in body]:
        if body.count(b'"currencyCode"') == 0 and re.search(rb'"[Ii]tems"\s*:\s*\[\s*\]', body):
            return pl.DataFrame(schema=_FIELDS)
        raise LayoutError(f"{document.url}: field {', '.join(missing)} is missing (renamed?)")
    if (cut := _items_of_interest(body, key)) is not None:
        with suppress(pl.exceptions.PolarsError):
            return pl.read_json(cut, schema=_FIELDS)
    try:
        if key:
            frame = pl.read_json(body, schema={key: pl.List(pl.Struct(_FIELDS))}).explode(key).unnest(key)
        else:
            frame = pl.read_json(body, schema=_FIELDS)
    except pl.exceptions.PolarsError:
        # A field of another type than all others of its name costs its item, not the page.
        answer = json_of(document)
        items = answer[key] if key else answer
        if not isinstance(items, list):
            raise LayoutError(f"{document.url}: {key or 'the answer'} is no list") from None
        frame = frame_of([item for item in items if isinstance(item, dict)], _FIELDS)
    return frame.filter(_of_gpu_machines())


def _of_gpu_machines() -> pl.Expr:
    service = pl.col("serviceName").fill_null("Virtual Machines")
    return (service == "Virtual Machines") & pl.col("armSkuName").str.contains(_GPU_SIZE)


def _items_of_interest(body: bytes, key: str | None) -> bytes | None:
    """The items that name a GPU size, as an array; None where it cannot be told for sure where an item begins.

    Decoding all of a page takes eight times as long as fetching it, and most pages of all virtual machines name few
    GPUs. Items are written by one program, so that each begins with the same field: its opening parts them. Should an
    item begin otherwise, a part holds two whole ones; should the opening stand within an item, a part is no JSON, which
    its reader says.
    """
    found = _FIRST_ITEM.search(body)
    if not found:
        return None
    opening = found[1]
    try:
        end = json.loads((f'{{"{key}":[' if key else "[").encode() + body[body.rfind(opening) :])
    except ValueError:
        return None
    items = []
    at = body.find(_GPU_NAME, found.start())
    while at >= 0:
        begins, ends = body.rfind(opening, 0, at), body.find(opening, at)
        if ends < 0:
            # What stands behind the last opening, without what follows the items.
            items.extend(json.dumps(item).encode() for item in (end[key] if key else end))
            break
        items.append(body[begins:ends].rstrip(b", \t\r\n"))
        at = body.find(_GPU_NAME, ends)
    return b"[" + b",".join(items) + b"]"


def parse(documents: Sequence[Document]) -> Reading:
    """Linux offers of GPU sizes: on demand, spot and reserved; a batch that was paged to its end is complete."""
    # A page is decoded by one thread, so several pages are decoded at once.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _READERS)) as pool:
        pages = dict(enumerate(pool.map(read_page, documents)))
    return join_pages(documents, tidy_pages(numbered(pages)))


def _linux_offers(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of shared Linux machines, with `option` (null: a term that is not known) and the `hours` that a price is for."""
    names = pl.concat_str("skuName", "meterName", separator=" ", ignore_nulls=True).str.to_lowercase()
    product = pl.col("productName").str.to_lowercase()
    rows = rows.filter(
        _of_gpu_machines()
        & pl.col("type").is_in(["Consumption", "Reservation"]).fill_null(value=True)
        & ~product.str.contains("windows|cloud services|dedicated host").fill_null(value=False)
        & ~names.str.contains("low priority", literal=True)
        & (pl.col("tierMinimumUnits").fill_null(0.0) == 0)
    )
    # Singular or plural, a term is the same.
    term = (
        pl.col("reservationTerm")
        .str.strip_chars()
        .str.replace(r"^1 Years$", "1 Year")
        .str.replace(r"^3 Year$", "3 Years")
    )
    reserved = pl.col("type") == "Reservation"
    offers = rows.with_columns(
        pl.when(reserved)
        .then(term.replace_strict(_TERM_OPTION, default=None, return_dtype=pl.String))
        .when(names.str.contains("spot", literal=True))
        .then(pl.lit("spot"))
        .otherwise(pl.lit("on_demand"))
        .alias("option"),
        pl.when(reserved)
        .then(term.replace_strict(TERM_HOURS, default=None, return_dtype=pl.Float64))
        .otherwise(1.0)
        .alias("hours"),
    )
    # Terms of five years are sold for a few sizes: a purchase option that Petaday does not keep.
    return offers.filter(
        ~(reserved & term.is_not_null() & pl.col("option").is_null() & term.str.contains(r"^5 Years?$"))
    )


def tidy_pages(rows: pl.DataFrame) -> pl.DataFrame:
    """What is offered in the rows of some pages, in few and narrow columns: they are held until the last page is there.

    Returns:
        Offers with their date, end, page and whether it is the meter of its region; where a row is refused, `reason` and
        `row_json` in its place, and what it tells of its offer.
    """
    rows = _linux_offers(rows)
    start = _instant("effectiveStartDate")
    # 23:59:00 is the last minute of a day, not the first without a price.
    last = _instant("effectiveEndDate")
    # The end of all days is none.
    last = pl.when(last.dt.year() < _NO_END).then(last)
    end = (
        pl.when((last.dt.hour() == 23) & (last.dt.minute() == 59))
        .then(last.dt.date().cast(pl.Datetime("us")) + pl.duration(days=1))
        .otherwise(last)
    )
    why = (
        pl.when(pl.col("type").is_null())
        .then(pl.lit("type is missing: cannot tell how it is bought"))
        .when(pl.col("productName").fill_null("") == "")
        .then(pl.lit("productName is missing: cannot tell Linux from Windows"))
        .when(pl.col("unitOfMeasure").str.strip_chars().fill_null("missing") != "1 Hour")
        .then(pl.format("unitOfMeasure is {}, not 1 Hour", pl.col("unitOfMeasure").fill_null("missing")))
        .when(pl.col("option").is_null())
        .then(pl.lit("a reservation without a known term: its price per hour is unknown"))
        .when(pl.col("retailPrice").is_null())
        .then(pl.lit("retailPrice is missing"))
        .when(pl.col("retailPrice") <= 0)
        .then(pl.lit("retailPrice is zero or negative: not a price"))
        .when(pl.col("effectiveStartDate").is_not_null() & start.is_null())
        .then(pl.lit("effectiveStartDate is not a date"))
        .when(pl.col("effectiveEndDate").is_not_null() & _instant("effectiveEndDate").is_null())
        .then(pl.lit("effectiveEndDate is not a date"))
        .when(end <= start)
        .then(pl.lit("effectiveEndDate is not after effectiveStartDate"))
    )
    rows = rows.with_columns(why.alias("why"))
    # The same few texts stand in most rows.
    offers = rows.filter(pl.col("why").is_null()).select(
        pl.col("armRegionName").replace("", None).fill_null("unknown").cast(pl.Categorical).alias("region"),
        pl.col("armSkuName").cast(pl.Categorical).alias("instance_type"),
        pl.col("option").cast(pl.Categorical).alias("purchase_option"),
        (pl.col("retailPrice") / pl.col("hours")).alias("price_amount_per_hour"),
        pl.col("currencyCode").cast(pl.Categorical).alias("currency_code"),
        start.dt.replace_time_zone("UTC").alias("valid_from"),
        end.dt.replace_time_zone("UTC").alias("ends_at"),
        "isPrimaryMeterRegion",
        "document",
    )
    bad = rows.filter(pl.col("why").is_not_null())
    if bad.is_empty():
        return offers
    # As far as a row tells them.
    keys = bad.select(
        pl.col("armRegionName").replace("", None).cast(pl.Categorical).alias("region"),
        pl.col("armSkuName").cast(pl.Categorical).alias("instance_type"),
        pl.when(pl.col("type").is_not_null()).then("option").cast(pl.Categorical).alias("purchase_option"),
    )
    return pl.concat([offers, refused(bad.drop("why", "option", "hours"), bad["why"], keys)], how="diagonal")


def join_pages(documents: Sequence[Document], rows: pl.DataFrame) -> Reading:
    """What `parse` does with the tidied rows of its pages."""
    rejected = None
    if "reason" in rows.columns:
        key = pl.col("region", "instance_type", "purchase_option").cast(pl.String)
        rejected = rows.filter(pl.col("reason").is_not_null()).select("reason", "row_json", "document", key)
        rows = rows.filter(pl.col("reason").is_null()).drop("reason", "row_json")
    # Pages repeat rows, and secondary meters repeat prices: the same price of the same day counts once.
    rows = rows.sort("isPrimaryMeterRegion", descending=True, nulls_last=True, maintain_order=True)
    stated = [c for c in rows.columns if c not in ("isPrimaryMeterRegion", "document")]
    rows = each_once(rows, stated, stated)
    size = pl.col("instance_type").cast(pl.String)
    offers = rows.select(
        pl.lit("azure").alias("provider"),
        pl.col("region").cast(pl.String),
        size,
        pl.col("purchase_option").cast(pl.String),
        pl.lit("instance").alias("price_component"),
        pl.lit("").alias("offer_variant"),
        size.str.extract(r"_([A-Z]{1,6}[0-9]{1,4}[A-Z]*)_v\d+$").alias("accelerator_name"),
        pl.lit(None, dtype=pl.Float64).alias("accelerator_count"),
        pl.lit(None, dtype=pl.Float64).alias("accelerator_memory_gib"),
        size.str.extract(r"^Standard_N[A-Z]+(\d+)[a-z]*(?:_|$)").cast(pl.Float64).alias("vcpu_count"),
        pl.lit(None, dtype=pl.Float64).alias("memory_gib"),
        "price_amount_per_hour",
        pl.col("currency_code").cast(pl.String),
        "valid_from",
        "document",
        "ends_at",
    )
    if offers["ends_at"].is_not_null().any():
        offers = _with_ends(offers)
    offers = offers.drop("ends_at")
    paged_to_end = all(urlsplit(d.url).hostname == HOST for d in documents)
    return Reading([Scope("azure", _dated_where_told(offers), is_complete=paged_to_end)], rejected)


def _instant(column: str) -> pl.Expr:
    """A date as Azure writes it, with and without its Z and fractions, or the day alone; all of them are of UTC."""
    text = pl.col(column).str.replace(r"(?:Z|[+-]00:00)$", "")
    return pl.coalesce(
        text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False),
        text.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False),
    )


_KEY = ("provider", "region", "instance_type", "purchase_option", "price_component", "offer_variant")
#: What a row says of when and where it stands, not of the offer.
_PLACE = ("valid_from", "ends_at", "document")


def _with_ends(offers: pl.DataFrame) -> pl.DataFrame:
    """Offers and, where the last price of one has an end that no other price follows at once, a row that says so."""
    in_order = offers.sort("valid_from", "ends_at", nulls_last=[False, True], maintain_order=True)
    latest = in_order.unique(_KEY, keep="last", maintain_order=True)
    ends = latest.filter(pl.col("ends_at").is_not_null()).with_columns(
        pl.col("ends_at").alias("valid_from"),
        pl.lit(value=False).alias("is_offered"),
        *(pl.lit(None, dtype=offers.schema[name]).alias(name) for name in offers.columns if name not in _KEY + _PLACE),
    )
    return pl.concat(
        [offers.with_columns(pl.lit(value=True).alias("is_offered")), ends.select(*offers.columns, "is_offered")]
    )


def _dated_where_told(offers: pl.DataFrame) -> pl.DataFrame:
    """`valid_from` is kept only if some row has one; a null one means "when observed"."""
    return offers if offers["valid_from"].is_not_null().any() else offers.drop("valid_from")


AZURE_RETAIL = Source(
    source_id="azure_retail",
    subject="cloud_rate",
    title="Azure Retail Prices",
    homepage_url="https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices",
    licence="published by Microsoft for any use; prices other than USD are for reference",
    attribution="Microsoft Azure Retail Prices",
    parse=parse,
    plan=plan,
    follow=follow,
    read_page=read_page,
    tidy_pages=tidy_pages,
    join_pages=join_pages,
    parser_version=5,
    hosts=(HOST,),
    cadence="40 5 * * *",
    changes_within_days=60,
    min_kept_share=0.6,
)
