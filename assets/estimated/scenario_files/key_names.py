"""Aliases of scenario keys: the same quantity in another unit, or a common name for it.

`power_kw_per_gpu` is `power_w_per_gpu` in kW, `parameters_b` is `parameters_count` in billions, `gpus` is
`accelerator_count`. The unit always stands in the key, so nothing is guessed from the size of a number. Within a scenario
a key is known by its canonical name only; what a file wrote is brought to it here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from assets.estimated.scenario_files.spellings import in_our_words, per_gpu, words_of

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
    "bits_per_parameter": (("bytes_per_parameter",), 1 / 8),
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
    "ef_days": (("training_flop",), 86_400e18),
    "usd_per_pf_day": (("usd_per_flop",), 1 / 86_400e15),
    "days": (("duration_days",), 1),
    "seconds": (("duration_days",), 1 / _DAY),
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
    "tir": (("time_reserved_h",), 1),
    "el": (("life_h",), 1),
    "rr": (("resources_reserved_count",), 1),
    "tor": (("resources_count",), 1),
    "cores": (("component_count",), 1),
    "r": (("functional_unit_count",), 1),
    "count": (("device_count",), 1),
    "ppi": (("price_index",), 1),
    "ppi_base": (("price_index_base",), 1),
    "width": (("attention_width_count",), 1),
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
    **dict.fromkeys(("server_hours", "instance_hours"), (("node_hours",), 1)),
}  # fmt: skip

#: Names that have a unit, which may be another one, too -> canonical keys as above.
NAMES_WITH_UNIT: Mapping[str, tuple[str, ...]] = {
    "gco2e_per_kwh": ("grid_gco2e_per_kwh",),
    "carbon_intensity_gco2e_per_kwh": ("grid_gco2e_per_kwh",),
    "usd_per_kwh": ("price_usd_per_kwh",),
    "from_gco2e_per_kwh": ("from_grid_gco2e_per_kwh",),
    **dict.fromkeys(("it_kwh", "gpu_kwh", "gpu_energy_kwh"), ("it_energy_kwh",)),
    "wh": ("energy_wh",),
    **dict.fromkeys(("gpu_wh", "tpu_wh"), ("accelerator_wh",)),
    "narrow_wh": ("narrow_energy_wh",),
    "l_per_kwh": ("water_l_per_kwh",),
    "ewif_l_per_kwh": ("grid_water_l_per_kwh",),
    "gb": ("capacity_gb",),
    # The letters of ISO/IEC 21031.
    "e_kwh": ("energy_kwh",),
    "i_gco2e_per_kwh": ("grid_gco2e_per_kwh",),
    "m_gco2e": ("embodied_gco2e",),
    **dict.fromkeys(("chip_tdp_w", "gpu_tdp_w", "tdp_w_per_gpu"), ("tdp_w",)),
    **dict.fromkeys(("w_per_gpu", "gpu_w", "gpu_power_w"), ("power_w_per_gpu",)),
    **dict.fromkeys(("w_per_node", "w_per_server", "node_power_w", "server_power_w"), ("power_w_per_node",)),
    **dict.fromkeys(("kgco2e_per_gpu", "gpu_kgco2e", "chip_kgco2e"), ("device_kgco2e",)),
    **dict.fromkeys(("kgco2e_per_server", "kgco2e_per_host", "server_kgco2e"), ("host_kgco2e",)),
    **dict.fromkeys(
        ("acquisition_price_usd", "purchase_price_usd", "chip_price_usd", "price_usd_per_gpu"), ("price_usd",)
    ),
    "value_at_start_usd_per_gpu": ("value_at_start_usd",),
    **dict.fromkeys(("days_since_acquisition", "days_acquisition_to_start"), ("days_since_purchase",)),
    "te_kgco2e": ("total_embodied_kgco2e",),
    "tir_h": ("time_reserved_h",),
    "el_h": ("life_h",),
}

#: What may follow a number of hours or of things a day: `gpu_hours_k`.
_MULTIPLES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9}
#: What happens so often a day, for the same a week, a month or a year. Users are not among these: those of a month are no 30 times those of a day.
_OF_A_DAY = {"per_s": 86_400, "per_hour": 24, "per_week": 1 / 7, "per_month": 12 / 365, "per_year": 1 / 365}
_DAILY = re.compile(r"(?:visits|requests)_per_day\Z")
#: Less than a percent of these is a share of 1 that was taken for percent: a hundred times the hours and the money.
_MOSTLY_ABOVE_1_PERCENT = ("utilization_share", "hfu_share")
_MULTIPLIED = re.compile(r"(gpu|device|node)_hours\Z|(visits|users|requests)_per_day\Z|tokens_per_s(_per_\w+)?\Z")
_MULTIPLIED_NAME = re.compile(r"hours\Z|per_(?:day|hour|week|month|year|s|gpu|node)\Z")
#: Units that are others in small letters: 5 mW is not 5 MW, 400 Gb (bits) not 400 GB, a Mg (a tonne) no mg. No key is in these.
_TOLD_BY_CASE = re.compile(r"(?:^|[_\W])(?:m(?:W|Wh|J)|[kKMGT]i?b|Mg(?:CO2)?(?:eq?)?)(?:[_\W]|$)")
_TIMES = ("minutes", "hours", "days", "weeks", "months", "years")
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


def _multiples(found: Mapping[str, Mapping[str, float]], allowed: Sequence[str]) -> Iterator[tuple[str, str, float]]:
    """Names of what happens so often a week or a year, and of thousands or millions of hours, visits and tokens per second."""
    ways = [*found.items(), *((key, {key: 1.0}) for key in allowed)]
    ways += [
        (key.replace("per_day", period), {key: size})
        for key in filter(_DAILY.search, allowed)
        for period, size in _OF_A_DAY.items()
    ]
    for name, of in ways:
        if len(of) == 1 and _MULTIPLIED.search(key := next(iter(of))) and _MULTIPLIED_NAME.search(name):
            yield name, key, of[key]
            for word, size in _MULTIPLES.items():
                yield f"{name}_{word}", key, of[key] * size
                yield f"{word}_{name}", key, of[key] * size


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
    for name, key, factor in list(_multiples(found, allowed)):
        found.setdefault(name, {}).setdefault(key, factor)
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
    plain = name if _TOLD_BY_CASE.search(name) else _plain(name)
    chips = per_gpu(plain)
    for spelled in (name, plain, chips, in_our_words(chips)):
        if spelled in known or spelled in named:
            return spelled, 1.0, None
        if spelled in others:
            return *others[spelled], None
        if TEXT_NAMES.get(spelled) in named:
            return TEXT_NAMES[spelled], 1.0, None
        if "currency" in named and (price := _PRICE.match(spelled)):
            key = f"{price[1] or ''}price_per_kwh"
            return key, other_keys((key,)).get(f"{price[1] or ''}price_per_{price[3]}", (key, 1.0))[1], price[2].upper()
    if key := _in_any_order(tuple(known)).get(words_of(in_our_words(chips))):
        return *key, None
    return name, 1.0, None


def _plain(name: str) -> str:
    """A key in small letters, with one mark between words; what is a quotient in it is one: `gCO2e/kWh`, `petaflop/s-days`."""
    return re.sub(r"[\s_-]+", "_", name.strip().replace("/", "_per_")).lower()


@cache
def _in_any_order(allowed: tuple[str, ...]) -> Mapping[tuple[str, ...], tuple[str, float]]:
    """The words of every way to write a key, in any order -> canonical key and factor; none that two keys are written with."""
    found: dict[tuple[str, ...], set[tuple[str, float]]] = {}
    for name, meant in [*other_keys(allowed).items(), *((key, (key, 1.0)) for key in allowed)]:
        found.setdefault(words_of(name), set()).add(meant)
    return {words: next(iter(meant)) for words, meant in found.items() if len(meant) == 1}


def unknown_key(name: str, allowed: Sequence[str], section: str = "") -> str:
    """One line for a key that no section knows: what it may mean, or what is allowed."""
    plain = per_gpu(_plain(name))
    of = f" of [{section}]" if section else ""
    if unit := _TOLD_BY_CASE.search(name):
        return f"{name}: unknown field{of}; {unit[0].strip('_/ -')} is not what it is in small letters (m is milli, b bit, Mg tonne): use another unit"
    if plain in ("watts", "power") and {"power_w", "power_w_per_gpu"} <= set(allowed):
        return f"{name}: unknown field{of}; power_w_per_gpu is that of one accelerator, power_w that of all servers"
    if (unit := re.fullmatch(r"([gtp]flops)(?:_per_gpu)?", plain)) and "achieved_flop_per_s_per_gpu" in allowed:
        return f"{name}: unknown field{of}; achieved_{unit[1]}_per_gpu is what was measured, peak_{unit[1]}_per_gpu what the data sheet says"
    if money := OTHER_MONEY.search(plain):
        return f"{name}: unknown field{of}; money is in USD here: convert {money[1].upper()} at the rate of its day (observed.usd_rate) and write usd in the key"
    if plain in ("d_model", "n_embd", "hidden_size", "hidden_width") and "attention_width_count" in allowed:
        return f"{name}: unknown field{of}; attention_width_count is heads x head dimension, in most models the same"
    near = difflib.get_close_matches(plain, allowed, n=3, cutoff=0.6) or _near_another_name(plain, tuple(allowed))
    return f"{name}: unknown field{of}; " + (
        f"did you mean {' or '.join(near)}?" if near else f"allowed are {', '.join(allowed)}"
    )


def _near_another_name(plain: str, allowed: tuple[str, ...]) -> list[str]:
    """The keys that other names near to this one stand for, else those that have a word of it in common with no other key having more."""
    others, ours = other_keys(allowed), in_our_words(plain)
    near = difflib.get_close_matches(ours, others, n=3, cutoff=0.75)
    if near:
        return list(dict.fromkeys(others[name][0] for name in near))
    wanted = {word for word in ours.split("_") if len(word) > 2 and word not in ("per", "total", "count")}
    common = {key: len(wanted & set(key.split("_"))) for key in allowed}
    most = max(common.values(), default=0)
    return [key for key, count in common.items() if count == most][:3] if most else []


def as_written(problems: Iterable[str], written: Mapping[str, str]) -> list[str]:
    """Problems with the key that the file wrote before the canonical one."""
    found = []
    for problem in problems:
        key = problem.split(":", 1)[0].split(".", 1)[0]
        found.append(f"{written[key]} (read as {key}){problem.removeprefix(key)}" if key in written else problem)
    return found
