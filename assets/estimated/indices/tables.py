"""Declared tables of the indices: what a GPU-hour costs by day, and what waiting for a greener hour would have saved."""

from __future__ import annotations

import dataframely as dy

from assets.columns import count, day, flag, instant, number, text
from assets.subjects import PURCHASE_OPTION
from warehouse.tables import Table

_METHOD_VERSION = text(
    "Rule that it was computed by; stated at the head of its SQL file in assets/estimated/indices.", key=True
)


class PriceIndex(dy.Schema):
    """One row per accelerator, purchase option and day: what a GPU-hour cost, over providers and on matched pairs."""

    accelerator_id = text("Accelerator; see reference.accelerator.", key=True)
    purchase_option = PURCHASE_OPTION
    index_on = dy.Date(primary_key=True, nullable=False, description="Day, UTC.")
    method_version = _METHOD_VERSION
    chain_number = count(
        "Chain that the day belongs to; only days of one chain compare, since no offer ties two chains.",
        nullable=False,
        min=1,
    )
    index_points = number(
        "Index on matched pairs; 100 on the first day of the chain.", "1", nullable=False, min_exclusive=0
    )
    index_usd_per_gpu_hour = number(
        "The same in money: scaled to the median on the last day of the chain, so that a provider who joins or leaves does not move it.",
        "USD/GPU-hour",
        nullable=False,
        min_exclusive=0,
    )
    median_usd_per_gpu_hour = number(
        "Median over providers, each with the median of its offers, as offered that day.",
        "USD/GPU-hour",
        nullable=False,
        min_exclusive=0,
    )
    lower_quartile_usd_per_gpu_hour = number(
        "Lower quartile over providers.", "USD/GPU-hour", nullable=False, min_exclusive=0
    )
    upper_quartile_usd_per_gpu_hour = number(
        "Upper quartile over providers.", "USD/GPU-hour", nullable=False, min_exclusive=0
    )
    low_usd_per_gpu_hour = number("p5 over providers.", "USD/GPU-hour", nullable=False, min_exclusive=0)
    high_usd_per_gpu_hour = number("p95 over providers.", "USD/GPU-hour", nullable=False, min_exclusive=0)
    cheapest_usd_per_gpu_hour = number("Cheapest single offer.", "USD/GPU-hour", nullable=False, min_exclusive=0)
    offer_count = count("Offers that count for the day.", nullable=False, min=1)
    provider_count = count("Providers that count for the day.", nullable=False, min=1)
    matched_provider_count = count(
        "Providers with an offer on this day and on the day of change before; 0 begins a chain.", nullable=False, min=0
    )
    median_usd_per_pflop_day = number(
        "The median for a day at 1e15 FLOP/s of dense FP16 peak: at full utilisation, which no training reaches.",
        "USD/PFLOP-day",
        min_exclusive=0,
    )
    median_usd_per_gib_hour = number("The median per GiB of accelerator memory.", "USD/(GiB h)", min_exclusive=0)
    source_ids = text("Sources used that day, one per provider.", nullable=False)
    is_bundled = flag("True if a price in it ships with Petaday.", nullable=False)


class PriceOffer(dy.Schema):
    """One row per offer and price that the price index counts: what it cost, and from when to when."""

    accelerator_id = text("Accelerator; see reference.accelerator.", key=True)
    purchase_option = PURCHASE_OPTION
    offer_key = count(
        "Number of the offer: of its source, scope, provider, region, instance type and variant.", key=True
    )
    began_on = dy.Date(primary_key=True, nullable=False, description="Day from which the price counts, UTC.")
    provider = text("Cloud provider.", nullable=False)
    source_id = text("Source; see meta.source.", nullable=False)
    scope = text("Part of the source that it belongs to.", nullable=False)
    source_rank = count("Rank of the source, the lowest is preferred; see the macro source_rank.", nullable=False)
    is_bundled = flag("True if the price ships with Petaday.")
    price_usd_per_gpu_hour = number(
        "Price of one accelerator for one hour.", "USD/GPU-hour", nullable=False, min_exclusive=0
    )
    price_before_usd_per_gpu_hour = number(
        "Price of the same offer of the same source that ended as this one began; null where there was none.",
        "USD/GPU-hour",
        min_exclusive=0,
    )
    valid_to = instant("When the price ended; null: still offered, and it counts while it is confirmed.")
    seen_at = instant("When the price was seen first (of what ships with Petaday: its date).", nullable=False)
    refused_from = instant("When its row was refused, so that the offer is unconfirmed since; null: it was not.")


