"""Declared tables of the decisions: the answers of the decision macros to the bundled scenarios, and the tables that cover all scenarios."""

from __future__ import annotations

import dataframely as dy

from assets.columns import count, day, flag, number, text
from assets.subjects import PURCHASE_OPTION
from warehouse.tables import Table

_SCENARIO = text("Bundled scenario; see reference.scenario.", key=True)
_VERSION = text("Method version of the decisions.", key=True)
_ACCELERATOR = text("Accelerator; see reference.accelerator.", key=True)
_BUNDLED = flag("True if data that ships with Petaday went in.")
_VERDICT = text("What follows, in words.")


def _usd(meaning: str) -> dy.Float64:
    return number(meaning, "USD")


def _kg(meaning: str) -> dy.Float64:
    return number(meaning, "kgCO2e", min=0)


def _kwh(meaning: str) -> dy.Float64:
    return number(meaning, "kWh", min=0)


class PetadayHistory(dy.Schema):
    """One row per scenario, day, accelerator and purchase option: what its petadays cost that day."""

    scenario_id = _SCENARIO
    index_on = dy.Date(primary_key=True, nullable=False, description="Day, UTC.")
    accelerator_id = _ACCELERATOR
    purchase_option = PURCHASE_OPTION
    method_version = _VERSION
    cost_usd = _usd("Cost at the median price over providers and the typical utilisation.")
    low_usd = _usd("p5 of cost_usd.")
    high_usd = _usd("p95 of cost_usd.")
    cost_at_peak_usd = _usd("Cost at full utilisation, which no training reaches.")
    gpu_hours = number("GPU-hours.", "h", min=0)
    low_gpu_hours = number("p5 of gpu_hours.", "h", min=0)
    high_gpu_hours = number("p95 of gpu_hours.", "h", min=0)
    energy_kwh = _kwh("Energy at the meter.")
    low_energy_kwh = _kwh("p5 of energy_kwh.")
    high_energy_kwh = _kwh("p95 of energy_kwh.")
    median_usd_per_gpu_hour = number("Median price over providers.", "USD/GPU-hour", min_exclusive=0)
    provider_count = count("Providers in the median.", min=1)
    is_bundled = _BUNDLED


class Siting(dy.Schema):
    """One row per scenario, provider, region, accelerator and purchase option: the job in that place."""

    scenario_id = _SCENARIO
    provider = text("Cloud provider.", key=True)
    region = text("Region in the provider's own id.", key=True)
    accelerator_id = _ACCELERATOR
    purchase_option = PURCHASE_OPTION
    method_version = _VERSION
    instance_type = text("Cheapest instance type there.")
    total_usd = _usd("Rental and transfer; NULL where either is not known.")
    low_usd = _usd("p5 of total_usd.")
    high_usd = _usd("p95 of total_usd.")
    cost_usd = _usd("Rental of the accelerators.")
    transfer_usd = _usd("Cost of moving the data there.")
    transfer_h = number("Time of the transfer at the bandwidth given.", "h", min=0)
    energy_kwh = _kwh("Energy at the meter.")
    low_energy_kwh = _kwh("p5 of energy_kwh.")
    high_energy_kwh = _kwh("p95 of energy_kwh.")
    operational_kgco2e = _kg("Location-based emissions of the electricity; NULL where the grid is not known.")
    low_operational_kgco2e = _kg("p5 of operational_kgco2e.")
    high_operational_kgco2e = _kg("p95 of operational_kgco2e.")
    embodied_kgco2e = _kg("Share of the manufacture of the cards; NULL where none is published.")
    low_embodied_kgco2e = _kg("p5 of embodied_kgco2e.")
    high_embodied_kgco2e = _kg("p95 of embodied_kgco2e.")
    total_kgco2e = _kg("Operational and embodied emissions.")
    low_total_kgco2e = _kg("p5 of total_kgco2e.")
    high_total_kgco2e = _kg("p95 of total_kgco2e.")
    cheaper_probability = number("Probability that it costs less than the reference.", "share", min=0, max=1)
    greener_probability = number(
        "Probability that it emits less (operational) than the reference.", "share", min=0, max=1
    )
    is_reference = flag("True for the row that the others are compared with.")
    is_pareto = flag("True if nothing is both cheaper and greener; NULL where money or carbon is not known.")
    gpu_hours = number("GPU-hours of the job there.", "h", min=0)
    low_gpu_hours = number("p5 of gpu_hours.", "h", min=0)
    high_gpu_hours = number("p95 of gpu_hours.", "h", min=0)
    price_usd_per_gpu_hour = number("Price of a GPU-hour.", "USD/GPU-hour", min_exclusive=0)
    pue = number("Power usage effectiveness (PUE) used.", "1", min=1)
    is_pue_published = flag("True if the operator publishes it.")
    grid_gco2e_per_kwh = number("Carbon intensity of the grid that was used.", "gCO2e/kWh", min=0)
    grid_zone = text("Zone of the region.")
    zone_used = text("Zone whose value is used.")
    grid_year = count("Year in which the twelve months of the carbon intensity end.")
    grid_from_on = dy.Date(nullable=True, description="First day (UTC) of these twelve months.")
    grid_source_id = text("Source of the carbon intensity.")
    grid_resolution = text("Length of its slots, ISO 8601; mixed: of several lengths, none above an hour.")
    grid_estimated_share = number(
        "Share of it that is estimated: 0 as measured or published; what is computed from a generation mix is.",
        "share",
        min=0,
        max=1,
    )
    unknown = text("What is not known, or stands in.")
    source_id = text("Source of the price.")
    capture_id = text("Capture of the price; see meta.capture.")
    is_bundled = _BUNDLED


