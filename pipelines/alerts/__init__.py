"""Alerts by webhook and e-mail: one message when something goes wrong or moves, and one when it is over.

`config` says where to and when, `conditions` what is wrong now, `moves` what moved, `state` what was told already,
`channels` how it is sent, `notify` puts them together, `sensors` hangs it into Dagster.
"""
