"""AWS Price List: recorded offers in CSV and JSON, the index of versions, and what it must survive."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import _aws, aws_price_list
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources.aws_price_list import AWS_PRICE_LIST, AWS_PRICE_LIST_CN, expand
from tests.assets.sources.reading import read_body, read_files
from tests.bench._aws import write_json
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.home import Home

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
ROOT = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonEC2"
CHINA = "https://pricing.cn-north-1.amazonaws.com.cn/offers/v1.0/cn/AmazonEC2"

ROW = {
    "SKU": "ABC",
    "TermType": "OnDemand",
    "EffectiveDate": "2026-08-01",
    "Unit": "Hrs",
    "PricePerUnit": "55.0400000000",
    "Currency": "USD",
    "LeaseContractLength": "",
    "PurchaseOption": "",
    "OfferingClass": "",
    "Location": "US East (N. Virginia)",
    "Location Type": "AWS Region",
    "Instance Type": "p5.48xlarge",
    "vCPU": "192",
    "Memory": "2,048 GiB",
    "Tenancy": "Shared",
    "Operating System": "Linux",
    "License Model": "No License required",
    "usageType": "BoxUsage:p5.48xlarge",
    "operation": "RunInstances",
    "CapacityStatus": "Used",
    "GPU": "8",
    "GPU Memory": "NA",
    "MarketOption": "OnDemand",
    "Pre Installed S/W": "NA",
    "Region Code": "us-east-1",
}
METADATA = (
    '"FormatVersion","v1.0"\n"Disclaimer","This ""list"" is, well, informational."\n'
    '"Publication Date","2026-08-28T22:53:08Z"\n"Version","20260828225308"\n"OfferCode","AmazonEC2"\n'
)
NO_UPFRONT = {
    "TermType": "Reserved",
    "LeaseContractLength": "1yr",
    "PurchaseOption": "No Upfront",
    "OfferingClass": "standard",
}


def offers(*rows: dict[str, str], columns: list[str] | None = None) -> str:
    """A region's file with these rows, every field quoted but empty ones, as published."""
    out = io.StringIO()
    names = columns or list(ROW)
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([(ROW | row)[name] for name in names])
    return METADATA + out.getvalue().replace('""', "")


def as_json(*rows: dict[str, str]) -> str:
    """The same offers as a JSON offer file."""
    products: dict = {}
    terms: dict = {"OnDemand": {}, "Reserved": {}}
    for number, change in enumerate(rows):
        row, sku = ROW | change, f"SKU{number}"
        products[sku] = {
            "sku": sku,
            "productFamily": "Compute Instance",
            "attributes": {
                "location": row["Location"],
                "locationType": row["Location Type"],
                "instanceType": row["Instance Type"],
                "vcpu": row["vCPU"],
                "memory": row["Memory"],
                "tenancy": row["Tenancy"],
                "operatingSystem": row["Operating System"],
                "licenseModel": row["License Model"],
                "usagetype": row["usageType"],
                "operation": row["operation"],
                "capacitystatus": row["CapacityStatus"],
                "marketoption": row["MarketOption"],
                "preInstalledSw": row["Pre Installed S/W"],
                "regionCode": row["Region Code"],
            }
            | ({"gpu": row["GPU"]} if row["GPU"] else {}),
        }
        terms[row["TermType"]][sku] = {
            f"{sku}.T": {
                "offerTermCode": "T",
                "sku": sku,
                "effectiveDate": row["EffectiveDate"] + "T00:00:00Z",
                "priceDimensions": {
                    f"{sku}.T.R": {"unit": row["Unit"], "pricePerUnit": {row["Currency"]: row["PricePerUnit"]}}
                },
                "termAttributes": {
                    k: row[k] for k in ("LeaseContractLength", "OfferingClass", "PurchaseOption") if row[k]
                },
            }
        }
    return json.dumps(
        {
            "formatVersion": "v1.0",
            "publicationDate": "2026-08-28T22:53:08Z",
            "products": products,
            "terms": terms,
        }
    )


