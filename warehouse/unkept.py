"""Bytes that are parsed while they are being stored: a note beside them, so that a parser that crashes cannot lose a capture.

A large answer is hashed and compressed while it is parsed. If the process dies in between, however it dies, the spooled
bytes are complete, and the note says how they came: the next run makes a capture of them. A locked note belongs to a live process.
(After a power cut the spool may have lost bytes; nothing of such an answer was recorded, and it is discarded.)
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from warehouse.captures import Capture, CaptureStore, Document
from warehouse.home import Home

SUFFIX = ".unkept"


@contextmanager
def noted(source_id: str, document: Document) -> Generator[None]:
    """Note how a spooled document came, until its bytes are kept or given up."""
    note = document.path.with_name(document.path.name + SUFFIX)
    making = note.with_name(f".tmp-{note.name}")
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
    with making.open("w", encoding="utf-8") as file:
        # Locked before it can be found: a note without an owner is one whose owner died.
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(about, file)
        file.flush()
        try:
            making.replace(note)
            yield
        finally:
            making.unlink(missing_ok=True)
            note.unlink(missing_ok=True)


def rescue(home: Home) -> list[Capture]:
    """Make captures of what processes that died had not kept yet; they wait like any capture that was never recorded."""
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
            # Its owner, or another who rescues, may have been done with it between opening and locking.
            if note.exists() and note.stat().st_ino == os.fstat(file.fileno()).st_ino:
                rescued += _kept(home, note, file.read())
    return rescued


def _read(text: str) -> dict[str, Any] | None:
    """A note; None if a power cut left only a part of it."""
    try:
        about = json.loads(text)
    except ValueError:
        return None
    return about if isinstance(about, dict) else None


def _kept(home: Home, note: Path, text: str) -> list[Capture]:
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
