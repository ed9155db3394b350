"""Azure Retail Prices: recorded pages of 2021 to 2026, paging, and what it must survive."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import azure_retail
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources.azure_retail import AZURE_RETAIL
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.capture_store import CaptureStore
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.home import Home

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
URL = "https://prices.azure.com/api/retail/prices"


def item(**changed: object) -> dict:
    """A row as the publisher writes it."""
    row: dict[str, object] = {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": 98.32,
        "unitPrice": 98.32,
        "armRegionName": "eastus",
        "effectiveStartDate": "2023-12-01T00:00:00Z",
        "meterName": "ND96isrH100v5",
        "productName": "Virtual Machines NDsr H100 v5 Series",
        "skuName": "ND96isrH100v5",
        "serviceName": "Virtual Machines",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "Standard_ND96isr_H100_v5",
    }
    return row | changed


def page(*items: dict, following: str | None = None) -> str:
    return json.dumps({"BillingCurrency": "USD", "Items": items, "NextPageLink": following, "Count": len(items)})


# Recorded pages -------------------------------------------------------------------------------------------------------


def test_one_family_with_every_kind_of_row(samples: Path) -> None:
    """Of ten rows five are prices of a Linux machine; DevTest, Low Priority and Windows are not."""
    scopes, rejected = read_files("azure_retail", samples / "azure_retail/retail_eastus_nd_2026-07-27.json")
    rows = {
        (r["instance_type"], r["purchase_option"]): round(r["price_amount_per_hour"], 4)
        for r in scopes["azure"].iter_rows(named=True)
    }
    assert rows == {
        ("Standard_ND96isr_H100_v5", "on_demand"): 98.32,
        ("Standard_ND96isr_H100_v5", "reserved_1y"): round(551_221 / 8_760, 4),
        ("Standard_ND96isr_H100_v5", "reserved_3y"): round(1_134_310 / 26_280, 4),
        ("Standard_ND96asr_v4", "spot"): 5.9833,
        ("Standard_ND96is_H100_v5", "on_demand"): 88.488,
    }
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("date", "count"),
    [
        ("2025-03-18", 8),
        ("2025-06-25", 11),
        ("2025-09-21", 11),
        ("2025-12-21", 8),
        ("2026-03-18", 8),
        ("2026-06-26", 9),
        ("2026-08-22", 9),
    ],
)
def test_bare_lists_of_seven_dates(date: str, count: int, samples: Path) -> None:
    scopes, rejected = read_files("azure_retail", samples / f"azure_retail/first_page_items_{date}.json.zip")
    rows = scopes["azure"].filter("is_offered")
    assert (rows.height, rejected.height) == (count, 0)
    assert rows["price_amount_per_hour"].max() < 110


def test_a_reservation_that_was_repriced_starts_on_its_new_date(samples: Path) -> None:
    def term_price(date: str) -> tuple[float, dt.datetime]:
        scopes, _ = read_files("azure_retail", samples / f"azure_retail/first_page_items_{date}.json.zip")
        row = scopes["azure"].row(
            by_predicate=(pl.col("instance_type") == "Standard_ND96isr_H200_v5")
            & (pl.col("purchase_option") == "reserved_1y"),
            named=True,
        )
        return round(row["price_amount_per_hour"] * 8_760), row["valid_from"]

    assert term_price("2025-06-25") == (495_201, dt.datetime(2025, 5, 1, tzinfo=dt.UTC))
    assert term_price("2026-08-22") == (509_408, dt.datetime(2026, 8, 1, tzinfo=dt.UTC))


def test_lower_case_items_of_a_whole_region(samples: Path) -> None:
    scopes, rejected = read_files("azure_retail", samples / "azure_retail/retail_francecentral_vms_2021-12.json.zip")
    assert scopes["azure"].height == 28
    assert rejected.is_empty()
    od = scopes["azure"].filter(pl.col("purchase_option") == "on_demand")
    assert od.filter(pl.col("instance_type") == "Standard_NC24rs_v3")["price_amount_per_hour"].to_list() == [15.753]


def test_a_monthly_reservation_is_refused_with_its_unit(samples: Path) -> None:
    scopes, rejected = read_files("azure_retail", samples / "azure_retail/retail_westeurope_trimmed_2026-08.json")
    assert scopes["azure"].height == 5
    assert rejected["reason"].to_list() == ["unitOfMeasure is 1 Month, not 1 Hour"]
    assert scopes["azure"]["accelerator_name"].unique().sort().to_list() == ["GB200", "H100"]


# Made-up bodies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"retailPrice": 0.0}, "zero or negative"),
        ({"retailPrice": -1}, "zero or negative"),
        ({"retailPrice": None}, "retailPrice is missing"),
        ({"type": None}, "type is missing"),
        ({"type": "Reservation"}, "without a known term"),
        ({"effectiveStartDate": "soon"}, "not a date"),
        ({"effectiveEndDate": "later"}, "effectiveEndDate is not a date"),
        ({"effectiveEndDate": "2023-11-30T23:59:00Z"}, "not after effectiveStartDate"),
        ({"currencyCode": "XXX"}, "currency_code"),
    ],
)
def test_a_bad_row_is_refused_and_the_rest_is_kept(changed: dict, reason: str, tmp_path: Path) -> None:
    body = page(item(**changed), item(armRegionName="westus"))
    scopes, rejected = read_body("azure_retail", body, tmp_path)
    assert scopes["azure"]["region"].to_list() == ["westus"]
    assert reason in rejected["reason"][0]


@pytest.mark.parametrize(
    "changed",
    [
        {"productName": "Virtual Machines NDsr H100 v5 Series Windows"},
        {"type": "DevTestConsumption"},
        {"skuName": "ND96isrH100v5 Low Priority"},
        {"meterName": "ND96isrH100v5 Low Priority"},
        {"armSkuName": "Standard_D8s_v5"},
        {"armSkuName": "Standard_NP10s"},
        {"serviceName": "Azure Machine Learning"},
        {"type": "Reservation", "reservationTerm": "5 Years"},
    ],
)
def test_what_is_out_of_subject_is_left_out(changed: dict, tmp_path: Path) -> None:
    scopes, rejected = read_body("azure_retail", page(item(**changed), item(armRegionName="westus")), tmp_path)
    assert scopes["azure"]["region"].to_list() == ["westus"]
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("term", "expected"),
    [("1 Year", "reserved_1y"), ("1 Years", "reserved_1y"), ("3 Year", "reserved_3y"), ("2 Years", None)],
)
def test_a_term_is_the_same_in_either_number(term: str, expected: str | None, tmp_path: Path) -> None:
    bought = item(type="Reservation", reservationTerm=term)
    scopes, rejected = read_body("azure_retail", page(bought, item(armRegionName="westus")), tmp_path)
    found = scopes["azure"].filter(pl.col("region") != "westus")["purchase_option"].cast(pl.String).to_list()
    assert found == ([expected] if expected else [])
    assert rejected.height == (0 if expected else 1)


@pytest.mark.parametrize("field", ["skuName", "meterName"])
def test_spot_is_told_by_either_name(field: str, tmp_path: Path) -> None:
    scopes, _ = read_body("azure_retail", page(item(**{field: "ND96isrH100v5 Spot"})), tmp_path)
    assert scopes["azure"]["purchase_option"].to_list() == ["spot"]


@pytest.mark.parametrize(
    ("size", "name", "cpus"),
    [
        ("Standard_NCC40ads_H100_v5", "H100", 40.0),
        ("Standard_ND128isr_GB300_v6", "GB300", 128.0),
        ("Standard_ND128isr_NDR_GB200_v6", "GB200", 128.0),
        ("Standard_NC144lds_xl_RTXPRO6000BSE_v6", "RTXPRO6000BSE", 144.0),
        ("Standard_ND96isr_MI355X_v7", "MI355X", 96.0),
        ("Standard_NC24_Promo", None, 24.0),
    ],
)
def test_sizes_of_every_series_are_read(size: str, name: str | None, cpus: float, tmp_path: Path) -> None:
    """Confidential machines (NCC) too; a size of a series that is not known yet is kept by its own name."""
    scopes, rejected = read_body("azure_retail", page(item(armSkuName=size, skuName=size, meterName=size)), tmp_path)
    found = scopes["azure"].select("instance_type", "accelerator_name", "vcpu_count", "accelerator_count").rows()
    assert (found, rejected.height) == ([(size, name, cpus, None)], 0)


@pytest.mark.parametrize(
    "currency",
    [
        "USD",
        "AUD",
        "BRL",
        "GBP",
        "CAD",
        "CNY",
        "DKK",
        "EUR",
        "INR",
        "JPY",
        "KRW",
        "NZD",
        "NOK",
        "RUB",
        "SEK",
        "CHF",
        "TWD",
    ],
)
def test_every_currency_of_the_publisher_is_kept(currency: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("azure_retail", page(item(currencyCode=currency)), tmp_path)
    assert (scopes["azure"]["currency_code"].to_list(), rejected.height) == ([currency], 0)


def test_repeated_rows_count_once_and_contradicting_ones_not_at_all(tmp_path: Path) -> None:
    body = page(
        item(), item(), item(armRegionName="westus", retailPrice=1.0), item(armRegionName="westus", retailPrice=2.0)
    )
    scopes, rejected = read_body("azure_retail", body, tmp_path)
    assert scopes["azure"]["region"].to_list() == ["eastus"]
    assert rejected.height == 2
    assert "same key" in rejected["reason"][0]


@pytest.mark.parametrize(
    "written", ["2026-08-01T00:00:00Z", "2026-08-01T00:00:00.0000000Z", "2026-08-01T00:00:00+00:00", "2026-08-01"]
)
def test_dates_in_every_form_of_the_publisher(written: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("azure_retail", page(item(effectiveStartDate=written)), tmp_path)
    assert scopes["azure"]["valid_from"].to_list() == [dt.datetime(2026, 8, 1, tzinfo=dt.UTC)]
    assert rejected.is_empty()


def test_an_announced_price_starts_in_the_future(tmp_path: Path) -> None:
    later = item(retailPrice=80.0, effectiveStartDate="2026-12-01T00:00:00Z")
    scopes, _ = read_body("azure_retail", page(item(), later), tmp_path)
    assert scopes["azure"].sort("valid_from")["price_amount_per_hour"].to_list() == [98.32, 80.0]


def told(tmp_path: Path, *items: dict) -> list[tuple]:
    """(purchase option, price, day from which) of a page, ends of offers included."""
    scopes, rejected = read_body("azure_retail", page(*items), tmp_path)
    assert rejected.is_empty()
    days = (
        scopes["azure"]
        .sort("purchase_option", "valid_from")
        .with_columns(pl.col("valid_from").dt.strftime("%Y-%m-%dT%H:%M"))
    )
    return days.select("purchase_option", "price_amount_per_hour", "valid_from", "is_offered").rows()


def test_a_price_with_an_end_ends_there_unless_another_follows(tmp_path: Path) -> None:
    """Spot prices are given for a month, to its last minute; a size that retires has its last day, written without a Z."""
    spot = {"skuName": "ND96isrH100v5 Spot", "effectiveStartDate": "2026-08-01T00:00:00Z"}
    august = item(**spot, retailPrice=20.0, effectiveEndDate="2026-08-31T23:59:00Z")
    september = item(**spot | {"effectiveStartDate": "2026-09-01T00:00:00Z"}, retailPrice=21.0)
    assert told(tmp_path, august) == [
        ("spot", 20.0, "2026-08-01T00:00", True),
        ("spot", None, "2026-09-01T00:00", False),
    ]
    for both in ((august, september), (september, august)):
        assert told(tmp_path, *both) == [
            ("spot", 20.0, "2026-08-01T00:00", True),
            ("spot", 21.0, "2026-09-01T00:00", True),
        ]
    retires = item(effectiveEndDate="2026-07-02T00:00:00")
    assert told(tmp_path, retires)[1] == ("on_demand", None, "2026-07-02T00:00", False)
    # A secondary meter without an end says that the price goes on.
    assert told(tmp_path, retires, item(isPrimaryMeterRegion=False)) == [("on_demand", 98.32, "2023-12-01T00:00", True)]


def test_an_ended_price_is_not_offered_any_more_and_the_next_answer_speaks_again(home: Home) -> None:
    spot = {"skuName": "ND96isrH100v5 Spot", "effectiveStartDate": "2026-08-01T00:00:00Z"}
    answers = (
        (
            dt.datetime(2026, 8, 20, tzinfo=dt.UTC),
            item(**spot, retailPrice=20.0, effectiveEndDate="2026-08-31T23:59:00Z"),
        ),
        (
            dt.datetime(2026, 9, 3, tzinfo=dt.UTC),
            item(**spot | {"effectiveStartDate": "2026-09-01T00:00:00Z"}, retailPrice=22.0),
        ),
    )
    for at, row in answers:
        file = home.spool_dir / "page.json"
        file.write_text(page(row, item()))
        intake.take(home, AZURE_RETAIL, [Document(file, URL, at, "json")])
        recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        as_of = (
            "SELECT price_amount_per_hour FROM cloud_rate_as_of(TIMESTAMPTZ '{}', {}) WHERE purchase_option = 'spot'"
        )
        first = con.execute("SELECT min(recorded_at) FROM meta.capture").fetchall()[0][0]
        known_first = f"TIMESTAMPTZ '{first}'"
        assert con.execute(as_of.format("2026-08-31 23:58", known_first)).fetchall() == [(20.0,)]
        assert con.execute(as_of.format("2026-09-02", known_first)).fetchall() == []
        assert con.execute(as_of.format("2026-09-02", "now()")).fetchall() == [(22.0,)]
        assert con.execute(as_of.format("2026-08-31 23:58", "now()")).fetchall() == [(20.0,)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (page(item()).replace("retailPrice", "price"), "retailPrice is missing"),
        (page(item())[:-60], "truncated"),
        ("<html><body>Are you a robot?</body></html>", "HTML page"),
        ('{"error": "busy"}', "Items is missing"),
    ],
)
def test_a_changed_layout_is_named(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("azure_retail", body, tmp_path)


# Live -----------------------------------------------------------------------------------------------------------------


def test_all_pages_are_one_complete_batch(replay: ReplayServer, home: Home) -> None:
    """Paging goes on to the null link, through a 429 that says when to come again."""
    second = f"{URL}?$filter=x&$skip=1000"
    replay.add(second, "", status=429, headers={"Retry-After": "0"}, times=1)
    replay.add(second, page(item(armRegionName="westus")))
    replay.add(URL, page(item(), following="https://prices.azure.com:443/api/retail/prices?$filter=x&$skip=1000"))
    (taken,) = intake.take_live(home, AZURE_RETAIL, Window(NOW))
    assert (taken.outcome, taken.row_count, len(taken.capture_ids)) == ("loaded", 2, 2)
    ((_, batch),) = staging.staged(home)
    (scope,) = batch.scopes
    assert scope.is_complete
    assert scope.frame.sort("region")["capture_id"].to_list() == list(taken.capture_ids)
    assert "contains%28armSkuName%2C+%27Standard_N%27%29" in replay.urls()[0]


@pytest.mark.parametrize("host", ["evil.example", "prices.azure.com.evil.example", "user@evil.example"])
def test_a_next_link_to_another_host_is_refused(host: str, replay: ReplayServer, home: Home) -> None:
    replay.add(URL, page(item(), following=f"https://{host}/api"))
    with pytest.raises((FetchError, LayoutError), match="refused"):
        intake.take_live(home, AZURE_RETAIL, Window(NOW))
    assert not list(staging.staged(home))
    assert not list(home.spool_dir.glob("*"))


def test_paging_in_a_circle_ends(replay: ReplayServer, home: Home) -> None:
    replay.add(URL, page(item(), following=f"{URL}?$skip=1000"))
    with pytest.raises(FetchError, match="paging does not end"):
        intake.take_live(home, AZURE_RETAIL, Window(NOW))


def test_an_empty_answer_is_no_empty_market(replay: ReplayServer, home: Home) -> None:
    replay.add(URL, page())
    (taken,) = intake.take_live(home, AZURE_RETAIL, Window(NOW))
    assert taken.outcome == "rejected"
    assert "no usable row" in str(taken.message)


# Cutting items out of a page ------------------------------------------------------------------------------------------

OTHERS = [item(armSkuName=f"Standard_D{n}s_v5", retailPrice=0.1 * (n + 1)) for n in range(6)]
GPUS = [item(armSkuName=f"Standard_ND{n}isr_H100_v5", retailPrice=90.0 + n) for n in range(4)]
NESTED = {"savingsPlan": [{"unitPrice": 40.1, "retailPrice": 40.1, "term": "3 Years"}]}


def whole(text: str) -> pl.DataFrame:
    """The rows of a page that decoding all of it finds."""
    return pl.DataFrame([r for r in json.loads(text)["Items"] if (r["armSkuName"] or "").startswith("Standard_N")])


@pytest.mark.parametrize(
    ("text", "is_cut"),
    [
        (page(*OTHERS, *GPUS), True),
        (page(*GPUS, *OTHERS), True),
        (page(*GPUS), True),
        (page(OTHERS[0], GPUS[0], OTHERS[1], GPUS[1] | NESTED, OTHERS[2] | NESTED), True),
        (page(*OTHERS, *GPUS).replace(", ", ",").replace(": ", ":"), True),
        (json.dumps(json.loads(page(*OTHERS, *GPUS)), indent=2), True),
        (page(*OTHERS, GPUS[0] | {"productName": 'Größe}, {"currencyCode" Series'}), True),
        (page(*OTHERS[:3], dict(sorted(GPUS[0].items())), *GPUS[1:]), True),
        (page(*OTHERS, {k: v for k, v in GPUS[0].items() if k != "currencyCode"} | {"currencyCode": "USD"}), True),
        (page(*OTHERS[:1], {"savingsPlan": []} | GPUS[0], {"savingsPlan": []} | GPUS[1]), True),
        (page(OTHERS[0] | {"savingsPlan": [{"currencyCode": "USD"}]}, *GPUS), True),
        (
            page(OTHERS[0], GPUS[0] | {"savingsPlan": [{"currencyCode": "USD"}, {"currencyCode": "EUR"}]}, *GPUS[1:]),
            True,
        ),
        (page(OTHERS[0], {"currencyCode": "USD", "savingsPlan": [{"currencyCode": "USD"}]} | GPUS[0], *GPUS[1:]), True),
        (page(OTHERS[0] | {"armSkuName": None}, *GPUS), True),
    ],
)
def test_cutting_gives_the_rows_of_decoding_all(
    text: str, is_cut: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields in another order, nested prices, line breaks: where a cut is none, the page is decoded whole, with the same rows."""
    assert (azure_retail._items_of_interest(text.encode(), "Items") is not None) == is_cut
    file = tmp_path / "page.json"
    file.write_text(text)
    document = Document(file, "u", NOW, "json")
    known = ["armSkuName", "retailPrice", "productName"]
    # An item that begins otherwise comes with the one before it, which is told apart when pages are joined.
    found = azure_retail.read_page(document).filter(azure_retail._of_gpu_machines()).select(known)
    assert found.equals(whole(text).select(known))
    monkeypatch.setattr(azure_retail, "_items_of_interest", lambda *_: None)
    assert azure_retail.read_page(document).select(known).equals(found)


