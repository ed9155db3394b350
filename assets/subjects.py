"""What may be observed: each subject's columns, declared once.

The declaration gives the casts and checks of every parser, the tables and comments of the warehouse, the column schema
in Dagster and the data dictionary. No publisher, no SQL and no Dagster here.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from assets.columns import count, instant, number, text
from assets.purchases import PURCHASE_OPTIONS
from warehouse.tables import Subject

#: Rough units of a currency per USD: only to bound prices, never to convert them.
_CURRENCY_SCALE = {
    "USD": 1.0,
    "EUR": 1.0,
    "GBP": 1.0,
    "CHF": 1.0,
    "CAD": 1.5,
    "AUD": 1.6,
    "SGD": 1.4,
    "CNY": 7.5,
    "HKD": 8.0,
    "SEK": 11.0,
    "NOK": 11.0,
    "DKK": 7.0,
    "PLN": 4.0,
    "BRL": 6.0,
    "BGN": 1.8,
    "CZK": 23.0,
    "HUF": 360.0,
    "RON": 4.6,
    "INR": 95.0,
    "RUB": 100.0,
    "JPY": 160.0,
    "KRW": 1500.0,
    "NZD": 1.7,
    "TWD": 32.0,
    "ILS": 3.7,
    "MXN": 19.0,
    "MYR": 4.4,
    "PHP": 58.0,
    "THB": 34.0,
    "TRY": 40.0,
    "ZAR": 18.0,
}

#: Bounds of one GPU-hour in USD: (lowest on demand, lowest otherwise, highest).
GPU_HOUR_BOUNDS_USD = (0.05, 0.003, 200.0)
#: Largest USD per hour of an offer whose source does not state the number of accelerators; a rack of 72 costs less.
OFFER_HOUR_BOUND_USD = 10_000.0

PURCHASE_OPTION = text(f"How it is bought: {', '.join(PURCHASE_OPTIONS)}.", key=True, allowed=PURCHASE_OPTIONS)
CURRENCY = text("ISO 4217 code of the quoted amount.", nullable=False, allowed=tuple(_CURRENCY_SCALE))


def _currency_scale(column: str = "currency_code") -> pl.Expr:
    return pl.col(column).replace_strict(_CURRENCY_SCALE, default=None, return_dtype=pl.Float64)


#: Names of a slice of an accelerator ("H100 MIG 1g.10gb"); runs of digits, so that "1g" of a name alone is none.
_SLICE = r"(?i)\bMIG\b|\b\d+g\.\d+gb\b"


def count_of_whole() -> pl.Expr:
    """`accelerator_count`, null where slices are counted: no rate of a whole accelerator follows from theirs."""
    is_slice = pl.col("accelerator_name").str.contains(_SLICE).fill_null(value=False)
    return pl.when(~is_slice).then("accelerator_count").alias("accelerator_count")


class CloudRate(dy.Schema):
    """One row per offer of a provider to rent compute with accelerators by the hour."""

    provider = text("Cloud provider.", key=True, is_name=True)
    region = text(
        "Region in the provider's own id; 'global' if the price holds in all, 'unknown' if not given.",
        key=True,
        is_name=True,
    )
    instance_type = text("Instance type in the provider's own name.", key=True, is_name=True)
    purchase_option = PURCHASE_OPTION
    price_component = text(
        "What the price covers: a whole instance, or the accelerator alone (host to be added).",
        key=True,
        allowed=("instance", "accelerator"),
    )
    offer_variant = text(
        "What tells offers of one instance type apart (cloud tier, market quantile); '' if nothing.", key=True
    )
    accelerator_name = text("Accelerator as the publisher writes it.")
    accelerator_count = number(
        "Accelerators in the offer; a fraction where a slice is sold.", "1", min_exclusive=0, max=20_000
    )
    accelerator_memory_gib = number("Memory of one accelerator.", "GiB", min_exclusive=0, max=2048)
    vcpu_count = number("Virtual CPUs of the host.", "1", min=0)
    memory_gib = number("Memory of the host.", "GiB", min=0)
    price_amount_per_hour = number(
        "Price of the whole offer for one hour, in currency_code.", "currency_code/h", nullable=False, min_exclusive=0
    )
    currency_code = CURRENCY

    @dy.rule()
    def gpu_hour_in_bounds(cls) -> pl.Expr:
        """Price of one accelerator-hour within what any accelerator was ever rented for."""
        per_gpu = pl.col("price_amount_per_hour") / pl.col("accelerator_count") / _currency_scale()
        lowest_on_demand, lowest, highest = GPU_HOUR_BOUNDS_USD
        low = pl.when(pl.col("purchase_option") == "on_demand").then(lowest_on_demand).otherwise(lowest)
        whole = pl.col("price_amount_per_hour") / _currency_scale()
        is_sound = pl.when(per_gpu.is_null()).then(whole < OFFER_HOUR_BOUND_USD)
        return is_sound.otherwise(per_gpu.is_between(low, highest)).fill_null(value=True)


class TokenPrice(dy.Schema):
    """One row per price of a million tokens."""

    vendor = text("Who sells the tokens.", key=True, is_name=True)
    model = text("Model in the vendor's own id.", key=True, is_name=True)
    direction = text(
        "Which tokens: read (input), written (output), or kept between requests (cached); of text where no medium is named.",
        key=True,
        allowed=(
            "input",
            "output",
            "cached_read",
            "cached_write",
            "cached_write_1h",
            "input_audio",
            "output_audio",
            "cached_audio_read",
            "cached_audio_write",
            "input_image",
            "output_image",
            "output_reasoning",
            "input_video",
            "output_video",
            "output_citation",
            "cached_image_read",
        ),
    )
    service_tier = text("Service tier: standard, batch, priority, flex, balanced, fast, ultrafast.", key=True)
    context_tier_from_tokens = count(
        "Prompt length from which the price holds; 0 is the base price.", "token", key=True, min=0
    )
    time_window = text("Time of day in UTC at which it holds, hh:mm-hh:mm; '' for all day.", key=True)
    region = text("Region; 'global' if the price holds in all.", key=True)
    price_usd_per_mtok = number("Price of a million tokens.", "USD/Mtoken", nullable=False, min=0, max=10_000)

    @dy.rule()
    def price_of_a_million(cls) -> pl.Expr:
        """Free, or at least 0.0002 USD, a tenth of the lowest published price: less is of one token, not of a million."""
        return (pl.col("price_usd_per_mtok") == 0) | (pl.col("price_usd_per_mtok") >= 0.0002)


#: Lengths of slots, the finest first; their macros in SQL are in `observed/sql/slot.sql`.
RESOLUTIONS = ("PT5M", "PT15M", "PT30M", "PT1H", "P1D", "P1M", "P1Y")
#: Zones are country codes, sub-zones that begin with one, or a publisher's own regions.
_ZONE = r"^[A-Z][A-Za-z0-9_-]*$"


class GridCarbon(dy.Schema):
    """One row per zone, slot and basis: carbon intensity of electricity."""

    zone = text("Grid zone: country code or sub-zone key.", key=True)
    resolution = text("Length of the slot, ISO 8601.", key=True, allowed=RESOLUTIONS)
    basis_method = text("average of the mix, or marginal.", key=True, allowed=("average", "marginal"))
    basis_boundary = text(
        "direct: combustion only; lifecycle: with building and fuel supply; unconfirmed: the publisher does not say.",
        key=True,
        allowed=("direct", "lifecycle", "unconfirmed"),
    )
    basis_accounting = text("location: of the grid; market: after contracts.", key=True, allowed=("location", "market"))
    basis_kind = text("actual, forecast or estimated.", key=True, allowed=("actual", "forecast", "estimated"))
    intensity_gco2e_per_kwh = number("Carbon intensity of electricity.", "gCO2e/kWh", nullable=False, min=0, max=1500)

    @dy.rule()
    def zone_is_a_code(cls) -> pl.Expr:
        """A zone is a code in letters, digits, - and _: DE, US-CAL-CISO, CAISO_NORTH."""
        return pl.col("zone").str.contains(_ZONE)

    @dy.rule()
    def lifecycle_is_not_zero(cls) -> pl.Expr:
        """No plant's lifecycle is below 1 g/kWh: a zero is a gap, a number below 1 a share of carbon-free energy."""
        is_lifecycle_mix = (
            (pl.col("basis_boundary") == "lifecycle")
            & (pl.col("basis_method") == "average")
            & (pl.col("basis_accounting") == "location")
        )
        return ~is_lifecycle_mix | (pl.col("intensity_gco2e_per_kwh") >= 1)


