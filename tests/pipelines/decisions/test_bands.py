"""Bands of decisions: those of 200,000 independent draws, those of a training of the same job, ordered and the same every time."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator

import duckdb
import numpy as np
import pytest

from assets.estimated.decisions.tables import DECISION_TABLES
from assets.estimated.estimate_file import estimate_any
from assets.estimated.scenario_files.sections import parse_any
from tests.pipelines.decisions.asked import ON, rows_of

Z = 1.6448536269514722
#: p5, p50 and p95 as reference.method_default, reference.decision_default and reference.embodied_carbon state them.
HOURS, POWER, PUE, GRID = (1 / 0.5, 1 / 0.32, 1 / 0.17), (0.7, 1.05, 1.5), (1.08, 1.13, 1.4), (0.81, 1, 1.15)
LIFE, USE = (1 / 6, 1 / 5, 1 / 3), (1 / 0.95, 1 / 0.85, 1 / 0.5)
CARDS = {"nvidia-h100": (15, 49.6, 164), "nvidia-a100": (127.6, 141, 150), "nvidia-b200": (284, 284, 284)}


def draws(seed: int) -> Iterator[np.random.Generator]:
    """Generators that are independent of each other."""
    yield from np.random.default_rng(seed).spawn(100)


def ratio(random: np.random.Generator, band: tuple[float, float, float]) -> np.ndarray:
    """Two-piece log-normal with these p5, p50, p95, over its central value."""
    low, central, high = band
    z = random.standard_normal(200_000)
    return np.exp(np.where(z < 0, math.log(central / low), math.log(high / central)) / Z * z)


@pytest.mark.parametrize("job", ["model := 'llama-3-70b'", "gpu_hours := 1e6"])
def test_places_have_the_bands_of_draws(bundled: duckdb.DuckDBPyConnection, job: str) -> None:
    """Energy, operational and embodied carbon and their sum, of every card in the greenest, the middle and the dirtiest place."""
    asked = f"FROM siting({job}, valid_at := {ON}) WHERE total_kgco2e IS NOT NULL"
    rows = rows_of(
        bundled,
        f"{asked} QUALIFY row_number() OVER (PARTITION BY accelerator_id ORDER BY grid_gco2e_per_kwh) IN (1, count(*) OVER (PARTITION BY accelerator_id) // 2, count(*) OVER (PARTITION BY accelerator_id))",
    )
    assert len(rows) > 8
    many = draws(1)
    hours, power, pue, grid = (ratio(next(many), b) for b in (HOURS, POWER, PUE, GRID))
    if "gpu_hours" in job:
        hours = np.ones(1)
    life_and_use = ratio(next(many), LIFE) * ratio(next(many), USE)
    cards = {name: ratio(next(many), band) * life_and_use for name, band in CARDS.items()}
    told = 0
    for row in rows:
        name = next((n for n in cards if row["accelerator_id"].startswith(n)), None)
        if name is None:
            continue
        energy = hours * power * (1 if row["is_pue_published"] else pue)
        drawn = {
            "gpu_hours": hours,
            "energy_kwh": energy,
            "operational_kgco2e": energy * grid,
            "embodied_kgco2e": hours * cards[name],
            "total_kgco2e": (
                row["operational_kgco2e"] * energy * grid + row["embodied_kgco2e"] * hours * cards[name]
            ) / row["total_kgco2e"],
        }  # fmt: skip
        for quantity, sample in drawn.items():
            expected = np.quantile(sample, [0.05, 0.95]) * row[quantity]
            found = [row[f"low_{quantity}"], row[f"high_{quantity}"]]
            assert found == pytest.approx(expected, rel=0.03), (row["provider"], row["region"], name, quantity)
        told += 1
    assert told > 6


@pytest.mark.parametrize("operational", [0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97])
def test_a_sum_of_two_parts_has_the_band_of_draws(bundled: duckdb.DuckDBPyConnection, operational: float) -> None:
    """Whatever part of a total is operational: that of an H100 beside its manufacture, whose p95 is eleven times its p5."""
    many = draws(3)
    energy = ratio(next(many), POWER) * ratio(next(many), PUE) * ratio(next(many), GRID)
    made = ratio(next(many), CARDS["nvidia-h100"]) * ratio(next(many), LIFE) * ratio(next(many), USE)
    expected = np.quantile(operational * energy + (1 - operational) * made, [0.05, 0.95])

    def step(*bands: tuple[float, float, float]) -> str:
        sides = ", ".join(f"two_piece(lognormal_sigma({c}, {a}), lognormal_sigma({c}, {b}))" for a, c, b in bands)
        return f"product_of_steps([{sides}])"

    parts = f"{operational}, {step(POWER, PUE, GRID)}, {1 - operational}, {step(CARDS['nvidia-h100'], LIFE, USE)}"
    found = bundled.sql(
        f"SELECT low_of_step(1, s), high_of_step(1, s) FROM (SELECT sum_of_steps({parts}) AS s)"
    ).fetchall()
    assert found == [pytest.approx(tuple(expected), rel=0.035)]


def test_a_training_and_siting_give_one_band_of_one_job(bundled: duckdb.DuckDBPyConnection) -> None:
    """The same model on the same card in the same place on the same day, by `petaday estimate` and by the macro."""
    at = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
    rows = rows_of(
        bundled,
        f"FROM siting(model := 'llama-3-70b', valid_at := {ON}, purchase := 'on_demand') WHERE total_kgco2e IS NOT NULL AND grid_zone = zone_used QUALIFY row_number() OVER (PARTITION BY accelerator_id, is_pue_published ORDER BY provider, region) = 1",
    )
    assert len(rows) > 4
    for row in rows:
        text = (
            f"[training]\nmodel = 'llama-3-70b'\naccelerator = '{row['accelerator_id']}'\nprovider = '{row['provider']}'\n"
            f"region = '{row['region']}'\nas_of = 2026-08-01\nusd_per_gpu_hour = {row['price_usd_per_gpu_hour']}\n"
        )
        found = estimate_any(bundled, parse_any(text), at)
        of = {"cost_usd": "usd", "gpu_hours": "gpu_hours", "energy_kwh": "energy_kwh", "operational_kgco2e": "operational_kgco2e", "embodied_kgco2e": "embodied_kgco2e"}  # fmt: skip
        for quantity, name in of.items():
            band = [found[quantity][side] for side in ("low", "central", "high")]
            assert [row[f"low_{name}"], row[quantity], row[f"high_{name}"]] == pytest.approx(band, rel=1e-9), (
                row["provider"],
                row["region"],
                row["accelerator_id"],
                quantity,
            )


def test_hubs_have_the_bands_of_their_prices_and_of_the_mix(bundled: duckdb.DuckDBPyConnection) -> None:
    """0.6 to 0.9 CNY/kWh in the east, one price in the west; the mix of two provinces moves apart, that of one does not."""
    rows = {
        r["cluster_id"]: r
        for r in rows_of(bundled, "FROM east_west(it_energy_kwh := 1e6, data_gb := 1e5, transfer_cny_per_gb := 0.1)")
    }
    home, west, east, silent = (rows[c] for c in ("shaoguan", "horinger", "wuhu", "tianfu"))
    assert [home["low_electricity_cny"], home["high_electricity_cny"]] == pytest.approx([1.25e6 * 0.6, 1.25e6 * 0.9])
    assert home["low_saving_cny"] == home["saving_cny"] == home["high_saving_cny"] == 0
    assert west["low_electricity_cny"] == west["electricity_cny"] == west["high_electricity_cny"]
    of_west = 1.2e6 * 0.33
    saved = [1.25e6 * price - of_west for price in (0.6, 0.75, 0.9)]
    assert [west[f"{s}saving_cny"] for s in ("low_", "", "high_")] == pytest.approx(saved)
    assert [west[f"{s}net_saving_cny"] for s in ("low_", "", "high_")] == pytest.approx([s - 1e4 for s in saved])
    assert [west[f"{s}break_even_transfer_cny_per_gb"] for s in ("low_", "", "high_")] == pytest.approx(
        [s / 1e5 for s in saved]
    )
    # One statement of the press on both prices: what it errs by, it errs by in both.
    assert [east[f"{s}saving_cny"] for s in ("low_", "", "high_")] == [0, 0, 0]
    assert [silent[f"{s}total_cny"] for s in ("low_", "", "high_")] == [None, None, None]
    assert [west["low_kgco2"], west["high_kgco2"]] == pytest.approx([west["kgco2"] * 0.81, west["kgco2"] * 1.15])
    many = draws(5)
    apart = (1 + west["carbon_change_share"]) * ratio(next(many), GRID) / ratio(next(many), GRID)
    expected = np.quantile(apart, [0.05, 0.95])
    found = [1 + west["low_carbon_change_share"], 1 + west["high_carbon_change_share"]]
    assert found == pytest.approx(expected, rel=0.01)
    assert home["low_carbon_change_share"] == home["carbon_change_share"] == home["high_carbon_change_share"] == 0


@pytest.mark.parametrize("table", [t.full_name for t in DECISION_TABLES])
def test_bands_of_decisions_are_ordered_and_known_where_the_value_is(
    bundled: duckdb.DuckDBPyConnection, table: str
) -> None:
    """p5 <= central <= p95, and no bound without its value; a break-even may have no upper end."""
    columns = {c for (c,) in bundled.sql(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()}
    for low in sorted(c for c in columns if c.startswith("low_")):
        name = low.removeprefix("low_")
        central = {"usd": "total_usd" if "total_usd" in columns else "cost_usd"}.get(name, name)
        if central not in columns:
            assert table == "estimated.scenario_verdict", low
            continue
        slack = f"1e-9 * abs({central})"
        wrong = bundled.sql(
            f"SELECT count(*) FILTER (low_{name} > {central} + {slack}), count(*) FILTER (high_{name} < {central} - {slack}), "
            f"count(*) FILTER ((low_{name} IS NULL) <> ({central} IS NULL)), count(*) FILTER (high_{name} IS NULL AND {central} IS NOT NULL) FROM {table}"
        ).fetchall()[0]
        if name == "break_even_mtok" or table == "estimated.compute_growth":
            wrong = (*wrong[:2], 0, 0)
        assert wrong == (0, 0, 0, 0), (table, name)


def test_bands_are_the_same_every_time(bundled: duckdb.DuckDBPyConnection) -> None:
    """On one thread and on four."""
    asked = [
        f"FROM siting(model := 'llama-3-70b', valid_at := {ON}, data_gb := 1000, from_provider := 'aws', from_region := 'us-east-1')",
        "FROM east_west()",
        f"FROM petaday_cost({ON})",
        "FROM esg_report([{'name': 'a', 'accelerator': 'nvidia-h100-sxm-80gb', 'zone': 'US', 'gpu_hours': 7300}, {'name': 'b', 'accelerator': 'nvidia-a100-sxm-80gb', 'zone': 'SE', 'gpu_hours': 730}], 2024)",
    ]
    before = bundled.sql("SELECT current_setting('threads')").fetchall()[0][0]
    try:
        answers = []
        for threads in (1, 4, 4):
            bundled.execute(f"SET threads = {threads}")
            answers.append([bundled.sql(sql).fetchall() for sql in asked])
    finally:
        bundled.execute(f"SET threads = {before}")
    assert answers[0] == answers[1] == answers[2]
