"""The decision macros on the data that ships with Petaday: exact sums, honest gaps, probabilities that follow from the bands."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import random
import re
from importlib import resources
from pathlib import Path
from statistics import NormalDist, median

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.estimated import estimate_history
from assets.estimated.decisions import assets as decision_assets
from assets.estimated.decisions.asking import answer
from assets.estimated.decisions.declarations import DecisionStatement
from assets.estimated.decisions.tables import DECISION_TABLES
from assets.estimated.engine import estimate_statements
from assets.estimated.estimate_file import estimate_any
from assets.estimated.method import Statement
from assets.estimated.scenario_files.fields import Band, ScenarioError
from assets.estimated.scenario_files.sections import bundled_statements, parse_any

SCENARIOS = resources.files("assets.estimated") / "scenarios"
ON = "DATE '2026-08-01'"


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict]:
    """Rows as dictionaries."""
    return con.sql(sql).pl().to_dicts()


def test_the_normal_distribution_is_right(bundled: duckdb.DuckDBPyConnection) -> None:
    points = [x / 10 for x in range(-60, 61)]
    found = bundled.execute("SELECT list_transform(?::DOUBLE[], lambda x: normal_cdf(x))", [points]).fetchall()[0][0]
    assert found == pytest.approx([NormalDist().cdf(x) for x in points], abs=1e-7)


def test_probability_below_agrees_with_draws(bundled: duckdb.DuckDBPyConnection) -> None:
    """A: 10 with sigma 0.3; B: 12 with sigma 0.2, drawn."""
    found = bundled.sql(
        "SELECT probability_below(10, 12, 0.09, 0.09, 0.04, 0.04), probability_below(12, 10, 0.04, 0.04, 0.09, 0.09)"
    ).fetchall()[0]
    draw = random.Random(7)
    wins = sum(10 * math.exp(draw.gauss(0, 0.3)) < 12 * math.exp(draw.gauss(0, 0.2)) for _ in range(40_000))
    assert found[0] == pytest.approx(wins / 40_000, abs=0.01)
    assert sum(found) == pytest.approx(1)
    certain = bundled.sql(
        "SELECT probability_below(1, 2, 0, 0, 0, 0), probability_below(2, 1, 0, 0, 0, 0), probability_below(1, 1, 0, 0, 0, 0), probability_below(NULL, 1, 0, 0, 0, 0)"
    )
    assert certain.fetchall() == [(1.0, 0.0, 0.5, None)]


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


MOVES = [
    f"'{scenario}', DATE '{start}', to_at := DATE '{end}'{extra}"
    for scenario, start, end, extra in (
        ("gpt-3-175b-h100", "2024-01-01", "2026-01-01", ""),
        ("gpt-3-175b-h100", "2024-03-01", "2026-06-01", ", utilization_to := 0.41"),
        ("gpt-3-175b-a100", "2024-01-01", "2026-06-01", ", to_accelerator := 'nvidia-h100-sxm-80gb'"),
        (
            "gpt-3-175b-a100",
            "2024-01-01",
            "2025-07-01",
            ", to_accelerator := 'nvidia-h100-sxm-80gb', to_region := 'us-east-1', to_provider := 'aws', utilization_to := 0.37",
        ),
        ("llama-65b", "2023-01-01", "2026-06-01", ""),
        ("llama-3.1-405b", "2024-07-01", "2026-06-01", ""),
    )
]


def split_of(found: list[dict]) -> dict[str, dict[str, float | None]]:
    """Quantity -> part -> by how much it moved."""
    parts: dict[str, dict[str, float | None]] = {}
    for row in found:
        parts.setdefault(row["quantity"], {})[row["part"]] = row["moved_by"]
    return parts


def adds_up(parts: dict[str, float | None]) -> bool:
    """True if the parts come to the total to the last cent and gram, and to 12 digits."""
    total = parts["total"]
    others = [v for k, v in parts.items() if k != "total"]
    assert total is not None
    return math.fsum(others) == pytest.approx(total, abs=0.001, rel=1e-12)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize("move", MOVES)
def test_parts_of_an_estimates_move_add_up(bundled: duckdb.DuckDBPyConnection, move: str) -> None:
    found = split_of(rows_of(bundled, f"FROM why_moved({move})"))
    assert set(found) == {"cost_usd", "energy_kwh", "operational_kgco2e"}
    assert all(adds_up(parts) for parts in found.values())
    assert set(found["cost_usd"]) == {"hardware", "utilization", "price", "exchange_rate", "method", "total"}
    assert set(found["operational_kgco2e"]) == {"hardware", "utilization", "power", "pue", "grid", "method", "total"}


_SITED = "gpt-3-siting/aws/us-east-1/nvidia-h100-sxm-80gb/on_demand"
_PETADAYS = "gpt-3-petadays-since-2020/nvidia-a100-sxm-80gb/on_demand"
_MEASURED = "llama-3.1-70b-service-h100"
#: Estimate -> what moves of it in money, energy and carbon.
KINDS = {
    "llama-65b-lora-a100": {"cost_usd", "energy_kwh", "operational_kgco2e"},
    "llama-2-70b-serving-h100": {f"{q}_{d}" for q in ("usd_per_mtok", "kwh_per_mtok", "gco2e_per_mtok") for d in ("input", "output")},
    "chatgpt-fleet-2023": {"electricity_usd_per_day", "energy_kwh_per_day", "operational_kgco2e_per_day", "rental_usd_per_day"},
    _MEASURED: {"cost_usd", "usd_per_mtok_output", "kwh_per_mtok", "gco2e_per_mtok"},
    _SITED: {"cost_usd", "energy_kwh", "operational_kgco2e"},
    _PETADAYS: {"cost_usd", "energy_kwh"},
}  # fmt: skip


@pytest.mark.parametrize("estimate", KINDS)
@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.dates(dt.date(2024, 1, 1), dt.date(2025, 1, 1)),
    end=st.dates(dt.date(2025, 1, 2), dt.date(2026, 7, 1)),
    use=st.none() | st.floats(0.05, 0.95),
)
def test_parts_add_up_of_every_kind(
    bundled: duckdb.DuckDBPyConnection, estimate: str, start: dt.date, end: dt.date, use: float | None
) -> None:
    """To the last cent and gram, whatever the days and the utilisation; what is not known is NULL as a whole."""
    rows = bundled.execute("FROM why_moved(?, ?, to_at := ?, utilization_to := ?)", [estimate, start, end, use]).pl()
    found = split_of(rows.to_dicts())
    assert set(found) == KINDS[estimate]
    if estimate == _MEASURED and use is not None:
        # What was measured says nothing of how busy it was, so nothing of another use.
        assert {parts["total"] for parts in found.values()} == {None}
        assert all("utilisation of the estimate is not known" in r for r in rows["reason"])
    else:
        assert all(adds_up(parts) for parts in found.values()), found


FLEET = """
[fleet]
accelerator = "nvidia-a100-sxm-80gb"
requests_per_day = 3_141_593
tokens_per_request = 271.8
s_per_token = 0.0421
peak_to_mean_ratio = 1.7
utilization_share = 0.61
gpus_per_server_count = 8
servers_per_rack_count = 5
server_rounding = "up"
rack_rounding = "nearest"
price_usd_per_kwh = 0.11
region = "US"
"""
#: Of the power: by rack, by server with PUE, and by the board power of the cards.
POWERED = ("kw_per_rack = 33.3", "kw_per_server = 6.5\npue = 1.19", "")


@pytest.mark.parametrize(
    ("power", "card", "use"),
    [
        (POWERED[0], "nvidia-h100-sxm-80gb", None),
        (POWERED[1], "nvidia-h200-sxm-141gb", 0.87),
        (POWERED[2], "nvidia-h100-sxm-80gb", None),
        (POWERED[2], None, 0.87),
    ],
)
def test_a_fleet_on_another_card_is_what_its_estimate_there_says(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, card: str | None, use: float | None, power: str
) -> None:
    """To the last cent and gram, with servers and racks rounded: the time of a word by bandwidth, the power by board power, the rate of the card."""
    at = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    (tmp_path / "mine.toml").write_text(FLEET + power, encoding="utf-8")
    moves = [f"to_accelerator = '{card}'"] * bool(card) + [f"utilization_to = {use}"] * bool(use)
    asked = "\n".join(["[why_moved]", "scenario = 'mine.toml'", "from_at = 2025-06-01", "to_at = 2026-06-01", *moves])
    rows = estimate_any(bundled, parse_any(asked), at, tmp_path)["rows"]
    assert all(adds_up(parts) for parts in split_of(rows).values()), rows
    stated = parse_any(FLEET + power)
    assert isinstance(stated, Statement)
    if use:
        stated = dataclasses.replace(stated, numbers={**stated.numbers, "utilization_share": Band(use, use, use)})
    for side, on in (("total_from", dt.datetime(2025, 6, 1, tzinfo=dt.UTC)), ("total_to", at)):
        is_there = card is not None and side == "total_to"
        there = {"accelerator": card, "measured_accelerator": "A100 SXM 80GB"} if is_there else {}
        if side == "total_from" and use:
            continue
        (estimate,) = estimate_statements(
            bundled, [dataclasses.replace(stated, texts={**stated.texts, **there}, as_of=on)], at
        )
        totals = {r["quantity"]: r[side] for r in rows}
        assert set(totals) == KINDS["chatgpt-fleet-2023"]
        for quantity, total in totals.items():
            if (
                side == "total_to" or quantity == "rental_usd_per_day"
            ):  # The rest of the earlier side is that of the estimate itself.
                assert total == pytest.approx(estimate.quantities[quantity]["central"], rel=1e-9), quantity


@pytest.mark.parametrize(
    ("standing", "there"),
    [
        ("gpus = 100\ngpus_per_server = 8\nkw_per_server = 6.5", "gpus_per_server = 8\nkw_per_server = 11.375"),
        ("gpus = 100\nservers = 20\nkw_per_server = 6.5", "gpus_per_server = 5\nkw_per_server = 11.375"),
        ("gpus = 100", ""),
    ],
)
@pytest.mark.parametrize("use", [None, 0.4])
def test_a_standing_fleet_keeps_what_it_can_do_on_another_card(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, standing: str, there: str, use: float | None
) -> None:
    """100 A100 (2,039 GB/s) do what 61 H100 (3,350 GB/s) do; at two thirds of their use, 92; of the board power 700 W where 400 were."""
    at = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    about = "\nutilization_share = 0.6\npue = 1.2\nregion = 'US'\nusd_per_kwh = 0.1\n"
    (tmp_path / "mine.toml").write_text(f"[fleet]\naccelerator = 'A100 SXM 80GB'\n{standing}{about}", encoding="utf-8")
    moves = "to_accelerator = 'nvidia-h100-sxm-80gb'" + (f"\nutilization_to = {use}" if use else "")
    asked = parse_any(f"[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2025-06-01\nto_at = 2026-06-01\n{moves}")
    rows = estimate_any(bundled, asked, at, tmp_path)["rows"]
    assert all(adds_up(parts) for parts in split_of(rows).values()), rows
    stated = parse_any(f"[fleet]\naccelerator = 'H100 SXM'\ngpus = {92 if use else 61}\n{there}{about}")
    assert isinstance(stated, Statement)
    (estimate,) = estimate_statements(bundled, [dataclasses.replace(stated, as_of=at)], at)
    totals = {r["quantity"]: r["total_to"] for r in rows}
    assert set(totals) == KINDS["chatgpt-fleet-2023"]
    for quantity, total in totals.items():
        assert total == pytest.approx(estimate.quantities[quantity]["central"], rel=1e-9), quantity


def test_another_use_of_a_standing_fleet_needs_its_own(bundled: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """How busy its GPUs are is not known where only their number is stated."""
    (tmp_path / "mine.toml").write_text("[fleet]\naccelerator = 'A100 SXM 80GB'\ngpus = 100\n", encoding="utf-8")
    asked = parse_any(
        "[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2025-06-01\nto_at = 2026-06-01\nutilization_to = 0.5"
    )
    rows = estimate_any(bundled, asked, dt.datetime(2026, 6, 1, tzinfo=dt.UTC), tmp_path)["rows"]
    assert all(r["total_to"] is None for r in rows)
    assert any("at another use also utilization_share" in (r["reason"] or "") for r in rows)


def test_a_fleet_of_racks_is_split_without_its_gpus(bundled: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Energy, carbon and electricity are known; a rent by the GPU is not."""
    fleet = "[fleet]\nracks = 100\nkw_per_rack = 45\npue = 1.2\nregion = 'US'\nusd_per_kwh = 0.1\naccelerator = 'A100 SXM 80GB'\n"
    (tmp_path / "mine.toml").write_text(fleet, encoding="utf-8")
    asked = parse_any("[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2023-06-01\nto_at = 2026-06-01")
    rows = estimate_any(bundled, asked, dt.datetime(2026, 6, 1, tzinfo=dt.UTC), tmp_path)["rows"]
    found = split_of(rows)
    assert {r["quantity"]: r["total_to"] for r in rows}["energy_kwh_per_day"] == pytest.approx(100 * 45 * 1.2 * 24)
    assert found.pop("rental_usd_per_day")["total"] is None
    assert len(found) == 3
    assert all(adds_up(parts) for parts in found.values())


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("'chatgpt-fleet-2023', DATE '2018-01-01'", "no rate of nvidia-a100-sxm-80gb (on_demand) stands on 2018-01-01"),
        ("'gpt-3-175b-h100', DATE '2024-01-01', to_accelerator := 'nvidia-a100-80gb'", "the board power of nvidia-h100-sxm-80gb or nvidia-a100-80gb is not known"),
        ("'gpt-3-175b-h100', DATE '2024-01-01', to_accelerator := 'nope'", "the accelerator nope is not in reference.accelerator"),
        ("'gpt-3-175b-h100', DATE '2024-01-01', to_provider := 'lambda', to_region := 'us-west-1'", "no grid zone is known for us-west-1"),
        ("'gpt-3-175b-h100', DATE '1990-01-01', to_region := 'US'", "no whole year of the grid of US (lifecycle) is known up to 1990-01-01"),
        ("'llama-2-70b-serving-h100', DATE '2024-01-01', to_accelerator := 'nvidia-a100-sxm-80gb'", "does not hold the batch in its memory, or does not compute in the number format"),
        (f"'{_PETADAYS}', DATE '2018-01-01'", "no on_demand rate of nvidia-a100-sxm-80gb counts on 2018-01-01"),
        (f"'{_SITED}', DATE '2018-01-01'", "no on_demand offer of nvidia-h100-sxm-80gb by aws us-east-1 stands on 2018-01-01"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_says_why(bundled: duckdb.DuckDBPyConnection, call: str, reason: str) -> None:
    """On every row of what is not known, and on no other."""
    rows = rows_of(bundled, f"FROM why_moved({call}, to_at := {ON})")
    assert any(reason in (r["reason"] or "") for r in rows if r["part"] == "total"), rows
    assert all((r["reason"] is None) == (r["moved_by"] is not None) for r in rows)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("[why_moved]\nestimate = 'gpt-3-175b-h100'\nfrom_at = 2027-05-01", "from_at: 2027-05-01 given; allowed is a day up to today, 2026-06-01, or give to_at too"),
        ("[why_moved]\nestimate = 'gpt-3-175b-h100'\nfrom_at = 2024-01-01\nto_at = 2099-01-01", "to_at: 2099-01-01 lies more than a year ahead; allowed is up to 2027-06-02"),
        ("[siting]\ngpu_hours = 10\nvalid_at = 9999-12-31", "valid_at: 9999-12-31 lies more than a year ahead"),
        ("[compute_growth]\nfrom_on = 2027-01-01", "from_on: 2027-01-01 given; allowed is a day up to today"),
        ("[esg_report]\nof_year = 2099\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\npower_w_per_gpu = 700\nzone = 'DE'", "of_year: 2099 lies more than a year ahead; allowed is up to 2027"),
    ],
)  # fmt: skip
def test_a_date_ahead_is_one_line(bundled: duckdb.DuckDBPyConnection, asked: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(message)):
        estimate_any(bundled, parse_any(asked), dt.datetime(2026, 6, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("[siting]\ngpu_hours = 10\nvalid_at = 1999-01-01", "valid_at: 1999-01-01 given; the first of observed.cloud_rate is from 20"),
        ("[siting]\ngpu_hours = 10\nknown_at = 1999-01-01", "known_at: 1999-01-01 given; the first of anything recorded here is from 20"),
        ("[petaday_history]\npetadays = 1\nto_on = 1999-01-01", "to_on: 1999-01-01 given; the first of estimated.price_index is from 20"),
        ("[build_adapt_buy]\nbuy_model = 'gpt-4'\nown_tokens_per_s_per_gpu = 9\nto_on = 1999-01-01", "to_on: 1999-01-01 given; the first of observed.token_price is from 20"),
    ],
)  # fmt: skip
def test_a_date_before_anything_was_known_is_one_line(
    bundled: duckdb.DuckDBPyConnection, asked: str, message: str
) -> None:
    with pytest.raises(ScenarioError, match=re.escape(message)):
        estimate_any(bundled, parse_any(asked), dt.datetime(2026, 6, 1, tzinfo=dt.UTC))


