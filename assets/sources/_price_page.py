"""What the HTML price pages of GPU clouds have in common: rows and cells of their tables, amounts, offers.

'Contact us', 'Contact sales' and dashes are offers without a price and are left out. 'from $1.82' is the low end of a
range, which `offer_variant` says. Prices are in USD and apply to every region unless the page says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
from bs4 import Tag

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, refused
from assets.sources._html import money, text_of
from assets.sources._rows import cloud_rates
from warehouse.captures import Document

NO_PRICE = re.compile(r"contact|talk to|sales|coming soon|sold out|waitlist|^[\s\u2013\u2014-]*$|^n/?a$", re.I)
COUNTED = re.compile(r"^(\d+)\s*[x\u00d7]\s+(.+)$", re.I)
#: Headings of prices of machines that are rented by the hour, and of those that may be reclaimed.
BY_THE_HOUR = re.compile(r"on[\s-]?demand", re.IGNORECASE)
SPOT = re.compile(r"\bspot\b|preemptible|interruptible", re.IGNORECASE)
#: An amount is per GPU: "/ GPU / hr", "per GPU-hour".
PER_GPU = re.compile(r"(?:/|\bper\b)\s*GPU\b", re.IGNORECASE)
_FOR_A_TERM = re.compile(r"reserv|commit|contract|cluster", re.IGNORECASE)
_AMOUNT = re.compile(r"(?P<dollar>(?<![A-Za-z])(?:AU?|CA?|HK|NZ|SG?|NT|R|MX))?\$\s*(?P<amount>\d[\d.,]*)")
#: The unit directly after an amount: "/ GPU / hr", "per GPU-hour", "/month".
_UNIT = re.compile(r"\s*\*?\s*(?:USD)?\s*(?:/|per\b)\s*(?:GPU\s*(?:/|per\b|-)?\s*)?(?P<unit>[a-z]*)", re.I)
_OTHER_TIME = re.compile(
    r"\b(?:months?|monthly|mo|minutes?|min|seconds?|sec|s|days?|daily|d|weeks?|wk|years?|yr|annum)\b", re.I
)
_OTHER_DOLLAR = re.compile(r"\s*(?!USD|GPU|PER|HR)[A-Z]{3}\b|[KM]\b")
_TO_MORE = re.compile(r"\s*(?:\*\s*)?(?:-|\u2013|\u2014|to\b)\s*\$?\s*\d")
_COLUMNS: dict[str, Any] = {
    "region": pl.String,
    "instance_type": pl.String,
    "purchase_option": pl.String,
    "price_component": pl.String,
    "offer_variant": pl.String,
    "accelerator_name": pl.String,
    "accelerator_count": pl.Float64,
    "accelerator_memory_gib": pl.Float64,
    "vcpu_count": pl.Float64,
    "memory_gib": pl.Float64,
    "price_amount_per_hour": pl.Float64,
}
_DEFAULTS = {"region": "global", "purchase_option": "on_demand", "price_component": "instance", "offer_variant": ""}


def heading_of(table: Tag) -> str:
    """The caption of a table, or the heading before it."""
    # A caption precedes the rows, so the search ends at the first row.
    first = table.find(["caption", "tr"])
    caption = first if isinstance(first, Tag) and first.name == "caption" else None
    return text_of(caption) or text_of(table.find_previous(["h1", "h2", "h3", "h4", "h5", "h6"]))


def is_for_a_term(table: Tag) -> bool:
    """True if the heading of a table says that its prices are for reservations and none on demand."""
    heading = heading_of(table)
    return bool(_FOR_A_TERM.search(heading)) and not BY_THE_HOUR.search(heading)


def gib(text: str) -> float | None:
    """GiB of a size as pages write it. GB on a page means GiB; 1.8 TB is what Lambda later wrote as 1800 GiB."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([GT])(i?)B(?:\s+(?:RAM|GPU))?", text.strip(), re.I)
    if match is None:
        return whole(text)
    return float(match.group(1)) * (1 if match.group(2).upper() == "G" else 1024 if match.group(3) else 1000)


def whole(text: str) -> float | None:
    """A plain number; None for anything else, such as the range 16-192."""
    return float(text) if re.fullmatch(r"\d+(?:\.\d+)?", text.strip()) else None


