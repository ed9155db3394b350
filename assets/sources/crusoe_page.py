"""Crusoe Cloud's price page, USD per GPU-hour.

Each GPU is an item with its name, its memory and form in tags ('80GB', 'PCIe') and a price per column, which the
headings above the list name: on demand, current spot. Items of other lists (processors, storage, tokens, endpoints) are
of the same make, so a list counts only if its first heading says 'GPU model', and a price only if it is '/GPU-hr'.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bs4 import Tag

from assets.sources._base import Reading
from assets.sources._html import soup_of, text_of
from assets.sources._price_page import BY_THE_HOUR, NO_PRICE, PER_GPU, SPOT, amount_in, gib, page_source, reading
from warehouse.captures import Document


def _options(item: Tag) -> list[str | None]:
    """Purchase options by column of the list that an item is in; empty if it is no list of GPUs."""
    heads = item.find_previous(class_="pricing-table-heading")
    names = [text_of(h) for h in heads.select(".pricing-heading")] if isinstance(heads, Tag) else []
    if not names or names[0].lower() != "gpu model":
        return []
    return ["on_demand" if BY_THE_HOUR.search(n) else "spot" if SPOT.search(n) else None for n in names[1:]]


def parse(documents: Sequence[Document]) -> Reading:
    """Crusoe: one row per GPU and purchase option, price of one GPU."""
    (document,) = documents
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for item in soup_of(document).select(".prixing-item"):
        options = _options(item)
        if not options:
            continue
        prices = [text_of(p) for p in item.select(".pricing-rich")]
        tags = [t for t in map(text_of, item.select(".pricing-tag")) if t]
        kind = " ".join([text_of(item.select_one(".pricing-item-heading")), *tags])
        if len(options) != len(prices) or not kind:
            why = f"{len(prices)} prices under {len(options)} headings, or no name"
            bad.append({"why": why, "row": json.dumps([kind, *prices]), "instance_type": kind or None})
            continue
        for option, price in zip(options, prices, strict=True):
            if option is None or ("$" not in price and NO_PRICE.search(price)):
                continue
            amount, is_from = amount_in(price)
            if not amount or not PER_GPU.search(price):
                bad.append({"why": "no price of a GPU-hour", "row": json.dumps([kind, price]), "instance_type": kind})
                continue
            # The name without what is said of its memory, which has a column of its own.
            words = [w for w in kind.split(" ") if gib(w) is None]
            rows.append(
                {
                    "instance_type": kind,
                    "purchase_option": option,
                    "offer_variant": "from" if is_from else "",
                    "accelerator_name": " ".join(words),
                    "accelerator_count": 1.0,
                    "accelerator_memory_gib": next((size for t in tags if (size := gib(t))), None),
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
    cadence="55 6 * * *",
)
