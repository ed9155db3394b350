"""HTML price pages of GPU clouds, one source per publisher; USD.

What a page means by a price differs by publisher and year, and no page says it in one place:

- Lambda: per instance in 2023 ('8x NVIDIA H100 SXM', $20.72 / hr), per GPU from 2024 ('$2.99 / GPU / hr'), in 2026 with
  the number of GPUs only on the tab's button. The heading or the cell says which; without either, per instance.
- CoreWeave: the GPU component only; CPU and memory are billed apart, the figures beside it are the most one can add.
- Nebius: per instance in 2024 ('8 x H200 SXM'), per GPU-hour in 2026, where the preemptible column stands before the
  on-demand one. Columns are found by their heading. Promotional cards ("as low as") are not read.
- Hyperstack: per GPU; the reservation column holds a price of no stated term and is not read.
- Paperspace: a price with stars is a 3-year price, the one on demand stands in the footnote; blocks of class 'hide'
  repeat old prices.
- SF Compute: a market; average, top and bottom per day in the page's flight payload; zero means that nothing traded.

'Contact us', 'Contact sales' and dashes are offers without a price: they are left out. 'from $1.82' is the low end of
a range, and says so in `offer_variant`. CoreWeave, Hyperstack and Paperspace are known from recorded pages of 2023
and 2024 only, so nothing schedules them; they are read on demand, and a page that changed is refused, not read as
empty.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl
from bs4 import BeautifulSoup, Tag

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, refused
from assets.sources._html import money, soup_of, text_of
from warehouse.captures import Document

_NO_PRICE = re.compile(r"contact|talk to|sales|coming soon|sold out|waitlist|^[\s\u2013\u2014-]*$|^n/?a$", re.I)
_COUNTED = re.compile(r"^(\d+)\s*[x\u00d7]\s+(.+)$", re.I)
_COLUMNS: dict[str, Any] = {
    "instance_type": pl.String,
    "purchase_option": pl.String,
    "price_component": pl.String,
    "offer_variant": pl.String,
    "accelerator_name": pl.String,
    "accelerator_count": pl.Float64,
    "accelerator_memory_gib": pl.Float64,
    "vcpu_count": pl.Float64,
    "memory_gib": pl.Float64,
    "price_amount_per_hour": pl.Float64,
}
_DEFAULTS = {"purchase_option": "on_demand", "price_component": "instance", "offer_variant": ""}


def _gib(text: str) -> float | None:
    """A size as pages write it. GB of a page are GiB of the machine; 1.8 TB is what Lambda later wrote as 1800 GiB."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([GT])(i?)B(?:\s+(?:RAM|GPU))?", text.strip(), re.I)
    if match is None:
        return _whole(text)
    return float(match.group(1)) * (1 if match.group(2).upper() == "G" else 1024 if match.group(3) else 1000)


def _whole(text: str) -> float | None:
    """A plain number; a range such as 16-192 is none."""
    return float(text) if re.fullmatch(r"\d+(?:\.\d+)?", text.strip()) else None


def _amount(text: str) -> tuple[float | None, bool]:
    """(amount in a price cell, whether it is the low end of a range). An amount needs its dollar sign."""
    match = re.search(r"\$\s*([\d.,]+)", text)
    return (money(match.group(1).rstrip(".,")) if match else None), bool(re.search(r"\bfrom\b", text, re.I))


def _reading(document: Document, provider: str, rows: list[dict[str, Any]], bad: list[dict[str, Any]]) -> Reading:
    """Rows as a frame; a page without any is a changed page.

    Raises:
        LayoutError: if there is no row.
    """
    if not rows:
        raise LayoutError(f"{document.url}: no price row in the known layout of {provider}")
    dated = "valid_from" in rows[0]
    schema = _COLUMNS | ({"valid_from": pl.Datetime("us", "UTC")} if dated else {})
    frame = pl.DataFrame([{c: r.get(c, _DEFAULTS.get(c)) for c in schema} for r in rows], schema=schema)
    frame = frame.with_columns(
        pl.lit(provider).alias("provider"), pl.lit("global").alias("region"), pl.lit("USD").alias("currency_code")
    )
    rejected = None
    if bad:
        faults = pl.DataFrame(bad, schema={"why": pl.String, "row": pl.String})
        rejected = refused(faults.drop("why"), pl.lit(None)).with_columns(faults["why"].alias("reason"))
    return Reading([Scope(provider, frame, is_complete=not dated)], rejected)


def _is_row(tag: Tag) -> bool:
    """True for what stands for a row of a table."""
    return (
        tag.name == "tr"
        or tag.attrs.get("role") == "row"
        or "pc-highlight-table-block__row" in tag.attrs.get("class", ())
    )


