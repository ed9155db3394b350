"""Retail pages of single graphics cards, by schema.org JSON-LD, with an HTML fall-back per shop. Opt-in.

Nothing is fetched unless PETADAY_RETAIL_URLS names product addresses (https, comma separated, on the shops below): most
shops' terms forbid scraping, so whoever names an address answers for it. robots.txt is obeyed, one page per product.

Quirks: `offers` is an object, a list or an AggregateOffer (then only its low price is known); availability is an
address, a bare word, or absent; Amazon has no JSON-LD, only its buy box. Block pages come with HTTP 200 and are named
as such. A page of a processor, laptop or water block is refused: it is not a graphics card. A price without a currency
is refused. Words of a page (names, reviews) are data.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import polars as pl
from bs4 import BeautifulSoup

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, refused
from assets.sources._html import has_type, json_ld, money, offers_of, soup_of, text_of
from assets.sources._rows import inside, number_of
from warehouse.captures import Document
from warehouse.errors import PetadayError

#: Environment variable with the product addresses to watch.
URLS_VARIABLE = "PETADAY_RETAIL_URLS"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop, and where its pages say what JSON-LD leaves out (CSS selectors; the first that matches counts)."""

    seller: str
    currency_code: str = "USD"
    name: str = "h1"
    price: str = ""
    code: str = ""
    stock: str = ""


