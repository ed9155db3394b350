"""Why a fleet moved, also to another card: servers and racks are rounded as its estimate there says."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import duckdb
import pytest

from assets.estimated.engine import estimate_statements
from assets.estimated.estimate_file import estimate_any
from assets.estimated.method import Statement
from assets.estimated.scenario_files.fields import Band
from assets.estimated.scenario_files.sections import parse_any
from tests.pipelines.decisions.asked import KINDS, adds_up, split_of

FLEET = """
[fleet]
accelerator = "nvidia-a100-sxm-80gb"
requests_per_day = 3_141_593
tokens_per_request = 271.8
s_per_token = 0.0421
peak_to_mean_ratio = 1.7
utilization_share = 0.61
gpus_per_server_count = 8
servers_per_rack_count = 5
server_rounding = "up"
rack_rounding = "nearest"
price_usd_per_kwh = 0.11
region = "US"
"""


#: Of the power: by rack, by server with PUE, and by the board power of the cards.
POWERED = ("kw_per_rack = 33.3", "kw_per_server = 6.5\npue = 1.19", "")


@pytest.mark.parametrize(
    ("power", "card", "use"),
    [
        (POWERED[0], "nvidia-h100-sxm-80gb", None),
        (POWERED[1], "nvidia-h200-sxm-141gb", 0.87),
        (POWERED[2], "nvidia-h100-sxm-80gb", None),
        (POWERED[2], None, 0.87),
    ],
)
def test_a_fleet_on_another_card_is_what_its_estimate_there_says(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, card: str | None, use: float | None, power: str
) -> None:
    """To the last cent and gram, with servers and racks rounded: the time of a word by bandwidth, the power by board power, the rate of the card."""
    at = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    (tmp_path / "mine.toml").write_text(FLEET + power, encoding="utf-8")
    moves = [f"to_accelerator = '{card}'"] * bool(card) + [f"utilization_to = {use}"] * bool(use)
    asked = "\n".join(["[why_moved]", "scenario = 'mine.toml'", "from_at = 2025-06-01", "to_at = 2026-06-01", *moves])
    rows = estimate_any(bundled, parse_any(asked), at, tmp_path)["rows"]
    assert all(adds_up(parts) for parts in split_of(rows).values()), rows
    stated = parse_any(FLEET + power)
    assert isinstance(stated, Statement)
    if use:
        stated = dataclasses.replace(stated, numbers={**stated.numbers, "utilization_share": Band(use, use, use)})
    for side, on in (("total_from", dt.datetime(2025, 6, 1, tzinfo=dt.UTC)), ("total_to", at)):
        is_there = card is not None and side == "total_to"
        there = {"accelerator": card, "measured_accelerator": "A100 SXM 80GB"} if is_there else {}
        if side == "total_from" and use:
            continue
        (estimate,) = estimate_statements(
            bundled, [dataclasses.replace(stated, texts={**stated.texts, **there}, as_of=on)], at
        )
        totals = {r["quantity"]: r[side] for r in rows}
        assert set(totals) == KINDS["chatgpt-fleet-2023"]
        for quantity, total in totals.items():
            if (
                side == "total_to" or quantity == "rental_usd_per_day"
            ):  # The rest of the earlier side is that of the estimate itself.
                assert total == pytest.approx(estimate.quantities[quantity]["central"], rel=1e-9), quantity


@pytest.mark.parametrize(
    ("standing", "there"),
    [
        ("gpus = 100\ngpus_per_server = 8\nkw_per_server = 6.5", "gpus_per_server = 8\nkw_per_server = 11.375"),
        ("gpus = 100\nservers = 20\nkw_per_server = 6.5", "gpus_per_server = 5\nkw_per_server = 11.375"),
        ("gpus = 100", ""),
    ],
)
@pytest.mark.parametrize("use", [None, 0.4])
def test_a_standing_fleet_keeps_what_it_can_do_on_another_card(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, standing: str, there: str, use: float | None
) -> None:
    """100 A100 (2,039 GB/s) do what 61 H100 (3,350 GB/s) do; at two thirds of their use, 92; of the board power 700 W where 400 were."""
    at = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    about = "\nutilization_share = 0.6\npue = 1.2\nregion = 'US'\nusd_per_kwh = 0.1\n"
    (tmp_path / "mine.toml").write_text(f"[fleet]\naccelerator = 'A100 SXM 80GB'\n{standing}{about}", encoding="utf-8")
    moves = "to_accelerator = 'nvidia-h100-sxm-80gb'" + (f"\nutilization_to = {use}" if use else "")
    asked = parse_any(f"[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2025-06-01\nto_at = 2026-06-01\n{moves}")
    rows = estimate_any(bundled, asked, at, tmp_path)["rows"]
    assert all(adds_up(parts) for parts in split_of(rows).values()), rows
    stated = parse_any(f"[fleet]\naccelerator = 'H100 SXM'\ngpus = {92 if use else 61}\n{there}{about}")
    assert isinstance(stated, Statement)
    (estimate,) = estimate_statements(bundled, [dataclasses.replace(stated, as_of=at)], at)
    totals = {r["quantity"]: r["total_to"] for r in rows}
    assert set(totals) == KINDS["chatgpt-fleet-2023"]
    for quantity, total in totals.items():
        assert total == pytest.approx(estimate.quantities[quantity]["central"], rel=1e-9), quantity


def test_another_use_of_a_standing_fleet_needs_its_own(bundled: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """How busy its GPUs are is not known where only their number is stated."""
    (tmp_path / "mine.toml").write_text("[fleet]\naccelerator = 'A100 SXM 80GB'\ngpus = 100\n", encoding="utf-8")
    asked = parse_any(
        "[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2025-06-01\nto_at = 2026-06-01\nutilization_to = 0.5"
    )
    rows = estimate_any(bundled, asked, dt.datetime(2026, 6, 1, tzinfo=dt.UTC), tmp_path)["rows"]
    assert all(r["total_to"] is None for r in rows)
    assert any("for another utilisation also utilization_share" in (r["reason"] or "") for r in rows)


def test_a_fleet_of_racks_is_split_without_its_gpus(bundled: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Energy, carbon and electricity are known; a rent by the GPU is not."""
    fleet = "[fleet]\nracks = 100\nkw_per_rack = 45\npue = 1.2\nregion = 'US'\nusd_per_kwh = 0.1\naccelerator = 'A100 SXM 80GB'\n"
    (tmp_path / "mine.toml").write_text(fleet, encoding="utf-8")
    asked = parse_any("[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2023-06-01\nto_at = 2026-06-01")
    rows = estimate_any(bundled, asked, dt.datetime(2026, 6, 1, tzinfo=dt.UTC), tmp_path)["rows"]
    found = split_of(rows)
    assert {r["quantity"]: r["total_to"] for r in rows}["energy_kwh_per_day"] == pytest.approx(100 * 45 * 1.2 * 24)
    assert found.pop("rental_usd_per_day")["total"] is None
    assert len(found) == 3
    assert all(adds_up(parts) for parts in found.values())


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (
            "accelerator = 'A100 SXM 80GB'\nracks = 100\nkw_per_rack = 45",
            "the scenario states neither the requests of the fleet nor its GPUs (for another utilisation also utilization_share)",
        ),
        (
            "requests_per_day = 1e6\ntokens_per_request = 200\ns_per_token = 0.1",
            "the scenario does not say on which accelerator",
        ),
    ],
)
def test_a_fleet_that_cannot_be_moved_says_why(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, stated: str, reason: str
) -> None:
    (tmp_path / "mine.toml").write_text("[fleet]\nregion = 'US'\n" + stated, encoding="utf-8")
    asked = parse_any(
        "[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2025-06-01\nto_accelerator = 'nvidia-h100-sxm-80gb'"
    )
    rows = estimate_any(bundled, asked, dt.datetime(2026, 6, 1, tzinfo=dt.UTC), tmp_path)["rows"]
    assert rows
    of_hardware = [r["reason"] for r in rows if r["part"] == "hardware"]
    # A rent by the GPU is not known of a fleet that counts as racks, wherever it stands.
    assert all(reason in told or told == "the estimate itself does not know gpu_count" for told in of_hardware)
    assert any(reason in told for told in of_hardware)
