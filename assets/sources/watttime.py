"""WattTime: marginal operating emissions rate (MOER), the plant that reacts to one more kWh.

Marginal, never to be mixed with averages. Quirks: pounds of CO2 per MWh (x 0.45359237 = g/kWh). Files kept by hand have
a column named after the region and a naive UTC time `oootime`, and state no unit; some were already converted to g/kWh.
The numbers tell which: WattTime publishes whole pounds (or tenths), and 425.01605069 is 937 x 0.45359237. Numbers of
neither kind are refused, as is another signal (health damage, average) or unit. The rate is modelled and therefore
`estimated`, or a `forecast` where the answer says when it was generated; a new model date rewrites history. A MOER
counts operation only: `direct`. The zone is WattTime's own region id (CAISO_NORTH is a part of US-CAL-CISO). A token
lasts 30 minutes, so every run begins with a login: set WATTTIME_LOGIN to user:password. The free plan has CAISO_NORTH
only.
"""

from __future__ import annotations

import base64
import datetime as dt
import os
import re
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    csv_rows,
    json_of,
    plain_extension,
    refused,
    to_instant,
)
from assets.sources._clock import length_of
from assets.sources._rows import frame_of, grid_carbon_rows
from warehouse.captures import Document

HOST = "api.watttime.org"
KEY = "WATTTIME_LOGIN"
REGION = "CAISO_NORTH"
GRAMS_PER_KWH_OF_POUNDS_PER_MWH = 0.45359237
_UNIT = "lbs_co2_per_mwh"
#: How files kept by hand name their time column, and what a region id looks like (a column `value` names no region).
_TIMES = ("oootime", "point_time", "datetime", "timestamp")
_REGION = re.compile(r"(?!(?:value|price|moer|carbon|intensity)$)[A-Z0-9]+(?:_[A-Z0-9]+)*", re.IGNORECASE)
_RESOLUTIONS = {300: "PT5M", 900: "PT15M", 1800: "PT30M", 3600: "PT1H"}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The login; `expand` makes the requests for data with its token."""
    login = base64.b64encode(os.environ[KEY].encode()).decode()
    yield [Request(f"https://{HOST}/login", secret_headers={"Authorization": f"Basic {login}"}, is_index=True)]


def expand(document: Document, window: Window) -> Iterable[Sequence[Request]]:
    """The days of the window in parts of 31 (the API allows 32); the last two if none is given.

    Raises:
        LayoutError: if the login answers without a token.
    """
    answer = json_of(document)
    token = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise LayoutError(f"{document.url}: the login answered without a token")
    for first, last in window.spans(31, default_days=2):
        params = {
            "region": REGION,
            "signal_type": "co2_moer",
            "start": f"{first}T00:00Z",
            "end": f"{last + dt.timedelta(days=1)}T00:00Z",
        }
        bearer = {"Authorization": f"Bearer {token}"}
        yield [Request(f"https://{HOST}/v3/historical", params=params, secret_headers=bearer)]


def _grams_per_unit(document: Document, values: pl.Series) -> float:
    """Factor to g/kWh of values without a unit: pounds per MWh, or pounds that were already converted to g/kWh.

    Raises:
        LayoutError: if they are neither, so that the unit cannot be determined.
    """
    found = values.drop_nulls()
    for factor, in_pounds in ((GRAMS_PER_KWH_OF_POUNDS_PER_MWH, found), (1.0, found / GRAMS_PER_KWH_OF_POUNDS_PER_MWH)):
        tenths = in_pounds * 10
        # The accuracy of eight written digits of a number below 2,000.
        if ((tenths - tenths.round()).abs() < 1e-5).all():
            return factor
    raise LayoutError(
        f"{document.url}: no unit is stated, and the values are neither whole pounds per MWh (or tenths) nor those in g/kWh"
    )


def _from_csv(document: Document) -> tuple[pl.DataFrame, str, str, float, str, pl.DataFrame | None]:
    text, broken = csv_rows(document, [])
    # "Price (USD/MWh)" beside a time is another table, not a region.
    if len(text.columns) != 2 or text.columns[0].lower() not in _TIMES or not _REGION.fullmatch(text.columns[1]):
        raise LayoutError(
            f"{document.url}: expected a time and one column named after a region; found {', '.join(text.columns)}"
        )
    time, region = text.columns
    rows = text.select(
        pl.coalesce(
            to_instant(time, "%Y-%m-%d %H:%M:%S"),
            to_instant(pl.col(time).str.replace("T", " ", literal=True), "%Y-%m-%d %H:%M:%S%#z"),
        ).alias("valid_from"),
        pl.col(region).alias("text"),
    )
    values = rows.select(pl.col("text").cast(pl.Float64, strict=False)).to_series()
    length = length_of(document, rows["valid_from"])
    return rows, region.upper(), length, _grams_per_unit(document, values), "estimated", broken


def _from_json(document: Document) -> tuple[pl.DataFrame, str, str, float, str, pl.DataFrame | None]:
    body = json_of(document)
    meta = body.get("meta") if isinstance(body, dict) else None
    if not isinstance(meta, dict) or not isinstance(body.get("data"), list):
        raise LayoutError(f"{document.url}: no `data` and `meta`")
    if (meta.get("signal_type"), meta.get("units")) != ("co2_moer", _UNIT):
        raise LayoutError(
            f"{document.url}: {meta.get('signal_type')} in {meta.get('units')}, expected co2_moer in {_UNIT}"
        )
    if meta.get("data_point_period_seconds") not in _RESOLUTIONS:
        raise LayoutError(f"{document.url}: slots of {meta.get('data_point_period_seconds')} s")
    if any(isinstance(point, dict) and "forecast" in point for point in body["data"]):
        raise LayoutError(f"{document.url}: forecasts of several earlier times, which stand for no slot of their own")
    rows = frame_of(body["data"], {"point_time": pl.String, "value": pl.String}).select(
        to_instant("point_time", "%Y-%m-%dT%H:%M:%S%#z").alias("valid_from"),
        pl.col("value").alias("text"),
    )
    resolution = _RESOLUTIONS[meta["data_point_period_seconds"]]
    kind = "forecast" if "generated_at" in meta else "estimated"
    return rows, str(meta.get("region")), resolution, GRAMS_PER_KWH_OF_POUNDS_PER_MWH, kind, None


def parse(documents: Sequence[Document]) -> Reading:
    """One marginal row per slot."""
    (document,) = documents
    read = _from_csv if plain_extension(document) == "csv" else _from_json
    rows, region, resolution, grams, kind, broken = read(document)
    value = pl.col("text").cast(pl.Float64, strict=False)
    rows = rows.filter(pl.col("text").is_not_null()).with_columns(
        (value * grams).round(6).alias("intensity_gco2e_per_kwh")
    )
    unreadable = pl.col("valid_from").is_null() | pl.col("intensity_gco2e_per_kwh").is_null()
    bad = rows.filter(unreadable).select("text")
    frame = grid_carbon_rows(
        rows.filter(~unreadable),
        zone=region,
        resolution=resolution,
        basis_method="marginal",
        basis_boundary="direct",
        basis_kind=kind,
    )
    return Reading([Scope(region, frame)], refused(bad, "the time or the value cannot be read")).refusing(broken)


WATTTIME = Source(
    source_id="watttime",
    subject="grid_carbon",
    title="WattTime marginal emissions (CAISO_NORTH)",
    homepage_url="https://watttime.org/",
    licence="WattTime terms",
    attribution="WattTime",
    parse=parse,
    parser_version=6,
    plan=plan,
    expand=expand,
    hosts=(HOST,),
    cadence="50 */12 * * *",
    changes_within_days=3,
    key_name=KEY,
    has_history=True,
)
