"""Every live source of carbon and power prices, met with what publishers answer on a bad day: nothing is loaded, and it is said why."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import islice

import pytest

from assets import intake
from assets.sources import all_sources
from assets.sources._base import FetchError, Source, Window
from assets.subjects import ELECTRICITY_PRICE, GRID_CARBON
from tests.replay import Answer, ReplayServer
from warehouse.errors import PetadayError
from warehouse.home import Home

#: Of each the first batches are enough: the others are of more countries and days.
BATCHES = 2


def shortened(source: Source) -> Source:
    """The source with its first batches alone."""
    whole = source.plan
    assert whole is not None
    return replace(source, plan=lambda window: islice(whole(window), BATCHES))


LIVE = {
    s.source_id: shortened(s)
    for s in all_sources().values()
    if s.subject in (GRID_CARBON.name, ELECTRICITY_PRICE.name) and s.plan is not None
}
KEY = "a-key-that-is-nobodys"
NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def publisher(replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> ReplayServer:
    """A server that gives one answer to everything; every key is set."""
    for source in LIVE.values():
        if source.key_name:
            monkeypatch.setenv(source.key_name, KEY)
    monkeypatch.setenv("WATTTIME_LOGIN", f"user:{KEY}")
    return replay


def answering(publisher: ReplayServer, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    """From now on everything is answered so."""
    monkeypatch.setattr(publisher, "_find", lambda _: answer)


def test_all_that_the_issue_names_are_live() -> None:
    """And each has a schedule, hosts that it may go to, and says after how long it is stale."""
    named = {
        "gb_carbon_intensity",
        "gb_carbon_intensity_mix",
        "energy_charts_carbon",
        "energy_charts_mix",
        "energinet_carbon",
        "caiso",
        "ember",
    }
    named |= {"ember_monthly", "owid", "eia", "entsoe", "electricity_maps", "watttime", "energy_charts_price"}
    named |= {"energinet_price", "entsoe_price", "eia_retail", "openelectricity", "ercot", "nyiso", "eco2mix"}
    assert named <= set(LIVE)
    for source in LIVE.values():
        assert source.cadence, source.source_id
        assert source.hosts, source.source_id
        assert source.stale_after_days > 0


@pytest.mark.parametrize("status", [404, 429])
@pytest.mark.parametrize("source", LIVE.values(), ids=LIVE)
def test_not_published_or_told_to_wait(
    source: Source, status: int, home: Home, publisher: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source fails by the status that came; nothing is staged, and no key is in what is said."""
    answering(publisher, monkeypatch, Answer(b'{"detail": "no content available"}', status, {"Retry-After": "0"}))
    with pytest.raises(FetchError, match=str(status)) as told:
        intake.take_live(home, source, Window(NOW))
    assert KEY not in str(told.value)
    assert not list(home.staged_dir.iterdir())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html><html><body>Please enable JavaScript</body></html>",
        b"{}",
        b"[]",
        b"timestamp,price\n2021-01-01 00:00:00,0.0\n",
        b"<Acknowledgement_MarketDocument><Reason><code>999</code><text>No matching data</text></Reason></Acknowledgement_MarketDocument>",
        b"\xff\xfe\x00\xd8",
    ],
    ids=["zero bytes", "a page", "an empty object", "an empty list", "one row of zero", "acknowledgement", "not text"],
)
@pytest.mark.parametrize("source", LIVE.values(), ids=LIVE)
def test_a_success_that_is_none(
    source: Source, body: bytes, home: Home, publisher: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept as a capture and refused in words, every batch of it; no row is loaded."""
    answering(publisher, monkeypatch, Answer(body))
    try:
        taken = intake.take_live(home, source, Window(NOW))
    except PetadayError as e:
        # A login that is none ends before anything is asked for.
        assert (source.source_id, KEY in str(e)) == ("watttime", False), str(e)
        return
    assert {t.outcome for t in taken} == {"rejected"}
    assert all(t.row_count == 0 and t.message and len(t.message.split()) >= 3 for t in taken)
    assert not any("Traceback" in str(t.message) for t in taken)
