"""The ESG report: months, workloads and the year add up, and an unknown part makes the sum unknown."""

from __future__ import annotations

import math

import duckdb
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
