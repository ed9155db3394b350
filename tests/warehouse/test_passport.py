"""Every published cell of the bundled run walks back to stored bytes whose hash matches, or to a cited fact."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard
from click.testing import CliRunner

from assets import intake, passport, recording
from assets.catalog import USER_SQL, catalog
from assets.estimated import assets as estimated
from assets.estimated.decisions import assets as decision_assets
from assets.estimated.indices import assets as index_assets
from assets.estimated.indices import slices
from assets.reference.tables import REFERENCE_TABLES
from assets.sources import all_sources
from assets.subjects import SUBJECTS
from pipelines.cli import main
from warehouse.capture_store import CaptureStore
from warehouse.connection import read_published, write_session
from warehouse.errors import PetadayError
from warehouse.home import HOME_VARIABLE, Home
from warehouse.publish import publish

HOURS = (
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),Carbon Intensity gCO₂eq/kWh (LCA),"
    "Low Carbon Percentage,Renewable Percentage,Data Source,Data Estimated,Data Estimation Method\n"
)

#: Tables whose rows are steps of other walks.
STEPS = {"factor"}
ESTIMATED = [t.full_name for t in catalog().tables if t.schema_name == "estimated" and t.name not in STEPS]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after the bundled run."""
    home = Home(tmp_path_factory.mktemp("passport")).create()
    for source in all_sources().values():
        if source.is_bundled:
            intake.take_bundled(home, source)
    # The bundled grid is yearly: hours for the back-test of green hours, as a user loads them by hand.
    hours = [
        f"{dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=h):%Y-%m-%d %H:%M:%S},Germany,Germany,DE,{200 + h % 24},{300 + h % 24},50,60,x,false,\n"
        for h in range(24 * 45)
    ]
    file = home.spool_dir / "DE_2025_hourly.csv"
    file.write_text(HOURS + "".join(hours))
    (taken,) = intake.take_files(
        home, all_sources()["electricity_maps_csv"], [file], dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    )
    assert taken.outcome == "loaded", taken.message
    recording.refresh_reference(home)
    for subject in recording.subjects_with_sources():
        recording.record_subject(home, subject)
    with write_session(home, catalog()) as con:
        estimated.compute(con)
        for sliced in index_assets.SLICED:
            slices.update(con, sliced)
        for index in index_assets.INDICES:
            index_assets.compute(con, index)
        decision_assets.compute(con)
    publish(home, catalog())
    return home


