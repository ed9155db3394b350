"""AWS pricing page: a recorded file of two regions, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from assets import intake
from assets.sources import aws_pricing_page
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources.aws_pricing_page import AWS_PRICING_PAGE, LOCATIONS, URL
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
OHIO = "US East (Ohio)"


def page(*offers: dict[str, str], location: str = OHIO) -> str:
    whole = {
        "price": "55.04",
        "Location": location,
        "vCPU": "192",
        "Instance Type": "p5.48xlarge",
        "Memory": "2048 GiB",
        "Operating System": "Linux",
        "Pre Installed S/W": "NA",
    }
    return json.dumps({"manifest": {}, "regions": {location: {str(n): whole | o for n, o in enumerate(offers)}}})


def test_recorded_prices(samples: Path) -> None:
    scopes, rejected = read_files(
        "aws_pricing_page", samples / "aws_pricing_page/ec2_ondemand_linux_gpu_2regions_2026-09.json"
    )
    assert {name: rows.height for name, rows in scopes.items()} == {"us-east-1": 10, "us-east-2": 8}
    price = dict(scopes["us-east-1"].select("instance_type", "price_amount_per_hour").iter_rows())
    assert (price["p5.48xlarge"], price["g6e.48xlarge"], price["p6-b200.48xlarge"]) == (55.04, 30.13118, 113.9328)
    assert rejected.is_empty()


def test_what_is_out_of_subject_is_left_out(tmp_path: Path) -> None:
    body = page({}, {"Instance Type": "m5.large"}, {"Instance Type": "f1.2xlarge"}, {"Operating System": "Windows"})
    scopes, rejected = read_body("aws_pricing_page", body, tmp_path)
    assert scopes["us-east-2"]["instance_type"].to_list() == ["p5.48xlarge"]
    assert rejected.is_empty()


@pytest.mark.parametrize("price", ["0", "-1", "N/A", ""])
def test_a_bad_price_is_refused(price: str, tmp_path: Path) -> None:
    scopes, rejected = read_body(
        "aws_pricing_page", page({"price": price}, {"Instance Type": "p4d.24xlarge"}), tmp_path
    )
    assert scopes["us-east-2"]["instance_type"].to_list() == ["p4d.24xlarge"]
    assert rejected["reason"].to_list() == ["price is not a positive number, or its type cannot be read"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (page({}).replace("regions", "places"), "regions is missing"),
        (page(), "map is empty"),
        (page({}).replace('"price"', '"cost"'), "price is missing"),
        (page({})[:-9], "not JSON"),
        ("[]", "not an object"),
    ],
)
def test_a_changed_layout_is_named(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("aws_pricing_page", body, tmp_path)


def test_live(replay: ReplayServer, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_pricing_page, "LOCATIONS", (OHIO,))
    replay.add(f"{URL}/US%20East%20%28Ohio%29/Linux/index.json", "", status=429, headers={"Retry-After": "0"}, times=1)
    replay.add(f"{URL}/US%20East%20%28Ohio%29/Linux/index.json", page({}))
    (taken,) = intake.take_live(home, AWS_PRICING_PAGE, Window(NOW))
    assert (taken.outcome, taken.row_count) == ("loaded", 1)
    ((_, batch),) = staging.staged(home)
    assert batch.scopes[0].is_complete


def test_a_redirect_to_another_host_is_refused(
    replay: ReplayServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_pricing_page, "LOCATIONS", (OHIO,))
    replay.add(
        f"{URL}/US%20East%20%28Ohio%29/Linux/index.json", "", status=302, headers={"Location": "https://evil.example/"}
    )
    with pytest.raises(FetchError, match="refused"):
        intake.take_live(home, AWS_PRICING_PAGE, Window(NOW))


def test_every_place_is_asked_for_once() -> None:
    assert OHIO in LOCATIONS
    assert not [name for name in LOCATIONS if name.startswith(("China", "Europe"))]
