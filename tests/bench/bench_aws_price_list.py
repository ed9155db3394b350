"""A region's AWS price list of a million rows (about 750 MB) in CSV, and the same kind of offers in JSON (about 200 MB).

`PETADAY_BENCH_ROWS=50000` takes fewer rows.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from assets import intake
from assets.sources import all_sources
from assets.sources._base import Window
from assets.sources.aws_price_list import _COLUMNS, HOST, parse
from tests.bench._aws import HEADER, write_csv, write_json
from tests.bench._homes import fresh_home, record, served, spool, take
from tests.bench._timing import compare, peak_mib
from warehouse.captures import Document

ROWS = int(os.environ.get("PETADAY_BENCH_ROWS", "1000000"))
PUBLISHED = "2026-08-28T22:53:08Z"
_ROOT = f"https://{HOST}/offers/v1.0/aws/AmazonEC2"
URL = f"{_ROOT}/20260828225308/us-east-1/index.csv"
#: The same rows as the parser keeps, for every peer that filters.
_FILTER = {
    "Operating System": ("Linux",),
    "Tenancy": ("Shared",),
    "CapacityStatus": ("Used",),
    "Pre Installed S/W": ("NA",),
    "Unit": ("Hrs",),
}
_PEAK_OF_LOADING = """
import sys
from pathlib import Path
from tests.bench import _homes
from tests.bench._timing import peak_of_this_process
print(peak_of_this_process())
home = _homes.fresh_home(Path(sys.argv[2]))
_homes.take(home, "aws_price_list", [_homes.spool(home, Path(sys.argv[1]), sys.argv[3], 1)])
"""
_PEAK_OF_PARSING = """
import datetime as dt, sys
from pathlib import Path
from assets.sources.aws_price_list import parse
from tests.bench._timing import peak_of_this_process
from warehouse.captures import Document
print(peak_of_this_process())
parse([Document(Path(sys.argv[1]), "file:index.json", dt.datetime(2026, 9, 1, tzinfo=dt.UTC), "json")])
"""


def parsed(file: Path) -> int:
    """Number of offers in a file."""
    document = Document(file, URL, dt.datetime(2026, 9, 1, tzinfo=dt.UTC), file.suffix[1:])
    return sum(scope.frame.height for scope in parse([document]).scopes)


def bare_duckdb(file: Path) -> int:
    """The same columns and rows by DuckDB alone, its reader told everything in advance."""
    names = ", ".join(f"'{name}': 'VARCHAR'" for name in HEADER)
    equal = " AND ".join(f"\"{name}\" = '{value}'" for name, (value,) in _FILTER.items())
    with duckdb.connect() as con:
        return len(
            con.execute(
                f"""SELECT {", ".join(f'"{name}"' for name in _COLUMNS)} FROM read_csv('{file}', skip=6, header=false,
                auto_detect=false, delim=',', quote='"', escape='"', columns={{{names}}}) WHERE {equal} AND GPU <> ''
                AND (TermType = 'OnDemand' OR (PurchaseOption = 'No Upfront' AND OfferingClass = 'standard'))"""
            ).fetchall()
        )


def _is_wanted(row: dict[str, Any]) -> bool:
    return (
        all(row[name] in values for name, values in _FILTER.items())
        and bool(row["GPU"])
        and (
            row["TermType"] == "OnDemand"
            or (row["PurchaseOption"] == "No Upfront" and row["OfferingClass"] == "standard")
        )
    )


def dict_reader(file: Path) -> int:
    """Rows as dicts, as most scripts do it."""
    with file.open(newline="") as text:
        return sum(map(_is_wanted, csv.DictReader(islice(text, 5, None))))


def pandas_read_csv(file: Path) -> int:
    """The whole file in a frame, then a filter: how SkyPilot's catalog fetcher reads it."""
    frame = pd.read_csv(file, skiprows=5, low_memory=False, keep_default_na=False)
    for name, values in _FILTER.items():
        frame = frame[frame[name].isin(values)]
    no_upfront = (frame["PurchaseOption"] == "No Upfront") & (frame["OfferingClass"] == "standard")
    return len(frame[(frame["GPU"] != "") & ((frame["TermType"] == "OnDemand") | no_upfront)])