def test_a_card_is_moved_to_by_any_of_its_names(bundled: duckdb.DuckDBPyConnection) -> None:
    """As everywhere else; the macro knows it by its key."""
    asked = "[why_moved]\nestimate = 'gpt-3-175b-h100'\nfrom_at = 2025-06-01\nto_at = 2026-06-01\nto_accelerator = '{}'"
    now = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    by_key, by_name = (
        estimate_any(bundled, parse_any(asked.format(card)), now)["rows"]
        for card in ("nvidia-h200-sxm-141gb", "H200 SXM")
    )
    assert by_name == by_key
    assert any(r["part"] == "hardware" for r in by_key)


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


def test_a_question_that_nothing_answers_says_so(bundled: duckdb.DuckDBPyConnection) -> None:
    """Two models of a year make no line."""
    found = estimate_any(bundled, parse_any("[compute_growth]\nfrom_on = 1970-01-01\nto_on = 1971-01-01"))
    assert (found["rows"], found["reason"]) == ([], "nothing that was observed answers this")


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


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (
            "accelerator = 'A100 SXM 80GB'\nracks = 100\nkw_per_rack = 45",
            "neither what the fleet answers nor its GPUs (at another use also utilization_share) are stated",
        ),
        (
            "requests_per_day = 1e6\ntokens_per_request = 200\ns_per_token = 0.1",
            "the scenario does not say on which accelerator",
        ),
    ],
)
def test_a_fleet_that_cannot_be_moved_says_why(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, stated: str, reason: str
) -> None:
    (tmp_path / "mine.toml").write_text("[fleet]\nregion = 'US'\n" + stated, encoding="utf-8")
    asked = parse_any(
        "[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2025-06-01\nto_accelerator = 'nvidia-h100-sxm-80gb'"
    )
    rows = estimate_any(bundled, asked, dt.datetime(2026, 6, 1, tzinfo=dt.UTC), tmp_path)["rows"]
    assert rows
    of_hardware = [r["reason"] for r in rows if r["part"] == "hardware"]
    # A rent by the GPU is not known of a fleet that counts as racks, wherever it stands.
    assert all(reason in told or told == "the estimate itself does not know gpu_count" for told in of_hardware)
    assert any(reason in told for told in of_hardware)


