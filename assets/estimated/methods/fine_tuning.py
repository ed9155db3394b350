"""Fine-tuning of an open model, full or by low-rank adapters, and the volume from which one way is cheaper than another."""

from __future__ import annotations

from dataclasses import replace

from assets.estimated.method import Default, FactorLookup, Method, Quantity
from assets.estimated.methods.common import (
    COUNT,
    GRID,
    MEMORY_BYTE,
    PARAMETERS,
    PEAK,
    PUE,
    SHARE_ABOVE_0,
    TOKENS,
    USD,
    USD_PER_GPU_HOUR,
    earlier,
    reference_facts,
)
from assets.estimated.scenario_files.fields import Band, Bounds
from assets.estimated.scenario_files.training import NUMBERS

_SIZE = "give model or parameters_count"
_FLOP = f"{_SIZE}; tokens_count; and of adapters layer_count and hidden_width_count, or trainable_parameters_count"
_HOURS = f"{_FLOP}; accelerator, or peak_flop_per_s_per_gpu"
_ACTIVE = "coalesce(in_active_parameters_count, in_parameters_count)"
_PRICE = Bounds("USD per million tokens", 0, 1e6)


def _facts(memory: str) -> FactorLookup:
    """Facts of the model and of the accelerator, whose memory is read as `memory` says."""
    return reference_facts(
        model={
            "parameters_count": "parameters_count",
            "active_parameters_count": "coalesce(active_parameters_count, parameters_count)",
            "layer_count": "layer_count",
            "hidden_width_count": "hidden_width_count",
        },
        accelerator={"peak_flop_per_s_per_gpu": "fp16_dense_flop_per_s", "memory_byte_per_gpu": memory},
    )


