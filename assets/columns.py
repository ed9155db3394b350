"""How columns are declared: type, bounds, meaning and unit in one place."""

from __future__ import annotations

from typing import Any

import dataframely as dy


def text(
    meaning: str,
    *,
    key: bool = False,
    nullable: bool | None = None,
    allowed: tuple[str, ...] = (),
    is_name: bool = False,
) -> dy.String:
    """A text column; `allowed` closes its vocabulary, and a name is never empty."""
    check: Any = {"allowed": lambda column: column.is_in(list(allowed))} if allowed else None
    return dy.String(
        nullable=(not key) if nullable is None else nullable,
        primary_key=key,
        description=meaning,
        check=check,
        min_length=1 if is_name else None,
        metadata={"allowed": list(allowed)} if allowed else None,
    )


def number(meaning: str, unit: str, *, nullable: bool = True, **bounds: Any) -> dy.Float64:
    """A measured number; NaN and infinity are never allowed."""
    return dy.Float64(nullable=nullable, description=meaning, metadata={"unit": unit}, **bounds)


def count(meaning: str, unit: str = "1", *, key: bool = False, nullable: bool | None = None, **bounds: Any) -> dy.Int64:
    """A whole number."""
    return dy.Int64(
        nullable=(not key) if nullable is None else nullable,
        primary_key=key,
        description=meaning,
        metadata={"unit": unit},
        **bounds,
    )


def day(meaning: str, *, nullable: bool = True) -> dy.Date:
    """A calendar day."""
    return dy.Date(nullable=nullable, description=meaning)


def instant(meaning: str, *, nullable: bool = True) -> dy.Datetime:
    """An instant in UTC."""
    return dy.Datetime(
        time_unit="us", time_zone="UTC", nullable=nullable, description=meaning, metadata={"unit": "UTC"}
    )


def flag(meaning: str, *, nullable: bool = True) -> dy.Bool:
    """True or false."""
    return dy.Bool(nullable=nullable, description=meaning)
