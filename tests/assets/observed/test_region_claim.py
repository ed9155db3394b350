"""Claims of regions: typed and loaded ones together, none twice, on both clocks; what reads them reads both."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.observed.views import SQL
from assets.sources import source_named
from warehouse.connection import write_session
from warehouse.home import Home

GSF = "year,cloud-provider,cloud-region,em-zone-id,location,geolocation,provider-cfe-hourly,power-usage-effectiveness,grid-carbon-intensity-marginal-consumption-annual\n"
GOOGLE = "Google Cloud Region,Location,Google CFE,Grid carbon intensity (gCO2eq / kWh)\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a home with the reference tables lies."""
    home = Home(tmp_path_factory.mktemp("facts") / "home").create()
    recording.refresh_reference(home)
    return home.root


@pytest.fixture
def facts(made: Path, tmp_path: Path) -> Home:
    """A copy of it."""
    return Home(shutil.copytree(made, tmp_path / "home"))


def load(home: Home, source_id: str, name: str, body: str, day: str) -> None:
    """A file as seen at noon of a day."""
    file = home.spool_dir / name
    file.write_text(body)
    moment = dt.datetime.fromisoformat(day).replace(hour=12, tzinfo=dt.UTC)
    (taken,) = intake.take_files(home, source_named(source_id), [file], moment)
    assert taken.outcome == "loaded", taken.message
    recording.record_subject(home, "region_claim")


def ask(home: Home, sql: str, *values: object) -> list[tuple]:
    """Rows of a query on the work file."""
    with write_session(home, catalog()) as con:
        return con.execute(sql, list(values)).fetchall()


def counts(home: Home) -> dict[tuple[str | None, bool], int]:
    """Claims of the view by source and kind."""
    rows = ask(home, "SELECT source_id, is_typed, count(*) FROM observed.region_claim_all GROUP BY ALL")
    return {(source_id, is_typed): count for source_id, is_typed, count in rows}


def test_with_nothing_loaded_the_typed_claims_are_all(facts: Home) -> None:
    same = "SELECT provider, region, attribute, year::INTEGER AS year, value, unit, claimed_by, source_id, source_url FROM {}"
    typed, all_claims = same.format("reference.region_claim"), same.format("observed.region_claim_all WHERE is_typed")
    assert ask(facts, f"({typed} EXCEPT ALL {all_claims}) UNION ALL ({all_claims} EXCEPT ALL {typed})") == []
    assert counts(facts) == {
        ("gsf_region", True): 1794,
        ("google_region_carbon", True): 331,
        ("codecarbon_region", True): 118,
        ("mlco2_region", True): 89,
        ("ccf_region", True): 49,
        ("azure_region_geo", True): 102,
    }
    named = "SELECT value FROM observed.region_claim_all WHERE attribute <> 'grid_zone' AND amount IS NULL"
    assert ask(facts, named) == []


def test_a_newer_version_speaks_for_its_years_alone(facts: Home) -> None:
    """Loaded: 2023 with two regions. The typed claims of that source and year are left out, all of them; of other years they stay."""
    before = counts(facts)
    body = GSF + "2023,Google Cloud,us-east1,US-CAR-SC,,,0.31,1.09,700\n2023,Microsoft Azure,northeurope,IE,,,,1.2,\n"
    load(facts, "gsf_region", "t.csv", body, "2026-06-01")
    found = ask(
        facts,
        "SELECT provider, attribute, value, is_typed, claimed_by, stated_on::VARCHAR FROM observed.region_claim_all "
        "WHERE source_id = 'gsf_region' AND year = 2023 ORDER BY ALL",
    )
    label, day = "Green Software Foundation Cloud_Region_Metadata", "2026-06-01"
    assert found == [
        ("azure", "grid_zone", "IE", False, label, day),
        ("azure", "pue", "1.2", False, label, day),
        ("gcp", "carbon_free_share", "0.31", False, f"{label}, hourly matching", day),
        ("gcp", "grid_zone", "US-CAR-SC", False, label, day),
        ("gcp", "marginal_gco2e_per_kwh", "700", False, label, day),
        ("gcp", "pue", "1.09", False, label, day),
    ]
    of_2023 = ask(facts, "SELECT count(*) FROM reference.region_claim WHERE source_id = 'gsf_region' AND year = 2023")[
        0
    ][0]
    after = counts(facts)
    assert after.pop(("gsf_region", False)) == 6
    assert after == before | {("gsf_region", True): before["gsf_region", True] - of_2023}


