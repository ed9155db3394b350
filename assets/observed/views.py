"""Views and macros over the logs: what users query as `observed.<subject>` and `<subject>_as_of(…)`."""

from __future__ import annotations

from pathlib import Path

import dataframely as dy
import duckdb

from assets.columns import number, text
from assets.subjects import CLOUD_RATE, EXCHANGE_RATE, SUBJECTS
from warehouse.instants import FOREVER
from warehouse.log.views import are_changes, instant, intervals, refused_spans, unconfirmed, view_scripts
from warehouse.tables import Subject, Table

SQL = Path(__file__).parent / "sql"


class AcceleratorMatch(dy.Schema):
    """Which accelerator an offer has, and by which rule it was told."""

    provider = text("Cloud provider.", nullable=False)
    instance_type = text("Instance type.", nullable=False)
    accelerator_name = text("Accelerator as the publisher writes it.")
    accelerator_memory_gib = number("Memory of one accelerator, as the publisher states it.", "GiB")
    accelerator_id = text("Accelerator; see reference.accelerator. NULL: could not be told.")
    accelerator_count = number("Accelerators in the instance by its documentation; NULL: as the offer states.", "1")
    rule = text("instance_type, alias or unmatched.", nullable=False)


ACCELERATOR_MATCH = Table("observed", "accelerator_match", (AcceleratorMatch.__doc__ or "").strip(), AcceleratorMatch)

#: View -> the subject whose columns it shows, where the name of the view does not say so.
VIEW_ORIGINS = {
    "observed.cloud_offer": "observed.cloud_rate_log",
    "observed.price_change": "observed.cloud_rate_log",
    "observed.token_model": "observed.token_price_log",
    "observed.unmatched_accelerator": "observed.accelerator_match",
    "observed.usd_rate": "observed.exchange_rate_log",
    "observed.usd_rate_day": "observed.exchange_rate_log",
}