@pytest.mark.parametrize("card", ["nvidia-h200-sxm-141gb", "nvidia-b200-sxm-180gb", "nvidia-h100-sxm-80gb"])
def test_a_service_on_another_card_is_what_its_estimate_there_says(
    bundled: duckdb.DuckDBPyConnection, card: str
) -> None:
    """By the roofline of its method: the later side is the estimate of the same service on that card, and the parts add up."""
    to_at = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    found = bundled.execute(
        "FROM why_moved('llama-2-70b-serving-h100', DATE '2024-01-01', to_at := ?, to_accelerator := ?)", [to_at, card]
    )
    rows = found.pl().to_dicts()
    assert all(adds_up(parts) for parts in split_of(rows).values())
    service = next(s for s in bundled_statements() if s.scenario_id == "llama-2-70b-serving-h100")
    there = dataclasses.replace(service, texts={**service.texts, "accelerator": card}, as_of=to_at)
    (estimate,) = estimate_statements(bundled, [there], to_at)
    totals = {r["quantity"]: r["total_to"] for r in rows}
    assert set(totals) == KINDS["llama-2-70b-serving-h100"]
    for quantity, total in totals.items():
        assert total == pytest.approx(estimate.quantities[quantity]["central"], rel=1e-9), quantity


@pytest.mark.parametrize(
    ("model", "group", "method"),
    [("gemma-3-27b", 2, "serving-4"), ("deepseek-v3", 16, "serving-4"), ("deepseek-v3", 16, "serving-3"), ("gpt-oss-120b", None, "serving-4")],
)  # fmt: skip
def test_a_service_with_windows_or_latent_vectors_on_another_card(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, model: str, group: int | None, method: str
) -> None:
    """Of long prompts, where windows and the attention of decoding are most of it: as its estimate on the other card, by either version of the method."""
    cards = f"accelerator_count = {group}" if group else ""
    text = (
        f"[serving]\nmodel = '{model}'\nmethod = '{method}'\naccelerator = 'H100 SXM'\nregion = 'US'\n{cards}\nnumber_format = 'fp8'\nbatch_count = 8\n"
        "prompt_tokens_count = 30_000\noutput_tokens_count = 1_500"
    )
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    asked = parse_any(
        "[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2025-06-01\nto_at = 2026-06-01\nto_accelerator = 'nvidia-h200-sxm-141gb'"
    )
    now = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
    rows = estimate_any(bundled, asked, now, tmp_path)["rows"]
    assert all(adds_up(parts) for parts in split_of(rows).values())
    there = parse_any(text.replace("H100 SXM", "H200 SXM"))
    assert isinstance(there, Statement)
    (estimate,) = estimate_statements(
        bundled, [dataclasses.replace(there, as_of=dt.datetime(2026, 6, 1, tzinfo=dt.UTC))], now
    )
    totals = {r["quantity"]: r["total_to"] for r in rows}
    assert len(totals) == 6
    for quantity, total in totals.items():
        assert total == pytest.approx(estimate.quantities[quantity]["central"], rel=1e-9), quantity


