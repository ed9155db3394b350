"""Reading scenarios: what is refused, each with the line a person gets."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import read_any
from assets.estimated.scenario_files.training import bundled_scenarios, parse_scenario, scenario_of

BAD = [
    (
        {"utilization_share": 45},
        "utilization_share: 45 given; allowed is a number from 1e-06 to 1 (a share of 1, not percent)",
    ),
    ({"utilization_share": 1.2}, "utilization_share: 1.2 given"),
    ({"pue": 0.9}, "pue: 0.9 given; allowed is a number from 1 to 5 (total over IT energy is never below 1)"),
    ({"pue": float("nan")}, "pue: nan is not a finite number"),
    ({"gpu_hours": float("inf")}, "gpu_hours: inf is not a finite number"),
    ({"gpu_hours": 0}, "gpu_hours: 0 given; allowed is a number of GPU-hours"),
    ({"gpu_hours": -1}, "gpu_hours: -1 given"),
    ({"gpu_hours": True}, "gpu_hours: True is not a number"),
    ({"gpu_hours": [1]}, "gpu_hours: [1] is not a number"),
    ({"power_w_per_gpu": "400 W"}, "power_w_per_gpu: '400 W' is text; allowed is a number of W"),
    (
        {"power_kw_per_gpu": 400_000},
        "power_kw_per_gpu (read as power_w_per_gpu): 4e+08 given; allowed is a number of W",
    ),
    (
        {"power_w_per_gpu": 400, "power_kw_per_gpu": 0.4},
        "power_w_per_gpu and power_kw_per_gpu: both state power_w_per_gpu",
    ),
    ({"step_s": 3.7}, "step_s: says nothing by itself; give step_count too"),
    (
        {"step_count": 10, "step_s": 3.7, "duration_days": 2},
        "duration_days: given, and it follows from step_count and step_s too",
    ),
    ({"grid_gco2e_per_kwh": 0.385}, "385 g, not 0.385 kg"),
    ({"achieved_flop_per_s_per_gpu": 24.6}, "24.6e12, not 24.6 (TFLOP/s)"),
    ({"training_flop": 3640}, "for PF-days multiply by 8.64e19"),
    ({"parameters_count": 175}, "175e9, not 175"),
    ({"gpu_hours": {"low": 1, "high": 2}}, "gpu_hours: a band has exactly low, central and high; got low, high"),
    ({"gpu_hours": {"low": 3, "central": 2, "high": 4}}, "are not in ascending order"),
    ({"gpu_hours": {"low": 0, "central": 2, "high": 4}}, "gpu_hours.low: 0 given"),
    ({"pue": {"low": 0.9, "central": 1.1, "high": 1.2}}, "pue.low: 0.9 given"),
    ({"as_of": "yesterday"}, "as_of: 'yesterday' is not a date"),
    ({"as_of": 2025}, "as_of: 2025 given; allowed is a date"),
    ({"purchase": "on demnad"}, "did you mean on_demand?"),
    ({"model": 3}, "model: 3 given; allowed is a name in quotes"),
    ({"model": " "}, "allowed is a name in quotes"),
    ({"include_attention": 1}, "include_attention: 1 given; allowed are true and false"),
    (
        {"parameters_count": 1e9, "active_parameters_count": 2e9},
        "active_parameters_count: 2e+09 given; allowed is at most parameters_count",
    ),
    ({"nonsense": 1}, "nonsense: unknown field; allowed are model,"),
]


@pytest.mark.parametrize(("values", "message"), BAD)
def test_bad_input(values: dict[str, object], message: str) -> None:
    """One line that names the field, what was given and what is allowed."""
    with pytest.raises(ScenarioError) as error:
        scenario_of(values)
    assert message in str(error.value)
    assert len(error.value.problems) == 1
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training", "scenario: not a TOML file"),
        ("", "training: no [training] table"),
        ("[training]", "training: no [training] table with fields"),
        ("gpu_hours = 3", "gpu_hours: unknown field outside [training]; it belongs below [training]"),
        ("[trainin]\npue = 1.1", "did you mean training?"),
        ("title = 3\n[training]\npue = 1.1", "title: 3 given; allowed is text in quotes"),
    ],
)
def test_bad_file(text: str, message: str) -> None:
    """A file that is no scenario says so."""
    with pytest.raises(ScenarioError, match=r"training|TOML|title") as error:
        parse_scenario(text)
    assert message in str(error.value)


def test_all_problems_at_once() -> None:
    """Every bad field is told in one go."""
    with pytest.raises(ScenarioError) as error:
        scenario_of({"pue": 0.5, "gpu_hours": -1, "modle": "x"})
    assert len(error.value.problems) == 3


def test_missing_and_unreadable_file(tmp_path: Path) -> None:
    """No file, and a file that is no text."""
    with pytest.raises(ScenarioError, match="no such file"):
        read_any(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="cannot be read as UTF-8"):
        read_any(tmp_path / "binary.toml")


def test_dates_and_bands() -> None:
    """A TOML date is midnight UTC; a band is kept."""
    scenario = parse_scenario(
        "[training]\nas_of = 2025-06-05\npue = {low = 1.1, central = 1.2, high = 1.3}\ngpu_hours = 10"
    )
    assert scenario.as_of == dt.datetime(2025, 6, 5, tzinfo=dt.UTC)
    assert scenario.as_json() == {
        "scenario_id": "scenario",
        "pue": {"low": 1.1, "central": 1.2, "high": 1.3},
        "gpu_hours": 10.0,
        "as_of": "2025-06-05T00:00:00+00:00",
    }


def test_bundled_scenarios_are_described() -> None:
    """Each has a title, a note and a source."""
    scenarios = bundled_scenarios()
    assert {"gpt-3-175b", "llama-65b", "bloom-176b", "llama-3.1-405b", "deepseek-v3"} <= {
        s.scenario_id for s in scenarios
    }
    assert all(s.title and s.note and s.source_url for s in scenarios)


@pytest.mark.parametrize(
    ("written", "model_id"),
    [
        ("GPT-3", "gpt-3-175b"),
        ("gpt-3", "gpt-3-175b"),
        ("Mixtral", "mixtral-8x7b"),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "llama-3-8b"),
        ("meta.llama3-1-70b-instruct-v1:0", "llama-3.1-70b"),
        ("accounts/fireworks/models/llama-v3p1-405b-instruct", "llama-3.1-405b"),
        ("DeepSeek V3", "deepseek-v3"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("T5-base", "t5-base"),
        ("llama-4-maverick (groq)", "llama-4-maverick"),
        ("t5", None),
        ("llama", None),
        ("deepseek-v3-0324", None),
        ("llama-3.1-8b-instruct-turbo", None),
    ],
)
def test_a_model_is_known_by_any_of_its_names(
    written: str, model_id: str | None, warehouse: duckdb.DuckDBPyConnection
) -> None:
    query = "SELECT max(model_id) FROM observed.model_name WHERE name_key = model_key(?)"
    assert warehouse.execute(query, [written]).fetchall() == [(model_id,)]


def test_every_alias_means_one_model(warehouse: duckdb.DuckDBPyConnection) -> None:
    unknown = "SELECT alias FROM reference.model_alias ANTI JOIN reference.model USING (model_id)"
    assert warehouse.execute(unknown).fetchall() == []
    unclear = (
        "SELECT alias FROM reference.model_alias a ANTI JOIN observed.model_name n "
        "ON n.name_key = model_key(a.alias) AND n.model_id = a.model_id"
    )
    assert warehouse.execute(unclear).fetchall() == []
    own = "SELECT m.model_id FROM reference.model m ANTI JOIN observed.model_name n ON n.name_key = model_key(m.model_id) AND n.model_id = m.model_id"
    assert warehouse.execute(own).fetchall() == []