class PriceLink(dy.Schema):
    """One row per accelerator, purchase option and day of change: what the price index is put together from."""

    accelerator_id = text("Accelerator; see reference.accelerator.", key=True)
    purchase_option = PURCHASE_OPTION
    index_on = dy.Date(
        primary_key=True,
        nullable=False,
        description="Day on which an offer began or ended, UTC; the row holds to the next.",
    )
    method_version = _METHOD_VERSION
    log_move = number(
        "Natural logarithm of the move since the day of change before, on matched pairs; null where no offer ties the two.",
        "1",
    )
    matched_provider_count = count(
        "Providers with an offer on this day and on the day of change before.", nullable=False, min=0
    )
    median_usd_per_gpu_hour = number(
        "Median over providers; null where nothing is offered.", "USD/GPU-hour", min_exclusive=0
    )
    lower_quartile_usd_per_gpu_hour = number("Lower quartile over providers.", "USD/GPU-hour", min_exclusive=0)
    upper_quartile_usd_per_gpu_hour = number("Upper quartile over providers.", "USD/GPU-hour", min_exclusive=0)
    low_usd_per_gpu_hour = number("p5 over providers.", "USD/GPU-hour", min_exclusive=0)
    high_usd_per_gpu_hour = number("p95 over providers.", "USD/GPU-hour", min_exclusive=0)
    cheapest_usd_per_gpu_hour = number("Cheapest single offer.", "USD/GPU-hour", min_exclusive=0)
    offer_count = count("Offers that count; 0 where nothing is offered from this day on.", nullable=False, min=0)
    provider_count = count("Providers that count for the day.", nullable=False, min=0)
    source_ids = text("Sources used that day, one per provider.")
    is_bundled = flag("True if a price in it ships with Petaday.")


class GreenWindow(dy.Schema):
    """One row per zone, basis, job length and horizon: what the advice of green_window would have saved on the history."""

    zone = text("Grid zone.", key=True)
    source_id = text("Source of the history; see meta.source.", key=True)
    basis_boundary = text("direct: combustion only; lifecycle: with building and fuel supply.", key=True)
    job_hours = count("Length of the job.", "h", key=True, min=1)
    horizon_hours = count("How long its start may wait.", "h", key=True, min=1)
    method_version = _METHOD_VERSION
    first_on = day("First day that advice was tried for.", nullable=False)
    last_on = day("Last day that advice was tried for.", nullable=False)
    trial_count = count("Moments at which advice was tried: four a day.", nullable=False, min=1)
    now_gco2e_per_kwh = number("Mean intensity of the job without waiting.", "gCO2e/kWh", nullable=False, min=0)
    advised_gco2e_per_kwh = number(
        "Mean intensity at the start that the advice names.", "gCO2e/kWh", nullable=False, min=0
    )
    perfect_gco2e_per_kwh = number(
        "Mean intensity at the best start, known afterwards only.", "gCO2e/kWh", nullable=False, min=0
    )
    saving_share = number("What the advice saves against not waiting.", "share", max=1)
    perfect_saving_share = number("What the best start would have saved against not waiting.", "share", max=1)
    reached_share = number(
        "Part of the possible saving that the advice reached; negative where it did harm.", "share", max=1
    )
    not_worse_share = number(
        "Part of the trials in which the advice was at least as good as not waiting.",
        "share",
        nullable=False,
        min=0,
        max=1,
    )
    is_bundled = flag("True if the history ships with Petaday.", nullable=False)


