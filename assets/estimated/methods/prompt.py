"""Energy of one prompt, by boundary: from parts or from totals, with its carbon and water."""

from __future__ import annotations

from assets.estimated.method import Method, Quantity
from assets.estimated.methods.common import COUNT, GRAM, GRID, KWH, WATER
from assets.estimated.scenario_files.fields import Bounds

_WH = Bounds("Wh", 0, 1e9, "0.24 Wh, not 0.00024 kWh")
_PARTS = "give accelerator_wh, host_wh, idle_wh and overhead_wh, or energy_wh, or service_energy_kwh and requests_count"
METHODS = (
    Method(
        "prompt",
        "prompt-1",
        {
            "energy_wh": _WH,
            "accelerator_wh": _WH,
            "host_wh": _WH,
            "idle_wh": _WH,
            "overhead_wh": _WH,
            "narrow_energy_wh": _WH,
            "service_energy_kwh": KWH,
            "requests_count": COUNT,
            "grid_gco2e_per_kwh": GRID,
            "upstream_gco2e": GRAM,
            "water_l_per_kwh": WATER,
        },
        {
            "energy_wh": Quantity(
                "Wh",
                "coalesce(in_accelerator_wh + in_host_wh + in_idle_wh + in_overhead_wh, in_service_energy_kwh / in_requests_count * 1000)",
                _PARTS,
                is_input=True,
            ),
            "energy_kwh": Quantity("kWh", "energy_wh / 1000", _PARTS),
            "accelerator_share": Quantity(
                "share", "in_accelerator_wh / energy_wh", "give accelerator_wh and the whole"
            ),
            "host_share": Quantity("share", "in_host_wh / energy_wh", "give host_wh and the whole"),
            "idle_share": Quantity("share", "in_idle_wh / energy_wh", "give idle_wh and the whole"),
            "overhead_share": Quantity("share", "in_overhead_wh / energy_wh", "give overhead_wh and the whole"),
            "pue": Quantity("1", "energy_wh / (energy_wh - in_overhead_wh)", "give overhead_wh and the whole"),
            "stack_multiplier": Quantity("1", "energy_wh / in_accelerator_wh", "give accelerator_wh and the whole"),
            "boundary_multiplier": Quantity(
                "1", "energy_wh / in_narrow_energy_wh", "give narrow_energy_wh and the whole"
            ),
            "operational_gco2e": Quantity(
                "gCO2e", "energy_kwh * in_grid_gco2e_per_kwh", f"{_PARTS}; and grid_gco2e_per_kwh, or region"
            ),
            "total_gco2e": Quantity(
                "gCO2e", "operational_gco2e + in_upstream_gco2e", "give upstream_gco2e, and all of operational_gco2e"
            ),
            "water_ml": Quantity("ml", "energy_wh * in_water_l_per_kwh", f"{_PARTS}; and water_l_per_kwh"),
        },
        names=("provider", "region"),
        # energy_wh is that of one prompt; of many, service_energy_kwh.
        either=(("energy_wh", "requests_count"), ("energy_wh", "service_energy_kwh")),
        at_most=tuple(
            (part, "energy_wh") for part in ("accelerator_wh", "host_wh", "idle_wh", "overhead_wh", "narrow_energy_wh")
        ),
    ),
)