@pytest.fixture(scope="module")
def con(built: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file."""
    with read_published(built) as opened:
        yield opened


def walks(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, list[passport.Step]]:
    """Steps by published row."""
    found: dict[str, list[passport.Step]] = defaultdict(list)
    for step in passport.walk(con, table).steps:
        found[step.row_key].append(step)
    return found


def whole(home: Home, steps: list[passport.Step]) -> bool:
    """True if a capture is there and its stored bytes have the recorded hash."""
    captures = [s for s in steps if s.part == "capture"]
    for step in captures:
        assert step.url
        assert step.licence
        assert step.fetched_at
    return bool(captures) and all(passport.state_of(home, s) == "match" for s in {c.path: c for c in captures}.values())


@pytest.mark.parametrize("subject", [s.name for s in SUBJECTS])
def test_every_observed_row_ends_at_stored_bytes(built: Home, con: duckdb.DuckDBPyConnection, subject: str) -> None:
    rows = con.execute(f"SELECT count(*) FROM observed.{subject}").fetchall()[0][0]
    found = walks(con, f"observed.{subject}")
    assert len(found) == rows
    good: dict[str, bool] = {}
    for key, steps in found.items():
        capture = next(s for s in steps if s.part == "capture")
        if capture.capture_id not in good:
            good[str(capture.capture_id)] = whole(built, steps)
        assert good[str(capture.capture_id)], key
        assert any(s.part == "observation" for s in steps)
    if subject == "cloud_rate":
        assert all(any(s.part == "mapping" and "rule " in str(s.meaning) for s in steps) for steps in found.values())
        foreign = con.execute(
            "SELECT count(*) FROM observed.cloud_rate WHERE currency_code <> 'USD' AND price_usd_per_gpu_hour IS NOT NULL"
        ).fetchall()[0][0]
        converted = [steps for steps in found.values() if any(s.part == "exchange rate" for s in steps)]
        assert len(converted) == foreign > 0
        assert all(len([s for s in steps if s.part == "capture"]) == 2 for steps in converted)


@pytest.mark.parametrize("table", ["training_estimate", "scenario_estimate"])
def test_every_estimate_ends_at_bytes_cited_facts_or_given_inputs(
    built: Home, con: duckdb.DuckDBPyConnection, table: str
) -> None:
    found = walks(con, f"estimated.{table}")
    assert len(found) == con.execute(f"SELECT count(*) FROM estimated.{table}").fetchall()[0][0] > 0
    for key, steps in found.items():
        factors = [s for s in steps if s.part == "factor"]
        assert factors, key
        for factor in factors:
            kind = str(factor.meaning).split(":", 1)[0]
            if kind == "given":
                continue
            if kind == "observed":
                assert whole(built, steps), key
                assert any(s.part == "observation" for s in steps), key
                continue
            cited = [s for s in steps if s.part in ("reference", "method default") and s.source_url]
            bare = kind == "method_default" and factor.value in (
                0.0,
                1.0,
            )  # nothing is added or scaled: there is nothing to cite
            assert factor.source_url or bare, f"{key}: {factor.said_of}"
            assert cited or factor.source_url or bare, f"{key}: {factor.said_of}"


@pytest.mark.parametrize("table", ESTIMATED)
def test_every_row_of_an_estimated_table_has_a_passport(
    built: Home, con: duckdb.DuckDBPyConnection, table: str
) -> None:
    """A new table needs one: see the head of assets/published/sql/passport_walk.sql. Told in SQL, for some have many rows."""
    rows = con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    assert rows, f"the bundled run leaves {table} empty: its passport cannot be tested"
    con.execute("CREATE OR REPLACE TEMP TABLE walk AS FROM passport(?)", [table]).fetchall()
    heads = con.execute(
        "SELECT count(DISTINCT row_key), count(*) FROM walk WHERE part = 'estimate' AND said_in = ?", [table]
    )
    assert heads.fetchall() == [(rows, rows)], f"no passport, or not one for each row, of {table}"
    # Every walk ends: at stored bytes, a cited fact, what a person gave; or it says why the number is unknown.
    lost = con.execute(
        "SELECT row_key FROM walk GROUP BY row_key HAVING NOT bool_or(part = 'capture' OR (part IN ('reference', 'method default') AND source_url IS NOT NULL) "
        "OR (part = 'factor' AND starts_with(meaning, 'given:')) OR (part = 'estimate' AND starts_with(meaning, 'unknown:'))) ORDER BY 1 LIMIT 3"
    ).fetchall()
    assert lost == []
    # No observation without its bytes, no bytes without a hash, a time, an address and a licence.
    loose = con.execute(
        "SELECT row_key, capture_id FROM walk WHERE part = 'observation' AND NOT EXISTS "
        "(SELECT 1 FROM walk c WHERE c.part = 'capture' AND c.row_key = walk.row_key AND c.capture_id = walk.capture_id) LIMIT 3"
    ).fetchall()
    assert loose == []
    captures = con.execute(
        "SELECT DISTINCT path, sha256, value, url, fetched_at, licence FROM walk WHERE part = 'capture'"
    ).fetchall()
    for path, sha256, byte_count, *told in captures:
        assert all(told)
        assert CaptureStore(built).state_of(path, sha256, int(byte_count)) == "match"


def test_the_offers_of_a_day_make_its_median(con: duckdb.DuckDBPyConnection) -> None:
    """The walk of the price index ends at just those offers that it was computed from: every day of it, worked anew."""
    wrong = con.execute(
        "SELECT i.root_key, i.central, o.middle FROM (SELECT h.root_key, p.median_usd_per_gpu_hour AS central FROM _head_of_index('price_index', '') h "
        "JOIN estimated.price_index p ON h.root_key = concat_ws('/', p.accelerator_id, p.purchase_option, p.index_on, p.method_version)) i "
        "LEFT JOIN (SELECT root_key, median(price) AS middle FROM (SELECT root_key, provider, median(usd_value) AS price "
        "FROM _observation_of_index('price_index', '') GROUP BY ALL) GROUP BY ALL) o USING (root_key) "
        "WHERE o.middle IS NULL OR abs(i.central / o.middle - 1) > 1e-9"
    ).fetchall()
    assert wrong == []


@pytest.mark.parametrize("table", ["estimated.why_moved", "estimated.accelerator_by_year"])
def test_a_row_without_a_band_is_given_none(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """A change, or a median of data sheets, is one number: twice the same as p5 and p95 would be a band of no width."""
    told = con.execute(
        "SELECT DISTINCT meaning LIKE 'no band, %' FROM passport(?, '') WHERE step = 1 AND value IS NOT NULL", [table]
    ).fetchall()
    assert told == [(True,)]


def test_hours_are_told_by_capture(con: duckdb.DuckDBPyConnection) -> None:
    steps = passport.walk(con, "estimated.grid_day", "DE/electricity_maps_csv/PT1H/average/lifecycle").steps
    seen = [s for s in steps if s.part == "observation"]
    assert len(seen) == 45
    assert all("24 slots" in s.said_of for s in seen)
    assert {s.value for s in seen} == {311.5}


def test_an_observed_factor_is_the_median_of_the_observations_it_walks_to(con: duckdb.DuckDBPyConnection) -> None:
    """Over providers, each with the median of its own offers."""
    rows = con.execute(
        "SELECT scenario_id, value, regexp_extract(origin_ref, 'of (\\d+) offers', 1)::INT FROM estimated.factor "
        "WHERE factor = 'usd_per_gpu_hour' AND origin_kind = 'observed' AND quantity = 'cost_usd' AND starts_with(method_version, 'training')"
    ).fetchall()
    assert rows
    for scenario_id, value, offers in rows:
        steps = passport.walk(con, "estimated.training_estimate", f"{scenario_id}/cost_usd").steps
        rates = [
            (s.said_of.split("/", 1)[0], float(str(s.meaning).rsplit("comes to ", 1)[1].split()[0]))
            for s in steps
            if s.part == "observation"
        ]
        assert len(rates) == offers
        own = "SELECT median(r.price) AS price FROM (SELECT unnest(?) AS provider, unnest(?) AS price) r GROUP BY r.provider"
        median = duckdb.execute(f"SELECT median(price) FROM ({own})", [*zip(*rates, strict=True)]).fetchall()[0][0]
        assert median == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("table", [t.name for t in REFERENCE_TABLES if t.schema_name == "reference"])
def test_every_reference_row_is_cited_or_lies_in_a_hashed_file(con: duckdb.DuckDBPyConnection, table: str) -> None:
    steps = passport.walk(con, f"reference.{table}").steps
    assert steps, (
        f"no passport for reference.{table}: add it to _row_of_reference in assets/published/sql/_keyed_rows.sql"
    )
    has_url = "source_url" in next(t for t in REFERENCE_TABLES if t.name == table).declared()
    for step in steps:
        assert "SHA-256" in str(step.meaning)
        assert step.source_url or not has_url, step.said_of


WORDS = ["explain", "gpt-3-175b-a100", "operational_kgco2e"]


def explained(home: Home, *options: str) -> Any:
    """What the command prints and returns, asked of a home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home.root))
        return CliRunner().invoke(main, [*WORDS, *options], standalone_mode=False)


