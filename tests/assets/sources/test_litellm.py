"""LiteLLM map: eight dates of the real file, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources._base import LayoutError, Window
from assets.sources._token_prices import MAX_USD_PER_MTOK
from assets.sources.litellm import LITELLM
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

URL = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
LATEST = "litellm/model_prices_2026-07-24.json.zip"


def _prices(frame: pl.DataFrame, **key: object) -> dict[str, float]:
    rows = frame.filter(*(pl.col(name) == value for name, value in key.items()))
    return {
        f"{d}@{n}/{t}": p
        for d, n, t, p in rows.select(
            "direction", "context_tier_from_tokens", "service_tier", "price_usd_per_mtok"
        ).rows()
    }


def _read(entry: dict, tmp_path: Path, key: str = "openai/m") -> tuple[pl.DataFrame, pl.DataFrame]:
    scopes, rejected = read_body(
        "litellm", json.dumps({"sample_spec": {"input_cost_per_token": 1}, key: entry}), tmp_path
    )
    return scopes.get("models", pl.DataFrame()), rejected


def test_every_date_reads(samples: Path) -> None:
    files = sorted((samples / "litellm").glob("*.zip"))
    assert files
    for file in files:
        scopes, rejected = read_files("litellm", file)
        frame = scopes["models"]
        assert frame.height > 700
        assert rejected.filter(~pl.col("reason").str.contains("diffusion")).height <= 66
        assert frame["price_usd_per_mtok"].is_between(0, MAX_USD_PER_MTOK).all()
        assert not set(frame["model"]) & {"sample_spec", "last_updated"}


@pytest.mark.parametrize(
    "name",
    [
        "fireworks_ai/accounts/fireworks/models/flux-1-dev-fp8",
        "fireworks_ai/accounts/fireworks/models/SSD-1B",
        "fireworks_ai/accounts/fireworks/models/playground-v2-5-1024px-aesthetic",
        "azure/standard/1024-x-1024/dall-e-2",
    ],
)
def test_a_price_of_a_step_or_picture_is_none_of_tokens(name: str, tmp_path: Path) -> None:
    """Fireworks asks 0.0005 USD for a step of FLUX; the map has it as 0.0005 USD per million tokens."""
    frame, rejected = _read({"input_cost_per_token": 5e-10, "output_cost_per_token": 5e-10}, tmp_path, name)
    assert frame.is_empty()
    assert set(rejected["reason"]) == {"a model that draws by diffusion: paid by the step or picture, not by the token"}


@pytest.mark.parametrize("name", ["gpt-image-1", "openrouter/black-forest-labs/flux.2-pro", "mistral/influx-70b"])
def test_a_picture_that_is_counted_in_tokens_has_a_price(name: str, tmp_path: Path) -> None:
    cost = {"litellm_provider": "x", "input_cost_per_token": 5e-6, "output_cost_per_token": 4e-5}
    frame, rejected = _read(cost, tmp_path, name)
    assert sorted(frame["price_usd_per_mtok"]) == [5.0, 40.0]
    assert rejected.is_empty()


def test_known_prices(samples: Path) -> None:
    """gpt-4o is 2.50 and 10 USD per million; batch is half; long prompts of Gemini cost more."""
    scopes, _ = read_files("litellm", samples / LATEST)
    gpt = _prices(scopes["models"], vendor="openai", model="gpt-4o", region="global")
    assert (gpt["input@0/standard"], gpt["output@0/standard"], gpt["input@0/batch"]) == (2.5, 10.0, 1.25)
    gemini = _prices(scopes["models"], vendor="gemini", model="gemini-2.5-pro", region="global")
    assert (gemini["input@0/standard"], gemini["input@200000/standard"]) == (1.25, 2.5)


def test_tiered_pricing_list(samples: Path) -> None:
    scopes, _ = read_files("litellm", samples / LATEST)
    qwen = _prices(scopes["models"], vendor="dashscope", model="qwen-flash")
    assert (qwen["input@0/standard"], qwen["input@256000/standard"], qwen["output@256000/standard"]) == (
        0.05,
        0.25,
        2.0,
    )


def test_typed_per_thousand_is_refused(samples: Path) -> None:
    """wandb's gpt-oss-120b at 15,000 USD per million tokens is a slip of three digits or more."""
    _, rejected = read_files("litellm", samples / LATEST)
    slips = rejected.filter(pl.col("reason").str.contains("per thousand"))
    assert slips["row_json"].str.contains("wandb/openai/gpt-oss-120b").any()


