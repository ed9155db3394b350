"""Keys in other units and under other names come to the same number as the canonical ones."""

from __future__ import annotations

import pytest

from assets.estimated.decisions.declarations import DecisionStatement
from assets.estimated.scenario_files.fields import Band, ScenarioError
from assets.estimated.scenario_files.key_names import NAMES, other_keys
from assets.estimated.scenario_files.sections import SECTIONS, ExtendedTraining, parse_any, statement_of
from assets.estimated.scenario_files.training import NUMBERS, SHORTHAND, scenario_of

SAME = [
    ("power_kw_per_gpu", 0.4, "power_w_per_gpu", 400),
    ("energy_mwh", 1_287, "energy_kwh", 1_287_000),
    ("energy_gwh", 1.287, "energy_kwh", 1_287_000),
    ("duration_hours", 36, "duration_days", 1.5),
    ("duration_months", 5, "duration_days", 5 * 365 / 12),
    ("gpu_days", 2, "gpu_hours", 48),
    ("grid_kgco2e_per_kwh", 0.429, "grid_gco2e_per_kwh", 429),
    ("grid_tco2e_per_mwh", 0.429, "grid_gco2e_per_kwh", 429),
    ("grid_lbco2e_per_kwh", 0.954, "grid_gco2e_per_kwh", 0.954 * 453.59237),
    ("achieved_tflop_per_s_per_gpu", 24.6, "achieved_flop_per_s_per_gpu", 24.6e12),
    ("peak_tflops_per_gpu", 312, "peak_flop_per_s_per_gpu", 312e12),
    ("parameters_b", 175, "parameters_count", 175e9),
    ("tokens_t", 15.6, "tokens_count", 15.6e12),
    ("utilization_percent", 46.2, "utilization_share", 0.462),
    ("mfu", 0.4, "utilization_share", 0.4),
    ("gpus", 2048, "accelerator_count", 2048),
    ("pf_days", 3640, "training_flop", 3640 * 86_400e15),
    ("training_zettaflop", 314, "training_flop", 3.14e23),
    ("training_yflop", 38, "training_flop", 3.8e25),
    ("gpu_hours_k", 2_788, "gpu_hours", 2.788e6),
    ("device_hours_million", 2.788, "gpu_hours", 2.788e6),
    ("GPU-hours", 1_000, "gpu_hours", 1_000),
    ("power_W_per_GPU", 400, "power_w_per_gpu", 400),
    ("PUE", 1.1, "pue", 1.1),
    ("watts_per_chip", 245, "power_w_per_gpu", 245),
    ("peak_tflops", 312, "peak_flop_per_s_per_gpu", 312e12),
    ("grid_lb_per_mwh", 818.3, "grid_gco2e_per_kwh", 818.3 * 0.45359237),
    ("t_per_mwh", 0.429, "grid_gco2e_per_kwh", 429),
    ("kgco2_per_kwh", 0.429, "grid_gco2e_per_kwh", 429),
    ("flops_per_param_token", 3, "flop_per_parameter_token", 3),
    ("n_params", 540e9, "parameters_count", 540e9),
    ("num_tokens", 780e9, "tokens_count", 780e9),
    ("num_gpus", 64, "accelerator_count", 64),
    ("kwh", 433_196, "energy_kwh", 433_196),
    ("hours", 84, "duration_days", 3.5),
    ("months", 5, "duration_days", 5 * 365 / 12),
    ("avg_power_w_per_chip", 289, "power_w_per_gpu", 289),
    ("it_mwh", 257, "it_energy_kwh", 257_000),
    ("efficiency", 0.37, "utilization_share", 0.37),
    ("kw_per_gpu", 0.4, "power_w_per_gpu", 400),
    ("n_b", 70, "parameters_count", 70e9),
    ("d_b", 1_400, "tokens_count", 1_400e9),
    ("n_chips", 512, "accelerator_count", 512),
    ("training_tokens_t", 15.6, "tokens_count", 15.6e12),
    ("n_params_b", 405, "parameters_count", 405e9),
    ("activated_params_b", 37, "active_parameters_count", 37e9),
    ("total_compute_flop", 3.14e23, "training_flop", 3.14e23),
    ("wall_clock_hours", 84, "duration_days", 3.5),
    ("training_days", 14.8, "duration_days", 14.8),
    ("mfu_pct", 46.2, "utilization_share", 0.462),
    ("peak_flops_per_chip", 123e12, "peak_flop_per_s_per_gpu", 123e12),
    ("power_per_gpu_kw", 0.4, "power_w_per_gpu", 400),
    ("total_energy_mwh", 1_287, "energy_kwh", 1_287_000),
    ("emission_factor_kg_per_kwh", 0.429, "grid_gco2e_per_kwh", 429),
    ("price_usd_per_gpu_hour", 2, "usd_per_gpu_hour", 2),
    ("usd_per_gpu_h", 2, "usd_per_gpu_hour", 2),
    ("datacenter_pue", 1.1, "pue", 1.1),
    ("petaflop/s-days", 3640, "training_flop", 3640 * 86_400e15),
    ("PFLOPS-days", 3640, "training_flop", 3640 * 86_400e15),
    ("training_compute_pf_days", 3640, "training_flop", 3640 * 86_400e15),
    ("exaflop_s_days", 3.64, "training_flop", 3640 * 86_400e15),
    ("training_compute_zflop", 314, "training_flop", 3.14e23),
    ("a100_hours", 1_720_320, "gpu_hours", 1_720_320),
    ("h800_gpu_hours_m", 2.788, "gpu_hours", 2.788e6),
    ("gb200_gpu_hours", 1_000, "gpu_hours", 1_000),
    ("v100_years", 355, "gpu_hours", 355 * 8_760),
    ("tpu_v4_chip_hours", 8_404_992, "gpu_hours", 8_404_992),
    ("usd_per_gb200_gpu_hour", 10.5, "usd_per_gpu_hour", 10.5),
    ("usd_per_tpu_v4_hour", 3.22, "usd_per_gpu_hour", 3.22),
    ("usd_per_hour_per_gpu", 2, "usd_per_gpu_hour", 2),
    ("cost_per_gpu_hour_usd", 2, "usd_per_gpu_hour", 2),
    ("gCO2e/kWh", 429, "grid_gco2e_per_kwh", 429),
    ("grid_carbon_intensity_gco2eq_per_kwh", 429, "grid_gco2e_per_kwh", 429),
    ("emissions_factor_kg_co2e_per_kwh", 0.429, "grid_gco2e_per_kwh", 429),
    ("lbs_per_mwh", 818.3, "grid_gco2e_per_kwh", 818.3 * 0.45359237),
    ("tonnes_co2_per_mwh", 0.429, "grid_gco2e_per_kwh", 429),
    ("electricity_consumption_mwh", 1_287, "energy_kwh", 1_287_000),
    ("energy_megawatt_hours", 1_287, "energy_kwh", 1_287_000),
    ("training_time_days", 14.8, "duration_days", 14.8),
    ("train_time_hours", 84, "duration_days", 3.5),
    ("total_parameters_billion", 671, "parameters_count", 671e9),
    ("active_parameter_count", 37e9, "active_parameters_count", 37e9),
    ("b_parameters", 70, "parameters_count", 70e9),
    ("gpu_tdp_kw", 0.7, "tdp_w", 700),
]
#: Section, and what people write in it, as above.
SAME_IN = [
    ("request", "total_params_b", 46.7, "parameters_count", 46.7e9),
    ("request", "latency_cap_s", 5, "request_latency_s", 5),
    ("request", "wue_on", 0.37, "site_water_l_per_kwh", 0.37),
    ("service", "mean_tok_per_s", 312, "tokens_per_s", 312),
    ("service", "median_itl_ms", 25.2, "inter_token_latency_s", 0.0252),
    ("service", "hbm_gb_per_s", 3_350, "memory_bandwidth_byte_per_s", 3.35e12),
    ("service", "in_tok_b", 608, "input_tokens_count", 608e9),
    ("embodied", "kg_server", 2_500, "host_kgco2e", 2_500),
    ("embodied", "kgco2e_per_chip", 164, "device_kgco2e", 164),
    ("embodied", "gpu_hours", 1_082_990, "device_hours", 1_082_990),
    ("ownership", "acquisition_price_usd", 18_625, "price_usd", 18_625),
    ("ownership", "avg_power_fraction", 0.75, "power_share", 0.75),
    ("ownership", "chip_tdp_kw", 0.25, "tdp_w", 250),
    ("site", "cny_per_MWh", 350, "price_per_kwh", 0.35),
    ("prompt", "kwh_host", 0.00006, "host_wh", 0.06),
    ("prompt", "wue", 1.15, "water_l_per_kwh", 1.15),
    ("fleet", "queries_per_day", 1e7, "requests_per_day", 1e7),
    ("fleet", "musd_per_rack", 1.4, "usd_per_rack", 1.4e6),
    ("site", "from_kgco2e_per_kwh", 0.44, "from_grid_gco2e_per_kwh", 440),
    ("compute", "step_time_seconds", 60.1, "step_s", 60.1),
    ("compute", "num_attention_heads", 48, "attention_head_count", 48),
    ("compute", "context_window", 2048, "context_tokens_count", 2048),
    ("compute", "tokens_per_batch", 4e6, "tokens_per_step", 4e6),
    ("service", "hbm_gb_s", 1_200, "memory_bandwidth_byte_per_s", 1.2e12),
    ("service", "throughput_tok_s", 312, "tokens_per_s", 312),
    ("service", "tokens_per_second", 312, "tokens_per_s", 312),
    ("service", "queries_per_second", 94.6, "samples_per_s", 94.6),
    ("service", "usd_per_million_output_tokens", 2.19, "usd_per_mtok_output", 2.19),
    ("service", "output_usd_per_mtok", 2.19, "usd_per_mtok_output", 2.19),
    ("service", "input_tokens_b", 608, "input_tokens_count", 608e9),
    ("serving", "prompt_length", 294, "prompt_tokens_count", 294),
    ("serving", "input_tokens", 294, "prompt_tokens_count", 294),
    ("serving", "hbm_gb", 80, "memory_byte_per_gpu", 80e9),
    ("serving", "concurrency", 64, "batch_count", 64),
    ("request", "completion_tokens", 400, "output_tokens_count", 400),
    ("request", "electricity_mix_kg_per_kwh", 0.590478, "grid_gco2e_per_kwh", 590.478),
    ("fleet", "usd_m_per_rack", 1.4, "usd_per_rack", 1.4e6),
    ("fleet", "daily_visits", 25e6, "visits_per_day", 25e6),
    ("ownership", "days_acq_to_start", 463, "days_since_purchase", 463),
    ("prompt", "wh_per_prompt", 0.24, "energy_wh", 0.24),
    ("sci", "te_kg", 1_205.52, "total_embodied_kgco2e", 1_205.52),
    ("sci", "e_wh", 500, "energy_kwh", 0.5),
    ("sci", "i_kgco2e_per_kwh", 0.7, "grid_gco2e_per_kwh", 700),
    ("sci", "m_g", 3.5, "embodied_gco2e", 3.5),
    ("sci", "tir_h", 1, "time_reserved_h", 1),
    ("sci", "el_h", 35_040, "life_h", 35_040),
    ("compute", "pp", 16, "pipeline_parallel_count", 16),
    ("compute", "seq_len", 2_048, "context_tokens_count", 2_048),
    ("compute", "ktok_per_s", 238.3, "tokens_per_s", 238.3e3),
    ("compute", "iteration_time_s", 60.1, "step_s", 60.1),
    ("compute", "usd_per_pf_day", 1_000, "usd_per_flop", 1_000 / 86_400e15),
    ("compute", "exaflop_s_days", 3.64, "training_flop", 3640 * 86_400e15),
    ("compute", "pflops_days", 3640, "pf_days", 3640),
    ("fleet", "parameters_small_b", 3, "parameters_count_small", 3e9),
    ("fleet", "queries_per_week_million", 1_750, "requests_per_day", 250e6),
    ("fleet", "visits_per_month", 3.65e8, "visits_per_day", 12e6),
    ("fleet", "qps", 100, "requests_per_day", 8.64e6),
    ("service", "cached_tokens_b", 342, "cached_input_tokens_count", 342e9),
    ("service", "usd_per_1m_cached_input_tokens", 0.14, "usd_per_mtok_cached_input", 0.14),
    ("service", "input_price_usd_per_million_tokens", 0.55, "usd_per_mtok_input", 0.55),
    ("service", "usd_per_mtok_cache_miss", 0.55, "usd_per_mtok_input", 0.55),
    ("service", "output_throughput_tokens_per_sec", 312, "tokens_per_s", 312),
    ("service", "power_watts", 4_000, "power_w", 4_000),
    ("service", "bits_per_param", 4, "bytes_per_parameter", 0.5),
    ("prompt", "water_gallons_per_kwh", 0.25, "water_l_per_kwh", 0.25 * 3.785411784),
    ("prompt", "l_per_kwh", 1.08, "water_l_per_kwh", 1.08),
    ("prompt", "tpu_wh", 0.14, "accelerator_wh", 0.14),
    ("prompt", "wh_narrow", 0.1, "narrow_energy_wh", 0.1),
    ("embodied", "lifespan_years", 5, "life_years", 5),
    ("embodied", "tco2e_per_server", 2.5, "host_kgco2e", 2_500),
    ("ownership", "electricity_price_usd_per_mwh", 66.7, "price_usd_per_kwh", 0.0667),
    ("ownership", "price_usd_per_chip", 18_625, "price_usd", 18_625),
    ("request", "model_active_parameter_count", 12.9e9, "active_parameters_count", 12.9e9),
    ("request", "tokens_out", 400, "output_tokens_count", 400),
    ("site", "market_kg_per_kwh", 0, "market_gco2e_per_kwh", 0),
]


