"""One request by EcoLogits' method in two versions, so that a change of method can be seen on the same request."""

from __future__ import annotations

from assets.estimated.engine import Default, Method, Quantity
from assets.estimated.methods.common import GRID, PARAMETERS, PUE, SECONDS, TOKENS, WATER, reference_facts
from assets.estimated.scenario import Band

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


def _quantities(version: str) -> dict[str, Quantity]:
    arguments = f"{_ACTIVE}, {_TOTAL}, in_output_tokens_count, in_request_latency_s"
    return {
        "gpu_count": Quantity("1", f"ecologits_gpu_count_{version}({_TOTAL})", _SIZE),
        "latency_s": Quantity(
            "s", f"ecologits_latency_s_{version}({_ACTIVE}, in_output_tokens_count, in_request_latency_s)", _ALL
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
METHODS = (
    Method(
        "request",
        "ecologits-0.9.1",
        _NUMBERS | {"site_water_l_per_kwh": WATER, "grid_water_l_per_kwh": WATER},
        _quantities("0_9_1") | _WATER,
        names=_NAMES,
        at_most=(("active_parameters_count", "parameters_count"),),
        more=_MODEL,
    ),
    Method(
        "request",
        "ecologits-0.5.0",
        _NUMBERS,
        _quantities("0_5_0"),
        names=_NAMES,
        at_most=(("active_parameters_count", "parameters_count"),),
        more=_MODEL,
        defaults={
            "pue": Default(
                Band(1.2, 1.2, 1.2), "https://ecologits.ai/0.5/methodology/llm_inference/", "constant of the method"
            )
        },
    ),
)
