"""Bands of what is no product: drawn, the same every time, and those of an independent simulation."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import pytest

from assets.estimated.engine import estimate_statements
from assets.estimated.scenario_files.sections import statement_of
from tests.assets.estimated.test_band import draw

REQUEST = {
    "active_parameters_count": 12.9e9,
    "parameters_count": 46.7e9,
    "output_tokens_count": 200,
    "pue": {"low": 1.1, "central": 1.2, "high": 1.5},
    "grid_gco2e_per_kwh": {"low": 100, "central": 300, "high": 700},
}


def test_a_sum_has_the_band_of_a_simulation(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Ownership: hardware, whose value is uncertain, and electricity, whose use and price are."""
    bands = {
        "value_at_start_usd": {"low": 5_000.0, "central": 10_000.0, "high": 30_000.0},
        "power_w_per_gpu": {"low": 300.0, "central": 600.0, "high": 900.0},
        "price_usd_per_kwh": {"low": 0.05, "central": 0.1, "high": 0.4},
    }
    stated = statement_of("ownership", {"gpu_hours": 1e6, "pue": 1.2, **bands})
    result = estimate_statements(warehouse, [stated])[0]
    rng = np.random.default_rng(7)
    drawn = {name: draw(rng, band, 400_000) for name, band in bands.items()}
    hardware = drawn["value_at_start_usd"] * 1e6 * np.log(10) * 0.14 / (365.25 * 24) / 0.81
    energy = 1e6 * drawn["power_w_per_gpu"] / 1000 * 1.2 * drawn["price_usd_per_kwh"]
    expected = np.quantile(hardware + energy, [0.05, 0.95])
    found = result.quantities["amortised_usd"]
    assert [found["low"], found["high"]] == pytest.approx(expected, rel=0.02)
    shares = [f["variance_share"].get("amortised_usd") or 0 for f in result.factors]
    assert sum(shares) == pytest.approx(1)


def test_the_same_band_every_time(warehouse: duckdb.DuckDBPyConnection) -> None:
    alone = estimate_statements(warehouse, [statement_of("request", REQUEST, scenario_id="a")])[0]
    beside = estimate_statements(
        warehouse, [statement_of("request", REQUEST | {"output_tokens_count": 9}, scenario_id="b"), alone.statement]
    )[1]
    assert alone.quantities == beside.quantities
    total = alone.quantities["total_kgco2e"]
    assert total["low"] < total["central"] < total["high"]


