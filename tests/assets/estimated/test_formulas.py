"""Each macro against a number worked by hand or printed by its source; every macro says unit, meaning and citation."""

from __future__ import annotations

import re

import duckdb
import pytest

from assets.estimated.formula_macros import formula_statements

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
    # A half-normal with probability one half, else 0: moments 0.5 sqrt(2/pi), 0.5 and sqrt(2/pi).
    ("two_piece_mean(two_piece(0, 1))", 0.3989422804014327),
    (
        "two_piece_third_cumulant(two_piece(0, 1))",
        0.7978845608028654 - 1.5 * 0.3989422804014327 + 2 * 0.3989422804014327**3,
    ),
    ("two_piece_third_cumulant(two_piece(2, 2))", 0),
    ("two_piece_lean(0)", 0),
    ("two_piece_lean(two_piece_third_cumulant(two_piece(1, 3)) / two_piece_variance(1, 3) ** 1.5)", 0.5),
    ("two_piece_of(1, 4, 0).shift", 1),
    ("two_piece_of(1, 4, 0).up", 2),
    ("product_of_steps([two_piece(3, 3), two_piece(4, 4)]).down", 5),
    ("product_of_steps([two_piece(0, 0.5)]).up", 0.5),
    ("product_of_steps([two_piece(0.5, 0)]).down", 0.5),
    ("product_of_steps([]).up", 0),
    ("list_sum(normal_nodes())", 0),
    ("list_sum(normal_node_pair_weights())", 1),
    ("two_piece_values(2, two_piece(1, 1))[11]", 2),
    ("sum_of_steps(1, two_piece(0.2, 0.3), 0, two_piece(1, 1)).up", 0.3),
    ("sum_of_steps(0, two_piece(0.2, 0.3), 2, two_piece(1, 1)).down", 1),
    ("sum_of_steps(3, two_piece(0, 0), 2, two_piece(0, 0)).up", 0),
    ("low_of_step(10, two_piece(ln(2) / band_z(), 9))", 5),
    ("high_of_step(10, two_piece(9, ln(2) / band_z()))", 20),
    ("two_piece_variance(0, 1)", 0.5 - 0.15915494309189535),
    ("variance_share(1, 4)", 0.25),
    # One A100 holds 7.3 billion parameters of 4 bits; 200 tokens take 5.63 s, or the 5 s that were measured.
    ("ecologits_gpu_count_0_5_0(7.3e9)", 1),
    ("ecologits_gpu_count_0_5_0(405e9)", 4),
    ("ecologits_latency_s_0_5_0(7.3e9, 200, 5)", 5),
    ("ecologits_latency_s_0_5_0(7.3e9, 200, NULL)", 200 * (8.02e-4 * 7.3 + 2.23e-2)),
    ("ecologits_it_energy_kwh_0_5_0(7.3e9, 7.3e9, 200, 5) * 1.26", 0.00074301836),
    ("ecologits_embodied_kgco2e_0_5_0(7.3e9, 7.3e9, 200, 5)", 5 / (5 * 365 * 86_400) * 518),
    ("ecologits_embodied_kgsbe_0_5_0(7.3e9, 7.3e9, 200, 5)", 5 / (5 * 365 * 86_400) * (0.03 + 0.0051)),
    ("ecologits_embodied_mj_0_5_0(7.3e9, 7.3e9, 200, 5)", 5 / (5 * 365 * 86_400) * 6_578),
    ("ecologits_gpu_count_0_9_1(70e9)", 4),
    ("ecologits_gpu_count_0_9_1(405e9)", 16),
    ("ecologits_latency_s_0_9_1(7.3e9, 200, 5)", 5),
    ("ecologits_latency_s_0_9_1(70e9, 250, NULL)", 21.73323005868847),
    ("ecologits_it_energy_kwh_0_9_1(7.3e9, 7.3e9, 200, 5) * 1.26", 1.536243521642994e-05),
    ("ecologits_embodied_kgco2e_0_9_1(7.3e9, 7.3e9, 200, 5)", 7.237925175460849e-07),
    ("ecologits_embodied_kgsbe_0_9_1(7.3e9, 7.3e9, 200, 5)", 5 / (3 * 365 * 86_400 * 64) * (0.04625 + 0.0051)),
    ("ecologits_embodied_mj_0_9_1(7.3e9, 7.3e9, 200, 5)", 5 / (3 * 365 * 86_400 * 64) * 10_578),
    ("ecologits_latency_s_0_11_3(7.3e9, 200, 5, NULL, NULL)", 5),
    ("ecologits_latency_s_0_11_3(70e9, 250, NULL, NULL, NULL)", 21.73323005868847),
    ("ecologits_latency_s_0_11_3(70e9, 250, NULL, 100, 0.5)", 3),
    ("ecologits_it_energy_kwh_0_11_3(7.3e9, 7.3e9, 200, 5, NULL, NULL) * 1.26", 1.536243521642994e-05),
    ("ecologits_embodied_share_0_11_3(70e9, 70e9, 250, NULL, 100, 0.5)", 4 * 3 / (3 * 365 * 86_400 * 64)),
    ("ecologits_embodied_kgco2e_0_11_3(70e9, 70e9, 250, NULL, 100, 0.5)", 4 * 3 / (3 * 365 * 86_400 * 64) * 985.5),
    ("ecologits_embodied_kgsbe_0_11_3(70e9, 70e9, 250, NULL, 100, 0.5)", 4 * 3 / (3 * 365 * 86_400 * 64) * 0.0552),
    ("ecologits_embodied_mj_0_11_3(70e9, 70e9, 250, NULL, 100, 0.5)", 4 * 3 / (3 * 365 * 86_400 * 64) * 12_471),
    ("j_per_token(538.4142364, 312.0047905)", 538.4142364 / 312.0047905),
    ("tokens_per_s_of_batch(64, 0.02)", 3_200),
    ("weight_read_s(70e9, 2, 4, 3.35e12)", 140e9 / 13.4e12),
    ("inference_flop_per_token(37e9)", 74e9),
    ("usd_per_mtok(16, 14.8e3 * 3600)", 16 / 53.28),
    # XLM: 20.4 days of 5 years.
    ("time_share(20.4, 5)", 20.4 / 1_825),
    ("sci_energy_kwh(2, 205, 0.32, 0.183922, 1)", 0.0241305664),
    ("sci_embodied_gco2e(1205520, 1, 35040, 2, 16)", 4.300513698630137),
    ("sci_gco2e(0.023, 951, 4.305)", 26.178),
    ("price_at_start_usd(100, 365.25)", 100 * 10**-0.14),
    ("hardware_amortised_usd(1000, 8766)", 322.3619130191664),
    ("interconnect_usd(81)", 19),
    ("interconnect_usd(75, 0.25)", 25),
    ("electricity_cost(591864, 0.08)", 47_349.12),
    ("fleet_gpu_hours_per_day(250000000, 30, 0.35)", 250e6 * 10.5 / 3_600),
    ("rounded(542.57, 'down')", 542),
    ("rounded(3797.74, 'nearest')", 3_798),
    ("rounded(542.57, 'up')", 543),
    ("s_per_token_scaled(0.006, 175e9, 3e9)", 0.35),
    ("forward_flop_per_token(174.6e9, 96, 2048, 12288)", 349.2e9 + 4_831_838_208),
    ("usd_per_flop(3600, 1e12)", 1e-12),
    # LLaMA 65B, rank 16, four square matrices in each of 80 layers.
    ("lora_parameters_count(80, 8192, 16, 4)", 83_886_080),
    ("fine_tuning_flop(10, 3, 10)", 180),
    ("fine_tuning_flop(10, 3, 1)", 126),
    ("fine_tuning_memory_byte(10, 10, 2)", 160),
    ("break_even(1000, 1, 0, 3)", 500),
    ("bytes_per_parameter('fp4')", 0.5),
    ("kv_byte_per_token(80, 8, 128, 2)", 327_680),
    # DeepSeek-V3 in 16 bits: 70 KB a token.
    ("latent_byte_per_token(61, 512, 64, 2)", 70_272),
    ("attention_width(32, 128, NULL)", 4_096),
    ("attention_width(128, 128, 64)", 128 * (192 + 128) / 2),
    ("attention_width(128, 512, 64)", 128 * (576 + 512) / 2),
    ("attention_flop(80, 8192, 10, 500)", 80 * 10 * (2 * 2 * 8192 * 500)),
    # Of Gemma 3 27B ten layers see a context of 131,072 tokens, and 52 their window of 1,024.
    ("attended_tokens_count(131072, 62, 52, 1024)", (10 * 131_072 + 52 * 1_024) / 62),
    ("attended_tokens_count(1000, 62, 52, 1024)", 1_000),
    ("attended_tokens_count(131072, 62, NULL, NULL)", 131_072),
    ("attended_tokens_count(131072, 62, 0, 1024)", 131_072),
    ("attended_tokens_count(131072, 32, 32, 4096)", 4_096),
    # A prompt of 300 that is read from its first token on: the first 100 see 50 in the mean, the others their window of 100.
    ("mean_attended_tokens_count(0, 300, 4, 4, 100)", (100 * 50 + 200 * 100) / 300),
    ("mean_attended_tokens_count(0, 300, 4, 1, 100)", (3 * 150 + (100 * 50 + 200 * 100) / 300) / 4),
    ("mean_attended_tokens_count(0, 300, 4, NULL, NULL)", 150),
    # An answer of 40 after 80 tokens: 20 until the window of 100 is full, seeing 90 in the mean, then 20 that see 100.
    ("mean_attended_tokens_count(80, 40, 4, 4, 100)", 95),
    ("mean_attended_tokens_count(80, 40, 4, NULL, NULL)", 100),
    ("mean_attended_tokens_count(200, 40, 4, 4, 100)", 100),
    ("parameters_read_count(100, 100, 7)", 100),
    ("parameters_read_count(100, 50, 2)", 75),
    ("decode_step_s(80, 20, 30, 2, 10, 0.5, 5, 0.6, 4, 3, 0.1, 0.2)", 10 + 5 + 0.6 + 0.6),
    ("prefill_s(10, 5, 100, 2, 10, 0.5)", 20),
    ("serving_tokens_per_s(100, 2, 0.5, 10)", 100 / 7),
    ("accelerators_to_hold_count(100, 45, 80, 0.9)", 3),
    ("format_share('fp4')", 0.6),
    ("format_share('fp8')", 1),
    # 7 tokens of 10 values of 2 byte, of which three quarters are sent twice around the ring, twice in each of three layers, at 50 byte/s.
    ("exchange_s(3, 10, 7, 4, 100)", 2 * 3 * 140 * 1.5 / 50),
    ("exchange_s(3, 10, 7, 1, 100)", 0),
    # 100 parameters, 30 of them active: with 1 of 8 experts a token, experts hold 70 over 7/8, and two tokens miss 49/64 of them.
    ("mixture_read_count(100, 30, 2, 8, 1)", 100 - 80 * 49 / 64),
    ("mixture_read_count(100, 30, 1, 8, 1)", 30),
    ("mixture_read_count(100, 50, 2, NULL, NULL)", 75),
    ("mixture_read_count(100, 100, 2, 8, 1)", 100),
    ("attention_copy_count(100, 30, 16, 4, NULL)", 4),
    ("attention_copy_count(100, 30, 16, 128, 512)", 16),
    ("attention_copy_count(100, 30, 2, 4, NULL)", 1),
    ("attention_copy_count(100, 30, 16, NULL, NULL)", 1),
    ("attention_copy_count(100, 100, 16, 4, NULL)", 1),
    ("scheduler_count(100, 30, 20)", 3),
    ("scheduler_count(100, 100, 20)", 1),
    ("layer_overhead_ratio(100, 30)", 1.5),
    ("layer_overhead_ratio(100, 100)", 1),
    # A quarter of 8 tokens from each of four accelerators, 10 values of 2 byte to two experts and back, three quarters of them elsewhere.
    ("expert_exchange_s(3, 10, 8, 4, 2, 100)", 2 * 3 * 10 * 2 * 2 * 2 * 0.75 / 50),
    ("group_exchange_s(3, 10, 7, 4, 1, 2, 100)", 2 * 3 * 140 * 1.5 / 50),
    # In two parts of two: 4 tokens each around a ring of two after attention, then to the experts, or around all four.
    ("group_exchange_s(3, 10, 8, 4, 2, 2, 100)", (3 * 80 + 2 * 3 * 60) / 50),
    ("group_exchange_s(3, 10, 8, 4, 2, NULL, 100)", (3 * 80 + 3 * 240) / 50),
    ("encoder_decoder_attention_flop_per_token(2, 3, 5, 4, 6)", 12 * 5 * (2 * 16 + 3 * 6 * 10) / 10),
]


