"""Published figures of requests, fleets, services, hardware and compute, by one mapping of columns and metrics per table.

Trainings are in `test_golden.py`. Rows of role `warn` are published but do not follow from their inputs, and are not asserted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from assets.estimated.engine import estimate_statements
from assets.estimated.method import Statement
from assets.estimated.scenario_files.sections import SECTIONS, statement_of
from tests.assets.estimated.test_golden import KG_PER_LB, is_other, is_training

TABLES = ("05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "21")

#: Table -> column -> (key, factor to its unit). A key that the section of the metric does not know is left out.
COLUMNS: dict[str, dict[str, tuple[str, float]]] = {
    "06": {
        "in_gpu_hours": ("device_hours", 1),
        "in_life_years": ("life_years", 1),
        "in_utilisation": ("utilization_share", 1),
        "in_kg_server": ("host_kgco2e", 1),
        "in_kg_gpu": ("device_kgco2e", 1),
        "in_gpus_per_server": ("devices_per_host_count", 1),
        "in_kwh": ("service_energy_kwh", 1),
        "in_requests": ("requests_count", 1),
    },
    "07": {
        "in_hit_tok_b": ("cached_input_tokens_count", 1e9),
        "in_in_tok_b": ("input_tokens_count", 1e9),
        "in_out_tok_b": ("service_output_tokens_count", 1e9),
        "in_usd_per_m_hit": ("usd_per_mtok_cached_input", 1),
        "in_usd_per_m_miss": ("usd_per_mtok_input", 1),
        "in_usd_per_m_out": ("usd_per_mtok_output", 1),
        "in_revenue": ("revenue_usd", 1),
        "in_cost": ("cost_usd", 1),
        "in_tok_in_s": ("input_tokens_per_s_per_node", 1),
        "in_tok_out_s": ("output_tokens_per_s_per_node", 1),
        "in_usd_per_gpu_hour": ("usd_per_gpu_hour", 1),
        "in_gpus_per_node": ("accelerators_per_node_count", 1),
        "in_nodes": ("node_count", 1),
    },
    "08": {
        "in_kg_chip": ("device_kgco2e", 1),
        "in_count": ("device_count", 1),
        "in_share": ("time_share", 1),
        "in_days": ("duration_days", 1),
        "in_life_years": ("life_years", 1),
        "in_gb": ("capacity_gb", 1),
        "in_kg_per_gb": ("kgco2e_per_gb", 1),
        "in_achieved_tflops": ("achieved_flop_per_s_per_gpu", 1e12),
        "in_peak_tflops": ("peak_flop_per_s_per_gpu", 1e12),
    },
    "10": {
        "in_acq_price_usd": ("price_usd", 1),
        "in_days_acq_to_start": ("days_since_purchase", 1),
        "in_p_start_usd": ("value_at_start_usd", 1),
        "in_chip_hours": ("gpu_hours", 1),
        "in_chip_tdp_kw": ("tdp_w", 1e3),
        "in_server_power_factor": ("server_power_factor", 1),
        "in_avg_power_fraction": ("power_share", 1),
        "in_pue": ("pue", 1),
        "in_usd_per_kwh": ("price_usd_per_kwh", 1),
        "in_ppi_pub_month": ("price_index", 1),
        "in_chips": ("accelerator_count", 1),
    },
    "11": {
        "in_wh_accel": ("accelerator_wh", 1),
        "in_wh_host": ("host_wh", 1),
        "in_wh_idle": ("idle_wh", 1),
        "in_wh_overhead": ("overhead_wh", 1),
        "in_wh": ("energy_wh", 1),
        "in_wh_narrow": ("narrow_energy_wh", 1),
        "in_g_per_kwh": ("grid_gco2e_per_kwh", 1),
        "in_scope13_mg": ("upstream_gco2e", 1e-3),
        "in_l_per_kwh": ("water_l_per_kwh", 1),
    },
    "12": {
        "in_active_b": ("active_parameters_count", 1e9),
        "in_total_b": ("parameters_count", 1e9),
        "in_tokens": ("output_tokens_count", 1),
        "in_latency_cap_s": ("request_latency_s", 1),
        "in_pue": ("pue", 1),
        "in_wue_on": ("site_water_l_per_kwh", 1),
        "in_wue_off": ("grid_water_l_per_kwh", 1),
        "in_kg_per_kwh": ("grid_gco2e_per_kwh", 1e3),
    },
    "13": {
        "in_avg_power_w": ("power_w", 1),
        "in_tok_per_s": ("tokens_per_s", 1),
        "in_avg_output_tokens": ("output_tokens_count", 1),
        "in_avg_batch": ("batch_count", 1),
        "in_median_itl_ms": ("inter_token_latency_s", 1e-3),
        "in_gpus": ("accelerator_count", 1),
        "in_params_b": ("parameters_count", 1e9),
        "in_active_b": ("active_parameters_count", 1e9),
        "in_bytes_per_param": ("bytes_per_parameter", 1),
        "in_hbm_bytes_per_s": ("memory_bandwidth_byte_per_s", 1),
    },
    "14": {
        "in_gpus": ("device_count", 1),
        "in_per_gpu": ("device_kgco2e", 1),
        "in_emb": ("device_kgco2e", 1),
        "in_kg_op_mkt": ("operational_kgco2e", 1),
        "in_kg_op_loc": ("operational_kgco2e", 1),
        "in_kg": ("device_kgco2e", 1),
        "in_kg_per_gpu": ("device_kgco2e", 1),
        "in_life_years": ("life_years", 1),
        "in_utilisation": ("utilization_share", 1),
    },
    "15": {
        "in_visits_per_day": ("visits_per_day", 1),
        "in_questions": ("questions_per_visit", 1),
        "in_words": ("words_per_request", 1),
        "in_s_per_word": ("s_per_word", 1),
        "in_servers": ("server_count", 1),
        "in_racks": ("rack_count", 1),
        "in_usd_m_per_rack": ("usd_per_rack", 1e6),
        "in_usd_per_server": ("usd_per_server", 1),
        "in_kw_per_rack": ("kw_per_rack", 1),
        "in_usd_per_kwh": ("price_usd_per_kwh", 1),
        "in_ms_small": ("s_per_token_small", 1e-3),
        "in_params_b": ("parameters_count", 1e9),
        "in_small_b": ("parameters_count_small", 1e9),
        "in_usd_per_gpu_hour": ("usd_per_gpu_hour", 1),
        "in_queries": ("requests_per_day", 1),
        "in_usd_per_query": ("usd_per_request", 1),
        "in_tokens_b": ("tokens_count", 1e9),
        "in_usd_per_flop": ("usd_per_flop", 1),
        "in_peak": ("peak_flop_per_s_per_gpu", 1),
        "in_mfu": ("utilization_share", 1),
        "in_flop": ("training_flop", 1),
        "in_tflops": ("achieved_flop_per_s_per_gpu", 1e12),
        "in_usd_per_hour": ("usd_per_gpu_hour", 1),
        "in_usd": ("cost_usd", 1),
        "in_pf_days": ("pf_days", 1),
    },
    "17": {
        "in_it_mwh": ("it_energy_kwh", 1e3),
        "in_pue": ("pue", 1),
        "in_kg_per_kwh": ("grid_gco2e_per_kwh", 1e3),
        "in_cny_per_kwh": ("price_per_kwh", 1),
        "in_a": ("from_grid_gco2e_per_kwh", 1e3),
        "in_pa": ("from_pue", 1),
        "in_b": ("grid_gco2e_per_kwh", 1e3),
        "in_pb": ("pue", 1),
    },
    "18": {
        "in_te_kg": ("total_embodied_kgco2e", 1),
        "in_hours": ("duration_h", 1),
        "in_life_years": ("life_years", 1),
        "in_utilisation": ("utilization_share", 1),
        "in_cores": ("component_count", 1),
        "in_tdp_w": ("tdp_w", 1),
        "in_tdp_coefficient": ("tdp_coefficient", 1),
        "in_tir": ("time_reserved_h", 1),
        "in_el": ("life_h", 1),
        "in_rr": ("resources_reserved_count", 1),
        "in_tor": ("resources_count", 1),
        "in_e_kwh": ("energy_kwh", 1),
        "in_g_per_kwh": ("grid_gco2e_per_kwh", 1),
        "in_m_g": ("embodied_gco2e", 1),
    },
    "19": {
        "in_params_b": ("parameters_count", 1e9),
        "in_n_b": ("parameters_count", 1e9),
        "in_layers": ("layer_count", 1),
        "in_heads": ("attention_head_count", 1),
        "in_d_head": ("head_dimension_count", 1),
        "in_seq": ("context_tokens_count", 1),
        "in_tokens_b": ("tokens_count", 1e9),
        "in_tokens_t": ("tokens_count", 1e12),
        "in_d_b": ("tokens_count", 1e9),
        "in_remat_nonattn": ("recomputed_share", 1),
        "in_k_tok_s": ("tokens_per_s", 1e3),
        "in_chips": ("accelerator_count", 1),
        "in_peak_tflops": ("peak_flop_per_s_per_gpu", 1e12),
        "in_batch": ("batch_count", 1),
        "in_step_s": ("step_s", 1),
        "in_width": ("attention_width_count", 1),
        "in_steps_per_s": ("steps_per_s", 1),
        "in_tokens_per_step": ("tokens_per_step", 1),
        "in_tflops_per_gpu": ("achieved_flop_per_s_per_gpu", 1e12),
        "in_tp": ("tensor_parallel_count", 1),
        "in_cp": ("context_parallel_count", 1),
        "in_pp": ("pipeline_parallel_count", 1),
        "in_dp": ("data_parallel_count", 1),
        "in_batch_per_dp": ("batch_per_data_parallel_count", 1),
    },
    "21": {
        "in_gpus": ("accelerator_count", 1),
        "in_chips": ("accelerator_count", 1),
        "in_samples_per_s": ("samples_per_s", 1),
        "in_tok_per_s": ("tokens_per_s", 1),
        "in_samples": ("samples_count", 1),
        "in_tok_per_sample": ("output_tokens_count", 1),
        "in_ttft_s": ("first_token_latency_s", 1),
        "in_tpot_s": ("inter_token_latency_s", 1),
        "in_params_b": ("parameters_count", 1e9),
        "in_bytes_per_param": ("bytes_per_parameter", 1),
        "in_hbm_gb_s": ("memory_bandwidth_byte_per_s", 1e9),
    },
}

#: Table -> metric -> (section, quantity, value of one unit of the metric).
QUANTITIES: dict[str, dict[str, tuple[str, str, float]]] = {
    "06": {
        "kg_per_server_hour": ("embodied", "kgco2e_per_device_hour", 1),
        "kg_per_gpu_hour": ("embodied", "kgco2e_per_device_hour", 1),
        "tco2e": ("embodied", "embodied_kgco2e", 1e3),
        "kwh_per_request": ("prompt", "energy_kwh", 1),
    },
    "07": {
        "cache_hit_percent": ("service", "cache_hit_share", 0.01),
        "revenue_usd": ("service", "revenue_usd", 1),
        "margin_percent": ("service", "margin_on_cost_share", 0.01),
        "node_days": ("service", "node_days", 1),
        "usd_per_m_output_tokens_if_decode_only": ("service", "usd_per_mtok_output", 1),
    },
    "08": {
        "tco2e": ("embodied", "embodied_kgco2e", 1e3),
        "share": ("embodied", "time_share", 1),
        "kg": ("embodied", "device_kgco2e", 1),
        "efficiency": ("compute", "mfu_share", 1),
    },
    "10": {
        "chip_value_at_start_usd": ("ownership", "value_at_start_usd", 1),
        "energy_cost_usd": ("ownership", "energy_usd", 1),
        "interconnect_cost_usd": ("ownership", "interconnect_usd", 1),
        "amortised_cost_nominal_usd": ("ownership", "amortised_usd", 1),
        "amortised_cost_real_usd": ("ownership", "real_amortised_usd", 1),
        "amortised_cost_without_prior_depreciation_usd": (
            "ownership",
            "real_amortised_without_prior_depreciation_usd",
            1,
        ),
        "acquisition_cost_real_usd": ("ownership", "real_acquisition_usd", 1),
    },
    "11": {
        "wh": ("prompt", "energy_wh", 1),
        "percent_accel": ("prompt", "accelerator_share", 0.01),
        "percent_host": ("prompt", "host_share", 0.01),
        "percent_idle": ("prompt", "idle_share", 0.01),
        "percent_overhead": ("prompt", "overhead_share", 0.01),
        "pue": ("prompt", "pue", 1),
        "stack_multiplier": ("prompt", "stack_multiplier", 1),
        "boundary_multiplier": ("prompt", "boundary_multiplier", 1),
        "g_co2e": ("prompt", "operational_gco2e", 1),
        "g_co2e_scope2": ("prompt", "operational_gco2e", 1),
        "ml_water": ("prompt", "water_ml", 1),
        "g_co2e_total": ("prompt", "total_gco2e", 1),
    },
    "12": {
        "gpus_required": ("request", "gpu_count", 1),
        "latency_s": ("request", "latency_s", 1),
        "request_energy_kwh": ("request", "energy_kwh", 1),
        "usage_gwp_kg": ("request", "operational_kgco2e", 1),
        "embodied_gwp_kg": ("request", "embodied_kgco2e", 1),
        "water_l_as_documented": ("request", "water_l", 1),
        "water_l_as_coded": ("request", "water_as_coded_l", 1),
    },
    "13": {
        "j_per_token": ("service", "j_per_token", 1),
        "j_per_request": ("service", "j_per_request", 1),
        "tok_per_s_from_batch": ("service", "tokens_per_s_of_batch", 1),
        "weight_read_floor_fraction": ("service", "weight_read_share", 1),
    },
    "14": {
        "kgco2e": ("embodied", "manufactured_kgco2e", 1),
        "kgco2e_per_gpu_hour": ("embodied", "kgco2e_per_device_hour", 1),
        "embodied_share_market_percent": ("embodied", "embodied_share", 0.01),
        "embodied_share_location_percent": ("embodied", "embodied_share", 0.01),
    },
    "15": {
        "queries_per_day": ("fleet", "requests_per_day", 1),
        "gpu_hours_per_day": ("fleet", "gpu_hours_per_day", 1),
        "gpus": ("fleet", "gpu_count", 1),
        "servers": ("fleet", "server_count", 1),
        "racks": ("fleet", "rack_count", 1),
        "usd_m": ("fleet", "capital_usd", 1e6),
        "kwh_per_day": ("fleet", "energy_kwh_per_day", 1),
        "usd_per_day": ("fleet", "electricity_usd_per_day", 1),
        "ms_per_token": ("fleet", "s_per_token", 1e-3),
        "usd_per_query": ("fleet", "usd_per_request", 1),
        "training_cost_musd": ("compute", "cost_usd", 1e6),
        "cost_musd": ("compute", "cost_usd", 1e6),
        "usd_per_gpu_hour": ("compute", "usd_per_gpu_hour", 1),
        "usd_per_pf_day": ("compute", "usd_per_pf_day", 1),
        "usd_per_flop": ("compute", "usd_per_flop", 1),
        "flop": ("compute", "training_flop", 1),
        "pf_days": ("compute", "pf_days", 1),
        "gpu_hours": ("compute", "gpu_hours", 1),
        "gpu_years": ("compute", "gpu_hours", 8_760),
        "v100_years": ("compute", "gpu_hours", 8_760),
    },
    "17": {
        "tco2": ("site", "operational_kgco2e", 1e3),
        "cny": ("site", "electricity_cost", 1),
        "percent_change": ("site", "carbon_change_share", 0.01),
    },
    "18": {
        "g_per_hour": ("sci", "embodied_gco2e", 1),
        "e_kwh": ("sci", "energy_kwh", 1),
        "m_g": ("sci", "embodied_gco2e", 1),
        "sci_g": ("sci", "total_gco2e", 1),
    },
    "19": {
        "tflop_per_token": ("compute", "flop_per_token", 1e12),
        "tflop_per_token_with_remat": ("compute", "flop_per_token_with_recomputation", 1e12),
        "gflop_per_token": ("compute", "forward_flop_per_token", 1e9),
        "mfu_percent": ("compute", "mfu_share", 0.01),
        "mfu_percent_no_attention": ("compute", "mfu_without_attention_share", 0.01),
        "hfu_percent": ("compute", "hfu_share", 0.01),
        "k_tok_s": ("compute", "tokens_per_s", 1e3),
        "gpus": ("compute", "cluster_accelerator_count", 1),
        "tokens_per_batch": ("compute", "tokens_per_batch", 1),
        "tokens_per_param": ("compute", "tokens_per_parameter", 1),
    },
    "21": {
        "max_latency_s": ("service", "offline_duration_s", 1),
        "tok_per_sample": ("service", "tokens_per_sample", 1),
        "flop_fraction_of_fp8_peak": ("service", "flop_share_of_peak", 1),
        "mean_latency_s": ("service", "request_latency_s", 1),
        "bandwidth_floor_ms": ("service", "weight_read_s", 1e-3),
        "ms_per_token": ("service", "weight_read_s", 1e-3),
    },
}

ML_PER_GALLON = 3_785.411784
#: Training compute of Gopher, in which Chinchilla's table 3 counts.
GOPHER_FLOP = 5.76e23
#: The index was restated after publication: value now printed -> value that the published file was made with (one month).
INDEX_VINTAGE = {122.218: 119.58}


def parts_of(row: Mapping[str, str]) -> dict[str, float]:
    """Columns that are parts of a sum: in_<x>_a, in_b, in_dyn_t, … and kilograms by count."""
    given = {name: float(value) for name, value in row.items() if name.startswith("in_") and value}
    share = given.get("in_share", 1)  # of the life of all parts
    counted = {
        f"part_{n}": given[f"in_kg{n}"] * given.get(f"in_n{n}", 1) * share for n in range(1, 6) if f"in_kg{n}" in given
    }
    found = {
        m[1]: v
        for name, v in given.items()
        if (m := re.fullmatch(r"in_(?:tco2e_|gpu_hours_)?([abcd])", name))
        or (m := re.fullmatch(r"in_(dyn|idle|emb|srv|gpu)_t", name))
    }
    return counted or found


def statement(row: Mapping[str, str]) -> tuple[Statement, str, float] | None:
    """What a row states, the quantity that answers it, and the value of one unit of its metric."""
    table, metric = row["row_id"][:2], row["metric"]
    given = {name: float(value) for name, value in row.items() if name.startswith("in_") and value}
    of = {"scenario_id": row["row_id"]}
    if table == "16" and "in_f2022" in given:
        return (
            statement_of("compare", {"value": given["in_f2023"], "reference_value": given["in_f2022"]}, **of),
            "change_share",
            0.01,
        )
    if "in_strubell_t" in given:
        values = {"value": given["in_strubell_t"], "reference_value": given["in_actual_t"]}
        return statement_of("compare", values, **of), "ratio", 1
    if metric == "gopher_units":
        return statement_of("compare", {"value": given["in_flop_c"], "reference_value": GOPHER_FLOP}, **of), "ratio", 1
    if table == "21" and "in_tps8" in given:
        values = {"value": given["in_tps8"], "reference_value": given["in_tps2"], "count_ratio": 8 / 2}
        return statement_of("compare", values, **of), "scaling_efficiency", 1
    if metric.startswith("ratio") and {"in_a", "in_b"} <= given.keys():
        return statement_of("compare", {"value": given["in_a"], "reference_value": given["in_b"]}, **of), "ratio", 1
    if table == "14" and "in_total" in given and "in_gpus" in given:
        return (
            statement_of("compare", {"value": given["in_total"], "reference_value": given["in_gpus"]}, **of),
            "ratio",
            1,
        )
    one = {"in_lb": KG_PER_LB / 1e3, "in_nominal_usd": 1e-6, "in_gal": ML_PER_GALLON}
    if only := next((name for name in one if name in given), None):
        scale = one[only]
        return statement_of("total", {"parts": {"only": given[only] * scale}}, **of), "total", 1
    parts = parts_of(row) if table != "17" else {}
    if parts:
        share = (
            next((f"{name}_share" for name in parts if row["case"].lower().startswith(name)), None)
            if "percent" in metric
            else None
        )
        whole = 1e3 if "in_kg1" in given and "tco2e" in metric else 1
        return statement_of("total", {"parts": parts}, **of), share or "total", 0.01 if share else whole
    if table == "17" and "in_pa" in given:
        metric = "percent_change"
    if table == "11" and metric not in QUANTITIES["11"]:
        metric = (
            "ml_water"
            if "ml" in metric
            else "g_co2e_total"
            if "in_scope13_mg" in given
            else "g_co2e"
            if "co2" in metric
            else metric
        )
    if metric not in QUANTITIES.get(table, {}):
        return None
    section, quantity, scale = QUANTITIES[table][metric]
    if table == "15" and metric == "usd_per_day" and "in_queries" in given:
        quantity = "rental_usd_per_day"
    version = "ecologits-0.5.0" if "v0.5.0" in row["case_id"] else next(iter(SECTIONS[section]))
    keys: dict[str, object] = {
        key: given[name] * factor
        for name, (key, factor) in COLUMNS[table].items()
        if name in given and key in SECTIONS[section][version].numbers and key != quantity
    }
    if (
        table in ("06", "14")
        and quantity == "kgco2e_per_device_hour"
        and "host_kgco2e" in keys
        and "devices_per_host_count" not in keys
    ):
        keys["device_kgco2e"] = keys.pop("host_kgco2e")  # the server is the device
    if table == "10":
        unit = re.search(r"index ([\d.]+)", row["unit"])
        keys |= {"price_index_base": float(unit[1])} if unit else {}
        keys |= {"price_index": INDEX_VINTAGE.get(given["in_ppi_pub_month"], given["in_ppi_pub_month"])} if unit else {}
        if quantity == "amortised_usd":
            keys.pop("value_at_start_usd", None)
    if table == "11" and quantity == "energy_wh":
        keys.pop("energy_wh", None)
    if table == "12":
        keys["method"] = version
    if (
        table == "15" and section == "fleet"
    ):  # the report leaves PUE out, rounds servers to the nearest and cuts racks off
        keys |= {
            "pue": 1,
            "gpus_per_server_count": 8,
            "servers_per_rack_count": 7,
            "server_rounding": "nearest",
            "rack_rounding": "down",
        }
        # what is stated of the fleet takes the place of what it follows from
    if table == "17":
        keys["currency"] = "CNY"
    if table == "19" and quantity == "hfu_share" and "recomputed_share" not in keys:
        # Of PaLM only the largest does part of the forward pass again (table 22).
        keys["recomputed_share"] = 0.75 if given["in_params_b"] > 500 else 0.0
    if table == "21":
        written = f"{row['case']} {row['case_id']}"
        accelerator = re.search(r"[HB]\d00", written)
        if accelerator and "memory_bandwidth_byte_per_s" not in keys:
            keys["accelerator"] = f"{accelerator[0]} SXM"
        if "Llama-2-70B" in written:
            keys["model"] = "llama-2-70b"
        keys["number_format"] = "fp8" if "fp8" in metric else "bf16"
    return statement_of(section, keys, **of), quantity, scale


def golden_rows(folder: Path, table: str) -> list[dict[str, str]]:
    """Rows to assert that are no training."""
    rows = [
        row
        for path in sorted(folder.glob(f"{table}_*.csv"))
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    ]
    of_training = table in ("05", "06", "07", "08", "09", "19")
    return [
        row
        for row in rows
        if row["role"] == "assert"
        and not (of_training and is_training(row["metric"]) and not is_other(row))
        and row["metric"] != "predicted_delta_fraction"
    ]


@pytest.mark.parametrize("table", TABLES)
def test_golden(table: str, golden: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    """Every row of the table within the tolerance of its printed digits."""
    rows = golden_rows(golden, table)
    mapped = [(row, found) for row in rows if (found := statement(row))]
    assert [row["row_id"] for row in rows] == [row["row_id"] for row, _ in mapped]
    results = estimate_statements(warehouse, [found[0] for _, found in mapped])
    missed = []
    for (row, (stated, quantity, scale)), result in zip(mapped, results, strict=True):
        found = result.quantities[quantity]
        published, central = float(row["published"]), found["central"] and found["central"] / scale
        if central is None or abs(central / published - 1) > float(row["tol_rel"]):
            missed.append((row["row_id"], row["metric"], published, central, stated.as_json()))
        elif central:
            assert found["low"] == pytest.approx(central * scale, rel=1e-12) == found["high"]
    assert not missed


def test_predicted_against_actual(golden: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    """LLMCarbon's deltas: a training's emissions, then beside what was published."""
    from assets.estimated.scenario_files.training import scenario_of
    from assets.estimated.training import estimate_trainings
    from tests.assets.estimated.test_golden import scenario_keys

    path = next(iter(sorted(golden.glob("08_*.csv"))))
    rows = [
        r
        for r in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        if r["metric"] == "predicted_delta_fraction" and r["role"] == "assert"
    ]
    assert rows
    trainings = estimate_trainings(
        warehouse,
        [scenario_of(scenario_keys(r | {"metric": "predicted_tco2e"}), scenario_id=r["row_id"]) for r in rows],
    )
    compared = estimate_statements(
        warehouse,
        [
            statement_of(
                "compare",
                {
                    "value": e.quantities["operational_kgco2e"]["central"] / 1e3,
                    "reference_value": float(r["in_actual_t"]),
                },
                scenario_id=r["row_id"],
            )
            for r, e in zip(rows, trainings.estimates, strict=True)
        ],
    )
    for r, c in zip(rows, compared, strict=True):
        assert c.quantities["change_share"]["central"] == pytest.approx(
            float(r["published"]), rel=float(r["tol_rel"])
        ), r["row_id"]
