"""EIA v2: real pages, and what they must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources import needs_key
from assets.sources._base import LayoutError, Window
from assets.sources.eia import EIA_MIX, EIA_RETAIL, SUMS, ZONES
from tests.assets.sources.reading import read_body, read_files
from tests.replay import Asked, ReplayServer
from warehouse import staging
from warehouse.capture_store import CaptureStore
from warehouse.home import Home

SECRET = "not-a-real-key-0123456789"
DAY = Window(dt.datetime(2026, 8, 2, tzinfo=dt.UTC), dt.date(2026, 8, 1), dt.date(2026, 8, 1))
URL = "https://api.eia.gov/v2/electricity/rto/fuel-type-data/data/"


def _row(period: str, respondent: str, fuel: str, value: Any) -> dict[str, Any]:
    return {"period": period, "respondent": respondent, "fueltype": fuel, "value": value}


def _body(rows: list[dict[str, Any]], total: Any = None, offset: int = 0) -> str:
    total = len(rows) if total is None else total
    request = {"params": {"api_key": SECRET, "offset": offset}}
    return json.dumps({"response": {"total": total, "data": rows}, "request": request, "apiVersion": "2.1.12"})


def _direct(frame: pl.DataFrame) -> dict[tuple[str, str], float]:
    rows = frame.filter(pl.col("basis_boundary") == "direct").select(
        "zone", pl.col("valid_from").dt.strftime("%d %H"), "intensity_gco2e_per_kwh"
    )
    return {(zone, hour): value for zone, hour, value in rows.rows()}


def test_the_hour_is_the_end_of_the_interval(samples: Path) -> None:
    """BANC at 2019-07-25T00: gas 1516, water 1377, sun 147 (other 17 left out), for the hour from 23:00 on."""
    scopes, _ = read_files("eia", samples / "eia/fuel_type_data_BANC_2019-07-25.json")
    first = _direct(scopes["US"])[("US-CAL-BANC", "24 23")]
    assert first == pytest.approx(1516 * 370 / (1516 + 1377 + 147), abs=0.001)


def test_two_pages_make_the_cut_hour_whole(samples: Path) -> None:
    """Page by page hour 12 (from 11:00) is refused; together all 25 hours are there; sums are nowhere."""
    pages = [samples / f"eia/fuel_type_data_all_2023-01-01_offset{n}.json" for n in (0, 5000)]
    alone, refused = read_files("eia", pages[0])
    both, rest = read_files("eia", *pages)
    assert refused["reason"].str.contains("cut by paging").sum() > 50
    assert not rest["reason"].str.contains("cut by paging").any()
    assert not [k for k in _direct(alone["US"]) if k[1] == "01 11"]
    assert both["US"]["valid_from"].n_unique() == 25
    assert both["US"]["valid_from"].min() == dt.datetime(2022, 12, 31, 23, tzinfo=dt.UTC)
    assert set(both["US"]["zone"]) <= set(ZONES.values())
    assert not set(SUMS) & set(ZONES)
    assert rest["reason"].str.contains("does not know").sum() == 0


def test_text_and_numbers_are_the_same(tmp_path: Path) -> None:
    for value in (100, "100", "100.0"):
        scopes, _ = read_body("eia", _body([_row("2026-08-01T05", "PJM", "NG", value)], "1"), tmp_path)
        assert _direct(scopes["US"]) == {("US-MIDA-PJM", "01 04"): 370.0}


def test_sums_storage_negatives_nulls_and_unknown_codes(tmp_path: Path) -> None:
    hour = "2026-08-01T05"
    rows = [
        _row(hour, "ERCO", "NG", 95),
        _row(hour, "ERCO", "BAT", 400),
        _row(hour, "ERCO", "SUN", -3),
        _row(hour, "ERCO", "OIL", None),
        _row(hour, "ERCO", "XYZ", 5),
        _row(hour, "TEX", "COL", 9000),
        _row(hour, "US48", "COL", 9000),
    ]
    scopes, rejected = read_body("eia", _body(rows), tmp_path)
    assert _direct(scopes["US"]) == {("US-TEX-ERCO", "01 04"): 370.0}
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (_row("2026-08-01T05", "MARS", "NG", 5), "does not know"),
        (_row("soon", "PJM", "NG", 5), "period cannot be read"),
        (_row("2026-08-01T05", "PJM", "NG", "much"), "not a number"),
        (_row("2026-08-01T05", "PJM", "OTH", 5), "no emission factor"),
    ],
)
def test_bad_rows_are_refused(row: dict[str, Any], word: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("eia", _body([row, _row("2026-08-01T05", "ISNE", "NUC", 1)]), tmp_path)
    assert set(scopes["US"]["zone"]) == {"US-NE-ISNE"}
    assert word in rejected["reason"][0]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('{"error": "API_KEY_INVALID"}', "API_KEY_INVALID"),
        (_body([]), "no row"),
        ('{"response": {"total": 1}}', "no response.data"),
    ],
)
def test_other_answers(body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("eia", body, tmp_path)


@pytest.mark.parametrize("fuels", [["WAT"], "WAT", ["COL", "NG"]])
def test_an_answer_for_some_fuels_is_no_mix(fuels: Any, tmp_path: Path) -> None:
    """Hydro alone of a zone that burns gas would count as 0 g/kWh; the answer repeats what was asked for."""
    body = json.loads(_body([_row("2026-01-01T01", "SRP", "WAT", 100)]))
    body["request"]["params"]["facets"] = {"respondent": ["SRP"], "fueltype": fuels}
    with pytest.raises(LayoutError, match="restricted to"):
        read_body("eia", json.dumps(body), tmp_path)
    del body["request"]["params"]["facets"]["fueltype"]
    assert read_body("eia", json.dumps(body), tmp_path)[0]["US"].height == 2


def test_demand_is_another_route(samples: Path) -> None:
    with pytest.raises(LayoutError, match="no field fueltype"):
        read_files("eia", samples / "eia/region_data_demand_all_2023-01-01.json")


def test_live_pages_and_an_echoed_key(home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key goes out with each page and comes back in each answer, and is nowhere in what is stored."""
    assert needs_key(EIA_MIX, {}) == "EIA_API_KEY"
    monkeypatch.setenv("EIA_API_KEY", SECRET)
    rows = [_row(f"2026-08-01T{h:02}", "PJM", "NG", "7") for h in (1, 2, 3)]

    def answer(asked: Asked) -> bytes:
        offset = 0 if "offset=0" in asked.url else 2
        return _body(rows[offset : offset + 2], "3", offset).encode()

    replay.add(URL, answer)
    (taken,) = take_live(home, EIA_MIX, DAY)
    assert (taken.outcome, taken.row_count, taken.rejected_count) == ("loaded", 6, 0)
    assert len(replay.urls()) == 2
    assert all(SECRET in url for url in replay.urls())
    ((_, batch),) = list(staging.staged(home))
    stored = [CaptureStore(home).open_document(c).read_bytes() for c in batch.captures]
    assert all(b"REDACTED" in body and SECRET.encode() not in body for body in stored)
    assert not [c for c in batch.captures if SECRET in c.url]


