"""Compute per token, utilisation both ways (MFU, HFU), the layout of a cluster, and the price of compute."""

from __future__ import annotations

from dataclasses import replace

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
    before,
    reference_facts,
)
from assets.estimated.scenario_files.fields import Bounds
from assets.estimated.scenario_files.training import NUMBERS

_SIZE = "give parameters_count or model"
_ATTENTION = f"{_SIZE}, layer_count, attention_width_count (or attention_head_count and head_dimension_count) and context_tokens_count"
_RATE = "tokens_per_s, or batch_count, context_tokens_count and step_s, or steps_per_s and tokens_per_step"
_HFU = "utilization_share(flop_per_token_with_recomputation * tokens_per_s / in_accelerator_count, in_peak_flop_per_s_per_gpu)"
_USED = f"give {_RATE}; accelerator_count and peak_flop_per_s_per_gpu"


def _of_throughput(utilization: str) -> dict[str, Quantity]:
    """What the FLOP/s that a GPU achieves decide, these measured or `utilization` (SQL, a share) of its peak."""
    throughput = f"coalesce(in_achieved_flop_per_s_per_gpu, in_peak_flop_per_s_per_gpu * {utilization})"
    return {
        "gpu_hours": Quantity(
            "GPU-hour",
            f"gpu_hours_of_flop(training_flop, {throughput})",
            "give the FLOP, and achieved_flop_per_s_per_gpu, or peak_flop_per_s_per_gpu and utilization_share",
        ),
        "usd_per_flop": Quantity(
            "USD/FLOP",
            f"usd_per_flop(in_usd_per_gpu_hour, {throughput})",
            "give usd_per_gpu_hour and a throughput",
            is_input=True,
        ),
        "usd_per_gpu_hour": Quantity(
            "USD/GPU-hour",
            f"coalesce(in_usd_per_gpu_hour, usd_per_flop * 3600 * {throughput})",
            "give usd_per_flop, peak_flop_per_s_per_gpu and utilization_share",
        ),
    }


def _facts(context: str, **others: str) -> FactorLookup:
    """Facts of a model, with one column or another for the context of its training, and `others` in place of or beside those of the first version."""
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


_THROUGHPUT = _of_throughput("in_utilization_share")
_COMPUTE = Method(
    "compute",
    "compute-1",
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
    },
    {
        "attention_width_count": Quantity(
            "1",
            "in_attention_head_count * in_head_dimension_count",
            "give attention_head_count and head_dimension_count",
            is_input=True,
        ),
        "attention_flop_per_token": Quantity(
            "FLOP/token",
            "attention_flop_per_token(in_layer_count, attention_width_count, in_context_tokens_count)",
            _ATTENTION,
        ),
        "flop_per_token_without_attention": Quantity("FLOP/token", "training_flop(in_parameters_count, 1)", _SIZE),
        "flop_per_token": Quantity(
            "FLOP/token",
            "training_flop_with_attention(in_parameters_count, 1, 6, attention_flop_per_token)",
            _ATTENTION,
        ),
        "flop_per_token_with_recomputation": Quantity(
            "FLOP/token",
            "flop_per_token + recomputation_flop_per_token(in_parameters_count, in_recomputed_share, attention_flop_per_token)",
            f"{_ATTENTION}; and recomputed_share",
        ),
        "forward_flop_per_token": Quantity(
            "FLOP/token",
            "forward_flop_per_token(in_parameters_count, in_layer_count, in_context_tokens_count, attention_width_count)",
            _ATTENTION,
        ),
        "training_flop": Quantity(
            "FLOP",
            "coalesce(flop_per_token, flop_per_token_without_attention) * in_tokens_count",
            f"{_SIZE}, and tokens_count",
            is_input=True,
        ),
        "pf_days": Quantity(
            "PFLOP/s-day", "pf_days(training_flop)", f"{_SIZE}, and tokens_count; or training_flop", is_input=True
        ),
        "tokens_per_parameter": Quantity("1", "in_tokens_count / in_parameters_count", f"{_SIZE}, and tokens_count"),
        "tokens_per_s": Quantity(
            "token/s",
            "coalesce(in_steps_per_s * in_tokens_per_step, in_batch_count * in_context_tokens_count / in_step_s)",
            f"give {_RATE}",
            is_input=True,
        ),
        "mfu_without_attention_share": Quantity(
            "share",
            "utilization_share(flop_per_token_without_attention * tokens_per_s / in_accelerator_count, in_peak_flop_per_s_per_gpu)",
            f"{_SIZE}; {_USED}",
            is_part=True,
        ),
        "mfu_share": Quantity(
            "share",
            "coalesce(utilization_share(flop_per_token * tokens_per_s / in_accelerator_count, in_peak_flop_per_s_per_gpu), "
            "utilization_share(in_achieved_flop_per_s_per_gpu, in_peak_flop_per_s_per_gpu), in_utilization_share)",
            f"{_ATTENTION}; {_USED}; or achieved_flop_per_s_per_gpu and peak_flop_per_s_per_gpu",
            is_part=True,
        ),
        "hfu_share": Quantity(
            "share",
            _HFU,
            f"{_ATTENTION}; recomputed_share; {_USED}",
            is_part=True,
        ),
        "gpu_hours": _THROUGHPUT["gpu_hours"],
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
        "usd_per_flop": _THROUGHPUT["usd_per_flop"],
        "cost_usd": Quantity(
            "USD",
            "training_flop * usd_per_flop",
            "give the FLOP and usd_per_flop, or a rate and a throughput",
            is_input=True,
        ),
        "usd_per_pf_day": Quantity(
            "USD per PFLOP/s-day",
            "coalesce(cost_usd / pf_days, usd_per_flop * 86400e15)",
            "give a cost and its FLOP, or usd_per_flop",
        ),
        "usd_per_gpu_hour": _THROUGHPUT["usd_per_gpu_hour"],
    },
    names=("model",),
    more=_facts("context_tokens_count"),
)
_DONE_AGAIN = "flop_per_token_with_recomputation / flop_per_token"
_MFU = _COMPUTE.quantities["mfu_share"]


