"""Countries as grid zones: ISO 3166-1 alpha-2, from whatever code a publisher uses."""

from __future__ import annotations

from functools import cache

import polars as pl
import pycountry

#: Codes of publishers for aggregates and for Kosovo, which ISO does not have.
_SPECIAL = {"OWID_WRL": "WORLD", "OWID_EU27": "EU", "OWID_KOS": "XK", "XKX": "XK", "KOS": "XK"}


@cache
def alpha3_to_zone() -> dict[str, str]:
    """Zone by alpha-3 code, including publishers' special codes."""
    return {c.alpha_3: c.alpha_2 for c in pycountry.countries} | _SPECIAL


def zone_of_alpha3(code: pl.Expr) -> pl.Expr:
    """The zone of an alpha-3 code; null for a code that is not a country (a continent, an income group)."""
    known = alpha3_to_zone()
    return code.str.strip_chars().replace_strict(
        list(known), list(known.values()), default=None, return_dtype=pl.String
    )
