"""One entry of an answer that is null, text or a number: it costs itself, and no other offer is lost or made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.sources._base import LayoutError
from assets.sources._rows import number_of
from tests.assets.sources.reading import read_body
from tests.assets.sources.test_aws_spot import history, spot
from tests.assets.sources.test_gcp_skus import page, sku
from tests.assets.sources.test_variants import find, text_of

#: Source, recorded answer, and where its list of offers is.
LISTS = [
    ("azure_retail", "retail_eastus_nd_2026-07-27.json", "Items"),
    ("gcp_skus", "skus_fragment_a100_2023-03.json", "skus"),
    ("oci", "cetools_products_gpu_2026-10-01.json", "items"),
    ("runpod", "gpuTypes_list_2025-06-21T2318.json", None),
    ("vast", "bundles_2026-07-h100_a100.json", "offers"),
    ("digitalocean", "digitalocean_sizes.json", "sizes"),
    ("verda", "verda_instance_types.json", None),
    ("vultr", "vultr_plans.json", "plans"),
    ("gpurentalprices", "gpurentalprices_2026-08-22.json", "offers"),
    ("tardellirs", "tardellirs_offerings_2026-05-25.json", None),
    ("openrouter", "models_trimmed_2026-07-27.json", "data"),
]
#: Every list of prices of a file, by the path to it; None for the file itself.
SERIES = [
    ("idealo", "idealo_gtx10xx_2017-08_2018-02.json", ()),
    ("idealo", "idealo_gtx10xx_2017-08_2018-02.json", (0, "prices")),
    ("au_rtx5070ti", "au_rtx5070ti_history_2026-08-22.json", ()),
    ("au_rtx5070ti", "au_rtx5070ti_latest_2026-08-22.json", ("stores",)),
    ("ru_shops", "ru_shops_offers-2022-11-20.json.zip", ("DNS",)),
    ("pcpartpicker", "pcpartpicker_video-card_2023-07-05.json.zip", ()),
    ("genai_prices", "data_2025-06-23.json.zip", ()),
    ("genai_prices", "data_2025-06-23.json.zip", (0, "models")),
]
#: Tables in CSV.
TABLES = [
    ("aws_p5_series", "gpu_prices_p5.48xlarge_daily_amorton45.csv"),
    ("csim07", "retail_used_monthly_2023-2025_csim07.csv"),
    ("ebay_monthly", "ebay_toms_hardware_monthly_2022-2023.csv"),
    ("fsdl", "fsdl_cloud-gpus_2025-03-07.csv"),
    ("pcpartpicker", "pcpartpicker_video-card_2025-07-23.csv.zip"),
    ("skypilot", "vast_vms_2026-04-29.csv"),
    ("market_hourly", "DE-LU_electricity_prices_2024.csv"),
    ("ecb", "eurofxref-hist_2026-04-13.csv"),
]
Rows = tuple[list[tuple], pl.DataFrame]


def rows_of(source_id: str, name: str, value: Any, folder: Path) -> Rows:
    scopes, rejected = read_body(source_id, json.dumps(value), folder, name.removesuffix(".zip"))
    return [row for frame in scopes.values() for row in frame.rows()], rejected


@pytest.mark.parametrize("strange", [None, "none", 7, []])
@pytest.mark.parametrize(("source_id", "name", "key"), LISTS)
def test_an_entry_that_is_no_object(
    source_id: str, name: str, key: str | None, strange: object, samples: Path, tmp_path: Path
) -> None:
    value = json.loads(text_of(find(samples, name)))
    before, refused = rows_of(source_id, name, value, tmp_path)
    (value if key is None else value[key]).append(strange)
    after, rejected = rows_of(source_id, name, value, tmp_path)
    assert (before, bool(before)) == (after, True)
    # Azure's pages of thousands of machines are decoded by the few that name a GPU.
    assert rejected.height - refused.height in ((0,) if source_id == "azure_retail" else (1, 2))


@pytest.mark.parametrize("strange", [None, "none", 7, [], {}])
@pytest.mark.parametrize(("source_id", "name", "path"), SERIES)
def test_an_entry_of_a_series_that_is_none(
    source_id: str, name: str, path: tuple[int | str, ...], strange: object, samples: Path, tmp_path: Path
) -> None:
    """It stands first, where the fields of the others were once looked for, and is told."""
    value = json.loads(text_of(find(samples, name)))
    before, refused = rows_of(source_id, name, value, tmp_path)
    listed = value
    for key in path:
        listed = listed[key]
    listed.insert(0, strange)
    after, rejected = rows_of(source_id, name, value, tmp_path)
    assert (before, bool(before)) == (after, True)
    assert rejected.height == refused.height + 1


@pytest.mark.parametrize(("source_id", "name"), TABLES)
def test_a_row_with_a_field_too_many(source_id: str, name: str, samples: Path, tmp_path: Path) -> None:
    """Which of its commas belongs to a value cannot be told: no number of it is read, all others are."""
    lines = text_of(find(samples, name)).splitlines()
    at = len(lines) // 2
    plain = tmp_path / name.removesuffix(".zip")

    def read(*lines: str) -> Rows:
        scopes, rejected = read_body(source_id, "\n".join(lines) + "\n", tmp_path, plain.name)
        return [row for frame in scopes.values() for row in frame.rows()], rejected

    before, refused = read(*lines[:at], *lines[at + 1 :])
    after, rejected = read(*lines[:at], lines[at] + ",12.5", *lines[at + 1 :])
    assert (before, bool(before)) == (after, True)
    assert rejected.height == refused.height + 1
    assert rejected["reason"].str.contains("more fields than the header has").sum() == 1
    with pytest.raises(LayoutError, match="more fields|header and no row"):
        read(lines[0], *(f"{line},12.5" for line in lines[1:]))


def test_a_table_with_a_field_too_many_in_another_encoding_is_refused(tmp_path: Path) -> None:
    body = "GPU,eBay Price,QTY Sold,Month\nRTX 3080,$700,5,May 2022\nCarte graphique à vendre,$1,299,5,May 2022\n"
    with pytest.raises(LayoutError, match="not a readable CSV file"):
        read_body("ebay_monthly", body.encode("latin-1"), tmp_path, "e.csv")
    scopes, rejected = read_body("ebay_monthly", body, tmp_path, "e.csv")
    assert scopes["ebay"]["price_amount"].to_list() == [700.0]
    assert rejected.height == 1


@pytest.mark.parametrize("field", ["litellm_provider", "mode"])
@pytest.mark.parametrize("value", [{}, [], 7])
def test_a_model_whose_provider_is_no_text(field: str, value: object, tmp_path: Path) -> None:
    cost = {"input_cost_per_token": 1e-6, "litellm_provider": "openai", "mode": "chat"}
    models = {"gpt-a": cost, "gpt-b": cost | {field: value}}
    scopes, rejected = read_body("litellm", json.dumps(models), tmp_path)
    assert scopes["models"].filter(pl.col("model") == "gpt-a")["price_usd_per_mtok"].to_list() == [1.0]
    # Without a provider, and none in its key, whose price it is cannot be told.
    is_told = field == "litellm_provider"
    assert (scopes["models"].height, rejected.height) == ((1, 1) if is_told else (2, 0))


@pytest.mark.parametrize("tiers", ["none", 7, {}, [None], ["x", {"range": None}]])
def test_tiers_that_are_none_leave_the_base_price(tiers: object, tmp_path: Path) -> None:
    model = {"input_cost_per_token": 1e-6, "litellm_provider": "x", "mode": "chat", "tiered_pricing": tiers}
    scopes, _ = read_body("litellm", json.dumps({"gpt-a": model}), tmp_path)
    assert scopes["models"].select("context_tier_from_tokens", "price_usd_per_mtok").rows() == [(0, 1.0)]


@pytest.mark.parametrize("prices", [None, "free", [None], [{"prices": {"input_mtok": 2}}, None]])
def test_a_model_without_prices_is_not_taken_for_withdrawn(prices: object, tmp_path: Path) -> None:
    sound = {"id": "a", "prices": {"input_mtok": 1}}
    listed = [{"id": "x", "models": [sound, {"id": "b", "prices": prices}]}, {"id": "y", "models": None}]
    scopes, rejected = read_body("genai_prices", json.dumps(listed), tmp_path)
    assert scopes["all"].select("vendor", "model", "price_usd_per_mtok").rows() == [("x", "a", 1.0)]
    told = [json.loads(row) for row in rejected["row_json"]]
    assert [(row["vendor"], row["model"]) for row in told] == [("x", "b"), ("y", None)]


def test_token_prices_of_one_token_are_none_of_a_million(samples: Path, tmp_path: Path) -> None:
    """A list that goes over to USD per token would make every model all but free."""
    value = json.loads(text_of(find(samples, "anthropic_2026-08-05.json")))
    before, _ = rows_of("simonw", "anthropic.json", value, tmp_path)
    for price in (p for model in value["models"] for p in model["price_history"]):
        price.update({field: price[field] / 1e6 for field in ("input", "output", "input_cached") if price.get(field)})
    after, rejected = rows_of("simonw", "anthropic.json", value, tmp_path)
    assert before and not after
    assert rejected["reason"].str.contains("price of a million").all()


def test_prices_with_a_currency_sign_or_thousands(tmp_path: Path) -> None:
    """What people type into a list of prices is a price as far as it can be told, and is never dropped in silence."""
    listed = [
        {"date": "2026-08-20", "lowest_price_aud": "$1,299.50"},
        {"date": "2026-08-21", "lowest_price_aud": "1299,50"},
        {"date": "2026-08-22", "lowest_price_aud": None},
    ]
    scopes, rejected = read_body("au_rtx5070ti", json.dumps(listed), tmp_path)
    assert scopes["au_rtx5070ti"]["price_amount"].to_list() == [1299.5]
    assert rejected["reason"].to_list() == ["the price is missing, or not a number"]


def changed(
    samples: Path, name: str, change: Callable[[Any], object], folder: Path, source_id: str
) -> tuple[Rows, Rows]:
    """What is read of a recorded answer before and after a change to it."""
    value = json.loads(text_of(find(samples, name)))
    before = rows_of(source_id, name, value, folder)
    change(value)
    return before, rows_of(source_id, name, value, folder)


def test_a_gpu_type_without_an_id_is_refused(samples: Path, tmp_path: Path) -> None:
    (before, _), (after, rejected) = changed(
        samples, "gpuTypes_graphql_2026-07.json", lambda v: v["data"]["gpuTypes"][3].pop("id"), tmp_path, "runpod"
    )
    assert 0 < len(before) - len(after) == rejected.height
    assert set(rejected["reason"]) == {"id is missing"}


@pytest.mark.parametrize("product", [None, "", []])
def test_a_machine_without_its_product_is_not_taken_for_linux(product: object, samples: Path, tmp_path: Path) -> None:
    """The Windows row of ND40rs v2 at 4.41 USD, spot."""

    def forget(value: Any) -> None:
        windows = [i for i in value["Items"] if "Windows" in i["productName"]]
        assert windows
        for item in windows:
            item["productName"] = product

    (before, _), (after, rejected) = changed(
        samples, "retail_eastus_nd_2026-07-27.json", forget, tmp_path, "azure_retail"
    )
    assert before == after
    assert set(rejected["reason"]) == {"productName is missing: cannot tell Linux from Windows"}


@pytest.mark.parametrize("places", ["nyc1", 5, {"nyc1": True}, [None, ""], [["nyc1"]]])
@pytest.mark.parametrize(
    ("source_id", "name", "key", "field"),
    [
        ("digitalocean", "digitalocean_sizes.json", "sizes", "regions"),
        ("vultr", "vultr_plans.json", "plans", "locations"),
    ],
)
def test_places_that_are_no_list_make_no_region(
    source_id: str, name: str, key: str, field: str, places: object, samples: Path, tmp_path: Path
) -> None:
    """A text is no list of its letters, and null is no region named None."""
    (before, _), (after, _) = changed(
        samples, name, lambda v: v[key][1].__setitem__(field, places), tmp_path, source_id
    )
    assert len(after) < len(before)
    assert set(after) < set(before)


@pytest.mark.parametrize(
    "change",
    [
        lambda sku: sku.pop("description"),
        lambda sku: sku.__setitem__("pricingInfo", []),
        lambda sku: sku.pop("pricingInfo"),
        lambda sku: sku.__setitem__("pricingInfo", 7),
        lambda sku: sku["pricingInfo"][0]["pricingExpression"].__setitem__("tieredRates", 7),
        lambda sku: sku["pricingInfo"][0]["pricingExpression"].pop("tieredRates"),
        lambda sku: sku["pricingInfo"][0]["pricingExpression"]["tieredRates"][0].pop("unitPrice"),
        lambda sku: sku["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"].update(nanos="x"),
    ],
)
def test_a_sku_without_a_price_costs_itself(change: Callable[[Any], object], tmp_path: Path) -> None:
    whole, bad = sku(), sku("Nvidia L4 GPU running in Oregon") | {"category": {"resourceGroup": "GPU"}}
    change(bad)
    scopes, rejected = read_body("gcp_skus", page(whole, bad), tmp_path)
    assert scopes["gcp"]["region"].to_list() == ["us-central1"]
    assert rejected.height == 1


def test_a_price_of_machines_of_unknown_size_is_bounded(samples: Path, tmp_path: Path) -> None:
    """Amazon's page names no number of GPUs: no machine costs what a year of it does."""

    def yearly(value: Any) -> None:
        offers = next(iter(next(iter(value.values()))["regions"].values()))
        first = next(iter(offers.values()))
        first["price"] = str(float(first["price"]) * 8760)

    (before, _), (after, rejected) = changed(
        samples, "ec2_ondemand_linux_gpu_2regions_2026-09.json", yearly, tmp_path, "aws_pricing_page"
    )
    assert len(after) == len(before) - 1
    assert "gpu hour in bounds" in rejected["reason"].item()


