"""Each macro against a number worked by hand or printed by its source; every macro says unit, meaning and citation."""

from __future__ import annotations

import re

import duckdb
import pytest

from assets.estimated.training import formula_statements

HAND_WORKED = [
    ("training_flop(174.6e9, 300e9)", 3.1428e23),
    ("training_flop(60e6, 1000e9, 3)", 1.8e20),
    ("training_flop(2, 3, flop_per_parameter_token := 4)", 24),
    # PaLM 8B, table 22: 0.0550 TFLOP per token, 0.0561 with recomputation.
    ("attention_flop_per_token(32, 16 * 256, 2048)", 3_221_225_472),
    ("training_flop_with_attention(8.63e9, 1, 6, attention_flop_per_token(32, 4096, 2048))", 51.78e9 + 3_221_225_472),
    ("recomputation_flop_per_token(8.63e9, 0, 3221225472)", 3_221_225_472 / 3),
    ("recomputation_flop_per_token(10, 0.75, 3)", 16),
    ("pf_days(8.64e19)", 1),
    ("achieved_flop_per_s(312e12, 0.5)", 156e12),
    ("utilization_share(24.6e12, 125e12)", 0.1968),
    ("gpu_hours_of_flop(3.6e18, 1e12)", 1_000),
    ("gpu_hours_of_run(10000, 14.8)", 3_552_000),
    ("flop_of_gpu_hours(1000, 1e12)", 3.6e18),
    ("achieved_flop_per_s_of_run(3.6e18, 1000)", 1e12),
    ("duration_days(3552000, 10000)", 14.8),
    ("power_w_per_gpu(700, 1.5)", 1_050),
    ("it_energy_kwh(1000, 400)", 400),
    ("facility_energy_kwh(400, 1.1)", 440),
    ("energy_kwh(1000, 400, 1.1)", 440),
    ("operational_kgco2e(440, 385)", 169.4),
    ("cost_usd(1000, 2.5)", 2_500),
    # BLOOM: 2,500 kg a server, 6 years at 85% use: 0.056 kg per server-hour.
    ("embodied_kgco2e(2500, 1, 6, 0.85)", 2500 / 44_676),
    ("embodied_kgco2e(8.76, 1000, 1)", 1),
    ("water_l(1000, 0.5, 1.2, 3)", 4_100),
    ("band_z()", 1.6448536269514722),
    ("lognormal_sigma(1, exp(band_z()))", 1),
    ("sigma_down(10, 5, 20) * band_z()", 0.6931471805599453),
    ("sigma_up(10, 20, 5) * band_z()", 0.6931471805599453),
    ("sigma_up(10, 8, 5)", 0),
    ("band_low(100, 4)", 100 * 2.718281828459045 ** (-2 * 1.6448536269514722)),
    ("band_high(100, 4)", 100 * 2.718281828459045 ** (2 * 1.6448536269514722)),
    ("two_piece_variance(2, 2)", 4),
    ("two_piece_variance(0, 1)", 0.5 - 0.15915494309189535),
    ("variance_share(1, 4)", 0.25),
]


@pytest.mark.parametrize(("expression", "expected"), HAND_WORKED)
def test_hand_worked(warehouse: duckdb.DuckDBPyConnection, expression: str, expected: float) -> None:
    """The macro gives the number worked by hand."""
    (value,) = warehouse.execute(f"SELECT ({expression})::DOUBLE").fetchone() or (None,)
    assert value == pytest.approx(expected, rel=1e-12)


def test_nothing_varies(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A share of no variance is unknown, not zero."""
    assert warehouse.execute("SELECT variance_share(0, 0)").fetchone() == (None,)


def test_whole_numbers_do_not_overflow(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Counts kept as BIGINT multiply beyond 2^63."""
    assert warehouse.execute("SELECT training_flop(405000000000, 15600000000000)").fetchone() == (
        pytest.approx(3.7908e25),
    )


def test_every_macro_is_tested_and_cited(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Each macro has a comment 'unit; meaning; citation' that travels with the file, and a number worked by hand."""
    names = {m[1] for s in formula_statements() if (m := re.search(r"CREATE OR REPLACE MACRO (\w+)\(", s))}
    comments = dict(
        warehouse.execute("SELECT function_name, comment FROM duckdb_functions() WHERE NOT internal").fetchall()
    )
    for name in names:
        assert re.fullmatch(r"[^;]+; [^;]+; .*(arXiv|doi|NIST|JCGM|ISO|GHG|derived).*", comments[name], re.DOTALL), name
        assert any(re.search(rf"\b{name}\(", expression) for expression, _ in HAND_WORKED), name


def test_rematerialised_palm(warehouse: duckdb.DuckDBPyConnection) -> None:
    """PaLM 540B at 238,300 tokens/s on 6,144 TPU v4: MFU 46.2%, HFU 57.8%."""
    mfu, hfu = warehouse.execute(
        "SELECT utilization_share(f * 238.3e3 / 6144, 275e12), utilization_share((f + r) * 238.3e3 / 6144, 275e12) "
        "FROM (SELECT "
        "training_flop_with_attention(540.35e9, 1, 6, a) AS f, recomputation_flop_per_token(540.35e9, 0.75, a) AS r "
        "FROM (SELECT attention_flop_per_token(118, 48 * 256, 2048) AS a))"
    ).fetchone() or (0, 0)
    assert mfu == pytest.approx(0.462, abs=5e-4)
    assert hfu == pytest.approx(0.578, abs=5e-4)
