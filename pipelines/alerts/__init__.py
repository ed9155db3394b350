"""Alerts by webhook and e-mail: what went wrong or moved, told once, and told again when it is over.

`config` says where to and when, `conditions` what is wrong now, `moves` what moved, `state` what was told already, `channels` how it is
sent, `notify` puts them together, `sensors` hangs it into Dagster.
"""
