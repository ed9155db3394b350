"""Money in another currency: at the rate of its day, told, and refused where no rate is known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pytest

from assets.estimated.estimate_file import estimate_any
from assets.estimated.scenario_files.currencies import Rate, has_other_money, in_usd, published_rate, with_conversions
from assets.estimated.scenario_files.fields import ScenarioError, read_toml
from assets.estimated.scenario_files.sections import any_of_file

TODAY = dt.date(2026, 11, 26)
NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
RUN = "[training]\ngpu_hours = 1000\n"


def rates(currency: str, day: dt.date) -> Rate | None:
    """A euro is 1.10 USD in 2025 and 1.20 from 2026 on; a yuan 0.125, until 2025."""
    of_2025, later = {"EUR": 1.1, "CNY": 0.125}, {"EUR": 1.2}
    found = (of_2025 if day.year == 2025 else later).get(currency)
    return Rate(currency, day, found, "bank", "c1") if found else None


def converted(text: str) -> tuple[dict[str, Any], list[str]]:
    data, told = in_usd(read_toml(text, "scenario"), rates, TODAY)
    (values,) = data.values()
    return values, [c.told for c in told]


@pytest.mark.parametrize(
    ("stated", "usd", "day"),
    [
        ("eur_per_gpu_hour = 2", 2.4, "2026-11-26"),
        ("as_of = 2025-06-01\neur_per_gpu_hour = 2", 2.2, "2025-06-01"),
        ("start_at = 2025-12-31T23:30:00-05:00\n'EUR per GPU-hour' = 2", 2.4, "2026-01-01"),
        ("as_of = 2025-06-01\nrmb_per_gpu_hour = 16", 2.0, "2025-06-01"),
        ("as_of = 2025-06-01\ncny_per_chip_hour = 16", 2.0, "2025-06-01"),
    ],
)
def test_a_rate_is_that_of_the_day_of_the_run(stated: str, usd: float, day: str) -> None:
    values, (told,) = converted(RUN + stated)
    data = {"training": values}
    assert any_of_file(data, "s").numbers["usd_per_gpu_hour"].central == pytest.approx(usd)  # type: ignore[union-attr]
    assert day in told
    assert "bank" in told


def test_every_side_of_a_band_and_other_sections() -> None:
    values, _ = converted("[training]\ngpu_hours = 1\neur_per_gpu_hour = {low = 1, central = 2, high = 3}")
    assert values["usd_per_gpu_hour"] == pytest.approx({"low": 1.2, "central": 2.4, "high": 3.6})
    values, _ = converted("[ownership]\ngpu_hours = 1\nprice_eur = 30000\neur_per_mwh = 100\nas_of = 2025-01-01")
    assert values["price_usd"] == pytest.approx(33_000)
    assert values["usd_per_mwh"] == pytest.approx(110)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RUN + "cny_per_gpu_hour = 16", "no exchange rate of CNY is known for 2026-11-26; give as_of"),
        (RUN + "eur_per_gpu_hour = 2\nusd_per_gpu_hour = 2", "both state usd_per_gpu_hour; leave one out"),
    ],
)
def test_what_cannot_be_converted_is_one_line(text: str, reason: str) -> None:
    with pytest.raises(ScenarioError, match=reason):
        converted(text)


@pytest.mark.parametrize(
    ("text", "key", "expected", "said"),
    [
        ("[siting]\ngpu_hours = 10\ntransfer_eur_per_gb = 0.05", "transfer_usd_per_gb", 0.06, "1.2 USD per EUR of 2026"),
        ("[siting]\ngpu_hours = 10\nvalid_at = 2025-06-01\ntransfer_cny_per_gb = 0.8", "transfer_usd_per_gb", 0.1, "2025-06-01"),
        ("[east_west]\nit_energy_kwh = 1\nas_of = 2025-06-01\ntransfer_usd_per_gb = 0.1", "transfer_cny_per_gb", 0.8, "0.125 USD per CNY of 2025"),
        ("[east_west]\nit_energy_kwh = 1\nas_of = 2025-06-01\ntransfer_eur_per_gb = 0.1", "transfer_cny_per_gb", 0.88, "1.1 USD per EUR and 0.125 USD per CNY"),
        ("[break_even]\nbuild_eur = 100", "build_usd", 120, "1.2 USD per EUR"),
    ],
)  # fmt: skip
def test_decisions_too(text: str, key: str, expected: float, said: str) -> None:
    """To USD, or to the yuan that the section counts in."""
    values, (told,) = converted(text)
    assert values[key] == pytest.approx(expected)
    assert said in told


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("[break_even]\nas_of = 2025-06-01\nbuild_eur = 100\nown_usd_per_mtok = 1\nbuy_usd_per_mtok = 2", "break_even"),
        ("[east_west]\nas_of = 2025-06-01\nit_energy_kwh = 1\ntransfer_usd_per_gb = 0.1", "east_west"),
    ],
)  # fmt: skip
def test_a_section_without_a_day_of_its_own_takes_that_of_the_rate(text: str, section: str) -> None:
    """The error named as_of, and the section refused it: where today has no rate, no other money could be stated at all."""
    values, (told,) = converted(text)
    assert "2025-06-01" in told
    assert "as_of" not in values
    any_of_file({section: values}, "s")
    with pytest.raises(ScenarioError, match="as_of: unknown field"):
        any_of_file({section: {k: v for k, v in values.items() if "eur" not in k} | {"as_of": "2025-06-01"}}, "s")
    with pytest.raises(ScenarioError, match="as_of: 'June' is not a date"):
        converted(text.replace("2025-06-01", "'June'"))


def test_the_day_that_is_asked_for_is_one_that_the_section_knows() -> None:
    with pytest.raises(ScenarioError, match="is known for 2026-11-26; give valid_at on a day with one"):
        converted("[siting]\ngpu_hours = 10\ntransfer_cny_per_gb = 0.8")


def test_a_decision_without_a_rate_of_its_own_currency_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no exchange rate of CNY is known for 2026-11-26"):
        converted("[east_west]\nit_energy_kwh = 1\ntransfer_usd_per_gb = 0.1")
    assert not has_other_money(read_toml("[east_west]\nit_energy_kwh = 1\ntransfer_cny_per_gb = 0.1", "s"))


def test_a_section_with_a_currency_of_its_own_keeps_it_and_unknown_keys_stay() -> None:
    assert not has_other_money(read_toml("[site]\nit_energy_mwh = 1\ncny_per_kwh = 0.33", "s"))
    assert not has_other_money(read_toml(RUN + "europe_count = 2\nfavourite_eur = 3\nusd_per_gpu_hour = 2", "s"))


def test_an_estimate_says_what_was_converted(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        "CREATE TABLE observed.usd_rate_day AS SELECT 'EUR' AS currency_code, DATE '2025-03-03' AS rate_on, 1.25 AS usd_per_unit, 'ecb' AS source_id, 'bytes' AS capture_id"
    )
    data, told = in_usd(
        read_toml(RUN + "eur_per_gpu_hour = 2\nas_of = 2025-03-03", "s"), published_rate(warehouse), TODAY
    )
    found = with_conversions(estimate_any(warehouse, any_of_file(data, "s"), NOW), told)
    assert found["cost_usd"]["central"] == pytest.approx(2500)
    factor = next(f for f in found["factors"] if f["factor"] == "usd_per_gpu_hour")
    assert factor["capture_id"] == "bytes"
    assert "eur_per_gpu_hour = 2, at 1.25 USD per EUR of 2025-03-03" in factor["origin_ref"]
    assert found["converted"][0]["usd_per_unit"] == 1.25
