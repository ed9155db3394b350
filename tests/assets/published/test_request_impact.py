"""A log of requests by EcoLogits' method in SQL: reference runs, what is looked up, and what is unknown."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.estimated.engine import estimate_statements
from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import statement_of
from assets.sources import all_sources
from warehouse.connection import write_session
from warehouse.home import Home


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Reference tables and the yearly grid that ships."""
    home = Home(tmp_path_factory.mktemp("requests") / "home").create()
    recording.refresh_reference(home)
    intake.take_bundled(home, all_sources()["starter_grid_carbon"])
    recording.record_subject(home, "grid_carbon")
    with write_session(home, catalog()) as opened:
        yield opened


def band(
    con: duckdb.DuckDBPyConnection, values: str, columns: str, method: str = "ecologits-0.11.3"
) -> dict[str, object]:
    """The one request by request_impact_band."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE request AS SELECT * FROM (VALUES {values}) t({columns})")
    found = con.sql(f"SELECT * FROM request_impact_band('request', method := '{method}')")
    return dict(zip(found.columns, found.fetchall()[0], strict=True))


def ask(con: duckdb.DuckDBPyConnection, values: str, columns: str, what: str, more: str = "") -> list[tuple]:
    con.execute(f"CREATE OR REPLACE TEMP TABLE request AS SELECT * FROM (VALUES {values}) t({columns})")
    return con.execute(f"SELECT {what} FROM request_impact('request'{more})").fetchall()


def test_both_versions_as_worked_by_hand(con: duckdb.DuckDBPyConnection) -> None:
    given = "7.3e9, 7.3e9, 200, 5.0, 1.26, 590.478, 7.38e-8, 9.99, 5.04, 0.37"
    columns = (
        "active_parameters_count, parameters_count, output_tokens_count, request_latency_s, pue, grid_gco2e_per_kwh, "
        "grid_kgsbe_per_kwh, grid_mj_per_kwh, grid_water_l_per_kwh, site_water_l_per_kwh"
    )
    what = (
        "energy_kwh, operational_kgco2e, embodied_kgco2e, operational_kgsbe, embodied_kgsbe, operational_mj, embodied_mj, "
        "water_as_coded_l, total_kgco2e, total_kgsbe, total_mj, unknown"
    )
    # 0.9.1: one H100, the measured latency of 5 s is the shorter one.
    energy = 1.26 * (
        5 / 3600 * 1.2 / 8 / 64
        + 200 * (1.1665273170451914e-06 * math.exp(-0.011205921025579175 * 64) * 7.3 + 4.052928146734005e-05) / 1000
    )
    part = 5 / (3 * 31536000 * 64)
    made = [part * (5700 / 8 + 164), part * (0.37 / 8 + 5.1e-3), part * (70000 / 8 + 1828)]
    new = [
        energy,
        energy * 0.590478,
        made[0],
        energy * 7.38e-8,
        made[1],
        energy * 9.99,
        made[2],
        energy * (0.37 + 1.26 * 5.04),
    ]
    # 0.5.0: one A100, the computed latency is the shorter one.
    latency = 200 * (8.02e-4 * 7.3 + 2.23e-2)
    assert latency > 5
    energy = 1.26 * (5 / 3600 / 8 + 200 * (8.91e-8 * 7.3 + 1.43e-6))
    part = 5 / (5 * 31536000)
    made = [part * (3000 / 8 + 143), part * (0.24 / 8 + 5.1e-3), part * (38000 / 8 + 1828)]
    old = [
        energy,
        energy * 0.590478,
        made[0],
        energy * 7.38e-8,
        made[1],
        energy * 9.99,
        made[2],
        energy * (0.37 + 1.26 * 5.04),
    ]
    for version, expected in (("0.9.1", new), ("0.5.0", old)):
        ((*found, kgco2e, kgsbe, mj, unknown),) = ask(
            con, f"({given})", columns, what, f", method := 'ecologits-{version}'"
        )
        assert found == pytest.approx(expected, rel=1e-12)
        totals = [expected[1] + expected[2], expected[3] + expected[4], expected[5] + expected[6]]
        assert [kgco2e, kgsbe, mj] == pytest.approx(totals, rel=1e-12)
        assert unknown is None


def test_reference_runs(con: duckdb.DuckDBPyConnection, golden: Path) -> None:
    """Every run of the published code that the yardstick holds: the energy of the request."""
    with (golden / "12_ecologits_reference_runs.csv").open(encoding="utf-8") as lines:
        rows = [
            r
            for r in csv.DictReader(lines)
            if r["role"] == "assert" and r["metric"] == "request_energy_kwh" and "0.9.1" in r["source_table"]
        ]
    assert rows
    for row in rows:
        latency = row["in_latency_cap_s"] or "NULL"
        ((found,),) = ask(
            con,
            f"({row['in_active_b']}e9, {row['in_total_b']}e9, {row['in_tokens']}, {latency}::DOUBLE, {row['in_pue']})",
            "active_parameters_count, parameters_count, output_tokens_count, request_latency_s, pue",
            "energy_kwh",
        )
        assert found == pytest.approx(float(row["published"]), rel=float(row["tol_rel"])), row["row_id"]


def test_model_region_and_grid_are_looked_up(con: duckdb.DuckDBPyConnection) -> None:
    rows = ask(
        con,
        "(1, 'Meta-Llama-3-70B-Instruct', 300, TIMESTAMPTZ '2023-05-01 12:00:00+00', 'AWS', 'us-east-1', NULL), "
        "(2, 'llama-3-70b', 300, TIMESTAMPTZ '2023-05-01 12:59:00+00', NULL, NULL, 'FR'), "
        "(3, 'llama-3-70b', 300, TIMESTAMPTZ '2040-05-01 12:00:00+00', NULL, NULL, 'FR')",
        "n, model, output_tokens_count, requested_at, provider, region, zone",
        "n, model_id, round(pue, 2), zone_used, grid_resolution, is_grid_of_its_time, grid_gco2e_per_kwh, grid_capture_id IS NOT NULL, unknown",
        ", method := 'ecologits-0.5.0'",
    )
    us, fr, later = sorted(rows)
    grids = dict(
        con.execute(
            "SELECT zone, intensity_gco2e_per_kwh FROM observed.grid_carbon WHERE resolution = 'P1Y' AND basis_boundary = 'lifecycle' "
            "AND zone IN ('US', 'FR') AND year(valid_from) = 2023"
        ).fetchall()
    )
    assert us[1] == "llama-3-70b"
    assert us[3:8] == ("US", "P1Y", True, grids["US"], True)
    assert (fr[2], fr[3], fr[6], fr[8]) == (1.2, "FR", grids["FR"], None)
    assert (later[5], later[8]) == (False, "carbon of the latest year before it")
    unknown = ask(con, "('llama-3-70b', 300, TIMESTAMPTZ '2023-05-01 12:00:00+00', 'FR')", "model, output_tokens_count, requested_at, zone",
                  "grid_gco2e_per_kwh, unknown", ", known_at := DATE '2000-01-01'")  # fmt: skip
    assert unknown == [(None, "PUE not known; carbon of the grid not known")]


def test_a_stated_grid_is_not_told_of_what_another_request_looked_up(con: duckdb.DuckDBPyConnection) -> None:
    """Two requests of one place and hour, of which one states its grid: it has the PUE of the region, and nothing of the grid's year."""
    rows = ask(
        con,
        "(1, 8e9, 10, TIMESTAMPTZ '2040-05-01 12:00:00+00', 'AWS', 'EU-CENTRAL-1', 30.0), "
        "(2, 8e9, 10, TIMESTAMPTZ '2040-05-01 12:00:00+00', 'AWS', 'EU-CENTRAL-1', NULL), "
        "(3, 8e9, 10, NULL, 'aws', 'eu-central-1', NULL), "
        "(4, 8e9, 10, TIMESTAMPTZ 'infinity', 'aws', 'eu-central-1', NULL)",
        "n, parameters_count, output_tokens_count, requested_at, provider, region, grid_gco2e_per_kwh",
        "n, pue, grid_gco2e_per_kwh, zone_used, is_grid_of_its_time, unknown",
    )
    stated, looked_up, timeless, never = sorted(rows)
    ((pue,),) = con.execute(
        "SELECT pue FROM reference.region WHERE provider = 'aws' AND region = 'eu-central-1'"
    ).fetchall()
    assert pue is not None
    assert stated[1:] == (pue, 30.0, None, None, None)
    assert (looked_up[1], looked_up[4:]) == (pue, (False, "carbon of the latest year before it"))
    assert timeless[1:] == never[1:] == (pue, None, None, None, "carbon of the grid not known")


