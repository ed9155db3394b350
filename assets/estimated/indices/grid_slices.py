"""Tables of the grid that are kept up to date by series and day."""

from __future__ import annotations

from assets.estimated.indices.slices import Sliced
from assets.estimated.indices.tables import GREEN_TRIAL, GRID_DAY
from assets.subjects import GRID_CARBON

GRID_DAYS = Sliced(
    GRID_DAY, "grid-day-1", "grid_day.sql", GRID_CARBON, ("zone", "source_id"), "day_on", "is_hourly(resolution)"
)
#: A trial looks 28 days back and 28 or 60 hours ahead, and is made once the last of these hours is known. So a log row
#: changes days with a trial (every sixth hour) at most that long before it, and of these only the days whose hours
#: ahead are in the log.
_TRIED = " OR ".join(
    f"least(day_hour + 18, (last_hour - {hours}) // 6 * 6) >= greatest(day_hour, word_hour - {hours})"
    for hours in (27, 59)
)
GREEN_TRIALS = Sliced(
    GREEN_TRIAL,
    "green-window-3",
    "green_trial.sql",
    GRID_CARBON,
    ("zone", "source_id"),
    "asked_on",
    "is_hourly(resolution) AND basis_kind IN ('actual', 'estimated') AND basis_method = 'average' AND basis_accounting = 'location'",
    days_before=3,
    days_after=28,
    narrowed=_TRIED,
)
SLICED = (GRID_DAYS, GREEN_TRIALS)
