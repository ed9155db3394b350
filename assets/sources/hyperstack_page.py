"""Hyperstack's price page, USD.

Per GPU; the reservation column holds a price of no stated term and is not read, nor is a table of reservations. Known
from a recorded page of 2024 only, so nothing schedules it: it is read on demand, and a page that changed is refused,
not read as empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from assets.sources._base import Reading
from assets.sources._html import soup_of, text_of
from assets.sources._price_page import (
    NO_PRICE,
    ON_DEMAND,
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


def parse(documents: Sequence[Document]) -> Reading:
    """Hyperstack: one row per GPU, price of one GPU."""
    (document,) = documents
    soup = soup_of(document)
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for table in soup.find_all("table"):
        heading = heading_of(table)
        if is_for_a_term(table):
            continue
        heads = [text_of(h).lower() for h in table.find_all("th")]
        at = next((n for n, h in enumerate(heads) if re.match(r"pricing per\b|price per", h)), None)
        name = next((n for n, h in enumerate(heads) if h.startswith("gpu")), None)
        if at is None or name is None:
            continue
        memory = next((n for n, h in enumerate(heads) if h.startswith("vram")), None)
        for row in table.find_all("tr"):
            cells = cells_of(row)
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
                    "purchase_option": "spot" if SPOT.search(f"{heading} {cells[name]}") else "on_demand",
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
    parser_version=2,
    **ON_DEMAND,
)