#: Meanings of columns of views that show no table's; a name means one thing in all views.
COLUMN_MEANINGS = {
    "source_id": "Source; see meta.source.",
    "title": "Name for people.",
    "memory_gib": "Memory of the accelerator, as marketed. Unit: GiB.",
    "changed_count": "Rows that its captures appended to the log. Unit: 1.",
    "valid_to": "Until when it holds (exclusive); NULL: still. Unit: UTC.",
    "price_usd_per_hour": "Price of the whole offer for one hour at the reference rate of the day. Unit: USD/h.",
    "price_usd_per_gpu_hour": "Price of one accelerator for one hour; NULL where the count is not known. Unit: USD/GPU-hour.",
    "price_usd": "Price of one card at the reference rate of the day. Unit: USD.",
    "price_usd_per_mwh": "Price of electricity at the reference rate of the day. Unit: USD/MWh.",
    "usd_per_unit": "US dollars for one unit of the currency. Unit: USD.",
    "rate_on": "Day, UTC.",
    "is_bundled": "True for data that ships with Petaday.",
    "accelerator_id": "Accelerator; see reference.accelerator. NULL: could not be told.",
    "instance_type_count": "Instance types whose accelerator it is. Unit: 1.",
    "example_instance_type": "One of these instance types.",
    "last_good_at": "Time of the last good capture. Unit: UTC.",
    "age": "Age of the last good capture.",
    "last_changed_at": "Time of the last good capture that said something new: from which rows were appended to the log. Unit: UTC.",
    "unchanged_for": "From the last good capture that said something new to the last good capture: how long the content stood still while it was read.",
    "last_outcome": "Outcome of the last capture.",
    "last_message": "Why the last capture was rejected.",
    "last_row_count": "Rows of the last capture. Unit: 1.",
    "last_rejected_count": "Rows refused of the last capture. Unit: 1.",
    "good_capture_count": "Good captures so far. Unit: 1.",
    "counts_from": "From when the price counts. Unit: UTC.",
    "counts_to": "Until when the price counts (exclusive); see counts_until. Unit: UTC.",
    "stands_to": "Until when the price stands as the last word (exclusive): its end; else until another word on the same provider, accelerator and way to buy is newer by 45 days, at most 548 days after confirmed_at; a bundled price until a source was read since. Unit: UTC.",
    "confirmed_at": "When the price was last seen to hold: the last complete answer of its source before its end, or before its row was refused. Unit: UTC.",
    "refused_from": "Since when its row was refused, so that nobody has confirmed it; NULL: it was not. Unit: UTC.",
    "source_rank": "Who is believed where several speak; the lowest is chosen, see source_rank.",
    "model_id": "Model; see reference.model. NULL: not in it.",
    "model_key": "Name of the model without vendor, punctuation, tuning and day: one for a model under all its names, in reference.model or not.",
    "vendor_id": "Who sends the bill, under one name; see reference.vendor_alias.",
    "name_key": "Name in the form in which it is matched, model_key or accelerator_key.",
    "subject": "Subject of the rows.",
    "seller": "Provider, vendor or shop.",
    "item": "Instance type, model or product.",
    "variant": "Which price of the item: how it is bought, which tokens, which tier.",
    "price_unit": "What the price is for: an hour, a million tokens, one card.",
    "old_price": "Price before, in old_currency_code. Unit: currency_code.",
    "new_price": "Price after, in currency_code. Unit: currency_code.",
    "old_currency_code": "ISO 4217 code of the currency of the price before.",
    "change_percent": "Change against the price before, in the quoted currency (in USD where the currency changed). Unit: %.",
    "changed_at": "From when the new price holds. Unit: UTC.",
    "old_valid_to": "Until when the old price held. Unit: UTC.",
    "is_after_gap": "True if it was not offered between the two prices.",
    "old_capture_id": "Capture of the price before; see meta.capture.",
    "year": "Year that it holds for; NULL: undated. Unit: 1.",
    "is_typed": "True for a claim of reference.region_claim, typed from a version of its source; false for one that was loaded.",
    "stated_on": "Day of the version that says so, or of the first loaded one that does; NULL: not known.",
    "source_url": "Where the fact stands.",
    "thing": "What the values are of: key columns, in order.",
    "attribute": "What is stated of it.",
    "claim_year": "Year that both claims hold for; NULL: undated or a price. Unit: 1.",
    "said_by": "First of the two sources.",
    "said_value": "Value that the first source states, as text.",
    "also_said_by": "Second of the two sources.",
    "also_said_value": "Value that the second source states, as text.",
    "difference_percent": "How much the larger value lies above the smaller; NULL where they are no numbers, or degrees, or the smaller is 0. Unit: %.",
    "differs_from": "From when both state it; NULL: undated. Unit: UTC.",
    "differs_to": "Until when both state it; NULL: undated. Unit: UTC.",
    "said_capture_id": "Capture of the first statement; see meta.capture.",
    "also_said_capture_id": "Capture of the second statement; see meta.capture.",
    "chosen": "Source whose value is used.",
    "rule": "Rule by which it was chosen.",
    "hour_from": "Start of the hour. Unit: UTC.",
    "day_from": "Start of the day. Unit: UTC.",
    "month_from": "Start of the month. Unit: UTC.",
    "year_from": "Start of the year. Unit: UTC.",
    "grain": "monthly, or yearly: twelve months in a row.",
    "span_from": "Start of the months. Unit: UTC.",
    "span_to": "End of the months (exclusive). Unit: UTC.",
    "mean_gco2e_per_kwh": "Mean over the hours that the slots cover, not weighted by load. Unit: gCO2e/kWh.",
    "estimated_share": "Part of the covered hours that is estimated. Unit: share.",
    "plain_mean_gco2e_per_kwh": "Plain mean of the slots, not weighted by load. Unit: gCO2e/kWh.",
    "lowest_gco2e_per_kwh": "Intensity of the lowest slot. Unit: gCO2e/kWh.",
    "highest_gco2e_per_kwh": "Intensity of the highest slot. Unit: gCO2e/kWh.",
    "slot_count": "Slots in the mean. Unit: 1.",
    "covered_share": "Part of the period that the slots cover. Unit: share.",
}