class GpuPrice(dy.Schema):
    """One row per product offered for purchase: what a card costs to own."""

    seller = text("Shop, marketplace or vendor.", key=True, is_name=True)
    product = text("Product as the seller names it.", key=True, is_name=True)
    product_code = text("Seller's own id (SKU, ASIN, address); '' if none.", key=True)
    price_kind = text(
        "Kind of price: of a shop (retail), at launch, second-hand (used), or of a market (lowest, average).",
        key=True,
        allowed=("retail", "launch", "used", "market_low", "market_average"),
    )
    accelerator_name = text("Accelerator as the publisher writes it.")
    accelerator_memory_gib = number("Memory of one accelerator.", "GiB", min_exclusive=0, max=2048)
    is_in_stock = dy.Bool(nullable=True, description="True if it could be bought.")
    price_amount = number("Price of one card, in currency_code.", "currency_code", nullable=False, min_exclusive=0)
    currency_code = CURRENCY

    @dy.rule()
    def card_price_in_bounds(cls) -> pl.Expr:
        """Price of a card between 15 and 100,000 USD."""
        return (pl.col("price_amount") / _currency_scale()).is_between(15, 100_000)


class ElectricityPrice(dy.Schema):
    """One row per zone, market and slot: what electricity cost there."""

    zone = text("Grid or bidding zone.", key=True)
    market = text(
        "Which price: of the wholesale market (day_ahead, real_time), of the retail sectors, or of a hub in the press.",
        key=True,
        allowed=("day_ahead", "real_time", "retail_industrial", "retail_commercial", "retail_all", "published_hub"),
    )
    resolution = text("Length of the slot, ISO 8601.", key=True, allowed=RESOLUTIONS)
    currency_code = text("ISO 4217 code of the quoted amount.", key=True, allowed=tuple(_CURRENCY_SCALE))
    # Wholesale prices go below zero; no market's cap lies beyond these bounds (in any listed currency).
    price_amount_per_mwh = number(
        "Price of electricity, in currency_code.", "currency_code/MWh", nullable=False, min=-200_000, max=3_000_000
    )

    @dy.rule()
    def zone_is_a_code(cls) -> pl.Expr:
        """A zone is a code in letters, digits, - and _: DE, NO-NO2."""
        return pl.col("zone").str.contains(_ZONE)

    @dy.rule()
    def price_in_bounds(cls) -> pl.Expr:
        """Price of a MWh between -1,000 and 20,000 USD."""
        return (pl.col("price_amount_per_mwh") / _currency_scale()).is_between(-1_000, 20_000)


