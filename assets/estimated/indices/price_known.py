"""The price index as it was known earlier: the same rule, on the offers that the warehouse knew then."""

from __future__ import annotations

from assets.estimated.indices.price import METHOD_VERSION, NOWHERE, rule
from warehouse.instants import FOREVER
from warehouse.log.views import instant


def scripts() -> list[str]:
    """The macro `price_index_known`: the table itself for `known_at` of now, the rule computed on the offers known at an earlier `known_at`.

    Only one of the two branches is planned where `known_at` is a constant.
    """
    known_at = f"({instant('known_at')})"
    # Every part is a CTE: the macro is one statement.
    end_on = "(SELECT max(s.end_on) FROM seen s)"
    refused = (
        "(SELECT DISTINCT o.source_id, o.scope, o.refused_from FROM price_offer o WHERE o.refused_from IS NOT NULL)"
    )
    edge = (
        "(SELECT c.accelerator_id, c.purchase_option, unnest([c.began_on, c.counts_to_on]) AS index_on FROM counted c)"
    )
    anew = (
        f"WITH price_offer AS ({rule('offer', offers=f'cloud_offer_known(known_at := {known_at})')}), "
        f"seen AS ({rule('seen', refused=refused, since=FOREVER, known_at=known_at)}), "
        f"counted AS ({rule('counted', offer='price_offer', seen='seen', end_on=end_on)}), event AS ({rule('event', edge=edge, end_on=end_on)}), "
        f"price_link AS ({rule('link', event='event', counted='counted')}) FROM ({rule('index', link='price_link', before=NOWHERE, end_on=end_on)})"
    ).replace("$method_version", f"'{METHOD_VERSION}'")
    return [
        f"CREATE OR REPLACE MACRO price_index_known(known_at := {FOREVER}) AS TABLE "
        f"SELECT p.* FROM estimated.price_index p WHERE {known_at} = {FOREVER} "
        "AND p.method_version = (SELECT max_by(i.method_version, (length(i.method_version), i.method_version)) FROM estimated.price_index i) "
        f"UNION ALL BY NAME SELECT k.* FROM ({anew}) k WHERE {known_at} < {FOREVER}",
        "COMMENT ON MACRO TABLE price_index_known IS 'estimated.price_index by its newest method, as this warehouse knew it at known_at "
        "(computed from the offers known then; about a quarter of a second on the bundled history).'",
    ]