def gpuhunt_reader(file: Path) -> Callable[[], int]:
    """gpuhunt's own reader; what it asks the EC2 API for afterwards is left out."""
    from gpuhunt.providers.aws import AWSProvider

    class Offline(AWSProvider):
        def _fill_gpu_details(self, offers: list) -> None:
            pass

        def _with_spot_offers(self, offers: list) -> list:
            return offers

    provider = Offline(str(file))
    return lambda: len(provider.get())


def run(rows: int = ROWS, rounds: int = 3) -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        folder = Path(name)
        file = write_csv(folder / "index.csv", rows, PUBLISHED)
        print(f"{rows:,} rows x {len(HEADER)} columns, {file.stat().st_size / 1e6:.0f} MB", flush=True)
        if not parsed(file) == bare_duckdb(file) == dict_reader(file):
            raise RuntimeError("readers disagree on the number of offers")
        _csv(folder, file, rounds)
        file.unlink()
        _json(write_json(folder / "index.json", rows // 5, PUBLISHED), rounds)


def _csv(folder: Path, file: Path, rounds: int) -> None:
    homes = [fresh_home(folder) for _ in range(2 * rounds + 1)]
    waiting = iter([(home, [spool(home, file, URL, 1)]) for home in homes])

    def load() -> None:
        home, documents = next(waiting)
        take(home, "aws_price_list", documents)

    compare("bytes to committed log / bare DuckDB read_csv", load, lambda: bare_duckdb(file), "at most 1.5", rounds)
    compare("parsing / bare DuckDB read_csv", lambda: parsed(file), lambda: bare_duckdb(file), "at most 1.0", rounds)
    peers: list[tuple[str, Callable[[], int], str]] = [
        ("gpuhunt's reader", gpuhunt_reader(file), "at least 1.7"),
        ("pandas.read_csv", lambda: pandas_read_csv(file), "at least 4"),
        ("csv.DictReader", lambda: dict_reader(file), "at least 8"),
    ]
    for peer, read, aim in peers:
        compare(f"{peer} / parsing", read, lambda: parsed(file), aim, rounds=1)
    load()
    days = iter(range(2, 28))
    known = homes[rounds]

    def unchanged() -> None:
        take(known, "aws_price_list", [spool(known, file, URL, next(days))], "unchanged")

    compare("unchanged file / loading it", unchanged, load, "at most 0.6", rounds)
    _etag(folder, file, rounds)
    peak, imported = peak_mib(_PEAK_OF_LOADING, str(file), str(folder), URL)
    print(f"peak memory of loading: {peak:.0f} MiB, imports {imported:.0f} of them (aim: under 400)", flush=True)


def _etag(folder: Path, file: Path, rounds: int) -> None:
    """Both over HTTP from this machine: the index of regions and one region's file."""
    with served() as server:
        region = {
            "regionCode": "us-east-1",
            "currentVersionUrl": URL.removeprefix(f"https://{HOST}").replace("csv", "json"),
        }
        server.add(f"{_ROOT}/current/region_index.json", json.dumps({"regions": {"us-east-1": region}}))
        server.add(URL, file.read_bytes(), headers={"ETag": '"1"'})
        source = all_sources()["aws_price_list"]

        def fetch(home: Any, outcome: str) -> None:
            taken = intake.take_live(home, source, Window(dt.datetime.now(dt.UTC)))
            if [t.outcome for t in taken] != [outcome]:
                raise RuntimeError(str(taken))
            record(home)

        known = fresh_home(folder)
        fetch(known, "loaded")
        fresh = iter([fresh_home(folder) for _ in range(rounds)])
        compare(
            "unchanged by its ETag / fetching and loading it",
            lambda: fetch(known, "unchanged"),
            lambda: fetch(next(fresh), "loaded"),
            "at most 0.05",
            rounds,
        )


def _json(file: Path, rounds: int) -> None:
    size = file.stat().st_size / (1 << 20)
    print(f"offer file in JSON, {size:.0f} MiB, {parsed(file)} offers", flush=True)

    def load() -> None:
        with file.open("rb") as text:
            json.load(text)

    compare("json.load / parsing it", load, lambda: parsed(file), "at least 8", rounds)
    peak, imported = peak_mib(_PEAK_OF_PARSING, str(file))
    print(
        f"peak memory of parsing: {peak:.0f} MiB, imports {imported:.0f} of them (aim: at most {size + 100:.0f})",
        flush=True,
    )
