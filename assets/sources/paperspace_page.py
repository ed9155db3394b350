"""Paperspace's price page, USD.

A price with stars is a 3-year price, the one on demand stands in the footnote; blocks of class 'hide' repeat old
prices. Known from a recorded page of 2024 only, so nothing schedules it: it is read on demand, and a page that changed
is refused, not read as empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from bs4 import Tag

from assets.sources._base import Reading
from assets.sources._html import soup_of, text_of
from assets.sources._price_page import ON_DEMAND, amount_in, gib, page_source, reading
from warehouse.captures import Document


def _is_hidden(tag: Tag) -> bool:
    return any("hide" in (t.get("class") or []) for t in (tag, *tag.parents))


def parse(documents: Sequence[Document]) -> Reading:
    """Paperspace: one row per machine with one GPU; starred prices read by their footnote."""
    (document,) = documents
    soup = soup_of(document)
    notes: dict[str, str] = {}
    on_demand: dict[str, float] = {}
    for note in soup.find_all("p"):
        text = text_of(note)
        if stars := re.match(r"\*+", text):
            notes[stars.group()] = text
            for gpu, amount in re.findall(r"On-demand pricing for (\S+) is (\S+)", text):
                if price := amount_in(amount)[0]:
                    on_demand[gpu] = price
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for block in soup.select(".instance-type-holder-flex, .instance-type-holder"):
        if _is_hidden(block):
            continue
        name = text_of(block.select_one(".instance-names"))
        prices = [p for p in block.select(".instance-price-2, .instance-price") if not _is_hidden(p)]
        specs = [text_of(s) for s in block.select(".instance-specs-2, .instance-specs") if not _is_hidden(s)]
        if len(prices) != 1 or not name:
            why = f"{len(prices)} visible prices in one block"
            bad.append({"why": why, "row": json.dumps([name, *specs]), "instance_type": name or None})
            continue
        text = text_of(prices[0])
        # The dollar sign stands beside the block.
        written = text.rstrip("*")
        amount, stars = amount_in(f"${written}" if written[:1].isdigit() else written)[0], text[len(written) :]
        years = re.search(r"(\d)-year commitment", notes.get(stars, "")) if stars else None
        option = (
            {"1": "reserved_1y", "3": "reserved_3y"}.get(years.group(1)) if years else None if stars else "on_demand"
        )
        if not amount or option is None:
            why = "no price, or a starred one without its footnote"
            bad.append({"why": why, "row": json.dumps([name, text]), "instance_type": name})
            continue
        values = {
            "instance_type": name,
            "accelerator_name": name,
            "accelerator_count": 1.0,
            "accelerator_memory_gib": next((gib(s) for s in specs if re.match(r"\d+ ?GB GPU", s)), None),
            "vcpu_count": next((float(s.split()[0]) for s in specs if re.match(r"\d+ vCPU", s)), None),
            "memory_gib": next((gib(s) for s in specs if s.endswith("RAM")), None),
        }
        rows.append(values | {"purchase_option": option, "price_amount_per_hour": amount})
        if option != "on_demand" and name in on_demand:
            rows.append(values | {"price_amount_per_hour": on_demand[name]})
    return reading(document, "paperspace", rows, bad)


PAPERSPACE_PAGE = page_source(
    "paperspace_page",
    "Paperspace price page",
    "https://www.paperspace.com/pricing",
    ("www.paperspace.com",),
    parse,
    **ON_DEMAND,
)
