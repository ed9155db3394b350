"""One asset per subject of observation: sources in, one tidy history out."""
