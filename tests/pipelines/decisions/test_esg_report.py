"""The ESG report: months, workloads and the year add up, and an unknown part makes the sum unknown."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pytest

from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import parse_any
from tests.pipelines.decisions.asked import rows_of

WORKLOAD = "{'name': 'chat', 'accelerator': 'nvidia-h100-sxm-80gb', 'zone': 'US', 'gpu_hours': 1000, 'functional_unit_count': 1e6, 'market_gco2e_per_kwh': 50, 'site_water_l_per_kwh': 1, 'grid_water_l_per_kwh': 2}"


def test_months_workloads_and_the_year_add_up(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        "FROM esg_report(["
        + WORKLOAD
        + ", {'name': 'run', 'month': 5, 'accelerator': 'nvidia-h100-sxm-80gb', 'zone': 'SE', 'gpu_hours': 5000, 'market_gco2e_per_kwh': 0, 'site_water_l_per_kwh': 1, 'grid_water_l_per_kwh': 2}], 2024)",
    )
    for column in ("energy_kwh", "location_kgco2e", "market_kgco2e", "embodied_kgco2e", "water_l"):
        of = {(r["workload"], r["month_on"].month if r["month_on"] else None): r[column] for r in found}
        assert of["all workloads", None] == pytest.approx(of["chat", None] + of["run", None])
        assert of["chat", None] == pytest.approx(math.fsum(of["chat", m] for m in range(1, 13)))
        assert of["all workloads", 5] == pytest.approx(of["chat", 5] + of["run", 5])
    (chat,) = (r for r in found if r["workload"] == "chat" and r["is_year"])
    # 1,000 h x 700 W x 1.05 x PUE 1.13 a month, 384 g of the US in 2024; SCI is (E x I + M) per R.
    assert chat["energy_kwh"] == pytest.approx(12 * 1000 * 0.7 * 1.05 * 1.13)
    assert chat["market_kgco2e"] == pytest.approx(chat["energy_kwh"] * 0.05)
    assert chat["sci_gco2e_per_unit"] == pytest.approx(
        1000 * (chat["location_kgco2e"] + chat["embodied_kgco2e"]) / 12e6
    )
    assert chat["low_location_kgco2e"] < chat["location_kgco2e"] < chat["high_location_kgco2e"]


def test_an_unknown_part_makes_the_sum_unknown(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        "FROM esg_report(["
        + WORKLOAD
        + ", {'name': 'dark', 'accelerator': 'nvidia-h100-sxm-80gb', 'zone': 'XX', 'gpu_hours': 1}], 2024)",
    )
    total = next(r for r in found if r["workload"] == "all workloads" and r["is_year"])
    assert total["energy_kwh"] is not None
    assert (total["location_kgco2e"], total["market_kgco2e"], total["water_l"]) == (None, None, None)
    assert "market_gco2e_per_kwh" in total["unknown"]
    boundaries = rows_of(bundled, "FROM esg_report([" + WORKLOAD + "], 2024, boundary := 'direct')")
    assert {r["location_kgco2e"] for r in boundaries} == {None}


#: p5, p50 and p95 of the factors that a report assumes, as reference.method_default and reference.decision_default state them.
BANDS = {"power": (0.70, 1.05, 1.50), "pue": (1.08, 1.13, 1.40), "grid": (0.81, 1, 1.15), "life": (3, 5, 6), "use": (0.5, 0.85, 0.95)}  # fmt: skip
MOVES = {
    "energy_kwh": ("power", "pue"),
    "location_kgco2e": ("power", "pue", "grid"),
    "embodied_kgco2e": ("life", "use"),
}
#: The useful life and its use divide.
INVERSE = ("life", "use")
CARDS = ("nvidia-h100-sxm-80gb", "nvidia-a100-sxm-80gb", "nvidia-v100-sxm2-32gb")
ZONES = ("US", "SE", "DE", "FR", "IN", "JP")
Z = 1.6448536269514722


def listed(workloads: Sequence[Mapping[str, object]]) -> str:
    """Workloads as a list of structs in SQL."""
    return "[" + ", ".join("{" + ", ".join(f"'{k}': {v!r}" for k, v in w.items()) + "}" for w in workloads) + "]"


def year_of(con: duckdb.DuckDBPyConnection, workloads: Sequence[Mapping[str, object]]) -> dict[str, dict]:
    """Workload -> its row of the year."""
    return {r["workload"]: r for r in rows_of(con, f"FROM esg_report({listed(workloads)}, 2024) WHERE is_year")}


def shared_by(workload: Mapping[str, object], factor: str) -> object:
    """What has the error of a factor in common: power of the card, PUE and grid of the zone, life of everything."""
    return workload["accelerator"] if factor == "power" else workload["zone"] if factor in ("pue", "grid") else "all"


def expected_band(central: Sequence[float], workloads: Sequence[Mapping[str, object]], quantity: str) -> list[float]:
    """p5 and p95 of a sum, by draws: those of a factor are the same in all workloads that share it."""
    draw = np.random.default_rng(1)
    total, drawn = np.zeros(200_000), {}
    for value, workload in zip(central, workloads, strict=True):
        product = np.full(200_000, value)
        for factor in MOVES[quantity]:
            key = factor, shared_by(workload, factor)
            if key not in drawn:
                drawn[key] = _drawn(draw, BANDS[factor]) / BANDS[factor][1]
            product *= 1 / drawn[key] if factor in INVERSE else drawn[key]
        total += product
    return np.quantile(total, [0.05, 0.95]).tolist()


def test_the_same_workload_twice_has_twice_the_band(bundled: duckdb.DuckDBPyConnection) -> None:
    """All errors are shared: both bounds double, of every quantity and in every month."""
    one = {
        "accelerator": CARDS[0],
        "zone": "US",
        "gpu_hours": 700,
        "site_water_l_per_kwh": 1,
        "grid_water_l_per_kwh": 2,
    }
    found = rows_of(bundled, f"FROM esg_report({listed([{'name': 'a', **one}, {'name': 'b', **one}])}, 2024)")
    alone = {r["month_on"]: r for r in found if r["workload"] == "a"}
    both = {r["month_on"]: r for r in found if r["workload"] == "all workloads"}
    for month, row in both.items():
        for quantity in ("energy_kwh", "location_kgco2e", "embodied_kgco2e", "water_l"):
            for side in ("low_", "", "high_"):
                assert row[side + quantity] == pytest.approx(2 * alone[month][side + quantity]), (side, quantity)
            assert row[f"low_{quantity}"] < row[quantity] < row[f"high_{quantity}"]


def test_independent_workloads_are_surer_together(bundled: duckdb.DuckDBPyConnection) -> None:
    """Other cards in other zones, with equal emissions: the sum is surer than each, as n errors of one size are."""
    zones, emitted = ZONES[:3], []
    for card, zone in zip(CARDS, zones, strict=True):
        one = {"name": "a", "accelerator": card, "zone": zone, "gpu_hours": 1.0}
        emitted.append(year_of(bundled, [one])["a"]["location_kgco2e"])
    workloads = [
        {"name": card, "accelerator": card, "zone": zone, "gpu_hours": 1000 / kg}
        for card, zone, kg in zip(CARDS, zones, emitted, strict=True)
    ]
    found = year_of(bundled, workloads)
    total, one = found["all workloads"], found[CARDS[0]]
    assert total["location_kgco2e"] == pytest.approx(3 * one["location_kgco2e"])
    draw = np.random.default_rng(1)
    drawn = sum(one["location_kgco2e"] * math.prod(_drawn(draw, BANDS[f]) / BANDS[f][1] for f in MOVES["location_kgco2e"]) for _ in workloads)  # fmt: skip
    quantiles = np.quantile(drawn, [0.05, 0.95])
    assert [total["low_location_kgco2e"], total["high_location_kgco2e"]] == pytest.approx(quantiles, rel=0.03)
    # All at their worst at once, as decision-1 had it, is far outside.
    assert total["high_location_kgco2e"] < 0.88 * 3 * one["high_location_kgco2e"]
    assert total["low_location_kgco2e"] > 1.12 * 3 * one["low_location_kgco2e"]


def _drawn(draw: np.random.Generator, band: tuple[float, float, float], size: int = 200_000) -> np.ndarray:
    """Two-piece log-normal with these p5, p50, p95."""
    low, central, high = band
    z = draw.standard_normal(size)
    return central * np.exp(np.where(z < 0, math.log(central / low), math.log(high / central)) / Z * z)


@pytest.mark.parametrize("seed", range(8))
def test_bands_of_any_workloads_are_those_of_draws(bundled: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Up to nine workloads of random size on random cards in random zones, some of nothing at all."""
    draw = random.Random(seed)
    workloads = [
        {"name": f"w{i}", "accelerator": draw.choice(CARDS), "zone": draw.choice(ZONES), "month": draw.randint(1, 12),
         "gpu_hours": draw.choice([0.0, 10 ** draw.uniform(-2, 6)]), "device_kgco2e": 100.0 * 10 ** draw.uniform(0, 2)}
        for i in range(draw.randint(1, 9))
    ]  # fmt: skip
    found = year_of(bundled, workloads)
    for quantity in MOVES:
        central = [found[str(w["name"])][quantity] for w in workloads]
        total = found["all workloads"]
        assert total[quantity] == pytest.approx(math.fsum(central))
        expected = expected_band(central, workloads, quantity) if total[quantity] else [0, 0]
        assert [total[f"low_{quantity}"], total[f"high_{quantity}"]] == pytest.approx(expected, rel=0.03), quantity


