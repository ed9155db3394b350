"""From a mix to an intensity: worked by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from assets.sources._fuel_mix import FACTORS_FILE, factors, intensities
from assets.sources._rows import number_cells

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def _mix(**generation: float | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"zone": "Z", "valid_from": NOON, "fuel": list(generation), "generation": list(generation.values())},
        schema_overrides={"generation": pl.Float64},
    )


def _values(mix: pl.DataFrame) -> dict[str, float]:
    frame, _ = intensities(mix, resolution="PT1H")
    return dict(frame.select("basis_boundary", "intensity_gco2e_per_kwh").rows())


def test_factors_have_bounds_and_a_citation() -> None:
    """Every row names its source; low <= central <= high; direct is never above lifecycle."""
    table = pl.read_csv(FACTORS_FILE)
    assert table.filter(
        (pl.col("low") > pl.col("gco2e_per_kwh")) | (pl.col("gco2e_per_kwh") > pl.col("high"))
    ).is_empty()
    assert table["source_url"].str.starts_with("https://").all()
    assert table["note"].is_not_null().all()
    assert not table.select("fuel", "basis_boundary").is_duplicated().any()
    assert factors().filter(pl.col("direct") > pl.col("lifecycle")).is_empty()
    assert set(table["fuel"]) == set(factors()["fuel"])


def test_half_coal_half_wind() -> None:
    """(760 + 0) / 2 and (820 + 11) / 2."""
    assert _values(_mix(coal=50.0, wind=50.0)) == {"direct": 380.0, "lifecycle": 415.5}


def test_storage_imports_and_negatives_do_not_count() -> None:
    with_them = _mix(gas=1_000.0, storage=-5_000.0, imports=40_000.0, solar=-37.0)
    assert _values(with_them) == _values(_mix(gas=100.0)) == {"direct": 370.0, "lifecycle": 490.0}


def test_the_unknown_is_left_out_up_to_a_limit() -> None:
    assert _values(_mix(gas=95.0, unknown=5.0)) == {"direct": 370.0, "lifecycle": 490.0}
    frame, refused = intensities(_mix(gas=80.0, unknown=20.0), resolution="PT1H")
    assert frame.is_empty()
    assert refused["reason"].to_list() == ["20.0% of the generation has no emission factor (allowed 10%)"]


def test_the_unknown_counts_for_more_where_the_rest_is_clean() -> None:
    """2% of gas would raise 37 g/kWh by 6.7, a fifth, and 0 g/kWh by 7.4; 6% a lifecycle of 17.6 by 28.3."""
    assert _values(_mix(gas=9.8, nuclear=88.2, unknown=2.0)) == {"direct": 37.0, "lifecycle": 59.8}
    assert _values(_mix(hydro=98.0, unknown=2.0)) == {"lifecycle": 24.0}
    assert _values(_mix(hydro=99.0, unknown=1.0)) == {"direct": 0.0, "lifecycle": 24.0}
    frame, refused = intensities(_mix(nuclear=50.0, hydro=44.0, unknown=6.0), resolution="PT1H")
    assert frame.is_empty()
    assert "6.0% of the generation has no emission factor, and the rest is so clean" in refused["reason"][0]


def test_the_figures_of_a_zone_are_given_for_all_its_slots_or_none() -> None:
    """The clean night alone would be left out by a rule for each slot, and the mean of the day be too high."""
    day = _hours(4, nuclear=[900.0], gas=[10.0, 300.0, 300.0, 300.0], unknown=[20.0])
    frame, refused = intensities(day, resolution="PT1H")
    assert frame.height == 8
    assert refused.is_empty()


@pytest.mark.parametrize("mix", [_mix(gas=None, coal=None), _mix(gas=0.0), _mix(storage=100.0)])
def test_nothing_generated_is_no_intensity(mix: pl.DataFrame) -> None:
    frame, refused = intensities(mix, resolution="PT1H")
    assert frame.is_empty()
    assert "no generation" in refused["reason"][0]


def test_a_late_fuel_is_not_zero() -> None:
    """Wind comes an hour late: the hour without it is refused, not taken for all gas."""
    full = _mix(gas=50.0, wind=50.0)
    late = _mix(gas=50.0, wind=None).with_columns(pl.col("valid_from").dt.offset_by("1h"))
    frame, refused = intensities(pl.concat([full, late]), resolution="PT1H")
    assert set(frame["valid_from"]) == {NOON}
    assert refused["reason"].to_list() == ["generation of wind is missing, it is not zero"]


def test_basis_is_said() -> None:
    frame, _ = intensities(_mix(nuclear=1.0), resolution="PT5M")
    assert set(frame["basis_kind"]) == {"estimated"}
    assert set(frame["basis_method"]) == {"average"}
    assert set(frame["resolution"]) == {"PT5M"}


def test_a_hole_filled_with_zeros_is_refused_and_a_fuel_at_rest_is_not() -> None:
    """Coal at 0 with a full mix is a fact; coal at 0 with a hundredth of the usual generation is a hole."""
    hours = [
        _mix(coal=coal, wind=wind).with_columns(pl.col("valid_from").dt.offset_by(f"{n}h"))
        for n, (coal, wind) in enumerate([(50.0, 50.0), (60.0, 40.0), (0.0, 90.0), (0.0, 1.0)])
    ]
    frame, refused = intensities(pl.concat(hours), resolution="PT1H")
    assert frame["valid_from"].n_unique() == 3
    assert refused["reason"].to_list() == ["1.1% of the usual generation, none of coal: a gap filled with zeros"]


def test_a_part_of_a_fuel_may_be_late_too() -> None:
    """Sun on roofs is not replaced by sun in parks."""
    full = _mix(gas=50.0, solar=50.0).with_columns(pl.Series("kind", ["gas", "solar_rooftop"]))
    park = _mix(gas=50.0, solar=5.0).with_columns(pl.Series("kind", ["gas", "solar_utility"]))
    late = park.with_columns(pl.col("valid_from").dt.offset_by("1h"))
    frame, refused = intensities(pl.concat([full, park, late]), resolution="PT1H", kind="kind")
    assert set(frame["valid_from"]) == {NOON}
    assert refused["reason"].to_list() == ["generation of solar_rooftop is missing, it is not zero"]


def test_what_is_no_number_is_neither_zero_nor_absent() -> None:
    """ "8,000" once left gas out of every slot of a day: the rest alone looked like a green grid."""
    cells = pl.DataFrame({"text": ["8000", " 8000.5 ", "8,000", "n/a", "", "-", None]})
    assert cells.select(number_cells(pl.col("text")).fill_nan(-1).alias("text"))["text"].to_list() == [
        8000,
        8000.5,
        -1,
        -1,
        None,
        None,
        None,
    ]
    mix = _mix(gas=float("nan"), wind=50.0)
    frame, bad = intensities(mix, resolution="PT1H")
    assert frame.is_empty()
    assert bad["reason"].to_list() == ["generation of gas is not a number"]
    # What does not count may be unreadable.
    assert intensities(_mix(gas=50.0, imports=float("nan")), resolution="PT1H")[0].height == 2


def test_a_fuel_that_is_listed_and_null_throughout_is_a_gap_where_the_publisher_lists_what_there_is() -> None:
    mix = _mix(gas=None, wind=50.0)
    assert intensities(mix, resolution="PT1H")[0].height == 2
    frame, bad = intensities(mix, resolution="PT1H", never_silent=("gas",))
    assert frame.is_empty()
    assert bad["reason"].to_list() == ["generation of gas is missing, it is not zero"]
    assert intensities(_mix(unknown=None, wind=50.0), resolution="PT1H", never_silent=("gas",))[0].height == 2


def _hours(count: int, **generation: list[float]) -> pl.DataFrame:
    """Generation of each fuel by the hour; a list that is too short begins anew."""
    rows = [
        ("Z", NOON + dt.timedelta(hours=hour), fuel, values[hour % len(values)])
        for hour in range(count)
        for fuel, values in generation.items()
    ]
    return pl.DataFrame(rows, schema=["zone", "valid_from", "fuel", "generation"], orient="row")


def test_generation_out_of_all_proportion_is_refused() -> None:
    """Northern California's gas at 3.3 million MWh in two hours of 2019: 370 g/kWh where it is 185. Others keep their fuels."""
    gas = [1400.0] * 24
    gas[3], gas[4] = 3_296_596.0, 3_296_432.0
    frame, bad = intensities(_hours(24, gas=gas, hydro=[1400.0]), resolution="PT1H")
    assert frame.filter(pl.col("basis_boundary") == "direct")["intensity_gco2e_per_kwh"].to_list() == [185.0] * 22
    assert set(frame["main_fuels"]) == {"gas hydro"}
    assert bad["reason"].to_list() == ["generation of gas is out of all proportion to the other slots"] * 2


