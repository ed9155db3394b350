"""Publishing: the work file atomically becomes the file that people query.

Under the writers' lock and with the work file closed, it is copied to a temporary name in the same folder, flushed,
verified (`warehouse.verifying`), made read-only and renamed. Readers that have the old file open keep their view.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.capture_store import CaptureStore
from warehouse.connection import open_work, transaction, translating_interruptions, write_lock
from warehouse.errors import PetadayError
from warehouse.files import flush
from warehouse.home import Home
from warehouse.instants import instant_of
from warehouse.loading import check_against_journal
from warehouse.retry import retried_if_interrupted
from warehouse.schema import Catalog
from warehouse.settings import setting
from warehouse.store import store_of
from warehouse.verifying import problems_of_copy, row_counts

#: Earlier publications kept beside the current one, unless PETADAY_KEEP_PUBLICATIONS says otherwise.
KEPT_PUBLICATIONS = 3

_FINGERPRINT = """
    SELECT md5(concat_ws('|', (SELECT max(load_number) FROM meta.capture),
        (SELECT string_agg(table_name || sha256, ',' ORDER BY table_name) FROM meta.reference_file),
        (SELECT string_agg(name || fingerprint, ',' ORDER BY name) FROM meta.definition)))
"""


#: What DuckDB says of a file that another process holds open for writing.
_HELD = "Could not set lock on file"


class PublishError(PetadayError):
    """The published file could not be replaced; the earlier one is unchanged."""


@dataclass(frozen=True, slots=True)
class Publication:
    """The current publication, and whether this call made it."""

    number: int
    path: Path
    byte_count: int
    is_new: bool


def _published_state(home: Home) -> tuple[int, str]:
    """Number and content fingerprint of the last publication; (0, "") if there is none."""
    try:
        number, fingerprint = store_of(home).files("state").read("publication").decode().split()
        return int(number), fingerprint
    except (FileNotFoundError, ValueError):
        pass
    numbers = [int(p.stem.split("-")[1]) for p in home.publications_dir.glob("petaday-*.duckdb")]
    return max([*numbers, _number_of(home.published_file) or 0]), ""


def _number_of(file: Path) -> int | None:
    """The number of a publication by its own record; None if it is missing or damaged, 0 if it is open for writing elsewhere."""
    if not file.exists():
        return None
    try:
        with duckdb.connect(str(file), read_only=True) as con:
            return con.execute("SELECT max(publication_number) FROM meta.publication").fetchall()[0][0]
    except duckdb.Error as e:
        return 0 if _HELD in str(e) else None


@retried_if_interrupted
def publish(home: Home, catalog: Catalog, *, keep: int | None = None) -> Publication:
    """Publish the work file if its content changed since the last publication.

    Raises:
        PublishError: if the copy cannot be made (such as on a full disk) or differs from the warehouse; the published
            file is not changed.
    """
    if keep is None:
        keep = setting("PETADAY_KEEP_PUBLICATIONS", KEPT_PUBLICATIONS)
    store = store_of(home)
    with translating_interruptions(store), write_lock(home):
        last, known_fingerprint = _published_state(home)
        with open_work(home, catalog) as con:
            check_against_journal(con, home, CaptureStore(home).last_load_number())
            # First, so that readers of a rebuilt lake see its publications even if nothing new is published.
            _restore_from_publications(home, con, last)
            fingerprint = con.execute(_FINGERPRINT).fetchall()[0][0]
            # A damaged published file is made again even if nothing is new.
            if fingerprint == known_fingerprint and _number_of(home.published_file) is not None:
                return Publication(last, home.published_file, home.published_file.stat().st_size, is_new=False)
            number = last + 1
            with transaction(con):
                con.execute("DELETE FROM meta.publication WHERE publication_number >= ?", [number]).fetchall()
                con.execute("INSERT INTO meta.publication VALUES (?, now())", [number]).fetchall()
            counts = row_counts(con)
        temporary = home.published_file.with_name(f".{home.published_file.name}.{number}.tmp")
        try:
            store.copy_to(temporary, catalog)
            if problems := problems_of_copy(temporary, number, counts, catalog):
                raise PublishError(
                    f"publication {number} was not put in place: {'; '.join(problems[:5])}; {home.published_file} is still "
                    f"publication {last or 'none'} - run again, and `petaday check` if it stays"
                )
            temporary.chmod(0o444)
            _keep_previous(home, last, keep)
            # A write-ahead log left by a user who opened the file for writing must not be applied to the next file.
            home.published_file.with_name(home.published_file.name + ".wal").unlink(missing_ok=True)
            temporary.replace(home.published_file)
            home.published_file.with_name(home.published_file.name + ".wal").unlink(missing_ok=True)
            flush(home.root)
        except (OSError, duckdb.Error) as e:
            if store.is_interruption(e):
                raise
            raise PublishError(
                f"publication {number} failed: {e}; {home.published_file} is still publication {last or 'none'} - "
                "free space or repair the folder and run again"
            ) from e
        finally:
            temporary.unlink(missing_ok=True)
        store.files("state").write("publication", f"{number} {fingerprint}".encode())
        return Publication(number, home.published_file, home.published_file.stat().st_size, is_new=True)


def _restore_from_publications(home: Home, con: duckdb.DuckDBPyConnection, last: int) -> None:
    """Restore what captures do not contain after a rebuild: the list of publications and the history of estimates.

    They are read from the published file or, if it is damaged, from the newest earlier publication that can be read.
    """
    known = con.execute("SELECT count(*) FROM meta.publication").fetchall()[0][0]
    files = [home.published_file, *sorted(home.publications_dir.glob("petaday-*.duckdb"), reverse=True)]
    whole = next((file for file in files if _number_of(file)), None) if known < last else None
    if whole is None:
        return
    with duckdb.connect(str(whole), read_only=True) as published:
        rows = published.execute("SELECT publication_number, epoch_us(published_at) FROM meta.publication").fetchall()
        tables = published.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'meta'").fetchall()
        words = published.sql("FROM meta.estimate_word").to_arrow_table() if ("estimate_word",) in tables else None
    con.executemany(
        "INSERT INTO meta.publication SELECT $1, make_timestamptz($2) "
        "WHERE NOT EXISTS (FROM meta.publication WHERE publication_number = $1)",
        rows,
    )
    if words is not None:
        con.register("_words", words)
        con.execute(
            "INSERT INTO meta.estimate_word BY NAME FROM _words WHERE recorded_at < "
            "(SELECT coalesce(min(recorded_at), TIMESTAMPTZ 'infinity') FROM meta.estimate_word)"
        ).fetchall()
        # What was estimated anew after the rebuild and came out as before is no change.
        con.execute(
            "DELETE FROM meta.estimate_word WHERE rowid IN (SELECT rowid FROM (SELECT rowid, word IS NOT DISTINCT FROM lag(word) OVER "
            "(PARTITION BY word.scenario_id, word.quantity, word.method_version ORDER BY recorded_at) AS is_repeated FROM "
            "(SELECT rowid, recorded_at, struct_pack(scenario_id, quantity, method_version, low, central, high, unit, reason, "
            "is_bundled, is_estimated) AS word FROM meta.estimate_word)) WHERE is_repeated)"
        ).fetchall()
        con.unregister("_words")


@dataclass(frozen=True, slots=True)
class KeptPublication:
    """A publication that is kept; `problem` says why it cannot be opened, if so."""

    path: Path
    byte_count: int
    number: int | None
    published_at: dt.datetime | None
    is_current: bool
    problem: str | None = None


def kept_publications(home: Home) -> Iterator[KeptPublication]:
    """The publications of a home, oldest first, without those that upkeep removes meanwhile; each file is opened."""
    for file in [*sorted(home.publications_dir.glob("petaday-*.duckdb")), home.published_file]:
        is_current = file == home.published_file
        try:
            size = file.stat().st_size
            with duckdb.connect(str(file), read_only=True) as con:
                number, at = con.execute(
                    "SELECT publication_number, epoch_us(published_at) FROM meta.publication ORDER BY 1 DESC LIMIT 1"
                ).fetchall()[0]
        except FileNotFoundError:
            continue
        except (duckdb.Error, IndexError) as e:
            if file.exists():
                yield KeptPublication(file, size, None, None, is_current, f"cannot be opened: {str(e).splitlines()[0]}")
            continue
        yield KeptPublication(file, size, number, instant_of(at), is_current)


def _keep_previous(home: Home, number: int, keep: int) -> None:
    """Keep the file that is about to be replaced, unless it is damaged, and at most `keep` earlier publications."""
    if not number or _number_of(home.published_file) is None:
        return
    home.publications_dir.mkdir(exist_ok=True)
    kept = home.publications_dir / f"petaday-{number:08d}.duckdb"
    if keep > 0 and not kept.exists():
        try:
            kept.hardlink_to(home.published_file)
        except OSError:
            shutil.copy2(home.published_file, kept)
    for old in sorted(home.publications_dir.glob("petaday-*.duckdb"))[: -keep or None]:
        old.unlink()
