"""Energy-Charts: real answers, and what they must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from assets.intake import take_live
from assets.sources._base import LayoutError, Window
from assets.sources.energy_charts import COUNTRIES, ENERGY_CHARTS_CARBON, ENERGY_CHARTS_PRICE, PRICE_ZONES
from tests.assets.sources.reading import OBSERVED_AT, read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

SEEN = dt.datetime(2026, 10, 4, 6, tzinfo=dt.UTC)


def test_carbon_parts_measured_forecast_and_nothing(samples: Path) -> None:
    """192 slots: 24 measured, 75 forecast, the rest is null and is not loaded; neither basis is mixed."""
    scopes, rejected = read_files(
        "energy_charts_carbon", samples / "energy_charts/co2eq_fr_2026-10-04.json", observed_at=SEEN
    )
    frame = scopes["FR"]
    assert dict(frame.group_by("basis_kind").len().rows()) == {"actual": 24, "forecast": 75}
    assert set(frame["basis_boundary"]) == {"unconfirmed"}
    first = frame.sort("valid_from").row(0, named=True)
    assert (first["valid_from"].isoformat(), first["intensity_gco2e_per_kwh"]) == ("2026-10-03T22:00:00+00:00", 64.8)
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("file", "zone", "resolution", "rows", "first"),
    [("price_AT_2026-10-09_15min", "AT", "PT15M", 96, 154.5), ("price_DE-LU_2024-12-10", "DE-LU", "PT1H", 48, 92.85)],
)
def test_price_slots_start_at_local_midnight(
    samples: Path, file: str, zone: str, resolution: str, rows: int, first: float
) -> None:
    scopes, _ = read_files("energy_charts_price", samples / f"energy_charts/{file}.json", observed_at=SEEN)
    frame = scopes[zone].sort("valid_from")
    assert (frame.height, frame["resolution"].unique().to_list()) == (rows, [resolution])
    assert frame["price_amount_per_mwh"][0] == first
    assert frame["valid_from"][0].hour in (22, 23)


def test_the_move_to_quarter_hours_in_one_answer(tmp_path: Path) -> None:
    """Hours until 2025-10-01, quarters after: each slot keeps its own length."""
    start = 1759262400
    seconds = [start - 7200, start - 3600, start, start + 900, start + 1800]
    body = json.dumps({"unix_seconds": seconds, "price": [1, None, 3, 4, -5], "unit": "EUR / MWh"})
    scopes, _ = read_body("energy_charts_price", body, tmp_path, "price_DK1_x.json")
    assert scopes["DK-DK1"]["resolution"].to_list() == ["PT1H", "PT15M", "PT15M", "PT15M"]
    assert scopes["DK-DK1"]["price_amount_per_mwh"].to_list() == [1, 3, 4, -5]


def test_two_prices_for_one_slot_are_refused(tmp_path: Path) -> None:
    body = json.dumps(
        {"unix_seconds": [1788220800 + s for s in (0, 3600, 3600, 7200)], "price": [1, 2, 3, 4], "unit": "EUR / MWh"}
    )
    scopes, rejected = read_body("energy_charts_price", body, tmp_path, "price_FR_x.json")
    assert scopes["FR"]["price_amount_per_mwh"].to_list() == [1, 4]
    assert rejected["reason"].unique().to_list() == ["two prices for one slot"]


def test_a_factor_a_thousand_too_high_is_refused(tmp_path: Path) -> None:
    body = json.dumps({"unix_seconds": [1788220800, 1788221700], "co2eq": [60_000, 60], "co2eq_forecast": [None, None]})
    scopes, rejected = read_body("energy_charts_carbon", body, tmp_path, "co2eq_fr_x.json")
    assert scopes["FR"].height == 1
    assert "above 1500" in rejected["reason"][0]


def test_a_time_of_zero_seconds_is_no_slot_of_1970(tmp_path: Path) -> None:
    body = json.dumps(
        {"unix_seconds": [0, 1788220800, 1788221700], "co2eq": [50, 60, 61], "co2eq_forecast": [None] * 3}
    )
    scopes, rejected = read_body("energy_charts_carbon", body, tmp_path, "co2eq_fr_x.json")
    assert scopes["FR"]["intensity_gco2e_per_kwh"].to_list() == [60, 61]
    assert "not between 1980-01-01" in rejected["reason"][0]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('{"unix_seconds": [1, 2], "price": [1], "unit": "EUR / MWh"}', "not parallel"),
        ('{"unix_seconds": [], "price": [], "unit": "EUR / MWh"}', "no slot"),
        ('{"unix_seconds": [1], "price": [1], "unit": "ct/kWh"}', "not a currency per MWh"),
        ('{"detail": "no content available", "unit": "EUR / MWh"}', "expected the arrays"),
        ("'xx' is not the code for an available country", "not JSON"),
    ],
)
def test_other_answers(body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("energy_charts_price", body, tmp_path, "price_FR_x.json")


def test_live_carbon_names_its_country(home: Home, replay: ReplayServer) -> None:
    """Yesterday to tomorrow per country; a 429 is waited for."""
    url = "https://api.energy-charts.info/co2eq"
    body = json.dumps({"unix_seconds": [1788220800, 1788221700], "co2eq": [50.0, None], "co2eq_forecast": [None, 51.0]})
    replay.add(url, b"", status=429, times=1, headers={"Retry-After": "0"})
    replay.add(url, body)
    taken = take_live(home, ENERGY_CHARTS_CARBON, Window(OBSERVED_AT))
    assert [t.row_count for t in taken] == [2] * len(COUNTRIES)
    assert {s.scope for _, b in staging.staged(home) for s in b.scopes} == {c.upper() for c in COUNTRIES}
    assert "start=2026-08-31&end=2026-09-02" in replay.urls()[0]


def test_live_price_keeps_open_zones_only(home: Home, replay: ReplayServer) -> None:
    replay.add(
        "https://api.energy-charts.info/price", '{"unix_seconds": [0, 900], "price": [1, 2], "unit": "EUR / MWh"}'
    )
    taken = take_live(home, ENERGY_CHARTS_PRICE, Window(OBSERVED_AT))
    assert len(taken) == len(PRICE_ZONES) - 1
    past = list(ENERGY_CHARTS_PRICE.plan(Window(OBSERVED_AT, dt.date(2024, 1, 1), dt.date(2024, 2, 15))))
    assert len(past) == 2 * (len(PRICE_ZONES) - 1)
