"""AWS spot: the price page's file, recorded price history, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from assets import intake
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources.aws_spot import AWS_SPOT, HOST
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
URL = f"https://{HOST}/spot.json"


def spot(*prices: tuple[str, str, str, str]) -> str:
    """(region, type, system, price) rows in the nesting of the file."""
    return json.dumps(
        {
            "vers": 0.01,
            "config": {
                "rate": "perhr",
                "currencies": ["USD"],
                "regions": [
                    {
                        "region": region,
                        "instanceTypes": [
                            {
                                "type": "gpu",
                                "sizes": [{"size": size, "valueColumns": [{"name": system, "prices": {"USD": price}}]}],
                            }
                        ],
                    }
                    for region, size, system, price in prices
                ],
            },
        }
    )


def history(*rows: tuple[str, str, str, str, str]) -> str:
    names = ("AvailabilityZone", "InstanceType", "ProductDescription", "SpotPrice", "Timestamp")
    return json.dumps({"SpotPriceHistory": [dict(zip(names, row, strict=True)) for row in rows]})


def test_recorded_history_in_utf_16_has_no_accelerators(samples: Path) -> None:
    scopes, rejected = read_files("aws_spot", samples / "aws_spot/describe-spot-price-history_utf16le_2020-07.json")
    assert scopes == {}
    assert rejected.is_empty()


def test_the_advisor_is_no_price(samples: Path) -> None:
    with pytest.raises(LayoutError, match="savings in per cent"):
        read_files("aws_spot", samples / "aws_spot/spot-advisor-data_2025-06-28.json")


@pytest.mark.parametrize("wrap", ["{}", "callback({});", "/* AWS */ callback({})\n"])
def test_old_names_and_no_price(wrap: str, tmp_path: Path) -> None:
    body = spot(
        ("us-east", "p5.48xlarge", "linux", "21.5"),
        ("eu-ireland", "g5.xlarge", "linux", "0.45"),
        ("us-east", "p4d.24xlarge", "linux", "N/A*"),
        ("us-east", "p5.48xlarge", "mswin", "30"),
        ("us-east", "m5.large", "linux", "0.03"),
    )
    scopes, rejected = read_body("aws_spot", wrap.replace("{}", body), tmp_path)
    assert scopes["aws_spot"].select("region", "instance_type", "price_amount_per_hour").rows() == [
        ("us-east-1", "p5.48xlarge", 21.5),
        ("eu-west-1", "g5.xlarge", 0.45),
    ]
    assert rejected.is_empty()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_history_holds_from_its_timestamp(encoding: str, tmp_path: Path) -> None:
    body = history(
        ("us-east-1b", "p3.2xlarge", "Linux/UNIX", "0.918000", "2020-07-01T22:05:14.000Z"),
        ("us-east-1b", "p3.2xlarge", "Linux/UNIX", "0.950000", "2020-07-01T23:05:14+00:00"),
        ("us-east-1b", "p3.2xlarge", "Windows", "1.9", "2020-07-01T22:05:14.000Z"),
        ("us-east-1b", "p3.2xlarge", "Linux/UNIX", "n/a", "2020-07-01T21:05:14.000Z"),
    )
    scopes, rejected = read_body("aws_spot", body.encode(encoding), tmp_path)
    rows = scopes["aws_spot_zone"].sort("valid_from")
    assert rows["price_amount_per_hour"].to_list() == [0.918, 0.95]
    assert rows["valid_from"][0] == dt.datetime(2020, 7, 1, 22, 5, 14, tzinfo=dt.UTC)
    assert (rows["region"][0], rows["offer_variant"][0]) == ("us-east-1", "us-east-1b")
    assert rejected.height == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"config": {}}', "config.regions"),
        ('{"config": {"regions": []}}', "empty answer"),
        ("callback({", "not JSON"),
        ("<html></html>", "HTML page"),
    ],
)
def test_a_changed_layout_is_named(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("aws_spot", body, tmp_path)


def test_live(replay: ReplayServer, home: Home) -> None:
    replay.add(URL, "", status=429, headers={"Retry-After": "0"}, times=1)
    replay.add(URL, spot(("us-east", "p5.48xlarge", "linux", "21.5")))
    (taken,) = intake.take_live(home, AWS_SPOT, Window(NOW))
    assert (taken.outcome, taken.row_count) == ("loaded", 1)
    ((_, batch),) = staging.staged(home)
    assert batch.scopes[0].is_complete


def test_a_redirect_to_another_host_is_refused(replay: ReplayServer, home: Home) -> None:
    replay.add(URL, "", status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(FetchError, match="refused"):
        intake.take_live(home, AWS_SPOT, Window(NOW))
