"""From stored bytes to checked rows: a publisher's parser, then the schema of its subject; what is refused keeps its reason.

No Dagster, no database and no network here: a batch is read in the same way when it comes in, when the log reads it once
more and when the warehouse is rebuilt.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from threading import Lock
from typing import Any

import dataframely as dy
import polars as pl

from assets.sources import all_sources
from assets.sources._base import PARSER_ERRORS, LayoutError, Reading, Scope, Source, numbered
from assets.sources._fuel_mix import MADE_OF
from assets.sources._rows import each_once
from assets.subjects import count_of_whole, subject_named
from warehouse import loading, staging
from warehouse.capture_store import CaptureStore
from warehouse.captures import Capture, Document
from warehouse.errors import PetadayError
from warehouse.home import Home
from warehouse.tables import Subject

#: The furthest ahead that a date may lie: announced prices, forecasts of a slot.
MAX_LEAD = {"state": dt.timedelta(days=3 * 366), "series": dt.timedelta(days=62)}
EARLIEST = dt.datetime(1960, 1, 1, tzinfo=dt.UTC)


def explain_rule(schema: type[dy.Schema], rule: str) -> str:
    """A dataframely rule in words a person understands: which column, what is allowed."""
    if rule == "primary_key":
        return "two different rows have the same key: " + ", ".join(schema.primary_key())
    column_name, _, what = rule.partition("|")
    if not what:
        function = getattr(getattr(schema, rule, None), "validation_fn", None)
        meaning = (getattr(function, "__doc__", None) or "").strip().rstrip(".")
        return f"{rule.replace('_', ' ')}{': ' + meaning if meaning else ''}"
    column = schema.columns()[column_name]
    bounds = {
        "nullability": "is missing",
        "nan": "is not a number",
        "inf": "is infinite",
        "dtype": "has the wrong type",
        "min": f"is below {getattr(column, 'min', None)}",
        "max": f"is above {getattr(column, 'max', None)}",
        "min_exclusive": f"is not above {getattr(column, 'min_exclusive', None)}",
        "max_exclusive": f"is not below {getattr(column, 'max_exclusive', None)}",
    }
    allowed = (column.metadata or {}).get("allowed")
    if allowed and what.startswith("check"):
        return f"{column_name} is not one of {', '.join(allowed)}"
    return f"{column_name} {bounds.get(what, what)}"


def _with_capture_ids(frame: pl.DataFrame, captures: Sequence[Capture]) -> pl.DataFrame:
    ids = [c.capture_id for c in captures]
    if "document" in frame.columns:
        index = pl.col("document").cast(pl.Int64).replace_strict(list(range(len(ids))), ids, return_dtype=pl.String)
        return frame.with_columns(index.alias("capture_id")).drop("document")
    return frame.with_columns(pl.lit(ids[0]).alias("capture_id"))


@cache
def _intake_schema(columns: type[dy.Schema]) -> type[dy.Schema]:
    """The subject's schema with the columns that every row has on its way in; the date belongs to the key."""
    extra = {
        "valid_from": dy.Datetime(time_unit="us", time_zone="UTC", primary_key=True, nullable=False),
        "is_offered": dy.Bool(nullable=False),
        "capture_id": dy.String(nullable=False),
    }
    return type(f"{columns.__name__}Intake", (columns,), extra)


