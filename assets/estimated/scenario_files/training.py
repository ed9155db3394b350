"""The `[training]` section: what a user states of a training, read from TOML and checked field by field.

Nothing is looked up here; names of models, accelerators and regions are checked against the warehouse by the estimate.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from assets.estimated.scenario_files.fields import (
    Band,
    Bounds,
    ScenarioError,
    closest,
    read_as_of,
    read_number,
    read_text,
    read_toml,
    shown,
)
from assets.estimated.scenario_files.key_names import as_written, canonical, unknown_key

#: Numbers of a scenario. The bounds are physical or catch a slip of unit; they are wide on purpose.
NUMBERS: dict[str, Bounds] = {
    "parameters_count": Bounds("parameters", 1e3, 1e16, "175e9, not 175"),
    "active_parameters_count": Bounds("parameters", 1e3, 1e16, "37e9, not 37"),
    "tokens_count": Bounds("tokens", 1e3, 1e18, "300e9, not 300"),
    "training_flop": Bounds("FLOP", 1e9, 1e32, "3.14e23; for PF-days multiply by 8.64e19"),
    "flop_per_parameter_token": Bounds("FLOP per parameter and token", 0.1, 100),
    "attention_flop_per_token": Bounds("FLOP per token", 1, 1e16),
    "accelerator_count": Bounds("accelerators", 1, 1e9),
    "duration_days": Bounds("days", 1e-6, 36_500),
    "gpu_hours": Bounds("GPU-hours", 1e-6, 1e14),
    "achieved_flop_per_s_per_gpu": Bounds("FLOP/s", 1e8, 1e18, "24.6e12, not 24.6 (TFLOP/s)"),
    "peak_flop_per_s_per_gpu": Bounds("FLOP/s", 1e8, 1e18, "312e12, not 312 (TFLOP/s)"),
    "utilization_share": Bounds("1", 1e-6, 1, "a share of 1, not percent"),
    "power_w_per_gpu": Bounds("W", 5, 1e6, "400 W, not 0.4 kW"),
    "tdp_w": Bounds("W of one accelerator", 5, 1e6, "400 W, not 0.4 kW; what is drawn is a share of it"),
    "power_share_of_tdp": Bounds("mean power, with a share of the server, over tdp_w", 0.01, 5),
    "pue": Bounds("1", 1, 5, "total over IT energy is never below 1"),
    "energy_kwh": Bounds("kWh at the meter", 1e-9, 1e15, "with PUE"),
    "it_energy_kwh": Bounds("kWh at the servers", 1e-9, 1e15, "without PUE"),
    "grid_gco2e_per_kwh": Bounds("gCO2e/kWh", 1, 2_500, "385 g, not 0.385 kg"),
    "usd_per_gpu_hour": Bounds("USD/GPU-hour", 1e-4, 1_000),
}
#: Keys that other numbers are computed from: steps and tokens for the duration of a run, what is of a node for what is of an accelerator.
SHORTHAND: dict[str, Bounds] = {
    "step_count": Bounds("steps", 1, 1e12),
    "step_s": Bounds("s per step", 1e-6, 1e6, "3.7 s, not 3700 ms"),
    "tokens_per_step": Bounds("tokens per step", 1, 1e15),
    "tokens_per_s_per_gpu": Bounds("tokens per second and accelerator", 1e-6, 1e12),
    "tokens_per_s": Bounds("tokens per second of all accelerators", 1e-6, 1e15),
    "node_count": Bounds("nodes", 1, 1e8),
    "accelerators_per_node_count": Bounds("accelerators", 1, 1e4),
    "node_hours": Bounds("node-hours", 1e-6, 1e14),
    "usd_per_node_hour": Bounds("USD/node-hour", 1e-4, 1e6),
    "power_w_per_node": Bounds("W of a node with all of its accelerators", 5, 1e7, "10200 W, not 10.2 kW"),
    "layer_count": Bounds("layers", 1, 1e5),
    "attention_width_count": Bounds("heads x head dimension", 1, 1e7),
    "attention_head_count": Bounds("heads", 1, 1e5),
    "head_dimension_count": Bounds("1", 1, 1e5),
    "context_tokens_count": Bounds("tokens", 1, 1e9),
    "local_layer_count": Bounds("layers", 0, 1e5),
    "attention_window_tokens_count": Bounds("tokens", 1, 1e9),
    "encoder_layer_count": Bounds("layers", 1, 1e5),
    "decoder_layer_count": Bounds("layers", 1, 1e5),
    "source_tokens_count": Bounds("tokens of one example that the encoder reads", 1, 1e9),
    "target_tokens_count": Bounds("tokens of one example that the decoder writes", 1, 1e9),
    "hfu_share": Bounds("1", 1e-6, 1, "a share of 1, not percent"),
    "hardware_flop_per_s_per_gpu": Bounds("FLOP/s with recomputation", 1e8, 1e18, "147e12, not 147 (TFLOP/s)"),
    "recomputation_ratio": Bounds(
        "FLOP done per FLOP of the model", 1, 2, "4/3 where the whole forward pass is done again"
    ),
    "recomputed_share": Bounds("1", 0, 1, "share of the forward pass that is done again"),
    "power_w": Bounds("W of all servers, without PUE", 1, 1e12),
}
#: Keys that the attention term is computed from; the second group where some layers attend to a window only.
_ATTENTION = ("layer_count", "attention_width_count", "context_tokens_count")
_WINDOW = ("local_layer_count", "attention_window_tokens_count")
#: The same of an encoder-decoder.
_HALVES = (
    "encoder_layer_count",
    "decoder_layer_count",
    "attention_width_count",
    "source_tokens_count",
    "target_tokens_count",
)
#: Shorthand keys that need no partner: how much more the hardware computes than the model needs.
_ALONE = ("recomputation_ratio", "recomputed_share")
TEXTS = ("model", "accelerator", "provider", "region", "purchase")
INSTANTS = ("as_of", "start_at")
KEYS = (*TEXTS, *NUMBERS, *INSTANTS, "include_attention", *SHORTHAND)
TOP_LEVEL = ("title", "note", "source_url", "training")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a file states of one training; everything else is looked up or stays unknown."""

    scenario_id: str
    numbers: Mapping[str, Band] = field(default_factory=dict)
    model: str | None = None
    accelerator: str | None = None
    provider: str | None = None
    region: str | None = None
    purchase: str | None = None
    as_of: dt.datetime | None = None
    start_at: dt.datetime | None = None
    include_attention: bool = False
    #: FLOP that the hardware does per FLOP of the model; None if the file says nothing of recomputation.
    recomputation_ratio: Band | None = None
    title: str | None = None
    note: str | None = None
    source_url: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What was stated, for the JSON output."""
        texts = {key: getattr(self, key) for key in ("title", *TEXTS) if getattr(self, key) is not None}
        numbers = {
            key: band.central
            if band.low == band.high
            else {"low": band.low, "central": band.central, "high": band.high}
            for key, band in self.numbers.items()
        }
        instants = {key: instant.isoformat() for key in INSTANTS if (instant := getattr(self, key))}
        attention = {"include_attention": True} if self.include_attention else {}
        if self.recomputation_ratio:
            numbers["recomputation_ratio"] = self.recomputation_ratio.central
        return {"scenario_id": self.scenario_id} | texts | numbers | instants | attention


def _times(*bands: Band, scale: float = 1) -> Band:
    return Band(*(scale * math.prod(getattr(b, side) for b in bands) for side in ("low", "central", "high")))


def _over(one: Band, other: Band, scale: float = 1) -> Band:
    return Band(scale * one.low / other.high, scale * one.central / other.central, scale * one.high / other.low)


def _attention(layers: Band, width: Band, context: Band, local: Band | None = None, window: Band | None = None) -> Band:
    """FLOP of attention per token of a training (12 L H Q T), in local layers over no more than their window."""

    def flop(side: str, other: str) -> float:
        # More local layers are less attention.
        full, n = getattr(context, side), getattr(local, other) if local else 0
        seen = min(full, getattr(window, side)) if window else full
        return 12 * getattr(width, side) * (max(getattr(layers, side) - n, 0) * full + n * seen)

    return Band(flop("low", "high"), flop("central", "central"), flop("high", "low"))


def _encoder_decoder_attention(encoder: Band, decoder: Band, width: Band, source: Band, target: Band) -> Band:
    """FLOP of attention per token of source and target together, as the macro `encoder_decoder_attention_flop_per_token` has it.

    A longer target is less attention per token where the source is far longer: the bounds are the least and the most of all lengths that are stated.
    """

    def flop(layers: str, source_tokens: float, target_tokens: float) -> float:
        seen = getattr(encoder, layers) * source_tokens**2
        seen += getattr(decoder, layers) * target_tokens * (target_tokens + source_tokens)
        return 12 * getattr(width, layers) * seen / (source_tokens + target_tokens)

    lengths = list(
        itertools.product((source.low, source.central, source.high), (target.low, target.central, target.high))
    )
    return Band(
        min(flop("low", *both) for both in lengths),
        flop("central", source.central, target.central),
        max(flop("high", *both) for both in lengths),
    )


def _written_out(stated: Mapping[str, Band], problems: list[str], *, attention: bool) -> dict[str, Band]:
    """The numbers of a training that follow from its shorthand keys; a shorthand key without its partner is a problem.

    With recomputation the hardware does one part of the forward pass, a third of the model's FLOP, again: HFU is MFU times
    1 + recomputed_share / 3 (arXiv 2204.02311 section 4.1, without the attention term).
    """
    ways: tuple[tuple[str, tuple[str, ...], Callable[..., Band]], ...] = (
        ("accelerator_count", ("node_count", "accelerators_per_node_count"), _times),
        ("gpu_hours", ("node_hours", "accelerators_per_node_count"), _times),
        ("usd_per_gpu_hour", ("usd_per_node_hour", "accelerators_per_node_count"), lambda r, n: _over(r, n)),
        ("power_w_per_gpu", ("power_w_per_node", "accelerators_per_node_count"), lambda w, n: _over(w, n)),
        ("tokens_count", ("step_count", "tokens_per_step"), _times),
        ("duration_days", ("step_count", "step_s"), lambda n, s: _times(n, s, scale=1 / 86_400)),
        ("duration_days", ("tokens_count", "tokens_per_s"), lambda n, r: _over(n, r, 1 / 86_400)),
        ("gpu_hours", ("tokens_count", "tokens_per_s_per_gpu"), lambda n, r: _over(n, r, 1 / 3600)),
        ("attention_width_count", ("attention_head_count", "head_dimension_count"), _times),
        (
            "recomputation_ratio",
            ("recomputed_share",),
            lambda s: Band(*(1 + v / 3 for v in (s.low, s.central, s.high))),
        ),
        ("utilization_share", ("hfu_share", "recomputation_ratio"), lambda h, r: _over(h, r)),
        (
            "achieved_flop_per_s_per_gpu",
            ("hardware_flop_per_s_per_gpu", "recomputation_ratio"),
            lambda h, r: _over(h, r),
        ),
        ("it_energy_kwh", ("power_w", "duration_days"), lambda w, d: _times(w, d, scale=24 / 1000)),
        (
            "attention_flop_per_token",
            (*_ATTENTION, *(_WINDOW if any(p in stated for p in _WINDOW) else ())),
            _attention,
        ),
        ("attention_flop_per_token", _HALVES, _encoder_decoder_attention),
    )
    known, used, found = dict(stated), set(), {}
    for target, parts, combine in ways:
        if not all(part in known for part in parts):
            continue
        used |= set(parts)
        if target in known:
            problems.append(f"{target}: given, and it follows from {' and '.join(parts)} too; leave one out")
        else:
            known[target] = found[target] = combine(*(known[part] for part in parts))
    for name in SHORTHAND:
        if name in stated and name not in used and name not in _ALONE:
            partners = " or ".join(" and ".join(p for p in parts if p != name) for _, parts, _ in ways if name in parts)
            problems.append(f"{name}: says nothing by itself; give {partners} too, or leave it out")
    if not attention and "attention_flop_per_token" not in stated:
        # A file may state layers without asking for the attention term.
        found.pop("attention_flop_per_token", None)
    problems += [
        f"{name}: a band given; allowed is one number"
        for name in _ALONE
        if name in stated and stated[name].low < stated[name].high
    ]
    if "recomputed_share" in stated and (attention or "attention_flop_per_token" in known):
        problems.append(
            "recomputed_share: of attention another share is done again; give recomputation_ratio, or count both in [compute]"
        )
    return {name: band for name, band in found.items() if name in NUMBERS or name == "recomputation_ratio"}


def scenario_of(
    values: Mapping[str, object],
    *,
    scenario_id: str = "scenario",
    title: str | None = None,
    note: str | None = None,
    source_url: str | None = None,
) -> Scenario:
    """A scenario from the keys of a `[training]` table.

    Args:
        values: the keys as read from TOML.
        scenario_id: name under which the estimate is kept.
        title: line for people.
        note: what a reader should know.
        source_url: where the run is described.

    Raises:
        ScenarioError: one line per field that cannot be used.
    """
    problems: list[str] = []
    values, written = canonical(values, (*NUMBERS, *SHORTHAND), (*TEXTS, *INSTANTS), problems)
    problems += [unknown_key(key, KEYS) for key in values if key not in KEYS]
    short = {key: read_number(key, values[key], problems, SHORTHAND[key]) for key in SHORTHAND if key in values}
    numbers = {key: read_number(key, values[key], problems, NUMBERS[key]) for key in NUMBERS if key in values}
    texts = {key: read_text(key, values[key], problems) for key in TEXTS if key in values}
    instants = {key: read_as_of(values[key], problems, key) for key in INSTANTS if key in values}
    attention = values.get("include_attention", False)
    if not isinstance(attention, bool):
        problems.append(f"include_attention: {shown(attention)} given; allowed are true and false")
    ratio: Band | None = None
    total, active = numbers.get("parameters_count"), numbers.get("active_parameters_count")
    if total and active and active.central > total.central:
        problems.append(
            f"active_parameters_count: {active.central:g} given; allowed is at most parameters_count, {total.central:g}"
        )
    layers, local = short.get("layer_count"), short.get("local_layer_count")
    if layers and local and local.central > layers.central:
        problems.append(
            f"local_layer_count: {local.central:g} given; allowed is at most layer_count, {layers.central:g}"
        )
    if not problems:
        numbers |= _written_out({k: b for k, b in (numbers | short).items() if b}, problems, attention=bool(attention))
        ratio = numbers.pop("recomputation_ratio", short.get("recomputation_ratio"))
    if problems:
        raise ScenarioError(as_written(problems, written))
    return Scenario(
        scenario_id=scenario_id,
        numbers={key: band for key, band in numbers.items() if band},
        # Price and grid are those of the start, unless another date is stated.
        as_of=instants.get("as_of", instants.get("start_at")),
        start_at=instants.get("start_at"),
        include_attention=bool(attention),
        recomputation_ratio=ratio,
        title=title,
        note=note,
        source_url=source_url,
        **texts,
    )


def parse_scenario(text: str, scenario_id: str = "scenario") -> Scenario:
    """A scenario from the text of a TOML file.

    Raises:
        ScenarioError: if it is not TOML, has no `[training]` table, or a field cannot be used.
    """
    return scenario_of_file(read_toml(text, scenario_id), scenario_id)


def scenario_of_file(data: Mapping[str, Any], scenario_id: str) -> Scenario:
    """A scenario from the tables of its file.

    Raises:
        ScenarioError: if there is no `[training]` table, or a field cannot be used.
    """
    problems = [
        f"{key}: unknown field outside [training]; "
        + (
            "it belongs below [training]"
            if key in KEYS
            else f"allowed are {', '.join(TOP_LEVEL)}{closest(key, TOP_LEVEL)}"
        )
        for key in data
        if key not in TOP_LEVEL
    ]
    problems += [
        f"{key}: {shown(data[key])} given; allowed is text in quotes"
        for key in ("title", "note", "source_url")
        if key in data and not isinstance(data[key], str)
    ]
    training = data.get("training")
    if not isinstance(training, dict) or not training:
        training = {}
        problems.append(
            "training: no [training] table with fields; the file needs a line [training] and what is known below it"
        )
    if problems:
        raise ScenarioError(problems)
    return scenario_of(
        training,
        scenario_id=scenario_id,
        title=data.get("title"),
        note=data.get("note"),
        source_url=data.get("source_url"),
    )


def bundled_scenarios() -> list[Scenario]:
    """The scenarios that ship with Petaday, by name.

    Raises:
        ScenarioError: if one cannot be used; every line names its file.
    """
    folder = resources.files("assets.estimated") / "scenarios"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    found = []
    for file in files:
        try:
            found.append(parse_scenario(file.read_text(encoding="utf-8"), file.name.removesuffix(".toml")))
        except ScenarioError as error:
            raise ScenarioError([f"{file.name}: {problem}" for problem in error.problems]) from None
    return found
