"""One model under the names of several lists: what is compared, what is not, and who is believed of it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.observed.checks import CHECKS
from assets.published import report
from assets.sources import source_named
from assets.subjects import subject_named
from warehouse.connection import write_session
from warehouse.home import Home

AT = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)


def litellm(prices: dict[tuple[str, str], float]) -> dict[str, Any]:
    """LiteLLM's map of (its provider, model) -> USD per million input tokens."""
    return {
        model: {"litellm_provider": provider, "mode": "chat", "input_cost_per_token": usd / 1e6}
        for (provider, model), usd in prices.items()
    }


def openrouter(prices: dict[str, float]) -> dict[str, Any]:
    return {"data": [{"id": model, "pricing": {"prompt": str(usd / 1e6)}} for model, usd in prices.items()]}


def genai(prices: dict[tuple[str, str], float]) -> list[dict[str, Any]]:
    return [
        {"id": provider, "name": provider, "models": [{"id": model, "prices": {"input_mtok": usd}}]}
        for (provider, model), usd in prices.items()
    ]


def take(home: Home, tmp_path: Path, source_id: str, body: object, at: dt.datetime = AT) -> None:
    file = tmp_path / f"{source_id}.json"
    file.write_text(json.dumps(body))
    (taken,) = intake.take_files(home, source_named(source_id), [file], at)
    assert taken.outcome == "loaded"


@contextmanager
def told(home: Home, tmp_path: Path, **bodies: object) -> Generator[duckdb.DuckDBPyConnection]:
    """A warehouse that has taken each source's body."""
    recording.refresh_reference(home)
    for source_id, body in bodies.items():
        take(home, tmp_path, source_id, body)
    recording.record_subject(home, "token_price")
    with write_session(home, catalog()) as con:
        yield con


