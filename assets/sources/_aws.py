"""What several AWS sources share: names of locations, instance types with accelerators, and the bulk CSV files."""

from __future__ import annotations

import csv
import gzip
import os
import re
import zipfile
import zlib
from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import polars as pl

from assets.sources._base import LayoutError, looks_like_html, only_file, require_columns, unpacked_limit
from warehouse.captures import Document

#: Region by the name of its location in price files; files before 2021 have no region code.
REGION_OF_LOCATION = {
    "US East (N. Virginia)": "us-east-1",
    "US East (Ohio)": "us-east-2",
    "US West (N. California)": "us-west-1",
    "US West (Oregon)": "us-west-2",
    "AWS GovCloud (US)": "us-gov-west-1",
    "AWS GovCloud (US-West)": "us-gov-west-1",
    "AWS GovCloud (US-East)": "us-gov-east-1",
    "Canada (Central)": "ca-central-1",
    "Canada West (Calgary)": "ca-west-1",
    "Mexico (Central)": "mx-central-1",
    "South America (Sao Paulo)": "sa-east-1",
    "Africa (Cape Town)": "af-south-1",
    "EU (Ireland)": "eu-west-1",
    "Europe (Ireland)": "eu-west-1",
    "EU (London)": "eu-west-2",
    "Europe (London)": "eu-west-2",
    "EU (Paris)": "eu-west-3",
    "Europe (Paris)": "eu-west-3",
    "EU (Frankfurt)": "eu-central-1",
    "Europe (Frankfurt)": "eu-central-1",
    "Europe (Zurich)": "eu-central-2",
    "EU (Stockholm)": "eu-north-1",
    "Europe (Stockholm)": "eu-north-1",
    "EU (Milan)": "eu-south-1",
    "Europe (Milan)": "eu-south-1",
    "Europe (Spain)": "eu-south-2",
    "Israel (Tel Aviv)": "il-central-1",
    "Middle East (Bahrain)": "me-south-1",
    "Middle East (UAE)": "me-central-1",
    "Asia Pacific (Hong Kong)": "ap-east-1",
    "Asia Pacific (Taipei)": "ap-east-2",
    "Asia Pacific (Mumbai)": "ap-south-1",
    "Asia Pacific (Hyderabad)": "ap-south-2",
    "Asia Pacific (Singapore)": "ap-southeast-1",
    "Asia Pacific (Sydney)": "ap-southeast-2",
    "Asia Pacific (Jakarta)": "ap-southeast-3",
    "Asia Pacific (Melbourne)": "ap-southeast-4",
    "Asia Pacific (Malaysia)": "ap-southeast-5",
    "Asia Pacific (New Zealand)": "ap-southeast-6",
    "Asia Pacific (Thailand)": "ap-southeast-7",
    "Asia Pacific (Tokyo)": "ap-northeast-1",
    "Asia Pacific (Seoul)": "ap-northeast-2",
    "Asia Pacific (Osaka)": "ap-northeast-3",
    "Asia Pacific (Osaka-Local)": "ap-northeast-3",
    "China (Beijing)": "cn-north-1",
    "China (Ningxia)": "cn-northwest-1",
}

#: Trainium, Inferentia and Gaudi, for which price files have no GPU count.
OTHER_ACCELERATORS = r"^(?:trn|inf|dl)\d"
#: Families with accelerators, for feeds that name only the instance type; f (FPGA) and vt (video) are left out. There
#: was never a p1.
ACCELERATED = r"^(?:p[2-9]|g[2-9]|gr\d|trn|inf|dl)[a-z0-9-]*\."


def region_of(location: str) -> pl.Expr:
    """Region of a column with names of locations; null where the name is not known."""
    return pl.col(location).replace_strict(REGION_OF_LOCATION, default=None, return_dtype=pl.String)


def gib(column: str) -> pl.Expr:
    """A memory like "1,952 GiB" as a number; null in any other unit."""
    return pl.col(column).str.replace_all(",", "").str.extract(r"^\s*([\d.]+)\s*GiB\s*$").cast(pl.Float64, strict=False)


# Bulk CSV files -------------------------------------------------------------------------------------------------------

