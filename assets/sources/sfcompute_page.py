"""SF Compute's market, USD.

Average, top and bottom of each day's trades in the page's flight payload; zero means that nothing traded, and a bottom
of one cent is the floor of an empty order book.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from typing import Any

from assets.sources._base import LayoutError, Reading
from assets.sources._html import money, soup_of
from assets.sources._price_page import page_source, reading
from assets.sources._rows import objects
from warehouse.captures import Document

_MARKET = {"avg": "market_average", "top": "market_max", "bottom": "market_min"}


def parse(documents: Sequence[Document]) -> Reading:
    """SF Compute: average, top and bottom of each day's trades, one GPU-hour, from the day on."""
    (document,) = documents
    soup = soup_of(document)
    payload = ""
    for script in soup.find_all("script"):
        for literal in re.findall(r"self\.__next_f\.push\(\[\d+,(\"(?:[^\"\\]|\\.)*\")\]\)", script.get_text()):
            try:
                payload += json.loads(literal)
            except ValueError:
                continue
    at = payload.find('"pricesByHardwareType":')
    if at < 0:
        raise LayoutError(f"{document.url}: no pricesByHardwareType in the page's payload (renamed?)")
    try:
        by_gpu, _ = json.JSONDecoder().raw_decode(payload, at + len('"pricesByHardwareType":'))
    except ValueError as e:
        raise LayoutError(f"{document.url}: pricesByHardwareType is cut short: {e}") from e
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for gpu, days in by_gpu.items():
        for day in objects(days if isinstance(days, list) else [days]):
            if not any(day.get(k) for k in _MARKET):
                continue  # nothing traded
            try:
                start = dt.datetime.fromisoformat(str(day["date"]).removeprefix("$D")[:10]).replace(tzinfo=dt.UTC)
            except (KeyError, ValueError):
                bad.append({"why": "no date", "row": json.dumps([gpu, day])})
                continue
            for key, variant in _MARKET.items():
                amount = money(day.get(key))
                if not amount or amount <= 0.01:  # the floor of the order book, not a trade
                    bad.append({"why": f"{key} is missing, or no more than one cent", "row": json.dumps([gpu, day])})
                    continue
                rows.append(
                    {
                        "instance_type": gpu,
                        "offer_variant": variant,
                        "accelerator_name": gpu,
                        "accelerator_count": 1.0,
                        "price_amount_per_hour": amount,
                        "valid_from": start,
                    }
                )
    return reading(document, "sfcompute", rows, bad, is_complete=False)


SFCOMPUTE_PAGE = page_source(
    "sfcompute_page",
    "SF Compute market",
    "https://sfcompute.com/",
    ("sfcompute.com", "www.sfcompute.com"),
    parse,
    cadence="50 6 * * *",
    changes_within_days=14,
    # A bottom of one cent is an empty order book, and common.
    max_rejected_share=0.4,
)
