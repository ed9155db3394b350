"""What the tests of decisions share: rows of a question, and what a split of a move holds."""

from __future__ import annotations

import math
from importlib import resources

import duckdb
import pytest

SCENARIOS = resources.files("assets.estimated") / "scenarios"


ON = "DATE '2026-08-01'"


SITED = "gpt-3-siting/aws/us-east-1/nvidia-h100-sxm-80gb/on_demand"


PETADAYS = "gpt-3-petadays-since-2020/nvidia-a100-sxm-80gb/on_demand"


MEASURED = "llama-3.1-70b-service-h100"


#: Estimate -> what moves of it in money, energy and carbon.
KINDS = {
    "llama-65b-lora-a100": {"cost_usd", "energy_kwh", "operational_kgco2e"},
    "llama-2-70b-serving-h100": {f"{q}_{d}" for q in ("usd_per_mtok", "kwh_per_mtok", "gco2e_per_mtok") for d in ("input", "output")},
    "chatgpt-fleet-2023": {"electricity_usd_per_day", "energy_kwh_per_day", "operational_kgco2e_per_day", "rental_usd_per_day"},
    MEASURED: {"cost_usd", "usd_per_mtok_output", "kwh_per_mtok", "gco2e_per_mtok"},
    SITED: {"cost_usd", "energy_kwh", "operational_kgco2e"},
    PETADAYS: {"cost_usd", "energy_kwh"},
}  # fmt: skip


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict]:
    """Rows as dictionaries."""
    return con.sql(sql).pl().to_dicts()


def split_of(found: list[dict]) -> dict[str, dict[str, float | None]]:
    """Quantity -> part -> by how much it moved."""
    parts: dict[str, dict[str, float | None]] = {}
    for row in found:
        parts.setdefault(row["quantity"], {})[row["part"]] = row["moved_by"]
    return parts


def adds_up(parts: dict[str, float | None]) -> bool:
    """True if the parts come to the total to the last cent and gram, and to 12 digits."""
    total = parts["total"]
    others = [v for k, v in parts.items() if k != "total"]
    assert total is not None
    return math.fsum(others) == pytest.approx(total, abs=0.001, rel=1e-12)  # ty: ignore[invalid-argument-type]
