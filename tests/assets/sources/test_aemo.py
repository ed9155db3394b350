"""AEMO's trading report: several tables in one file, ends of slots without summer time."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files

REPORT = "aemo_openelectricity/PUBLIC_TRADINGIS_202308301800_0000000395916754.CSV"
HEADER = "I,TRADING,PRICE,3,SETTLEMENTDATE,RUNNO,REGIONID,PERIODID,RRP,EEP,INVALIDFLAG\n"
END = 'C,"END OF REPORT",3\n'


def row(time: str, period: int, price: str = "50.5", region: str = "VIC1", invalid: str = "0") -> str:
    return f'D,TRADING,PRICE,3,"{time}",1,{region},{period},{price},0,{invalid}\n'


def test_a_real_report(samples: Path) -> None:
    """18:00 at UTC+10 ends 07:55Z to 08:00Z; interconnectors are another table."""
    scopes, rejected = read_files("aemo", samples / REPORT)
    frame = scopes["NEM"].sort("zone")
    assert frame.select("zone", "price_amount_per_mwh").rows() == [
        ("AU-NSW", 299.99),
        ("AU-QLD", 298.53),
        ("AU-SA", 262.4),
        ("AU-TAS", 54.32),
        ("AU-VIC", 263.81),
    ]
    assert frame.select("valid_from", "resolution", "currency_code").unique().rows() == [
        (dt.datetime(2023, 8, 30, 7, 55, tzinfo=dt.UTC), "PT5M", "AUD")
    ]
    assert rejected.is_empty()


def test_midnight_closes_the_day_and_half_hours_are_told(tmp_path: Path) -> None:
    text = HEADER + row("2023/01/02 00:00:00", 288) + row("2021/01/02 00:00:00", 48) + END
    frame = read_body("aemo", text, tmp_path, "a.csv")[0]["NEM"].sort("valid_from")
    assert frame.select("valid_from", "resolution").rows() == [
        (dt.datetime(2021, 1, 1, 13, 30, tzinfo=dt.UTC), "PT30M"),
        (dt.datetime(2023, 1, 1, 13, 55, tzinfo=dt.UTC), "PT5M"),
    ]


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (row("2023/01/02 00:05:00", 7), "5 or 30 minutes"),
        (row("02/01/2023 00:05", 1), "5 or 30 minutes"),
        (row("2023/01/02 00:05:00", 1, region="XX1"), "region"),
        (row("2023/01/02 00:05:00", 1, price="n/a"), "not a number"),
        (row("2023/01/02 00:05:00", 1, invalid="1"), "invalid"),
    ],
)
def test_bad_rows_are_refused(bad: str, word: str, tmp_path: Path) -> None:
    good = "".join(row("2023/01/02 00:10:00", 2, region=r) for r in ("VIC1", "NSW1", "SA1", "QLD1", "TAS1"))
    scopes, rejected = read_body("aemo", HEADER + good + bad + END, tmp_path, "a.csv")
    assert (scopes["NEM"].height, rejected.height) == (5, 1)
    assert word in rejected["reason"][0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (HEADER + row("2023/01/02 00:05:00", 1), "truncated"),
        (END, "TRADING,PRICE"),
        (HEADER.replace("RRP", "PRICE") + row("2023/01/02 00:05:00", 1) + END, "RRP"),
    ],
)
def test_other_files(text: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("aemo", text, tmp_path, "a.csv")


def test_a_price_beyond_the_cap_is_refused(tmp_path: Path) -> None:
    good = "".join(row("2023/01/02 00:10:00", 2, region=r) for r in ("NSW1", "SA1", "QLD1", "TAS1"))
    scopes, rejected = read_body(
        "aemo", HEADER + good + row("2023/01/02 00:10:00", 2, price="99999999") + END, tmp_path, "a.csv"
    )
    assert scopes["NEM"].filter(pl.col("zone") == "AU-VIC").is_empty()
    assert rejected.height == 1


def month(*rows: str) -> str:
    return "REGION,SETTLEMENTDATE,TOTALDEMAND,RRP,PERIODTYPE\n" + "\n".join(rows) + "\n"


def test_a_monthly_file_of_five_minutes_and_one_of_half_hours(tmp_path: Path) -> None:
    """The time ends the slot at UTC+10, also in a month of summer time; the first slot of a month begins the day before in UTC."""
    five = month(*(f'NSW1,"2026/01/01 00:{m:02}:00",8000.5,{20 + m},TRADE' for m in range(5, 60, 5)))
    frame = read_body("aemo", five, tmp_path, "PRICE_AND_DEMAND_202601_NSW1.csv")[0]["NEM"].sort("valid_from")
    assert frame.select("zone", "market", "resolution", "currency_code").unique().rows() == [
        ("AU-NSW", "real_time", "PT5M", "AUD")
    ]
    assert frame.select("valid_from", "price_amount_per_mwh").row(0) == (
        dt.datetime(2025, 12, 31, 14, tzinfo=dt.UTC),
        25.0,
    )
    half = month(*(f'SA1,"1998/12/07 0{h}:{m}",1000,{h}.5,TRADE' for h in (1, 2) for m in ("00", "30")))
    frame = read_body("aemo", half, tmp_path, "a.csv")[0]["NEM"].sort("valid_from")
    assert frame.select("valid_from", "resolution", "price_amount_per_mwh").row(0) == (
        dt.datetime(1998, 12, 6, 14, 30, tzinfo=dt.UTC),
        "PT30M",
        1.5,
    )


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ("NSW1,1/08/2026 0:40,9000,1,TRADE", "not written as AEMO does"),
        ("NSW1,2026/08/01 00:40:00,9000,1,PREDISPATCH", "no trading price"),
        ("NSW1,2026/08/01 00:40:00,9000,1,", "no trading price"),
        ("NSW1,2026/08/01 00:40:00,9000,n/a,TRADE", "not a number"),
        ("WEM,2026/08/01 00:40:00,9000,1,TRADE", "region"),
        ("NSW1,2026/08/01 00:40:00,9,000,1,TRADE", "more fields"),
    ],
)
def test_a_bad_line_of_a_monthly_file_costs_itself(bad: str, word: str, tmp_path: Path) -> None:
    good = [f"NSW1,2026/08/01 00:{m:02}:00,9000,{m},TRADE" for m in (5, 10, 15, 20, 25, 30)]
    scopes, rejected = read_body("aemo", month(*good, bad), tmp_path, "a.csv")
    assert scopes["NEM"].height == 6
    assert word in rejected["reason"].item()


def test_months_of_both_lengths_in_one_file_are_refused(tmp_path: Path) -> None:
    """At the last half-hour of September 2021 a distance would be taken for the wrong slot."""
    rows = [f"NSW1,2021/09/30 {h}:{m}:00,1,1,TRADE" for h in (21, 22, 23) for m in ("00", "30")]
    rows += [f"NSW1,2021/10/01 00:{m:02}:00,1,1,TRADE" for m in range(0, 60, 5)]
    with pytest.raises(LayoutError, match="load them as separate files"):
        read_body("aemo", month(*rows), tmp_path, "a.csv")
