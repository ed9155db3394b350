"""A ledger of use: Petaday's own form and FOCUS exports, what is read, left aside and refused."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError, Reading
from assets.sources.usage import parse
from warehouse.captures import Document

OWN = "used_from,used_to,provider,region,instance_type,instance_hours,purchase_option,workload\n"


def read(tmp_path: Path, text: str) -> Reading:
    """What the parser makes of a file."""
    file = tmp_path / "usage.csv"
    file.write_text(text)
    return parse([Document(file, "file:usage.csv", dt.datetime(2026, 11, 1, tzinfo=dt.UTC), "csv")])


def focus(**changed: object) -> dict[str, object]:
    """One line of a FOCUS export."""
    return {
        "ChargePeriodStart": "2026-03-01T00:00:00Z",
        "ChargePeriodEnd": "2026-03-01T01:00:00Z",
        "ChargeCategory": "Usage",
        "ServiceCategory": "Compute",
        "ProviderName": "Amazon Web Services",
        "RegionId": "us-east-1",
        "ResourceId": "i-1",
        "SubAccountId": "123",
        "ConsumedQuantity": 1,
        "ConsumedUnit": "Hours",
        "PricingCategory": "Standard",
        "SkuPriceDetails": json.dumps({"CoreCount": 192, "InstanceType": "p5.48xlarge"}),
        "BilledCost": 55.04,
        "BillingCurrency": "USD",
        "Tags": json.dumps({"workload": "llama", "x": "y"}),
    } | changed


def focus_file(*lines: dict[str, object]) -> str:
    """A FOCUS export as text."""
    return pl.DataFrame(list(lines), schema_overrides={"ConsumedQuantity": pl.Float64}).write_csv()


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-03-01", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01T05:30:00Z", "2026-03-01T05:30:00+00:00"),
        ("2026-03-01 05:30", "2026-03-01T05:30:00+00:00"),
        ("2026-03-01T05:30:00.250+05:30", "2026-03-01T00:00:00.250000+00:00"),
        ("2026-03-01 05:30:00 UTC", "2026-03-01T05:30:00+00:00"),
        ("2026-03-01T05:30:00-0800", "2026-03-01T13:30:00+00:00"),
    ],
)
def test_times_in_the_forms_of_bills(tmp_path: Path, written: str, instant: str) -> None:
    reading = read(tmp_path, OWN + f"{written},2026-03-02,aws,us-east-1,p5.48xlarge,1,on_demand,\n")
    assert reading.scopes[0].frame["valid_from"][0].isoformat() == instant


def test_own_form(tmp_path: Path) -> None:
    text = "used_from,used_to,provider,region,instance_type,instance_count\n2026-03-01,2026-03-02,Google Cloud,us-central1,a3-highgpu-8g,4\n"
    (row,) = read(tmp_path, text).scopes[0].frame.to_dicts()
    assert row["provider"] == "gcp"
    assert row["instance_hours"] == 96
    assert row["purchase_option"] == row["workload"] == row["account"] == ""
    assert row["billed_amount"] is None


def test_focus(tmp_path: Path) -> None:
    """Hours of compute are read; storage, taxes and purchases are left aside; a commitment says no term."""
    lines = [
        focus(),
        focus(ResourceId="i-2", PricingCategory="Dynamic", BilledCost=20),
        focus(ResourceId="i-3", PricingCategory="Committed", BilledCost=0),
        focus(ResourceId="vol-1", ServiceCategory="Storage", ConsumedUnit="GB-Hours"),
        focus(ChargeCategory="Tax", ConsumedUnit=None),
    ]
    reading = read(tmp_path, focus_file(*lines))
    frame = reading.scopes[0].frame
    assert frame["purchase_option"].to_list() == ["on_demand", "spot", ""]
    assert frame["provider"].unique().to_list() == ["aws"]
    assert frame["instance_type"].unique().to_list() == ["p5.48xlarge"]
    assert frame["workload"].unique().to_list() == ["llama"]
    assert frame["billed_amount"].to_list() == [55.04, 20, 0]
    assert frame.columns[0:2] == ["account", "resource"]
    assert reading.rejected is not None and reading.rejected.is_empty()


def test_focus_columns_that_providers_add(tmp_path: Path) -> None:
    by_usage_type = focus(x_UsageType="USE1-BoxUsage:p4d.24xlarge", SkuPriceDetails=None)
    assert read(tmp_path, focus_file(by_usage_type)).scopes[0].frame["instance_type"].to_list() == ["p4d.24xlarge"]
    by_name = focus(x_SkuInstanceType="Standard_ND96isr_H100_v5", SkuPriceDetails="not json", ProviderName="Microsoft")
    (row,) = read(tmp_path, focus_file(by_name)).scopes[0].frame.to_dicts()
    assert (row["provider"], row["instance_type"]) == ("azure", "Standard_ND96isr_H100_v5")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("yesterday,2026-03-02,aws,us-east-1,p5.48xlarge,1,on_demand,", "is not a time"),
        ("2026-03-02,2026-03-01,aws,us-east-1,p5.48xlarge,1,on_demand,", "ends before it starts"),
        ("2026-03-01,2026-03-01,aws,us-east-1,p5.48xlarge,1,on_demand,", "ends before it starts"),
        ("2026-01-01,2026-12-31,aws,us-east-1,p5.48xlarge,1,on_demand,", "longer than a month"),
        ("2026-03-01,2026-03-02,aws,us-east-1,,1,on_demand,", "instance type is missing"),
        ("2026-03-01,2026-03-02,aws,,p5.48xlarge,1,on_demand,", "region is missing"),
        ("2026-03-01,2026-03-02,aws,us-east-1,p5.48xlarge,1,on demand,", "purchase_option is not one of"),
        ("2026-03-01,2026-03-02,aws,us-east-1,p5.48xlarge,many,on_demand,", "hours of use are not a number"),
    ],
)
def test_a_bad_line_is_refused_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    reading = read(tmp_path, OWN + line + "\n")
    assert reading.scopes[0].frame.is_empty()
    assert reading.rejected is not None
    assert reason in reading.rejected["reason"][0]
    assert json.loads(reading.rejected["row_json"][0])["provider"] == "aws"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "no column used_from, used_to, provider, region, instance_type, instance_hours"),
        ("used_from,used_to,provider,region,instance_type\n1,2,3,4,5\n", "no column instance_hours"),
        (focus_file(focus(ChargeCategory="Tax")), "without one row of compute used by the hour"),
    ],
)
def test_another_file_is_refused_whole(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        read(tmp_path, text)