#: HFU as an input: what recomputation leaves of it is the MFU.
_COMPUTE_2 = replace(
    _COMPUTE,
    version="compute-2",
    numbers={**_COMPUTE.numbers, "hfu_share": NUMBERS["utilization_share"]},
    # The hardware does what the model asks for, and more where it recomputes.
    at_most=(("utilization_share", "hfu_share"),),
    quantities={
        **_COMPUTE.quantities,
        "mfu_share": replace(
            _MFU,
            formula=f"coalesce({_MFU.formula}, in_hfu_share / ({_DONE_AGAIN}))",
            needs=f"{_MFU.needs}; or hfu_share and recomputed_share",
        ),
        "hfu_share": Quantity(
            "share",
            f"coalesce({_HFU}, mfu_share * ({_DONE_AGAIN}))",
            f"{_ATTENTION}; recomputed_share; {_USED}; or utilization_share",
            is_input=True,
            is_part=True,
        ),
        # Where no other throughput is given, the MFU that an HFU comes down to.
        **_of_throughput("coalesce(in_utilization_share, mfu_share)"),
    },
)
_2 = _COMPUTE_2.quantities
_EACH = "coalesce(in_flop_per_parameter_token, 6)"
_FLOP = f"{_SIZE}, and tokens_count; or training_flop or pf_days"
_ACHIEVED = Quantity(
    "FLOP/s",
    "coalesce(coalesce(flop_per_token, flop_per_token_without_attention) * tokens_per_s / in_accelerator_count, "
    "achieved_flop_per_s_of_run(training_flop, in_gpu_hours), in_peak_flop_per_s_per_gpu * coalesce(in_utilization_share, mfu_share))",
    f"{_SIZE}; {_RATE}; and accelerator_count; or the FLOP and gpu_hours; or peak_flop_per_s_per_gpu and utilization_share",
    is_input=True,
)
#: What follows from each other is found from either side: FLOP and petadays, throughput and hours, cost and price per FLOP.
_COMPUTE_3 = replace(
    _COMPUTE_2,
    version="compute-3",
    numbers={
        **_COMPUTE_2.numbers,
        "flop_per_parameter_token": NUMBERS["flop_per_parameter_token"],
        "gpu_hours": NUMBERS["gpu_hours"],
    },
    quantities={
        **dict(before("gpu_hours", _2, "achieved_flop_per_s_per_gpu", _ACHIEVED)),
        "flop_per_token_without_attention": replace(
            _2["flop_per_token_without_attention"],
            formula=f"training_flop_with_attention(in_parameters_count, 1, {_EACH}, 0)",
        ),
        "flop_per_token": replace(
            _2["flop_per_token"],
            formula=f"training_flop_with_attention(in_parameters_count, 1, {_EACH}, attention_flop_per_token)",
        ),
        "flop_per_token_with_recomputation": replace(
            _2["flop_per_token_with_recomputation"],
            formula=f"flop_per_token + recomputation_flop_per_token(in_parameters_count * {_EACH} / 6, in_recomputed_share, attention_flop_per_token)",
        ),
        "training_flop": replace(
            _2["training_flop"],
            formula=f"coalesce({_2['training_flop'].formula}, in_pf_days * 86400e15)",
            needs=f"{_SIZE}, and tokens_count; or pf_days",
        ),
        "pf_days": replace(_2["pf_days"], needs=_FLOP),
        "mfu_share": replace(
            _2["mfu_share"],
            formula=f"coalesce({_2['mfu_share'].formula}, utilization_share(achieved_flop_per_s_of_run(training_flop, in_gpu_hours), in_peak_flop_per_s_per_gpu))",
            needs=f"{_2['mfu_share'].needs}; or the FLOP, gpu_hours and peak_flop_per_s_per_gpu",
        ),
        "gpu_hours": replace(
            _2["gpu_hours"],
            formula="gpu_hours_of_flop(training_flop, coalesce(in_achieved_flop_per_s_per_gpu, in_peak_flop_per_s_per_gpu * in_utilization_share, achieved_flop_per_s_per_gpu))",
            needs=f"{_2['gpu_hours'].needs}; or tokens_per_s and accelerator_count",
            is_input=True,
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
        "usd_per_gpu_hour": Quantity(
            "USD/GPU-hour",
            "coalesce(in_usd_per_gpu_hour, usd_per_flop * 3600 * achieved_flop_per_s_per_gpu, in_cost_usd / gpu_hours)",
            "give usd_per_flop and a throughput; or cost_usd and gpu_hours",
        ),
    },
)
#: The context of a model is that of its training; before, it was the longest that the model can be used with: of Llama 3.1 16 times as long.
_COMPUTE_4 = replace(_COMPUTE_3, version="compute-4", more=_facts("training_context_tokens_count"))
_4 = _COMPUTE_4.quantities
_ATTENDED = Quantity(
    "token",
    "attended_tokens_count(in_context_tokens_count, in_layer_count, in_local_layer_count, in_attention_window_tokens_count)",
    "give context_tokens_count; and of layers that see less layer_count, local_layer_count and attention_window_tokens_count",
)
#: Attention over the window where layers have one, and over keys with their rotary part where that is beside their head. Of an encoder-decoder, whose
#: halves share the tokens, 3 FLOP per parameter and token, and no attention: it depends on the lengths of source and target, which no paper prints.
_COMPUTE_5 = replace(
    _COMPUTE_4,
    version="compute-5",
    numbers={
        **_COMPUTE_4.numbers,
        "rope_head_dimension_count": COUNT,
        "local_layer_count": LOCAL_LAYERS,
        "attention_window_tokens_count": WINDOW_TOKENS,
    },
    at_most=(*_COMPUTE_4.at_most, ("local_layer_count", "layer_count")),
    quantities={
        **dict(before("attention_flop_per_token", _4, "attended_tokens_count", _ATTENDED)),
        "attention_width_count": replace(
            _4["attention_width_count"],
            formula="attention_width(in_attention_head_count, in_head_dimension_count, in_rope_head_dimension_count)",
        ),
        "attention_flop_per_token": replace(
            _4["attention_flop_per_token"],
            formula="attention_flop_per_token(in_layer_count, attention_width_count, attended_tokens_count)",
        ),
        "forward_flop_per_token": replace(
            _4["forward_flop_per_token"],
            formula="forward_flop_per_token(in_parameters_count, in_layer_count, attended_tokens_count, attention_width_count)",
        ),
    },
    more=_facts(
        "training_context_tokens_count",
        layer_count="CASE WHEN architecture NOT LIKE '%encoder_decoder' THEN layer_count END",
        rope_head_dimension_count="rope_head_dimension_count",
        local_layer_count="local_layer_count",
        attention_window_tokens_count="attention_window_tokens_count",
        flop_per_parameter_token="flop_per_parameter_token",
    ),
)
_5 = _COMPUTE_5.quantities
_HALVES = "of an encoder-decoder encoder_layer_count, decoder_layer_count, source_tokens_count and target_tokens_count in place of layers and context"
#: Attention of an encoder-decoder too, where the lengths of its source and target are stated; tokens are those of both together.
_COMPUTE_6 = replace(
    _COMPUTE_5,
    version="compute-6",
    numbers={
        **_COMPUTE_5.numbers,
        "encoder_layer_count": COUNT,
        "decoder_layer_count": COUNT,
        "source_tokens_count": COUNT,
        "target_tokens_count": COUNT,
    },
    quantities={
        **_5,
        "attention_flop_per_token": replace(
            _5["attention_flop_per_token"],
            formula=f"coalesce({_5['attention_flop_per_token'].formula}, encoder_decoder_attention_flop_per_token("
            "in_encoder_layer_count, in_decoder_layer_count, attention_width_count, in_source_tokens_count, in_target_tokens_count))",
            needs=f"{_5['attention_flop_per_token'].needs}; {_HALVES}",
        ),
    },
    either=(("layer_count", "encoder_layer_count"), ("context_tokens_count", "source_tokens_count")),
)
METHODS = (_COMPUTE_6, _COMPUTE_5, _COMPUTE_4, _COMPUTE_3, _COMPUTE_2, _COMPUTE)
