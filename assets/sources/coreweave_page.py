"""CoreWeave's price page, USD.

The GPU component only; CPU and memory are billed apart, the figures beside it are the most one can add. Known from a
recorded page of 2023 only, so nothing schedules it: it is read on demand, and a page that changed is refused, not read
as empty.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from assets.sources._base import Reading
from assets.sources._html import soup_of, text_of
from assets.sources._price_page import NO_PRICE, ON_DEMAND, amount_in, page_source, reading, whole
from warehouse.captures import Document


def parse(documents: Sequence[Document]) -> Reading:
    """CoreWeave: one row per GPU, the GPU component alone."""
    (document,) = documents
    soup = soup_of(document)
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for row in soup.select(".table-body-row"):
        cells = [text_of(c) for c in row.select(".w-col")]
        link = row.select_one("[data-product]")
        name = text_of(link) or (cells[0] if cells else "")
        if len(cells) > 1 and "$" not in cells[-1] and NO_PRICE.search(cells[-1]):
            continue
        amount, is_from = amount_in(cells[-1]) if len(cells) > 1 else (None, False)
        if not amount or not name:
            why = "no price in the row (cut short?)"
            bad.append({"why": why, "row": json.dumps(cells), "instance_type": name or None})
            continue
        rows.append(
            {
                "instance_type": name,
                "offer_variant": "from" if is_from else "",
                "price_component": "accelerator",
                "accelerator_name": name,
                "accelerator_count": 1.0,
                "accelerator_memory_gib": whole(cells[1]),
                "price_amount_per_hour": amount,
            }
        )
    return reading(document, "coreweave", rows, bad)


COREWEAVE_PAGE = page_source(
    "coreweave_page",
    "CoreWeave price page",
    "https://www.coreweave.com/pricing",
    ("www.coreweave.com", "coreweave.com"),
    parse,
    **ON_DEMAND,
)
