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