_SOURCE = "LEFT JOIN meta.source s ON s.source_id = b.source_id"
# Joined by the day: DuckDB 1.5.5 plans an ASOF join with these views as a nested loop (3 s instead of 0.1 s, measured).
_USD = (
    "LEFT JOIN observed.usd_rate_day u ON u.currency_code = b.currency_code "
    "AND u.rate_on = (b.converted_at AT TIME ZONE 'UTC')::DATE"
)
_RATE = "CASE WHEN b.currency_code = 'USD' THEN 1.0 ELSE u.usd_per_unit END"
_CONVERTED = "FROM (SELECT *, {instant} AS converted_at FROM ({base})) b " + _USD + " " + _SOURCE

_ENRICH = {
    "cloud_rate": (
        "SELECT b.* EXCLUDE (converted_at, accelerator_count), coalesce(m.accelerator_count, b.accelerator_count) AS accelerator_count, "
        f"m.accelerator_id, b.price_amount_per_hour * ({_RATE}) AS price_usd_per_hour, "
        f"b.price_amount_per_hour * ({_RATE}) / coalesce(m.accelerator_count, b.accelerator_count) AS price_usd_per_gpu_hour, "
        "s.is_bundled "
        + _CONVERTED
        + " LEFT JOIN observed.accelerator_match m ON m.provider = b.provider AND m.instance_type = b.instance_type "
        "AND m.accelerator_name IS NOT DISTINCT FROM b.accelerator_name "
        "AND m.accelerator_memory_gib IS NOT DISTINCT FROM b.accelerator_memory_gib"
    ),
    # The memory is judged after the join: with it in the condition DuckDB compares every price with every name (8 s
    # instead of 0.2, measured).
    "gpu_price": (
        "SELECT b.* EXCLUDE (converted_at), CASE WHEN b.accelerator_memory_gib IS NULL OR n.memory_gib IS NULL "
        "OR abs(b.accelerator_memory_gib / n.memory_gib - 1) <= 0.18 THEN n.accelerator_id END AS accelerator_id, "
        f"b.price_amount * ({_RATE}) AS price_usd, s.is_bundled "
        + _CONVERTED
        + " LEFT JOIN observed.accelerator_by_name n ON n.name_key = accelerator_key(b.accelerator_name)"
    ),
    "electricity_price": (
        f"SELECT b.* EXCLUDE (converted_at), b.price_amount_per_mwh * ({_RATE}) AS price_usd_per_mwh, s.is_bundled "
        + _CONVERTED
    ),
}
_ENRICH["token_price"] = (
    "SELECT b.*, n.model_id, n.model_key, coalesce(v.vendor_id, b.vendor) AS vendor_id, s.is_bundled FROM ({base}) b "
    "LEFT JOIN observed.token_model n ON n.model = b.model LEFT JOIN reference.vendor_alias v ON v.vendor = b.vendor "
    + _SOURCE
)
_PLAIN = "SELECT b.*, s.is_bundled FROM ({base}) b " + _SOURCE


def subject_views(subject: Subject) -> list[str]:
    """SQL of the view and the macros of one subject."""
    enrich = _ENRICH.get(subject.name, _PLAIN)
    if subject.kind == "state":
        return view_scripts(subject, enrich)
    at = f"({instant('valid_at')})"
    if "used_to" in subject.values:  # a usage line states its own end
        end, condition = "used_to", f"valid_from <= {at} AND used_to > {at}"
    elif "resolution" not in subject.keys:  # exchange rates: one value a day
        end, condition = (
            "valid_from + INTERVAL 24 HOUR",
            f"valid_from <= {at} AND valid_from > {at} - INTERVAL 24 HOUR",
        )
    else:
        end = "slot_end(valid_from, resolution)"
        condition = f"valid_from <= {at} AND valid_from > {at} - INTERVAL 367 DAY AND {at} < {end}"
    return view_scripts(subject, enrich, condition, end)


