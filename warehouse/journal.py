"""The journal of recorded batches, from which, together with the captures, a warehouse can be rebuilt."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from warehouse.files import Files, LocalFiles

_FOLDER = "journal"
#: Bytes at the end of the file in which the last entry is sought: an entry has about 200, and a message up to 2,000
#: more.
_TAIL = 16 << 10


class Journal(Protocol):
    """Entries (each with its `load_number`) in order."""

    def read(self) -> list[dict]:
        """All entries."""
        ...

    def last(self) -> int:
        """The last `load_number`, or 0."""
        ...

    def append(self, entries: list[dict]) -> None:
        """Add entries; they are durable when this returns."""
        ...


def _whole(text: bytes) -> Iterator[dict]:
    """The entries of a journal's complete lines."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


class FileJournal:
    """One JSON line per entry in `journal.jsonl`."""

    def __init__(self, file: Path) -> None:
        """Bind to a file, which is created with the first entry."""
        self.file = file

    def read(self) -> list[dict]:
        """See `Journal`; without a last line that a crash left incomplete."""
        return list(_whole(self.file.read_bytes())) if self.file.exists() else []

    def last(self) -> int:
        """See `Journal`; only the end of the file is read, since every session calls this."""
        if not self.file.exists():
            return 0
        with self.file.open("rb") as file:
            start = max(file.seek(0, os.SEEK_END) - _TAIL, 0)
            file.seek(start)
            # The first line of the tail may be incomplete and is then skipped.
            numbers = [entry["load_number"] for entry in _whole(file.read())]
        if start and not numbers:
            numbers = [entry["load_number"] for entry in self.read()]
        return numbers[-1] if numbers else 0

    def append(self, entries: list[dict]) -> None:
        """See `Journal`."""
        data = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
        if not data:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    data = b"\n" + data
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def replace(self, entries: list[dict], kept_as: str) -> None:
        """Replace all entries; the old file is kept under the name `kept_as`."""
        if self.file.exists():
            self.file.replace(self.file.with_name(kept_as))
        self.append(entries)


class ObjectJournal:
    """One object per append, named by its first and last number: an object store cannot add to a file."""

    def __init__(self, files: Files) -> None:
        """Bind to a store."""
        self.files = files

    def read(self) -> list[dict]:
        """See `Journal`."""
        texts = (self.files.read(key) for key in self.files.names(_FOLDER, ".jsonl"))
        return [json.loads(line) for text in texts for line in text.splitlines()]

    def last(self) -> int:
        """See `Journal`."""
        keys = self.files.names(_FOLDER, ".jsonl")
        return int(keys[-1].removesuffix(".jsonl").rpartition("-")[2]) if keys else 0

    def append(self, entries: list[dict]) -> None:
        """See `Journal`."""
        if entries:
            first, last = entries[0]["load_number"], entries[-1]["load_number"]
            text = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
            self.files.write(f"{_FOLDER}/{first:012d}-{last:012d}.jsonl", text)


def journal_in(files: Files) -> Journal:
    """The journal of these captures."""
    return FileJournal(files.root / "journal.jsonl") if isinstance(files, LocalFiles) else ObjectJournal(files)
