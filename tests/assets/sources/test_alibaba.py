"""Alibaba's price file, made up in the form that its public readers agree on (no recorded answer was at hand)."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources.alibaba import ALIBABA, ALIBABA_CN
from tests.assets.sources.reading import read_body
from tests.replay import ReplayServer
from warehouse.connection import write_session
from warehouse.home import Home

GPU = "ecs.gn7e-c16g1.16xlarge"


def terms(hour: object, year: object = "366000", three: object = "900000") -> dict[str, list[dict[str, object]]]:
    """Terms of one type as the file has them: the price of a term is for all of it."""
    return {
        "hours": [{"price": hour, "period": "1"}],
        "months": [{"price": "66704.0", "period": "1"}],
        "years": [{"price": year, "period": "1"}, {"price": "600000", "period": "2"}, {"price": three, "period": "3"}],
    }


def answer(info: dict[str, object], currency: str = "CNY") -> str:
    return json.dumps(
        {"currency": currency, "version": "2.0.8", "publicationDate": "2026-05-01T00:00:00Z", "pricingInfo": info}
    )


def test_terms_are_spread_over_their_hours(tmp_path: Path) -> None:
    """East (Hangzhou, Shanghai) and west (Chengdu): each region by its own id, in CNY."""
    info = {f"{r}::{GPU}::vpc::linux::optimized": terms("138.96") for r in ("cn-hangzhou", "cn-shanghai", "cn-chengdu")}
    scopes, rejected = read_body("alibaba_cn", answer(info), tmp_path)
    rows = scopes["china_site"]
    assert rejected.is_empty()
    assert set(rows["region"]) == {"cn-hangzhou", "cn-shanghai", "cn-chengdu"}
    assert set(rows["currency_code"]) == {"CNY"}
    here = rows.filter(pl.col("region") == "cn-chengdu").select(
        "purchase_option", "offer_variant", "price_amount_per_hour"
    )
    assert here.rows() == [
        ("on_demand", "china_site", 138.96),
        ("reserved_1y", "china_site prepaid", pytest.approx(366000 / 8760)),
        ("reserved_3y", "china_site prepaid", pytest.approx(900000 / 26280)),
    ]


def test_only_linux_with_gpus_in_a_vpc_is_kept(tmp_path: Path) -> None:
    info = {
        f"us-east-1::{GPU}::vpc::linux::optimized": terms("20.5"),
        f"us-east-1::{GPU}::vpc::windows::optimized": terms("25"),
        f"us-east-1::{GPU}::classic::linux::optimized": terms("19"),
        f"us-east-1::{GPU}::vpc::linux::none": terms("18"),
        "us-east-1::ecs.g6.xlarge::vpc::linux::optimized": terms("0.2"),
        "us-east-1::ecs.ebmgn7e.32xlarge::vpc::linux::optimized": {"hours": [{"price": "41", "period": "1"}]},
        "us-east-1::ecs.vgn6i-m4.xlarge::vpc::linux::optimized": {"hours": [{"price": "0.4", "period": "1"}]},
    }
    scopes, _ = read_body("alibaba", answer(info, "USD"), tmp_path)
    on_demand = scopes["alibaba"].filter(pl.col("purchase_option") == "on_demand")
    assert dict(on_demand.select("instance_type", "price_amount_per_hour").rows()) == {
        GPU: 20.5,
        "ecs.ebmgn7e.32xlarge": 41.0,
        "ecs.vgn6i-m4.xlarge": 0.4,
    }
    assert set(on_demand["offer_variant"]) == {""}


@pytest.mark.parametrize("price", ["0", "-1", "", "N/A", None])
def test_what_is_no_price_is_refused(price: object, tmp_path: Path) -> None:
    info = {
        f"a::{GPU}::vpc::linux::optimized": terms(price),
        "a::ecs.gn6v-c8g1.2xlarge::vpc::linux::optimized": terms("3"),
    }
    scopes, rejected = read_body("alibaba", answer(info, "USD"), tmp_path)
    assert rejected["reason"].to_list() == ["the price is not a positive number, or its period cannot be read"]
    assert scopes["alibaba"].height == 5


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (answer({}), "pricingInfo is missing or empty"),
        ("[]", "pricingInfo is missing or empty"),
        ("<html>blocked</html>", "HTML page"),
        (answer({"a::b::c::d::e": {}}, "CNY"), "expected USD"),
        (answer({"a": {}}, "USD")[:-9], "not JSON"),
    ],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("alibaba", body, tmp_path)


def test_live_reads_the_newest_file_that_the_page_names(home: Home, replay: ReplayServer) -> None:
    """2.0.375 is newer than 2.0.99; the rate per GPU comes from the documented count, and dollars from the day's rate."""
    replay.add("https://www.aliyun.com/robots.txt", "", 404)
    replay.add("https://g.alicdn.com/robots.txt", "", 404)
    page = (
        b'<html><script src="//g.alicdn.com/aliyun/ecs-price-info/2.0.99/index.js"></script>'
        b"<script>x='https:\\/\\/g.alicdn.com\\/aliyun\\/ecs-price-info\\/2.0.375\\/price\\/'</script></html>"
    )
    replay.add(ALIBABA_CN.homepage_url, page)
    body = answer({f"cn-shanghai::{GPU}::vpc::linux::optimized": terms("138.96")}).encode()
    replay.add("https://g.alicdn.com/aliyun/ecs-price-info/2.0.375/price/download/instancePrice.json", body)
    (taken,) = intake.take_live(home, ALIBABA_CN, Window(dt.datetime.now(dt.UTC)))
    assert (taken.outcome, taken.row_count) == ("loaded", 3)
    recording.refresh_reference(home)
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        found = con.execute(
            "SELECT accelerator_id, accelerator_count FROM observed.cloud_rate WHERE purchase_option = 'on_demand'"
        ).fetchall()
    assert found == [("nvidia-a100-80gb", 4.0)]


def test_a_page_that_names_no_file_is_told(home: Home, replay: ReplayServer) -> None:
    replay.add("https://www.alibabacloud.com/robots.txt", "", 404)
    replay.add(ALIBABA.homepage_url, b"<html>new layout</html>")
    with pytest.raises(FetchError, match="names no folder"):
        intake.take_live(home, ALIBABA, Window(dt.datetime.now(dt.UTC)))
