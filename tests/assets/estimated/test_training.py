"""The estimate: what is looked up and said, what stays unknown, what is refused."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.estimated.engine import estimate_statements
from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import statement_of
from assets.estimated.scenario_files.training import bundled_scenarios, scenario_of
from assets.estimated.tables import FACTOR, METHOD_DEFAULT, TABLES, TRAINING_ESTIMATE, TRAINING_QUANTITIES
from assets.estimated.training import estimate_training, estimate_trainings
from tests.assets.estimated.conftest import build

NOW = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
GPT3_H100 = {"model": "gpt-3-175b", "accelerator": "nvidia-h100-sxm-80gb"}


def estimate(con: duckdb.DuckDBPyConnection, **values: object) -> dict[str, Any]:
    """The JSON output of a scenario."""
    return estimate_training(con, scenario_of(values), NOW).as_json()


def factor(output: dict[str, Any], name: str) -> dict[str, Any]:
    """One factor of an output."""
    return next(f for f in output["factors"] if f["factor"] == name)


def test_gpt3_is_3640_petadays(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The name of the project, from the model alone."""
    output = estimate(warehouse, model="gpt-3-175b")
    assert output["pf_days"]["central"] == pytest.approx(3640, rel=0.0014)
    assert output["pf_days"]["unit"] == "PFLOP/s-day"
    assert set(TRAINING_QUANTITIES) < set(output)
    json.dumps(output, allow_nan=False)