#: What is not on offer as a plain Linux machine with accelerators.
OUT_OF_SUBJECT = [
    {"Operating System": "Windows"},
    {"Tenancy": "Dedicated"},
    {"Tenancy": "Host"},
    {"GPU": "NA", "Instance Type": "c7.large"},
    {"GPU": "", "Instance Type": "c7.large"},
    {"Pre Installed S/W": "SQL Web"},
    {"CapacityStatus": "UnusedCapacityReservation"},
    {"CapacityStatus": "AllocatedCapacityReservation"},
    {"License Model": "Bring your own license"},
    {"MarketOption": "CapacityBlock", "PricePerUnit": "0.0000000000"},
    NO_UPFRONT | {"PurchaseOption": "All Upfront"},
    NO_UPFRONT | {"OfferingClass": "convertible"},
    NO_UPFRONT | {"Unit": "Quantity", "PricePerUnit": "2750"},
    {"Location Type": "AWS Outposts"},
]


# Recorded offers ------------------------------------------------------------------------------------------------------


def test_a_sample_without_accelerators_has_no_rows(samples: Path) -> None:
    """Its 44 rows are of other kinds; the header stands below five lines of metadata."""
    file = samples / "aws_price_list/offers_v1.0_aws_AmazonEC2_20250912225308_index.sample.csv"
    assert read_files("aws_price_list", file)[0] == {}


def test_a_capacity_block_at_zero_does_not_win_over_on_demand(samples: Path) -> None:
    file = samples / "aws_price_list/offer_us-east-1_p4d_OnDemand_vs_CapacityBlock_20240528203522.json"
    scopes, rejected = read_files("aws_price_list", file)
    (row,) = scopes["us-east-1"].to_dicts()
    assert (row["instance_type"], row["purchase_option"], row["price_amount_per_hour"]) == (
        "p4d.24xlarge",
        "on_demand",
        32.7726,
    )
    assert (row["accelerator_count"], row["vcpu_count"], row["memory_gib"]) == (8.0, 96.0, 1152.0)
    assert row["valid_from"] == dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
    assert rejected.is_empty()


@pytest.mark.parametrize(
    "name", ["offer_us-east-2_fragment_20230322145651", "offer_cn-northwest-1_fragment_20230314154740"]
)
def test_offers_of_other_things_have_no_rows(name: str, samples: Path) -> None:
    assert read_files("aws_price_list", samples / f"aws_price_list/{name}.json")[0] == {}


def test_savings_plans_are_another_layout(samples: Path) -> None:
    file = samples / "aws_price_list/savingsPlan_AWSComputeSavingsPlan_20250911184447_ap-east-2.sample.csv"
    with pytest.raises(LayoutError, match=r"SKU|missing"):
        read_files("aws_price_list", file)


def test_versions_in_force_in_a_window(samples: Path, tmp_path: Path) -> None:
    """110 versions; a day asks for the one in force, the end of the newest being empty."""
    index = samples / "aws_price_list/offers_v1.0_aws_AmazonEC2_index.versions.json"
    document = Document(index, f"{ROOT}/index.json", NOW, "json")

    def versions(first: str, last: str) -> list[str]:
        window = Window(NOW, dt.date.fromisoformat(first), dt.date.fromisoformat(last))
        return [batch[0].url.split("/")[-2] for batch in expand(document, window)]

    assert versions("2018-05-10", "2018-05-10") == ["20180607191619"]
    assert versions("2025-08-15", "2025-09-15") == ["20250828212014", "20250912225308"]
    assert versions("2026-01-01", "2026-01-01") == ["20250912225308"]
    assert versions("2010-01-01", "2010-01-02") == []
    assert len(versions("2010-01-01", "2026-01-01")) == 110


