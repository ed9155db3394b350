"""llm-prices: seven real vendor files with their timelines."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources._base import LayoutError, Window
from assets.sources.simonw import SIMONW, VENDORS
from tests.assets.sources.reading import OBSERVED_AT, read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

ONE = {
    "vendor": "v",
    "models": [
        {
            "id": "m",
            "name": "M",
            "price_history": [{"input": 1, "output": 2.5, "input_cached": None, "from_date": None, "to_date": None}],
        }
    ],
}


def _timeline(frame: pl.DataFrame, model: str, direction: str, tier: int = 0) -> list[tuple[str, float]]:
    rows = frame.filter(
        (pl.col("model") == model) & (pl.col("direction") == direction) & (pl.col("context_tier_from_tokens") == tier)
    ).sort("valid_from")
    return rows.select(pl.col("valid_from").dt.date().cast(pl.String), "price_usd_per_mtok").rows()


@pytest.mark.parametrize(
    ("vendor", "rows"),
    [("amazon", 8), ("anthropic", 36), ("deepseek", 12), ("google", 57), ("mistral", 28), ("openai", 140), ("qwen", 4)],
)
def test_every_vendor_reads(samples: Path, vendor: str, rows: int) -> None:
    scopes, rejected = read_files("simonw", samples / f"simonw_llm_prices/{vendor}_2026-08-05.json")
    assert scopes[vendor].height == rows
    assert rejected.is_empty()


def test_a_replaced_price_does_not_come_back(samples: Path) -> None:
    """deepseek-chat stands newest first; its first price begins before all we know, not at the time of reading."""
    scopes, _ = read_files("simonw", samples / "simonw_llm_prices/deepseek_2026-08-05.json")
    assert _timeline(scopes["deepseek"], "deepseek-chat", "input") == [("1970-01-01", 0.14), ("2025-02-08", 0.27)]
    undated = scopes["deepseek"].filter(pl.col("model") == "deepseek-reasoner")
    assert undated["valid_from"].unique().to_list() == [OBSERVED_AT]


def test_an_announced_price_lies_in_the_future(samples: Path) -> None:
    early = dt.datetime(2026, 8, 5, tzinfo=dt.UTC)
    file = samples / "simonw_llm_prices/anthropic_2026-08-05.json"
    scopes, _ = read_files("simonw", file, observed_at=early)
    assert _timeline(scopes["anthropic"], "claude-sonnet-5", "output") == [("1970-01-01", 10.0), ("2026-09-01", 15.0)]


def test_long_prompts_are_a_tier_not_a_model(samples: Path) -> None:
    scopes, _ = read_files("simonw", samples / "simonw_llm_prices/openai_2026-08-05.json")
    assert _timeline(scopes["openai"], "gpt-5.6-terra", "input") == [("1970-01-01", 2.5), ("2026-07-30", 2.0)]
    assert _timeline(scopes["openai"], "gpt-5.6-terra", "input", 272_000) == [("1970-01-01", 5.0), ("2026-07-30", 4.0)]
    assert not scopes["openai"]["model"].str.contains("-272k").any()


def test_a_date_that_is_none_is_refused(tmp_path: Path) -> None:
    body = json.dumps(ONE).replace('"from_date": null', '"from_date": "soon"')
    scopes, rejected = read_body("simonw", body, tmp_path)
    assert scopes["v"].is_empty()
    assert "from_date" in rejected["reason"][0]


@pytest.mark.parametrize("written", ["2026-02-03", "2026-02-03T00:00:00Z", "2026-02-03T10:30:00+00:00"])
def test_a_date_may_have_a_time_of_day(written: str, tmp_path: Path) -> None:
    body = json.dumps(ONE).replace('"from_date": null', f'"from_date": "{written}"')
    rows = read_body("simonw", body, tmp_path)[0]["v"]
    assert _timeline(rows, "m", "input") == [("2026-02-03", 1.0)]


def _entry(price: float, begins: str | None, ends: str | None, **more: object) -> dict:
    return {"input": price, "output": None, "from_date": begins, "to_date": ends} | more


def _rows(tmp_path: Path, *history: dict) -> tuple[list[tuple], list[str]]:
    body = json.dumps({"vendor": "v", "models": [{"id": "m", "name": "M", "price_history": history}]})
    scopes, rejected = read_body("simonw", body, tmp_path)
    day = pl.col("valid_from").dt.date().cast(pl.String)
    frame = scopes["v"].sort("valid_from").select(day, "direction", "price_usd_per_mtok", "is_offered")
    return frame.rows(), rejected["reason"].to_list()


def test_a_price_that_no_other_follows_ends(tmp_path: Path) -> None:
    """On the first day without it; also before a gap, and for what the next price leaves out."""
    assert _rows(tmp_path, _entry(1, "2026-01-01", "2026-03-01"))[0] == [
        ("2026-01-01", "input", 1.0, True),
        ("2026-03-01", "input", None, False),
    ]
    newest_first = [_entry(2, "2026-05-01", None), _entry(1, None, "2026-03-01", input_cached=0.1)]
    assert sorted(_rows(tmp_path, *newest_first)[0], key=repr) == [
        ("1970-01-01", "cached_read", 0.1, True),
        ("1970-01-01", "input", 1.0, True),
        ("2026-03-01", "cached_read", None, False),
        ("2026-03-01", "input", None, False),
        ("2026-05-01", "input", 2.0, True),
    ]
    assert _rows(tmp_path, _entry(1, None, "2026-03-01"), _entry(2, "2026-03-01", None))[0][1:] == [
        ("2026-03-01", "input", 2.0, True)
    ]


def test_an_end_that_is_no_day_and_a_field_that_is_not_known_are_refused(tmp_path: Path) -> None:
    assert _rows(tmp_path, _entry(1, None, "soon")) == ([], ["from_date or to_date is not a day"])
    reason = "a field that is not known, and may change what the others mean: batch"
    assert _rows(tmp_path, _entry(1, "2026-01-01", None, batch=0.5)) == ([("2026-01-01", "input", 1.0, True)], [reason])


@pytest.mark.parametrize("body", ["[]", '{"vendor": "v"}', '{"models": []}'])
def test_what_is_no_vendor_file(body: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="vendor"):
        read_body("simonw", body, tmp_path)


def test_live(home: Home, replay: ReplayServer) -> None:
    for vendor in VENDORS:
        url = f"https://raw.githubusercontent.com/simonw/llm-prices/main/data/{vendor}.json"
        replay.add(url, json.dumps(ONE | {"vendor": vendor}))
    taken = take_live(home, SIMONW, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    assert [t.outcome for t in taken] == ["loaded"] * len(VENDORS)
    assert {s.scope for _, b in staging.staged(home) for s in b.scopes} == set(VENDORS)


@pytest.mark.parametrize("price", ["n/a", {"usd": 1}, [1], True])
def test_a_price_that_is_no_number_is_refused_and_the_others_are_read(price: object, tmp_path: Path) -> None:
    history = [{"input": price, "output": " 2.5\u00a0", "input_cached": None, "from_date": None, "to_date": None}]
    models = [
        {"id": "a", "name": "A", "price_history": history},
        {"id": "b", "name": "B", "price_history": [{"input": 1, "output": "2", "from_date": None, "to_date": None}]},
        {"id": "c", "name": "C", "price_history": "soon"},
    ]
    scopes, rejected = read_body("simonw", json.dumps({"vendor": "v", "models": models}), tmp_path)
    assert sorted(scopes["v"].select("model", "direction", "price_usd_per_mtok").rows()) == [
        ("a", "output", 2.5),
        ("b", "input", 1.0),
        ("b", "output", 2.0),
    ]
    assert rejected["reason"].to_list() == ["from_date or to_date is not a day", "the price is not a number"]
