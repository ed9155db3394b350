"""A log of requests priced at the list prices of each request's own time, on prices in the publisher's format."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import all_sources
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.home import Home


def prices(**prices: object) -> dict:
    return {"input_mtok": 2.0, "output_mtok": 8.0} | prices


PUBLISHED = [
    {
        "id": "alpha",
        "models": [
            {"id": "plain", "prices": prices(cache_read_mtok=0.5)},
            {"id": "dated", "prices": [{"prices": prices()}, {"constraint": {"start_date": "2025-03-01"}, "prices": prices(input_mtok=1.0, output_mtok=4.0)}]},
            {"id": "tiered", "prices": prices(input_mtok={"base": 2.0, "tiers": [{"start": 1000, "price": 3.0}]})},
            {
                "id": "nightly",
                "prices": [
                    {"prices": prices()},
                    {"constraint": {"start_time": "22:00:00Z", "end_time": "06:30:00Z"}, "prices": prices(input_mtok=1.0, output_mtok=1.0)},
                ],
            },
            {"id": "only-at-night", "prices": [{"constraint": {"start_time": "22:00:00Z", "end_time": "06:00:00Z"}, "prices": prices()}]},
            {"id": "x/twin", "prices": prices()},
            {"id": "y/twin", "prices": prices(input_mtok=5.0)},
            {"id": "free", "prices": {"input_mtok": 0, "output_mtok": 0}},
            {"id": "only-input", "prices": {"input_mtok": 2.0}},
            {"id": "meta-llama/Llama-3.1-70B-Instruct", "prices": prices(input_mtok=3.0)},
            {"id": "open-mixtral-8x7b", "prices": prices(input_mtok=0.7)},
            {"id": "gpt-x-2024-05-13", "prices": prices(input_mtok=5.0)},
            {"id": "promo:free", "prices": {"input_mtok": 0, "output_mtok": 0}},
            {"id": "many-2024-05-13", "prices": prices(input_mtok=5.0)},
            {"id": "many-2024-08-06", "prices": prices(input_mtok=2.5)},
        ],
    },
    {"id": "beta", "models": [{"id": "plain", "prices": prices(input_mtok=9.0)}, {"id": "x/twin", "prices": prices()}]},
    {"id": "gemini", "models": [{"id": "quick-1.5", "prices": prices(input_mtok=1.0)}]},
    {"id": "vertex_ai-language-models", "models": [{"id": "quick-1.5", "prices": prices(input_mtok=1.5)}]},
    {"id": "together_ai", "models": [{"id": "quick-1.5", "prices": prices(input_mtok=7.0)}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    home = Home(tmp_path_factory.mktemp("cost") / "home").create()
    recording.refresh_reference(home)
    for number, (published, seen) in enumerate(((PUBLISHED, 2024), ([{**PUBLISHED[0], "models": [{"id": "plain", "prices": prices(input_mtok=4.0)}, *PUBLISHED[0]["models"][1:]]}, *PUBLISHED[1:]], 2026))):  # fmt: skip
        file = home.spool_dir / f"data-{number}.json"
        file.write_text(json.dumps(published))
        document = Document(file, "file:data.json", dt.datetime(seen, 1, 1, tzinfo=dt.UTC), "json")
        assert intake.take(home, all_sources()["genai_prices"], [document]).outcome == "loaded"
        recording.record_subject(home, "token_price")
    with write_session(home, catalog()) as opened:
        yield opened


def ask(
    con: duckdb.DuckDBPyConnection,
    vendor: str | None,
    model: str,
    at: str,
    tokens: tuple[int | None, ...],
    more: str = "",
) -> tuple:
    given = [vendor, model, dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC), *tokens, *[None] * (3 - len(tokens))]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE request AS SELECT $1::VARCHAR AS vendor, $2 AS model, $3::TIMESTAMPTZ AS requested_at, $4::BIGINT AS input_tokens_count, "
        "$5::BIGINT AS output_tokens_count, $6::BIGINT AS cached_read_tokens_count", given)  # fmt: skip
    ((cost, unknown),) = con.execute(f"SELECT cost_usd, unknown FROM request_cost('request'{more})").fetchall()
    return cost, unknown


@pytest.mark.parametrize(
    ("vendor", "model", "at", "tokens", "usd_per_million"),
    [
        ("alpha", "plain", "2025-01-01", (1000, 500), 1000 * 2 + 500 * 8),
        ("ALPHA", "Plain", "2025-01-01", (1000, 500, 300), 700 * 2 + 300 * 0.5 + 500 * 8),
        ("beta", "plain", "2025-01-01", (1000, 500, 300), 1000 * 9 + 500 * 8),  # no price of cached tokens: as input
        ("alpha", "plain", "2026-05-01", (1000, 500), 1000 * 4 + 500 * 8),  # another price since the second capture
        ("alpha", "dated", "2025-02-28T23:59:59", (1000, 500), 1000 * 2 + 500 * 8),
        ("alpha", "dated", "2025-03-01", (1000, 500), 1000 * 1 + 500 * 4),
        (None, "dated", "2025-03-01", (1000, 500), 1000 * 1 + 500 * 4),
        ("alpha", "tiered", "2025-01-01", (1000, 0), 1000 * 2),  # a tier holds above its bound
        ("alpha", "tiered", "2025-01-01", (1001, 10), 1001 * 3 + 10 * 8),
        ("alpha", "nightly", "2025-01-01T12:00", (1000, 500), 1000 * 2 + 500 * 8),
        ("alpha", "nightly", "2025-01-01T22:00", (1000, 500), 1000 * 1 + 500 * 1),
        ("alpha", "nightly", "2025-01-01T06:29:59", (1000, 500), 1000 * 1 + 500 * 1),
        ("alpha", "nightly", "2025-01-01T06:30", (1000, 500), 1000 * 2 + 500 * 8),
        ("alpha", "y/twin", "2025-01-01", (1000, 0), 1000 * 5),
        ("beta", "twin", "2025-01-01", (1000, 0), 1000 * 2),  # the only one of that spelling at this vendor
        ("alpha", "free", "2025-01-01", (1000, 500), 0),
        ("alpha", "meta-llama/llama-3-1-70b-instruct", "2025-01-01", (1000, 0), 1000 * 3),
        ("alpha", "Llama 3.1 70B", "2025-01-01", (1000, 0), 1000 * 3),  # what tunes it does not count where it is one
        ("alpha", "Mixtral", "2025-01-01", (1000, 0), 1000 * 0.7),  # an alias of reference.model_alias
        ("alpha", "gpt-x", "2025-01-01", (1000, 0), 1000 * 5),
        ("alpha", "gpt-x-20240513", "2025-01-01", (1000, 0), 1000 * 5),
        ("together", "Quick 1.5", "2025-01-01", (1000, 0), 1000 * 7),  # its list says together_ai
        ("gemini", "quick-1.5", "2025-01-01", (1000, 0), 1000 * 1),  # one list has it at two doors of Google
        ("vertex_ai", "quick-1.5", "2025-01-01", (1000, 0), 1000 * 1.5),
        ("alpha", "only-input", "2025-01-01", (1000, 0), 1000 * 2),
        ("alpha", "plain", "2025-01-01", (0, 0), 0),
    ],
)
def test_a_request_costs_what_was_listed_at_its_time(con: duckdb.DuckDBPyConnection, vendor: str | None, model: str, at: str, tokens: tuple[int, ...], usd_per_million: float) -> None:  # fmt: skip
    assert ask(con, vendor, model, at, tokens) == (pytest.approx(usd_per_million / 1e6, rel=1e-12), None)


@pytest.mark.parametrize(
    ("vendor", "model", "at", "tokens", "reason"),
    [
        ("alpha", "nothing", "2025-01-01", (1, 1), "no price of this model, vendor and service tier"),
        ("alpha", "promo", "2025-01-01", (1, 1), "no price of this model, vendor and service tier"),
        ("alpha", "gpt-x-2024-08-06", "2025-01-01", (1, 1), "no price of this model, vendor and service tier"),
        (
            "alpha",
            "many",
            "2025-01-01",
            (1, 1),
            "the vendor has several models of this name: write it as the vendor does",
        ),
        (
            "google",
            "quick-1.5",
            "2025-01-01",
            (1, 1),
            "the vendor has several models of this name: write it as the vendor does",
        ),
        ("gamma", "plain", "2025-01-01", (1, 1), "no price of this model, vendor and service tier"),
        (None, "plain", "2025-01-01", (1, 1), "several vendors sell this model: name one"),
        (
            "alpha",
            "twin",
            "2025-01-01",
            (1, 1),
            "the vendor has several models of this name: write it as the vendor does",
        ),
        ("alpha", "plain", "2019-01-01", (1, 1), "no price known for its time"),
        ("alpha", "only-input", "2025-01-01", (1, 1), "a price of the model is missing at its time"),
        ("alpha", "plain", "2025-01-01", (None, 1), "tokens not given"),
        ("alpha", "plain", "2025-01-01", (-1, 1), "tokens below zero"),
        ("alpha", "plain", "2025-01-01", (10, 1, 11), "more cached tokens than input tokens"),
    ],
)
def test_what_cannot_be_priced_is_null_with_a_reason(con: duckdb.DuckDBPyConnection, vendor: str | None, model: str, at: str, tokens: tuple[int | None, ...], reason: str) -> None:  # fmt: skip
    assert ask(con, vendor, model, at, tokens) == (None, reason)


def test_the_known_clock_holds(con: duckdb.DuckDBPyConnection) -> None:
    assert ask(con, "alpha", "plain", "2025-01-01", (1, 1), ", known_at := DATE '2000-01-01'")[0] is None
    first = con.execute("SELECT min(recorded_at) FROM observed.token_price_log").fetchall()[0][0]
    assert first is not None
    cost, _ = ask(con, "alpha", "plain", "2026-05-01", (1000, 500), f", known_at := TIMESTAMPTZ '{first.isoformat()}'")
    assert cost == pytest.approx((1000 * 2 + 500 * 8) / 1e6)


#: One log in which requests of every kind stand beside each other: vendor, model, time, tokens.
LOG = [
    ("alpha", "plain", "2025-01-01", 1000),
    ("ALPHA", "Plain", "2025-01-01", 1000),
    ("beta", "plain", "2025-01-01", 1000),
    ("beta", "dated", "2025-01-01", 1000),
    (None, "plain", "2025-01-01", 1000),
    (None, "dated", "2025-01-01", 1000),
    ("gamma", "plain", "2025-01-01", 1000),
    ("alpha", "plain", "2019-01-01", 1000),
    ("alpha", "nothing", "2019-01-01", 1000),
    ("alpha", "tiered", "2025-01-01", 1001),
    ("alpha", "nightly", "2025-01-01T23:00", 1000),
    ("alpha", "only-at-night", "2025-01-01T23:00", 1000),
    ("alpha", "only-at-night", "2025-01-01T12:00", 1000),
    ("alpha", "many", "2025-01-01", 1000),
    ("alpha", "twin", "2025-01-01", 1000),
    ("beta", "twin", "2025-01-01", 1000),
    ("google", "quick-1.5", "2025-01-01", 1000),
    ("together", "Quick 1.5", "2025-01-01", 1000),
    ("alpha", None, "2025-01-01", 1000),
    ("alpha", "plain", "infinity", 1000),
    ("alpha", "plain", "-infinity", 1000),
    ("alpha", "plain", None, 1000),
    ("alpha", "plain", "2025-01-01", None),
]


def priced(con: duckdb.DuckDBPyConnection, log: list[tuple], tier: str = "") -> list[tuple]:
    """(cost, reason) of each request of one log, in order."""
    con.execute("CREATE OR REPLACE TEMP TABLE request (n INT, vendor VARCHAR, model VARCHAR, requested_at TIMESTAMPTZ, input_tokens_count BIGINT, output_tokens_count BIGINT)")  # fmt: skip
    con.executemany("INSERT INTO request VALUES (?, ?, ?, ?, ?, 10)", [(n, *row) for n, row in enumerate(log)])
    if tier:
        con.execute(f"ALTER TABLE request ADD COLUMN service_tier VARCHAR DEFAULT {tier}")
    return con.execute("SELECT cost_usd, unknown FROM request_cost('request') ORDER BY n").fetchall()


def test_a_request_costs_the_same_alone_and_in_any_log(con: duckdb.DuckDBPyConnection) -> None:
    """Names are gathered column by column: what another request names, or when, changes nothing."""
    whole = priced(con, LOG)
    assert [priced(con, [row])[0] for row in LOG] == whole
    reasons = dict(zip(LOG, (reason for _, reason in whole), strict=True))
    not_sold, no_time = "no price of this model, vendor and service tier", "no price known for its time"
    assert reasons["beta", "dated", "2025-01-01", 1000] == reasons["gamma", "plain", "2025-01-01", 1000] == not_sold
    assert reasons["alpha", "nothing", "2019-01-01", 1000] == not_sold
    for timed in ("2019-01-01", "infinity", "-infinity"):
        assert reasons["alpha", "plain", timed, 1000] == no_time
    assert reasons["alpha", "only-at-night", "2025-01-01T23:00", 1000] is None
    assert reasons["alpha", "only-at-night", "2025-01-01T12:00", 1000] == no_time
    assert (reasons["alpha", None, "2025-01-01", 1000], reasons["alpha", "plain", None, 1000]) == ("model not given", "time not given")  # fmt: skip


def test_a_tier_that_is_named_is_the_one_that_is_priced(con: duckdb.DuckDBPyConnection) -> None:
    assert priced(con, LOG, "'standard'") == priced(con, LOG, "NULL") == priced(con, LOG)
    assert priced(con, LOG[:1], "'batch'") == [(None, "no price of this model, vendor and service tier")]


def test_cards_have_a_source_and_do_not_overlap(con: duckdb.DuckDBPyConnection) -> None:
    ((cards, without, overlapping),) = con.execute(
        "WITH card AS MATERIALIZED (SELECT *, row_number() OVER () AS n FROM token_price_card()) SELECT (SELECT count(*) FROM card), "
        "(SELECT count(*) FROM card WHERE source_id IS NULL OR input_usd_per_mtok IS NULL AND output_usd_per_mtok IS NULL), "
        "(SELECT count(*) FROM card a JOIN card b USING (vendor_key, listing, service_tier) WHERE a.n < b.n AND a.from_at < b.to_at AND b.from_at < a.to_at "
        "AND a.tokens_above < b.tokens_to AND b.tokens_above < a.tokens_to AND a.first_minute < b.last_minute AND b.first_minute < a.last_minute)"
    ).fetchall()
    assert (cards > 20, without, overlapping) == (True, 0, 0)
