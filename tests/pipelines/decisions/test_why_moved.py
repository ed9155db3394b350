"""Why an estimate moved: parts that add up to the last cent and gram, for every kind of estimate."""

from __future__ import annotations

import datetime as dt
import random
import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.estimated.estimate_file import estimate_any
from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import parse_any
from tests.pipelines.decisions.asked import KINDS, MEASURED, ON, PETADAYS, SCENARIOS, SITED, adds_up, rows_of, split_of

MOVES = [
    f"'{scenario}', DATE '{start}', to_at := DATE '{end}'{extra}"
    for scenario, start, end, extra in (
        ("gpt-3-175b-h100", "2024-01-01", "2026-01-01", ""),
        ("gpt-3-175b-h100", "2024-03-01", "2026-06-01", ", utilization_to := 0.41"),
        ("gpt-3-175b-a100", "2024-01-01", "2026-06-01", ", to_accelerator := 'nvidia-h100-sxm-80gb'"),
        (
            "gpt-3-175b-a100",
            "2024-01-01",
            "2025-07-01",
            ", to_accelerator := 'nvidia-h100-sxm-80gb', to_region := 'us-east-1', to_provider := 'aws', utilization_to := 0.37",
        ),
        ("llama-65b", "2023-01-01", "2026-06-01", ""),
        ("llama-3.1-405b", "2024-07-01", "2026-06-01", ""),
    )
]


@pytest.mark.parametrize("move", MOVES)
def test_parts_of_an_estimates_move_add_up(bundled: duckdb.DuckDBPyConnection, move: str) -> None:
    found = split_of(rows_of(bundled, f"FROM why_moved({move})"))
    assert set(found) == {"cost_usd", "energy_kwh", "operational_kgco2e"}
    assert all(adds_up(parts) for parts in found.values())
    assert set(found["cost_usd"]) == {"hardware", "utilization", "price", "exchange_rate", "method", "total"}
    assert set(found["operational_kgco2e"]) == {"hardware", "utilization", "power", "pue", "grid", "method", "total"}


@pytest.mark.parametrize("estimate", KINDS)
@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.dates(dt.date(2024, 1, 1), dt.date(2025, 1, 1)),
    end=st.dates(dt.date(2025, 1, 2), dt.date(2026, 7, 1)),
    use=st.none() | st.floats(0.05, 0.95),
)
def test_parts_add_up_of_every_kind(
    bundled: duckdb.DuckDBPyConnection, estimate: str, start: dt.date, end: dt.date, use: float | None
) -> None:
    """To the last cent and gram, whatever the days and the utilisation; what is not known is NULL as a whole."""
    rows = bundled.execute("FROM why_moved(?, ?, to_at := ?, utilization_to := ?)", [estimate, start, end, use]).pl()
    found = split_of(rows.to_dicts())
    assert set(found) == KINDS[estimate]
    if estimate == MEASURED and use is not None:
        # What was measured says nothing of how busy it was, so nothing of another use.
        assert {parts["total"] for parts in found.values()} == {None}
        assert all("utilisation of the estimate is not known" in r for r in rows["reason"])
    else:
        assert all(adds_up(parts) for parts in found.values()), found


