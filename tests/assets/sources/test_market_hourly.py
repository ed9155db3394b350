"""Hourly market files: which are honest, and why the others are refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_files


def test_german_clock_agrees_with_energinet(samples: Path) -> None:
    """The proof that these naive times are German wall clock; only the decoupled auction of 2024-06-26 differs."""
    ours, rejected = read_files("market_hourly", samples / "price_hourly/local_naive/DE-LU_electricity_prices_2024.csv")
    utc, _ = read_files("energinet_price", samples / "energinet/day_ahead_price_DE_2024-2026.csv")
    both = ours["DE-LU"].join(utc["EUR"], on="valid_from")
    differs = (pl.col("price_amount_per_mwh") - pl.col("price_amount_per_mwh_right")).abs() > 0.02
    other = both.filter(differs)
    assert both.height == 8757
    assert other.height == 24
    assert other["valid_from"].dt.convert_time_zone("Europe/Berlin").dt.strftime("%m-%d").unique().to_list() == [
        "06-26"
    ]
    assert sorted(rejected["reason"].str.extract(r"(does not exist|occurs twice)")) == [
        "does not exist",
        "occurs twice",
    ]


def test_offsets_are_kept(samples: Path) -> None:
    """Midnight in Texas is 06:00Z."""
    scopes, rejected = read_files(
        "market_hourly", samples / "price_hourly/local_naive/US-TEX-ERCO_electricity_prices_2024.csv"
    )
    first = scopes["US-TEX-ERCO"].sort("valid_from").row(0, named=True)
    assert (first["valid_from"].isoformat(), first["price_amount_per_mwh"]) == ("2024-01-01T06:00:00+00:00", 16.62)
    assert set(scopes["US-TEX-ERCO"]["market"]) == {"published_hub"}
    assert rejected.is_empty()


def test_a_column_called_utc(samples: Path) -> None:
    scopes, _ = read_files("market_hourly", samples / "price_hourly/utc_usd/US-CAL-CISO_electricity_prices_2024.csv")
    assert scopes["US-CAL-CISO"].height == 8784


@pytest.mark.parametrize(
    ("file", "word"),
    [
        ("local_naive/AU-NSW_electricity_prices_2024", "AU-NSW is in AUD"),
        ("utc_usd/DE-LU_electricity_prices_2024", "is in EUR"),
        ("local_naive/SG_electricity_prices_2024", "on an unknown clock"),
        ("local_naive/US-CAL-CISO_electricity_prices_2024", "on an unknown clock"),
        ("local_naive/GB_electricity_prices_2021_nearly_empty", "failed download"),
    ],
)
def test_what_cannot_be_told_is_refused(samples: Path, tmp_path: Path, file: str, word: str) -> None:
    source = samples / f"price_hourly/{file}.csv"
    copy = tmp_path / source.name.replace("_nearly_empty", "")
    copy.write_bytes(source.read_bytes())
    with pytest.raises(LayoutError, match=word):
        read_files("market_hourly", copy)


def hours(folder: Path, name: str, header: str, offset: str = "+09:00") -> Path:
    file = folder / name
    rows = "".join(f"2023-05-01 {hour:02}:00:00{offset},{hour}.5\n" for hour in range(24))
    file.write_text(f"Datetime,Price ({header}/MWh)\n{rows}")
    return file


def test_other_zones_are_read_in_the_currency_of_their_country(tmp_path: Path) -> None:
    scopes, rejected = read_files("market_hourly", hours(tmp_path, "JP-TK_electricity_prices_2023.csv", "JPY"))
    first = scopes["JP-TK"].sort("valid_from").row(0, named=True)
    assert (first["valid_from"].isoformat(), first["price_amount_per_mwh"]) == ("2023-04-30T15:00:00+00:00", 0.5)
    assert (first["currency_code"], first["market"]) == ("JPY", "published_hub")
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("name", "header", "word"),
    [
        ("JP-TK_electricity_prices_2023.csv", "USD", "JP-TK is in JPY"),
        ("XX-A_electricity_prices_2023.csv", "USD", "which market"),
        ("prices.csv", "USD", "which market"),
    ],
)
def test_zones_that_cannot_be_told_are_refused(tmp_path: Path, name: str, header: str, word: str) -> None:
    with pytest.raises(LayoutError, match=word):
        read_files("market_hourly", hours(tmp_path, name, header))
