"""Answers as a whole: bundled ones are those of the macros, the command gives their rows, names that are not known."""

from __future__ import annotations

import datetime as dt
import re

import duckdb
import pytest

from assets.estimated import estimate_history
from assets.estimated.decisions import assets as decision_assets
from assets.estimated.decisions.asking import answer
from assets.estimated.decisions.declarations import DECISIONS, DecisionStatement
from assets.estimated.decisions.tables import DECISION_TABLES
from assets.estimated.estimate_file import estimate_any
from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import parse_any
from tests.pipelines.decisions.asked import rows_of


def test_bundled_answers_are_those_of_the_macros(bundled: duckdb.DuckDBPyConnection) -> None:
    assert decision_assets.compute(bundled) is False
    for table in DECISION_TABLES:
        frame = bundled.sql(f"SELECT {', '.join(table.declared())} FROM {table.full_name}").pl()
        assert frame.height, table.full_name
        good, failure = table.columns.filter(frame, cast=True)
        assert not len(failure), (table.full_name, failure.counts())
        assert good.height == frame.height


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[siting]\ngpu_hours = 10\naccelerator = 'H1000'",
            "accelerator: 'H1000' is not known; did you mean nvidia-h100",
        ),
        ("[siting]\nmodel = 'gpt-3-175'", "did you mean gpt-3-175b"),
        # No pattern that matches any name.
        ("[build_adapt_buy]\nown_tokens_per_s_per_gpu = 5\nbuy_model = '%'", "buy_model: '%' is not known"),
        (
            "[why_moved]\nestimate = 'llama-65b'\nfrom_at = 2024-01-01\nto_accelerator = 'H100'",
            "to_accelerator: 'H100' may be nvidia-h100-nvl-94gb, nvidia-h100-pcie-80gb, nvidia-h100-sxm-80gb; name one",
        ),
        (
            "[why_moved]\nestimate = 'llama-65b'\nfrom_at = 2024-01-01\nto_accelerator = 'H1000'",
            "to_accelerator: 'H1000' is not known; did you mean nvidia-h100",
        ),
        ("[siting]\ngpu_hours = 10\nfrom_provider = 'asw'", "did you mean aws"),
        ("[why_moved]\nestimate = 'llama-65'\nfrom_at = 2024-01-01", "did you mean llama-65b"),
        ("[east_west]\nit_energy_kwh = 1\nfrom_cluster = 'shaoguann'", "did you mean shaoguan"),
        ("[build_adapt_buy]\nown_tokens_per_s_per_gpu = 5\nbuy_model = 'gpt-4oo'", "did you mean gpt-4o"),
        (
            "[siting]\ngpu_hours = 10\nfrom_provider = 'aws'\nfrom_region = 'us-est-1'",
            "from_region: 'us-est-1' is not known; did you mean us-west-1 or us-east-1",
        ),
        (
            "[siting]\ngpu_hours = 10\nagainst_provider = 'awss'",
            "against_provider: 'awss' is not known; did you mean aws",
        ),
        (
            "[why_moved]\nestimate = 'llama-65b'\nfrom_at = 2024-01-01\nto_region = 'us-eest-1'",
            "to_region: 'us-eest-1' is not known; did you mean us-west-1 or us-east-1",
        ),
        (
            "[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\npower_w_per_gpu = 700\nprovider = 'aws'\nregion = 'westeurope'",
            "workloads[1].region: 'westeurope' is no region of aws",
        ),
        (
            "[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\npower_w_per_gpu = 700\nzone = 'XX'",
            "workloads[1].zone: 'XX' is not known",
        ),
        (
            "[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\npower_w_per_gpu = 700\nzone = 'germany'",
            "workloads[1].zone: 'germany' is not known; grid zones of Germany: DE",
        ),
        (
            "[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\naccelerator = 'A100 80GB'",
            "may be nvidia-a100-80gb, nvidia-a100-pcie-80gb, nvidia-a100-sxm-80gb; name one",
        ),
    ],
)
def test_a_name_that_is_not_known_is_answered_with_the_closest(
    bundled: duckdb.DuckDBPyConnection, text: str, message: str
) -> None:
    statement = parse_any(text)
    assert isinstance(statement, DecisionStatement)
    with pytest.raises(ScenarioError, match=re.escape(message)):
        answer(bundled, statement, dt.datetime(2026, 8, 1, tzinfo=dt.UTC))


def test_the_command_gives_the_rows_of_the_macro(bundled: duckdb.DuckDBPyConnection) -> None:
    now = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
    result = estimate_any(bundled, parse_any("[siting]\ngpu_hours = 1000\naccelerator = 'H100'"), now)
    assert result["rows"] == rows_of(
        bundled,
        "FROM siting(gpu_hours := 1000, accelerator := 'H100', valid_at := TIMESTAMPTZ '2026-08-01 00:00:00+00')",
    )
    assert result["decision"] == "siting"
    assert result["method_version"] == DECISIONS["siting"].version


def test_a_question_that_nothing_answers_says_so(bundled: duckdb.DuckDBPyConnection) -> None:
    """Two models of a year make no line."""
    found = estimate_any(bundled, parse_any("[compute_growth]\nfrom_on = 1970-01-01\nto_on = 1971-01-01"))
    assert (found["rows"], found["reason"]) == ([], "nothing that was observed answers this")


def test_estimates_are_noted_once(bundled: duckdb.DuckDBPyConnection) -> None:
    """Each as the tables hold it, so that they can be asked as known at a time; what did not change is not noted again."""
    assert estimate_history.note(bundled) == 0
    now = rows_of(bundled, "FROM scenario_verdict()")
    assert rows_of(bundled, "FROM scenario_verdict(known_at := now())") == now
    before = rows_of(bundled, "FROM scenario_verdict(known_at := TIMESTAMPTZ '2020-01-01 00:00:00+00')")
    assert {r["verdict"] for r in before} == {"unknown"}
    assert len(before) == len(now)
