"""genai-prices: dates, tiers and windows of the day, in both formats, through nine recorded versions."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources import source_named
from assets.sources._base import LayoutError, Window
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.instants import UNKNOWN_START


def one_model(prices: object) -> str:
    """A file with one vendor and one model."""
    return json.dumps([{"id": "v", "models": [{"id": "m", "prices": prices}]}])


def lines(prices: object, tmp_path: Path) -> list[tuple]:
    """(direction, tier, window, price, day from which, offered) of a model."""
    scopes, _ = read_body("genai_prices", one_model(prices), tmp_path)
    frame = scopes["all"].with_columns(pl.col("valid_from").dt.strftime("%Y-%m-%d"))
    columns = ("direction", "context_tier_from_tokens", "time_window", "price_usd_per_mtok", "valid_from", "is_offered")
    return sorted(frame.select(columns).rows(), key=repr)


def test_a_model_that_draws_by_diffusion_has_no_price_of_tokens(samples: Path) -> None:
    """Fireworks asks 0.00013 USD a step of SSD-1B; the file of that day has it as 130 USD per million tokens."""
    scopes, rejected = read_files("genai_prices", samples / "genai_prices/data_2025-06-23.json.zip")
    fireworks = scopes["all"].filter(pl.col("vendor") == "fireworks")
    assert fireworks.height == 8
    assert fireworks["price_usd_per_mtok"].max() < 10
    drawn = rejected.filter(pl.col("reason").str.contains("diffusion"))
    assert drawn.height == 28
    assert drawn["row_json"].str.contains("fireworks").all()


def test_a_dated_change_and_what_held_before(tmp_path: Path) -> None:
    prices = [{"prices": {"input_mtok": 10}}, {"constraint": {"start_date": "2025-06-10"}, "prices": {"input_mtok": 2}}]
    assert set(lines(prices, tmp_path)) == {
        ("input", 0, "", 2.0, "2025-06-10", True),
        ("input", 0, "", 10.0, UNKNOWN_START[:10], True),
    }


def test_a_tier_that_ends_costs_the_base_from_then(tmp_path: Path) -> None:
    prices = [
        {"prices": {"input_mtok": {"base": 3, "tiers": [{"start": 200000, "price": 6}]}}},
        {"constraint": {"start_date": "2026-03-13"}, "prices": {"input_mtok": 3}},
    ]
    assert ("input", 200000, "", 3.0, "2026-03-13", True) in lines(prices, tmp_path)


def test_a_direction_that_ends_is_no_longer_offered(tmp_path: Path) -> None:
    prices = [
        {"prices": {"input_mtok": 3, "cache_read_mtok": 1}},
        {"constraint": {"start_date": "2026-03-13"}, "prices": {"input_mtok": 3}},
    ]
    assert ("cached_read", 0, "", None, "2026-03-13", False) in lines(prices, tmp_path)


def test_hours_of_the_day_stay_apart(tmp_path: Path) -> None:
    prices = [
        {"prices": {"output_mtok": 0.55}},
        {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"output_mtok": 1.1}},
    ]
    # The price without hours is of the other hours, not of the whole day.
    assert {line[2:4] for line in lines(prices, tmp_path)} == {("16:30-00:30", 0.55), ("00:30-16:30", 1.1)}


@pytest.mark.parametrize(
    ("windows", "rest"),
    [
        ((), {""}),
        (("01:00-04:00", "06:00-10:00"), {"04:00-06:00", "10:00-01:00"}),
        (("00:00-12:00", "12:00-00:00"), set()),
    ],
)
def test_the_rest_of_the_day(windows: tuple[str, ...], rest: set[str], tmp_path: Path) -> None:
    prices = [{"prices": {"output_mtok": 1}}] + [
        {"constraint": {"start_time": f"{w[:5]}:00Z", "end_time": f"{w[6:]}:00Z"}, "prices": {"output_mtok": 2}}
        for w in windows
    ]
    assert {line[2] for line in lines(prices, tmp_path) if line[3] == 1} == rest


def test_deepseek_has_no_price_of_the_whole_day(samples: Path) -> None:
    """0.55 a million holds from 16:30 to 00:30 UTC only, half of what the day costs."""
    scopes, _ = read_files("genai_prices", samples / "genai_prices/data_2025-08-26.json.zip")
    rows = scopes["all"].filter(
        (pl.col("vendor") == "deepseek") & (pl.col("model") == "deepseek-chat") & (pl.col("direction") == "output")
    )
    assert set(rows.select("time_window", "price_usd_per_mtok").rows()) == {("16:30-00:30", 0.55), ("00:30-16:30", 1.1)}


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        ("08:30:00+08:00", "00:30:00+08:00", "00:30-16:30"),
        ("22:00:00-05:00", "06:00:00-05:00", "03:00-11:00"),
        ("00:00:00Z", "23:59:59Z", "00:00-00:00"),
    ],
)
def test_hours_of_another_time_zone_are_told_in_utc(start: str, end: str, window: str, tmp_path: Path) -> None:
    prices = [
        {"prices": {"output_mtok": 1}},
        {"constraint": {"start_time": start, "end_time": end}, "prices": {"output_mtok": 2}},
    ]
    assert {line[2] for line in lines(prices, tmp_path) if line[3] == 2} == {window}


def test_a_dated_price_below_hours_of_the_day_ends_them(tmp_path: Path) -> None:
    """The last one of the list that holds is meant: DeepSeek gave up its cheap hours in September 2025."""
    prices = [
        {"prices": {"output_mtok": 0.55}},
        {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"output_mtok": 1.1}},
        {"constraint": {"start_date": "2025-09-05"}, "prices": {"output_mtok": 1.68}},
    ]
    begins = UNKNOWN_START[:10]
    assert set(lines(prices, tmp_path)) == {
        ("output", 0, "16:30-00:30", 0.55, begins, True),
        ("output", 0, "00:30-16:30", 1.1, begins, True),
        ("output", 0, "", 1.68, "2025-09-05", True),
        ("output", 0, "16:30-00:30", None, "2025-09-05", False),
        ("output", 0, "00:30-16:30", None, "2025-09-05", False),
    }


def test_hours_of_the_day_below_a_dated_price_hold_before_and_after_it(tmp_path: Path) -> None:
    prices = [
        {"prices": {"output_mtok": 1}},
        {"constraint": {"start_date": "2026-01-01"}, "prices": {"output_mtok": 3}},
        {"constraint": {"start_time": "00:00:00Z", "end_time": "12:00:00Z"}, "prices": {"output_mtok": 2}},
    ]
    assert {line[2:5] for line in lines(prices, tmp_path)} == {
        ("00:00-12:00", 2.0, UNKNOWN_START[:10]),
        ("00:00-12:00", 2.0, "2026-01-01"),
        ("12:00-00:00", 1.0, UNKNOWN_START[:10]),
        ("12:00-00:00", 3.0, "2026-01-01"),
    }


def test_hours_that_overlap_are_refused(tmp_path: Path) -> None:
    prices = [{"prices": {"output_mtok": 1}}] + [
        {"constraint": {"start_time": f"{a}:00Z", "end_time": f"{b}:00Z"}, "prices": {"output_mtok": 2}}
        for a, b in (("22:00", "06:00"), ("05:00", "07:00"))
    ]
    scopes, rejected = read_body("genai_prices", one_model(prices), tmp_path)
    assert scopes["all"].is_empty()
    assert rejected["reason"].to_list() == ["holds in hours of the day that overlap with others"]


@pytest.mark.parametrize(
    "constraint",
    [
        {"moon_phase": "full"},
        {"start_date": "soon"},
        {"start_date": "2026-02-30"},
        {"start_date": "2026-03-01", "region": "eu"},
        {"start_time": "night", "end_time": "08:00:00Z"},
        # In which time zone?
        {"start_time": "00:30:00", "end_time": "08:00:00"},
        {"start_time": "00:30:00Z"},
        "after launch",
    ],
)
def test_what_holds_beside_an_unknown_constraint_is_not_known(constraint: object, tmp_path: Path) -> None:
    """Of that model: the others of the list are read."""
    prices = [{"prices": {"input_mtok": 2}}, {"constraint": constraint, "prices": {"input_mtok": 1}}]
    body = one_model(prices)
    other = json.loads(one_model({"input_mtok": 3, "output_mtok": "9"}))
    other[0]["id"] = "other"
    scopes, rejected = read_body("genai_prices", json.dumps([*json.loads(body), *other]), tmp_path)
    assert scopes["all"].select("vendor", "direction", "price_usd_per_mtok").rows() == [
        ("other", "input", 3.0),
        ("other", "output", 9.0),
    ]
    (reason,) = rejected["reason"]
    assert "a constraint that is not known" in reason


@pytest.mark.parametrize("price", ["n/a", True, {"base": None}, {"base": 1, "tiers": [{"start": "long", "price": 2}]}])
def test_a_price_that_is_no_number_is_refused_and_the_others_are_read(price: object, tmp_path: Path) -> None:
    scopes, rejected = read_body("genai_prices", one_model({"input_mtok": price, "output_mtok": 4}), tmp_path)
    assert ("output", 4.0) in scopes["all"].select("direction", "price_usd_per_mtok").rows()
    assert rejected.height == 1


def test_every_recorded_version(samples: Path) -> None:
    for file in sorted((samples / "genai_prices").glob("*data_2*.zip")):
        scopes, rejected = read_files("genai_prices", file)
        assert scopes["all"].height > 1500, file.name
        rejected = rejected.filter(~pl.col("reason").str.contains("diffusion"))
        # Llama 3 8B at 220 and 720 USD per million tokens until the end of 2025, at 0.3 and 0.6 since.
        assert rejected["reason"].str.contains("per thousand").all(), file.name
        assert rejected["row_json"].str.contains("llama3-8b").all(), file.name
    frame = scopes["all"].filter(
        (pl.col("model") == "o3") & (pl.col("vendor") == "openai") & (pl.col("direction") == "input")
    )
    assert frame.sort("valid_from")["price_usd_per_mtok"].to_list() == [10.0, 2.0]


def test_live(home: Home, replay: ReplayServer) -> None:
    replay.add(
        "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json",
        one_model({"input_mtok": 1}),
    )
    taken = intake.take_live(home, source_named("genai_prices"), Window(dt.datetime.now(dt.UTC)))
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 1)]


@pytest.mark.parametrize(
    ("first_on", "last_on", "paths"),
    [
        ("2025-07-01", "2026-07-26", {"prices/data.json"}),
        ("2026-07-20", "2026-08-02", {"prices/data.json", "prices/new_data/v2/data.json"}),
        ("2026-07-31", "2026-10-01", {"prices/new_data/v2/data.json"}),
        ("2026-10-01", None, {"prices/new_data/v2/data.json"}),
    ],
)
def test_past_days_are_read_from_the_file_that_was_kept_up(first_on: str, last_on: str | None, paths: set[str]) -> None:
    """The first file still says that claude-sonnet-5 rose on 2026-09-01, which was called off after it was given up."""
    first, last = (dt.date.fromisoformat(day) if day else None for day in (first_on, last_on))
    window = Window(dt.datetime(2026, 11, 1, tzinfo=dt.UTC), first, last)
    asked = [request for batch in source_named("genai_prices").plan(window) for request in batch]
    assert {request.params["path"] for request in asked} == paths
    assert all(request.is_index for request in asked)


def test_a_kind_of_tokens_that_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    """Requests and searches are no tokens and are left out; the other prices of the model are read."""
    prices = {
        "input_mtok": 1,
        "output_smell_mtok": 9,
        "output_citation_mtok": 2,
        "cache_audio_write_mtok": 1.25,
        "input_ktok": 0.001,
        "requests_kcount": 5,
        "web_searches_kcount": 10,
    }
    scopes, rejected = read_body("genai_prices", one_model(prices), tmp_path)
    assert set(scopes["all"].select("direction", "price_usd_per_mtok").rows()) == {
        ("input", 1.0),
        ("output_citation", 2.0),
        ("cached_audio_write", 1.25),
    }
    names = ["input_ktok", "output_smell_mtok"]
    assert sorted(rejected["reason"]) == [f"a kind of tokens that is not known: {name}" for name in names]


def test_the_third_format_has_the_same_list_beside_its_units(samples: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(samples / "genai_prices/v2_data_2026-08.json.zip") as archive:
        providers = json.loads(archive.read(archive.namelist()[0]))
    units = {
        "input_tokens": {"per": 1_000_000, "price_key": "input_mtok", "dimensions": {"family": "tokens"}},
        "requests": {"per": 1000, "price_key": "requests_kcount", "dimensions": {"family": "requests"}},
    }
    plain, refused = read_body("genai_prices", json.dumps(providers), tmp_path)
    wrapped, rejected = read_body("genai_prices", json.dumps({"units": units, "providers": providers}), tmp_path)
    assert plain["all"].height > 1000
    assert wrapped["all"].equals(plain["all"])
    assert rejected.height == refused.height
    units["input_tokens"]["per"] = 1000
    with pytest.raises(LayoutError, match="input_mtok is a price of 1000 tokens"):
        read_body("genai_prices", json.dumps({"units": units, "providers": providers}), tmp_path)
