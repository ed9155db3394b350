"""Serving of a model on accelerators: tokens per second, price and carbon per million tokens, memory and latency.

A roofline. A decode step moves the weights and the cache through memory, computes, and pays for kernel launches, for scheduling and for the
exchange between the accelerators of a copy; a prompt is computed and exchanged. The shares of the peaks and the overheads were fitted by least
squares of the logarithms of throughput, and rounded, to

- 229 throughputs of TensorRT-LLM 1.0 at full load (2025: Llama 3 and 4, Qwen3; H100, H200, B200, GB200, RTX PRO 6000; FP8 and FP4, prompts of 128 to 20,000),
- 340 of TensorRT-LLM 0.17 at full load (Llama 3.1, Mistral, Mixtral; A100, L40S, H100, H200, GH200; 1 to 8 accelerators),
- 37 of TensorRT-LLM 0.6 at a stated batch (2023: GPT-J, LLaMA, Falcon; A100, L40S, H100),
- 61 runs of the ML.ENERGY leaderboard (vLLM; H100 and B200, mostly Qwen3; prompts are not published, 200 tokens were assumed),
- 25 of llama.cpp, one request on one card.

The remaining error is the band of `step_ratio`; `tests/assets/estimated/test_serving.py` prints it. It is largest where engines differ most:
Llama 4 Maverick on eight accelerators. Engines differ most in the time that a request costs beside the card (7 microseconds in TensorRT-LLM, 55
in vLLM as measured), which is the band of `overhead_s_per_request`.

Mixtures of experts: where a copy has more accelerators than heads of keys and values, groups of accelerators attend to different requests
(data-parallel attention); each server of eight schedules its own requests; and tokens are sent to the accelerators that hold their experts.
The attention weights that every such group holds are not counted in its memory.

The cache is assumed to be spread over the accelerators of a copy. Where these outnumber the heads of keys and values (a latent vector counts as
one), that requires data-parallel attention: with tensor parallelism alone each accelerator would hold, and read, the whole cache.

`SERVING_6` is the current version; `serving_past` has the earlier ones.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    reference_facts,
)
from assets.estimated.scenario_files.fields import Band, Bounds
from assets.estimated.scenario_files.training import NUMBERS

#: What a user is told to give where a quantity is unknown.
SIZE = "give model or parameters_count"
MEMORY = f"{SIZE}; and accelerator or memory_byte_per_gpu"
RUN = (
    "give model (a decoder; or parameters_count, layer_count, kv_byte_per_token), accelerator (or its memory, bandwidth and peak), prompt_tokens_count and output_tokens_count; "
    "batch and accelerators must fit: see accelerators_to_hold_count; the accelerator must compute in number_format (an A100 has no fp8: give bytes_per_parameter = 1 in its place)"
)
_MONEY = f"{RUN}; and usd_per_gpu_hour where none is observed"
_POWER = f"{RUN}; and power_w_per_gpu, pue"
_HEADS = "give model (a decoder), or attention_head_count and head_dimension_count"

#: Parts of the formulas. ACTIVE: parameters that a token passes through, in a mixture of experts those of the experts that it is routed to.
ACTIVE = "coalesce(in_active_parameters_count, in_parameters_count)"
LAYERS = "in_layer_count, in_local_layer_count, in_attention_window_tokens_count"
#: Mean number of tokens that a token of the answer, or of the prompt, attends to.
DECODED_CONTEXT = f"mean_attended_tokens_count(in_prompt_tokens_count, in_output_tokens_count, {LAYERS})"
_PROMPT_CONTEXT = f"mean_attended_tokens_count(0, in_prompt_tokens_count, {LAYERS})"
PROMPT_FLOP = (
    f"coalesce(attention_flop(in_layer_count, attention_width_count, in_prompt_tokens_count, {_PROMPT_CONTEXT}), 0)"
)
#: Null where a copy has fewer accelerators than hold the model and its batch.
IF_HELD = "CASE WHEN accelerators_to_hold_count > group_accelerator_count THEN NULL ELSE"
LARGEST_GROUP = 4_096

#: Columns of reference.model from which cache and attention follow. Only a decoder has them here: an encoder decodes no tokens, and the halves of an
#: encoder-decoder work on different tokens.
SHAPE = (
    "layer_count",
    "attention_head_count",
    "kv_head_count",
    "head_dimension_count",
    "kv_latent_width_count",
    "rope_head_dimension_count",
    "local_layer_count",
    "attention_window_tokens_count",
)
LINKS = {"interconnect_byte_per_s": "interconnect_gb_per_s * 1e9"}


def of_a_decoder(*columns: str) -> dict[str, str]:
    """Column of reference.model -> SQL that gives its value for a decoder, and null for any other model."""
    return {column: f"CASE WHEN architecture IN ('decoder', 'moe_decoder') THEN {column} END" for column in columns}


def facts(attention: Mapping[str, str], links: Mapping[str, str], memory: str = MEMORY_BYTE) -> FactorLookup:
    """A look-up of the facts of model and accelerator.

    Args:
        attention: factor -> SQL over reference.model, of layers, heads and cache.
        links: factor -> SQL over reference.accelerator, of its interconnect.
        memory: SQL over reference.accelerator, its memory in bytes.
    """
    return reference_facts(
        model={
            "parameters_count": "parameters_count",
            "active_parameters_count": "coalesce(active_parameters_count, parameters_count)",
            **attention,
        },
        accelerator={
            "memory_byte_per_gpu": memory,
            "memory_bandwidth_byte_per_s": "memory_bandwidth_gb_per_s * 1e9",
            "peak_flop_per_s_per_gpu": PEAK_OF_FORMAT,
            **links,
        },
        together=attention,
    )


#: The published runs that the versions were fitted to.
ML_ENERGY = "https://github.com/ml-energy/leaderboard/blob/0cd52da/public/data/tasks/lm-arena-chat.json"
_TENSORRT_1_0 = "https://github.com/NVIDIA/TensorRT-LLM/blob/00f37686aa854010d68bcbd0f4ab000221541ca6/docs/source/performance/perf-overview.md"
_TENSORRT_0_17 = "https://github.com/NVIDIA/TensorRT-LLM/blob/258c7540c03517def55d9a5aadfa9288af474e1b/docs/source/performance/perf-overview.md"
_TENSORRT_2023 = (
    "https://github.com/NVIDIA/TensorRT-LLM/blob/138f96d45f90b9667426f7c47297d8c06bafac73/docs/source/performance.md"
)
TWO_ENGINES = f"{ML_ENERGY} ; {_TENSORRT_1_0} ; {_TENSORRT_2023}"
_FITTED = f"{TWO_ENGINES} ; {_TENSORRT_0_17}"

SERVING_6 = Method(
    "serving",
    "serving-6",
    {
        "parameters_count": PARAMETERS,
        "active_parameters_count": PARAMETERS,
        "layer_count": COUNT,
        "kv_byte_per_token": Bounds("byte per token", 1, 1e9),
        "attention_width_count": COUNT,
        "bytes_per_parameter": Bounds("byte", 0.1, 8),
        "accelerator_count": Bounds("accelerators of one copy (tensor parallel)", 1, LARGEST_GROUP, is_whole=True),
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
        "attention_head_count": COUNT,
        "kv_head_count": COUNT,
        "head_dimension_count": COUNT,
        "kv_latent_width_count": COUNT,
        "rope_head_dimension_count": COUNT,
        "bytes_per_cached_value": Bounds("byte", 0.1, 8),
        "decoding_attention_width_count": COUNT,
        "local_layer_count": LOCAL_LAYERS,
        "attention_window_tokens_count": WINDOW_TOKENS,
        "hidden_width_count": COUNT,
        "interconnect_byte_per_s": Bounds("byte/s, both directions", 1e6, 1e16, "900e9, not 900 (GB/s)"),
        "expert_count": COUNT,
        "experts_per_token_count": COUNT,
        "data_parallel_count": Bounds("parts of a copy that attend to requests of their own", 1, LARGEST_GROUP),
        "scheduler_count": Bounds("processes that schedule the requests of a copy", 1, LARGEST_GROUP),
        "exchange_share": SHARE_ABOVE_0,
    },
    {
        "kv_byte_per_token": Quantity(
            "byte per token",
            """CASE WHEN in_kv_latent_width_count IS NOT NULL
                THEN latent_byte_per_token(in_layer_count, in_kv_latent_width_count, in_rope_head_dimension_count, in_bytes_per_cached_value)
                ELSE kv_byte_per_token(in_layer_count, in_kv_head_count, in_head_dimension_count, in_bytes_per_cached_value) END""",
            "give model (a decoder), or layer_count, and kv_head_count and head_dimension_count, or kv_latent_width_count and rope_head_dimension_count",
            is_input=True,
        ),
        "attention_width_count": Quantity(
            "1",
            "attention_width(in_attention_head_count, in_head_dimension_count, in_rope_head_dimension_count)",
            _HEADS,
            is_input=True,
        ),
        # Every head reads the whole latent vector.
        "decoding_attention_width_count": Quantity(
            "1",
            """coalesce(attention_width(in_attention_head_count, coalesce(in_kv_latent_width_count, in_head_dimension_count), in_rope_head_dimension_count),
                attention_width_count)""",
            _HEADS,
            is_input=True,
        ),
        "weight_byte": Quantity(
            "byte",
            "in_parameters_count * coalesce(in_bytes_per_parameter, bytes_per_parameter(in_number_format))",
            SIZE,
        ),
        "request_cache_byte": Quantity(
            "byte",
            f"kv_byte_per_token * attended_tokens_count(in_prompt_tokens_count + in_output_tokens_count, {LAYERS})",
            f"{SIZE} (or kv_byte_per_token), prompt_tokens_count and output_tokens_count",
        ),
        "accelerators_to_hold_count": Quantity(
            "1",
            """accelerators_to_hold_count(weight_byte, coalesce(in_batch_count, 1) * coalesce(request_cache_byte, 0),
                in_memory_byte_per_gpu, in_memory_share)""",
            MEMORY,
        ),
        # Nothing was measured on larger groups than exchange at every layer anywhere today.
        "group_accelerator_count": Quantity(
            "1",
            f"""coalesce(in_accelerator_count,
                CASE WHEN accelerators_to_hold_count <= {LARGEST_GROUP} THEN 2.0 ** ceil(log2(accelerators_to_hold_count)) END)""",
            f"{MEMORY}; at most {LARGEST_GROUP} of them hold one copy and its batch",
        ),
        "attention_copy_count": Quantity(
            "1",
            f"""coalesce(in_data_parallel_count,
                attention_copy_count(in_parameters_count, {ACTIVE}, group_accelerator_count, in_kv_head_count, in_kv_latent_width_count))""",
            MEMORY,
        ),
        "used_scheduler_count": Quantity(
            "1",
            f"coalesce(in_scheduler_count, scheduler_count(in_parameters_count, {ACTIVE}, group_accelerator_count))",
            MEMORY,
        ),
        "largest_batch_count": Quantity(
            "1",
            """nullif(greatest(floor((group_accelerator_count * in_memory_byte_per_gpu * in_memory_share - weight_byte)
                / request_cache_byte), 0), 0)""",
            f"the model must fit; {RUN}",
        ),
        "used_batch_count": Quantity(
            "1",
            "CASE WHEN coalesce(in_batch_count, 1) <= largest_batch_count THEN coalesce(in_batch_count, largest_batch_count) END",
            f"batch_count must be at most largest_batch_count; {RUN}",
        ),
        "weight_read_s": Quantity(
            "s",
            "weight_read_s(1, weight_byte, group_accelerator_count, in_memory_bandwidth_byte_per_s)",
            f"{SIZE}; and accelerator or memory_bandwidth_byte_per_s",
        ),
        "inter_token_latency_s": Quantity(
            "s",
            f"""in_step_ratio
                * (decode_step_s(mixture_read_count(in_parameters_count, {ACTIVE}, used_batch_count, in_expert_count, in_experts_per_token_count)
                        * weight_byte / in_parameters_count,
                    used_batch_count * kv_byte_per_token * {DECODED_CONTEXT},
                    inference_flop_per_token({ACTIVE}) * used_batch_count
                        + coalesce(attention_flop(in_layer_count, decoding_attention_width_count, used_batch_count, {DECODED_CONTEXT}), 0),
                    group_accelerator_count, in_memory_bandwidth_byte_per_s, in_bandwidth_share,
                    in_peak_flop_per_s_per_gpu, in_compute_share * format_share(in_number_format), in_layer_count, used_batch_count,
                    in_overhead_s_per_layer * layer_overhead_ratio(in_parameters_count, {ACTIVE}),
                    in_overhead_s_per_request / used_scheduler_count)
                + coalesce(group_exchange_s(in_layer_count, in_hidden_width_count, used_batch_count, group_accelerator_count,
                    attention_copy_count, in_experts_per_token_count, in_interconnect_byte_per_s * in_exchange_share), 0))""",
            RUN,
        ),
        "prompt_s": Quantity(
            "s",
            f"""{IF_HELD}
                prefill_s({ACTIVE}, in_prompt_tokens_count, {PROMPT_FLOP},
                    group_accelerator_count, in_peak_flop_per_s_per_gpu, in_compute_share * format_share(in_number_format))
                + coalesce(group_exchange_s(in_layer_count, in_hidden_width_count, in_prompt_tokens_count, group_accelerator_count,
                    attention_copy_count, in_experts_per_token_count, in_interconnect_byte_per_s * in_exchange_share), 0) END""",
            f"the model must fit; {RUN}",
        ),
        # A first token waits for the weights and the launches too.
        "first_token_latency_s": Quantity(
            "s",
            f"""prompt_s
                + in_step_ratio
                * decode_step_s(mixture_read_count(in_parameters_count, {ACTIVE}, in_prompt_tokens_count, in_expert_count, in_experts_per_token_count)
                        * weight_byte / in_parameters_count,
                    0, 0, group_accelerator_count, in_memory_bandwidth_byte_per_s, in_bandwidth_share,
                    in_peak_flop_per_s_per_gpu, in_compute_share, in_layer_count, 1,
                    in_overhead_s_per_layer * layer_overhead_ratio(in_parameters_count, {ACTIVE}), in_overhead_s_per_request)""",
            f"the model must fit; {RUN}",
        ),
        "request_latency_s": Quantity(
            "s", "first_token_latency_s + (in_output_tokens_count - 1) * inter_token_latency_s", RUN
        ),
        "latency_floor_s": Quantity(
            "s",
            f"""{IF_HELD} prefill_s({ACTIVE}, in_prompt_tokens_count, {PROMPT_FLOP}, group_accelerator_count, in_peak_flop_per_s_per_gpu, 1) END
                + (in_output_tokens_count - 1) * weight_read_s * {ACTIVE} / in_parameters_count""",
            RUN,
        ),
        "tokens_per_s": Quantity(
            "token/s",
            "serving_tokens_per_s(in_output_tokens_count, prompt_s, inter_token_latency_s, used_batch_count) * in_replica_count",
            RUN,
        ),
        "tokens_per_s_per_gpu": Quantity("token/s", "tokens_per_s / in_replica_count / group_accelerator_count", RUN),
        "gpu_s_per_mtok_input": Quantity(
            "GPU-s per million tokens",
            "prompt_s / in_prompt_tokens_count * group_accelerator_count * 1e6 / in_utilization_share",
            RUN,
        ),
        "gpu_s_per_mtok_output": Quantity(
            "GPU-s per million tokens",
            "inter_token_latency_s / used_batch_count * group_accelerator_count * 1e6 / in_utilization_share",
            RUN,
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
            Band(0.35, 0.65, 0.8),
            f"{_FITTED} ; https://arxiv.org/abs/2211.05102",
            "fitted; the low side is that of mixtures of experts on many cards, the high side the 76% of large prefills of PaLM 540B",
        ),
        "overhead_s_per_layer": Default(Band(70e-6, 70e-6, 70e-6), _FITTED, "fitted, see step_ratio for the error"),
        "overhead_s_per_request": Default(
            Band(7e-6, 12e-6, 55e-6),
            _FITTED,
            "fitted to all; the low side is that of TensorRT-LLM alone, the high side that of vLLM in the runs of ML.ENERGY",
        ),
        "step_ratio": Default(
            Band(0.55, 1, 1.7),
            _FITTED,
            "measured over modelled step: p5, centre, p95 of 690 throughputs of three engines; those of dense models lie between 0.75 and 1.25; "
            "root mean square error 29% of NVIDIA's tables of 2025 (13% of dense models), 15% of those of version 0.17, 19% of those of 2023",
        ),
        "utilization_share": Default(
            Band(0.3, 0.6, 0.9),
            "https://arxiv.org/abs/2211.02001",
            "share of the capacity that requests fill; assumed, no publisher prints it",
        ),
        "bytes_per_cached_value": Default(
            Band(2, 2, 2), "https://docs.vllm.ai/en/latest/", "cache in 16 bits, as vLLM's kv_cache_dtype auto"
        ),
        "exchange_share": Default(
            Band(0.65, 0.65, 0.65),
            _FITTED,
            "share of their speed that links reach; fitted, see step_ratio for the error",
        ),
    },
    choices={"number_format": ("bf16", "fp8", "fp4", "int8")},
    at_most=(
        ("active_parameters_count", "parameters_count"),
        ("local_layer_count", "layer_count"),
        ("experts_per_token_count", "expert_count"),
    ),
    names=("model", "accelerator", "provider", "region", "purchase"),
    own_lookup=facts(of_a_decoder(*SHAPE, "hidden_width_count", "expert_count", "experts_per_token_count"), LINKS),
)
