"""A service as measured: throughput, power, latency, tokens, prices, and what they come down to per token and per day.

Where the accelerator that it was measured on is named, it is moved to the one that it runs on, by the ratios of the roofline of [serving].
"""

from __future__ import annotations

from dataclasses import replace

from assets.estimated.method import FactorLookup, Method, Quantity
from assets.estimated.methods.common import (
    COUNT,
    GRID,
    PARAMETERS,
    PEAK,
    PEAK_OF_FORMAT,
    PUE,
    SECONDS,
    TOKENS,
    USD,
    USD_PER_GPU_HOUR,
    WATT,
    earlier,
    reference_facts,
)
from assets.estimated.methods.measured import READ, service_of_another_card
from assets.estimated.methods.serving import SERVING_6
from assets.estimated.methods.serving_past import SERVING_4, SERVING_5
from assets.estimated.scenario_files.fields import Bounds

_PRICE = Bounds("USD per million tokens", 0, 1e6)
_RATIO = Bounds("1", 1e-3, 1e3)
_RATE = Bounds("tokens/s", 1e-6, 1e15)
_BANDWIDTH = Bounds("byte/s", 1e8, 1e16, "3.35e12, not 3350 (GB/s)")
_COUNT = "give accelerator_count, or node_count and accelerators_per_node_count"
_TOKENS = "give tokens_per_s"
_FACTS = reference_facts(
    model={
        "parameters_count": "parameters_count",
        "active_parameters_count": "coalesce(active_parameters_count, parameters_count)",
    },
    accelerator={
        "memory_bandwidth_byte_per_s": "memory_bandwidth_gb_per_s * 1e9",
        "peak_flop_per_s_per_gpu": PEAK_OF_FORMAT,
    },
)
#: What was measured -> SQL of the same on the accelerator that the service runs on.
_HERE = {
    "in_tokens_per_s": "in_tokens_per_s * coalesce(in_throughput_ratio, 1)",
    "in_samples_per_s": "in_samples_per_s * coalesce(in_throughput_ratio, 1)",
    "in_power_w": "in_power_w * coalesce(in_power_ratio, 1)",
    "in_inter_token_latency_s": "in_inter_token_latency_s * coalesce(in_latency_ratio, 1)",
    "in_first_token_latency_s": "in_first_token_latency_s * coalesce(in_prefill_ratio, 1)",
    "in_output_tokens_per_s_per_node": "in_output_tokens_per_s_per_node / coalesce(in_latency_ratio, 1)",
    "in_input_tokens_per_s_per_node": "in_input_tokens_per_s_per_node / coalesce(in_prefill_ratio, 1)",
}
_TOKENS_PER_S, _SAMPLES_PER_S, _POWER_W, _INTER_TOKEN_S, _FIRST_TOKEN_S, _OUT_PER_S_PER_NODE, _IN_PER_S_PER_NODE = (
    f"({sql})" for sql in _HERE.values()
)
#: Output of the whole service: where the input of the whole service is stated, output_tokens_count can only mean the same.
_OUT = "coalesce(in_service_output_tokens_count, CASE WHEN in_input_tokens_count IS NOT NULL THEN in_output_tokens_count END)"
_OUTPUT = "service_output_tokens_count (or output_tokens_count beside input_tokens_count)"


def _facts_and_ratios(roofline: Method) -> FactorLookup:
    """Facts of the card, and by how much it is faster than the one measured, by a version of [serving]."""
    return lambda con, statements, keys: [
        *_FACTS(con, statements, keys),
        *service_of_another_card(con, statements, keys, roofline),
    ]