def test_an_older_version_adds_what_was_not_typed_and_hides_nothing(facts: Home) -> None:
    before = counts(facts)
    load(facts, "gsf_region", "t.csv", GSF + "2023,Google Cloud,us-east1,XX,,,0.99,2.9,700\n", "2025-02-17")
    assert counts(facts) == before | {("gsf_region", False): 1}
    loaded = "SELECT attribute, value FROM observed.region_claim_all WHERE NOT is_typed"
    assert ask(facts, loaded) == [("marginal_gco2e_per_kwh", "700")]
    # What was told then is there, on its clock.
    then = "SELECT value FROM region_claim_as_of(TIMESTAMPTZ '2025-03-01 00:00:00+00') WHERE attribute = 'pue'"
    assert ask(facts, then) == [("2.9",)]


def test_both_clocks(facts: Home) -> None:
    load(facts, "google_region_carbon", "2021.csv", GOOGLE + "asia-south1,Mumbai,0.23,633\n", "2025-03-01")
    between = ask(facts, "SELECT max(recorded_at) FROM observed.region_claim_log")[0][0]
    load(
        facts,
        "google_region_carbon",
        "2021.csv",
        GOOGLE + "asia-south1,Mumbai,0.10,670\nasia-east1,x,0.17,456\n",
        "2026-01-15",
    )
    share = "WHERE attribute = 'carbon_free_share' AND region = 'asia-south1' AND source_id = 'google_region_carbon' AND NOT is_typed"
    assert ask(facts, f"SELECT value FROM observed.region_claim_all {share}") == [("0.1",)]
    assert ask(facts, f"SELECT value FROM region_claim_all_known(known_at := ?) {share}", between) == [("0.23",)]
    before = between - dt.timedelta(days=1)
    of_google = "SELECT is_typed, count(*) FROM region_claim_all_known(known_at := ?) WHERE source_id = 'google_region_carbon' AND year = 2021 GROUP BY ALL"
    assert ask(facts, of_google, before) == [(True, 77)]
    assert ask(facts, of_google, between) == [(False, 2)]
    history = "SELECT value, valid_from::DATE::VARCHAR, valid_to::DATE::VARCHAR FROM observed.region_claim WHERE attribute = 'carbon_free_share' AND region = 'asia-south1' ORDER BY 2"
    assert ask(facts, history) == [("0.23", "2025-03-01", "2026-01-15"), ("0.1", "2026-01-15", None)]


def test_a_claim_that_is_taken_back_is_no_longer_shown(facts: Home) -> None:
    body = GSF + "2023,Google Cloud,us-east1,US-CAR-SC,,,0.31,1.09,700\n"
    load(facts, "gsf_region", "t.csv", body, "2026-06-01")
    load(facts, "gsf_region", "t.csv", body.replace("1.09", "N/A"), "2026-07-01")
    shown = "SELECT attribute FROM observed.region_claim_all WHERE NOT is_typed ORDER BY 1"
    assert ask(facts, shown) == [("carbon_free_share",), ("grid_zone",), ("marginal_gco2e_per_kwh",)]


