"""Scaleway: a real answer, the answer key of a tracker, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.scaleway import SCALEWAY, ZONES
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

SERVER = {"gpu": 1, "hourly_price": 0.75, "ncpus": 8, "ram": 2**35}


def test_a_real_answer(samples: Path) -> None:
    scopes, rejected = read_files("scaleway", samples / "scaleway/products_servers_fr-par-2_2026-08.json")
    rows = scopes["fr-par-2"]
    assert (rows.height, rejected.height) == (9, 1)
    assert set(rows["currency_code"]) == {"EUR"} and "DEV1-S" not in set(rows["instance_type"])
    h100 = rows.filter(pl.col("instance_type") == "H100-SXM-2-80G")
    assert h100.select("accelerator_name", "accelerator_count", "accelerator_memory_gib", "price_amount_per_hour").row(
        0
    ) == (
        "H100-SXM",
        2.0,
        80.0,
        6.6198,
    )
    assert "H100-4-80G" in rejected["row_json"].item()


def test_answer_key_of_eucri(samples: Path, tmp_path: Path) -> None:
    """Our EUR per GPU is the tracker's native price, row by row; its 'USD' column holds the same EUR, never converted."""
    file = samples / "gpu_rental_snapshots/eucri_observations_2026-07-18_2026-08-22.csv"
    key = pl.read_csv(file, infer_schema=False).filter(pl.col("source") == "scaleway")
    assert key.height == 100
    for raw, claimed_usd in key.select("raw_json", pl.col("price_usd_per_gpu_hr").cast(pl.Float64)).rows():
        said = json.loads(raw)
        body = json.dumps({"servers": {said["instance_name"]: said}})
        row = read_body("scaleway", body, tmp_path, f"servers_{said['zone']}.json")[0][said["zone"]]
        per_gpu = row["price_amount_per_hour"][0] / row["accelerator_count"][0]
        assert per_gpu == pytest.approx(said["price_native_per_gpu_hr"], abs=1e-4)
        assert per_gpu == pytest.approx(claimed_usd, abs=1e-4) and row["currency_code"][0] == "EUR"


def test_memory_is_of_one_gpu(tmp_path: Path) -> None:
    server = SERVER | {"gpu": 2, "gpu_info": {"gpu_name": "L40S", "gpu_memory": 51539607552}}
    row = read_body("scaleway", json.dumps({"servers": {"L40S-2-48G": server}}), tmp_path, "pl-waw-2.json")[0][
        "pl-waw-2"
    ]
    assert row.select("accelerator_memory_gib", "accelerator_count", "memory_gib").row(0) == (48.0, 2.0, 32.0)


@pytest.mark.parametrize("price", [0, None, -1, "N/A", 1e6])
def test_bad_prices_are_refused(price: object, tmp_path: Path) -> None:
    body = json.dumps({"servers": {"L4-1-24G": SERVER, "X-1-24G": SERVER | {"hourly_price": price}}})
    scopes, rejected = read_body("scaleway", body, tmp_path, "fr-par-1.json")
    assert (scopes["fr-par-1"].height, rejected.height) == (1, 1)


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("fr-par-1.json", '{"type": "denied"}', "no map of servers"),
        ("fr-par-1.json", "", "empty"),
        ("fr-par-1.json", '{"servers": {"L4": {"gpu": 1, "price": 2}}}', "hourly_price is missing"),
        ("servers.json", '{"servers": {}}', "cannot tell the zone"),
    ],
)
def test_other_layouts_are_refused(name: str, body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("scaleway", body, tmp_path, name)


def test_live_asks_every_zone_and_every_page(home: Home, replay: ReplayServer) -> None:
    url = "https://api.scaleway.com/instance/v1/zones/{}/products/servers?page={}&per_page=100"
    for zone in ZONES:
        replay.add(url.format(zone, 1), '{"servers": {}}', times=int(zone != "fr-par-2"))
    many = {f"S-{n}-24G": SERVER for n in range(100)}
    replay.add(url.format("fr-par-2", 1), json.dumps({"servers": many}))
    replay.add(url.format("fr-par-2", 2), json.dumps({"servers": {"L4-1-24G": SERVER}}))
    taken = intake.take_live(home, SCALEWAY, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 101)]
    assert len(replay.urls()) == len(ZONES) + 1
    scopes = {s.scope: s.frame.height for _, b in staged(home) for s in b.scopes}
    assert scopes["fr-par-2"] == 101
