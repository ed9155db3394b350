"""All dates of the recorded samples through the same path as live data: bytes, captures, log, views, checks.

The figures of a run are printed (`pytest -s`); what must hold of any real data is asserted.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random
import re
from collections import defaultdict
from pathlib import Path

import pytest

from assets import intake, reading, recording, recovery
from assets.catalog import catalog
from assets.sources import all_sources
from assets.sources._rows import PROVIDER_NAMES
from warehouse.connection import read_published, write_session
from warehouse.home import Home
from warehouse.publish import publish

#: Source -> files of it (below samples). The date in a file's name is when it was seen; without one, the end of 2026-09.
FILES = {
    "skypilot": "skypilot_catalog/*_vms_*",
    "genai_prices": "genai_prices/*data_2*.zip",
    "gb_carbon_intensity": "gb_carbon_intensity/*",
    "gb_carbon_intensity_mix": "gb_carbon_intensity/[gr]e[gn]*",
    "owid": "owid/carbon-intensity-electricity__*.csv",
    "ember": "ember/api_country_overview_yearly.csv",
    "ember_monthly": "ember/**/api_country_overview_monthly.csv",
    "caiso": "caiso/fuelsource_*",
    "china_mee": "china_mee/*",
    "eco2mix": "rte_eco2mix/*",
    "eia": "eia/fuel_type_data_*",
    "electricity_maps_yearly": "co2js/electricity-maps_yearly_*",
    "energinet_carbon": "energinet/co2emisprog.json",
    "energy_charts_carbon": "energy_charts/co2eq_*",
    "energy_charts_price": "energy_charts/price_*",
    "entsoe": "entsoe/A75_*",
    "ercot": "us_iso/ercot_*",
    "gridemissions": "gridemissions/CO2i_*",
    "japan_area": "asia/jp_*",
    "nyiso": "us_iso/nyiso_*",
    "openelectricity": "aemo_openelectricity/OPENNEM_AU-*",
    "pjm": "us_iso/pjm_*",
    "smard": "smard/*",
    "watttime": "watttime/*",
    "gsf_region": "cloud_region_metadata/*",
    "google_region_carbon": "google_region_carbon/**/*.csv",
    "codecarbon_region": "codecarbon/cloud_impact_*",
    "mlco2_region": "mlco2_impact/impact.csv",
    "ccf_region": "ccf/grid-*",
    "azure_region_geo": "cloud_region_geo/azure*",
    "litellm": "litellm/*.zip",
    "openrouter": "openrouter/*",
    "simonw": "simonw_llm_prices/*.json",
    "ecb": "ecb/*",
    "gcp_pricing_yml": "gcp_pricing_yml/*.yml.zip",
    "azure_retail": "azure_retail/*",
    "runpod": "runpod/*.json",
    "vast": "vast/*.json",
    "gpurentalprices": "gpu_rental_snapshots/gpurentalprices_*",
    "fsdl": "gpu_rental_snapshots/fsdl_cloud-gpus_*",
    "tardellirs": "gpu_rental_snapshots/tardellirs_*",
    "aws_p5_series": "aws_price_list/gpu_prices_p5*",
    "electricity_maps_csv": "electricity_maps_csv/**/*.csv",
    "aws_price_list": "aws_price_list/off*",
    "aws_savings_plans": "aws_price_list/savingsPlan*.csv",
    "aws_pricing_page": "aws_pricing_page/*",
    "aws_spot": "aws_spot/*",
    "gcp_skus": "gcp_skus/*",
    "oci": "oci/*",
    "scaleway": "scaleway/*",
    "digitalocean": "other_provider_apis/digitalocean*",
    "verda": "other_provider_apis/verda*",
    "vultr": "other_provider_apis/vultr*",
    "lambda_page": "gpu_cloud_html/lambda*",
    "coreweave_page": "gpu_cloud_html/coreweave*",
    "nebius_page": "gpu_cloud_html/nebius*",
    "hyperstack_page": "gpu_cloud_html/hyperstack*",
    "paperspace_page": "gpu_cloud_html/paperspace*",
    "runpod_page": "gpu_cloud_html/runpod*",
    "sfcompute_page": "gpu_cloud_html/sfcompute*",
    "gpu_retail": "gpu_retail_html/*",
    "pcpartpicker": "gpu_retail_series/pcpartpicker*",
    "united_compute": "gpu_retail_series/united_compute*/*",
    "idealo": "gpu_retail_series/idealo*",
    "ebay_monthly": "gpu_retail_series/ebay*",
    "csim07": "gpu_retail_series/*csim07*",
    "au_rtx5070ti": "gpu_retail_series/au_*",
    "ru_shops": "gpu_retail_series/ru_shops*",
    "aemo": "aemo_openelectricity/PUBLIC_TRADINGIS*",
    "eia_joined": "eia_derived/*_NG_avgCI_*",
    "ember_price": "ember/api_*price*.csv",
    "energinet_price": "energinet/**/*price*",
    "entsoe_price": "entsoe/*price*.xml",
    "market_hourly": "price_hourly/**/*.csv",
    "nordpool": "nordpool/*",
    "openelectricity_price": "aemo_openelectricity/*_price_*",
}
#: More files of the sources above, by other names.
MORE_FILES = [
    ("electricity_maps", "electricity_maps_api/*carbon_intensity*"),
    ("electricity_maps", "electricity_maps_api/response.json"),
    ("energinet_carbon", "energinet/co2_forecast_*"),
    ("energinet_carbon", "energinet/daily/co2_*"),
    ("entsoe", "entsoe/*_production*.xml"),
    ("fsdl", "gpu_rental_snapshots/fsdl_serverless*"),
    ("owid", "codecarbon/eu-carbon-intensity*"),
]
#: Files beside the payloads that are something else: the source must refuse them by name of what is missing.
NOT_PAYLOADS = re.compile(
    r"generation_|index_bands|intensity_factors|intensity_stats"
    # Indices, a spot advisor in per cent and a tracker's own view; fragments without an accelerator (r7g under a savings plan); block pages, a
    # processor among the cards, and series that were emptied upstream.
    r"|index\.versions|offers_v1\.0_aws_index|normalized_by_tracker|spot-advisor"
    r"|AmazonEC2_\d+_index\.sample|offer_us-east-2_fragment|offer_cn-northwest-1_fragment|spot-price-history_utf16le"
    r"|captcha|savingsPlan|microcenter|NVIDIA_GeForce_RTX_4090|V100_SXM2_16_GB"
    # Hours that a label or a missing clock makes unreadable, a failed download, an empty answer, a market's week without a price.
    r"|(AU-NSW|SG|US-CAL-CISO|DE-LU)_electricity_prices_2024|nearly_empty|elspotprices_empty|opennem_price_WEM"
)
#: Samples that no source reads, and why: each file of the samples is either loaded here or stands in this list.
NOT_LOADED = {
    "notes on the samples": ["*.md"],
    "typed in assets/reference, with their source: regions, claims of them, factors of fuels, instances": [
        "aws_instance_types/*",
        "ccf/coefficients*",
        "cloud_region_geo/aws*",
        "co2js/IFI_*",
        "co2js/average-intensities_*",
        "co2js/marginal-intensities*",
        "codecarbon/ca*",
        "codecarbon/[gnu]*",
        "electricitymaps_zone_config/**/*",
        "mlco2_impact/20*",
    ],
    "answers with nothing in them, for the tests of refusal": [
        "entsoe/A65_no_data*",
        "error_bodies/*",
        "us_iso/spp_*_empty.csv",
    ],
    "of another quantity than price or carbon: demand, load, availability, lists of files and zones": [
        "aemo_openelectricity/OPENNEM_demand*",
        "aemo_openelectricity/nemweb_index*",
        "aws_price_list/savingsPlan_*_region_index*",
        "caiso/netdemand*",
        "caiso/oasis*",
        "caiso/ren_report*",
        "eia/region_data_demand*",
        "electricity_maps_api/latest_power_breakdown.json",
        "electricity_maps_api/zones.json",
        "entsoe/A65_load*",
        "gcp_pricing_yml/acceleratortyperegion*",
        "genai_prices/*schema*",
        "gridemissions/E_raw*",
        "gpu_rental_snapshots/eucri_fx*",
        "other_provider_apis/oci_cloudestimator2*",
        "owid/owid-energy-codebook*",
        "us_iso/spp_rtbm*",
    ],
    "what others made of lists that are read themselves: trackers, indices, copies with columns renamed": [
        "aws_price_list/libcloud_pricing_*",
        "gpu_rental_snapshots/joshhmckee*",
        "gpu_rental_snapshots/observations_to_*",
        "gpu_rental_snapshots/romaindeniau*",
        "owid/owid-energy-data_renamed*",
        "research_ci/*",
    ],
    "without a source that reads them": ["asia/taipower*", "energinet/ElectricityProdex*"],
}
LATEST = dt.datetime(2026, 9, 30, tzinfo=dt.UTC)


def seen_at(file: Path) -> dt.datetime:
    """When a sample was seen, by its name, or by that of a folder of one version."""
    if version := re.fullmatch(r"vintage_(20\d\d-\d\d-\d\d)", file.parent.name):
        return dt.datetime.fromisoformat(version[1]).replace(hour=12, tzinfo=dt.UTC)
    found = re.search(r"(20\d\d)-(\d\d)(?:-(\d\d))?", file.name)
    stamped = re.search(r"_(20\d\d)(\d\d)(\d\d)\d{6}", file.name)
    if stamped:
        return dt.datetime(*map(int, stamped.groups()), 12, tzinfo=dt.UTC)
    if (
        not found
        or int(found.group(2)) > 12
        or re.search(r"hourly|range|halfhourly|vintage|\d\d_20\d\d-\d\d", file.name)
    ):
        return LATEST - dt.timedelta(days=sum(file.name.encode()) % 300)
    year, month, day = found.groups()
    return dt.datetime(int(year), int(month), int(day or 1), 12, tzinfo=dt.UTC)


def gpuhunt_catalogs(samples: Path, folder: Path) -> list[tuple[Path, dt.datetime]]:
    """gpuhunt's own rows, kept by a tracker day by day, put back into the layout of its catalog files."""
    rows = csv.DictReader((samples / "gpu_rental_snapshots/eucri_observations_2026-07-18_2026-08-22.csv").open())
    days: dict[tuple[str, str], dict[tuple, str]] = defaultdict(dict)
    for row in rows:
        if row["source"] == "gpuhunt" and row["term"] == "on_demand":
            raw = json.loads(row["raw_json"])
            line = io.StringIO()
            csv.writer(line).writerow(
                [
                    raw["instance_name"],
                    raw["location"],
                    raw["price_instance_hr"],
                    1,
                    1,
                    row["gpu_count"],
                    raw["gpu_name"],
                    raw["gpu_memory"],
                    "False",
                ]
            )
            days[row["provider"], row["ts_utc"]][raw["instance_name"], raw["location"]] = line.getvalue()
    files = []
    for (provider, moment), lines in days.items():
        file = folder / moment.replace(":", "") / f"{provider}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot\n" + "".join(lines.values())
        )
        files.append((file, dt.datetime.fromisoformat(moment)))
    return files


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with every sample loaded, in an order drawn at random (but always the same)."""
    from tests.conftest import SAMPLES

    if not SAMPLES.is_dir():
        pytest.skip("recorded samples (../shared/samples) are not on this machine")
    home = Home(tmp_path_factory.mktemp("samples")).create()
    recording.refresh_reference(home)
    work: list[tuple[str, Path, dt.datetime]] = [
        (source, file, seen_at(file))
        for source, pattern in (*FILES.items(), *MORE_FILES)
        for file in sorted(SAMPLES.glob(pattern))
        if file.is_file()
    ]
    work += [
        ("gpuhunt", file, moment) for file, moment in gpuhunt_catalogs(SAMPLES, tmp_path_factory.mktemp("gpuhunt"))
    ]
    random.Random(7).shuffle(work)
    for source in all_sources().values():
        if source.is_bundled:
            intake.take_bundled(home, source)
    for source, file, moment in work:
        intake.take_files(home, all_sources()[source], [file], moment)
    for subject in recording.subjects_with_sources():
        recording.record_subject(home, subject)
    publish(home, catalog())
    return home


def test_a_provider_has_one_name(loaded: Home) -> None:
    with read_published(loaded) as con:
        found = {
            provider for (provider,) in con.sql("SELECT DISTINCT provider FROM observed.cloud_rate_log").fetchall()
        }
    assert {"verda", "latitude", "oci", "ovh"} <= found
    assert not found & set(PROVIDER_NAMES)


def test_every_sample_is_loaded_or_said_not_to_be(samples: Path) -> None:
    files = {f for f in samples.rglob("*") if f.is_file()}
    loaded_files = {f for _, pattern in (*FILES.items(), *MORE_FILES) for f in samples.glob(pattern) if f.is_file()}
    # Put back into the layout of the catalog that it was made from.
    loaded_files.add(samples / "gpu_rental_snapshots/eucri_observations_2026-07-18_2026-08-22.csv")
    left = {f for patterns in NOT_LOADED.values() for p in patterns for f in samples.glob(p) if f.is_file()}
    assert {str(f.relative_to(samples)) for f in files - loaded_files - left} == set()
    assert {str(f.relative_to(samples)) for f in loaded_files & left} == set()


def test_every_sample_is_captured_and_only_non_payloads_are_refused(loaded: Home) -> None:
    with read_published(loaded) as con:
        rows = con.execute(
            "SELECT source_id, count(*), sum(row_count)::BIGINT, sum(changed_count)::BIGINT, sum(rejected_count)::BIGINT, "
            "list(url) FILTER (outcome = 'rejected'), list(message) FILTER (outcome = 'rejected') FROM meta.capture GROUP BY ALL ORDER BY 1"
        ).fetchall()
    refused = []
    for source, captures, count, changed, rejected, urls, messages in rows:
        print(
            f"{source}: {captures} captures, {count} rows, {changed} changes, {rejected} refused rows, {len(urls or [])} refused files"
        )
        refused += [
            (source, u, m) for u, m in zip(urls or [], messages or [], strict=True) if not NOT_PAYLOADS.search(u)
        ]
    assert len(rows) > 15
    assert refused == []


def test_rates_are_rates(loaded: Home) -> None:
    """No on-demand GPU-hour is outside 0.05 to 200 USD, none is zero; what was refused has a reason that a person understands."""
    with read_published(loaded) as con:
        wrong = con.execute(
            "SELECT source_id, instance_type, price_usd_per_gpu_hour FROM observed.cloud_rate WHERE price_amount_per_hour <= 0 "
            "OR (purchase_option = 'on_demand' AND price_usd_per_gpu_hour NOT BETWEEN 0.05 AND 200)"
        ).fetchall()
        assert wrong == []
        for reason, count in con.execute(
            "SELECT reason, count(*) FROM meta.rejected_row GROUP BY ALL ORDER BY 2 DESC"
        ).fetchall():
            print(f"{count} x {reason}")
            assert len(reason.split()) >= 3
            assert "Factory" not in reason


def test_known_prices_are_where_their_publishers_put_them(loaded: Home) -> None:
    """Read by eye in the raw files: Lambda's H100 rose on 2026-04-20; p5.48xlarge fell on 2025-06-05."""
    with read_published(loaded) as con:
        lambda_h100 = con.execute(
            "SELECT DISTINCT price_usd_per_gpu_hour, strftime(valid_from, '%Y-%m-%d') FROM observed.cloud_rate WHERE source_id = 'skypilot' "
            "AND instance_type = 'gpu_1x_h100_sxm5' AND region = 'us-east-1' ORDER BY 2"
        ).fetchall()
        assert lambda_h100[:2] == [(3.78, "2026-04-02"), (4.29, "2026-04-20")]
        p5 = con.execute(
            "SELECT price_amount_per_hour, strftime(valid_from, '%Y-%m-%d') FROM observed.cloud_rate WHERE instance_type = 'p5.48xlarge' "
            "AND source_id = 'starter_cloud_rate' AND region = 'us-east-1' AND purchase_option = 'on_demand' ORDER BY valid_from"
        ).fetchall()
        assert (55.04, "2025-06-05") in p5
        assert p5[0][0] == 98.32


