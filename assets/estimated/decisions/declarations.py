"""Every decision: its section, the parameters of the macro that answers it, and the table of the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from assets.estimated.decisions.tables import (
    BUILD_ADAPT_BUY,
    COMPUTE_GROWTH,
    EAST_WEST,
    ESG_REPORT,
    PETADAY_HISTORY,
    SITING,
    WHY_MOVED,
)
from assets.estimated.methods.common import (
    COUNT,
    HOURS,
    KG,
    PARAMETERS,
    PUE,
    SHARE,
    SHARE_ABOVE_0,
    TOKENS,
    WATER,
)
from assets.estimated.scenario_files.fields import Bounds
from assets.estimated.scenario_files.training import NUMBERS
from assets.purchases import PURCHASE_OPTIONS
from warehouse.tables import Table

#: Method of the decisions; one whose method changed states its own.
VERSION = "decision-1"
#: Reason given if the macro returns no row.
NOTHING_ANSWERS = "nothing that was observed answers this"
_Kind = Literal["number", "text", "date", "flag", "file", "workloads"]
_BOUNDARIES = ("lifecycle", "direct")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a macro: what it may be."""

    kind: _Kind
    bounds: Bounds | None = None
    allowed: tuple[str, ...] = ()
    #: `table.column` of the names that there are; another is refused with the closest of them.
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A section, the macro that answers it, and the table that keeps the answers to the bundled scenarios."""

    section: str
    parameters: Mapping[str, Parameter]
    table: Table
    #: At least one of each group must be stated.
    needs: tuple[tuple[str, ...], ...] = ()
    #: Of each group at most one may be stated.
    either: tuple[tuple[str, ...], ...] = ()
    #: Parameter that is the instant of the question; now, if it is not stated.
    instant: str | None = None
    #: (`table.column` whose minimum is the first known day, parameter that may not lie before it).
    history: tuple[str, str] | None = None
    #: SQL over the answer for columns that only the table has.
    extra: Mapping[str, str] = field(default_factory=dict)
    version: str = VERSION


@dataclass(frozen=True, slots=True)
class DecisionStatement:
    """What a file states for one decision."""

    scenario_id: str
    decision: Decision
    arguments: Mapping[str, Any]
    title: str | None = None
    note: str | None = None
    source_url: str | None = None


def _number(bounds: Bounds) -> Parameter:
    return Parameter("number", bounds)


_NAME, _DATE = Parameter("text"), Parameter("date")
#: Providers and regions of offers, some of which are not in `reference.region`; a scenario may also name a grid zone.
_OFFERER = Parameter(
    "text",
    known="(SELECT provider FROM reference.region UNION ALL SELECT provider FROM observed.cloud_rate_log).provider",
)
_OFFERED_REGION = Parameter(
    "text", known="(SELECT region FROM reference.region UNION ALL SELECT region FROM observed.cloud_rate_log).region"
)
_PLACE = Parameter(
    "text",
    known="(SELECT region FROM reference.region UNION ALL SELECT region FROM observed.cloud_rate_log "
    "UNION ALL SELECT zone FROM observed.grid_carbon_log).region",
)
_ACCELERATOR = Parameter("text", known="accelerator")
_MODEL = Parameter("text", known="model")
_PROVIDER = Parameter("text", known="reference.region.provider")
_REGION = Parameter("text", known="reference.region.region")
_ZONE = Parameter("text", known="observed.grid_carbon_log.zone")
_PURCHASE = Parameter("text", allowed=PURCHASE_OPTIONS)
_BOUNDARY = Parameter("text", allowed=_BOUNDARIES)
_DATA = _number(Bounds("GB", 0, 1e15))
_PRICE_PER_GB = Bounds("money per GB", 0, 1_000)
_BANDWIDTH = _number(Bounds("Gbit/s", 1e-6, 1e9))
_RATE = _number(Bounds("tokens/s", 1e-6, 1e12))
_YEAR = _number(Bounds("year", 1990, 2100, "2024", is_whole=True))

#: What esg_report.sql calls the sum of all workloads.
ALL_WORKLOADS = "all workloads"
#: What a workload of an ESG report may state.
WORKLOAD: Mapping[str, Parameter] = {
    "name": _NAME,
    "month": _number(Bounds("month", 1, 12, is_whole=True)),
    "accelerator": _ACCELERATOR,
    "provider": _PROVIDER,
    "region": _REGION,
    "zone": _ZONE,
    "gpu_hours": _number(HOURS),
    "power_w_per_gpu": _number(NUMBERS["power_w_per_gpu"]),
    "pue": _number(PUE),
    "market_gco2e_per_kwh": _number(Bounds("gCO2e/kWh", 0, 2_500)),
    "device_kgco2e": _number(KG),
    "site_water_l_per_kwh": _number(WATER),
    "grid_water_l_per_kwh": _number(WATER),
    "functional_unit_count": _number(COUNT),
}

DECISIONS: dict[str, Decision] = {
    d.section: d
    for d in (
        Decision(
            "petaday_history",
            {
                "petadays": _number(Bounds("PFLOP/s-day", 1e-9, 1e12)),
                "accelerator": _ACCELERATOR,
                "purchase": _PURCHASE,
                "from_on": _DATE,
                "to_on": _DATE,
            },
            PETADAY_HISTORY,
            needs=(("petadays",),),
            history=("estimated.price_index.index_on", "to_on"),
            # decision-1 combined the sides of skewed factors one by one, and had a band of the cost alone.
            version="decision-2",
        ),
        Decision(
            "siting",
            {
                "gpu_hours": _number(NUMBERS["gpu_hours"]),
                "flop": _number(NUMBERS["training_flop"]),
                "model": _MODEL,
                "accelerator": _ACCELERATOR,
                "purchase": _PURCHASE,
                "valid_at": _DATE,
                "known_at": _DATE,
                "utilization": _number(SHARE_ABOVE_0),
                "boundary": _BOUNDARY,
                "data_gb": _DATA,
                "from_provider": _PROVIDER,
                "from_region": _REGION,
                "transfer_usd_per_gb": _number(_PRICE_PER_GB),
                "bandwidth_gbit_per_s": _BANDWIDTH,
                "against_provider": _OFFERER,
                "against_region": _OFFERED_REGION,
                "against_accelerator": _ACCELERATOR,
                "against_purchase": _PURCHASE,
            },
            SITING,
            needs=(("gpu_hours", "flop", "model"),),
            instant="valid_at",
            history=("observed.cloud_rate.valid_from", "valid_at"),
            either=(("gpu_hours", "flop", "model"),),
            # decision-1 had probabilities as of normal distributions, also where the sides of the bands differ; decision-2 took the grid of
            # measured calendar years alone; decision-3 left out the band of the usual price of a transfer, and took the PUE of one place for
            # two where two cards are compared there; decision-4 had no year of slots of several lengths; decision-5 combined the sides of skewed
            # factors one by one, and had no band of energy and of the sum of operational and embodied carbon.
            version="decision-6",
        ),
        Decision(
            "why_moved",
            {
                "estimate": Parameter("text", known="estimate"),
                "scenario": Parameter("file"),
                "from_at": _DATE,
                "to_at": _DATE,
                "from_method": Parameter("text", known="estimated.factor.method_version"),
                "to_method": Parameter("text", known="estimated.factor.method_version"),
                "to_accelerator": Parameter("text", known="one accelerator"),
                "to_provider": _PROVIDER,
                "to_region": _PLACE,
                "utilization_to": _number(SHARE_ABOVE_0),
                "boundary": _BOUNDARY,
                "known_at": _DATE,
            },
            WHY_MOVED,
            needs=(("estimate", "scenario"), ("from_at",)),
            instant="to_at",
            either=(("estimate", "scenario"),),
            # decision-1 took the grid of measured calendar years alone; decision-2 had no year of slots of several lengths.
            version="decision-3",
        ),
        Decision(
            "build_adapt_buy",
            {
                "buy_model": Parameter("text", known="observed.token_price.model"),
                "buy_vendor": Parameter("text", known="observed.token_price.vendor"),
                "build_model": _MODEL,
                "adapt_model": _MODEL,
                "adapt_tokens": _number(TOKENS),
                "is_full_adaptation": Parameter("flag"),
                "accelerator": _ACCELERATOR,
                "own_tokens_per_s_per_gpu": _RATE,
                "own_tokens_low": _RATE,
                "own_tokens_high": _RATE,
                "own_parameters": _number(PARAMETERS),
                "output_share": _number(SHARE),
                "from_on": _DATE,
                "to_on": _DATE,
            },
            BUILD_ADAPT_BUY,
            needs=(("own_tokens_per_s_per_gpu",),),
            instant="to_on",
            history=("observed.token_price.valid_from", "to_on"),
            # decision-1 had an upper end wherever the break-even comes with each factor alone at its bound, if not with all of them;
            # decision-2 knew a model under the spelling of a list only, and took prices that two other lists outvote.
            version="decision-3",
        ),
        Decision(
            "east_west",
            {
                "it_energy_kwh": _number(Bounds("kWh", 1e-9, 1e15)),
                "from_cluster": Parameter("text", known="reference.compute_hub.cluster_id"),
                "of_year": _YEAR,
                "data_gb": _DATA,
                "transfer_cny_per_gb": _number(_PRICE_PER_GB),
                "bandwidth_gbit_per_s": _BANDWIDTH,
                "latency_limit_ms": _number(Bounds("ms", 1e-3, 1e6)),
                "boundary": _BOUNDARY,
            },
            EAST_WEST,
            needs=(("it_energy_kwh",),),
            # decision-1 had no bands.
            version="decision-2",
        ),
        Decision(
            "compute_growth",
            {
                "from_on": _DATE,
                "to_on": _DATE,
                "domain_like": _NAME,
                "frontier": _number(Bounds("1", 1, 1_000)),
            },
            COMPUTE_GROWTH,
            needs=(("from_on",),),
        ),
        Decision(
            "esg_report",
            {"workloads": Parameter("workloads"), "of_year": _YEAR, "boundary": _BOUNDARY},
            ESG_REPORT,
            needs=(("workloads",), ("of_year",)),
            extra={"period": "coalesce(strftime(month_on, '%Y-%m'), ($of_year)::BIGINT::VARCHAR)"},
            # decision-1 added p5 and p95 of workloads up, as if all their errors were shared; decision-2 took the grid of measured months and
            # calendar years alone; decision-3 had no month or year of slots of several lengths; decision-4 combined the sides of skewed factors
            # one by one.
            version="decision-5",
        ),
    )
}


def version_of(table: Table) -> str:
    """Method version of the rows that are computed for a table of decisions now."""
    return next((d.version for d in DECISIONS.values() if d.table is table), VERSION)
