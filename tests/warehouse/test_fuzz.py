"""Mutated payloads: every parser ends with rows or a clean refusal, never with another exception, never without end."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from assets.sources import all_sources
from tests.assets.sources.reading import read_files
from tests.conftest import SAMPLES
from tests.warehouse.fuzz_seeds import MADE, RECORDED, Seed, covered, packed, seeds, unpacked
from warehouse.errors import PetadayError

NIGHTLY = os.environ.get("PETADAY_NIGHTLY") == "1"
EXAMPLES = int(os.environ.get("PETADAY_EXAMPLES", "400" if NIGHTLY else "20"))
#: A payload is cut to this size first, in its own form.
MOST_BYTES = 1 << 18 if NIGHTLY else 1 << 14
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


#: What stands in the place of a leaf or a branch of JSON.
VALUES: list[object] = [
    None,
    True,
    -1,
    0,
    1e308,
    10**40,
    "",
    "x",
    "NaN",
    [],
    {},
    [None],
    {"": None},
    [[]],
    "2026-02-30",
    {"a": []},
]
KINDS = ["cut", "drop", "double", "flip", "put", "number", "word", "leaf", "leaf", "member", "field"]


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[str, float, float, bytes, object]]:
    """Up to six edits: kind, place, extent (both as shares), bytes and a value of JSON."""
    edit = st.tuples(
        st.sampled_from(KINDS), st.floats(0, 1), st.floats(0, 0.2), st.sampled_from(TOKENS), st.sampled_from(VALUES)
    )
    return draw(st.lists(edit, min_size=1, max_size=6))


def mutate(body: bytes, edits: list[tuple[str, float, float, bytes, object]]) -> bytes:
    """Apply the edits; of an archive to what is in it, but for those that flip and cut."""
    for kind, place, extent, token, value in edits:
        if kind not in ("flip", "cut") and (inner := unpacked(body)):
            body = packed(inner[0], edited(inner[1], kind, place, extent, token, value))
        else:
            body = edited(body, kind, place, extent, token, value)
    return body


def edited(body: bytes, kind: str, place: float, extent: float, token: bytes, value: object) -> bytes:
    """One edit."""
    start = int(place * len(body))
    end = min(len(body), start + int(extent * len(body)) + 1)
    if kind == "cut":
        return body[:start]
    if kind == "drop":
        return body[:start] + body[end:]
    if kind == "double":
        return body[:end] + body[start:]
    if kind == "flip" and body:
        at = min(start, len(body) - 1)
        return body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1 :]
    if kind == "put":
        return body[:start] + token + body[start:]
    if kind in ("leaf", "member"):
        return in_json(body, place, value, is_lost=kind == "member")
    pattern = {"number": rb"-?\d+(\.\d+)?", "field": rb"(?<=[,;\t])[^,;\t\r\n]*(?=[,;\t\r\n])"}.get(
        kind, rb"[A-Za-z_]{3,}"
    )
    found = re.compile(pattern).search(body, start)
    return body[: found.start()] + token + body[found.end() :] if found else body


def in_json(body: bytes, place: float, value: object, *, is_lost: bool) -> bytes:
    """Another value in the place of one node of a JSON document, or that node lost; other documents stay as they are."""
    try:
        root = json.loads(body)
    except (ValueError, RecursionError):
        return body
    nodes: list[tuple[list | dict, object]] = []
    front: list[object] = [root]
    while front:
        node = front.pop()
        if isinstance(node, list | dict):
            pairs = list(enumerate(node)) if isinstance(node, list) else list(node.items())
            nodes += [(node, key) for key, _ in pairs]
            front += [child for _, child in pairs]
    if not nodes:
        return json.dumps(value).encode()
    parent, key = nodes[min(int(place * len(nodes)), len(nodes) - 1)]
    if is_lost:
        del parent[key]  # type: ignore[arg-type]
    else:
        parent[key] = value  # type: ignore[index]
    return json.dumps(root).encode()


def read(source_id: str, seed: Seed, folder: Path) -> int:
    """Rows that the source finds in a batch."""
    folder.mkdir(exist_ok=True)
    files = []
    for name, body in seed.documents:
        files.append(folder / name)
        files[-1].write_bytes(body)
    scopes, _ = read_files(source_id, *files)
    return sum(f.height for f in scopes.values())


def begun_with(source_id: str, folder: Path) -> list[Seed]:
    """Seeds of a source that it reads as they are; without the recorded ones where these are not on this machine."""
    found: list[Seed] = []
    # Of some lists the first few entries are none of ours: then more of them.
    for most_bytes in (MOST_BYTES, MOST_BYTES << 4, MOST_BYTES << 8):
        for seed in seeds(SAMPLES if SAMPLES.is_dir() else None, source_id, most_bytes):
            try:
                if read(source_id, seed, folder):
                    found.append(seed)
            except PetadayError:
                continue
        if found:
            break
    return found


def test_every_source_has_a_document_to_begin_with() -> None:
    """A new publisher is fuzzed too: name a recorded payload or make one, in tests/warehouse/fuzz_seeds.py."""
    assert set(all_sources()) - covered() == set()
    assert (set(RECORDED) | set(MADE)) - set(all_sources()) == set()


@pytest.mark.parametrize("source_id", sorted(all_sources()))
def test_mutated_payloads_are_read_or_cleanly_refused(tmp_path: Path, source_id: str) -> None:
    found = begun_with(source_id, tmp_path / "in")
    if not found and not SAMPLES.is_dir():
        pytest.skip("recorded samples (../shared/samples) are not on this machine")
    assert found, f"nothing that {source_id} reads to begin with: see tests/warehouse/fuzz_seeds.py"

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=not NIGHTLY,
        database=None,
        # A failure is told at once: to make it smaller takes minutes, and the edits are few already.
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )
    @given(st.integers(0, len(found) - 1), mutations())
    def run(number: int, edits: list[tuple[str, float, float, bytes, object]]) -> None:
        seed = found[number]
        started = time.process_time()
        try:
            read(source_id, seed.with_body(mutate(seed.body, edits)), tmp_path / "in")
        except PetadayError as e:
            assert str(e).strip()
            assert len(str(e)) < 4000
        assert time.process_time() - started < LONGEST_S

    run()
