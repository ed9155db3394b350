"""Nebius' price page, USD.

Per instance in 2024 ('8 x H200 SXM'), per GPU-hour in 2026, where the preemptible column stands before the on-demand
one, and since autumn in a table of its own ('Spot price'). Columns are found by their heading. A change is announced as
a second column, 'GPU-hour (Effective October 1, 2026)': from that day on it is the price, whether or not the column
beside it has gone. Promotional cards ("as low as") are not read.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from assets.sources._base import Reading
from assets.sources._html import soup_of
from assets.sources._price_page import (
    BY_THE_HOUR,
    COUNTED,
    NO_PRICE,
    SPOT,
    amount_in,
    cells_of,
    is_row,
    page_source,
    reading,
    whole,
)
from warehouse.captures import Document

_DATED = re.compile(r"\beffective\b", re.IGNORECASE)
_DAY = re.compile(r"([A-Za-z]+)\.? (\d{1,2}),? (\d{4})")


def _day_in(heading: str) -> dt.datetime | None:
    """The day (UTC) that a heading names; None if it names none."""
    for form in ("%B %d %Y", "%b %d %Y"):
        for words in _DAY.findall(heading):
            try:
                return dt.datetime.strptime(" ".join(words), form).replace(tzinfo=dt.UTC)
            except ValueError:
                continue
    return None


def _price_columns(heads: Sequence[str]) -> dict[str, list[tuple[dt.datetime | None, int]]]:
    """By purchase option, from when on (None: at all times) which column holds the price, in order of time."""
    options = {
        n: "on_demand" if BY_THE_HOUR.match(h) else "spot" if SPOT.match(h) else None for n, h in enumerate(heads)
    }
    stated = sorted({option for option in options.values() if option})
    found: dict[str, list[tuple[dt.datetime | None, int]]] = {option: [] for option in stated}
    for n, head in enumerate(heads):
        option, is_dated, day = options[n], bool(_DATED.search(head)), _day_in(head)
        if option is None and is_dated and "hour" in head and len(stated) == 1:
            # An announced price of the only option of its table.
            option = stated[0]
        # A column of some later day that is not told is no price of today.
        if option is not None and (day is not None or not is_dated):
            found[option].append((day if is_dated else None, n))
    return {option: sorted(columns, key=lambda c: (c[0] is not None, c[0])) for option, columns in found.items()}


def _in_force(
    columns: Sequence[tuple[dt.datetime | None, int]], at: dt.datetime
) -> Iterator[tuple[dt.datetime | None, int]]:
    """The column that holds the price at an instant, and those of later days."""
    past = [c for c in columns if c[0] is None or c[0] <= at]
    yield from past[-1:]
    yield from columns[len(past) :]


def parse(documents: Sequence[Document]) -> Reading:
    """Nebius: rows of the GPU tables, columns found by their heading."""
    (document,) = documents
    soup = soup_of(document)
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    heads: list[str] = []
    for row in filter(is_row, soup.find_all(True)):
        cells = cells_of(row)
        if not any("$" in c for c in cells) and any(BY_THE_HOUR.search(c) or SPOT.search(c) for c in cells):
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
        for option, columns in _price_columns(heads).items():
            for start, n in _in_force(columns, document.fetched_at):
                if "$" not in cells[n] and NO_PRICE.search(cells[n]):
                    continue
                amount, is_from = amount_in(cells[n], heads[n])
                is_per_gpu = "gpu-hour" in heads[n]
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
                        "valid_from": start,
                    }
                )
    return reading(document, "nebius", rows, bad)


NEBIUS_PAGE = page_source(
    "nebius_page",
    "Nebius price page",
    "https://nebius.com/prices",
    ("nebius.com",),
    parse,
    parser_version=2,
    cadence="45 6 * * *",
    changes_within_days=365,
)