def test_explain_names_the_file_and_checks_its_hash(built: Home) -> None:
    result = explained(built, "--json")
    capture = next(s for s in json.loads(result.stdout) if s["part"] == "capture")
    assert (result.exit_code, capture["bytes_state"]) == (0, "match")
    stored: Path = built.captures_dir / capture["path"]
    kept = stored.read_bytes()
    other = zstandard.ZstdCompressor().compress(b"other bytes")
    longer = zstandard.ZstdCompressor().compress(zstandard.ZstdDecompressor().decompress(kept) + b"x")
    try:
        for spoilt in (kept[:-1] + bytes([kept[-1] ^ 1]), kept[:-9], b"", other, longer):
            stored.write_bytes(spoilt)
            result = explained(built)
            assert result.exit_code == 1
            assert "BYTES CHANGED" in result.stdout
        stored.unlink()
        result = explained(built)
        assert result.exit_code == 1
        assert "BYTES MISSING" in result.stdout
        assert "BYTES CHANGED" not in result.stdout
    finally:
        stored.write_bytes(kept)


def test_explain_cuts_nothing_short(built: Home) -> None:
    """A hash or a list of offers that ends in dots cannot be followed."""
    printed = explained(built).stdout
    meanings = [" ".join(s["meaning"].split()) for s in json.loads(explained(built, "--json").stdout) if s["meaning"]]
    assert max(map(len, meanings)) > 220
    assert [m for m in meanings if m not in printed] == []