def test_a_card_that_does_not_compute_in_the_format_serves_nothing(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        f"FROM why_moved('llama-2-70b-serving-h100', DATE '2024-01-01', to_at := {ON}, to_accelerator := 'nvidia-a100-sxm-80gb')",
    )
    assert {r["total_to"] for r in found} == {None}


OWN = {
    "gpt-3-175b-h100": "gpt-3-175b-h100.toml",
    "llama-65b-lora-a100": "other/llama-65b-lora-a100.toml",
    "llama-2-70b-serving-h100": "other/llama-2-70b-serving-h100.toml",
    "chatgpt-fleet-2023": "other/chatgpt-fleet-2023.toml",
    _MEASURED: "other/llama-3.1-70b-service-h100.toml",
}


@pytest.mark.parametrize("estimate", OWN)
@pytest.mark.parametrize("known_at", ["2035-01-01", "2000-01-01"])
def test_a_scenario_of_ones_own_is_split_as_a_bundled_one(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, estimate: str, known_at: str
) -> None:
    """Under another name and with names as people write them: the same parts, on both clocks, to the last digit."""
    text = SCENARIOS.joinpath(OWN[estimate]).read_text(encoding="utf-8")
    text = text.replace("accelerator =", "gpu =").replace('"nvidia-h100-sxm-80gb"', '"H100 SXM"')
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    asked = parse_any(
        f"[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2024-06-01\nto_at = 2026-06-01\nknown_at = {known_at}"
    )
    found = estimate_any(bundled, asked, dt.datetime(2026, 8, 1, tzinfo=dt.UTC), tmp_path)["rows"]
    bundled_rows = bundled.execute(
        "FROM why_moved(?, DATE '2024-06-01', to_at := DATE '2026-06-01', known_at := ?::TIMESTAMPTZ)",
        [estimate, known_at],
    )
    assert {(r["quantity"], r["part"]): r["moved_by"] for r in found} == {
        (r["quantity"], r["part"]): r["moved_by"] and pytest.approx(r["moved_by"], rel=1e-9, abs=1e-9)
        for r in bundled_rows.pl().to_dicts()
    }
    assert all(adds_up(parts) for parts in split_of(found).values() if parts["total"] is not None)
    # What was known in 2000: nothing. Of the fleet the price of a kWh and its energy are stated, and did not move.
    expected = not any(
        parts["total"] is not None for parts in split_of(found).values() if any("price" in part for part in parts)
    )
    assert estimate.startswith("chatgpt") or expected == (known_at < "2020")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("[training]\ngpu_hours = 0", "mine.toml: gpu_hours: 0 given"),
        ("[training]\nmodel = 'llama-65'\naccelerator = 'A100 80GB'", "mine.toml: model: llama-65 is not in"),
        ("[request]\noutput_tokens = 5", "mine.toml: allowed is a scenario of [training], [fine_tuning], [serving], [service], [fleet]"),
        ("[training]\ncost_view = 'amortised'\ngpu_hours = 5", "mine.toml: cost_view: amortised given; what moves is the rent"),
        (None, "mine.toml: no such file"),
    ],
)  # fmt: skip
def test_a_scenario_of_ones_own_that_cannot_be_split_is_one_line(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, own: str | None, message: str
) -> None:
    if own is not None:
        (tmp_path / "mine.toml").write_text(own, encoding="utf-8")
    asked = parse_any("[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2024-06-01")
    with pytest.raises(ScenarioError, match=re.escape(message)):
        estimate_any(bundled, asked, dt.datetime(2026, 8, 1, tzinfo=dt.UTC), tmp_path)


def test_a_measured_service_moves_by_price_and_grid_alone(bundled: duckdb.DuckDBPyConnection) -> None:
    """Its parts by hand: the hours of a million tokens and the power are the run's, so the rate and the grid are all that moves."""
    rows = rows_of(
        bundled,
        f"FROM why_moved('{_MEASURED}', DATE '2023-10-01', to_at := {ON}, to_provider := 'aws', to_region := 'us-east-1')",
    )
    part = {(r["quantity"], r["part"]): r for r in rows}
    hours = 4 / 4915.10355 / 3600 * 1e6
    assert part["usd_per_mtok_output", "hardware"]["value_from"] == pytest.approx(hours)
    assert part["cost_usd", "hardware"]["value_to"] == 4 * 24
    money = part["usd_per_mtok_output", "price"]
    assert money["total_from"] == pytest.approx(hours * money["value_from"])
    assert money["total_to"] == pytest.approx(
        hours * money["value_to"] * part["usd_per_mtok_output", "exchange_rate"]["value_to"]
    )
    assert part["kwh_per_mtok", "power"]["value_from"] == pytest.approx(2.35429837)
    carbon = part["gco2e_per_mtok", "grid"]
    # 0.479 J a token are 0.133 kWh a million tokens at the servers.
    assert carbon["total_from"] == pytest.approx(
        0.4789926287 / 3.6 * part["gco2e_per_mtok", "pue"]["value_from"] * carbon["value_from"]
    )
    assert {r["moved_by"] for r in rows if r["part"] in ("hardware", "utilization", "power", "method")} == {0}
    assert carbon["moved_by"] != 0
    assert money["moved_by"] != 0
    assert all(adds_up(parts) for parts in split_of(rows).values())


def test_a_measured_service_on_another_card_has_its_hours_and_no_guess_of_their_work(
    bundled: duckdb.DuckDBPyConnection,
) -> None:
    """The rent of as many GPUs there is known; tokens are told by the estimate with measured_accelerator, which the reason says."""
    rows = rows_of(
        bundled,
        f"FROM why_moved('{_MEASURED}', DATE '2024-01-01', to_at := {ON}, to_accelerator := 'nvidia-h200-sxm-141gb')",
    )
    total = {r["quantity"]: r for r in rows if r["part"] == "total"}
    assert total["cost_usd"]["moved_by"] is not None
    for quantity in ("usd_per_mtok_output", "kwh_per_mtok", "gco2e_per_mtok"):
        assert total[quantity]["total_to"] is None
        assert "state measured_accelerator beside accelerator" in total[quantity]["reason"]