@pytest.mark.parametrize(
    ("written", "provider"),
    [("Amazon Web Services", "aws"), ("Google Cloud", "gcp"), ("Microsoft Azure", "azure"), ("AWS", "aws"), ("DataCrunch", "verda")],
)  # fmt: skip
def test_providers_and_purchases_by_the_names_that_people_use(written: str, provider: str) -> None:
    trained = scenario_of({"gpu_hours": 10, "cloud": written, "purchase": "On-Demand"})
    assert (trained.provider, trained.purchase) == (provider, "on_demand")
    sited = parse_any(f"[siting]\ngpu_hours = 10\nfrom_provider = '{written}'\npurchase = 'Spot'")
    assert isinstance(sited, DecisionStatement)
    assert sited.arguments == {"gpu_hours": 10, "from_provider": provider, "purchase": "spot"}


@pytest.mark.parametrize(("name", "value", "key", "same"), SAME)
def test_another_unit_or_name(name: str, value: float, key: str, same: float) -> None:
    found = scenario_of({name: value}).numbers
    assert list(found) == [key]
    assert found[key].central == pytest.approx(same, rel=1e-12)


@pytest.mark.parametrize(("section", "name", "value", "key", "same"), SAME_IN)
def test_another_name_in_a_section(section: str, name: str, value: float, key: str, same: float) -> None:
    found = statement_of(section, {name: value}).numbers
    assert list(found) == [key]
    assert found[key].central == pytest.approx(same, rel=1e-12)


