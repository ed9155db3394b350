"""What a source is: where to fetch it and how to read it. No database and no Dagster here.

A publisher is one module in this package that defines one or more `Source` objects at top level, which registers them.
`plan` returns the requests to make; `parse` is a pure function from documents to rows in the schema of the subject.
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import polars as pl

from warehouse.captures import Document
from warehouse.errors import PetadayError
from warehouse.instants import UNKNOWN_START

#: No publisher's file unpacks to more than this.
MAX_UNPACKED_BYTES = 2 << 30
#: A zip that unpacks to more than this many times its size is refused.
MAX_ZIP_RATIO = 200

UNKNOWN_START_AT = dt.datetime.fromisoformat(UNKNOWN_START)


class FetchError(PetadayError):
    """A publisher could not be read; the message names it, the address and the answer."""

    #: Whether other parts of what was asked for were read and staged.
    is_partial: bool = False


class LayoutError(PetadayError):
    """A publisher's answer does not have the layout that its parser expects: the capture is kept, nothing is loaded."""


#: What parsing a hostile or broken document may raise besides `PetadayError`: all of it means "not in the known
#: layout". (Polars panics on some broken input, and its PanicException is not an Exception.)
PARSER_ERRORS = (Exception, pl.exceptions.PanicException)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Values in `secret_params` and `secret_headers` are sent but never stored or shown."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    json_body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_params: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    extension: str = "json"
    #: The answer is an index, not data: `Source.expand` turns it into the next requests.
    is_index: bool = False
    #: For a dated version from an archive: when it was published. It is recorded as observed at that time.
    as_of: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What a run asks for: the latest data or, for sources with history, the days from `first_on` to `last_on`."""

    now: dt.datetime
    first_on: dt.date | None = None
    last_on: dt.date | None = None

    @property
    def is_latest(self) -> bool:
        """True if no days are asked for, only the latest data."""
        return self.first_on is None and self.last_on is None

    def days(self, default_days: int = 1, ahead: int = 0) -> list[dt.date]:
        """Every day of the window (UTC).

        Args:
            default_days: how many days to return if the window names none.
            ahead: the last of these, in days from today; 1 is tomorrow.
        """
        last = self.last_on or self.now.date() + dt.timedelta(days=ahead if self.is_latest else 0)
        first = self.first_on or last - dt.timedelta(days=default_days - 1)
        return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]

    def spans(self, longest: int, default_days: int = 1, ahead: int = 0) -> Iterator[tuple[dt.date, dt.date]]:
        """First and last day of consecutive parts of the window, each of at most `longest` days; see `days`."""
        days = self.days(default_days, ahead)
        for start in range(0, len(days), longest):
            part = days[start : start + longest]
            yield part[0], part[-1]


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows of one part of a source.

    `frame` has the columns of the subject, `valid_from` (required for a series) and, where several documents were read,
    `document`: the index of the document a row came from. If `is_complete`, an offer that is absent is no longer
    offered.
    """

    name: str
    frame: pl.DataFrame
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a parser read: scopes, and the rows that it refused (see `refused`).

    `rejected` has the columns reason and row_json, and optionally document, scope and key columns of the subject. The
    keys say which offers a refused row may belong to: such an offer is not recorded as ended although its list is
    complete without it. A refused row without any key may belong to any offer.
    """

    scopes: Sequence[Scope]
    rejected: pl.DataFrame | None = None

    def refusing(self, more: pl.DataFrame | None) -> Reading:
        """The same reading with further refused rows."""
        parts = [part for part in (self.rejected, more) if part is not None]
        return Reading(self.scopes, pl.concat(parts, how="diagonal") if parts else None)


@dataclass(frozen=True, slots=True)
class Source:
    """One feed of a publisher, for one subject."""

    source_id: str
    subject: str
    title: str
    homepage_url: str
    licence: str
    parse: Callable[[Sequence[Document]], Reading]
    #: Requests to make, in batches that are parsed together. None: files are loaded by hand.
    plan: Callable[[Window], Iterable[Sequence[Request]]] | None = None
    #: The request for the page after a document, or None after the last one; it must stay on the allowed hosts.
    follow: Callable[[Document], Request | None] | None = None
    #: For answers of very many pages, `parse` in three steps, so that a page is read while the next ones are fetched:
    #: `read_page` returns the rows of one page; `tidy_pages` reduces the rows of some pages (with `document`, the index
    #: of their page) to what is needed; `join_pages` makes the reading from the reduced rows of all pages.
    read_page: Callable[[Document], pl.DataFrame] | None = None
    tidy_pages: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    join_pages: Callable[[Sequence[Document], pl.DataFrame], Reading] | None = None
    #: The batches that an index (a request with `is_index`) leads to; they may be indices themselves.
    expand: Callable[[Document, Window], Iterable[Sequence[Request]]] | None = None
    hosts: tuple[str, ...] = ()
    licence_url: str | None = None
    attribution: str | None = None
    #: Cron schedule in UTC.
    cadence: str | None = None
    #: Environment variable with the API key; without it the source is skipped.
    key_name: str | None = None
    #: To be raised when the parser reads other rows from the same bytes.
    parser_version: int = 1
    #: File extension of what a person may load by hand.
    extension: str = "json"
    #: True if a complete answer without a row is plausible (a region that offers no accelerator).
    may_be_empty: bool = False
    is_bundled: bool = False
    #: Bundled documents, for a source that ships with Petaday.
    bundled: Callable[[], Sequence[Document]] | None = None
    #: True if `plan` can ask for past days.
    has_history: bool = False
    #: True for scraped pages: robots.txt is obeyed.
    is_scraped: bool = False
    #: Largest answer that is accepted, in bytes.
    max_bytes: int = 64 << 20
    #: A batch with a larger share of refused rows is refused as a whole.
    max_rejected_share: float = 0.2
    #: A complete answer with fewer rows than this share of the last one is refused.
    min_kept_share: float = 0.5
    #: The source is stale after this many days without a good capture.
    stale_after_days: float = 3.0
    #: Its content stands still if it was read and said nothing new for this many days: longer than its publisher ever pauses. None: it may (yearly factors,
    #: prices of one machine, what is loaded by hand).
    changes_within_days: float | None = None

    def stands_still(self, unchanged_days: float | None) -> bool:
        """Whether it said the same for longer than it is expected to.

        Args:
            unchanged_days: from the last answer with something new to the last good answer; None if there was none.
        """
        return (
            self.changes_within_days is not None
            and unchanged_days is not None
            and unchanged_days > self.changes_within_days
        )


def numbered(pages: Mapping[int, pl.DataFrame]) -> pl.DataFrame:
    """The rows of some pages in one frame, with the index of their page as `document`."""
    counts = pl.DataFrame({"document": list(pages), "count": [page.height for page in pages.values()]})
    # Without the empty ones: an empty list explodes to a null.
    documents = counts.filter(pl.col("count") > 0).select(pl.col("document").repeat_by("count").explode())
    return pl.concat(pages.values(), rechunk=True).with_columns(documents["document"])


# Reading documents --------------------------------------------------------------------------------------------------------


def looks_like_html(body: bytes) -> bool:
    """True for an HTML page, which a block page or an error page is even where data were asked for."""
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in start


def body_of(document: Document, *, member: str | None = None) -> bytes:
    """The bytes of a document, unpacked if it is a zip with one file (or with `member`), or packed by gzip.

    Raises:
        LayoutError: if it is empty, truncated, an HTML page instead of data, or unpacks to an implausible size.
    """
    body = document.read_bytes()
    if not body.strip():
        raise LayoutError(f"{document.url}: the answer is empty")
    if body[:2] in (b"PK", b"\x1f\x8b"):
        body = _unzip(document.url, body, member) if body[:2] == b"PK" else _gunzip(document.url, body)
        if not body.strip():
            raise LayoutError(f"{document.url}: the file in the archive is empty")
    if document.extension not in ("html", "htm", "xml") and looks_like_html(body):
        raise LayoutError(f"{document.url}: an HTML page came in place of data (blocked, or moved)")
    return body


def plain_extension(document: Document) -> str:
    """The extension of a document, or of the first file in it if it is a zip; the intake leaves out ".gz"."""
    if document.extension != "zip":
        return document.extension
    try:
        with zipfile.ZipFile(io.BytesIO(document.read_bytes())) as archive:
            names = [i.filename for i in archive.infolist() if not i.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError):
        names = []
    return PurePosixPath(names[0]).suffix.lstrip(".").lower() if names else "zip"


def _unzip(url: str, body: bytes, member: str | None) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return read_member(url, archive, only_file(url, archive, member))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as e:
        raise LayoutError(f"{url}: the archive cannot be read (truncated?): {str(e)[:200]}") from e


def only_file(url: str, archive: zipfile.ZipFile, member: str | None = None) -> zipfile.ZipInfo:
    """The one file of an archive, or the one of this name.

    Raises:
        LayoutError: if there is none, or more than one.
    """
    infos = [i for i in archive.infolist() if not i.is_dir() and member in (None, i.filename)]
    if len(infos) != 1:
        raise LayoutError(
            f"{url}: expected one file{f' {member!r}' if member else ''} in the archive, found {len(infos)}"
        )
    return infos[0]


def unpacked_limit(packed_bytes: int) -> int:
    """How many bytes a file of so many packed bytes may unpack to: what is above is taken for a zip bomb."""
    return min(MAX_UNPACKED_BYTES, max(packed_bytes, 1024) * MAX_ZIP_RATIO)


def _gunzip(url: str, body: bytes) -> bytes:
    limit = unpacked_limit(len(body))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as member:
            data = member.read(limit + 1)
    except (OSError, EOFError, zlib.error) as e:
        raise LayoutError(f"{url}: the archive cannot be read (truncated?): {str(e)[:200]}") from e
    if len(data) > limit:
        raise LayoutError(f"{url}: unpacks to more than {limit} bytes from {len(body)}: refused")
    return data


def read_member(url: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """One file of an archive, with a limit on its unpacked size.

    Raises:
        LayoutError: if it unpacks to more than `MAX_UNPACKED_BYTES` or `MAX_ZIP_RATIO` times its packed size.
    """
    limit = unpacked_limit(info.compress_size)
    with archive.open(info) as member:
        try:
            data = member.read(limit + 1)
        except (zipfile.BadZipFile, EOFError, OSError) as e:
            raise LayoutError(f"{url}: the archive cannot be read (truncated?): {str(e)[:200]}") from e
        except Exception as e:
            raise LayoutError(f"{url}: the archive cannot be read: {str(e)[:200]}") from e
    if len(data) > limit:
        raise LayoutError(
            f"{url}: {info.filename!r} unpacks to more than {limit} bytes from {info.compress_size}: refused"
        )
    return data


def read_members(url: str, archive: zipfile.ZipFile, infos: Sequence[zipfile.ZipInfo]) -> list[bytes]:
    """Several files of an archive, with a limit on their total size: in a zip bomb, members that overlap each pass alone.

    Raises:
        LayoutError: as `read_member`; also if they unpack to more than `MAX_UNPACKED_BYTES` in all.
    """
    total, found = 0, []
    for info in infos:
        found.append(read_member(url, archive, info))
        total += len(found[-1])
        if total > MAX_UNPACKED_BYTES:
            raise LayoutError(f"{url}: the archive unpacks to more than {MAX_UNPACKED_BYTES} bytes in all: refused")
    return found


def json_of(document: Document, *, member: str | None = None) -> Any:
    """The JSON value of a document.

    Raises:
        LayoutError: if it is not JSON.
    """
    body = body_of(document, member=member)
    try:
        return json.loads(body.decode(_encoding_of(body)))
    except (ValueError, RecursionError) as e:
        raise LayoutError(f"{document.url}: not JSON (truncated?): {str(e)[:200]}") from e


def _encoding_of(body: bytes) -> str:
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    return "utf-8-sig"


def csv_of(
    document: Document,
    required: Sequence[str],
    *,
    member: str | None = None,
    overhanging_column: str | None = None,
    **options: Any,
) -> pl.DataFrame:
    """A CSV document as text columns, unchanged but for empty fields (quoted or not), which are null, and empty lines.

    Args:
        document: the file, plain or in a zip with one file (or with `member`).
        required: columns that must be there.
        member: file in the archive.
        overhanging_column: name of a last column that may contain unquoted commas; in any other file a row with more
            fields than the header is an error.
        options: of `polars.read_csv`.

    Raises:
        LayoutError: if it cannot be read, has no row, or lacks a required column.
    """
    body = _csv_body(document, member)
    return _csv_frame(document, body, required, overhanging_column=overhanging_column, **options)


def csv_rows(
    document: Document,
    required: Sequence[str],
    *,
    body: bytes | None = None,
    may_be_short: bool = False,
    separator: str = ",",
    **options: Any,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """As `csv_of`, but a line with more or fewer fields than the header costs itself, not the file.

    In a line with more, which separator belongs to a value cannot be told, so that no column of it is known; one with fewer
    was cut.

    Args:
        document: as in `csv_of`.
        required: as in `csv_of`.
        body: bytes of the file, where they are not all of the document, or in another encoding than UTF-8.
        may_be_short: true if a line may end before the last columns, which are then null.
        separator: between fields.
        options: as in `csv_of`.

    Returns:
        (the rows of the other lines, these lines in the form of `Reading.rejected`).

    Raises:
        LayoutError: as `csv_of`; also if a file with such a line has a value of several lines.
    """
    body = _csv_body(document, None) if body is None else body
    broken = pl.DataFrame(schema={"line": pl.String, "why": pl.String})
    try:
        frame = _csv_frame(document, body, required, separator=separator, **options)
        # A line that was cut has nothing in the last column.
        is_whole = may_be_short or not frame[:, -1].has_nulls()
    except LayoutError:
        is_whole = False
    if not is_whole:
        body, broken = _without_broken_lines(body, separator, may_be_short=may_be_short)
        frame = _csv_frame(document, body, required, separator=separator, **options)
    return frame, refused(broken.select("line"), broken["why"])


def without_parts_of(rows: pl.DataFrame, broken: pl.DataFrame, column: str) -> pl.DataFrame:
    """The rows of a table without those that share a slot, say, with a broken line: without that line the slot is not whole.

    Args:
        rows: of the whole lines, as `csv_rows` returns them.
        broken: the other lines, as `csv_rows` returns them.
        column: names what lines belong to; it is looked for where the header has it.
    """
    fields = broken["row_json"].str.json_path_match("$.line").str.split(",")
    shared = fields.list.get(rows.columns.index(column), null_on_oob=True).str.strip_chars('"')
    return rows.filter(~pl.col(column).is_in(shared.drop_nulls().implode()))


def _csv_body(document: Document, member: str | None) -> bytes:
    body = body_of(document, member=member)
    return body.decode("utf-16").encode() if body[:2] in (b"\xff\xfe", b"\xfe\xff") else body


def _without_broken_lines(body: bytes, separator: str, *, may_be_short: bool) -> tuple[bytes, pl.DataFrame]:
    """A CSV file without its lines of more or fewer fields than the first one, and these lines with the reason.

    An empty field after the last one is none too many if most lines have it. None are found in a file with a value of
    several lines (or an open quote), or in another encoding than UTF-8.
    """
    line, count = pl.col("line"), pl.col("count")
    try:
        lines = pl.DataFrame({"line": body.decode("utf-8-sig").strip("\r\n").split("\n")})
    except UnicodeDecodeError:
        return body, pl.DataFrame(schema={"line": pl.String, "why": pl.String})
    lines = lines.with_columns(line.str.strip_chars_end("\r"))
    if lines.select((line.str.count_matches('"', literal=True) % 2 == 1).any()).item():
        return body, pl.DataFrame(schema={"line": pl.String, "why": pl.String})
    plain = line.str.replace_all('"[^"]*"', "")
    lines = lines.with_columns(plain.str.count_matches(separator, literal=True).alias("count"))
    ends = (count == count.first() + 1) & plain.str.ends_with(separator)
    is_usual = bool(2 * lines.select(ends.sum()).item() > lines.height - 1)
    whole = count.first() + (1 if is_usual else 0)
    is_short = (count < whole) & (line.str.strip_chars() != "") & (pl.int_range(pl.len()) > 0) & (not may_be_short)
    lines = lines.with_columns(
        pl.when(count > whole)
        .then(pl.lit("more fields than the header has: which comma belongs to a value cannot be told"))
        .when(is_short)
        .then(pl.lit("fewer fields than the header has: the line was cut"))
        .alias("why"),
        (line.str.strip_suffix(separator) if is_usual else line).alias("kept"),
    )
    kept, broken = lines.filter(pl.col("why").is_null()), lines.filter(pl.col("why").is_not_null())
    kept = kept.select(pl.when(pl.int_range(pl.len()) == 0).then("line").otherwise("kept"))
    return "\n".join(kept.to_series()).encode(), broken.select(line.str.strip_chars(), "why")


def _csv_frame(
    document: Document, body: bytes, required: Sequence[str], *, overhanging_column: str | None = None, **options: Any
) -> pl.DataFrame:
    header = body.lstrip()[:4096].split(b"\n", 1)[0].strip()
    if overhanging_column and header.endswith(b"," + overhanging_column.encode()):
        options["truncate_ragged_lines"] = True
    if b";" in header and b"," not in header and options.get("separator", ",") == ",":
        raise LayoutError(
            f"{document.url}: the fields are separated by semicolons, as a spreadsheet saves them in many countries (with "
            "decimal commas, too): load the file as it was published"
        )
    try:
        frame = pl.read_csv(body, infer_schema=False, **options)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as e:
        said = str(e).splitlines()[0][:200]
        advice = ": save it as CSV UTF-8" if "utf-8" in said.lower() else ""
        raise LayoutError(f"{document.url}: not a readable CSV file: {said}{advice}") from e
    require_columns(document, frame.columns, required)
    if quoted := [c.name for c in frame if (c == "").any()]:
        frame = frame.with_columns(pl.col(quoted).replace("", None))
    # Polars reads an empty line as a row of nulls.
    if frame.width > 1 and all(c.has_nulls() for c in frame):
        frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    if frame.is_empty():
        raise LayoutError(f"{document.url}: a header and no row")
    return frame


#: A list made longer than this before it was fetched says nothing about today's offers.
CURRENT_FOR = dt.timedelta(days=3)


def made_at(document: Document) -> tuple[dt.datetime, bool]:
    """When an undated list was made, and whether it was current when it was fetched.

    A file loaded by hand may have its day (UTC) in its name; any other counts as made when it was fetched.
    """
    named = re.search(r"(\d{4}-\d{2}-\d{2})", document.url.rsplit("/", 1)[-1])
    made = dt.datetime.fromisoformat(named.group(1)).replace(tzinfo=dt.UTC) if named else document.fetched_at
    return made, abs(document.fetched_at - made) <= CURRENT_FOR


def is_current(document: Document, dates: pl.Series) -> bool:
    """True if the latest of a list's own dates is at most `CURRENT_FOR` older than its fetch; False without a date."""
    newest = dates.max()
    return isinstance(newest, dt.datetime) and document.fetched_at - newest <= CURRENT_FOR


