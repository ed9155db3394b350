"""Scenario files of every kind: what is refused, what is known, how bands run through, and what travels to the tables."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import pytest

from assets.estimated.engine import estimate_statements, result_frames
from assets.estimated.estimate_file import estimate_any
from assets.estimated.method import Result
from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import SECTIONS, bundled_statements, parse_any, read_any, statement_of
from assets.estimated.tables import FACTOR, SCENARIO_ESTIMATE
from tests.assets.estimated.test_training import NOW

FLEET = {
    "visits_per_day": 25e6,
    "questions_per_visit": 10,
    "words_per_request": 30,
    "s_per_word": 0.35,
    "gpus_per_server_count": 8,
    "servers_per_rack_count": 7,
}


def run(con: duckdb.DuckDBPyConnection, section: str, **values: object) -> Result:
    return estimate_statements(con, [statement_of(section, values)], NOW)[0]


BAD = [
    (
        "request",
        {"method": "ecologits-0.9"},
        "method: 'ecologits-0.9' given; allowed are ecologits-0.9.1, ecologits-0.5.0, ecologits-0.11.3; did you mean ecologits-0.9.1",
    ),
    (
        "request",
        {"method": ["ecologits-0.9.1"]},
        "method: ['ecologits-0.9.1'] given; allowed are ecologits-0.9.1, ecologits-0.5.0, ecologits-0.11.3",
    ),
    ("request", {"output_tokens_count": 0}, "output_tokens_count: 0 given; allowed is a number of tokens from 1"),
    (
        "request",
        {"output_token_number": 5},
        "output_token_number: unknown field of [request]; did you mean output_tokens_count",
    ),
    ("request", {"pue": 0.9}, "pue: 0.9 given; allowed is a number from 1 to 5"),
    ("request", {"grid_gco2e_per_kwh": 0.59}, "385 g, not 0.385 kg"),
    (
        "request",
        {"active_parameters_count": 50e9, "parameters_count": 5e9},
        "active_parameters_count: 5e+10 given; allowed is at most parameters_count, 5e+09",
    ),
    ("request", {}, "request: nothing is stated in [request]"),
    ("fleet", {"s_per_word": "350 ms"}, "s_per_word: '350 ms' is text; allowed is a number of s"),
    ("fleet", {"rack_rounding": "ceil"}, "rack_rounding: 'ceil' given; allowed are up, nearest, down"),
    ("fleet", {"utilization_share": 60}, "a share of 1, not percent"),
    (
        "serving",
        {"number_format": "int4"},
        "number_format: 'int4' given; allowed are bf16, fp8, fp4, int8; did you mean int8",
    ),
    ("total", {"parts": 3}, "parts: a table of named numbers is needed"),
    ("total", {"parts": {"a b": 3}}, "parts.a b: allowed are names of letters, digits and _"),
    ("total", {"parts": {"a": -1}}, "parts.a: -1 given; allowed is a number of the unit of the parts from 0"),
    ("embodied", {"device_kgco2e": {"low": 15, "high": 164}}, "a band has exactly low, central and high"),
]


@pytest.mark.parametrize(("section", "values", "message"), BAD)
def test_refused(section: str, values: dict[str, object], message: str) -> None:
    """One line: which field, what was given, what is allowed."""
    with pytest.raises(ScenarioError) as error:
        statement_of(section, values)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[fleet", "scenario: not a TOML file"),
        ("", "no section; the file needs one of [training], [request]"),
        ("[fleeet]\ngpu_count = 1", "did you mean fleet?"),
        ("[fleet]\ngpu_count = 1\n[training]\npue = 1.1", "2 sections given; allowed is one section a file"),
        ("tittle = 'x'\n[fleet]\ngpu_count = 1", "did you mean title?"),
        ("title = 3\n[fleet]\ngpu_count = 1", "title: 3 given; allowed is text in quotes"),
        ("fleet = 3", "fleet: needs a line [fleet]"),
        (
            "[training]\ncost_view = 'rent'\ngpu_hours = 1",
            "cost_view: 'rent' given; allowed are rental, amortised, energy_floor; did you mean rental",
        ),
        ("[training]\ncost_view = 'amortised'\nprice_usd = -1", "price_usd: -1 given"),
        (f"[training]\ngpu_hours = {'[' * 5_000}{']' * 5_000}", "values are nested too deeply to be read"),
        (f"[training]\ngpu_hours = {'9' * 500}", "gpu_hours: a whole number of 500 digits given"),
        (f"[training]\ngpu_hours = {'9' * 5_000}", "not a TOML file: Exceeds the limit"),
        (f"[training]\n{'a' * 9_000} = 5", "aaa… (9001 characters) unknown field"),
        ('[training]\n"gpu\\u001b[31m\\nhours!" = 5', "gpu\\x1b[31m\\nhours!: unknown field"),
        ("[training]\ngpu_hours = [1, 2]", "gpu_hours: [1, 2] is not a number"),
        ("[[training]]\ngpu_hours = 5", "no [training] table with fields"),
    ],
)
def test_bad_file(text: str, message: str) -> None:
    """A file that is no scenario says so."""
    with pytest.raises(ScenarioError) as error:
        parse_any(text)
    assert message in str(error.value)
    assert all(len(problem.splitlines()) == 1 for problem in error.value.problems)


def test_a_mark_before_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    """As editors on Windows put it there."""
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbf[fleet]\ngpu_count = 1")
    assert read_any(tmp_path / "marked.toml").numbers["gpu_count"].central == 1  # type: ignore[union-attr]


def test_missing_file(tmp_path: Path) -> None:
    """No file, and a file that is no text."""
    with pytest.raises(ScenarioError, match="no such file"):
        read_any(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="cannot be read as UTF-8"):
        read_any(tmp_path / "binary.toml")


def test_contradiction(warehouse: duckdb.DuckDBPyConnection) -> None:
    """What is given beside what it follows from must agree; rounding may differ."""
    with pytest.raises(ScenarioError, match="gpu_count contradicts the rest: 40000 given, 30382 follows") as error:
        run(warehouse, "fleet", **FLEET, gpu_count=40_000)
    assert "\n" not in str(error.value)
    assert run(warehouse, "fleet", **FLEET, gpu_count=30_000).quantities["gpu_count"]["central"] == 30_000


def test_unknown_is_null_with_a_reason(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Nothing is priced by a default."""
    found = run(warehouse, "fleet", **FLEET).quantities
    assert found["rack_count"]["central"] == 543  # up, unless the rounding of the report is asked for
    for name in ("capital_usd", "energy_kwh_per_day", "electricity_usd_per_day", "operational_kgco2e_per_day"):
        assert found[name]["central"] is None
        assert "give" in found[name]["reason"]