def test_a_band_is_scaled_whole() -> None:
    found = scenario_of({"power_kw_per_gpu": {"low": 0.3, "central": 0.4, "high": 0.7}}).numbers
    assert found["power_w_per_gpu"] == Band(300, 400, 700)


def test_no_canonical_key_is_read_as_another() -> None:
    for methods in SECTIONS.values():
        for method in methods.values():
            assert not set(other_keys(tuple(method.numbers))) & set(method.numbers)
            assert {key for key, _ in other_keys(tuple(method.numbers)).values()} <= set(method.numbers)


def test_every_name_is_of_some_section() -> None:
    known = {*NUMBERS, *SHORTHAND}.union(*(m.numbers for methods in SECTIONS.values() for m in methods.values()))
    for name, (keys, _) in NAMES.items():
        assert set(keys) & known, name


def test_names_of_names_and_a_latency() -> None:
    found = statement_of("request", {"model_name": "mixtral-8x22b", "output_tokens": 200, "latency_ms": 5000})
    assert found.texts == {"model": "mixtral-8x22b"}
    assert found.numbers["request_latency_s"].central == 5
    run = scenario_of({"gpu_hours": 1, "gpu_type": "H100", "location": "FR"})
    assert (run.accelerator, run.region) == ("H100", "FR")


