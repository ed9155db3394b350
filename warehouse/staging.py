"""Parsed batches between source and log.

Fetching and parsing run in parallel and hold no lock; their results are staged here, one folder per batch, until a
writer (of any worker) records them. A folder appears atomically and is removed after the commit; after a crash in
between the batch is recorded again, which changes nothing.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from warehouse.captures import Capture
from warehouse.home import Home
from warehouse.retry import retried_if_interrupted
from warehouse.store import store_of

#: Written last and removed first: only a folder with it is a batch.
_MANIFEST = "manifest.json"
REJECTED_SCHEMA = pl.Schema({"capture_id": pl.String, "reason": pl.String, "row_json": pl.String})


@dataclass(frozen=True, slots=True)
class StagedScope:
    """The rows of one scope: `frame` has the subject's columns, `capture_id` and optionally `valid_from`.

    `refused_keys` has the key columns of the refused rows, null where unknown; see `log.Snapshot`. `made_of` has facts
    about the rows that are not recorded but used by the subject's memory; see `loading.Memory`.
    """

    scope: str
    is_complete: bool
    frame: pl.DataFrame
    refused_keys: pl.DataFrame | None = None
    made_of: pl.DataFrame | None = None


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


@retried_if_interrupted
def stage(home: Home, batch: Batch) -> str:
    """Stage a batch for the next writer; returns its key."""
    files = store_of(home).files("staged")
    # A unique name, since another process may be staging or recording the same batch; recording it twice changes
    # nothing.
    key = f"{batch.batch_id}-{batch.subject}-{uuid.uuid4().hex[:8]}"
    folder = Path(tempfile.mkdtemp(dir=files.scratch_folder(key), prefix=".tmp-"))
    manifest = {
        "source_id": batch.source_id,
        "subject": batch.subject,
        "parser_version": batch.parser_version,
        "outcome": batch.outcome,
        "message": batch.message,
        "captures": [c.as_dict() for c in batch.captures],
        "scopes": [{"scope": s.scope, "is_complete": s.is_complete} for s in batch.scopes],
    }
    try:
        for number, scope in enumerate(batch.scopes):
            scope.frame.write_ipc(folder / f"{number}.arrow", compression="uncompressed")
            for name, part in (("refused", scope.refused_keys), ("made_of", scope.made_of)):
                if part is not None:
                    part.write_ipc(folder / f"{number}.{name}.arrow", compression="uncompressed")
        batch.rejected.write_ipc(folder / "rejected.arrow", compression="uncompressed")
        (folder / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        files.put_folder(folder, key, _MANIFEST)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return key


def staged_outcomes(home: Home) -> set[tuple[str, str]]:
    """Subject and outcome of the staged batches, from their manifests alone."""
    files = store_of(home).files("staged")
    manifests = [json.loads(files.read(f"{key}/{_MANIFEST}")) for key in files.folders(_MANIFEST)]
    return {(m["subject"], m["outcome"]) for m in manifests}


def staged(home: Home, source_ids: set[str] | None = None) -> Iterator[tuple[str, Batch]]:
    """Staged batches and their keys in order of the time of their captures; only those of `source_ids` if given."""
    files = store_of(home).files("staged")
    found = []
    for key in files.folders(_MANIFEST):
        manifest = json.loads(files.read(f"{key}/{_MANIFEST}"))
        if source_ids is None or manifest["source_id"] in source_ids:
            found.append((manifest["captures"][0]["fetched_at"], manifest["captures"][0]["batch_id"], key, manifest))
    for _, _, key, manifest in sorted(found, key=lambda item: item[:2]):
        folder = files.fetch_folder(key)
        try:
            scopes = [
                StagedScope(
                    s["scope"],
                    s["is_complete"],
                    pl.read_ipc(folder / f"{n}.arrow"),
                    *(
                        pl.read_ipc(part) if (part := folder / f"{n}.{name}.arrow").is_file() else None
                        for name in ("refused", "made_of")
                    ),
                )
                for n, s in enumerate(manifest["scopes"])
            ]
            rejected = pl.read_ipc(folder / "rejected.arrow")
        finally:
            files.release_folder(folder)
        yield (
            key,
            Batch(
                manifest["source_id"],
                manifest["subject"],
                manifest["parser_version"],
                [Capture(**c) for c in manifest["captures"]],
                manifest["outcome"],
                manifest["message"],
                scopes,
                rejected,
            ),
        )


def discard(home: Home, key: str) -> None:
    """Remove a recorded batch."""
    store_of(home).files("staged").delete_folder(key, _MANIFEST)