class ExchangeRate(dy.Schema):
    """One row per currency and day: a central bank's reference rate."""

    currency_code = text("ISO 4217 code of the currency.", key=True)
    base_currency_code = text("ISO 4217 code of the currency it is quoted against.", key=True)
    rate_per_base = number(
        "Units of the currency for one unit of the base currency.", "1", nullable=False, min_exclusive=0, max=1e9
    )

    @dy.rule()
    def rate_in_bounds(cls) -> pl.Expr:
        """A rate within thirty times the usual one, where that is known: a file turned upside down is not."""
        usual = _currency_scale() / _currency_scale("base_currency_code")
        return (pl.col("rate_per_base") / usual).is_between(1 / 30, 30).fill_null(value=True)


class ModelCompute(dy.Schema):
    """One row per notable model: what is published of its size and training."""

    model = text("Model as the publisher names it.", key=True)
    developer = text("Who made it.")
    released_on = dy.Date(nullable=True, description="Day of release.")
    parameters_count = number("Parameters.", "1", min_exclusive=0)
    training_tokens_count = number(
        "Tokens trained on, as the publisher counts them; NULL for models that read no text.", "token", min_exclusive=0
    )
    training_flop = number("Operations of the whole training.", "FLOP", min_exclusive=0, max=1e30)
    training_hardware = text("Accelerator as the publisher writes it.")
    training_gpu_count = number("Accelerators used at once.", "1", min_exclusive=0)
    training_duration_h = number("Wall time of the training.", "h", min_exclusive=0)
    training_cost_2023_usd = number(
        "Cost of the training as the publisher estimates it, in dollars of 2023.", "USD of 2023", min_exclusive=0
    )
    domain = text("Field of use, as the publisher writes it.")
    confidence = text("How sure the publisher is of the compute, in its own word.")


