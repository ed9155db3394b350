"""Migration of an embedded warehouse to a lake, and a comparison that proves that nothing was lost."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import duckdb

from assets.catalog import catalog
from warehouse.capture_store import CaptureStore
from warehouse.connection import translating_interruptions
from warehouse.errors import PetadayError
from warehouse.files import Files
from warehouse.home import Home
from warehouse.journal import journal_in
from warehouse.store import WAREHOUSE_VARIABLE, Store, equality, store_of
from warehouse.store.file import FileStore
from warehouse.store.lake import LakeStore, replace_rows
from warehouse.store.lake_admin import init
from warehouse.verifying import misfiled_slots

Tell = Callable[[str], None]
_BLOCK = 1 << 20


def lake_of(home: Home) -> LakeStore:
    """The lake that the environment names.

    Raises:
        PetadayError: if it names none.
    """
    store = store_of(home)
    if not isinstance(store, LakeStore):
        raise PetadayError(
            f"{WAREHOUSE_VARIABLE} names no lake: set it to ducklake:postgres:host=… dbname=… user=… (see docs/lake.md)"
        )
    return store


def migrate(home: Home, tell: Tell, *, is_replacing: bool = False) -> list[str]:
    """Copy the embedded warehouse under `home` into the lake (rows, captures, journal, staged batches), then compare.

    Can be restarted after any interruption: existing files are not copied again, and rows are copied in one
    transaction.

    Returns:
        What differs, one line each; empty when all is equal.

    Raises:
        PetadayError: if there is nothing to copy, or the lake holds rows already.
    """
    lake, file = lake_of(home), FileStore(home)
    if not file.exists():
        raise PetadayError(f"there is no embedded warehouse in {home.root}: nothing to migrate")
    init(lake, catalog())
    with translating_interruptions(lake), file.write_lock(), lake.write_lock():
        with lake.open_for_writing(catalog()) as con:
            loads = con.execute("SELECT count(*) FROM meta.capture").fetchall()[0][0]
        if loads and not is_replacing:
            raise PetadayError(
                f"{lake.name} holds {loads} captures already: --replace puts the embedded warehouse in their place"
            )
        with file.open_for_writing(catalog()):
            pass  # migrates an older file to the current schema
        for room in ("captures", "latest", "staged"):
            count = _copy_files(file.files(room), lake.files(room))
            tell(f"{room}: {count} files copied")
        _copy_state(file, lake)
        entries = journal_in(file.files("captures")).read()
        journal = journal_in(lake.files("captures"))
        last = journal.last()
        journal.append([e for e in entries if e["load_number"] > last])
        tell(f"journal: {len(entries)} entries")
        counts = replace_rows(lake, home.work_file, catalog())
        tell(f"rows: {sum(counts.values()):,} in {len(counts)} tables")
        return prove_equal(home, tell)


def _copy_state(file: Store, lake: Store) -> None:
    with suppress(FileNotFoundError):
        lake.files("state").write("publication", file.files("state").read("publication"))


def _copy_files(source: Files, target: Files) -> int:
    """Copy the files that do not exist yet, each atomically; the manifest of a batch is copied after its other files."""
    keys = [k for k in source.names() if not k.startswith("journal")]

    def copied(key: str) -> bool:
        if target.size(key) == source.size(key):
            return False
        descriptor, name = tempfile.mkstemp(dir=target.scratch_folder(key), prefix=".tmp-")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file, source.open(key) as stream:
                shutil.copyfileobj(stream, file, _BLOCK)
            target.put(temporary, key)
        finally:
            temporary.unlink(missing_ok=True)
        return True

    with ThreadPoolExecutor(8) as pool:
        first = sum(pool.map(copied, [k for k in keys if not k.endswith("/manifest.json")]))
    return first + sum(map(copied, [k for k in keys if k.endswith("/manifest.json")]))


def prove_equal(home: Home, tell: Tell, against: Path | None = None) -> list[str]:
    """Compare the lake with the embedded work file (captures and journal included), or with the file `against`."""
    lake, file = lake_of(home), FileStore(home)
    path = against or home.work_file
    if not path.exists():
        raise PetadayError(f"there is no file {path} to compare with")
    problems: list[str] = []
    with duckdb.connect(str(path), read_only=True) as con, lake.open_for_reading() as other:
        con.execute("SET TimeZone = 'UTC'").fetchall()
        result = equality.compare(con, other, catalog())
    problems += result.differences
    tell(
        f"compared {result.table_count} tables ({result.row_count:,} rows) and {result.answer_count} answers on both clocks"
    )
    if against is None:
        problems += _compare_files(file.files("captures"), lake.files("captures"), tell)
        if journal_in(file.files("captures")).read() != journal_in(lake.files("captures")).read():
            problems.append("the journals differ")
    return problems


def _compare_files(ours: Files, theirs: Files, tell: Tell) -> list[str]:
    keys = [k for k in ours.names() if not k.startswith("journal")]

    def differs(key: str) -> str | None:
        try:
            return None if _sha256(ours, key) == _sha256(theirs, key) else f"capture file {key} differs"
        except FileNotFoundError:
            return f"capture file {key} is missing in {theirs.where()}"

    with ThreadPoolExecutor(8) as pool:
        problems = [p for p in pool.map(differs, keys) if p]
    tell(f"compared {len(keys)} capture files byte for byte")
    return problems


def _sha256(files: Files, key: str) -> str:
    digest = hashlib.sha256()
    with files.open(key) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def check(home: Home, tell: Tell) -> list[str]:
    """Check a lake: every row readable, no assertion twice, load numbers in order, every capture undamaged."""
    lake = lake_of(home)
    problems: list[str] = []
    with translating_interruptions(lake), lake.open_for_reading() as con:
        for name in [*(s.log_name for s in catalog().subjects), *(t.full_name for t in catalog().tables)]:
            try:
                con.execute(f"SELECT bit_xor(hash(t)) FROM {name} t").fetchall()
            except duckdb.Error as e:
                problems.append(f"{name} cannot be read: {str(e).splitlines()[0]}")
        for subject in catalog().subjects:
            keys = ", ".join(
                ("source_id", "scope", *subject.keys, "valid_from", "observed_at", "capture_id", "recorded_at")
            )
            twice = con.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM {subject.log_name} GROUP BY {keys} HAVING count(*) > 1)"
            ).fetchall()[0][0]
            if twice:
                problems.append(f"{subject.log_name}: {twice} assertions are duplicated")
        problems += misfiled_slots(con, catalog())
        disorder = con.execute(
            "SELECT count(*) FROM (SELECT load_number, min(recorded_at) AS first_at, max(recorded_at) AS last_at, "
            "count(DISTINCT batch_id) AS batches, lag(max(recorded_at)) OVER (ORDER BY load_number) AS before_at "
            "FROM meta.capture GROUP BY load_number) WHERE batches > 1 OR first_at <> last_at OR first_at <= before_at"
        ).fetchall()[0][0]
        if disorder:
            problems.append(f"meta.capture: {disorder} load numbers out of order or used twice")
        tell(f"{lake.name}: every table read, no assertion twice, load numbers in order")
    return problems + CaptureStore(home).damaged(tell)
