"""Software carbon intensity, ISO/IEC 21031: (E x I + M) per R."""

from __future__ import annotations

from assets.estimated.method import Method, Quantity
from assets.estimated.methods.common import COUNT, GRAM, GRID, HOURS, KG, KWH, SHARE_ABOVE_0, WATT, YEARS

METHODS = (
    Method(
        "sci",
        "sci-1",
        {
            "energy_kwh": KWH,
            "component_count": COUNT,
            "tdp_w": WATT,
            "tdp_coefficient": COUNT,
            "utilization_share": SHARE_ABOVE_0,
            "duration_h": HOURS,
            "grid_gco2e_per_kwh": GRID,
            "total_embodied_kgco2e": KG,
            "time_reserved_h": HOURS,
            "life_h": HOURS,
            "life_years": YEARS,
            "resources_reserved_count": COUNT,
            "resources_count": COUNT,
            "embodied_gco2e": GRAM,
            "functional_unit_count": COUNT,
        },
        {
            "energy_kwh": Quantity(
                "kWh",
                "sci_energy_kwh(in_component_count, in_tdp_w, in_tdp_coefficient, in_utilization_share, in_duration_h)",
                "give energy_kwh, or component_count, tdp_w, tdp_coefficient, utilization_share and duration_h",
                is_input=True,
            ),
            "embodied_gco2e": Quantity(
                "gCO2e",
                "sci_embodied_gco2e(in_total_embodied_kgco2e * 1000, coalesce(in_time_reserved_h, in_duration_h), coalesce(in_life_h, in_life_years * 8760), "
                "coalesce(in_resources_reserved_count, 1), coalesce(in_resources_count, 1))",
                "give embodied_gco2e, or total_embodied_kgco2e, time_reserved_h and life_h or life_years",
                is_input=True,
            ),
            "operational_gco2e": Quantity(
                "gCO2e", "energy_kwh * in_grid_gco2e_per_kwh", "give the energy and grid_gco2e_per_kwh, or region"
            ),
            "total_gco2e": Quantity(
                "gCO2e",
                "sci_gco2e(energy_kwh, in_grid_gco2e_per_kwh, embodied_gco2e)",
                "give the energy, grid_gco2e_per_kwh or region, and the embodied part",
            ),
            "sci_gco2e_per_unit": Quantity(
                "gCO2e/unit",
                "total_gco2e / in_functional_unit_count",
                "give functional_unit_count (R), and all of total_gco2e",
            ),
        },
        names=("provider", "region"),
        either=(("life_h", "life_years"),),
        at_most=(
            ("resources_reserved_count", "resources_count"),
            ("time_reserved_h", "life_h"),
            ("time_reserved_h", "life_years", 8760),
        ),
    ),
)
