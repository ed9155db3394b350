"""The append-only log on two clocks.

A row is an assertion: as known from `recorded_at` on, the value is this from `valid_from` on, as its publisher stated
it at `observed_at`. Rows are only appended, and only if they change an answer. For a key and an instant, the assertion
that holds is the one with the latest `valid_from` not after the instant and, among those, the latest `observed_at`
(then `capture_id`, then `recorded_at`: a total order, so that the answer does not depend on the order of loading).

A publisher may still list an offer in a row that has to be refused, for example because its price is not a number. Such
a row neither ends the offer nor gives it a usable value: the last known value stands, unconfirmed. The log stores an
assertion with a null `is_offered`, which changes no answer but says since when nobody has confirmed the price
(`warehouse.log.views.unconfirmed`).

A snapshot is compared with the state *as its publisher had stated it by then*. A snapshot that confirmed what was known
left no rows; so if an older snapshot arrives late and changes some keys, the snapshots after it are read again for
those keys, and what they stated is appended too. Therefore any order of loading, with any repetitions, ends in the same
current view, while answers for a past `recorded_at` never change.
"""

from __future__ import annotations

from warehouse.log.recording import record
from warehouse.log.snapshot import Reread, Snapshot

__all__ = ["Reread", "Snapshot", "record"]