def test_a_section_reads_them_too() -> None:
    found = statement_of(
        "serving", {"gpu": "H100 SXM", "tp": 4, "precision": "fp16", "batch_size": 16, "memory_gb_per_gpu": 80}
    )
    assert found.texts == {"accelerator": "H100 SXM", "number_format": "bf16"}
    assert {k: b.central for k, b in found.numbers.items()} == {
        "accelerator_count": 4,
        "batch_count": 16,
        "memory_byte_per_gpu": 80e9,
    }


@pytest.mark.parametrize(
    ("values", "key", "expected"),
    [
        ({"step_count": 1_000, "step_s": 3.0}, "duration_days", 3_000 / 86_400),
        ({"step_count": 1_000, "tokens_per_step": 4e6}, "tokens_count", 4e9),
        ({"tokens": 1.4e12, "tokens_per_s_per_gpu": 380}, "gpu_hours", 1.4e12 / 380 / 3600),
        ({"tokens": 780e9, "tokens_per_s": 238.3e3}, "duration_days", 780e9 / 238.3e3 / 86_400),
        ({"tokens": 1.4e12, "tok_per_s_gpu": 380}, "gpu_hours", 1.4e12 / 380 / 3600),
        ({"nodes": 48, "gpus_per_node": 8}, "accelerator_count", 384),
        ({"node_hours": 1_000, "gpus_per_node": 8}, "gpu_hours", 8_000),
        ({"usd_per_instance_hour": 98.32, "gpus_per_node": 8}, "usd_per_gpu_hour", 12.29),
        ({"kw_per_node": 10.2, "gpus_per_node": 8}, "power_w_per_gpu", 1_275),
    ],
)
def test_shorthand_of_a_training(values: dict[str, object], key: str, expected: float) -> None:
    assert scenario_of(values).numbers[key].central == pytest.approx(expected, rel=1e-12)


