"""`petaday estimate`: a scenario file in, a table or JSON out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Column, Table

from pipelines.console import figure, out, with_unit
from warehouse.home import Home


@click.command()
@click.argument("scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def estimate(scenario: Path, as_json: bool) -> int:
    """Estimate a scenario of your own from a TOML file.

    One section says what it is: [training], [request], [embodied], [sci], [site], [prompt], [fleet], [service],
    [serving], [compute], [ownership], [fine_tuning], [break_even], [total] or [compare]; or a decision: [siting],
    [why_moved], [build_adapt_buy], [east_west], [esg_report], [compute_growth] or [petaday_history]. A field that is
    not known is answered with those that are.
    """
    from assets.estimated.estimate_file import estimate_file

    result = estimate_file(Home.from_environment(), scenario)
    if as_json:
        sys.stdout.write(json.dumps(result, indent=2, default=str) + "\n")
        return 0
    if "decision" in result:
        _print_decision(result)
        return 0
    quantities = {k: v for k, v in result.items() if isinstance(v, dict) and "central" in v}
    table = Table("quantity", "low (p5)", "central", "high (p95)", "unit")
    for name, band in quantities.items():
        if band["central"] is not None:
            ends = ("none" if band[k] is None else figure(band[k]) for k in ("low", "central", "high"))
            table.add_row(name, *ends, band["unit"])
    out.print(table)
    if partly := {name: band for name, band in quantities.items() if band["central"] is not None and "reason" in band}:
        out.print("\nNot over the whole band:")
        for name, band in partly.items():
            out.print(f"  {name}: {band['reason']}", markup=False)
    if unknown := {name: band for name, band in quantities.items() if band["central"] is None}:
        out.print("\nUnknown:")
        for name, band in unknown.items():
            out.print(f"  {name} ({band['unit']}): {band.get('reason') or ''}")
    out.print("\nWhat it rests on:")
    for factor in result["factors"]:
        value, low, high = (figure(factor[k]) for k in ("value", "low", "high"))
        band = "" if low == high else f" [{low} to {high}]"
        origin = f"{factor['origin_kind'].replace('_', ' ')}: {factor['origin_ref']}"
        out.print(f"  {factor['factor']} = {with_unit(value + band, factor['unit'])}  ({' '.join(origin.split())})")
    if unused := result.get("unused"):
        out.print(f"\nGiven, but no result rests on it: {', '.join(unused)}")
    return 0


#: Columns of a decision that fit a screen; --json prints all.
_SHOWN = {
    "petaday_history": (
        "index_on",
        "accelerator_id",
        "low_usd",
        "cost_usd",
        "high_usd",
        "energy_kwh",
        "provider_count",
    ),
    "siting": (
        "provider",
        "region",
        "accelerator_id",
        "purchase_option",
        "total_usd",
        "operational_kgco2e",
        "cheaper_probability",
        "greener_probability",
        "is_pareto",
        "unknown",
    ),
    "why_moved": ("quantity", "part", "value_from", "value_to", "moved_by"),
    "build_adapt_buy": (
        "month_on",
        "way",
        "fixed_usd",
        "own_usd_per_mtok",
        "buy_usd_per_mtok",
        "low_break_even_mtok",
        "break_even_mtok",
        "high_break_even_mtok",
        "verdict",
    ),
    "east_west": (
        "cluster_id",
        "side",
        "total_cny",
        "net_saving_cny",
        "kgco2",
        "carbon_change_share",
        "is_pareto",
        "verdict",
    ),
    "compute_growth": (
        "source_id",
        "quantity",
        "low_growth_per_year",
        "growth_per_year",
        "high_growth_per_year",
        "doubling_months",
        "point_count",
    ),
    "esg_report": (
        "workload",
        "period",
        "energy_kwh",
        "location_kgco2e",
        "market_kgco2e",
        "embodied_kgco2e",
        "water_l",
        "sci_gco2e_per_unit",
    ),
}
_ROWS_SHOWN = 40


def _print_decision(result: Mapping[str, Any]) -> None:
    """The rows of a decision as a table."""
    columns, rows = _SHOWN[result["decision"]], result["rows"]
    ordered = _in_reading_order(result["decision"], rows)
    table = Table(*(Column(c, overflow="fold") for c in columns))  # half an id names nothing
    for row in ordered[:_ROWS_SHOWN]:
        table.add_row(*((_banded if result["decision"] == "esg_report" else _cell)(row, c) for c in columns))
    out.print(table)
    if len(ordered) > _ROWS_SHOWN:
        out.print(f"{len(rows):,} rows, {_ROWS_SHOWN} shown; --json prints all, with every column.")
    elif len(rows) > len(ordered):
        out.print(
            f"{len(rows):,} rows, the {len(ordered)} on which a cost moved shown; --json prints all, with every column."
        )
    if not rows:
        out.print(f"No row: {result['reason']}.")
    unknown: dict[str, list[str]] = {}
    for row in rows:
        if row.get("reason") and row.get("part") == "total":
            unknown.setdefault(row["reason"], []).append(row["quantity"])
    for row in rows if result["decision"] == "esg_report" else ():
        if row["unknown"] and row["is_year"]:
            unknown.setdefault(row["unknown"], []).append(row["workload"])
    for reason, quantities in unknown.items():
        out.print(f"Unknown, {', '.join(quantities)}: {reason}")
    for converted in result.get("converted", []):
        out.print(f"{converted['factor']} = {converted['told']}")


def _in_reading_order(decision: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What the question was for first: the frontier of a siting; of a history the latest days on which a cost moved."""
    if decision == "siting":
        return sorted(rows, key=lambda row: not row["is_pareto"])
    if decision != "petaday_history":
        return list(rows)
    moved, last = [], {}
    for row in sorted(rows, key=lambda row: row["index_on"]):
        offered = row["accelerator_id"], row["purchase_option"]
        if last.get(offered) != row["cost_usd"]:
            last[offered] = row["cost_usd"]
            moved.append(row)
    return moved[::-1]


def _cell(row: Mapping[str, Any], column: str) -> str:
    if row[column] is None and column.endswith("break_even_mtok") and "never" in (row["verdict"] or ""):
        return "never"  # at this side of the band own tokens cost more than bought ones, however many there are
    return _decided(row[column])


def _banded(row: Mapping[str, Any], column: str) -> str:
    """A value with its p5 and p95, where the row has them."""
    low, high = row.get(f"low_{column}"), row.get(f"high_{column}")
    return (
        _cell(row, column)
        if low is None or low == high
        else f"{_cell(row, column)} [{_decided(low)} to {_decided(high)}]"
    )


def _decided(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return figure(value, 4) if isinstance(value, float) else str(value)