@pytest.mark.parametrize("overrides", ["none", 7, {"min_prompt_tokens": float("nan"), "prompt": "0.1"}, [None]])
def test_overrides_that_are_not_understood_are_told(overrides: object, samples: Path, tmp_path: Path) -> None:
    (before, _), (after, rejected) = changed(
        samples,
        "models_trimmed_2026-07-27.json",
        lambda v: v["data"][0]["pricing"].__setitem__("overrides", overrides),
        tmp_path,
        "openrouter",
    )
    assert set(after) < set(before)
    assert rejected["reason"].str.contains("condition that is not known").all() and rejected.height


@pytest.mark.parametrize("entry", [None, "none", 7, []])
def test_a_zone_that_is_none_costs_itself(entry: object, samples: Path, tmp_path: Path) -> None:
    before, after = changed(
        samples,
        "electricity-maps_yearly_2023.json",
        lambda zones: zones.update(FR=entry, _source="x"),
        tmp_path,
        "electricity_maps_yearly",
    )
    assert len(before[0]) - len(after[0]) == after[1].height - before[1].height == 1
    assert not [row for row in after[0] if "FR" in row]


@pytest.mark.parametrize("day", [None, "none", 7, []])
def test_a_day_without_readings_costs_itself(day: object, samples: Path, tmp_path: Path) -> None:
    def change(answer: Any) -> None:
        first, second = answer["data"]
        answer["data"][first] = day
        answer["data"][second][next(iter(answer["data"][second]))] = {}

    (before, _), (after, rejected) = changed(samples, "ercot_fuel_mix.json", change, tmp_path, "ercot")
    assert 0 < len(after) < len(before)
    assert set(after) < set(before)
    assert rejected["reason"].str.contains("without readings").sum() == 1