def test_layers_count_only_where_attention_is_asked_for() -> None:
    layers = {"layers": 96, "attention_width_count": 12_288, "context_tokens": 2_048}
    assert not scenario_of(layers).numbers
    asked = scenario_of(layers | {"include_attention": True}).numbers
    assert asked["attention_flop_per_token"].central == 12 * 96 * 12_288 * 2_048


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"power_mW_per_gpu": 5}, "power_mW_per_gpu: unknown field"),
        ({"tflops_per_chip": 34.4}, "achieved_tflops_per_gpu is what was measured, peak_tflops_per_gpu what the data"),
        ({"watts": 245}, "power_w_per_gpu is that of one accelerator, power_w that of all servers"),
        ({"max_power_w_per_gpu": 245}, "max_power_w_per_gpu: unknown field"),
        ({"eur_per_gpu_hour": 2}, "convert EUR at the rate of its day"),
        ({"gpu_hours_k": 1, "device_hours": 1_000}, "both state gpu_hours"),
        ({"petaflops": 312}, "petaflops: unknown field"),
        ({"tpu_core_hours": 10}, "tpu_core_hours: unknown field"),
        ({"nvl72_hours": 10}, "nvl72_hours: unknown field"),
        ({"gb200_hours": 10}, "gb200_hours: unknown field"),
        ({"usd_per_nd96_hour": 98}, "usd_per_nd96_hour: unknown field"),
        ({"power_mW": 5}, "power_mW: unknown field; mW is not what it is in small letters"),
        ({"MgCO2e/MWh": 0.4}, "MgCO2e is not what it is in small letters"),
        ({"tokens_per_prompt": 400}, "tokens_per_prompt: unknown field"),
        ({"usd_per_m3": 2}, "usd_per_m3: unknown field"),
        ({"carbon_intensity": 429}, "carbon_intensity: unknown field; did you mean grid_gco2e_per_kwh"),
        ({"usd_per_hour": 2}, "did you mean usd_per_gpu_hour or usd_per_node_hour"),
        ({"node_hours": 10}, "node_hours: says nothing by itself; give accelerators_per_node_count too"),
    ],
)
def test_what_may_mean_two_things_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario_of(values)


