"""Energy-Charts public power: kinds that are none, late kinds, running slots, names of the country."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body

FIRST = 1_767_225_600
KINDS: dict[str, list[float | None]] = {
    "Hydro pumped storage consumption": [-500.0, -500.0, -400.0, None],
    "Cross border electricity trading": [9000.0, 9000.0, 9000.0, None],
    "Fossil hard coal": [300.0, 300.0, 300.0, None],
    "Fossil gas": [100.0, 0.0, 100.0, None],
    "Wind onshore": [590.0, 590.0, None, None],
    "Nuclear": [None, None, None, None],
    "Waste": [10.0, 10.0, 10.0, None],
    "Load": [1500.0, 1500.0, 1500.0, None],
    "Load (incl. self-consumption)": [1500.0, 1500.0, 1500.0, None],
    "Renewable share of generation": [59.0, 59.0, 59.0, None],
}


def body(kinds: dict[str, list[float | None]] = KINDS, step: int = 900) -> str:
    types: list[dict[str, Any]] = [{"name": n, "data": d} for n, d in kinds.items()]
    return json.dumps({"unix_seconds": [FIRST + n * step for n in range(4)], "production_types": types})


def test_by_hand(tmp_path: Path) -> None:
    """Coal 300, gas 100, wind 590; waste has no factor; a late wind is not zero, the running slot is no slot."""
    scopes, rejected = read_body("energy_charts_mix", body(), tmp_path, "public_power_de_2026-01-01.json")
    direct = scopes["DE"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")
    assert direct["intensity_gco2e_per_kwh"].to_list() == pytest.approx(
        [(300 * 760 + 100 * 370) / 990, 300 * 760 / 890], abs=0.001
    )
    assert direct["resolution"].unique().to_list() == ["PT15M"]
    assert rejected["reason"].to_list() == ["generation of Wind onshore is missing, it is not zero"]


def test_a_new_kind_is_generation_without_a_factor(tmp_path: Path) -> None:
    kinds = {**KINDS, "Fusion": [900.0] * 4}
    scopes, rejected = read_body("energy_charts_mix", body(kinds), tmp_path, "public_power_de_1.json")
    assert not scopes
    assert rejected["reason"].str.contains("no emission factor").all()


@pytest.mark.parametrize(
    ("text", "name", "word"),
    [
        (body(), "power.json", "which country"),
        (body(step=86_400), "public_power_de_1.json", "slots of 1440 minutes"),
        (body({"Solar": [1.0]}), "public_power_de_1.json", "not parallel"),
        (body({"Load": [1.0] * 4}), "public_power_de_1.json", "no kind of generation"),
        ('{"unix_seconds": []}', "public_power_de_1.json", "expected the arrays"),
    ],
)
def test_other_answers(text: str, name: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("energy_charts_mix", text, tmp_path, name)
