"""Checks on every observed table, run when it is materialised; a failed check says what is wrong."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg
import duckdb

from assets.marks import mark_of, set_mark
from assets.observed.views import rates_today
from assets.sources import all_sources
from assets.subjects import GPU_HOUR_BOUNDS_USD
from warehouse.quoting import quoted
from warehouse.tables import Subject, duckdb_type


def check_result(
    name: str, severity: dg.AssetCheckSeverity, passed: bool, found: dict[str, Any]
) -> dg.AssetCheckResult:
    """A check result; its description names the findings if it failed."""
    wrong = [
        f"{key.replace('_', ' ')}: {_in_short(value)}" for key, value in found.items() if value not in (0, [], {}, "")
    ]
    metadata = {key: _listed(value) if isinstance(value, list | dict) else value for key, value in found.items()}
    return dg.AssetCheckResult(
        check_name=name,
        passed=passed,
        severity=severity,
        metadata=metadata,
        description=None if passed else "; ".join(wrong) or "failed",
    )


def _in_short(value: Any) -> str:
    if not isinstance(value, list | dict):
        return str(value)
    first = f"{next(iter(value.items()))[0]}: {next(iter(value.values()))}" if isinstance(value, dict) else value[0]
    return str(first) if len(value) == 1 else f"{len(value)}, first {first}"


def _listed(value: list[Any] | dict[str, Any]) -> str:
    """Entries in one line of plain text, which the UI shows without a click and does not interpret as markup."""
    entries = [f"{k}: {v}" for k, v in value.items()] if isinstance(value, dict) else [str(v) for v in value]
    return "; ".join(entries) or "none"


@dataclass(frozen=True)
class Check:
    """A check: what it asserts, the severity of its failure, the function that computes it, and where it applies."""

    description: str
    severity: dg.AssetCheckSeverity
    run: Callable[[duckdb.DuckDBPyConnection, Subject], tuple[bool, dict]]
    #: Subjects that it can fail on; None: all of them.
    subjects: frozenset[str] | None = None


def _columns_as_declared(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    schema, table = subject.log_name.split(".")
    found = dict(
        con.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "AND database_name = current_database()",
            [schema, table],
        ).fetchall()
    )
    declared = {
        n: duckdb_type(c).replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE") for n, c in subject.log_columns().items()
    }
    wrong = {n: f"{found.get(n)} instead of {t}" for n, t in declared.items() if found.get(n) != t}
    return not wrong, {"wrong_columns": wrong}


def _values_in_bounds(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    terms = []
    for name, column in subject.columns.columns().items():
        for bound, operator in (("min", "<"), ("min_exclusive", "<="), ("max", ">"), ("max_exclusive", ">=")):
            limit = getattr(column, bound, None)
            if isinstance(limit, int | float):
                terms.append(f"{quoted(name)} {operator} {limit!r}")
        if not column.nullable or name in subject.keys:
            terms.append(f"{quoted(name)} IS NULL")
    bad = _count_of_new(
        con,
        subject,
        "values_in_bounds",
        " OR ".join(terms),
        f"SELECT 1 FROM {{}} WHERE is_offered AND ({' OR '.join(terms)})",
    )
    details = {"rows_out_of_bounds": bad}
    if subject.name == "cloud_rate":
        low, _, high = GPU_HOUR_BOUNDS_USD
        rates = con.execute(
            "SELECT count(*) FROM observed.cloud_rate WHERE purchase_option = 'on_demand' "
            f"AND price_usd_per_gpu_hour NOT BETWEEN {low} AND {high}"
        ).fetchall()[0][0]
        details[f"on_demand_gpu_hours_outside_{low}_to_{high:.0f}_usd"] = rates
        bad += rates
    return bad == 0, details


def _keys_unique(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    keys = ", ".join(
        quoted(c)
        for c in ("source_id", "scope", *subject.keys, "valid_from", "observed_at", "capture_id", "recorded_at")
    )
    # Assertions of two captures differ by their recorded_at, so that those of one are compared with each other only.
    twice = _count_of_new(con, subject, "keys_unique", keys, f"SELECT 1 FROM {{}} GROUP BY {keys} HAVING count(*) > 1")
    return twice == 0, {"keys_that_occur_twice": twice}


def _count_of_new(con: duckdb.DuckDBPyConnection, subject: Subject, check: str, rule: str, select: str) -> int:
    """The number of faults in the rows of the log that were recorded since there were none.

    Earlier rows are not read again: rows of the log never change.

    Args:
        con: connection of a write session.
        subject: the log.
        check: name of the check.
        rule: what it looks for; if it is another than before, the whole log is read.
        select: SELECT that gives a row for each fault; `{}` stands for the new rows of the log.
    """
    mark, rule = f"check.{subject.log_name}.{check}", hashlib.sha256(rule.encode()).hexdigest()
    checked, since = mark_of(con, mark)
    known = con.execute(f"SELECT coalesce(epoch_us(max(recorded_at)), 0) FROM {subject.log_name}").fetchall()[0][0]
    new = f"(FROM {subject.log_name} WHERE recorded_at > make_timestamptz({since if checked == rule else 0}))"
    found = con.execute(f"SELECT count(*) FROM ({select.format(new)})").fetchall()[0][0]
    if found == 0 and (checked, since) != (rule, known):
        set_mark(con, mark, rule, known)
    return found


def _sources_fresh(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    ages = dict(
        con.execute(
            "SELECT source_id, epoch(age) / 86400 FROM meta.source_status WHERE subject = ? AND NOT is_bundled "
            "AND last_good_at IS NOT NULL",
            [subject.name],
        ).fetchall()
    )
    stale = {
        s: f"{age:.1f} days old"
        for s, age in ages.items()
        if (known := all_sources().get(s)) and age > known.stale_after_days
    }
    return not stale, {"stale_sources": stale, "never_read": _never_read(con, subject)}


def _sources_change(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    """Detects a source that answers, but stands still: a file that was moved, a mirror that is no longer fed."""
    unchanged = con.execute(
        "SELECT source_id, epoch(unchanged_for) / 86400 FROM meta.source_status WHERE subject = ? AND NOT is_bundled",
        [subject.name],
    ).fetchall()
    still = {
        s: f"nothing new for {days:.0f} days, expected within {known.changes_within_days:g}"
        for s, days in unchanged
        if (known := all_sources().get(s)) and known.stands_still(days)
    }
    return not still, {"sources_that_stand_still": still}


def _never_read(con: duckdb.DuckDBPyConnection, subject: Subject) -> list[str]:
    return [
        r[0]
        for r in con.execute(
            "SELECT source_id FROM meta.source_status WHERE subject = ? AND last_good_at IS NULL", [subject.name]
        ).fetchall()
    ]


def _row_count_steady(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    dropped = con.execute(
        "SELECT source_id || '/' || scope || ': ' || before || ' -> ' || row_count FROM ("
        "SELECT *, lag(row_count) OVER (PARTITION BY source_id, scope ORDER BY observed_at) AS before, "
        "row_number() OVER (PARTITION BY source_id, scope ORDER BY observed_at DESC) AS age FROM meta.snapshot "
        "WHERE subject = ? AND is_complete) WHERE age = 1 AND row_count < 0.8 * before",
        [subject.name],
    ).fetchall()
    return not dropped, {"scopes_that_shrank_by_a_fifth": [d[0] for d in dropped]}


def _no_rows_refused(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    reasons = con.execute(
        """
        SELECT reason, count(*) FROM meta.rejected_row
        WHERE subject = ? AND batch_id IN (
            SELECT batch_id FROM meta.capture
            QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY load_number DESC) = 1)
        GROUP BY ALL ORDER BY 2 DESC LIMIT 10
        """,
        [subject.name],
    ).fetchall()
    return not reasons, {"refused_rows": sum(n for _, n in reasons), "reasons": dict(reasons)}


def _no_fuel_missing(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    """Zones whose newest slots are refused because a fuel is missing; see `assets.observed.zone_fuel`."""
    zones = con.execute(
        """
        WITH refused AS (
            SELECT source_id, json_extract_string(row_json, '$.zone') AS zone,
                json_extract_string(row_json, '$.missing') AS missing, max(recorded_at) AS refused_at
            FROM meta.rejected_row
            WHERE subject = ? AND recorded_at > now() - INTERVAL 7 DAY
                AND json_extract_string(row_json, '$.missing') IS NOT NULL
            GROUP BY ALL)
        SELECT source_id || ' ' || zone || ': ' || missing FROM refused r
        WHERE NOT EXISTS (
            FROM observed.grid_carbon_log l
            WHERE l.source_id = r.source_id AND l.zone = r.zone AND l.recorded_at > r.refused_at)
        ORDER BY 1 LIMIT 20
        """,
        [subject.name],
    ).fetchall()
    return not zones, {"zones_without_a_fuel_that_they_had": [z[0] for z in zones]}


#: A price change by more than this factor is more likely an error of units than a change in the market.
JUMP = 30
#: A rate this many times below or above the median of its accelerator is more likely an error (of the count, the unit,
#: or a missing host) than an offer.
FAR_BELOW, FAR_ABOVE = 15, 6

_PRICE = {"cloud_rate": "price_amount_per_hour", "token_price": "price_usd_per_mtok", "gpu_price": "price_amount"}


def _no_unit_jumps(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    """Detects cents for dollars, a month for an hour or 1,000 for a million in the latest rows of each source."""
    price, keys = _PRICE[subject.name], ", ".join(quoted(k) for k in ("source_id", "scope", *subject.keys))
    currency = ", currency_code" if "currency_code" in subject.columns.column_names() else ""
    # Only offers that the latest rows are about are put in order: by a hash, so that one column is compared.
    jumps = con.execute(
        f"""
        WITH word AS (SELECT *, hash({keys}) AS _key FROM {subject.log_name} WHERE is_offered),
        latest AS (SELECT source_id, max(recorded_at) AS recorded_at FROM word GROUP BY ALL),
        asked AS (SELECT _key FROM word SEMI JOIN latest USING (source_id, recorded_at))
        SELECT count(*), min(concat_ws('/', {keys}) || ': ' || before || ' -> ' || price)
        FROM (
            SELECT *, {price} AS price,
                lag({price}) OVER (PARTITION BY {keys}{currency} ORDER BY valid_from, observed_at, recorded_at) AS before
            FROM word SEMI JOIN asked USING (_key))
        SEMI JOIN latest USING (source_id, recorded_at)
        WHERE before > 0 AND price > 0 AND (price > {JUMP} * before OR before > {JUMP} * price)
        """
    ).fetchall()[0]
    return jumps[0] == 0, {"jumps": jumps[0], "first": jumps[1] or ""}


def _rates_agree(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    """Dispatches to the comparison of the subject."""
    return _token_prices_agree(con) if subject.name == "token_price" else _cloud_rates_agree(con)


def _token_prices_agree(con: duckdb.DuckDBPyConnection) -> tuple[bool, dict]:
    """Detects prices per thousand for per million tokens, a misplaced comma, or the price of another model."""
    slips = con.execute(
        """
        SELECT concat_ws('/', vendor_id, model_listing(model), direction, nullif(service_tier, 'standard'),
                nullif(region, 'global')) || ': '
            || min(price_usd_per_mtok) || ' (' || arg_min(source_id, price_usd_per_mtok) || ') to '
            || max(price_usd_per_mtok) || ' (' || arg_max(source_id, price_usd_per_mtok) || ')'
        FROM observed.token_price WHERE valid_to IS NULL
        GROUP BY vendor_id, model_listing(model), direction, service_tier, context_tier_from_tokens, time_window, region
        HAVING count(DISTINCT source_id) > 1 AND far_apart(min(price_usd_per_mtok), max(price_usd_per_mtok))
        ORDER BY 1 LIMIT 20
        """
    ).fetchall()
    return not slips, {"sources_eightfold_apart": [s[0] for s in slips]}


def _cloud_rates_agree(con: duckdb.DuckDBPyConnection) -> tuple[bool, dict]:
    """Detects a wrong count of accelerators, a price without host or without accelerator, or one price for all sizes."""
    # Both read the rates of today, which follow from the whole log: it is read once for the two.
    apart, flat = con.execute(
        f"""
        WITH today AS MATERIALIZED (
            SELECT source_id, provider, region, instance_type, purchase_option, price_component, offer_variant,
                accelerator_id, accelerator_name, accelerator_memory_gib, accelerator_count, price_amount_per_hour,
                price_usd_per_gpu_hour
            FROM {rates_today(con)} WHERE valid_to IS NULL),
        rate AS (
            SELECT * FROM today
            WHERE purchase_option = 'on_demand' AND accelerator_id IS NOT NULL AND price_usd_per_gpu_hour IS NOT NULL),
        usual AS (
            SELECT accelerator_id, median(price_usd_per_gpu_hour) AS usual FROM rate
            GROUP BY ALL HAVING count(DISTINCT provider) >= 3),
        apart AS (
            SELECT concat_ws('/', provider, region, instance_type, price_component) || ': '
                || printf('%.3g', price_usd_per_gpu_hour) || ' USD per GPU-hour of ' || accelerator_id
                || ', usual is ' || printf('%.3g', usual) AS line
            FROM rate JOIN usual USING (accelerator_id)
            WHERE price_usd_per_gpu_hour NOT BETWEEN usual / {FAR_BELOW} AND usual * {FAR_ABOVE} ORDER BY 1 LIMIT 20),
        flat AS (
            SELECT concat_ws('/', provider, region, accelerator_name) || ': ' || min(price_amount_per_hour) || ' for '
                || min(accelerator_count) || ' to ' || max(accelerator_count) || ' accelerators' AS line
            FROM today WHERE price_component = 'instance'
            GROUP BY provider, region, accelerator_name, accelerator_memory_gib, purchase_option, offer_variant,
                source_id
            HAVING count(DISTINCT accelerator_count) >= 3 AND count(DISTINCT price_amount_per_hour) = 1
            ORDER BY 1 LIMIT 20)
        SELECT (SELECT coalesce(list(line ORDER BY line), []) FROM apart),
            (SELECT coalesce(list(line ORDER BY line), []) FROM flat)
        """
    ).fetchall()[0]
    return not apart and not flat, {
        "far_from_the_median_of_the_accelerator": apart,
        "one_price_for_all_sizes": flat,
    }


_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN

CHECKS: dict[str, Check] = {
    "columns_as_declared": Check("The log has the declared columns and types.", _ERROR, _columns_as_declared),
    "values_in_bounds": Check("No value breaks its declared bounds.", _ERROR, _values_in_bounds),
    "keys_unique": Check("No assertion is in the log twice.", _ERROR, _keys_unique),
    "sources_fresh": Check("No source that was ever read is older than its limit.", _WARN, _sources_fresh),
    "sources_change": Check(
        "No source that is read by schedule said the same for longer than it is expected to.",
        _WARN,
        _sources_change,
        frozenset(s.subject for s in all_sources().values() if s.changes_within_days is not None),
    ),
    "row_count_steady": Check("No complete answer shrank by a fifth.", _WARN, _row_count_steady),
    "no_unit_jumps": Check(
        "No price of the latest assertions changed by a factor that suggests an error of units.",
        _WARN,
        _no_unit_jumps,
        frozenset(_PRICE),
    ),
    "rates_agree": Check(
        "No rate is far from the others of its accelerator or the same for all sizes; no token price differs eightfold from "
        "that of another source.",
        _WARN,
        _rates_agree,
        frozenset({"cloud_rate", "token_price"}),
    ),
    "no_fuel_missing": Check(
        "No zone lacks a fuel that earlier answers had, unless it is listed as closed.",
        _WARN,
        _no_fuel_missing,
        frozenset({"grid_carbon"}),
    ),
    "no_rows_refused": Check("No row of the latest captures was refused.", _WARN, _no_rows_refused),
}


def checks_of(subject: str) -> dict[str, Check]:
    """The checks of a subject by name: one that cannot fail there is no check of it."""
    return {name: check for name, check in CHECKS.items() if check.subjects is None or subject in check.subjects}


def run_checks(con: duckdb.DuckDBPyConnection, subject: Subject) -> list[dg.AssetCheckResult]:
    """All checks of one subject, in the write session that holds the data."""
    results = []
    for name, check in checks_of(subject.name).items():
        passed, found = check.run(con, subject)
        results.append(check_result(name, check.severity, passed, found))
    return results