def _is_cell(tag: Tag) -> bool:
    """True for what stands for a cell of a table."""
    return (
        tag.name in ("td", "th")
        or tag.attrs.get("role") == "cell"
        or "pc-highlight-table-block__cell" in tag.attrs.get("class", ())
    )


def _cells(row: Tag) -> list[str]:
    """Texts of a row's cells, whatever the cells are made of; a badge ('New') beside the name is left out."""
    cells = [c for c in row.children if isinstance(c, Tag) and _is_cell(c)]
    if cells:
        for badge in [t for t in cells[0].descendants if isinstance(t, Tag) and "tag" in t.attrs.get("class", ())]:
            badge.extract()
    return [text_of(c) for c in cells]


# Lambda -------------------------------------------------------------------------------------------------------------


def _tab_counts(soup: BeautifulSoup) -> dict[str, float]:
    """Number of GPUs by panel id, from the tab buttons."""
    return {
        str(button.get("aria-controls")): float(match.group(1))
        for button in soup.find_all("button", role="tab")
        if (match := re.fullmatch(r"(\d+)x", text_of(button)))
    }


def parse_lambda(documents: Sequence[Document]) -> Reading:
    """Lambda: one row per instance size, the price always of the whole instance."""
    (document,) = documents
    soup = soup_of(document)
    raw = document.read_bytes()
    tabs = _tab_counts(soup) if b"tabpanel" in raw else {}
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    heading = ""
    # An excerpt may begin below its heading: the words stand anywhere before the first row.
    is_per_gpu_page = re.search(rb"PRICE\s*/\s*GPU", raw, re.I) is not None
    for row in soup.find_all("tr"):
        cells = _cells(row)
        if cells and re.search(r"price", cells[-1], re.I) and "$" not in cells[-1]:
            heading = cells[-1]
            continue
        if len(cells) < 5 or ("$" not in cells[-1] and _NO_PRICE.search(cells[-1])):
            continue
        name = re.sub(r"^On-demand\s+", "", cells[0], flags=re.I)
        if re.match(r"Reserved\b", name, re.I):
            continue  # of no stated term
        counted = _COUNTED.match(name)
        panel = None if counted else row.find_parent(attrs={"role": "tabpanel"})
        count = float(counted.group(1)) if counted else tabs.get(str(panel.get("id"))) if panel else None
        gpu = counted.group(2) if counted else name
        amount, _ = _amount(cells[-1])
        is_per_gpu = bool(re.search(r"/\s*GPU", cells[-1], re.I) or re.search(r"/\s*GPU", heading, re.I)) or (
            is_per_gpu_page and not heading
        )
        if not amount or count is None:
            bad.append({"why": "no price, or no number of GPUs, in the row", "row": json.dumps(cells)})
            continue
        rows.append(
            {
                "instance_type": f"{count:.0f}x {gpu} {cells[1]}",
                "accelerator_name": gpu,
                "accelerator_count": count,
                "accelerator_memory_gib": _gib(cells[1]),
                "vcpu_count": _whole(cells[2]),
                "memory_gib": _gib(cells[3]),
                "price_amount_per_hour": round(amount * count, 6) if is_per_gpu else amount,
            }
        )
    return _reading(document, "lambda", rows, bad)


# CoreWeave ----------------------------------------------------------------------------------------------------------


def parse_coreweave(documents: Sequence[Document]) -> Reading:
    """CoreWeave: one row per GPU, the GPU component alone."""
    (document,) = documents
    soup = soup_of(document)
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for row in soup.select(".table-body-row"):
        cells = [text_of(c) for c in row.select(".w-col")]
        link = row.select_one("[data-product]")
        name = text_of(link) or (cells[0] if cells else "")
        if len(cells) > 1 and "$" not in cells[-1] and _NO_PRICE.search(cells[-1]):
            continue
        amount, _ = _amount(cells[-1]) if len(cells) > 1 else (None, False)
        if not amount or not name:
            bad.append({"why": "no price in the row (cut short?)", "row": json.dumps(cells)})
            continue
        rows.append(
            {
                "instance_type": name,
                "price_component": "accelerator",
                "accelerator_name": name,
                "accelerator_count": 1.0,
                "accelerator_memory_gib": _whole(cells[1]),
                "price_amount_per_hour": amount,
            }
        )
    return _reading(document, "coreweave", rows, bad)


# Nebius -------------------------------------------------------------------------------------------------------------


