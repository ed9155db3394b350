"""A row that is listed and refused is no end of its offer: what was known stands, with its age."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from pathlib import Path

import polars as pl
import pytest

from assets import intake, reading, recording
from assets.catalog import catalog
from assets.estimated.indices.assets import INDICES, compute
from assets.sources import source_named
from assets.subjects import subject_named
from tests.assets.sources.reading import OBSERVED_AT
from warehouse.captures import Capture, Document
from warehouse.connection import write_session
from warehouse.home import Home
from warehouse.staging import StagedScope

#: Source, sample, name to read it under, and a pattern of one price with what takes its place.
DAMAGED = [
    ("runpod", "runpod/gpuTypes_graphql_2026-07.json", "types.json", r'("securePrice": )1\.\d+', r"\g<1>-1"),
    (
        "skypilot",
        "skypilot_catalog/lambda_vms_2026-05-07.csv",
        "lambda_vms.csv",
        r"(gpu_1x_h100_\S+?,H100\S*?,1\.0,[\d.]+,[\d.]+,)",
        r"\1-",
    ),
    (
        "litellm",
        "litellm/model_prices_2026-07-24.json.zip",
        "map.json",
        r'("input_cost_per_token": )\d[^,\s]+',
        r'\1"a word"',
    ),
    ("openrouter", "openrouter/models_2025-05-20.json.zip", "models.json", r'("prompt": ")0\.0', r"\1-0.0"),
    ("genai_prices", "genai_prices/data_2026-07-25.json.zip", "data.json", r'("input_mtok":\s*)\d[\d.]*', r"\g<1>-2"),
    (
        "simonw",
        "simonw_llm_prices/anthropic_2026-08-05.json",
        "anthropic.json",
        r'"from_date": null',
        '"from_date": "soon"',
    ),
    ("verda", "other_provider_apis/verda_instance_types.json", "types.json", r'("price_per_hour": )[^,]+', r'\1"n/a"'),
    ("vultr", "other_provider_apis/vultr_plans.json", "plans.json", r'("hourly_cost": )[\d.]+', r"\1null"),
    (
        "scaleway",
        "scaleway/products_servers_fr-par-2_2026-08.json",
        "servers_fr-par-2.json",
        r'("hourly_price": )[\d.]+',
        r"\g<1>0",
    ),
    ("oci", "oci/cetools_products_gpu_2026-10-01.json", "products.json", r'("value": )[\d.]+', r"\1null"),
    (
        "digitalocean",
        "other_provider_apis/digitalocean_sizes.json",
        "sizes.json",
        r'("price_hourly": )[\d.]+',
        r"\g<1>0",
    ),
    (
        "gpurentalprices",
        "gpu_rental_snapshots/gpurentalprices_2026-08-22.json",
        "2026-08-22.json",
        r'("usd_hr": )[\d.]+',
        r"\1null",
    ),
    (
        "tardellirs",
        "gpu_rental_snapshots/tardellirs_offerings_2026-05-25.json",
        "offerings.json",
        r'("price_usd_hour": )[\d.]+',
        r"\1null",
    ),
    (
        "aws_pricing_page",
        "aws_pricing_page/ec2_ondemand_linux_gpu_2regions_2026-09.json",
        "index.json",
        r'("price": ")\d',
        r"\1-",
    ),
    (
        "gcp_pricing_yml",
        "gcp_pricing_yml/pricing_2022-02-17.yml.zip",
        "pricing.yml",
        r"(hour: )[\d.]+",
        r"\1n/a",
    ),
    (
        "lambda_page",
        "gpu_cloud_html/lambda_20230909194011_on_demand_table.html",
        "lambda.html",
        r"\$\d+\.\d+ ?/ ?hr",
        "$ / hr",
    ),
    ("vast", "vast/bundles_2026-07-h100_a100.json", "bundles.json", r'("dph_total": )[\d.]+', r"\g<1>900000"),
    (
        "azure_retail",
        "azure_retail/retail_eastus_nd_2026-07-27.json",
        "eastus.json",
        r'("unitOfMeasure": )"1 Hour"',
        r'\1"1/Month"',
    ),
    (
        "skypilot",
        "skypilot_catalog/lambda_vms_2026-05-07.csv",
        "lambda_vms.csv",
        r"(gpu_1x_h100_\S+?,H100\S*?,1\.0,[\d.]+,[\d.]+,)[\d.]+",
        r'\1"1,234.50"',
    ),
    ("skypilot", "skypilot_catalog/vast_vms_2026-04-29.csv", "vast_vms.csv", r'(\}",)[\d.]+(?=,)', r"\1n/a"),
    ("gcp_pricing_yml", "gcp_pricing_yml/pricing_2024-03-28.yml.zip", "pricing.yml", r"(hour_spot: )[\d.]+", r"\1n/a"),
    ("verda", "other_provider_apis/verda_instance_types.json", "types.json", r'("spot_price": )[^,]+', r'\1"1,2"'),
]


def text_of(file: Path) -> str:
    """A sample as text, out of its archive."""
    if file.suffix != ".zip":
        return file.read_text(encoding="utf-8-sig")
    with zipfile.ZipFile(file) as archive:
        return archive.read(archive.namelist()[0]).decode("utf-8-sig")


def scopes_of(
    source_id: str, body: str, folder: Path, name: str, url: str | None = None, at: dt.datetime = OBSERVED_AT
) -> list[StagedScope]:
    """The scopes of a body."""
    file = folder / name
    file.write_text(body, encoding="utf-8")
    document = Document(file, url or f"file:{name}", at, file.suffix[1:])
    capture = Capture(
        "c", "b", 0, 1, source_id, document.url, at.isoformat(), None, None, None, "", 0, document.extension
    )
    return reading.read_batch(source_named(source_id), [capture], [document])[0]


def is_held(key: tuple, scope: StagedScope) -> bool:
    """Whether a refused row may be of an offer."""
    rows = [] if scope.refused_keys is None else scope.refused_keys.rows()
    return any(all(told in (None, part) for told, part in zip(row, key, strict=True)) for row in rows)


@pytest.mark.parametrize(
    ("source_id", "sample", "name", "pattern", "instead"), DAMAGED, ids=[f"{d[0]}-{d[2]}" for d in DAMAGED]
)
def test_each_list_tells_which_offers_it_refused(
    samples: Path, tmp_path: Path, source_id: str, sample: str, name: str, pattern: str, instead: str
) -> None:
    """Prices damaged one by one: each that is lost is held, and it alone."""
    whole = text_of(samples / sample)
    keys = subject_named(source_named(source_id).subject).keys
    # Complete is what was just made, and an answer that was paged to its end.
    url = "https://prices.azure.com/api/retail/prices" if source_id == "azure_retail" else None
    day = re.search(r"20\d\d-\d\d-\d\d", sample)
    at = dt.datetime.fromisoformat(f"{day[0]}T23:00:00+00:00") if day else OBSERVED_AT
    before = {s.scope: s for s in scopes_of(source_id, whole, tmp_path, name, url, at)}
    lost = 0
    for match in list(re.finditer(pattern, whole))[:60]:
        damaged = whole[: match.start()] + match.expand(instead) + whole[match.end() :]
        after = {s.scope: s for s in scopes_of(source_id, damaged, tmp_path, name, url, at)}
        for scope_name, scope in before.items():
            assert scope.is_complete
            found = after[scope_name]
            offers = set(scope.frame.select(keys).rows())
            gone = offers - set(found.frame.select(keys).rows())
            lost += len(gone)
            assert {key for key in gone if not is_held(key, found)} == set()
            assert sum(is_held(key, found) for key in offers) <= len(gone) + 12
        if lost:
            return
    raise AssertionError("no price was lost")


HEADER = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"
#: What a catalog asks for gpu_1x_h100_sxm5 on each day; the others stand.
DAYS = {1: "2.0", 2: "0", 3: "-1", 4: "2.0", 5: "0", 6: "3.0", 7: None, 8: "-2"}


def catalog_of(price: str | None) -> str:
    """A catalog of twelve offers, with or without the one."""
    others = "".join(f"gpu_{n}x_a100,A100,{n},8,64,{n}.5,r1,,\n" for n in range(1, 12))
    return HEADER + others + (f"gpu_1x_h100_sxm5,H100,1,8,64,{price},r1,,\n" if price else "")


@pytest.mark.parametrize("order", [(1, 2, 3, 4, 5, 6, 7, 8), (8, 6, 4, 2, 7, 5, 3, 1), (3, 8, 1, 6, 2, 7, 5, 4)])
def test_what_is_known_stands_with_its_age(home: Home, tmp_path: Path, order: tuple[int, ...]) -> None:
    recording.refresh_reference(home)
    for day in (*order, *order[:3]):
        file = tmp_path / "lambda_vms.csv"
        file.write_text(catalog_of(DAYS[day]))
        moment = dt.datetime(2026, 9, day, 6, tzinfo=dt.UTC)
        (taken,) = intake.take_files(home, source_named("skypilot"), [file], moment)
        assert taken.outcome in ("loaded", "unchanged"), taken.message
        recording.record_subject(home, "cloud_rate")
    one = "WHERE instance_type = 'gpu_1x_h100_sxm5'"
    with write_session(home, catalog()) as con:
        rows = con.execute(
            f"SELECT price_amount_per_hour, day(valid_from), day(valid_to) FROM observed.cloud_rate {one} ORDER BY 2"
        ).fetchall()
        assert rows == [(2.0, 1, 6), (3.0, 6, 7)]
        assert con.execute("SELECT old_price, new_price, is_after_gap FROM observed.price_change").fetchall() == [
            (2.0, 3.0, False)
        ]
        refused = con.execute(
            "SELECT count(*) FROM meta.rejected_row WHERE row_json LIKE '%h100%' AND reason LIKE 'price is zero%'"
        ).fetchone()
        assert refused == (4,)
        assert con.execute("SELECT count(*) FROM observed.cloud_rate_unconfirmed").fetchone() == (0,)
        seen = [
            con.execute(
                f"SELECT day(confirmed_at), day(refused_from) FROM cloud_offer_known() {one} AND valid_to IS NULL"
            ).fetchall()
        ]
        assert seen == [[]]


def test_a_price_that_nobody_confirms_grows_old(home: Home, tmp_path: Path) -> None:
    """Refused each day, it counts 45 days from the last answer that confirmed it; an answer confirms all but what it refuses."""
    recording.refresh_reference(home)
    bodies = {"2026-01-01": "2.0", "2026-01-03": "2.0", "2026-01-05": "0", "2026-02-10": "-1", "2026-04-01": "0"}
    for on, price in bodies.items():
        file = tmp_path / "lambda_vms.csv"
        file.write_text(catalog_of(price))
        intake.take_files(home, source_named("skypilot"), [file], dt.datetime.fromisoformat(f"{on}T06:00:00+00:00"))
        recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        compute(con, next(i for i in INDICES if i.table.name == "price_index"))
        told = con.execute(
            "SELECT DISTINCT accelerator_name, confirmed_at::DATE::VARCHAR, refused_from::DATE::VARCHAR, counts_to::DATE::VARCHAR, valid_to FROM observed.cloud_offer ORDER BY 1"
        ).fetchall()
        assert told == [
            ("A100", "2026-04-01", None, "2026-05-16", None),
            ("H100", "2026-01-03", "2026-01-05", "2026-02-17", None),
        ]
        days = con.execute(
            "SELECT accelerator_id, max(index_on)::VARCHAR FROM estimated.price_index GROUP BY ALL ORDER BY 1"
        ).fetchall()
        assert [day for name, day in days if name.startswith("nvidia-h100")] == ["2026-02-16"]
        assert {day for name, day in days if name.startswith("nvidia-a100")} == {"2026-04-01"}
        # As it was known before the refused rows came, it counted on.
        known = con.execute("SELECT recorded_at FROM meta.capture ORDER BY load_number OFFSET 1 LIMIT 1").fetchone()
        before = con.execute("SELECT DISTINCT refused_from FROM cloud_offer_known(known_at := ?)", known).fetchall()
        assert before == [(None,)]


def test_a_row_without_a_key_holds_its_list(tmp_path: Path) -> None:
    """Then no offer can be said to have ended; a key that is told in part holds what it may be of."""
    body = catalog_of("2.0").replace("gpu_1x_h100_sxm5,H100,1,8,64,2.0,r1,,", "gpu_1x_h100_sxm5,H100,1,8,64,0,,,")
    (scope,) = scopes_of("skypilot", body, tmp_path, "lambda_vms.csv")
    assert scope.refused_keys is not None
    assert scope.refused_keys.select("instance_type", "purchase_option", "provider").rows() == [
        ("gpu_1x_h100_sxm5", "on_demand", None)
    ]
    page = "<html><table><tr><th>GPU</th><th>Pricing Per Hour</th></tr><tr><td>A</td><td>$1.00</td></tr><tr><td>B</td><td>$ ?</td></tr></table></html>"
    (scope,) = scopes_of("hyperstack_page", page, tmp_path, "page.html")
    assert scope.refused_keys is not None
    assert scope.refused_keys["instance_type"].to_list() == ["B"]


def test_a_value_that_is_not_allowed_tells_no_key() -> None:
    """'On-Demand' may be a slip for on_demand: any purchase option of that machine is held."""
    subject = subject_named("cloud_rate")
    told = pl.DataFrame({"instance_type": ["a"], "purchase_option": ["On-Demand"]})
    keys = reading._refused_keys(subject, "s", [told])
    assert keys is not None
    assert keys.select("instance_type", "purchase_option", "region").rows() == [("a", None, None)]
    nameless = pl.DataFrame({"instance_type": [""], "offer_variant": [""]})
    keys = reading._refused_keys(subject, "s", [nameless])
    assert keys is not None
    assert keys.select("instance_type", "offer_variant").rows() == [(None, "")]
    elsewhere = told.with_columns(pl.lit("other").alias("scope"))
    assert reading._refused_keys(subject, "s", [elsewhere]) is None