def _refused_rows(subject: Subject, frame: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    packed = pl.struct(pl.exclude("capture_id", "_reason")).struct.json_encode()
    return frame.select("capture_id", reason.alias("reason"), packed.alias("row_json"), *subject.keys)


def _refused_keys(subject: Subject, scope: str, refused: Sequence[pl.DataFrame]) -> pl.DataFrame | None:
    """Keys of the offers of a scope that refused rows may be of (null: any), by what these tell; None if there are none.

    A value that its column does not allow tells nothing: it may be any that is allowed, mistyped.
    """
    declared = subject.columns.columns()
    parts = []
    for frame in refused:
        rows = frame.filter(pl.col("scope").fill_null(scope) == scope) if "scope" in frame.columns else frame
        keys = []
        for name in subject.keys:
            told = pl.col(name) if name in frame.columns else pl.lit(None)
            told = told.cast(declared[name].dtype, strict=False)
            allowed = (declared[name].metadata or {}).get("allowed")
            keys.append((pl.when(told.is_in(allowed)).then(told) if allowed else told).alias(name))
        parts.append(rows.with_columns(keys).select(subject.keys))
    found = pl.concat(parts).unique(maintain_order=True) if parts else None
    return found if found is not None and found.height else None


#: Ends of long slots from their start, by resolution: a mean of one is no mean before it is over.
_LONG_SLOTS = {"P1M": "1mo", "P1Y": "1y"}


def _still_running(subject: Subject, observed_at: dt.datetime) -> pl.Expr | None:
    """For a series with means and forecasts: true for a mean of a month or year that was not over when it was seen."""
    if not {"resolution", "basis_kind"} <= set(subject.keys):
        return None
    ends = pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    for resolution, length in _LONG_SLOTS.items():
        ends = (
            pl.when(pl.col("resolution") == resolution).then(pl.col("valid_from").dt.offset_by(length)).otherwise(ends)
        )
    return ((ends > observed_at) & (pl.col("basis_kind") != "forecast")).fill_null(value=False)


def check_scope(
    subject: Subject, scope: Scope, captures: Sequence[Capture], observed_at: dt.datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cast rows to the schema of their subject and part the good from the bad.

    Rows that are alike in every column count once. Where the publisher gives no date, `valid_from` is `observed_at`. A
    row with `is_offered` false says that an offer ends at its date.

    Returns:
        (good rows with valid_from and capture_id, refused rows as (capture_id, reason, row_json, key columns)).

    Raises:
        LayoutError: if a declared column is missing or an unknown one is there: a fault of the parser.
    """
    declared = subject.columns.columns()
    frame = _with_capture_ids(scope.frame, captures)
    found = set(frame.columns) - {"capture_id", "valid_from", "is_offered"}
    if found != set(declared) or (subject.kind == "series" and "valid_from" not in frame.columns):
        raise LayoutError(
            f"parser of {captures[0].source_id}: missing {sorted(set(declared) - found)}, "
            f"unknown {sorted(found - set(declared))} (a series also needs valid_from)"
        )
    start = pl.col("valid_from") if "valid_from" in frame.columns else pl.lit(None)
    start = start.cast(pl.Datetime("us", "UTC"), strict=False)
    frame = frame.select(
        *(pl.col(name).cast(column.dtype, strict=False) for name, column in declared.items()),
        (start if subject.kind == "series" else start.fill_null(observed_at)).alias("valid_from"),
        (pl.col("is_offered") if "is_offered" in frame.columns else pl.lit(True)).alias("is_offered"),
        "capture_id",
    )
    if subject.name == "cloud_rate":
        frame = frame.with_columns(count_of_whole())
    frame = each_once(frame, [*subject.keys, "valid_from"], [*declared, "valid_from"])

    refused = []
    latest = observed_at + MAX_LEAD[subject.kind]
    in_time = pl.col("valid_from").is_between(EARLIEST, latest).fill_null(value=False)
    out_of_time = frame.filter(~in_time)
    if out_of_time.height:
        why = f"valid_from is missing or not between {EARLIEST.date()} and {latest.date()}"
        refused.append(_refused_rows(subject, out_of_time, pl.lit(why)))
        frame = frame.filter(in_time)

    running = _still_running(subject, observed_at)
    if running is not None:
        of_running = frame.filter(running)
        if of_running.height:
            why = f"the month or year was not over on {observed_at:%Y-%m-%d}: its mean is not of the whole"
            refused.append(_refused_rows(subject, of_running, pl.lit(why)))
            frame = frame.filter(~running)

    # A dated end of an offer has no values to check.
    ended = frame.filter(~pl.col("is_offered"))
    schema = _intake_schema(subject.columns)
    good, failure = schema.filter(frame.filter("is_offered"))
    if (bad := failure.details()).height:
        rules = [c for c in bad.columns if c not in frame.columns]
        why = pl.concat_list(
            pl.when(pl.col(rule).cast(pl.String) == "invalid").then(pl.lit(explain_rule(schema, rule)))
            for rule in rules
        )
        reason = why.list.drop_nulls().list.join("; ")
        refused.append(_refused_rows(subject, bad.with_columns(reason.alias("_reason")).drop(rules), pl.col("_reason")))
    return pl.concat([good, ended]), pl.concat(refused) if refused else pl.DataFrame(schema=staging.REJECTED_SCHEMA)


class Pages:
    """Reads an answer while it is being kept: page by page where its source can, or a large one as a whole."""

    #: So many are put together at a time: their rows are few.
    TOGETHER = 64

    def __init__(self, source: Source, known: Mapping[str, Mapping[str, Any]]) -> None:
        """Pages of a source of which that is known (see `warehouse.last_answers`)."""
        self.source, self.known = source, known
        self.documents: list[Document] = []
        self.are_read: set[int] = set()
        self.whole: Reading | None = None
        self._waiting: dict[int, pl.DataFrame] = {}
        self._tidied: list[pl.DataFrame] = []
        self._lock = Lock()

    def passing(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents as they come, each noted (where it lies: a thousand pages are not held in memory)."""
        for document in documents:
            self.documents.append(document.in_file())
            yield document

    def read(self, index: int, document: Document, capture: Capture) -> None:
        """Read a page whose bytes are kept, unless they are those of last time; one that is not read now waits in its file."""
        is_known = self.known.get(document.url, {}).get("sha256") == capture.sha256
        if self.source.read_page is not None and not is_known:
            # What goes wrong will go wrong again when the batch is read as a whole, and is told then.
            with suppress(*PARSER_ERRORS):
                self._add(index, self.source.read_page(document))
                return
        document.spool()

    def may_be_read_whole(self, documents: Iterable[Document]) -> bool:
        """True for a large answer in one document whose size alone says that it is not the one of last time."""
        if not isinstance(documents, Sequence) or len(documents) != 1 or self.source.read_page is not None:
            return False
        (document,) = documents
        size = document.path.stat().st_size
        return document.is_large and self.known.get(document.url, {}).get("byte_count") != size

    def read_whole(self) -> None:
        """Read all documents at once."""
        # As in `read`.
        with suppress(*PARSER_ERRORS):
            self.whole = self.source.parse(self.documents)

    def _add(self, index: int, page: pl.DataFrame) -> None:
        with self._lock:
            self.are_read.add(index)
            self._waiting[index] = page
            if len(self._waiting) < self.TOGETHER:
                return
            together, self._waiting = self._waiting, {}
        # Other threads go on meanwhile.
        try:
            self._tidied.append(self._tidy(together))
        except BaseException:
            # Not lost: `rows` meets them again, and says what is wrong.
            with self._lock:
                self._waiting.update(together)
            raise

    def _tidy(self, pages: Mapping[int, pl.DataFrame]) -> pl.DataFrame:
        assert self.source.tidy_pages is not None
        return self.source.tidy_pages(numbered(pages))

    def rows(self) -> pl.DataFrame:
        """The rows of all pages in order, with `document`; pages that were not read as they came are read now.

        Raises:
            LayoutError: as `read_page` of the source.
        """
        assert self.source.read_page is not None
        for index, document in enumerate(self.documents):
            if index not in self.are_read:
                self._add(index, self.source.read_page(document))
        # Handed over, so that the parts are not held beside the whole while it is checked.
        joined, self._tidied = self._tidied, []
        if self._waiting:
            joined.append(self._tidy(self._waiting))
            self._waiting = {}
        return pl.concat(joined, how="diagonal", rechunk=True).sort("document", maintain_order=True)


def read_batch(
    source: Source,
    captures: Sequence[Capture],
    documents: Sequence[Document],
    pages: Pages | None = None,
) -> tuple[list[staging.StagedScope], pl.DataFrame]:
    """Parse and check one batch.

    Args:
        source: publisher.
        captures: of the documents.
        documents: pages in order.
        pages: those of them that were read already.

    Returns:
        (scopes with good rows, refused rows).

    Raises:
        LayoutError: if the parser does not know the layout.
    """
    try:
        return _read(source, captures, documents, pages)
    except PetadayError:
        raise
    except PARSER_ERRORS as e:
        raise LayoutError(f"{documents[0].url}: not in the known layout: {type(e).__name__}: {str(e)[:300]}") from e


def _read(
    source: Source, captures: Sequence[Capture], documents: Sequence[Document], pages: Pages | None
) -> tuple[list[staging.StagedScope], pl.DataFrame]:
    if pages is not None and pages.whole is not None:
        reading: Reading = pages.whole
    elif pages is not None and pages.are_read and source.join_pages:
        reading = source.join_pages(documents, pages.rows())
    else:
        reading = source.parse(documents)
    subject = subject_named(source.subject)
    scopes, refused = [], []
    told = _with_capture_ids(reading.rejected, captures) if reading.rejected is not None else None
    if told is not None and told.height:
        refused.append(told.select(staging.REJECTED_SCHEMA.names()))
    for told_scope in reading.scopes:
        scope, made_of = _parted(told_scope)
        good, bad = check_scope(subject, scope, captures, captures[0].fetched)
        if bad.height:
            refused.append(bad.select(staging.REJECTED_SCHEMA.names()))
        keys = None
        if scope.is_complete and subject.kind == "state":
            keys = _refused_keys(subject, scope.name, [f for f in (told, bad) if f is not None and f.height])
        if good.height or scope.is_complete:
            scopes.append(staging.StagedScope(scope.name, scope.is_complete, good, keys, made_of))
    rejected = pl.concat(refused) if refused else pl.DataFrame(schema=staging.REJECTED_SCHEMA)
    return scopes, rejected


def _parted(scope: Scope) -> tuple[Scope, pl.DataFrame | None]:
    """A scope without what its rows were made of, and that by zone and slot; see `_fuel_mix.MADE_OF`."""
    if not set(MADE_OF) <= set(scope.frame.columns):
        return scope, None
    made_of = scope.frame.filter(pl.col(MADE_OF[0]).is_not_null()).select("zone", "valid_from", *MADE_OF)
    # Two rows of a slot (direct, lifecycle) are made of the same.
    return replace(scope, frame=scope.frame.drop(MADE_OF)), made_of.unique(["zone", "valid_from"], maintain_order=True)


def parse_again(home: Home) -> loading.ParseAgain:
    """How the log reads an earlier batch once more: from its stored bytes, with today's parser."""

    def parse(source_id: str, captures: list[Capture]) -> list[staging.StagedScope]:
        store = CaptureStore(home)
        documents = [store.open_document(c) for c in captures]
        try:
            scopes, _ = read_batch(all_sources()[source_id], captures, documents)
        finally:
            for document in documents:
                document.path.unlink(missing_ok=True)
        return scopes

    return parse