def parse_nebius(documents: Sequence[Document]) -> Reading:
    """Nebius: rows of the GPU tables, columns found by their heading."""
    (document,) = documents
    soup = soup_of(document)
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    heads: list[str] = []
    for row in filter(_is_row, soup.find_all(True)):
        cells = _cells(row)
        if not any("$" in c for c in cells) and any(re.search(r"on[- ]?demand", c, re.I) for c in cells):
            lowered = [c.lower() for c in cells]
            is_gpu = lowered[0] == "gpu" or any("gpu-hour" in c for c in lowered)
            heads = lowered if is_gpu else []
            continue
        if len(cells) != len(heads) or not heads:
            if cells and not any("$" in c for c in cells):
                heads = []  # the heading of another table
            continue
        counted = _COUNTED.match(cells[0])
        gpu = counted.group(2) if counted else cells[0]
        found = dict(zip(heads, cells, strict=True))
        for head, option in (("on-demand", "on_demand"), ("on demand", "on_demand"), ("preemptible", "spot")):
            key = next((h for h in heads if h.startswith(head)), None)
            if key is None or ("$" not in found[key] and _NO_PRICE.search(found[key])):
                continue
            amount, is_from = _amount(found[key])
            is_per_gpu = "gpu-hour" in key
            count = 1.0 if is_per_gpu else float(counted.group(1)) if counted else None
            if not amount or count is None:
                bad.append({"why": "no price, or no number of GPUs, in the row", "row": json.dumps(cells)})
                continue
            total = _whole(found.get("vram, gb", ""))
            rows.append(
                {
                    "instance_type": cells[0],
                    "purchase_option": option,
                    "offer_variant": "from" if is_from else "",
                    "accelerator_name": gpu,
                    "accelerator_count": count,
                    "accelerator_memory_gib": total / count if total else None,
                    "vcpu_count": _whole(found.get("vcpus", "")),
                    "memory_gib": _whole(found.get("ram, gb", "")),
                    "price_amount_per_hour": amount,
                }
            )
    return _reading(document, "nebius", rows, bad)


# Hyperstack ---------------------------------------------------------------------------------------------------------


def parse_hyperstack(documents: Sequence[Document]) -> Reading:
    """Hyperstack: one row per GPU, price of one GPU."""
    (document,) = documents
    soup = soup_of(document)
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for table in soup.find_all("table"):
        heads = [text_of(h).lower() for h in table.find_all("th")]
        at = next((n for n, h in enumerate(heads) if re.match(r"pricing per\b|price per", h)), None)
        if at is None or not heads[0].startswith("gpu"):
            continue
        memory = next((n for n, h in enumerate(heads) if h.startswith("vram")), None)
        for row in table.find_all("tr"):
            cells = _cells(row)
            if (
                len(cells) != len(heads)
                or cells[at].lower() == heads[at]
                or ("$" not in cells[at] and _NO_PRICE.search(cells[at]))
            ):
                continue
            amount, is_from = _amount(cells[at])
            if not amount:
                bad.append({"why": "no price in the row", "row": json.dumps(cells)})
                continue
            rows.append(
                {
                    "instance_type": cells[0],
                    "offer_variant": "from" if is_from else "",
                    "accelerator_name": cells[0],
                    "accelerator_count": 1.0,
                    "accelerator_memory_gib": _whole(cells[memory]) if memory is not None else None,
                    "price_amount_per_hour": amount,
                }
            )
    return _reading(document, "hyperstack", rows, bad)


# Paperspace ---------------------------------------------------------------------------------------------------------


def _is_hidden(tag: Tag) -> bool:
    return any("hide" in (t.get("class") or []) for t in (tag, *tag.parents))


