"""WattTime: a real month, and what it must survive."""

from __future__ import annotations

import base64
import datetime as dt
import json
from pathlib import Path

import pytest

from assets.intake import take_live
from assets.sources import needs_key
from assets.sources._base import LayoutError, Window
from assets.sources.watttime import WATTTIME
from tests.assets.sources.reading import OBSERVED_AT, read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.errors import PetadayError
from warehouse.home import Home

META = {
    "region": "CAISO_NORTH",
    "signal_type": "co2_moer",
    "units": "lbs_co2_per_mwh",
    "data_point_period_seconds": 300,
}


def test_a_file_that_was_turned_into_grams_is_not_turned_once_more(samples: Path) -> None:
    """425.01605069 is 937 lb/MWh in g/kWh, and so is every number of the file: a marginal plant of 193 g/kWh burns nothing known."""
    scopes, rejected = read_files("watttime", samples / "watttime/moer_5min_CAISO_NORTH_2023-06-08_2023-07-08.csv")
    frame = scopes["CAISO_NORTH"]
    assert frame.height == 31 * 288
    assert frame.sort("valid_from")["intensity_gco2e_per_kwh"][0] == pytest.approx(937 * 0.45359237, abs=1e-6)
    assert frame["intensity_gco2e_per_kwh"].median() == pytest.approx(421.387, abs=1e-3)
    assert set(frame["basis_method"]) == {"marginal"}
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("first", "second", "grams"),
    [("937", "953.5", [425.016051, 432.500325]), ("425.01605069", "432.500325", [425.016051, 432.500325])],
)
def test_whole_pounds_and_pounds_in_grams_tell_the_unit(
    first: str, second: str, grams: list[float], tmp_path: Path
) -> None:
    body = f"datetime,CAISO_NORTH\n2026-01-01 00:00:00,{first}\n2026-01-01 00:05:00,{second}\n"
    scopes, _ = read_body("watttime", body, tmp_path, "w.csv")
    assert scopes["CAISO_NORTH"]["intensity_gco2e_per_kwh"].to_list() == pytest.approx(grams, abs=1e-6)


def test_numbers_of_no_known_unit_are_refused(tmp_path: Path) -> None:
    body = "datetime,CAISO_NORTH\n2026-01-01 00:00:00,0.425016\n2026-01-01 00:05:00,0.4312\n"
    with pytest.raises(LayoutError, match="no unit is stated"):
        read_body("watttime", body, tmp_path, "w.csv")


@pytest.mark.parametrize(
    "meta", [{"units": "kg_co2_per_mwh"}, {"signal_type": "health_damage"}, {"data_point_period_seconds": 7}]
)
def test_another_unit_signal_or_slot_is_refused(meta: dict[str, object], tmp_path: Path) -> None:
    body = json.dumps({"data": [{"point_time": "2026-01-01T00:00:00+00:00", "value": 1}], "meta": META | meta})
    with pytest.raises(LayoutError, match=r"expected co2_moer|slots of"):
        read_body("watttime", body, tmp_path)


@pytest.mark.parametrize("body", ["time,A,B\n1,2,3\n", "when,CAISO_NORTH\n2026-01-01 00:00:00,1\n"])
def test_other_columns(body: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="expected a time"):
        read_body("watttime", body, tmp_path, "w.csv")


@pytest.mark.parametrize("file", ["SG_electricity_prices_2024.csv", "US-CAL-CISO_electricity_prices_2024.csv"])
def test_a_price_beside_a_time_is_no_marginal_rate(samples: Path, file: str) -> None:
    """Two columns, a time first, numbers of the right size: only the name of the column tells."""
    with pytest.raises(LayoutError, match="named after a region"):
        read_files("watttime", samples / "price_hourly/local_naive" / file)


def test_live(home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Login, then the history with its token; neither password nor token is kept anywhere."""
    assert needs_key(WATTTIME, {}) == "WATTTIME_LOGIN"
    monkeypatch.setenv("WATTTIME_LOGIN", "somebody:not-a-real-password")
    points = [
        {"point_time": "2026-08-31T00:00:00+00:00", "value": 1000.0},
        {"point_time": "2026-08-31T00:05:00+00:00", "value": None},
    ]
    replay.add("https://api.watttime.org/login", json.dumps({"token": "not-a-real-token"}))
    replay.add("https://api.watttime.org/v3/historical", json.dumps({"data": points, "meta": META}))
    (taken,) = take_live(home, WATTTIME, Window(OBSERVED_AT))
    ((_, batch),) = list(staging.staged(home))
    assert taken.outcome == "loaded"
    assert batch.scopes[0].frame["intensity_gco2e_per_kwh"].to_list() == [453.59237]
    login, history = replay.asked
    assert base64.b64decode(login.headers["Authorization"].removeprefix("Basic ")) == b"somebody:not-a-real-password"
    assert history.headers["Authorization"] == "Bearer not-a-real-token"
    kept = b"".join(f.read_bytes() for f in home.root.rglob("*") if f.is_file())
    assert b"not-a-real" not in kept
    assert next(c.url for c in batch.captures).startswith("https://api.watttime.org/v3/historical")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [("{}", 200, "without a token"), ('{"token": 5}', 200, "without a token"), ("Unauthorized", 401, "401")],
)
def test_a_refused_login_is_one_clear_line(
    body: str, status: int, message: str, home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATTTIME_LOGIN", "somebody:not-a-real-password")
    replay.add("https://api.watttime.org/login", body, status)
    with pytest.raises(PetadayError, match=message) as caught:
        take_live(home, WATTTIME, Window(OBSERVED_AT))
    assert "not-a-real" not in str(caught.value)


def test_a_file_whose_times_have_an_offset(tmp_path: Path) -> None:
    """With an offset or a T the time is what it says; without, UTC."""
    for first, second in (
        ("2024-02-29 23:55:00+00:00", "2024-03-01 00:00:00+00:00"),
        ("2024-02-29T15:55:00-08:00", "2024-02-29T16:00:00-08:00"),
        ("2024-02-29 23:55:00", "2024-03-01 00:00:00"),
    ):
        body = f"point_time,CAISO_NORTH\n{first},1000\n{second},870\n"
        scopes, rejected = read_body("watttime", body, tmp_path, "x.csv")
        rows = scopes["CAISO_NORTH"].sort("valid_from")
        assert rejected.is_empty()
        assert rows["valid_from"][0] == dt.datetime(2024, 2, 29, 23, 55, tzinfo=dt.UTC)
        assert rows["intensity_gco2e_per_kwh"][0] == pytest.approx(453.59237)


def test_a_forecast_is_told_from_history(tmp_path: Path) -> None:
    """Only a forecast says when it was generated; forecasts of several earlier times are no series."""
    data = [{"point_time": f"2026-08-31T00:{m:02}:00+00:00", "value": 870.5 + m} for m in (0, 5)]
    for meta, kind in ((META, "estimated"), (META | {"generated_at": "2026-08-31T00:00:00+00:00"}, "forecast")):
        scopes, rejected = read_body("watttime", json.dumps({"data": data, "meta": meta}), tmp_path)
        assert scopes["CAISO_NORTH"]["basis_kind"].to_list() == [kind, kind]
        assert rejected.is_empty()
    earlier = {"data": [{"generated_at": "2026-08-30T00:00:00+00:00", "forecast": data}], "meta": META}
    with pytest.raises(LayoutError, match="forecasts of several earlier times"):
        read_body("watttime", json.dumps(earlier), tmp_path)
