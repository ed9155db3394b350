"""Which sources the daemon's test gives a fault, and how often they tick. Importing this changes nothing, unlike `every_minute`."""

import os

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