def parse_paperspace(documents: Sequence[Document]) -> Reading:
    """Paperspace: one row per machine with one GPU; starred prices read by their footnote."""
    (document,) = documents
    soup = soup_of(document)
    notes: dict[str, str] = {}
    on_demand: dict[str, float] = {}
    for note in soup.find_all("p"):
        text = text_of(note)
        if stars := re.match(r"\*+", text):
            notes[stars.group()] = text
            for gpu, amount in re.findall(r"On-demand pricing for (\S+) is \$(\d+(?:\.\d+)?)", text):
                on_demand[gpu] = float(amount)
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for block in soup.select(".instance-type-holder-flex, .instance-type-holder"):
        if _is_hidden(block):
            continue
        name = text_of(block.select_one(".instance-names"))
        prices = [p for p in block.select(".instance-price-2, .instance-price") if not _is_hidden(p)]
        specs = [text_of(s) for s in block.select(".instance-specs-2, .instance-specs") if not _is_hidden(s)]
        if len(prices) != 1 or not name:
            bad.append({"why": f"{len(prices)} visible prices in one block", "row": json.dumps([name, *specs])})
            continue
        text = text_of(prices[0])
        amount, stars = money(text.rstrip("*")), text[len(text.rstrip("*")) :]
        years = re.search(r"(\d)-year commitment", notes.get(stars, "")) if stars else None
        option = (
            {"1": "reserved_1y", "3": "reserved_3y"}.get(years.group(1)) if years else None if stars else "on_demand"
        )
        if not amount or option is None:
            bad.append({"why": "no price, or a starred one without its footnote", "row": json.dumps([name, text])})
            continue
        values = {
            "instance_type": name,
            "accelerator_name": name,
            "accelerator_count": 1.0,
            "accelerator_memory_gib": next((_gib(s) for s in specs if re.match(r"\d+ ?GB GPU", s)), None),
            "vcpu_count": next((float(s.split()[0]) for s in specs if re.match(r"\d+ vCPU", s)), None),
            "memory_gib": next((_gib(s) for s in specs if s.endswith("RAM")), None),
        }
        rows.append(values | {"purchase_option": option, "price_amount_per_hour": amount})
        if option != "on_demand" and name in on_demand:
            rows.append(values | {"price_amount_per_hour": on_demand[name]})
    return _reading(document, "paperspace", rows, bad)


# SF Compute ---------------------------------------------------------------------------------------------------------

_MARKET = {"avg": "market_average", "top": "market_max", "bottom": "market_min"}


def parse_sfcompute(documents: Sequence[Document]) -> Reading:
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
        for day in days:
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
    return _reading(document, "sfcompute", rows, bad)


# Sources ------------------------------------------------------------------------------------------------------------


def _page(url: str) -> Callable[[Window], Iterable[Sequence[Request]]]:
    return lambda window: [[Request(url, extension="html")]]


#: Pages of which no recent copy is known: nothing asks for them by itself, so they do not go stale either.
_ON_DEMAND: dict[str, Any] = {"stale_after_days": 36_500.0}
_TERMS: dict[str, Any] = {
    "subject": "cloud_rate",
    "licence": "prices are facts; the page remains its owner's",
    "extension": "html",
    "is_scraped": True,
    # Pages drop whole sections with a redesign, and list fewer sizes than an API: only a fifth or less is called broken.
    "min_kept_share": 0.2,
}
LAMBDA_PAGE = Source(
    source_id="lambda_page",
    title="Lambda price page",
    homepage_url="https://lambda.ai/pricing",
    parse=parse_lambda,
    plan=_page("https://lambda.ai/pricing"),
    hosts=("lambda.ai", "lambdalabs.com"),
    cadence="40 6 * * *",
    **_TERMS,
)
COREWEAVE_PAGE = Source(
    source_id="coreweave_page",
    title="CoreWeave price page",
    homepage_url="https://www.coreweave.com/pricing",
    parse=parse_coreweave,
    plan=_page("https://www.coreweave.com/pricing"),
    hosts=("www.coreweave.com", "coreweave.com"),
    **_TERMS,
    **_ON_DEMAND,
)
NEBIUS_PAGE = Source(
    source_id="nebius_page",
    title="Nebius price page",
    homepage_url="https://nebius.com/prices",
    parse=parse_nebius,
    plan=_page("https://nebius.com/prices"),
    hosts=("nebius.com",),
    cadence="45 6 * * *",
    **_TERMS,
)
HYPERSTACK_PAGE = Source(
    source_id="hyperstack_page",
    title="Hyperstack price page",
    homepage_url="https://www.hyperstack.cloud/gpu-pricing",
    parse=parse_hyperstack,
    plan=_page("https://www.hyperstack.cloud/gpu-pricing"),
    hosts=("www.hyperstack.cloud",),
    **_TERMS,
    **_ON_DEMAND,
)
PAPERSPACE_PAGE = Source(
    source_id="paperspace_page",
    title="Paperspace price page",
    homepage_url="https://www.paperspace.com/pricing",
    parse=parse_paperspace,
    plan=_page("https://www.paperspace.com/pricing"),
    hosts=("www.paperspace.com",),
    **_TERMS,
    **_ON_DEMAND,
)
SFCOMPUTE_PAGE = Source(
    source_id="sfcompute_page",
    title="SF Compute market",
    homepage_url="https://sfcompute.com",
    parse=parse_sfcompute,
    plan=_page("https://sfcompute.com/"),
    hosts=("sfcompute.com", "www.sfcompute.com"),
    cadence="50 6 * * *",
    # A bottom of one cent is an empty order book, and common.
    max_rejected_share=0.4,
    **_TERMS,
)
