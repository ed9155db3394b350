"""Retail pages: recorded pages of seven shops, and what the reader must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources import needs_key
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources.gpu_retail import GPU_RETAIL, gpu_in, plan
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.errors import PetadayError
from warehouse.home import Home
from warehouse.staging import staged

WINDOW = Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC))
ADDRESS = "https://www.newegg.com/p/N82E1"


def product(offers: object, name: str = "ASUS GeForce RTX 5090 32GB Graphics Card", **values: object) -> str:
    """A shop's page about one product."""
    data = {"@context": "https://schema.org", "@type": "Product", "name": name, "sku": "S1", "offers": offers, **values}
    return (
        f'<html><head><title>{name}</title><link rel="canonical" href="{ADDRESS}">'
        f'<script type="application/ld+json">{json.dumps(data)}</script></head><body>shop</body></html>'
    )


def offer(**values: object) -> dict[str, object]:
    """One offer as shops write it."""
    return {
        "@type": "Offer",
        "price": "1999.99",
        "priceCurrency": "USD",
        "availability": "https://schema.org/InStock",
    } | values


def read(body: str, tmp_path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and refused rows of a made-up page."""
    scopes, rejected = read_body("gpu_retail", body, tmp_path, "page.html")
    return (next(iter(scopes.values())) if scopes else pl.DataFrame()), rejected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("adorama_out_of_stock.html", ("adorama", "EV10G53885KR", "retail", "GeForce RTX 3080", 10.0, False, 779.99)),
        ("amazon_in_stock.html.zip", ("amazon", "B08JJC6WLV", "used", "GeForce RTX 2060", 6.0, True, 599.66)),
        ("bestbuy_out_of_stock.html", ("bestbuy", "6439402", "retail", "GeForce RTX 3060 Ti", 8.0, False, 399.99)),
        (
            "bhphotovideo_in_stock.html",
            ("bhphotovideo", "MSG1650D6VXO", "retail", "GeForce GTX 1650", None, None, 155.99),
        ),
        ("newegg_in_stock.html", ("newegg", "N82E16814126451", "retail", "GeForce GTX 1650", 4.0, True, 154.99)),
    ],
)
def test_recorded_pages(file: str, expected: tuple[object, ...], samples: Path) -> None:
    scopes, rejected = read_files("gpu_retail", samples / "gpu_retail_html" / file)
    columns = (
        "seller",
        "product_code",
        "price_kind",
        "accelerator_name",
        "accelerator_memory_gib",
        "is_in_stock",
        "price_amount",
    )
    assert scopes[str(expected[0])].select(columns).rows() == [expected]
    assert set(scopes[str(expected[0])]["currency_code"]) == {"USD"} and rejected.is_empty()


def test_a_processor_is_refused(samples: Path) -> None:
    scopes, rejected = read_files("gpu_retail", samples / "gpu_retail_html/microcenter_in_stock.html")
    assert not scopes
    assert rejected["reason"].to_list() == ["not a graphics card"] and "Ryzen" in rejected["row_json"][0]


@pytest.mark.parametrize(
    ("file", "words"),
    [("adorama_captcha.html", "access to this page"), ("walmart_captcha.html", "verify your identity")],
)
def test_captcha_pages_are_named_as_such(file: str, words: str, samples: Path) -> None:
    with pytest.raises(LayoutError, match=f"captcha or block page.*{words}"):
        read_files("gpu_retail", samples / "gpu_retail_html" / file)


def test_offers_may_be_an_object_a_list_or_an_aggregate(tmp_path: Path) -> None:
    one, several = offer(), [offer(price=2100), offer(price="1,949.00", availability="OutOfStock")]
    assert read(product(one), tmp_path)[0]["price_amount"].to_list() == [1999.99]
    assert read(product(several), tmp_path)[0]["price_amount"].to_list() == [2100.0]  # what is in stock comes first
    inside = {"@type": "AggregateOffer", "lowPrice": "1", "priceCurrency": "USD", "offers": several}
    assert read(product(inside), tmp_path)[0]["price_amount"].to_list() == [2100.0]
    bare = {"@type": "AggregateOffer", "lowPrice": "1899", "highPrice": "2500", "priceCurrency": "USD"}
    assert read(product(bare), tmp_path)[0].select("price_kind", "price_amount").rows() == [("market_low", 1899.0)]


def test_used_and_new_are_two_prices(tmp_path: Path) -> None:
    both = [offer(), offer(price="1500", itemCondition="https://schema.org/RefurbishedCondition")]
    found = read(product(both), tmp_path)[0].select("price_kind", "price_amount").rows()
    assert sorted(found) == [("retail", 1999.99), ("used", 1500.0)]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"price": "0"}, "no price"),
        ({"price": None}, "no price"),
        ({"price": "Call"}, "no price"),
        ({"priceCurrency": None}, "no currency"),
        ({"price": "9999999"}, "in bounds"),
        ({"price": "3.50"}, "in bounds"),
        ({"priceCurrency": "XXX"}, "currency_code is not one of"),
    ],
)
def test_bad_prices_are_refused(values: dict[str, object], word: str, tmp_path: Path) -> None:
    rows, rejected = read(product(offer(**values)), tmp_path)
    assert rows.is_empty() and word in rejected["reason"].item()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PNY GeForce RTX 4070 Ti SUPER 16GB", ("GeForce RTX 4070 Ti SUPER", 16.0, True)),
        ("Sapphire Pulse Radeon RX 9070 XT 16GB", ("Radeon RX 9070 XT", 16.0, True)),
        ("NVIDIA H100 80GB PCIe", ("H100", 80.0, True)),
        ("Razer Blade 16 Gaming Laptop GeForce RTX 5090 32GB RAM 24GB", ("GeForce RTX 5090", None, False)),
        ("EK Water Block for RTX 4090", ("RTX 4090", None, False)),
        ("AMD Ryzen 5 3600 Processor", (None, None, False)),
    ],
)
def test_names_of_cards(name: str, expected: tuple[object, ...]) -> None:
    assert gpu_in(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "RTX 4090 cooler",
        "GPU support bracket for RTX 4090",
        "Thermal pads for RTX 3090",
        "NVIDIA NVLink Bridge 4-Slot RTX A6000",
        "Video Card Cooler for GeForce RTX 3080",
        "Anti-sag holder GPU RTX 4090",
        "RTX 4090 PC Case",
        "4x RTX 3090 mining rig",
        "2 x RTX 4090 bundle",
        "Set of 2 NVIDIA Tesla V100 32GB",
        "GeForce RTX 4090 for parts not working",
        "Box only GeForce RTX 5090 empty box",
        "EVGA GeForce RTX 3090 FTW3 Hybrid Kit",
        "Graphics Card GPU Brace Support",
    ],
)
def test_what_goes_with_a_card_or_is_several_is_none(name: str, tmp_path: Path) -> None:
    """Each of them names a card, and its price is not that of one."""
    rows, rejected = read(product(offer(), name), tmp_path)
    assert rows.is_empty() and rejected["reason"].to_list() == ["not a graphics card"]


@pytest.mark.parametrize(
    "name",
    [
        "EVGA GeForce RTX 3080 XC3 Ultra Gaming, 10GB GDDR6X, iCX3 Cooling, Metal Backplate",
        "GIGABYTE GeForce RTX 3080 Gaming OC 10G Graphics Card, 3X WINDFORCE Fans",
        "PNY GeForce RTX 4070 12GB Verto Dual Fan",
        "MSI GeForce RTX 3070 LHR 8GB Torx Fan 4 RGB OC Graphics Card",
        "NVIDIA GeForce RTX 4090 Founders Edition Graphics Card with power adapter",
        "NVIDIA L40S 48GB GPU",
    ],
)
def test_a_card_may_boast_of_its_parts(name: str) -> None:
    assert gpu_in(name)[2]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f'<html><link rel="canonical" href="{ADDRESS}"><h1>RTX 5090</h1></html>', "no product with an offer"),
        ('<html><link rel="canonical" href="https://example.com/x"><h1>x</h1></html>', "not a page of a known shop"),
        (
            f'<link rel="canonical" href="{ADDRESS}"><script type="application/ld+json">{{"@type": "Prod</script>',
            "no product",
        ),
        ("", "empty"),
    ],
)
def test_pages_without_an_offer_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read(body, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "Alienware Aurora R16 Desktop - Intel Core i9 14900KF - 64GB - NVIDIA GeForce RTX 4090 - 2TB SSD",
        "CyberPowerPC Prebuilt RTX 5080 16GB",
        "HP OMEN Tower with GeForce RTX 5070 Ti",
        "Razer Core X eGPU enclosure with RTX 4080",
        "Lenovo ThinkSystem SR650 server 2x NVIDIA L40S",
        "MSI Vector 16 HX AI, Ryzen 9, RTX 5090 24GB",
    ],
)
def test_what_has_a_card_inside_is_none(name: str, tmp_path: Path) -> None:
    rows, rejected = read(product(offer(price="3999.00"), name), tmp_path)
    assert rows.is_empty()
    assert rejected["reason"].to_list() == ["not a graphics card"]


@pytest.mark.parametrize(
    ("price", "amount"),
    [("1,299.00", 1299.0), ("1299", 1299.0), ("899,00", None), ("1.299,00", None), ("21.999,00", None)],
)
def test_a_comma_that_may_be_a_point_is_no_price(price: str, amount: float | None, tmp_path: Path) -> None:
    rows, rejected = read(product(offer(price=price)), tmp_path)
    if amount is None:
        assert rows.is_empty() and rejected["reason"].to_list() == ["no price above zero"]
    else:
        assert rows["price_amount"].to_list() == [amount]


def test_nothing_is_fetched_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PETADAY_RETAIL_URLS", raising=False)
    assert list(plan(WINDOW)) == []
    assert needs_key(GPU_RETAIL) == "PETADAY_RETAIL_URLS"


@pytest.mark.parametrize(
    "address", ["http://www.newegg.com/p/1", "https://example.com/p/1", "https://www.newegg.com.evil.com/"]
)
def test_other_addresses_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETADAY_RETAIL_URLS", address)
    with pytest.raises(PetadayError, match="PETADAY_RETAIL_URLS"):
        list(plan(WINDOW))


def test_live_obeys_robots(home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETADAY_RETAIL_URLS", f" {ADDRESS} ,https://www.newegg.com/private/p2")
    replay.add("https://www.newegg.com/robots.txt", "User-agent: *\nDisallow: /private")
    replay.add(ADDRESS, product(offer()))
    with pytest.raises(FetchError, match=r"robots\.txt"):
        intake.take_live(home, GPU_RETAIL, WINDOW)
    assert replay.urls() == [ADDRESS]
    assert [(b.outcome, b.scopes[0].scope) for _, b in staged(home)] == [("loaded", "newegg")]


@pytest.mark.parametrize(
    "name",
    [
        "Open Box: ASUS GeForce RTX 5090 32GB Graphics Card",
        "ASUS GeForce RTX 5090 32GB Graphics Card (Pre-Owned)",
        "(Used - Very Good) ASUS GeForce RTX 5090 32GB Graphics Card",
    ],
)
def test_a_card_that_someone_had_before_is_used(name: str, tmp_path: Path) -> None:
    assert read(product(offer(), name), tmp_path)[0]["price_kind"].to_list() == ["used"]


@pytest.mark.parametrize(
    ("specification", "amount"),
    [
        ({"price": "1899.00", "priceCurrency": "usd"}, 1899.0),
        (
            [{"price": 1999, "priceType": "https://schema.org/ListPrice"}, {"price": 1799, "priceCurrency": "USD"}],
            1799.0,
        ),
        ([{"price": 149.9, "billingDuration": "P12M"}, {"price": 1799, "priceType": "SalePrice"}], 1799.0),
        ([{"price": 1799}, {"price": 1749, "validForMemberTier": {"@type": "MemberProgramTier"}}], 1799.0),
        ({"price": 1799, "referenceQuantity": {"@type": "QuantitativeValue", "value": "1", "unitCode": "C62"}}, 1799.0),
        ({"price": 179.9, "referenceQuantity": {"value": 0.1}}, None),
        (
            [
                {"price": 199, "priceComponentType": "https://schema.org/Downpayment"},
                {"price": 80, "priceComponentType": "https://schema.org/Installment", "billingDuration": 20},
            ],
            None,
        ),
        ({"price": 1999, "priceType": "https://schema.org/SRP"}, None),
        ([{"price": 1999}, {"price": 1799}], None),
        ("1999", None),
    ],
)
def test_of_several_prices_the_shops_own_counts(specification: object, amount: float | None, tmp_path: Path) -> None:
    """What the manufacturer recommends, a former price, a part of the sum and a price of members are none; of two that may be it, neither."""
    spoken = {"@type": "Offer", "priceCurrency": "USD", "priceSpecification": specification}
    rows, rejected = read(product(spoken), tmp_path)
    assert (rows["price_amount"].to_list() if rows.height else []) == ([amount] if amount else [])
    assert rejected.height == (0 if amount else 1)
