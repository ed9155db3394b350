"""Arguments of table macros that cannot be meant: one line that says what is allowed, never a number and never an empty answer."""

from __future__ import annotations

import re
from importlib import resources

import duckdb
import pytest

from assets.purchases import PURCHASE_OPTIONS

_PURCHASES = f"allowed is {', '.join(PURCHASE_OPTIONS)}"
_BOUNDARIES = "allowed is direct, lifecycle, unconfirmed"
_WORKLOAD = "'name': 'x', 'accelerator': 'nvidia-h100-sxm-80gb', 'zone': 'US'"
_MOVED = "'gpt-3-175b-h100', DATE '2025-06-01', to_at := DATE '2026-06-01'"
_RATE = "'aws', 'p5.48xlarge', DATE '2025-01-01', DATE '2026-06-01'"
_ONE_RUN = (
    "SELECT TIMESTAMPTZ '2024-03-01 00:00:00+00' AS run_from, TIMESTAMPTZ '2024-03-01 05:00:00+00' AS run_to, 'aws' AS provider, "
    "'us-east-1' AS region, 'p5.48xlarge' AS instance_type, 'on_demand' AS purchase_option, 8 AS accelerator_count"
)
_ONE_REQUEST = "SELECT TIMESTAMPTZ '2025-07-01 00:00:00+00' AS requested_at, 'mixtral-8x7b' AS model, 500 AS output_tokens_count, 'US' AS zone"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("cheapest('H100', purchase := 'spt')", f"purchase: spt given; {_PURCHASES}"),
        ("gpu_hour_price('H100', purchase := 'On_Demand')", f"purchase: On_Demand given; {_PURCHASES}"),
        ("spoken_offer(purchase := '')", f"purchase:  given; {_PURCHASES}"),
        ("price_history('H100', purchase := 'reserved')", f"purchase: reserved given; {_PURCHASES}"),
        ("petaday_history(1, purchase := 'x')", f"purchase: x given; {_PURCHASES}"),
        ("petaday_cost(DATE '2026-06-01', petadays := -1)", "petadays: -1 given; allowed is a number from 0 to 1e+12"),
        ("petaday_cost(DATE '2026-06-01', petadays := 'nan'::DOUBLE)", "petadays: nan given; allowed is a number from 0 to 1e+12"),
        ("siting(gpu_hours := -5)", "gpu_hours: -5 given; allowed is a number from 0 to 1e+15"),
        ("siting(gpu_hours := 5, utilization := 32)", "utilization: 32 given; allowed is a number from 1e-09 to 1"),
        ("siting(gpu_hours := 5, boundary := 'scope 2')", f"boundary: scope 2 given; {_BOUNDARIES}"),
        ("siting(gpu_hours := 5, data_gb := -1)", "data_gb: -1 given; allowed is a number from 0 to 1e+15"),
        ("siting(gpu_hours := 5, against_provider := 'aws', against_purchase := 'x')", f"against_purchase: x given; {_PURCHASES}"),
        ("east_west(it_energy_kwh := -5)", "it_energy_kwh: -5 given; allowed is a number from 0 to 1e+15"),
        ("east_west(latency_limit_ms := -1)", "latency_limit_ms: -1 given; allowed is a number from 0 to 1e+06"),
        ("build_adapt_buy(own_tokens_per_s_per_gpu := -4)", "own_tokens_per_s_per_gpu: -4 given; allowed is a number from 1e-06 to 1e+12"),
        ("build_adapt_buy(own_tokens_per_s_per_gpu := 400, output_share := 3)", "output_share: 3 given; allowed is a number from 0 to 1"),
        ("compute_growth(frontier := 0)", "frontier: 0 given; allowed is a number from 1 to 1e+06"),
        ("green_window('GB', 0)", "hours: 0 given; allowed is a number from 1 to 8760"),
        ("green_window('GB', 4, horizon_hours := -1)", "horizon_hours: -1 given; allowed is a number from 0 to 8760"),
        ("zone_carbon('GB', period := 'decade')", "period: decade given; allowed is day, week, month, quarter, year"),
        ("zone_carbon('GB', boundary := 'x')", f"boundary: x given; {_BOUNDARIES}"),
        ("region_carbon('aws', 'us-east-1', boundary := 'Lifecycle')", f"boundary: Lifecycle given; {_BOUNDARIES}"),
        (f"esg_report([{{{_WORKLOAD}, 'gpu_hours': -100}}], 2024)", "gpu_hours: -100.0 given; allowed is a number from 0 to 1e+12"),
        (f"esg_report([{{{_WORKLOAD}, 'gpu_hours': 1, 'month': 13}}], 2024)", "month: 13 given; allowed is a number from 1 to 12"),
        (f"esg_report([{{{_WORKLOAD}, 'gpu_hours': 1, 'pue': 0.5}}], 2024)", "pue: 0.5 given; allowed is a number from 1 to 5"),
        (f"esg_report([{{{_WORKLOAD}, 'gpu_hours': 1}}], 2024, boundary := 'x')", f"boundary: x given; {_BOUNDARIES}"),
        (f"why_moved({_MOVED}, utilization_to := 5)", "utilization_to: 5 given; allowed is a number from 1e-09 to 1"),
        (f"why_moved({_MOVED}, boundary := 'x')", f"boundary: x given; {_BOUNDARIES}"),
        (f"why_rate_moved({_RATE}, gpu_hours := -1)", "gpu_hours: -1 given; allowed is a number from 0 to 1e+15"),
        (f"why_rate_moved({_RATE}, gpu_hours := 1, purchase := 'x')", f"purchase: x given; {_PURCHASES}"),
        ("window_totals('one_run', boundary := 'x')", f"boundary: x given; {_BOUNDARIES}"),
        ("window_hours('one_run', boundary := 'x')", f"boundary: x given; {_BOUNDARIES}"),
        ("request_impact('one_request', boundary := 'x')", f"boundary: x given; {_BOUNDARIES}"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line(bundled: duckdb.DuckDBPyConnection, call: str, message: str) -> None:
    bundled.execute(f"CREATE OR REPLACE TEMP TABLE one_run AS {_ONE_RUN}")
    bundled.execute(f"CREATE OR REPLACE TEMP TABLE one_request AS {_ONE_REQUEST}")
    with pytest.raises(duckdb.InvalidInputException, match=re.escape(message)):
        bundled.execute(f"FROM {call}").fetchall()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("cheapest('h1000')", "accelerator: 'h1000' is not known; did you mean nvidia-h100-"),
        ("gpu_hour_price('nosuch')", "accelerator: 'nosuch' is not known; known ones are in reference.accelerator"),
        ("spoken_offer(accelerator := 'nosuch')", "accelerator: 'nosuch' is not known"),
        ("price_history('nosuch')", "accelerator: 'nosuch' is not known"),
        ("petaday_history(accelerator := '')", "accelerator: '' is not known"),
        ("token_price_of('gpt4o')", "model_name: 'gpt4o' is not known; did you mean gpt-4o"),
        ("zone_carbon('de')", "of_zone: 'de' is not known; did you mean DE?"),
        ("zone_carbon('Germany')", "of_zone: 'Germany' is not known; did you mean DE?"),
        ("green_window('nosuch', 4)", "zone: 'nosuch' is not known; known ones are in observed.grid_carbon"),
        ("siting(gpu_hours := 5, accelerator := 'nosuch')", "accelerator: 'nosuch' is not known"),
        ("siting(model := 'lama-65')", "model: 'lama-65' is not known; did you mean llama-65b?"),
        ("siting(gpu_hours := 5, from_provider := 'nosuch')", "from_provider: 'nosuch' is not known"),
        ("siting(gpu_hours := 5, from_provider := 'aws', from_region := 'us-east1')", "from_region: 'us-east1' is not known; did you mean us-east-1"),
        ("siting(gpu_hours := 5, against_provider := 'nosuch')", "against_provider: 'nosuch' is not known"),
        ("siting(gpu_hours := 5, against_provider := 'aws', against_region := 'europe-west4')", "against_region: 'europe-west4' is not known"),
        ("siting(gpu_hours := 5, against_accelerator := 'nosuch')", "against_accelerator: 'nosuch' is not known"),
        ("build_adapt_buy(buy_model := 'nosuch', own_tokens_per_s_per_gpu := 400)", "buy_model: 'nosuch' is not known"),
        ("build_adapt_buy(buy_vendor := 'openia', own_tokens_per_s_per_gpu := 400)", "buy_vendor: 'openia' is not known; did you mean openai?"),
        ("build_adapt_buy(build_model := 'nosuch', own_tokens_per_s_per_gpu := 400)", "build_model: 'nosuch' is not known"),
        ("build_adapt_buy(adapt_model := 'nosuch', own_tokens_per_s_per_gpu := 400)", "adapt_model: 'nosuch' is not known"),
        ("build_adapt_buy(accelerator := 'nosuch', own_tokens_per_s_per_gpu := 400)", "accelerator: 'nosuch' is not known"),
        ("east_west(from_cluster := 'shaoguann')", "from_cluster: 'shaoguann' is not known; did you mean shaoguan?"),
        ("why_moved('gpt-3-175b-a10', DATE '2025-01-01')", "estimate: 'gpt-3-175b-a10' is not known; did you mean gpt-3-175b-a100"),
        (f"why_moved({_MOVED}, to_accelerator := 'nosuch')", "to_accelerator: 'nosuch' is not known"),
        (f"why_moved({_MOVED}, to_accelerator := 'H100')", "to_accelerator: 'H100' may be nvidia-h100-nvl-94gb, nvidia-h100-pcie-80gb, nvidia-h100-sxm-80gb; name one"),
        (f"why_moved({_MOVED}, to_provider := 'nosuch')", "to_provider: 'nosuch' is not known"),
        (f"why_moved({_MOVED}, to_region := 'nosuch')", "to_region: 'nosuch' is not known"),
        ("why_differs('gpt-3-cost-4-6-milion', 'gpt-3-cost-4-6-million')", "from_estimate: 'gpt-3-cost-4-6-milion' is not known; did you mean gpt-3-cost-4-6-million"),
        (f"esg_report([{{{_WORKLOAD}, 'gpu_hours': 1}}, {{'name': 'y', 'accelerator': 'nosuch', 'gpu_hours': 1}}], 2024)", "accelerator: 'nosuch' is not known"),
        ("esg_report([{'name': 'x', 'provider': 'awss', 'gpu_hours': 1}], 2024)", "provider: 'awss' is not known; did you mean aws?"),
        ("esg_report([{'name': 'x', 'provider': 'aws', 'region': 'us-east1', 'gpu_hours': 1}], 2024)", "region: 'us-east1' is not known; did you mean us-east-1"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_one_line_with_the_closest_names(
    bundled: duckdb.DuckDBPyConnection, call: str, message: str
) -> None:
    with pytest.raises(duckdb.InvalidInputException, match=re.escape(message)) as raised:
        bundled.execute(f"FROM {call}").fetchall()
    assert "\n" not in str(raised.value).strip()


@pytest.mark.parametrize(
    "call",
    [
        "cheapest('amd-mi25-16gb')",
        "green_window('FR', 4)",
        "zone_carbon('FR')",
        "token_price_of('gpt-3-175b')",
    ],
)
def test_a_known_name_without_data_has_no_row(bundled: duckdb.DuckDBPyConnection, call: str) -> None:
    assert bundled.execute(f"FROM {call}").fetchall() == []


def test_names_are_taken_as_people_write_them(bundled: duckdb.DuckDBPyConnection) -> None:
    for call in (
        "cheapest('NVIDIA H100 80GB', valid_at := DATE '2026-06-01')",
        "token_price_of('OpenAI/gpt-4o')",
        "siting(gpu_hours := 5, from_provider := 'AWS', from_region := 'US-EAST-1', valid_at := DATE '2026-06-01')",
        f"why_moved({_MOVED}, to_region := 'FR')",
    ):
        assert bundled.execute(f"FROM {call}").fetchall(), call


@pytest.mark.parametrize(
    "call",
    [
        "cheapest('H100', purchase := NULL, valid_at := DATE '2026-06-01')",
        "price_history('H100', purchase := NULL)",
        "petaday_cost(DATE '2026-06-01', petadays := 1, purchase := NULL)",
        "siting(gpu_hours := 5, utilization := NULL, boundary := 'direct', valid_at := DATE '2026-06-01')",
        "region_carbon('gcp', 'europe-west1', boundary := NULL)",
        f"esg_report([{{{_WORKLOAD}, 'gpu_hours': 0, 'pue': NULL, 'month': 12}}], 2024)",
    ],
)
def test_nothing_given_is_no_fault(bundled: duckdb.DuckDBPyConnection, call: str) -> None:
    assert bundled.execute(f"FROM {call}").fetchall()


@pytest.mark.parametrize(
    ("call", "rows", "files"),
    [
        ("SELECT cost_usd, energy_kwh, operational_kgco2e FROM window_totals('{}')", _ONE_RUN, ["window_totals"]),
        ("SELECT sum(cost_usd), sum(grid_hours_kgco2e) FROM window_hours('{}')", _ONE_RUN, ["window_totals"]),
        ("SELECT cost_usd, priced_vendor FROM request_cost('{}')", _ONE_REQUEST, ["request_cost"]),
        ("SELECT total_kgco2e, energy_kwh FROM request_impact('{}')", _ONE_REQUEST, ["request_impact"]),
        ("SELECT low_total_kgco2e, high_total_kgco2e FROM request_impact_band('{}')", _ONE_REQUEST, ["request_impact", "request_impact_band"]),
    ],
    ids=["window_totals", "window_hours", "request_cost", "request_impact", "request_impact_band"],
)  # fmt: skip
def test_a_table_may_have_any_name(bundled: duckdb.DuckDBPyConnection, call: str, rows: str, files: list[str]) -> None:
    """Also that of a part of the macro's own query: a table called run was taken for one, and its rows were lost."""
    folder = resources.files("assets.published") / "sql"
    text = "".join((folder / f"{file}.sql").read_text(encoding="utf-8") for file in files)
    names = set(
        re.findall(r"^\s*(?:WITH )?([a-z][a-z_]*) AS (?:NOT MATERIALIZED |MATERIALIZED )?\(", text, re.MULTILINE)
    )
    assert len(names) > 10
    rows = f"SELECT *, 'openai' AS vendor, 100 AS input_tokens_count, 'gpt-4o' AS model, 7e10 AS parameters_count, 1.1 AS pue FROM (SELECT * EXCLUDE (model) FROM ({rows}))" if "model" in rows else rows  # fmt: skip
    bundled.execute(f"CREATE OR REPLACE TEMP TABLE petaday_plain AS {rows}")
    plain = bundled.execute(call.format("petaday_plain")).fetchall()
    assert plain
    assert None not in plain[0]
    for name in sorted(names):
        bundled.execute(f'CREATE TEMP TABLE "{name}" AS {rows}')
        try:
            assert bundled.execute(call.format(name)).fetchall() == plain, name
        finally:
            bundled.execute(f'DROP TABLE temp."{name}"')


@pytest.mark.parametrize(
    ("rows", "column", "asked"),
    [
        (_ONE_RUN, "run_from", "SELECT cost_usd, operational_kgco2e FROM window_totals('{}')"),
        (f"SELECT *, 'openai' AS vendor, 100 AS input_tokens_count FROM ({_ONE_REQUEST})", "requested_at", "SELECT unknown, requested_at FROM request_cost('{}')"),
        (_ONE_REQUEST, "requested_at", "SELECT energy_kwh, total_kgco2e FROM request_impact('{}')"),
    ],
    ids=["window_totals", "request_cost", "request_impact"],
)  # fmt: skip
def test_an_instant_may_be_text(bundled: duckdb.DuckDBPyConnection, rows: str, column: str, asked: str) -> None:
    """As read_csv leaves a column of times of which it cannot read one; that one is named."""
    bundled.execute(f"CREATE TEMP TABLE timed AS {rows}")
    bundled.execute(f"CREATE TEMP TABLE told AS SELECT * REPLACE ({column}::VARCHAR AS {column}) FROM timed")
    assert bundled.execute(asked.format("told")).fetchall() == bundled.execute(asked.format("timed")).fetchall()
    bundled.execute(f"UPDATE told SET {column} = 'last week'")
    with pytest.raises(duckdb.ConversionException, match='"last week".*YYYY-MM-DD'):
        bundled.execute(asked.format("told"))
