"""One request by EcoLogits' method in three versions, so that their results for the same request can be compared."""

from __future__ import annotations

from assets.estimated.method import Default, Method, Quantity
from assets.estimated.methods.common import GRID, PARAMETERS, PUE, SECONDS, TOKENS, WATER, reference_facts
from assets.estimated.scenario_files.fields import Band, Bounds

_SIZE = "give parameters_count and active_parameters_count, or model"
_ALL = f"{_SIZE}; and output_tokens_count"
_ACTIVE = "coalesce(in_active_parameters_count, in_parameters_count)"
_TOTAL = "coalesce(in_parameters_count, in_active_parameters_count)"
_NAMES = ("model", "provider", "region")
_NUMBERS = {
    "active_parameters_count": PARAMETERS,
    "parameters_count": PARAMETERS,
    "output_tokens_count": TOKENS,
    "request_latency_s": SECONDS,
    "pue": PUE,
    "grid_gco2e_per_kwh": GRID,
}
_MODEL = reference_facts(
    model={
        "parameters_count": "parameters_count",
        "active_parameters_count": "coalesce(active_parameters_count, parameters_count)",
    }
)


#: Version -> the version whose GPU count formula it uses.
_HELD_AS = {"0_11_3": "0_9_1"}


def _quantities(version: str, more: str = "") -> dict[str, Quantity]:
    """Quantities of a version; `more`: SQL of the arguments that only it has."""
    arguments = f"{_ACTIVE}, {_TOTAL}, in_output_tokens_count, in_request_latency_s{more}"
    return {
        "gpu_count": Quantity("1", f"ecologits_gpu_count_{_HELD_AS.get(version, version)}({_TOTAL})", _SIZE),
        "latency_s": Quantity(
            "s", f"ecologits_latency_s_{version}({_ACTIVE}, in_output_tokens_count, in_request_latency_s{more})", _ALL
        ),
        "it_energy_kwh": Quantity("kWh", f"ecologits_it_energy_kwh_{version}({arguments})", _ALL),
        "energy_kwh": Quantity("kWh", "facility_energy_kwh(it_energy_kwh, in_pue)", f"{_ALL}; and pue, or region"),
        "operational_kgco2e": Quantity(
            "kgCO2e",
            "operational_kgco2e(energy_kwh, in_grid_gco2e_per_kwh)",
            f"{_ALL}; pue and grid_gco2e_per_kwh, or region",
        ),
        "embodied_kgco2e": Quantity("kgCO2e", f"ecologits_embodied_kgco2e_{version}({arguments})", _ALL),
        "total_kgco2e": Quantity(
            "kgCO2e", "operational_kgco2e + embodied_kgco2e", f"{_ALL}; pue and grid_gco2e_per_kwh, or region"
        ),
    }


_WATER = {
    "water_l": Quantity(
        "l",
        "water_l(it_energy_kwh, in_site_water_l_per_kwh, in_pue, in_grid_water_l_per_kwh)",
        "give site_water_l_per_kwh (WUE of the data centre), grid_water_l_per_kwh and pue",
    ),
    "water_as_coded_l": Quantity(
        "l",
        "water_l(energy_kwh, in_site_water_l_per_kwh, in_pue, in_grid_water_l_per_kwh)",
        "give site_water_l_per_kwh (WUE of the data centre), grid_water_l_per_kwh and pue",
    ),
}
_SPEED = ", in_tokens_per_s, in_first_token_latency_s"
_HARDWARE = f"{_ACTIVE}, {_TOTAL}, in_output_tokens_count, in_request_latency_s{_SPEED}"


def _resource(unit: str, key: str, name: str) -> dict[str, Quantity]:
    """Use, manufacture and both of abiotic resources or primary energy."""
    grid = f"{_ALL}; pue and grid_{key}_per_kwh ({name} of the electricity)"
    return {
        f"operational_{key}": Quantity(unit, f"energy_kwh * in_grid_{key}_per_kwh", grid),
        f"embodied_{key}": Quantity(unit, f"ecologits_embodied_{key}_0_11_3({_HARDWARE})", _ALL),
        f"total_{key}": Quantity(unit, f"operational_{key} + embodied_{key}", grid),
    }


METHODS = (
    Method(
        "request",
        "ecologits-0.9.1",
        _NUMBERS | {"site_water_l_per_kwh": WATER, "grid_water_l_per_kwh": WATER},
        _quantities("0_9_1") | _WATER,
        names=_NAMES,
        at_most=(("active_parameters_count", "parameters_count"),),
        own_lookup=_MODEL,
    ),
    Method(
        "request",
        "ecologits-0.5.0",
        _NUMBERS,
        _quantities("0_5_0"),
        names=_NAMES,
        at_most=(("active_parameters_count", "parameters_count"),),
        own_lookup=_MODEL,
        defaults={
            "pue": Default(
                Band(1.2, 1.2, 1.2), "https://ecologits.ai/0.5/methodology/llm_inference/", "constant of the method"
            )
        },
    ),
    Method(
        "request",
        "ecologits-0.11.3",
        _NUMBERS
        | {"site_water_l_per_kwh": WATER, "grid_water_l_per_kwh": WATER}
        | {
            "tokens_per_s": Bounds("tokens/s", 1e-6, 1e9),
            "first_token_latency_s": Bounds("s", 0, 1e6),
            "grid_kgsbe_per_kwh": Bounds("kgSbe/kWh", 0, 1),
            "grid_mj_per_kwh": Bounds("MJ/kWh", 0, 1e4),
        },
        _quantities("0_11_3", _SPEED)
        | {"water_l": _WATER["water_l"]}
        | _resource("kgSbe", "kgsbe", "abiotic resources")
        | _resource("MJ", "mj", "primary energy"),
        names=_NAMES,
        at_most=(("active_parameters_count", "parameters_count"),),
        own_lookup=_MODEL,
    ),
)