def test_what_a_service_states_does_not_move(bundled: duckdb.DuckDBPyConnection) -> None:
    """DeepSeek's rent is that of 2 USD an hour on any day; of its energy nothing is stated, and nothing is said."""
    rows = rows_of(bundled, f"FROM why_moved('deepseek-r1-serving-day', DATE '2025-02-28', to_at := {ON})")
    total = {r["quantity"]: r for r in rows if r["part"] == "total"}
    assert total["cost_usd"]["total_from"] == total["cost_usd"]["total_to"] == 226.75 * 8 * 24 * 2
    assert total["kwh_per_mtok"]["total_to"] is None
    assert "the estimate itself does not know s_per_mtok" in total["kwh_per_mtok"]["reason"]


def test_the_later_side_is_the_row_itself(bundled: duckdb.DuckDBPyConnection) -> None:
    """Of a fine-tuning, a service, a place and petadays: total_to is what the tables say of that moment."""
    at = bundled.sql("SELECT max(recorded_at) FROM meta.capture").fetchall()[0][0]
    sited = bundled.sql(
        "SELECT cost_usd, energy_kwh, operational_kgco2e FROM estimated.siting WHERE provider = 'aws' AND region = 'us-east-1' "
        "AND accelerator_id = 'nvidia-h100-sxm-80gb' AND purchase_option = 'on_demand'"
    ).pl().to_dicts()[0]  # fmt: skip
    petadays = bundled.sql(
        "SELECT cost_usd, energy_kwh FROM estimated.petaday_history WHERE accelerator_id = 'nvidia-a100-sxm-80gb' AND index_on = DATE '2026-06-01'"
    ).pl().to_dicts()[0]  # fmt: skip
    estimates = bundled.sql(
        "SELECT scenario_id, quantity, central, as_of_at FROM estimated.scenario_estimate WHERE section IN ('fine_tuning', 'serving', 'service')"
    ).pl().to_dicts()  # fmt: skip
    expected = {_SITED: (sited, at), _PETADAYS: (petadays, dt.datetime(2026, 6, 1, tzinfo=dt.UTC))} | {
        name: (
            {r["quantity"]: r["central"] for r in estimates if r["scenario_id"] == name},
            next(r["as_of_at"] for r in estimates if r["scenario_id"] == name),
        )
        for name in ("llama-65b-lora-a100", "llama-2-70b-serving-h100", _MEASURED)
    }
    for estimate, (values, moment) in expected.items():
        found = bundled.execute(
            "SELECT DISTINCT quantity, total_to FROM why_moved(?, DATE '2024-01-01', to_at := ?)", [estimate, moment]
        ).fetchall()
        assert {q for q, _ in found} == KINDS[estimate]
        for quantity, total in found:
            assert total == pytest.approx(values[quantity], rel=1e-9), (estimate, quantity)


@pytest.mark.parametrize("scenario", ["llama-65b", "gpt-3-175b-h100", "gpt-3-175b-a100"])
@pytest.mark.parametrize("quantity", ["cost_usd", "energy_kwh", "operational_kgco2e"])
def test_the_later_side_is_the_estimate_itself(
    bundled: duckdb.DuckDBPyConnection, scenario: str, quantity: str
) -> None:
    central, as_of = bundled.execute(
        "SELECT central, as_of_at FROM estimated.training_estimate WHERE scenario_id = ? AND quantity = ?",
        [scenario, quantity],
    ).fetchall()[0]
    total = bundled.execute(
        "SELECT total_to FROM why_moved(?, DATE '2024-01-01', to_at := ?) WHERE quantity = ? AND part = 'total'",
        [scenario, as_of, quantity],
    ).fetchall()[0][0]
    assert total == pytest.approx(central, rel=1e-9)