@pytest.mark.parametrize("time_zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
def test_the_hour_is_that_of_utc(con: duckdb.DuckDBPyConnection, time_zone: str) -> None:
    """The year of a request a half hour before or after midnight, in sessions whose hours begin elsewhere."""
    grids = dict(
        con.execute(
            "SELECT year(valid_from), intensity_gco2e_per_kwh FROM observed.grid_carbon WHERE resolution = 'P1Y' AND basis_boundary = 'lifecycle' AND zone = 'FR'"
        ).fetchall()
    )
    con.execute(f"SET TimeZone = '{time_zone}'")
    try:
        rows = ask(
            con,
            "(1, TIMESTAMPTZ '2022-12-31 23:30:00+00', 'FR'), (2, TIMESTAMPTZ '2023-01-01 00:30:00+00', 'FR')",
            "n, requested_at, zone",
            "n, grid_gco2e_per_kwh, is_grid_of_its_time",
        )
    finally:
        con.execute("SET TimeZone = 'UTC'")
    assert grids[2022] != grids[2023]
    assert sorted(rows) == [(1, grids[2022], True), (2, grids[2023], True)]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ("('gpt-99', NULL::DOUBLE, NULL::DOUBLE, 10, 1.0)", "size of the model not known"),
        ("(NULL, 8e9, 9e9, 10, 1.0)", "numbers of parameters make no sense"),
        ("(NULL, -8e9, -8e9, 10, 1.0)", "numbers of parameters make no sense"),
        ("(NULL, 8e9, 8e9, -1, 1.0)", "output tokens below zero"),
        ("(NULL, 8e9, 8e9, NULL::INT, 1.0)", "output tokens not given"),
        ("(NULL, 8e9, 8e9, 10, 0.0)", "latency not above zero"),
    ],
)
def test_what_makes_no_sense_is_unknown_with_a_reason(con: duckdb.DuckDBPyConnection, values: str, reason: str) -> None:
    columns = "model, parameters_count, active_parameters_count, output_tokens_count, request_latency_s"
    found = ask(con, values, columns, "energy_kwh, embodied_kgco2e, total_kgco2e, water_l, unknown")
    assert found[0][:4] == (None, None, None, None)
    assert found[0][4].startswith(reason)