class AcceleratorSpec(dy.Schema):
    """One row per accelerator: what a publisher states of its speed, power and first price. Dense figures."""

    accelerator_name = text("Accelerator as the publisher writes it.", key=True)
    vendor = text("Who makes it.")
    released_on = dy.Date(nullable=True, description="Day of release.")
    fp32_dense_flop_per_s = number("Peak FP32 (vector).", "FLOP/s", min_exclusive=0, max=1e17)
    fp16_dense_flop_per_s = number("Peak FP16/BF16 matrix, dense.", "FLOP/s", min_exclusive=0, max=1e18)
    fp8_dense_flop_per_s = number("Peak FP8 matrix, dense.", "FLOP/s", min_exclusive=0, max=1e18)
    memory_gib = number("Memory of one accelerator.", "GiB", min_exclusive=0, max=10_000)
    memory_bandwidth_gb_per_s = number("Peak memory bandwidth.", "GB/s", min_exclusive=0, max=1_000_000)
    tdp_w = number("Thermal design power.", "W", min_exclusive=0, max=50_000)
    release_price_usd = number("Price of one at release, in dollars of its day.", "USD", min_exclusive=0, max=5e6)


class Usage(dy.Schema):
    """One row per line of use: an instance that ran, when, where and how long. valid_from is its start."""

    account = text("Account or project that pays; '' if not told.", key=True)
    resource = text("Resource that ran; '' if not told.", key=True)
    line_id = text("Id of the line in the bill; '' if it has none.", key=True)
    workload = text("What it ran for; '' if not told.", key=True)
    provider = text("Cloud provider.", key=True)
    region = text("Region in the provider's own id.", key=True)
    instance_type = text("Instance type in the provider's own name.", key=True)
    purchase_option = text("How it was bought; '' if not told.", key=True, allowed=("", *PURCHASE_OPTIONS))
    used_to = instant("End of the use (exclusive).", nullable=False)
    instance_hours = number(
        "Hours of the instance; of several together, their sum.", "h", nullable=False, min=0, max=1e9
    )
    billed_amount = number("What was billed for it, in currency_code; credits are negative.", "currency_code")
    currency_code = text("ISO 4217 code of the billed amount.")


#: What can be claimed of a cloud region: attribute -> unit.
CLAIMED_ATTRIBUTES = {
    "grid_zone": "zone",
    "latitude": "degree",
    "longitude": "degree",
    "carbon_free_share": "share",
    "pue": "ratio",
    "wue_l_per_kwh": "l/kWh",
    "grid_gco2e_per_kwh": "gCO2e/kWh",
    "location_based_gco2e_per_kwh": "gCO2e/kWh",
    "market_based_gco2e_per_kwh": "gCO2e/kWh",
    "use_weighted_gco2e_per_kwh": "gCO2e/kWh",
    "marginal_gco2e_per_kwh": "gCO2e/kWh",
}


def _claim_between(lowest: float, highest: float, *attributes: str) -> pl.Expr:
    """True for claims of other attributes, and for those of these within bounds."""
    return ~pl.col("attribute").is_in(attributes) | pl.col("amount").is_between(lowest, highest)