def test_exact_inputs_collapse_the_band(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Patterson's GPT-3: every input given, every band a point."""
    output = estimate(
        warehouse,
        accelerator_count=10_000,
        duration_days=14.8,
        achieved_flop_per_s_per_gpu=24.6e12,
        power_w_per_gpu=330,
        pue=1.1,
        grid_gco2e_per_kwh=429,
        usd_per_gpu_hour=1.5,
    )
    assert output["energy_kwh"]["central"] == pytest.approx(1_289_376)
    assert output["operational_kgco2e"]["central"] == pytest.approx(553_142.304)
    assert output["cost_usd"]["central"] == pytest.approx(5_328_000)
    for quantity in TRAINING_QUANTITIES:
        assert output[quantity]["low"] == output[quantity]["central"] == output[quantity]["high"]
    assert {f["origin_kind"] for f in output["factors"]} == {"given"}


def test_what_was_looked_up_is_said(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Each factor that was not given names table and key, or the default it stands on."""
    output = estimate(warehouse, **GPT3_H100, provider="aws", region="us-east-1")
    kinds = {f["factor"]: f["origin_kind"] for f in output["factors"]}
    assert kinds == {
        "active_parameters_count": "reference",
        "tokens_count": "reference",
        "flop_per_parameter_token": "reference",
        "peak_flop_per_s_per_gpu": "reference",
        "utilization_share": "method_default",
        "tdp_w": "reference",
        "power_share_of_tdp": "method_default",
        "pue": "reference",
        "grid_gco2e_per_kwh": "observed",
        "usd_per_gpu_hour": "observed",
    }
    assert factor(output, "usd_per_gpu_hour")["value"] == 6.88
    assert factor(output, "usd_per_gpu_hour")["capture_id"] == "c2"
    assert output["is_bundled"]
    grid = factor(output, "grid_gco2e_per_kwh")
    assert grid["value"] == 384
    assert "the country, as there is none for zone US-MIDA-PJM" in grid["origin_ref"]
    assert "lifecycle" in grid["origin_ref"]
    assert "379 days old" in grid["origin_ref"]
    for quantity in ("gpu_hours", "energy_kwh", "cost_usd", "operational_kgco2e"):
        assert output[quantity]["low"] < output[quantity]["central"] < output[quantity]["high"]
        shares = [f["variance_share"].get(quantity) or 0 for f in output["factors"]]
        assert sum(shares) == pytest.approx(1)


def test_price_is_of_its_date(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The day before a cut the old price holds, on the day the new one."""
    where = {"provider": "aws", "region": "us-east-1"}
    before, after = (
        factor(estimate(warehouse, **GPT3_H100, **where, as_of=day), "usd_per_gpu_hour")["value"]
        for day in ("2025-06-04", "2025-06-05")
    )
    assert (before, after) == (12.29, 6.88)


def test_price_over_offers_has_a_band(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The whole market: median of 6.88, 2.99 and 2.39, p5 and p95 by interpolation; spot is another price."""
    price = factor(estimate(warehouse, **GPT3_H100), "usd_per_gpu_hour")
    assert (price["low"], price["value"], price["high"]) == pytest.approx((2.45, 2.99, 6.491))
    assert "3 offers (3 providers)" in price["origin_ref"]
    assert factor(estimate(warehouse, **GPT3_H100, purchase="spot"), "usd_per_gpu_hour")["value"] == 2.5


def test_a_provider_that_sells_in_many_regions_counts_once(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Ten regions at 12 and one provider at 3 and one at 5: the rate is the median of three providers; of one provider, of its offers."""
    columns = "provider, region, purchase_option, accelerator_id, price_usd_per_gpu_hour, valid_from, source_id, capture_id, is_bundled"
    rows = [("gcp", f"r{n}", 11.5 + n / 10, "skypilot") for n in range(1, 11)]
    # The same provider as another, worse ranked list has it: it does not speak.
    rows += [
        ("gcp", "r1", 50.0, "starter"),
        ("lambda", "global", 3.0, "skypilot"),
        ("nebius", "global", 5.0, "skypilot"),
    ]
    warehouse.execute("BEGIN")
    try:
        warehouse.executemany(
            f"INSERT INTO observed.cloud_rate ({columns}) VALUES (?, ?, 'on_demand', 'nvidia-b200-sxm-180gb', ?, '2026-01-01', ?, 'c9', false)",
            rows,
        )
        given = {"gpu_hours": 10, "accelerator": "nvidia-b200-sxm-180gb"}
        any_provider, one = (
            factor(estimate(warehouse, **given, **of), "usd_per_gpu_hour") for of in ({}, {"provider": "gcp"})
        )
    finally:
        warehouse.execute("ROLLBACK")
    assert (any_provider["value"], any_provider["low"], any_provider["high"]) == pytest.approx((5.0, 3.2, 11.345))
    assert "12 offers (3 providers)" in any_provider["origin_ref"]
    assert one["value"] == pytest.approx(12.05)
    assert "10 offers (1 provider), gcp" in one["origin_ref"]


def test_a_job_without_a_start_has_the_grid_of_a_year(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Whatever the hour of as_of: no half hour stands for a job of hours or months. Marginal never."""
    run = {"gpu_hours": 10, "power_w_per_gpu": 400, "pue": 1.1, "region": "GB"}
    for as_of in ("2025-03-01T12:10:00+00:00", "2025-03-01T13:10:00+00:00", "2026-03-01"):
        grid = factor(estimate(warehouse, **run, as_of=as_of), "grid_gco2e_per_kwh")
        assert grid["value"] == 240
        assert "[GB, P1Y, average, direct, location, actual], 12 months from 2025-01-01 00:00" in grid["origin_ref"]


def test_lifecycle_before_a_newer_direct_value(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Boundaries are not mixed: the newer direct value of 2025 does not stand in for lifecycle."""
    output = estimate(warehouse, gpu_hours=10, power_w_per_gpu=400, region="US", as_of="2025-06-01")
    assert factor(output, "grid_gco2e_per_kwh")["value"] == 384


def test_bands_given_are_used(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A band given for one factor is the result's band where the rest is exact."""
    output = estimate(warehouse, gpu_hours=1_000, usd_per_gpu_hour={"low": 1, "central": 2, "high": 3})
    assert [output["cost_usd"][s] for s in ("low", "central", "high")] == pytest.approx([1_000, 2_000, 3_000])


def test_derivations(warehouse: duckdb.DuckDBPyConnection) -> None:
    """FLOP from hours and throughput, hours from FLOP and throughput, days and utilisation from the run."""
    output = estimate(warehouse, gpu_hours=1_000, achieved_flop_per_s_per_gpu=1e14)
    assert output["training_flop"]["central"] == pytest.approx(3.6e20)
    output = estimate(
        warehouse, training_flop=3.6e20, peak_flop_per_s_per_gpu=2e14, utilization_share=0.5, accelerator_count=10
    )
    assert output["gpu_hours"]["central"] == pytest.approx(1_000)
    assert output["derived"]["duration_days"]["central"] == pytest.approx(1_000 / 240)
    output = estimate(warehouse, model="llama-65b", accelerator="nvidia-a100-sxm-80gb", gpu_hours=1_022_362)
    assert output["derived"]["utilization_share"]["central"] == pytest.approx(0.477, abs=5e-4)
    assert not any(f["factor"] == "utilization_share" for f in output["factors"])


def test_active_parameters_of_a_mixture(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A mixture of experts computes with what is active; 3ND for an encoder-decoder; attention on request."""
    given = {"parameters_count": 671e9, "active_parameters_count": 37e9, "tokens_count": 14.8e12}
    assert estimate(warehouse, **given)["training_flop"]["central"] == pytest.approx(6 * 37e9 * 14.8e12)
    assert estimate(warehouse, model="deepseek-v3")["training_flop"]["central"] == pytest.approx(
        6 * 37e9 * 14.8e12, rel=0.01
    )
    plain, with_attention = (
        estimate(warehouse, model="palm-540b", include_attention=flag)["training_flop"]["central"]
        for flag in (False, True)
    )
    assert plain == pytest.approx(6 * 540.35e9 * 780e9)
    assert with_attention == pytest.approx(2.56e24, rel=0.002)


@pytest.mark.parametrize(
    ("values", "quantity", "reason"),
    [
        ({"gpu_hours": 10}, "training_flop", "give training_flop, or parameters_count and tokens_count, or model"),
        (
            {"model": "GPT-4o", "accelerator": "H100 SXM"},
            "training_flop",
            "what is known of GPT-4o does not tell its FLOP: give training_flop, or",
        ),
        (
            {"model": "gpt-3-175b", "usd_per_gpu_hour": 2, "accelerator": "nvidia-t4g-16gb"},
            "gpu_hours",
            "no 16-bit peak is published",
        ),
        ({"training_flop": 1e23}, "gpu_hours", "no GPU-hours: give gpu_hours"),
        ({"gpu_hours": 10}, "cost_usd", "no price: give usd_per_gpu_hour or an accelerator"),
        (
            {"gpu_hours": 10, "accelerator": "nvidia-l4-24gb"},
            "cost_usd",
            "no on_demand offer of nvidia-l4-24gb in observed.cloud_rate",
        ),
        (
            {"gpu_hours": 10, "accelerator": "nvidia-h100-sxm-80gb", "provider": "aws", "as_of": "2023-01-01"},
            "cost_usd",
            "the first is from 2023-07-26",
        ),
        ({"gpu_hours": 10}, "energy_kwh", "no accelerator: give power_w_per_gpu"),
        ({"gpu_hours": 10, "accelerator": "google-tpu-v4"}, "energy_kwh", "no TDP is published for google-tpu-v4"),
        (
            {"gpu_hours": 10, "power_w_per_gpu": 400},
            "operational_kgco2e",
            "no place: give region or grid_gco2e_per_kwh",
        ),
        (
            {"gpu_hours": 10, "power_w_per_gpu": 400, "region": "JP"},
            "operational_kgco2e",
            "no average location-based carbon intensity of JP",
        ),
    ],
)
def test_unknown_is_null_with_a_reason(
    warehouse: duckdb.DuckDBPyConnection, values: dict[str, object], quantity: str, reason: str
) -> None:
    """What cannot be derived is not priced by a default."""
    result = estimate(warehouse, **values)[quantity]
    assert (result["low"], result["central"], result["high"]) == (None, None, None)
    assert reason in result["reason"]


def test_pue_is_not_assumed_for_bare_numbers(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Where nothing is named, energy is at the servers and said to be; where something is, the default band is used."""
    output = estimate(warehouse, gpu_hours=1_000, power_w_per_gpu=400)
    assert output["energy_kwh"]["central"] == pytest.approx(400)
    assert "energy at the servers (PUE 1)" in factor(output, "pue")["origin_ref"]
    output = estimate(warehouse, gpu_hours=1_000, power_w_per_gpu=400, accelerator="nvidia-a100-sxm-80gb")
    assert output["energy_kwh"]["low"] < output["energy_kwh"]["central"] < output["energy_kwh"]["high"]
    assert factor(output, "pue")["origin_kind"] == "method_default"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "gtp-3-175b"}, "model: gtp-3-175b is not in reference.model; closest are gpt-3-175b"),
        (
            {"accelerator": "H100 SXM9"},
            "accelerator: H100 SXM9 is not in reference.accelerator; closest are nvidia-h100-sxm-80gb",
        ),
        (
            {"accelerator": "A800"},
            "accelerator: A800 may be any of nvidia-a800-pcie-80gb, nvidia-a800-sxm-80gb",
        ),
        ({"provider": "awz"}, "provider: awz is not known; closest are aws"),
        ({"region": "us-esat-1"}, "region: us-esat-1 is not a region or grid zone; closest are us-east-1"),
        ({"region": "us-esat-1", "provider": "aws"}, "region: us-esat-1 is not a region of aws; closest are us-east-1"),
        ({"region": "sweden"}, "region: sweden is not a region or grid zone; grid zones of Sweden: SE"),
        ({"region": "GBR"}, "region: GBR is not a region or grid zone; grid zones of United Kingdom: GB"),
        (
            {"region": "Ireland", "provider": "aws"},
            "region: Ireland is not a region of aws; its regions of Ireland: eu-west-1",
        ),
        (
            {"region": "Iceland", "provider": "gcp"},
            "region: Iceland is not a region of gcp; closest are ",
        ),
        (
            {**GPT3_H100, "as_of": "2010-01-01"},
            "as_of: 2010-01-01 is before the first observation of a price, 2022-05-01",
        ),
        (
            {"region": "SE", "as_of": "2010-01-01"},
            "as_of: 2010-01-01 is before the first observation of grid carbon, 2022-01-01",
        ),
        ({"gpu_hours": 1, "as_of": "2099-01-01"}, "as_of: 2099-01-01 lies more than a year ahead"),
        (
            {"training_flop": 3.14e23, "gpu_hours": 1_000, "achieved_flop_per_s_per_gpu": 1e14},
            "= 3.14e+23 FLOP against 1000 GPU-hours x 1e+14 FLOP/s = 3.6e+20 FLOP, 872 times apart",
        ),
        ({"training_flop": 3.14e23, "gpu_hours": 3.552e6, "achieved_flop_per_s_per_gpu": 30e12}, "1.22 times apart"),
        (
            {"model": "gpt-3-175b", "accelerator": "nvidia-v100-sxm2-32gb", "gpu_hours": 1_000},
            "in 1000 GPU-hours is 8.73e+16 FLOP/s per GPU, above the peak of nvidia-v100-sxm2-32gb, 1.25e+14",
        ),
        (
            {"gpu_hours": 5, "accelerator_count": 10, "duration_days": 10},
            "gpu_hours 5 against 10 accelerators x 10 days x 24 = 2400",
        ),
        (
            {"training_flop": 1e23, "parameters_count": 1e9, "tokens_count": 1e12},
            "training_flop 1e+23 against 6 x 1e+09 parameters",
        ),
        (
            {"energy_kwh": 10, "gpu_hours": 1_000, "power_w_per_gpu": 400, "pue": 1.1},
            "energy_kwh 10 against 1000 GPU-hours x 400 W x PUE 1.1 = 440",
        ),
        (
            {"accelerator": "nvidia-a100-sxm-80gb", "achieved_flop_per_s_per_gpu": 900e12},
            "allowed is at most the peak of nvidia-a100-sxm-80gb",
        ),
        (
            {"accelerator": "nvidia-a100-sxm-80gb", "achieved_flop_per_s_per_gpu": 100e12, "utilization_share": 0.9},
            "against peak 3.12e+14 x utilization_share 0.9 = 2.808e+14",
        ),
        ({"gpu_hours": 1, "include_attention": True}, "include_attention: needs a model"),
        (
            {"accelerator": "nvidia-a100-sxm-80gb", "gpu_hours": 8, "power_w_per_gpu": 6_500},
            "power_w_per_gpu: 6500 given, 16.2 times the board power of nvidia-a100-sxm-80gb, 400 W; allowed is at most 8 times",
        ),
        (
            {"tdp_w": 400, "gpu_hours": 8, "power_w_per_gpu": 6_500},
            "power_w_per_gpu: 6500 given, 16.2 times the board power of the accelerator, 400 W",
        ),
        (
            {"accelerator": "nvidia-h100-sxm-80gb", "gpu_hours": 1_000, "energy_kwh": 100_000},
            "energy_kwh and GPU-hours: 100000 kWh in 1000 GPU-hours is 1e+05 W per GPU, 143 times the board power of nvidia-h100-sxm-80gb, 700 W",
        ),
        (
            {"accelerator": "nvidia-h100-sxm-80gb", "gpu_hours": 1e6, "it_energy_kwh": 700},
            "is 0.7 W per GPU, 0.001 times the board power",
        ),
        (
            {"accelerator": "nvidia-h100-sxm-80gb", "achieved_flop_per_s_per_gpu": 1.5e15},
            "1.5e+15 given, above the dense 16-bit peak of nvidia-h100-sxm-80gb, 9.894e+14 FLOP/s; in another number format give its peak_flop_per_s_per_gpu",
        ),
        (
            {"accelerator": "nvidia-h100-sxm-80gb", "training_flop": 4e22, "gpu_hours": 1e4},
            "is 1.111e+15 FLOP/s per GPU, above the dense 16-bit peak of nvidia-h100-sxm-80gb, 9.894e+14; in another number format",
        ),
        (
            {"energy_kwh": 100, "it_energy_kwh": 200},
            "energy_kwh: 100 kWh at the meter given, less than the 200 kWh of it_energy_kwh",
        ),
        (
            {"accelerator": "H100 SXM", "gpu_hours": 8, "gpus": 8, "region": "US", "start_at": "2999-01-01"},
            "start_at: 2999-01-01 lies more than a year ahead",
        ),
    ],
)
def test_refused(warehouse: duckdb.DuckDBPyConnection, values: dict[str, object], message: str) -> None:
    """One line: which field, what was given, what is allowed."""
    with pytest.raises(ScenarioError) as error:
        estimate(warehouse, **values)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "written", ["H100 SXM", "h100_sxm5", "nvidia-h100-sxm-80gb", "NVIDIA H100 80GB HBM3", "h100-sxm-80gb"]
)
def test_one_accelerator_however_written(warehouse: duckdb.DuckDBPyConnection, written: str) -> None:
    """Case, punctuation and the vendor's name do not count."""
    peak = factor(estimate(warehouse, training_flop=1e23, accelerator=written), "peak_flop_per_s_per_gpu")
    assert "reference.accelerator[nvidia-h100-sxm-80gb]" in peak["origin_ref"]


def test_attention_is_over_the_sequences_of_the_training(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Llama 3.1 405B takes 131,072 tokens of context and was trained on sequences of 8,192: 8% of attention, not 133%."""
    plain = estimate(warehouse, model="llama-3.1-405b", tokens_count=15.6e12)["training_flop"]["central"]
    found = estimate(warehouse, model="llama-3.1-405b", tokens_count=15.6e12, include_attention=True)["training_flop"][
        "central"
    ]
    assert found - plain == pytest.approx(12 * 126 * 128 * 128 * 8_192 * 15.6e12)
    assert found / plain == pytest.approx(1.083, abs=1e-3)
    shares = warehouse.execute(
        "SELECT model_id, attention_flop_per_token(layer_count, attention_width(attention_head_count, head_dimension_count, rope_head_dimension_count), "
        "attended_tokens_count(training_context_tokens_count, layer_count, local_layer_count, attention_window_tokens_count)) "
        "/ (6 * coalesce(active_parameters_count, parameters_count)) FROM reference.model WHERE training_context_tokens_count IS NOT NULL"
    ).fetchall()
    assert len(shares) > 80
    # Half as much again is the most there is: a small model of 494 million parameters on 4,096 tokens.
    assert {model: share for model, share in shares if share is not None and not 0 < share < 0.55} == {}


@pytest.mark.parametrize(
    ("model", "tokens", "per_token"),
    [
        # Ten layers over sequences of 32,768 tokens, 52 over a window of 1,024.
        ("gemma-3-27b", 14e12, 12 * 32 * 128 * (10 * 32_768 + 52 * 1_024)),
        ("gemma-2-9b", 8e12, 12 * 16 * 256 * (21 * 8_192 + 21 * 4_096)),
        ("mistral-7b", 1e12, 12 * 32 * 32 * 128 * 4_096),
        # Keys of 192 values, 64 of them rotary, and values of 128.
        ("deepseek-v3", 14.8e12, 6 * 61 * 128 * (192 + 128) * 4_096),
        ("kimi-k2", 15.5e12, 6 * 61 * 64 * (192 + 128) * 4_096),
    ],
)
def test_attention_is_of_what_each_layer_sees(
    warehouse: duckdb.DuckDBPyConnection, model: str, tokens: float, per_token: float
) -> None:
    """12 L H Q T, where layers with a window see no more than it; [compute] says the same."""
    plain, found = (
        estimate(warehouse, model=model, tokens_count=tokens, include_attention=counted)["training_flop"]["central"]
        for counted in (False, True)
    )
    assert found - plain == pytest.approx(per_token * tokens, rel=1e-9)
    (computed,) = estimate_statements(warehouse, [statement_of("compute", {"model": model, "tokens_count": tokens})])
    assert computed.quantities["attention_flop_per_token"]["central"] == pytest.approx(per_token)
    assert computed.quantities["training_flop"]["central"] == pytest.approx(found)


def test_a_window_may_be_stated(warehouse: duckdb.DuckDBPyConnection) -> None:
    """By the same keys in both sections, as bands too: more local layers are less attention."""
    stated = {"parameters_b": 7, "tokens_b": 1, "layers": 32, "heads": 32, "head_dim": 128, "context_tokens": 8_192}
    window = {"local_layers": 24, "sliding_window": 1_024}
    flop = 6e9 * 7 + 12 * 4_096 * (8 * 8_192 + 24 * 1_024)
    assert estimate(warehouse, include_attention=True, **stated, **window)["training_flop"]["central"] == pytest.approx(
        flop * 1e9
    )
    (found,) = estimate_statements(warehouse, [statement_of("compute", stated | window)])
    assert found.quantities["flop_per_token"]["central"] == pytest.approx(flop)
    assert found.quantities["attended_tokens_count"]["central"] == (8 * 8_192 + 24 * 1_024) / 32
    band = {"low": 16, "central": 24, "high": 32}
    (asked,) = (scenario_of(stated | {**window, "local_layers": band, "include_attention": True}),)
    found_band = asked.numbers["attention_flop_per_token"]
    assert (found_band.low, found_band.high) == (12 * 4_096 * 32 * 1_024, 12 * 4_096 * (16 * 8_192 + 16 * 1_024))
    none = estimate(warehouse, include_attention=True, **stated, **window | {"local_layers": 0})
    assert none["training_flop"]["central"] == pytest.approx((6e9 * 7 + 12 * 4_096 * 32 * 8_192) * 1e9)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"local_layers": 33, "sliding_window": 10}, "local_layers (read as local_layer_count): 33 given; allowed is at most layer_count, 32"),
        ({"local_layers": 3}, "local_layers (read as local_layer_count): says nothing by itself; give layer_count and attention_width_count and context_tokens_count and attention_window_tokens_count too"),
        ({"sliding_window": 4_096}, "sliding_window (read as attention_window_tokens_count): says nothing by itself; give layer_count and "),
        ({"local_layers": 3, "sliding_window": 0}, "sliding_window (read as attention_window_tokens_count): 0 given; allowed is a number of tokens from 1 to 1e+09"),
        ({"local_layers": -1, "sliding_window": 9}, "local_layers (read as local_layer_count): -1 given; allowed is a number of layers from 0 to 100000"),
    ],
)  # fmt: skip
def test_a_window_that_cannot_be(warehouse: duckdb.DuckDBPyConnection, values: dict[str, float], message: str) -> None:
    stated = {"parameters_b": 7, "tokens_b": 1, "layers": 32, "heads": 32, "head_dim": 128, "context_tokens": 8_192}
    with pytest.raises(ScenarioError, match=re.escape(message)):
        estimate(warehouse, include_attention=True, **stated, **values)


@pytest.mark.parametrize("model", ["llama-4-scout", "deepseek-r1", "gpt-oss-120b"])
def test_attention_is_not_counted_where_the_length_is_not_known(
    warehouse: duckdb.DuckDBPyConnection, model: str
) -> None:
    with pytest.raises(ScenarioError, match="length of its training sequences; give attention_flop_per_token"):
        estimate(warehouse, model=model, include_attention=True)
    stated = {"layers": 61, "heads": 128, "head_dim": 128, "context_tokens": 4_096}
    found = estimate(warehouse, model="deepseek-v3", include_attention=True, **stated)["training_flop"]["central"]
    assert found == pytest.approx((6 * 37e9 + 12 * 61 * 128 * 128 * 4_096) * 14.8e12)


def test_attention_of_an_encoder_decoder_of_stated_lengths(warehouse: duckdb.DuckDBPyConnection) -> None:
    """T5 11B by hand, layer by layer: what each token of a half sees, four FLOP a value and forward, three times that with the backward pass."""
    source, target, layers, width = 512, 114, 24, 128 * 128
    halves = {"encoder_layers": layers, "decoder_layers": layers, "heads": 128, "head_dim": 128, "source_tokens": source, "target_tokens": target}  # fmt: skip
    seen = sum(layers * source for _ in range(source)) + sum(layers * (target + source) for _ in range(target))
    of_a_token = 3 * 4 * width * seen / (source + target)
    stated = {"parameters_b": 11, "tokens_b": 1_000, "flop_per_parameter_token": 3}
    by_training = estimate(warehouse, include_attention=True, **stated, **halves)["training_flop"]["central"]
    results = estimate_statements(
        warehouse,
        [
            statement_of("compute", values | halves, scenario_id=name)
            for name, values in (("named", {"model": "t5-11b"}), ("stated", stated))
        ],
    )
    for found in results:
        assert found.quantities["attention_flop_per_token"]["central"] == pytest.approx(of_a_token, rel=1e-12)
        assert found.quantities["training_flop"]["central"] == pytest.approx(by_training, rel=1e-12)
    assert by_training == pytest.approx((3 * 11e9 + of_a_token) * 1e12, rel=1e-12)
    # With no source to read, and no encoder to speak of, it is the attention of a decoder.
    alone = halves | {"encoder_layers": 1e-6, "source_tokens": 1e-6}
    (found,) = estimate_statements(warehouse, [statement_of("compute", stated | alone)])
    assert found.quantities["attention_flop_per_token"]["central"] == pytest.approx(12 * layers * width * target)


def test_a_band_of_lengths_holds_what_they_give_one_by_one(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A target of a few tokens beside a long source has less attention per token the longer it is; the band follows it down and up."""
    halves = {"parameters_b": 1, "tokens_b": 1, "encoder_layers": 24, "decoder_layers": 2, "heads": 16, "head_dim": 64}
    asked = scenario_of(
        halves
        | {"source_tokens": 4_096, "target_tokens": {"low": 8, "central": 64, "high": 512}, "include_attention": True}
    )
    band = asked.numbers["attention_flop_per_token"]
    for target in (8, 64, 512):
        one = scenario_of(halves | {"source_tokens": 4_096, "target_tokens": target, "include_attention": True})
        assert band.low <= one.numbers["attention_flop_per_token"].central <= band.high


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"encoder_layers": 24}, "encoder_layers .*: says nothing by itself; give decoder_layer_count and"),
        (
            {"encoder_layers": 24, "decoder_layers": 24, "heads": 1, "head_dim": 1, "source_tokens": 1, "target_tokens": 1, "layers": 1, "context_tokens": 1},
            "attention_flop_per_token: given, and it follows from encoder_layer_count and",
        ),
    ],
)  # fmt: skip
def test_halves_that_contradict_or_lack_each_other(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ScenarioError, match=problem):
        scenario_of({"parameters_b": 1, "tokens_b": 1, "include_attention": True} | values)