def test_before_any_grid_data_the_later_side_is_known(bundled: duckdb.DuckDBPyConnection) -> None:
    """Only the date of which no year of the grid is known is named, and the other side has its value and its total."""
    rows = rows_of(
        bundled,
        "FROM why_moved('gpt-3-175b-h100', DATE '1990-01-01', to_at := DATE '2026-08-01') WHERE quantity = 'operational_kgco2e'",
    )
    assert {row["reason"] for row in rows} == {"no whole year of the grid of US (lifecycle) is known up to 1990-01-01"}
    (grid,) = [row for row in rows if row["part"] == "grid"]
    assert grid["value_from"] is None and 0.2 < grid["value_to"] < 0.6
    assert {row["total_from"] for row in rows} == {None}
    assert min(row["total_to"] for row in rows) > 0


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("'chatgpt-fleet-2023', DATE '2018-01-01'", "no rate of nvidia-a100-sxm-80gb (on_demand) stands on 2018-01-01"),
        ("'gpt-3-175b-h100', DATE '2024-01-01', to_accelerator := 'nvidia-a100-80gb'", "the board power of nvidia-h100-sxm-80gb or nvidia-a100-80gb is not known"),
        ("'gpt-3-175b-h100', DATE '2024-01-01', to_provider := 'lambda', to_region := 'global'", "no grid zone is known for global"),
        ("'gpt-3-175b-h100', DATE '1990-01-01', to_region := 'US'", "no whole year of the grid of US (lifecycle) is known up to 1990-01-01"),
        ("'llama-2-70b-serving-h100', DATE '2024-01-01', to_accelerator := 'nvidia-a100-sxm-80gb'", "does not hold the batch in its memory, or does not compute in the number format"),
        (f"'{PETADAYS}', DATE '2018-01-01'", "no on_demand rate of nvidia-a100-sxm-80gb counts on 2018-01-01"),
        (f"'{SITED}', DATE '2018-01-01'", "no on_demand offer of nvidia-h100-sxm-80gb by aws us-east-1 stands on 2018-01-01"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_says_why(bundled: duckdb.DuckDBPyConnection, call: str, reason: str) -> None:
    """On every row of what is not known, and on no other."""
    rows = rows_of(bundled, f"FROM why_moved({call}, to_at := {ON})")
    assert any(reason in (r["reason"] or "") for r in rows if r["part"] == "total"), rows
    assert all((r["reason"] is None) == (r["moved_by"] is not None) for r in rows)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("[why_moved]\nestimate = 'gpt-3-175b-h100'\nfrom_at = 2027-05-01", "from_at: 2027-05-01 given; allowed is a day up to today, 2026-06-01, or give to_at too"),
        ("[why_moved]\nestimate = 'gpt-3-175b-h100'\nfrom_at = 2024-01-01\nto_at = 2099-01-01", "to_at: 2099-01-01 lies more than a year ahead; allowed is up to 2027-06-02"),
        ("[siting]\ngpu_hours = 10\nvalid_at = 9999-12-31", "valid_at: 9999-12-31 lies more than a year ahead"),
        ("[compute_growth]\nfrom_on = 2027-01-01", "from_on: 2027-01-01 given; allowed is a day up to today"),
        ("[esg_report]\nof_year = 2099\n[[esg_report.workloads]]\nname = 'a'\ngpu_hours = 1\npower_w_per_gpu = 700\nzone = 'DE'", "of_year: 2099 lies more than a year ahead; allowed is up to 2027"),
    ],
)  # fmt: skip
def test_a_date_ahead_is_one_line(bundled: duckdb.DuckDBPyConnection, asked: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(message)):
        estimate_any(bundled, parse_any(asked), dt.datetime(2026, 6, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("[siting]\ngpu_hours = 10\nvalid_at = 1999-01-01", "valid_at: 1999-01-01 given; the first of observed.cloud_rate is from 20"),
        ("[siting]\ngpu_hours = 10\nknown_at = 1999-01-01", "known_at: 1999-01-01 given; the first of anything recorded here is from 20"),
        ("[petaday_history]\npetadays = 1\nto_on = 1999-01-01", "to_on: 1999-01-01 given; the first of estimated.price_index is from 20"),
        ("[build_adapt_buy]\nbuy_model = 'gpt-4'\nown_tokens_per_s_per_gpu = 9\nto_on = 1999-01-01", "to_on: 1999-01-01 given; the first of observed.token_price is from 20"),
    ],
)  # fmt: skip
def test_a_date_before_anything_was_known_is_one_line(
    bundled: duckdb.DuckDBPyConnection, asked: str, message: str
) -> None:
    with pytest.raises(ScenarioError, match=re.escape(message)):
        estimate_any(bundled, parse_any(asked), dt.datetime(2026, 6, 1, tzinfo=dt.UTC))


def test_a_card_is_moved_to_by_any_of_its_names(bundled: duckdb.DuckDBPyConnection) -> None:
    """As everywhere else; the macro knows it by its key."""
    asked = "[why_moved]\nestimate = 'gpt-3-175b-h100'\nfrom_at = 2025-06-01\nto_at = 2026-06-01\nto_accelerator = '{}'"
    now = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    by_key, by_name = (
        estimate_any(bundled, parse_any(asked.format(card)), now)["rows"]
        for card in ("nvidia-h200-sxm-141gb", "H200 SXM")
    )
    assert by_name == by_key
    assert any(r["part"] == "hardware" for r in by_key)


OWN = {
    "gpt-3-175b-h100": "gpt-3-175b-h100.toml",
    "llama-65b-lora-a100": "other/llama-65b-lora-a100.toml",
    "llama-2-70b-serving-h100": "other/llama-2-70b-serving-h100.toml",
    "chatgpt-fleet-2023": "other/chatgpt-fleet-2023.toml",
    MEASURED: "other/llama-3.1-70b-service-h100.toml",
}