def test_draws_stay_within_what_is_possible(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A share whose log-normal side reaches above 1 is cut there."""
    values = {"gpu_hours_per_day": 240, "utilization_share": {"low": 0.2, "central": 0.6, "high": 0.99}}
    found = estimate_statements(warehouse, [statement_of("fleet", values)])[0].quantities["gpu_count"]
    assert found["low"] >= 10
    assert found["central"] == 17
    assert found["high"] == pytest.approx(50, rel=0.05)


def _band(low: float, central: float, high: float) -> dict[str, float]:
    return {"low": low, "central": central, "high": high}


#: Section, what is stated, quantity, and the published formula over drawn factors.
BY_HAND = [
    ("compute", {"params_b": _band(60, 70, 90), "tokens_b": _band(1_000, 1_400, 2_000), "achieved_tflops": _band(100, 140, 160), "peak_tflops": 312, "usd_per_gpu_hour": _band(1, 2, 4)},
     "cost_usd", lambda f: 6 * f["parameters_count"] * f["tokens_count"] / f["achieved_flop_per_s_per_gpu"] / 3600 * f["usd_per_gpu_hour"]),
    ("sci", {"energy_kwh": _band(1, 2, 3), "grid_gco2e_per_kwh": _band(100, 400, 500), "embodied_gco2e": _band(100, 300, 900)},
     "total_gco2e", lambda f: f["energy_kwh"] * f["grid_gco2e_per_kwh"] + f["embodied_gco2e"]),
    ("embodied", {"device_kgco2e": _band(15, 100, 164), "host_kgco2e": _band(2_000, 3_000, 5_700), "devices_per_host_count": 8, "device_hours": 1_000, "life_years": _band(3, 5, 6), "utilization_share": 0.85},
     "embodied_kgco2e", lambda f: (f["device_kgco2e"] + f["host_kgco2e"] / 8) * 1_000 / (f["life_years"] * 8_760 * 0.85)),
    ("fleet", {"requests_per_day": _band(1e6, 2e6, 4e6), "tokens_per_request": _band(100, 200, 300), "s_per_token": _band(0.01, 0.02, 0.05), "utilization_share": 0.5, "usd_per_gpu_hour": _band(1, 2, 3)},
     "rental_usd_per_day", lambda f: np.ceil(f["requests_per_day"] * f["tokens_per_request"] * f["s_per_token"] / 86_400 / 0.5) * 24 * f["usd_per_gpu_hour"]),
    ("break_even", {"build_usd": _band(1e6, 2e6, 5e6), "own_usd_per_mtok": _band(0.7, 1, 1.5), "buy_usd_per_mtok": _band(6.5, 8, 10)},
     "build_or_buy_mtok", lambda f: f["build_usd"] / (f["buy_usd_per_mtok"] - f["own_usd_per_mtok"])),
]  # fmt: skip


@pytest.mark.parametrize(("section", "values", "quantity", "formula"), BY_HAND, ids=[case[0] for case in BY_HAND])
def test_bands_and_shares_are_those_of_plain_draws(
    warehouse: duckdb.DuckDBPyConnection,
    section: str,
    values: dict[str, object],
    quantity: str,
    formula: Callable[[dict[str, np.ndarray]], np.ndarray],
) -> None:
    """p5 and p95 within 3% of 200,000 draws, and each factor's share of the variance its first-order effect there."""
    (found,) = estimate_statements(warehouse, [statement_of(section, values)])
    random = np.random.default_rng(1)
    drawn = {f["factor"]: draw(random, _band(f["low"], f["value"], f["high"]), 200_000) for f in found.factors}
    band = found.quantities[quantity]
    low, high = np.quantile(formula(drawn), [0.05, 0.95])
    assert (band["low"], band["high"]) == (pytest.approx(low, rel=0.03), pytest.approx(high, rel=0.03))
    shares = {f["factor"]: f["variance_share"][quantity] for f in found.factors if quantity in f["variance_share"]}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-12)
    effects = {name: _first_order(drawn[name], np.log(formula(drawn))) for name in shares}
    for name, share in shares.items():
        assert share == pytest.approx(effects[name] / sum(effects.values()), abs=0.03), name


def _first_order(factor: np.ndarray, result: np.ndarray) -> float:
    """Variance of the mean of a result over 100 classes of a factor, less what their noise adds."""
    if factor.min() == factor.max():
        return 0.0
    ordered = result[np.argsort(factor)].reshape(100, -1)
    return max(ordered.mean(axis=1).var() - ordered.var(axis=1).mean() / ordered.shape[1], 0.0)


