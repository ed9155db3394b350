"""Lengths of slots: what a gap is, and what a change."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from assets.sources._clock import lengths_of
from warehouse.captures import Document

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def lengths(*minutes: int) -> list[str]:
    """Lengths of slots that begin so many minutes after `START`."""
    document = Document(Path("body.json"), "file:body.json", START, "json")
    times = pl.Series([START + dt.timedelta(minutes=m) for m in minutes])
    return lengths_of(document, times)["resolution"].to_list()


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ((0, 15), ["PT15M"] * 2),
        ((0, 60, 120, 135, 150), ["PT1H"] * 2 + ["PT15M"] * 3),
        # A quarter-hour after hours is a change, with or without another one.
        ((0, 60, 120, 135), ["PT1H"] * 2 + ["PT15M"] * 2),
        # A gap is none, wherever it lies: the last slots were once said to hold for an hour.
        ((0, 15, 30, 90, 105), ["PT15M"] * 5),
        ((0, 15, 30, 90), ["PT15M"] * 4),
        ((0, 15, 75), ["PT15M"] * 3),
        ((0, 60, 75), ["PT15M"] * 3),
        # The last slot lies a day after the others, or in another century.
        ((0, 60, 120, 1560), ["PT1H"] * 4),
        ((0, 5, 10, 40_000_000), ["PT5M"] * 4),
    ],
)
def test_a_gap_is_no_longer_slot(minutes: tuple[int, ...], expected: list[str]) -> None:
    assert lengths(*minutes) == expected


@pytest.mark.parametrize("minutes", [(0,), (0, 180), (0, 7, 14)])
def test_what_cannot_be_told(minutes: tuple[int, ...]) -> None:
    with pytest.raises(LayoutError, match="slot"):
        lengths(*minutes)
