"""AWS Savings Plans: the recorded files, and what they must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.aws_savings_plans import AWS_SAVINGS_PLANS, expand
from tests.assets.sources.reading import read_body
from tests.replay import ReplayServer
from warehouse.captures import Document
from warehouse.home import Home

SOURCE = "aws_savings_plans"
ROOT = "https://pricing.us-east-1.amazonaws.com/savingsPlan/v1.0/aws/AWSComputeSavingsPlan"
SAMPLE = "aws_price_list/savingsPlan_AWSComputeSavingsPlan_20250911184447_ap-east-2.sample.csv"
NOW = dt.datetime(2025, 9, 20, tzinfo=dt.UTC)
#: A plain rate of a p5.48xlarge under a three-year Compute Savings Plan.
RATE = {
    "SKU": "S",
    "RateCode": "S.R",
    "Unit": "Hrs",
    "EffectiveDate": "2025-06-05T18:51:13Z",
    "DiscountedRate": "30.5",
    "Currency": "USD",
    "DiscountedSKU": "D",
    "DiscountedServiceCode": "AmazonEC2",
    "DiscountedUsageType": "BoxUsage:p5.48xlarge",
    "DiscountedOperation": "RunInstances",
    "PurchaseOption": "No Upfront",
    "LeaseContractLength": "3",
    "LeaseContractLengthUnit": "year",
    "ServiceCode": "ComputeSavingsPlans",
    "UsageType": "ComputeSP:3yrNoUpfront",
    "Operation": "",
    "Description": "3 year No Upfront Compute Savings Plan",
    "Instance Family": "",
    "Location": "Any",
    "Location Type": "AWS Region",
    "Granularity": "hourly",
    "Product Family": "ComputeSavingsPlans",
    "DiscountedRegionCode": "us-east-1",
    "DiscountedInstanceType": "p5.48xlarge",
}


def plans(*rows: dict[str, str]) -> str:
    """A region's file, in the layout of the recorded one."""
    above = 'FormatVersion,v1.0\nDisclaimer,"Prices, as they are"\nPublication Date,2025-09-11T18:44:47Z\nVersion,20250911184447\nOfferCode,X\n'
    return above + ",".join(RATE) + "\n" + "".join(",".join((RATE | r).values()) + "\n" for r in rows)


def test_the_recorded_header_is_the_one_that_is_read(samples: Path, tmp_path: Path) -> None:
    """Its rows are of r7g, so none is kept; of a family with GPUs, and of plans without upfront, they would be."""
    text = (samples / SAMPLE).read_text(encoding="utf-8")
    assert text.splitlines()[5] == ",".join(RATE)
    assert all(f.is_empty() for f in read_body(SOURCE, text, tmp_path, "ap-east-2.csv", NOW)[0].values())
    changed = text.replace("r7g", "g6").replace("Partial Upfront", "No Upfront")
    scopes, rejected = read_body(SOURCE, changed, tmp_path, "changed.csv", NOW)
    rows = scopes["ap-east-2"]
    assert rejected.is_empty()
    assert rows.height
    assert set(rows.select("purchase_option", "offer_variant").rows()) == {("reserved_3y", "ec2_instance_savings_plan")}
    assert set(rows["valid_from"].dt.strftime("%Y-%m-%d")) == {"2025-06-05"}


def test_a_line_with_a_field_too_many_is_refused_by_its_type(tmp_path: Path) -> None:
    """A comma in a description without quotes."""
    body = plans({}, {"DiscountedInstanceType": "p4d.24xlarge", "Description": "3 year, No Upfront"})
    scopes, rejected = read_body(SOURCE, body, tmp_path, "b.csv", NOW)
    assert scopes["us-east-1"]["instance_type"].to_list() == ["p5.48xlarge"]
    assert rejected["reason"].to_list() == ["a line of 25 fields under a header of 24"]


def test_only_the_plain_machine_without_upfront_is_a_rate(tmp_path: Path) -> None:
    scopes, rejected = read_body(
        SOURCE,
        plans(
            {},
            {"LeaseContractLength": "1", "DiscountedRate": "40.25"},
            {"Product Family": "EC2InstanceSavingsPlans", "DiscountedRate": "28"},
            {"PurchaseOption": "All Upfront", "DiscountedRate": "27"},
            {"DiscountedOperation": "RunInstances:0002", "DiscountedRate": "60"},
            {"DiscountedUsageType": "DedicatedUsage:p5.48xlarge", "DiscountedRate": "33"},
            {"DiscountedUsageType": "UnusedBox:p5.48xlarge", "DiscountedRate": "33"},
            {"DiscountedServiceCode": "AmazonSageMaker", "DiscountedRate": "45"},
            {"DiscountedInstanceType": "m7i.large", "DiscountedRate": "0.1"},
            {"DiscountedUsageType": "USE2-BoxUsage:g6.xlarge", "DiscountedInstanceType": "g6.xlarge",
             "DiscountedRegionCode": "us-east-2", "DiscountedRate": "0.45"},
        ),
        tmp_path,
        "plans.csv",
        NOW,
    )  # fmt: skip
    assert rejected.is_empty()
    got = scopes["us-east-1"].select("purchase_option", "offer_variant", "price_amount_per_hour").rows()
    assert got == [
        ("reserved_3y", "compute_savings_plan", 30.5),
        ("reserved_1y", "compute_savings_plan", 40.25),
        ("reserved_3y", "ec2_instance_savings_plan", 28.0),
    ]
    assert scopes["us-east-2"]["price_amount_per_hour"].to_list() == [0.45]