@pytest.mark.parametrize("cut", [1, 30, 400])
def test_a_page_that_breaks_off_is_refused_also_where_only_items_of_interest_are_read(cut: int, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="truncated"):
        read_body("azure_retail", page(*GPUS, *OTHERS)[:-cut], tmp_path)


def test_recorded_pages_are_the_same_cut_and_whole(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted((samples / "azure_retail").glob("*.json*"))
    cut = [read_files("azure_retail", file) for file in files]
    monkeypatch.setattr(azure_retail, "_items_of_interest", lambda *_: None)
    for file, (scopes, rejected) in zip(files, cut, strict=True):
        whole_scopes, whole_rejected = read_files("azure_retail", file)
        assert scopes["azure"].equals(whole_scopes["azure"]), file
        assert rejected.equals(whole_rejected), file


# Pages are kept and read while others are fetched ---------------------------------------------------------------------


def test_pages_are_kept_and_read_while_the_next_is_fetched(
    replay: ReplayServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second page is given out only once the first is kept and read."""
    first_is_read = threading.Event()
    read = AZURE_RETAIL.read_page
    assert read is not None

    def reading(document: Document) -> pl.DataFrame:
        assert list(home.captures_dir.rglob(".tmp-*")), "read before it was kept"
        first_is_read.set()
        return read(document)

    def second(_: object) -> bytes:
        assert first_is_read.wait(30)
        return page(*GPUS[2:]).encode()

    replay.add(f"{URL}?$skip=2", second)
    replay.add(URL, page(*GPUS[:2], following=f"{URL}?$skip=2"))
    source = dataclasses.replace(AZURE_RETAIL, read_page=reading)
    (taken,) = intake.take_live(home, source, Window(NOW))
    assert (taken.outcome, taken.row_count, len(taken.capture_ids)) == ("loaded", 4, 2)
    assert not list(home.captures_dir.rglob(".tmp-*"))
    assert not list(home.spool_dir.iterdir())
    assert len(list(CaptureStore(home).captures())) == 2


def _serve_pages(replay: ReplayServer, count: int, last: object = None) -> None:
    """So many pages of one offer each, sold under the page's number as price; `last` answers in place of the last one."""
    for n in range(count):
        following = f"{URL}?$skip={n + 1}" if n + 1 < count else None
        body = page(item(retailPrice=n + 1.0, armRegionName=f"region{n}"), following=following)
        replay.add(f"{URL}?$skip={n}" if n else URL, last if last and n + 1 == count else body)


def test_pages_keep_their_order_however_long_each_is_read(
    replay: ReplayServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages are read by several threads, and put together some at a time."""
    monkeypatch.setattr("assets.reading.Pages.TOGETHER", 3)
    read = AZURE_RETAIL.read_page
    assert read is not None

    def reading(document: Document) -> pl.DataFrame:
        assert not document.path.exists(), "written down for nothing"
        time.sleep(0.03 if (int(document.url.rpartition("=")[2]) if "$skip" in document.url else 0) % 3 == 0 else 0)
        return read(document)

    _serve_pages(replay, 20)
    (taken,) = intake.take_live(home, dataclasses.replace(AZURE_RETAIL, read_page=reading), Window(NOW))
    assert (taken.outcome, taken.row_count) == ("loaded", 20)
    captures = list(CaptureStore(home).captures())
    ((_, batch),) = staging.staged(home)
    (scope,) = batch.scopes
    for n, capture_id in enumerate(taken.capture_ids):
        capture = next(c for c in captures if c.capture_id == capture_id)
        assert capture.batch_index == n
        (row,) = scope.frame.filter(pl.col("capture_id") == capture_id).iter_rows(named=True)
        assert (row["region"], row["price_amount_per_hour"]) == (f"region{n}", n + 1.0)
        with_bytes = CaptureStore(home).open_document(capture)
        assert f'"region{n}"'.encode() in with_bytes.read_bytes()
        with_bytes.path.unlink()
    assert not list(home.spool_dir.iterdir())


def test_killed_while_pages_are_kept_and_read(replay: ReplayServer, home: Home) -> None:
    """kill -9 while the last page is awaited: the others are no capture, nothing waits, and the next run is whole."""
    asked = threading.Event()

    def never(_: object) -> bytes:
        asked.set()
        time.sleep(20)
        return b""

    _serve_pages(replay, 12, never)
    script = (
        "import datetime as dt; from assets import intake; from assets.sources import all_sources; "
        "from assets.sources._base import Window; from warehouse.home import Home; "
        "intake.take_live(Home.from_environment(), all_sources()['azure_retail'], Window(dt.datetime.now(dt.UTC)))"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    ) as process:
        assert asked.wait(60)
        process.kill()
    assert list(CaptureStore(home).captures()) == []
    assert list(staging.staged(home)) == []
    assert [p for p in home.captures_dir.rglob("*") if p.is_file() and not p.name.startswith(".tmp-")] == []
    replay.answers.clear()
    _serve_pages(replay, 12)
    (taken,) = intake.take_live(home, AZURE_RETAIL, Window(dt.datetime.now(dt.UTC)))
    assert (taken.outcome, taken.row_count, len(taken.capture_ids)) == ("loaded", 12, 12)
    assert len(list(CaptureStore(home).captures())) == 12


def test_a_page_that_cannot_be_read_early_is_kept_and_refused(replay: ReplayServer, home: Home) -> None:
    replay.add(f"{URL}?$skip=1", page(*GPUS)[:-40] + "]}")
    replay.add(URL, page(*GPUS, following=f"{URL}?$skip=1"))
    (taken,) = intake.take_live(home, AZURE_RETAIL, Window(NOW))
    assert (taken.outcome, len(taken.capture_ids)) == ("rejected", 2)
    assert "truncated" in (taken.message or "")
    assert len(list(CaptureStore(home).captures())) == 2


def test_paging_that_breaks_off_leaves_nothing_behind(replay: ReplayServer, home: Home) -> None:
    replay.add(f"{URL}?$skip=1", "gone", 404)
    replay.add(URL, page(*GPUS, following=f"{URL}?$skip=1"))
    with pytest.raises(FetchError, match="answered 404"):
        intake.take_live(home, AZURE_RETAIL, Window(NOW))
    assert not [p for p in home.captures_dir.rglob("*") if p.is_file()]
    assert not list(home.spool_dir.iterdir())
    assert list(staging.staged(home)) == []


def test_only_pages_that_changed_are_read_early(replay: ReplayServer, home: Home) -> None:
    """The same bytes again are confirmed without being read; of a changed answer the rest is read at the end."""
    first = replay.add(URL, page(*GPUS[:2], following=f"{URL}?$skip=2"))
    second = replay.add(f"{URL}?$skip=2", page(*GPUS[2:]))
    early: list[str] = []
    read = AZURE_RETAIL.read_page
    assert read is not None

    def reading(document: Document) -> pl.DataFrame:
        early.append(document.url)
        return read(document)

    source = dataclasses.replace(AZURE_RETAIL, read_page=reading)
    for body, outcome, times in (
        (second.body, "loaded", 2),
        (second.body, "unchanged", 0),
        (page(GPUS[2], GPUS[3] | {"retailPrice": 95.0, "effectiveStartDate": "2026-08-01T00:00:00Z"}), "loaded", 2),
    ):
        early.clear()
        second.body = body.encode() if isinstance(body, str) else body
        (taken,) = intake.take_live(home, source, Window(NOW))
        recording.record_subject(home, "cloud_rate")
        assert (taken.outcome, len(early)) == (outcome, times)
    assert first.given == 3
    # The changed page as it came, the other one for the whole.
    assert early[0].endswith("$skip=2")
    with write_session(home, catalog()) as con:
        prices = con.execute("SELECT price_amount_per_hour FROM observed.cloud_rate WHERE valid_to IS NULL ORDER BY 1")
        assert [p for (p,) in prices.fetchall()] == [90.0, 91.0, 92.0, 95.0]


@pytest.mark.parametrize(("failures", "outcome"), [(1, "loaded"), (99, "rejected")])
def test_rows_that_could_not_be_tidied_early_are_not_lost(
    failures: int, outcome: str, replay: ReplayServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are met again when the answer is read as a whole, and refuse it if they cannot be read then."""
    monkeypatch.setattr("assets.reading.Pages.TOGETHER", 1)
    replay.add(f"{URL}?$skip=2", page(*GPUS[2:]))
    replay.add(URL, page(*GPUS[:2], following=f"{URL}?$skip=2"))
    tidy, left = AZURE_RETAIL.tidy_pages, iter(range(failures))
    assert tidy is not None

    def tidying(rows: pl.DataFrame) -> pl.DataFrame:
        if next(left, None) is not None:
            raise pl.exceptions.ComputeError("out of order")
        return tidy(rows)

    (taken,) = intake.take_live(home, dataclasses.replace(AZURE_RETAIL, tidy_pages=tidying), Window(NOW))
    assert (taken.outcome, taken.row_count) == (outcome, 4 if outcome == "loaded" else 0)
    assert ("out of order" in (taken.message or "")) == (outcome == "rejected")


def test_refused_rows_name_their_page(replay: ReplayServer, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only some of the pages that are put together have any."""
    monkeypatch.setattr("assets.reading.Pages.TOGETHER", 1)
    replay.add(f"{URL}?$skip=2", page(*GPUS[2:], item(retailPrice=0)))
    replay.add(URL, page(*GPUS[:2], following=f"{URL}?$skip=2"))
    (taken,) = intake.take_live(home, dataclasses.replace(AZURE_RETAIL, max_rejected_share=0.5), Window(NOW))
    assert (taken.outcome, taken.row_count, taken.rejected_count) == ("loaded", 4, 1)
    ((_, batch),) = staging.staged(home)
    assert batch.rejected["capture_id"].to_list() == [taken.capture_ids[1]]
    assert json.loads(batch.rejected["row_json"][0])["retailPrice"] == 0
    assert "not a price" in batch.rejected["reason"][0]


def test_a_field_of_another_type_costs_its_item_alone(samples: Path, tmp_path: Path) -> None:
    """A price as text is the price; a word in its place, or in another field, is refused with its row."""
    whole = (samples / "azure_retail" / "retail_eastus_nd_2026-07-27.json").read_text(encoding="utf-8")
    scopes, _ = read_body("azure_retail", whole, tmp_path)
    as_text = re.sub(r'("retailPrice": )([\d.]+)', r'\1"\2"', whole)
    assert as_text != whole
    again, _ = read_body("azure_retail", as_text, tmp_path)
    assert again["azure"].equals(scopes["azure"])
    for damaged in (
        re.sub(r'("retailPrice": )[\d.]+', r'\1"n/a"', whole, count=1),
        re.sub(r'("retailPrice": )[\d.]+', r'\1{"USD": 1}', whole, count=1),
        re.sub(r'("unitOfMeasure": )"1 Hour"', r"\1null", whole, count=1),
    ):
        rest, rejected = read_body("azure_retail", damaged, tmp_path)
        assert rest["azure"].height >= scopes["azure"].height - 1
        assert rejected.height == 1
        assert rejected["reason"][0] in ("retailPrice is missing", "unitOfMeasure is missing, not 1 Hour")


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "9999-12-31T00:00:00"])
def test_the_end_of_all_days_is_no_end(end: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("azure_retail", page(item(effectiveEndDate=end)), tmp_path)
    assert rejected.height == 0
    assert scopes["azure"].height == 1
    assert scopes["azure"]["is_offered"].to_list() == [True]