def test_a_method_that_is_not_known_is_told(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(
        duckdb.Error, match=r"method ecologits-7 is not known: ecologits-0\.9\.1, ecologits-0\.5\.0, ecologits-0\.11\.3"
    ):
        ask(con, "(8e9, 10)", "parameters_count, output_tokens_count", "energy_kwh", ", method := 'ecologits-7'")


def test_the_latest_version_as_worked_by_hand(con: duckdb.DuckDBPyConnection) -> None:
    """0.11.3: another H100, the speed of the model where it is known, and water of the energy before PUE."""
    columns = (
        "parameters_count, active_parameters_count, output_tokens_count, tokens_per_s, first_token_latency_s, request_latency_s, "
        "pue, grid_gco2e_per_kwh, grid_water_l_per_kwh, site_water_l_per_kwh"
    )
    gpus = 2 ** math.ceil(math.log2(math.ceil(1.2 * 46.7 * 16 / 8 / 80)))
    assert gpus == 2
    of_gpu = 200 * (1.1665273170451914e-06 * math.exp(-0.011205921025579175 * 64) * 12.9 + 4.052928146734005e-05) / 1000
    of_size = 200 * (0.0006785088094353663 * 12.9 + 0.0003119310311688259 * 64 + 0.019473717579473387)
    for speed, latency in (
        ("80.0, 0.4, NULL::DOUBLE", 200 / 80 + 0.4),
        ("80.0, 0.4, 2.0", 2.0),
        ("NULL::DOUBLE, NULL::DOUBLE, NULL::DOUBLE", of_size),
    ):
        it_energy = gpus * (latency / 3600 * 1.2 / 8 / 64 + of_gpu)
        made = latency / (3 * 31536000 * 64) * gpus
        ((found),) = ask(
            con,
            f"(46.7e9, 12.9e9, 200, {speed}, 1.2, 590.478, 5.04, 0.569)",
            columns,
            "energy_kwh, embodied_kgco2e, embodied_kgsbe, embodied_mj, water_l, water_as_coded_l, unknown",
            ", method := 'ecologits-0.11.3'",
        )
        water = it_energy * (0.569 + 1.2 * 5.04)
        expected = [
            1.2 * it_energy,
            made * (5700 / 8 + 273),
            made * (0.37 / 8 + 8.95e-3),
            made * (70000 / 8 + 3721),
            water,
            water,
        ]
        assert found[:-1] == pytest.approx(expected, rel=1e-12)
        assert found[-1] is None


@pytest.mark.parametrize("method", ["ecologits-0.9.1", "ecologits-0.5.0", "ecologits-0.11.3"])
def test_both_ends_of_a_range_are_what_the_ends_give(con: duckdb.DuckDBPyConnection, method: str) -> None:
    columns = (
        "low_parameters_count, high_parameters_count, low_active_parameters_count, high_active_parameters_count, low_pue, high_pue, "
        "low_site_water_l_per_kwh, high_site_water_l_per_kwh, output_tokens_count, grid_gco2e_per_kwh, grid_kgsbe_per_kwh, "
        "grid_mj_per_kwh, grid_water_l_per_kwh"
    )
    found = band(
        con, "(440e9, 440e9, 44e9, 132e9, 1.09, 1.14, 0.13, 0.999, 250, 384.0, 9.8e-8, 9.7, 4.0)", columns, method
    )
    names = [
        name.removeprefix("low_") for name in found if name.startswith("low_") and name.removeprefix("low_") in found
    ]
    results = [n for n in names if n.endswith(("energy_kwh", "_kgco2e", "_kgsbe", "_mj", "_l"))]
    assert len(results) == 13
    at = {}
    for end, numbers in (("low", "44e9, 1.09, 0.13"), ("high", "132e9, 1.14, 0.999")):
        ((at[end]),) = ask(
            con,
            f"(440e9, {numbers}, 250, 384.0, 9.8e-8, 9.7, 4.0)",
            "parameters_count, active_parameters_count, pue, site_water_l_per_kwh, output_tokens_count, grid_gco2e_per_kwh, "
            "grid_kgsbe_per_kwh, grid_mj_per_kwh, grid_water_l_per_kwh",
            ", ".join(results),
            f", method := '{method}'",
        )
        assert [found[f"{end}_{name}"] for name in results] == pytest.approx(at[end], rel=1e-12)
    assert [found[name] for name in results] == pytest.approx(
        [(low + high) / 2 for low, high in zip(at["low"], at["high"], strict=True)], rel=1e-12
    )
    assert found["unknown"] is None


def test_without_a_range_both_ends_are_the_number(con: duckdb.DuckDBPyConnection) -> None:
    found = band(con, "('llama-3-70b', 300, 1.2, 400.0)", "model, output_tokens_count, pue, grid_gco2e_per_kwh")
    assert found["total_kgco2e"] == found["low_total_kgco2e"] == found["high_total_kgco2e"]
    within = band(
        con,
        "('llama-3-70b', 300, 1.2, 400.0, 300.0, 600.0)",
        "model, output_tokens_count, pue, grid_gco2e_per_kwh, low_grid_gco2e_per_kwh, high_grid_gco2e_per_kwh",
    )
    assert within["operational_kgco2e"] == found["operational_kgco2e"]
    assert within["low_operational_kgco2e"] == pytest.approx(found["operational_kgco2e"] * 0.75)
    assert within["high_operational_kgco2e"] == pytest.approx(found["operational_kgco2e"] * 1.5)


@pytest.mark.parametrize(
    "values",
    [
        "(70e9, 60e9, 8e9, 9e9, 10, 1.2)",
        "(8e9, 8e9, 9e9, 9e9, 10, 1.2)",
        "(8e9, 9e9, 9e9, 8e9, 10, 1.2)",
        "(-8e9, 9e9, -9e9, 8e9, 10, 1.2)",
    ],
)
def test_a_range_that_makes_no_sense_is_unknown(con: duckdb.DuckDBPyConnection, values: str) -> None:
    columns = "low_parameters_count, high_parameters_count, low_active_parameters_count, high_active_parameters_count, output_tokens_count, pue"
    found = band(con, values, columns)
    assert (found["low_energy_kwh"], found["energy_kwh"], found["high_energy_kwh"]) == (None, None, None)
    assert found["unknown"] == "the range makes no sense"


def test_a_closed_model_by_what_the_method_assumes(con: duckdb.DuckDBPyConnection) -> None:
    """GPT-4o of EcoLogits 0.11.3: 440 billion parameters, 44 to 132 of them active, 74 tokens/s after 0.61 s, PUE 1.2; and it says so."""
    columns = "model, output_tokens_count, grid_gco2e_per_kwh, grid_water_l_per_kwh"
    found = band(con, "('openai/gpt-4o-2024-08-06', 250, 384.0, 4.0)", columns)
    latency = 250 / 74 + 0.61
    for end, active in (("low", 44), ("high", 132)):
        of_gpu = (
            250
            * (1.1665273170451914e-06 * math.exp(-0.011205921025579175 * 64) * active + 4.052928146734005e-05)
            / 1000
        )
        it_energy = 16 * (latency / 3600 * 1.2 / 8 / 64 + of_gpu)
        assert found[f"{end}_energy_kwh"] == pytest.approx(1.2 * it_energy, rel=1e-12)
        assert found[f"{end}_water_l"] == pytest.approx(it_energy * (0.569 + 1.2 * 4.0), rel=1e-12)
    assert (found["size_assumed_by"], found["unknown"]) == ("ecologits-0.11.3", None)
    # What is known of a request goes before what is assumed; another version assumes nothing.
    given = band(con, "('gpt-4o', 250, 384.0, 1.5)", "model, output_tokens_count, grid_gco2e_per_kwh, pue")
    assert given["low_energy_kwh"] == pytest.approx(found["low_energy_kwh"] * 1.5 / 1.2, rel=1e-12)
    sized = band(con, "('gpt-4o', 8e9, 250, 384.0)", "model, parameters_count, output_tokens_count, grid_gco2e_per_kwh")
    assert (sized["size_assumed_by"], sized["unknown"]) == (None, "PUE not known")
    older = band(con, "('gpt-4o', 250, 384.0, 4.0)", columns, "ecologits-0.9.1")
    assert (older["energy_kwh"], older["size_assumed_by"]) == (None, None)
    assert str(older["unknown"]).startswith("size of the model not known")
    opened = band(con, "('llama-3-70b', 250, 384.0, 4.0)", columns)
    assert (opened["size_assumed_by"], opened["unknown"]) == (None, "PUE not known")


def test_a_scenario_file_answers_of_a_closed_model_as_the_table_does(con: duckdb.DuckDBPyConnection) -> None:
    """Every model of which something is assumed, and names that people write: both ends and the middle."""
    listed = [m for (m,) in con.execute("SELECT model FROM reference.model_assumption ORDER BY 1").fetchall()]
    assert len(listed) > 10
    stated = {"output_tokens_count": 250, "grid_gco2e_per_kwh": 384, "grid_water_l_per_kwh": 4, "method": "ecologits-0.11.3"}  # fmt: skip
    names = [*listed, "openai/GPT-4o-2024-08-06"]
    results = estimate_statements(
        con, [statement_of("request", stated | {"model": m}, scenario_id=str(n)) for n, m in enumerate(names)]
    )
    for model, result in zip(names, results, strict=True):
        table = band(con, f"('{model}', 250, 384.0, 4.0)", "model, output_tokens_count, grid_gco2e_per_kwh, grid_water_l_per_kwh")  # fmt: skip
        assert table["size_assumed_by"] == "ecologits-0.11.3"
        for quantity in ("energy_kwh", "operational_kgco2e", "embodied_kgco2e", "total_kgco2e", "water_l"):
            found = result.quantities[quantity]
            expected = [table[f"low_{quantity}"], table[quantity], table[f"high_{quantity}"]]
            assert [found["low"], found["central"], found["high"]] == pytest.approx(expected, rel=1e-12), (model, quantity)  # fmt: skip
            shares = [f["variance_share"].get(quantity) for f in result.factors]
            if found["low"] < found["high"]:
                assert sum(share or 0 for share in shares) == pytest.approx(1), (model, quantity)
    origins = {f["factor"]: f["origin_ref"] for f in results[-1].factors}
    assert origins["parameters_count"].startswith("reference.model_assumption[ecologits-0.11.3, gpt-4o]")


def test_what_is_known_of_a_request_goes_before_what_is_assumed(con: duckdb.DuckDBPyConnection) -> None:
    stated = {"model": "gpt-4o", "output_tokens_count": 250, "method": "ecologits-0.11.3"}
    (sized,) = estimate_statements(con, [statement_of("request", stated | {"parameters_count": 8e9})])
    assert sized.quantities["gpu_count"] == {"low": 1, "central": 1, "high": 1, "unit": "1"}
    assert not [f for f in sized.factors if "model_assumption" in f["origin_ref"]]
    (faster,) = estimate_statements(con, [statement_of("request", stated | {"tokens_per_s": 740, "pue": 1.5})])
    assert {f["factor"]: f["value"] for f in faster.factors}.items() >= {"tokens_per_s": 740, "pue": 1.5}.items()
    with pytest.raises(ScenarioError, match="method ecologits-0.11.3 assumes a size"):
        estimate_statements(con, [statement_of("request", {"model": "gpt-4o-mini", "output_tokens_count": 250})])