def _read(name: str) -> str:
    return (SQL / name).read_text(encoding="utf-8")


_SAME_OFFER = " AND ".join(f"u.{key} = r.{key}" for key in ("source_id", "scope", *CLOUD_RATE.keys))


def _cloud_offers(rates: str, condition: str, known_at: str) -> str:
    """SELECT of the offers that count.

    Args:
        rates: relation with the columns of `observed.cloud_rate`.
        condition: SQL condition on the assertions of the log that may be used.
        known_at: SQL of the instant up to which captures are known.
    """
    refused = refused_spans(CLOUD_RATE, condition)
    return _read("cloud_offer.sql").format(
        whole=_whole_offers(rates), refused=refused, same_key=_SAME_OFFER, known_at=known_at
    )


def _whole_offers(rates: str) -> str:
    return _read("cloud_offer_whole.sql").strip().format(rates=rates)


def rates_today(con: duckdb.DuckDBPyConnection) -> str:
    """The relation with the rows of `observed.cloud_rate`, in a form for who reads all of them.

    If every assertion of the log is a change, as it is unless captures came late, two of the three sorts of the whole
    log that the view needs are left out. Who filters is better served by the view, where the filter narrows what is
    sorted.
    """
    if not con.execute(are_changes(CLOUD_RATE, CLOUD_RATE.log_name)).fetchall()[0][0]:
        return "observed.cloud_rate"
    base = intervals(CLOUD_RATE, "true", changes_only=True)
    return f"({_ENRICH['cloud_rate'].format(base=base, instant='coalesce(valid_from, observed_at)')})"


def offers_today(con: duckdb.DuckDBPyConnection) -> str:
    """SELECT of the rows of `observed.cloud_offer`, in a form for who reads all of them; see `rates_today`."""
    return _cloud_offers(rates_today(con), "true", FOREVER)


def offer_views() -> list[str]:
    """Offers that count, and until when: as a view of today's knowledge and as a macro for earlier knowledge."""
    known_at = f"({instant('known_at')})"
    known = _cloud_offers("cloud_rate_known(known_at := known_at)", f"recorded_at <= {known_at}", known_at)
    meaning = (
        "Offers that count for comparison: whole instances with a price, each until it ended or counts_to, when nobody has confirmed "
        "it for too long; what is asked for a price at an instant takes the last word instead, which stands until stands_to. Several "
        "sources may state one offer: the lowest source_rank is chosen."
    )
    return [
        f"CREATE OR REPLACE VIEW observed.cloud_offer AS {_cloud_offers('observed.cloud_rate', 'true', FOREVER)}",
        f"COMMENT ON VIEW observed.cloud_offer IS '{meaning}'",
        f"CREATE OR REPLACE MACRO cloud_offer_known(known_at := {FOREVER}) AS TABLE {known}",
        "COMMENT ON MACRO TABLE cloud_offer_known IS 'observed.cloud_offer as this warehouse knew it at known_at.'",
    ]


def whole_offers(words: str, *, in_dollars: bool, has_refused: bool, changes_only: bool) -> str:
    """SELECT of the offers of `observed.cloud_offer`, without the columns that say until when they count or stand.

    The flags leave out joins and windows that are not needed, which save up to three quarters of the time for few
    offers.

    Args:
        words: relation with assertions of the log: for each offer all of them or none.
        in_dollars: all of them are in US dollars, so that no exchange rate is needed.
        has_refused: some of them mark refused rows.
        changes_only: each of them is a change (see `intervals`).
    """
    enrich = _ENRICH["cloud_rate"]
    if in_dollars:
        enrich = enrich.replace(f"{_USD} ", "").replace(f"({_RATE})", "1.0")
    rates = enrich.format(
        base=intervals(CLOUD_RATE, "true", words, changes_only=changes_only),
        instant="coalesce(valid_from, observed_at)",
    )
    whole = _whole_offers(f"({rates})")
    if not has_refused:
        return f"SELECT *, NULL::TIMESTAMPTZ AS refused_from FROM ({whole})"
    return (
        f"SELECT r.*, u.refused_from FROM ({whole}) r "
        f"LEFT JOIN ({unconfirmed(CLOUD_RATE, 'true', words)}) u ON {_SAME_OFFER} AND r.valid_to IS NULL"
    )