def disagreements(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute(
        "SELECT thing, said_by, said_value::DOUBLE, also_said_by, also_said_value::DOUBLE, chosen FROM observed.disagreement "
        "WHERE subject = 'token_price' ORDER BY ALL"
    ).fetchall()


def test_two_lists_that_spell_seller_and_model_differently_are_compared(home: Home, tmp_path: Path) -> None:
    with told(
        home,
        tmp_path,
        litellm=litellm(
            {("bedrock_converse", "us.anthropic.claude-sonnet-4-5-v1:0"): 3.3, ("xai", "xai/grok-4.3"): 2.0}
        ),
        genai_prices=genai({("aws", "us.anthropic.claude-sonnet-4.5-v1:0"): 3.0, ("x-ai", "grok-4-3"): 2.0}),
    ) as con:
        assert disagreements(con) == [
            ("aws | us-anthropic-claude-sonnet-4-5-v1:0 | input", "genai_prices", 3.0, "litellm", 3.3, "genai_prices")
        ]
        assert con.execute(
            "SELECT DISTINCT vendor_id, model_key FROM observed.token_price ORDER BY ALL"
        ).fetchall() == [
            ("aws", "claudesonnet4p5v1"),
            ("x-ai", "grok4p3"),
        ]


def test_another_day_variant_size_or_region_is_another_price(home: Home, tmp_path: Path) -> None:
    others = ("gpt-4o-2024-05-13", "gpt-4o:extended", "gpt-4o-mini", "us.gpt-4o")
    with told(
        home,
        tmp_path,
        litellm=litellm({("openai", "gpt-4o"): 2.5}),
        genai_prices=genai({("openai", other): 5.0 for other in others}),
    ) as con:
        assert disagreements(con) == []


def test_a_list_with_two_prices_under_one_listing_is_held_against_nobody(home: Home, tmp_path: Path) -> None:
    with told(
        home,
        tmp_path,
        litellm=litellm(
            {("gemini", "gemini/gemini-2.5-pro"): 1.25, ("vertex_ai-language-models", "gemini-2.5-pro"): 1.5}
        ),
        genai_prices=genai({("google", "gemini-2.5-pro"): 1.3}),
    ) as con:
        assert disagreements(con) == []


def test_a_seller_is_believed_of_its_own_prices_and_a_name_is_found_however_it_is_spelled(
    home: Home, tmp_path: Path
) -> None:
    with told(
        home,
        tmp_path,
        litellm=litellm({("openrouter", "openrouter/anthropic/claude-sonnet-4.5"): 3.0}),
        openrouter=openrouter({"anthropic/claude-sonnet-4.5": 2.7}),
    ) as con:
        assert [row[5] for row in disagreements(con)] == ["openrouter"]
        found = "SELECT vendor, price_usd_per_mtok, source_id FROM token_price_of('Claude-Sonnet-4-5', valid_at := TIMESTAMPTZ '2026-05-05')"
        assert con.execute(found).fetchall() == [("openrouter", 2.7, "openrouter")]


def test_two_lists_that_disagree_are_drawn_as_no_change_of_price(home: Home, tmp_path: Path) -> None:
    """LiteLLM says 2 then 1, a month apart; genai-prices says 8 in between and is not mixed into the line."""
    model = ("deepseek", "deepseek-chat")
    recording.refresh_reference(home)

    def output(body: Any) -> Any:
        return json.loads(json.dumps(body).replace("input_", "output_"))

    take(home, tmp_path, "litellm", output(litellm({model: 2.0})), AT - dt.timedelta(days=60))
    take(home, tmp_path, "genai_prices", output(genai({model: 8.0})), AT - dt.timedelta(days=45))
    take(home, tmp_path, "litellm", output(litellm({model: 1.0})), AT - dt.timedelta(days=30))
    recording.record_subject(home, "token_price")
    query = (Path(report.__file__).parent / "queries" / "token_history.sql").read_text(encoding="utf-8")
    with write_session(home, catalog()) as con:
        con.execute("SET VARIABLE report_at = TIMESTAMPTZ '2026-05-04 12:00:00Z'")
        rows = con.sql(query).pl().to_dicts()
    assert [(r["source_id"], r["price"], str(r["from_on"]), str(r["to_on"])) for r in rows] == [
        ("litellm", 2.0, "2026-03-05", "2026-05-04"),
        ("litellm", 1.0, "2026-04-04", "2026-05-04"),
    ]


def test_a_price_eightfold_off_is_outvoted_by_two_that_agree(home: Home, tmp_path: Path) -> None:
    """As genai-prices said of deepseek-chat in June 2025; the lowest and highest word stay beside the answer."""
    model = "deepseek-chat"
    simonw = {
        "vendor": "deepseek",
        "models": [{"id": model, "name": model, "price_history": [{"input": 0.27, "output": 1.1}]}],
    }
    with told(
        home,
        tmp_path,
        litellm=litellm({("deepseek", model): 0.27}),
        genai_prices=genai({("deepseek", model): 0.014}),
        simonw=simonw,
    ) as con:
        apart = {(row[1], row[3]): row[5] for row in disagreements(con)}
        assert apart == {("genai_prices", "litellm"): "litellm", ("genai_prices", "simonw"): "simonw"}
        found = (
            "SELECT price_usd_per_mtok, low_usd_per_mtok, high_usd_per_mtok, source_id "
            f"FROM token_price_of('{model}', valid_at := TIMESTAMPTZ '2026-05-05') WHERE direction = 'input'"
        )
        assert con.execute(found).fetchall() == [(0.27, 0.014, 0.27, "litellm")]


def simonw(vendor: str, *models: tuple[str, float]) -> dict[str, Any]:
    """Willison's list of one vendor: (model, USD per million input tokens)."""
    listed = [{"id": m, "name": m, "price_history": [{"input": usd, "output": 4 * usd}]} for m, usd in models]
    return {"vendor": vendor, "models": listed}


def test_a_list_that_lags_behind_two_others_is_believed_last(home: Home, tmp_path: Path) -> None:
    """As genai-prices said of gpt-4o in June 2025, half a year after its price was halved; who lags is named."""
    model = ("openai", "gpt-4o")
    lists = {
        "litellm": litellm({model: 2.5}),
        "genai_prices": genai({model: 5.0}),
        "simonw": simonw("openai", ("gpt-4o", 2.5)),
    }
    with told(home, tmp_path, **lists) as con:
        found = (
            "SELECT price_usd_per_mtok, high_usd_per_mtok, source_id, outvoted_source_ids "
            "FROM token_price_of('gpt-4o', valid_at := TIMESTAMPTZ '2026-05-05') WHERE direction = 'input'"
        )
        assert con.execute(found).fetchall() == [(2.5, 5.0, "litellm", "genai_prices")]
        assert {(row[1], row[3]): row[5] for row in disagreements(con)} == {
            ("genai_prices", "litellm"): "litellm",
            ("genai_prices", "simonw"): "simonw",
        }
        card = "SELECT input_usd_per_mtok, source_id FROM token_price_card() WHERE to_at > TIMESTAMPTZ '2026-05-05'"
        assert con.execute(card).fetchall() == [(2.5, "simonw")]  # the only one that has both prices


def test_all_prices_of_a_model_are_of_one_of_its_names(home: Home, tmp_path: Path) -> None:
    """As LiteLLM has mistral-large-latest at Azure: one name at 8 and 24 USD, another at 2 and 6."""
    listed = genai({("azure", "mistral-large-latest"): 8.0, ("azure_ai", "mistral-large-latest"): 2.0})
    listed[0]["models"][0]["prices"]["output_mtok"] = 24.0
    listed[1]["models"][0]["prices"]["output_mtok"] = 6.0
    with told(home, tmp_path, genai_prices=listed) as con:
        found = "SELECT vendor, direction, price_usd_per_mtok FROM token_price_of('mistral-large-latest') ORDER BY ALL"
        rows = con.execute(found).fetchall()
    assert {vendor for vendor, *_ in rows} == {"azure"}
    assert [(direction, usd) for _, direction, usd in rows] in (
        [("input", 8.0), ("output", 24.0)],
        [("input", 2.0), ("output", 6.0)],
    )


def test_a_list_that_is_ahead_of_two_others_is_believed(home: Home, tmp_path: Path) -> None:
    """It said until now what they still say."""
    model = ("openai", "o3")
    recording.refresh_reference(home)
    take(home, tmp_path, "litellm", litellm({model: 10.0}), AT - dt.timedelta(days=9))
    take(home, tmp_path, "simonw", simonw("openai", ("o3", 10.0)), AT - dt.timedelta(days=9))
    take(home, tmp_path, "genai_prices", genai({model: 10.0}), AT - dt.timedelta(days=9))
    take(home, tmp_path, "genai_prices", genai({model: 2.0}))
    take(home, tmp_path, "litellm", litellm({model: 10.0, ("openai", "gpt-4"): 30.0}))
    recording.record_subject(home, "token_price")
    with write_session(home, catalog()) as con:
        found = (
            "SELECT price_usd_per_mtok, source_id, outvoted_source_ids "
            "FROM token_price_of('o3', valid_at := TIMESTAMPTZ '2026-05-05') WHERE direction = 'input'"
        )
        assert con.execute(found).fetchall() == [(2.0, "genai_prices", None)]
        assert {row[5] for row in disagreements(con)} == {"genai_prices"}


def test_two_lists_that_agree_say_nothing_against_a_price_of_long_prompts(home: Home, tmp_path: Path) -> None:
    """One price for all prompts is no word on what a long one costs."""
    listed = genai({("x-ai", "grok-4-fast"): 0.2})
    listed[0]["models"][0]["prices"] = {
        "input_mtok": {"base": 0.2, "tiers": [{"start": 128_000, "price": 0.4}]},
        "output_mtok": 0.5,
    }
    map_of = litellm({("xai", "grok-4-fast"): 0.2})
    map_of["grok-4-fast"]["output_cost_per_token"] = 5e-7
    lists = {"litellm": map_of, "genai_prices": listed, "simonw": simonw("xai", ("grok-4-fast", 0.2))}
    with told(home, tmp_path, **lists) as con:
        card = (
            "SELECT input_usd_per_mtok, source_id FROM token_price_card() "
            "WHERE tokens_above >= 128_000 AND to_at > TIMESTAMPTZ '2026-05-05'"
        )
        assert con.execute(card).fetchall() == [(0.4, "genai_prices")]


def test_one_word_against_another_is_not_outvoted(home: Home, tmp_path: Path) -> None:
    model = ("perplexity", "sonar-pro")
    with told(home, tmp_path, litellm=litellm({model: 3.0}), genai_prices=genai({model: 30.0})) as con:
        assert [row[5] for row in disagreements(con)] == ["genai_prices"]
        found = "SELECT price_usd_per_mtok, low_usd_per_mtok FROM token_price_of('sonar-pro', valid_at := TIMESTAMPTZ '2026-05-05')"
        assert con.execute(found).fetchall() == [(30.0, 3.0)]


def test_a_list_that_corrects_itself_outvotes_what_it_had_said(home: Home, tmp_path: Path) -> None:
    """As genai-prices did of Perplexity's models in the summer of 2025; before the correction was known it was one word against another."""
    model = ("perplexity", "sonar-pro")
    recording.refresh_reference(home)
    for days, body in (
        (60, litellm({model: 3.0})),
        (59, genai({model: 30.0})),
        (1, litellm({model: 3.0, ("openai", "gpt-4o"): 2.5})),
    ):
        take(
            home, tmp_path, "litellm" if isinstance(body, dict) else "genai_prices", body, AT - dt.timedelta(days=days)
        )
        recording.record_subject(home, "token_price")
    with write_session(home, catalog()) as con:
        ((before,),) = con.execute("SELECT max(recorded_at) FROM observed.token_price_log").fetchall()
    take(home, tmp_path, "genai_prices", genai({model: 3.0}), AT)
    recording.record_subject(home, "token_price")
    then = (AT - dt.timedelta(days=30)).isoformat()
    found = f"SELECT price_usd_per_mtok, source_id, high_usd_per_mtok FROM token_price_of('sonar-pro', valid_at := TIMESTAMPTZ '{then}'"
    with write_session(home, catalog()) as con:
        assert con.execute(f"{found})").fetchall() == [(3.0, "litellm", 30.0)]
        assert con.execute(f"{found}, known_at := TIMESTAMPTZ '{before.isoformat()}')").fetchall() == [
            (30.0, "genai_prices", 30.0)
        ]
        assert [row[5] for row in disagreements(con)] == ["litellm"]


def test_a_list_that_lags_behind_a_cut_does_not_outvote_it(home: Home, tmp_path: Path) -> None:
    """The price fell tenfold: the list that says so said before what the other still says, and the other will come to say it."""
    model = ("perplexity", "sonar-pro")
    recording.refresh_reference(home)
    for days, body in (
        (90, litellm({model: 30.0})),
        (90, genai({model: 30.0})),
        (60, genai({model: 3.0})),
        (0, litellm({model: 3.0})),
    ):
        take(
            home, tmp_path, "litellm" if isinstance(body, dict) else "genai_prices", body, AT - dt.timedelta(days=days)
        )
        recording.record_subject(home, "token_price")
    then = (AT - dt.timedelta(days=30)).isoformat()
    with write_session(home, catalog()) as con:
        found = (
            f"SELECT price_usd_per_mtok, source_id FROM token_price_of('sonar-pro', valid_at := TIMESTAMPTZ '{then}')"
        )
        assert con.execute(found).fetchall() == [(3.0, "genai_prices")]


def test_an_id_with_the_escapes_of_an_address_is_the_same_listing(home: Home, tmp_path: Path) -> None:
    with told(
        home,
        tmp_path,
        litellm=litellm({("bedrock", "meta.llama3-8b-instruct-v1:0"): 0.3}),
        genai_prices=genai({("aws", "meta.llama3-8b-instruct-v1%3A0"): 0.22}),
    ) as con:
        assert len(disagreements(con)) == 1


def test_what_is_said_under_two_names_at_one_price_is_said_once(home: Home, tmp_path: Path) -> None:
    vendor = "openrouter"
    twice = {(vendor, "openai/gpt-4o"): 10.0, (vendor, "gpt-4o"): 10.0}
    with told(home, tmp_path, litellm=litellm({(vendor, "openai/gpt-4o"): 15.0}), genai_prices=genai(twice)) as con:
        assert [row[1:] for row in disagreements(con)] == [("genai_prices", 10.0, "litellm", 15.0, "genai_prices")]


def test_the_check_names_what_lies_eightfold_apart(home: Home, tmp_path: Path) -> None:
    model = ("perplexity", "sonar-pro")
    with told(home, tmp_path, litellm=litellm({model: 3.0}), genai_prices=genai({model: 30.0})) as con:
        passed, found = CHECKS["rates_agree"].run(con, subject_named("token_price"))
    assert not passed
    assert found == {"sources_eightfold_apart": ["perplexity/sonar-pro/input: 3.0 (litellm) to 30.0 (genai_prices)"]}


def test_a_request_is_priced_by_the_card_that_is_not_outvoted(home: Home, tmp_path: Path) -> None:
    map_of = litellm({("deepseek", "deepseek-chat"): 0.27})
    map_of["deepseek-chat"]["output_cost_per_token"] = 1.1e-6
    listed = genai({("deepseek", "deepseek-chat"): 0.014})
    listed[0]["models"][0]["prices"]["output_mtok"] = 0.028
    history = [{"input": 0.27, "output": 1.1}]
    simonw = {"vendor": "deepseek", "models": [{"id": "deepseek-chat", "name": "chat", "price_history": history}]}
    with told(home, tmp_path, litellm=map_of, genai_prices=listed, simonw=simonw) as con:
        con.execute(
            "CREATE TEMP TABLE request AS SELECT 'deepseek' AS vendor, 'deepseek-chat' AS model, "
            "TIMESTAMPTZ '2026-05-05' AS requested_at, 1_000_000 AS input_tokens_count, 1_000_000 AS output_tokens_count"
        )
        found = con.execute("SELECT cost_usd, price_source_id FROM request_cost('request')").fetchall()
    assert found == [(0.27 + 1.1, "litellm")]


def test_a_long_prompt_is_priced_by_the_list_that_tells_what_it_costs(home: Home, tmp_path: Path) -> None:
    """As of grok-4-fast in 2026: twice the price above 128,000 tokens in one list, one price for all in the other, before it by rank."""
    map_of = litellm({("xai", "grok-4-fast"): 0.2})
    map_of["grok-4-fast"] |= {"input_cost_per_token_above_128k_tokens": 4e-7, "output_cost_per_token": 5e-7}
    listed = genai({("x-ai", "grok-4-fast"): 0.25})
    listed[0]["models"][0]["prices"]["output_mtok"] = 0.5
    with told(home, tmp_path, litellm=map_of, genai_prices=listed) as con:
        con.execute(
            "CREATE TEMP TABLE request AS SELECT unnest(['x-ai', 'xai']) AS vendor, 'Grok 4 Fast' AS model, TIMESTAMPTZ '2026-05-05' AS requested_at, "
            "unnest([1_000_000, 100_000]) AS input_tokens_count, 0 AS output_tokens_count"
        )
        found = con.execute("SELECT cost_usd, price_source_id FROM request_cost('request') ORDER BY 1").fetchall()
    assert found == [(pytest.approx(0.025), "genai_prices"), (pytest.approx(0.4), "litellm")]


def test_a_vendor_that_sells_dated_names_only_is_there_with_each_of_them(home: Home, tmp_path: Path) -> None:
    """Anthropic sells claude-sonnet-4-20250514, resellers claude-sonnet-4; two snapshots of two prices are never one."""
    sold = {
        ("anthropic", "claude-sonnet-4-20250514"): 3.0,
        ("gmi", "gmi/anthropic/claude-sonnet-4"): 3.5,
        ("openai", "gpt-4o"): 2.5,
        ("openai", "gpt-4o-2024-05-13"): 5.0,
        ("azure", "azure/gpt-4o-2024-05-13"): 5.0,
        ("azure", "azure/gpt-4o-2024-08-06"): 2.5,
        ("azure", "azure/gpt-4o-mini"): 0.15,
        ("anthropic", "claude-only-dated-20260101"): 7.0,
    }
    with told(home, tmp_path, litellm=litellm(sold)) as con:

        def asked(model: str) -> list[tuple[str, str, float]]:
            found = f"SELECT vendor, model, price_usd_per_mtok FROM token_price_of('{model}', valid_at := TIMESTAMPTZ '2026-05-05') ORDER BY ALL"
            return [(vendor, name.split("/")[-1], usd) for vendor, name, usd in con.execute(found).fetchall()]

        assert asked("claude-sonnet-4") == [
            ("anthropic", "claude-sonnet-4-20250514", 3.0),
            ("gmi", "claude-sonnet-4", 3.5),
        ]
        assert asked("claude-sonnet-4@20250514") == [("anthropic", "claude-sonnet-4-20250514", 3.0)]
        assert asked("gpt-4o") == [
            ("azure", "gpt-4o-2024-05-13", 5.0),
            ("azure", "gpt-4o-2024-08-06", 2.5),
            ("openai", "gpt-4o", 2.5),
        ]
        assert asked("gpt-4o-2024-05-13") == [
            ("azure", "gpt-4o-2024-05-13", 5.0),
            ("openai", "gpt-4o-2024-05-13", 5.0),
        ]
        assert asked("claude-only-dated") == [("anthropic", "claude-only-dated-20260101", 7.0)]
        with pytest.raises(duckdb.Error, match="claude-only"):
            asked("claude-only")