#: Host -> shop. The currency is used for the fall-back only: there the page shows a bare dollar sign.
SHOPS = {
    "www.adorama.com": Shop("adorama"),
    "www.amazon.com": Shop(
        "amazon",
        name="#productTitle",
        code="#ASIN, input[name=ASIN]",
        stock="#availability",
        price="#price_inside_buybox, #newBuyBoxPrice, #corePrice_feature_div .a-offscreen, #priceblock_ourprice",
    ),
    "www.bestbuy.com": Shop("bestbuy"),
    "www.bhphotovideo.com": Shop("bhphotovideo", stock="[data-selenium=stockStatus]"),
    "www.microcenter.com": Shop("microcenter", stock=".inventoryCnt"),
    "www.newegg.com": Shop("newegg"),
    "www.walmart.com": Shop("walmart"),
    "www.walmart.ca": Shop("walmart_ca", "CAD"),
}
_CHIP = re.compile(
    r"\b((?:GeForce\s+)?(?:RTX|GTX|GT)\s*-?(?:PRO\s+)?(?:A?\d{3,4})(?:\s*(?:Ti\s+SUPER|SUPER|Ti|D)\b)?(?:\s+(?:Ada|Blackwell)\b)?"
    r"|(?:Radeon\s+)?(?:RX|PRO)\s*W?\d{3,4}\s*(?:XTX|XT|GRE)?|Radeon\s+(?:VII|AI\s+PRO\s+\w+)|Arc\s+(?:Pro\s+)?[AB]\d{2,3}"
    r"|Quadro\s+(?:RTX\s+)?\w+|Tesla\s+\w+|(?:H100|H200|A100|A40|A30|A10|A16|L40S|L40|L4|B200|V100|T4|P40)\b)",
    re.I,
)
_CARD = re.compile(r"graphics?\s+card|video\s+card", re.I)
_GPU = re.compile(r"\bgpu\b", re.I)
#: Things that have a graphics card, or a processor, several cards or none that works; then things that go with one.
_OTHER = re.compile(
    r"laptop|notebook|processor|\bcpu\b|motherboard|(?:gaming|desktop) (?:pc|computer)|monitor|pre-?built|all-in-one|mini pc|barebone"
    r"|\bdesktop\b(?!\s+(?:graphics|video|gpu))|\btower\b|\bserver\b(?! edition)|enclosure|\begpu\b|docking"
    r"|\bcore\s+(?:i\d|ultra)\b|\b(?:ryzen|threadripper|xeon|epyc)\b|\bpc case\b|\brig\b"
    r"|\b(?:lot|set|pack) of \d|\b\d+\s*[x\u00d7]\s*(?:nvidia|amd|geforce|radeon|quadro|tesla|rtx|gtx|rx)\b"
    r"|for parts|(?:not|non)[ -]working|\bbroken\b|\bfaulty\b|\bdefective\b|\bdamaged\b|empty box|\bbox only\b"
    r"|thermal (?:pad|paste|putty)|mouse\s?(?:pad|mat)|\bsticker|\bdecal|\bposter\b|key\s?chain|\bt-shirt\b|\bmug\b",
    re.I,
)
#: A card's name may boast of these, behind what it is: "RTX 3080 XC3, metal backplate", "Video Card with bracket".
_PART_WORD = (
    r"(?:water\s?block|back\s?plate|riser|power supply|bracket|cables?|fans?|cooler|heat\s?sink|radiator|shroud|bridge|holder|brace"
    r"|anti-?sag|stand|adapter|support|kit)\b"
)
_PART = re.compile(rf"\b{_PART_WORD}", re.I)
#: "Video Card Cooler"; and what is made for a card is none: "NVLink bridge for RTX 3090".
_PART_OF_CARD = re.compile(rf"\bcard\s+(?:gpu\s+)?{_PART_WORD}|\bfor\s+(?:[\w-]+\s+){{0,4}}$", re.I)
_FEATURES = re.compile(r"[,|(;]|\bwith\b|\bw/", re.I)
#: Fans that a card has.
_OWN_FANS = re.compile(r"\b(?:single|dual|twin|triple|[1-4]x?)[ -]*(?:\w+[ -])?fans?\b", re.I)
_MEMORY = re.compile(r"\b(\d{1,3})\s*G(?:B|iB)?\b(?!/s|bps|hz)", re.I)
#: Words of a name for a card that someone had before.
_USED = re.compile(r"\brenewed\b|refurb|\bused\b|open[ -]?box|pre-?owned|second[ -]?hand|as-is\b", re.I)
#: Prices that a shop names beside its own: the manufacturer's, a former one.
_NOT_ITS_PRICE = re.compile(r"list|srp|strikethrough|regular|minimumadvertised", re.I)
#: What a price has that is only of a part of the sum (an instalment, a down payment), or only for members.
_OF_A_PART_OR_OF_SOME = ("billingDuration", "billingIncrement", "priceComponentType", "validForMemberTier")
_IN_STOCK = {"instock", "limitedavailability", "onlineonly", "instoreonly"}
_NOT_IN_STOCK = {"outofstock", "soldout", "discontinued", "preorder", "backorder", "presale"}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One request per address in PETADAY_RETAIL_URLS.

    Raises:
        PetadayError: if an address is not https on one of the shops.
    """
    for address in filter(None, (a.strip() for a in os.environ.get(URLS_VARIABLE, "").split(","))):
        parts = urlsplit(address)
        if parts.scheme != "https" or parts.hostname not in SHOPS:
            raise PetadayError(f"{URLS_VARIABLE}: {address!r} is not an https address on one of {', '.join(SHOPS)}")
        yield [Request(address, extension="html")]


def _shop(document: Document, soup: BeautifulSoup) -> Shop:
    """The shop of a page: by its address, or for a file by the canonical address inside."""
    canonical = soup.find("link", rel="canonical") or soup.find("meta", property="og:url")
    inside = str(canonical.get("href") or canonical.get("content")) if canonical else ""
    for address in (document.url, inside):
        if shop := SHOPS.get(urlsplit(address).hostname or ""):
            return shop
    raise LayoutError(f"{document.url}: not a page of a known shop ({', '.join(SHOPS)})")


def _product(soup: BeautifulSoup) -> dict[str, Any] | None:
    """The product that the page is about: of several, the one that the title names."""
    products = [v for v in json_ld(soup) if has_type(v, "Product") and v.get("name") and v.get("offers")]
    title = text_of(soup.title).lower()
    return next((p for p in products if str(p["name"])[:40].lower() in title), products[0] if products else None)


def _stock(availability: object, shop: Shop, soup: BeautifulSoup) -> bool | None:
    word = str(availability or "").rsplit("/", 1)[-1].replace(" ", "").lower()
    if word in _IN_STOCK or word in _NOT_IN_STOCK:
        return word in _IN_STOCK
    text = text_of(soup.select_one(shop.stock)).lower() if shop.stock else ""
    if re.search(r"out of stock|unavailable|sold out|back-?order|notify", text):
        return False
    return True if "in stock" in text else None


def _is_whole_price(specification: dict[str, Any]) -> bool:
    """Whether it is what everybody pays the shop for one card: no instalment, no part of the sum, no price of members."""
    amount = inside(specification, "referenceQuantity", "value")
    return (
        not _NOT_ITS_PRICE.search(str(specification.get("priceType")))
        and not any(specification.get(name) for name in _OF_A_PART_OR_OF_SOME)
        and (number_of(amount) == 1 or not specification.get("referenceQuantity"))
    )


def _with_price(offer: dict[str, Any]) -> dict[str, Any]:
    """An offer with the price that its `priceSpecification`, one or a list, says to be the shop's; as it is if it has one."""
    if offer.get("price") is not None or offer.get("lowPrice") is not None:
        return offer
    listed = offer.get("priceSpecification")
    own = [s for s in (listed if isinstance(listed, list) else [listed]) if isinstance(s, dict) and _is_whole_price(s)]
    return {**own[0], **{k: v for k, v in offer.items() if v is not None}} if len(own) == 1 else offer


def _from_json_ld(product: dict[str, Any], shop: Shop, soup: BeautifulSoup) -> list[dict[str, Any]]:
    rows = []
    for offer in map(_with_price, offers_of(product)):
        low = offer.get("price") is None and offer.get("lowPrice") is not None
        condition = f"{offer.get('itemCondition')} {product.get('itemCondition')}"
        used = re.search(r"used|refurbished|damaged", condition, re.I) or _USED.search(product["name"])
        rows.append(
            {
                "product": product["name"],
                "product_code": product.get("sku") or product.get("mpn") or offer.get("url"),
                "price_kind": "used" if used else "market_low" if low else "retail",
                "is_in_stock": _stock(offer.get("availability"), shop, soup),
                "price": money(offer.get("lowPrice") if low else offer.get("price")),
                "currency": str(offer.get("priceCurrency") or "").strip().upper() or None,
            }
        )
    return rows


