"""From stored bytes to checked rows: the parser of the source, then the schema of its subject; refused rows keep a reason.

No Dagster, no database and no network here: a batch is read in the same way when it arrives, when the log needs it
again, and when the warehouse is rebuilt.
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
from warehouse.errors import PetadayError, translating_disk_full
from warehouse.home import Home
from warehouse.tables import Subject

#: How far in the future `valid_from` may be, by kind of subject: announced prices, forecasts of a slot.
MAX_LEAD = {"state": dt.timedelta(days=3 * 366), "series": dt.timedelta(days=62)}
#: No series of hours, days or years begins earlier; a time of 0 seconds is a missing one, not 1970.
EARLIEST = {"state": dt.datetime(1960, 1, 1, tzinfo=dt.UTC), "series": dt.datetime(1980, 1, 1, tzinfo=dt.UTC)}


def explain_rule(schema: type[dy.Schema], rule: str) -> str:
    """A dataframely rule in words: which column, what is allowed."""
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
        "min_length": "is empty",
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
    """The subject's schema with the further columns of a checked row; valid_from belongs to the key."""
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
    """Keys of the offers of a scope to which refused rows may belong (null: any value); None if there are none.

    A value that its column does not allow counts as null: it may be a misspelling of any allowed one, and an empty text
    where there must be a name is none.
    """
    declared = subject.columns.columns()
    parts = []
    for frame in refused:
        rows = frame.filter(pl.col("scope").fill_null(scope) == scope) if "scope" in frame.columns else frame
        keys = []
        for name in subject.keys:
            stated = pl.col(name) if name in frame.columns else pl.lit(None)
            stated = stated.cast(declared[name].dtype, strict=False)
            allowed = (declared[name].metadata or {}).get("allowed")
            if allowed:
                stated = pl.when(stated.is_in(allowed)).then(stated)
            elif getattr(declared[name], "min_length", None):
                stated = pl.when(stated != "").then(stated)
            keys.append(stated.alias(name))
        parts.append(rows.with_columns(keys).select(subject.keys))
    found = pl.concat(parts).unique(maintain_order=True) if parts else None
    return found if found is not None and found.height else None


#: Long slots by resolution, and their length: there is no mean of such a slot before it is over.
_LONG_SLOTS = {"P1M": "1mo", "P1Y": "1y"}


def _still_running(subject: Subject, observed_at: dt.datetime) -> pl.Expr | None:
    """For a series with a resolution: true for the mean of a month or year that was not over when it was observed."""
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
    """Cast rows to the schema of their subject and separate the good from the bad.

    Rows that are equal in every column count once. Where the publisher gives no date, `valid_from` is `observed_at`. A
    row with `is_offered` false says that an offer ends at its date.

    Returns:
        (good rows with valid_from and capture_id, refused rows as (capture_id, reason, row_json, key columns)).

    Raises:
        LayoutError: if a declared column is missing or an unknown one is present, which is a fault of the parser.
    """
    frame = _in_declared_columns(subject, scope, captures, observed_at)
    refused: list[pl.DataFrame] = []

    def refuse(frame: pl.DataFrame, is_bad: pl.Expr, why: str) -> pl.DataFrame:
        bad = frame.filter(is_bad)
        if bad.is_empty():
            return frame
        refused.append(_refused_rows(subject, bad, pl.lit(why)))
        return frame.filter(~is_bad)

    earliest, latest = EARLIEST[subject.kind], observed_at + MAX_LEAD[subject.kind]
    in_time = pl.col("valid_from").is_between(earliest, latest).fill_null(value=False)
    frame = refuse(frame, ~in_time, f"valid_from is missing or not between {earliest.date()} and {latest.date()}")
    running = _still_running(subject, observed_at)
    if running is not None:
        why = f"the month or year was not over on {observed_at:%Y-%m-%d}, so this is not its mean"
        frame = refuse(frame, running, why)

    # The dated end of an offer has no values to check.
    ended = frame.filter(~pl.col("is_offered"))
    schema = _intake_schema(subject.columns)
    good, failure = schema.filter(frame.filter("is_offered"))
    if (bad := failure.details()).height:
        rules = [c for c in bad.columns if c not in frame.columns]
        reasons = pl.concat_list(
            pl.when(pl.col(rule).cast(pl.String) == "invalid").then(pl.lit(explain_rule(schema, rule)))
            for rule in rules
        )
        reason = reasons.list.drop_nulls().list.join("; ")
        refused.append(_refused_rows(subject, bad.with_columns(reason.alias("_reason")).drop(rules), pl.col("_reason")))
    return pl.concat([good, ended]), pl.concat(refused) if refused else pl.DataFrame(schema=staging.REJECTED_SCHEMA)


def _in_declared_columns(
    subject: Subject, scope: Scope, captures: Sequence[Capture], observed_at: dt.datetime
) -> pl.DataFrame:
    """The rows of a scope in the declared columns and types, with valid_from, is_offered and capture_id, without repetitions."""
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
    return each_once(frame, [*subject.keys, "valid_from"], [*declared, "valid_from"])


