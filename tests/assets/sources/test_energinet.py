"""Energi Data Service: real answers and joined files, and what they must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources._base import LayoutError, Window
from assets.sources.energinet import ENERGINET_CARBON, ENERGINET_PRICE
from tests.assets.sources.reading import OBSERVED_AT, read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

CARBON_URL = "https://api.energidataservice.dk/dataset/CO2EmisProg"
PRICE_URL = "https://api.energidataservice.dk/dataset/DayAheadPrices"


def _at(frame: pl.DataFrame, time: str, column: str, **key: str) -> list[float]:
    rows = frame.filter(
        pl.col("valid_from") == dt.datetime.fromisoformat(time), *(pl.col(k) == v for k, v in key.items())
    )
    return rows[column].to_list()


def test_co2_is_a_forecast_by_area_in_utc(samples: Path) -> None:
    scopes, _ = read_files("energinet_carbon", samples / "energinet/co2emisprog.json")
    frame = scopes["DK"]
    assert set(frame["basis_kind"]) == {"forecast"}
    assert set(frame["zone"]) == {"DK-DK1", "DK-DK2"}
    assert _at(frame, "2022-07-17T21:55:00+00:00", "intensity_gco2e_per_kwh", zone="DK-DK1") == [123]


def test_a_joined_year_is_whole(samples: Path) -> None:
    """366 days of 288 slots; integers and floats alike; equal to the daily file."""
    year, rejected = read_files("energinet_carbon", samples / "energinet/co2_forecast_5min_DK1_2024.csv")
    day, _ = read_files("energinet_carbon", samples / "energinet/daily/co2_DK1_2024-10-27.json")
    assert year["DK"].height == 366 * 288
    assert day["DK"].join(year["DK"], on=["valid_from", "intensity_gco2e_per_kwh"], how="anti").is_empty()
    assert rejected.is_empty()


def test_hourly_prices_have_no_gap_at_dst_and_go_below_zero(samples: Path) -> None:
    scopes, rejected = read_files("energinet_price", samples / "energinet/day_ahead_price_DK1_2024-2026.csv")
    frame = scopes["EUR"].sort("valid_from")
    assert frame["valid_from"].diff().drop_nulls().unique().to_list() == [dt.timedelta(hours=1)]
    assert frame.filter(pl.col("price_amount_per_mwh") < 0).height > 500
    assert rejected.is_empty()


def test_a_gap_stays_a_gap(samples: Path) -> None:
    scopes, _ = read_files("energinet_price", samples / "energinet/day_ahead_price_SE3_2024-2026.csv")
    inside = pl.col("valid_from").is_between(
        dt.datetime(2025, 2, 7, tzinfo=dt.UTC), dt.datetime(2025, 3, 7, tzinfo=dt.UTC)
    )
    assert scopes["EUR"].filter(inside).is_empty()
    assert set(scopes["EUR"]["resolution"]) == {"PT1H"}


@pytest.mark.parametrize(
    ("file", "zone", "resolution", "rows"),
    [
        ("elspotprices.json", "DK-DK1", "PT1H", 5),
        ("daily/price_DE_2025-03-30.json", "DE-LU", "PT1H", 24),
        ("daily/price_15min_DK1_2026-03-29.json", "DK-DK1", "PT15M", 96),
        ("daily/price_DK1_2026-07-01.json", "DK-DK1", "PT1H", 24),
    ],
)
def test_prices_in_every_form(samples: Path, file: str, zone: str, resolution: str, rows: int) -> None:
    """Newest first or last, UTC field or unix seconds."""
    scopes, _ = read_files("energinet_price", samples / "energinet" / file)
    assert scopes["EUR"].select("zone", "resolution").unique().rows() == [(zone, resolution)]
    assert scopes["EUR"].height == rows


def test_an_empty_answer_is_no_market(samples: Path) -> None:
    with pytest.raises(LayoutError, match="no record"):
        read_files("energinet_price", samples / "energinet/elspotprices_empty.json")


def test_the_system_price_is_no_zone_and_null_no_price(tmp_path: Path) -> None:
    records = [
        {
            "TimeUTC": "2026-01-01T00:00:00",
            "TimeDK": "2026-01-01T01:00:00",
            "PriceArea": area,
            "DayAheadPriceEUR": price,
        }
        for area, price in (("SYSTEM", 1.0), ("SE4", 2.0), ("DK2", None))
    ]
    scopes, _ = read_body("energinet_price", json.dumps({"records": records}), tmp_path)
    assert scopes["EUR"].select("zone", "price_amount_per_mwh").rows() == [("SE-SE4", 2.0)]


@pytest.mark.parametrize(
    ("body", "name", "word"),
    [
        ('{"records": [{"HourDK": "x", "PriceArea": "DK1", "SpotPriceEUR": 1}]}', "a.json", "no UTC time"),
        ("timestamp_utc,eur\n2026-01-01T00:00:00Z,1\n", "DK1_x.csv", "eur_per_mwh is missing"),
        ("timestamp_utc,eur_per_mwh\n2026-01-01T00:00:00Z,1\n", "prices.csv", "which price area"),
        ('[{"co2": 1, "timestamp": 0}]', "price_DK1_x.json", "no field euro"),
    ],
)
def test_drift_is_named(body: str, name: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("energinet_price", body, tmp_path, name)


def test_live(home: Home, replay: ReplayServer) -> None:
    """Limit 0 asks for all rows; tomorrow is asked for together with yesterday."""
    one = {"Minutes5UTC": "2026-08-31T00:00:00", "PriceArea": "DK1", "CO2Emission": 50}
    replay.add(CARBON_URL, json.dumps({"records": [one]}))
    replay.add(
        PRICE_URL,
        json.dumps({"records": [{"TimeUTC": "2026-08-31T00:00:00", "PriceArea": "DK1", "DayAheadPriceEUR": -3.5}]}),
    )
    (carbon,) = take_live(home, ENERGINET_CARBON, Window(OBSERVED_AT))
    (price,) = take_live(home, ENERGINET_PRICE, Window(OBSERVED_AT))
    assert (carbon.outcome, price.outcome) == ("loaded", "loaded")
    assert "limit=0" in replay.urls()[0]
    assert "end=2026-09-03" in replay.urls()[0]
    values = {b.source_id: b.scopes[0].frame for _, b in staging.staged(home)}
    assert values["energinet_price"]["price_amount_per_mwh"].to_list() == [-3.5]


def test_backfill_changes_dataset_where_the_old_one_ends() -> None:
    window = Window(OBSERVED_AT, dt.date(2025, 9, 29), dt.date(2025, 10, 2))
    urls = [batch[0].url for batch in ENERGINET_PRICE.plan(window)]
    assert [u.rsplit("/", 1)[1] for u in urls] == ["Elspotprices", "DayAheadPrices"]
