"""Published figures from their printed inputs, through the public function, by one mapping of columns to scenario keys.

Rows whose metric is none of an estimate's quantities (sums of rows, margins, embodied shares) are not mapped.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from assets.estimated.scenario_files.training import scenario_of
from assets.estimated.training import estimate_trainings

TABLES = ("01", "02", "03", "04", "05", "06", "07", "08", "09", "19", "20")
KG_PER_LB = 0.45359237

#: Column -> (scenario key, factor to its unit).
COLUMNS: dict[str, tuple[str, float]] = {
    "in_params_m": ("parameters_count", 1e6),
    "in_params_b": ("parameters_count", 1e9),
    "in_base_b": ("parameters_count", 1e9),
    "in_n_b": ("parameters_count", 1e9),
    "in_active_b": ("active_parameters_count", 1e9),
    "in_tokens": ("tokens_count", 1),
    "in_tokens_b": ("tokens_count", 1e9),
    "in_d_b": ("tokens_count", 1e9),
    "in_tokens_t": ("tokens_count", 1e12),
    "in_flops_per_param_token": ("flop_per_parameter_token", 1),
    "in_chips": ("accelerator_count", 1),
    "in_gpus": ("accelerator_count", 1),
    "in_devices": ("accelerator_count", 1),
    "in_days": ("duration_days", 1),
    "in_hours": ("duration_days", 1 / 24),
    "in_months": ("duration_months", 1),
    "in_steps": ("step_count", 1),
    "in_step_s": ("step_s", 1),
    "in_tok_per_s_gpu": ("tokens_per_s_per_gpu", 1),
    "in_gpu_hours": ("gpu_hours", 1),
    "in_gpu_hours_k": ("gpu_hours", 1e3),
    "in_gpu_hours_m": ("gpu_hours", 1e6),
    "in_device_hours": ("gpu_hours", 1),
    "in_tflops_per_chip": ("achieved_flop_per_s_per_gpu", 1e12),
    "in_achieved_tflops": ("achieved_flop_per_s_per_gpu", 1e12),
    "in_peak_tflops": ("peak_flop_per_s_per_gpu", 1e12),
    "in_efficiency": ("utilization_share", 1),
    "in_mfu_prior": ("utilization_share", 1),
    "in_watts_per_chip": ("power_w_per_gpu", 1),
    "in_gpu_watts": ("power_w_per_gpu", 1),
    "in_avg_w": ("power_w_per_gpu", 1),
    "in_watts": ("power_w_per_gpu", 1),
    "in_idle_kw": ("power_w_per_gpu", 1e3),
    "in_pue": ("pue", 1),
    "in_kg_per_kwh": ("grid_gco2e_per_kwh", 1e3),
    "in_kg_per_gpu_kwh": ("grid_gco2e_per_kwh", 1e3),
    "in_g_per_kwh": ("grid_gco2e_per_kwh", 1),
    "in_t_per_mwh": ("grid_gco2e_per_kwh", 1e3),
    "in_lb_per_kwh": ("grid_gco2e_per_kwh", KG_PER_LB * 1e3),
    "in_usd_per_gpu_hour": ("usd_per_gpu_hour", 1),
    "in_usd_per_hour": ("usd_per_gpu_hour", 1),
    "in_usd_low": ("usd_per_gpu_hour", 1),
    "in_usd_high": ("usd_per_gpu_hour", 1),
    "in_energy_kwh": ("energy_kwh", 1),
    "in_energy_mwh": ("energy_kwh", 1e3),
    "in_kwh_pue": ("energy_kwh", 1),
    "in_gpu_mwh": ("it_energy_kwh", 1e3),
}

#: Metric -> (quantity, value of one unit of the metric).
METRICS: dict[str, tuple[str, float]] = {
    "train_compute_flop": ("training_flop", 1),
    "total_compute_flop": ("training_flop", 1),
    "flop": ("training_flop", 1),
    "train_flop": ("training_flop", 1),
    "train_compute_pf_days": ("pf_days", 1),
    "train_pf_days": ("pf_days", 1),
    "gpu_hours": ("gpu_hours", 1),
    "chip_hours": ("gpu_hours", 1),
    "device_hours_at_mfu_0.40": ("gpu_hours", 1),
    "days": ("duration_days", 1),
    "tflops_per_gpu": ("achieved_flop_per_s_per_gpu", 1e12),
    "implied_whole_run_mfu": ("utilization_share", 1),
    "energy_kwh": ("energy_kwh", 1),
    "energy_mwh": ("energy_kwh", 1e3),
    "energy_kwh_with_pue": ("energy_kwh", 1),
    "tco2e": ("operational_kgco2e", 1e3),
    "tco2e_from_hours": ("operational_kgco2e", 1e3),
    "tco2e_location_based": ("operational_kgco2e", 1e3),
    "gross_tco2e": ("operational_kgco2e", 1e3),
    "net_tco2e": ("operational_kgco2e", 1e3),
    "gross_tco2e_from_hours": ("operational_kgco2e", 1e3),
    "net_tco2e_from_hours": ("operational_kgco2e", 1e3),
    "predicted_tco2e": ("operational_kgco2e", 1e3),
    "actual_tco2e": ("operational_kgco2e", 1e3),
    "kgco2e": ("operational_kgco2e", 1),
    "co2e_lb": ("operational_kgco2e", KG_PER_LB),
    "co2e_lb_from_hours": ("operational_kgco2e", KG_PER_LB),
    "cost_usd": ("cost_usd", 1),
    "cost_low_usd": ("cost_usd", 1),
    "cost_high_usd": ("cost_usd", 1),
    "cost_musd": ("cost_usd", 1e6),
}
#: What a metric may end in -> how many of its quantity.
ENDINGS = {"_k": 1e3, "_m": 1e6}


def quantity_of(metric: str) -> tuple[str, float]:
    """The quantity that answers a metric, and the value of one unit of it: gpu_hours_k counts thousands of gpu_hours."""
    if metric in METRICS:
        return METRICS[metric]
    for ending, size in ENDINGS.items():
        if metric.endswith(ending) and (base := metric.removesuffix(ending)) in METRICS:
            return METRICS[base][0], METRICS[base][1] * size
    if metric.startswith("days"):
        return METRICS["days"]
    raise KeyError(metric)


def is_training(metric: str) -> bool:
    """Whether a training's estimate answers it."""
    try:
        quantity_of(metric)
    except KeyError:
        return False
    return True