#: Areas of price that a catalog names in place of regions: there is no place to look up.
PRICE_AREAS = {("gcp", "APAC"), ("gcp", "Americas"), ("gcp", "EMEA")}


def test_every_region_of_an_offer_is_known(loaded: Home) -> None:
    """In reference.region, or (a market's own words for a place) with a country that it can be told by."""
    with read_published(loaded) as con:
        missing = con.execute(
            "SELECT DISTINCT o.provider, o.region FROM observed.cloud_rate o ANTI JOIN reference.region r ON r.provider = o.provider AND lower(r.region) = lower(o.region) "
            "WHERE o.region NOT IN ('global', 'unknown') ORDER BY ALL"
        ).fetchall()
        named = set(missing) - PRICE_AREAS
        assert {provider for provider, _ in named} <= {"vast"}
        notes = {
            (provider, region): con.execute("SELECT note FROM region_carbon(?, ?)", [provider, region]).fetchall()[0][0]
            for provider, region in named
        }
    told = "region not in reference.region: the country"
    assert {key: note for key, note in notes.items() if not note.startswith(told)} == {}


def test_both_daylight_saving_days_have_all_their_half_hours(loaded: Home) -> None:
    """GB 2023: 48 UTC slots on 26 March and on 29 October, whatever the local clock did."""
    with read_published(loaded) as con:
        counts = con.execute(
            "SELECT strftime(valid_from, '%m-%d'), count(*) FROM observed.grid_carbon WHERE zone = 'GB' AND resolution = 'PT30M' "
            "AND basis_kind = 'actual' AND valid_from::DATE IN ('2023-03-26', '2023-10-29') GROUP BY ALL ORDER BY 1"
        ).fetchall()
    assert counts == [("03-26", 48), ("10-29", 48)]


