"""A change of method is a new version: the texts behind a version may not change under its name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from assets.estimated.training import METHOD_VERSION

FOLDER = Path(__file__).parents[3] / "assets"
TEXTS = (
    "estimated/formulas/band.sql",
    "estimated/formulas/training.sql",
    "estimated/training_estimate.sql",
    "reference/method_default.csv",
)

#: Version -> SHA-256 of its formulas, their combination and its defaults. A version that was released stays as it is.
RELEASED = {"training-1": "1cb2e3519e7f14eaab71f4f1cbce4dd0c21205f01512ad7d666fb7b1323333a2"}


def test_formulas_do_not_change_under_the_name_of_a_version() -> None:
    text = "\x00".join((FOLDER / name).read_text(encoding="utf-8") for name in TEXTS)
    found = hashlib.sha256(text.encode()).hexdigest()
    assert RELEASED.get(METHOD_VERSION) == found, (
        f"the method behind {METHOD_VERSION!r} changed: give it a new METHOD_VERSION and add {found} for it"
    )
