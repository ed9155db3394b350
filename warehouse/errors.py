"""Errors of the warehouse; each message is one line that says what to do."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager


class PetadayError(Exception):
    """An error whose message says what failed, where, and what to do; shown without a traceback."""


class WarehouseDamagedError(PetadayError):
    """The work file cannot be opened or read."""


class SchemaTooNewError(PetadayError):
    """The work file was written by a newer Petaday."""


class CaptureDamagedError(PetadayError):
    """Stored bytes do not match their hash, or are missing."""


class NotPublishedError(PetadayError):
    """There is no published file to read yet."""


class DiskFullError(PetadayError):
    """There is no space left; what was committed is safe."""


class StoreInterruptedError(PetadayError):
    """A part of the lake became unavailable, or another writer interfered; repeating the whole work may help."""


def is_disk_full(error: BaseException) -> bool:
    """True if an error of any library says that the disk is full."""
    return (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or any(
        words in str(error)
        for words in ("No space left", "os error 28", "Disk quota exceeded", "database or disk is full")
    )


def stopped_by(error: BaseException) -> BaseException | None:
    """What a signal raised in the middle of a query (`KeyboardInterrupt`, or Dagster's own), which DuckDB hides in a `RuntimeError`; None of other errors."""
    cause = error.__cause__
    return cause if isinstance(error, RuntimeError) and cause and not isinstance(cause, Exception) else None


@contextmanager
def translating_disk_full(what: str) -> Generator[None]:
    """Turn the errors with which libraries report a full disk into `DiskFullError`.

    Raises:
        DiskFullError: if the disk is full; other errors are raised unchanged.
    """
    try:
        yield
    except PetadayError:
        raise
    except Exception as e:
        if is_disk_full(e):
            raise DiskFullError(
                f"no space left on the disk while {what}: what was committed is safe; free some and run again"
            ) from e
        raise
