"""Settings that are whole numbers in the environment."""

from __future__ import annotations

import os

from warehouse.errors import PetadayError


def setting(name: str, default: int) -> int:
    """A whole number of at least 0 from the environment.

    Raises:
        PetadayError: naming the variable, what it holds and what is allowed.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdigit():
        raise PetadayError(f"{name} is {text!r}: a whole number of at least 0 is allowed")
    return int(text)