_SERVICE_6 = Method(
    "service",
    "service-6",
    {
        "parameters_count": PARAMETERS,
        "active_parameters_count": PARAMETERS,
        "bytes_per_parameter": Bounds("byte", 0.1, 8),
        "memory_bandwidth_byte_per_s": _BANDWIDTH,
        "peak_flop_per_s_per_gpu": PEAK,
        "accelerator_count": COUNT,
        "power_w": WATT,
        "tokens_per_s": _RATE,
        "output_tokens_count": TOKENS,
        "batch_count": COUNT,
        "inter_token_latency_s": SECONDS,
        "first_token_latency_s": SECONDS,
        "samples_count": COUNT,
        "samples_per_s": Bounds("samples/s", 1e-9, 1e12),
        "node_count": COUNT,
        "accelerators_per_node_count": COUNT,
        "duration_h": Bounds("h", 1e-6, 1e6),
        "cached_input_tokens_count": TOKENS,
        "input_tokens_count": TOKENS,
        "service_output_tokens_count": TOKENS,
        "input_tokens_per_s_per_node": _RATE,
        "output_tokens_per_s_per_node": _RATE,
        "usd_per_mtok_cached_input": _PRICE,
        "usd_per_mtok_input": _PRICE,
        "usd_per_mtok_output": _PRICE,
        "usd_per_gpu_hour": USD_PER_GPU_HOUR,
        "revenue_usd": USD,
        "cost_usd": USD,
        "pue": PUE,
        "grid_gco2e_per_kwh": GRID,
        "prompt_tokens_count": TOKENS,
        "replica_count": COUNT,
        "measured_accelerator_count": COUNT,
        "throughput_ratio": _RATIO,
        "latency_ratio": _RATIO,
        "prefill_ratio": _RATIO,
        "power_ratio": _RATIO,
    },
    {
        "tokens_per_s": Quantity("token/s", _HERE["in_tokens_per_s"], _TOKENS),
        "power_w": Quantity("W", _HERE["in_power_w"], "give power_w"),
        "inter_token_latency_s": Quantity("s", _HERE["in_inter_token_latency_s"], "give inter_token_latency_s"),
        "tokens_per_s_of_batch": Quantity(
            "token/s",
            f"tokens_per_s_of_batch(in_batch_count, {_INTER_TOKEN_S})",
            "give batch_count and inter_token_latency_s",
        ),
        "j_per_token": Quantity(
            "J/token", f"j_per_token({_POWER_W}, {_TOKENS_PER_S})", "give power_w and tokens_per_s"
        ),
        "j_per_request": Quantity(
            "J/request",
            "j_per_token * in_output_tokens_count",
            "give power_w, tokens_per_s and output_tokens_count",
        ),
        "kwh_per_mtok": Quantity(
            "kWh per million tokens",
            "facility_energy_kwh(j_per_token / 3.6, in_pue)",
            "give power_w, tokens_per_s and pue",
        ),
        "gco2e_per_mtok": Quantity(
            "gCO2e per million tokens",
            "kwh_per_mtok * in_grid_gco2e_per_kwh",
            "give all of kwh_per_mtok, and grid_gco2e_per_kwh or region",
        ),
        "weight_read_s": Quantity(
            "s/token",
            "weight_read_s(in_parameters_count, coalesce(in_bytes_per_parameter, bytes_per_parameter(in_number_format)), in_accelerator_count, in_memory_bandwidth_byte_per_s)",
            "give parameters_count or model, accelerator_count, memory_bandwidth_byte_per_s or accelerator",
        ),
        "weight_read_share": Quantity(
            "share",
            f"weight_read_s / {_INTER_TOKEN_S}",
            "give all of weight_read_s, and inter_token_latency_s",
        ),
        "flop_share_of_peak": Quantity(
            "share",
            f"utilization_share(inference_flop_per_token(coalesce(in_active_parameters_count, in_parameters_count)) * {_TOKENS_PER_S} / in_accelerator_count, in_peak_flop_per_s_per_gpu)",
            "give model or active_parameters_count, tokens_per_s, accelerator_count, and peak_flop_per_s_per_gpu or accelerator",
            is_part=True,
        ),
        "request_latency_s": Quantity(
            "s",
            f"{_FIRST_TOKEN_S} + {_INTER_TOKEN_S} * (in_output_tokens_count - 1)",
            "give first_token_latency_s, inter_token_latency_s and output_tokens_count",
        ),
        "offline_duration_s": Quantity(
            "s", f"in_samples_count / {_SAMPLES_PER_S}", "give samples_count and samples_per_s"
        ),
        # Samples and tokens are of one run, wherever that was.
        "tokens_per_sample": Quantity(
            "token", "in_tokens_per_s / in_samples_per_s", "give tokens_per_s and samples_per_s"
        ),
        "node_days": Quantity(
            "node-day",
            f"(in_input_tokens_count / {_IN_PER_S_PER_NODE} + {_OUT} / {_OUT_PER_S_PER_NODE}) / 86400",
            f"give input_tokens_count, {_OUTPUT}, and tokens per second and node of both",
        ),
        "gpu_hours": Quantity(
            "GPU-hour",
            "coalesce(in_node_count * in_accelerators_per_node_count, in_accelerator_count) * coalesce(in_duration_h, 24)",
            _COUNT,
        ),
        "cost_usd": Quantity(
            "USD",
            "cost_usd(gpu_hours, in_usd_per_gpu_hour)",
            f"{_COUNT}; and usd_per_gpu_hour or accelerator",
            is_input=True,
        ),
        "cache_hit_share": Quantity(
            "share",
            "in_cached_input_tokens_count / in_input_tokens_count",
            "give cached_input_tokens_count and input_tokens_count",
        ),
        "revenue_usd": Quantity(
            "USD",
            # A service without a cache bills all of its input at one price.
            f"""(CASE WHEN in_cached_input_tokens_count IS NULL AND in_usd_per_mtok_cached_input IS NULL THEN in_input_tokens_count * in_usd_per_mtok_input
                ELSE in_cached_input_tokens_count * in_usd_per_mtok_cached_input + (in_input_tokens_count - in_cached_input_tokens_count) * in_usd_per_mtok_input END
                + {_OUT} * in_usd_per_mtok_output) / 1e6""",
            f"give input_tokens_count, {_OUTPUT}, usd_per_mtok_input and usd_per_mtok_output; of cached input both tokens and price, or neither",
            is_input=True,
        ),
        "margin_on_cost_share": Quantity(
            "share",
            "(revenue_usd - cost_usd) / cost_usd",
            "give revenue_usd and cost_usd, or what they follow from",
        ),
        "margin_on_revenue_share": Quantity(
            "share",
            "(revenue_usd - cost_usd) / revenue_usd",
            "give revenue_usd and cost_usd, or what they follow from",
        ),
        # The time that a million tokens take, beside what they cost and emit: `why_moved` splits these by it.
        "s_per_mtok": Quantity("s per million tokens", f"1e6 / {_TOKENS_PER_S}", _TOKENS),
        "gpu_s_per_mtok_output": Quantity(
            "GPU-s per million tokens",
            f"coalesce(in_accelerators_per_node_count / {_OUT_PER_S_PER_NODE}, in_accelerator_count / {_TOKENS_PER_S}) * 1e6",
            f"{_TOKENS} and accelerator_count (or those of a node)",
        ),
        "usd_per_mtok_output": Quantity(
            "USD per million tokens",
            "cost_usd(gpu_s_per_mtok_output / 3600, in_usd_per_gpu_hour)",
            f"{_TOKENS} and accelerator_count (or those of a node), and usd_per_gpu_hour or accelerator",
        ),
    },
    choices={"number_format": ("bf16", "fp8", "fp4", "int8")},
    at_most=(
        ("active_parameters_count", "parameters_count"),
        ("cached_input_tokens_count", "input_tokens_count"),
    ),
    names=("model", "accelerator", "measured_accelerator", "provider", "region", "purchase"),
    own_lookup=_facts_and_ratios(SERVING_6),
    read_by_own_lookup=READ,
)
#: Moved by the roofline of serving-5, and of serving-4.
_SERVICE_5 = replace(_SERVICE_6, version="service-5", own_lookup=_facts_and_ratios(SERVING_5))
_SERVICE_4 = replace(_SERVICE_6, version="service-4", own_lookup=_facts_and_ratios(SERVING_4))
#: The time that a million tokens take was not told.
_SERVICE_3 = earlier(
    _SERVICE_4,
    "service-3",
    without_quantities=("s_per_mtok", "gpu_s_per_mtok_output"),
    formulas={
        "usd_per_mtok_output": f"""coalesce(usd_per_mtok(in_accelerators_per_node_count * in_usd_per_gpu_hour, {_OUT_PER_S_PER_NODE} * 3600),
            usd_per_mtok(in_accelerator_count * in_usd_per_gpu_hour, {_TOKENS_PER_S} * 3600))"""
    },
)