def test_what_a_scenario_states_does_not_move(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(bundled, "FROM why_moved('gpt-3-175b', DATE '2021-01-01', to_at := DATE '2026-01-01')")
    assert {r["moved_by"] for r in found} == {0.0}


def test_a_change_of_method_is_a_part_of_its_own(bundled: duckdb.DuckDBPyConnection) -> None:
    """A later version of the method that finds a tenth more hours and a fifth more energy."""
    bundled.execute("BEGIN")
    try:
        bundled.execute(
            "INSERT INTO estimated.training_estimate BY NAME SELECT * REPLACE ('training-10' AS method_version, "
            "central * CASE quantity WHEN 'gpu_hours' THEN 1.1 WHEN 'energy_kwh' THEN 1.2 ELSE 1 END AS central) "
            "FROM estimated.training_estimate WHERE scenario_id = 'llama-65b'"
        )
        found = rows_of(
            bundled,
            "FROM why_moved('llama-65b', DATE '2024-01-01', to_at := DATE '2024-01-01', from_method := 'training-1')",
        )
    finally:
        bundled.execute("ROLLBACK")
    moved = {(r["quantity"], r["part"]): r["moved_by"] for r in found}
    total = {r["quantity"]: r["total_from"] for r in found}
    assert moved["cost_usd", "method"] == pytest.approx(0.1 * total["cost_usd"])
    assert moved["operational_kgco2e", "method"] == pytest.approx(0.2 * total["operational_kgco2e"])
    assert {v for (_, part), v in moved.items() if part not in ("method", "total")} == {0.0}


def test_a_price_before_the_first_observation_is_not_known(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        "FROM why_moved('gpt-3-175b-h100', DATE '2019-01-01', to_at := DATE '2026-01-01') WHERE quantity = 'cost_usd'",
    )
    assert {r["moved_by"] for r in found} == {None}
    assert {r["total_from"] for r in found} == {None}


def test_a_split_of_two_offers_adds_up_whatever_the_job(bundled: duckdb.DuckDBPyConnection) -> None:
    """Random jobs and utilisations between two instance types, each to the last cent and gram."""
    draw = random.Random(11)
    for _ in range(12):
        found = rows_of(
            bundled,
            f"FROM why_rate_moved('aws', 'p4d.24xlarge', DATE '2022-06-01', DATE '2025-07-01', from_region := 'us-east-1', to_instance_type := 'p5.48xlarge', "
            f"flop := {10 ** draw.uniform(18, 25)}, utilization_from := {draw.uniform(0.05, 0.9)}, utilization_to := {draw.uniform(0.05, 0.9)})",
        )
        for quantity in ("cost_usd", "operational_kgco2e"):
            parts = {r["part"]: r["moved_by"] for r in found if r["quantity"] == quantity}
            total = parts.pop("total")
            assert math.fsum(parts.values()) == pytest.approx(total, rel=1e-9, abs=1e-3)


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
    wrong = bundled.sql(
        "SELECT count(*), count(*) FILTER (p.low_usd_per_gpu_hour < p.median_usd_per_gpu_hour) FROM estimated.petaday_history h JOIN estimated.price_index p USING (index_on, accelerator_id, purchase_option) "
        "WHERE abs(h.low_usd / (h.cost_usd * exp(-sqrt(ln(p.median_usd_per_gpu_hour / p.low_usd_per_gpu_hour) ** 2 + ln(0.5 / 0.32) ** 2))) - 1) > 1e-9 "
        "OR abs(h.high_usd / (h.cost_usd * exp(sqrt(ln(p.high_usd_per_gpu_hour / p.median_usd_per_gpu_hour) ** 2 + ln(0.32 / 0.17) ** 2))) - 1) > 1e-9"
    ).fetchall()
    assert wrong == [(0, 0)]
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


def test_break_even_is_where_both_ways_cost_the_same(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        "FROM build_adapt_buy(buy_model := 'gpt-4o', accelerator := 'H100', own_tokens_per_s_per_gpu := 400, own_tokens_low := 100, own_tokens_high := 2770)",
    )
    assert len({r["month_on"] for r in found}) > 20
    paying = [r for r in found if r["break_even_mtok"] is not None]
    assert paying
    for row in paying:
        assert row["fixed_usd"] + row["own_usd_per_mtok"] * row["break_even_mtok"] == pytest.approx(
            row["buy_usd_per_mtok"] * row["break_even_mtok"]
        )
        assert row["low_break_even_mtok"] <= row["break_even_mtok"]
        assert row["high_break_even_mtok"] is None or row["high_break_even_mtok"] >= row["break_even_mtok"]
    for row in found:
        never = row["own_usd_per_mtok"] is not None and row["own_usd_per_mtok"] >= row["buy_usd_per_mtok"]
        assert (row["verdict"].startswith("never")) == never
        assert 0 <= row["pays_back_probability"] <= 1


def test_without_a_throughput_nothing_is_assumed(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(bundled, "FROM build_adapt_buy(buy_model := 'gpt-4', accelerator := 'H100')")
    assert {r["break_even_mtok"] for r in found} == {None}
    assert {r["verdict"] for r in found} == {
        "unknown: give own_tokens_per_s_per_gpu",
        "unknown: no price of the accelerator was observed in the month",  # H100 was not rented out yet
    }


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


def test_growth_is_the_line_through_the_points(bundled: duckdb.DuckDBPyConnection) -> None:
    """Against the textbook formulas on the same points."""
    points = bundled.sql(
        "SELECT epoch(released_on::TIMESTAMP) / 31557600, log10(training_flop) FROM training_compute() WHERE source_id = 'starter_model_compute' "
        "AND released_on >= DATE '2018-01-01' AND training_flop > 0"
    ).fetchall()
    n, mean_x, mean_y = (
        len(points),
        math.fsum(x for x, _ in points) / len(points),
        math.fsum(y for _, y in points) / len(points),
    )
    sxx = math.fsum((x - mean_x) ** 2 for x, _ in points)
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / sxx
    left = math.fsum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    error = math.sqrt(left / (n - 2) / sxx)
    row = next(
        r
        for r in rows_of(bundled, "FROM compute_growth(from_on := DATE '2018-01-01')")
        if r["quantity"] == "training_flop"
    )
    assert row["point_count"] == n
    assert row["slope_oom_per_year"] == pytest.approx(slope)
    assert row["slope_error_oom_per_year"] == pytest.approx(error)
    assert row["high_growth_per_year"] == pytest.approx(
        10 ** (slope + 1.6596 * error), rel=1e-3
    )  # t at 0.95, 103 degrees
    assert row["doubling_months"] == pytest.approx(12 * math.log10(2) / slope)


def test_students_t(bundled: duckdb.DuckDBPyConnection) -> None:
    """0.95 quantiles as printed in the tables of statistics."""
    found = bundled.sql(
        "SELECT student_t_95(3), student_t_95(5), student_t_95(10), student_t_95(30), student_t_95(120)"
    ).fetchall()[0]
    assert found == pytest.approx((2.3534, 2.0150, 1.8125, 1.6973, 1.6577), rel=3e-3)


def test_every_claim_is_judged_by_an_estimate(bundled: duckdb.DuckDBPyConnection) -> None:
    found = {r["claim_id"]: r["verdict"] for r in rows_of(bundled, "FROM estimated.scenario_verdict")}
    assert not [claim for claim, verdict in found.items() if verdict.startswith("unknown")]
    assert (
        found["chatgpt-gpus"]
        == found["chatgpt-racks"]
        == found["chatgpt-energy"]
        == found["chatgpt-electricity-chain"]
        == "holds"
    )
    assert (
        found["chatgpt-gpus-of-visitors"]
        == found["west-greener-inner-mongolia"]
        == found["west-greener-guizhou"]
        == "does not hold"
    )
    assert found["gpt-3-1-4-million"] == found["gpt-3-4-6-million"] == found["gpt-3-12-million"] == "holds"
    assert bundled.sql(
        "SELECT count(*) FROM reference.scenario_claim c ANTI JOIN reference.scenario s USING (scenario_id)"
    ).fetchall() == [(0,)]


def test_bundled_answers_are_those_of_the_macros(bundled: duckdb.DuckDBPyConnection) -> None:
    assert decision_assets.compute(bundled) is False
    for table in DECISION_TABLES:
        frame = bundled.sql(f"SELECT {', '.join(table.declared())} FROM {table.full_name}").pl()
        assert frame.height, table.full_name
        good, failure = table.columns.filter(frame, cast=True)
        assert not len(failure), (table.full_name, failure.counts())
        assert good.height == frame.height


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[siting]\ngpu_hours = 10\naccelerator = 'H1000'",
            "accelerator: 'H1000' is not known; did you mean nvidia-h100",
        ),
        ("[siting]\nmodel = 'gpt-3-175'", "did you mean gpt-3-175b"),
        # No pattern that matches any name.
        ("[build_adapt_buy]\nown_tokens_per_s_per_gpu = 5\nbuy_model = '%'", "buy_model: '%' is not known"),
        (
            "[why_moved]\nestimate = 'llama-65b'\nfrom_at = 2024-01-01\nto_accelerator = 'H100'",
            "to_accelerator: 'H100' may be nvidia-h100-nvl-94gb, nvidia-h100-pcie-80gb, nvidia-h100-sxm-80gb; name one",
        ),
        (
            "[why_moved]\nestimate = 'llama-65b'\nfrom_at = 2024-01-01\nto_accelerator = 'H1000'",
            "to_accelerator: 'H1000' is not known; did you mean nvidia-h100",
        ),
        ("[siting]\ngpu_hours = 10\nfrom_provider = 'asw'", "did you mean aws"),
        ("[why_moved]\nestimate = 'llama-65'\nfrom_at = 2024-01-01", "did you mean llama-65b"),
        ("[east_west]\nit_energy_kwh = 1\nfrom_cluster = 'shaoguann'", "did you mean shaoguan"),
        ("[build_adapt_buy]\nown_tokens_per_s_per_gpu = 5\nbuy_model = 'gpt-4oo'", "did you mean gpt-4o"),
        (
            "[siting]\ngpu_hours = 10\nfrom_provider = 'aws'\nfrom_region = 'us-est-1'",
            "from_region: 'us-est-1' is not known; did you mean us-west-1 or us-east-1",
        ),
        (
            "[siting]\ngpu_hours = 10\nagainst_provider = 'awss'",
            "against_provider: 'awss' is not known; did you mean aws",
        ),
        (
            "[why_moved]\nestimate = 'llama-65b'\nfrom_at = 2024-01-01\nto_region = 'us-eest-1'",
            "to_region: 'us-eest-1' is not known; did you mean us-west-1 or us-east-1",
        ),
        (
            "[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\npower_w_per_gpu = 700\nprovider = 'aws'\nregion = 'westeurope'",
            "workloads[1].region: 'westeurope' is no region of aws",
        ),
        (
            "[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\npower_w_per_gpu = 700\nzone = 'XX'",
            "workloads[1].zone: 'XX' is not known",
        ),
        (
            "[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\npower_w_per_gpu = 700\nzone = 'germany'",
            "workloads[1].zone: 'germany' is not known; grid zones of Germany: DE",
        ),
        (
            "[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\naccelerator = 'A100 80GB'",
            "may be nvidia-a100-80gb, nvidia-a100-pcie-80gb, nvidia-a100-sxm-80gb; name one",
        ),
    ],
)
def test_a_name_that_is_not_known_is_answered_with_the_closest(
    bundled: duckdb.DuckDBPyConnection, text: str, message: str
) -> None:
    statement = parse_any(text)
    assert isinstance(statement, DecisionStatement)
    with pytest.raises(ScenarioError, match=re.escape(message)):
        answer(bundled, statement, dt.datetime(2026, 8, 1, tzinfo=dt.UTC))


