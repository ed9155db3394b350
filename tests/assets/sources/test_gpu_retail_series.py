"""Recorded series of card prices: every file sampled, and what they must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.gpu_retail_series import PCPARTPICKER
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

FOLDER = "gpu_retail_series"
CARDS = "name,price,chipset,memory,core_clock,boost_clock,color,length\n"


def read(source_id: str, file: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and refused rows of one file."""
    scopes, rejected = read_files(source_id, file)
    return pl.concat(scopes.values()), rejected


@pytest.mark.parametrize(
    ("source_id", "file", "count", "refused"),
    [
        ("pcpartpicker", "pcpartpicker_video-card_2023-07-05.json.zip", 896, 0),
        ("pcpartpicker", "pcpartpicker_video-card_2023-11-16.csv.zip", 1026, 0),
        ("pcpartpicker", "pcpartpicker_video-card_2024-01-20.csv.zip", 985, 0),
        ("pcpartpicker", "pcpartpicker_video-card_2024-02-20.csv.zip", 1054, 0),
        ("pcpartpicker", "pcpartpicker_video-card_2024-05-14.csv.zip", 1106, 0),
        ("pcpartpicker", "pcpartpicker_video-card_2025-07-23.csv.zip", 1270, 0),
        ("idealo", "idealo_gtx10xx_2017-08_2018-02.json", 2913, 185),
        ("ebay_monthly", "ebay_toms_hardware_monthly_2022-2023.csv", 1058, 0),
        ("csim07", "retail_used_monthly_2023-2025_csim07.csv", 2060, 50),
        ("au_rtx5070ti", "au_rtx5070ti_history_2026-08-22.json", 172, 0),
        ("au_rtx5070ti", "au_rtx5070ti_latest_2026-08-22.json", 2, 0),
        ("ru_shops", "ru_shops_offers-2022-11-20.json.zip", 519, 0),
        ("ru_shops", "ru_shops_offers-2023-03-06.json.zip", 622, 0),
        ("united_compute", "united_compute_2025-08-10/NVIDIA_GeForce_RTX_4090.json", 2100, 0),
        ("united_compute", "united_compute_2025-08-10/NVIDIA_H100_PCIe_96_GB.json", 8, 0),
    ],
)
def test_every_series_is_read(source_id: str, file: str, count: int, refused: int, samples: Path) -> None:
    rows, rejected = read(source_id, samples / FOLDER / file)
    assert (rows.height, rejected.height) == (count, refused)
    assert rows["price_amount"].is_between(15, 600_000).all()


def test_every_other_file_is_read_too(samples: Path) -> None:
    files = list((samples / FOLDER).glob("ru_shops*"))
    assert files
    for file in files:
        assert read("ru_shops", file)[0].height > 500
    read_count = 0
    for file in (samples / FOLDER / "united_compute_2025-08-10").glob("*.json"):
        if "V100" not in file.name:
            read_count += 1
            assert read("united_compute", file)[0]["accelerator_name"].n_unique() == 1
    assert read_count == 14


@pytest.mark.parametrize(
    "file",
    [
        "united_compute_2025-08-25_emptied/NVIDIA_GeForce_RTX_4090.json",
        "united_compute_2025-08-10/NVIDIA_Tesla_V100_SXM2_16_GB.json",
    ],
)
def test_an_emptied_file_is_a_failed_capture(file: str, samples: Path) -> None:
    with pytest.raises(LayoutError, match="emptied upstream"):
        read("united_compute", samples / FOLDER / file)


def test_dates_in_their_form(samples: Path) -> None:
    """m/d/yyyy, month names, local times and days each give the instant that they say."""
    rows, _ = read("csim07", samples / FOLDER / "retail_used_monthly_2023-2025_csim07.csv")
    assert (rows["valid_from"].min(), rows["valid_from"].max()) == (
        dt.datetime(2022, 11, 1, tzinfo=dt.UTC),
        dt.datetime(2024, 12, 1, tzinfo=dt.UTC),
    )
    one = rows.filter(
        (pl.col("product") == "GeForce GTX 1050") & (pl.col("valid_from") == dt.datetime(2023, 3, 1, tzinfo=dt.UTC))
    )
    assert sorted(one.select("price_kind", "price_amount").rows()) == [("retail", 192.0), ("used", 61.0)]
    rows, _ = read("ebay_monthly", samples / FOLDER / "ebay_toms_hardware_monthly_2022-2023.csv")
    one = rows.filter(
        (pl.col("product") == "GeForce RTX 3090 Ti") & (pl.col("valid_from") == dt.datetime(2022, 4, 1, tzinfo=dt.UTC))
    )
    assert one["price_amount"].to_list() == [2300.0]
    rows, _ = read("idealo", samples / FOLDER / "idealo_gtx10xx_2017-08_2018-02.json")
    assert (rows["valid_from"].min(), rows["valid_from"].max()) == (
        dt.datetime(2017, 8, 10, tzinfo=dt.UTC),
        dt.datetime(2018, 2, 10, tzinfo=dt.UTC),
    )
    rows, _ = read("united_compute", samples / FOLDER / "united_compute_2025-08-10/NVIDIA_L40S.json")
    assert rows["valid_from"].min() == dt.datetime(2023, 11, 13, 21, 32, tzinfo=dt.UTC)


