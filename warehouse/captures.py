"""What a capture is: the exact bytes of one answer of a publisher, when and how they were received, and its ids.

`warehouse.capture_store` stores them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

#: A document of at most this size is read into memory once, and hashed, compressed and parsed there.
_SMALL = 8 << 20


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of one answer, in a spooled file or in memory, and how they were received."""

    #: File of the bytes; a page that is parsed from memory at once may never be written to it.
    path: Path
    url: str
    fetched_at: dt.datetime
    extension: str
    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    #: The bytes, if they are in memory.
    body: bytes | None = field(default=None, repr=False, compare=False)

    def read_bytes(self, limit: int = 1 << 30) -> bytes:
        """The whole body.

        Raises:
            ValueError: if it is larger than `limit` bytes.
        """
        if self.body is not None and len(self.body) <= limit:
            return self.body
        if (size := self.path.stat().st_size) > limit:
            raise ValueError(f"{self.url}: {size} bytes, more than the limit of {limit}")
        return self.path.read_bytes()

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.body) if self.body is not None else self.path.stat().st_size

    @property
    def is_large(self) -> bool:
        """True if storing it takes a while: it is hashed and compressed block by block, from its file."""
        return self.size > _SMALL

    def in_memory(self) -> Document:
        """The same with its bytes in memory, unless it is large."""
        return self if self.body is not None or self.is_large else replace(self, body=self.path.read_bytes())

    def in_file(self) -> Document:
        """The same without its bytes in memory."""
        return self if self.body is None else replace(self, body=None)

    def spool(self) -> None:
        """Write bytes that are only in memory to their file, so that they can be read again."""
        if self.body is not None and not self.path.exists():
            self.path.write_bytes(self.body)


@dataclass(frozen=True, slots=True)
class Capture:
    """One stored document, as its sidecar file describes it."""

    capture_id: str
    batch_id: str
    batch_index: int
    batch_size: int
    source_id: str
    url: str
    fetched_at: str
    http_status: int | None
    etag: str | None
    last_modified: str | None
    sha256: str
    byte_count: int
    extension: str
    #: Size of the compressed file; None where an earlier version stored it.
    stored_byte_count: int | None = None

    @classmethod
    def unread(
        cls,
        source_id: str,
        url: str,
        fetched_at: dt.datetime,
        extension: str,
        *,
        http_status: int | None = None,
        etag: str | None = None,
        last_modified: str | None = None,
        batch_index: int = 0,
    ) -> Capture:
        """A capture before its bytes are read and its batch is known: without ids, hash and sizes."""
        return cls(
            capture_id="",
            batch_id="",
            batch_index=batch_index,
            batch_size=1,
            source_id=source_id,
            url=url,
            fetched_at=fetched_at.astimezone(dt.UTC).isoformat(),
            http_status=http_status,
            etag=etag,
            last_modified=last_modified,
            sha256="",
            byte_count=0,
            extension=extension,
        )

    def as_dict(self) -> dict[str, Any]:
        """Every field by its name; they are plain values."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @property
    def fetched(self) -> dt.datetime:
        """`fetched_at` as an instant."""
        return dt.datetime.fromisoformat(self.fetched_at)

    @property
    def folder(self) -> Path:
        """Folder below the captures folder."""
        return Path(self.source_id) / f"{self.fetched:%Y}" / f"{self.fetched:%m}"

    @property
    def path(self) -> Path:
        """File of the compressed bytes below the captures folder."""
        return self.folder / f"{self.sha256}.{self.extension}.zst"

    @property
    def sidecar(self) -> Path:
        """File of this description below the captures folder, shared by all pages of an answer (of one month)."""
        return self.folder / f"{self.capture_id if self.batch_size == 1 else self.batch_id}.json"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:16]


def identified(captures: Sequence[Capture]) -> list[Capture]:
    """The captures of one batch, in order, with their ids: hashes of source, time, address, bytes and index in the batch.

    The address is included because it may tell what the bytes are about: the files of two clouds may be equal for a
    while.
    """
    ids = [_digest(c.source_id, c.fetched_at, c.url, c.sha256, str(c.batch_index)) for c in captures]
    batch_id = ids[0] if len(ids) == 1 else _digest(*ids)
    return [
        replace(c, capture_id=each, batch_id=batch_id, batch_size=len(captures))
        for each, c in zip(ids, captures, strict=True)
    ]