def test_attention_of_an_encoder_decoder_is_not_guessed(warehouse: duckdb.DuckDBPyConnection) -> None:
    """T5 11B: 3 FLOP per parameter and token in both sections, 3.3e22 in all, and no attention from the layers of one of its halves."""
    with pytest.raises(ScenarioError, match="include_attention: t5-11b is an encoder-decoder, whose attention depends"):
        estimate(warehouse, model="t5-11b", include_attention=True)
    (found,) = estimate_statements(
        warehouse, [statement_of("compute", {"model": "t5-11b", "context_tokens": 512, "tokens_b": 1_000})]
    )
    assert found.quantities["training_flop"]["central"] == pytest.approx(3.3e22)
    assert found.quantities["attention_flop_per_token"]["central"] is None


@pytest.mark.parametrize(
    "column",
    ["training_context_tokens_count", "local_layer_count", "rope_head_dimension_count", "kv_latent_width_count"],
)
def test_a_file_of_an_earlier_version_counts_no_attention(column: str) -> None:
    """It does not say how long the sequences of a training were, or which layers see less, or what is cached; all else is as in any file."""
    con = duckdb.connect()
    build(con)
    con.execute(f"ALTER TABLE reference.model DROP COLUMN {column}")
    assert estimate(con, model="gpt-3-175b")["training_flop"]["central"] > 3e23
    computed, served = estimate_statements(
        con,
        [
            statement_of("compute", {"model": "gpt-3-175b"}, scenario_id="computed"),
            statement_of(
                "serving",
                {"model": "deepseek-v3", "gpu": "H200 SXM", "prompt_tokens": 9, "output_tokens": 9},
                scenario_id="served",
            ),
        ],
    )
    assert computed.quantities["training_flop"]["central"] > 3e23
    assert served.quantities["weight_byte"]["central"] > 1e12
    if column != "kv_latent_width_count":
        with pytest.raises(ScenarioError, match="length of its training sequences"):
            estimate(con, model="gpt-3-175b", include_attention=True)
        assert computed.quantities["flop_per_token"]["central"] is None
    if column != "training_context_tokens_count":
        # 128 heads of keys and values would be 57 times what its latent vectors are.
        assert served.quantities["request_cache_byte"]["central"] is None


