"""Manufacture of hardware, spread over life and use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from assets.estimated.engine import Default, Factor, Method, Quantity, Statement
from assets.estimated.methods.common import COUNT, HOURS, KG, SHARE, SHARE_ABOVE_0, YEARS
from assets.estimated.scenario import Band, Bounds

#: Published figures per accelerator: start of its key -> band, source, note. Centre of two: their geometric mean.
PUBLISHED: tuple[tuple[str, Band, str, str], ...] = (
    (
        "nvidia-h100",
        Band(15, 49.6, 164),
        "https://arxiv.org/abs/2309.14393 ; https://images.nvidia.com/aem-dam/Solutions/documents/HGX-H100-PCF-Summary.pdf",
        "15 kg by die area (LLMCarbon: 814 mm2 at about 1.8 kg/cm2, chip only) to 164 kg by the maker (HGX H100 baseboard, 1,312 kg for 8, cradle to gate); "
        "central is their geometric mean; studies of 2026 print 225 and 273 kg for a card",
    ),
    (
        "nvidia-a100",
        Band(127.6, 141, 150),
        "https://arxiv.org/abs/2509.00093 ; https://arxiv.org/abs/2211.02001",
        "127.6 kg cradle to gate and 141 kg cradle to grave (Falk et al.), 150 kg assumed for BLOOM",
    ),
    (
        "nvidia-b200",
        Band(284, 284, 284),
        "https://images.nvidia.com/aem-dam/Solutions/documents/HGX-B200-PCF-Summary.pdf",
        "HGX B200 baseboard, 2,274 kg for 8, cradle to gate",
    ),
    (
        "nvidia-v100",
        Band(9.78, 9.78, 9.78),
        "https://arxiv.org/abs/2309.14393",
        "by die area, chip only (LLMCarbon table 5)",
    ),
)


def _published(
    con: duckdb.DuckDBPyConnection, statements: Sequence[Statement], keys: Mapping[str, Mapping[str, str | None]]
) -> list[Factor]:
    return [
        Factor(s.scenario_id, "device_kgco2e", band.low, band.central, band.high, "reference", note, None, url)
        for s in statements
        for start, band, url, note in PUBLISHED
        if (keys[s.scenario_id]["accelerator_id"] or "").startswith(start)
    ]


_DEVICE = (
    "give device_kgco2e, or capacity_gb and kgco2e_per_gb, or an accelerator with a published figure; or host_kgco2e"
)
_LIFE = f"{_DEVICE}; and life_years"
METHODS = (
    Method(
        "embodied",
        "embodied-1",
        {
            "device_kgco2e": KG,
            "capacity_gb": Bounds("GB", 1e-3, 1e12),
            "kgco2e_per_gb": Bounds("kgCO2e/GB", 1e-6, 1e3),
            "device_count": COUNT,
            "host_kgco2e": KG,
            "devices_per_host_count": COUNT,
            "life_years": YEARS,
            "utilization_share": SHARE_ABOVE_0,
            "device_hours": HOURS,
            "duration_days": Bounds("days", 1e-6, 36_500),
            "time_share": SHARE,
            "operational_kgco2e": KG,
        },
        {
            "device_kgco2e": Quantity("kgCO2e", "in_capacity_gb * in_kgco2e_per_gb", _DEVICE, is_input=True),
            "device_with_host_kgco2e": Quantity(
                "kgCO2e",
                "coalesce(device_kgco2e + in_host_kgco2e / in_devices_per_host_count, device_kgco2e, in_host_kgco2e / in_devices_per_host_count)",
                _DEVICE,
            ),
            "manufactured_kgco2e": Quantity("kgCO2e", "device_with_host_kgco2e * in_device_count", _DEVICE),
            "kgco2e_per_device_hour": Quantity(
                "kgCO2e/h",
                "embodied_kgco2e(device_with_host_kgco2e, 1, in_life_years, in_utilization_share)",
                f"{_LIFE} and utilization_share",
            ),
            "time_share": Quantity(
                "share",
                "time_share(in_duration_days, in_life_years)",
                "give duration_days and life_years",
                is_input=True,
            ),
            "embodied_kgco2e": Quantity(
                "kgCO2e",
                "coalesce(kgco2e_per_device_hour * in_device_hours, manufactured_kgco2e * time_share)",
                f"{_LIFE}; utilization_share and device_hours, or device_count and time_share (or duration_days)",
            ),
            "embodied_share": Quantity(
                "share",
                "coalesce(embodied_kgco2e, manufactured_kgco2e) / (coalesce(embodied_kgco2e, manufactured_kgco2e) + in_operational_kgco2e)",
                "give operational_kgco2e of the same job or life",
            ),
        },
        defaults={
            "device_count": Default(Band(1, 1, 1), "", "one device"),
            "life_years": Default(
                Band(3, 5, 6),
                "https://ecologits.ai/latest/methodology/llm_inference/ ; https://arxiv.org/abs/2211.02001",
                "3 years (EcoLogits 0.9.1), 5 (EcoLogits 0.5.0), 6 (BLOOM)",
            ),
            "utilization_share": Default(
                Band(0.5, 0.85, 0.95),
                "https://arxiv.org/abs/2211.02001",
                "share of its life that hardware works; 0.85 is BLOOM's, the width is ours",
            ),
            "devices_per_host_count": Default(Band(1, 1, 1), "", "one device a host"),
        },
        names=("accelerator",),
        more=_published,
    ),
)
