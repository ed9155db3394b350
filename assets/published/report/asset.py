"""The report as an asset: rebuilt after each publication, linked from the Dagster UI."""

import dagster as dg

from assets.dagster_support import OWNERS, HomeResource
from assets.published.assets import WAREHOUSE_FILE
from warehouse.errors import PetadayError

REPORT_KEY = dg.AssetKey(["published", "report"])


@dg.asset(
    key=REPORT_KEY,
    deps=[WAREHOUSE_FILE],
    group_name="published",
    description="Static pages with charts, made from the published file: prices, petadays, tokens, regions, scenarios, method.",
    kinds={"html", "vega"},
    owners=OWNERS,
    automation_condition=dg.AutomationCondition.eager(),
)
def report(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """Build the pages unless they show the current publication already."""
    from assets.published.report.site import build, built

    place = home.get()
    try:
        made = built(place) or build(place)
    except PetadayError as e:
        raise dg.Failure(description=str(e), allow_retries=False) from None
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.url(made.path.as_uri()),
            "dagster/uri": str(made.path),
            "publication": made.publication,
            "is_new": made.is_new,
            "charts": made.chart_count,
            "bytes": sum(made.byte_counts.values()),
            "pages": dg.MetadataValue.json(made.byte_counts),
        }
    )
