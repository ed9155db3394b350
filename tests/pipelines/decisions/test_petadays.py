"""Petadays by day: they agree with the price index, their band, and the day that answers for a later one."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pytest

from tests.assets.estimated.test_band import draw
from tests.pipelines.decisions.asked import rows_of


def test_petadays_of_every_day_agree_with_the_index(bundled: duckdb.DuckDBPyConnection) -> None:
    """3,640 petadays at the price and peak of the day; low and high hold it."""
    wrong = bundled.sql(
        "SELECT count(*) FROM estimated.petaday_history h JOIN estimated.price_index p USING (index_on, accelerator_id, purchase_option) JOIN reference.accelerator a USING (accelerator_id) "
        "WHERE abs(h.cost_usd / (3640 * 86400e15 / (a.fp16_dense_flop_per_s * 0.32) / 3600 * p.median_usd_per_gpu_hour) - 1) > 1e-9 OR NOT h.low_usd < h.cost_usd OR NOT h.cost_usd < h.high_usd"
    ).fetchall()[0][0]
    assert wrong == 0
    days, cards = bundled.sql(
        "SELECT count(DISTINCT index_on), count(DISTINCT accelerator_id) FROM estimated.petaday_history"
    ).fetchall()[0]
    assert days > 2_000
    assert cards > 20


def test_the_band_of_petadays_is_of_the_providers_and_of_the_utilisation(bundled: duckdb.DuckDBPyConnection) -> None:
    """p5 and p95 over providers, each with the median of its offers, as a training takes them; utilisation 0.17, 0.32, 0.5."""
    rows = bundled.sql(
        "SELECT any_value(low_usd / cost_usd), any_value(high_usd / cost_usd), low, high FROM (SELECT h.*, p.low_usd_per_gpu_hour / p.median_usd_per_gpu_hour AS low, p.high_usd_per_gpu_hour / p.median_usd_per_gpu_hour AS high "
        "FROM estimated.petaday_history h JOIN estimated.price_index p USING (index_on, accelerator_id, purchase_option)) GROUP BY low, high ORDER BY md5(concat(low, high)) LIMIT 60"
    ).fetchall()
    assert len(rows) == 60
    random = np.random.default_rng(1)
    hours = 1 / draw(random, {"low": 0.17 / 0.32, "central": 1, "high": 0.5 / 0.32}, 200_000)
    errors = []
    for low_usd, high_usd, low, high in rows:
        drawn = hours * draw(random, {"low": low, "central": 1, "high": high}, 200_000)
        errors.append(np.abs([low_usd, high_usd] / np.quantile(drawn, [0.05, 0.95]) - 1))
    assert np.max(errors) < 0.04
    assert np.mean(errors) < 0.01
    hour_bands, energy_bands = (
        bundled.sql(
            f"SELECT DISTINCT round(low_{q} / {q}, 9), round(high_{q} / {q}, 9) FROM estimated.petaday_history WHERE {q} > 0"
        ).fetchall()
        for q in ("gpu_hours", "energy_kwh")
    )
    assert hour_bands == [pytest.approx((0.32 / 0.5, 0.32 / 0.17))]
    power, pue = (
        draw(random, dict(zip(("low", "central", "high"), band, strict=True)), 200_000)
        for band in ((0.7, 1.05, 1.5), (1.08, 1.13, 1.4))
    )
    expected = np.quantile(hours * power * pue / (1.05 * 1.13), [0.05, 0.95])
    assert energy_bands == [pytest.approx(tuple(expected), rel=0.01)]
    of_day = "(counts_from AT TIME ZONE 'UTC')::DATE <= DATE '2026-06-01' AND (counts_to AT TIME ZONE 'UTC')::DATE > DATE '2026-06-01'"
    found = bundled.sql(
        "SELECT low_usd_per_gpu_hour, high_usd_per_gpu_hour, provider_count FROM estimated.price_index WHERE index_on = DATE '2026-06-01' AND accelerator_id = 'nvidia-h100-sxm-80gb' AND purchase_option = 'on_demand'"
    ).fetchall()[0]
    prices = bundled.sql(
        f"SELECT median(price_usd_per_gpu_hour) FROM observed.cloud_offer WHERE accelerator_id = 'nvidia-h100-sxm-80gb' AND purchase_option = 'on_demand' AND {of_day} GROUP BY provider ORDER BY 1"
    ).fetchall()
    ranked = [price for (price,) in prices]
    assert found[2] == len(ranked) > 3

    def quantile(share: float) -> float:
        at, part = divmod(share * (len(ranked) - 1), 1)
        return ranked[int(at)] + part * (ranked[min(int(at) + 1, len(ranked) - 1)] - ranked[int(at)])

    assert found[:2] == pytest.approx((quantile(0.05), quantile(0.95)))


def test_a_petaday_of_today_is_that_of_the_last_day_known(bundled: duckdb.DuckDBPyConnection) -> None:
    """The index ends with what was last learnt: a question for a day later is answered by that day and says so, for 45 days."""
    (last,) = bundled.execute(
        "SELECT max(index_on) FROM estimated.price_index WHERE purchase_option = 'on_demand'"
    ).fetchall()[0]
    of_last = rows_of(bundled, f"FROM petaday_cost(DATE '{last}')")
    assert {r["index_on"] for r in of_last} == {last}
    assert rows_of(bundled, f"FROM petaday_cost(DATE '{last + dt.timedelta(days=45)}')") == of_last
    assert rows_of(bundled, f"FROM petaday_cost(DATE '{last + dt.timedelta(days=46)}')") == []
    earlier = last - dt.timedelta(days=30)
    assert {r["index_on"] for r in rows_of(bundled, f"FROM petaday_cost(DATE '{earlier}')")} == {earlier}


def test_the_index_of_another_method_does_not_mix_in(bundled: duckdb.DuckDBPyConnection) -> None:
    """Of two versions of the price index the newer speaks, in the history of petadays and of prices alike."""
    before = bundled.sql("SELECT count(*) FROM price_history('H100', purchase := NULL)").fetchall()[0][0]
    bundled.execute("BEGIN")
    try:
        bundled.execute(
            "INSERT INTO estimated.price_index BY NAME SELECT * REPLACE ('price-index-10' AS method_version, 2 * median_usd_per_gpu_hour AS median_usd_per_gpu_hour, "
            "2 * upper_quartile_usd_per_gpu_hour AS upper_quartile_usd_per_gpu_hour, 2 * high_usd_per_gpu_hour AS high_usd_per_gpu_hour) FROM estimated.price_index"
        )
        after = bundled.sql(
            "SELECT count(*), count(DISTINCT method_version), any_value(method_version) FROM price_history('H100', purchase := NULL)"
        ).fetchall()[0]
        twice = bundled.sql(
            "SELECT count(*) FROM (SELECT 1 FROM petaday_history(petadays := 3640) GROUP BY index_on, accelerator_id, purchase_option HAVING count(*) > 1)"
        ).fetchall()[0][0]
    finally:
        bundled.execute("ROLLBACK")
    assert after == (before, 1, "price-index-10")
    assert twice == 0