@pytest.mark.parametrize("regions", [None, "none", 7, {}])
def test_a_slot_without_regions_costs_itself(regions: object, samples: Path, tmp_path: Path) -> None:
    (before, refused), (after, rejected) = changed(
        samples,
        "regional_range_2020-01-01_2020-01-02.json",
        lambda answer: answer["data"][5].update(regions=regions),
        tmp_path,
        "gb_carbon_intensity_mix",
    )
    assert 0 < len(after) < len(before)
    assert set(after) < set(before)
    assert (
        rejected["reason"].str.contains("no regionid").sum() == 1 + refused["reason"].str.contains("no regionid").sum()
    )


@pytest.mark.parametrize("history", [None, [], [{}], [{"from_date": "2026-01-01"}]])
def test_a_model_whose_history_has_no_price_is_told(history: object, samples: Path, tmp_path: Path) -> None:
    (before, _), (after, rejected) = changed(
        samples,
        "anthropic_2026-08-05.json",
        lambda answer: answer["models"][0].update(price_history=history),
        tmp_path,
        "simonw",
    )
    assert set(after) < set(before)
    assert rejected.height == 1


def _power(region: str, fuel: str) -> dict[str, Any]:
    pairs = [[f"2026-01-05T0{n // 12}:{5 * (n % 12):02}:00+10:00", 100.0] for n in range(1, 40)]
    return {"columns": {"region": region, "fueltech": fuel}, "data": pairs}


