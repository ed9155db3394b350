"""OpenRouter models: three dates of the real list, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources._base import LayoutError, Window
from assets.sources.openrouter import OPENROUTER
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home


def _read(pricing: dict, tmp_path: Path) -> tuple[list[tuple], pl.DataFrame]:
    scopes, rejected = read_body("openrouter", json.dumps({"data": [{"id": "a/b", "pricing": pricing}]}), tmp_path)
    columns = ["direction", "context_tier_from_tokens", "price_usd_per_mtok"]
    return scopes["models"].select(columns).rows() if scopes["models"].height else [], rejected


@pytest.mark.parametrize(("file", "models", "routers"), [("models_2025-05-20", 320, 1), ("models_2026-08-01", 331, 5)])
def test_routers_are_refused_and_free_models_kept(samples: Path, file: str, models: int, routers: int) -> None:
    scopes, rejected = read_files("openrouter", samples / f"openrouter/{file}.json.zip")
    frame = scopes["models"]
    assert frame["model"].n_unique() == models
    assert rejected.height == 2 * routers
    assert rejected["reason"].str.contains("router").all()
    assert set(frame["vendor"]) == {"openrouter"}
    assert frame.filter(pl.col("price_usd_per_mtok") == 0)["direction"].is_in(["input", "output"]).all()


def test_overrides_are_context_tiers(samples: Path) -> None:
    scopes, _ = read_files("openrouter", samples / "openrouter/models_2026-08-01.json.zip")
    rows = scopes["models"].filter((pl.col("model") == "qwen/qwen3.7-flash") & (pl.col("direction") == "input"))
    assert rows.select("context_tier_from_tokens", "price_usd_per_mtok").sort("context_tier_from_tokens").rows() == [
        (0, 0.03),
        (32000, 0.1),
        (256000, 0.2),
    ]


def test_trimmed_list_reads(samples: Path) -> None:
    scopes, rejected = read_files("openrouter", samples / "openrouter/models_trimmed_2026-07-27.json")
    assert scopes["models"]["model"].n_unique() == 4
    assert rejected.is_empty()


def test_prices_of_other_things_are_left_out(tmp_path: Path) -> None:
    rows, _ = _read(
        {
            "prompt": "0.000001",
            "completion": "0.000003",
            "image": "0.0006",
            "request": "0.1",
            "web_search": "0.005",
            "internal_reasoning": "0",
        },
        tmp_path,
    )
    assert rows == [("input", 0, 1.0), ("output", 0, 3.0)]


@pytest.mark.parametrize(
    ("pricing", "rows"),
    [
        ({"prompt": "0.00000004", "completion": "0"}, [("input", 0, 0.04)]),  # embeddings, decisions: it writes nothing
        ({"prompt": "0", "completion": "0"}, [("input", 0, 0.0), ("output", 0, 0.0)]),  # free
        ({"prompt": "0", "completion": "0.000002"}, [("input", 0, 0.0), ("output", 0, 2.0)]),
    ],
)
def test_what_writes_nothing_is_not_free_of_charge(pricing: dict, rows: list[tuple], tmp_path: Path) -> None:
    read, rejected = _read(pricing, tmp_path)
    assert (read, rejected.height) == (rows, 0)


BASE = {"prompt": "0.000002", "completion": "0.000004"}


def _cells(pricing: dict, tmp_path: Path) -> set[tuple]:
    scopes, rejected = read_body("openrouter", json.dumps({"data": [{"id": "a/b", "pricing": pricing}]}), tmp_path)
    assert rejected.is_empty()
    columns = ["direction", "context_tier_from_tokens", "time_window", "price_usd_per_mtok"]
    return set(scopes["models"].select(columns).rows())


@pytest.mark.parametrize(("start", "end", "window"), [(100, 1030, "01:00-10:30"), (2230, 30, "22:30-00:30")])
def test_an_override_in_hours_of_the_day_leaves_the_base_to_the_others(
    start: int, end: int, window: str, tmp_path: Path
) -> None:
    """Only what it names: the output costs the same all day."""
    override = {"utc_start": start, "utc_end": end, "prompt": "0.000001"}
    rest = f"{window[6:]}-{window[:5]}"
    assert _cells(BASE | {"overrides": [override]}, tmp_path) == {
        ("input", 0, window, 1.0),
        ("input", 0, rest, 2.0),
        ("output", 0, "", 4.0),
    }


def test_of_overrides_by_length_and_by_hour_the_last_one_is_meant(tmp_path: Path) -> None:
    by_length = {"min_prompt_tokens": 200000, "prompt": "0.000005"}
    by_hour = {"utc_start": 0, "utc_end": 1200, "prompt": "0.000001"}
    both = {"min_prompt_tokens": 200000, "utc_start": 0, "utc_end": 1200, "prompt": "0.000003"}
    above = {("input", 0, "00:00-12:00", 1.0), ("input", 0, "12:00-00:00", 2.0), ("input", 200000, "12:00-00:00", 5.0)}
    rest = {("output", 0, "", 4.0)}
    for overrides, in_hours in [
        ([by_length, by_hour], 1.0),
        ([by_hour, by_length], 5.0),
        ([by_length, by_hour, both], 3.0),
    ]:
        cells = _cells(BASE | {"overrides": overrides}, tmp_path)
        assert cells == above | rest | {("input", 200000, "00:00-12:00", in_hours)}


@pytest.mark.parametrize(
    "override",
    [
        {"utc_start": 100, "utc_end": 400, "utc_days": [1, 2]},
        {"min_prompt_tokens": 1000, "region": "eu"},
        {"min_prompt_tokens": "long"},
        {"utc_start": 175, "utc_end": 400},
        {"utc_start": 100},
        {},
    ],
)
def test_an_override_under_another_condition_is_refused_and_the_base_holds(override: dict, tmp_path: Path) -> None:
    rows, rejected = _read(BASE | {"overrides": [override | {"prompt": "0.000001"}]}, tmp_path)
    assert rows == [("input", 0, 2.0), ("output", 0, 4.0)]
    assert rejected["reason"].str.starts_with("an override under a condition that is not known").to_list() == [True]


def test_overlapping_hours_are_refused(tmp_path: Path) -> None:
    hours = [{"utc_start": a, "utc_end": b, "prompt": "0.000001"} for a, b in ((2200, 600), (500, 700))]
    rows, rejected = _read(BASE | {"overrides": hours}, tmp_path)
    assert rows == []
    assert rejected["reason"].str.contains("overlap").all()


def test_prices_under_a_discount_are_refused(tmp_path: Path) -> None:
    """Whether it is in them is not said; none at all says nothing."""
    rows, rejected = _read(BASE | {"discount": 0.25}, tmp_path)
    assert rows == []
    assert rejected["reason"].str.contains("discount of 0.25").to_list() == [True, True]
    assert _read(BASE | {"discount": 0}, tmp_path)[0] == [("input", 0, 2.0), ("output", 0, 4.0)]


def test_a_price_of_a_kind_that_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    rows, rejected = _read(BASE | {"image_token": "0.000003", "smell": "0.00001", "touch": "0"}, tmp_path)
    assert rows == [("input", 0, 2.0), ("output", 0, 4.0), ("input_image", 0, 3.0)]
    assert rejected["reason"].to_list() == ["a price of a kind that is not known: smell"]


def test_an_override_without_a_length_is_refused(tmp_path: Path) -> None:
    override = [{"hour": 3, "prompt": "0.0000005"}]
    rows, rejected = _read({"prompt": "0.000001", "completion": "0.000002", "overrides": override}, tmp_path)
    assert rows == [("input", 0, 1.0), ("output", 0, 2.0)]
    assert "min_prompt_tokens" in rejected["reason"][0]


@pytest.mark.parametrize("pricing", [{}, None, "free", {"prompt": None, "completion": {"usd": 1}}])
def test_a_model_without_a_price_is_not_free_and_not_gone(pricing: object, tmp_path: Path) -> None:
    listed = [
        {"id": "a/b", "pricing": {"prompt": " 0.000001\u00a0", "completion": 0.000002}},
        {"id": "c/d", "pricing": pricing},
    ]
    scopes, rejected = read_body("openrouter", json.dumps({"data": listed}), tmp_path)
    assert sorted(scopes["models"].select("model", "price_usd_per_mtok").rows()) == [("a/b", 1.0), ("a/b", 2.0)]
    # Without any object of prices, any direction of the model may be sold.
    assert rejected.height == (2 if isinstance(pricing, dict) and pricing else 1)


@pytest.mark.parametrize(("price", "word"), [("-1", "router"), ("cheap", "not a number"), ("0.02", "above 10000")])
def test_what_is_no_price_is_refused(price: str, word: str, tmp_path: Path) -> None:
    rows, rejected = _read({"prompt": price, "completion": "0.000002"}, tmp_path)
    assert rows == [("output", 0, 2.0)]
    assert word in rejected["reason"][0]


@pytest.mark.parametrize("body", ['{"data": []}', '{"error": {"code": 429}}', "[]"])
def test_an_answer_without_models(body: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="no list"):
        read_body("openrouter", body, tmp_path)


def test_live(home: Home, replay: ReplayServer) -> None:
    body = json.dumps({"data": [{"id": "a/b", "pricing": {"prompt": "0.0000025", "completion": "0.00001"}}]})
    replay.add("https://openrouter.ai/api/v1/models", body, status=429, times=1, headers={"Retry-After": "0"})
    replay.add("https://openrouter.ai/api/v1/models", body)
    (taken,) = take_live(home, OPENROUTER, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    ((_, batch),) = list(staging.staged(home))
    assert taken.outcome == "loaded"
    assert batch.scopes[0].frame["price_usd_per_mtok"].to_list() == [2.5, 10.0]