def amount_in(text: str, heading: str = "") -> tuple[float | None, bool]:
    """(amount per hour in a price cell, whether it is the low end of a range); (None, False) without a dollar sign.

    The first amount that is not for another period counts ('$2,150 / month, $2.99 / hr'); an amount is per hour unless
    the cell or its heading says otherwise. Dollars of other countries are not read.
    """
    for match in _AMOUNT.finditer(text):
        after = text[match.end() :]
        unit = _UNIT.match(after)
        of_other_time = _OTHER_TIME.fullmatch(unit["unit"]) if unit else _OTHER_TIME.search(heading)
        if not of_other_time and not match["dollar"] and not _OTHER_DOLLAR.match(after):
            is_from = bool(re.search(r"\bfrom\b", text, re.I) or _TO_MORE.match(after))
            return money(match["amount"].rstrip(".,")), is_from
    return None, False


def reading(
    document: Document,
    provider: str,
    rows: list[dict[str, Any]],
    bad: list[dict[str, Any]],
    *,
    is_complete: bool = True,
) -> Reading:
    """The reading of a price page.

    Args:
        document: the page.
        provider: its provider, which is also the name of the scope.
        rows: offers in the columns of `cloud_rate`, without the defaults of `_DEFAULTS`, and with valid_from where the
            page says from when a price holds.
        bad: refused rows: why, row and, if known, instance_type.
        is_complete: whether the page names everything that the provider offers.

    Raises:
        LayoutError: if there is no offer: the page must have changed.
    """
    if not rows:
        raise LayoutError(f"{document.url}: no price row in the known layout of {provider}")
    dated = any(row.get("valid_from") is not None for row in rows)
    schema = _COLUMNS | ({"valid_from": pl.Datetime("us", "UTC")} if dated else {})
    frame = pl.DataFrame([{c: r.get(c, _DEFAULTS.get(c)) for c in schema} for r in rows], schema=schema)
    frame = cloud_rates(frame, provider=provider, **{c: pl.col(c) for c in _COLUMNS})
    rejected = None
    if bad:
        faults = pl.DataFrame(bad, schema={"why": pl.String, "row": pl.String, "instance_type": pl.String})
        rejected = refused(faults.select("row"), faults["why"], faults.select("instance_type"))
    return Reading([Scope(provider, frame, is_complete=is_complete)], rejected)


def is_row(tag: Tag) -> bool:
    """True for a table row, whatever element it is made of."""
    return (
        tag.name == "tr"
        or tag.attrs.get("role") == "row"
        or "pc-highlight-table-block__row" in tag.attrs.get("class", ())
    )


def _is_cell(tag: Tag) -> bool:
    """True for a table cell, whatever element it is made of."""
    return (
        tag.name in ("td", "th")
        or tag.attrs.get("role") == "cell"
        or "pc-highlight-table-block__cell" in tag.attrs.get("class", ())
    )


def cells_of(row: Tag) -> list[str]:
    """The texts of a row's cells, without badges ('New') beside a name."""
    cells = [c for c in row.children if isinstance(c, Tag) and _is_cell(c)]
    for cell in cells:
        # Most cells contain only a text; searching those too would take as long as parsing them.
        if len(cell.contents) != 1 or isinstance(cell.contents[0], Tag):
            for badge in [t for t in cell.descendants if isinstance(t, Tag) and "tag" in t.attrs.get("class", ())]:
                badge.extract()
    return [text_of(c) for c in cells]


# Sources ------------------------------------------------------------------------------------------------------------

#: For pages of which no recent copy is known: they have no schedule, so they never count as stale.
ON_DEMAND: dict[str, Any] = {"stale_after_days": 36_500.0}


def page_source(
    source_id: str,
    title: str,
    url: str,
    hosts: Sequence[str],
    parse: Callable[[Sequence[Document]], Reading],
    **more: Any,
) -> Source:
    """The source of one price page; `more` are fields of `Source`."""
    return Source(
        source_id=source_id,
        subject="cloud_rate",
        title=title,
        homepage_url=url,
        licence="prices are facts; the page remains its owner's",
        parse=parse,
        plan=lambda window: [[Request(url, extension="html")]],
        hosts=tuple(hosts),
        extension="html",
        is_scraped=True,
        # A redesign may drop whole sections: only a page with a fifth of the rows or less is considered broken.
        min_kept_share=0.2,
        **more,
    )
