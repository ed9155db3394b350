"""The released versions of [serving] before the current one, newest first, each defined by how it differs from the version after it.

They are kept so that an earlier estimate can be computed again (`petaday restate`). A new version replaces
`serving.SERVING_6`, which then is defined here by what changed.
"""

from __future__ import annotations

from dataclasses import replace

from assets.estimated.method import Default
from assets.estimated.methods.common import earlier
from assets.estimated.methods.serving import (
    ACTIVE,
    DECODED_CONTEXT,
    IF_HELD,
    LINKS,
    MEMORY,
    ML_ENERGY,
    PROMPT_FLOP,
    RUN,
    SERVING_6,
    SHAPE,
    TWO_ENGINES,
    facts,
    of_a_decoder,
)
from assets.estimated.scenario_files.fields import Band

_NOTE = "fitted, see step_ratio for the error"
_PALM = "https://arxiv.org/abs/2211.05102"

#: Accelerators exchanged by tensors over links at full speed, and one scheduler served all of a copy, whatever the model and the cards. A copy of
#: DeepSeek-V3 on 144 accelerators was 9 times too slow. Fitted to two engines on six cards.
SERVING_5 = earlier(
    SERVING_6,
    "serving-5",
    without_numbers=(
        "expert_count",
        "experts_per_token_count",
        "data_parallel_count",
        "scheduler_count",
        "exchange_share",
    ),
    without_quantities=("attention_copy_count", "used_scheduler_count"),
    formulas={
        "inter_token_latency_s": f"""in_step_ratio
            * (decode_step_s(parameters_read_count(in_parameters_count, {ACTIVE}, used_batch_count) * weight_byte / in_parameters_count,
                used_batch_count * kv_byte_per_token * {DECODED_CONTEXT},
                inference_flop_per_token({ACTIVE}) * used_batch_count
                    + coalesce(attention_flop(in_layer_count, decoding_attention_width_count, used_batch_count, {DECODED_CONTEXT}), 0),
                group_accelerator_count, in_memory_bandwidth_byte_per_s, in_bandwidth_share,
                in_peak_flop_per_s_per_gpu, in_compute_share * format_share(in_number_format), in_layer_count, used_batch_count,
                in_overhead_s_per_layer, in_overhead_s_per_request)
            + coalesce(exchange_s(in_layer_count, in_hidden_width_count, used_batch_count, group_accelerator_count, in_interconnect_byte_per_s), 0))""",
        "prompt_s": f"""{IF_HELD}
            prefill_s({ACTIVE}, in_prompt_tokens_count, {PROMPT_FLOP},
                group_accelerator_count, in_peak_flop_per_s_per_gpu, in_compute_share * format_share(in_number_format))
            + coalesce(exchange_s(in_layer_count, in_hidden_width_count, in_prompt_tokens_count, group_accelerator_count, in_interconnect_byte_per_s), 0) END""",
        "first_token_latency_s": f"""prompt_s
            + in_step_ratio
            * decode_step_s(parameters_read_count(in_parameters_count, {ACTIVE}, in_prompt_tokens_count) * weight_byte / in_parameters_count,
                0, 0, group_accelerator_count, in_memory_bandwidth_byte_per_s, in_bandwidth_share,
                in_peak_flop_per_s_per_gpu, in_compute_share, in_layer_count, 1, in_overhead_s_per_layer, in_overhead_s_per_request)""",
    },
    defaults={
        "bandwidth_share": Default(Band(0.85, 0.85, 0.85), TWO_ENGINES, _NOTE),
        "compute_share": Default(
            Band(0.35, 0.6, 0.8),
            f"{TWO_ENGINES} ; {_PALM}",
            "fitted; the low side is that of mixtures of experts on many cards, the high side the 76% of large prefills of PaLM 540B",
        ),
        "overhead_s_per_layer": Default(Band(60e-6, 60e-6, 60e-6), TWO_ENGINES, _NOTE),
        "overhead_s_per_request": Default(Band(12e-6, 12e-6, 12e-6), TWO_ENGINES, _NOTE),
        "step_ratio": Default(
            Band(0.55, 1, 1.75),
            TWO_ENGINES,
            "measured over modelled step: p5, centre, p95 of 313 throughputs of two engines on A100, L40S, H100, H200, B200, GB200 and RTX PRO 6000; "
            "root mean square error 29% of NVIDIA's tables of 2025 (17% of dense models), 22% of those of 2023, 21% of ML.ENERGY, 6% of MLPerf v4.0",
        ),
    },
    own_lookup=facts(of_a_decoder(*SHAPE, "hidden_width_count"), LINKS),
)

