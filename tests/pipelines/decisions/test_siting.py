"""Where to compute: what is unknown is never green, shared factors decide nothing, transfers and hubs."""

from __future__ import annotations

import math
import random

import duckdb
import pytest

from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import parse_any
from tests.pipelines.decisions.asked import ON, rows_of


def test_what_is_not_known_is_never_green(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(bundled, f"FROM siting(gpu_hours := 1000, accelerator := 'H100', valid_at := {ON})")
    unknown = [r for r in found if r["grid_gco2e_per_kwh"] is None]
    assert unknown
    for row in unknown:
        assert row["operational_kgco2e"] is None
        assert row["is_pareto"] is None
        assert row["greener_probability"] is None
        assert row["unknown"]
    known = [r for r in found if r["operational_kgco2e"] is not None]
    for row in known:
        assert row["low_operational_kgco2e"] < row["operational_kgco2e"] < row["high_operational_kgco2e"]
        beaten = [
            o
            for o in known
            if o["total_usd"] < row["total_usd"] and o["operational_kgco2e"] < row["operational_kgco2e"]
        ]
        assert not (row["is_pareto"] and beaten)
    assert any(r["is_pareto"] for r in known)
    assert sum(bool(r["is_reference"]) for r in found) == 1


def test_a_shared_factor_decides_nothing(bundled: duckdb.DuckDBPyConnection) -> None:
    """On one card the hours are the same, so the cheaper rate is certainly cheaper; on another they are not."""
    found = rows_of(
        bundled,
        f"FROM siting(flop := 1e23, valid_at := {ON}, against_provider := 'aws', against_accelerator := 'nvidia-h100-sxm-80gb', against_purchase := 'on_demand')",
    )
    (reference,) = (r for r in found if r["is_reference"])
    same = [r for r in found if r["accelerator_id"] == reference["accelerator_id"] and not r["is_reference"]]
    other = [r for r in found if r["accelerator_id"] != reference["accelerator_id"] and r["total_usd"]]
    assert {r["cheaper_probability"] for r in same} <= {0.0, 0.5, 1.0}
    assert any(0.05 < r["cheaper_probability"] < 0.95 for r in other)
    assert all(r["low_usd"] < r["total_usd"] < r["high_usd"] for r in other)


def test_a_transfer_beside_uncertain_hours(bundled: duckdb.DuckDBPyConnection) -> None:
    """A cheaper card elsewhere pays the transfer back only if the job takes long enough: hours move the rental, of one card both, and no transfer."""
    found = rows_of(
        bundled,
        f"FROM siting(flop := 1e20, accelerator := 'H100', purchase := 'on_demand', valid_at := {ON}, data_gb := 10000, transfer_usd_per_gb := 0.05, "
        "from_provider := 'aws', from_region := 'us-east-1', against_provider := 'aws', against_region := 'us-east-1', against_accelerator := 'nvidia-h100-sxm-80gb')",
    )
    (reference,) = (r for r in found if r["is_reference"])
    assert (reference["transfer_usd"], reference["cheaper_probability"]) == (0, None)
    low, central, high = bundled.execute("SELECT low, central, high FROM method_band('utilization_share')").fetchall()[
        0
    ]
    draw = random.Random(11)

    def hours() -> list[float]:
        steps = [draw.gauss(0, 1) / 1.6448536 for _ in range(20_000)]
        return [math.exp(abs(z) * math.log(central / (low if z < 0 else high))) for z in steps]

    here, elsewhere = hours(), hours()
    same_card = {r["accelerator_id"] == reference["accelerator_id"] for r in found}
    assert same_card == {True, False}
    for row in found:
        if row["is_reference"] or row["transfer_usd"] is None:
            continue
        there = here if row["accelerator_id"] == reference["accelerator_id"] else elsewhere
        wins = sum(
            row["cost_usd"] * t + row["transfer_usd"] < reference["cost_usd"] * h
            for t, h in zip(there, here, strict=True)
        )
        assert row["cheaper_probability"] == pytest.approx(wins / len(here), abs=0.03), row["provider"]


def test_the_usual_price_of_a_transfer_has_a_band(bundled: duckdb.DuckDBPyConnection) -> None:
    """Given hours leave only that price uncertain: 0.05 to 0.09 USD a gigabyte out of aws, 0.09 as a rule. A stated price has no band."""
    asked = "FROM siting(gpu_hours := 1000, valid_at := {on}, data_gb := 20000, from_provider := 'aws', from_region := 'us-east-1'{more})"
    against = (
        ", against_provider := 'aws', against_region := 'us-east-1', against_accelerator := 'nvidia-h100-sxm-80gb'"
    )
    found = rows_of(bundled, asked.format(on=ON, more=against))
    (reference,) = (r for r in found if r["is_reference"])
    assert reference["low_usd"] == reference["total_usd"] == reference["high_usd"]
    moved = [r for r in found if r["transfer_usd"]]
    for row in moved:
        assert row["low_usd"] == pytest.approx(row["cost_usd"] + 20_000 * 0.05)
        assert row["high_usd"] == pytest.approx(row["total_usd"])
    draw = random.Random(2)
    steps = [draw.gauss(0, 1) / 1.6448536 for _ in range(40_000)]
    prices = [0.09 * math.exp(abs(z) * math.log(0.05 / 0.09)) if z < 0 else 0.09 for z in steps]
    between = [r for r in moved if 0.05 < r["cheaper_probability"] < 0.45]
    assert between
    for row in between:
        wins = sum(row["cost_usd"] + 20_000 * price < reference["total_usd"] for price in prices)
        assert row["cheaper_probability"] == pytest.approx(wins / len(prices), abs=0.05), row["provider"]
    stated = rows_of(bundled, asked.format(on=ON, more=", transfer_usd_per_gb := 0.09"))
    assert all(r["low_usd"] == r["high_usd"] for r in stated if r["total_usd"] is not None)
    # From a third place both pay it: of what is the same for both, only the difference of its shares decides.
    third = asked.format(on=ON, more=", against_provider := 'lambda'").replace("us-east-1", "eu-west-1")
    apart = {r["cheaper_probability"] for r in rows_of(bundled, third) if r["transfer_usd"] and not r["is_reference"]}
    assert all(p < 0.01 or p > 0.99 or p == 0.5 for p in apart)


def test_two_cards_of_one_place_have_its_pue_in_common(bundled: duckdb.DuckDBPyConnection) -> None:
    """Where no PUE is published: only power differs for given hours, so the probability is that of two powers alone."""
    asked = f"FROM siting(gpu_hours := 1000, purchase := 'on_demand', valid_at := {ON}, against_provider := 'digitalocean', against_region := 'nyc1')"
    found = rows_of(bundled, asked)
    (reference,) = (r for r in found if r["is_reference"])
    assert not reference["is_pue_published"]
    assert reference["operational_kgco2e"]
    band = "FROM method_band('power_share_of_tdp')"
    square = "lognormal_sigma(central, {}) ** 2"
    same_place = [
        r
        for r in found
        if (r["provider"], r["region"]) == ("digitalocean", "nyc1")
        and r["accelerator_id"] != reference["accelerator_id"]
    ]
    assert same_place
    for row in same_place:
        ((expected,),) = bundled.execute(
            f"SELECT probability_below($here, $there, {square.format('low')}, {square.format('high')}, "
            f"{square.format('low')}, {square.format('high')}) {band}",
            {"here": row["operational_kgco2e"], "there": reference["operational_kgco2e"]},
        ).fetchall()
        assert row["greener_probability"] == pytest.approx(expected, abs=1e-9), row["accelerator_id"]


def test_data_is_moved_at_the_price_of_where_it_lies(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        f"FROM siting(gpu_hours := 1000, accelerator := 'H100', valid_at := {ON}, data_gb := 10000, from_provider := 'aws', from_region := 'us-east-1', bandwidth_gbit_per_s := 10)",
    )
    for row in found:
        if (row["provider"], row["region"]) == ("aws", "us-east-1"):
            assert (row["transfer_usd"], row["transfer_h"]) == (0, 0)
        elif row["provider"] == "aws":
            assert row["transfer_usd"] is None
            assert "transfer_usd_per_gb" in row["unknown"]
        else:
            assert row["transfer_usd"] == pytest.approx(900)
            assert row["transfer_h"] == pytest.approx(10_000 * 8 / 10 / 3600)
            assert row["total_usd"] == pytest.approx(row["cost_usd"] + 900)
    stated = rows_of(
        bundled,
        f"FROM siting(gpu_hours := 1000, accelerator := 'H100', valid_at := {ON}, data_gb := 100, transfer_usd_per_gb := 0.02)",
    )
    assert {r["transfer_usd"] for r in stated} == {2.0}
    assert {r["transfer_h"] for r in stated} == {None}


def test_no_energy_is_no_question_of_where(bundled: duckdb.DuckDBPyConnection) -> None:
    """Refused in a file; the macro says that nothing changes by no share of nothing."""
    with pytest.raises(ScenarioError, match="it_energy_kwh: 0 given; allowed is a number of kWh from 1e-09"):
        parse_any("[east_west]\nit_energy_kwh = 0")
    found = bundled.execute(
        "SELECT carbon_change_share, verdict FROM east_west(it_energy_kwh := 0) WHERE NOT is_home"
    ).fetchall()
    assert found
    assert {share for share, _ in found} == {None}
    assert all("carbon not known" in verdict for _, verdict in found)


def test_hubs_come_to_the_published_scenarios(bundled: duckdb.DuckDBPyConnection) -> None:
    """1,000 MWh of servers: official factors of 2022 and 2023, prices of the press."""
    found = {r["cluster_id"]: r for r in rows_of(bundled, "FROM east_west(it_energy_kwh := 1e6)")}
    for cluster, kg, cny in (
        ("horinger", 777_480, 396_000),
        ("zhongwei", 742_440, 432_000),
        ("shaoguan", 552_375, 937_500),
        ("wuhu", 819_125, 937_500),
    ):
        assert found[cluster]["kgco2"] == pytest.approx(kg, rel=1e-9)
        assert found[cluster]["electricity_cny"] == pytest.approx(cny, rel=1e-9)
        assert found[cluster]["grid_year"] == 2023
    earlier = {r["cluster_id"]: r for r in rows_of(bundled, "FROM east_west(it_energy_kwh := 1e6, of_year := 2022)")}
    for cluster, kg in (("guian", 598_680), ("horinger", 821_880), ("qingyang", 572_640), ("shaoguan", 550_375)):
        assert earlier[cluster]["kgco2"] == pytest.approx(kg, rel=1e-9)
    assert found["horinger"]["carbon_change_share"] == pytest.approx(0.41, abs=0.005)
    assert not found["horinger"]["is_greener"]
    assert not found["guian"]["is_greener"]
    assert found["qingyang"]["is_greener"]
    assert {r["cluster_id"] for r in found.values() if r["electricity_cny"] is None} == {
        "zhangjiakou",
        "tianfu",
        "chongqing",
    }
    assert all(r["is_pareto"] is None for r in found.values() if r["electricity_cny"] is None)


def test_transfer_and_latency_decide_too(bundled: duckdb.DuckDBPyConnection) -> None:
    found = {
        r["cluster_id"]: r
        for r in rows_of(
            bundled,
            "FROM east_west(it_energy_kwh := 1e6, data_gb := 1e5, transfer_cny_per_gb := 6, bandwidth_gbit_per_s := 10, latency_limit_ms := 10)",
        )
    }
    row = found["horinger"]
    assert row["transfer_cny"] == 600_000
    assert row["break_even_transfer_cny_per_gb"] == pytest.approx(5.415)
    assert row["transfer_h"] == pytest.approx(1e5 * 8 / 10 / 3600)
    assert not row["is_transfer_below_saving"]
    assert not row["is_within_latency"]
    assert not row["is_pareto"]
    assert found["shaoguan"]["is_pareto"]
    unpriced = {r["cluster_id"]: r for r in rows_of(bundled, "FROM east_west(data_gb := 1)")}
    assert unpriced["horinger"]["total_cny"] is None
    assert "transfer_cny_per_gb" in unpriced["horinger"]["verdict"]
    other_basis = rows_of(bundled, "FROM east_west(boundary := 'lifecycle')")
    assert {r["kgco2"] for r in other_basis} == {None}
