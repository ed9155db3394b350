"""Aliases of scenario keys: the same quantity in another unit, or a common name for it.

`power_kw_per_gpu` is `power_w_per_gpu` in kW, `parameters_b` is `parameters_count` in billions, `gpus` is
`accelerator_count`. The unit always stands in the key, so nothing is guessed from the size of a number. Within a scenario
a key is known by its canonical name only; what a file wrote is brought to it here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

_S, _DAY = 1.0, 86_400.0
#: Units of one dimension by the word a key has for them, in the first one. A year has 365 days, as in the formulas.
DIMENSIONS: tuple[Mapping[str, float], ...] = (
    {"wh": 1, "kwh": 1e3, "mwh": 1e6, "gwh": 1e9, "j": 1 / 3600, "kj": 1e3 / 3600, "mj": 1e6 / 3600},
    {f"{mass}{of}": grams for of in ("co2e", "co2", "") for mass, grams in (("g", 1), ("kg", 1e3), ("t", 1e6), ("mg", 1e-3), ("lb", 453.59237))},
    {"w": 1, "kw": 1e3, "mw": 1e6},
    {"s": _S, "ms": 1e-3, "us": 1e-6, "minutes": 60, "h": 3600, "hours": 3600, "days": _DAY, "weeks": 7 * _DAY}
    | {"months": 365 / 12 * _DAY, "years": 365 * _DAY},
    {"flop": 1, "mflop": 1e6, "gflop": 1e9, "tflop": 1e12, "pflop": 1e15, "eflop": 1e18, "zflop": 1e21, "yflop": 1e24}
    | {"megaflop": 1e6, "gigaflop": 1e9, "teraflop": 1e12, "petaflop": 1e15, "exaflop": 1e18, "zettaflop": 1e21, "yottaflop": 1e24},
    {"flop per s": 1, "gflops": 1e9, "tflops": 1e12, "pflops": 1e15, "eflops": 1e18},
    {"byte": 1, "bytes": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40},
    {"usd": 1, "kusd": 1e3, "musd": 1e6, "busd": 1e9},
    {"l": 1, "ml": 1e-3, "m3": 1e3, "gal": 3.785411784},
    {"share": 1, "percent": 0.01},
    {"count": 1, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9, "t": 1e12, "trillion": 1e12},
    {"mtok": 1, "ktok": 1e-3, "token": 1e-6},
)  # fmt: skip

#: Common name of a key -> canonical keys (the first that the section has is meant), and the factor to the unit of that key.
NAMES: Mapping[str, tuple[tuple[str, ...], float]] = {
    **dict.fromkeys(
        ("gpus", "gpu_count", "n_gpus", "num_gpus", "chips", "chip_count", "accelerators", "device_count", "devices"),
        (("accelerator_count", "device_count", "component_count"), 1),
    ),
    **dict.fromkeys(("nodes", "servers"), (("node_count", "server_count"), 1)),
    **dict.fromkeys(("gpus_per_node", "gpus_per_server"), (("accelerators_per_node_count", "gpus_per_server_count", "devices_per_host_count"), 1)),
    **dict.fromkeys(("gpu_hours", "device_hours", "chip_hours", "accelerator_hours", "tpu_hours"), (("gpu_hours", "device_hours"), 1)),
    **dict.fromkeys(("parameters", "params", "n_params", "num_params", "n_parameters", "num_parameters"), (("parameters_count",), 1)),
    **dict.fromkeys(("params_b", "params_billion"), (("parameters_count",), 1e9)),
    "params_m": (("parameters_count",), 1e6),
    **dict.fromkeys(("total_parameters", "total_parameters_count"), (("parameters_count",), 1)),
    **dict.fromkeys(("total_b", "total_parameters_b"), (("parameters_count",), 1e9)),
    "small_parameters_b": (("parameters_count_small",), 1e9),
    "active_parameters": (("active_parameters_count",), 1),
    **dict.fromkeys(("active_params_b", "active_b"), (("active_parameters_count",), 1e9)),
    "bytes_per_param": (("bytes_per_parameter",), 1),
    **dict.fromkeys(("tokens", "n_tokens", "num_tokens"), (("tokens_count", "output_tokens_count"), 1)),
    "output_tokens": (("output_tokens_count",), 1),
    "output_tokens_per_request": (("output_tokens_count",), 1),
    # Of a whole service, or of a request.
    "input_tokens": (("input_tokens_count", "prompt_tokens_count"), 1),
    "prompt_tokens": (("prompt_tokens_count", "input_tokens_count"), 1),
    "tokens_per_s_gpu": (("tokens_per_s_per_gpu",), 1),
    **dict.fromkeys(("training_flops", "total_flop", "total_flops", "flop", "flops"), (("training_flop",), 1)),
    **dict.fromkeys(("flop_per_param_token", "flops_per_param_token", "flops_per_parameter_token"), (("flop_per_parameter_token",), 1)),
    **{f"{which}_{unit}": ((f"{which}_flop_per_s_per_gpu",), size)
       for which in ("peak", "achieved", "hardware") for unit, size in (("gflops", 1e9), ("tflops", 1e12), ("pflops", 1e15))},
    **dict.fromkeys(("mfu", "utilisation", "utilization", "utilisation_share", "efficiency"), (("utilization_share",), 1)),
    "power_fraction": (("power_share",), 1),
    **dict.fromkeys(("mfu_percent", "utilisation_percent"), (("utilization_share",), 0.01)),
    "hfu": (("hfu_share",), 1),
    "hfu_percent": (("hfu_share",), 0.01),
    **dict.fromkeys(("batch", "batch_size"), (("batch_count",), 1)),
    **dict.fromkeys(("tp", "tensor_parallel", "tensor_parallel_count"), (("tensor_parallel_count", "accelerator_count"), 1)),
    "pf_days": (("pf_days", "training_flop"), 86_400e15),
    "days": (("duration_days",), 1),
    **dict.fromkeys(("watts_per_gpu", "gpu_watts"), (("power_w_per_gpu",), 1)),
    **dict.fromkeys(("lifetime_years", "life"), (("life_years",), 1)),
    "tpot_s": (("inter_token_latency_s",), 1),
    "tpot_ms": (("inter_token_latency_s",), 1e-3),
    "itl_s": (("inter_token_latency_s",), 1),
    "itl_ms": (("inter_token_latency_s",), 1e-3),
    "requests_per_s": (("samples_per_s",), 1),
    **dict.fromkeys(("tokens_per_batch", "batch_tokens"), (("tokens_per_step",), 1)),
    "ttft_s": (("first_token_latency_s",), 1),
    "ttft_ms": (("first_token_latency_s",), 1e-3),
    **dict.fromkeys(("latency_s", "latency_cap_s"), (("request_latency_s",), 1)),
    **dict.fromkeys(("latency_ms", "latency_cap_ms"), (("request_latency_s",), 1e-3)),
    "kwh": (("energy_kwh",), 1),
    **dict.fromkeys(("questions", "questions_per_user"), (("questions_per_visit",), 1)),
    "words": (("words_per_request",), 1),
    **dict.fromkeys(("wue_l_per_kwh", "wue"), (("site_water_l_per_kwh", "water_l_per_kwh"), 1)),
    **dict.fromkeys(("wue_on_site_l_per_kwh", "wue_on_site", "wue_on"), (("site_water_l_per_kwh",), 1)),
    **dict.fromkeys(("wue_off_site_l_per_kwh", "wue_off_site", "wue_off"), (("grid_water_l_per_kwh",), 1)),
    # The letters of ISO/IEC 21031: M = TE x (TiR / EL) x (RR / ToR), per R.
    "rr": (("resources_reserved_count",), 1),
    "tor": (("resources_count",), 1),
    "cores": (("component_count",), 1),
    "r": (("functional_unit_count",), 1),
    "layers": (("layer_count",), 1),
    "heads": (("attention_head_count",), 1),
    **dict.fromkeys(("context_tokens", "context_length", "sequence_length", "seq_len", "seq"), (("context_tokens_count",), 1)),
    **dict.fromkeys(("head_dim", "d_head"), (("head_dimension_count",), 1)),
    "n_layers": (("layer_count",), 1),
    **dict.fromkeys(("sliding_window", "attention_window", "window_tokens"), (("attention_window_tokens_count",), 1)),
    **dict.fromkeys(("kv_heads", "n_kv_heads", "num_key_value_heads"), (("kv_head_count",), 1)),
    "kv_lora_rank": (("kv_latent_width_count",), 1),
    **dict.fromkeys(("n_routed_experts", "num_local_experts"), (("expert_count",), 1)),
    **dict.fromkeys(("experts_per_token", "num_experts_per_tok"), (("experts_per_token_count",), 1)),
    **dict.fromkeys(("rope_head_dim", "qk_rope_head_dim"), (("rope_head_dimension_count",), 1)),
    "n_heads": (("attention_head_count",), 1),
    **dict.fromkeys(("hidden_size", "hidden_width", "d_model", "n_embd"), (("hidden_width_count",), 1)),
    # The letters of the scaling laws.
    "n_b": (("parameters_count",), 1e9),
    "d_b": (("tokens_count",), 1e9),
    **{f"{letter}p": ((f"{way}_parallel_count",), 1) for letter, way in (("c", "context"), ("p", "pipeline"), ("d", "data"))},
    "batch_per_dp": (("batch_per_data_parallel_count",), 1),
    "tokens_per_sample": (("output_tokens_count",), 1),
}  # fmt: skip

#: Names that have a unit, which may be another one, too -> canonical keys as above.
NAMES_WITH_UNIT: Mapping[str, tuple[str, ...]] = {
    "gco2e_per_kwh": ("grid_gco2e_per_kwh",),
    "carbon_intensity_gco2e_per_kwh": ("grid_gco2e_per_kwh",),
    "usd_per_kwh": ("price_usd_per_kwh",),
    "from_gco2e_per_kwh": ("from_grid_gco2e_per_kwh",),
    **dict.fromkeys(("it_kwh", "gpu_kwh", "gpu_energy_kwh"), ("it_energy_kwh",)),
    "wh": ("energy_wh",),
    # The letters of ISO/IEC 21031.
    "e_kwh": ("energy_kwh",),
    "i_gco2e_per_kwh": ("grid_gco2e_per_kwh",),
    "m_gco2e": ("embodied_gco2e",),
    "chip_tdp_w": ("tdp_w",),
    **dict.fromkeys(("w_per_gpu", "gpu_w", "gpu_power_w"), ("power_w_per_gpu",)),
    **dict.fromkeys(("kgco2e_per_gpu", "gpu_kgco2e", "chip_kgco2e"), ("device_kgco2e",)),
    **dict.fromkeys(("kgco2e_per_server", "kgco2e_per_host", "server_kgco2e"), ("host_kgco2e",)),
    **dict.fromkeys(("acquisition_price_usd", "purchase_price_usd", "chip_price_usd"), ("price_usd",)),
    **dict.fromkeys(("days_since_acquisition", "days_acquisition_to_start"), ("days_since_purchase",)),
    "te_kgco2e": ("total_embodied_kgco2e",),
    "tir_h": ("time_reserved_h",),
    "el_h": ("life_h",),
}

#: Common word in a key -> the word that canonical keys use; words for a mean are dropped.
_WORDS: Mapping[str, str] = {
    "tok": "tokens",
    "params": "parameters",
    "accel": "accelerator",
    "query": "request",
    "queries": "requests",
    "visitors": "users",
    "hbm": "memory_bandwidth",
    "bytes": "byte",
    "utilisation": "utilization",
    "activated": "active",
    "acq": "acquisition",
    "pct": "percent",
    "prompts": "requests",
    "qps": "requests_per_s",
    "tps": "tokens_per_s",
    "dau": "users_per_day",
    **dict.fromkeys(("sec", "second", "seconds"), "s"),
} | dict.fromkeys(("avg", "average", "mean", "median"), "")
#: Patterns that shorten or reorder longer spellings of a key, applied one after the other.
_SHORT = (
    (re.compile(r"\A(?:n|num|nr|number_of)_"), ""),
    (re.compile(r"\A(?:training|train|dataset)_(?=tokens|steps|days|weeks|months)"), ""),
    (re.compile(r"\A(?:wall(?:_clock)?(?:_time)?|runtime)_(?=[a-z]+\Z)"), "duration_"),
    (re.compile(r"\A(?:total_|training_|train_)?(?:compute_)?flops?\Z"), "training_flop"),
    (re.compile(r"\A(peak|achieved|hardware)_flops(?:_per_gpu)?\Z"), r"\1_flop_per_s_per_gpu"),
    (re.compile(r"\Apower_per_gpu_(k?w)\Z"), r"power_\1_per_gpu"),
    (re.compile(r"\A(?:total|facility)_energy_"), "energy_"),
    (re.compile(r"\A(?:emission_factor|electricity_mix|ci|co2)_(?=[a-z0-9]+_per_[kmg]?wh\Z)"), ""),
    (re.compile(r"\A(?:price|rate|cost)_(?=usd_per_gpu_h)"), ""),
    (re.compile(r"(?<=\Ausd_per_gpu_)h\Z"), "hour"),
    (re.compile(r"\Aelectricity_(?=[a-z]{3}_per_[kmg]?wh\Z)"), ""),
    (re.compile(r"\Ausd_m_per_"), "musd_per_"),
    (re.compile(r"\A(?:datacenter_)?pue(?:_ratio)?\Z"), "pue"),
    (re.compile(r"\A(?:step_time_s|s_per_step)\Z"), "step_s"),
    (re.compile(r"\A(?:seq|sequence|context)_(?:len|length|window)\Z|\A(?:ctx|context)\Z"), "context_tokens"),
    (re.compile(r"\A(prompt|input|output)_len(?:gth)?\Z"), r"\1_tokens"),
    (re.compile(r"\A(?:generated|completion)_tokens(?=_|\Z)"), "output_tokens"),
    (re.compile(r"\A(?:max_batch|concurrency)\Z"), "batch"),
    (re.compile(r"\Adaily_(visits|users|requests)\Z"), r"\1_per_day"),
    (re.compile(r"\A(?:throughput_)(?=tokens_)"), ""),
    (re.compile(r"\A(?:mem_bw|bandwidth)_"), "memory_bandwidth_"),
    (
        re.compile(r"\Amemory_bandwidth_(g|gi|t|ti)b\Z|\Amemory_(g|gi|t|ti)b\Z"),
        lambda m: f"memory_{m[1] or m[2]}b_per_gpu",
    ),
    # Of a rate the word per: gb_s, tok_s.
    (re.compile(r"((?:\A|_)(?:[gt]b|tokens|samples|requests))_s(?=_|\Z)"), r"\1_per_s"),
    (re.compile(r"\A(input|output)_usd_per_mtok\Z"), r"usd_per_mtok_\1"),
    (re.compile(r"\Ausd_per_(?:m|million)_(cached_input|input|output)_tokens\Z"), r"usd_per_mtok_\1"),
    (re.compile(r"_per_prompt\Z"), ""),
    (re.compile(r"\Ain_tokens(?=_|\Z)"), "input_tokens"),
    (re.compile(r"\Aout_tokens(?=_|\Z)"), "output_tokens"),
    # The unit before its thing: wh_host, kg_server.
    (re.compile(r"\A(k?wh|k?g(?:co2e)?|k?w)_([a-z]+)\Z"), r"\2_\1"),
)

#: What may follow a number of hours or of things a day: `gpu_hours_k`.
_MULTIPLES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9}
#: Less than a percent of these is a share of 1 that was taken for percent: a hundred times the hours and the money.
_MOSTLY_ABOVE_1_PERCENT = ("utilization_share", "hfu_share")
_MULTIPLIED = re.compile(r"(gpu|device)_hours\Z|(visits|users|requests)_per_day\Z")
#: In mixed case a small m is a thousandth, which no key is in: 5 mW is not 5 MW.
_MILLI = re.compile(r"(?:^|[_\W])m(?:W|Wh|J)(?:[_\W]|$)")
_TIMES = ("minutes", "hours", "days", "weeks", "months", "years")
_PER_CHIP = re.compile(r"_per_(?:chip|device|accelerator|card|tpu)(?=_|\Z)")
#: A price of electricity in a currency, where the currency is a field of its own.
_PRICE = re.compile(r"(from_)?(?:price_)?(usd|cny|eur|gbp|jpy|inr|sek|nok)_per_(wh|kwh|mwh|gwh)\Z")
OTHER_MONEY = re.compile(r"(?:^|_)(eur|cny|rmb|gbp|jpy|inr|sek|nok|chf|aud|cad|krw)(?:_|\Z)")

#: Common name of a text key -> canonical key.
TEXT_NAMES: Mapping[str, str] = {
    "gpu": "accelerator",
    "hardware": "accelerator",
    "chip": "accelerator",
    "gpu_type": "accelerator",
    "gpu_model": "accelerator",
    "model_name": "model",
    "location": "region",
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
_TEXTS = {*TEXT_NAMES, *TEXT_NAMES.values()}
_PROVIDERS = {
    "alibaba cloud": "alibaba",
    **dict.fromkeys(("amazon", "amazon web services"), "aws"),
    **dict.fromkeys(("microsoft", "microsoft azure"), "azure"),
    "datacrunch": "verda",
    **dict.fromkeys(("google", "google cloud", "google cloud platform"), "gcp"),
    **dict.fromkeys(("lambda labs", "lambda cloud"), "lambda"),
    **dict.fromkeys(("oracle", "oracle cloud"), "oci"),
    "ovhcloud": "ovh",
}
#: Text key -> common name of a value (in lower case) -> value.
VALUES: Mapping[str, Mapping[str, str]] = {
    "number_format": {
        **dict.fromkeys(("fp16", "float16", "bfloat16", "half"), "bf16"),
        **dict.fromkeys(("float8", "e4m3", "fp8_e4m3"), "fp8"),
        **dict.fromkeys(("mxfp4", "nvfp4"), "fp4"),
    },
    "purchase": {**dict.fromkeys(("on-demand", "on demand", "ondemand"), "on_demand"), "preemptible": "spot"},
    **dict.fromkeys(("provider", "from_provider", "to_provider", "against_provider"), _PROVIDERS),
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
        if key.endswith("_count"):
            stem = key.removesuffix("_count")
            for name in {stem, stem if stem.endswith("s") else f"{stem}s"} - _TEXTS:
                found.setdefault(name, {}).setdefault(key, 1)
    for name, keys in NAMES_WITH_UNIT.items():
        if key := next((k for k in keys if k in allowed), None):
            twice = {n: f * g for other, f in _variants(name).items() for n, g in _variants(other).items()}
            for other, factor in ({name: 1.0} | twice | _variants(name)).items():
                found[other] = {key: factor}
    # A duration may be written as its unit alone (`days`), if the section has one duration.
    for name, of in list(found.items()):
        if (word := name.removeprefix("duration_")) in _TIMES and next(iter(of)).startswith("duration_"):
            found.setdefault(word, {}).update(of)
    for name, (keys, factor) in NAMES.items():
        if key := next((k for k in keys if k in allowed), None):
            found[name] = {key: factor}
    for name, of in [*found.items(), *((key, {key: 1.0}) for key in allowed)]:
        if len(of) == 1 and _MULTIPLIED.search(next(iter(of))) and name.endswith(("hours", "per_day")):
            key, factor = next(iter(of.items()))
            for word, size in _MULTIPLES.items():
                found.setdefault(f"{name}_{word}", {}).setdefault(key, factor * size)
    return {n: next(iter(of.items())) for n, of in found.items() if len(of) == 1 and n not in allowed}


def scaled(value: object, factor: float) -> object:
    """A number, or every side of a band, times a factor; anything else as it is."""
    if isinstance(value, dict):
        return {side: scaled(v, factor) for side, v in value.items()}
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
    found: dict[str, object] = {}
    written: dict[str, str] = {}
    for name, value in values.items():
        key, factor, currency = _meant(name, known, named)
        if currency:
            if (other := str(values.get("currency", found.get("currency", currency)))) != currency:
                problems.append(f"{name}: a price in {currency}, but currency is {other!r}; give all prices in one")
            found["currency"] = currency
        if key in found and not (key == "currency" and found[key] == value):
            both = f"{written.get(key, key)} and {name}"
            problems.append(f"{both}: both state {key}; leave one out")
            continue
        if key in _MOSTLY_ABOVE_1_PERCENT and factor == 0.01 and isinstance(value, int | float) and 0 < value < 1:
            problems.append(f"{name}: {value:g} given; allowed is a number from 1 to 100; a share of 1 is {key}")
        value = scaled(value, factor) if key in known else value
        if key == "currency" and isinstance(value, str):
            value = value.strip().upper()
        if key in VALUES and isinstance(value, str):
            plain = value.strip().lower()
            # An empty one is shown as it was written.
            value = VALUES[key].get(plain, plain) or value
        found[key] = value
        if key != name:
            written[key] = name
    return found, written


def _meant(name: str, known: Sequence[str], named: set[str]) -> tuple[str, float, str | None]:
    """The canonical key of what a file wrote, the factor to its unit, and the currency where the name says one."""
    others = other_keys(tuple(known))
    plain = name if _MILLI.search(name) else re.sub(r"[\s-]+", "_", name.strip()).lower()
    per_gpu = _PER_CHIP.sub("_per_gpu", plain)
    for spelled in (name, plain, per_gpu, _in_our_words(per_gpu)):
        if spelled in known or spelled in named:
            return spelled, 1.0, None
        if spelled in others:
            return *others[spelled], None
        if TEXT_NAMES.get(spelled) in named:
            return TEXT_NAMES[spelled], 1.0, None
        if "currency" in named and (price := _PRICE.match(spelled)):
            key = f"{price[1] or ''}price_per_kwh"
            return key, other_keys((key,)).get(f"{price[1] or ''}price_per_{price[3]}", (key, 1.0))[1], price[2].upper()
    return name, 1.0, None


def _in_our_words(key: str) -> str:
    """A key with common words replaced by those of canonical keys, its unit last."""
    words = [_WORDS.get(word, word) for word in key.split("_")]
    plain = "_".join(word for word in words if word)
    for pattern, replacement in _SHORT:
        plain = pattern.sub(replacement, plain)
    return plain


def unknown_key(name: str, allowed: Sequence[str], section: str = "") -> str:
    """One line for a key that no section knows: what it may mean, or what is allowed."""
    plain = _PER_CHIP.sub("_per_gpu", name.lower())
    of = f" of [{section}]" if section else ""
    if plain in ("watts", "power") and {"power_w", "power_w_per_gpu"} <= set(allowed):
        return f"{name}: unknown field{of}; power_w_per_gpu is that of one accelerator, power_w that of all servers"
    if (unit := re.fullmatch(r"([gtp]flops)(?:_per_gpu)?", plain)) and "achieved_flop_per_s_per_gpu" in allowed:
        return f"{name}: unknown field{of}; achieved_{unit[1]}_per_gpu is what was measured, peak_{unit[1]}_per_gpu what the data sheet says"
    if money := OTHER_MONEY.search(plain):
        return f"{name}: unknown field{of}; money is in USD here: convert {money[1].upper()} at the rate of its day (observed.usd_rate) and write usd in the key"
    near = difflib.get_close_matches(plain, allowed, n=3, cutoff=0.6)
    return f"{name}: unknown field{of}; " + (
        f"did you mean {' or '.join(near)}?" if near else f"allowed are {', '.join(allowed)}"
    )


def as_written(problems: Iterable[str], written: Mapping[str, str]) -> list[str]:
    """Problems with the key that the file wrote before the canonical one."""
    found = []
    for problem in problems:
        key = problem.split(":", 1)[0].split(".", 1)[0]
        found.append(f"{written[key]} (read as {key}){problem.removeprefix(key)}" if key in written else problem)
    return found
