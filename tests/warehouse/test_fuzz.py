"""Mutated real payloads: every parser ends with rows or a clean refusal, never with another exception, never without end."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.sources import all_sources
from tests.assets.sources.reading import read_body
from tests.museum.real import real_payloads
from tests.pipelines.test_samples import FILES
from warehouse.errors import PetadayError

NIGHTLY = os.environ.get("PETADAY_NIGHTLY") == "1"
EXAMPLES = 400 if NIGHTLY else 25
#: A mutated payload is cut to this size first, at a line's end: a cut is a mutation too.
MOST_BYTES = 1 << 20 if NIGHTLY else 1 << 16
LONGEST_S = 20.0

TOKENS = [
    b"",
    b"null",
    b"NaN",
    b"-1",
    b"0",
    b"1e999",
    b"-0.0",
    b"9" * 40,
    b'""',
    b"[]",
    b"{}",
    b"true",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\n\n",
    b",,,,",
    b"<html>",
    b"'; DROP TABLE x; --",
    b"\xe2\x80\xae",
    b"2026-02-30",
    b"9999-12-31T23:59:60Z",
    b"\\ud800",
    b"&a;",
    b"]]>",
    b'"',
    b"]",
]


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[str, float, float, bytes]]:
    """Up to six edits: kind, place, extent (both as shares) and bytes."""
    edit = st.tuples(
        st.sampled_from(["cut", "drop", "double", "flip", "put", "number", "word"]),
        st.floats(0, 1),
        st.floats(0, 0.2),
        st.sampled_from(TOKENS),
    )
    return draw(st.lists(edit, min_size=1, max_size=6))


def mutate(body: bytes, edits: list[tuple[str, float, float, bytes]]) -> bytes:
    """Apply the edits."""
    for kind, place, extent, token in edits:
        start = int(place * len(body))
        end = min(len(body), start + int(extent * len(body)) + 1)
        if kind == "cut":
            body = body[:start]
        elif kind == "drop":
            body = body[:start] + body[end:]
        elif kind == "double":
            body = body[:end] + body[start:]
        elif kind == "flip" and body:
            at = min(start, len(body) - 1)
            body = body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1 :]
        elif kind == "put":
            body = body[:start] + token + body[start:]
        else:
            pattern = rb"-?\d+(\.\d+)?" if kind == "number" else rb"[A-Za-z_]{3,}"
            found = re.compile(pattern).search(body, start)
            if found:
                body = body[: found.start()] + token + body[found.end() :]
    return body


def seeds(samples: Path, source_id: str) -> list[Path]:
    """Payloads of a source; for one whose files are not told apart, whatever lies in the folder of its publisher."""
    known = real_payloads(samples, most=3).get(source_id)
    if known or source_id in FILES:
        return known or []
    aliases = {"gpu_retail": "gpu_retail_html", "electricity_maps": "electricity_maps_api"}
    folders = [
        d
        for d in sorted(samples.iterdir())
        if d.is_dir() and (d.name == aliases.get(source_id) or source_id.startswith(d.name))
    ]
    if not folders and source_id in CLOUD_PAGES:
        folders = [samples / "gpu_cloud_html"]
    files = sorted(
        (f for d in folders for f in d.rglob("*") if f.is_file() and 0 < f.stat().st_size <= 3 << 20),
        key=lambda f: f.name,
    )
    return files[:: max(len(files) // 4, 1)][:4]


CLOUD_PAGES = {s.source_id for s in all_sources().values() if s.parse.__module__.endswith("_page")}


@pytest.mark.parametrize("source_id", sorted(s.source_id for s in all_sources().values() if not s.is_bundled))
def test_mutated_payloads_are_read_or_cleanly_refused(samples: Path, tmp_path: Path, source_id: str) -> None:
    files = seeds(samples, source_id)
    if not files:
        pytest.skip(f"no small sample of {source_id}")
    bodies = [(f.name, f.read_bytes()) for f in files]
    bodies = [
        (n, b if n.endswith(".zip") or len(b) <= MOST_BYTES else b[: b.rfind(b"\n", 0, MOST_BYTES) + 1 or MOST_BYTES])
        for n, b in bodies
    ]
    suffixes = [(re.sub(r".*(\.\w+)$", r"x\1", n) if "_vms" not in n else n, b) for n, b in bodies]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=not NIGHTLY,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )
    @given(st.integers(0, len(suffixes) - 1), mutations())
    def run(number: int, edits: list[tuple[str, float, float, bytes]]) -> None:
        name, body = suffixes[number]
        started = time.monotonic()
        try:
            read_body(source_id, mutate(body, edits), tmp_path, name)
        except PetadayError as e:
            assert str(e).strip()
            assert len(str(e)) < 4000
        assert time.monotonic() - started < LONGEST_S

    run()