# Made-up offers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [offers, as_json])
def test_what_is_kept_and_what_is_left_out(layout: object, tmp_path: Path) -> None:
    """CSV and JSON give the same rows: the plain machine, its reservations without upfront, a priced capacity block."""
    rows = [
        {},
        NO_UPFRONT | {"PricePerUnit": "35.5"},
        NO_UPFRONT | {"LeaseContractLength": "3yr", "PricePerUnit": "24.1"},
        {"MarketOption": "CapacityBlock", "operation": "RunInstances:CB", "PricePerUnit": "31.464"},
        {"Instance Type": "trn1.32xlarge", "GPU": "", "PricePerUnit": "21.5"},
        *OUT_OF_SUBJECT,
    ]
    scopes, rejected = read_body("aws_price_list", layout(*rows), tmp_path)  # type: ignore[operator]
    got = {
        (r["instance_type"], r["purchase_option"]): r["price_amount_per_hour"] for r in scopes["us-east-1"].to_dicts()
    }
    assert got == {
        ("p5.48xlarge", "on_demand"): 55.04,
        ("p5.48xlarge", "reserved_1y"): 35.5,
        ("p5.48xlarge", "reserved_3y"): 24.1,
        ("p5.48xlarge", "capacity_block"): 31.464,
        ("trn1.32xlarge", "on_demand"): 21.5,
    }
    assert set(scopes["us-east-1"]["memory_gib"]) == {2048.0}
    counts = dict(scopes["us-east-1"].select("instance_type", "accelerator_count").iter_rows())
    assert counts == {"p5.48xlarge": 8.0, "trn1.32xlarge": None}
    assert rejected.is_empty()


