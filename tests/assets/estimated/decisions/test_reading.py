"""Decision sections of a scenario file: what is refused, in one clear line each, before anything is asked."""

from __future__ import annotations

import pytest

from assets.estimated.decisions.declarations import DECISIONS, DecisionStatement
from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import bundled_decisions, parse_any

WORKLOAD = '[[esg_report.workloads]]\nname = "a"\naccelerator = "H100"\ngpu_hours = 1\n'
BAD = [
    ("[siting]\naccelerator = 'H100'", "gpu_hours or flop or model: missing in [siting]"),
    ("[siting]\ngpu_hours = 0", "gpu_hours: 0 given; allowed is a number"),
    ("[siting]\ngpu_hours = 10\nflop = 1e20", "several given; allowed is one of them"),
    ("[siting]\ngpu_hour = 10", "gpu_hour: unknown field of [siting]; did you mean gpu_hours"),
    ("[siting]\ngpu_hours = 10\nutilization = 1.5", "utilization: 1.5 given"),
    ("[siting]\ngpu_hours = 10\npurchase = 'spott'", "did you mean spot"),
    ("[siting]\ngpu_hours = 10\nboundary = 'scope3'", "allowed are lifecycle, direct"),
    ("[siting]\ngpu_hours = 10\nvalid_at = 'soon'", "valid_at: 'soon' is not a date"),
    ("[siting]\ngpu_hours = {low = 1, central = 2, high = 3}", "gpu_hours: a band given; allowed is one number"),
    ("[siting]\ngpu_hours = 10\ndata_gb = -1", "data_gb: -1 given"),
    ("[why_moved]\nfrom_at = 2024-01-01", "estimate or scenario: missing in [why_moved]"),
    ("[why_moved]\nfrom_at = 2024-01-01\nestimate = 'x'\nscenario = 'y'", "several given; allowed is one of them"),
    ("[why_moved]\nestimate = 'x'\nfrom_at = 2025-01-01\nto_at = 2024-01-01", "allowed is a day up to to_at"),
    ("[build_adapt_buy]\nbuy_model = 'gpt-4'", "own_tokens_per_s_per_gpu: missing"),
    ("[build_adapt_buy]\nown_tokens_per_s_per_gpu = 5\nown_tokens_low = 9", "not in ascending order"),
    ("[build_adapt_buy]\nown_tokens_per_s_per_gpu = 5\nis_full_adaptation = 1", "allowed is true or false"),
    ("[east_west]\nfrom_cluster = 'shaoguan'", "it_energy_kwh: missing in [east_west]"),
    ("[esg_report]\nof_year = 2024", "workloads: missing in [esg_report]"),
    (f"[esg_report]\nof_year = 1700\n{WORKLOAD}", "of_year: 1700 given"),
    (
        f"[esg_report]\nof_year = 2024\n{WORKLOAD}zone = 'US'\nregion = 'us-east-1'",
        "zone and region given; allowed is one of them",
    ),
    (f"[esg_report]\nof_year = 2024\n{WORKLOAD}pue = 0.9", "workloads[1].pue: 0.9 given"),
    (f"[esg_report]\nof_year = 2024\n{WORKLOAD}month = 13", "workloads[1].month: 13 given"),
    (
        f"[esg_report]\nof_year = 2024\n{WORKLOAD}gpu_hour = 1",
        "workloads[1].gpu_hour: unknown field; did you mean gpu_hours",
    ),
    ("[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'", "gpu_hours is missing"),
    ("[esg_report]\nof_year = 2024\nworkloads = 5", "give each in a table of its own"),
    ("[petaday_history]\naccelerator = 'A100'", "petadays: missing"),
    ("[sitting]\ngpu_hours = 10", "did you mean siting"),
    ("siting = 5", "needs a line [siting]"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[m for _, m in BAD])
def test_what_cannot_be_asked_is_said(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse_any(text)
    assert any(message in problem for problem in error.value.problems), error.value.problems


def test_every_decision_ships_with_a_scenario() -> None:
    found = bundled_decisions()
    assert {s.decision.section for s in found} == set(DECISIONS)
    for statement in found:
        assert isinstance(statement, DecisionStatement)
        assert statement.title
        assert statement.note
        assert statement.source_url


def test_keys_in_other_units_and_under_other_names() -> None:
    found = parse_any("[siting]\ngpu_hours_k = 10\ngpu = 'H100'\ndata_tb = 5")
    assert isinstance(found, DecisionStatement)
    assert dict(found.arguments) == {"gpu_hours": 10_000, "accelerator": "H100", "data_gb": 5_000}
    found = parse_any(
        "[esg_report]\nof_year = 2024\n[[esg_report.workloads]]\nname = 'a'\ngpu = 'H100'\ndevice_hours = 1\nzone = 'US'"
    )
    assert isinstance(found, DecisionStatement)
    workload = {k: v for k, v in found.arguments["workloads"][0].items() if v is not None}
    assert workload == {"name": "a", "accelerator": "H100", "gpu_hours": 1, "zone": "US"}
    with pytest.raises(ScenarioError, match=r"it_energy_gwh \(read as it_energy_kwh\): -1e\+06 given"):
        parse_any("[east_west]\nit_energy_gwh = -1")
