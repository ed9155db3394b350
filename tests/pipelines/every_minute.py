"""The real definitions with a tick every few minutes for a few sources, and short waits: what the daemon's test loads.

It changes the sources of the process that imports it: only the daemon's own may.
"""

import dataclasses

from assets.sources import _http, all_sources
from tests.pipelines.faulty_sources import CHOSEN, CRON

_http.READ_TIMEOUT_S = 2.0
_http.BACKOFF_FACTOR = 0.1
_http.PACE_S = 0.0
for _source_id, _source in list(all_sources().items()):
    # The same dictionary that every part asks.
    all_sources()[_source_id] = dataclasses.replace(_source, cadence=CRON if _source_id in CHOSEN else None)

from pipelines.definitions import build_defs  # noqa: E402  after the sources were changed

defs = build_defs()