@pytest.mark.parametrize(
    "values",
    [
        {"DiscountedRate": "0"},
        {"DiscountedRate": "free"},
        {"Unit": "Quantity"},
        {"LeaseContractLength": "5"},
        {"EffectiveDate": "soon"},
    ],
)
def test_bad_rows_are_refused(values: dict[str, str], tmp_path: Path) -> None:
    _, rejected = read_body(SOURCE, plans({"Product Family": "EC2InstanceSavingsPlans"}, values), tmp_path, "p.csv")
    assert rejected["reason"].to_list() == [
        "the rate is not a positive number per hour, or its term or date is not known"
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "empty"),
        ("<html></html>", "HTML page"),
        ("a,b\n1,2\n", "no header line"),
        (plans({}).replace("DiscountedRate", "Rate"), "DiscountedRate is missing"),
        (plans({})[:-30], "breaks off"),
    ],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body(SOURCE, body, tmp_path, "p.csv")


def test_the_index_of_regions_leads_to_csv_files_of_regions(samples: Path) -> None:
    """`regions` is a list, with local and wavelength zones among them."""
    index = samples / "aws_price_list/savingsPlan_AWSComputeSavingsPlan_region_index.20250911184447.json"
    document = Document(index, f"{ROOT}/current/region_index.json", NOW, "json")
    urls = [batch[0].url for batch in expand(document, Window(NOW))]
    assert f"{ROOT}/20250911184447/ap-east-2/index.csv" in urls
    assert all(u.endswith("/index.csv") for u in urls)
    assert len(urls) == len({u.split("/")[-2] for u in urls}) > 25
    assert not any(u.split("/")[-2] in ("us-west-2-den-1", "us-east-1-phl-1") for u in urls)


def test_past_days_ask_for_the_version_in_force(tmp_path: Path) -> None:
    versions = [
        {"publicationDate": f"{day}T00:00:00Z", "offerVersionUrl": f"/savingsPlan/v1.0/aws/AWSComputeSavingsPlan/{day}/region_index.json"}
        for day in ("2025-03-01", "2025-01-01", "2025-02-01")
    ]  # fmt: skip
    file = tmp_path / "index.json"
    file.write_text(json.dumps({"versions": versions}), encoding="utf-8")
    document = Document(file, f"{ROOT}/index.json", NOW, "json")

    def asked(first: str, last: str) -> list[str]:
        window = Window(NOW, dt.date.fromisoformat(first), dt.date.fromisoformat(last))
        return [batch[0].url.split("/")[-2] for batch in expand(document, window)]

    assert asked("2025-02-10", "2025-02-10") == ["2025-02-01"]
    assert asked("2025-01-15", "2025-02-01") == ["2025-01-01", "2025-02-01"]
    assert asked("2025-05-01", "2025-05-02") == ["2025-03-01"]
    assert asked("2024-05-01", "2024-05-02") == []


def test_live_reads_every_region(home: Home, replay: ReplayServer) -> None:
    index = {"regions": [{"regionCode": "us-east-1", "versionUrl": "/savingsPlan/v1.0/aws/AWSComputeSavingsPlan/20250911184447/us-east-1/index.json"}]}  # fmt: skip
    replay.add(f"{ROOT}/current/region_index.json", json.dumps(index))
    replay.add(f"{ROOT}/20250911184447/us-east-1/index.csv", plans({}))
    (taken,) = intake.take_live(home, AWS_SAVINGS_PLANS, Window(dt.datetime.now(dt.UTC)))
    assert (taken.outcome, taken.row_count) == ("loaded", 1)


def test_an_index_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "index.json"
    file.write_text('{"regions": [{"regionCode": "us-east-1", "versionUrl": "https://elsewhere.example/x.json"}]}')
    with pytest.raises(LayoutError, match="not on pricing"):
        list(expand(Document(file, f"{ROOT}/current/region_index.json", NOW, "json"), Window(NOW)))
