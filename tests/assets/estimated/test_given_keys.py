"""Keys in other units and under other names come to the same number as the canonical ones."""

from __future__ import annotations

import pytest

from assets.estimated.given_keys import NAMES, other_keys
from assets.estimated.scenario import NUMBERS, Band, scenario_of
from assets.estimated.sections import SECTIONS, statement_of

SAME = [
    ("power_kw_per_gpu", 0.4, "power_w_per_gpu", 400),
    ("energy_mwh", 1_287, "energy_kwh", 1_287_000),
    ("energy_gwh", 1.287, "energy_kwh", 1_287_000),
    ("duration_hours", 36, "duration_days", 1.5),
    ("duration_months", 5, "duration_days", 5 * 365 / 12),
    ("gpu_days", 2, "gpu_hours", 48),
    ("grid_kgco2e_per_kwh", 0.429, "grid_gco2e_per_kwh", 429),
    ("grid_tco2e_per_mwh", 0.429, "grid_gco2e_per_kwh", 429),
    ("grid_lbco2e_per_kwh", 0.954, "grid_gco2e_per_kwh", 0.954 * 453.59237),
    ("achieved_tflop_per_s_per_gpu", 24.6, "achieved_flop_per_s_per_gpu", 24.6e12),
    ("peak_tflops_per_gpu", 312, "peak_flop_per_s_per_gpu", 312e12),
    ("parameters_b", 175, "parameters_count", 175e9),
    ("tokens_t", 15.6, "tokens_count", 15.6e12),
    ("utilization_percent", 46.2, "utilization_share", 0.462),
    ("mfu", 0.4, "utilization_share", 0.4),
    ("gpus", 2048, "accelerator_count", 2048),
    ("pf_days", 3640, "training_flop", 3640 * 86_400e15),
]


@pytest.mark.parametrize(("name", "value", "key", "same"), SAME)
def test_another_unit_or_name(name: str, value: float, key: str, same: float) -> None:
    found = scenario_of({name: value}).numbers
    assert list(found) == [key]
    assert found[key].central == pytest.approx(same, rel=1e-12)


def test_a_band_is_scaled_whole() -> None:
    found = scenario_of({"power_kw_per_gpu": {"low": 0.3, "central": 0.4, "high": 0.7}}).numbers
    assert found["power_w_per_gpu"] == Band(300, 400, 700)


def test_no_canonical_key_is_read_as_another() -> None:
    for methods in SECTIONS.values():
        for method in methods.values():
            assert not set(other_keys(tuple(method.numbers))) & set(method.numbers)
            assert {key for key, _ in other_keys(tuple(method.numbers)).values()} <= set(method.numbers)


def test_every_name_is_of_some_section() -> None:
    known = set(NUMBERS).union(*(m.numbers for methods in SECTIONS.values() for m in methods.values()))
    for name, (keys, _) in NAMES.items():
        assert set(keys) & known, name


def test_a_section_reads_them_too() -> None:
    found = statement_of(
        "serving", {"gpu": "H100 SXM", "tp": 4, "precision": "fp16", "batch_size": 16, "memory_gb_per_gpu": 80}
    )
    assert found.texts == {"accelerator": "H100 SXM", "number_format": "bf16"}
    assert {k: b.central for k, b in found.numbers.items()} == {
        "accelerator_count": 4,
        "batch_count": 16,
        "memory_byte_per_gpu": 80e9,
    }


@pytest.mark.parametrize(
    ("values", "key", "expected"),
    [
        ({"step_count": 1_000, "step_s": 3.0}, "duration_days", 3_000 / 86_400),
        ({"step_count": 1_000, "tokens_per_step": 4e6}, "tokens_count", 4e9),
        ({"tokens": 1.4e12, "tokens_per_s_per_gpu": 380}, "gpu_hours", 1.4e12 / 380 / 3600),
        ({"tokens": 780e9, "tokens_per_s": 238.3e3}, "duration_days", 780e9 / 238.3e3 / 86_400),
        ({"nodes": 48, "gpus_per_node": 8}, "accelerator_count", 384),
    ],
)
def test_shorthand_of_a_training(values: dict[str, object], key: str, expected: float) -> None:
    assert scenario_of(values).numbers[key].central == pytest.approx(expected, rel=1e-12)


def test_layers_count_only_where_attention_is_asked_for() -> None:
    layers = {"layers": 96, "attention_width_count": 12_288, "context_tokens": 2_048}
    assert not scenario_of(layers).numbers
    asked = scenario_of(layers | {"include_attention": True}).numbers
    assert asked["attention_flop_per_token"].central == 12 * 96 * 12_288 * 2_048