def _as_measured(formula: str) -> str:
    """A formula over what was measured, whatever accelerator the service runs on."""
    for measured, here in _HERE.items():
        formula = formula.replace(f"({here})", measured)
    return formula


#: A service was not moved from one accelerator to another.
_SERVICE_2 = earlier(
    _SERVICE_3,
    "service-2",
    without_numbers=(
        "prompt_tokens_count",
        "replica_count",
        "measured_accelerator_count",
        "throughput_ratio",
        "latency_ratio",
        "prefill_ratio",
        "power_ratio",
    ),
    without_quantities=("tokens_per_s", "power_w", "inter_token_latency_s"),
    formulas={
        name: _as_measured(q.formula)
        for name, q in _SERVICE_3.quantities.items()
        if name not in ("tokens_per_s", "power_w", "inter_token_latency_s")
    },
    names=("model", "accelerator", "provider", "region", "purchase"),
    own_lookup=_FACTS,
    read_by_own_lookup=(),
)
#: Output of the whole service had to be stated under its own name, and revenue needed the tokens and the price of a cache.
_SERVICE_1 = earlier(
    _SERVICE_2,
    "service-1",
    formulas={
        "node_days": """(in_input_tokens_count / in_input_tokens_per_s_per_node
            + in_service_output_tokens_count / in_output_tokens_per_s_per_node) / 86400""",
        "revenue_usd": """(in_cached_input_tokens_count * in_usd_per_mtok_cached_input
            + (in_input_tokens_count - in_cached_input_tokens_count) * in_usd_per_mtok_input
            + in_service_output_tokens_count * in_usd_per_mtok_output) / 1e6""",
    },
    needs={
        "node_days": "give input_tokens_count, service_output_tokens_count, and tokens per second and node of both",
        "revenue_usd": "give tokens and prices of cached input, input and output",
    },
)
METHODS = (_SERVICE_6, _SERVICE_5, _SERVICE_4, _SERVICE_3, _SERVICE_2, _SERVICE_1)
