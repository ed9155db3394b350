"""Embodied carbon of hardware, amortised over its life and use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from assets.estimated.method import Default, Factor, Method, Quantity, Statement
from assets.estimated.methods.common import COUNT, HOURS, KG, SHARE, SHARE_ABOVE_0, YEARS
from assets.estimated.scenario_files.fields import Band, Bounds


def _published(
    con: duckdb.DuckDBPyConnection, statements: Sequence[Statement], keys: Mapping[str, Mapping[str, str | None]]
) -> list[Factor]:
    """Published figures of a card: those of the longest prefix of its id in `reference.embodied_carbon`."""
    wanted = sorted({i for s in statements if (i := keys[s.scenario_id]["accelerator_id"])})
    rows = con.execute(
        "SELECT w.accelerator_id, e.low_kgco2e, e.central_kgco2e, e.high_kgco2e, e.note, e.source_url, e.accelerator_prefix "
        "FROM (SELECT unnest($wanted) AS accelerator_id) w JOIN reference.embodied_carbon e ON starts_with(w.accelerator_id, e.accelerator_prefix) "
        "QUALIFY row_number() OVER (PARTITION BY w.accelerator_id ORDER BY length(e.accelerator_prefix) DESC) = 1",
        {"wanted": wanted},
    ).fetchall()
    by_id = {row[0]: row[1:] for row in rows}
    return [
        Factor(
            s.scenario_id,
            "device_kgco2e",
            float(low),
            float(central),
            float(high),
            "reference",
            f"reference.embodied_carbon[{prefix}]: {note}",
            None,
            url,
        )
        for s in statements
        if (accelerator := keys[s.scenario_id]["accelerator_id"]) in by_id
        for low, central, high, note, url, prefix in [by_id[accelerator]]
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
        at_most=(("duration_days", "life_years", 365),),
        names=("accelerator",),
        own_lookup=_published,
    ),
)
