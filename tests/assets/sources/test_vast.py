"""Vast.ai: a real answer, the answer key of a tracker, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
import statistics
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources import vast
from assets.sources._base import LayoutError, Window
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

SAMPLE = "vast/bundles_2026-07-h100_a100.json"


def offer(**values: object) -> dict[str, object]:
    """One offer as the publisher sends it."""
    return {
        "id": 1,
        "gpu_name": "H100 SXM",
        "num_gpus": 1,
        "gpu_frac": 1.0,
        "dph_total": 2.0,
        "dph_base": 1.9,
        "gpu_ram": 81559,
        "verification": "verified",
        "rentable": True,
        "rented": False,
        "public_ipaddr": "192.0.2.7",
        "min_bid": 1.0,
    } | values


def read(tmp_path: Path, *offers: dict[str, object]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and refused rows of made-up offers."""
    scopes, rejected = read_body("vast", json.dumps({"offers": offers}), tmp_path)
    return scopes["vast"], rejected


def test_the_distribution_of_a_real_answer(samples: Path) -> None:
    """Hand-worked from the file: verified offers only, per number of GPUs, a split machine counted whole."""
    scopes, rejected = read_files("vast", samples / SAMPLE)
    offers = json.loads((samples / SAMPLE).read_text())["offers"]
    asked = sorted(
        o["dph_total"]
        for o in offers
        if o["gpu_name"] == "H100 SXM" and o["num_gpus"] == 2 and o["verification"] == "verified" and o["rentable"]
    )
    assert rejected.is_empty()
    rows = scopes["vast"].filter(pl.col("instance_type") == "2x H100 SXM 80 GiB")
    found = dict(rows.select("offer_variant", "price_amount_per_hour").rows())
    assert found["market_min"] == asked[0] and found["market_p50"] == pytest.approx(statistics.median(asked))
    assert found["market_min"] <= found["market_p10"] <= found["market_p50"] <= found["market_p90"] <= asked[-1]
    assert set(rows["accelerator_count"]) == {2.0}
    # 1.3169 is the cheapest H100 of the file, but unverified.
    one = scopes["vast"].filter(
        (pl.col("instance_type") == "1x H100 SXM 80 GiB") & (pl.col("offer_variant") == "market_min")
    )
    assert one["price_amount_per_hour"].to_list() == pytest.approx([1.7355555])


def test_no_address_of_a_host_leaves_the_parser(samples: Path, home: Home) -> None:
    """Neither rows nor refused rows hold what identifies a host, even where the offer is bad."""
    scopes, _ = read_files("vast", samples / SAMPLE)
    _, rejected = read(home.root, offer(dph_total=0), offer())
    assert rejected.height == 1
    addresses = {o["public_ipaddr"] for o in json.loads((samples / SAMPLE).read_text())["offers"]} | {"192.0.2.7"}
    text = scopes["vast"].write_json() + rejected.write_json()
    assert not [a for a in addresses if a in text]
    assert "host_id" not in text and "machine_id" not in text


def test_answer_key_of_eucri(samples: Path, tmp_path: Path) -> None:
    """The tracker's price per GPU-hour is ours, for every one of its 119 offers."""
    file = samples / "gpu_rental_snapshots/eucri_observations_2026-07-18_2026-08-22.csv"
    key = pl.read_csv(file, infer_schema=False).filter(pl.col("source") == "vast_ai")
    assert key.height == 119
    for raw, expected in key.select("raw_json", pl.col("price_usd_per_gpu_hr").cast(pl.Float64)).rows():
        rows, rejected = read(tmp_path, json.loads(raw))
        assert rejected.is_empty()
        per_gpu = rows.select(pl.col("price_amount_per_hour") / pl.col("accelerator_count")).to_series()
        assert per_gpu.to_list() == pytest.approx([expected] * 4)


def test_a_share_of_a_machine_is_whole_gpus(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, offer(gpu_frac=0.25, num_gpus=2, dph_total=5.0))
    assert set(rows["accelerator_count"]) == {2.0} and set(rows["price_amount_per_hour"]) == {5.0}


@pytest.mark.parametrize(
    "values", [{"verification": "deverified"}, {"rentable": False}, {"rented": True}, {"num_gpus": 0}]
)
def test_what_cannot_be_rented_is_left_out(values: dict[str, object], tmp_path: Path) -> None:
    rows, rejected = read(tmp_path, offer(), offer(dph_total=0.9, **values))
    assert set(rows["price_amount_per_hour"]) == {2.0} and rejected.is_empty()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"dph_total": 0}, "no price"),
        ({"dph_total": None}, "no price"),
        ({"dph_total": -1}, "no price"),
        ({"num_gpus": 0.5}, "whole number"),
        ({"gpu_name": " "}, "no GPU name"),
        ({"dph_total": 999.0}, "not between"),
        ({"dph_total": 0.001}, "not between"),
    ],
)
def test_absurd_offers_are_refused(values: dict[str, object], word: str, tmp_path: Path) -> None:
    rows, rejected = read(tmp_path, offer(), offer(**values))
    assert rows.height == 4 and word in rejected["reason"].item()


def test_cards_of_one_name_and_other_memory_stay_apart(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, offer(gpu_name="A100 SXM4", gpu_ram=40960), offer(gpu_name="A100 SXM4", gpu_ram=81920))
    assert set(rows["instance_type"]) == {"1x A100 SXM4 40 GiB", "1x A100 SXM4 80 GiB"}


def test_a_name_with_blanks_around_is_the_same_card(tmp_path: Path) -> None:
    """Else its offers would stand beside the others under one key, and both be refused."""
    rows, rejected = read(tmp_path, offer(), offer(gpu_name=" H100 SXM ", dph_total=3.0))
    found = dict(rows.select("offer_variant", "price_amount_per_hour").rows())
    assert (found["market_min"], found["market_p50"], rejected.height) == (2.0, 2.5, 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"offers": []}', "no list of offers"),
        ('{"success": false, "error": "bad"}', "no list of offers"),
        ('{"offers": [{"gpu_name": "x", "num_gpus": 1, "rentable": true}]}', "dph_total is missing"),
        ('{"offers": [{"gpu_name": "x", "num_gpus": 1, "rentable": true, "dph_total": 1}]}', "verified"),
        ("", "empty"),
        ('{"offers": [', "not JSON"),
        ("<!doctype html><p>blocked", "HTML page"),
    ],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("vast", body, tmp_path)


def test_an_answer_as_long_as_the_limit_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vast, "LIMIT", 2)
    with pytest.raises(LayoutError, match="cut short"):
        read(tmp_path, offer(), offer())


@pytest.mark.parametrize("count", [64, 1000])
def test_a_cap_that_the_answer_does_not_mention(count: int, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="cut short"):
        read(tmp_path, *[offer()] * count)
    assert read(tmp_path, *[offer()] * (count - 1))[0].height == 4


def test_live(home: Home, replay: ReplayServer) -> None:
    """One POST that asks for verified offers."""
    replay.add("https://console.vast.ai/api/v0/bundles/", json.dumps({"offers": [offer()]}))
    taken = intake.take_live(home, vast.VAST, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 4)]
    assert json.loads(replay.asked[0].body)["verified"] == {"eq": True}
    assert [b.source_id for _, b in staged(home)] == ["vast"]