class WhyMoved(dy.Schema):
    """One row per scenario, quantity and part: what moved an estimate between two dates; parts add up to the total."""

    scenario_id = _SCENARIO
    quantity = text("What moved: money, energy or carbon of the estimate; its name there.", key=True)
    part = text(
        "hardware (GPU-hours at full use), utilization (1 over its share), price, exchange_rate, power, pue, grid, method or total.",
        key=True,
    )
    method_version = _VERSION
    value_from = number("Factor (total: result) at the earlier date.", "see part")
    value_to = number("The same at the later date.", "see part")
    moved_by = number("By how much it moved the result.", "see quantity")
    total_from = number("Result at the earlier date.", "see quantity")
    total_to = number("Result at the later date.", "see quantity")
    from_version = text("Method of the estimate at the earlier date.")
    to_version = text("Method of the estimate at the later date.")
    reason = text("Why the part is not known.")


class BuildAdaptBuy(dy.Schema):
    """One row per scenario, month and way: fixed cost, cost of a million tokens, and the volume from which it pays back."""

    scenario_id = _SCENARIO
    month_on = dy.Date(primary_key=True, nullable=False, description="First day of the month.")
    way = text("build: train; adapt: fine-tune.", key=True, allowed=("build", "adapt"))
    method_version = _VERSION
    model_id = text("Model that is built or adapted; see reference.model.")
    accelerator_id = text("Accelerator that is rented; NULL where none was observed in the month.")
    usd_per_gpu_hour = number("Price of one such accelerator for one hour.", "USD/GPU-hour", min_exclusive=0)
    fixed_usd = _usd("Cost of the training or of the adaptation.")
    low_fixed_usd = _usd("p5 of fixed_usd.")
    high_fixed_usd = _usd("p95 of fixed_usd.")
    own_usd_per_mtok = number("Cost of a million tokens served by oneself.", "USD/Mtoken", min=0)
    low_own_usd_per_mtok = number("p5 of own_usd_per_mtok.", "USD/Mtoken", min=0)
    high_own_usd_per_mtok = number("p95 of own_usd_per_mtok.", "USD/Mtoken", min=0)
    buy_usd_per_mtok = number("Price of a million bought tokens, input and output mixed.", "USD/Mtoken", min=0)
    buy_vendor = text("Vendor of the bought tokens.")
    buy_model = text("Model of the bought tokens.")
    break_even_mtok = number("Volume from which it pays back; NULL: never, or unknown.", "Mtoken", min=0)
    low_break_even_mtok = number("p5 of break_even_mtok.", "Mtoken", min=0)
    high_break_even_mtok = number(
        "p95 of break_even_mtok; NULL where within the band it never pays back.", "Mtoken", min=0
    )
    pays_back_probability = number("Probability that own tokens cost less than bought ones.", "share", min=0, max=1)
    verdict = _VERDICT
    source_ids = text("Sources of the token prices.")
    is_bundled = _BUNDLED