def test_a_run_in_fewer_bits_states_its_peak(warehouse: duckdb.DuckDBPyConnection) -> None:
    """1,500 TFLOP/s in FP8 are 76% of an H100's 1,979, not 152% of its 16-bit peak."""
    found = estimate(warehouse, accelerator="H100 SXM", achieved_tflops=1500, peak_tflops=1979, gpu_hours=1)
    assert found["derived"]["utilization_share"]["central"] == pytest.approx(1500 / 1979)


def test_rounded_inputs_do_not_contradict(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Patterson's T5: printed FLOP and chips x days x TFLOP/s differ by 2.7%."""
    output = estimate(
        warehouse, training_flop=4.05e22, accelerator_count=512, duration_days=20, achieved_flop_per_s_per_gpu=45.6e12
    )
    assert output["gpu_hours"]["central"] == pytest.approx(512 * 20 * 24, rel=0.027)


def test_a_band_that_reaches_is_no_contradiction(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A throughput band that covers the other way is accepted."""
    output = estimate(
        warehouse,
        training_flop=3.14e23,
        gpu_hours=3.552e6,
        achieved_flop_per_s_per_gpu={"low": 20e12, "central": 30e12, "high": 40e12},
    )
    assert output["gpu_hours"]["central"] == pytest.approx(3.552e6)


def test_many_at_once_equal_one_by_one(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Scenarios of one call do not touch each other; the frames are the declared tables."""
    scenarios = bundled_scenarios()
    together = estimate_trainings(warehouse, scenarios, NOW)
    for scenario, result in list(zip(scenarios, together.estimates, strict=True))[::3]:
        assert estimate_training(warehouse, scenario, NOW).as_json() == result.as_json()
    assert together.training_estimate.height == 6 * len(scenarios)
    TRAINING_ESTIMATE.columns.validate(together.training_estimate)
    FACTOR.columns.validate(together.factor)
    with pytest.raises(ScenarioError, match="used twice"):
        estimate_trainings(warehouse, [scenarios[0], scenarios[0]], NOW)


def test_bundled_scenarios_as_published(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Printed results of the runs that are bundled."""
    results = {
        e.scenario.scenario_id: e.quantities for e in estimate_trainings(warehouse, bundled_scenarios(), NOW).estimates
    }
    assert results["gpt-3-175b"]["operational_kgco2e"]["central"] == pytest.approx(552_100, rel=0.011)
    assert results["llama-65b"]["energy_kwh"]["central"] == pytest.approx(449_000, rel=0.0025)
    assert results["bloom-176b"]["operational_kgco2e"]["central"] == pytest.approx(30_000, rel=0.017)
    assert results["deepseek-v3"]["cost_usd"]["central"] == pytest.approx(5.576e6)
    for name in ("gpt-3-175b-a100", "gpt-3-175b-h100"):
        assert results[name]["cost_usd"]["low"] < results[name]["cost_usd"]["high"]


@pytest.mark.parametrize("has_macros", [True, False])
def test_on_a_read_only_file(tmp_path: Path, *, has_macros: bool) -> None:
    """The published file is not written to, leaves nothing behind, and may be older than a macro."""
    path = str(tmp_path / "published.duckdb")
    with duckdb.connect(path) as con:
        build(con)
        if not has_macros:
            con.execute(
                "DROP MACRO training_flop_with_attention; DROP MACRO pf_days; DROP TABLE reference.method_default"
            )
    with duckdb.connect(path, read_only=True) as con:
        before = con.execute("SELECT count(*) FROM duckdb_tables()").fetchone()
        assert estimate(con, **GPT3_H100)["pf_days"]["central"] == pytest.approx(3637.5)
        with pytest.raises(ScenarioError):
            estimate(con, model="nonsense")
        assert con.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == before


def test_method_defaults_are_typed(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The file fits its declaration and its bands are in order."""
    frame = warehouse.execute("SELECT * FROM reference.method_default").pl()
    METHOD_DEFAULT.columns.validate(frame, cast=True)
    assert frame.filter(~((frame["low"] <= frame["central"]) & (frame["central"] <= frame["high"]))).is_empty()


def test_tables_can_be_created() -> None:
    """The declarations give valid DDL."""
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA estimated; CREATE SCHEMA reference")
        for table in (*TABLES, METHOD_DEFAULT):
            for statement in table.ddl():
                con.execute(statement)
        made = con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
    assert {name for (name,) in made} == {table.full_name for table in (*TABLES, METHOD_DEFAULT)}


def test_default_utilization_covers_runs_that_it_was_not_made_from(
    warehouse: duckdb.DuckDBPyConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each published run against the quantiles of the others: the share inside, printed, beside the 90% that it says."""
    inside, runs = warehouse.execute(
        """WITH run AS (
            SELECT model_id, training_flop(coalesce(active_parameters_count, parameters_count), training_tokens_count, coalesce(flop_per_parameter_token, 6))
                / training_gpu_hours / 3600 / fp16_dense_flop_per_s AS mfu
            FROM reference.model m JOIN reference.accelerator a ON a.accelerator_id = m.training_accelerator_id
            WHERE training_gpu_hours IS NOT NULL AND fp16_dense_flop_per_s IS NOT NULL AND training_tokens_count IS NOT NULL
                AND NOT starts_with(model_id, 'llama-3.2')
        ), left_out AS (
            SELECT r.model_id, r.mfu BETWEEN quantile_cont(o.mfu, 0.05) AND quantile_cont(o.mfu, 0.95) AS is_inside
            FROM run r JOIN run o ON o.model_id <> r.model_id GROUP BY r.model_id, r.mfu
        ) SELECT count(*) FILTER (is_inside), count(*) FROM left_out"""
    ).fetchone() or (0, 0)
    with capsys.disabled():
        sys.stdout.write(
            f"\nutilisation of a run left out, in the 90% band of the others: {inside} of {runs}, {inside / runs:.0%}\n"
        )
    assert runs >= 25
    assert 0.75 <= inside / runs <= 1


def test_the_tdp_of_a_card_that_is_not_known(warehouse: duckdb.DuckDBPyConnection) -> None:
    """What is drawn is the usual share of it, with its band; a share of one's own, and a card that is named, change that."""
    given = {"gpu_hours": 1_000, "tdp_w": 310, "pue": 1.0}
    scenarios = [
        scenario_of(values, scenario_id=name)
        for name, values in {
            "usual": given,
            "own": given | {"power_share_of_tdp": 1.0},
            "named": given | {"power_share_of_tdp": 1.0, "accelerator": "nvidia-h100-sxm-80gb"},
        }.items()
    ]
    usual, own, named = (e.quantities["energy_kwh"] for e in estimate_trainings(warehouse, scenarios).estimates)
    assert usual["low"] < 310 < usual["central"] < usual["high"]
    assert own["low"] == own["central"] == named["central"] == pytest.approx(310)
