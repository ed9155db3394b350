"""`petaday restate OLD NEW`: how history would differ by another version of a method."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.table import Table

from pipelines.console import figure, out
from warehouse.home import Home


def _change(before: float | None, after: float | None) -> str:
    """How far an end of the band moves; empty where it is not known by both, or was 0."""
    from assets.published.report.restatement import change_words

    return change_words(after / before - 1 if before and after is not None else None)


@click.command()
@click.argument("old")
@click.argument("new")
@click.argument("scenarios", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("restatement"),
    show_default=True,
    help="Folder for the table (CSV) and the page with charts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON too.")
def restate(old: str, new: str, scenarios: tuple[Path, ...], output: Path, as_json: bool) -> int:
    """Estimate the bundled scenarios, or SCENARIOS of your own, by two versions of one method, or by two rules of looking up rates (rate-1 to rate-3) or grids (grid-1 to grid-3).

    Where a price or a grid is looked up, every quarter of the observed history is estimated by both. Nothing is stored
    and nothing is overwritten: published estimates stay under their version.
    """
    import polars as pl

    from assets.estimated.method import Statement
    from assets.estimated.restate import restate as compare
    from assets.estimated.scenario_files.sections import ExtendedTraining, bundled_statements, read_any
    from assets.estimated.scenario_files.training import Scenario, bundled_scenarios
    from assets.published.report.restatement import change_words, restatement_page
    from warehouse.connection import read_published

    stated = [read_any(path) for path in scenarios] if scenarios else [*bundled_scenarios(), *bundled_statements()]
    stated = [s.training if isinstance(s, ExtendedTraining) else s for s in stated]
    with read_published(Home.from_environment()) as con:
        found = compare(con, old, new, [s for s in stated if isinstance(s, (Statement, Scenario))])
    output.mkdir(parents=True, exist_ok=True)
    name = f"{old}-to-{new}"
    table_file, page_file = output / f"{name}.csv", output / f"{name}.html"
    found.rows.write_csv(table_file)
    page_file.write_text(restatement_page(found), encoding="utf-8")
    if as_json:
        sys.stdout.write(found.rows.write_json() + "\n")
        return 0
    table = Table("scenario", "as of", "quantity", old, new, "change", "of p5", "of p95", "unit")
    last = ""
    newest = found.rows.filter(pl.col("as_of_on") == pl.col("as_of_on").max().over("scenario_id"))
    for row in newest.iter_rows(named=True):
        table.add_row(
            row["scenario_id"] if row["scenario_id"] != last else "",
            str(row["as_of_on"]) if row["scenario_id"] != last else "",
            row["quantity"],
            *(
                "unknown" if row[f"{side}_central"] is None else figure(row[f"{side}_central"], 4)
                for side in ("old", "new")
            ),
            change_words(row["change_share"]),
            # A version may move the band alone.
            *(_change(row[f"old_{side}"], row[f"new_{side}"]) for side in ("low", "high")),
            row["unit"],
        )
        last = row["scenario_id"]
    out.print(table)
    for note in found.notes:
        out.print(note)
    out.print(f"\n{found.rows.height:,} rows: {table_file}\nCharts: {page_file}")
    return 0
