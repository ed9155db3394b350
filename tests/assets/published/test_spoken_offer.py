"""Each offer stands once: one source speaks for a provider, and of regions that it says nothing of the next one does."""

from __future__ import annotations

import datetime as dt

import pytest

from assets import recording
from assets.catalog import catalog
from assets.subjects import CLOUD_RATE
from warehouse import log
from warehouse.connection import transaction, write_session
from warehouse.home import Home

START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
AT = "TIMESTAMPTZ '2025-01-02'"
#: (source, provider, region, USD per GPU-hour): gpuhunt is ranked before gpurentalprices.
OFFERS = (
    ("gpuhunt", "aws", "us-east-1", 3.0),
    ("gpuhunt", "aws", "us-west-2", 4.0),
    ("gpurentalprices", "aws", "us-east-1", 1.0),
    ("gpurentalprices", "aws", "EU-NORTH-1", 2.0),
    ("gpurentalprices", "aws", "US East", 0.5),
    ("gpurentalprices", "aws", "global", 0.4),
    ("gpuhunt", "gcp", "global", 2.5),
    ("gpurentalprices", "gcp", "us-central1", 2.0),
)


@pytest.fixture
def offered(home: Home) -> Home:
    """A home with those offers of an H100."""
    recording.refresh_reference(home)
    with write_session(home, catalog()) as con:
        for number, source in enumerate(("gpuhunt", "gpurentalprices")):
            frame = con.sql(
                "SELECT provider, region, 'x8' AS instance_type, 'on_demand' AS purchase_option, 'instance' AS price_component, '' AS offer_variant, 'H100' AS accelerator_name, "
                "8.0 AS accelerator_count, 80.0 AS accelerator_memory_gib, 96.0 AS vcpu_count, 1024.0 AS memory_gib, 8 * usd AS price_amount_per_hour, 'USD' AS currency_code, "
                "NULL::TIMESTAMPTZ AS valid_from, 'capture' AS capture_id FROM (VALUES "
                + ", ".join(f"('{p}', '{r}', {usd})" for s, p, r, usd in OFFERS if s == source)
                + ") o(provider, region, usd)"
            ).pl()
            snapshot = log.Snapshot(source, "all", f"c{number}", START, True, frame)
            with transaction(con):
                log.record(
                    con, CLOUD_RATE, snapshot, START + dt.timedelta(hours=1), lambda *_, f=frame: (f.clear(), None)
                )
        recording.match_accelerators(con)
    return home


def test_a_region_that_the_speaking_source_lacks_is_taken_from_the_next(offered: Home) -> None:
    """Not one that is written another way, nor one of a provider whose source speaks of no region in particular."""
    with write_session(offered, catalog()) as con:
        found = con.execute(
            f"SELECT provider, region, source_id, price_usd_per_gpu_hour, is_of_speaking_source FROM spoken_offer(valid_at := {AT}) ORDER BY ALL"
        ).fetchall()
        places = con.execute(
            f"SELECT provider, region, total_usd FROM siting(gpu_hours := 10, accelerator := 'H100', valid_at := {AT}) ORDER BY ALL"
        ).fetchall()
        cheapest = con.execute(
            f"SELECT provider, region, source_id FROM cheapest('H100', valid_at := {AT}) ORDER BY ALL"
        ).fetchall()
        listed = con.execute(f"SELECT count(*) FROM gpu_hour_price('H100', valid_at := {AT})").fetchall()
    assert found == [
        ("aws", "EU-NORTH-1", "gpurentalprices", 2.0, False),
        ("aws", "us-east-1", "gpuhunt", 3.0, True),
        ("aws", "us-west-2", "gpuhunt", 4.0, True),
        ("gcp", "global", "gpuhunt", 2.5, True),
    ]
    assert places == [(provider, region, 10 * usd) for provider, region, _, usd, _ in found]
    assert cheapest == [
        ("aws", "EU-NORTH-1", "gpurentalprices"),
        ("gcp", "global", "gpuhunt"),
    ]
    assert listed == [(4,)]


def test_the_price_of_a_provider_is_of_the_one_source_that_speaks(offered: Home) -> None:
    """What is a median over a provider's offers does not take in those of another source."""
    with write_session(offered, catalog()) as con:
        spoken = con.execute(
            "SELECT DISTINCT provider, source_id, said_count FROM ("
            "FROM (SELECT *, offers_said(accelerator_id, provider, source_id) AS said_count FROM observed.cloud_offer) "
            "QUALIFY is_spoken(accelerator_id, provider, source_rank, said_count, source_id)) ORDER BY ALL"
        ).fetchall()
    assert spoken == [("aws", "gpuhunt", 2), ("gcp", "gpuhunt", 1)]