def test_a_loaded_claim_is_held_against_others_and_changes_no_region(facts: Home) -> None:
    """Its capture stands beside it. `reference.region` keeps what its own rule chose: regions.csv alone changes that."""
    region = "SELECT hash(list(r ORDER BY provider, region)) FROM reference.region r"
    chosen = ask(facts, region)
    load(
        facts,
        "gsf_region",
        "t.csv",
        GSF + '2023,Google Cloud,us-east1,US-CAR-DUK,,"44.9,-123.3",0.5,1.3,\n',
        "2026-06-01",
    )
    found = ask(
        facts,
        "SELECT attribute, said_value, also_said_value, said_capture_id IS NOT NULL OR also_said_capture_id IS NOT NULL, chosen "
        "FROM observed.disagreement WHERE thing = 'gcp | us-east1' AND 'Green Software Foundation Cloud_Region_Metadata' IN "
        "(said_by, also_said_by, replace(said_by, ', hourly matching', ''), replace(also_said_by, ', hourly matching', '')) "
        "AND (claim_year IS NULL OR claim_year = 2023) ORDER BY ALL",
    )
    by_attribute = {attribute: (said, also, has_capture, who) for attribute, said, also, has_capture, who in found}
    assert {"grid_zone", "latitude", "longitude", "carbon_free_share"} == set(by_attribute)
    assert all(has_capture for *_, has_capture, _ in by_attribute.values())
    assert by_attribute["latitude"][-1] == "reference.region"
    assert by_attribute["carbon_free_share"][-1].startswith("Google Cloud region-carbon-info")
    assert ask(facts, region) == chosen
    doubts = ask(facts, (SQL / "region_check.sql").read_text(encoding="utf-8"))
    assert ("gcp", "us-east1") in {(provider, name) for provider, name, _, km in doubts if km and km > 3000}


def test_a_loaded_claim_walks_back_to_its_bytes(facts: Home) -> None:
    load(facts, "gsf_region", "t.csv", GSF + "2023,Google Cloud,us-east1,US-CAR-SC,,,,1.09,\n", "2026-06-01")
    (key,) = ask(facts, "SELECT row_key FROM _row_of_observed('region_claim') WHERE value = 1.09")[0]
    steps = ask(
        facts,
        "SELECT value, unit, capture_id FROM passport('observed.region_claim', ?) WHERE capture_id IS NOT NULL",
        key,
    )
    assert steps
    assert {(value, unit) for value, unit, _ in steps if unit != "byte"} == {(1.09, "ratio")}
    assert {c for *_, c in steps} == {c for (c,) in ask(facts, "SELECT capture_id FROM meta.capture")}
    typed = "SELECT row_key FROM _row_of_reference('region_claim') WHERE starts_with(row_key, 'gcp/us-central1/pue/')"
    (typed_key,) = ask(facts, typed)[0]
    assert ask(facts, "SELECT part FROM passport('reference.region_claim', ?)", typed_key) == [("reference",)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_real_versions_in_any_order(order: tuple[int, ...], facts: Home, samples: Path) -> None:
    """What the view says after three versions is what the newest says: 2,760 claims, none of them typed."""
    days = ("2025-02-17", "2025-07-21", "2026-02-24")
    for n in order:
        body = (samples / f"cloud_region_metadata/Cloud_Region_Metadata_{days[n]}.csv").read_text(encoding="utf-8")
        load(facts, "gsf_region", f"{n}.csv", body, days[n])
    found = counts(facts)
    assert found["gsf_region", False] == 2760
    assert ("gsf_region", True) not in found
    changed = ask(
        facts,
        "SELECT a.region, a.attribute, a.period, a.value, b.value FROM region_claim_as_of(TIMESTAMPTZ '2025-08-01 00:00:00+00') a "
        "JOIN observed.region_claim b USING (provider, region, attribute, basis, place, period) WHERE b.valid_to IS NULL AND a.value <> b.value ORDER BY ALL",
    )
    assert len(changed) == 3


def test_the_view_opens_in_any_client(facts: Home) -> None:
    """The published file alone answers: the view and its macro need nothing of this process."""
    from warehouse.publish import publish

    publish(facts, catalog())
    with duckdb.connect(str(facts.root / "petaday.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM region_claim_all_known()").fetchall() == [(2483,)]