def test_a_price_brings_its_currency() -> None:
    found = statement_of("site", {"it_energy_mwh": 1, "pue": 1.2, "cny_per_kwh": 0.33, "from_price_cny_per_mwh": 500})
    assert found.texts == {"currency": "CNY"}
    assert found.numbers["price_per_kwh"].central == 0.33
    assert found.numbers["from_price_per_kwh"].central == pytest.approx(0.5)
    assert statement_of("fleet", {"usd_per_mwh": 80}).numbers["price_usd_per_kwh"].central == pytest.approx(0.08)


@pytest.mark.parametrize(
    "values",
    [{"cny_per_kwh": 0.33, "currency": "USD"}, {"cny_per_kwh": 0.33, "from_price_eur_per_kwh": 0.1}],
)
def test_prices_of_two_currencies_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ScenarioError, match="give all prices in one"):
        statement_of("site", values)


def test_counts_may_leave_the_count_out() -> None:
    found = statement_of("fine_tuning", {"tokens_m": 100, "epochs": 3, "rank": 8, "matrices_per_layer": 2})
    assert {k: b.central for k, b in found.numbers.items()} == {
        "tokens_count": 1e8,
        "epoch_count": 3,
        "rank_count": 8,
        "matrices_per_layer_count": 2,
    }
    # A name is not a number: the accelerator of a fleet, not its count.
    assert statement_of("fleet", {"gpu": "A100 80GB", "gpus": 8}).texts == {"accelerator": "A100 80GB"}


def test_nodes_beside_ownership_are_the_nodes_of_the_training() -> None:
    found = parse_any("[training]\nnodes = 48\ngpus_per_node = 8\ndays = 10\nprice_usd = 15000")
    assert isinstance(found, ExtendedTraining)
    assert found.training.numbers["accelerator_count"].central == 384
    assert found.extras == {"ownership": {"price_usd": Band(15_000, 15_000, 15_000)}}


_PALM = {"parameters_b": 540, "tokens_b": 780, "peak_tflops": 275}


