"""Serving of a model on accelerators: tokens per second, price and carbon per million tokens, memory and latency.

A decode step moves weights and cache through memory, computes, and pays for launches, scheduling and the exchange between the accelerators
of a copy; a prompt is computed and exchanged. The shares, what four bits reach of them, and the overheads were fitted (serving-6) by least
squares of the logarithms of throughput, and rounded, to

- 229 throughputs of TensorRT-LLM 1.0 at full load (2025: Llama 3 and 4, Qwen3; H100, H200, B200, GB200, RTX PRO 6000; FP8 and FP4, prompts of 128 to 20,000),
- 340 of TensorRT-LLM 0.17 at full load (Llama 3.1, Mistral, Mixtral; A100, L40S, H100, H200, GH200; 1 to 8 accelerators),
- 37 of TensorRT-LLM 0.6 at a stated batch (2023: GPT-J, LLaMA, Falcon; A100, L40S, H100),
- 61 runs of the ML.ENERGY leaderboard (vLLM; H100 and B200, mostly Qwen3; prompts are not published, 200 tokens were assumed),
- 25 of llama.cpp, one request on one card.

The error that is left is the band of `step_ratio`; `tests/assets/estimated/test_serving.py` prints it. What a request costs beside the card
differs most between engines (7 microseconds in TensorRT-LLM, 55 in vLLM as measured): the band of `overhead_s_per_request`. A mixture of
experts attends in parts (attention by request) where a copy has more accelerators than heads of keys and values, each server of eight
schedules its own requests, and tokens go to the accelerators of their experts; with serving-5 a copy of DeepSeek-V3 on 144 accelerators
was 9 times too slow. Attention weights that every part holds are not counted in its memory. The error is largest where engines differ
most: Llama 4 Maverick on eight accelerators. Up to serving-4 the fit was to ML.ENERGY alone, and the 90% band held less than half of
NVIDIA's throughputs.

The cache is taken as spread over the accelerators of a copy. Where there are more of them than heads of keys and values (of a latent
vector there is one) that needs attention that is parallel by request; by tensor alone each would hold, and read, a whole one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from assets.estimated.method import Default, FactorLookup, Method, Quantity
from assets.estimated.methods.common import (
    COUNT,
    GRID,
    LOCAL_LAYERS,
    MEMORY_BYTE,
    PARAMETERS,
    PEAK,
    PEAK_OF_FORMAT,
    PUE,
    SHARE_ABOVE_0,
    TOKENS,
    USD_PER_GPU_HOUR,
    WINDOW_TOKENS,
    before,
    reference_facts,
)
from assets.estimated.scenario_files.fields import Band, Bounds
from assets.estimated.scenario_files.training import NUMBERS

_FITTED = "https://github.com/ml-energy/leaderboard/blob/0cd52da/public/data/tasks/lm-arena-chat.json"
_SIZE = "give model or parameters_count"
_RUN = (
    "give model (a decoder; or parameters_count, layer_count, kv_byte_per_token), accelerator (or its memory, bandwidth and peak), prompt_tokens_count and output_tokens_count; "
    "batch and accelerators must fit: see accelerators_to_hold_count; the accelerator must compute in number_format (an A100 has no fp8: give bytes_per_parameter = 1 in its place)"
)
_MONEY = f"{_RUN}; and usd_per_gpu_hour where none is observed"
_POWER = f"{_RUN}; and power_w_per_gpu, pue"

#: Up to serving-3: bytes that the cache holds of a token, in values of 16 bits, and the width of attention without a rotary part beside it.
_CACHE_BEFORE_4 = {
    "layer_count": "layer_count",
    "kv_byte_per_token": "CASE WHEN kv_latent_width_count IS NOT NULL THEN latent_byte_per_token(layer_count, kv_latent_width_count, rope_head_dimension_count, 2) "
    "ELSE kv_byte_per_token(layer_count, kv_head_count, head_dimension_count, 2) END",
    "attention_width_count": "attention_head_count * head_dimension_count",
}
#: What both follow from, by the formulas of the method. They are those of a decoder: of an encoder no token is decoded, and of an encoder-decoder each half
#: works on other tokens.
_SHAPE = (
    "layer_count",
    "attention_head_count",
    "kv_head_count",
    "head_dimension_count",
    "kv_latent_width_count",
    "rope_head_dimension_count",
    "local_layer_count",
    "attention_window_tokens_count",
)


def _facts(
    memory: str, of_attention: Mapping[str, str] = _CACHE_BEFORE_4, of_links: Mapping[str, str] = MappingProxyType({})
) -> FactorLookup:
    """Facts of the model, with `of_attention` beside its size, and of the accelerator, whose memory is read as `memory` says, with `of_links` beside it."""
    return reference_facts(
        model={
            "parameters_count": "parameters_count",
            "active_parameters_count": "coalesce(active_parameters_count, parameters_count)",
            **of_attention,
        },
        accelerator={
            "memory_byte_per_gpu": memory,
            "memory_bandwidth_byte_per_s": "memory_bandwidth_gb_per_s * 1e9",
            "peak_flop_per_s_per_gpu": PEAK_OF_FORMAT,
            **of_links,
        },
        together=of_attention,
    )


_GROUP = "group_accelerator_count"
_LARGEST_GROUP = 4_096
_SERVING_2 = Method(
    "serving",
    "serving-2",
    {
        "parameters_count": PARAMETERS,
        "active_parameters_count": PARAMETERS,
        "layer_count": COUNT,
        "kv_byte_per_token": Bounds("byte per token", 1, 1e9),
        "attention_width_count": COUNT,
        "bytes_per_parameter": Bounds("byte", 0.1, 8),
        "accelerator_count": Bounds("accelerators of one copy (tensor parallel)", 1, _LARGEST_GROUP, is_whole=True),
        "replica_count": COUNT,
        "memory_byte_per_gpu": Bounds("byte", 1e8, 1e13, "80e9, not 80"),
        "memory_share": SHARE_ABOVE_0,
        "memory_bandwidth_byte_per_s": Bounds("byte/s", 1e8, 1e16, "3.35e12, not 3350 (GB/s)"),
        "peak_flop_per_s_per_gpu": PEAK,
        "batch_count": COUNT,
        "prompt_tokens_count": TOKENS,
        "output_tokens_count": TOKENS,
        "bandwidth_share": SHARE_ABOVE_0,
        "compute_share": SHARE_ABOVE_0,
        "overhead_s_per_layer": Bounds("s", 0, 1),
        "overhead_s_per_request": Bounds("s", 0, 1),
        "step_ratio": Bounds("1", 0.01, 100),
        "utilization_share": SHARE_ABOVE_0,
        "usd_per_gpu_hour": USD_PER_GPU_HOUR,
        "tdp_w": NUMBERS["power_w_per_gpu"],
        "power_share_of_tdp": Bounds("1", 0.01, 5),
        "power_w_per_gpu": NUMBERS["power_w_per_gpu"],
        "pue": PUE,
        "grid_gco2e_per_kwh": GRID,
    },
    {
        "weight_byte": Quantity(
            "byte",
            "in_parameters_count * coalesce(in_bytes_per_parameter, bytes_per_parameter(in_number_format))",
            _SIZE,
        ),
        "request_cache_byte": Quantity(
            "byte",
            "in_kv_byte_per_token * (in_prompt_tokens_count + in_output_tokens_count)",
            f"{_SIZE} (or kv_byte_per_token), prompt_tokens_count and output_tokens_count",
        ),
        "accelerators_to_hold_count": Quantity(
            "1",
            "accelerators_to_hold_count(weight_byte, coalesce(in_batch_count, 1) * coalesce(request_cache_byte, 0), in_memory_byte_per_gpu, in_memory_share)",
            f"{_SIZE}; and accelerator or memory_byte_per_gpu",
        ),
        _GROUP: Quantity(
            "1",
            "coalesce(in_accelerator_count, 2.0 ** ceil(log2(accelerators_to_hold_count)))",
            f"{_SIZE}; and accelerator or memory_byte_per_gpu",
        ),
        "largest_batch_count": Quantity(
            "1",
            f"nullif(greatest(floor(({_GROUP} * in_memory_byte_per_gpu * in_memory_share - weight_byte) / request_cache_byte), 0), 0)",
            f"the model must fit; {_RUN}",
        ),
        "used_batch_count": Quantity(
            "1",
            "CASE WHEN coalesce(in_batch_count, 1) <= largest_batch_count THEN coalesce(in_batch_count, largest_batch_count) END",
            f"batch_count must be at most largest_batch_count; {_RUN}",
        ),
        "weight_read_s": Quantity(
            "s",
            f"weight_read_s(1, weight_byte, {_GROUP}, in_memory_bandwidth_byte_per_s)",
            f"{_SIZE}; and accelerator or memory_bandwidth_byte_per_s",
        ),
        "inter_token_latency_s": Quantity(
            "s",
            f"""in_step_ratio * decode_step_s(
                    parameters_read_count(in_parameters_count, coalesce(in_active_parameters_count, in_parameters_count), used_batch_count) * weight_byte / in_parameters_count,
                    used_batch_count * in_kv_byte_per_token * (in_prompt_tokens_count + in_output_tokens_count / 2),
                    inference_flop_per_token(coalesce(in_active_parameters_count, in_parameters_count)) * used_batch_count,
                    {_GROUP}, in_memory_bandwidth_byte_per_s, in_bandwidth_share, in_peak_flop_per_s_per_gpu, in_compute_share, in_layer_count, used_batch_count,
                    in_overhead_s_per_layer, in_overhead_s_per_request)""",
            _RUN,
        ),
        "first_token_latency_s": Quantity(
            "s",
            f"""prefill_s(coalesce(in_active_parameters_count, in_parameters_count), in_prompt_tokens_count,
                    coalesce(attention_flop_per_token(in_layer_count, in_attention_width_count, in_prompt_tokens_count) / 6 * in_prompt_tokens_count, 0),
                    {_GROUP}, in_peak_flop_per_s_per_gpu, in_compute_share)""",
            _RUN,
        ),
        "request_latency_s": Quantity(
            "s", "first_token_latency_s + (in_output_tokens_count - 1) * inter_token_latency_s", _RUN
        ),
        "latency_floor_s": Quantity(
            "s",
            "first_token_latency_s * in_compute_share + (in_output_tokens_count - 1) * weight_read_s "
            "* coalesce(in_active_parameters_count, in_parameters_count) / in_parameters_count",
            _RUN,
        ),
        "tokens_per_s": Quantity(
            "token/s",
            "serving_tokens_per_s(in_output_tokens_count, first_token_latency_s, inter_token_latency_s, used_batch_count) * in_replica_count",
            _RUN,
        ),
        "tokens_per_s_per_gpu": Quantity("token/s", f"tokens_per_s / in_replica_count / {_GROUP}", _RUN),
        "gpu_s_per_mtok_input": Quantity(
            "GPU-s per million tokens",
            f"first_token_latency_s / in_prompt_tokens_count * {_GROUP} * 1e6 / in_utilization_share",
            _RUN,
        ),
        "gpu_s_per_mtok_output": Quantity(
            "GPU-s per million tokens",
            f"inter_token_latency_s / used_batch_count * {_GROUP} * 1e6 / in_utilization_share",
            _RUN,
        ),
        "usd_per_mtok_input": Quantity(
            "USD per million tokens", "cost_usd(gpu_s_per_mtok_input / 3600, in_usd_per_gpu_hour)", _MONEY
        ),
        "usd_per_mtok_output": Quantity(
            "USD per million tokens", "cost_usd(gpu_s_per_mtok_output / 3600, in_usd_per_gpu_hour)", _MONEY
        ),
        "usd_per_request": Quantity(
            "USD",
            "(usd_per_mtok_input * in_prompt_tokens_count + usd_per_mtok_output * in_output_tokens_count) / 1e6",
            _MONEY,
        ),
        "kwh_per_mtok_input": Quantity(
            "kWh per million tokens",
            "energy_kwh(gpu_s_per_mtok_input / 3600, coalesce(in_power_w_per_gpu, power_w_per_gpu(in_tdp_w, in_power_share_of_tdp)), in_pue)",
            _POWER,
        ),
        "kwh_per_mtok_output": Quantity(
            "kWh per million tokens",
            "energy_kwh(gpu_s_per_mtok_output / 3600, coalesce(in_power_w_per_gpu, power_w_per_gpu(in_tdp_w, in_power_share_of_tdp)), in_pue)",
            _POWER,
        ),
        "gco2e_per_mtok_input": Quantity(
            "gCO2e per million tokens",
            "operational_kgco2e(kwh_per_mtok_input, in_grid_gco2e_per_kwh) * 1000",
            f"{_POWER}, and grid_gco2e_per_kwh or region",
        ),
        "gco2e_per_mtok_output": Quantity(
            "gCO2e per million tokens",
            "operational_kgco2e(kwh_per_mtok_output, in_grid_gco2e_per_kwh) * 1000",
            f"{_POWER}, and grid_gco2e_per_kwh or region",
        ),
        "energy_wh_per_request": Quantity(
            "Wh",
            "(kwh_per_mtok_input * in_prompt_tokens_count + kwh_per_mtok_output * in_output_tokens_count) / 1e3",
            _POWER,
        ),
    },
    defaults={
        "memory_share": Default(
            Band(0.9, 0.9, 0.9),
            "https://docs.vllm.ai/en/latest/",
            "share of memory for weights and cache, as vLLM's gpu_memory_utilization",
        ),
        "replica_count": Default(Band(1, 1, 1), "", "one copy"),
        "bandwidth_share": Default(Band(0.9, 0.9, 0.9), _FITTED, "fitted, see step_ratio for the error"),
        "compute_share": Default(
            Band(0.4, 0.7, 0.8),
            f"{_FITTED} ; https://arxiv.org/abs/2211.05102",
            "fitted; the low side is ours, the high side the 76% of large prefills of PaLM 540B",
        ),
        "overhead_s_per_layer": Default(Band(50e-6, 50e-6, 50e-6), _FITTED, "fitted, see step_ratio for the error"),
        "overhead_s_per_request": Default(Band(45e-6, 45e-6, 45e-6), _FITTED, "fitted, see step_ratio for the error"),
        "step_ratio": Default(
            Band(0.8, 1, 1.35),
            _FITTED,
            "measured over modelled latency of 15 runs (ML.ENERGY, H100 and B200): p5, centre, p95; root mean square error 14% of latency, "
            "18% of throughput; offline Llama 2 70B of MLPerf v4.0, not used in the fit, within 10%",
        ),
        "utilization_share": Default(
            Band(0.3, 0.6, 0.9),
            "https://arxiv.org/abs/2211.02001",
            "share of the capacity that requests fill; assumed, no publisher prints it",
        ),
    },
    choices={"number_format": ("bf16", "fp8", "fp4", "int8")},
    at_most=(("active_parameters_count", "parameters_count"),),
    names=("model", "accelerator", "provider", "region", "purchase"),
    more=_facts(MEMORY_BYTE),
)
_2 = _SERVING_2.quantities
_SERVING_3 = replace(
    _SERVING_2,
    version="serving-3",
    # Who cannot hold the model and its batch reads no prompt either; and of more cards than exchange at every layer anywhere, nothing was measured.
    quantities={
        **_2,
        _GROUP: replace(
            _2[_GROUP],
            formula=f"coalesce(in_accelerator_count, CASE WHEN accelerators_to_hold_count <= {_LARGEST_GROUP} THEN 2.0 ** ceil(log2(accelerators_to_hold_count)) END)",
            needs=f"{_2[_GROUP].needs}; at most {_LARGEST_GROUP} of them hold one copy and its batch",
        ),
        "first_token_latency_s": replace(
            _2["first_token_latency_s"],
            formula=f"CASE WHEN accelerators_to_hold_count > {_GROUP} THEN NULL ELSE {_2['first_token_latency_s'].formula} END",
            needs=f"the model must fit; {_RUN}",
        ),
    },
)
_3 = _SERVING_3.quantities
_LAYERS = "in_layer_count, in_local_layer_count, in_attention_window_tokens_count"
_WHILE_DECODING = f"mean_attended_tokens_count(in_prompt_tokens_count, in_output_tokens_count, {_LAYERS})"
_HEADS = "give model (a decoder), or attention_head_count and head_dimension_count"
#: Layers with a window hold and see no more than it, a latent vector stands for keys and values, and the attention of decoding counts: over a latent
#: vector, which all heads read, it takes as long as the reading.
_SERVING_4 = replace(
    _SERVING_3,
    version="serving-4",
    numbers={
        **_SERVING_3.numbers,
        "attention_head_count": COUNT,
        "kv_head_count": COUNT,
        "head_dimension_count": COUNT,
        "kv_latent_width_count": COUNT,
        "rope_head_dimension_count": COUNT,
        "bytes_per_cached_value": Bounds("byte", 0.1, 8),
        "decoding_attention_width_count": COUNT,
        "local_layer_count": LOCAL_LAYERS,
        "attention_window_tokens_count": WINDOW_TOKENS,
    },
    quantities={
        "kv_byte_per_token": Quantity(
            "byte per token",
            "CASE WHEN in_kv_latent_width_count IS NOT NULL "
            "THEN latent_byte_per_token(in_layer_count, in_kv_latent_width_count, in_rope_head_dimension_count, in_bytes_per_cached_value) "
            "ELSE kv_byte_per_token(in_layer_count, in_kv_head_count, in_head_dimension_count, in_bytes_per_cached_value) END",
            "give model (a decoder), or layer_count, and kv_head_count and head_dimension_count, or kv_latent_width_count and rope_head_dimension_count",
            is_input=True,
        ),
        "attention_width_count": Quantity(
            "1",
            "attention_width(in_attention_head_count, in_head_dimension_count, in_rope_head_dimension_count)",
            _HEADS,
            is_input=True,
        ),
        "decoding_attention_width_count": Quantity(
            "1",
            "coalesce(attention_width(in_attention_head_count, coalesce(in_kv_latent_width_count, in_head_dimension_count), in_rope_head_dimension_count), "
            "attention_width_count)",
            _HEADS,
            is_input=True,
        ),
        **_3,
        "request_cache_byte": replace(
            _3["request_cache_byte"],
            formula=f"kv_byte_per_token * attended_tokens_count(in_prompt_tokens_count + in_output_tokens_count, {_LAYERS})",
        ),
        "inter_token_latency_s": replace(
            _3["inter_token_latency_s"],
            formula=f"""in_step_ratio * decode_step_s(
                    parameters_read_count(in_parameters_count, coalesce(in_active_parameters_count, in_parameters_count), used_batch_count) * weight_byte / in_parameters_count,
                    used_batch_count * kv_byte_per_token * {_WHILE_DECODING},
                    inference_flop_per_token(coalesce(in_active_parameters_count, in_parameters_count)) * used_batch_count
                        + coalesce(attention_flop(in_layer_count, decoding_attention_width_count, used_batch_count, {_WHILE_DECODING}), 0),
                    {_GROUP}, in_memory_bandwidth_byte_per_s, in_bandwidth_share, in_peak_flop_per_s_per_gpu, in_compute_share, in_layer_count, used_batch_count,
                    in_overhead_s_per_layer, in_overhead_s_per_request)""",
        ),
        "first_token_latency_s": replace(
            _3["first_token_latency_s"],
            formula=f"""CASE WHEN accelerators_to_hold_count > {_GROUP} THEN NULL ELSE
                    prefill_s(coalesce(in_active_parameters_count, in_parameters_count), in_prompt_tokens_count,
                        coalesce(attention_flop(in_layer_count, attention_width_count, in_prompt_tokens_count,
                            mean_attended_tokens_count(0, in_prompt_tokens_count, {_LAYERS})), 0),
                        {_GROUP}, in_peak_flop_per_s_per_gpu, in_compute_share) END""",
        ),
    },
    defaults={
        **_SERVING_3.defaults,
        "bytes_per_cached_value": Default(
            Band(2, 2, 2), "https://docs.vllm.ai/en/latest/", "cache in 16 bits, as vLLM's kv_cache_dtype auto"
        ),
    },
    at_most=(*_SERVING_3.at_most, ("local_layer_count", "layer_count")),
    more=_facts(
        MEMORY_BYTE,
        {column: f"CASE WHEN architecture IN ('decoder', 'moe_decoder') THEN {column} END" for column in _SHAPE},
    ),
)
_4 = _SERVING_4.quantities
_TENSORRT = "https://github.com/NVIDIA/TensorRT-LLM/blob/00f37686aa854010d68bcbd0f4ab000221541ca6/docs/source/performance/perf-overview.md"
_TENSORRT_2023 = (
    "https://github.com/NVIDIA/TensorRT-LLM/blob/138f96d45f90b9667426f7c47297d8c06bafac73/docs/source/performance.md"
)
_FITTED_5 = f"{_FITTED} ; {_TENSORRT} ; {_TENSORRT_2023}"
_SHARE = "in_compute_share * format_share(in_number_format)"
_IS_HELD = f"CASE WHEN accelerators_to_hold_count > {_GROUP} THEN NULL ELSE"


def _exchange(tokens: str) -> str:
    """SQL: seconds in which a copy's accelerators exchange what they have of so many tokens; not counted where width or links are not known."""
    return f"coalesce(exchange_s(in_layer_count, in_hidden_width_count, {tokens}, {_GROUP}, in_interconnect_byte_per_s), 0)"