@pytest.mark.parametrize("estimate", OWN)
@pytest.mark.parametrize("known_at", ["2035-01-01", "2000-01-01"])
def test_a_scenario_of_ones_own_is_split_as_a_bundled_one(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, estimate: str, known_at: str
) -> None:
    """Under another name and with names as people write them: the same parts, on both clocks, to the last digit."""
    text = SCENARIOS.joinpath(OWN[estimate]).read_text(encoding="utf-8")
    text = text.replace("accelerator =", "gpu =").replace('"nvidia-h100-sxm-80gb"', '"H100 SXM"')
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    asked = parse_any(
        f"[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2024-06-01\nto_at = 2026-06-01\nknown_at = {known_at}"
    )
    found = estimate_any(bundled, asked, dt.datetime(2026, 8, 1, tzinfo=dt.UTC), tmp_path)["rows"]
    bundled_rows = bundled.execute(
        "FROM why_moved(?, DATE '2024-06-01', to_at := DATE '2026-06-01', known_at := ?::TIMESTAMPTZ)",
        [estimate, known_at],
    )
    assert {(r["quantity"], r["part"]): r["moved_by"] for r in found} == {
        (r["quantity"], r["part"]): r["moved_by"] and pytest.approx(r["moved_by"], rel=1e-9, abs=1e-9)
        for r in bundled_rows.pl().to_dicts()
    }
    assert all(adds_up(parts) for parts in split_of(found).values() if parts["total"] is not None)
    # What was known in 2000: nothing. Of the fleet the price of a kWh and its energy are stated, and did not move.
    expected = not any(
        parts["total"] is not None for parts in split_of(found).values() if any("price" in part for part in parts)
    )
    assert estimate.startswith("chatgpt") or expected == (known_at < "2020")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("[training]\ngpu_hours = 0", "mine.toml: gpu_hours: 0 given"),
        ("[training]\nmodel = 'llama-65'\naccelerator = 'A100 80GB'", "mine.toml: model: llama-65 is not in"),
        ("[request]\noutput_tokens = 5", "mine.toml: allowed is a scenario of [training], [fine_tuning], [serving], [service], [fleet]"),
        ("[training]\ncost_view = 'amortised'\ngpu_hours = 5", "mine.toml: cost_view: amortised given; what moves is the rent"),
        (None, "mine.toml: no such file"),
    ],
)  # fmt: skip
def test_a_scenario_of_ones_own_that_cannot_be_split_is_one_line(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, own: str | None, message: str
) -> None:
    if own is not None:
        (tmp_path / "mine.toml").write_text(own, encoding="utf-8")
    asked = parse_any("[why_moved]\nscenario = 'mine.toml'\nfrom_at = 2024-06-01")
    with pytest.raises(ScenarioError, match=re.escape(message)):
        estimate_any(bundled, asked, dt.datetime(2026, 8, 1, tzinfo=dt.UTC), tmp_path)


def test_the_later_side_is_the_row_itself(bundled: duckdb.DuckDBPyConnection) -> None:
    """Of a fine-tuning, a service, a place and petadays: total_to is what the tables say of that moment."""
    at = bundled.sql("SELECT max(recorded_at) FROM meta.capture").fetchall()[0][0]
    sited = bundled.sql(
        "SELECT cost_usd, energy_kwh, operational_kgco2e FROM estimated.siting WHERE provider = 'aws' AND region = 'us-east-1' "
        "AND accelerator_id = 'nvidia-h100-sxm-80gb' AND purchase_option = 'on_demand'"
    ).pl().to_dicts()[0]  # fmt: skip
    petadays = bundled.sql(
        "SELECT cost_usd, energy_kwh FROM estimated.petaday_history WHERE accelerator_id = 'nvidia-a100-sxm-80gb' AND index_on = DATE '2026-06-01'"
    ).pl().to_dicts()[0]  # fmt: skip
    estimates = bundled.sql(
        "SELECT scenario_id, quantity, central, as_of_at FROM estimated.scenario_estimate WHERE section IN ('fine_tuning', 'serving', 'service')"
    ).pl().to_dicts()  # fmt: skip
    expected = {SITED: (sited, at), PETADAYS: (petadays, dt.datetime(2026, 6, 1, tzinfo=dt.UTC))} | {
        name: (
            {r["quantity"]: r["central"] for r in estimates if r["scenario_id"] == name},
            next(r["as_of_at"] for r in estimates if r["scenario_id"] == name),
        )
        for name in ("llama-65b-lora-a100", "llama-2-70b-serving-h100", MEASURED)
    }
    for estimate, (values, moment) in expected.items():
        found = bundled.execute(
            "SELECT DISTINCT quantity, total_to FROM why_moved(?, DATE '2024-01-01', to_at := ?)", [estimate, moment]
        ).fetchall()
        assert {q for q, _ in found} == KINDS[estimate]
        for quantity, total in found:
            assert total == pytest.approx(values[quantity], rel=1e-9), (estimate, quantity)