def _australia(*parts: object) -> str:
    return json.dumps({"data": parts})


def test_a_fuel_that_cannot_be_read_costs_its_region(tmp_path: Path) -> None:
    """Computed from its other fuels, Victoria without its lignite would be all wind."""
    about = {"network_code": "NEM", "metric": "power", "unit": "MW", "interval": "5m"}
    sound = [_power(region, fuel) for region in ("NSW1", "VIC1") for fuel in ("wind", "coal_black")]
    for broken in ({"columns": {"region": "VIC1"}, "data": []}, {"columns": {"region": "VIC1", "fueltech": "hydro"}}):
        scopes, rejected = read_body("openelectricity", _australia(about | {"results": [*sound, broken]}), tmp_path)
        assert scopes["NEM"]["zone"].unique().to_list() == ["AU-NSW"]
        assert rejected["reason"].str.contains("a series without region, fueltech or data").sum() == 1
    for strange in (None, {"columns": {"fueltech": "hydro"}, "data": []}):
        with pytest.raises(LayoutError, match="may be a fuel of any region"):
            read_body("openelectricity", _australia(about | {"results": [*sound, strange]}), tmp_path)
    for part in (None, "none", {"id": "x"}):
        with pytest.raises(LayoutError, match="may be a fuel of any region"):
            read_body("openelectricity", _australia(about | {"results": sound}, part), tmp_path)