def region_claim_views() -> list[str]:
    """Claims of regions, typed and loaded: as a view of today's knowledge and as a macro for earlier knowledge."""
    select = _read("region_claim_all.sql")
    meaning = (
        "What is claimed of cloud regions, side by side: the claims of reference.region_claim (is_typed) and those of observed.region_claim. "
        "Of each source and year the newer version speaks, typed or loaded. None of them changes reference.region."
    )
    return [
        f"CREATE OR REPLACE VIEW observed.region_claim_all AS {select.format(claims='observed.region_claim', known_at=FOREVER)}",
        f"COMMENT ON VIEW observed.region_claim_all IS '{meaning}'",
        f"CREATE OR REPLACE MACRO region_claim_all_known(known_at := {FOREVER}) AS TABLE "
        f"{select.format(claims='region_claim_known(known_at := known_at)', known_at=instant('known_at'))}",
        "COMMENT ON MACRO TABLE region_claim_all_known IS 'observed.region_claim_all as this warehouse knew it at known_at; what is typed is as it stands today.'",
    ]


def price_change_views() -> list[str]:
    """Changes of prices: as a view of today's knowledge and as a macro for earlier knowledge."""
    select = _read("price_change.sql")
    subjects = ("cloud_rate", "token_price", "gpu_price")
    now = select.format(**{subject: f"observed.{subject}" for subject in subjects})
    known = select.format(**{subject: f"{subject}_known(known_at := known_at)" for subject in subjects})
    meaning = (
        "Every change of a price to rent, to buy or per token: old, new, per cent, when, by which source and capture. "
        "Announced changes have a date to come."
    )
    return [
        f"CREATE OR REPLACE VIEW observed.price_change AS {now}",
        f"COMMENT ON VIEW observed.price_change IS '{meaning}'",
        f"CREATE OR REPLACE MACRO price_change_known(known_at := {FOREVER}) AS TABLE {known}",
        "COMMENT ON MACRO TABLE price_change_known IS 'observed.price_change as this warehouse knew it at known_at.'",
    ]


def lookup_statements() -> list[str]:
    """What a look-up needs beside the formulas: ends of slots, preferred sources and boundaries, the country of a place."""
    return [s for name in ("slot.sql", "preferred_source.sql", "country_in_name.sql") for s in _statements(_read(name))]


def scripts() -> list[str]:
    """All SQL of `assets/observed`, in order of dependence: exchange rates come before what is converted by them."""
    views = _statements(_read("views.sql"))
    usd_rate, rest = views[:4], views[4:]
    return [
        f"CREATE OR REPLACE MACRO _instant(given) AS {instant('given')}",
        "COMMENT ON MACRO _instant IS 'What is given as an instant; a day begins at midnight UTC, whatever the time zone of the session.'",
        *lookup_statements(),
        *_statements(_read("accelerator_key.sql")),
        *_statements(_read("accelerator_by_name.sql")),
        *_statements(_read("model_key.sql")),
        *_statements(_read("model_name.sql")),
        *subject_views(EXCHANGE_RATE),
        *usd_rate,
        *(statement for subject in SUBJECTS if subject is not EXCHANGE_RATE for statement in subject_views(subject)),
        *rest,
        *_statements(_read("source_rank.sql")),
        *offer_views(),
        *price_change_views(),
        *region_claim_views(),
        *_statements(_read("disagreement.sql")),
    ]


def _statements(script: str) -> list[str]:
    """Statements of a script, each of which ends with a semicolon at the end of a line."""
    return [s.strip() for s in script.split(";\n") if s.strip()]
