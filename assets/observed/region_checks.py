"""A check of the locations in reference.region: its zones, countries and coordinates.

Sources place some regions hundreds of kilometres apart within one country, since providers do not publish towns: such
doubts are listed. A zone in another country, or a distance of more than `FAR_KM`, fails the check.
"""

import dagster as dg

from assets.catalog import catalog
from assets.dagster_support import POOL, HomeResource
from assets.observed.views import SQL
from warehouse.connection import in_write_session

#: No two towns of one grid zone are farther apart.
FAR_KM = 1_000
REGION_KEY = dg.AssetKey(["reference", "region"])


@dg.asset_check(
    asset=REGION_KEY,
    pool=POOL,
    description="The grid zone of a region lies in its country, and no source puts the region more than 1,000 km elsewhere.",
)
def place_agrees(home: HomeResource) -> dg.AssetCheckResult:
    """Compares each region's location with its grid zone, its country and the claims of other sources."""
    sql = (SQL / "region_check.sql").read_text(encoding="utf-8")
    wrong = in_write_session(home.get(), catalog(), lambda con: con.execute(sql).fetchall())
    listed = [f"{provider} {region}: {problem}" for provider, region, problem, _ in wrong]
    return dg.AssetCheckResult(
        passed=all(distance_km is not None and distance_km <= FAR_KM for *_, distance_km in wrong),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "regions_in_doubt": len({(provider, region) for provider, region, *_ in wrong}),
            "doubts": str(listed[:40] or "none"),
        },
    )


def build() -> list[dg.AssetChecksDefinition]:
    """Checks on the regions."""
    return [place_agrees]
