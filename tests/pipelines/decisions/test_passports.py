"""Every answer walks back to stored bytes or a cited fact, and what it walks to comes to its figure."""

from __future__ import annotations

from statistics import median

import duckdb
import pytest

from tests.pipelines.decisions.asked import rows_of


def test_every_place_can_be_walked_back_to_bytes(bundled: duckdb.DuckDBPyConnection) -> None:
    walk = rows_of(bundled, "FROM passport('estimated.siting')")
    keys = {r["row_key"] for r in walk}
    assert len(keys) == bundled.sql("SELECT count(*) FROM estimated.siting").fetchall()[0][0]
    priced = {r["row_key"] for r in walk if r["part"] == "observation" and r["said_in"] == "observed.cloud_rate"}
    assert priced == keys
    assert {r["row_key"] for r in walk if r["part"] == "capture" and r["sha256"]} == keys
    green = {r["row_key"] for r in walk if r["part"] == "observation" and r["said_in"] == "observed.grid_carbon"}
    assert len(green) == bundled.sql("SELECT count(grid_gco2e_per_kwh) FROM estimated.siting").fetchall()[0][0]
    hubs = rows_of(bundled, "FROM passport('estimated.east_west', 'east-data-west-training/horinger')")
    assert {"estimate", "reference", "observation", "capture"} <= {r["part"] for r in hubs}


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("siting", "total_usd, low_usd, high_usd"),
        ("petaday_history", "cost_usd, low_usd, high_usd"),
        ("east_west", "total_cny, low_total_cny, high_total_cny"),
        ("esg_report", "location_kgco2e, low_location_kgco2e, high_location_kgco2e"),
    ],
)
def test_a_passport_begins_with_the_band_of_its_row(bundled: duckdb.DuckDBPyConnection, table: str, named: str) -> None:
    """A hub whose price lies between 0.6 and 0.9 CNY was shown as if it were exact."""
    head = "petaday" if table == "petaday_history" else table
    told = bundled.sql(f"SELECT central, low, high FROM _head_of_{head}('{table}', '') ORDER BY ALL").fetchall()
    assert told == bundled.sql(f"SELECT {named} FROM estimated.{table} ORDER BY ALL").fetchall()
    assert any(central is not None and low < central < high for central, low, high in told)


def walk_of(con: duckdb.DuckDBPyConnection, table: str, key: str = "") -> list[dict]:
    """Steps of the passports of a table."""
    return con.execute("FROM passport(?, ?)", [f"estimated.{table}", key]).pl().to_dicts()


@pytest.mark.parametrize(
    "table", ["build_adapt_buy", "esg_report", "compute_growth", "accelerator_by_year", "scenario_verdict", "why_moved"]
)
def test_every_answer_has_a_passport(bundled: duckdb.DuckDBPyConnection, table: str) -> None:
    """One walk a row, and each ends at stored bytes or at a cited fact."""
    walk = walk_of(bundled, table)
    keys = {r["row_key"] for r in walk}
    assert len(keys) == bundled.sql(f"SELECT count(*) FROM estimated.{table}").fetchall()[0][0] > 0
    assert {r["row_key"] for r in walk if r["part"] in ("capture", "reference", "method default")} == keys
    observed = {r["row_key"] for r in walk if r["part"] == "observation"}
    assert observed == {r["row_key"] for r in walk if r["part"] == "capture" and r["sha256"]} != set()
    assert all(r["meaning"] for r in walk)


def test_petadays_walk_to_the_offers_of_their_median(bundled: duckdb.DuckDBPyConnection) -> None:
    price, providers = bundled.sql(
        "SELECT median_usd_per_gpu_hour, provider_count FROM estimated.petaday_history WHERE index_on = DATE '2024-01-01' AND accelerator_id = 'nvidia-a100-sxm-80gb'"
    ).fetchall()[0]  # fmt: skip
    offers: dict[str, list[float]] = {}
    for step in walk_of(bundled, "petaday_history", "gpt-3-petadays-since-2020/2024-01-01/nvidia-a100-sxm-80gb"):
        if step["part"] == "observation":
            usd = float(step["meaning"].rsplit("comes to ", 1)[1].split()[0])
            offers.setdefault(step["said_of"].split("/")[0], []).append(usd)
    assert len(offers) == providers
    assert median(map(median, offers.values())) == pytest.approx(price, rel=1e-5)


def test_a_report_walks_to_the_grid_that_its_carbon_comes_from(bundled: duckdb.DuckDBPyConnection) -> None:
    """Where a row met one zone in one year, what its passport names times its energy is its carbon; a sum walks to every zone."""
    slots: dict[str, dict[str, float]] = {}
    for step in walk_of(bundled, "esg_report"):
        if step["part"] == "observation":
            zone, _, _, _, _, _, start, *_ = step["said_of"].split("/")
            slots.setdefault(step["row_key"], {})[f"{zone} {start[:10]}"] = step["value"]
    rows = bundled.sql(
        "SELECT concat_ws('/', scenario_id, workload, period, method_version), zones_used, grid_used, 1000 * location_kgco2e / energy_kwh "
        "FROM estimated.esg_report"
    ).fetchall()
    assert {len(slots[key]) for key, *_ in rows} == {1, 2}
    for key, zones, grid, gco2e_per_kwh in rows:
        assert grid == ", ".join(f"{zone} yearly from 2024-01-01 by starter_grid_carbon" for zone in zones.split(", "))
        assert set(slots[key]) == {f"{zone} 2024-01-01" for zone in zones.split(", ")}
        if len(slots[key]) == 1:
            assert sum(slots[key].values()) == pytest.approx(gco2e_per_kwh, rel=1e-9)


def test_a_line_walks_to_its_points(bundled: duckdb.DuckDBPyConnection) -> None:
    """As many observations as the growth says that it was drawn through, also at the frontier."""
    points = bundled.sql(
        "SELECT concat_ws('/', scenario_id, source_id, quantity, method_version), point_count FROM estimated.compute_growth"
    ).fetchall()
    found: dict[str, int] = {}
    for step in walk_of(bundled, "compute_growth"):
        found[step["row_key"]] = found.get(step["row_key"], 0) + (step["part"] == "observation")
    assert found == dict(points)


def test_bought_tokens_walk_to_both_prices(bundled: duckdb.DuckDBPyConnection) -> None:
    walk = walk_of(bundled, "build_adapt_buy", "build-adapt-buy-gpt-4o/")
    bought = {r["row_key"] for r in walk if r["said_in"] == "observed.token_price"}
    assert bought == {r["row_key"] for r in walk}
    for key in bought:
        prices = [r["said_of"] for r in walk if r["row_key"] == key and r["said_in"] == "observed.token_price"]
        assert {p.split("/")[2] for p in prices} == {"input", "output"}, key


def test_a_move_walks_to_the_offers_of_both_dates(bundled: duckdb.DuckDBPyConnection) -> None:
    rows = rows_of(
        bundled,
        "SELECT quantity, total_from, total_to, value_from, value_to FROM estimated.why_moved WHERE scenario_id = 'gpt-3-aws-virginia-why-moved' AND part = 'price'",
    )
    prices = {
        float(r["meaning"].rsplit("comes to ", 1)[1].split()[0])
        for r in walk_of(bundled, "why_moved", "gpt-3-aws-virginia-why-moved/cost_usd/price")
        if r["said_in"] == "observed.cloud_rate"
    }
    assert sorted(prices) == pytest.approx(sorted((rows[0]["value_from"], rows[0]["value_to"])), rel=1e-5)