RUN = (
    "gpu_hours",
    "accelerator_count",
    "duration_days",
    "duration_months",
    "step_s",
    "tokens_per_s_per_gpu",
    "achieved_flop_per_s_per_gpu",
    "power_w_per_gpu",
)
ENERGY = ("energy_kwh", "it_energy_kwh")


def scenario_keys(row: Mapping[str, str]) -> dict[str, float]:
    """Scenario keys of a golden row: its columns, less those that are the answer or another way to it."""
    given = {name: float(value) for name, value in row.items() if name.startswith("in_") and value}
    keys: dict[str, float] = {}
    for name, value in given.items():
        if name in COLUMNS:
            key, scale = COLUMNS[name]
            keys[key] = value * scale
    metric, (quantity, _) = row["metric"], quantity_of(row["metric"])
    side = "in_kg_per_kwh_net" if metric.startswith("net") else "in_kg_per_kwh_gross"
    if side in given:
        keys["grid_gco2e_per_kwh"] = given[side] * 1e3
    if "in_kg_per_gpu_kwh" in given:  # the factor holds the PUE
        keys["pue"] = 1
    if "in_h" in given or "in_m" in given:
        keys["duration_days"] = keys.get("duration_days", 0) + given.get("in_h", 0) / 24 + given.get("in_m", 0) / 1440
    if "in_nodes" in given:
        keys |= {"accelerator_count": given["in_nodes"] * given["in_gpus_per_node"], "duration_days": 1}
    if "in_chips_a" in given:
        keys["gpu_hours"] = given["in_chips_a"] * given["in_hours_a"] + given["in_chips_b"] * given["in_hours_b"]
    if "in_kh_per_t" in given:
        keys["gpu_hours"] = given["in_kh_per_t"] * 1e3 * given.get("in_tokens_t", 1)
    if "in_layers" in given:
        width = {"attention_width_count": given["in_width"]} if "in_width" in given else {}
        heads = {"heads": given.get("in_heads", 0), "head_dimension_count": given.get("in_d_head", 0)}
        keys |= {"layers": given["in_layers"], "context_tokens": given["in_seq"], "include_attention": True}
        keys |= width or heads
    if any(k in keys for k in ("duration_days", "duration_months", "step_s")) and "accelerator_count" not in keys:
        keys["accelerator_count"] = 1
    # A row prints its answer's neighbours too; keep one way to the answer.
    if quantity == "operational_kgco2e" and row["mode"] == "step" and any(k in keys for k in ENERGY):
        if not any(k in keys for k in RUN) and "pue" in keys and "energy_kwh" in keys:
            keys["it_energy_kwh"] = keys.pop("energy_kwh")
        keys = {k: v for k, v in keys.items() if k in (*ENERGY, "pue", "grid_gco2e_per_kwh")}
    elif any(k in keys for k in RUN):
        keys = {k: v for k, v in keys.items() if k not in ENERGY}
    elif quantity == "operational_kgco2e" and "pue" in keys and "energy_kwh" in keys:
        keys["it_energy_kwh"] = keys.pop("energy_kwh")
    drop = {
        "predicted_tco2e": ("accelerator_count", "duration_days", "achieved_flop_per_s_per_gpu"),
        "actual_tco2e": ("parameters_count", "tokens_count", "peak_flop_per_s_per_gpu", "utilization_share"),
        "device_hours_at_mfu_0.40": ("gpu_hours",),
        "implied_whole_run_mfu": ("utilization_share",),
    }.get(metric, ())
    return {k: v for k, v in keys.items() if k not in drop}