@pytest.mark.parametrize(
    "mix",
    [
        # A zone of the sun alone, one of a peaking plant, and oil in a cold snap.
        _hours(24, solar=[0.0] * 8 + [1.0, 90.0, 900.0, 990.0] + [900.0] * 4 + [90.0, 1.0] + [0.0] * 6),
        _hours(24, gas=[0.0] * 22 + [600.0, 580.0], hydro=[1.0]),
        _hours(24, gas=[9000.0], nuclear=[3000.0], oil=[5.0] * 20 + [3000.0] * 4),
        # Too few to tell.
        _hours(4, gas=[10.0, 10.0, 10.0, 90_000.0]),
    ],
)
def test_much_is_not_out_of_proportion(mix: pl.DataFrame) -> None:
    _, bad = intensities(mix, resolution="PT1H")
    assert not bad["reason"].str.contains("proportion").any()


def _refused_at(mix: pl.DataFrame) -> dict[int, str]:
    """Reason by hour after noon."""
    frame, bad = intensities(mix, resolution="PT1H")
    assert frame.height + 2 * bad.height == 2 * mix["valid_from"].n_unique()
    hours = bad["row_json"].str.json_path_match("$.valid_from").str.to_datetime(time_zone="UTC")
    return {int((at - NOON) / dt.timedelta(hours=1)): why for at, why in zip(hours, bad["reason"], strict=True)}


