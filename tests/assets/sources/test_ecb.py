"""ECB reference rates: all five forms of the real files, and what they must survive."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources._base import LayoutError, Window
from assets.sources.ecb import ECB
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

NOW = dt.datetime(2018, 6, 12, tzinfo=dt.UTC)
RECENT = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist-90d.xml"
XML = (
    '<e:Envelope xmlns:e="urn:e" xmlns="urn:{version}"><Cube><Cube time="2018-06-11">'
    '<Cube currency="USD" rate="{rate}"/><Cube currency="JPY" rate="129.62"/></Cube></Cube></e:Envelope>'
)


def _rate(frame: pl.DataFrame, code: str, day: str) -> list[float]:
    on = pl.col("valid_from").dt.date() == dt.date.fromisoformat(day)
    return frame.filter((pl.col("currency_code") == code) & on)["rate_per_base"].to_list()


def test_daily_and_90_days_agree(samples: Path) -> None:
    """1.1790 in one file is 1.179 in the other: the same rate, at the start of the day in UTC."""
    daily, _ = read_files("ecb", samples / "ecb/eurofxref-daily.xml")
    recent, rejected = read_files("ecb", samples / "ecb/eurofxref-hist-90d.xml")
    assert _rate(daily["EUR"], "USD", "2018-06-11") == _rate(recent["EUR"], "USD", "2018-06-11") == [1.179]
    assert daily["EUR"].height == 32
    assert recent["EUR"]["valid_from"].dt.hour().unique().to_list() == [0]
    assert rejected.is_empty()


def test_history_skips_na_and_ends_currencies(samples: Path) -> None:
    """BGN ends on 2025-12-31, HRK on 2022-12-30, RUB on 2022-03-01; the trailing comma is no currency."""
    scopes, rejected = read_files("ecb", samples / "ecb/eurofxref-hist_2026-04-13.csv")
    frame = scopes["EUR"]
    last = dict(frame.group_by("currency_code").agg(pl.col("valid_from").max().dt.date().cast(pl.String)).rows())
    assert (last["BGN"], last["HRK"], last["RUB"]) == ("2025-12-31", "2022-12-30", "2022-03-01")
    assert _rate(frame, "USD", "1999-01-04") == [1.1789]
    assert _rate(frame, "CNY", "1999-01-04") == []
    assert frame["valid_from"].dt.weekday().max() == 5
    assert rejected.is_empty()


def test_older_vintage_agrees_where_both_speak(samples: Path) -> None:
    new, _ = read_files("ecb", samples / "ecb/eurofxref-hist_2026-04-13.csv")
    old, _ = read_files("ecb", samples / "ecb/eurofxref-hist_since2020_vintage_2022-12-31.csv")
    both = old["EUR"].join(new["EUR"], on=["currency_code", "valid_from"])
    assert both.height == old["EUR"].height
    assert both.filter(pl.col("rate_per_base") != pl.col("rate_per_base_right")).is_empty()


def test_daily_csv_with_blanks_and_a_date_in_words(samples: Path) -> None:
    scopes, _ = read_files("ecb", samples / "ecb/eurofxref_daily_2026-04-13.csv")
    assert scopes["EUR"].height == 29
    assert _rate(scopes["EUR"], "JPY", "2026-04-13") == [186.75]


def test_zipped_history(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("eurofxref-hist.csv", "Date,USD,HRK,\n2022-12-30,1.0666,N/A,\n")
    scopes, _ = read_body("ecb", packed.getvalue(), tmp_path, "eurofxref-hist.zip")
    assert scopes["EUR"].select("currency_code", "rate_per_base").rows() == [("USD", 1.0666)]


@pytest.mark.parametrize("version", ["2002-08-01/eurofxref", "2031/anything"])
def test_any_namespace(version: str, tmp_path: Path) -> None:
    scopes, _ = read_body("ecb", XML.format(version=version, rate="1.1790"), tmp_path, "daily.xml")
    assert scopes["EUR"].height == 2


@pytest.mark.parametrize(("rate", "word"), [("abc", "cannot be read"), ("0", "not above 0"), ("-1", "not above 0")])
def test_what_is_no_rate_is_refused(rate: str, word: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("ecb", XML.format(version="v", rate=rate), tmp_path, "daily.xml")
    assert scopes["EUR"]["currency_code"].to_list() == ["JPY"]
    assert word in rejected["reason"][0]


@pytest.mark.parametrize(
    ("name", "body", "word"),
    [
        ("d.xml", "", "empty"),
        ("d.xml", "<a><b>", "not XML"),
        ("d.xml", "<a/>", "no Cube"),
        ("d.xml", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document type"),
        ("d.csv", "<html>blocked</html>", "HTML"),
        ("d.csv", "Day,USD\n2020-01-01,1\n", "Date is missing"),
        ("d.csv", "Date,EURO\n2020-01-01,1\n", "no column USD"),
        ("d.csv", "Date,USD,JPY,USD\n2020-01-01,1,120,1.1\n", "twice: USD"),
    ],
)
def test_what_is_no_rate_file(name: str, body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("ecb", body, tmp_path, name)


@pytest.mark.parametrize("code", ["", "US DOLLAR", "usd", "US1"])
def test_a_rate_of_no_currency_is_refused(code: str, tmp_path: Path) -> None:
    body = XML.format(version="v", rate="1.1790").replace('currency="USD"', f'currency="{code}"')
    scopes, rejected = read_body("ecb", body, tmp_path, "daily.xml")
    assert scopes["EUR"]["currency_code"].to_list() == ["JPY"]
    assert rejected["reason"].to_list() == ["the day, the currency or the rate cannot be read"]


def test_holidays_and_currencies_that_ended_or_began_have_no_rate(tmp_path: Path) -> None:
    """N/A is no zero and no rate of the day before; an unknown currency is one all the same."""
    body = "Date,USD,HRK,RUB,XYZ,\n2026-04-03,N/A,N/A,N/A,N/A,\n2026-04-02,1.1,N/A,N/A,5.5,\n2022-03-01,1.11,7.56,117.2,N/A,\n"
    scopes, rejected = read_body("ecb", body, tmp_path, "hist.csv")
    day = pl.col("valid_from").dt.strftime("%Y-%m-%d")
    assert set(scopes["EUR"].select(day, "currency_code", "rate_per_base").rows()) == {
        ("2026-04-02", "USD", 1.1),
        ("2026-04-02", "XYZ", 5.5),
        ("2022-03-01", "USD", 1.11),
        ("2022-03-01", "HRK", 7.56),
        ("2022-03-01", "RUB", 117.2),
    }
    assert rejected.is_empty()


def test_a_rate_beyond_all_money_is_refused(tmp_path: Path) -> None:
    """Of a currency whose usual rate is not known here, too: the old Turkish lira stood at 1.8 million."""
    body = "Date,USD,ISK,TRL,\n2004-06-10,1.2,1e300,1800000,\n"
    scopes, rejected = read_body("ecb", body, tmp_path, "rates.csv")
    assert sorted(pl.concat(scopes.values())["currency_code"]) == ["TRL", "USD"]
    assert "above" in rejected["reason"].item()


def test_live(home: Home, replay: ReplayServer) -> None:
    """Today asks for 90 days; older days ask for the history."""
    replay.add(RECENT, XML.format(version="v", rate="1.1790"))
    (taken,) = take_live(home, ECB, Window(NOW))
    assert (taken.outcome, taken.row_count) == ("loaded", 2)
    ((_, batch),) = list(staging.staged(home))
    assert batch.scopes[0].frame["rate_per_base"].to_list() == [1.179, 129.62]
    (requests,) = ECB.plan(Window(NOW, dt.date(1999, 1, 4), dt.date(1999, 2, 1)))
    assert requests[0].url.endswith("eurofxref-hist.zip")


def test_rates_turned_upside_down_are_refused(samples: Path, tmp_path: Path) -> None:
    """Euros for a yen are no yen for a euro: most rows are refused, and so is the answer; as it is none is."""
    real = (samples / "ecb/eurofxref_daily_2026-04-13.csv").read_text()
    head, row = real.splitlines()[:2]
    cells = row.split(",")
    turned = [cells[0], *(f"{1 / float(c):.6f}" if c.strip() else c for c in cells[1:])]
    scopes, rejected = read_body("ecb", f"{head}\n{','.join(turned)}\n", tmp_path, "daily.csv")
    count = sum(f.height for f in scopes.values())
    assert rejected["reason"].str.contains("rate in bounds").sum() > 0.4 * (count + rejected.height)
    scopes, rejected = read_body("ecb", real, tmp_path, "daily.csv")
    assert rejected.is_empty()