_HEADER = re.compile(rb'^(?:\xef\xbb\xbf)?"?SKU"?,.*$', re.MULTILINE)
#: Larger blocks are not faster and take more memory (measured: 4 to 32 MiB).
_BLOCK = 8 << 20
_AHEAD = 1 << 16
#: Threads that read blocks; with one, Polars uses one and a third of two cores.
_READERS = 2
#: Appended to every line as one more field: if it is not read into the last column, the line has more or fewer fields.
_END = "\x1e"
#: An instance type anywhere in a line: after a quote, a comma or the colon of a usage type.
_TYPE_IN_LINE = r'[",:]([a-z][a-z0-9-]*\.(?:\d*x?large|medium|small|micro|nano|metal)[a-z0-9-]*)(?:[",]|$)'


def csv_rows(
    document: Document,
    columns: Collection[str],
    required: Sequence[str],
    *,
    naming: Sequence[str],
    wanted: pl.Expr | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, str]]:
    """The relevant rows of a bulk file, as text, without holding the whole file in memory.

    In a line with more or fewer fields than the header the values are in other columns. Such lines are returned
    unparsed, unless they name an instance type without accelerators.

    Args:
        document: lines of metadata, a header that begins with SKU, and rows.
        columns: columns to keep; one that the file lacks is null.
        required: columns that must be there.
        naming: words that a line must all contain to be parsed at all.
        wanted: condition on the columns that the returned rows satisfy.

    Returns:
        (rows; broken lines, with the columns line, instance_type (null if none is named) and why; metadata by name).

    Raises:
        LayoutError: if it is empty, an HTML page or truncated, or lacks the header or a required column.
    """
    head = _head_of(document, required)
    condition = pl.lit(value=True) if wanted is None else wanted
    sought = pl.all_horizontal(pl.col("line").str.contains(word, literal=True) for word in naming)
    with document.path.open("rb", buffering=0) as file, ThreadPoolExecutor(_READERS) as pool:
        size = os.fstat(file.fileno()).st_size

        def rows_of(place: tuple[int, int]) -> tuple[pl.DataFrame, pl.DataFrame]:
            begins, ends = place
            # One read of whole lines, so that no byte is copied again.
            block = os.pread(file.fileno(), ends - begins, begins)
            if len(block) < ends - begins:
                raise LayoutError(f"{document.url}: the file became shorter while it was read")
            if ends == size:
                _check_last_line(document, block, len(head.columns))
            rows, broken = _rows_of_lines(document, _lines_of_interest(block, sought), head, columns)
            return rows.filter(condition), broken

        # One thread parses the lines of interest of a block while another finds those of the next one.
        try:
            parts = list(pool.map(rows_of, _places(file.fileno(), head.end, size)))
        except pl.exceptions.PolarsError as e:
            why = str(e).splitlines()[0][:200]
            raise LayoutError(f"{document.url}: not readable as CSV (truncated?): {why}") from e
    if not parts:
        no_lines = pl.Series([], dtype=pl.String)
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String)), _no_rows(no_lines, 0), head.metadata
    rows, broken = zip(*parts, strict=True)
    return pl.concat(rows), pl.concat(broken), head.metadata


@contextmanager
def unpacked(document: Document) -> Generator[Document]:
    """The document, or while the block runs what is in it: a zip with one file, or a file packed by gzip.

    These files are too large to be unpacked in memory.

    Raises:
        LayoutError: if the archive cannot be read, has several files, or unpacks to an implausible size.
    """
    with document.path.open("rb") as file:
        kind = file.read(2)
    if kind not in (b"PK", b"\x1f\x8b"):
        yield document
        return
    limit = unpacked_limit(document.path.stat().st_size)
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "plain"
        try:
            with _packed_file(document, is_zip=kind == b"PK") as packed, plain.open("wb") as file:
                while block := packed.read(_BLOCK):
                    if file.tell() + len(block) > limit:
                        raise LayoutError(f"{document.url}: unpacks to more than {limit} bytes: refused")
                    file.write(block)
        except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as e:
            raise LayoutError(f"{document.url}: the archive cannot be read (truncated?): {str(e)[:200]}") from e
        yield replace(document, path=plain, body=None)


@contextmanager
def _packed_file(document: Document, *, is_zip: bool) -> Generator[IO[bytes] | gzip.GzipFile]:
    if not is_zip:
        with gzip.open(document.path) as file:
            yield file
        return
    with zipfile.ZipFile(document.path) as archive, archive.open(only_file(document.url, archive)) as file:
        yield file