_PROMPT_FLOP = f"coalesce(attention_flop(in_layer_count, attention_width_count, in_prompt_tokens_count, mean_attended_tokens_count(0, in_prompt_tokens_count, {_LAYERS})), 0)"
#: Weights that a pass reads of so many tokens at once.
_WEIGHTS = "parameters_read_count(in_parameters_count, coalesce(in_active_parameters_count, in_parameters_count), {}) * weight_byte / in_parameters_count"
_PREFILL = f"prefill_s(coalesce(in_active_parameters_count, in_parameters_count), in_prompt_tokens_count, {_PROMPT_FLOP}, {_GROUP}, in_peak_flop_per_s_per_gpu"
#: What accelerators exchange takes time; a first token waits for the weights and the launches too; fitted to two engines and six cards in place of one and two.
_SERVING_5 = replace(
    _SERVING_4,
    version="serving-5",
    numbers={
        **_SERVING_4.numbers,
        "hidden_width_count": COUNT,
        "interconnect_byte_per_s": Bounds("byte/s, both directions", 1e6, 1e16, "900e9, not 900 (GB/s)"),
    },
    quantities={
        **dict(
            before(
                "first_token_latency_s",
                _4,
                "prompt_s",
                Quantity(
                    "s",
                    f"{_IS_HELD} {_PREFILL}, {_SHARE}) + {_exchange('in_prompt_tokens_count')} END",
                    _4["first_token_latency_s"].needs,
                ),
            )
        ),
        "inter_token_latency_s": replace(
            _4["inter_token_latency_s"],
            formula=f"""in_step_ratio * (decode_step_s({_WEIGHTS.format("used_batch_count")},
                    used_batch_count * kv_byte_per_token * {_WHILE_DECODING},
                    inference_flop_per_token(coalesce(in_active_parameters_count, in_parameters_count)) * used_batch_count
                        + coalesce(attention_flop(in_layer_count, decoding_attention_width_count, used_batch_count, {_WHILE_DECODING}), 0),
                    {_GROUP}, in_memory_bandwidth_byte_per_s, in_bandwidth_share, in_peak_flop_per_s_per_gpu, {_SHARE}, in_layer_count, used_batch_count,
                    in_overhead_s_per_layer, in_overhead_s_per_request) + {_exchange("used_batch_count")})""",
        ),
        "first_token_latency_s": replace(
            _4["first_token_latency_s"],
            formula=f"""prompt_s + in_step_ratio * decode_step_s({_WEIGHTS.format("in_prompt_tokens_count")}, 0, 0,
                    {_GROUP}, in_memory_bandwidth_byte_per_s, in_bandwidth_share, in_peak_flop_per_s_per_gpu, in_compute_share, in_layer_count, 1,
                    in_overhead_s_per_layer, in_overhead_s_per_request)""",
        ),
        "latency_floor_s": replace(
            _4["latency_floor_s"],
            formula=f"{_IS_HELD} {_PREFILL}, 1) END + (in_output_tokens_count - 1) * weight_read_s "
            "* coalesce(in_active_parameters_count, in_parameters_count) / in_parameters_count",
        ),
        "tokens_per_s": replace(
            _4["tokens_per_s"],
            formula="serving_tokens_per_s(in_output_tokens_count, prompt_s, inter_token_latency_s, used_batch_count) * in_replica_count",
        ),
        "gpu_s_per_mtok_input": replace(
            _4["gpu_s_per_mtok_input"],
            formula=f"prompt_s / in_prompt_tokens_count * {_GROUP} * 1e6 / in_utilization_share",
        ),
    },
    defaults={
        **_SERVING_4.defaults,
        "bandwidth_share": Default(Band(0.85, 0.85, 0.85), _FITTED_5, "fitted, see step_ratio for the error"),
        "compute_share": Default(
            Band(0.35, 0.6, 0.8),
            f"{_FITTED_5} ; https://arxiv.org/abs/2211.05102",
            "fitted; the low side is that of mixtures of experts on many cards, the high side the 76% of large prefills of PaLM 540B",
        ),
        "overhead_s_per_layer": Default(Band(60e-6, 60e-6, 60e-6), _FITTED_5, "fitted, see step_ratio for the error"),
        "overhead_s_per_request": Default(Band(12e-6, 12e-6, 12e-6), _FITTED_5, "fitted, see step_ratio for the error"),
        "step_ratio": Default(
            Band(0.55, 1, 1.75),
            _FITTED_5,
            "measured over modelled step: p5, centre, p95 of 313 throughputs of two engines on A100, L40S, H100, H200, B200, GB200 and RTX PRO 6000; "
            "root mean square error 29% of NVIDIA's tables of 2025 (17% of dense models), 22% of those of 2023, 21% of ML.ENERGY, 6% of MLPerf v4.0",
        ),
    },
    more=_facts(
        MEMORY_BYTE,
        {
            column: f"CASE WHEN architecture IN ('decoder', 'moe_decoder') THEN {column} END"
            for column in (*_SHAPE, "hidden_width_count")
        },
        {"interconnect_byte_per_s": "interconnect_gb_per_s * 1e9"},
    ),
)
_5 = _SERVING_5.quantities
_TENSORRT_0_17 = "https://github.com/NVIDIA/TensorRT-LLM/blob/258c7540c03517def55d9a5aadfa9288af474e1b/docs/source/performance/perf-overview.md"
_FITTED_6 = f"{_FITTED_5} ; {_TENSORRT_0_17}"
_SIZES = "in_parameters_count, coalesce(in_active_parameters_count, in_parameters_count)"
_COPIES, _SCHEDULERS = "attention_copy_count", "used_scheduler_count"