def require_columns(document: Document, found: Sequence[str], required: Sequence[str]) -> None:
    """Raise `LayoutError` naming what is missing and what is there."""
    if missing := [c for c in required if c not in found]:
        raise LayoutError(
            f"{document.url}: column {', '.join(missing)} is missing (renamed?); found {', '.join(map(str, found))[:300]}"
        )


def to_number(column: str) -> pl.Expr:
    """A text column as a number; what is not a number is null."""
    return pl.col(column).str.strip_chars().cast(pl.Float64, strict=False)


def to_instant(text: str | pl.Expr, form: str) -> pl.Expr:
    """Text as instants in UTC; null where it does not have the form.

    Args:
        text: a column or an expression.
        form: strftime format, such as "%Y-%m-%d"; times without an offset are taken to be UTC.
    """
    text = pl.col(text) if isinstance(text, str) else text
    return text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)


def to_dollars(column: str) -> pl.Expr:
    """A text column of amounts as people type them ('$2,300', '1 299.50') as numbers; null for anything else.

    A comma separates thousands only where three digits follow: '3,06' is not 306.
    """
    text = pl.col(column).str.replace_all(r"[\s\u00a0\u202f]", "").str.strip_prefix("$")
    grouped = text.str.contains(r"^-?\d{1,3}(,\d{3})+(\.\d+)?$")
    return (
        pl.when(grouped)
        .then(text.str.replace_all(",", "", literal=True))
        .otherwise(text)
        .cast(pl.Float64, strict=False)
    )


