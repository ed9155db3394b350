"""Crusoe Cloud's price page, USD per GPU-hour.

Each GPU is an item with its name, its memory and form in tags ('80GB', 'PCIe') and a price per column, which the
headings above the list name: on demand, current spot. Items of other lists (processors, storage, tokens, endpoints) are
of the same make, so a list counts only if its first heading says 'GPU model', and a price only if it is '/GPU-hr'. In
2025 it was a table under 'GPU Pricing', its prices '/hr' and of one GPU all the same, with columns for reservations; one
of six months is a purchase option that Petaday does not keep.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from bs4 import BeautifulSoup, Tag

from assets.sources._base import Reading
from assets.sources._html import soup_of, text_of
from assets.sources._price_page import BY_THE_HOUR, NO_PRICE, PER_GPU, SPOT, amount_in, gib, page_source, reading
from warehouse.captures import Document

_TERM = re.compile(r"\b([13])-year reserved\b", re.I)


def _option(heading: str) -> str | None:
    """Purchase option of a column; None for one that is not kept."""
    if term := _TERM.search(heading):
        return f"reserved_{term[1]}y"
    return "on_demand" if BY_THE_HOUR.search(heading) else "spot" if SPOT.search(heading) else None


def _options(item: Tag) -> list[str | None]:
    """Purchase options by column of the list that an item is in; empty if it is no list of GPUs."""
    heads = item.find_previous(class_="pricing-table-heading")
    names = [text_of(h) for h in heads.select(".pricing-heading")] if isinstance(heads, Tag) else []
    return [_option(n) for n in names[1:]] if names and names[0].lower() == "gpu model" else []


def _items(soup: BeautifulSoup) -> Iterator[tuple[list[str | None], list[str], list[str], bool]]:
    """Every GPU in a list or table: purchase options by column, name and tags, prices, and whether '/hr' alone is of one GPU."""
    for item in soup.select(".prixing-item"):
        if options := _options(item):
            tags = [t for t in map(text_of, item.select(".pricing-tag")) if t]
            name = text_of(item.select_one(".pricing-item-heading"))
            yield options, [name, *tags], [text_of(p) for p in item.select(".pricing-rich")], False
    for table in soup.find_all("table"):
        heads = [text_of(h) for h in table.find_all("th")]
        if not heads or heads[0].lower() != "gpu pricing":
            continue
        for cells in (row.find_all("td") for row in table.find_all("tr")):
            if cells:
                yield (
                    [_option(h) for h in heads[1:]],
                    list(cells[0].stripped_strings),
                    list(map(text_of, cells[1:])),
                    True,
                )


def parse(documents: Sequence[Document]) -> Reading:
    """Crusoe: one row per GPU and purchase option, price of one GPU."""
    (document,) = documents
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for options, words, prices, is_of_one in _items(soup_of(document)):
        kind = " ".join(words)
        if len(options) != len(prices) or not kind:
            why = f"{len(prices)} prices under {len(options)} headings, or no name"
            bad.append({"why": why, "row": json.dumps([kind, *prices]), "instance_type": kind or None})
            continue
        for option, price in zip(options, prices, strict=True):
            if option is None or ("$" not in price and NO_PRICE.search(price)):
                continue
            amount, is_from = amount_in(price)
            if not amount or not (PER_GPU.search(price) or is_of_one):
                bad.append({"why": "no price of a GPU-hour", "row": json.dumps([kind, price]), "instance_type": kind})
                continue
            rows.append(
                {
                    "instance_type": kind,
                    "purchase_option": option,
                    "offer_variant": "from" if is_from else "",
                    # Without what is said of its memory, which has a column of its own.
                    "accelerator_name": " ".join([words[0], *(w for w in words[1:] if gib(w) is None)]),
                    "accelerator_count": 1.0,
                    "accelerator_memory_gib": next((size for w in words[1:] if (size := gib(w))), None),
                    "price_amount_per_hour": amount,
                }
            )
    return reading(document, "crusoe", rows, bad)


CRUSOE_PAGE = page_source(
    "crusoe_page",
    "Crusoe Cloud price page",
    "https://crusoe.ai/cloud/pricing",
    ("crusoe.ai", "www.crusoe.ai"),
    parse,
    parser_version=2,
    cadence="55 6 * * *",
    changes_within_days=365,
)