def _exchange_of_parts(tokens: str) -> str:
    """SQL: as `_exchange`, where parts of the accelerators may attend to requests of their own."""
    return (
        f"coalesce(group_exchange_s(in_layer_count, in_hidden_width_count, {tokens}, {_GROUP}, {_COPIES}, "
        "in_experts_per_token_count, in_interconnect_byte_per_s * in_exchange_share), 0)"
    )


#: Weights that a pass reads of so many tokens at once, by the experts that these are routed to.
_EXPERTS = f"mixture_read_count({_SIZES}, {{}}, in_expert_count, in_experts_per_token_count) * weight_byte / in_parameters_count"
_COPY_COUNT, _SCHEDULER_COUNT = (
    Quantity("1", formula, f"{_SIZE}; and accelerator or memory_byte_per_gpu")
    for formula in (
        f"coalesce(in_data_parallel_count, attention_copy_count({_SIZES}, {_GROUP}, in_kv_head_count, in_kv_latent_width_count))",
        f"coalesce(in_scheduler_count, scheduler_count({_SIZES}, {_GROUP}))",
    )
)
#: Of a mixture of experts on more accelerators than heads of keys and values, requests attend apart and tokens go to the accelerators of their
#: experts; links are not filled to the brim; and engines differ most in what a request costs them beside the card.
_SERVING_6 = replace(
    _SERVING_5,
    version="serving-6",
    numbers={
        **_SERVING_5.numbers,
        "expert_count": COUNT,
        "experts_per_token_count": COUNT,
        "data_parallel_count": Bounds("parts of a copy that attend to requests of their own", 1, _LARGEST_GROUP),
        "scheduler_count": Bounds("processes that schedule the requests of a copy", 1, _LARGEST_GROUP),
        "exchange_share": SHARE_ABOVE_0,
    },
    quantities=dict(
        before(
            "largest_batch_count",
            dict(before("largest_batch_count", _5, _COPIES, _COPY_COUNT)),
            _SCHEDULERS,
            _SCHEDULER_COUNT,
        )
    )
    | {
        "inter_token_latency_s": replace(
            _5["inter_token_latency_s"],
            formula=f"""in_step_ratio * (decode_step_s({_EXPERTS.format("used_batch_count")},
                    used_batch_count * kv_byte_per_token * {_WHILE_DECODING},
                    inference_flop_per_token(coalesce(in_active_parameters_count, in_parameters_count)) * used_batch_count
                        + coalesce(attention_flop(in_layer_count, decoding_attention_width_count, used_batch_count, {_WHILE_DECODING}), 0),
                    {_GROUP}, in_memory_bandwidth_byte_per_s, in_bandwidth_share, in_peak_flop_per_s_per_gpu, {_SHARE}, in_layer_count, used_batch_count,
                    in_overhead_s_per_layer * layer_overhead_ratio({_SIZES}), in_overhead_s_per_request / {_SCHEDULERS}) + {_exchange_of_parts("used_batch_count")})""",
        ),
        "prompt_s": replace(
            _5["prompt_s"],
            formula=f"{_IS_HELD} {_PREFILL}, {_SHARE}) + {_exchange_of_parts('in_prompt_tokens_count')} END",
        ),
        "first_token_latency_s": replace(
            _5["first_token_latency_s"],
            formula=f"""prompt_s + in_step_ratio * decode_step_s({_EXPERTS.format("in_prompt_tokens_count")}, 0, 0,
                    {_GROUP}, in_memory_bandwidth_byte_per_s, in_bandwidth_share, in_peak_flop_per_s_per_gpu, in_compute_share, in_layer_count, 1,
                    in_overhead_s_per_layer * layer_overhead_ratio({_SIZES}), in_overhead_s_per_request)""",
        ),
    },
    defaults={
        **_SERVING_5.defaults,
        "bandwidth_share": Default(Band(0.9, 0.9, 0.9), _FITTED_6, "fitted, see step_ratio for the error"),
        "compute_share": Default(
            Band(0.35, 0.65, 0.8),
            f"{_FITTED_6} ; https://arxiv.org/abs/2211.05102",
            "fitted; the low side is that of mixtures of experts on many cards, the high side the 76% of large prefills of PaLM 540B",
        ),
        "exchange_share": Default(
            Band(0.65, 0.65, 0.65),
            _FITTED_6,
            "share of their speed that links reach; fitted, see step_ratio for the error",
        ),
        "overhead_s_per_layer": Default(Band(70e-6, 70e-6, 70e-6), _FITTED_6, "fitted, see step_ratio for the error"),
        "overhead_s_per_request": Default(
            Band(7e-6, 12e-6, 55e-6),
            _FITTED_6,
            "fitted to all; the low side is that of TensorRT-LLM alone, the high side that of vLLM in the runs of ML.ENERGY",
        ),
        "step_ratio": Default(
            Band(0.55, 1, 1.7),
            _FITTED_6,
            "measured over modelled step: p5, centre, p95 of 690 throughputs of three engines; those of dense models lie between 0.75 and 1.25; "
            "root mean square error 29% of NVIDIA's tables of 2025 (13% of dense models), 15% of those of version 0.17, 19% of those of 2023",
        ),
    },
    at_most=(*_SERVING_5.at_most, ("experts_per_token_count", "expert_count")),
    more=_facts(
        MEMORY_BYTE,
        {
            column: f"CASE WHEN architecture IN ('decoder', 'moe_decoder') THEN {column} END"
            for column in (*_SHAPE, "hidden_width_count", "expert_count", "experts_per_token_count")
        },
        {"interconnect_byte_per_s": "interconnect_gb_per_s * 1e9"},
    ),
)
METHODS = (
    _SERVING_6,
    # As serving-6's comment says; exchange by tensors over links at full speed, and one scheduler, whatever the model and the cards.
    _SERVING_5,
    # As serving-4's comment says; without exchange, and by the shares and overheads of one engine on two cards.
    _SERVING_4,
    # As serving-4, but every layer held and saw the whole context, and no attention was counted in decoding, nor the rotary part of latent keys.
    _SERVING_3,
    # As serving-3, but a prompt was read (and priced) by cards that do not hold the model.
    _SERVING_2,
    # The first version took the GiB of a data sheet for GB: 7% less memory, so smaller batches and sooner one accelerator more.
    replace(_SERVING_2, version="serving-1", more=_facts("memory_gib * 1e9")),
)
