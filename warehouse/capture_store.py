"""The store of captures: the exact bytes that publishers sent, kept even if they cannot be parsed.

`captures/<source>/<yyyy>/<mm>/<sha256>.<ext>.zst` holds the bytes (once per month, however often they were sent), and a
sidecar beside them says when and from where they came: `<capture_id>.json`, or `<batch_id>.json` for all pages of one
answer. `journal.jsonl` lists the recorded batches in order with their `recorded_at`, so that the warehouse can be
rebuilt from this folder alone, on the same two clocks. See `warehouse.pending_captures` for documents that are parsed
while they are stored.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import zstandard

from warehouse.captures import Capture, Document, identified
from warehouse.errors import CaptureDamagedError
from warehouse.home import Home
from warehouse.journal import journal_in
from warehouse.retry import retried_if_interrupted
from warehouse.store import store_of

_BLOCK = 1 << 20
#: Level of zstd.
_LEVEL = 1
#: Threads that compress and write the pages of one answer while others arrive; more would slow down fetching.
_WRITERS = 2
#: Pages that may wait for these threads: if pages arrive faster than they are stored, fetching waits.
_WAITING = 8
#: Threads that compress a large file.
_COMPRESSORS = 4
#: Threads that move the files of a batch into place; an object store takes many at once.
_MOVERS = 16
#: Slashes in the key of a sidecar: source/year/month/capture.json.
_DEPTH = 3
_SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}\Z")
_SAFE_EXTENSION = re.compile(r"[a-z0-9]{1,8}\Z")

#: State of stored bytes; "not here" if the store holds no captures at all.
BytesState = Literal["match", "changed", "missing", "not here"]


class _PerThread(threading.local):
    """One compressor per thread: creating one per small page takes as long as compressing the page."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)


_per_thread = _PerThread()


def _compress(file: Path, target: BinaryIO) -> tuple[str, int]:
    """Compress a large file block by block, in other threads than the hashing; returns (sha256, size)."""
    digest, size, block = hashlib.sha256(), 0, bytearray(_BLOCK)
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=min(os.cpu_count() or 1, _COMPRESSORS))
    with file.open("rb", buffering=0) as source, compressor.stream_writer(target, closefd=False) as writer:
        while count := source.readinto(block):
            read = memoryview(block)[:count]
            digest.update(read)
            size += count
            writer.write(read)
    return digest.hexdigest(), size


