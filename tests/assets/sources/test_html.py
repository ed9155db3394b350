"""Trees of pages: built without a search for garbage, and yet not left lying about."""

from __future__ import annotations

import datetime as dt
import gc
import weakref
from pathlib import Path

import pytest

from assets.sources import _html
from assets.sources._base import LayoutError
from assets.sources._html import soup_of
from warehouse.captures import Document


def _page(tmp_path: Path, size: int) -> Document:
    file = tmp_path / "page.html"
    file.write_text(f"<html><body><p>{'words ' * (size // 6)}</p></body></html>")
    return Document(file, "file:page.html", dt.datetime(2026, 9, 1, tzinfo=dt.UTC), "html")


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_left_as_it_was(tmp_path: Path, was_on: bool) -> None:
    try:
        if not was_on:
            gc.disable()
        soup_of(_page(tmp_path, 100))
        assert gc.isenabled() is was_on
        with pytest.raises(LayoutError), _html._collector.paused(1):
            raise LayoutError("torn")
        assert gc.isenabled() is was_on
    finally:
        gc.enable()


def test_trees_that_are_done_with_are_freed_as_pages_are_read(tmp_path: Path) -> None:
    """Without a collection of its own each of these would wait until the process ends."""
    document = _page(tmp_path, 100_000)
    alive: list[weakref.ref] = []
    most = 0
    for _ in range(40):
        alive.append(weakref.ref(soup_of(document)))
        most = max(most, sum(tree() is not None for tree in alive))
    assert most <= 12
