"""Storage: connection, schema, captures, the append-only log, publishing.

Nothing here is specific to a publisher, a price or a grid: it stores what `assets` declares.
"""

import os

# Polars holds freed memory for half a second, and a second more before the system counts it as free: a load of many
# pages is then a tenth larger than it need be. Read when Polars is imported, so that every package that does so imports
# this one first; the user's setting stands.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")
