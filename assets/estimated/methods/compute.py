"""Compute per token, utilisation both ways (MFU, HFU), the layout of a cluster, and the price of compute.

What follows from each other is found from either side: FLOP and petadays, throughput and hours, MFU and HFU, cost and price per FLOP.
"""

from __future__ import annotations

from assets.estimated.method import FactorLookup, Method, Quantity
from assets.estimated.methods.common import (
    COUNT,
    LOCAL_LAYERS,
    PARAMETERS,
    PEAK,
    SECONDS,
    SHARE,
    TOKENS,
    USD,
    USD_PER_GPU_HOUR,
    WINDOW_TOKENS,
    reference_facts,
)
from assets.estimated.scenario_files.fields import Bounds
from assets.estimated.scenario_files.training import NUMBERS

#: What a user is told to give where a quantity is unknown.
SIZE = "give parameters_count or model"
ATTENTION = f"{SIZE}, layer_count, attention_width_count (or attention_head_count and head_dimension_count) and context_tokens_count"
RATE = "tokens_per_s, or batch_count, context_tokens_count and step_s, or steps_per_s and tokens_per_step"
USED = f"give {RATE}; accelerator_count and peak_flop_per_s_per_gpu"
THROUGHPUT = "achieved_flop_per_s_per_gpu, or peak_flop_per_s_per_gpu and utilization_share"
_HALVES = "of an encoder-decoder encoder_layer_count, decoder_layer_count, source_tokens_count and target_tokens_count in place of layers and context"

#: FLOP per parameter and token: 3 of an encoder-decoder, whose halves share the tokens.
_EACH = "coalesce(in_flop_per_parameter_token, 6)"
#: FLOP that the hardware executes for each FLOP that the model needs: above 1 where activations are recomputed.
DONE_AGAIN = "flop_per_token_with_recomputation / flop_per_token"
#: MFU from a throughput, or as stated ...
MFU_MEASURED = """coalesce(utilization_share(flop_per_token * tokens_per_s / in_accelerator_count, in_peak_flop_per_s_per_gpu),
    utilization_share(in_achieved_flop_per_s_per_gpu, in_peak_flop_per_s_per_gpu), in_utilization_share)"""
#: ... or else from an HFU.
MFU = f"coalesce({MFU_MEASURED}, in_hfu_share / ({DONE_AGAIN}))"
HFU = "utilization_share(flop_per_token_with_recomputation * tokens_per_s / in_accelerator_count, in_peak_flop_per_s_per_gpu)"


def facts(context: str = "training_context_tokens_count", **others: str) -> FactorLookup:
    """A look-up of the facts of the model.

    Args:
        context: column of reference.model that is taken for the context of its training.
        others: factor -> SQL over reference.model, beside the usual ones or in their place.
    """
    return reference_facts(
        model={
            "parameters_count": "coalesce(active_parameters_count, parameters_count)",
            "layer_count": "layer_count",
            "attention_head_count": "attention_head_count",
            "head_dimension_count": "head_dimension_count",
            "context_tokens_count": context,
            "tokens_count": "training_tokens_count",
            **others,
        },
        together=("layer_count", *others) if others else (),
    )