@pytest.mark.parametrize(
    ("values", "mfu"),
    [
        ({"hfu": 0.578, "recomputed_share": 0.75}, 0.578 / 1.25),
        ({"hfu_percent": 57.8, "recomputation_ratio": 1.25}, 0.578 / 1.25),
        ({"mfu": 0.462, "recomputed_share": 0.75}, 0.462),
    ],
)
def test_hfu_and_mfu_both_ways(values: dict[str, object], mfu: float) -> None:
    found = scenario_of(_PALM | values)
    assert found.numbers["utilization_share"].central == pytest.approx(mfu)
    assert found.recomputation_ratio is not None
    assert found.recomputation_ratio.central == pytest.approx(1.25)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hfu": 0.578}, r"hfu \(read as hfu_share\): says nothing by itself; give recomputation_ratio too"),
        ({"hfu": 0.578, "mfu": 0.3, "recomputed_share": 0.75}, "it follows from hfu_share and recomputation_ratio too"),
        ({"recomputed_share": 0.75, "recomputation_ratio": 1.3}, "it follows from recomputed_share too; leave one out"),
        ({"recomputed_share": 1.2}, "allowed is a number from 0 to 1"),
        ({"recomputed_share": 0.75, "include_attention": True}, "of attention another share is done again"),
        ({"recomputation_ratio": {"low": 1, "central": 1.2, "high": 1.3}}, "a band given; allowed is one number"),
        (
            {"mfu_percent": 0.45},
            "mfu_percent: 0.45 given; allowed is a number from 1 to 100; a share of 1 is utilization_share",
        ),
    ],
)
def test_recomputation_that_does_not_fit_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario_of(_PALM | values)


@pytest.mark.parametrize(
    ("values", "key", "expected"),
    [
        ({"power_w_per_gpu": 500, "gpus": 8}, "power_w", 4_000),
        ({"tokens_per_s_per_chip": 125, "n_chips": 8}, "tokens_per_s", 1_000),
        (
            {"tokens_per_s_per_gpu": 125, "gpus": 8, "measured_accelerator": "A100", "measured_accelerator_count": 4},
            "tokens_per_s",
            500,
        ),
    ],
)
def test_what_each_accelerator_has_of_a_service(values: dict[str, object], key: str, expected: float) -> None:
    found = statement_of("service", values).numbers
    assert found[key].central == expected
    assert f"{key}_per_gpu" not in found


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"power_w_per_gpu": 500},
            "power_w_per_gpu: of one accelerator; give accelerator_count too, or power_w of all",
        ),
        ({"power_w_per_gpu": 500, "power_w": 4_000, "gpus": 8}, "power_w_per_gpu: given, and power_w of all too"),
        ({"power_w_per_gpu": 2, "gpus": 8}, "power_w_per_gpu: 2 given; allowed is a number of W from 5"),
        (
            {"tokens_per_s_per_gpu": 9, "gpus": 8, "measured_accelerator": "A100"},
            "give measured_accelerator_count too, or tokens_per_s of all",
        ),
    ],
)
def test_what_each_accelerator_has_without_their_number_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        statement_of("service", values)


@pytest.mark.parametrize("key", ["interconnect_Gb_per_s", "Gb/s interconnect"])
def test_gigabits_are_no_gigabytes(key: str) -> None:
    """A link of 400 Gb/s is one of 50 GB/s."""
    with pytest.raises(ScenarioError, match=f"{key}: unknown field.* Gb is not what it is in small letters"):
        statement_of("serving", {key: 400})
    stated = statement_of("serving", {key.replace("Gb", "GB"): 50}).numbers["interconnect_byte_per_s"]
    assert stated is not None
    assert stated.central == 50e9


def test_users_of_a_month_are_not_thirty_times_those_of_a_day() -> None:
    with pytest.raises(ScenarioError, match="users_per_month: unknown field"):
        statement_of("fleet", {"users_per_month": 1e8})


def test_the_life_of_hardware_is_stated_once() -> None:
    with pytest.raises(ScenarioError, match="life_h and life_years: allowed is one of both"):
        statement_of("sci", {"te_kg": 1_000, "tir_h": 1, "life_h": 100, "life_years": 4})


@pytest.mark.parametrize("part", ["accelerator_wh", "host_wh", "idle_wh", "overhead_wh"])
def test_a_part_of_a_prompt_is_not_more_than_the_whole(part: str) -> None:
    with pytest.raises(ScenarioError, match=f"{part}: 0.5 given; allowed is at most energy_wh, 0.24"):
        statement_of("prompt", {"energy_wh": 0.24, part: 0.5})
