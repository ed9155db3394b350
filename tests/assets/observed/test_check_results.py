"""Checks that read well when red, and plots that never make anything red."""

from __future__ import annotations

import base64
from typing import Any

import dagster as dg
import duckdb
import pytest

from assets import plots
from assets.observed.checks import check_result

ASSET = dg.AssetKey("plotted")


class Log:
    """Takes what an asset would say."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.log = self
        self.instance = dg.DagsterInstance.ephemeral()

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def red(**found: Any) -> dg.AssetCheckResult:
    return check_result("x", dg.AssetCheckSeverity.WARN, False, found)


def test_a_red_check_begins_with_what_is_wrong() -> None:
    assert red(rows_out_of_bounds=3, other=0).description == "rows out of bounds: 3"
    assert red(stale_sources={"ecb": "9 days old"}).description == "stale sources: ecb: 9 days old"
    assert red(jumps=["a", "b"], none=[]).description == "jumps: 2, first a"
    assert check_result("x", dg.AssetCheckSeverity.ERROR, True, {"n": 0}).description is None


def test_lists_are_plain_text_that_shows_at_once() -> None:
    metadata = red(jumps=["a", "<img src=x>"], stale={"ecb": "9 days old"}).metadata
    assert metadata["jumps"] == dg.MetadataValue.text("a; <img src=x>")
    assert metadata["stale"] == dg.MetadataValue.text("ecb: 9 days old")
    assert red(jumps=[]).metadata["jumps"] == dg.MetadataValue.text("none")


@pytest.mark.parametrize("x", ["DATE '2026-01-01' + i::INT", "i::INT"])
def test_a_plot_is_a_picture_in_the_metadata(x: str) -> None:
    log = Log()
    points = plots.points(
        log,  # type: ignore[arg-type]
        duckdb.connect(),
        "SELECT 1 AS x, 1 AS y, 'a' AS series WHERE false",
        f"SELECT {x if x.startswith('i') else f'strftime({x}, $$%Y-%m-%d$$)'} AS x, i + 1 AS y, 'a' AS series FROM range(24) r(i)",
    )
    entry = plots.lines(log, ASSET, points, "p", "USD")  # type: ignore[arg-type]
    picture = base64.b64decode(str(entry["p"].value).split("base64,")[1].split(" ")[0])
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 60_000
    assert not log.warnings


def test_a_plot_is_drawn_again_only_where_its_points_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    drawn: list[str] = []
    monkeypatch.setattr(plots, "_drawn", lambda spec: drawn.append(spec) or f"picture{len(drawn)}")
    rows = [{"x": hour, "y": 1.5, "series": "a"} for hour in range(3)]

    def made(rows: list[dict[str, Any]], unit: str = "USD") -> str:
        entry = plots.lines(log, ASSET, rows, "p", unit)  # type: ignore[arg-type]
        log.instance.report_runless_asset_event(dg.AssetMaterialization(ASSET, metadata=entry))
        return str(entry["p"].value)

    first = made(rows)
    assert first.startswith("![p](data:image/png;base64,picture1 ")
    assert (made(rows), len(drawn)) == (first, 1)
    other = [*rows[:-1], rows[-1] | {"y": 2.5}]
    assert "picture2 " in made(other)
    assert "picture3 " in made(other, "EUR")
    assert "picture4 " in made(rows)
    assert not log.warnings


def test_a_plot_that_fails_is_left_out_and_said() -> None:
    log = Log()
    assert plots.points(log, duckdb.connect(), "FROM nowhere") == []  # type: ignore[arg-type]
    assert "no points to plot" in log.warnings[0]
    assert plots.lines(log, ASSET, [], "p", "USD") == {}  # type: ignore[arg-type]
    assert plots.lines(log, ASSET, [{"x": object(), "y": 1, "series": "a"}], "p", "USD") == {}  # type: ignore[arg-type]
    assert "no plot p" in log.warnings[1]
