"""Where it is kept: connection, schema, captures, the append-only log, publishing.

Nothing here knows a publisher, a price or a grid: it stores what `assets` declares.
"""