def test_where_captures_are_not_kept_nothing_is_said_to_be_missing(built: Home, tmp_path: Path) -> None:
    """The published file alone, on another machine: the walk is whole, and what to do to compare bytes is said once."""
    (tmp_path / "petaday.duckdb").symlink_to(built.published_file)
    result = explained(Home(tmp_path))
    assert result.exit_code == 0
    assert "BYTES" not in result.stdout
    assert "not compared" in result.stdout
    assert result.stderr.count("copy its captures/ there") == 1
    states = {s["bytes_state"] for s in json.loads(explained(Home(tmp_path), "--json").stdout)}
    assert states == {None, "not here"}
    assert [p.name for p in tmp_path.iterdir()] == ["petaday.duckdb"], "asking makes no folder"


def test_a_short_key_walks_the_first_rows_and_says_how_many_there_are(
    built: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`explain` of a whole index printed 181,306 lines."""
    everything = passport.explain(built, ["observed.exchange_rate", "EUR"])
    assert everything.shown_count == everything.row_count > 3
    some = passport.explain(built, ["observed.exchange_rate", "EUR"], 2)
    assert (some.shown_count, some.row_count) == (2, everything.row_count)
    first = list(dict.fromkeys(s.row_key for s in everything.steps))[:2]
    assert some.steps == [s for s in everything.steps if s.row_key in first]
    monkeypatch.setenv(HOME_VARIABLE, str(built.root))
    words = ["explain", "observed.exchange_rate", "EUR", "--rows", "2", "--json"]
    told = json.loads(CliRunner().invoke(main, words, standalone_mode=False).stdout)
    assert len({step["row_key"] for step in told}) == 2


def test_an_unknown_row_is_answered_with_what_there_is(built: Home) -> None:
    with pytest.raises(PetadayError, match="such as gpt-3-175b"):
        passport.explain(built, ["gpt-3-175b-b100"])
    with pytest.raises(
        duckdb.InvalidInputException, match="of_table: 'observed.nonsense' is not known; known ones are"
    ):
        passport.explain(built, ["observed.nonsense"])
    with pytest.raises(duckdb.InvalidInputException, match=r"did you mean observed\.cloud_rate\?"):
        passport.explain(built, ["observed.cloud_rates", "aws"])
    with pytest.raises(PetadayError, match=r"observed\.usage has no row yet"):
        passport.explain(built, ["observed.usage"])
    assert passport.split_name(["observed.cloud_rate", "aws", "eu-west-1"]) == ("observed.cloud_rate", "aws/eu-west-1")


HOSTILE = "x'); DROP TABLE meta.capture; --"


def test_a_quote_in_a_key_is_only_a_key(built: Home) -> None:
    for table in ("observed.cloud_rate", "estimated.siting"):
        with pytest.raises(PetadayError, match="begins with"):
            passport.explain(built, [table, HOSTILE])


def test_what_is_asked_for_is_text_in_the_query_that_passport_makes(con: duckdb.DuckDBPyConnection) -> None:
    """The macro names those of one family by a query of its own: the table must be a known one, and the key cannot add to it."""
    for table in (HOSTILE, "estimated.siting'", "siting(1)", "nothing", ""):
        with pytest.raises(duckdb.InvalidInputException, match="of_table: .* is not known"):
            con.execute("SELECT count(*) FROM passport(?, '')", [table])
    for table in ("estimated.siting", None):
        for key in (HOSTILE, "'", "''", "\\'", None):
            assert con.execute("SELECT count(*) FROM passport(?, ?)", [table, key]).fetchall() == [(0,)]
            (query,) = con.execute("SELECT _passport_call('head', ?, ?)", [table, key]).fetchall()[0]
            assert len(duckdb.extract_statements(query)) == 1
            assert con.execute(f"SELECT count(*) FROM ({query})").fetchall() == [(0,)]


def test_every_table_with_a_key_for_passports_is_a_known_one(con: duckdb.DuckDBPyConnection) -> None:
    """A subject or reference table that _row_of_observed or _row_of_reference knows, and every estimated table, can be asked."""
    text = (USER_SQL / "_keyed_rows.sql").read_text(encoding="utf-8")
    keyed = set(re.findall(r"SELECT '((?:observed|reference)\.\w+)' AS table_name", text))
    assert len(keyed) > 20
    (known,) = con.execute("SELECT _passport_tables()").fetchall()[0]
    assert {t for t in known if not t.startswith("estimated.")} == keyed
    assert set(ESTIMATED) <= set(known)
    assert con.execute("SELECT count(*) > 0 FROM passport('siting')").fetchall() == [(True,)]