@pytest.mark.parametrize("block", [1, 700, 5_000])
def test_blocks_read_by_two_threads_give_the_rows_of_the_whole_in_order(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a block holds no line of interest; one that cannot be read refuses the file."""
    rows = [
        {"SKU": f"S{n}", "Instance Type": f"p{n}.48xlarge", "PricePerUnit": str(n + 1)}
        | ({"Operating System": "Windows"} if n % 5 else {})
        for n in range(60)
    ]
    text = offers(*rows)
    whole, _ = read_body("aws_price_list", text, tmp_path)
    assert whole["us-east-1"].height == 12
    monkeypatch.setattr(_aws, "_BLOCK", block)
    inside, _ = read_body("aws_price_list", text, tmp_path)
    assert inside["us-east-1"].equals(whole["us-east-1"])
    with pytest.raises(LayoutError, match="breaks off"):
        read_body("aws_price_list", text.rstrip()[:-30], tmp_path)
    # A block in the middle that cannot be read.
    find = _aws._lines_of_interest

    def failing(lines: bytes, sought: pl.Expr) -> pl.Series:
        if b'"S30"' in lines:
            raise pl.exceptions.ComputeError("torn")
        return find(lines, sought)

    monkeypatch.setattr(_aws, "_lines_of_interest", failing)
    running = threading.active_count()
    with pytest.raises(LayoutError, match="not readable as CSV.*torn"):
        read_body("aws_price_list", text, tmp_path)
    assert threading.active_count() == running


@pytest.mark.parametrize(
    ("break_line", "fields"),
    [
        (lambda line: '"X",' + line, 26),
        (lambda line: line + ',"X"', 26),
        (lambda line: line.replace('"Hrs",', '"Hrs","X",', 1), 26),
        (lambda line: line.replace('"2,048 GiB"', "2,048 GiB"), 26),
        (lambda line: line.replace('"Hrs",', "", 1), 24),
        (lambda line: line.rpartition(",")[0], 24),
    ],
    ids=["first", "last", "inside", "comma without quotes", "lost inside", "lost last"],
)
def test_a_line_with_more_or_fewer_fields_is_refused_by_its_type(
    break_line: Callable[[str], str], fields: int, tmp_path: Path
) -> None:
    """Its values stand in other columns: none is read, and the offer is not said to have ended. Machines without GPUs do not matter."""
    text = offers({}, {"Instance Type": "p4d.24xlarge", "GPU": "8"}, {"Instance Type": "c7i.large", "GPU": "NA"})
    *above, whole, broken, other = text.splitlines()
    broken = broken.replace("BoxUsage:p5.48xlarge", "BoxUsage:p4d.24xlarge")
    other = other.replace("BoxUsage:p5.48xlarge", "BoxUsage:c7i.large")
    body = "\n".join([*above, whole, break_line(broken), break_line(other), ""])
    scopes, rejected = read_body("aws_price_list", body, tmp_path, "b.csv")
    assert scopes["us-east-1"]["instance_type"].to_list() == ["p5.48xlarge"]
    assert rejected["reason"].to_list() == [f"a line of {fields} fields under a header of 25"]
    assert "p4d.24xlarge" in rejected["row_json"].item()
    told = aws_price_list.parse([Document(tmp_path / "b.csv", "file:b.csv", NOW, "csv")]).rejected
    assert told is not None
    assert told["instance_type"].to_list() == ["p4d.24xlarge"]


def test_a_quote_that_is_never_closed_refuses_the_file(tmp_path: Path) -> None:
    """Where a row ends cannot be told then."""
    lines = offers({}, {"Instance Type": "p4d.24xlarge"}, {"Instance Type": "g5.xlarge"}).splitlines()
    lines[-2] = lines[-2].replace('"USD"', '"USD', 1)
    with pytest.raises(LayoutError, match="not readable as CSV|a quote is missing"):
        read_body("aws_price_list", "\n".join([*lines, ""]), tmp_path, "b.csv")


def test_the_order_of_columns_does_not_matter_and_late_ones_may_lack(tmp_path: Path) -> None:
    late = {"CapacityStatus", "MarketOption", "Region Code", "GPU Memory", "Location Type"}
    columns = [c for c in ROW if c not in late]
    random.Random(1).shuffle(columns)
    columns.remove("SKU")
    unused = {"usageType": "UnusedBox:p5.48xlarge", "PricePerUnit": "1"}
    scopes, _ = read_body("aws_price_list", offers({}, unused, columns=["SKU", *columns]), tmp_path)
    assert scopes["us-east-1"]["price_amount_per_hour"].to_list() == [55.04]


def test_a_local_zone_is_a_region_of_its_own_in_its_region_s_scope(tmp_path: Path) -> None:
    zone = {"Location": "US West (Los Angeles)", "Location Type": "AWS Local Zone", "Region Code": "us-west-2-lax-1"}
    named = {"Location": "US West (Los Angeles)", "Location Type": "AWS Local Zone", "Region Code": "us-west-2"}
    scopes, _ = read_body("aws_price_list", offers({"Region Code": "us-west-2"}, zone, named), tmp_path)
    rows = scopes["us-west-2"].sort("region", "offer_variant")
    assert rows["region"].to_list() == ["us-west-2", "us-west-2", "us-west-2-lax-1"]
    assert rows["offer_variant"].to_list() == ["", "US West (Los Angeles)", ""]


@pytest.mark.parametrize("told_by", [{"MarketOption": "CapacityBlock"}, {"operation": "RunInstances:CB"}])
def test_either_sign_of_a_capacity_block_tells_it(told_by: dict[str, str], tmp_path: Path) -> None:
    """Beside the machine on demand, whose price it must not take."""
    scopes, _ = read_body(
        "aws_price_list", offers({}, {"SKU": "DEF", "PricePerUnit": "31.464"} | told_by), tmp_path, "index.csv"
    )
    assert sorted(scopes["us-east-1"].select("purchase_option", "price_amount_per_hour").rows()) == [
        ("capacity_block", 31.464),
        ("on_demand", 55.04),
    ]


@pytest.mark.parametrize("layout", [offers, as_json])
@pytest.mark.parametrize("unit", ["Seconds", "Month", "", "vCPU-Hours"])
def test_a_price_for_another_unit_is_no_price_of_an_hour(unit: str, layout: Callable[..., str], tmp_path: Path) -> None:
    """And no end of the offer either."""
    body = layout({"Unit": unit}, {"SKU": "DEF", "Instance Type": "p4d.24xlarge"})
    name = "index.csv" if layout is offers else "index.json"
    scopes, rejected = read_body("aws_price_list", body, tmp_path, name)
    assert scopes["us-east-1"]["instance_type"].to_list() == ["p4d.24xlarge"]
    assert rejected["reason"].to_list() == [f"Unit is {unit or 'missing'}, not Hrs"]


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("-1", "not a positive number"),
        ("Contact us", "not a positive number"),
        ("9999", "bounds"),
        ("0.0000000000", "PricePerUnit is zero"),
    ],
)
def test_a_bad_price_is_refused_and_the_rest_is_kept(price: str, reason: str, tmp_path: Path) -> None:
    scopes, rejected = read_body(
        "aws_price_list", offers({"PricePerUnit": price}, {"Instance Type": "p4d.24xlarge"}), tmp_path
    )
    assert scopes["us-east-1"]["instance_type"].to_list() == ["p4d.24xlarge"]
    assert reason in rejected["reason"][0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (offers({}).replace('"Tenancy"', '"Tenure"'), "Tenancy is missing"),
        (offers({}, {})[:-40], "breaks off"),
        (METADATA, "no header line"),
        ("<!DOCTYPE html><html>blocked</html>", "HTML page"),
        ("\n", "empty"),
        (as_json({})[:-100], "breaks off"),
        ('{"formatVersion": "v2.0", "items": []}', "products and terms are missing"),
    ],
)
def test_a_changed_layout_is_named(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("aws_price_list", body, tmp_path)


@pytest.mark.parametrize(
    ("length", "option"), [("1yr", "reserved_1y"), ("3 yr", "reserved_3y"), ("3 Years", "reserved_3y"), ("5yr", None)]
)
def test_terms_of_reservations(length: str, option: str | None, tmp_path: Path) -> None:
    body = offers({}, {}, {}, NO_UPFRONT | {"LeaseContractLength": length, "PricePerUnit": "20"})
    scopes, rejected = read_body("aws_price_list", body, tmp_path, "index.csv")
    found = {o for o in scopes["us-east-1"]["purchase_option"] if o != "on_demand"}
    assert found == ({option} if option else set())
    assert rejected["reason"].to_list() == ([] if option else ["a reservation for 5yr: not a term that is kept"])


@pytest.mark.parametrize("layout", [offers, as_json])
def test_a_zero_ends_no_offer_but_absence_does(layout: Callable[..., str], home: Home, tmp_path: Path) -> None:
    """What stands at zero keeps its last price; what is not listed any more has ended."""
    name = "index.csv" if layout is offers else "index.json"
    kinds = ("g5.xlarge", "g5.2xlarge", "g5.4xlarge", "g6.xlarge", "p4d.24xlarge")
    for day, zero, gone in ((1, "", ""), (2, "p4d.24xlarge", "g6.xlarge")):
        rows = [
            {"SKU": k, "Instance Type": k, "PricePerUnit": "0.0000000000" if k == zero else "9.5"}
            for k in kinds
            if k != gone
        ]
        file = tmp_path / name
        file.write_text(layout(*rows))
        intake.take_files(home, AWS_PRICE_LIST, [file], dt.datetime(2026, 9, day, tzinfo=dt.UTC))
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        ended = con.execute("SELECT instance_type FROM observed.cloud_rate WHERE valid_to IS NOT NULL").fetchall()
        refused = con.execute("SELECT reason FROM meta.rejected_row").fetchall()
    assert ended == [("g6.xlarge",)]
    assert refused == [("PricePerUnit is zero, which is no price and does not say that it is not sold",)]


@pytest.mark.parametrize("date", ["", "September 2026"])
def test_a_price_without_a_day_is_refused(date: str, tmp_path: Path) -> None:
    """When it began is not known, and the time of reading is not it."""
    body = offers({}, {"SKU": "B", "Instance Type": "g5.2xlarge", "EffectiveDate": date})
    scopes, rejected = read_body("aws_price_list", body, tmp_path, "index.csv")
    (rows,) = scopes.values()
    assert rows["instance_type"].to_list() != ["g5.2xlarge"] and rows.height == 1
    assert rejected["reason"].to_list() == [f"EffectiveDate is {date or 'missing'}"]


def test_an_old_file_ends_no_offer(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "index.csv"
    file.write_text(offers({}))
    intake.take_files(home, AWS_PRICE_LIST, [file], dt.datetime(2026, 8, 30, tzinfo=dt.UTC))
    intake.take_files(home, AWS_PRICE_LIST, [file], dt.datetime(2026, 11, 22, tzinfo=dt.UTC))
    assert [batch.scopes[0].is_complete for _, batch in staging.staged(home)] == [True, False]


# Live -----------------------------------------------------------------------------------------------------------------


def region_index(version: str, root: str, *regions: str) -> str:
    path = root.split(".com", 1)[1].removeprefix(".cn")
    return json.dumps(
        {"regions": {r: {"regionCode": r, "currentVersionUrl": f"{path}/{version}/{r}/index.json"} for r in regions}}
    )


def test_every_region_of_the_current_version(replay: ReplayServer, home: Home) -> None:
    """Local zones and what is no region are not asked for; a second run asks with the ETag and reads nothing twice."""
    listed = region_index("20260828225308", ROOT, "us-east-1", "us-gov-west-1", "us-west-2-lax-1", "cn-north-1-pkx-1")
    replay.add(f"{ROOT}/current/region_index.json", "", status=503, times=1)
    replay.add(f"{ROOT}/current/region_index.json", listed)
    file = f"{ROOT}/20260828225308/us-east-1/index.csv"
    replay.add(file, offers({}), headers={"ETag": '"1"'})
    replay.add(f"{ROOT}/20260828225308/us-gov-west-1/index.csv", offers({"Region Code": "us-gov-west-1"}))
    taken = intake.take_live(home, AWS_PRICE_LIST, Window(NOW))
    assert [t.outcome for t in taken] == ["loaded", "loaded"]
    assert {s.scope for _, b in staging.staged(home) for s in b.scopes} == {"us-east-1", "us-gov-west-1"}
    assert replay.urls().count(file) == 1
    assert not list(home.spool_dir.glob("*"))


def test_a_past_day_is_recorded_as_of_its_version(replay: ReplayServer, home: Home) -> None:
    replay.add(
        f"{ROOT}/index.json",
        json.dumps(
            {
                "versions": {
                    "20180607191619": {
                        "versionEffectiveBeginDate": "2018-05-01T00:00:00Z",
                        "versionEffectiveEndDate": "2018-06-01T00:00:00Z",
                    },
                    "20250912225308": {
                        "versionEffectiveBeginDate": "2025-09-01T00:00:00Z",
                        "versionEffectiveEndDate": "",
                    },
                }
            }
        ),
    )
    replay.add(f"{ROOT}/20180607191619/region_index.json", region_index("20180607191619", ROOT, "us-east-1"))
    body = offers({"EffectiveDate": "2018-05-01"}).replace("2026-08-28T22:53:08Z", "2018-06-07T19:16:19Z")
    replay.add(f"{ROOT}/20180607191619/us-east-1/index.csv", body)
    day = dt.date(2018, 5, 20)
    (taken,) = intake.take_live(home, AWS_PRICE_LIST, Window(NOW, day, day))
    assert taken.outcome == "loaded"
    ((_, batch),) = staging.staged(home)
    assert batch.captures[0].fetched == dt.datetime(2018, 6, 7, 19, 16, 19, tzinfo=dt.UTC)
    assert batch.scopes[0].is_complete
    assert batch.scopes[0].frame["valid_from"].to_list() == [dt.datetime(2018, 5, 1, tzinfo=dt.UTC)]


def test_china_is_in_yuan(replay: ReplayServer, home: Home) -> None:
    replay.add(f"{CHINA}/current/region_index.json", region_index("20260828225308", CHINA, "cn-north-1"))
    row = {"Region Code": "cn-north-1", "Currency": "CNY", "PricePerUnit": "380.5", "Location": "China (Beijing)"}
    replay.add(f"{CHINA}/20260828225308/cn-north-1/index.csv", offers(row))
    (taken,) = intake.take_live(home, AWS_PRICE_LIST_CN, Window(NOW))
    assert taken.row_count == 1
    ((_, batch),) = staging.staged(home)
    assert batch.scopes[0].frame["currency_code"].to_list() == ["CNY"]


def test_a_file_on_another_host_is_refused(replay: ReplayServer, home: Home) -> None:
    listed = {
        "regions": {"us-east-1": {"regionCode": "us-east-1", "currentVersionUrl": "https://evil.example/index.json"}}
    }
    replay.add(f"{ROOT}/current/region_index.json", json.dumps(listed))
    with pytest.raises((FetchError, LayoutError), match="refused"):
        intake.take_live(home, AWS_PRICE_LIST, Window(NOW))
    assert len(replay.urls()) == 1


def test_an_offer_file_whose_terms_are_in_another_order_is_not_an_empty_market(tmp_path: Path) -> None:
    body = json.loads(as_json({}))
    for terms in body["terms"]["OnDemand"].values():
        for code, term in terms.items():
            terms[code] = dict(reversed(term.items()))
    with pytest.raises(LayoutError, match="no term of any"):
        read_body("aws_price_list", json.dumps(body), tmp_path, name="index.json")


@pytest.mark.parametrize("size", [97, 4096, 10_000])
def test_a_json_file_is_the_same_window_by_window(
    size: int, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies across the end of a window is found, once."""
    made = write_json(tmp_path / "made.json", 3_000, "2026-08-28T22:53:08Z")
    recorded = samples / "aws_price_list/offer_us-east-1_p4d_OnDemand_vs_CapacityBlock_20240528203522.json"
    for file in (made, recorded):
        at_once, _ = read_files("aws_price_list", file)
        with monkeypatch.context() as patch:
            patch.setattr(aws_price_list, "_WINDOW", size)
            by_window, _ = read_files("aws_price_list", file)
        assert at_once["us-east-1"].height
        assert at_once.keys() == by_window.keys()
        assert by_window["us-east-1"].equals(at_once["us-east-1"])


@pytest.mark.parametrize("strange", ["lost", None, [], 7, "x"])
@pytest.mark.parametrize(
    ("path", "why"),
    [
        (("priceDimensions",), "Unit is missing"),
        (("effectiveDate",), "EffectiveDate is"),
        (("priceDimensions", None, "unit"), "Unit is"),
        (("priceDimensions", None, "pricePerUnit"), "PricePerUnit is not a positive number"),
        (("priceDimensions", None, "pricePerUnit", "USD"), "PricePerUnit is not a positive number"),
    ],
)
def test_a_term_that_cannot_be_read_costs_itself(
    path: tuple[str | None, ...], why: str, strange: object, tmp_path: Path
) -> None:
    body = json.loads(as_json({}, {"Instance Type": "p4d.24xlarge"}))
    (place,) = body["terms"]["OnDemand"]["SKU1"].values()
    for key in path[:-1]:
        place = place[next(iter(place)) if key is None else key]
    if strange == "lost":
        del place[path[-1]]
    else:
        place[path[-1]] = 7.5 if strange == 7 and path[-1] == "USD" else strange
    scopes, rejected = read_body("aws_price_list", json.dumps(body), tmp_path)
    is_price = strange == 7 and path[-1] == "USD"
    kinds = [kind for frame in scopes.values() for kind in frame["instance_type"]]
    assert sorted(kinds) == (["p4d.24xlarge", "p5.48xlarge"] if is_price else ["p5.48xlarge"])
    assert rejected["reason"].str.contains(why, literal=True).sum() == rejected.height == (0 if is_price else 1)