class Pages:
    """Reads an answer while it is being stored: page by page if its source can, or a large document as a whole."""

    #: Pages that are tidied at a time: each has few rows.
    TOGETHER = 64

    def __init__(self, source: Source, known: Mapping[str, Mapping[str, Any]]) -> None:
        """For one batch of a source.

        Args:
            source: publisher.
            known: what is remembered of the last answers, by address (see `warehouse.last_answers`).
        """
        self.source, self.known = source, known
        self.documents: list[Document] = []
        self.are_read: set[int] = set()
        self.whole: Reading | None = None
        self._waiting: dict[int, pl.DataFrame] = {}
        self._tidied: list[pl.DataFrame] = []
        self._lock = Lock()

    def passing(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents as they arrive; their paths are remembered, not their bytes (there may be a thousand pages)."""
        for document in documents:
            self.documents.append(document.in_file())
            yield document

    def read(self, index: int, document: Document, capture: Capture) -> None:
        """Read a page whose bytes are stored, unless they are those of last time; a page that is not read stays in its file."""
        is_known = self.known.get(document.url, {}).get("sha256") == capture.sha256
        if self.source.read_page is not None and not is_known:
            # An error will occur again when the whole batch is read, and is reported then.
            with suppress(*PARSER_ERRORS):
                self._add(index, self.source.read_page(document))
                return
        document.spool()

    def may_be_read_whole(self, documents: Iterable[Document]) -> bool:
        """True for a single large document whose size differs from that of last time, so that it must have changed."""
        if not isinstance(documents, Sequence) or len(documents) != 1 or self.source.read_page is not None:
            return False
        (document,) = documents
        size = document.path.stat().st_size
        return document.is_large and self.known.get(document.url, {}).get("byte_count") != size

    def read_whole(self) -> None:
        """Parse all documents at once."""
        # See `read` on errors.
        with suppress(*PARSER_ERRORS):
            self.whole = self.source.parse(self.documents)

    def _add(self, index: int, page: pl.DataFrame) -> None:
        with self._lock:
            self.are_read.add(index)
            self._waiting[index] = page
            if len(self._waiting) < self.TOGETHER:
                return
            together, self._waiting = self._waiting, {}
        # Outside the lock, so that other threads continue.
        try:
            self._tidied.append(self._tidy(together))
        except BaseException:
            # Put back, so that `rows` reports the error.
            with self._lock:
                self._waiting.update(together)
            raise

    def _tidy(self, pages: Mapping[int, pl.DataFrame]) -> pl.DataFrame:
        assert self.source.tidy_pages is not None
        return self.source.tidy_pages(numbered(pages))

    def rows(self) -> pl.DataFrame:
        """The rows of all pages in order, with `document`; pages that were not read on arrival are read now.

        Raises:
            LayoutError: as `read_page` of the source.
        """
        assert self.source.read_page is not None
        for index, document in enumerate(self.documents):
            if index not in self.are_read:
                self._add(index, self.source.read_page(document))
        # Released here, so that the parts and the whole are not both in memory while it is checked.
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
        captures: captures of the documents, in the same order.
        documents: pages in order.
        pages: what was read on arrival, if any.

    Returns:
        (scopes with good rows, refused rows).

    Raises:
        LayoutError: if the documents do not have the layout that the parser expects.
        DiskFullError: if there is no room to unpack them, which says nothing of their layout.
    """
    try:
        with translating_disk_full(f"reading {documents[0].url}"):
            return _read(source, captures, documents, pages)
    except PetadayError:
        raise
    except PARSER_ERRORS as e:
        said = next(iter(str(e).splitlines()), "")[:300]
        raise LayoutError(f"{documents[0].url}: not in the known layout: {type(e).__name__}: {said}") from e


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
    by_parser = _with_capture_ids(reading.rejected, captures) if reading.rejected is not None else None
    if by_parser is not None and by_parser.height:
        refused.append(by_parser.select(staging.REJECTED_SCHEMA.names()))
    for parsed in reading.scopes:
        scope, made_of = _without_made_of(parsed)
        good, bad = check_scope(subject, scope, captures, captures[0].fetched)
        if bad.height:
            refused.append(bad.select(staging.REJECTED_SCHEMA.names()))
        keys = None
        if scope.is_complete and subject.kind == "state":
            keys = _refused_keys(subject, scope.name, [f for f in (by_parser, bad) if f is not None and f.height])
        if good.height or scope.is_complete:
            scopes.append(staging.StagedScope(scope.name, scope.is_complete, good, keys, made_of))
    rejected = pl.concat(refused) if refused else pl.DataFrame(schema=staging.REJECTED_SCHEMA)
    return scopes, rejected


def _without_made_of(scope: Scope) -> tuple[Scope, pl.DataFrame | None]:
    """A scope without the columns `_fuel_mix.MADE_OF`, and those columns by zone and slot (None if it has none)."""
    if not set(MADE_OF) <= set(scope.frame.columns):
        return scope, None
    made_of = scope.frame.filter(pl.col(MADE_OF[0]).is_not_null()).select("zone", "valid_from", *MADE_OF)
    # The two rows of a slot (direct, lifecycle) are made of the same fuels.
    return replace(scope, frame=scope.frame.drop(MADE_OF)), made_of.unique(["zone", "valid_from"], maintain_order=True)


def read_stored(
    store: CaptureStore, source: Source, captures: Sequence[Capture]
) -> tuple[list[staging.StagedScope], pl.DataFrame]:
    """As `read_batch`, from the stored bytes of a batch.

    Raises:
        CaptureDamagedError: if bytes are missing or do not match their hash.
        LayoutError: as `read_batch`.
    """
    documents = [store.open_document(c) for c in captures]
    try:
        return read_batch(source, captures, documents)
    finally:
        for document in documents:
            document.path.unlink(missing_ok=True)


def parse_again(home: Home) -> loading.ParseAgain:
    """The function with which the log reads an earlier batch again: from its stored bytes, with today's parser."""
    return lambda source_id, captures: read_stored(CaptureStore(home), all_sources()[source_id], captures)[0]