def golden_rows(folder: Path) -> list[dict[str, str]]:
    """Rows to assert whose metric is a quantity of an estimate."""
    files = [path for table in TABLES for path in sorted(folder.glob(f"{table}_*.csv"))]
    rows = [row for path in files for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())]
    return [row for row in rows if row["role"] == "assert" and is_training(row["metric"]) and not is_other(row)]


def is_other(row: Mapping[str, str]) -> bool:
    """Sums of printed parts and manufacture: not the run of one training."""
    parts = (
        "in_a",
        "in_tco2e_a",
        "in_emb_t",
        "in_kg_server",
        "in_kg_gpu",
        "in_srv_t",
        "in_dyn_t",
        "in_gb",
        "in_kg_chip",
        "in_lb",
        "in_gpu_hours_a",
        "in_strubell_t",
        "in_kg1",
    )
    return any(row.get(name) for name in parts)


@pytest.mark.parametrize("table", TABLES)
def test_golden(table: str, golden: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    """Every row of the table within the tolerance of its printed digits."""
    rows = [row for row in golden_rows(golden) if row["row_id"].startswith(f"{table}-")]
    assert rows
    scenarios = [scenario_of(scenario_keys(row), scenario_id=row["row_id"]) for row in rows]
    missed = []
    for row, estimate in zip(rows, estimate_trainings(warehouse, scenarios).estimates, strict=True):
        quantity, scale = quantity_of(row["metric"])
        result = (estimate.quantities | estimate.derived)[quantity]
        published, central = float(row["published"]), result["central"] and result["central"] / scale
        if central is None or abs(central / published - 1) > float(row["tol_rel"]):
            missed.append((row["row_id"], row["metric"], published, central, scenario_keys(row)))
        assert result["low"] == result["central"] == result["high"]
    assert not missed


def test_band_covers_published_runs(
    golden: Path, warehouse: duckdb.DuckDBPyConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Published hours fall into the 90% band at the default utilisation about as often as it says."""
    rows = [row for row in golden_rows(golden) if row["metric"] == "implied_whole_run_mfu"]
    keys = {row["row_id"]: scenario_keys(row) for row in rows}
    hours = {row_id: stated.pop("gpu_hours") for row_id, stated in keys.items()}
    estimates = estimate_trainings(
        warehouse, [scenario_of(stated, scenario_id=row_id) for row_id, stated in keys.items()]
    ).estimates
    bands = {e.scenario.scenario_id: e.quantities["gpu_hours"] for e in estimates}
    inside = sum(bands[row_id]["low"] <= published <= bands[row_id]["high"] for row_id, published in hours.items())
    with capsys.disabled():
        sys.stdout.write(
            f"\npublished GPU-hours in the 90% band: {inside} of {len(rows)} runs, {inside / len(rows):.0%}\n"
        )
    assert inside / len(rows) >= 0.8
