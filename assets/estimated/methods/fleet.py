"""A fleet that serves users: from visits or users a day to requests, GPUs, servers, racks, capital, power, electricity and carbon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from assets.estimated.method import Default, Factor, Method, Quantity, Statement
from assets.estimated.methods.common import (
    COUNT,
    GRID,
    HOURS,
    PARAMETERS,
    PUE,
    SHARE_ABOVE_0,
    USD,
    USD_PER_GPU_HOUR,
    USD_PER_KWH,
    earlier,
)
from assets.estimated.methods.measured import measured_on
from assets.estimated.scenario_files.fields import Band, Bounds, ScenarioError
from assets.estimated.scenario_files.training import NUMBERS

_RATIO = Bounds("1", 1e-3, 1e3)
#: Time for a word on one card against another by their memory bandwidths: p5, centre, p95 of measured over modelled steps of ML.ENERGY (`serving-4`).
_ERROR_OF_A_STEP = Band(0.8, 1, 1.35)
_S = Bounds("s", 1e-9, 1e5, "0.35 s, not 350 ms")
_REQUESTS = "give visits_per_day (or users_per_day) and questions_per_visit, or requests_per_day"
_HOURS = f"{_REQUESTS}; words_per_request and s_per_word, or tokens_per_request and s_per_token"
_SERVERS = f"{_HOURS}; and gpus_per_server_count; or server_count"
_RACKS = f"{_SERVERS}; and servers_per_rack_count; or rack_count"
_POWER = f"{_RACKS}; and kw_per_rack, or kw_per_server"
#: Number of GPUs of an existing fleet as given, or from servers or racks of a given size; its requests need not be known.
_STANDING = "coalesce(in_gpu_count, coalesce(in_server_count, in_rack_count * in_servers_per_rack_count) * in_gpus_per_server_count)"
_DRAWN = f"{_POWER}; or accelerator"
_TIME = "coalesce(in_words_per_request * in_s_per_word, in_tokens_per_request * s_per_token)"
_OF_REQUESTS = "fleet_gpu_hours_per_day(requests_per_day, gpu_s_per_request, 1)"
_AT_PEAK = "rounded(gpu_hours_per_day / 24 * in_peak_to_mean_ratio / in_utilization_share, 'up')"
_STATED_KW = "coalesce(rack_count * in_kw_per_rack, server_count * in_kw_per_server)"


def _of_another_card(
    con: duckdb.DuckDBPyConnection, statements: Sequence[Statement], keys: Mapping[str, Mapping[str, str | None]]
) -> list[Factor]:
    """Ratios of time and power if a fleet states those measured on another accelerator than the one that it runs on.

    Generating a word reads every weight once, so its time is proportional to the inverse of the memory bandwidth (as it is proportional to the
    parameters in `s_per_token_scaled`); the power of a server is the same share of the board power of its cards.

    Raises:
        ScenarioError: one line per accelerator that is not known, or of which bandwidth or board power are not.
    """
    moved = [s for s in statements if "measured_accelerator" in s.texts]
    measured = measured_on(con, moved, "fleet")
    if not moved:
        return []
    facts = {
        accelerator_id: facts
        for accelerator_id, *facts in con.execute(
            "SELECT accelerator_id, memory_bandwidth_gb_per_s::DOUBLE, tdp_w::DOUBLE, source_url FROM reference.accelerator"
        ).fetchall()
    }
    error_of = _ERROR_OF_A_STEP
    found: list[Factor] = []
    for s in moved:
        here, there = str(keys[s.scenario_id]["accelerator_id"]), measured[s.scenario_id]
        if here == there:
            continue
        (bandwidth, power, url), (bandwidth_there, power_there, _) = facts[here], facts[there]
        for factor, part, whole, column, band in (
            ("time_ratio", bandwidth_there, bandwidth, "memory_bandwidth_gb_per_s", error_of),
            ("power_ratio", power, power_there, "tdp_w", Band(1, 1, 1)),
        ):
            # Power computed from the board power is already that of this accelerator.
            is_needless = factor == "power_ratio" and not {"kw_per_rack", "kw_per_server"} & s.numbers.keys()
            if factor in s.numbers or is_needless:
                continue
            if not part or not whole:
                raise ScenarioError([f"{factor}: {column} of {here} or {there} is not known; give {factor}"])
            ref = f"reference.accelerator[{here}] against [{there}]: {column}"
            ratio = part / whole
            found.append(
                Factor(
                    s.scenario_id, factor, ratio * band.low, ratio, ratio * band.high, "derived", ref, source_url=url
                )
            )
    return found


_FLEET_3 = Method(
    "fleet",
    "fleet-3",
    {
        "visits_per_day": COUNT,
        "users_per_day": COUNT,
        "questions_per_visit": COUNT,
        "requests_per_day": COUNT,
        "words_per_request": COUNT,
        "s_per_word": _S,
        "tokens_per_request": COUNT,
        "s_per_token": _S,
        "s_per_token_small": _S,
        "parameters_count": PARAMETERS,
        "parameters_count_small": PARAMETERS,
        "peak_to_mean_ratio": Bounds("1", 1, 1_000),
        "utilization_share": SHARE_ABOVE_0,
        "gpu_hours_per_day": HOURS,
        "gpu_count": COUNT,
        "gpus_per_server_count": COUNT,
        "server_count": COUNT,
        "servers_per_rack_count": COUNT,
        "rack_count": COUNT,
        "usd_per_rack": USD,
        "usd_per_server": USD,
        "kw_per_rack": Bounds("kW", 1e-3, 1e4),
        "kw_per_server": Bounds("kW", 1e-3, 1e3),
        "pue": PUE,
        "price_usd_per_kwh": USD_PER_KWH,
        "grid_gco2e_per_kwh": GRID,
        "usd_per_gpu_hour": USD_PER_GPU_HOUR,
        "usd_per_request": USD,
        "time_ratio": _RATIO,
        "power_ratio": _RATIO,
        "tdp_w": NUMBERS["power_w_per_gpu"],
        "power_share_of_tdp": Bounds("1", 0.01, 5),
        "power_w_per_gpu": NUMBERS["power_w_per_gpu"],
    },
    {
        "requests_per_day": Quantity(
            "1/day",
            "coalesce(in_visits_per_day, in_users_per_day) * in_questions_per_visit",
            _REQUESTS,
            is_input=True,
        ),
        "s_per_token": Quantity(
            "s",
            "s_per_token_scaled(in_s_per_token_small, in_parameters_count, in_parameters_count_small)",
            "give s_per_token_small, parameters_count_small and parameters_count",
            is_input=True,
        ),
        "gpu_s_per_request": Quantity(
            "s",
            f"{_TIME} * coalesce(in_time_ratio, 1)",
            "give words_per_request and s_per_word, or tokens_per_request and s_per_token",
        ),
        "usd_per_request": Quantity(
            "USD",
            "gpu_s_per_request / 3600 * in_usd_per_gpu_hour",
            "give the time of a request, and usd_per_gpu_hour or accelerator",
            is_input=True,
        ),
        "gpu_hours_per_day": Quantity(
            "GPU-hour/day",
            f"coalesce({_OF_REQUESTS}, {_STANDING} * 24 * in_utilization_share / in_peak_to_mean_ratio)",
            f"{_HOURS}; or gpu_count, or server_count and gpus_per_server_count",
            is_input=True,
        ),
        "gpu_count": Quantity(
            "1",
            # Of an existing fleet the number itself: converting to hours and back might round it up by one.
            f"CASE WHEN requests_per_day * gpu_s_per_request IS NULL AND in_gpu_hours_per_day IS NULL THEN {_STANDING} ELSE {_AT_PEAK} END",
            f"{_HOURS}; or server_count and gpus_per_server_count",
            is_input=True,
        ),
        "server_count": Quantity(
            "1", "rounded(gpu_count / in_gpus_per_server_count, in_server_rounding)", _SERVERS, is_input=True
        ),
        "rack_count": Quantity(
            "1", "rounded(server_count / in_servers_per_rack_count, in_rack_rounding)", _RACKS, is_input=True
        ),
        "capital_usd": Quantity(
            "USD",
            "coalesce(rack_count * in_usd_per_rack, server_count * in_usd_per_server)",
            f"{_RACKS}; and usd_per_rack, or usd_per_server",
        ),
        "power_kw": Quantity(
            "kW",
            f"""coalesce({_STATED_KW} * coalesce(in_power_ratio, 1),
                gpu_count * coalesce(in_power_w_per_gpu, power_w_per_gpu(in_tdp_w, in_power_share_of_tdp)) / 1000)""",
            _DRAWN,
        ),
        "it_energy_kwh_per_day": Quantity("kWh/day", "power_kw * 24", _DRAWN),
        "energy_kwh_per_day": Quantity(
            "kWh/day", "facility_energy_kwh(it_energy_kwh_per_day, in_pue)", f"{_POWER}; and pue, or region"
        ),
        "electricity_usd_per_day": Quantity(
            "USD/day",
            "electricity_cost(energy_kwh_per_day, in_price_usd_per_kwh)",
            f"{_POWER}; pue and price_usd_per_kwh",
        ),
        "operational_kgco2e_per_day": Quantity(
            "kgCO2e/day",
            "operational_kgco2e(energy_kwh_per_day, in_grid_gco2e_per_kwh)",
            f"{_POWER}; pue and grid_gco2e_per_kwh, or region",
        ),
        # Rent is paid for idle hours too.
        "rental_usd_per_day": Quantity(
            "USD/day",
            "coalesce(requests_per_day * in_usd_per_request, cost_usd(gpu_count * 24, in_usd_per_gpu_hour))",
            f"{_HOURS}, or gpu_count; and usd_per_gpu_hour or accelerator; or usd_per_request",
        ),
        "energy_wh_per_request": Quantity(
            "Wh", "energy_kwh_per_day * 1000 / requests_per_day", f"{_REQUESTS}; and all of energy_kwh_per_day"
        ),
    },
    defaults={
        "peak_to_mean_ratio": Default(Band(1, 1, 1), "", "load even over the day, as in the estimate of 2023"),
        "utilization_share": Default(Band(1, 1, 1), "", "every GPU busy all day, as in the estimate of 2023"),
    },
    choices={"server_rounding": ("up", "nearest", "down"), "rack_rounding": ("up", "nearest", "down")},
    either=(
        ("visits_per_day", "users_per_day"),
        ("words_per_request", "tokens_per_request"),
        ("usd_per_rack", "usd_per_server"),
        ("kw_per_rack", "kw_per_server"),
    ),
    names=("accelerator", "measured_accelerator", "provider", "region", "purchase"),
    spared_by=dict.fromkeys(("tdp_w", "power_share_of_tdp"), ("kw_per_rack", "kw_per_server", "power_w_per_gpu")),
    own_lookup=_of_another_card,
)
#: Time and power were those of the accelerator that the fleet runs on, and power had to be stated.
_FLEET_2 = earlier(
    _FLEET_3,
    "fleet-2",
    without_numbers=("time_ratio", "power_ratio", "tdp_w", "power_share_of_tdp", "power_w_per_gpu"),
    formulas={"gpu_s_per_request": _TIME, "power_kw": _STATED_KW},
    needs={"power_kw": _POWER, "it_energy_kwh_per_day": _POWER},
    names=("accelerator", "provider", "region", "purchase"),
    spared_by={},
    own_lookup=None,
)
#: A fleet was known by its requests alone, and rent was paid for busy hours only.
_FLEET_1 = earlier(
    _FLEET_2,
    "fleet-1",
    formulas={
        "gpu_hours_per_day": _OF_REQUESTS,
        "gpu_count": _AT_PEAK,
        "rental_usd_per_day": "coalesce(requests_per_day * in_usd_per_request, gpu_hours_per_day * in_usd_per_gpu_hour)",
    },
    needs={
        "gpu_hours_per_day": _HOURS,
        "gpu_count": _HOURS,
        "rental_usd_per_day": f"{_HOURS}; and usd_per_gpu_hour or accelerator; or usd_per_request",
    },
)
METHODS = (_FLEET_3, _FLEET_2, _FLEET_1)
