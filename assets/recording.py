"""What the observed and reference assets write: staged batches into the logs, reference files into tables."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assets import reading
from assets.catalog import catalog
from assets.observed.views import SQL
from assets.observed.zone_fuel import ZoneFuels
from assets.reference import own_fuels, own_regions
from assets.reference.tables import REFERENCE_TABLES, read_reference, reference_stamp
from assets.sources import all_sources
from warehouse import loading
from warehouse.connection import transaction, write_session
from warehouse.frames import register_stream
from warehouse.home import Home
from warehouse.retry import retried_if_interrupted

#: Files of a home that are laid over the reference tables.
OWN_FILES = (own_regions.FILE_NAME, own_fuels.FILE_NAME)


def load_reference(con: duckdb.DuckDBPyConnection, home: Home) -> dict[str, int]:
    """Load the reference files that changed, with the files of the home laid over them; returns rows by changed table."""
    changed: dict[str, int] = {}
    known = dict(con.execute("SELECT table_name, sha256 FROM meta.reference_file").fetchall())
    # With a file of the home laid over a table, the stamp of the shipped file alone does not identify its rows.
    is_as_shipped = not any((home.root / name).exists() for name in OWN_FILES)
    files = [
        read_reference(table)
        for table in REFERENCE_TABLES
        if not (is_as_shipped and known.get(table.name) == reference_stamp(table))
    ]
    for file in own_fuels.with_own_fuels(home, own_regions.with_own_regions(home, files)):
        table = file.table
        if known.get(table.name) == file.sha256:
            continue
        with transaction(con):
            register_stream(con, "_reference", file.frame)
            con.execute(f"DELETE FROM {table.full_name}").fetchall()
            con.execute(f"INSERT INTO {table.full_name} BY NAME SELECT * FROM _reference").fetchall()
            con.unregister("_reference")
            con.execute("DELETE FROM meta.reference_file WHERE table_name = ?", [table.name]).fetchall()
            con.execute(
                "INSERT INTO meta.reference_file VALUES (?, ?, ?, now())", [table.name, file.sha256, file.frame.height]
            ).fetchall()
        changed[table.name] = file.frame.height
    return changed


def sync_sources(con: duckdb.DuckDBPyConnection) -> None:
    """Make `meta.source` list exactly the registered sources."""
    rows = [
        (
            s.source_id,
            s.subject,
            s.title,
            s.homepage_url,
            s.licence,
            s.licence_url,
            s.attribution,
            s.cadence,
            s.key_name,
            s.is_bundled,
            s.parser_version,
        )
        for s in all_sources().values()
    ]
    present = con.execute("SELECT * FROM meta.source ORDER BY source_id").fetchall()
    if present == rows:
        return
    with transaction(con):
        con.execute("DELETE FROM meta.source").fetchall()
        con.executemany("INSERT INTO meta.source VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)


def match_accelerators(con: duckdb.DuckDBPyConnection) -> bool:
    """Recompute `observed.accelerator_match`; True if it changed."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _match AS " + (SQL / "accelerator_match.sql").read_text(encoding="utf-8")
    ).fetchall()
    columns = (
        "provider, instance_type, accelerator_name, accelerator_memory_gib, accelerator_id, accelerator_count, rule"
    )
    differs = con.execute(
        f"SELECT EXISTS (SELECT {columns} FROM _match EXCEPT SELECT {columns} FROM observed.accelerator_match) "
        f"OR EXISTS (SELECT {columns} FROM observed.accelerator_match EXCEPT SELECT {columns} FROM _match)"
    ).fetchall()[0][0]
    if differs:
        with transaction(con):
            con.execute("DELETE FROM observed.accelerator_match").fetchall()
            con.execute(f"INSERT INTO observed.accelerator_match SELECT {columns} FROM _match").fetchall()
    return bool(differs)


@retried_if_interrupted
def record_subject(home: Home, subject: str) -> list[loading.Loaded]:
    """Record every waiting batch of a subject's sources."""
    source_ids = {s.source_id for s in all_sources().values() if s.subject == subject}
    # A write-ahead log may be left: captures and journal contain all that is recorded here, and the next session
    # compares sources and matches again.
    with write_session(home, catalog(), may_leave_wal=True) as con:
        sync_sources(con)
        memory = ZoneFuels(home) if subject == "grid_carbon" else None
        results = loading.record_staged(con, home, catalog(), reading.parse_again(home), source_ids, memory)
        if subject == "cloud_rate":
            match_accelerators(con)
    return results


@retried_if_interrupted
def refresh_reference(home: Home) -> dict[str, int]:
    """Load changed reference tables and update what is derived from them."""
    with write_session(home, catalog()) as con:
        sync_sources(con)
        changed = load_reference(con, home)
        if changed.keys() & {"accelerator", "accelerator_alias", "instance_accelerator"}:
            match_accelerators(con)
    return changed


@retried_if_interrupted
def loaded_reference(home: Home) -> dict[str, tuple[int, str]]:
    """Rows and SHA-256 of each reference table as it was loaded, with what the home lays over it."""
    with write_session(home, catalog()) as con:
        files = con.execute("SELECT table_name, row_count, sha256 FROM meta.reference_file").fetchall()
    return {name: (rows, sha256) for name, rows, sha256 in files}


def subjects_with_sources() -> Sequence[str]:
    """Subjects that at least one source feeds."""
    return sorted({s.subject for s in all_sources().values()})
