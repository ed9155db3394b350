"""One asset per source: fetch (or read files), capture, parse, check, stage.

These steps hold neither lock nor pool: the asset of the subject records what they stage. If a source fails, only its
own asset fails.
"""

import datetime as dt
import warnings
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from assets import intake
from assets.dagster_support import OWNERS, HomeResource, table_schema
from assets.run_tags import KEPT_ANSWERS
from assets.sources import all_sources, needs_key
from assets.sources._base import FetchError, Source, Window
from assets.subjects import subject_named
from warehouse.errors import PetadayError
from warehouse.store import is_shared

HISTORY_FROM = "2017-01-01"
#: Days of a backfill that one worker reads in one run: still one request for publishers that answer ranges (of 10 to 30
#: days), while a backfill of 40 days is shared by four workers.
DAYS_PER_RUN = 10


class SourceConfig(dg.Config):
    """What a run of a source reads: the publisher (default), or files loaded by hand."""

    files: list[str] = []
    #: When the publisher stated what the files contain, ISO 8601, UTC unless an offset is given; now if empty.
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
        PetadayError: if it is not an ISO 8601 instant.
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
    """One run for all days on one machine; on a lake, several runs that the workers share."""
    return dg.BackfillPolicy.multi_run(DAYS_PER_RUN) if is_shared() else dg.BackfillPolicy.single_run()


def build_source_asset(source: Source) -> dg.AssetsDefinition:
    """The asset of one source."""
    with warnings.catch_warnings():
        # Else the warning is shown once for each source; the version of Dagster is pinned.
        warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
        return _source_asset(source)


def _source_asset(source: Source) -> dg.AssetsDefinition:
    stale_after = dt.timedelta(days=source.stale_after_days)
    freshness = (
        dg.FreshnessPolicy.time_window(fail_window=stale_after, warn_window=stale_after / 2) if source.cadence else None
    )
    days = dg.DailyPartitionsDefinition(start_date=HISTORY_FROM, end_offset=1) if source.has_history else None

    @dg.asset(
        key=source_key(source.source_id),
        group_name="sources",
        description=_description(source),
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
        # No retry policy: requests are retried where they are sent, and Dagster (1.13) would apply it to a run that is
        # cancelled too, which would then go on and succeed.
        code_version=str(source.parser_version),
        partitions_def=days,
        backfill_policy=_backfill_policy() if days else None,
        output_required=False,
    )
    def source_asset(
        context: dg.AssetExecutionContext, config: SourceConfig, home: HomeResource
    ) -> Iterator[dg.MaterializeResult]:
        missing = needs_key(source)
        if missing and not config.files:
            context.log.warning(f"{source.source_id} needs {missing}: set it in the environment to read this source")
            # Nothing was read, so nothing is materialized: it would be shown as fresh, and what is derived would be
            # run. But in a run of several assets, Dagster would skip all that follows from a source without an output.
            if len(context.run.asset_selection or ()) > 1:
                yield dg.MaterializeResult(metadata={"state": f"needs {missing}", "dagster/row_count": 0})
            return
        try:
            taken = _take(context, source, config, home)
        except PetadayError as e:
            if isinstance(e, FetchError) and e.is_partial:
                _tag_kept(context)
            raise dg.Failure(description=str(e)) from None
        if any(t.outcome == "rejected" for t in taken):
            _tag_kept(context)
        yield _result(source, taken, _days(context))

    return source_asset


def _tag_kept(context: dg.AssetExecutionContext) -> None:
    """Tag the run, which is to fail, as one that kept an answer."""
    context.instance.add_run_tags(context.run.run_id, {KEPT_ANSWERS: "true"})


def _description(source: Source) -> str:
    origin = "bundled with Petaday" if source.is_bundled else f"from [{source.homepage_url}]({source.homepage_url})"
    licence = f"[{source.licence}]({source.licence_url})" if source.licence_url else source.licence
    needs = f" Needs `{source.key_name}` in the environment; without it nothing is read." if source.key_name else ""
    by_hand = "" if source.plan or source.is_bundled else f" Loaded by hand: `petaday load {source.source_id} FILE`."
    return f"{source.title}: captures for `observed.{source.subject}`, {origin}. Licence: {licence}.{needs}{by_hand}"


def _days(context: dg.AssetExecutionContext) -> str | None:
    """First and last day of a run that reads several; None of any other."""
    if not context.has_partition_key_range:
        return None
    days = context.partition_key_range
    return f"{days.start} to {days.end}" if days.start != days.end else None


def _result(source: Source, taken: list[intake.Taken], days: str | None) -> dg.MaterializeResult:
    """The result of a run; `days` if it read several, since Dagster shows its metadata beside each of them.

    Raises:
        dagster.Failure: if a batch was refused as a whole.
    """
    metadata = {
        "dagster/row_count": sum(t.row_count for t in taken),
        "captures": dg.MetadataValue.json([c for t in taken for c in t.capture_ids][:200]),
        "rejected_rows": sum(t.rejected_count for t in taken),
        "outcomes": dg.MetadataValue.json({t.batch_id: t.outcome for t in taken[:200]}),
        **({"counts_are_of": days} if days else {}),
    }
    if messages := [str(t.message) for t in taken if t.outcome == "rejected"]:
        raise dg.Failure(
            description=f"{source.source_id}: captured but refused, nothing loaded: {' | '.join(messages[:5])}",
            metadata=metadata,
        )
    return dg.MaterializeResult(metadata=metadata)


def build() -> list[dg.AssetsDefinition]:
    """Assets of all sources."""
    return [build_source_asset(source) for source in all_sources().values()]
