"""A fleet for people: visits or users a day to requests, GPUs, servers, racks, capital, power, electricity and carbon."""

from __future__ import annotations

from dataclasses import replace

from assets.estimated.method import Default, Method, Quantity
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
)
from assets.estimated.scenario import Band, Bounds

_S = Bounds("s", 1e-9, 1e5, "0.35 s, not 350 ms")
_REQUESTS = "give visits_per_day (or users_per_day) and questions_per_visit, or requests_per_day"
_HOURS = f"{_REQUESTS}; words_per_request and s_per_word, or tokens_per_request and s_per_token"
_SERVERS = f"{_HOURS}; and gpus_per_server_count; or server_count"
_RACKS = f"{_SERVERS}; and servers_per_rack_count; or rack_count"
_POWER = f"{_RACKS}; and kw_per_rack, or kw_per_server"
_FLEET = Method(
    "fleet",
    "fleet-1",
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
            "coalesce(in_words_per_request * in_s_per_word, in_tokens_per_request * s_per_token)",
            "give words_per_request and s_per_word, or tokens_per_request and s_per_token",
        ),
        "usd_per_request": Quantity(
            "USD",
            "gpu_s_per_request / 3600 * in_usd_per_gpu_hour",
            "give the time of a request, and usd_per_gpu_hour or accelerator",
            is_input=True,
        ),
        "gpu_hours_per_day": Quantity(
            "GPU-hour/day", "fleet_gpu_hours_per_day(requests_per_day, gpu_s_per_request, 1)", _HOURS, is_input=True
        ),
        "gpu_count": Quantity(
            "1",
            "rounded(gpu_hours_per_day / 24 * in_peak_to_mean_ratio / in_utilization_share, 'up')",
            _HOURS,
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
        "power_kw": Quantity("kW", "coalesce(rack_count * in_kw_per_rack, server_count * in_kw_per_server)", _POWER),
        "it_energy_kwh_per_day": Quantity("kWh/day", "power_kw * 24", _POWER),
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
        "rental_usd_per_day": Quantity(
            "USD/day",
            "coalesce(requests_per_day * in_usd_per_request, gpu_hours_per_day * in_usd_per_gpu_hour)",
            f"{_HOURS}; and usd_per_gpu_hour or accelerator; or usd_per_request",
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
    names=("accelerator", "provider", "region", "purchase"),
)
#: GPUs that are there, as given or by servers or racks of a given size.
_STANDING = "coalesce(in_gpu_count, coalesce(in_server_count, in_rack_count * in_servers_per_rack_count) * in_gpus_per_server_count)"
_Q = _FLEET.quantities
METHODS = (
    # A fleet that is there is known by its GPUs, servers or racks; what it answers need not be.
    replace(
        _FLEET,
        version="fleet-2",
        quantities={
            **_Q,
            "gpu_hours_per_day": replace(
                _Q["gpu_hours_per_day"],
                formula=f"coalesce({_Q['gpu_hours_per_day'].formula}, {_STANDING} * 24 * in_utilization_share / in_peak_to_mean_ratio)",
                needs=f"{_HOURS}; or gpu_count, or server_count and gpus_per_server_count",
            ),
            "gpu_count": replace(
                _Q["gpu_count"],
                # Of a fleet that stands the GPUs themselves: hours and back would round one up.
                formula=f"CASE WHEN requests_per_day * gpu_s_per_request IS NULL AND in_gpu_hours_per_day IS NULL THEN {_STANDING} ELSE {_Q['gpu_count'].formula} END",
                needs=f"{_HOURS}; or server_count and gpus_per_server_count",
            ),
            # Who rents a fleet pays for its idle hours too.
            "rental_usd_per_day": replace(
                _Q["rental_usd_per_day"],
                formula="coalesce(requests_per_day * in_usd_per_request, cost_usd(gpu_count * 24, in_usd_per_gpu_hour))",
                needs=f"{_HOURS}, or gpu_count; and usd_per_gpu_hour or accelerator; or usd_per_request",
            ),
        },
    ),
    _FLEET,
)
