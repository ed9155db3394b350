"""Checks on every observed table: run with the data, readable when red."""

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg
import duckdb

from assets.subjects import GPU_HOUR_BOUNDS_USD
from warehouse.tables import Subject, duckdb_type, quoted


@dataclass(frozen=True)
class Check:
    """A check: what it promises, how bad its failure is, and how it is computed."""

    description: str
    severity: dg.AssetCheckSeverity
    run: Callable[[duckdb.DuckDBPyConnection, Subject], tuple[bool, dict]]


def _columns_as_declared(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    schema, table = subject.log_name.split(".")
    found = dict(
        con.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "AND database_name = current_database()", [schema, table]
        ).fetchall()
    )
    declared = {n: duckdb_type(c).replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE") for n, c in subject.log_columns().items()}
    wrong = {n: f"{found.get(n)} instead of {t}" for n, t in declared.items() if found.get(n) != t}
    return not wrong, {"wrong_columns": str(wrong or "none")}


def _values_in_bounds(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    terms = []
    for name, column in subject.columns.columns().items():
        for bound, operator in (("min", "<"), ("min_exclusive", "<="), ("max", ">"), ("max_exclusive", ">=")):
            limit = getattr(column, bound, None)
            if isinstance(limit, int | float):
                terms.append(f"{quoted(name)} {operator} {limit!r}")
        if not column.nullable and name not in subject.keys:
            terms.append(f"{quoted(name)} IS NULL")
        if name in subject.keys:
            terms.append(f"{quoted(name)} IS NULL")
    bad = con.execute(f"SELECT count(*) FROM {subject.log_name} WHERE is_offered AND ({' OR '.join(terms)})").fetchall()[0][0]
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
    keys = ", ".join(quoted(c) for c in ("source_id", "scope", *subject.keys, "valid_from", "observed_at", "capture_id", "recorded_at"))
    twice = con.execute(f"SELECT count(*) FROM (SELECT 1 FROM {subject.log_name} GROUP BY {keys} HAVING count(*) > 1)").fetchall()[0][0]
    return twice == 0, {"keys_that_occur_twice": twice}


def _sources_fresh(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    from assets.sources import all_sources

    ages = dict(
        con.execute(
            "SELECT source_id, epoch(age) / 86400 FROM meta.source_status WHERE subject = ? AND NOT is_bundled "
            "AND last_good_at IS NOT NULL", [subject.name]
        ).fetchall()
    )
    stale = {s: f"{age:.1f} days old" for s, age in ages.items() if (known := all_sources().get(s)) and age > known.stale_after_days}
    return not stale, {"stale_sources": str(stale or "none"), "never_read": str(_never_read(con, subject) or "none")}


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
        "WHERE subject = ? AND is_complete) WHERE age = 1 AND row_count < 0.8 * before", [subject.name]
    ).fetchall()
    return not dropped, {"scopes_that_shrank_by_a_fifth": str([d[0] for d in dropped] or "none")}


def _no_rows_refused(con: duckdb.DuckDBPyConnection, subject: Subject) -> tuple[bool, dict]:
    reasons = con.execute(
        "SELECT reason, count(*) FROM meta.rejected_row WHERE subject = ? AND batch_id IN (SELECT batch_id FROM meta.capture "
        "QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY load_number DESC) = 1) GROUP BY ALL ORDER BY 2 DESC LIMIT 10",
        [subject.name],
    ).fetchall()
    return not reasons, {"refused_rows": sum(n for _, n in reasons), "reasons": str(dict(reasons) or "none")}


_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN

CHECKS: dict[str, Check] = {
    "columns_as_declared": Check("The log has the declared columns and types.", _ERROR, _columns_as_declared),
    "values_in_bounds": Check("No value breaks its declared bounds.", _ERROR, _values_in_bounds),
    "keys_unique": Check("No word stands twice in the log.", _ERROR, _keys_unique),
    "sources_fresh": Check("No source that was ever read is older than its limit.", _WARN, _sources_fresh),
    "row_count_steady": Check("No complete answer shrank by a fifth.", _WARN, _row_count_steady),
    "no_rows_refused": Check("The last captures had no row that was refused.", _WARN, _no_rows_refused),
}


def run_checks(con: duckdb.DuckDBPyConnection, subject: Subject) -> list[dg.AssetCheckResult]:
    """All checks of one subject, in the write session that holds the data."""
    results = []
    for name, check in CHECKS.items():
        passed, metadata = check.run(con, subject)
        results.append(dg.AssetCheckResult(check_name=name, passed=passed, severity=check.severity, metadata=metadata))
    return results
