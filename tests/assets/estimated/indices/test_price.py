"""The price index, added to capture by capture in any order, is what computing it anew gives."""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Iterable

import duckdb
import polars as pl
import pytest

from assets import recording
from assets.catalog import catalog
from assets.estimated.decisions import petaday_history
from assets.estimated.indices import price
from assets.estimated.indices.assets import INDICES, compute
from assets.subjects import CLOUD_RATE, EXCHANGE_RATE
from warehouse import log
from warehouse.connection import transaction, write_session
from warehouse.home import Home
from warehouse.tables import Subject

PRICE = INDICES[0]
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
TABLES = ("price_offer", "price_link", "price_index", "petaday_history")
#: What the known cards are called here, so that reference.accelerator_alias tells them.
CARDS = {"H100 SXM": 80.0, "A100 SXM": 80.0, "L4": 24.0}


class Loader:
    """Records captures of prices and of exchange rates, whatever their order, and can read each again."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con, self.frames, self.moment = con, {}, dt.datetime(2027, 1, 1, tzinfo=dt.UTC)

    def _record(self, subject: Subject, source: str, scope: str, at: dt.datetime, frame: pl.DataFrame, *, whole: bool, refused: pl.DataFrame | None = None) -> None:  # fmt: skip
        batch = f"b{len(self.frames):04}"
        self.frames[batch] = frame, refused
        self.moment += dt.timedelta(minutes=7)
        said = log.Snapshot(source, scope, batch, at, whole, frame, refused)
        with transaction(self.con):
            log.record(self.con, subject, said, self.moment, lambda batch_id, _: self.frames[batch_id])

    def prices(self, source: str, provider: str, day: float, offers: dict[tuple[str, str, str], float], currency: str = "USD", *, whole: bool = True, since: float | None = None, refused: Iterable[tuple[str, str, str]] = ()) -> None:  # fmt: skip
        """Offers are (card, region, purchase option) -> price; `since` dates them, otherwise they hold from when they were seen; `refused`: rows that could not be used."""
        size = len(offers)
        frame = pl.DataFrame(
            {
                "provider": [provider] * size,
                "region": [region for _, region, _ in offers],
                "instance_type": [_instance_type(card) for card, _, _ in offers],
                "purchase_option": [purchase for _, _, purchase in offers],
                "price_component": ["instance"] * size,
                "offer_variant": [""] * size,
                "accelerator_name": [card for card, _, _ in offers],
                "accelerator_count": [1.0] * size,
                "accelerator_memory_gib": [CARDS[card] for card, _, _ in offers],
                "vcpu_count": [8.0] * size,
                "memory_gib": [64.0] * size,
                "price_amount_per_hour": list(offers.values()),
                "currency_code": [currency] * size,
                "valid_from": [None if since is None else START + dt.timedelta(days=since)] * size,
                "capture_id": [f"c{len(self.frames):04}"] * size,
            },
            schema_overrides={"valid_from": pl.Datetime("us", "UTC"), "price_amount_per_hour": pl.Float64},
        )
        keys = [
            (provider, region, _instance_type(card), purchase, "instance", "") for card, region, purchase in refused
        ]
        unusable = pl.DataFrame(keys, schema=dict.fromkeys(CLOUD_RATE.keys, pl.String), orient="row") if keys else None
        self._record(CLOUD_RATE, source, provider, START + dt.timedelta(days=day), frame, whole=whole, refused=unusable)

    def rates(self, first: int, last: int, usd_per_eur: float, told: float = 0) -> None:
        days = [START + dt.timedelta(days=d) for d in range(first, last)]
        frame = pl.DataFrame(
            {"base_currency_code": "EUR", "currency_code": "USD", "rate_per_base": usd_per_eur, "valid_from": days, "capture_id": f"c{len(self.frames):04}"},
            schema_overrides={"valid_from": pl.Datetime("us", "UTC")},
        )  # fmt: skip
        self._record(EXCHANGE_RATE, "ecb", "all", START + dt.timedelta(days=max(last, told)), frame, whole=False)

    def everything(self) -> dict[str, list[tuple]]:
        """Rows of the index, of what it is put together from and of what follows from it, numbers to the ten digits that do not depend on the order of adding."""
        recording.match_accelerators(self.con)
        compute(self.con, PRICE)
        with transaction(self.con):
            petaday_history.update(self.con, self.moment)
        return {t: self._rows(t) for t in TABLES}

    def _rows(self, table: str) -> list[tuple]:
        rows = self.con.execute(f"FROM estimated.{table} ORDER BY ALL").fetchall()
        return sorted((tuple(_ten_digits(v) for v in row) for row in rows), key=repr)

    def anew(self) -> dict[str, list[tuple]]:
        """The same, computed from nothing."""
        self.con.execute("DELETE FROM meta.definition WHERE name LIKE 'estimated.%'").fetchall()
        return self.everything()


def _instance_type(card: str) -> str:
    return f"vm-{card}".lower().replace(" ", "-")


def _ten_digits(value: object) -> object:
    return float(f"{value:.10g}") + 0.0 if isinstance(value, float) and abs(value) > 1e-12 else 0.0 if isinstance(value, float) else value  # fmt: skip


def _captures(chance: random.Random) -> list[tuple]:
    """Calls of `Loader`: three clouds on some days of half a year, with gaps, joiners, leavers, rows refused, dated rows, euros and corrections."""
    calls: list[tuple] = []
    for source, provider, currency in (("skypilot", "aa", "USD"), ("gpuhunt", "aa", "USD"), ("skypilot", "bb", "USD"), ("linode", "cc", "EUR")):  # fmt: skip
        offers = {
            (card, region, purchase): round(chance.uniform(1, 9), 2)
            for card in CARDS
            for region in ("r1", "r2")
            for purchase in ("on_demand", "spot")
            if chance.random() < 0.7
        }
        for day in sorted(chance.sample(range(180), 6)):
            for key in [k for k in offers if chance.random() < 0.3]:
                offers[key] = round(offers[key] * chance.choice([0.5, 0.9, 1.1, 2]), 4)
            seen = {k: v for k, v in offers.items() if chance.random() < 0.9}
            if seen:
                refused = sorted(k for k in offers.keys() - seen.keys() if chance.random() < 0.5)
                calls.append(("prices", source, provider, day + chance.random(), seen, currency, refused))
        # What an announcement or a correction says: some offers from a day of their own, before or after they are told.
        told = dict(list(offers.items())[:2])
        calls.append(("dated", source, provider, 100.5, told, currency, chance.choice([20.0, 60.0, 130.0])))
    calls += [("rates", 0, 60, 1.1), ("rates", 60, 180, 1.2), ("rates", 40, 50, 1.5, 190)]
    chance.shuffle(calls)
    return calls


@pytest.mark.parametrize("seed", range(40 if os.environ.get("PETADAY_NIGHTLY") else 1))
def test_captures_in_any_order_give_what_computing_anew_gives(home: Home, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(price, "CHUNK", 50)  # many chunks in a rebuild
    chance = random.Random(seed)
    recording.refresh_reference(home)
    with write_session(home, catalog()) as con:
        loader = Loader(con)
        for number, (kind, *given) in enumerate(_captures(chance)):
            if kind == "rates":
                loader.rates(*given)
            elif kind == "dated":
                *given, since = given
                loader.prices(*given, whole=False, since=since)
            else:
                *given, refused = given
                loader.prices(*given, refused=refused)
            if number == 0 or chance.random() < 0.5:  # sometimes several at once
                added = loader.everything()
                if chance.random() < 0.3:
                    assert added == loader.anew(), number
        added = loader.everything()
        assert all(added.values())
        assert added == loader.anew()


@pytest.fixture
def loader(home: Home) -> Loader:
    recording.refresh_reference(home)
    with write_session(home, catalog()) as con:
        yield Loader(con)


def _is_rebuilt(monkeypatch: pytest.MonkeyPatch, loader: Loader) -> bool:
    rebuilt: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(price, "_rebuild", rebuilt.append)
        loader.everything()
    return bool(rebuilt)


OFFERS = {
    ("H100 SXM", "r1", "on_demand"): 2.0,
    ("H100 SXM", "r2", "on_demand"): 4.0,
    ("A100 SXM", "r1", "on_demand"): 1.0,
}


def test_one_more_capture_writes_what_moved_and_one_day_of_the_rest(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    loader.prices("skypilot", "aa", 1, OFFERS)
    loader.prices("skypilot", "bb", 1, OFFERS)
    before = loader.everything()
    loader.prices("skypilot", "aa", 3, OFFERS | {("H100 SXM", "r1", "on_demand"): 1.0})
    assert not _is_rebuilt(monkeypatch, loader)
    after = loader.everything()
    new = set(after["price_link"]) - set(before["price_link"])
    assert [(row[0], row[2]) for row in new] == [("nvidia-h100-sxm-80gb", dt.date(2026, 1, 4))]
    assert set(before["price_link"]) < set(after["price_link"])
    days = [row[2] for row in after["price_index"] if row[0].startswith("nvidia-a100")]
    assert days == [dt.date(2026, 1, d) for d in (2, 3, 4)]
    assert after == loader.anew()


def test_petadays_are_asked_again_from_the_first_day_that_changed(loader: Loader) -> None:
    loader.prices("skypilot", "aa", 1, OFFERS)
    loader.everything()
    told = "SELECT index_on, energy_kwh FROM estimated.petaday_history WHERE accelerator_id = 'nvidia-h100-sxm-80gb' ORDER BY ALL"
    loader.con.execute("UPDATE estimated.petaday_history SET energy_kwh = -1").fetchall()  # not asked again: it stays
    loader.prices("skypilot", "aa", 3, OFFERS | {("H100 SXM", "r1", "on_demand"): 1.0})
    loader.everything()
    assert [(day.day, kwh < 0) for day, kwh in loader.con.execute(told).fetchall()] == [
        (2, True),
        (3, False),
        (4, False),
    ]
    loader.prices("skypilot", "aa", 1.5, OFFERS | {("H100 SXM", "r2", "on_demand"): 3.0})
    assert loader.everything() == loader.anew()
    assert not [day for day, kwh in loader.con.execute(told).fetchall() if kwh < 0]


def test_a_capture_that_confirms_is_no_change_on_its_day_and_one_more_day_on_the_next(loader: Loader) -> None:
    told = "SELECT first_on FROM meta.table_change WHERE table_name = 'estimated.price_index' ORDER BY known_at"
    loader.prices("skypilot", "aa", 1, OFFERS)
    before = loader.everything()
    loader.prices("skypilot", "aa", 1.5, OFFERS)
    assert loader.everything() == before
    loader.prices("skypilot", "aa", 2.5, OFFERS)
    after = loader.everything()
    assert after["price_link"] == before["price_link"]
    assert {row[2].day for row in after["price_index"]} == {2, 3}
    assert loader.con.execute(told).fetchall() == [(dt.date(1, 1, 1),), (dt.date(2026, 1, 3),)]
    assert after == loader.anew()


def test_a_gap_is_closed_by_a_late_confirmation(loader: Loader) -> None:
    """Unconfirmed for 45 days the offers are dropped; a capture of that time that arrives late brings the days back."""
    loader.prices("skypilot", "aa", 0, OFFERS)
    loader.prices("skypilot", "bb", 100, OFFERS)
    days = {row[2] for row in loader.everything()["price_index"]}
    assert len(days) == 45 + 1
    loader.prices("skypilot", "aa", 40, OFFERS)
    added = loader.everything()
    assert len({row[2] for row in added["price_index"]}) == 85 + 1
    assert added == loader.anew()


def test_a_correction_of_a_day_long_past_moves_every_day_of_its_chain(loader: Loader) -> None:
    for day in range(10):
        loader.prices("skypilot", "aa", day, {k: v + day / 100 for k, v in OFFERS.items()})
    before = loader.everything()
    loader.prices("skypilot", "aa", 3.5, {k: v * 2 for k, v in OFFERS.items()})
    added = loader.everything()
    changed = set(before["price_link"]) ^ set(added["price_link"])
    assert {row[2] for row in changed} <= {dt.date(2026, 1, d) for d in (4, 5, 6)}
    assert added == loader.anew()


def test_an_exchange_rate_told_late_prices_what_had_no_price(loader: Loader) -> None:
    loader.prices("linode", "cc", 3, OFFERS, "EUR")
    assert loader.everything()["price_offer"] == []
    loader.rates(0, 10, 1.5)
    added = loader.everything()
    assert sorted({row[9] for row in added["price_offer"]}) == [1.5, 3.0, 6.0]
    loader.rates(3, 4, 2.0, told=20)
    added = loader.everything()
    assert sorted({row[9] for row in added["price_offer"]}) == [2.0, 4.0, 8.0]
    assert added == loader.anew()


def test_a_rebuild_that_was_killed_begins_again(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(5):
        loader.prices("skypilot", "aa", day, {k: v + day / 100 for k, v in OFFERS.items()})
    whole = loader.everything()
    monkeypatch.setattr(price, "CHUNK", 3)
    written, insert = [], price._insert

    def killed(*given: object, **more: object) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(given)
        insert(*given, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(price, "_insert", killed)
        with pytest.raises(KeyboardInterrupt):
            loader.anew()
    assert loader.everything() == whole
