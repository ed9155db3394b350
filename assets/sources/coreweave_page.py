"""CoreWeave's price page, USD.

In 2023 the GPU component only: CPU and memory were billed apart, the figures beside it are the most one can add. Since
2024 the whole instance, with the number of its GPUs in a column of its own (`4^1` is four with a footnote), in 2026 by
region, with a spot price beside the one on demand, and in some regions a price of inference per GPU, which is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from bs4 import BeautifulSoup, Tag

from assets.sources._base import Reading
from assets.sources._html import soup_of, text_of
from assets.sources._price_page import NO_PRICE, amount_in, page_source, reading, whole
from warehouse.captures import Document

_COUNT = re.compile(r"(\d+)(?:\s*\^\s*\d+)?\Z")
#: Of one card in machines with more or less memory.
_OF_HOST = re.compile(r"\s*\((?:High|Standard) Memory\)$", re.IGNORECASE)
_REGION = re.compile(r"REGION:\s*(\S.*)", re.IGNORECASE)
#: Columns of a row without labels: name, GPUs, memory of one, processors, memory, storage, price.
_COLUMNS = 7


def parse(documents: Sequence[Document]) -> Reading:
    """One row per GPU (the component alone), or per instance, region and purchase option."""
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
    for offer in _instances(soup):
        (bad if "why" in offer else rows).append(offer)
    return reading(document, "coreweave", rows, bad)


def _instances(soup: BeautifulSoup) -> Iterator[dict[str, Any]]:
    """Offers of the tables of whole instances; with `why` those that are refused."""
    for row in soup.select(".table-row, .table-row-v2"):
        if not any("gpu-pricing" in name for name in row.get("class") or ()):
            continue
        for note in row.find_all("sup"):
            note.decompose()
        name = text_of(row.select_one(".table-model-name, [data-product]"))
        cells = [text_of(c) for c in row.select(".table-v2-cell")]
        labelled = {text_of(v.find_next_sibling()).lower(): text_of(v) for v in row.select(".table-meta-value")}
        plain = cells if len(cells) == _COLUMNS else [""] * _COLUMNS
        count = _COUNT.match(labelled.get("gpu count") or plain[1])
        said = row.find_previous(string=_REGION)
        region = _REGION.search(said) if said else None
        for option, figure, words in _prices(row, plain):
            if "$" not in figure and NO_PRICE.search(figure):
                continue
            amount, is_from = amount_in(words)
            if not amount or not name or count is None or not int(count[1]):
                why = "no price, or no number of GPUs, in the row"
                yield {"why": why, "row": json.dumps(cells or [text_of(row)]), "instance_type": name or None}
                continue
            yield {
                "region": region[1].strip().title() if region else "global",
                "instance_type": name,
                "purchase_option": option,
                "offer_variant": "from" if is_from else "",
                "accelerator_name": _OF_HOST.sub("", name),
                "accelerator_count": float(count[1]),
                "accelerator_memory_gib": whole(labelled.get("vram") or plain[2]),
                "vcpu_count": whole(labelled.get("vcpus") or plain[3]),
                "memory_gib": whole((labelled.get("system ram") or plain[4]).replace(",", "")),
                "price_amount_per_hour": amount,
            }


def _prices(row: Tag, plain: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Of each price of a row: purchase option, figure, and the words that it stands in."""
    named = {"on_demand": row.select_one(".instance-price"), "spot": row.select_one(".spot-price")}
    if any(named.values()):
        for option, price in named.items():
            if price is not None:
                # An empty figure is of an offer whose price is told by sales.
                figure = price.select_one(".item-value")
                yield option, text_of(price if figure is None else figure), text_of(price)
    else:
        price = plain[-1] or "no column of a price"
        yield "on_demand", price, price


COREWEAVE_PAGE = page_source(
    "coreweave_page",
    "CoreWeave price page",
    "https://www.coreweave.com/pricing",
    ("www.coreweave.com", "coreweave.com"),
    parse,
    parser_version=4,
    cadence="35 6 * * *",
    changes_within_days=365,
)