@pytest.mark.parametrize("hole", [[0.0], [0.0, 0.0], [12.0]])
def test_a_fuel_that_is_gone_for_a_moment_is_a_gap(hole: list[float]) -> None:
    """Gas of 8,000 MW before and after, none in between, and nothing in its place."""
    gas = [8000.0] * 3 + hole + [8100.0] * 3
    found = _refused_at(_hours(len(gas), gas=gas, nuclear=[2200.0], wind=[3000.0]))
    assert set(found) == set(range(3, 3 + len(hole)))
    assert {why.split(",")[0] for why in found.values()} == {"hardly any generation of gas"}


@pytest.mark.parametrize(
    "generation",
    [
        # Wind took its place; it was replaced by half; a plant that ran in the morning and in the evening; the night.
        {"gas": [8000.0, 0.0, 8000.0], "wind": [1000.0, 9000.0, 1000.0]},
        {"gas": [1000.0, 0.0, 1000.0], "hydro": [5000.0, 5600.0, 5000.0]},
        {"gas": [800.0, 800.0, 0.0, 0.0, 0.0, 0.0, 800.0], "nuclear": [2000.0]},
        {"solar": [900.0, 60.0, 0.0, 0.0, 0.0, 0.0, 0.0, 60.0, 900.0], "nuclear": [2000.0]},
        # A small part of the zone, and what has no factor.
        {"oil": [90.0, 0.0, 90.0], "nuclear": [9000.0]},
        {"unknown": [90.0, 0.0, 90.0], "gas": [900.0]},
    ],
)
def test_a_fuel_at_rest_is_no_gap(generation: dict[str, list[float]]) -> None:
    assert not _refused_at(_hours(max(map(len, generation.values())), **generation))


def test_one_slot_far_below_zero_is_a_sign_error() -> None:
    """Of one hour in 48, so that it is little on the whole; station use and California's batteries stay."""
    nuclear = [40_000.0] * 48
    nuclear[5] = -40_000.0
    found = _refused_at(_hours(48, nuclear=nuclear, gas=[6000.0], solar=[-30.0], unknown=[-900.0, 950.0]))
    assert found == {5: "generation of nuclear is far below zero: a sign error, not station use"}


def test_a_fuel_that_makes_the_emissions_must_be_there() -> None:
    """Oil is 1% of the generation and all of the combustion."""
    found = _refused_at(_hours(3, nuclear=[990.0], oil=[10.0, 10.0, None]))  # type: ignore[list-item]
    assert found == {2: "generation of oil is missing, it is not zero"}


def test_a_lone_spike_is_no_measure_of_itself() -> None:
    """A fuel that rests all day but for one absurd figure."""
    geothermal = [0.0] * 24
    geothermal[7] = 1e9
    found = _refused_at(_hours(24, gas=[900.0], geothermal=geothermal))
    assert found == {7: "generation of geothermal is out of all proportion to the other slots"}