def test_retail_cents_per_kwh_are_tens_of_dollars_per_mwh(tmp_path: Path) -> None:
    base = {"period": "2026-05", "price-units": "cents per kilowatt-hour"}
    rows = [
        base | {"stateid": "VA", "sectorid": "IND", "price": "9.12"},
        base | {"stateid": "US", "sectorid": "ALL", "price": 13.4},
        base | {"stateid": "PACC", "sectorid": "IND", "price": "20"},
        base | {"stateid": "VA", "sectorid": "RES", "price": "15"},
        base | {"stateid": "TX", "sectorid": "COM", "price": None},
        base | {"stateid": "TX", "sectorid": "IND", "price": "6", "price-units": "dollars per kilowatt-hour"},
    ]
    scopes, rejected = read_body("eia_retail", _body(rows), tmp_path)
    assert scopes["US"].select("zone", "market", "price_amount_per_mwh").rows() == [
        ("US-VA", "retail_industrial", 91.2),
        ("US", "retail_all", 134.0),
    ]
    assert "unit" in rejected["reason"][0]
    assert rejected.height == 1
    assert EIA_RETAIL.key_name == "EIA_API_KEY"


def test_an_error_answer_is_captured_and_rejected(
    home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIA_API_KEY", SECRET)
    replay.add(URL, json.dumps({"error": {"code": "API_KEY_INVALID", "key": SECRET}}))
    (taken,) = take_live(home, EIA_MIX, DAY)
    assert (taken.outcome, len(taken.capture_ids)) == ("rejected", 1)
    assert "API_KEY_INVALID" in (taken.message or "")
    assert SECRET not in (taken.message or "")
