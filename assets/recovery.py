"""Recovery: check everything that is stored, and rebuild the warehouse from the captures alone."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import duckdb

from assets import reading, recording
from assets.catalog import catalog
from assets.observed.zone_fuel import ZoneFuels
from assets.sources import all_sources
from warehouse import loading, pending_captures, staging
from warehouse.capture_store import CaptureStore
from warehouse.captures import Capture
from warehouse.connection import open_work, write_lock
from warehouse.errors import CaptureDamagedError, DiskFullError, PetadayError, WarehouseDamagedError
from warehouse.files import flush
from warehouse.home import Home
from warehouse.instants import instant_of
from warehouse.journal import FileJournal, journal_in
from warehouse.rules import due_for_rebuild
from warehouse.store import is_shared, store_of
from warehouse.store.file import FileStore
from warehouse.store.lake import LakeStore, replace_rows
from warehouse.verifying import misfiled_slots, unreadable

Tell = Callable[[str], None]
R = TypeVar("R")


def parsed_batch(store: CaptureStore, captures: list[Capture], outcome: str, same_as: str | None) -> staging.Batch:
    """A batch read again from its stored bytes, as the intake would stage it."""
    source = all_sources().get(captures[0].source_id)
    if source is None:
        raise PetadayError(f"captures of {captures[0].source_id!r} are here, but no such source is registered")
    if outcome == "rejected" and (same_as or "").startswith(loading.NOTHING_LEFT):
        outcome = "loaded"
    batch = staging.Batch(source.source_id, source.subject, source.parser_version, captures, outcome, same_as)
    if outcome == "unchanged":
        return batch
    try:
        scopes, rejected = reading.read_stored(store, source, captures)
    except (CaptureDamagedError, DiskFullError):
        raise
    except PetadayError as e:
        return replace(batch, outcome="rejected", message=str(e))
    return replace(batch, message=None, scopes=scopes if outcome == "loaded" else (), rejected=rejected)


def with_rebuild_if_damaged(home: Home, work: Callable[[], R], tell: Tell) -> R:
    """Do a piece of work; if the work file turns out to be damaged, rebuild it from the captures and do the work again.

    A process that is killed while DuckDB rewrites a block in place may leave half of it written (seen once in about
    sixty kills during a checkpoint). The file cannot be opened then, but nothing is lost, since captures and journal
    contain all that was recorded. The damaged file is kept beside the new one.

    Raises:
        WarehouseDamagedError: if captures are missing or damaged too, so that the rebuilt warehouse would lack rows.
    """
    try:
        return work()
    except WarehouseDamagedError as damage:
        store = CaptureStore(home)
        batches = store.batches()
        if gone := sum(line["batch_id"] not in batches for line in store.journal()):
            raise WarehouseDamagedError(
                f"{damage}; captures of {gone} recorded batches are missing, so no rebuild was tried"
            ) from damage
        tell(f"{damage}: doing so now")
        try:
            rebuild_warehouse(home, tell)
        except CaptureDamagedError as more:
            raise WarehouseDamagedError(f"{damage}; that failed: {more}") from damage
        return work()


class _RebuildHome(Home):
    """A home whose work file has another name, so that a killed rebuild leaves the old work file in place."""

    @property
    def work_file(self) -> Path:
        """See `Home`; upkeep deletes it if it is left behind."""
        return self.root / "work" / ".tmp-rebuild.duckdb"


def _remove(work_file: Path) -> None:
    for suffix in (".wal", ""):
        work_file.with_name(work_file.name + suffix).unlink(missing_ok=True)


def _put_in_place(home: Home, made: Path, stamp: str) -> None:
    """Move the rebuilt file to the place of the work file; the old one is kept beside it."""
    flush(made)
    old = home.work_file
    if old.exists():
        kept = old.with_name(f"{old.stem}-{stamp}.duckdb")
        kept.unlink(missing_ok=True)
        try:
            kept.hardlink_to(old)
        except OSError:  # a file system without links
            shutil.copy2(old, kept)
        # DuckDB must not apply the write-ahead log of the old file to the new one.
        log = old.with_name(old.name + ".wal")
        if log.exists():
            log.replace(kept.with_name(kept.name + ".wal"))
    made.replace(old)


def rebuild_warehouse(home: Home, tell: Tell) -> dict[str, int]:
    """Replace the work file by one made from captures and journal alone: same rows, same clocks.

    Batches are recorded in the order and with the `recorded_at` of the journal; captures that were never recorded come
    last. The old file is kept beside the new one. For a lake, the file is made on this machine, and then its rows
    replace those of the lake in one transaction.

    Raises:
        CaptureDamagedError: if a capture cannot be read; nothing was replaced then.
    """
    is_lake = isinstance(lake := store_of(home), LakeStore)
    made_in = FileStore(_RebuildHome(home.root))
    store = CaptureStore(home)
    pending_captures.rescue(home)
    with write_lock(home), FileStore(home).write_lock() if is_lake else nullcontext():
        # Read under the lock, so that what another run recorded before is included.
        batches = store.batches()
        lines = store.journal()
        journal = [line for line in lines if line["batch_id"] in batches]
        _remove(made_in.home.work_file)
        try:
            with made_in.open_for_writing(catalog()) as con:
                results = _record_all(con, home, store, batches, journal, tell)
            stamp = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}"
            if len(journal) < len(lines) and isinstance(kept := journal_in(store.files), FileJournal):
                tell(f"captures of {len(lines) - len(journal)} recorded batches are missing: left out")
                kept.replace(journal, f"journal-{stamp}.jsonl")
            _put_in_place(home, made_in.home.work_file, stamp)
        finally:
            _remove(made_in.home.work_file)
        if isinstance(lake, LakeStore):
            replace_rows(lake, home.work_file, catalog())
    return loading.summarise(results)


def _record_all(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    store: CaptureStore,
    batches: dict[str, list[Capture]],
    journal: list[dict],
    tell: Tell,
) -> list[loading.Loaded]:
    """Record the batches of the journal as they were recorded before, then those that are in no journal."""
    recording.sync_sources(con)
    recording.load_reference(con, home)
    recorder = loading.Recorder(con, home, catalog(), reading.parse_again(home), ZoneFuels(home), keep_journal=False)
    results: list[loading.Loaded] = []
    for number, line in enumerate(journal, 1):
        batch = parsed_batch(store, batches[line["batch_id"]], line["outcome"], line.get("message"))
        results.append(recorder.record(batch, instant_of(line["recorded_at_us"]), line["load_number"]))
        if number % 25 == 0 or number == len(journal):
            tell(f"{number} of {len(journal)} batches")
    recorded = {line["batch_id"] for line in journal}
    for batch_id, captures in batches.items():
        if batch_id not in recorded:
            results.append(recorder.record(parsed_batch(store, captures, "loaded", None)))
    recording.match_accelerators(con)
    return results


def verify(home: Home, tell: Tell) -> list[str]:
    """Check captures, work file and published file; returns the problems, one line each."""
    store = CaptureStore(home)
    problems = store.damaged(tell)
    if not is_shared() and not home.root.exists():
        return problems + _problems_of_published(home, tell)
    if not is_shared() and not home.is_writable():
        # Such as a backup that is mounted read-only: check what can be read.
        tell(f"{home.work_file} is not read: opening it writes, and {home.root} is not writable")
        return problems + _problems_of_published(home, tell)
    with write_lock(home):
        if store_of(home).exists():
            problems += _problems_of_work(home, store, tell)
        elif store.last_load_number():
            problems.append(
                f"the work file {home.work_file} is gone: the next run, or `petaday rebuild`, makes it again from the captures"
                if not is_shared()
                else f"{store_of(home).name} is empty, but captures were recorded: `petaday rebuild` fills it from them"
            )
    if is_shared() and not home.published_file.exists():
        tell("no file was published from this home: `petaday publish` makes one")
        return problems
    return problems + _problems_of_published(home, tell)


def _problems_of_work(home: Home, store: CaptureStore, tell: Tell) -> list[str]:
    """Problems of the warehouse itself; every block of it is read."""
    try:
        with open_work(home, catalog()) as con:
            loading.check_against_journal(con, home, store.last_load_number())
            problems = _verify_tables(con, store, store_of(home).name, tell)
            for line in due_for_rebuild(con):
                tell(line)
    except (WarehouseDamagedError, duckdb.Error) as e:
        return [str(e).splitlines()[0]]
    return problems


def _problems_of_published(home: Home, tell: Tell) -> list[str]:
    """Problems of the published file; every block of it is read."""
    try:
        # The file, not the lake that readers of a shared home use.
        with FileStore(home).open_for_reading() as con:
            problems = [f"published file: {p}" for p in _scan(con)]
            tell(
                f"publication {con.execute('SELECT max(publication_number) FROM meta.publication').fetchall()[0][0]} read in full"
            )
    except (PetadayError, duckdb.Error) as e:
        return [str(e).splitlines()[0]]
    return problems


def _scan(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Read every block of every table."""
    names = con.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT internal AND database_name = current_database()"
    ).fetchall()
    return unreadable(con, [name for (name,) in names], "SELECT bit_xor(hash(t)) FROM {name} t")


def _verify_tables(con: duckdb.DuckDBPyConnection, store: CaptureStore, place: str, tell: Tell) -> list[str]:
    problems = _scan(con)
    known = {c.capture_id for c in store.captures()}
    recorded = {r[0] for r in con.execute("SELECT DISTINCT capture_id FROM meta.capture").fetchall()}
    if lost := recorded - known:
        problems.append(f"{len(lost)} recorded captures have no file, first {min(lost)}")
    for subject in catalog().subjects:
        orphans = con.execute(
            f"SELECT count(*) FROM {subject.log_name} l ANTI JOIN meta.capture c USING (capture_id)"
        ).fetchall()[0][0]
        if orphans:
            problems.append(f"{subject.log_name}: {orphans} rows whose capture is not recorded")
    problems += misfiled_slots(con, catalog())
    tell(f"{place} read in full; {len(recorded)} captures recorded, {len(known - recorded)} waiting")
    return problems
