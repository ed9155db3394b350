"""The embedded store: one DuckDB file that only a writer under the lock opens, and the published file for readers.

DuckDB lets one process write, and then no other may even read; so writers queue on a `flock`, keep the work file open
for one short session and close it, and nobody else opens it at all.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse import schema
from warehouse.errors import NotPublishedError, PetadayError, WarehouseDamagedError, is_disk_full
from warehouse.files import Files, LocalFiles
from warehouse.home import Home
from warehouse.quoting import literal
from warehouse.sessions import configure, interruptible

#: Storage of 1.5.0 or later refuses a stray write-ahead log instead of replaying it onto another file.
STORAGE_VERSION = "v1.5.0"
#: Bytes of write-ahead log that may wait for a later session: reading them again takes it some 7 ms of CPU, folding
#: them into the file 35 to 80, since the whole catalog and each row group that was added to are written anew.
WAITING_WAL_BYTES = 256 << 10
_CORRUPT = re.compile(r"corrupt|checksum", re.IGNORECASE)
_NOT_WHOLE = re.compile(r"enough bytes|not a valid DuckDB database")
_FICLONE = 0x40049409  # ioctl: share the blocks of another file (XFS, Btrfs)


@dataclass(frozen=True, slots=True)
class FileStore:
    """The warehouse as a file under the home folder."""

    home: Home

    @property
    def name(self) -> str:
        """See `Store`."""
        return str(self.home.work_file)

    def exists(self) -> bool:
        """See `Store`."""
        return self.home.work_file.exists()

    @contextmanager
    def write_lock(self) -> Generator[None]:
        """See `Store`: a `flock`, which ends with the process, however it ends."""
        self.home.create()
        descriptor = os.open(self.home.lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def open_for_writing(
        self, catalog: schema.Catalog, *, may_leave_wal: bool = False
    ) -> Generator[duckdb.DuckDBPyConnection]:
        """See `Store`; a clean exit folds what it wrote into the file, which is whole then without a write-ahead log.

        Raises:
            WarehouseDamagedError: if DuckDB cannot read the file.
            SchemaTooNewError: if a newer Petaday wrote it.
        """
        # One thread reads the catalog; a second one would only spin while it waits, which doubles the CPU time of opening.
        con = duckdb.connect(config={"threads": 1})
        with closing(con), interruptible(con):
            configure(con)
            con.execute("PRAGMA disable_checkpoint_on_shutdown").fetchall()
            before = self._wal_bytes()
            try:
                con.execute(
                    f"ATTACH {literal(str(self.home.work_file))} AS warehouse (STORAGE_VERSION '{STORAGE_VERSION}')"
                ).fetchall()
                con.execute("RESET threads").fetchall()
                con.execute("USE warehouse").fetchall()
                # Only rows may wait: replaying changed definitions is where DuckDB has had its faults.
                may_leave_wal &= not schema.apply(con, catalog)
            except (
                duckdb.IOException,
                duckdb.SerializationException,
                duckdb.InternalException,
                duckdb.FatalException,
            ) as e:
                if is_disk_full(e):
                    raise
                raise self._damaged(e) from e
            try:
                yield con
                after = self._wal_bytes()
                if after > WAITING_WAL_BYTES or (after != before and not may_leave_wal):
                    con.execute("CHECKPOINT").fetchall()
            except (duckdb.IOException, duckdb.FatalException, duckdb.InternalException) as e:
                # A block is read, and its checksum compared, only when somebody asks for it.
                if _CORRUPT.search(str(e)):
                    raise self._damaged(e) from e
                raise

    @property
    def _wal(self) -> Path:
        return self.home.work_file.with_name(self.home.work_file.name + ".wal")

    def _wal_bytes(self) -> int:
        return self._wal.stat().st_size if self._wal.exists() else 0

    def _damaged(self, error: duckdb.Error) -> WarehouseDamagedError:
        return WarehouseDamagedError(
            f"the work file {self.home.work_file} cannot be read: {str(error).splitlines()[0]} - "
            "`petaday rebuild` makes it again from the captures"
        )

    @contextmanager
    def write_session(
        self, catalog: schema.Catalog, *, may_leave_wal: bool = False
    ) -> Generator[duckdb.DuckDBPyConnection]:
        """See `Store`."""
        with self.write_lock(), self.open_for_writing(catalog, may_leave_wal=may_leave_wal) as con:
            yield con

    @contextmanager
    def open_for_reading(self) -> Generator[duckdb.DuckDBPyConnection]:
        """See `Store`: the published file.

        Raises:
            NotPublishedError: if nothing was published yet.
            WarehouseDamagedError: if the file is not whole.
        """
        if not self.home.published_file.exists():
            raise NotPublishedError(f"nothing is published in {self.home.root} yet: run `petaday run` first")
        try:
            with duckdb.connect(str(self.home.published_file), read_only=True) as con, interruptible(con):
                configure(con)
                yield con
        except duckdb.Error as e:
            if damage := self._damaged_published(e):
                raise damage from e
            raise

    def _damaged_published(self, error: duckdb.Error) -> WarehouseDamagedError | None:
        """The error in words of what to do, if it says that the published file is not whole."""
        text = str(error).splitlines()[0]
        # A query may meet other files that cannot be read.
        if not _CORRUPT.search(text) and not (_NOT_WHOLE.search(text) and str(self.home.published_file) in text):
            return None
        return WarehouseDamagedError(
            f"the published file {self.home.published_file} is damaged: {text} - `petaday publish` makes it again"
        )

    def check_before_commit(self, con: duckdb.DuckDBPyConnection) -> None:
        """See `Store`: a `flock` cannot be lost."""

    def copy_to(self, target: Path, catalog: schema.Catalog) -> None:
        """See `Store`: the bytes of the file, shared with it where the file system can."""
        if self._wal.exists():
            raise PetadayError(
                f"{self.home.work_file} still has a write-ahead log after a checkpoint; nothing was copied"
            )
        with self.home.work_file.open("rb") as reader, target.open("wb") as writer:
            try:
                fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
            except OSError:
                shutil.copyfileobj(reader, writer, 8 << 20)
            writer.flush()
            os.fsync(writer.fileno())

    def is_interruption(self, error: BaseException) -> bool:
        """See `Store`: nothing of a file goes away for a while."""
        return False

    def byte_count(self) -> int:
        """See `Store`: whole blocks of the work file."""
        return self.home.work_file.stat().st_blocks * 512 if self.home.work_file.exists() else 0

    def files(self, room: str) -> Files:
        """See `Store`."""
        folders = {
            "captures": self.home.captures_dir,
            "staged": self.home.staged_dir,
            "latest": self.home.root / "work" / "latest",
            "state": self.home.root / "work",
        }
        return LocalFiles(folders[room])