class GreenTrial(dy.Schema):
    """One row per zone, basis, job length, horizon and day: what the advice of green_window saved on that day of the history."""

    zone = text("Grid zone.", key=True)
    source_id = text("Source of the history; see meta.source.", key=True)
    basis_boundary = text("direct: combustion only; lifecycle: with building and fuel supply.", key=True)
    job_hours = count("Length of the job.", "h", key=True, min=1)
    horizon_hours = count("How long its start may wait.", "h", key=True, min=1)
    asked_on = dy.Date(primary_key=True, nullable=False, description="Day that advice was tried for, UTC.")
    method_version = _METHOD_VERSION
    trial_count = count("Moments of the day at which advice was tried: up to four.", nullable=False, min=1, max=4)
    now_gco2e_per_kwh = number("Mean intensity of the job without waiting.", "gCO2e/kWh", nullable=False, min=0)
    advised_gco2e_per_kwh = number(
        "Mean intensity at the start that the advice names.", "gCO2e/kWh", nullable=False, min=0
    )
    perfect_gco2e_per_kwh = number(
        "Mean intensity at the best start, known afterwards only.", "gCO2e/kWh", nullable=False, min=0
    )
    not_worse_count = count(
        "Trials in which the advice was at least as good as not waiting.", nullable=False, min=0, max=4
    )


class GridDay(dy.Schema):
    """One row per zone, source, basis, resolution and day: carbon intensity summed over the day, ready to be added up."""

    zone = text("Grid zone.", key=True)
    source_id = text("Source; see meta.source.", key=True)
    resolution = text("Length of its slots, ISO 8601.", key=True)
    basis_method = text("average of the mix, or marginal.", key=True)
    basis_boundary = text("direct: combustion only; lifecycle: with building and fuel supply.", key=True)
    basis_accounting = text("location: of the grid; market: after contracts.", key=True)
    basis_kind = text("actual, forecast or estimated.", key=True)
    day_on = dy.Date(primary_key=True, nullable=False, description="Day, UTC.")
    method_version = _METHOD_VERSION
    intensity_hours_gco2e_per_kw = number(
        "Sum of intensity times length of its slots: what a constant load of 1 kW over the covered hours emits.",
        "gCO2e/kW",
        nullable=False,
        min=0,
    )
    covered_hours = number("Hours of the day that slots cover.", "h", nullable=False, min_exclusive=0, max=24)
    lowest_gco2e_per_kwh = number("Intensity of the lowest slot.", "gCO2e/kWh", nullable=False, min=0)
    highest_gco2e_per_kwh = number("Intensity of the highest slot.", "gCO2e/kWh", nullable=False, min=0)
    slot_count = count("Slots of the day.", nullable=False, min=1)


PRICE_INDEX = Table(
    "estimated",
    "price_index",
    "What a GPU-hour costs by accelerator, purchase option and day: over providers as offered, and on matched pairs.",
    PriceIndex,
)
PRICE_OFFER = Table(
    "estimated",
    "price_offer",
    "Offers that the price index counts, with their prices and days: kept so that one more capture changes what it touches.",
    PriceOffer,
)
PRICE_LINK = Table(
    "estimated",
    "price_link",
    "The price index by day of change, before its days are chained and scaled: quartiles of the day, and the move since the one before.",
    PriceLink,
)
GREEN_WINDOW = Table(
    "estimated",
    "green_window",
    "Back-test of green_window on the history of every zone with hourly values: saving reached, and what was possible.",
    GreenWindow,
)
GREEN_TRIAL = Table(
    "estimated",
    "green_trial",
    "Back-test of green_window by day: what its advice reached on every day of the history with hourly values.",
    GreenTrial,
)
GRID_DAY = Table(
    "estimated",
    "grid_day",
    "Carbon intensity by zone and day as sums that add up, each source and basis by itself: totals over windows need no slots.",
    GridDay,
)
INDEX_TABLES: tuple[Table, ...] = (PRICE_OFFER, PRICE_LINK, PRICE_INDEX, GREEN_WINDOW, GREEN_TRIAL, GRID_DAY)
