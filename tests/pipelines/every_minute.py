"""The real definitions with a tick every few minutes for a few sources, and short waits: what the daemon's test loads."""

import dataclasses
import os

from assets.sources import _http, all_sources

#: One fault each: answers after a killed worker, 429 and then good, 500 throughout, another layout, silence, days missed.
KILLED, BUSY, DOWN, DRIFTED, SILENT, DAILY = (
    "linode",
    "openrouter",
    "verda",
    "digitalocean",
    "vast",
    "gb_carbon_intensity",
)
#: In the short form one tick each, made up for at the start; the long form goes on minute by minute.
CRON = "* * * * *" if os.environ.get("PETADAY_NIGHTLY") == "1" else "*/10 * * * *"
CHOSEN = (KILLED, BUSY, DOWN, DRIFTED, SILENT, DAILY)

_http.READ_TIMEOUT_S = 2.0
_http.BACKOFF_FACTOR = 0.1
_http.PACE_S = 0.0
for _source_id, _source in list(all_sources().items()):
    # The same dictionary that every part asks.
    all_sources()[_source_id] = dataclasses.replace(_source, cadence=CRON if _source_id in CHOSEN else None)

from pipelines.definitions import build_defs  # noqa: E402  after the sources were changed

defs = build_defs()
