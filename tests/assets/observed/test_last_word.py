"""Until when a price stands that its source has not confirmed again, and whose word it gives way to."""

from __future__ import annotations

import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import all_sources
from tests.warehouse.taking import offers, take
from warehouse.connection import write_session
from warehouse.home import Home

NAME = "gpu_1x_h100_sxm5"


@pytest.fixture
def facts(home: Home) -> Home:
    recording.refresh_reference(home)
    return home


def read_lambda(home: Home, at: str, price: float) -> None:
    assert take(home, offers({NAME: price}), at, "lambda_vms.csv").outcome in ("loaded", "unchanged")
    recording.record_subject(home, "cloud_rate")


def said(home: Home, at: str, known_at: str = "infinity") -> list[tuple]:
    with write_session(home, catalog()) as con:
        return con.execute(
            "SELECT price_usd_per_gpu_hour, source_id, confirmed_at::DATE::VARCHAR FROM gpu_hour_price('H100 SXM', valid_at := ?::TIMESTAMPTZ, "
            "known_at := ?::TIMESTAMPTZ, purchase := 'on_demand') WHERE provider = 'lambda'",
            [at, known_at],
        ).fetchall()


def test_a_last_word_stands_with_its_age_for_548_days(facts: Home) -> None:
    read_lambda(facts, "2026-01-01", 2.0)
    word = [(2.0, "skypilot", "2026-01-01")]
    assert [said(facts, at) for at in ("2025-12-31", "2026-01-02", "2026-06-01", "2027-07-02", "2027-07-04")] == [
        [],
        word,
        word,
        word,
        [],
    ]


def test_a_word_that_is_newer_by_45_days_replaces_it_whoever_says_it(facts: Home) -> None:
    read_lambda(facts, "2026-01-01", 2.0)
    with write_session(facts, catalog()) as con:
        con.execute(
            "INSERT INTO observed.cloud_rate_log BY NAME SELECT * REPLACE ('fsdl' AS source_id, 'cloud' AS scope, 9.0 AS price_amount_per_hour, "
            "TIMESTAMPTZ '2026-05-01 00:00:00+00' AS valid_from, TIMESTAMPTZ '2026-05-01 00:00:00+00' AS observed_at) FROM observed.cloud_rate_log"
        ).fetchall()
    # Before the newer word the catalog stands, though the collection is believed less; from it on the collection speaks alone.
    assert said(facts, "2026-04-30") == [(2.0, "skypilot", "2026-01-01")]
    assert said(facts, "2026-05-02") == [(9.0, "fsdl", "2026-05-01")]
    read_lambda(facts, "2026-05-10", 3.0)
    assert said(facts, "2026-05-11") == [(3.0, "skypilot", "2026-05-10")]


def test_what_ships_with_petaday_gives_way_to_whoever_was_read_since(facts: Home) -> None:
    intake.take_bundled(facts, all_sources()["starter_cloud_rate"])
    recording.record_subject(facts, "cloud_rate")
    bundled = said(facts, "2027-01-01")
    assert {source for _, source, _ in bundled} == {"starter_cloud_rate"}
    read_lambda(facts, "2026-12-01", 2.5)
    # Two months without a reading later the live word is old, and still newer than the bundled one.
    assert said(facts, "2027-02-15") == [(2.5, "skypilot", "2026-12-01")]
    assert said(facts, "2026-11-30") == bundled
    assert said(facts, "2027-01-01", "2026-01-01") == []


def test_what_ended_a_price_does_not_confirm_it(facts: Home) -> None:
    """Asked for a past day, the age of a price is that of the last answer that held it, however often its source was read since."""
    for at, price in (("2026-01-01", 2.0), ("2026-01-20", 2.0), ("2026-03-01", 3.0), ("2026-06-01", 3.0)):
        read_lambda(facts, at, price)
    assert said(facts, "2026-02-15") == [(2.0, "skypilot", "2026-01-20")]
    assert said(facts, "2026-03-15") == [(3.0, "skypilot", "2026-06-01")]


