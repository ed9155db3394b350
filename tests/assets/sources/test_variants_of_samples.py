"""Real files of grids and markets in the forms that publishers are known to change to: the same rows, or a clean refusal.

Another order of columns or of rows, a column more, quotes, a byte order mark, other line ends, fields more or in another order:
what is read goes by name and by time, not by place.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from assets.sources import all_sources
from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_files
from tests.warehouse.fuzz_seeds import RECORDED

#: Sources of grids and power markets with a recorded file that is a table or JSON.
GRIDS = sorted(s for s in RECORDED if all_sources()[s].subject in ("grid_carbon", "electricity_price"))
MOST_BYTES = 300_000
#: What a source (or file) refuses, in words: a column that may be a fuel, a zone or a series cannot be passed over.
REFUSED = {
    ("caiso", "rows downward"): "not in order of time",
    ("api_day_ahead_price.csv", "a column more"): "new_column",
    ("gridemissions", "a column more"): "CO2i_<AUTHORITY>_D",
    ("watttime", "a column more"): "one column named after a region",
    ("watttime", "columns in reverse"): "one column named after a region",
}

Rows = list[list[str]]


def _table(body: bytes) -> tuple[Rows, str] | None:
    """Rows and separator of a file that is one table; None if it is none."""
    text = body.decode("utf-8-sig")
    head = text.splitlines()[0]
    separator = max(",;\t", key=head.count)
    rows = [r for r in csv.reader(io.StringIO(text), delimiter=separator) if r]
    return (rows, separator) if len(rows[0]) > 1 and len({len(r) for r in rows}) == 1 else None


def _written(rows: Rows, separator: str, ends: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=ends, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue().encode()


def _widened(node: object) -> object:
    if isinstance(node, dict):
        return {key: _widened(value) for key, value in node.items()} | {"a_new_field": "x"}
    return [_widened(value) for value in node] if isinstance(node, list) else node


def _turned(node: object) -> object:
    if isinstance(node, dict):
        return {key: _turned(value) for key, value in reversed(node.items())}
    return [_turned(value) for value in node] if isinstance(node, list) else node


def variants(file: Path) -> dict[str, bytes]:
    """The file in other forms of the same content."""
    body = file.read_bytes()
    found = {"a byte order mark": b"\xef\xbb\xbf" + body.removeprefix(b"\xef\xbb\xbf")}
    if file.suffix == ".json":
        document = json.loads(body)
        return found | {
            "fields more": json.dumps(_widened(document)).encode(),
            "fields in reverse": json.dumps(_turned(document)).encode(),
            "on many lines": json.dumps(document, indent=2, ensure_ascii=False).encode(),
        }
    if table := _table(body):
        rows, separator = table
        more = [[*r, "new_column" if n == 0 else "x"] for n, r in enumerate(rows)]
        found |= {
            "a column more": _written(more, separator),
            "columns in reverse": _written([r[::-1] for r in rows], separator),
            "rows downward": _written([rows[0], *rows[:0:-1]], separator),
            "all quoted": _written(rows, separator, quoting=csv.QUOTE_ALL),
            "other line ends": _written(rows, separator, "\r\n"),
            "empty lines at the end": _written(rows, separator) + b"\n\n",
        }
    return found


def rows_of(source_id: str, file: Path) -> tuple[pl.DataFrame, int]:
    """(rows, count of refused ones)."""
    scopes, rejected = read_files(source_id, file)
    frame = pl.concat([f.drop("capture_id", strict=False) for f in scopes.values()])
    return frame.sort(frame.columns), rejected.height


@pytest.mark.parametrize("source_id", GRIDS)
def test_other_forms_of_a_real_file_give_the_same_rows(source_id: str, samples: Path, tmp_path: Path) -> None:
    files = [
        f
        for f in sorted(samples.glob(RECORDED[source_id]))
        if f.suffix in (".csv", ".json") and 0 < f.stat().st_size <= MOST_BYTES
    ]
    read: Callable[[Path], tuple[pl.DataFrame, int]] = lambda f: rows_of(source_id, f)  # noqa: E731
    compared = 0
    for file in files[:2]:
        try:
            expected = read(file)
        except LayoutError:
            continue  # a file of another route, which its own test holds
        for name, body in variants(file).items():
            (tmp_path / file.name).write_bytes(body)
            if word := REFUSED.get((file.name, name)) or REFUSED.get((source_id, name)):
                with pytest.raises(LayoutError, match=word):
                    read(tmp_path / file.name)
                continue
            frame, refused = read(tmp_path / file.name)
            assert frame.equals(expected[0]), f"{file.name}: {name}"
            assert refused == expected[1], f"{file.name}: {name}"
            compared += 1
    assert compared or not files


def test_text_in_latin_1_is_refused_as_such(samples: Path, tmp_path: Path) -> None:
    """A real list with two names as their countries write them, saved by a spreadsheet: no name is read wrong."""
    (real,) = samples.glob("owid/carbon-intensity-electricity__augustinlafond.csv")
    text = real.read_text(encoding="utf-8").replace("Reunion", "Réunion").replace("Turkey", "Türkiye")
    file = tmp_path / "carbon-intensity-electricity.csv"
    file.write_text(text, encoding="utf-8")
    assert rows_of("owid", file)[0].equals(rows_of("owid", real)[0])
    file.write_text(text, encoding="latin-1")
    with pytest.raises(LayoutError, match=r"not a readable CSV file.*(?i:utf-8)"):
        read_files("owid", file)
