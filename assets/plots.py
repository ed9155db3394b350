"""Small plots in the metadata of assets, for the Dagster UI. A plot that fails is left out and is never an error."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

#: At least this many points make a line.
FEWEST_POINTS = 2

#: The GPU-hour index on demand of the accelerators that most providers offer: the latest chain, at each month's end.
PRICE_INDEX = """
    WITH latest AS (
        SELECT * FROM estimated.price_index WHERE purchase_option = 'on_demand'
        QUALIFY chain_number = max(chain_number) OVER (PARTITION BY accelerator_id, method_version)),
    chosen AS (
        SELECT accelerator_id FROM latest
        GROUP BY 1 ORDER BY max_by(provider_count, index_on) DESC, count(*) DESC, 1 LIMIT 6)
    SELECT strftime(max(index_on), '%Y-%m-%d') AS x,
        max_by(index_usd_per_gpu_hour, (index_on, method_version)) AS y, accelerator_id AS series
    FROM latest SEMI JOIN chosen USING (accelerator_id)
    GROUP BY accelerator_id, date_trunc('month', index_on) ORDER BY series, x
"""
#: Mean by hour of the day over the newest year of each zone with hourly or finer observations. The source for each zone
#: is chosen from the log, so that slots are only assembled for the zones that are drawn.
CARBON_BY_HOUR = """
    WITH speaker AS (
        SELECT zone, source_id, basis_boundary, max(valid_from) AS newest_at FROM observed.grid_carbon_log
        WHERE is_hourly(resolution) AND basis_method = 'average'
            AND basis_accounting = 'location' AND basis_kind = 'actual' AND is_offered
        GROUP BY zone, source_id, basis_boundary
        QUALIFY row_number() OVER (PARTITION BY zone
            ORDER BY _boundary_rank(basis_boundary), newest_at DESC, source_id) = 1),
    chosen AS (FROM speaker ORDER BY newest_at DESC, zone LIMIT 8)
    SELECT hour(h.valid_from) AS x, avg(h.intensity_gco2e_per_kwh) AS y, h.zone || ', ' || h.basis_boundary AS series
    FROM observed.grid_carbon h
    JOIN chosen c ON c.zone = h.zone AND c.source_id = h.source_id AND c.basis_boundary = h.basis_boundary
        AND h.valid_from > c.newest_at - INTERVAL 365 DAY
    WHERE is_hourly(h.resolution) AND h.basis_method = 'average'
        AND h.basis_accounting = 'location' AND h.basis_kind = 'actual'
    GROUP BY h.zone, h.basis_boundary, x ORDER BY series, x
"""
#: Yearly means of a few large grids and the world, if no hourly observations exist.
CARBON_BY_YEAR = """
    SELECT strftime(valid_from, '%Y-%m-%d') AS x, intensity_gco2e_per_kwh AS y, zone AS series FROM observed.grid_carbon
    WHERE zone IN ('WORLD', 'US', 'CN', 'IN', 'DE', 'FR', 'GB', 'JP') AND resolution = 'P1Y' AND basis_method = 'average'
        AND basis_boundary = 'lifecycle' AND basis_accounting = 'location' AND basis_kind = 'actual'
    QUALIFY row_number() OVER (PARTITION BY zone, valid_from ORDER BY source_id) = 1 ORDER BY series, x
"""


def points(context: dg.AssetExecutionContext, con: duckdb.DuckDBPyConnection, *queries: str) -> list[dict[str, Any]]:
    """Points of the first query that returns enough of them; [] if none does.

    Args:
        context: logs a failure.
        con: a session for the queries.
        queries: SQL with columns x (a date, or an hour of the day as a number), y and series.
    """
    try:
        for query in queries:
            cursor = con.execute(query)
            columns = [c[0] for c in cursor.description or []]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            if len(rows) >= FEWEST_POINTS:
                return rows
    except Exception as e:  # noqa: BLE001 - a plot is left out, whatever is wrong with it
        context.log.warning(f"no points to plot: {e}")
    return []


def lines(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, rows: Sequence[Mapping[str, Any]], name: str, unit: str
) -> dict[str, dg.MetadataValue]:
    """Metadata entry `name` with a chart of one line per series; {} without points.

    Drawing takes a second or two, so it is done after the write session, which would block other writers, and only
    where the points differ from those of the latest materialization.

    Args:
        context: logs a failure, and knows what was materialized before.
        asset: whose metadata it is for.
        rows: what `points` returned.
        name: key of the metadata entry.
        unit: title of the vertical axis.
    """
    if not rows:
        return {}
    try:
        spec = json.dumps(_spec(rows, unit))
        # The title of the image says which data it was drawn from.
        beginning = f"![{name}](data:image/png;base64,"
        end = f' "{hashlib.sha256(spec.encode()).hexdigest()[:16]}")'
        before = _entry_before(context, asset, name)
        if before.startswith(beginning) and before.endswith(end):
            return {name: dg.MetadataValue.md(before)}
        return {name: dg.MetadataValue.md(f"{beginning}{_drawn(spec)}{end}")}
    except Exception as e:  # noqa: BLE001 - the same
        context.log.warning(f"no plot {name}: {e}")
    return {}


def _entry_before(context: dg.AssetExecutionContext, asset: dg.AssetKey, name: str) -> str:
    """The Markdown of a metadata entry of the latest materialization; '' if there is none."""
    latest = context.instance.get_latest_materialization_event(asset)
    made = latest.asset_materialization if latest else None
    entry = made.metadata.get(name) if made else None
    return (entry.md_str or "") if isinstance(entry, dg.MarkdownMetadataValue) else ""


def _spec(rows: Sequence[Mapping[str, Any]], unit: str) -> dict[str, Any]:
    """A line chart in Vega-Lite."""
    is_hour = isinstance(rows[0]["x"], int)
    across = {
        "field": "x",
        "type": "quantitative" if is_hour else "temporal",
        "title": "hour of the day, UTC" if is_hour else None,
        "axis": {"grid": False, "format": "d" if is_hour else "%Y-%m", "tickCount": 8},
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": [dict(row) for row in rows]},
        "width": 560,
        "height": 260,
        "mark": {"type": "line", "point": {"size": 14}},
        "encoding": {
            "x": across,
            "y": {"field": "y", "type": "quantitative", "title": unit, "scale": {"zero": True}},
            "color": {"field": "series", "type": "nominal", "title": None, "legend": {"labelLimit": 260}},
        },
        "config": {"background": "white", "view": {"stroke": None}},
    }


def _drawn(spec: str) -> str:
    """A PNG in Base64 of a chart in Vega-Lite."""
    import vl_convert

    drawn = vl_convert.vegalite_to_png(spec, scale=1.25, allowed_base_urls=[])
    return base64.b64encode(drawn).decode()
