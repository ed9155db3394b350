"""Parsed batches on their way from a source to the log.

Fetching and parsing run in parallel and hold no lock; what they produce waits here, one folder per batch, until a
writer records it. A folder appears whole (by rename) and is removed after the commit, so a crash in between only means
that the batch is recorded again, which changes nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

from warehouse.captures import Capture
from warehouse.home import Home

REJECTED_SCHEMA = pl.Schema({"capture_id": pl.String, "reason": pl.String, "row_json": pl.String})


@dataclass(frozen=True, slots=True)
class StagedScope:
    """Rows about one scope: `frame` has the subject's columns, `capture_id` and perhaps `valid_from`."""

    scope: str
    is_complete: bool
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Batch:
    """One parsed batch. `outcome` is loaded, unchanged or rejected; `message` says why it was rejected."""

    source_id: str
    subject: str
    parser_version: int
    captures: Sequence[Capture]
    outcome: str
    message: str | None = None
    scopes: Sequence[StagedScope] = ()
    rejected: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTED_SCHEMA))

    @property
    def batch_id(self) -> str:
        """Id shared by the captures."""
        return self.captures[0].batch_id


def stage(home: Home, batch: Batch) -> Path:
    """Put a batch where the next writer finds it."""
    home.staged_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=home.staged_dir, prefix=".tmp-"))
    manifest = {
        "source_id": batch.source_id,
        "subject": batch.subject,
        "parser_version": batch.parser_version,
        "outcome": batch.outcome,
        "message": batch.message,
        "captures": [asdict(c) for c in batch.captures],
        "scopes": [{"scope": s.scope, "is_complete": s.is_complete} for s in batch.scopes],
    }
    try:
        for number, scope in enumerate(batch.scopes):
            scope.frame.write_ipc(folder / f"{number}.arrow", compression="uncompressed")
        batch.rejected.write_ipc(folder / "rejected.arrow", compression="uncompressed")
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        # A name of its own: another process may be staging, or recording, the same batch; recording it twice changes nothing.
        target = home.staged_dir / f"{batch.batch_id}-{batch.subject}-{uuid.uuid4().hex[:8]}"
        folder.rename(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return target


def staged(home: Home, source_ids: set[str] | None = None) -> Iterator[tuple[Path, Batch]]:
    """Waiting batches in the order of their captures' time; only those of `source_ids` if given."""
    found = []
    for folder in home.staged_dir.glob("*"):
        manifest_file = folder / "manifest.json"
        if folder.name.startswith(".tmp-") or not manifest_file.exists():
            continue
        manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
        if source_ids is None or manifest["source_id"] in source_ids:
            found.append((manifest["captures"][0]["fetched_at"], manifest["captures"][0]["batch_id"], folder, manifest))
    for _, _, folder, manifest in sorted(found, key=lambda item: item[:2]):
        scopes = [
            StagedScope(s["scope"], s["is_complete"], pl.read_ipc(folder / f"{n}.arrow"))
            for n, s in enumerate(manifest["scopes"])
        ]
        yield (
            folder,
            Batch(
                manifest["source_id"],
                manifest["subject"],
                manifest["parser_version"],
                [Capture(**c) for c in manifest["captures"]],
                manifest["outcome"],
                manifest["message"],
                scopes,
                pl.read_ipc(folder / "rejected.arrow"),
            ),
        )


def discard(folder: Path) -> None:
    """Remove a recorded batch."""
    doomed = folder.with_name(f".tmp-{folder.name}-{os.getpid()}")
    folder.replace(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