def test_bedrock_region_has_its_column(samples: Path) -> None:
    scopes, _ = read_files("litellm", samples / LATEST)
    rows = scopes["models"].filter(pl.col("region") == "us-gov-west-1")
    assert "meta.llama3-70b-instruct-v1:0" in set(rows["model"])


def test_field_names_carry_tier_length_and_life(tmp_path: Path) -> None:
    frame, _ = _read(
        {
            "litellm_provider": "openai",
            "mode": "chat",
            "input_cost_per_token": "1e-06",
            "input_cost_per_token_above_272k_tokens_priority": 4e-06,
            "cache_creation_input_token_cost_above_1hr": 2e-06,
            "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 3e-06,
            "output_cost_per_token_flex": 5e-07,
            "output_cost_per_token_above_272k_tokens_ultrafast": 4.5e-04,
            "cache_read_input_token_cost_flex_above_272k_tokens": 2e-07,
            "cache_read_input_token_cost_balanced": 3e-07,
            "cache_creation_input_token_cost_above_1hr_fast": 8e-06,
            "search_context_cost_per_query": {"low": 1},
            "input_dbu_cost_per_token": 9.0,
            "supports_vision": True,
        },
        tmp_path,
    )
    assert _prices(frame, model="m") == {
        "input@0/standard": 1.0,
        "input@272000/priority": 4.0,
        "cached_write_1h@0/standard": 2.0,
        "cached_write_1h@200000/standard": 3.0,
        "output@0/flex": 0.5,
        "output@272000/ultrafast": 450.0,
        "cached_read@272000/flex": 0.2,
        "cached_read@0/balanced": 0.3,
        "cached_write_1h@0/fast": 8.0,
    }


def test_zero_is_a_price_only_if_nothing_else_is_charged(tmp_path: Path) -> None:
    free, _ = _read({"litellm_provider": "ollama", "input_cost_per_token": 0, "output_cost_per_token": 0}, tmp_path)
    assert free["price_usd_per_mtok"].to_list() == [0.0, 0.0]
    by_time, _ = _read({"input_cost_per_token": 0.0, "input_cost_per_second": 0.0001}, tmp_path)
    assert by_time.is_empty()
    embedding, _ = _read({"mode": "embedding", "input_cost_per_token": 1e-07, "output_cost_per_token": 0}, tmp_path)
    assert embedding["direction"].to_list() == ["input"]


@pytest.mark.parametrize(("cost", "word"), [(-1, "negative"), ("free", "not a number")])
def test_what_is_no_price_is_refused(cost: object, word: str, tmp_path: Path) -> None:
    frame, rejected = _read({"input_cost_per_token": cost, "output_cost_per_token": 1e-06}, tmp_path)
    assert frame["direction"].to_list() == ["output"]
    assert word in rejected["reason"][0]