def test_a_list_that_dates_its_prices_knew_one_to_its_end(facts: Home) -> None:
    """The answer that tells both prices was read after the change: the first one held until then, and no longer."""
    read_lambda(facts, "2026-06-01", 3.0)
    with write_session(facts, catalog()) as con:
        con.execute(
            "INSERT INTO observed.cloud_rate_log BY NAME SELECT * REPLACE (2.0 AS price_amount_per_hour, "
            "TIMESTAMPTZ '2026-01-01 00:00:00+00' AS valid_from) FROM observed.cloud_rate_log"
        ).fetchall()
    read_lambda(facts, "2026-08-01", 3.0)
    assert said(facts, "2026-02-15") == [(2.0, "skypilot", "2026-06-01")]
    with write_session(facts, catalog()) as con:
        ended = con.execute(
            "SELECT count(*), count(*) FILTER (confirmed_at <= valid_to) FROM observed.cloud_offer WHERE valid_to IS NOT NULL"
        ).fetchone()
    assert ended is not None
    assert ended[0] == ended[1] > 0


def test_an_offer_that_vanished_replaces_no_other_word(facts: Home) -> None:
    """A list that left the card out in February, and is still read in June, has no newer word on it than one of January."""
    read = "TIMESTAMPTZ '2025-06-01 00:00:00+00'"
    read_lambda(facts, "2026-01-10", 2.0)
    with write_session(facts, catalog()) as con:
        con.execute(
            "INSERT INTO observed.cloud_rate_log BY NAME SELECT * REPLACE ('fsdl' AS source_id, 'cloud' AS scope, 9.0 AS price_amount_per_hour, "
            f"{read} AS valid_from, {read} AS observed_at) FROM observed.cloud_rate_log "
            "UNION ALL BY NAME SELECT * REPLACE ('fsdl' AS source_id, 'cloud' AS scope, NULL AS price_amount_per_hour, false AS is_offered, "
            "TIMESTAMPTZ '2026-02-01 00:00:00+00' AS valid_from, TIMESTAMPTZ '2026-02-01 00:00:00+00' AS observed_at) FROM observed.cloud_rate_log"
        ).fetchall()
        for at in ("2025-06-01", "2026-02-01", "2026-06-01"):
            con.execute(
                "INSERT INTO meta.snapshot BY NAME SELECT * REPLACE ('fsdl' AS source_id, 'cloud' AS scope, ?::TIMESTAMPTZ AS observed_at) FROM meta.snapshot LIMIT 1",
                [f"{at} 00:00:00+00"],
            ).fetchall()
    assert said(facts, "2026-05-01") == [(2.0, "skypilot", "2026-01-10")]


#: Offers beside it, so that one refused row does not cost the whole answer.
BESIDE = {f"gpu_{n}x_a10": n * 1.1 for n in range(2, 12)}


@pytest.mark.parametrize("end", [2.5, None], ids=["changed", "gone"])
@pytest.mark.parametrize(
    ("answers", "confirmed_on"),
    [
        ({"2026-02-01": "oops", "2026-03-01": "oops"}, "2026-01-01"),
        ({"2026-02-01": "oops", "2026-03-01": 2.0}, "2026-03-01"),
        ({"2026-02-01": "oops", "2026-03-01": 2.0, "2026-03-20": "oops"}, "2026-03-01"),
        ({"2026-02-01": 2.0, "2026-03-01": 2.0}, "2026-03-01"),
    ],
)
def test_answers_in_which_its_row_was_refused_do_not_confirm_a_price_that_has_ended(
    facts: Home, answers: dict[str, object], confirmed_on: str, end: float | None
) -> None:
    """Its end makes it no younger than it was while it stood."""
    for at, price in {"2026-01-01": 2.0, **answers}.items():
        take(facts, offers(BESIDE | {NAME: price}), at)
    recording.record_subject(facts, "cloud_rate")
    assert said(facts, "2026-03-25") == [(2.0, "skypilot", confirmed_on)]
    take(facts, offers(BESIDE | ({NAME: end} if end else {})), "2026-04-01")
    recording.record_subject(facts, "cloud_rate")
    assert said(facts, "2026-03-25") == [(2.0, "skypilot", confirmed_on)]
    assert said(facts, "2026-04-02") == ([(end, "skypilot", "2026-04-01")] if end else [])
    with write_session(facts, catalog()) as con:
        told = con.execute(
            "SELECT count(*) FROM observed.cloud_offer WHERE instance_type = $1 AND refused_from IS NOT NULL", [NAME]
        )
        assert told.fetchall() == [(0,)]