def is_no_number(column: str) -> pl.Expr:
    """True where a text column holds something other than a number; false for null and for blank text."""
    text = pl.col(column).str.strip_chars()
    return (text.ne("") & text.cast(pl.Float64, strict=False).is_null()).fill_null(value=False)


def refused(
    frame: pl.DataFrame, reason: str | pl.Expr | pl.Series, keys: pl.DataFrame | None = None, /, **key: pl.Expr | str
) -> pl.DataFrame:
    """Rows in the form of `Reading.rejected`.

    Args:
        frame: the refused rows, as the publisher writes them; may be empty.
        reason: why they are refused.
        keys: the same rows in the columns of the subject; only its key columns are used.
        key: single key columns (and `scope`) of the subject, as expressions on `frame`, or as one value for all rows.
    """
    why = pl.lit(reason) if isinstance(reason, str) else reason
    columns = [c for c in frame.columns if c != "document"]
    packed = pl.struct(columns).struct.json_encode() if columns else pl.lit("{}")
    keep = [pl.col("document")] if "document" in frame.columns else []
    given = [(value if isinstance(value, pl.Expr) else pl.lit(value)).alias(name) for name, value in key.items()]
    found = frame.select(why.alias("reason"), packed.alias("row_json"), *keep, *given)
    if keys is None:
        return found
    return found.hstack(keys.select(pl.exclude("reason", "row_json", "document", *key)))


def split_by_fault(rows: pl.DataFrame, fault: pl.Expr) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Good rows, and bad rows with the reason in the column `why`.

    Args:
        rows: any rows.
        fault: why a row is refused; null for a good one.
    """
    judged = rows.with_columns(fault.alias("why"))
    is_good = pl.col("why").is_null()
    return judged.filter(is_good).drop("why"), judged.filter(~is_good)