@pytest.mark.parametrize(
    "part", [None, "none", 7, {}, {"metric": "price"}, {"metric": "price", "network_code": "WEM", "results": []}]
)
def test_a_part_without_prices_costs_itself(part: object, tmp_path: Path) -> None:
    results = [{"columns": {"region": "NSW1"}, "data": [["2026-01-05T00:05:00+10:00", 81.5]]}, None]
    about = {"network_code": "NEM", "metric": "price", "unit": "$/MWh", "interval": "5m", "results": results}
    scopes, rejected = read_body("openelectricity_price", _australia(part, about), tmp_path)
    assert scopes["NEM"]["price_amount_per_mwh"].to_list() == [81.5]
    assert rejected.height == 2


@pytest.mark.parametrize("strange", [None, "none", 7, []])
@pytest.mark.parametrize(("source_id", "date"), [("ember", "2024"), ("ember_monthly", "2025-03-01")])
def test_a_record_of_ember_that_is_none_costs_itself(
    source_id: str, date: str, strange: object, tmp_path: Path
) -> None:
    records = [
        {"entity": name, "entity_code": code, "date": date, "emissions_intensity_gco2_per_kwh": grams}
        for name, code, grams in (("Spain", "ESP", 150.5), ("World", None, 480))
    ]
    scopes, rejected = read_body(source_id, json.dumps({"data": [strange, *records]}), tmp_path, "e.json")
    (frame,) = scopes.values()
    assert sorted(frame["intensity_gco2e_per_kwh"]) == [150.5, 480]
    assert rejected["reason"].to_list() == ["an entry that is no object"]
    for body in ({"data": []}, {"error": "no key"}, [1]):
        with pytest.raises(LayoutError, match="no list at `data`"):
            read_body(source_id, json.dumps(body), tmp_path, "e.json")


@pytest.mark.parametrize(
    ("source_id", "name", "path", "what"),
    [
        ("openrouter", "models_trimmed_2026-07-27.json", ("data", 3, "id"), "model is empty"),
        ("genai_prices", "data_2025-06-23.json.zip", (0, "id"), "vendor is empty"),
        ("gpurentalprices", "gpurentalprices_2026-08-22.json", ("offers", 3, "provider"), "provider is empty"),
        ("ru_shops", "ru_shops_offers-2022-11-20.json.zip", ("DNS", 0, "shopName"), "seller is empty"),
    ],
)
def test_an_empty_name_is_none(
    source_id: str, name: str, path: tuple[int | str, ...], what: str, samples: Path, tmp_path: Path
) -> None:
    def empty(value: Any) -> None:
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = ""

    (before, refused), (after, rejected) = changed(samples, name, empty, tmp_path, source_id)
    assert set(after) < set(before)
    assert rejected["reason"].str.contains(what).sum() == len(before) - len(after)
    assert not refused["reason"].str.contains("is empty").any()