def _from_page(shop: Shop, soup: BeautifulSoup) -> list[dict[str, Any]]:
    """The buy box as configured for the shop; else the price that the page tells social networks."""
    name, code = text_of(soup.select_one(shop.name)), soup.select_one(shop.code) if shop.code else None
    price, currency = text_of(soup.select_one(shop.price)) if shop.price else "", shop.currency_code
    if not price:
        amount, unit = (soup.find("meta", property=f"product:price:{p}") for p in ("amount", "currency"))
        price, currency = str(amount.get("content")) if amount else "", str(unit.get("content")) if unit else ""
    if not name or not price:
        return []
    used = _USED.search(name)
    return [
        {
            "product": name,
            "product_code": str(code.get("value") or text_of(code)) if code else "",
            "price_kind": "used" if used else "retail",
            "is_in_stock": _stock(None, shop, soup),
            "price": money(price),
            "currency": currency,
        }
    ]


def gpu_in(name: str) -> tuple[str | None, float | None, bool]:
    """(chip, memory in GiB, whether it is a graphics card) by a product's name."""
    chip, memory = _CHIP.search(name), _MEMORY.findall(name)
    before = name[: chip.start()] if chip else ""
    thing = before + _FEATURES.split(name[len(before) :], maxsplit=1)[0]
    has_part = bool(_PART.search(_OWN_FANS.sub("", thing)))
    is_named = bool(_CARD.search(name)) or bool((chip or _GPU.search(name)) and not has_part)
    is_for_card = bool(_PART_OF_CARD.search(before) or _PART_OF_CARD.search(thing))
    is_card = is_named and not is_for_card and not _OTHER.search(name)
    sizes = {float(m) for m in memory if 1 <= int(m) <= 288}
    return (
        " ".join(chip.group(1).split()) if chip else None,
        sizes.pop() if len(sizes) == 1 else None,
        is_card,
    )


def parse(documents: Sequence[Document]) -> Reading:
    """One row per condition of the product: the lowest price, in stock before out of stock."""
    (document,) = documents
    soup = soup_of(document)
    shop = _shop(document, soup)
    product = _product(soup)
    found = (_from_json_ld(product, shop, soup) if product else []) or _from_page(shop, soup)
    if not found:
        raise LayoutError(
            f"{document.url}: no product with an offer, neither in JSON-LD nor in the page of {shop.seller}"
        )
    chip, memory, is_card = gpu_in(found[0]["product"])
    good, bad = [], []
    for row in found:
        fault = (
            "not a graphics card"
            if not is_card
            else "no price above zero"
            if not row["price"] or row["price"] <= 0
            else "no currency beside the price"
            if not row["currency"]
            else None
        )
        (bad if fault else good).append(row | {"fault": fault})
    good.sort(key=lambda r: (r["is_in_stock"] is False, r["price"]))
    best = {r["price_kind"]: r for r in reversed(good)}
    schema = {
        "seller": pl.String,
        "product": pl.String,
        "product_code": pl.String,
        "price_kind": pl.String,
        "accelerator_name": pl.String,
        "accelerator_memory_gib": pl.Float64,
        "is_in_stock": pl.Boolean,
        "price_amount": pl.Float64,
        "currency_code": pl.String,
    }
    frame = pl.DataFrame(
        [
            {
                "seller": shop.seller,
                "product": " ".join(r["product"].split()),
                "product_code": str(r["product_code"] or ""),
                "price_kind": kind,
                "accelerator_name": chip,
                "accelerator_memory_gib": memory,
                "is_in_stock": r["is_in_stock"],
                "price_amount": r["price"],
                "currency_code": r["currency"],
            }
            for kind, r in best.items()
        ],
        schema=schema,
    )
    rejected = None
    if bad:
        faults = pl.DataFrame({"row": [json.dumps(r, default=str) for r in bad]})
        rejected = refused(faults, pl.lit(None)).with_columns(pl.Series("reason", [r["fault"] for r in bad]))
    return Reading([Scope(shop.seller, frame)], rejected)


GPU_RETAIL = Source(
    source_id="gpu_retail",
    subject="gpu_price",
    title="Retail pages of graphics cards (opt-in)",
    homepage_url="https://schema.org/Product",
    licence="prices are facts; pages remain their owners'; most terms forbid scraping",
    parse=parse,
    parser_version=5,
    plan=plan,
    hosts=tuple(SHOPS),
    cadence="0 10 * * *",
    changes_within_days=60,
    key_name=URLS_VARIABLE,
    extension="html",
    is_scraped=True,
    max_bytes=16 << 20,
)
