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
            "completion": "0",
            "image": "0.0006",
            "request": "0.1",
            "web_search": "0.005",
            "internal_reasoning": "0",
        },
        tmp_path,
    )
    assert rows == [("input", 0, 1.0), ("output", 0, 0.0)]


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
    assert rejected.height == 2


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
