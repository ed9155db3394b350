"""Hyperstack's price page, USD.

Per GPU; the reservation column holds a price of no stated term and is not read, nor is a table of reservations. Tables
in 2024, since 2025 cards, each with its heading, heads and rows; that of CPUs has a column 'GPU Cores', which is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from bs4 import BeautifulSoup, Tag

from assets.sources._base import Reading
from assets.sources._html import soup_of, text_of
from assets.sources._price_page import (
    NO_PRICE,
    SPOT,
    amount_in,
    cells_of,
    heading_of,
    is_for_a_term,
    page_source,
    reading,
    whole,
)
from warehouse.captures import Document

_SEVERAL = re.compile(r"^\d+\s*[x\u00d7]|(?<!\w)[x\u00d7]\s*\d+\b", re.IGNORECASE)
#: Headings of the columns of prices and of names.
_PRICES = (re.compile(r"(?:pricing|price) per\b"), re.compile(r"spot\b"))
_NAME = re.compile(r"gpus?(?: (?:model|type|name))?")


def _tables(soup: BeautifulSoup) -> Iterator[tuple[Tag, list[str], list[list[str]]]]:
    """Every table or card, the headings of its columns in small letters, and the cells of its rows."""
    for table in soup.find_all("table"):
        heads = [text_of(h).lower() for h in table.find_all("th")]
        yield table, heads, [cells_of(row) for row in table.find_all("tr")]
    for card in soup.select(".page-price_card_main"):
        heads = [text_of(h).lower() for h in card.select(".page-price_card_head_item")]
        rows = card.select(".page-price_card_row_item")
        yield card, heads, [[text_of(c) for c in row.select(".page-price_card_row_item_col")] for row in rows]


def parse(documents: Sequence[Document]) -> Reading:
    """Hyperstack: one row per GPU, price of one GPU."""
    (document,) = documents
    soup = soup_of(document)
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for table, heads, lines in _tables(soup):
        heading = heading_of(table)
        if is_for_a_term(table):
            continue
        at = next((n for price in _PRICES for n, h in enumerate(heads) if price.match(h)), None)
        name = next((n for n, h in enumerate(heads) if _NAME.fullmatch(h)), None)
        if at is None or name is None:
            continue
        memory = next((n for n, h in enumerate(heads) if h.startswith("vram")), None)
        for cells in lines:
            if (
                len(cells) != len(heads)
                or cells[at].lower() == heads[at]
                or ("$" not in cells[at] and NO_PRICE.search(cells[at]))
            ):
                continue
            amount, is_from = amount_in(cells[at], heads[at])
            why = (
                "no price in the row"
                if not amount
                else "a number of GPUs in the name: whether the price is of one or of all is not said"
                if _SEVERAL.search(cells[name])
                else None
            )
            if why:
                bad.append({"why": why, "row": json.dumps(cells), "instance_type": cells[name]})
                continue
            rows.append(
                {
                    "instance_type": cells[name],
                    "purchase_option": "spot" if SPOT.search(f"{heading} {heads[at]} {cells[name]}") else "on_demand",
                    "offer_variant": "from" if is_from else "",
                    "accelerator_name": cells[name],
                    "accelerator_count": 1.0,
                    "accelerator_memory_gib": whole(cells[memory]) if memory is not None else None,
                    "price_amount_per_hour": amount,
                }
            )
    return reading(document, "hyperstack", rows, bad)


HYPERSTACK_PAGE = page_source(
    "hyperstack_page",
    "Hyperstack price page",
    "https://www.hyperstack.cloud/gpu-pricing",
    ("www.hyperstack.cloud",),
    parse,
    parser_version=3,
    cadence="30 6 * * *",
    changes_within_days=365,
)