@pytest.mark.parametrize(("expression", "expected"), HAND_WORKED)
def test_hand_worked(warehouse: duckdb.DuckDBPyConnection, expression: str, expected: float) -> None:
    """The macro gives the number worked by hand."""
    (value,) = warehouse.execute(f"SELECT ({expression})::DOUBLE").fetchone() or (None,)
    assert value == pytest.approx(expected, rel=1e-12)


def test_nothing_varies(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A share of no variance is unknown, not zero."""
    assert warehouse.execute("SELECT variance_share(0, 0)").fetchone() == (None,)
    assert warehouse.execute("SELECT break_even(1000, 3, 0, 1)").fetchone() == (None,)


def test_a_window_that_is_not_known_is_not_the_whole(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Local layers without a window, or of an unknown number of layers: unknown, not all that there is."""
    assert warehouse.execute(
        "SELECT attended_tokens_count(1000, 4, 2, NULL), attended_tokens_count(1000, NULL, 2, 100), mean_attended_tokens_count(10, 20, 4, 2, NULL), "
        "mean_attended_tokens_count(10, 20, NULL, 2, 5)"
    ).fetchone() == (None, None, None, None)


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
        assert re.fullmatch(
            r"[^;]+; [^;]+; .*(arXiv|doi|NIST|JCGM|ISO|GHG|https|derived).*", comments[name], re.DOTALL
        ), name
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