class EastWest(dy.Schema):
    """One row per scenario and cluster of China's computing hubs: the same servers there."""

    scenario_id = _SCENARIO
    cluster_id = text("Cluster; see reference.compute_hub.", key=True)
    method_version = _VERSION
    name = text("Name of the cluster.")
    hub = text("Hub that the cluster belongs to.")
    side = text("east, west or east_demand.")
    pue = number("PUE that its approval allows.", "1", min=1)
    electricity_cny_per_kwh = number("Price of electricity.", "CNY/kWh", min=0)
    price_kind = text("Kind of price, in words.")
    grid_gco2_per_kwh = number("Official location-based factor of the province, CO2 only.", "gCO2/kWh", min=0)
    grid_year = count("Year of the factor.")
    energy_kwh = _kwh("Energy at the meter.")
    electricity_cny = number("Cost of the electricity.", "CNY")
    low_electricity_cny = number("p5 of electricity_cny.", "CNY")
    high_electricity_cny = number("p95 of electricity_cny.", "CNY")
    transfer_cny = number("Cost of moving the data.", "CNY")
    total_cny = number("Cost of electricity and transfer.", "CNY")
    low_total_cny = number("p5 of total_cny.", "CNY")
    high_total_cny = number("p95 of total_cny.", "CNY")
    saving_cny = number("Cost of electricity saved against where the work is now.", "CNY")
    low_saving_cny = number("p5 of saving_cny.", "CNY")
    high_saving_cny = number("p95 of saving_cny.", "CNY")
    net_saving_cny = number("Saving less the transfer.", "CNY")
    low_net_saving_cny = number("p5 of net_saving_cny.", "CNY")
    high_net_saving_cny = number("p95 of net_saving_cny.", "CNY")
    break_even_transfer_cny_per_gb = number("Price of the transfer at which nothing is saved.", "CNY/GB")
    low_break_even_transfer_cny_per_gb = number("p5 of break_even_transfer_cny_per_gb.", "CNY/GB")
    high_break_even_transfer_cny_per_gb = number("p95 of break_even_transfer_cny_per_gb.", "CNY/GB")
    transfer_h = number("Time of the transfer at the bandwidth given.", "h", min=0)
    network_latency_ms = number("Latency aimed at between the two places.", "ms", min=0)
    is_within_latency = flag("True if it is within the latency limit.")
    kgco2 = number("Emissions of the electricity, CO2 only.", "kgCO2", min=0)
    low_kgco2 = number("p5 of kgco2.", "kgCO2", min=0)
    high_kgco2 = number("p95 of kgco2.", "kgCO2", min=0)
    carbon_change_share = number("Change against where the work is now.", "share", min=-1)
    low_carbon_change_share = number("p5 of carbon_change_share.", "share", min=-1)
    high_carbon_change_share = number("p95 of carbon_change_share.", "share", min=-1)
    is_home = flag("True for where the work is now.")
    is_transfer_below_saving = flag("True if the transfer costs less than it saves.")
    is_greener = flag("True if emissions fall.")
    is_pareto = flag("True if nothing allowed is both cheaper and greener; NULL where not known.")
    verdict = _VERDICT
    source_id = text("Source of the factor.")
    is_bundled = _BUNDLED


class EsgReport(dy.Schema):
    """One row per scenario, workload and month, with rows for all workloads and for the year."""

    scenario_id = _SCENARIO
    workload = text("Workload, or 'all workloads'.", key=True)
    period = text("Month as yyyy-mm, or the year.", key=True)
    method_version = _VERSION
    month_on = day("First day of the month; NULL for the year.")
    is_year = flag("True for the whole year.")
    gpu_hours = number("GPU-hours.", "h", min=0)
    energy_kwh = _kwh("Energy at the meter.")
    low_energy_kwh = _kwh("p5 of energy_kwh.")
    high_energy_kwh = _kwh("p95 of energy_kwh.")
    location_kgco2e = _kg("Scope 2, location-based.")
    low_location_kgco2e = _kg("p5 of location_kgco2e.")
    high_location_kgco2e = _kg("p95 of location_kgco2e.")
    market_kgco2e = _kg("Scope 2, market-based; NULL where no contract or market factor is known.")
    low_market_kgco2e = _kg("p5.")
    high_market_kgco2e = _kg("p95.")
    embodied_kgco2e = _kg("Share of the manufacture of the cards.")
    low_embodied_kgco2e = _kg("p5 of embodied_kgco2e.")
    high_embodied_kgco2e = _kg("p95 of embodied_kgco2e.")
    water_l = number("Water on site and for the electricity.", "l", min=0)
    low_water_l = number("p5.", "l", min=0)
    high_water_l = number("p95.", "l", min=0)
    functional_unit_count = number("Functional units (R of the SCI).", "1", min=0)
    sci_gco2e_per_unit = number("SCI, ISO/IEC 21031: (E x I + M) per R.", "gCO2e/unit", min=0)
    low_sci_gco2e_per_unit = number("p5.", "gCO2e/unit", min=0)
    high_sci_gco2e_per_unit = number("p95.", "gCO2e/unit", min=0)
    zones_used = text("Grid zones used.")
    grid_used = text("Spans of the grid used: zone, grain, first day, source, and whether estimated.")
    unknown = text("What is not known, and what to give.")
    is_bundled = _BUNDLED