def test_currencies_are_said(samples: Path) -> None:
    found = {
        source_id: set(read(source_id, samples / FOLDER / file)[0]["currency_code"])
        for source_id, file in [
            ("idealo", "idealo_gtx10xx_2017-08_2018-02.json"),
            ("au_rtx5070ti", "au_rtx5070ti_history_2026-08-22.json"),
            ("ru_shops", "ru_shops_offers-2023-03-06.json.zip"),
        ]
    }
    assert found == {"idealo": {"EUR"}, "au_rtx5070ti": {"AUD"}, "ru_shops": {"RUB"}}


def test_idealo_card_filed_as_another_is_refused(samples: Path) -> None:
    _, rejected = read("idealo", samples / FOLDER / "idealo_gtx10xx_2017-08_2018-02.json")
    assert set(rejected["reason"]) == {"name and type of the card differ, or are missing"}


def test_russian_shops(samples: Path) -> None:
    """Used and restored cards are told apart, the lowest of several under one name counts, adapters are left out."""
    rows, _ = read("ru_shops", samples / FOLDER / "ru_shops_offers-2023-03-06.json.zip")
    assert rows.filter(pl.col("price_kind") == "used").height >= 5
    assert not rows["product"].str.contains("MATROX").any()
    one = rows.filter(pl.col("product") == "GIGABYTE GEFORCE RTX 3060 TI 8GB")
    assert one.select("seller", "price_amount").rows() == [("mvideo", 43999.0)]


def test_pcpartpicker_date_is_in_the_file_name(samples: Path, tmp_path: Path) -> None:
    rows, _ = read("pcpartpicker", samples / FOLDER / "pcpartpicker_video-card_2023-11-16.csv.zip")
    assert set(rows["valid_from"]) == {dt.datetime(2023, 11, 16, tzinfo=dt.UTC)}
    body = CARDS + "MSI V,300,GeForce RTX 4060,8,1830,,Black,199\n"
    plain, _ = read_body("pcpartpicker", body, tmp_path, "video-card.csv")
    assert plain["pcpartpicker"]["valid_from"].to_list() == [dt.datetime(2026, 9, 1, tzinfo=dt.UTC)]


def test_pcpartpicker_csv_and_json_name_a_card_alike(tmp_path: Path) -> None:
    card = {
        "name": "MSI V",
        "price": 300.5,
        "chipset": "GeForce RTX 4060",
        "memory": 8,
        "core_clock": 1830,
        "color": None,
        "length": 199,
    }
    body = CARDS + "MSI V,300.5,GeForce RTX 4060,8,1830,,,199\n"
    a, _ = read_body("pcpartpicker", body, tmp_path, "video-card.csv")
    b, _ = read_body("pcpartpicker", json.dumps([card]), tmp_path, "video-card.json")
    columns = ["product", "product_code", "price_amount", "accelerator_memory_gib"]
    assert a["pcpartpicker"].select(columns).rows() == b["pcpartpicker"].select(columns).rows()


@pytest.mark.parametrize("price", ["0", "-5", "Contact", "9999999"])
def test_bad_prices_are_refused(price: str, tmp_path: Path) -> None:
    body = CARDS + f"A,{price},GeForce RTX 4060,8,1,,,1\nB,300,GeForce RTX 4060,8,1,,,1\nC,,GeForce RTX 4060,8,1,,,1\n"
    scopes, rejected = read_body("pcpartpicker", body, tmp_path, "video-card.csv")
    assert (scopes["pcpartpicker"].height, rejected.height) == (1, 1)


@pytest.mark.parametrize(
    ("source_id", "name", "body", "message"),
    [
        ("pcpartpicker", "c.csv", CARDS.replace("price", "cost") + "A,1,x,1,1,1,1,1\n", "price is missing"),
        ("pcpartpicker", "c.csv", CARDS + "A,,x,1,1,1,1,1\n", "no price"),
        ("pcpartpicker", "c.json", "[]", "no list"),
        ("united_compute", "c.json", "[1]", "no gpu_name"),
        ("idealo", "c.json", "{}", "no list"),
        ("idealo", "c.json", '[{"id": "1"}]', "name, type, prices is missing"),
        ("ebay_monthly", "c.csv", "GPU,Price\nA,1\n", "eBay Price"),
        ("csim07", "c.csv", "Date,Name\nA,1\n", "Retail Price"),
        ("csim07", "c.csv", "Date,Name,Retail Price,Used Price\n2023-03-01,A,100,90\n", "no price"),
        ("au_rtx5070ti", "c.json", '{"x": 1}', "neither"),
        ("au_rtx5070ti", "c.json", '{"ts": "2026-08-22T09:39:48", "stores": []}', "a time without an offset"),
        ("ru_shops", "c.json", "[]", "not a list of offers per shop"),
        ("ru_shops", "c.json", '{"DNS": []}', "no list of prices, or an empty one"),
    ],
)
def test_other_layouts_are_refused(source_id: str, name: str, body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body(source_id, body, tmp_path, name)


def test_live(home: Home, replay: ReplayServer) -> None:
    url = "https://raw.githubusercontent.com/docyx/pc-part-dataset/main/data/csv/video-card.csv"
    replay.add(url, CARDS + "MSI V,300,GeForce RTX 4060,8,1830,,Black,199\n", headers={"ETag": '"a"'})
    taken = intake.take_live(home, PCPARTPICKER, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 1)]
    assert [b.scopes[0].is_complete for _, b in staged(home)] == [True]
