"""The released versions of [compute] before the current one, newest first, each defined by how it differs from the version after it.

They are kept so that an earlier estimate can be computed again (`petaday restate`).
"""

from __future__ import annotations

from dataclasses import replace

from assets.estimated.method import Quantity
from assets.estimated.methods.common import earlier
from assets.estimated.methods.compute import (
    ATTENTION,
    COMPUTE_6,
    HFU,
    MFU,
    MFU_MEASURED,
    SIZE,
    THROUGHPUT,
    USED,
    facts,
)

#: Of an encoder-decoder no attention was counted.
COMPUTE_5 = earlier(
    COMPUTE_6,
    "compute-5",
    without_numbers=("encoder_layer_count", "decoder_layer_count", "source_tokens_count", "target_tokens_count"),
    formulas={
        "attention_flop_per_token": "attention_flop_per_token(in_layer_count, attention_width_count, attended_tokens_count)"
    },
    needs={"attention_flop_per_token": ATTENTION},
    either=(),
)

#: Every layer saw the whole context, keys had no rotary part beside their head, and an encoder-decoder took 6 FLOP per parameter and token.
COMPUTE_4 = earlier(
    COMPUTE_5,
    "compute-4",
    without_numbers=("rope_head_dimension_count", "local_layer_count", "attention_window_tokens_count"),
    without_quantities=("attended_tokens_count",),
    formulas={
        "attention_width_count": "in_attention_head_count * in_head_dimension_count",
        "attention_flop_per_token": "attention_flop_per_token(in_layer_count, attention_width_count, in_context_tokens_count)",
        "forward_flop_per_token": "forward_flop_per_token(in_parameters_count, in_layer_count, in_context_tokens_count, attention_width_count)",
    },
    own_lookup=facts(),
)

#: The context was the longest that the model can be used with, not that of its training: of Llama 3.1 16 times as long.
COMPUTE_3 = replace(COMPUTE_4, version="compute-3", own_lookup=facts("context_tokens_count"))


def _of_throughput(utilization: str) -> dict[str, Quantity]:
    """What the FLOP/s that a GPU achieves decide, these measured or `utilization` (SQL, a share) of its peak."""
    throughput = f"coalesce(in_achieved_flop_per_s_per_gpu, in_peak_flop_per_s_per_gpu * {utilization})"
    return {
        "gpu_hours": Quantity(
            "GPU-hour", f"gpu_hours_of_flop(training_flop, {throughput})", f"give the FLOP, and {THROUGHPUT}"
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


#: FLOP did not follow from petadays, throughput not from hours, nor the price of a FLOP from a cost.
COMPUTE_2 = earlier(
    COMPUTE_3,
    "compute-2",
    without_numbers=("flop_per_parameter_token", "gpu_hours"),
    without_quantities=("achieved_flop_per_s_per_gpu",),
    formulas={
        "flop_per_token_without_attention": "training_flop(in_parameters_count, 1)",
        "flop_per_token": "training_flop_with_attention(in_parameters_count, 1, 6, attention_flop_per_token)",
        "flop_per_token_with_recomputation": """flop_per_token
            + recomputation_flop_per_token(in_parameters_count, in_recomputed_share, attention_flop_per_token)""",
        "training_flop": "coalesce(flop_per_token, flop_per_token_without_attention) * in_tokens_count",
        "mfu_share": MFU,
        "cost_usd": "training_flop * usd_per_flop",
    },
    needs={
        "training_flop": f"{SIZE}, and tokens_count",
        "pf_days": f"{SIZE}, and tokens_count; or training_flop",
        "mfu_share": f"{ATTENTION}; {USED}; or achieved_flop_per_s_per_gpu and peak_flop_per_s_per_gpu; or hfu_share and recomputed_share",
        "cost_usd": "give the FLOP and usd_per_flop, or a rate and a throughput",
    },
    quantities=_of_throughput("coalesce(in_utilization_share, mfu_share)"),
)

#: An HFU could not be stated.
COMPUTE_1 = earlier(
    COMPUTE_2,
    "compute-1",
    without_numbers=("hfu_share",),
    formulas={"mfu_share": MFU_MEASURED},
    needs={
        "mfu_share": f"{ATTENTION}; {USED}; or achieved_flop_per_s_per_gpu and peak_flop_per_s_per_gpu",
    },
    quantities={
        "hfu_share": Quantity("share", HFU, f"{ATTENTION}; recomputed_share; {USED}", is_part=True),
        **_of_throughput("in_utilization_share"),
    },
)

METHODS = (COMPUTE_5, COMPUTE_4, COMPUTE_3, COMPUTE_2, COMPUTE_1)
