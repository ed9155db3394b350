"""Export: every table as Parquet with a Frictionless datapackage.json, and cost rows in the shape of FOCUS."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from assets.published.dictionary import Column, Described, describe
from warehouse.connection import read_published
from warehouse.errors import PetadayError
from warehouse.home import Home
from warehouse.quoting import literal, quoted

PACKAGE = "datapackage.json"
FOCUS = "focus_cost_and_usage"

_TYPES = {
    "VARCHAR": "string",
    "DOUBLE": "number",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "datetime",
}
#: What a spreadsheet takes for a formula, after any blanks that it ignores.
_FORMULA = r"^\s*[=+\-@\t\r\n|%]"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    path: Path
    table_count: int
    row_count: int
    byte_count: int


def guarded(column: str) -> str:
    """SQL of a text column with an apostrophe before what a spreadsheet would run."""
    name = quoted(column)
    return f"CASE WHEN regexp_matches({name}, '{_FORMULA}') THEN '''' || {name} ELSE {name} END AS {name}"


def _selected(columns: Sequence[Column], *, is_guarded: bool) -> str:
    """The select list: intervals in seconds, text guarded for CSV."""
    parts = []
    for column in columns:
        name = quoted(column.name)
        if column.type == "INTERVAL":
            parts.append(f"epoch({name}) AS {name}")
        elif is_guarded and column.type not in _TYPES:
            parts.append(f"to_json({name})::VARCHAR AS {name}")
        elif is_guarded and column.type == "VARCHAR":
            parts.append(guarded(column.name))
        else:
            parts.append(name)
    return ", ".join(parts)


def _fields(columns: Sequence[Column]) -> list[dict[str, Any]]:
    fields = []
    for column in columns:
        kind = (
            "number"
            if column.type == "INTERVAL"
            else _TYPES.get(column.type, "array" if column.type.endswith("[]") else "any")
        )
        field = {"name": column.name, "type": kind, "description": column.meaning}
        unit = "s" if column.type == "INTERVAL" else column.unit
        fields.append({k: v for k, v in (field | {"unit": unit}).items() if v})
    return fields


def _write(con: duckdb.DuckDBPyConnection, query: str, path: Path, style: str) -> int:
    options = "FORMAT parquet, COMPRESSION zstd" if style == "parquet" else "FORMAT csv, HEADER true"
    return con.execute(f"COPY ({query}) TO {literal(str(path))} ({options})").fetchall()[0][0]


def _resource(path: Path, table: Described, count: int, style: str) -> dict[str, Any]:
    body = path.read_bytes()
    resource: dict[str, Any] = {
        "name": table.full_name if style == "parquet" else f"{table.full_name}-csv",
        "path": path.name,
        "format": style,
        "mediatype": "application/vnd.apache.parquet" if style == "parquet" else "text/csv",
        "bytes": len(body),
        "hash": f"sha256:{hashlib.sha256(body).hexdigest()}",
        "rowCount": count,
        "description": table.meaning,
        "schema": {"fields": _fields(table.columns)},
    }
    if style == "csv":
        resource["encoding"] = "utf-8"
        resource["profile"] = "tabular-data-resource"
    return resource


def focus_query() -> str:
    """SQL of the cost rows."""
    return resources.files("assets.published").joinpath("focus.sql").read_text(encoding="utf-8")


def _focus(con: duckdb.DuckDBPyConnection) -> Described:
    columns = con.execute(f"DESCRIBE {focus_query()}").fetchall()
    meaning = (
        "Cost rows in the shape of FOCUS 1.0: one hour of every offer in force, and one row per training estimate. Nothing was billed; "
        "columns with x_ are Petaday's: band, energy, carbon, passport."
    )
    units = {
        "BilledCost": "USD",
        "EffectiveCost": "USD",
        "ListCost": "USD",
        "ContractedCost": "USD",
        "ListUnitPrice": "USD",
        "x_CostLow": "USD",
        "x_CostHigh": "USD",
        "x_GpuHours": "GPU-hour",
        "x_EnergyKwh": "kWh",
        "x_OperationalKgCo2e": "kgCO2e",
        "x_OperationalKgCo2eLow": "kgCO2e",
        "x_OperationalKgCo2eHigh": "kgCO2e",
    }
    return Described(
        "cost", FOCUS, "table", meaning, tuple(Column(c[0], c[1], "", units.get(c[0], "")) for c in columns)
    )


def _package(con: duckdb.DuckDBPyConnection, listed: list[dict[str, Any]]) -> dict[str, Any]:
    number, moment = con.execute(
        "SELECT publication_number, published_at FROM meta.publication ORDER BY 1 DESC LIMIT 1"
    ).fetchall()[0]
    sources = con.execute(
        "SELECT title, homepage_url, source_id, licence, licence_url, attribution FROM meta.source "
        "WHERE source_id IN (SELECT source_id FROM meta.snapshot) ORDER BY source_id"
    ).fetchall()
    return {
        "profile": "data-package",
        "name": "petaday",
        "title": "Petaday: what AI compute costs in money, energy and carbon",
        "version": f"1.0.{number}",
        "created": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "description": "The data keeps the terms of its publishers, listed under sources; there is no licence over all of it.",
        "sources": [
            {
                k: v
                for k, v in {
                    "title": t,
                    "path": u,
                    "name": s,
                    "licence": lic,
                    "licencePath": lu,
                    "attribution": a,
                }.items()
                if v
            }
            for t, u, s, lic, lu, a in sources
        ],
        "resources": listed,
    }


def export(home: Home, folder: Path, *, has_csv: bool = False) -> Exported:
    """Write every table and view of the published file into `folder`, each file whole or not at all.

    Raises:
        PetadayError: if the folder holds something that is no export.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / PACKAGE).exists():
        raise PetadayError(f"{folder} is not empty and holds no earlier export: name another folder")
    listed: list[dict[str, Any]] = []
    with read_published(home) as con:
        found = [(t, f"FROM {t.schema}.{quoted(t.name)}") for t in describe(con)]
        focus = _focus(con)
        found.append((focus, f"FROM ({focus_query()})"))
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as scratch:
            for table, relation in found:
                for style in ("parquet", "csv") if has_csv else ("parquet",):
                    path = Path(scratch) / f"{table.full_name if table.schema != 'cost' else table.name}.{style}"
                    count = _write(
                        con, f"SELECT {_selected(table.columns, is_guarded=style == 'csv')} {relation}", path, style
                    )
                    listed.append(_resource(path, table, count, style))
            package = Path(scratch) / PACKAGE
            package.write_text(json.dumps(_package(con, listed), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            for path in sorted(Path(scratch).iterdir(), key=lambda p: p.name == PACKAGE):
                path.replace(folder / path.name)
    parquet = [r for r in listed if r["format"] == "parquet"]
    return Exported(folder, len(parquet), sum(r["rowCount"] for r in parquet), sum(r["bytes"] for r in listed))
