"""Slow facts with a citation per row: accelerators, models, regions, countries."""