def test_the_command_gives_the_rows_of_the_macro(bundled: duckdb.DuckDBPyConnection) -> None:
    now = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
    result = estimate_any(bundled, parse_any("[siting]\ngpu_hours = 1000\naccelerator = 'H100'"), now)
    assert result["rows"] == rows_of(
        bundled,
        "FROM siting(gpu_hours := 1000, accelerator := 'H100', valid_at := TIMESTAMPTZ '2026-08-01 00:00:00+00')",
    )
    assert result["decision"] == "siting"
    assert result["method_version"] == "decision-1"


def test_the_three_costs_of_gpt_3_differ_by_price_per_operation(bundled: duckdb.DuckDBPyConnection) -> None:
    """1.4, 4.6 and 12 million USD for the same operations: throughput and price of an hour, which add up."""
    for other in ("gpt-3-cost-4-6-million", "gpt-3-cost-12-million", "gpt-3-175b"):
        found = {r["part"]: r for r in rows_of(bundled, f"FROM why_differs('gpt-3-cost-1-4-million', '{other}')")}
        total = found.pop("total")
        assert math.fsum(r["differs_by_usd"] for r in found.values()) == pytest.approx(
            total["differs_by_usd"], abs=0.001
        )
        assert math.prod(r["ratio"] for r in found.values()) == pytest.approx(total["ratio"])
        assert abs(found["operations"]["ratio"] - 1) < 0.004
    assert total["value_from"] == pytest.approx(1.402e6, rel=1e-3)
    twelve = {
        r["part"] for r in rows_of(bundled, "FROM why_differs('gpt-3-cost-1-4-million', 'gpt-3-cost-12-million')")
    }
    assert twelve == {"operations", "price_per_operation", "total"}
    assert rows_of(bundled, "FROM why_differs('gpt-3-175b', 'no-such')")[-1]["differs_by_usd"] is None


def test_every_place_can_be_walked_back_to_bytes(bundled: duckdb.DuckDBPyConnection) -> None:
    walk = rows_of(bundled, "FROM passport('estimated.siting')")
    keys = {r["row_key"] for r in walk}
    assert len(keys) == bundled.sql("SELECT count(*) FROM estimated.siting").fetchall()[0][0]
    priced = {r["row_key"] for r in walk if r["part"] == "observation" and r["said_in"] == "observed.cloud_rate"}
    assert priced == keys
    assert {r["row_key"] for r in walk if r["part"] == "capture" and r["sha256"]} == keys
    green = {r["row_key"] for r in walk if r["part"] == "observation" and r["said_in"] == "observed.grid_carbon"}
    assert len(green) == bundled.sql("SELECT count(grid_gco2e_per_kwh) FROM estimated.siting").fetchall()[0][0]
    hubs = rows_of(bundled, "FROM passport('estimated.east_west', 'east-data-west-training/horinger')")
    assert {"estimate", "reference", "observation", "capture"} <= {r["part"] for r in hubs}


def walk_of(con: duckdb.DuckDBPyConnection, table: str, key: str = "") -> list[dict]:
    """Steps of the passports of a table."""
    return con.execute("FROM passport(?, ?)", [f"estimated.{table}", key]).pl().to_dicts()


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


def test_estimates_are_noted_once(bundled: duckdb.DuckDBPyConnection) -> None:
    """Each as the tables hold it, so that they can be asked as known at a time; what did not change is not noted again."""
    assert estimate_history.note(bundled) == 0
    now = rows_of(bundled, "FROM scenario_verdict()")
    assert rows_of(bundled, "FROM scenario_verdict(known_at := now())") == now
    before = rows_of(bundled, "FROM scenario_verdict(known_at := TIMESTAMPTZ '2020-01-01 00:00:00+00')")
    assert {r["verdict"] for r in before} == {"unknown"}
    assert len(before) == len(now)


@pytest.mark.parametrize(
    "table", ["build_adapt_buy", "esg_report", "compute_growth", "accelerator_by_year", "scenario_verdict", "why_moved"]
)
def test_every_answer_has_a_passport(bundled: duckdb.DuckDBPyConnection, table: str) -> None:
    """One walk a row, and each ends at stored bytes or at a cited fact."""
    walk = walk_of(bundled, table)
    keys = {r["row_key"] for r in walk}
    assert len(keys) == bundled.sql(f"SELECT count(*) FROM estimated.{table}").fetchall()[0][0] > 0
    assert {r["row_key"] for r in walk if r["part"] in ("capture", "reference", "method default")} == keys
    observed = {r["row_key"] for r in walk if r["part"] == "observation"}
    assert observed == {r["row_key"] for r in walk if r["part"] == "capture" and r["sha256"]} != set()
    assert all(r["meaning"] for r in walk)


def test_petadays_walk_to_the_offers_of_their_median(bundled: duckdb.DuckDBPyConnection) -> None:
    price, providers = bundled.sql(
        "SELECT median_usd_per_gpu_hour, provider_count FROM estimated.petaday_history WHERE index_on = DATE '2024-01-01' AND accelerator_id = 'nvidia-a100-sxm-80gb'"
    ).fetchall()[0]  # fmt: skip
    offers: dict[str, list[float]] = {}
    for step in walk_of(bundled, "petaday_history", "gpt-3-petadays-since-2020/2024-01-01/nvidia-a100-sxm-80gb"):
        if step["part"] == "observation":
            usd = float(step["meaning"].rsplit("comes to ", 1)[1].split()[0])
            offers.setdefault(step["said_of"].split("/")[0], []).append(usd)
    assert len(offers) == providers
    assert median(map(median, offers.values())) == pytest.approx(price, rel=1e-5)


def test_a_report_walks_to_the_grid_that_its_carbon_comes_from(bundled: duckdb.DuckDBPyConnection) -> None:
    """Where a row met one zone in one year, what its passport names times its energy is its carbon; a sum walks to every zone."""
    slots: dict[str, dict[str, float]] = {}
    for step in walk_of(bundled, "esg_report"):
        if step["part"] == "observation":
            zone, _, _, _, _, _, start, *_ = step["said_of"].split("/")
            slots.setdefault(step["row_key"], {})[f"{zone} {start[:10]}"] = step["value"]
    rows = bundled.sql(
        "SELECT concat_ws('/', scenario_id, workload, period, method_version), zones_used, grid_used, 1000 * location_kgco2e / energy_kwh "
        "FROM estimated.esg_report"
    ).fetchall()
    assert {len(slots[key]) for key, *_ in rows} == {1, 2}
    for key, zones, grid, gco2e_per_kwh in rows:
        assert grid == "yearly from 2024-01-01"
        assert set(slots[key]) == {f"{zone} 2024-01-01" for zone in zones.split(", ")}
        if len(slots[key]) == 1:
            assert sum(slots[key].values()) == pytest.approx(gco2e_per_kwh, rel=1e-9)


