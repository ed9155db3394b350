"""Errors of the warehouse, each a line a person can act on."""

from __future__ import annotations


class PetadayError(Exception):
    """An error whose message says what failed, where, and what to do; shown without a trace."""


class WarehouseDamagedError(PetadayError):
    """The work file cannot be opened or read."""


class SchemaTooNewError(PetadayError):
    """The work file was written by a newer Petaday."""


class CaptureDamagedError(PetadayError):
    """Stored bytes do not match their hash, or are missing."""


class NotPublishedError(PetadayError):
    """There is no published file to read yet."""