class ComputeGrowth(dy.Schema):
    """One row per scenario, source and quantity: growth a year and its error."""

    scenario_id = _SCENARIO
    source_id = text("Source; see meta.source.", key=True)
    quantity = text("Quantity whose growth is measured.", key=True)
    method_version = _VERSION
    growth_per_year = number("Growth as a factor a year.", "1", min_exclusive=0)
    low_growth_per_year = number("p5 of growth_per_year.", "1", min=0)
    high_growth_per_year = number("p95 of growth_per_year.", "1", min=0)
    slope_oom_per_year = number("Growth in orders of magnitude a year.", "1/year")
    slope_error_oom_per_year = number("Its standard error; NULL below 5 points.", "1/year", min=0)
    doubling_months = number("Time to double; NULL where it shrinks.", "month", min=0)
    r2 = number("Share of the variance that the line explains.", "share", min=0, max=1)
    point_count = count("Models or accelerators that the line is fitted to.", min=2)
    first_on = day("First day of release.")
    last_on = day("Last day of release.")
    is_bundled = _BUNDLED


class AcceleratorByYear(dy.Schema):
    """One row per source and year of release: compute per W and per USD of accelerators."""

    source_id = text("Source; see meta.source.", key=True)
    year = count("Year of release.", key=True)
    method_version = _VERSION
    accelerator_count = count("Accelerators released.", min=1)
    median_flop_per_s_per_w = number("Dense 16-bit FLOP/s per W of board power, median.", "FLOP/s/W", min=0)
    best_flop_per_s_per_w = number("The same of the best accelerator.", "FLOP/s/W", min=0)
    best_per_w = text("Name of that accelerator.")
    median_flop_per_s_per_usd = number("Dense 16-bit FLOP/s per USD of first price, median.", "FLOP/s/USD", min=0)
    best_flop_per_s_per_usd = number("The same of the best accelerator.", "FLOP/s/USD", min=0)
    best_per_usd = text("Name of that accelerator.")
    power_count = count("Accelerators with speed and power.", min=0)
    price_count = count("Accelerators with speed and first price.", min=0)
    is_bundled = _BUNDLED


class ScenarioVerdict(dy.Schema):
    """One row per figure quoted for a bundled scenario: whether its estimate bears it out."""

    claim_id = text("Claim; see reference.scenario_claim.", key=True)
    method_version = text("Method of the estimate; 'none' where there is none.", key=True)
    article_point = count("Number of the scenario in the founding article.", min=1, max=6)
    claim = text("What is claimed.")
    scenario_id = text("Bundled scenario that it is tested on.")
    quantity = text("Quantity that it is tested on.")
    claimed_low = number("Lowest value at which it holds.", "see unit")
    claimed_high = number("Highest value at which it holds.", "see unit")
    low = number("p5 of the estimate.", "see unit")
    central = number("p50 of the estimate.", "see unit")
    high = number("p95 of the estimate.", "see unit")
    unit = text("Unit of these figures.")
    verdict = _VERDICT
    holds_where = text("Where it holds.")
    fails_where = text("Where it does not hold.")
    source_url = text("Where the claim stands.")
    is_bundled = _BUNDLED


def _table(name: str, columns: type[dy.Schema]) -> Table:
    return Table("estimated", name, (columns.__doc__ or "").strip(), columns)


PETADAY_HISTORY = _table("petaday_history", PetadayHistory)
SITING = _table("siting", Siting)
WHY_MOVED = _table("why_moved", WhyMoved)
BUILD_ADAPT_BUY = _table("build_adapt_buy", BuildAdaptBuy)
EAST_WEST = _table("east_west", EastWest)
ESG_REPORT = _table("esg_report", EsgReport)
COMPUTE_GROWTH = _table("compute_growth", ComputeGrowth)
ACCELERATOR_BY_YEAR = _table("accelerator_by_year", AcceleratorByYear)
SCENARIO_VERDICT = _table("scenario_verdict", ScenarioVerdict)
DECISION_TABLES: tuple[Table, ...] = (
    PETADAY_HISTORY,
    SITING,
    WHY_MOVED,
    BUILD_ADAPT_BUY,
    EAST_WEST,
    ESG_REPORT,
    COMPUTE_GROWTH,
    ACCELERATOR_BY_YEAR,
    SCENARIO_VERDICT,
)
