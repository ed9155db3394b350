"""Build, adapt or buy: break-evens where both ways cost the same, and tokens of one seller."""

from __future__ import annotations

import duckdb
import pytest

from tests.pipelines.decisions.asked import rows_of


def test_break_even_is_where_both_ways_cost_the_same(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        "FROM build_adapt_buy(buy_model := 'gpt-4o', accelerator := 'H100', own_tokens_per_s_per_gpu := 400, own_tokens_low := 100, own_tokens_high := 2770, to_on := DATE '2026-11-01')",
    )
    assert len({r["month_on"] for r in found}) > 20
    paying = [r for r in found if r["break_even_mtok"] is not None]
    assert paying
    for row in paying:
        assert row["fixed_usd"] + row["own_usd_per_mtok"] * row["break_even_mtok"] == pytest.approx(
            row["buy_usd_per_mtok"] * row["break_even_mtok"]
        )
        assert row["low_break_even_mtok"] <= row["break_even_mtok"]
        assert row["high_break_even_mtok"] is None or row["high_break_even_mtok"] >= row["break_even_mtok"]
    for row in found:
        is_dearer = row["own_usd_per_mtok"] >= row["buy_usd_per_mtok"]
        is_always_dearer = row["low_own_usd_per_mtok"] >= row["buy_usd_per_mtok"]
        assert (row["verdict"].startswith("never")) == is_always_dearer
        assert (row["verdict"].startswith("probably never")) == (is_dearer and not is_always_dearer)
        assert 0 <= row["pays_back_probability"] <= 1


def test_never_is_said_of_the_whole_band(bundled: duckdb.DuckDBPyConnection) -> None:
    """In spring 2023 a million own tokens cost 1.78 USD (0.26 to 7.1) and bought ones 1.75: that is no never."""
    found = rows_of(
        bundled,
        "FROM build_adapt_buy(buy_model := 'gpt-3.5-turbo', accelerator := 'A100', own_tokens_per_s_per_gpu := 160, "
        "own_tokens_low := 40, own_tokens_high := 1108)",
    )
    words = {(r["verdict"].split(":")[0], r["pays_back_probability"] > 0.05) for r in found if r["fixed_usd"]}
    assert ("probably never", True) in words
    assert not words & {("never", True), ("probably never", False)}