def test_two_vintages_of_one_year_are_both_askable(loaded: Home) -> None:
    with read_published(loaded) as con:
        slots = con.execute(
            "SELECT count(*), count(*) FILTER (n > 1) FROM (SELECT valid_from, count(DISTINCT intensity_gco2e_per_kwh) AS n "
            "FROM observed.grid_carbon_log WHERE source_id = 'electricity_maps_csv' AND zone = 'US-CAL-CISO' AND basis_boundary = 'lifecycle' "
            "AND valid_from >= '2023-01-01' AND valid_from < '2024-01-01' GROUP BY 1)"
        ).fetchall()[0]
    assert slots[0] == 8760
    assert slots[1] > 8_000


def test_loading_in_order_gives_the_same_view(loaded: Home, tmp_path: Path) -> None:
    """The captures of the shuffled home, recorded in order of their time into a new one: the same current views."""
    other = Home(tmp_path / "in-order").create()
    recording.refresh_reference(other)
    from warehouse import loading
    from warehouse.capture_store import CaptureStore

    store = CaptureStore(loaded)
    batches = sorted(store.batches().values(), key=lambda captures: (captures[0].fetched_at, captures[0].batch_id))
    with write_session(other, catalog()) as con:
        recording.sync_sources(con)
        recorder = loading.Recorder(con, other, catalog(), reading.parse_again(loaded), keep_journal=False)
        recorder.store = store
        for captures in batches:
            recorder.record(recovery.parsed_batch(store, captures, "loaded", None))
        recording.match_accelerators(con)
        ours = {
            s.name: con.execute(f"SELECT count(*), bit_xor(hash(v)) FROM observed.{s.name} v").fetchall()
            for s in catalog().subjects
        }
    with read_published(loaded) as con:
        theirs = {
            s.name: con.execute(f"SELECT count(*), bit_xor(hash(v)) FROM observed.{s.name} v").fetchall()
            for s in catalog().subjects
        }
    assert ours == theirs