def test_a_product_of_skewed_factors_has_the_band_of_a_simulation(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Steps in quadrature are exact for log-normal factors only: of these they would put p5 10% too low and p95 8% too low."""
    bands = {
        "device_kgco2e": _band(15, 49.6, 164),
        "life_years": _band(3, 5, 6),
        "utilization_share": _band(0.5, 0.85, 0.95),
    }
    (found,) = estimate_statements(warehouse, [statement_of("embodied", {"device_hours": 1_000, **bands})])
    rng = np.random.default_rng(3)
    drawn = {name: draw(rng, band, 400_000) for name, band in bands.items()}
    drawn["utilization_share"] = np.minimum(drawn["utilization_share"], 1)
    expected = drawn["device_kgco2e"] * 1_000 / (drawn["life_years"] * 8_760 * drawn["utilization_share"])
    band = found.quantities["embodied_kgco2e"]
    assert [band["low"], band["high"]] == pytest.approx(np.quantile(expected, [0.05, 0.95]), rel=0.03)
    # Shares of a product are known without draws.
    logs = {name: np.log(values).var() for name, values in drawn.items()}
    for f in found.factors:
        if f["factor"] in logs:
            assert f["variance_share"]["embodied_kgco2e"] == pytest.approx(
                logs[f["factor"]] / sum(logs.values()), abs=0.01
            )


def test_log_normal_factors_are_not_drawn(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A product of them, and a result of one factor alone, are exact to the last digit."""
    values = {"it_energy_kwh": _band(50, 100, 200), "pue": 1.2, "grid_gco2e_per_kwh": _band(200, 400, 800)}
    (found,) = estimate_statements(warehouse, [statement_of("site", values)])
    assert found.quantities["energy_kwh"]["high"] == pytest.approx(240, rel=1e-12)
    assert found.quantities["operational_kgco2e"]["high"] == pytest.approx(48 * 2 ** (2**0.5), rel=1e-12)


def test_a_break_even_that_may_never_come_has_no_upper_end(warehouse: duckdb.DuckDBPyConnection) -> None:
    """In a fifth of the draws own tokens cost more than bought ones: p95 is beyond any number, p5 is that of all draws."""
    bands = {"build_usd": _band(1e6, 2e6, 5e6), "own_usd_per_mtok": _band(2, 4, 9), "buy_usd_per_mtok": _band(5, 6, 7)}
    (found,) = estimate_statements(warehouse, [statement_of("break_even", bands)])
    rng = np.random.default_rng(5)
    build, own, buy = (draw(rng, band, 400_000) for band in bands.values())
    volume = np.where(own < buy, build / (buy - own), np.inf)
    band = found.quantities["build_or_buy_mtok"]
    assert band["low"] == pytest.approx(np.quantile(volume, 0.05, method="lower"), rel=0.03)
    assert band["high"] is None
    assert band["reason"].startswith("21% of the draws have none; p95 is beyond any number")
    shares = {f["factor"]: f["variance_share"]["build_or_buy_mtok"] for f in found.factors}
    assert max(shares, key=lambda name: shares[name]) == "own_usd_per_mtok"
    assert sum(shares.values()) == pytest.approx(1)
    (before,) = estimate_statements(warehouse, [statement_of("break_even", {"method": "break-even-1", **bands})])
    assert before.quantities["build_or_buy_mtok"]["high"] < 1e7
    # Only one number varies, and only to where there is no break-even: no band of no width.
    late = {"build_usd": 1e6, "own_usd_per_mtok": _band(4, 4, 9), "buy_usd_per_mtok": 6}
    (found,) = estimate_statements(warehouse, [statement_of("break_even", late)])
    assert found.quantities["build_or_buy_mtok"]["low"] == found.quantities["build_or_buy_mtok"]["central"] == 5e5
    assert found.quantities["build_or_buy_mtok"]["high"] is None


def test_a_result_that_turns_within_the_band_of_its_one_factor_is_drawn(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Fewer bytes leave room for more requests on one card, more bytes take a second card: both ends of the factor give more than its centre."""
    values = {
        "parameters_count": 70e9, "bytes_per_parameter": _band(0.5, 1, 2), "memory_byte_per_gpu": 80 * 1024**3, "layer_count": 80,
        "kv_byte_per_token": 327_680, "prompt_tokens_count": 1_000, "output_tokens_count": 200,
    }  # fmt: skip
    (found,) = estimate_statements(warehouse, [statement_of("serving", values)])
    band = found.quantities["largest_batch_count"]
    factor = draw(np.random.default_rng(2), values["bytes_per_parameter"], 100_000)
    held = 0.9 * values["memory_byte_per_gpu"]
    cards = 2 ** np.ceil(np.log2(np.ceil((70e9 * factor + 327_680 * 1_200) / held)))
    expected = np.floor((cards * held - 70e9 * factor) / (327_680 * 1_200))
    assert [band["low"], band["high"]] == pytest.approx(np.quantile(expected, [0.05, 0.95]), abs=2)
    assert band["low"] < band["central"]
