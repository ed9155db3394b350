"""Other ways to write a key of a scenario: another unit of the same quantity, or a name that people use for it.

`power_kw_per_gpu` is `power_w_per_gpu` in kW, `parameters_b` is `parameters_count` in billions, `gpus` is
`accelerator_count`. The unit always stands in the key, so nothing is guessed from the size of a number. Within a scenario
a key is known by its canonical name only; what a file wrote is brought to it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

_S, _DAY = 1.0, 86_400.0
#: Units of one dimension by the word a key has for them, in the first one. A year has 365 days, as in the formulas.
DIMENSIONS: tuple[Mapping[str, float], ...] = (
    {"wh": 1, "kwh": 1e3, "mwh": 1e6, "gwh": 1e9, "j": 1 / 3600, "kj": 1e3 / 3600, "mj": 1e6 / 3600},
    {"gco2e": 1, "kgco2e": 1e3, "tco2e": 1e6, "mgco2e": 1e-3, "lbco2e": 453.59237},
    {"w": 1, "kw": 1e3, "mw": 1e6},
    {"s": _S, "ms": 1e-3, "us": 1e-6, "minutes": 60, "h": 3600, "hours": 3600, "days": _DAY, "weeks": 7 * _DAY}
    | {"months": 365 / 12 * _DAY, "years": 365 * _DAY},
    {"flop": 1, "mflop": 1e6, "gflop": 1e9, "tflop": 1e12, "pflop": 1e15, "eflop": 1e18},
    {"flop per s": 1, "gflops": 1e9, "tflops": 1e12, "pflops": 1e15},
    {"byte": 1, "bytes": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40},
    {"usd": 1, "kusd": 1e3, "musd": 1e6, "busd": 1e9},
    {"l": 1, "ml": 1e-3, "m3": 1e3, "gal": 3.785411784},
    {"share": 1, "percent": 0.01},
    {"count": 1, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9, "t": 1e12, "trillion": 1e12},
    {"mtok": 1, "ktok": 1e-3, "token": 1e-6},
)  # fmt: skip

#: What people call a key -> canonical keys it may mean, the first that the section knows, and its unit in the key's.
NAMES: Mapping[str, tuple[tuple[str, ...], float]] = {
    **dict.fromkeys(
        ("gpus", "gpu_count", "chips", "chip_count", "accelerators", "device_count", "devices"),
        (("accelerator_count", "device_count", "component_count"), 1),
    ),
    **dict.fromkeys(("nodes", "servers"), (("node_count", "server_count"), 1)),
    **dict.fromkeys(("gpus_per_node", "gpus_per_server"), (("accelerators_per_node_count", "gpus_per_server_count", "devices_per_host_count"), 1)),
    **dict.fromkeys(("parameters", "params"), (("parameters_count",), 1)),
    **dict.fromkeys(("params_b", "params_billion"), (("parameters_count",), 1e9)),
    "params_m": (("parameters_count",), 1e6),
    "active_parameters": (("active_parameters_count",), 1),
    **dict.fromkeys(("active_params_b", "active_b"), (("active_parameters_count",), 1e9)),
    "tokens": (("tokens_count", "output_tokens_count"), 1),
    "output_tokens": (("output_tokens_count",), 1),
    **dict.fromkeys(("input_tokens", "prompt_tokens"), (("prompt_tokens_count", "input_tokens_count"), 1)),
    **dict.fromkeys(("mfu", "utilisation", "utilization", "utilisation_share"), (("utilization_share",), 1)),
    **dict.fromkeys(("mfu_percent", "utilisation_percent"), (("utilization_share",), 0.01)),
    **dict.fromkeys(("batch", "batch_size"), (("batch_count",), 1)),
    **dict.fromkeys(("tp", "tensor_parallel", "tensor_parallel_count"), (("tensor_parallel_count", "accelerator_count"), 1)),
    "pf_days": (("pf_days", "training_flop"), 86_400e15),
    **dict.fromkeys(("days",), (("duration_days",), 1)),
    **dict.fromkeys(("lifetime_years", "life"), (("life_years",), 1)),
    "tpot_s": (("inter_token_latency_s",), 1),
    "tpot_ms": (("inter_token_latency_s",), 1e-3),
    "itl_ms": (("inter_token_latency_s",), 1e-3),
    "ttft_s": (("first_token_latency_s",), 1),
    "ttft_ms": (("first_token_latency_s",), 1e-3),
    "latency_s": (("request_latency_s",), 1),
    **dict.fromkeys(("wue_l_per_kwh", "wue_on_site_l_per_kwh"), (("site_water_l_per_kwh",), 1)),
    "wue_off_site_l_per_kwh": (("grid_water_l_per_kwh",), 1),
    **dict.fromkeys(("g_per_kwh", "gco2_per_kwh", "carbon_intensity_gco2e_per_kwh"), (("grid_gco2e_per_kwh",), 1)),
    **dict.fromkeys(("kg_per_kwh", "kgco2_per_kwh", "carbon_intensity_kgco2e_per_kwh"), (("grid_gco2e_per_kwh",), 1e3)),
    "layers": (("layer_count",), 1),
    "heads": (("attention_head_count",), 1),
    "context_tokens": (("context_tokens_count",), 1),
}  # fmt: skip

#: Text keys by the names that people use.
TEXT_NAMES: Mapping[str, str] = {
    "gpu": "accelerator",
    "hardware": "accelerator",
    "chip": "accelerator",
    "cloud": "provider",
    "zone": "region",
    "grid_zone": "region",
    "purchase_option": "purchase",
    "model_id": "model",
    "precision": "number_format",
    "dtype": "number_format",
    "quantization": "number_format",
    "start": "start_at",
}
#: Values of `number_format` by the names that people use.
FORMATS: Mapping[str, str] = {
    **dict.fromkeys(("fp16", "float16", "bfloat16", "half"), "bf16"),
    **dict.fromkeys(("float8", "e4m3", "fp8_e4m3"), "fp8"),
    **dict.fromkeys(("mxfp4", "nvfp4"), "fp4"),
}


def _variants(key: str) -> dict[str, float]:
    """Keys that say the same in another unit, with what one of them is in the unit of `key`."""
    words = key.split("_")
    found: dict[str, float] = {}
    for position, word in enumerate(words):
        is_divisor = position > 0 and words[position - 1] == "per"
        for dimension in DIMENSIONS:
            if word in dimension:
                for other, size in dimension.items():
                    if " " not in other and other != word:
                        factor = size / dimension[word]
                        name = "_".join([*words[:position], other, *words[position + 1 :]])
                        found[name] = 1 / factor if is_divisor else factor
    if "_flop_per_s" in key:
        rates = DIMENSIONS[5]
        found |= {key.replace("_flop_per_s", f"_{unit}"): rates[unit] for unit in rates if " " not in unit}
    return found


@cache
def other_keys(allowed: tuple[str, ...]) -> Mapping[str, tuple[str, float]]:
    """Every other way to write the keys of a section: key -> canonical key and factor to its unit.

    Args:
        allowed: canonical keys of the section; none of them is ever read as another.
    """
    found: dict[str, dict[str, float]] = {}
    for key in allowed:
        once = _variants(key)
        # Two units in one key: kgco2e_per_mwh for gco2e_per_kwh.
        twice = {n: f * g for name, f in once.items() for n, g in _variants(name).items()} if "_per_" in key else {}
        for name, factor in (twice | once).items():
            found.setdefault(name, {}).setdefault(key, factor)
    for name, (keys, factor) in NAMES.items():
        if key := next((k for k in keys if k in allowed), None):
            found[name] = {key: factor}
    return {n: next(iter(of.items())) for n, of in found.items() if len(of) == 1 and n not in allowed}


def _scaled(value: object, factor: float) -> object:
    if isinstance(value, dict):
        return {side: _scaled(v, factor) for side, v in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if factor == 1 else value * factor
    return value


def canonical(
    values: Mapping[str, object], numbers: Iterable[str], texts: Iterable[str], problems: list[str]
) -> tuple[dict[str, object], dict[str, str]]:
    """The values under their canonical keys and in their units.

    Args:
        values: keys as a file wrote them.
        numbers: canonical keys of numbers.
        texts: canonical keys of names.
        problems: a key that is stated twice is added here.

    Returns:
        The values, unknown keys unchanged; and canonical key -> what the file wrote, where it differs.
    """
    known, named = tuple(numbers), set(texts)
    others = other_keys(known)
    found: dict[str, object] = {}
    written: dict[str, str] = {}
    for name, value in values.items():
        key, factor = name, 1.0
        if name not in known and name not in named:
            if name in others:
                key, factor = others[name]
            elif TEXT_NAMES.get(name) in named:
                key = TEXT_NAMES[name]
        if key in found:
            both = f"{written.get(key, key)} and {name}"
            problems.append(f"{both}: both state {key}; leave one out")
            continue
        value = _scaled(value, factor) if key in known else value
        if key == "number_format" and isinstance(value, str):
            value = FORMATS.get(value.lower(), value.lower())
        found[key] = value
        if key != name:
            written[key] = name
    return found, written


def as_written(problems: Iterable[str], written: Mapping[str, str]) -> list[str]:
    """Problems with the key that the file wrote before the canonical one."""
    found = []
    for problem in problems:
        key = problem.split(":", 1)[0].split(".", 1)[0]
        found.append(f"{written[key]} (read as {key}){problem.removeprefix(key)}" if key in written else problem)
    return found
