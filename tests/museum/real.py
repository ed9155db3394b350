"""Which recorded payloads are what which source reads."""

from __future__ import annotations

import re
from pathlib import Path

from tests.pipelines.test_samples import FILES, NOT_PAYLOADS

#: As many files of one source as a normal run reads; the largest are left to tests/pipelines/test_samples.py.
MOST_FILES, MOST_BYTES = 4, 3 << 20


def real_payloads(samples: Path, most: int = MOST_FILES) -> dict[str, list[Path]]:
    """Files by source."""
    found = {}
    for source_id, pattern in FILES.items():
        files = sorted(
            f
            for f in samples.glob(pattern)
            if f.is_file() and f.stat().st_size <= MOST_BYTES and not NOT_PAYLOADS.search(f.name)
        )
        files = [f for f in files if not re.search(r"README|\.md$|\.txt$", f.name)]
        if files:
            found[source_id] = files[:: max(len(files) // most, 1)][:most]
    return found
