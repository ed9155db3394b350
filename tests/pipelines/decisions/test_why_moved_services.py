"""Why a service moved: what serving is estimated to take on another card, and what was measured."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import duckdb
import pytest

from assets.estimated.engine import estimate_statements
from assets.estimated.estimate_file import estimate_any
from assets.estimated.method import Statement
from assets.estimated.scenario_files.sections import bundled_statements, parse_any
from tests.pipelines.decisions.asked import KINDS, MEASURED, ON, adds_up, rows_of, split_of


@pytest.mark.parametrize("card", ["nvidia-h200-sxm-141gb", "nvidia-b200-sxm-180gb", "nvidia-h100-sxm-80gb"])
def test_a_service_on_another_card_is_what_its_estimate_there_says(
    bundled: duckdb.DuckDBPyConnection, card: str
) -> None:
    """By the roofline of its method: the later side is the estimate of the same service on that card, and the parts add up."""
    to_at = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    found = bundled.execute(
        "FROM why_moved('llama-2-70b-serving-h100', DATE '2024-01-01', to_at := ?, to_accelerator := ?)", [to_at, card]
    )
    rows = found.pl().to_dicts()
    assert all(adds_up(parts) for parts in split_of(rows).values())
    service = next(s for s in bundled_statements() if s.scenario_id == "llama-2-70b-serving-h100")
    there = dataclasses.replace(service, texts={**service.texts, "accelerator": card}, as_of=to_at)
    (estimate,) = estimate_statements(bundled, [there], to_at)
    totals = {r["quantity"]: r["total_to"] for r in rows}
    assert set(totals) == KINDS["llama-2-70b-serving-h100"]
    for quantity, total in totals.items():
        assert total == pytest.approx(estimate.quantities[quantity]["central"], rel=1e-9), quantity


@pytest.mark.parametrize(
    ("model", "group", "method"),
    [("gemma-3-27b", 2, "serving-6"), ("deepseek-v3", 16, "serving-6"), ("deepseek-v3", 16, "serving-5"), ("deepseek-v3", 16, "serving-4"), ("deepseek-v3", 16, "serving-3"), ("gpt-oss-120b", None, "serving-6")],
)  # fmt: skip
def test_a_service_with_windows_or_latent_vectors_on_another_card(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, model: str, group: int | None, method: str
) -> None:
    """Of long prompts, where windows and the attention of decoding are most of it: as its estimate on the other card, by either version of the method."""
    cards = f"accelerator_count = {group}" if group else ""
    text = (
        f"[serving]\nmodel = '{model}'\nmethod = '{method}'\naccelerator = 'H100 SXM'\nregion = 'US'\n{cards}\nnumber_format = 'fp8'\nbatch_count = 8\n"
        "prompt_tokens_count = 30_000\noutput_tokens_count = 1_500"
    )
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    asked = parse_any(
        "[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2025-06-01\nto_at = 2026-06-01\nto_accelerator = 'nvidia-h200-sxm-141gb'"
    )
    now = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
    rows = estimate_any(bundled, asked, now, tmp_path)["rows"]
    assert all(adds_up(parts) for parts in split_of(rows).values())
    there = parse_any(text.replace("H100 SXM", "H200 SXM"))
    assert isinstance(there, Statement)
    (estimate,) = estimate_statements(
        bundled, [dataclasses.replace(there, as_of=dt.datetime(2026, 6, 1, tzinfo=dt.UTC))], now
    )
    totals = {r["quantity"]: r["total_to"] for r in rows}
    assert len(totals) == 6
    for quantity, total in totals.items():
        assert total == pytest.approx(estimate.quantities[quantity]["central"], rel=1e-9), quantity


def test_a_card_that_does_not_compute_in_the_format_serves_nothing(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        f"FROM why_moved('llama-2-70b-serving-h100', DATE '2024-01-01', to_at := {ON}, to_accelerator := 'nvidia-a100-sxm-80gb')",
    )
    assert {r["total_to"] for r in found} == {None}


def test_a_measured_service_moves_by_price_and_grid_alone(bundled: duckdb.DuckDBPyConnection) -> None:
    """Its parts by hand: the hours of a million tokens and the power are the run's, so the rate and the grid are all that moves."""
    rows = rows_of(
        bundled,
        f"FROM why_moved('{MEASURED}', DATE '2023-10-01', to_at := {ON}, to_provider := 'aws', to_region := 'us-east-1')",
    )
    part = {(r["quantity"], r["part"]): r for r in rows}
    hours = 4 / 4915.10355 / 3600 * 1e6
    assert part["usd_per_mtok_output", "hardware"]["value_from"] == pytest.approx(hours)
    assert part["cost_usd", "hardware"]["value_to"] == 4 * 24
    money = part["usd_per_mtok_output", "price"]
    assert money["total_from"] == pytest.approx(hours * money["value_from"])
    assert money["total_to"] == pytest.approx(
        hours * money["value_to"] * part["usd_per_mtok_output", "exchange_rate"]["value_to"]
    )
    assert part["kwh_per_mtok", "power"]["value_from"] == pytest.approx(2.35429837)
    carbon = part["gco2e_per_mtok", "grid"]
    # 0.479 J a token are 0.133 kWh a million tokens at the servers.
    assert carbon["total_from"] == pytest.approx(
        0.4789926287 / 3.6 * part["gco2e_per_mtok", "pue"]["value_from"] * carbon["value_from"]
    )
    assert {r["moved_by"] for r in rows if r["part"] in ("hardware", "utilization", "power", "method")} == {0}
    assert carbon["moved_by"] != 0
    assert money["moved_by"] != 0
    assert all(adds_up(parts) for parts in split_of(rows).values())


def test_a_measured_service_on_another_card_has_its_hours_and_no_guess_of_their_work(
    bundled: duckdb.DuckDBPyConnection,
) -> None:
    """The rent of as many GPUs there is known; tokens are told by the estimate with measured_accelerator, which the reason says."""
    rows = rows_of(
        bundled,
        f"FROM why_moved('{MEASURED}', DATE '2024-01-01', to_at := {ON}, to_accelerator := 'nvidia-h200-sxm-141gb')",
    )
    total = {r["quantity"]: r for r in rows if r["part"] == "total"}
    assert total["cost_usd"]["moved_by"] is not None
    for quantity in ("usd_per_mtok_output", "kwh_per_mtok", "gco2e_per_mtok"):
        assert total[quantity]["total_to"] is None
        assert "state measured_accelerator beside accelerator" in total[quantity]["reason"]


def test_what_a_service_states_does_not_move(bundled: duckdb.DuckDBPyConnection) -> None:
    """DeepSeek's rent is that of 2 USD an hour on any day; of its energy nothing is stated, and nothing is said."""
    rows = rows_of(bundled, f"FROM why_moved('deepseek-r1-serving-day', DATE '2025-02-28', to_at := {ON})")
    total = {r["quantity"]: r for r in rows if r["part"] == "total"}
    assert total["cost_usd"]["total_from"] == total["cost_usd"]["total_to"] == 226.75 * 8 * 24 * 2
    assert total["kwh_per_mtok"]["total_to"] is None
    assert "the estimate itself does not know s_per_mtok" in total["kwh_per_mtok"]["reason"]