@pytest.mark.parametrize("strange", [{"amount": "0.7", "currency": "usd"}, ["0.7"], "from 0.7", True])
@pytest.mark.parametrize(
    ("source_id", "name", "path"),
    [
        ("verda", "verda_instance_types.json", (1, "spot_price")),
        ("vultr", "vultr_plans-metal.json", ("plans_metal", 0, "hourly_cost_preemptible")),
        ("runpod", "gpuTypes_list_2025-06-21T2318.json", (4, "secureSpotPrice")),
        ("runpod", "gpuTypes_graphql_2026-07.json", ("data", "gpuTypes", 1, "securePrice")),
    ],
)
def test_a_price_in_another_form_ends_no_offer(
    source_id: str, name: str, path: tuple[int | str, ...], strange: object, samples: Path, tmp_path: Path
) -> None:
    """No price there says that there is no such market; one that cannot be read says nothing."""

    def change(value: Any) -> None:
        for key in path[:-1]:
            value = value[key]
        assert number_of(value[path[-1]])
        value[path[-1]] = strange

    (before, refused), (after, rejected) = changed(samples, name, change, tmp_path, source_id)
    assert len(before) - len(after) == rejected.height - refused.height == 1
    assert set(after) < set(before)


@pytest.mark.parametrize("places", [None, 5, {"ewr": 1}, [7, "ewr"]])
def test_a_plan_whose_locations_cannot_be_read_is_told(places: object, samples: Path, tmp_path: Path) -> None:
    def change(value: Any) -> None:
        value["plans"][1]["locations"] = places

    (before, refused), (after, rejected) = changed(samples, "vultr_plans.json", change, tmp_path, "vultr")
    assert len(before) - len(after) == (0 if isinstance(places, list) else 1)
    assert rejected.height == refused.height + 1


@pytest.mark.parametrize("gpu", [None, "one", 0, []])
def test_a_server_whose_number_of_gpus_cannot_be_read_is_told(gpu: object, tmp_path: Path) -> None:
    server = {"gpu": 1, "hourly_price": 0.75, "gpu_info": {"gpu_name": "L4", "gpu_memory": 24 * 2**30}}
    cpu = {"gpu": None, "gpu_info": None, "hourly_price": 0.1}
    body = json.dumps({"servers": {"L4-1-24G": server, "L4-2-24G": server | {"gpu": gpu}, "DEV1-S": cpu}})
    scopes, rejected = read_body("scaleway", body, tmp_path, "servers_fr-par-2.json")
    assert scopes["fr-par-2"]["instance_type"].to_list() == ["L4-1-24G"]
    assert rejected["reason"].to_list() == ["no price above zero, or no number of GPUs"]


@pytest.mark.parametrize("strange", [None, ["x"], 7, {"a": 1}])
@pytest.mark.parametrize(
    "path",
    [
        (),
        ("instanceTypes",),
        ("instanceTypes", 0),
        ("instanceTypes", 0, "sizes"),
        ("instanceTypes", 0, "sizes", 0),
        ("instanceTypes", 0, "sizes", 0, "size"),
        ("instanceTypes", 0, "sizes", 0, "valueColumns"),
        ("instanceTypes", 0, "sizes", 0, "valueColumns", 0),
        ("instanceTypes", 0, "sizes", 0, "valueColumns", 0, "prices"),
    ],
)
def test_a_branch_of_spot_prices_that_cannot_be_read_costs_itself(
    path: tuple[int | str, ...], strange: object, tmp_path: Path
) -> None:
    prices = [("us-east", "p5.48xlarge", "linux", "21.5"), ("eu-ireland", "g5.xlarge", "linux", "0.45")]
    value = json.loads(spot(*prices))
    place, steps = value["config"]["regions"], (0, *path)
    for key in steps[:-1]:
        place = place[key]
    place[steps[-1]] = strange
    scopes, rejected = read_body("aws_spot", json.dumps(value), tmp_path)
    assert scopes["aws_spot"]["instance_type"].to_list() == ["g5.xlarge"]
    assert rejected.height == 1