def test_what_is_given_has_no_band(bundled: duckdb.DuckDBPyConnection) -> None:
    """Power, PUE and contract stated: energy and market-based carbon are exact, and a contract of 0 emits 0."""
    stated = {"accelerator": CARDS[0], "zone": "US", "gpu_hours": 10, "power_w_per_gpu": 700, "pue": 1.2}
    found = year_of(
        bundled,
        [{"name": "a", **stated, "market_gco2e_per_kwh": 0}, {"name": "b", **stated, "market_gco2e_per_kwh": 50}],
    )
    total = found["all workloads"]
    assert total["low_energy_kwh"] == total["energy_kwh"] == total["high_energy_kwh"] == pytest.approx(24 * 10 * 0.84)
    assert total["low_market_kgco2e"] == total["market_kgco2e"] == total["high_market_kgco2e"]
    assert [found["a"][f"{side}market_kgco2e"] for side in ("low_", "", "high_")] == [0, 0, 0]
    assert total["low_location_kgco2e"] == pytest.approx(0.81 * total["location_kgco2e"])
    assert total["high_location_kgco2e"] == pytest.approx(1.15 * total["location_kgco2e"])


@pytest.mark.parametrize("name", ["NULL", "'All workloads'"])
def test_a_workload_needs_a_name_of_its_own(bundled: duckdb.DuckDBPyConnection, name: str) -> None:
    """Without one its rows looked like those of all workloads."""
    with pytest.raises(duckdb.InvalidInputException, match="name: "):
        bundled.execute(f"FROM esg_report([{{'name': {name}, 'zone': 'US', 'gpu_hours': 1}}], 2024)").fetchall()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("of_year = 2024.5", "of_year: 2024.5 given; allowed is a whole number of year"),
        ("of_year = 2024\nmonth = 1.5", "workloads[1].month: 1.5 given; allowed is a whole number of month"),
        ("of_year = 2024\nregion = 'us-east-1'", "workloads[1]: region given without its provider; give provider too, or zone"),
        ("of_year = 2024\nname = 'All workloads'", "workloads[1].name: 'All workloads' is what the sum of all is called"),
    ],
)  # fmt: skip
def test_a_workload_that_cannot_be_told_is_one_line(given: str, message: str) -> None:
    year, *rest = given.split("\n")
    name = "" if any(line.startswith("name") for line in rest) else "name = 'a'\n"
    lines = "\n".join(
        [f"[esg_report]\n{year}\n[[esg_report.workloads]]\n{name}gpu_hours = 1\npower_w_per_gpu = 700", *rest]
    )
    with pytest.raises(ScenarioError) as error:
        parse_any(lines)
    assert error.value.problems[0].startswith(message)
