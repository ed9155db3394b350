"""1,000 pages of 1,000 items in the format of Azure Retail Prices, from a server on this machine (about 650 MB).

`PETADAY_BENCH_PAGES=50` takes fewer pages. One item in 20 is of a GPU size, as in a list of all virtual machines; memory is
also measured with one in 80, which tells what grows with the pages from what grows with the offers found in them.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import polars as pl
import requests

from assets import intake
from assets.sources import all_sources
from assets.sources._base import Window
from tests.bench._homes import fresh_home, record
from tests.bench._timing import compare, peak_mib
from warehouse.home import Home

PAGES = int(os.environ.get("PETADAY_BENCH_PAGES", "1000"))
_HOST = "prices.azure.com"
_PATH = "/api/retail/prices"
_PEAK = """
import sys
from pathlib import Path
from tests.bench import bench_azure_retail
from tests.bench._timing import peak_of_this_process
from warehouse.home import Home
print(peak_of_this_process())
bench_azure_retail.fetch_and_load(Home(Path(sys.argv[1])))
"""


#: One item in so many is of a GPU size.
GPU_EVERY = 20


def page(number: int, pages: int, gpu_every: int = GPU_EVERY, items: int = 1000) -> bytes:
    """One page as published: its link to the next one stands behind the items."""
    found = []
    for n in range(number * items, (number + 1) * items):
        # Region, size and option of a GPU are the digits of its number, so that none comes twice.
        kind, m = ("NC", n // gpu_every) if n % gpu_every == 0 else ("D", n // gpu_every)
        spot, count, version, region = m % 2, 4 * (1 + m // 2 % 24), 1 + m // 48 % 7, m // 336
        size = f"Standard_{kind}{count}ads_{'H100' if kind == 'NC' else 'AMD'}_v{version}"
        price = 0.05 + n % 997 / 100
        found.append(
            {
                "currencyCode": "USD",
                "tierMinimumUnits": 0.0,
                "retailPrice": price,
                "unitPrice": price,
                "armRegionName": f"region{region}",
                "location": f"Region {region}",
                "effectiveStartDate": "2026-01-01T00:00:00Z",
                "meterId": f"{n:08x}-0000-5000-8000-{n * 7919 % (1 << 48):012x}",
                "meterName": f"{size.removeprefix('Standard_')}{' Spot' if spot else ''}",
                "productId": f"DZH318Z0{n % 90000:05d}",
                "skuId": f"DZH318Z0{n % 90000:05d}/00{n % 100:02d}",
                "productName": f"Virtual Machines {kind} Series",
                "skuName": f"{size}{' Spot' if spot else ''}",
                "serviceName": "Virtual Machines",
                "serviceId": "DZH313Z7MMC8",
                "serviceFamily": "Compute",
                "unitOfMeasure": "1 Hour",
                "type": "Consumption",
                "isPrimaryMeterRegion": True,
                "armSkuName": size,
            }
        )
    more = f"https://{_HOST}:443{_PATH}?$skip={(number + 1) * items}" if number + 1 < pages else None
    return json.dumps(
        {
            "BillingCurrency": "USD",
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": found,
            "NextPageLink": more,
            "Count": items,
        }
    ).encode()


_SERVER = """
import sys
from urllib.parse import urlsplit
from tests.bench.bench_azure_retail import page
from tests.replay import ReplayServer
pages, gpu_every = int(sys.argv[1]), int(sys.argv[2])
bodies = [page(number, pages, gpu_every) for number in range(pages)]
server = ReplayServer()
def answer(asked):
    skip = urlsplit(asked.url).query.rpartition("skip=")[2]
    return bodies[int(skip) // 1000 if skip.isdigit() else 0]
server.add("https://prices.azure.com/api/retail/prices", answer)
print(server.origin, sum(map(len, bodies)), flush=True)
sys.stdin.read()
"""


@contextmanager
def serving(pages: int, gpu_every: int = GPU_EVERY) -> Generator[str]:
    """The publisher, in a process of its own so that its work is not counted."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(pages), str(gpu_every)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    origin, size = process.stdout.readline().split()
    print(f"{pages:,} pages, {int(size) / 1e6:.0f} MB", flush=True)
    try:
        with mock.patch.dict(os.environ, {"PETADAY_REPLAY_URL": origin}):
            yield origin
    finally:
        process.communicate()


def fetch_and_load(home: Home) -> None:
    """All pages, kept, parsed and recorded; without the pauses that a publisher is given."""
    with mock.patch("assets.sources._http.PACE_S", 0.0):
        (taken,) = intake.take_live(home, all_sources()["azure_retail"], Window(dt.datetime.now(dt.UTC)))
    if taken.outcome != "loaded":
        raise RuntimeError(taken.message)
    record(home)


def fetch_only(origin: str) -> int:
    """The bytes of every page over one connection, looked at only for the next link."""
    size, link = 0, f"{origin}/{_HOST}{_PATH}"
    with requests.Session() as session:
        session.trust_env = False
        while link:
            body = session.get(link).content
            size += len(body)
            found = body[-300:].rpartition(b'"NextPageLink": "')[2] if b'"NextPageLink": "' in body[-300:] else b""
            link = found.partition(b'"')[0].decode().replace(f"https://{_HOST}:443", f"{origin}/{_HOST}")
    return size


def sequential_dicts(origin: str) -> int:
    """What scripts do: every page as dicts in one list, then a frame, then a filter."""
    items, link = [], f"{origin}/{_HOST}{_PATH}"
    with requests.Session() as session:
        session.trust_env = False
        while link:
            answer = session.get(link).json()
            items += answer["Items"]
            link = (answer["NextPageLink"] or "").replace(f"https://{_HOST}:443", f"{origin}/{_HOST}")
    frame = pl.DataFrame(items)
    return frame.filter(pl.col("armSkuName").str.starts_with("Standard_N")).height


def run(pages: int = PAGES, rounds: int = 2) -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        folder = Path(name)
        homes = iter([fresh_home(folder) for _ in range(rounds + 1)])
        with serving(pages) as origin:
            compare(
                "pages to committed log / fetching alone",
                lambda: fetch_and_load(next(homes)),
                lambda: fetch_only(origin),
                "at most 2.3",
                rounds,
            )
            compare(
                "sequential dicts / pages to committed log",
                lambda: sequential_dicts(origin),
                lambda: fetch_and_load(next(homes)),
                "at least 2.5",
                rounds=1,
            )
            peak, imported = peak_mib(_PEAK, str(fresh_home(folder).root))
        with serving(max(pages // 4, 1)):
            quarter, _ = peak_mib(_PEAK, str(fresh_home(folder).root))
        with serving(pages, 4 * GPU_EVERY):
            few, _ = peak_mib(_PEAK, str(fresh_home(folder).root))
        print(
            f"peak memory: {peak:.0f} MiB, imports {imported:.0f} of them; with a quarter of the pages {quarter:.0f}; "
            f"with all pages and the GPU rows of a quarter of them {few:.0f} (aim: at most 256, flat)",
            flush=True,
        )
