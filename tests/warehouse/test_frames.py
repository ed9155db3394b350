"""Frames lent to DuckDB: every type, in order, for one statement."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import duckdb
import polars as pl
import pytest

from warehouse.frames import register_stream

_LOAD = """
import sys
sys.modules["pandas"] = None  # It may be installed beside Petaday, and DuckDB imports it with the first parameter.
import datetime as dt
from pathlib import Path
from tests.bench import _homes
from warehouse.captures import Document
home = _homes.fresh_home(Path(sys.argv[1]))
file = Path(sys.argv[1]) / "page.json"
file.write_text('''{"Items": [{"currencyCode": "USD", "retailPrice": 3.5, "armRegionName": "westeurope", "unitOfMeasure": "1 Hour",
"effectiveStartDate": "2026-01-01T00:00:00Z", "meterName": "NC24ads A100 v4", "productName": "NCads A100 v4", "type": "Consumption",
"armSkuName": "Standard_NC24ads_A100_v4"}], "NextPageLink": null}''')
_homes.take(home, "azure_retail", [_homes.spool(home, file, "https://prices.azure.com/api/retail/prices", 1)])
print(sorted({"pyarrow"} & sys.modules.keys()))
"""


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return con


def test_every_type_arrives_as_it_is(con: duckdb.DuckDBPyConnection) -> None:
    at = dt.datetime(2026, 1, 1, 12, 30, 0, 5, tzinfo=dt.UTC)
    frame = pl.DataFrame(
        {
            "text": ["kurz", None, "länger als zwölf Zeichen 🌍"],
            "category": pl.Series(["a", "b", None], dtype=pl.Categorical),
            "number": [1.5, None, float("inf")],
            "count": [1, None, -(1 << 62)],
            "index": pl.Series([0, 1, 2], dtype=pl.UInt32),
            "flag": [True, None, False],
            "day": [dt.date(1960, 1, 1), None, dt.date(2100, 12, 31)],
            "instant": pl.Series([at, None, at], dtype=pl.Datetime("us", "UTC")),
            "nothing": [None, None, None],
        }
    )
    register_stream(con, "lent", frame)
    found = con.execute("SELECT * FROM lent")
    types = [str(column[1]) for column in found.description]
    assert types == [
        *(
            "VARCHAR",
            "VARCHAR",
            "DOUBLE",
            "BIGINT",
            "UINTEGER",
            "BOOLEAN",
            "DATE",
            "TIMESTAMP WITH TIME ZONE",
            "INTEGER",
        ),
    ]
    assert found.fetchall() == frame.rows()


def test_a_frame_without_rows_keeps_its_columns(con: duckdb.DuckDBPyConnection) -> None:
    register_stream(con, "lent", pl.DataFrame(schema={"a": pl.String, "b": pl.Float64}))
    assert con.execute("SELECT a, b FROM lent").fetchall() == []


@pytest.mark.parametrize("rows", [300_000, 1_300_000])
def test_rows_of_a_large_frame_keep_their_order(con: duckdb.DuckDBPyConnection, rows: int) -> None:
    register_stream(con, "lent", pl.DataFrame({"n": pl.int_range(rows, eager=True)}).reverse())
    con.execute("CREATE TABLE kept AS SELECT n FROM lent")
    assert con.execute("SELECT count(*), bool_and(n + rowid = ? - 1) FROM kept", [rows]).fetchall() == [(rows, True)]


def test_a_second_reading_is_refused_not_empty(con: duckdb.DuckDBPyConnection) -> None:
    register_stream(con, "lent", pl.DataFrame({"n": [1, 2]}))
    assert con.execute("SELECT sum(n) FROM lent").fetchall() == [(3,)]
    with pytest.raises(duckdb.InvalidInputException, match="already been consumed"):
        con.execute("SELECT sum(n) FROM lent").fetchall()
    register_stream(con, "lent", pl.DataFrame({"n": [4]}))
    assert con.execute("SELECT sum(n) FROM lent").fetchall() == [(4,)]
    register_stream(con, "lent", pl.DataFrame({"n": [1, 2]}))
    with pytest.raises(duckdb.InvalidInputException, match="already been consumed"):
        con.execute("SELECT count(*) FROM lent a JOIN lent b USING (n)").fetchall()


def test_a_load_needs_no_pyarrow(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its code and what it imports are a fifth of a load's memory."""
    folder = tmp_path_factory.mktemp("load")
    done = subprocess.run([sys.executable, "-c", _LOAD, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "[]"
