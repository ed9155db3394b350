"""The same work at a site, and what moving it from another changes: money, carbon, water."""

from __future__ import annotations

from assets.estimated.method import Method, Quantity
from assets.estimated.methods.common import GRID, KWH, PRICE_PER_KWH, PUE, WATER
from assets.estimated.scenario_files.fields import Bounds

_PLACE = "give it_energy_kwh, pue and grid_gco2e_per_kwh, or region"
METHODS = (
    Method(
        "site",
        "site-1",
        {
            "it_energy_kwh": KWH,
            "pue": PUE,
            "grid_gco2e_per_kwh": GRID,
            "market_gco2e_per_kwh": Bounds("gCO2e/kWh", 0, 2_500, "of the contract; 0 where all of it is renewable"),
            "price_per_kwh": PRICE_PER_KWH,
            "site_water_l_per_kwh": WATER,
            "grid_water_l_per_kwh": WATER,
            "from_pue": PUE,
            "from_grid_gco2e_per_kwh": GRID,
            "from_price_per_kwh": PRICE_PER_KWH,
        },
        {
            "energy_kwh": Quantity(
                "kWh", "facility_energy_kwh(in_it_energy_kwh, in_pue)", "give it_energy_kwh and pue, or region"
            ),
            "operational_kgco2e": Quantity("kgCO2e", "operational_kgco2e(energy_kwh, in_grid_gco2e_per_kwh)", _PLACE),
            "market_kgco2e": Quantity(
                "kgCO2e",
                "operational_kgco2e(energy_kwh, in_market_gco2e_per_kwh)",
                "give market_gco2e_per_kwh, the factor of the contract",
            ),
            "electricity_cost": Quantity(
                "{currency}",
                "electricity_cost(energy_kwh, in_price_per_kwh)",
                "give it_energy_kwh, pue and price_per_kwh",
            ),
            "water_l": Quantity(
                "l",
                "water_l(in_it_energy_kwh, in_site_water_l_per_kwh, in_pue, in_grid_water_l_per_kwh)",
                "give it_energy_kwh, pue, site_water_l_per_kwh (WUE) and grid_water_l_per_kwh",
            ),
            "carbon_change_share": Quantity(
                "share",
                "in_grid_gco2e_per_kwh * in_pue / (in_from_grid_gco2e_per_kwh * in_from_pue) - 1",
                "give grid_gco2e_per_kwh and pue here, from_grid_gco2e_per_kwh and from_pue there",
            ),
            "cost_change_share": Quantity(
                "share",
                "in_price_per_kwh * in_pue / (in_from_price_per_kwh * in_from_pue) - 1",
                "give price_per_kwh and pue here, from_price_per_kwh and from_pue there",
            ),
        },
        choices={"currency": ("USD", "CNY", "EUR", "GBP", "JPY", "INR", "SEK", "NOK")},
        names=("provider", "region"),
    ),
)