#: Accelerators exchanged nothing, a first token waited for its prompt alone, and the shares and overheads were those of one engine on two cards.
SERVING_4 = earlier(
    SERVING_5,
    "serving-4",
    without_numbers=("hidden_width_count", "interconnect_byte_per_s"),
    without_quantities=("prompt_s",),
    formulas={
        "inter_token_latency_s": f"""in_step_ratio * decode_step_s(
            parameters_read_count(in_parameters_count, {ACTIVE}, used_batch_count) * weight_byte / in_parameters_count,
            used_batch_count * kv_byte_per_token * {DECODED_CONTEXT},
            inference_flop_per_token({ACTIVE}) * used_batch_count
                + coalesce(attention_flop(in_layer_count, decoding_attention_width_count, used_batch_count, {DECODED_CONTEXT}), 0),
            group_accelerator_count, in_memory_bandwidth_byte_per_s, in_bandwidth_share, in_peak_flop_per_s_per_gpu, in_compute_share,
            in_layer_count, used_batch_count, in_overhead_s_per_layer, in_overhead_s_per_request)""",
        "first_token_latency_s": f"""{IF_HELD}
            prefill_s({ACTIVE}, in_prompt_tokens_count, {PROMPT_FLOP}, group_accelerator_count, in_peak_flop_per_s_per_gpu, in_compute_share) END""",
        "latency_floor_s": f"""first_token_latency_s * in_compute_share
            + (in_output_tokens_count - 1) * weight_read_s * {ACTIVE} / in_parameters_count""",
        "tokens_per_s": """serving_tokens_per_s(in_output_tokens_count, first_token_latency_s, inter_token_latency_s, used_batch_count)
            * in_replica_count""",
        "gpu_s_per_mtok_input": "first_token_latency_s / in_prompt_tokens_count * group_accelerator_count * 1e6 / in_utilization_share",
    },
    defaults={
        "bandwidth_share": Default(Band(0.9, 0.9, 0.9), ML_ENERGY, _NOTE),
        "compute_share": Default(
            Band(0.4, 0.7, 0.8),
            f"{ML_ENERGY} ; {_PALM}",
            "fitted; the low side is ours, the high side the 76% of large prefills of PaLM 540B",
        ),
        "overhead_s_per_layer": Default(Band(50e-6, 50e-6, 50e-6), ML_ENERGY, _NOTE),
        "overhead_s_per_request": Default(Band(45e-6, 45e-6, 45e-6), ML_ENERGY, _NOTE),
        "step_ratio": Default(
            Band(0.8, 1, 1.35),
            ML_ENERGY,
            "measured over modelled latency of 15 runs (ML.ENERGY, H100 and B200): p5, centre, p95; root mean square error 14% of latency, "
            "18% of throughput; offline Llama 2 70B of MLPerf v4.0, not used in the fit, within 10%",
        ),
    },
    own_lookup=facts(of_a_decoder(*SHAPE), {}),
)

_CACHE_OF_16_BITS = {
    "layer_count": "layer_count",
    "kv_byte_per_token": "CASE WHEN kv_latent_width_count IS NOT NULL THEN latent_byte_per_token(layer_count, kv_latent_width_count, rope_head_dimension_count, 2) "
    "ELSE kv_byte_per_token(layer_count, kv_head_count, head_dimension_count, 2) END",
    "attention_width_count": "attention_head_count * head_dimension_count",
}
#: Every layer held and saw the whole context; the attention of decoding, and the rotary part of latent keys, were not counted.
SERVING_3 = earlier(
    SERVING_4,
    "serving-3",
    without_numbers=(
        "attention_head_count",
        "kv_head_count",
        "head_dimension_count",
        "kv_latent_width_count",
        "rope_head_dimension_count",
        "bytes_per_cached_value",
        "decoding_attention_width_count",
        "local_layer_count",
        "attention_window_tokens_count",
    ),
    without_quantities=("kv_byte_per_token", "attention_width_count", "decoding_attention_width_count"),
    formulas={
        "request_cache_byte": "in_kv_byte_per_token * (in_prompt_tokens_count + in_output_tokens_count)",
        "inter_token_latency_s": f"""in_step_ratio * decode_step_s(
            parameters_read_count(in_parameters_count, {ACTIVE}, used_batch_count) * weight_byte / in_parameters_count,
            used_batch_count * in_kv_byte_per_token * (in_prompt_tokens_count + in_output_tokens_count / 2),
            inference_flop_per_token({ACTIVE}) * used_batch_count,
            group_accelerator_count, in_memory_bandwidth_byte_per_s, in_bandwidth_share, in_peak_flop_per_s_per_gpu, in_compute_share,
            in_layer_count, used_batch_count, in_overhead_s_per_layer, in_overhead_s_per_request)""",
        "first_token_latency_s": f"""{IF_HELD} prefill_s({ACTIVE}, in_prompt_tokens_count,
            coalesce(attention_flop_per_token(in_layer_count, in_attention_width_count, in_prompt_tokens_count) / 6 * in_prompt_tokens_count, 0),
            group_accelerator_count, in_peak_flop_per_s_per_gpu, in_compute_share) END""",
    },
    own_lookup=facts(_CACHE_OF_16_BITS, {}),
)

#: A prompt was read, and priced, also by accelerators that do not hold the model; and a copy might be spread over any number of them.
SERVING_2 = earlier(
    SERVING_3,
    "serving-2",
    formulas={
        "group_accelerator_count": "coalesce(in_accelerator_count, 2.0 ** ceil(log2(accelerators_to_hold_count)))",
        "first_token_latency_s": f"""prefill_s({ACTIVE}, in_prompt_tokens_count,
            coalesce(attention_flop_per_token(in_layer_count, in_attention_width_count, in_prompt_tokens_count) / 6 * in_prompt_tokens_count, 0),
            group_accelerator_count, in_peak_flop_per_s_per_gpu, in_compute_share)""",
    },
    needs={"group_accelerator_count": MEMORY, "first_token_latency_s": RUN},
)

#: The GiB of a data sheet were taken for GB: 7% less memory, so smaller batches and one accelerator more sooner.
SERVING_1 = replace(SERVING_2, version="serving-1", own_lookup=facts(_CACHE_OF_16_BITS, {}, memory="memory_gib * 1e9"))

METHODS = (SERVING_5, SERVING_4, SERVING_3, SERVING_2, SERVING_1)
