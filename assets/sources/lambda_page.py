"""Lambda's price page, USD.

Per instance in 2023 ('8x NVIDIA H100 SXM', $20.72 / hr), per GPU from 2024 ('$2.99 / GPU / hr'), in 2026 with the
number of GPUs only on the tab's button. The heading or the cell says which; without either, per instance. Tables under
a heading of reservations or clusters are left out: their prices are for a term. Columns are found by their headings; an
excerpt without them has the order that all recorded pages have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from bs4 import BeautifulSoup

from assets.sources._base import Reading
from assets.sources._html import soup_of, text_of
from assets.sources._price_page import (
    COUNTED,
    NO_PRICE,
    PER_GPU,
    amount_in,
    cells_of,
    gib,
    is_for_a_term,
    page_source,
    reading,
    whole,
)
from warehouse.captures import Document

#: Column -> pattern of its heading, and its place where the headings are cut off.
_HEADINGS = {
    "price": r"price",
    "memory": r"vram",
    "vcpu": r"vcpu",
    "ram": r"(?:system )?ram\b",
    "name": r"(?:gpus?|plan|instance.*|)$",
}
_PLACES: dict[str, int | None] = {"name": 0, "memory": 1, "vcpu": 2, "ram": 3, "price": -1}


def _columns(headings: Sequence[str]) -> dict[str, int | None]:
    """Where each column stands; None for one that is not there."""
    return {
        column: next((n for n, heading in enumerate(headings) if re.match(pattern, heading, re.I)), None)
        for column, pattern in _HEADINGS.items()
    }


def _tab_counts(soup: BeautifulSoup) -> dict[str, float]:
    """Number of GPUs by panel id, from the tab buttons."""
    return {
        str(button.get("aria-controls")): float(match.group(1))
        for button in soup.find_all("button", role="tab")
        if (match := re.fullmatch(r"(\d+)x", text_of(button)))
    }


def parse(documents: Sequence[Document]) -> Reading:
    """Lambda: one row per instance size, the price always of the whole instance."""
    (document,) = documents
    soup = soup_of(document)
    raw = document.read_bytes()
    tabs = _tab_counts(soup) if b"tabpanel" in raw else {}
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    heading, at, width = "", _PLACES, 0
    # An excerpt may begin below its heading: the words stand anywhere before the first row.
    is_per_gpu_page = re.search(rb"PRICE\s*(?:/|per)\s*GPU", raw, re.I) is not None
    place, of_term = None, False
    for row in soup.find_all("tr"):
        # Rows that stand side by side are of one table.
        if row.parent is not place:
            place, table = row.parent, row.find_parent("table")
            of_term = table is not None and is_for_a_term(table)
        if of_term:
            continue
        cells = cells_of(row)
        if "$" not in " ".join(cells) and any(re.match(r"price", cell, re.I) for cell in cells):
            at, width = (_columns(cells), len(cells)) if len(cells) > 1 else (_PLACES, 0)
            heading = next(cell for cell in cells if re.match(r"price", cell, re.I))
            continue
        if len(cells) < 5 or (width and len(cells) != width) or at["name"] is None or at["price"] is None:
            continue
        price = cells[at["price"]]
        if "$" not in price and NO_PRICE.search(price):
            continue
        memory, vcpu, ram = ("" if (n := at[c]) is None else cells[n] for c in ("memory", "vcpu", "ram"))
        name = re.sub(r"^On-demand\s+", "", cells[at["name"]], flags=re.I)
        if re.match(r"Reserved\b", name, re.I):
            continue  # of no stated term
        counted = COUNTED.match(name)
        panel = None if counted else row.find_parent(attrs={"role": "tabpanel"})
        count = float(counted.group(1)) if counted else tabs.get(str(panel.get("id"))) if panel else None
        gpu = counted.group(2) if counted else name
        amount, is_from = amount_in(price, heading)
        is_per_gpu = bool(PER_GPU.search(price) or PER_GPU.search(heading)) or (is_per_gpu_page and not heading)
        if not amount or count is None:
            kind = None if count is None else f"{count:.0f}x {gpu} {memory}".strip()
            why = "no price, or no number of GPUs, in the row"
            bad.append({"why": why, "row": json.dumps(cells), "instance_type": kind})
            continue
        rows.append(
            {
                "instance_type": f"{count:.0f}x {gpu} {memory}".strip(),
                "offer_variant": "from" if is_from else "",
                "accelerator_name": gpu,
                "accelerator_count": count,
                "accelerator_memory_gib": gib(memory),
                "vcpu_count": whole(vcpu),
                "memory_gib": gib(ram),
                "price_amount_per_hour": round(amount * count, 6) if is_per_gpu else amount,
            }
        )
    return reading(document, "lambda", rows, bad)


LAMBDA_PAGE = page_source(
    "lambda_page",
    "Lambda price page",
    "https://lambda.ai/pricing",
    ("lambda.ai", "lambdalabs.com"),
    parse,
    parser_version=3,
    cadence="40 6 * * *",
    changes_within_days=365,
)