@pytest.mark.parametrize("scenario", ["llama-65b", "gpt-3-175b-h100", "gpt-3-175b-a100"])
@pytest.mark.parametrize("quantity", ["cost_usd", "energy_kwh", "operational_kgco2e"])
def test_the_later_side_is_the_estimate_itself(
    bundled: duckdb.DuckDBPyConnection, scenario: str, quantity: str
) -> None:
    central, as_of = bundled.execute(
        "SELECT central, as_of_at FROM estimated.training_estimate WHERE scenario_id = ? AND quantity = ?",
        [scenario, quantity],
    ).fetchall()[0]
    total = bundled.execute(
        "SELECT total_to FROM why_moved(?, DATE '2024-01-01', to_at := ?) WHERE quantity = ? AND part = 'total'",
        [scenario, as_of, quantity],
    ).fetchall()[0][0]
    assert total == pytest.approx(central, rel=1e-9)


def test_what_a_scenario_states_does_not_move(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(bundled, "FROM why_moved('gpt-3-175b', DATE '2021-01-01', to_at := DATE '2026-01-01')")
    assert {r["moved_by"] for r in found} == {0.0}


def test_a_change_of_method_is_a_part_of_its_own(bundled: duckdb.DuckDBPyConnection) -> None:
    """A later version of the method that finds a tenth more hours and a fifth more energy."""
    bundled.execute("BEGIN")
    try:
        bundled.execute(
            "INSERT INTO estimated.training_estimate BY NAME SELECT * REPLACE ('training-10' AS method_version, "
            "central * CASE quantity WHEN 'gpu_hours' THEN 1.1 WHEN 'energy_kwh' THEN 1.2 ELSE 1 END AS central) "
            "FROM estimated.training_estimate WHERE scenario_id = 'llama-65b'"
        )
        found = rows_of(
            bundled,
            "FROM why_moved('llama-65b', DATE '2024-01-01', to_at := DATE '2024-01-01', from_method := 'training-2')",
        )
    finally:
        bundled.execute("ROLLBACK")
    moved = {(r["quantity"], r["part"]): r["moved_by"] for r in found}
    total = {r["quantity"]: r["total_from"] for r in found}
    assert moved["cost_usd", "method"] == pytest.approx(0.1 * total["cost_usd"])
    assert moved["operational_kgco2e", "method"] == pytest.approx(0.2 * total["operational_kgco2e"])
    assert {v for (_, part), v in moved.items() if part not in ("method", "total")} == {0.0}


def test_a_price_before_the_first_observation_is_not_known(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        "FROM why_moved('gpt-3-175b-h100', DATE '2019-01-01', to_at := DATE '2026-01-01') WHERE quantity = 'cost_usd'",
    )
    assert {r["moved_by"] for r in found} == {None}
    assert {r["total_from"] for r in found} == {None}


def test_any_split_adds_up_to_the_last_cent(bundled: duckdb.DuckDBPyConnection) -> None:
    """Moves of a ten-thousandth of a millionth, factors of 0, sides that are not known, totals of billions."""
    drawn = random.Random(4)
    rows: list[tuple[str, str, float | None, float | None]] = []
    for number in range(600):
        scale = 10 ** drawn.uniform(0, 9)
        rows.append((f"q{number}", "scale", scale, scale))
        for part in range(drawn.randrange(2, 8)):
            value = 10 ** drawn.uniform(-1, 1)
            other = value * drawn.choice([1.0, 1 + 1e-10, 1 + 1e-8, 10 ** drawn.uniform(-1, 1)])
            sides = [None if drawn.random() < 0.01 else 0.0 if drawn.random() < 0.02 else v for v in (value, other)]
            rows.append((f"q{number}", f"p{part}", sides[0], sides[1]))
    bundled.execute("CREATE TEMP TABLE drawn_move (quantity VARCHAR, part VARCHAR, value_from DOUBLE, value_to DOUBLE)")
    bundled.executemany("INSERT INTO drawn_move VALUES (?, ?, ?, ?)", rows)
    bundled.execute(
        "CREATE TEMP TABLE drawn_factor AS SELECT *, 'm-1' AS from_version, 'm-1' AS to_version, "
        "CASE WHEN value_from IS NULL OR value_to IS NULL THEN 'not known' END AS reason FROM drawn_move"
    )
    found = rows_of(bundled, "FROM _split_of_move('drawn_factor')")
    kinds = set()
    for quantity, parts in split_of(found).items():
        of_it = [row for row in found if row["quantity"] == quantity]
        if parts["total"] is None:
            assert set(parts.values()) == {None}, quantity
            assert {row["reason"] for row in of_it} == {"not known"}, quantity
        elif None in parts.values():
            assert all(row["moved_by"] is not None or "several factors are 0" in row["reason"] for row in of_it), (
                quantity
            )
        else:
            assert adds_up(parts), quantity
        kinds.add((parts["total"] is None, None in parts.values()))
    assert kinds == {(True, True), (False, True), (False, False)}