_FINE_TUNING = Method(
    "fine_tuning",
    "fine-tuning-3",
    {
        "parameters_count": PARAMETERS,
        "active_parameters_count": PARAMETERS,
        "layer_count": COUNT,
        "hidden_width_count": COUNT,
        "tokens_count": TOKENS,
        "epoch_count": COUNT,
        "rank_count": COUNT,
        "matrices_per_layer_count": COUNT,
        "trainable_parameters_count": Bounds("parameters", 1, 1e16),
        "bytes_per_parameter": Bounds("byte", 0.1, 8),
        "memory_byte_per_gpu": Bounds("byte", 1e8, 1e13, "80e9, not 80"),
        "peak_flop_per_s_per_gpu": PEAK,
        "utilization_share": SHARE_ABOVE_0,
        "tdp_w": NUMBERS["power_w_per_gpu"],
        "power_share_of_tdp": Bounds("1", 0.01, 5),
        "power_w_per_gpu": NUMBERS["power_w_per_gpu"],
        "pue": PUE,
        "grid_gco2e_per_kwh": GRID,
        "usd_per_gpu_hour": USD_PER_GPU_HOUR,
    },
    {
        "trainable_parameters_count": Quantity(
            "1",
            "CASE in_adaptation WHEN 'full' THEN in_parameters_count ELSE lora_parameters_count(in_layer_count, in_hidden_width_count, in_rank_count, in_matrices_per_layer_count) END",
            "give model, or layer_count and hidden_width_count",
            is_input=True,
        ),
        "training_flop": Quantity(
            "FLOP",
            # A token trains no more parameters than it activates. Not least(), which passes over an unknown number of trained parameters.
            f"fine_tuning_flop({_ACTIVE}, in_tokens_count * in_epoch_count, "
            f"CASE WHEN trainable_parameters_count > {_ACTIVE} THEN {_ACTIVE} ELSE trainable_parameters_count END)",
            _FLOP,
        ),
        "pf_days": Quantity("PFLOP/s-day", "pf_days(training_flop)", _FLOP),
        "memory_byte": Quantity(
            "byte",
            "fine_tuning_memory_byte(in_parameters_count, trainable_parameters_count, in_bytes_per_parameter)",
            _SIZE,
        ),
        "accelerators_to_hold_count": Quantity(
            "1", "ceil(memory_byte / in_memory_byte_per_gpu)", f"{_SIZE}; and accelerator, or memory_byte_per_gpu"
        ),
        "gpu_hours": Quantity(
            "GPU-hour",
            "gpu_hours_of_flop(training_flop, in_peak_flop_per_s_per_gpu * in_utilization_share)",
            _HOURS,
        ),
        "energy_kwh": Quantity(
            "kWh",
            "energy_kwh(gpu_hours, coalesce(in_power_w_per_gpu, power_w_per_gpu(in_tdp_w, in_power_share_of_tdp)), in_pue)",
            f"{_HOURS}; power_w_per_gpu and pue",
        ),
        "cost_usd": Quantity("USD", "cost_usd(gpu_hours, in_usd_per_gpu_hour)", f"{_HOURS}; and usd_per_gpu_hour"),
        "operational_kgco2e": Quantity(
            "kgCO2e",
            "operational_kgco2e(energy_kwh, in_grid_gco2e_per_kwh)",
            f"{_HOURS}; power_w_per_gpu, pue, and grid_gco2e_per_kwh or region",
        ),
    },
    defaults={
        "epoch_count": Default(Band(1, 1, 1), "", "one pass over the tokens"),
        "rank_count": Default(
            Band(16, 16, 16), "https://arxiv.org/abs/2106.09685", "a usual rank; the result hardly depends on it"
        ),
        "matrices_per_layer_count": Default(
            Band(4, 4, 4),
            "https://arxiv.org/abs/2106.09685",
            "query, key, value and output of attention, as square matrices",
        ),
        "bytes_per_parameter": Default(Band(2, 2, 2), "https://arxiv.org/abs/1910.02054", "16-bit weights"),
        "utilization_share": Default(
            Band(0.17, 0.32, 0.5),
            "https://arxiv.org/abs/2104.10350",
            "as for a training; see reference.method_default",
        ),
    },
    choices={"adaptation": ("lora", "full")},
    at_most=(
        ("active_parameters_count", "parameters_count"),
        ("trainable_parameters_count", "parameters_count"),
        ("rank_count", "hidden_width_count"),
    ),
    names=("model", "accelerator", "provider", "region", "purchase"),
    own_lookup=_facts(MEMORY_BYTE),
)
#: Counted adapters of unknown size as if every parameter were trained (least() leaves NULL out): 6 FLOP per parameter and token, not about 4.
_FINE_TUNING_2 = earlier(
    _FINE_TUNING,
    "fine-tuning-2",
    formulas={
        "training_flop": f"fine_tuning_flop({_ACTIVE}, in_tokens_count * in_epoch_count, least(trainable_parameters_count, {_ACTIVE}))"
    },
)
#: The volume up to which bought tokens are cheaper. Where they always are, there is no such volume: it counts as beyond any number.
_BREAK_EVEN = Method(
    "break_even",
    "break-even-2",
    {
        "build_usd": USD,
        "adapt_usd": USD,
        "own_usd_per_mtok": _PRICE,
        "buy_usd_per_mtok": _PRICE,
        "volume_mtok": Bounds("million tokens", 1e-6, 1e15),
    },
    {
        "build_or_buy_mtok": Quantity(
            "million tokens",
            "break_even(in_build_usd, in_own_usd_per_mtok, 0, in_buy_usd_per_mtok)",
            "give build_usd, own_usd_per_mtok and buy_usd_per_mtok; none where own tokens cost more than bought ones",
            is_boundless=True,
        ),
        "adapt_or_buy_mtok": Quantity(
            "million tokens",
            "break_even(in_adapt_usd, in_own_usd_per_mtok, 0, in_buy_usd_per_mtok)",
            "give adapt_usd, own_usd_per_mtok and buy_usd_per_mtok; none where own tokens cost more than bought ones",
            is_boundless=True,
        ),
        "build_total_usd": Quantity(
            "USD",
            "in_build_usd + in_own_usd_per_mtok * in_volume_mtok",
            "give build_usd, own_usd_per_mtok and volume_mtok",
        ),
        "adapt_total_usd": Quantity(
            "USD",
            "in_adapt_usd + in_own_usd_per_mtok * in_volume_mtok",
            "give adapt_usd, own_usd_per_mtok and volume_mtok",
        ),
        "buy_total_usd": Quantity(
            "USD", "in_buy_usd_per_mtok * in_volume_mtok", "give buy_usd_per_mtok and volume_mtok"
        ),
    },
)
METHODS = (
    _FINE_TUNING,
    _FINE_TUNING_2,
    # The first version took the GiB of a data sheet for GB.
    replace(_FINE_TUNING_2, version="fine-tuning-1", own_lookup=_facts("memory_gib * 1e9")),
    _BREAK_EVEN,
    # Draws in which an own token costs more than a bought one, so that it never pays back, were left out of the band.
    replace(
        _BREAK_EVEN,
        version="break-even-1",
        quantities={name: replace(q, is_boundless=False) for name, q in _BREAK_EVEN.quantities.items()},
    ),
)