class CaptureStore:
    """The captures of one warehouse, and the journal of its recorded batches."""

    def __init__(self, home: Home) -> None:
        """Open the store; its folder is created with the first file."""
        self.home = home
        self.files = store_of(home).files("captures")
        self._journal = journal_in(self.files)

    # Writing ----------------------------------------------------------------------------------------------------------

    def _store_bytes(self, document: Document, folder: Path) -> tuple[str, int, Path]:
        """Compress and hash a document into a file in `folder`; returns (sha256, size, temporary file)."""
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".tmp-")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as target:
                if document.body is not None:
                    sha256, size = hashlib.sha256(document.body).hexdigest(), len(document.body)
                    target.write(_per_thread.compressor.compress(document.body))
                else:
                    sha256, size = _compress(document.path, target)
                    # In parallel with parsing; small pages are flushed when they are moved into place.
                    os.fsync(target.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return sha256, size, temporary

    @retried_if_interrupted
    def _keep(
        self, source_id: str, index: int, document: Document, known: Mapping[str, Any] | None
    ) -> tuple[Capture, Path | None]:
        """Compress one document of a batch; returns its capture and the temporary file (None if the bytes are stored already)."""
        capture = Capture.unread(
            source_id,
            document.url,
            document.fetched_at,
            document.extension,
            http_status=document.http_status,
            etag=document.etag,
            last_modified=document.last_modified,
            batch_index=index,
        )
        repeated = self.known_bytes(capture, known)
        # Hashing takes half the time of storing, so it is only tried if the sizes are equal.
        if repeated is not None and document.size == repeated.byte_count:
            with io.BytesIO(document.body) if document.body is not None else document.path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == repeated.sha256:
                    return repeated, None
        folder = self.files.scratch_folder(f"{capture.folder.as_posix()}/_")
        sha256, size, temporary = self._store_bytes(document, folder)
        stored = temporary.stat().st_size
        return replace(capture, sha256=sha256, byte_count=size, stored_byte_count=stored), temporary

    def known_bytes(self, capture: Capture, known: Mapping[str, Any] | None) -> Capture | None:
        """The capture with the hash and sizes of the last answer of its address; None if these bytes are not in its folder.

        Args:
            capture: without hash and sizes.
            known: `sha256`, `byte_count` and `stored_byte_count` of the last answer of this address.
        """
        if not known or not known.get("byte_count") or not known.get("stored_byte_count"):
            return None
        sizes = {name: known[name] for name in ("sha256", "byte_count", "stored_byte_count")}
        repeated = replace(capture, **sizes)
        return repeated if self.files.size(repeated.path.as_posix()) == repeated.stored_byte_count else None

    def store(
        self,
        source_id: str,
        documents: Iterable[Document],
        known: Mapping[str, Mapping[str, Any]] | None = None,
        when_kept: Callable[[int, Document, Capture], None] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> list[Capture]:
        """Store the documents of one batch; storing the same batch again changes nothing.

        Each document is hashed, compressed and written while the next ones arrive. After the last one all are flushed
        to the disk and get their ids and sidecars: a batch that is interrupted leaves nothing behind.

        Args:
            source_id: publisher.
            documents: pages of one answer, in order; the iterable may fetch them on demand.
            known: what is remembered of the last answers, by address (see `known_bytes`): their bytes are not
                compressed again.
            when_kept: called after each document is written with (index, document, capture without ids), in any order
                and from any thread; if it raises, nothing of the batch is stored.
            meanwhile: called after the last document has arrived, while documents are still being written; an exception
                is raised once all are stored.

        Raises:
            ValueError: if source id or extension is not a safe file name.
        """
        if not _SAFE_NAME.match(source_id):
            raise ValueError(f"not a source id: {source_id!r}")

        def keep(index: int, document: Document) -> tuple[Capture, Path | None]:
            try:
                document = document.in_memory()
                kept = self._keep(source_id, index, document, (known or {}).get(document.url))
                if when_kept is not None:
                    when_kept(index, document, kept[0])
                return kept
            except BaseException:
                broken.set()
                raise
            finally:
                room.release()

        tasks: list[Future[tuple[Capture, Path | None]]] = []
        room, broken = threading.BoundedSemaphore(_WAITING), threading.Event()
        failure: BaseException | None = None
        try:
            # Threads, so that pages are hashed and compressed while the next ones are fetched.
            with ThreadPoolExecutor(_WRITERS) as pool:
                for index, document in enumerate(documents):
                    if not _SAFE_EXTENSION.match(document.extension):
                        raise ValueError(f"not a file extension: {document.extension!r}")
                    if broken.is_set():
                        break
                    room.acquire()
                    tasks.append(pool.submit(keep, index, document))
                try:
                    if meanwhile is not None:
                        meanwhile()
                except BaseException as e:  # noqa: BLE001 - raised below, once all documents are kept
                    failure = e
            kept = [task.result() for task in tasks]
            if not kept:
                return []
            captures = identified([capture for capture, _ in kept])
            with ThreadPoolExecutor(min(_MOVERS, len(kept))) as pool:
                list(pool.map(self._put, captures, [temporary for _, temporary in kept]))
            self._write_sidecars(captures)
        finally:
            for task in tasks:
                if task.exception() is None and (temporary := task.result()[1]) is not None:
                    temporary.unlink(missing_ok=True)
        if failure is not None:
            raise failure
        return captures

    def add_sidecar(self, capture: Capture) -> Capture:
        """Store a capture whose bytes are stored already (see `known_bytes`) as a batch of its own; returns it with its ids."""
        (identified_capture,) = identified([capture])
        self._write_sidecars([identified_capture])
        return identified_capture

    @retried_if_interrupted
    def _put(self, capture: Capture, temporary: Path | None) -> None:
        """Move the compressed bytes to their key unless it exists: equal bytes of one source and month share a key."""
        if temporary is None:
            return
        key = capture.path.as_posix()
        if self.files.size(key) == capture.stored_byte_count:
            temporary.unlink(missing_ok=True)
        else:
            self.files.put(temporary, key)

    @retried_if_interrupted
    def _write_sidecars(self, captures: Sequence[Capture]) -> None:
        """Write the sidecars of one batch, after all of its bytes are in place: one file per month for all pages."""
        described: dict[str, list[Capture]] = {}
        for capture in captures:
            described.setdefault(capture.sidecar.as_posix(), []).append(capture)
        for key, of_month in described.items():
            if self.files.size(key) is None:
                # One line per page: indented, a thousand of them would take noticeably longer to read.
                lines = ",\n".join(json.dumps(c.as_dict()) for c in of_month)
                text = f"[\n{lines}\n]" if len(captures) > 1 else json.dumps(of_month[0].as_dict(), indent=1)
                self.files.write(key, text.encode())

    # Reading ----------------------------------------------------------------------------------------------------------

    def captures(self) -> Iterator[Capture]:
        """Every capture, by its sidecar."""
        for key in self.files.names(suffix=".json"):
            if key.count("/") == _DEPTH:
                yield from self._read_sidecar(key)

    def captures_of(self, source_id: str) -> Iterator[Capture]:
        """Every capture of one source, latest month first."""
        for key in reversed(self.files.names(source_id, suffix=".json")):
            yield from self._read_sidecar(key)

    def _read_sidecar(self, sidecar: str) -> Iterator[Capture]:
        found = json.loads(self.files.read(sidecar))
        for each in found if isinstance(found, list) else [found]:
            yield Capture(**each)

    def batches(self) -> dict[str, list[Capture]]:
        """Captures by batch, pages in order, without batches that lack a page."""
        found: dict[str, list[Capture]] = {}
        for capture in self.captures():
            found.setdefault(capture.batch_id, []).append(capture)
        return {
            batch_id: sorted(captures, key=lambda c: c.batch_index)
            for batch_id, captures in found.items()
            if len(captures) == captures[0].batch_size
        }

    def _unpack(self, path: str, byte_count: int, target: BinaryIO | None = None) -> tuple[str, int]:
        """Decompress a stored file, into `target` if it is given; returns (sha256, size).

        Stops after more than `byte_count` bytes, since a damaged or hostile file may unpack to any size.

        Raises:
            zstandard.ZstdError: if it is not a zstd file.
            OSError: if it does not exist or cannot be read.
        """
        digest, size = hashlib.sha256(), 0
        with self.files.open(path) as file:
            for block in zstandard.ZstdDecompressor().read_to_iter(file, read_size=_BLOCK):
                size += len(block)
                if size > byte_count:
                    break
                digest.update(block)
                if target is not None:
                    target.write(block)
        return digest.hexdigest(), size

    def _name(self, capture: Capture) -> str:
        """A capture and its file, for messages."""
        return f"capture {capture.capture_id} ({self.files.where(capture.path.as_posix())})"

    def _way_out(self, capture: Capture) -> str:
        """What to do about a damaged capture, for messages."""
        return (
            "restore the file from a backup of captures/; without one, delete "
            f"{self.files.where(capture.sidecar.as_posix())}, and `petaday rebuild` leaves its rows out"
        )

    def open_document(self, capture: Capture) -> Document:
        """Unpack a capture into the spool folder, checking its hash; the caller deletes the file.

        Raises:
            CaptureDamagedError: if the bytes are missing or do not match their hash.
        """
        self.home.spool_dir.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.home.spool_dir, suffix=f".{capture.extension}")
        try:
            with os.fdopen(descriptor, "wb") as target:
                found = self._unpack(capture.path.as_posix(), capture.byte_count, target)
            if found != (capture.sha256, capture.byte_count):
                raise CaptureDamagedError(f"{self._name(capture)} does not match its SHA-256: {self._way_out(capture)}")
        except (zstandard.ZstdError, FileNotFoundError) as e:
            Path(name).unlink(missing_ok=True)
            raise CaptureDamagedError(f"{self._name(capture)} cannot be read: {e}: {self._way_out(capture)}") from e
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Document(
            Path(name),
            capture.url,
            capture.fetched,
            capture.extension,
            capture.http_status,
            capture.etag,
            capture.last_modified,
        )

    def state_of(self, path: str, sha256: str, byte_count: int) -> BytesState:
        """State of stored bytes, found by hashing them; nothing is written.

        Args:
            path: file below the captures folder, as `meta.capture` names it.
            sha256: hash that was recorded.
            byte_count: size that was recorded, uncompressed.

        Raises:
            OSError: if the file exists but cannot be read.
        """
        if self.files.size(path) is None:
            return "missing" if self.files.names() else "not here"
        try:
            return "match" if self._unpack(path, byte_count) == (sha256, byte_count) else "changed"
        except zstandard.ZstdError:
            return "changed"

    def damaged(self, tell: Callable[[str], None]) -> list[str]:
        """Hash the bytes of every capture, each file once; returns one line per damaged capture. Nothing is written."""
        problems: list[str] = []
        seen: set[Path] = set()
        count = 0
        for capture in self.captures():
            count += 1
            if capture.path in seen:
                continue
            seen.add(capture.path)
            name = self._name(capture)
            try:
                state = self.state_of(capture.path.as_posix(), capture.sha256, capture.byte_count)
            except OSError as e:
                problems.append(f"{name} cannot be read: {e.strerror or e}")
                continue
            if state != "match":
                what = "does not match its SHA-256" if state == "changed" else "cannot be read: it is not there"
                problems.append(f"{name} {what}: {self._way_out(capture)}")
        tell(f"{count} captures, {len(seen)} files: hashes compared")
        return problems

    def find_batch(self, batch_id: str, source_id: str) -> list[Capture]:
        """The captures of one batch.

        Raises:
            CaptureDamagedError: if a sidecar is missing.
        """
        found = [c for c in self.captures_of(source_id) if c.batch_id == batch_id]
        if not found or len(found) != found[0].batch_size:
            raise CaptureDamagedError(
                f"captures of batch {batch_id} of {source_id} are missing in {self.files.where()}"
            )
        return sorted(found, key=lambda c: c.batch_index)

    # The journal ------------------------------------------------------------------------------------------------------

    def journal(self) -> list[dict]:
        """One entry per recorded batch, in order, without a last line that a crash left incomplete."""
        return self._journal.read()

    def last_load_number(self) -> int:
        """Number of the last batch in the journal; 0 if it is empty."""
        return self._journal.last()

    def append_journal(self, entries: Iterable[dict]) -> None:
        """Add entries, flushed to the disk."""
        self._journal.append(list(entries))