@pytest.mark.parametrize(
    ("body", "word"), [("[]", "map of models"), ("{}", "no entry"), ("{", "not JSON"), ("", "empty")]
)
def test_what_is_no_map(body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("litellm", body, tmp_path)


def test_live(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, json.dumps({"openai/m": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06}}))
    (taken,) = take_live(home, LITELLM, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    ((_, batch),) = list(staging.staged(home))
    assert taken.outcome == "loaded"
    assert batch.scopes[0].is_complete
    assert batch.scopes[0].frame.select("vendor", "model", "price_usd_per_mtok").rows() == [("openai", "m", 2.5)]


def test_a_model_typed_per_thousand_has_no_price(tmp_path: Path) -> None:
    frame, rejected = _read({"input_cost_per_token": 0.015, "output_cost_per_token": 1e-06}, tmp_path)
    assert frame.is_empty()
    assert rejected["reason"].str.contains("per thousand").all()


def test_the_other_price_of_a_model_typed_per_thousand_is_refused_too(samples: Path) -> None:
    """core42/jais-13b-chat: 0.0005 of input would pass for 500 USD a million; its 0.002 of output tells the unit."""
    scopes, rejected = read_files("litellm", samples / "litellm/model_prices_2026-07-24.json.zip")
    watsonx = scopes["models"].filter(pl.col("vendor") == "watsonx")
    assert watsonx.height
    assert watsonx["price_usd_per_mtok"].max() < 100
    assert rejected["reason"].str.contains("per thousand").any()


@pytest.mark.parametrize(
    ("name", "usd_per_mtok", "is_kept"),
    [
        ("ibm/granite-3-8b-instruct", 200.0, False),
        ("flan-t5-xl-3b", 15.1, False),
        ("llama-3-2-1b-instruct", 0.8, True),
        ("Mixtral-8x22B-Instruct", 30.0, True),
        ("qwen3-235b-a22b", 8.4, True),
        ("gpt-4-32k", 120.0, True),
        ("o1-pro", 600.0, True),
    ],
)
def test_no_model_costs_so_much_for_its_size(name: str, usd_per_mtok: float, is_kept: bool, tmp_path: Path) -> None:
    """0.0002 per token passes for 200 USD a million unless the name says that 8 billion parameters are behind it."""
    cost = usd_per_mtok / 1e6
    frame, rejected = _read({"input_cost_per_token": cost, "output_cost_per_token": cost}, tmp_path, f"v/{name}")
    assert frame.height == (2 if is_kept else 0)
    assert rejected["reason"].str.contains("per thousand").all()


def test_a_dear_price_beside_several_slips_of_its_vendor_is_one(tmp_path: Path) -> None:
    """watsonx in 2025: mistral-small-2503, whose name tells no size, at 200 USD; its mistral-large at 3 is right."""
    costs = {f"watsonx/llama-{n}b": 0.0005 for n in range(1, 6)} | {"watsonx/small": 2e-4, "watsonx/large": 3e-6}
    models = {k: {"litellm_provider": "watsonx", "input_cost_per_token": cost} for k, cost in costs.items()}
    models["o/pro"] = {"litellm_provider": "o", "input_cost_per_token": 1.5e-4}
    scopes, rejected = read_body("litellm", json.dumps(models), tmp_path)
    assert sorted(scopes["models"]["model"]) == ["large", "pro"]
    assert rejected.filter(pl.col("reason").str.contains("beside 5 models")).height == 1


@pytest.mark.parametrize(
    ("entry", "key", "kept"),
    [
        # Typed in each other's place, and a digit lost: neither number is believed, the cached read beside them is.
        ({"input_cost_per_token": 1.5e-07, "output_cost_per_token": 3.75e-08}, "cohere/command-r", []),
        ({"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-07}, "oci/xai.grok-4", []),
        (
            {"input_cost_per_token": 2e-06, "output_cost_per_token": 1e-06, "cache_read_input_token_cost": 1e-07},
            "openai/m",
            ["cached_read"],
        ),
        # Another tier's prices are its own.
        (
            {
                "input_cost_per_token": 1e-06,
                "output_cost_per_token": 2e-06,
                "input_cost_per_token_above_128k_tokens": 3e-06,
                "output_cost_per_token_above_128k_tokens": 1e-06,
            },
            "gemini/m",
            ["input", "output"],
        ),
        # Guards and pictures are sold so, and equal prices are common.
        (
            {"input_cost_per_token": 4.8e-07, "output_cost_per_token": 3e-08},
            "cloudflare/llama-guard-3-8b",
            ["input", "output"],
        ),
        (
            {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 2e-06},
            "openai/gpt-5-image-mini",
            ["input", "output"],
        ),
        ({"input_cost_per_token": 2e-06, "output_cost_per_token": 2e-06}, "openai/m", ["input", "output"]),
        # What a model writes is not given away: the zero says that nothing is written.
        ({"input_cost_per_token": 2e-08, "output_cost_per_token": 0, "mode": "chat"}, "gateway/titan-v2", ["input"]),
        ({"input_cost_per_token": 0, "output_cost_per_token": 2e-06}, "openai/m", ["input", "output"]),
    ],
)
def test_input_and_output_turned_round(entry: dict, key: str, kept: list[str], tmp_path: Path) -> None:
    frame, rejected = _read(entry, tmp_path, key)
    assert (sorted(frame["direction"].to_list()) if frame.height else []) == kept
    refused = len(entry) - entry.get("mode", "").count("chat") - len(kept) - (entry.get("output_cost_per_token") == 0)
    assert rejected.height == refused
    assert rejected["reason"].str.contains("cheaper than input").all()


def test_pairs_turned_round_in_the_recorded_map(samples: Path) -> None:
    """command-r7b at 0.15 and 0.0375 (Cohere sells it the other way round); Grok on Oracle's cloud at 3 and 0.15."""
    scopes, rejected = read_files("litellm", samples / "litellm/model_prices_2025-09-30.json.zip")
    turned = rejected.filter(pl.col("reason").str.contains("cheaper than input"))
    assert turned["row_json"].str.contains("command-r7b-12-2024").sum() == 2
    assert turned["row_json"].str.contains("xai.grok-4").sum() == 2
    assert turned.height < 30
    frame = scopes["models"]
    assert not set(frame["model"]) & {"command-r7b-12-2024"}
    both = frame.filter(pl.col("direction") == "input").join(
        frame.filter(pl.col("direction") == "output"),
        on=["vendor", "model", "service_tier", "context_tier_from_tokens", "region"],
    )
    odd = both.filter(pl.col("price_usd_per_mtok_right") < pl.col("price_usd_per_mtok"))
    assert odd["model"].str.contains("(?i)guard|image|embed").all()


def test_a_field_that_goes_on_otherwise_is_refused_by_name(tmp_path: Path) -> None:
    """Million-token prompts and both orders of tier and length are read; a condition that is not known leaves the price without it."""
    entry = {
        "litellm_provider": "openai",
        "input_cost_per_token": 2e-6,
        "output_cost_per_token": 8e-6,
        "input_cost_per_token_above_1m_tokens": 3e-6,
        "input_cost_per_token_batches_above_200k_tokens": 1.5e-6,
        "output_cost_per_token_above_200k_tokens_priority": 2e-5,
        "input_cost_per_token_off_peak": 1e-6,
    }
    rows, rejected = _read(entry, tmp_path)
    assert _prices(rows) == {
        "input@0/standard": 2.0,
        "output@0/standard": 8.0,
        "input@1000000/standard": 3.0,
        "input@200000/batch": 1.5,
        "output@200000/priority": 20.0,
    }
    assert rejected["reason"].to_list() == [
        "a price of a kind of tokens, or under a condition, that is not known: input_cost_per_token_off_peak"
    ]


def test_tokens_of_every_kind_are_read_or_refused_by_name(tmp_path: Path) -> None:
    """What is no token (pictures, pages, Databricks units) is left out without a word."""
    entry = {
        "litellm_provider": "gemini",
        "input_cost_per_token": 1e-6,
        "cache_creation_input_audio_token_cost": 1.25e-6,
        "citation_cost_per_token": 2e-6,
        "output_cost_per_video_token": 1.75e-5,
        "output_cost_per_smell_token": 9e-6,
        "input_dbu_cost_per_token": 7e-6,
        "output_db_cost_per_token": 7e-6,
        "input_cost_per_image_above_128k_tokens": 0.1,
        "ocr_cost_per_page": 0.001,
    }
    rows, rejected = _read(entry, tmp_path)
    assert _prices(rows) == {
        "input@0/standard": 1.0,
        "cached_audio_write@0/standard": 1.25,
        "output_citation@0/standard": 2.0,
        "output_video@0/standard": 17.5,
    }
    (reason,) = rejected["reason"]
    assert reason.endswith("that is not known: output_cost_per_smell_token")


OFF_PEAK = {
    "litellm_provider": "deepseek",
    "input_cost_per_token": 2e-6,
    "output_cost_per_token": 8e-6,
    "cache_read_input_token_cost": 2e-7,
}


def _by_hours(frame: pl.DataFrame) -> dict[tuple[str, str], float]:
    return {(d, w): p for d, w, p in frame.select("direction", "time_window", "price_usd_per_mtok").rows()}


@pytest.mark.parametrize(
    ("hours", "off", "rest"),
    [
        ({"hours_utc": "16:30-00:30"}, ["16:30-00:30"], ["00:30-16:30"]),
        ({"hours_utc": ["04:00-06:00", "10:00-24:00"]}, ["04:00-06:00", "10:00-00:00"], ["06:00-10:00", "00:00-04:00"]),
        ({"hours_utc": ["04:00-06:00", "05:00-07:00"]}, ["04:00-07:00"], ["07:00-04:00"]),
        ({"hours_utc": "22:00-24:00", "windows": [{"hours_utc": "00:00-02:00"}]}, ["22:00-02:00"], ["02:00-22:00"]),
        ({"windows": [{"hours_utc": "14:00-00:00"}]}, ["14:00-00:00"], ["00:00-14:00"]),
    ],
)
def test_off_peak_hours_are_windows_of_the_day(hours: dict, off: list, rest: list, tmp_path: Path) -> None:
    """What the block names holds in its hours and the plain price in the others; what it does not name holds all day."""
    block = {**hours, "input_cost_per_token": 1e-6, "output_cost_per_token": "4e-6"}
    frame, rejected = _read({**OFF_PEAK, "off_peak_pricing": block}, tmp_path)
    expected = {("cached_read", ""): 0.2}
    expected |= {(d, w): p for d, p in (("input", 1.0), ("output", 4.0)) for w in off}
    expected |= {(d, w): p for d, p in (("input", 2.0), ("output", 8.0)) for w in rest}
    assert _by_hours(frame) == expected
    assert rejected.is_empty()


@pytest.mark.parametrize(
    "block",
    [
        {"windows": [{"weekdays": ["Sat", "Sun"], "hours_utc": "00:00-00:00"}], "input_cost_per_token": 1e-6},
        {"weekdays": [1, 2], "hours_utc": "16:30-00:30", "input_cost_per_token": 1e-6},
        {"windows": [{"weekdays": ["S"], "hours_utc": "16:30-00:30"}], "input_cost_per_token": 1e-6},
        {"windows": [{"weekdays": [0, 8], "hours_utc": "16:30-00:30"}], "input_cost_per_token": 1e-6},
        {"hours_utc": "00:00-00:00", "input_cost_per_token": 1e-6},
        {"hours_utc": "at night", "input_cost_per_token": 1e-6},
        {"hours_utc": "25:00-26:00", "input_cost_per_token": 1e-6},
        {"windows": "00:00-04:00", "input_cost_per_token": 1e-6},
        {"input_cost_per_token": 1e-6},
        {"hours_utc": "04:00-06:00", "discount": 0.5, "windows": [None]},
        "16:00-19:00",
    ],
)
def test_off_peak_hours_that_cannot_be_told_are_refused(block: object, tmp_path: Path) -> None:
    frame, rejected = _read({**OFF_PEAK, "off_peak_pricing": block}, tmp_path)
    assert _by_hours(frame) == {("input", ""): 2.0, ("output", ""): 8.0, ("cached_read", ""): 0.2}
    assert rejected["reason"].str.contains("off-peak").to_list() == [True]


def test_off_peak_hours_of_weekdays_are_told(tmp_path: Path) -> None:
    """DeepSeek since August 2026: peak on weekdays in Beijing; what is off-peak every day is read, the weekend is refused."""
    block = {
        "weekday_timezone": "Asia/Shanghai",
        "windows": [
            {"hours_utc": ["10:00-01:00", "04:00-06:00"], "weekdays": ["mon", "Tuesday", "wed", "THURS", 5]},
            {"hours_utc": "00:00-00:00", "weekdays": ["sat", "sun"]},
        ],
        "input_cost_per_token": 1e-6,
    }
    frame, rejected = _read({**OFF_PEAK, "off_peak_pricing": block}, tmp_path)
    assert _by_hours(frame.filter(pl.col("direction") == "input")) == {
        ("input", "10:00-01:00"): 1.0,
        ("input", "04:00-06:00"): 1.0,
        ("input", "01:00-04:00"): 2.0,
        ("input", "06:00-10:00"): 2.0,
    }
    assert rejected["reason"].str.contains("some weekdays").to_list() == [True]


def test_off_peak_prices_beside_tiers_are_refused(tmp_path: Path) -> None:
    tiers = [{"range": [0, 1000], "input_cost_per_token": 3e-6}]
    block = {"hours_utc": "14:00-00:00", "input_cost_per_token": 1e-6}
    entry = {"litellm_provider": "dashscope", "tiered_pricing": tiers, "off_peak_pricing": block}
    frame, rejected = _read(entry, tmp_path)
    assert _by_hours(frame) == {("input", ""): 3.0}
    assert rejected["reason"].str.contains("by prompt length").to_list() == [True]
    entry = {**OFF_PEAK, "input_cost_per_token_above_200k_tokens": 4e-6, "off_peak_pricing": block}
    frame, rejected = _read(entry, tmp_path)
    assert set(frame["time_window"]) == {""}
    assert rejected["reason"].str.contains("by prompt length").to_list() == [True]


def test_hours_of_one_key_stand_beside_no_all_day_price_of_another(tmp_path: Path) -> None:
    timed = {**OFF_PEAK, "off_peak_pricing": {"hours_utc": "16:30-00:30", "input_cost_per_token": 1e-6}}
    body = json.dumps({"deepseek-x": OFF_PEAK, "deepseek/deepseek-x": timed})
    scopes, rejected = read_body("litellm", body, tmp_path)
    assert _by_hours(scopes["models"]) == {("input", ""): 2.0, ("output", ""): 8.0, ("cached_read", ""): 0.2}
    assert rejected.height == 2
    assert rejected["reason"].str.contains("plain key").all()


def test_prices_by_period_are_refused_by_name(tmp_path: Path) -> None:
    frame, rejected = _read({**OFF_PEAK, "pricing_periods": [{"until": "2027-01-01"}]}, tmp_path)
    assert frame.height == 3
    assert rejected["reason"].str.contains("by period").to_list() == [True]


def test_a_length_may_be_written_out(tmp_path: Path) -> None:
    frame, _ = _read({**OFF_PEAK, "input_cost_per_token_above_200000_tokens": 4e-6}, tmp_path)
    assert _prices(frame, direction="input") == {"input@0/standard": 2.0, "input@200000/standard": 4.0}