@pytest.mark.parametrize("field", ["InstanceType", "ProductDescription", "SpotPrice", "Timestamp"])
@pytest.mark.parametrize("strange", [None, [], {}])
def test_an_entry_of_spot_history_that_lacks_a_field_is_told(field: str, strange: object, tmp_path: Path) -> None:
    row = ("us-east-1b", "p3.2xlarge", "Linux/UNIX", "0.918", "2020-07-01T22:05:14.000Z")
    value = json.loads(history(row, ("us-east-1c", *row[1:])))
    value["SpotPriceHistory"][0][field] = strange
    scopes, rejected = read_body("aws_spot", json.dumps(value), tmp_path)
    assert scopes["aws_spot_zone"]["offer_variant"].to_list() == ["us-east-1c"]
    assert rejected.height == 1


@pytest.mark.parametrize("strange", [None, "none", 7, []])
def test_a_machine_of_the_pricing_page_that_cannot_be_read_is_told(
    strange: object, samples: Path, tmp_path: Path
) -> None:
    def change(value: Any) -> None:
        offers = next(iter(next(iter(value.values()))["regions"].values()))
        offers[next(iter(offers))] = strange

    name = "ec2_ondemand_linux_gpu_2regions_2026-09.json"
    (before, _), (after, rejected) = changed(samples, name, change, tmp_path, "aws_pricing_page")
    assert len(before) - len(after) == rejected.height == 1
    assert set(after) < set(before)


@pytest.mark.parametrize(
    ("terms", "count"),
    [
        (None, 1),
        (7, 1),
        ({"hours": "3"}, 1),
        ({"hours": [{"price": "3", "period": None}]}, 1),
        ({"hours": [None]}, 1),
        ({"hours": [{"price": "3", "period": "1"}], "years": 7}, 1),
        ({"hours": [{"price": "3", "period": "1"}], "years": [{"price": "5", "period": "2"}]}, 0),
    ],
)
def test_terms_of_a_machine_that_cannot_be_read_are_told(terms: object, count: int, tmp_path: Path) -> None:
    kinds = [f"a::ecs.gn{n}-c16g1.16xlarge::vpc::linux::optimized" for n in ("7e", "6v")]
    info = {kinds[0]: {"hours": [{"price": "20", "period": "1"}]}, kinds[1]: terms}
    scopes, rejected = read_body("alibaba", json.dumps({"currency": "USD", "pricingInfo": info}), tmp_path)
    assert scopes["alibaba"]["price_amount_per_hour"].max() == 20
    assert rejected.height == count


@pytest.mark.parametrize("entry", [None, "gone", 7, []])
def test_an_entry_of_the_model_map_that_is_none_is_told(entry: object, tmp_path: Path) -> None:
    cost = {"input_cost_per_token": 1e-6, "litellm_provider": "openai", "mode": "chat"}
    models = {"gpt-a": cost, "azure/gpt-b": entry, "last_updated": "2026-10-01", "sample_spec": "x"}
    scopes, rejected = read_body("litellm", json.dumps(models), tmp_path)
    assert scopes["models"]["model"].to_list() == ["gpt-a"]
    assert rejected.select("reason", "row_json").rows() == [("an entry that is no object", '{"key":"azure/gpt-b"}')]


@pytest.mark.parametrize("cost", [{"usd": 1e-6}, [1e-6], True, "free"])
def test_a_cost_of_tokens_in_another_form_is_told(cost: object, tmp_path: Path) -> None:
    model = {"input_cost_per_token": 1e-6, "output_cost_per_token": cost, "litellm_provider": "x", "mode": "chat"}
    scopes, rejected = read_body("litellm", json.dumps({"gpt-a": model}), tmp_path)
    assert scopes["models"].select("direction", "price_usd_per_mtok").rows() == [("input", 1.0)]
    assert rejected["reason"].to_list() == ["the price is not a number"]


def test_a_tier_that_begins_nowhere_costs_itself(tmp_path: Path) -> None:
    tiers = [{"range": [start, 9e4], "input_cost_per_token": 1e-6} for start in (0, "NaN", "inf")]
    model = {"litellm_provider": "x", "mode": "chat", "tiered_pricing": tiers}
    scopes, rejected = read_body("litellm", json.dumps({"gpt-a": model}), tmp_path)
    assert scopes["models"].select("context_tier_from_tokens", "price_usd_per_mtok").rows() == [(0, 1.0)]
    assert rejected.height == 1
