"""The last recorded answers of each source, for conditional requests, unchanged bytes and the check for shrunken answers.

They are stored beside the staged batches, one file per source, and are not part of the warehouse: a lost file costs one
fetch.
"""

from __future__ import annotations

import json
from typing import Any

from warehouse.home import Home
from warehouse.staging import Batch
from warehouse.store import store_of


def last_answers(home: Home, source_id: str) -> dict[str, dict[str, dict[str, Any]]]:
    """The last recorded answers of a source; without entries if none is known.

    Returns:
        `urls`: by address, fetched_at, etag, last_modified, sha256, byte_count and stored_byte_count of the answer, the
        batch_id of its rows and the parser_version that read them. `scopes`: by scope, fetched_at and row_count.
    """
    try:
        return json.loads(store_of(home).files("latest").read(f"{source_id}.json"))
    except (FileNotFoundError, ValueError):
        return {"urls": {}, "scopes": {}}


def remember_answers(home: Home, batch: Batch) -> None:
    """Remember a recorded batch, for each address and scope for which nothing newer is remembered."""
    known = last_answers(home, batch.source_id)
    changed = False
    for capture in batch.captures:
        old = known["urls"].get(capture.url, {})
        if capture.fetched_at < old.get("fetched_at", ""):
            continue
        same_as = batch.message if batch.outcome == "unchanged" else batch.batch_id
        known["urls"][capture.url] = {
            "fetched_at": capture.fetched_at,
            "etag": capture.etag,
            "last_modified": capture.last_modified,
            "sha256": capture.sha256,
            "byte_count": capture.byte_count,
            "stored_byte_count": capture.stored_byte_count,
            "batch_id": same_as,
            "parser_version": batch.parser_version,
        }
        changed = True
    for scope in batch.scopes:
        if batch.captures[0].fetched_at >= known["scopes"].get(scope.scope, {}).get("fetched_at", ""):
            known["scopes"][scope.scope] = {"fetched_at": batch.captures[0].fetched_at, "row_count": scope.frame.height}
            changed = True
    if changed:
        store_of(home).files("latest").write(f"{batch.source_id}.json", json.dumps(known, indent=1).encode())
