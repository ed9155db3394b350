"""Longer and reordered spellings of a key, brought to the words and the order that canonical keys and their aliases use.

Only words are changed, by what they are always a word for: `tonnes` is `t`, `a100_hours` are `gpu_hours`, `carbon_intensity_kg_per_kwh`
is `kg_per_kwh`. Whether a section has such a key, and in which unit, is decided in `key_names`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

#: Common word in a key -> the word that canonical keys use; words for a mean are dropped.
_WORDS: Mapping[str, str] = {
    "tok": "tokens",
    "params": "parameters",
    "param": "parameter",
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
    "ktok": "k_tokens",
    "mtokens": "mtok",
    "iteration": "step",
    "iterations": "steps",
    "tpus": "gpus",
    **dict.fromkeys(("remat", "rematerialised", "rematerialized"), "recomputed"),
    **dict.fromkeys(("lifespan", "lifetime"), "life"),
    **dict.fromkeys(("sec", "second", "seconds"), "s"),
    **dict.fromkeys(("milliseconds", "millisecond"), "ms"),
    "hr": "hour",
    "hrs": "hours",
    **dict.fromkeys(("litre", "litres", "liter", "liters"), "l"),
    **dict.fromkeys(("gallon", "gallons"), "gal"),
    **dict.fromkeys(("gram", "grams"), "g"),
    **dict.fromkeys(("kilogram", "kilograms"), "kg"),
    **dict.fromkeys(("tonne", "tonnes"), "t"),
    **dict.fromkeys(("lbs", "pounds"), "lb"),
    **dict.fromkeys(("watt", "watts"), "w"),
    **dict.fromkeys(("kilowatt", "kilowatts"), "kw"),
    **dict.fromkeys(("joule", "joules"), "j"),
    **dict.fromkeys(("dollar", "dollars"), "usd"),
    "millions": "million",
    "billions": "billion",
    "trillions": "trillion",
} | dict.fromkeys(("avg", "average", "mean", "median"), "")

_MASS = "mg|kg|lb|g|t"
_MONEY = "usd|eur|cny|rmb|gbp|jpy|inr|sek|nok|chf|aud|cad|krw"
#: One accelerator by its name: a100, mi300x, tpu_v4. Not of several of them: gb200 is two GPUs beside a CPU, nvl72 a rack, nd96 an instance.
_PRODUCT = r"(?:tpu(?:_?v\d+[a-z]?)?|npu|ipu|(?:[abhklpv]|gh|mi|rtx)\d{2,4}[a-z]{0,3}|[lt]4)"
_ANY_GPU = r"[a-z]{1,4}\d{2,4}[a-z]{0,3}_gpu"
_TIME = "s|minutes|hours|h|days|weeks|months|years"
_SI = "[kmgtpezy]|mega|giga|tera|peta|exa|zetta|yotta"
_PER_CHIP = re.compile(
    rf"_per_(?:{_PRODUCT}(?:_(?:chip|device|accelerator|card|gpu))?|{_ANY_GPU}|chip|device|accelerator|card)(?=_|\Z)"
)
#: Two words for one unit, before words are read one by one.
_UNITS = (
    (re.compile(r"(kilo|mega|giga|)watt_hours?"), lambda m: f"{m[1][:1]}wh"),
    (re.compile(rf"(?<![a-z0-9])({_MASS}|lbs|tonnes)_?co2_?(?:eq|e)?(?![a-z0-9])"), r"\1co2e"),
    (re.compile(r"(?<=_)lbsco2e|\Albsco2e"), "lbco2e"),
    (re.compile(r"(?<=_)tonnesco2e|\Atonnesco2e"), "tco2e"),
)
#: Patterns that shorten or reorder longer spellings of a key, applied one after the other.
_SHORT: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\A(?:n|num|nr|number_of)_"), ""),
    (re.compile(r"(?<![a-z])(parameter|token)_count\Z"), r"\1s_count"),
    (re.compile(r"\Amodel_(?=active_|total_|parameters)"), ""),
    (re.compile(r"\Atotal_(?=parameters|gpus|gpu_hours|training_tokens|chips|accelerators|nodes|steps|power_[km]?w\Z)"), ""),
    (re.compile(r"\A(?:training|train|dataset)_(?=tokens|steps|days|weeks|months)"), ""),
    # How long a run takes; not how long chips work in it.
    (re.compile(rf"\A(?:(?:training|train|total|elapsed|running)_)?(?:wall_clock_time|wall_clock|wall_time|wall|time|duration|runtime)_({_TIME})\Z"), r"duration_\1"),
    (re.compile(r"\A(?:training|train)_(hours|minutes)\Z"), r"duration_\1"),
    (re.compile(rf"\A(?:{_PRODUCT}_(?:(?:gpu|chip|device|accelerator|card)_)?|{_ANY_GPU}_|gpu_chip_)(hours|days|years)(?=_|\Z)"), r"gpu_\1"),
    # PFLOP/s-days, by any of their names.
    (re.compile(r"\A(?:(?:total|training|train|compute)_)*(?:p|peta)f(?:lops?)?(?:_per)?(?:_?s)?_?days?\Z"), "pf_days"),
    (re.compile(r"\A(?:(?:total|training|train|compute)_)*(?:e|exa)f(?:lops?)?(?:_per)?(?:_?s)?_?days?\Z"), "ef_days"),
    (re.compile(r"\A(?:(?:total|training|train|compute)_)*flops?\Z"), "training_flop"),
    # Of one thing: so many TFLOPS are a rate.
    (re.compile(rf"\A(?:(?:total|training|train|compute)_)*((?:{_SI})flop)\Z"), r"training_\1"),
    (re.compile(r"\A(peak|achieved|hardware)_flops(?:_per_gpu)?\Z"), r"\1_flop_per_s_per_gpu"),
    (re.compile(r"\Apower_per_(gpu|node)_(k?w)\Z"), r"power_\2_per_\1"),
    (re.compile(r"\Apower_(?:draw|consumption)_(?=[km]?w)"), "power_"),
    (re.compile(r"\A(?:total|facility)_energy_"), "energy_"),
    (re.compile(r"\A(?:(?:total|electricity|energy|power)_)*(?:consumption|usage|used)_(?=[kmg]?wh\Z)|\Aelectricity_(?=[kmg]?wh\Z)"), "energy_"),
    # What a unit says by itself: mass per energy is a carbon intensity, money per energy a price of electricity.
    (
        re.compile(
            r"\A(?:(?:grid|carbon|co2e?|emissions?|intensity|factor|electricity|mix|power|energy|ci|ef|location|based)_)+"
            rf"(?=(?:{_MASS})(?:co2e?)?_per_[kmg]?wh\Z)"
        ),
        "",
    ),
    (re.compile(rf"\A(?:(?:electricity|energy|power|price|cost|tariff|rate)_)+(?=(?:{_MONEY})_per_[kmg]?wh\Z)"), ""),
    (re.compile(rf"\A(?:(?:price|rate|cost|rental|hourly|list)_)+(?=(?:{_MONEY})_per_(?:gpu|node|h(?:our)?)_)"), ""),
    (re.compile(rf"\A(?:price|cost|rate)_per_gpu_h(?:our)?_({_MONEY})\Z|\Agpu_h(?:our)?_(?:price|cost|rate)_({_MONEY})\Z"), lambda m: f"{m[1] or m[2]}_per_gpu_hour"),
    (re.compile(rf"\A({_MONEY})_per_(?:(gpu|node|server|instance)_(?:per_)?h(?:ours?)?|h(?:our)?_per_(gpu|node))\Z"), lambda m: f"{m[1]}_per_{m[2] or m[3]}_hour"),
    (re.compile(r"(?<=_per_)(?:server|instance)(?=_hour\Z)"), "node"),
    (re.compile(r"\Ausd_m_per_"), "musd_per_"),
    (re.compile(r"\A(?:datacenter_)?pue(?:_ratio)?\Z"), "pue"),
    (re.compile(r"\A(?:step_time_s|s_per_step)\Z"), "step_s"),
    (re.compile(r"\A(?:seq|sequence|context)_(?:len|length|window)\Z|\A(?:ctx|context)\Z"), "context_tokens"),
    (re.compile(r"\A(prompt|input|output)_len(?:gth)?\Z"), r"\1_tokens"),
    (re.compile(r"\A(?:generated|completion)_tokens(?=_|\Z)"), "output_tokens"),
    (re.compile(r"\A(?:max_batch|concurrency|global_batch(?:_size)?)\Z"), "batch"),
    (re.compile(r"\Adaily_(visits|users|requests)\Z"), r"\1_per_day"),
    (re.compile(r"\A(?:output_)?throughput_(?=tokens_)"), ""),
    (re.compile(r"\A(?:mem_bw|bandwidth)_"), "memory_bandwidth_"),
    (re.compile(r"\Amemory_bandwidth_(g|gi|t|ti)b\Z|\Amemory_(g|gi|t|ti)b\Z"), lambda m: f"memory_{m[1] or m[2]}b_per_gpu"),
    # Of a rate the word per: gb_s, tok_s.
    (re.compile(r"((?:\A|_)(?:[gt]b|tokens|samples|requests))_s(?=_|\Z)"), r"\1_per_s"),
    (re.compile(r"\A(?:cache_hit|cached|hit)_(?:input_)?(?=tokens(?:_|\Z))"), "cached_input_"),
    (re.compile(r"_per_(?:1?m|million)_(?:(cached_input|input|output)_)?tokens\Z"), lambda m: f"_per_mtok{(m[1] and f'_{m[1]}') or ''}"),
    (re.compile(r"\A(?:(cached_input|input|output)_)?(?:(?:tokens_)?(?:price|cost)_)?usd_per_mtok\Z"), lambda m: f"usd_per_mtok{(m[1] and f'_{m[1]}') or ''}"),
    (re.compile(r"\Ausd_per_mtok_(?:cache_hit|cached)\Z"), "usd_per_mtok_cached_input"),
    (re.compile(r"\Ausd_per_mtok_cache_miss\Z"), "usd_per_mtok_input"),
    # What a prompt takes; tokens of a prompt are those that are read.
    (re.compile(r"((?:\A|_)(?:k?wh|k?j|m?l|k?g(?:co2e?)?))_per_prompt\Z"), r"\1"),
    (re.compile(r"\A(?:in_tokens|tokens_in)(?=_|\Z)"), "input_tokens"),
    (re.compile(r"\A(?:out_tokens|tokens_out)(?=_|\Z)"), "output_tokens"),
    # The unit before its thing: wh_host, kg_server.
    (re.compile(r"\A(k?wh|k?g(?:co2e)?|k?w)_([a-z]+)\Z"), r"\2_\1"),
)  # fmt: skip


def per_gpu(key: str) -> str:
    """A key with whatever its hardware is called as `_per_gpu`: chips, devices, cards, `_per_h100`."""
    return _PER_CHIP.sub("_per_gpu", key)


def in_our_words(key: str) -> str:
    """A key with common words replaced by those of canonical keys, its unit last."""
    for pattern, unit in _UNITS:
        key = pattern.sub(unit, key)
    words = [_WORDS.get(word, word) for word in key.split("_")]
    plain = "_".join(word for word in words if word)
    for pattern, replacement in _SHORT:
        plain = pattern.sub(replacement, plain)
    return plain


def words_of(key: str) -> tuple[str, ...]:
    """The words of a key in any order; what follows `per` stays with it, so that tokens per second are not seconds per token."""
    return tuple(sorted(re.findall(r"per_[a-z0-9]+|[a-z0-9]+", key)))
