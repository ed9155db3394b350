"""One asset per source: fetch (or read files), capture, parse, check, stage.

These steps hold no lock and no pool: what they stage is recorded by the asset of its subject. A source that fails makes
its own asset red and nothing else.
"""

import datetime as dt
import warnings
from pathlib import Path

import dagster as dg

from assets import intake
from assets.dagster_support import OWNERS, HomeResource, table_schema
from assets.sources import all_sources
from assets.sources._base import Source, Window
from assets.subjects import subject_named
from warehouse.errors import PetadayError
from warehouse.store import is_shared

HISTORY_FROM = "2017-01-01"
#: Days of a backfill that one worker reads in one run: a publisher's range (10 to 30 days) is still one question, and 40 days are shared by four.
DAYS_PER_RUN = 10


class SourceConfig(dg.Config):
    """What a run of a source reads: the publisher (default), or files by hand."""

    files: list[str] = []
    #: When the publisher was seen to say what the files say, ISO 8601, UTC unless an offset is given; now if empty.
    fetched_at: str = ""


def source_key(source_id: str) -> dg.AssetKey:
    """Key of the asset of a source."""
    return dg.AssetKey(["sources", source_id])


def _window(context: dg.AssetExecutionContext, source: Source) -> Window:
    now = dt.datetime.now(dt.UTC)
    if not source.has_history or (not context.has_partition_key and not context.has_partition_key_range):
        return Window(now)
    start, end = context.partition_time_window
    first, last = start.date(), (end - dt.timedelta(days=1)).date()
    if first == last == now.date():
        return Window(now)
    return Window(now, first, last)


def _fetched_at(config: SourceConfig) -> dt.datetime | None:
    """`fetched_at` of the run's configuration as an instant; None if it is empty.

    Raises:
        PetadayError: if it is no ISO 8601 instant.
    """
    if not config.fetched_at:
        return None
    try:
        moment = dt.datetime.fromisoformat(config.fetched_at)
    except ValueError:
        raise PetadayError(
            f"fetched_at is {config.fetched_at!r}: an ISO 8601 instant such as 2026-04-02T12:00:00Z is allowed"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _take(
    context: dg.AssetExecutionContext, source: Source, config: SourceConfig, home: HomeResource
) -> list[intake.Taken]:
    if config.files:
        return intake.take_files(home.get(), source, [Path(f) for f in config.files], _fetched_at(config))
    if source.is_bundled:
        return intake.take_bundled(home.get(), source)
    return intake.take_live(home.get(), source, _window(context, source))


def _backfill_policy() -> dg.BackfillPolicy:
    """One run for all days on one machine; on a lake, runs of some days each, so that the workers share them."""
    return dg.BackfillPolicy.multi_run(DAYS_PER_RUN) if is_shared() else dg.BackfillPolicy.single_run()


def build_source_asset(source: Source) -> dg.AssetsDefinition:
    """The asset of one source."""
    with warnings.catch_warnings():
        # Said once for each source, and twice by `petaday ui`; the version of Dagster is locked.
        warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
        return _source_asset(source)


def _source_asset(source: Source) -> dg.AssetsDefinition:
    stale_after = dt.timedelta(days=source.stale_after_days)
    freshness = (
        dg.FreshnessPolicy.time_window(fail_window=stale_after, warn_window=stale_after / 2) if source.cadence else None
    )
    days = dg.DailyPartitionsDefinition(start_date=HISTORY_FROM, end_offset=1) if source.has_history else None
    licence = f"[{source.licence}]({source.licence_url})" if source.licence_url else source.licence

    @dg.asset(
        key=source_key(source.source_id),
        group_name="sources",
        description=(
            f"{source.title}: captures for `observed.{source.subject}`"
            + (
                ", bundled with Petaday"
                if source.is_bundled
                else f", from [{source.homepage_url}]({source.homepage_url})"
            )
            + f". Licence: {licence}."
        ),
        kinds={"bundled" if source.is_bundled else "http" if source.plan else "file", "polars"},
        owners=OWNERS,
        tags={"subject": source.subject, "bundled": str(source.is_bundled).lower()},
        metadata={
            "dagster/column_schema": table_schema(subject_named(source.subject).columns.columns()),
            "licence": source.licence,
            "homepage": dg.MetadataValue.url(source.homepage_url),
            **({"needs_key": source.key_name} if source.key_name else {}),
        },
        freshness_policy=freshness,
        retry_policy=None
        if source.is_bundled
        else dg.RetryPolicy(max_retries=1, delay=30, backoff=dg.Backoff.EXPONENTIAL),
        code_version=str(source.parser_version),
        partitions_def=days,
        backfill_policy=_backfill_policy() if days else None,
    )
    def source_asset(
        context: dg.AssetExecutionContext, config: SourceConfig, home: HomeResource
    ) -> dg.MaterializeResult:
        missing = intake.needs_key(source)
        if missing and not config.files:
            context.log.warning(f"{source.source_id} needs {missing}: set it in the environment to read this source")
            return dg.MaterializeResult(metadata={"state": f"needs {missing}", "dagster/row_count": 0})
        try:
            taken = _take(context, source, config, home)
        except PetadayError as e:
            # The publisher's retries are spent inside; a layout error will not mend itself.
            raise dg.Failure(description=str(e), allow_retries=False) from None
        rejected = [t for t in taken if t.outcome == "rejected"]
        metadata = {
            "dagster/row_count": sum(t.row_count for t in taken),
            "captures": dg.MetadataValue.json([c for t in taken for c in t.capture_ids][:200]),
            "rejected_rows": sum(t.rejected_count for t in taken),
            "outcomes": dg.MetadataValue.json({t.batch_id: t.outcome for t in taken[:200]}),
        }
        if rejected:
            raise dg.Failure(
                description=f"{source.source_id}: captured but refused, nothing loaded: "
                + " | ".join(str(t.message) for t in rejected[:5]),
                metadata=metadata,
                allow_retries=False,
            )
        return dg.MaterializeResult(metadata=metadata)

    return source_asset


def build() -> list[dg.AssetsDefinition]:
    """Assets of all sources."""
    return [build_source_asset(source) for source in all_sources().values()]
