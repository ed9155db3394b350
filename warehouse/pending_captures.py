"""Notes beside documents that are parsed while they are being stored, so that a crashing parser cannot lose a capture.

A large answer is hashed and compressed while it is parsed. If the process dies meanwhile, the spooled bytes are
complete, and the note has what the capture needs (source, URL, time, headers): the next run makes the capture. The
process that stores the document holds a file lock on the note, so an unlocked note belongs to a process that died.
(After a power cut the spooled file may be shorter than noted; nothing of it was recorded, and it is discarded.)
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from warehouse.capture_store import CaptureStore
from warehouse.captures import Capture, Document
from warehouse.files import is_file_at
from warehouse.home import Home

SUFFIX = ".pending"


@contextmanager
def pending(source_id: str, document: Document) -> Generator[None]:
    """Keep a locked note beside a spooled document while it is being stored; it remains only if the process dies."""
    note = document.path.with_name(document.path.name + SUFFIX)
    temporary = note.with_name(f".tmp-{note.name}")
    about = {
        "source_id": source_id,
        "url": document.url,
        "fetched_at": document.fetched_at.isoformat(),
        "extension": document.extension,
        "http_status": document.http_status,
        "etag": document.etag,
        "last_modified": document.last_modified,
        "byte_count": document.path.stat().st_size,
    }
    with temporary.open("w", encoding="utf-8") as file:
        # Locked before others can see it.
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(about, file)
        file.flush()
        try:
            temporary.replace(note)
            yield
        finally:
            temporary.unlink(missing_ok=True)
            note.unlink(missing_ok=True)


def rescue(home: Home) -> list[Capture]:
    """Make captures of the documents of processes that died while storing them; a rebuild records them like other captures."""
    rescued: list[Capture] = []
    for note in home.spool_dir.glob(f"*{SUFFIX}"):
        try:
            file = note.open("r+", encoding="utf-8")
        except FileNotFoundError:
            continue
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            # Its process, or another rescue, may have deleted it between opening and locking.
            if is_file_at(note, file.fileno()):
                rescued += _stored(home, note, file.read())
    return rescued


def _read(text: str) -> dict[str, Any] | None:
    """The fields of a note; None if a power cut left it incomplete."""
    try:
        about = json.loads(text)
    except ValueError:
        return None
    return about if isinstance(about, dict) else None


def _stored(home: Home, note: Path, text: str) -> list[Capture]:
    """The capture of a noted document, if note and bytes are complete; both files are removed."""
    spooled = note.with_name(note.name.removesuffix(SUFFIX))
    captures: list[Capture] = []
    about = _read(text)
    if about is not None and spooled.exists() and spooled.stat().st_size == about["byte_count"]:
        document = Document(
            spooled,
            about["url"],
            dt.datetime.fromisoformat(about["fetched_at"]),
            about["extension"],
            about["http_status"],
            about["etag"],
            about["last_modified"],
        )
        captures = CaptureStore(home).store(about["source_id"], [document])
    spooled.unlink(missing_ok=True)
    note.unlink(missing_ok=True)
    return captures