@dataclass(frozen=True, slots=True)
class _Head:
    """The beginning of a bulk file: metadata by name, the header as it stands and its columns, and where it ends."""

    metadata: dict[str, str]
    line: str
    columns: list[str]
    end: int


def _head_of(document: Document, required: Sequence[str]) -> _Head:
    with document.path.open("rb") as file:
        start = file.read(1 << 16)
    if not start.strip():
        raise LayoutError(f"{document.url}: the answer is empty")
    if looks_like_html(start):
        raise LayoutError(f"{document.url}: an HTML page came in place of data (blocked, or moved)")
    found = _HEADER.search(start)
    if not found:
        raise LayoutError(f"{document.url}: no header line that begins with SKU; it begins {start[:120]!r}")
    above, line = start[: found.start()].decode("utf-8-sig", "replace"), found[0].decode("utf-8-sig", "replace")
    metadata = dict(row[:2] for row in csv.reader(above.splitlines()) if len(row) > 1)
    columns = next(csv.reader([line]))
    require_columns(document, columns, required)
    return _Head(metadata, line.rstrip(), columns, found.end() + 1)


def _rows_of_lines(
    document: Document, lines: pl.Series, head: _Head, columns: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the lines with as many fields as the header, and the other lines (see `_no_rows`)."""
    text = pl.concat([pl.Series([head.line]), lines]).str.join(f",{_END}\n").item() + f",{_END}\n"
    rows = pl.read_csv(
        text.encode(),
        columns=[*(c for c in columns if c in head.columns), _END],
        schema=dict.fromkeys([*head.columns, _END], pl.String),
        truncate_ragged_lines=True,
    )
    if rows.height != len(lines):
        raise LayoutError(f"{document.url}: a quoted field continues after the end of its line (a quote is missing?)")
    is_whole = (pl.col(_END) == _END).fill_null(value=False)
    # Copied: a view of few lines would keep the whole block alive.
    broken = pl.Series(lines.filter(~rows.select(is_whole).to_series()).to_list(), dtype=pl.String)
    kept = [pl.col(c) if c in head.columns else pl.lit(None, dtype=pl.String).alias(c) for c in columns]
    return rows.filter(is_whole).select(kept), _no_rows(broken, len(head.columns))


def _places(descriptor: int, start: int, size: int) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of blocks of whole lines; no field of these files contains a line break."""
    while start < size:
        end = _end_of_line(descriptor, start + _BLOCK, size)
        yield start, end
        start = end


def _lines_of_interest(block: bytes, sought: pl.Expr) -> pl.Series:
    """The lines of a block that are sought."""
    if block.isspace():
        return pl.Series([], dtype=pl.String)
    found = pl.read_csv(
        block,
        has_header=False,
        separator="\x1f",
        quote_char=None,
        schema={"line": pl.String},
        truncate_ragged_lines=True,
    ).filter(sought)
    return found["line"].str.strip_chars_end("\r")


def _no_rows(lines: pl.Series, width: int) -> pl.DataFrame:
    """Lines with another number of fields than the header, without those that do not concern accelerators."""
    fields = pl.col("line").str.replace_all(r'"[^"]*"', "").str.count_matches(",", literal=True) + 1
    return (
        lines.rename("line")
        .to_frame()
        .select(
            "line",
            pl.col("line").str.extract(_TYPE_IN_LINE).alias("instance_type"),
            pl.format("a line of {} fields under a header of {}", fields, pl.lit(width)).alias("why"),
        )
        .filter(pl.col("instance_type").str.contains(ACCELERATED).fill_null(value=True))
    )


def _end_of_line(descriptor: int, at: int, size: int) -> int:
    """End of the line that contains byte `at`."""
    while at < size:
        ahead = os.pread(descriptor, _AHEAD, at)
        if (found := ahead.find(b"\n")) >= 0:
            return at + found + 1
        at += max(len(ahead), 1)
    return size


def _check_last_line(document: Document, block: bytes, width: int) -> None:
    """A file that was cut short ends in the middle of a line."""
    last = block[block.rfind(b"\n") + 1 :]
    if last.strip() and len(next(csv.reader([last.decode("utf-8", "replace")]))) != width:
        raise LayoutError(f"{document.url}: the last line breaks off (truncated?): {last[:120]!r}")