#: The context of a model is that of its training, not the longest that it can be used with. No paper prints how long the source and target of an
#: encoder-decoder were: a file must state them, so its layers are not looked up.
COMPUTE_6 = Method(
    "compute",
    "compute-6",
    {
        "parameters_count": PARAMETERS,
        "layer_count": COUNT,
        "attention_head_count": COUNT,
        "head_dimension_count": COUNT,
        "attention_width_count": COUNT,
        "context_tokens_count": COUNT,
        "recomputed_share": SHARE,
        "tokens_count": TOKENS,
        "training_flop": NUMBERS["training_flop"],
        "tokens_per_s": Bounds("tokens/s", 1e-6, 1e15),
        "batch_count": COUNT,
        "step_s": SECONDS,
        "steps_per_s": Bounds("1/s", 1e-9, 1e9),
        "tokens_per_step": TOKENS,
        "accelerator_count": COUNT,
        "peak_flop_per_s_per_gpu": PEAK,
        "achieved_flop_per_s_per_gpu": NUMBERS["achieved_flop_per_s_per_gpu"],
        "utilization_share": NUMBERS["utilization_share"],
        "tensor_parallel_count": COUNT,
        "context_parallel_count": COUNT,
        "pipeline_parallel_count": COUNT,
        "data_parallel_count": COUNT,
        "batch_per_data_parallel_count": COUNT,
        "usd_per_flop": Bounds("USD/FLOP", 1e-30, 1),
        "usd_per_gpu_hour": USD_PER_GPU_HOUR,
        "cost_usd": USD,
        "pf_days": Bounds("PFLOP/s-days", 1e-12, 1e15),
        "hfu_share": NUMBERS["utilization_share"],
        "flop_per_parameter_token": NUMBERS["flop_per_parameter_token"],
        "gpu_hours": NUMBERS["gpu_hours"],
        "rope_head_dimension_count": COUNT,
        "local_layer_count": LOCAL_LAYERS,
        "attention_window_tokens_count": WINDOW_TOKENS,
        "encoder_layer_count": COUNT,
        "decoder_layer_count": COUNT,
        "source_tokens_count": COUNT,
        "target_tokens_count": COUNT,
    },
    {
        "attention_width_count": Quantity(
            "1",
            "attention_width(in_attention_head_count, in_head_dimension_count, in_rope_head_dimension_count)",
            "give attention_head_count and head_dimension_count",
            is_input=True,
        ),
        "attended_tokens_count": Quantity(
            "token",
            "attended_tokens_count(in_context_tokens_count, in_layer_count, in_local_layer_count, in_attention_window_tokens_count)",
            "give context_tokens_count; and of layers that see less layer_count, local_layer_count and attention_window_tokens_count",
        ),
        "attention_flop_per_token": Quantity(
            "FLOP/token",
            """coalesce(attention_flop_per_token(in_layer_count, attention_width_count, attended_tokens_count),
                encoder_decoder_attention_flop_per_token(in_encoder_layer_count, in_decoder_layer_count, attention_width_count, in_source_tokens_count, in_target_tokens_count))""",
            f"{ATTENTION}; {_HALVES}",
        ),
        "flop_per_token_without_attention": Quantity(
            "FLOP/token", f"training_flop_with_attention(in_parameters_count, 1, {_EACH}, 0)", SIZE
        ),
        "flop_per_token": Quantity(
            "FLOP/token",
            f"training_flop_with_attention(in_parameters_count, 1, {_EACH}, attention_flop_per_token)",
            ATTENTION,
        ),
        "flop_per_token_with_recomputation": Quantity(
            "FLOP/token",
            f"flop_per_token + recomputation_flop_per_token(in_parameters_count * {_EACH} / 6, in_recomputed_share, attention_flop_per_token)",
            f"{ATTENTION}; and recomputed_share",
        ),
        "forward_flop_per_token": Quantity(
            "FLOP/token",
            "forward_flop_per_token(in_parameters_count, in_layer_count, attended_tokens_count, attention_width_count)",
            ATTENTION,
        ),
        "training_flop": Quantity(
            "FLOP",
            "coalesce(coalesce(flop_per_token, flop_per_token_without_attention) * in_tokens_count, in_pf_days * 86400e15)",
            f"{SIZE}, and tokens_count; or pf_days",
            is_input=True,
        ),
        "pf_days": Quantity(
            "PFLOP/s-day",
            "pf_days(training_flop)",
            f"{SIZE}, and tokens_count; or training_flop or pf_days",
            is_input=True,
        ),
        "tokens_per_parameter": Quantity("1", "in_tokens_count / in_parameters_count", f"{SIZE}, and tokens_count"),
        "tokens_per_s": Quantity(
            "token/s",
            "coalesce(in_steps_per_s * in_tokens_per_step, in_batch_count * in_context_tokens_count / in_step_s)",
            f"give {RATE}",
            is_input=True,
        ),
        "mfu_without_attention_share": Quantity(
            "share",
            "utilization_share(flop_per_token_without_attention * tokens_per_s / in_accelerator_count, in_peak_flop_per_s_per_gpu)",
            f"{SIZE}; {USED}",
            is_part=True,
        ),
        "mfu_share": Quantity(
            "share",
            f"coalesce({MFU}, utilization_share(achieved_flop_per_s_of_run(training_flop, in_gpu_hours), in_peak_flop_per_s_per_gpu))",
            f"{ATTENTION}; {USED}; or achieved_flop_per_s_per_gpu and peak_flop_per_s_per_gpu; or hfu_share and recomputed_share; "
            "or the FLOP, gpu_hours and peak_flop_per_s_per_gpu",
            is_part=True,
        ),
        "hfu_share": Quantity(
            "share",
            f"coalesce({HFU}, mfu_share * ({DONE_AGAIN}))",
            f"{ATTENTION}; recomputed_share; {USED}; or utilization_share",
            is_input=True,
            is_part=True,
        ),
        "achieved_flop_per_s_per_gpu": Quantity(
            "FLOP/s",
            """coalesce(coalesce(flop_per_token, flop_per_token_without_attention) * tokens_per_s / in_accelerator_count,
                achieved_flop_per_s_of_run(training_flop, in_gpu_hours), in_peak_flop_per_s_per_gpu * coalesce(in_utilization_share, mfu_share))""",
            f"{SIZE}; {RATE}; and accelerator_count; or the FLOP and gpu_hours; or peak_flop_per_s_per_gpu and utilization_share",
            is_input=True,
        ),
        "gpu_hours": Quantity(
            "GPU-hour",
            """gpu_hours_of_flop(training_flop,
                coalesce(in_achieved_flop_per_s_per_gpu, in_peak_flop_per_s_per_gpu * in_utilization_share, achieved_flop_per_s_per_gpu))""",
            f"give the FLOP, and {THROUGHPUT}; or tokens_per_s and accelerator_count",
            is_input=True,
        ),
        "cluster_accelerator_count": Quantity(
            "1",
            "in_tensor_parallel_count * coalesce(in_context_parallel_count, 1) * in_pipeline_parallel_count * in_data_parallel_count",
            "give tensor_parallel_count, pipeline_parallel_count and data_parallel_count",
        ),
        "tokens_per_batch": Quantity(
            "token",
            "in_context_tokens_count * in_batch_per_data_parallel_count * in_data_parallel_count",
            "give context_tokens_count, batch_per_data_parallel_count and data_parallel_count",
        ),
        "usd_per_flop": Quantity(
            "USD/FLOP",
            "coalesce(usd_per_flop(in_usd_per_gpu_hour, achieved_flop_per_s_per_gpu), in_cost_usd / training_flop)",
            "give usd_per_gpu_hour and a throughput; or cost_usd and its FLOP",
            is_input=True,
        ),
        "cost_usd": Quantity(
            "USD",
            "coalesce(training_flop * usd_per_flop, cost_usd(gpu_hours, in_usd_per_gpu_hour))",
            "give the FLOP and usd_per_flop, or a rate and a throughput or gpu_hours",
            is_input=True,
        ),
        "usd_per_pf_day": Quantity(
            "USD per PFLOP/s-day",
            "coalesce(cost_usd / pf_days, usd_per_flop * 86400e15)",
            "give a cost and its FLOP, or usd_per_flop",
        ),
        "usd_per_gpu_hour": Quantity(
            "USD/GPU-hour",
            "coalesce(in_usd_per_gpu_hour, usd_per_flop * 3600 * achieved_flop_per_s_per_gpu, in_cost_usd / gpu_hours)",
            "give usd_per_flop and a throughput; or cost_usd and gpu_hours",
        ),
    },
    # The hardware does what the model asks for, and more where it recomputes.
    at_most=(("utilization_share", "hfu_share"), ("local_layer_count", "layer_count")),
    either=(("layer_count", "encoder_layer_count"), ("context_tokens_count", "source_tokens_count")),
    names=("model",),
    own_lookup=facts(
        layer_count="CASE WHEN architecture NOT LIKE '%encoder_decoder' THEN layer_count END",
        rope_head_dimension_count="rope_head_dimension_count",
        local_layer_count="local_layer_count",
        attention_window_tokens_count="attention_window_tokens_count",
        flop_per_parameter_token="flop_per_parameter_token",
    ),
)
