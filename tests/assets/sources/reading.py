"""Reading a sample or a made-up body with a source, as the intake does, without storing anything."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from assets import reading
from assets.reference.tables import REFERENCE_TABLES, read_reference
from assets.sources import source_named
from warehouse.captures import Capture, Document

OBSERVED_AT = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)


def read_files(
    source_id: str, *files: Path, observed_at: dt.datetime = OBSERVED_AT
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Good rows by scope, and refused rows, of the files parsed as one batch."""
    endings = [Path(f.name.lower().removesuffix(".gz")).suffix.lstrip(".") for f in files]
    documents = [Document(f, f"file:{f.name}", observed_at, e) for f, e in zip(files, endings, strict=True)]
    captures = [
        Capture(
            f"c{n}", "b", n, len(files), source_id, d.url, observed_at.isoformat(), None, None, None, "", 0, d.extension
        )
        for n, d in enumerate(documents)
    ]
    scopes, rejected = reading.read_batch(source_named(source_id), captures, documents)
    return {s.scope: s.frame for s in scopes}, rejected


def read_body(
    source_id: str, body: bytes | str, tmp_path: Path, name: str = "body.json", observed_at: dt.datetime = OBSERVED_AT
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """The same for a body given in the test."""
    file = tmp_path / name
    file.write_bytes(body.encode() if isinstance(body, str) else body)
    return read_files(source_id, file, observed_at=observed_at)


def typed_claims(source_id: str) -> pl.DataFrame:
    """The claims of regions that were typed by hand from what a source reads."""
    typed = read_reference(next(t for t in REFERENCE_TABLES if t.name == "region_claim")).frame
    return typed.filter(pl.col("source_id") == source_id)