def test_without_a_throughput_nothing_is_assumed(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(bundled, "FROM build_adapt_buy(buy_model := 'gpt-4', accelerator := 'H100')")
    assert {r["break_even_mtok"] for r in found} == {None}
    assert {r["verdict"] for r in found} == {
        "unknown: give own_tokens_per_s_per_gpu",
        "unknown: no price of the accelerator was observed in the month",  # H100 was not rented out yet
    }


def test_bought_tokens_are_one_sellers(bundled: duckdb.DuckDBPyConnection) -> None:
    """A second seller with cheaper input and far dearer output, and a free one, do not lend one price each."""
    before = rows_of(bundled, "FROM _bought_token_price('gpt-4')")
    assert before
    bundled.execute("BEGIN")
    try:
        bundled.execute(
            "INSERT INTO observed.token_price_log BY NAME SELECT * REPLACE ('other' AS vendor, price_usd_per_mtok * CASE direction WHEN 'input' THEN 0.5 ELSE 9 END AS price_usd_per_mtok) "
            "FROM observed.token_price_log WHERE model = 'gpt-4' UNION ALL BY NAME SELECT * REPLACE ('free' AS vendor, 0 AS price_usd_per_mtok) FROM observed.token_price_log WHERE model = 'gpt-4'"
        )
        after = rows_of(bundled, "FROM _bought_token_price('gpt-4')")
        other = rows_of(bundled, "FROM _bought_token_price('gpt-4', of_vendor := 'other')")
    finally:
        bundled.execute("ROLLBACK")
    assert after == before
    for mine, theirs in zip(before, other, strict=True):
        assert theirs["input_usd_per_mtok"] == pytest.approx(mine["input_usd_per_mtok"] / 2)
        assert theirs["output_usd_per_mtok"] == pytest.approx(mine["output_usd_per_mtok"] * 9)


def test_an_upper_end_only_where_it_is_reached_in_95_of_100(bundled: duckdb.DuckDBPyConnection) -> None:
    """Rate and throughput together, not each alone: with either at its bound the break-even may come where with both it does not."""
    found = rows_of(
        bundled,
        " UNION ALL ".join(
            f"FROM build_adapt_buy(buy_model := 'gpt-4o', accelerator := 'H100', own_tokens_per_s_per_gpu := {speed}, "
            f"own_tokens_low := {speed * 0.4}, own_tokens_high := {speed * 2}, to_on := DATE '2026-08-01')"
            for speed in (400, 700, 1_500)
        ),
    )
    known = [r for r in found if r["break_even_mtok"] is not None]
    seldom = [r for r in known if r["pays_back_probability"] < 0.945]
    mostly = [r for r in known if r["pays_back_probability"] > 0.955]
    assert seldom
    assert mostly
    for row in seldom:
        assert row["high_break_even_mtok"] is None
        assert row["verdict"].startswith("perhaps never")
    for row in mostly:
        assert row["high_break_even_mtok"] > row["break_even_mtok"]
        assert row["verdict"].startswith("pays back")


@pytest.mark.parametrize("name", ["claude-3.5-sonnet", "Claude 3.5 Sonnet", "anthropic/claude-3.5-sonnet"])
def test_a_model_has_the_names_that_token_price_of_knows(bundled: duckdb.DuckDBPyConnection, name: str) -> None:
    """A spelling that no list has was known, and answered with no row."""
    told = {
        r["direction"]: r["price_usd_per_mtok"]
        for r in rows_of(bundled, f"FROM token_price_of('{name}', valid_at := DATE '2026-08-31')")
    }
    (row,) = [r for r in rows_of(bundled, f"FROM _bought_token_price('{name}')") if str(r["month_on"]) == "2026-08-01"]
    assert (row["vendor"], row["model"]) == ("anthropic", "claude-3-5-sonnet")
    assert (row["input_usd_per_mtok"], row["output_usd_per_mtok"]) == (told["input"], told["output"])


def test_a_price_that_others_outvote_is_not_paid(bundled: duckdb.DuckDBPyConnection) -> None:
    """One list, the best, says cents for dollars; two others agree with what it said before."""
    bundled.execute("BEGIN")
    try:
        bundled.execute(
            "INSERT INTO observed.token_price_log BY NAME SELECT * REPLACE (source_id AS scope, source_id AS source_id, "
            "price_usd_per_mtok * CASE source_id WHEN 'genai_prices' THEN 0.01 ELSE 1 END AS price_usd_per_mtok) "
            "FROM (SELECT l.* EXCLUDE (source_id), unnest(['genai_prices', 'litellm', 'simonw']) AS source_id FROM observed.token_price_log l "
            "WHERE l.model = 'gpt-4o' AND l.source_id = 'starter_token_price')"
        )
        (row,) = rows_of(bundled, "FROM _bought_token_price('gpt-4o') WHERE month_on = DATE '2026-08-01'")
        told = rows_of(
            bundled, "FROM token_price_of('gpt-4o', valid_at := DATE '2026-08-31') WHERE direction = 'output'"
        )
    finally:
        bundled.execute("ROLLBACK")
    assert (row["input_usd_per_mtok"], row["output_usd_per_mtok"]) == (2.5, 10)
    assert row["source_ids"] == told[0]["source_id"] == "litellm"


def test_what_is_lacking_of_a_model_is_named(bundled: duckdb.DuckDBPyConnection) -> None:
    """The parameters of GPT-4o were never told; the throughput was given."""
    found = rows_of(
        bundled,
        "FROM build_adapt_buy(buy_model := 'gpt-4o', build_model := 'gpt-4o', accelerator := 'H100', own_tokens_per_s_per_gpu := 400, "
        "from_on := DATE '2026-08-01', to_on := DATE '2026-08-31') WHERE way = 'build'",
    )
    assert [r["verdict"] for r in found] == ["unknown: parameters of gpt-4o"]


@pytest.mark.parametrize(
    ("band", "named"),
    [("own_tokens_low := 500", "own_tokens_low: 500 given"), ("own_tokens_high := 300", "own_tokens_high: 300 given")],
)
def test_a_band_on_the_wrong_side_is_refused(bundled: duckdb.DuckDBPyConnection, band: str, named: str) -> None:
    with pytest.raises(duckdb.Error, match=named):
        bundled.sql(f"FROM build_adapt_buy(buy_model := 'gpt-4o', own_tokens_per_s_per_gpu := 400, {band})").fetchall()
