"""RTE eco2mix: the operator's grams beside those of the mix, on a real day."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.sources._base import LayoutError, Window
from assets.sources.eco2mix import FUELS, plan
from tests.assets.sources.reading import read_body, read_files

FILE = "rte_eco2mix/fr_production_response.json"


def answer(samples: Path) -> dict[str, Any]:
    return json.loads((samples / FILE).read_text(encoding="utf-8"))


def test_a_real_day(samples: Path) -> None:
    """97 quarter-hours, 02:00+02:00 is midnight UTC; RTE's figure as it is, the mix of 02:45 by hand."""
    scopes, rejected = read_files("eco2mix", samples / FILE)
    frame = scopes["FR"].sort("valid_from")
    assert (frame.height, rejected.height) == (3 * 97, 0)
    said = frame.filter(pl.col("basis_kind") == "actual")
    assert said.select("basis_boundary", "resolution").unique().rows() == [("direct", "PT15M")]
    assert (said["valid_from"][0], said["intensity_gco2e_per_kwh"][0]) == (dt.datetime(2023, 9, 21, tzinfo=dt.UTC), 12)
    at = frame.filter(
        pl.col("valid_from") == dt.datetime(2023, 9, 21, 0, 45, tzinfo=dt.UTC),
        pl.col("basis_kind") == "estimated",
        pl.col("basis_boundary") == "direct",
    )
    known = 34482 + 446 + 7 + 114 + 9077 + 0 + 2489 + 1011 + 366 + 250
    expected = (446 * 370 + 7 * 760 + 114 * 733) / known
    assert at["intensity_gco2e_per_kwh"].item() == pytest.approx(expected, abs=0.001)


def test_rows_not_measured_yet_and_other_areas(samples: Path, tmp_path: Path) -> None:
    """A slot with nothing in it is no row; a number may be text, ND is none; a region is not France."""
    body = answer(samples)
    fields = [r["fields"] for r in sorted(body["records"], key=lambda r: r["fields"]["date_heure"])]
    for name in ("taux_co2", *FUELS):
        fields[-1].pop(name, None)
        fields[0][name] = str(fields[0][name])
    fields[1]["taux_co2"] = "ND"
    fields[2]["perimetre"] = "Bretagne"
    scopes, rejected = read_body("eco2mix", json.dumps(body), tmp_path)
    said = scopes["FR"].filter(pl.col("basis_kind") == "actual")
    assert (said.height, scopes["FR"].height) == (94, 94 + 2 * 95)
    assert rejected["reason"].to_list() == ["another area than France"]


@pytest.mark.parametrize(
    "text", ['{"records": []}', '{"error": "dataset unknown"}', '{"records": [{"fields": {"date_heure": "x"}}]}']
)
def test_other_answers(text: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        read_body("eco2mix", text, tmp_path)


def test_days_are_asked_for_whole() -> None:
    (request,) = next(
        iter(plan(Window(dt.datetime(2026, 1, 5, tzinfo=dt.UTC), dt.date(2025, 12, 31), dt.date(2025, 12, 31))))
    )
    assert request.params["q"] == "date_heure >= 2025-12-31T00:00 AND date_heure < 2026-01-01T00:00"
    assert (request.params["timezone"], request.params["rows"]) == ("UTC", "672")


def test_the_running_day_comes_with_the_day_before() -> None:
    """Just after midnight it holds forecasts of demand alone: asked for by itself it would look like another layout."""
    now = dt.datetime(2026, 1, 5, 0, 10, tzinfo=dt.UTC)
    for window in (Window(now), Window(now, now.date(), now.date())):
        ((request,),) = plan(window)
        assert request.params["q"] == "date_heure >= 2026-01-04T00:00 AND date_heure < 2026-01-06T00:00"
    spans = [r.params["q"] for (r,) in plan(Window(now, dt.date(2025, 12, 20), dt.date(2026, 1, 5)))]
    assert len(spans) == 3
    assert spans[0].startswith("date_heure >= 2025-12-30T00:00")
    assert spans[-1].startswith("date_heure >= 2025-12-20T00:00")


@pytest.mark.parametrize("form", ["second interface", "export"])
def test_the_other_forms_of_an_answer(samples: Path, tmp_path: Path, form: str) -> None:
    """The same figures without the level of fields."""
    records = [record["fields"] for record in answer(samples)["records"]]
    body = {"total_count": len(records), "results": records} if form == "second interface" else records
    scopes, rejected = read_body("eco2mix", json.dumps(body), tmp_path)
    expected, _ = read_files("eco2mix", samples / FILE)
    assert scopes["FR"].drop("capture_id").equals(expected["FR"].drop("capture_id"))
    assert rejected.is_empty()
