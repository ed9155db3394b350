"""A warehouse as the estimates see it: reference tables as they ship, a few observed rows made up for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assets.estimated.formula_macros import formula_statements

REFERENCE = Path(__file__).parents[3] / "assets" / "reference"

RATES = """
INSERT INTO observed.cloud_rate VALUES
    ('aws', 'us-east-1', 'on_demand', 'nvidia-h100-sxm-80gb', 12.29, '2023-07-26', '2025-06-05', 'starter', 'c1', true),
    ('aws', 'us-east-1', 'on_demand', 'nvidia-h100-sxm-80gb', 6.88, '2025-06-05', NULL, 'starter', 'c2', true),
    ('aws', 'us-east-1', 'spot', 'nvidia-h100-sxm-80gb', 2.5, '2025-06-05', NULL, 'skypilot', 'c3', false),
    ('lambda', 'us-west-1', 'on_demand', 'nvidia-h100-sxm-80gb', 2.99, '2025-01-01', NULL, 'skypilot', 'c3', false),
    ('runpod', 'global', 'on_demand', 'nvidia-h100-sxm-80gb', 2.39, NULL, NULL, 'skypilot', 'c3', false),
    ('aws', 'us-east-1', 'on_demand', 'nvidia-a100-sxm-80gb', 5.12, '2022-05-01', NULL, 'starter', 'c1', true)
"""
GRID = """
INSERT INTO observed.grid_carbon VALUES
    ('US', 'P1Y', 'average', 'lifecycle', 'location', 'actual', 384, '2024-01-01', '2025-01-01', 'g1'),
    ('US', 'P1Y', 'average', 'lifecycle', 'location', 'actual', 400, '2022-01-01', '2023-01-01', 'g0'),
    ('US', 'P1Y', 'average', 'direct', 'location', 'actual', 350, '2025-01-01', '2026-01-01', 'g1'),
    ('SE', 'P1Y', 'average', 'lifecycle', 'location', 'actual', 36, '2024-01-01', '2025-01-01', 'g1'),
    ('GB', 'PT30M', 'average', 'direct', 'location', 'actual', 200, '2025-03-01 12:00', '2025-03-01 12:30', 'g2'),
    ('GB', 'PT30M', 'average', 'direct', 'location', 'forecast', 190, '2025-03-01 12:00', '2025-03-01 12:30', 'g2'),
    ('GB', 'P1Y', 'average', 'direct', 'location', 'actual', 240, '2025-01-01', '2026-01-01', 'g2'),
    ('GB', 'PT30M', 'marginal', 'lifecycle', 'location', 'actual', 500, '2025-03-01 12:00', '2025-03-01 12:30', 'g2')
"""


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Create what an estimate reads."""
    con.execute("SET TimeZone = 'UTC'; SET threads = 1; CREATE SCHEMA reference; CREATE SCHEMA observed")
    for name in (
        "accelerator",
        "accelerator_alias",
        "model",
        "model_alias",
        "region",
        "country",
        "method_default",
        "embodied_carbon",
    ):
        con.execute(f"CREATE TABLE reference.{name} AS FROM read_csv('{REFERENCE / name}.csv', sample_size = -1)")
    con.execute(
        "CREATE TABLE observed.cloud_rate (provider VARCHAR, region VARCHAR, purchase_option VARCHAR, "
        "accelerator_id VARCHAR, price_usd_per_gpu_hour DOUBLE, valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ, "
        "source_id VARCHAR, capture_id VARCHAR, is_bundled BOOLEAN)"
    )
    con.execute(
        "CREATE TABLE observed.grid_carbon (zone VARCHAR, resolution VARCHAR, basis_method VARCHAR, "
        "basis_boundary VARCHAR, basis_accounting VARCHAR, "
        "basis_kind VARCHAR, intensity_gco2e_per_kwh DOUBLE, valid_from TIMESTAMPTZ, "
        "valid_to TIMESTAMPTZ, capture_id VARCHAR)"
    )
    con.execute(RATES)
    con.execute("ALTER TABLE observed.cloud_rate ADD COLUMN price_component VARCHAR DEFAULT 'instance'")
    con.execute("ALTER TABLE observed.cloud_rate ADD COLUMN offer_variant VARCHAR DEFAULT ''")
    for name in ("cloud_rate", "grid_carbon"):
        con.execute(f"CREATE VIEW observed.{name}_log AS SELECT *, true AS is_offered FROM observed.{name}")
    con.execute(
        "CREATE VIEW observed.cloud_offer AS SELECT *, coalesce(valid_from, TIMESTAMPTZ '1970-01-01') AS counts_from, "
        "coalesce(valid_to, TIMESTAMPTZ 'infinity') AS stands_to, CASE source_id WHEN 'starter' THEN 9 ELSE 2 END AS source_rank "
        "FROM observed.cloud_rate WHERE price_component = 'instance' AND offer_variant NOT LIKE 'market_m%'"
    )
    con.execute(GRID)
    con.execute("CREATE TABLE observed.token_price_log (model VARCHAR)")
    for name in ("model_key", "model_name"):
        con.execute((REFERENCE.parent / "observed" / "sql" / f"{name}.sql").read_text(encoding="utf-8"))
    for statement in formula_statements():
        con.execute(statement)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory warehouse."""
    con = duckdb.connect()
    build(con)
    yield con
    con.close()
