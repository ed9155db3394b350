"""Alerts by webhook and e-mail: one message when something goes wrong or moves, and one when it is over.

`config`: where and when to send; `conditions`: what is wrong now; `moves`: what moved; `state`: what was reported
already; `channels`: how a message is sent; `notify`: all of these together; `sensors`: when Dagster's daemon runs it.
"""