class RegionClaim(dy.Schema):
    """One row per thing that somebody claims of a cloud region, for a year; valid_from is since when they say so."""

    provider = text("Cloud provider.", key=True)
    region = text("Region in the provider's own id.", key=True)
    attribute = text(
        "What is claimed. grid_: of the grid; location_based_ and market_based_: of the provider's electricity, before and after "
        "contracts; use_weighted_: of the grid, weighted by the provider's use by the hour; marginal_: of one kWh more.",
        key=True,
        allowed=tuple(CLAIMED_ATTRIBUTES),
    )
    basis = text(
        "How it is counted, where it can be in several ways (hourly matching, lifecycle, …); '' if not told.", key=True
    )
    place = text("Place that tells several claims of one region apart; '' if there is one.", key=True)
    period = text("Year that it holds for; '' if undated.", key=True)
    claimed_by = text("Who claims it.", key=True)
    value = text("The claim, as text.", nullable=False)
    amount = number("The claim as a number; NULL for a name.", "see unit")
    unit = text("Unit of the claim.", nullable=False)

    @dy.rule()
    def claim_is_a_number(cls) -> pl.Expr:
        """All but a zone is a number."""
        return (pl.col("attribute") == "grid_zone") | pl.col("amount").is_not_null()

    @dy.rule()
    def pue_in_bounds(cls) -> pl.Expr:
        """A PUE between 1 (no building uses less than its computers) and 3."""
        return _claim_between(1, 3, "pue")

    @dy.rule()
    def share_in_bounds(cls) -> pl.Expr:
        """A share between 0 and 1."""
        return _claim_between(0, 1, "carbon_free_share")

    @dy.rule()
    def water_in_bounds(cls) -> pl.Expr:
        """A WUE between 0 and 20 l/kWh."""
        return _claim_between(0, 20, "wue_l_per_kwh")

    @dy.rule()
    def intensity_in_bounds(cls) -> pl.Expr:
        """An intensity between 0 and 1,500 g/kWh."""
        return _claim_between(0, 1500, *(a for a, unit in CLAIMED_ATTRIBUTES.items() if unit == "gCO2e/kWh"))

    @dy.rule()
    def place_in_bounds(cls) -> pl.Expr:
        """A latitude between -90 and 90, a longitude between -180 and 180."""
        return _claim_between(-90, 90, "latitude") & _claim_between(-180, 180, "longitude")


CLOUD_RATE = Subject("cloud_rate", "state", "what it costs to rent accelerators by the hour.", CloudRate)
TOKEN_PRICE = Subject("token_price", "state", "what a million tokens of a model cost over an API.", TokenPrice)
GRID_CARBON = Subject("grid_carbon", "series", "carbon intensity of electricity by zone, slot and basis.", GridCarbon)

GPU_PRICE = Subject("gpu_price", "state", "what it costs to buy an accelerator.", GpuPrice)
ELECTRICITY_PRICE = Subject(
    "electricity_price", "series", "what electricity costs by zone, market and slot.", ElectricityPrice
)
EXCHANGE_RATE = Subject("exchange_rate", "series", "reference exchange rates by day.", ExchangeRate)
MODEL_COMPUTE = Subject("model_compute", "state", "size and training of notable models.", ModelCompute)
ACCELERATOR_SPEC = Subject(
    "accelerator_spec", "state", "speed, power and first price of accelerators.", AcceleratorSpec
)
REGION_CLAIM = Subject(
    "region_claim", "state", "what operators, foundations and lists claim of cloud regions, by year.", RegionClaim
)
USAGE = Subject("usage", "series", "compute that was used, from your own ledgers and bills.", Usage)

SUBJECTS: tuple[Subject, ...] = (
    CLOUD_RATE,
    GPU_PRICE,
    TOKEN_PRICE,
    GRID_CARBON,
    ELECTRICITY_PRICE,
    EXCHANGE_RATE,
    MODEL_COMPUTE,
    ACCELERATOR_SPEC,
    REGION_CLAIM,
    USAGE,
)


def subject_named(name: str) -> Subject:
    """The subject of that name."""
    return next(subject for subject in SUBJECTS if subject.name == name)
