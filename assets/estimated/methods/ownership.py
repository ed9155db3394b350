"""Cost of a training by ownership: loss of value of the hardware, network, electricity; Epoch AI's method, arXiv 2405.21015."""

from __future__ import annotations

from assets.estimated.method import Default, Method, Quantity
from assets.estimated.methods.common import COUNT, KWH, PUE, SHARE, USD, USD_PER_KWH, WATT
from assets.estimated.scenario_files.fields import Band, Bounds
from assets.estimated.scenario_files.training import NUMBERS

_EPOCH = "https://arxiv.org/abs/2405.21015"
_VALUE = "give price_usd and days_since_purchase, or value_at_start_usd"
_ENERGY = "give gpu_hours, power_w_per_gpu (or tdp_w, server_power_factor and power_share), pue and price_usd_per_kwh"
_INDEX = Bounds("index points", 1e-3, 1e6)
METHODS = (
    Method(
        "ownership",
        "ownership-1",
        {
            "price_usd": USD,
            "days_since_purchase": Bounds("days", 0, 36_500),
            "value_at_start_usd": USD,
            "accelerator_count": COUNT,
            "gpu_hours": NUMBERS["gpu_hours"],
            "tdp_w": WATT,
            "server_power_factor": Bounds("1", 1, 10),
            "power_share": SHARE,
            "power_w_per_gpu": NUMBERS["power_w_per_gpu"],
            "energy_kwh": KWH,
            "pue": PUE,
            "price_usd_per_kwh": USD_PER_KWH,
            "interconnect_share": Bounds("1", 0, 0.9),
            "price_index": _INDEX,
            "price_index_base": _INDEX,
        },
        {
            "value_at_start_usd": Quantity(
                "USD/GPU", "price_at_start_usd(in_price_usd, in_days_since_purchase)", _VALUE, is_input=True
            ),
            "power_w_per_gpu": Quantity(
                "W",
                "in_tdp_w * in_server_power_factor * in_power_share",
                "give power_w_per_gpu, or tdp_w",
                is_input=True,
            ),
            "energy_kwh": Quantity("kWh", "energy_kwh(in_gpu_hours, power_w_per_gpu, in_pue)", _ENERGY, is_input=True),
            "energy_usd": Quantity("USD", "electricity_cost(energy_kwh, in_price_usd_per_kwh)", _ENERGY),
            "hardware_usd": Quantity(
                "USD", "hardware_amortised_usd(value_at_start_usd, in_gpu_hours)", f"{_VALUE}; and gpu_hours"
            ),
            "interconnect_usd": Quantity(
                "USD", "interconnect_usd(hardware_usd, in_interconnect_share)", f"{_VALUE}; and gpu_hours"
            ),
            "amortised_usd": Quantity("USD", "hardware_usd + interconnect_usd + energy_usd", f"{_VALUE}; {_ENERGY}"),
            "amortised_without_prior_depreciation_usd": Quantity(
                "USD",
                "hardware_amortised_usd(in_price_usd, in_gpu_hours) + interconnect_usd(hardware_amortised_usd(in_price_usd, in_gpu_hours), in_interconnect_share) + energy_usd",
                f"give price_usd; {_ENERGY}",
            ),
            "acquisition_usd": Quantity(
                "USD",
                "in_price_usd * in_accelerator_count + interconnect_usd(in_price_usd * in_accelerator_count, in_interconnect_share)",
                "give price_usd and accelerator_count",
            ),
            "real_amortised_usd": Quantity(
                "USD of the base",
                "amortised_usd * in_price_index_base / in_price_index",
                "give price_index and price_index_base, and all of amortised_usd",
            ),
            "real_amortised_without_prior_depreciation_usd": Quantity(
                "USD of the base",
                "amortised_without_prior_depreciation_usd * in_price_index_base / in_price_index",
                "give price_index and price_index_base, price_usd, and the energy",
            ),
            "real_acquisition_usd": Quantity(
                "USD of the base",
                "acquisition_usd * in_price_index_base / in_price_index",
                "give price_index, price_index_base, price_usd and accelerator_count",
            ),
        },
        defaults={
            "interconnect_share": Default(
                Band(0.19, 0.19, 0.19), _EPOCH, "network between servers as a share of servers and network"
            ),
            "power_share": Default(
                Band(0.6, 0.75, 0.9),
                _EPOCH,
                "mean power over the maximum during training; the central value is Epoch's, the width is ours",
            ),
        },
        names=("accelerator", "provider", "region"),
    ),
)
