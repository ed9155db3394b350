"""Nebius' price page, USD.

Per instance in 2024 ('8 x H200 SXM'), per GPU-hour in 2026, where the preemptible column stands before the on-demand
one. Columns are found by their heading. Promotional cards ("as low as") are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from assets.sources._base import Reading
from assets.sources._html import soup_of
from assets.sources._price_page import COUNTED, NO_PRICE, amount_in, cells_of, is_row, page_source, reading, whole
from warehouse.captures import Document


def parse(documents: Sequence[Document]) -> Reading:
    """Nebius: rows of the GPU tables, columns found by their heading."""
    (document,) = documents
    soup = soup_of(document)
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    heads: list[str] = []
    for row in filter(is_row, soup.find_all(True)):
        cells = cells_of(row)
        if not any("$" in c for c in cells) and any(re.search(r"on[- ]?demand", c, re.I) for c in cells):
            lowered = [c.lower() for c in cells]
            is_gpu = lowered[0] == "gpu" or any("gpu-hour" in c for c in lowered)
            heads = lowered if is_gpu else []
            continue
        if len(cells) != len(heads) or not heads:
            if cells and not any("$" in c for c in cells):
                heads = []  # the heading of another table
            continue
        counted = COUNTED.match(cells[0])
        gpu = counted.group(2) if counted else cells[0]
        found = dict(zip(heads, cells, strict=True))
        for head, option in (("on-demand", "on_demand"), ("on demand", "on_demand"), ("preemptible", "spot")):
            key = next((h for h in heads if h.startswith(head)), None)
            if key is None or ("$" not in found[key] and NO_PRICE.search(found[key])):
                continue
            amount, is_from = amount_in(found[key], key)
            is_per_gpu = "gpu-hour" in key
            count = 1.0 if is_per_gpu else float(counted.group(1)) if counted else None
            if not amount or count is None:
                why = "no price, or no number of GPUs, in the row"
                bad.append({"why": why, "row": json.dumps(cells), "instance_type": cells[0]})
                continue
            total = whole(found.get("vram, gb", ""))
            rows.append(
                {
                    "instance_type": cells[0],
                    "purchase_option": option,
                    "offer_variant": "from" if is_from else "",
                    "accelerator_name": gpu,
                    "accelerator_count": count,
                    "accelerator_memory_gib": total / count if total else None,
                    "vcpu_count": whole(found.get("vcpus", "")),
                    "memory_gib": whole(found.get("ram, gb", "")),
                    "price_amount_per_hour": amount,
                }
            )
    return reading(document, "nebius", rows, bad)


NEBIUS_PAGE = page_source(
    "nebius_page",
    "Nebius price page",
    "https://nebius.com/prices",
    ("nebius.com",),
    parse,
    cadence="45 6 * * *",
)
