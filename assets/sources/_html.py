"""Reading web pages: parsing, block pages, JSON-LD, and amounts of money in text.

Nothing here is specific to a publisher. The text of a page is data: it is read with fixed patterns and never executed.
"""

from __future__ import annotations

import gc
import json
import re
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bs4 import BeautifulSoup, NavigableString, Tag

from assets.sources._base import LayoutError, body_of
from warehouse.captures import Document

#: Phrases of captcha and block pages, which are sent with HTTP 200 instead of the requested page.
_BLOCKS = (
    "access to this page has been denied",
    "verify your identity",
    "are you a human",
    "are you a robot",
    "robot or human",
    "enter the characters you see below",
    "pardon our interruption",
    "just a moment...",
    "attention required! | cloudflare",
    "please verify you are a human",
    "unusual traffic from your",
    "checking your browser before accessing",
    "px-captcha",
)
_MONEY = re.compile(r"(?<![\d.,])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\d,]*\d|\.\d)")


#: Trees are cyclic, so only the garbage collector frees them: after so many bytes of pages it is run. (A tree takes
#: forty times the size of its page.)
_MOST_UNCOLLECTED = 1 << 20


class _PausedCollector:
    """Pauses garbage collection while a tree is built: traversing the growing tree again and again takes a third of the time."""

    def __init__(self) -> None:
        self._one_at_a_time, self._uncollected = threading.Lock(), 0

    @contextmanager
    def paused(self, size: int) -> Generator[None]:
        """No garbage collection while the tree of a page of `size` bytes is built."""
        # The parser holds the interpreter lock anyway, so this lock costs nothing.
        with self._one_at_a_time:
            self._uncollected += size
            if self._uncollected > max(size, _MOST_UNCOLLECTED):
                gc.collect()
                self._uncollected = size
            was_on = gc.isenabled()
            gc.disable()
            try:
                yield
            finally:
                # Moves the new objects to the oldest generation: else the next collection would traverse the whole
                # tree.
                gc.freeze()
                gc.unfreeze()
                if was_on:
                    gc.enable()


_collector = _PausedCollector()


def soup_of(document: Document) -> BeautifulSoup:
    """The page as a tree.

    Raises:
        LayoutError: if it is empty, or a captcha or block page (the message quotes the phrase that says so).
    """
    body = body_of(replace(document, extension="html"))
    with _collector.paused(len(body)):
        soup = BeautifulSoup(body, "lxml")
    # Struck-out text is obsolete, such as a former price beside the current one.
    if re.search(rb"<(?:s|del|strike)[\s>]", body, re.I):
        for struck in soup.find_all(["s", "del", "strike"]):
            struck.decompose()
    # A real page may include the script of a bot wall, so only the title and short texts are searched.
    head = soup.title.get_text(" ", strip=True).lower() if soup.title else ""
    text = _short_text(soup)
    # Only in a short page: searching a long one takes a tenth of the time of parsing it.
    box = soup.find(id=re.compile(r"^px-captcha|^captchacharacters$")) if text is not None else None
    seen = f"{head} {text or ''}"
    words = next((w for w in _BLOCKS if w in seen), str(box.get("id")) if box is not None else None)
    if words:
        raise LayoutError(f"{document.url}: a captcha or block page came in place of data ({words!r})")
    return soup


def _short_text(soup: BeautifulSoup, limit: int = 6_000) -> str | None:
    """The visible text of the page in lower case; None if it is longer than `limit` characters."""
    parts, size = [], 0
    for text in soup.stripped_strings:
        parts.append(text)
        size += len(text) + 1
        if size > limit:
            return None
    return " ".join(parts).lower()


def text_of(tag: Tag | None) -> str:
    """Visible text with single blanks; non-breaking and narrow blanks are blanks."""
    if tag is None:
        return ""
    only = tag.contents[0] if len(tag.contents) == 1 else None
    text = only if type(only) is NavigableString else tag.get_text(" ")
    return " ".join(text.replace("\u200b", "").split())


def json_ld(soup: BeautifulSoup) -> Iterator[dict[str, Any]]:
    """Every object of every ld+json block, with graphs and lists flattened; a block that is not JSON is skipped.

    Shops put control characters, HTML comments and trailing semicolons into these blocks.
    """
    for block in soup.find_all("script", type=re.compile(r"ld\+json", re.I)):
        raw = block.string or block.get_text()
        raw = re.sub(r"^\s*(?:<!--|//<!\[CDATA\[)|(?:-->|//\]\]>|;)\s*$", "", raw.strip())
        try:
            value = json.loads(raw, strict=False)
        except (ValueError, RecursionError):
            continue
        yield from _objects(value, 0)


def _objects(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > 6:
        return
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, depth + 1)
    elif isinstance(value, dict):
        yield value
        for key in ("@graph", "mainEntity", "hasVariant", "itemListElement", "item"):
            if isinstance(value.get(key), dict | list):
                yield from _objects(value[key], depth + 1)


def has_type(value: dict[str, Any], name: str) -> bool:
    """True if the object's @type is, or lists, `name` (with or without the schema.org address)."""
    types = value.get("@type")
    return any(str(t).rsplit("/", 1)[-1] == name for t in (types if isinstance(types, list) else [types]))


def offers_of(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The single offers of a product: `offers` is an object, a list, or an AggregateOffer that holds them.

    An AggregateOffer without offers inside is returned as it is, with lowPrice and highPrice.
    """
    found: list[dict[str, Any]] = []
    offers = value.get("offers")
    for offer in offers if isinstance(offers, list) else [offers]:
        if isinstance(offer, dict):
            inner = offers_of(offer) if offer.get("offers") else []
            found += inner or [offer]
    return found


def money(text: str | float | int | None) -> float | None:
    """The amount in a text such as '$ 2.20 per Hour', 'from $1.82' or '1,299.00'; None if there is none.

    Of several amounts the first counts: callers pass the text of one cell. '1.299,00' is ambiguous and therefore None.
    """
    if text is None or isinstance(text, bool):
        return None
    if isinstance(text, int | float):
        return float(text)
    match = _MONEY.search(text.replace("\xa0", " "))
    return float(match.group(1).replace(",", "")) if match else None