def test_founding_fleet(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The chain of the founding article in one go, and that visitors do not give it."""
    stated = next(s for s in bundled_statements() if s.scenario_id == "chatgpt-fleet-2023")
    found = {k: q["central"] for k, q in estimate_statements(warehouse, [stated], NOW)[0].quantities.items()}
    assert [found[k] for k in ("gpu_count", "server_count", "rack_count", "energy_kwh_per_day")] == [
        30_382,
        3_798,
        542,
        591_864,
    ]
    assert found["capital_usd"] == pytest.approx(759e6, rel=1e-3)
    assert found["electricity_usd_per_day"] == pytest.approx(47_349, abs=1)
    visitors = run(warehouse, "fleet", **FLEET | {"visits_per_day": 13e6}).quantities
    assert visitors["gpu_count"]["central"] == 15_799


@pytest.mark.parametrize(
    "given",
    [{"gpus": 30_352}, {"servers": 3_794, "gpus_per_server": 8}, {"racks": 542, "servers_per_rack": 7, "gpus_per_server": 8}],
)  # fmt: skip
def test_a_standing_fleet(warehouse: duckdb.DuckDBPyConnection, given: dict[str, float]) -> None:
    """What GPUs, servers or racks cost by the hour does not ask what they answer."""
    found = run(warehouse, "fleet", **given, usd_per_gpu_hour=2, utilization=0.5).quantities
    assert found["gpu_count"]["central"] == 30_352
    assert found["gpu_hours_per_day"]["central"] == 30_352 * 12
    assert found["rental_usd_per_day"]["central"] == 30_352 * 24 * 2  # idle hours are paid for
    assert found["requests_per_day"]["central"] is None
    with pytest.raises(ScenarioError, match="gpu_count contradicts the rest: 100 given, 30382 follows"):
        run(warehouse, "fleet", **FLEET, gpus=100)


def test_one_request_by_every_method(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A change of method shows on the same request; a region gives PUE and grid with their passports."""
    values = {"model": "llama-3.1-70b", "output_tokens_count": 250, "provider": "aws", "region": "us-east-1"}
    new, old, newest = (run(warehouse, "request", method=m, **values) for m in SECTIONS["request"])
    assert old.quantities["energy_kwh"]["central"] > 10 * new.quantities["energy_kwh"]["central"]
    # The later study of the H100 changes its manufacture only.
    assert newest.quantities["energy_kwh"] == new.quantities["energy_kwh"]
    made = (q.quantities["embodied_kgco2e"]["central"] for q in (newest, new))
    assert next(made) / next(made) == pytest.approx((5_700 / 8 + 273) / (5_700 / 8 + 164), rel=1e-12)
    kinds = {f["factor"]: f["origin_kind"] for f in new.factors}
    assert (kinds["parameters_count"], kinds["grid_gco2e_per_kwh"], kinds["output_tokens_count"]) == (
        "reference",
        "observed",
        "given",
    )
    assert new.quantities["operational_kgco2e"]["low"] < new.quantities["operational_kgco2e"]["high"]
    assert new.quantities["water_l"]["central"] is None


def test_ten_thousand_requests_in_one_statement(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The macros work on columns."""
    total = warehouse.execute(
        "SELECT sum(ecologits_it_energy_kwh_0_9_1(7.3e9, 46.7e9, 100 + i % 900, NULL)), count(*) FROM range(10_000) t(i)"
    ).fetchone()
    assert total
    assert total[0] > 0
    assert total[1] == 10_000


def test_embodied_band_names_both_sources(warehouse: duckdb.DuckDBPyConnection) -> None:
    """H100: 15 kg by die area to 164 kg by its maker."""
    result = run(warehouse, "embodied", accelerator="H100 SXM", life_years=5, utilization_share=0.8, device_hours=1_000)
    device = next(f for f in result.factors if f["factor"] == "device_kgco2e")
    assert (device["low"], device["high"]) == (15, 164)
    assert "LLMCarbon" in device["origin_ref"]
    assert "maker" in device["origin_ref"]
    band = result.quantities["embodied_kgco2e"]
    assert band["low"] == pytest.approx(15 / 35_040 * 1_000)
    assert band["high"] == pytest.approx(164 / 35_040 * 1_000)
    assert device["variance_share"]["embodied_kgco2e"] == 1


def test_bands(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Independent factors of a product add in quadrature; a difference through zero is drawn."""
    result = run(
        warehouse,
        "site",
        it_energy_kwh={"low": 50, "central": 100, "high": 200},
        pue=1.2,
        grid_gco2e_per_kwh={"low": 250, "central": 500, "high": 1_000},
    )
    band = result.quantities["operational_kgco2e"]
    assert (band["low"], band["central"], band["high"]) == pytest.approx((60 / 2**2**0.5, 60, 60 * 2**2**0.5))
    shares = {f["factor"]: f["variance_share"].get("operational_kgco2e") for f in result.factors}
    assert shares == pytest.approx({"it_energy_kwh": 0.5, "pue": 0, "grid_gco2e_per_kwh": 0.5})
    change = run(
        warehouse,
        "compare",
        value={"low": 7, "central": 10, "high": 13},
        reference_value={"low": 6, "central": 10, "high": 14},
    ).quantities["difference"]
    assert (change["low"], change["central"], change["high"]) == pytest.approx((-5, 0, 5), abs=0.1)


def test_site_move(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Guangdong to Inner Mongolia by the official factors of 2023: 41% more CO2, at under half the price."""
    found = run(
        warehouse,
        "site",
        it_energy_kwh=1e6,
        pue=1.2,
        grid_gco2e_per_kwh=647.9,
        price_per_kwh=0.33,
        from_pue=1.25,
        from_grid_gco2e_per_kwh=441.9,
        from_price_per_kwh=0.75,
        currency="CNY",
    ).quantities
    assert found["carbon_change_share"]["central"] == pytest.approx(0.41, abs=0.005)
    assert found["cost_change_share"]["central"] == pytest.approx(-0.5776)
    assert found["electricity_cost"]["unit"] == "CNY"


def test_cost_views(warehouse: duckdb.DuckDBPyConnection) -> None:
    """One training, three costs: rental, ownership and energy alone."""
    text = (
        "[training]\naccelerator = 'H100 SXM'\ngpu_hours = 1e6\npower_w_per_gpu = 1000\npue = 1.2\nusd_per_gpu_hour = 2\n"
        "price_usd = 44490\ndays_since_purchase = 432\nprice_usd_per_kwh = 0.08\ncost_view = '{}'"
    )
    rental, owned, floor = (
        estimate_any(warehouse, parse_any(text.format(view)), NOW) for view in ("rental", "amortised", "energy_floor")
    )
    assert rental["cost_usd"]["central"] == 2e6
    assert floor["cost_usd"]["central"] == pytest.approx(1.2e6 * 0.08)
    parts = [owned["cost_parts"][k]["central"] for k in ("hardware_usd", "interconnect_usd", "energy_usd")]
    assert owned["cost_usd"]["central"] == pytest.approx(sum(parts))
    assert floor["cost_usd"]["central"] < owned["cost_usd"]["central"] < rental["cost_usd"]["central"]
    assert owned["method_version"] == "training-2+ownership-1"
    assert "usd_per_gpu_hour" not in {f["factor"] for f in owned["factors"]}
    assert owned["energy_kwh"] == rental["energy_kwh"]
    bare = estimate_any(warehouse, parse_any("[training]\ngpu_hours = 1e6\ncost_view = 'energy_floor'"), NOW)
    assert bare["cost_usd"]["central"] is None
    assert "price_usd_per_kwh" in bare["cost_usd"]["reason"]


@pytest.mark.parametrize("view", ["rental", "amortised", "energy_floor"])
def test_shares_of_the_variance_add_up_in_every_view(warehouse: duckdb.DuckDBPyConnection, view: str) -> None:
    """What the hours and the energy cause is told of what is behind them, also of manufacture and water."""
    text = f"""[training]
parameters_b = 175
tokens_b = 300
accelerator = "H100 SXM"
utilization = {{low = 0.3, central = 0.4, high = 0.5}}
power_w_per_gpu = {{low = 500, central = 700, high = 900}}
pue = 1.1
usd_per_gpu_hour = {{low = 1, central = 2, high = 3}}
grid_gco2e_per_kwh = 400
cost_view = "{view}"
price_usd = 30000
days_since_purchase = 60
price_usd_per_kwh = {{low = 0.06, central = 0.08, high = 0.1}}
device_kgco2e = {{low = 15, central = 50, high = 164}}
site_water_l_per_kwh = 0.2
grid_water_l_per_kwh = {{low = 1, central = 2, high = 3}}
"""
    found = estimate_any(warehouse, parse_any(text), NOW)
    for quantity in ("cost_usd", "energy_kwh", "embodied_kgco2e", "water_l"):
        shares = {f["factor"]: f["variance_share"].get(quantity) or 0 for f in found["factors"]}
        assert sum(shares.values()) == pytest.approx(1), quantity
        assert shares["utilization_share"] > 0.01, quantity


def test_hours_move_hardware_and_electricity_together(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Where nothing but the hours is uncertain, ownership costs twice as much for twice as many of them: energy follows from the same hours."""
    text = """[training]
accelerator = "H100 SXM"
gpu_hours = {low = 0.5e6, central = 1e6, high = 2e6}
power_w_per_gpu = 1000
pue = 1.2
cost_view = "amortised"
value_at_start_usd = 5000
price_usd_per_kwh = 0.30
"""
    found = estimate_any(warehouse, parse_any(text), NOW)
    cost = found["cost_usd"]
    assert cost["central"] == pytest.approx(5000 * 1e6 * 0.14 * math.log(10) / (365.25 * 24) / 0.81 + 1e6 * 1.2 * 0.3)
    assert (cost["low"], cost["high"]) == pytest.approx((cost["central"] / 2, cost["central"] * 2))
    shares = {f["factor"]: f["variance_share"].get("cost_usd") for f in found["factors"]}
    assert shares["gpu_hours"] == pytest.approx(1)
    assert (shares["power_w_per_gpu"], shares["pue"]) == pytest.approx((0, 0))


def test_water_on_site_does_not_depend_on_the_pue(warehouse: duckdb.DuckDBPyConnection) -> None:
    """What a site evaporates goes with the energy of its servers, water of the electricity with that at the meter."""
    text = "[training]\ngpu_hours = 1e6\npower_w_per_gpu = 1000\npue = {{low = 1.1, central = 1.3, high = 2}}\nsite_water_l_per_kwh = {}\ngrid_water_l_per_kwh = {}"
    on_site = estimate_any(warehouse, parse_any(text.format(1.8, 0)), NOW)["water_l"]
    assert (on_site["low"], on_site["central"], on_site["high"]) == pytest.approx((1.8e6, 1.8e6, 1.8e6))
    of_electricity = estimate_any(warehouse, parse_any(text.format(0, 1)), NOW)["water_l"]
    sides = (of_electricity["low"], of_electricity["central"], of_electricity["high"])
    assert sides == pytest.approx((1.1e6, 1.3e6, 2e6))


def test_manufacture_and_water_of_a_training(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Embodied carbon with its band where the accelerator has a published figure; water where its factors are stated."""
    text = "[training]\naccelerator = 'H100 SXM'\ngpu_hours = 1e6\npower_w_per_gpu = 1000\npue = 1.2\n"
    found = estimate_any(warehouse, parse_any(text), NOW)
    assert found["embodied_kgco2e"]["central"] == pytest.approx(1e6 * 49.6 / (5 * 8_760 * 0.85))
    assert found["embodied_kgco2e"]["low"] < found["embodied_kgco2e"]["central"] < found["embodied_kgco2e"]["high"]
    assert found["water_l"]["central"] is None
    assert {"device_kgco2e", "life_years", "hardware_use_share"} <= {f["factor"] for f in found["factors"]}
    stated = "device_kgco2e = 164\nlife_years = 4\nhardware_use_share = 0.5\nsite_water_l_per_kwh = 0.5\ngrid_water_l_per_kwh = 3\n"
    found = estimate_any(warehouse, parse_any(text + stated), NOW)
    assert (
        found["embodied_kgco2e"]["central"]
        == pytest.approx(found["embodied_kgco2e"]["low"])
        == pytest.approx(1e6 * 164 / (4 * 8_760 * 0.5))
    )
    assert found["water_l"]["central"] == pytest.approx(1e6 * (0.5 + 1.2 * 3))
    assert found["method_version"] == "training-2"
    bare = estimate_any(warehouse, parse_any("[training]\ntraining_flop = 1e23"), NOW)
    assert bare["embodied_kgco2e"]["central"] is None
    assert "give" in bare["embodied_kgco2e"]["reason"]


def test_fine_tuning(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Full: 6 FLOP a parameter and token. Adapters: 4, and a fraction of the memory."""
    values = {"model": "llama-65b", "accelerator": "nvidia-a100-sxm-80gb", "tokens_count": 1e9}
    full, lora = (run(warehouse, "fine_tuning", adaptation=a, **values).quantities for a in ("full", "lora"))
    assert full["training_flop"]["central"] == pytest.approx(6 * 65.2e9 * 1e9, rel=0.01)
    assert lora["training_flop"]["central"] / full["training_flop"]["central"] == pytest.approx(2 / 3, rel=0.01)
    assert full["memory_byte"]["central"] > 7 * lora["memory_byte"]["central"]
    assert lora["cost_usd"]["central"] > 0


def test_adapters_of_unknown_size_are_not_counted_as_a_full_fine_tuning(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Without the width and the layers of the model nobody knows how many parameters LoRA trains: FLOP, hours and cost are unknown."""
    values = {"parameters_count": 7e9, "tokens_count": 1e9, "accelerator": "nvidia-a100-sxm-80gb"}
    unknown = run(warehouse, "fine_tuning", **values).quantities
    for quantity in ("training_flop", "gpu_hours", "energy_kwh", "cost_usd", "memory_byte"):
        assert unknown[quantity]["central"] is None, quantity
        assert "trainable_parameters_count is not known" in unknown[quantity]["reason"]
    before = run(warehouse, "fine_tuning", method="fine-tuning-2", **values).quantities
    assert before["training_flop"]["central"] == pytest.approx(6 * 7e9 * 1e9)
    stated = run(warehouse, "fine_tuning", trainable_parameters_count=20e6, **values).quantities
    assert stated["training_flop"]["central"] == pytest.approx((4 * 7e9 + 2 * 20e6) * 1e9)
    # Of a mixture of experts all 46.7 billion are trained, and each token trains those that it activates.
    mixture = {"parameters_count": 46.7e9, "active_parameters_count": 12.9e9, "tokens_count": 1e9}
    full = run(warehouse, "fine_tuning", adaptation="full", **mixture).quantities
    assert full["training_flop"]["central"] == pytest.approx(6 * 12.9e9 * 1e9)


_PALM = {
    "parameters_b": 540.35,
    "layers": 118,
    "heads": 48,
    "head_dimension": 256,
    "context_tokens": 2_048,
    "peak_tflops": 275,
}


def test_hfu_and_mfu_both_ways(warehouse: duckdb.DuckDBPyConnection) -> None:
    """PaLM 540B, arXiv 2204.02311 section 4.1: 46.2% of the model's FLOP are 57.8% with recomputation."""
    for given, name, expected in (("hfu", "mfu_share", 0.462), ("mfu", "hfu_share", 0.578)):
        value = 0.578 if given == "hfu" else 0.462
        found = run(warehouse, "compute", **_PALM, recomputed_share=0.75, tokens_b=780, **{given: value})
        assert found.quantities[name]["central"] == pytest.approx(expected, abs=5e-4)
        assert found.quantities["gpu_hours"]["central"] == pytest.approx(2.56e24 / (275e12 * 0.462 * 3600), rel=5e-3)
    with pytest.raises(ScenarioError, match=r"hfu_share contradicts the rest: 0.5 given, 0.577"):
        run(warehouse, "compute", **_PALM, recomputed_share=0.75, mfu=0.462, hfu=0.5)


def test_hfu_of_a_training(warehouse: duckdb.DuckDBPyConnection) -> None:
    text = "[training]\nparams_b = 540\ntokens_b = 780\npeak_tflops = 275\nhfu = 0.578\nrecomputed_share = 0.75"
    found = estimate_any(warehouse, parse_any(text), NOW)["derived"]
    assert found["utilization_share"]["central"] == pytest.approx(0.578 / 1.25)
    assert found["hfu_share"]["central"] == pytest.approx(0.578)


def test_what_was_given_in_vain_is_told(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A number that nothing rests on may be a slip of key: it is named."""
    assert run(warehouse, "fleet", **FLEET, usd_per_server=2e5, pue=1.2).as_json()["unused"] == ["pue"]
    text = "[training]\ngpu_hours = 1000\nusd_per_gpu_hour = 2\npue = 1.2\ngrid_gco2e_per_kwh = 400"
    assert estimate_any(warehouse, parse_any(text), NOW)["unused"] == ["grid_gco2e_per_kwh", "pue"]
    with pytest.raises(ScenarioError, match="energy_wh and requests_count: allowed is one of both"):
        run(warehouse, "prompt", energy_kwh=914, requests_count=230_768)


def test_break_even(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Where own tokens cost more than bought ones, nothing ever pays back."""
    stated = {"build_usd": 4.6e6, "own_usd_per_mtok": 3}
    assert run(warehouse, "break_even", **stated, buy_usd_per_mtok=20).quantities["build_or_buy_mtok"][
        "central"
    ] == pytest.approx(4.6e6 / 17)
    never = run(warehouse, "break_even", **stated, buy_usd_per_mtok=0.5).quantities["build_or_buy_mtok"]
    assert never["central"] is None
    assert "none where" in never["reason"]


def test_bundled_statements(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Each is described, none depends on the others, and their rows are those of the declared tables."""
    stated = bundled_statements()
    assert all(s.title and s.note and s.source_url for s in stated)
    results = estimate_statements(warehouse, stated, NOW)
    estimates, factors = result_frames(results)
    SCENARIO_ESTIMATE.columns.validate(estimates)
    FACTOR.columns.validate(factors)
    for s, result in zip(stated[::3], results[::3], strict=True):
        assert estimate_statements(warehouse, [s], NOW)[0].as_json() == result.as_json()
    costs = {r.statement.scenario_id: r.quantities.get("cost_usd", {}).get("central") for r in results}
    assert [costs[f"gpt-3-cost-{n}-million"] for n in ("1-4", "4-6", "12")] == pytest.approx(
        [1.4e6, 4.6e6, 12e6], rel=0.02
    )


def test_nothing_is_left_behind(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Temporary tables are gone, also after a refusal."""
    before = warehouse.execute("SELECT count(*) FROM duckdb_tables()").fetchone()
    run(warehouse, "fleet", **FLEET)
    with pytest.raises(ScenarioError):
        run(warehouse, "fleet", **FLEET, gpu_count=1)
    assert warehouse.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == before


#: Bad input that only the reference tables or the whole statement show: section, keys, the one line.
REFUSED_LATER = [
    ("serving", {"active_parameters_count": 80e9}, "active_parameters_count: 8e+10 given; allowed is at most parameters_count, 7.05"),
    ("serving", {"accelerator": "H1000"}, "accelerator: H1000 is not in reference.accelerator; closest are nvidia-h100"),
    ("serving", {"region": "us-east-99"}, "region: us-east-99 is not a region or grid zone; closest are us-east"),
    ("serving", {"provider": "awss", "region": "us-east-1"}, "provider: awss is not known; closest are aws"),
    ("serving", {"as_of": "1999-01-01"}, "as_of: 1999-01-01 is before the first observation of a price, 2022-05-01"),
    ("serving", {"as_of": "2999-01-01"}, "as_of: 2999-01-01 lies more than a year ahead"),
    ("request", {"as_of": "1999-01-01", "region": "US"}, "as_of: 1999-01-01 is before the first observation of grid carbon"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "values", "message"), REFUSED_LATER)
def test_refused_once_looked_up(
    warehouse: duckdb.DuckDBPyConnection, section: str, values: dict[str, object], message: str
) -> None:
    """One line, with the closest names or the first date."""
    base: dict[str, object] = {"model": "llama-3.1-70b", "output_tokens": 300}
    base |= {"accelerator": "H100 SXM", "tp": 4, "batch": 8, "input_tokens": 500} if section == "serving" else {}
    with pytest.raises(ScenarioError) as error:
        estimate_statements(warehouse, [statement_of(section, base | values)])
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith(message)


REFUSED_AT_ONCE = [
    ("serving", {"tp": 2.5}, "tp (read as accelerator_count): 2.5 given; allowed is a whole number of accelerators"),
    ("serving", {"power_w_per_gpu": 0.7}, "power_w_per_gpu: 0.7 given; allowed is a number of W from 5"),
    ("fleet", {"users_per_day": 5, "visits_per_day": 9}, "visits_per_day and users_per_day: allowed is one of both"),
    ("sci", {"time_reserved_h": 100, "life_h": 10}, "time_reserved_h: 100 given; allowed is at most life_h, 10"),
    ("sci", {"time_reserved_h": 1e5, "life_years": 4}, "time_reserved_h: 100000 given; allowed is at most life_years, 4 (35040)"),
    ("embodied", {"days": 5000, "life": 5}, "days (read as duration_days): 5000 given; allowed is at most life_years, 5 (1825)"),
    ("service", {"cached_input_tokens_count": 9, "input_tokens_count": 5}, "cached_input_tokens_count: 9 given"),
    ("prompt", {"accelerator_wh": 0.4, "energy_wh": 0.3}, "accelerator_wh: 0.4 given; allowed is at most energy_wh, 0.3"),
    ("site", {"pue": 0.99}, "pue: 0.99 given; allowed is a number from 1 to 5"),
    ("ownership", {"price_usd": -1}, "price_usd: -1 given"),
    ("compute", {"utilization_share": 46.2}, "utilization_share: 46.2 given; allowed is a number from 1e-06 to 1"),
    ("compute", {"mfu": 0.5, "hfu": 0.3}, "mfu (read as utilization_share): 0.5 given; allowed is at most hfu_share, 0.3"),
    ("fine_tuning", {"tokens_count": 0}, "tokens_count: 0 given"),
    ("fine_tuning", {"params_b": 7, "trainable_parameters_count": 9e9}, "trainable_parameters_count: 9e+09 given; allowed is at most parameters_count, 7e+09"),
    ("fine_tuning", {"hidden_width": 4096, "rank": 5000}, "rank (read as rank_count): 5000 given; allowed is at most hidden_width_count, 4096"),
    ("site", {"it_energy_kwh": "12 MWh"}, "it_energy_kwh: '12 MWh' is text; allowed is"),
    ("site", {"it_energy_mwh": 12, "it_energy_kwh": 12_000}, "it_energy_mwh and it_energy_kwh: both state it_energy_kwh"),
]  # fmt: skip


def test_hardware_lives_no_longer_than_usual_where_nothing_else_is_said(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Else a job of 13 years would be 2.7 times the manufacture of its cards."""
    job = {"device_kgco2e": 150, "duration_days": 4_900}
    with pytest.raises(ScenarioError) as error:
        run(warehouse, "embodied", **job)
    assert error.value.problems[0].startswith(
        "duration_days: 4900 given; allowed is at most life_years, 5 (1825) (3 years"
    )
    assert error.value.problems[0].endswith("; give life_years")
    assert run(warehouse, "embodied", **job, life_years=14).quantities["time_share"]["central"] < 1


def test_numbers_too_far_apart_to_vary_are_refused() -> None:
    """Their variance would be no number."""
    with pytest.raises(
        ScenarioError,
        match=r"reference_value: 4e\+234 given; allowed is a number of one unit for both from 1e-140 to 1e\+140",
    ):
        statement_of("compare", {"value": 6e229, "reference_value": 4e234})


@pytest.mark.parametrize(
    ("section", "values", "name"),
    [
        ("compute", {"params_b": 7, "tokens_per_s": 1e9, "gpus": 1, "peak_tflops": 312}, "mfu_without_attention_share"),
        ("compute", {"achieved_tflops": 400, "peak_tflops": 312}, "mfu_share"),
        ("service", {"active_b": 70, "tokens_per_s": 9e5, "gpus": 8, "peak_tflops": 989}, "flop_share_of_peak"),
    ],
)
def test_a_utilisation_above_1_that_follows_is_refused(
    warehouse: duckdb.DuckDBPyConnection, section: str, values: dict[str, object], name: str
) -> None:
    """As one that is stated."""
    with pytest.raises(ScenarioError) as error:
        estimate_statements(warehouse, [statement_of(section, values)])
    assert f"{name}: " in error.value.problems[0]
    assert "follows from what is given; allowed is up to 1" in error.value.problems[0]


@pytest.mark.parametrize(("section", "values", "message"), REFUSED_AT_ONCE)
def test_refused_at_once(section: str, values: dict[str, object], message: str) -> None:
    """One line before anything is looked up."""
    with pytest.raises(ScenarioError) as error:
        statement_of(section, values)
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith(message)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"pf_days": 3_640, "achieved_tflops": 28},
            {"training_flop": 3_640 * 86_400e15, "gpu_hours": 3_640 * 24e15 / 28e12},
        ),
        ({"params_m": 11_000, "tokens_b": 1_000, "flops_per_param_token": 3}, {"training_flop": 3.3e22}),
        # DeepSeek-V3, arXiv 2412.19437 table 1 and section 3: 2.664 million H800-hours for 14.8 T tokens of 37 B active parameters.
        (
            {"params_b": 37, "tokens_t": 14.8, "gpu_hours_k": 2_664, "peak_tflops": 989.4, "cost_usd": 5.328e6},
            {"achieved_flop_per_s_per_gpu": 342.6e12, "mfu_share": 0.3462, "usd_per_gpu_hour": 2.0},
        ),
        ({"cost_usd": 4.6e6, "training_flop": 3.14e23}, {"usd_per_flop": 1.465e-17}),
        ({"gpu_hours": 100, "usd_per_gpu_hour": 2}, {"cost_usd": 200}),
    ],
)
def test_compute_from_either_side(
    warehouse: duckdb.DuckDBPyConnection, values: dict[str, float], expected: dict[str, float]
) -> None:
    found = run(warehouse, "compute", **values).quantities
    assert {name: found[name]["central"] for name in expected} == pytest.approx(expected, rel=1e-3)


def test_compute_that_contradicts_itself(warehouse: duckdb.DuckDBPyConnection) -> None:
    run_of = {"params_b": 37, "tokens_t": 14.8, "gpu_hours_k": 2_664, "peak_tflops": 989.4}
    with pytest.raises(ScenarioError, match="gpu_hours contradicts the rest"):
        run(warehouse, "compute", **run_of, mfu=0.6)


def test_revenue_with_and_without_a_cache(warehouse: duckdb.DuckDBPyConnection) -> None:
    sold = {"input_tokens_b": 608, "output_tokens_b": 168, "usd_per_mtok_input": 0.55, "usd_per_mtok_output": 2.19}
    plain = run(warehouse, "service", **sold).quantities["revenue_usd"]["central"]
    assert plain == pytest.approx(608e3 * 0.55 + 168e3 * 2.19)
    cached = run(warehouse, "service", **sold, cached_input_tokens_b=342, usd_per_mtok_cached_input=0.14)
    assert cached.quantities["revenue_usd"]["central"] == pytest.approx(plain - 342e3 * (0.55 - 0.14))
    assert run(warehouse, "service", **sold, cached_input_tokens_b=342).quantities["revenue_usd"]["central"] is None


def test_the_one_number_that_is_lacking_is_named_first(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Of everything that a result could follow from, what this file lacks; where several are lacking, none is."""
    stated = {"model": "llama-3-70b", "accelerator": "H100", "prompt_tokens_count": 100, "output_tokens_count": 100}
    (served,) = estimate_statements(warehouse, [statement_of("serving", stated)])
    assert served.quantities["tokens_per_s"]["central"] > 0
    assert served.quantities["gco2e_per_mtok_output"]["reason"].startswith("grid_gco2e_per_kwh is not known: give ")
    (unsized,) = estimate_statements(warehouse, [statement_of("serving", {"accelerator": "H100", "batch_count": 1})])
    assert unsized.quantities["tokens_per_s"]["reason"].startswith("give model")
    (held,) = estimate_statements(warehouse, [statement_of("serving", {"accelerator": "H100"})])
    assert held.quantities["weight_byte"]["reason"].startswith("parameters_count is not known: give model")
    (rate,) = estimate_statements(warehouse, [statement_of("compute", {"training_flop": 1e24})])
    assert "training_flop" not in rate.quantities["cost_usd"]["reason"].split(":")[0]


_ASKED = {"accelerator": "H100 SXM", "requests_per_day": 1e6, "tokens_per_request": 86.4, "s_per_token": 0.1}


def test_a_fleet_measured_on_another_accelerator(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Time by memory bandwidth (2,039 and 3,350 GB/s), power by board power (400 and 700 W), where it is stated."""
    there = {"measured_accelerator": "A100 SXM 80GB", "gpus_per_server": 8, "kw_per_server": 6.5, "pue": 1.1}
    (found,) = estimate_statements(warehouse, [statement_of("fleet", _ASKED | there)])
    assert found.quantities["gpu_s_per_request"]["central"] == pytest.approx(8.64 * 2_039 / 3_350)
    assert found.quantities["gpu_count"]["central"] == 61
    assert found.quantities["power_kw"]["central"] == pytest.approx(8 * 6.5 * 700 / 400)
    # Of a card whose board power is not published only what is stated of its power is lost.
    there = {"measured_accelerator": "TPU v4", "pue": 1.1}
    (found,) = estimate_statements(warehouse, [statement_of("fleet", _ASKED | there)])
    assert found.quantities["power_kw"]["central"] == pytest.approx(
        found.quantities["gpu_count"]["central"] * 700 * 1.05 / 1e3
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"measured_accelerator": "A1000"}, "measured_accelerator: A1000 is not in reference.accelerator; closest are"),
        ({"measured_accelerator": "TPU v4", "kw_per_server": 6.5}, "power_ratio: tdp_w of nvidia-h100-sxm-80gb or google-tpu-v4 is not known; give power_ratio"),
        ({"measured_accelerator": "H100 SXM", "accelerator": None}, "measured_accelerator: given alone; give accelerator too"),
    ],
)  # fmt: skip
def test_a_fleet_measured_on_what_is_not_known_is_refused(
    warehouse: duckdb.DuckDBPyConnection, values: dict[str, object], message: str
) -> None:
    stated = {key: value for key, value in (_ASKED | values).items() if value is not None}
    with pytest.raises(ScenarioError) as error:
        estimate_statements(warehouse, [statement_of("fleet", stated)])
    assert [p.startswith(message) for p in error.value.problems] == [True]


def test_a_model_of_which_no_size_is_published_is_the_reason(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Not that a model is lacking, which is stated."""
    stated = statement_of("request", {"method": "ecologits-0.9.1", "model": "GPT-4o", "output_tokens": 100})
    (found,) = estimate_statements(warehouse, [stated])
    assert found.quantities["it_energy_kwh"]["reason"].startswith("the size of GPT-4o is not published: ")