def test_a_line_walks_to_its_points(bundled: duckdb.DuckDBPyConnection) -> None:
    """As many observations as the growth says that it was drawn through, also at the frontier."""
    points = bundled.sql(
        "SELECT concat_ws('/', scenario_id, source_id, quantity, method_version), point_count FROM estimated.compute_growth"
    ).fetchall()
    found: dict[str, int] = {}
    for step in walk_of(bundled, "compute_growth"):
        found[step["row_key"]] = found.get(step["row_key"], 0) + (step["part"] == "observation")
    assert found == dict(points)


def test_bought_tokens_walk_to_both_prices(bundled: duckdb.DuckDBPyConnection) -> None:
    walk = walk_of(bundled, "build_adapt_buy", "build-adapt-buy-gpt-4o/")
    bought = {r["row_key"] for r in walk if r["said_in"] == "observed.token_price"}
    assert bought == {r["row_key"] for r in walk}
    for key in bought:
        prices = [r["said_of"] for r in walk if r["row_key"] == key and r["said_in"] == "observed.token_price"]
        assert {p.split("/")[2] for p in prices} == {"input", "output"}, key


def test_a_move_walks_to_the_offers_of_both_dates(bundled: duckdb.DuckDBPyConnection) -> None:
    rows = rows_of(
        bundled,
        "SELECT quantity, total_from, total_to, value_from, value_to FROM estimated.why_moved WHERE scenario_id = 'gpt-3-aws-virginia-why-moved' AND part = 'price'",
    )
    prices = {
        float(r["meaning"].rsplit("comes to ", 1)[1].split()[0])
        for r in walk_of(bundled, "why_moved", "gpt-3-aws-virginia-why-moved/cost_usd/price")
        if r["said_in"] == "observed.cloud_rate"
    }
    assert sorted(prices) == pytest.approx(sorted((rows[0]["value_from"], rows[0]["value_to"])), rel=1e-5)


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


_POSITIVE = st.floats(1e-9, 1e9)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_POSITIVE, st.floats(0.001, 1000)), min_size=2, max_size=8), st.booleans())
def test_the_split_is_exact_for_any_factors(
    bundled: duckdb.DuckDBPyConnection, factors: list[tuple[float, float]], is_undone: bool
) -> None:
    """Whatever the factors are and however they move, also where the moves cancel: the parts add up to the change."""
    pairs = [(value, value * ratio) for value, ratio in factors]
    if is_undone:
        pairs += [(after, before) for before, after in pairs]
    start, end = (math.prod(p[side] for p in pairs) for side in (0, 1))
    parts = bundled.execute(
        "SELECT list_transform(?::DOUBLE[], lambda r: log_mean(?::DOUBLE, ?::DOUBLE) * ln(r))",
        [[b / a for a, b in pairs], end, start],
    ).fetchall()[0][0]
    assert math.fsum(parts) == pytest.approx(end - start, rel=1e-9, abs=1e-12 * max(start, end))
    assert bundled.execute("SELECT log_mean(?::DOUBLE, ?::DOUBLE)", [start, end]).fetchall()[0][0] == pytest.approx(
        bundled.execute("SELECT log_mean(?::DOUBLE, ?::DOUBLE)", [end, start]).fetchall()[0][0], rel=1e-9
    )


def test_bought_tokens_are_one_sellers(bundled: duckdb.DuckDBPyConnection) -> None:
    """A second seller with cheaper input and far dearer output, and a free one, do not lend one price each."""
    before = rows_of(bundled, "FROM _bought_token_price('gpt-4')")
    assert before
    bundled.execute("BEGIN")
    try:
        bundled.execute(
            "INSERT INTO observed.token_price_log BY NAME SELECT * REPLACE ('other' AS vendor, price_usd_per_mtok * CASE direction WHEN 'input' THEN 0.5 ELSE 9 END AS price_usd_per_mtok) "
            "FROM observed.token_price_log WHERE model = 'gpt-4' UNION ALL BY NAME SELECT * REPLACE ('free' AS vendor, 0 AS price_usd_per_mtok) FROM observed.token_price_log WHERE model = 'gpt-4'"
        )
        after = rows_of(bundled, "FROM _bought_token_price('gpt-4')")
        other = rows_of(bundled, "FROM _bought_token_price('gpt-4', of_vendor := 'other')")
    finally:
        bundled.execute("ROLLBACK")
    assert after == before
    for mine, theirs in zip(before, other, strict=True):
        assert theirs["input_usd_per_mtok"] == pytest.approx(mine["input_usd_per_mtok"] / 2)
        assert theirs["output_usd_per_mtok"] == pytest.approx(mine["output_usd_per_mtok"] * 9)


def test_a_price_in_euro_and_the_euro_itself_are_two_parts(bundled: duckdb.DuckDBPyConnection) -> None:
    """3.00 EUR from September 2024, 3.30 EUR from September 2025: a tenth by the seller, the rest by the currency."""
    bundled.execute("BEGIN")
    try:
        for start, amount in (("2024-09-01", 3.0), ("2025-09-01", 3.3)):
            bundled.execute(
                "INSERT INTO observed.cloud_rate_log BY NAME SELECT * REPLACE (? AS price_amount_per_hour, ?::TIMESTAMPTZ AS valid_from) FROM observed.cloud_rate_log "
                "WHERE provider = 'scaleway' AND region = 'fr-par-2' AND instance_type = 'H100-1-80G' AND purchase_option = 'on_demand'",
                [amount, start],
            )
        found = {
            r["part"]: r
            for r in rows_of(
                bundled,
                "FROM why_rate_moved('scaleway', 'H100-1-80G', DATE '2024-10-01', DATE '2025-10-01', from_region := 'fr-par-2', gpu_hours := 1000) WHERE quantity = 'cost_usd'",
            )
        }
        rates = [
            bundled.execute(
                "SELECT usd_per_unit FROM observed.usd_rate_day WHERE currency_code = 'EUR' AND rate_on = ?::DATE",
                [day],
            ).fetchall()[0][0]
            for day in ("2024-09-01", "2025-09-01")
        ]
    finally:
        bundled.execute("ROLLBACK")
    assert found["price"]["value_to"] / found["price"]["value_from"] == pytest.approx(1.1)
    assert found["exchange_rate"]["value_to"] / found["exchange_rate"]["value_from"] == pytest.approx(
        rates[1] / rates[0]
    )
    assert abs(found["exchange_rate"]["moved_by"]) > 1
    assert found["total"]["value_from"] == pytest.approx(1000 * 3.0 * rates[0])
    assert found["price"]["moved_by"] + found["exchange_rate"]["moved_by"] == pytest.approx(found["total"]["moved_by"])
