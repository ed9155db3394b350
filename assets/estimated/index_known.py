"""The price index as it was known earlier: the same rule, on the offers that the warehouse knew then."""

from __future__ import annotations

import re
from importlib import resources

_FOREVER = "TIMESTAMPTZ 'infinity'"
#: What the rule reads, and the same as known at `known_at`.
_AS_KNOWN = {
    "FROM observed.cloud_offer ": "FROM cloud_offer_known(known_at := known_at::TIMESTAMPTZ) ",
    "WHERE s.subject = 'cloud_rate'": "WHERE s.subject = 'cloud_rate' AND s.recorded_at <= known_at::TIMESTAMPTZ",
}


def price_index_rule() -> tuple[str, str]:
    """(method version, SQL) of `estimated.price_index`."""
    rule = resources.files("assets.estimated").joinpath("index_price.sql").read_text(encoding="utf-8")
    version = re.match(r"-- estimated\.price_index, method (\S+?)\. ", rule)
    if version is None:
        raise ValueError("index_price.sql does not begin with the name of its method")
    return version.group(1), rule


def scripts() -> list[str]:
    """The macro `price_index_known`: the table for today's knowledge, the rule anew for an earlier one.

    Only one of the two branches is planned where `known_at` is a constant.
    """
    version, rule = price_index_rule()
    for today, known in _AS_KNOWN.items():
        if rule.count(today) != 1:
            raise ValueError(
                f"index_price.sql no longer says {today!r} once: say here what it reads at an earlier time"
            )
        rule = rule.replace(today, known)
    # Macros that call this one have parameters named from_on and to_on, which DuckDB would take for these columns.
    rule = re.sub(r"\b(from_on|to_on)\b", r"counted_\1", rule.replace("$method_version", f"'{version}'"))
    return [
        f"CREATE OR REPLACE MACRO price_index_known(known_at := {_FOREVER}) AS TABLE "
        f"SELECT p.* FROM estimated.price_index p WHERE known_at::TIMESTAMPTZ = {_FOREVER} "
        "AND p.method_version = (SELECT max_by(i.method_version, (length(i.method_version), i.method_version)) FROM estimated.price_index i) "
        f"UNION ALL BY NAME SELECT k.* FROM ({rule}) k WHERE known_at::TIMESTAMPTZ < {_FOREVER}",
        "COMMENT ON MACRO TABLE price_index_known IS 'estimated.price_index by its newest method, as this warehouse knew it at known_at "
        "(computed from the offers known then; about a quarter of a second on the bundled history).'",
    ]
