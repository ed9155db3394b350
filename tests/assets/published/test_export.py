from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.published.export import export
from warehouse.errors import NotPublishedError, PetadayError
from warehouse.home import Home


@pytest.fixture(scope="module")
def exported(bundled_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(bundled_home, tmp_path_factory.mktemp("export") / "out").path


def test_every_table_is_there_and_described(exported: Path, bundled_home: Home) -> None:
    package = json.loads((exported / "datapackage.json").read_text(encoding="utf-8"))
    listed = {r["name"]: r for r in package["resources"]}
    with duckdb.connect(str(bundled_home.published_file), read_only=True) as con:
        tables = con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
        assert {t[0] for t in tables} <= set(listed)
        rates = con.execute("SELECT count(*), sum(price_usd_per_hour) FROM observed.cloud_rate").fetchall()[0]
    for resource in listed.values():
        body = (exported / resource["path"]).read_bytes()
        assert resource["bytes"] == len(body)
        assert resource["hash"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
        frame = pl.read_parquet(exported / resource["path"])
        assert frame.columns == [f["name"] for f in resource["schema"]["fields"]]
        assert frame.height == resource["rowCount"]
    frame = pl.read_parquet(exported / "observed.cloud_rate.parquet")
    assert frame.height == rates[0]
    assert frame["price_usd_per_hour"].sum() == pytest.approx(rates[1])
    assert {p.name for p in exported.iterdir()} == {r["path"] for r in listed.values()} | {"datapackage.json"}


def test_units_and_terms(exported: Path) -> None:
    package = json.loads((exported / "datapackage.json").read_text(encoding="utf-8"))
    fields = {
        f["name"]: f for r in package["resources"] if r["name"] == "observed.grid_carbon" for f in r["schema"]["fields"]
    }
    assert fields["intensity_gco2e_per_kwh"]["unit"] == "gCO2e/kWh"
    assert fields["valid_from"]["type"] == "datetime"
    assert {s["name"] for s in package["sources"]} >= {"starter_cloud_rate", "starter_grid_carbon"}
    assert all(s.get("licence") for s in package["sources"])


def test_focus_rows(exported: Path, bundled_home: Home) -> None:
    rows = pl.read_parquet(exported / "focus_cost_and_usage.parquet")
    mandatory = [
        "BilledCost",
        "BillingCurrency",
        "ChargeCategory",
        "ChargePeriodStart",
        "EffectiveCost",
        "ListCost",
        "ProviderName",
        "ServiceCategory",
    ]
    assert rows.select(pl.col(mandatory).is_null().sum()).row(0) == (0,) * len(mandatory)
    assert set(rows["ChargeCategory"]) <= {"Usage", "Purchase"}
    assert set(rows["PricingCategory"]) <= {"Standard", "Dynamic", "Committed", "Other"}
    estimates = rows.filter(pl.col("x_Kind") == "estimate")
    with duckdb.connect(str(bundled_home.published_file), read_only=True) as con:
        expected = dict(
            con.execute(
                "SELECT scenario_id, central FROM estimated.training_estimate WHERE quantity = 'cost_usd' AND central IS NOT NULL"
            ).fetchall()
        )
    assert dict(zip(estimates["x_ScenarioId"], estimates["EffectiveCost"], strict=True)) == expected
    assert (estimates["x_CostLow"] <= estimates["EffectiveCost"]).all()
    assert rows.filter(pl.col("x_Kind") == "list_price").height > 50


def test_csv_cells_are_no_formulas(bundled_home: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    shutil.copyfile(bundled_home.published_file, home.published_file)
    hostile = ['=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "  =1", "a\r\n=1", "plain"]
    with duckdb.connect(str(home.published_file)) as con:
        con.executemany(
            "INSERT INTO meta.rejected_row (batch_id, reason, row_json) VALUES (?, 'test', ?)",
            [(str(n), cell) for n, cell in enumerate(hostile)],
        )
    out = export(home, tmp_path / "out", has_csv=True).path
    with (out / "meta.rejected_row.csv").open(newline="", encoding="utf-8") as file:
        cells = [row["row_json"] for row in csv.DictReader(file) if row["reason"] == "test"]
    assert sorted(cells) == sorted(c if c in ("plain", "a\r\n=1") else "'" + c for c in hostile)
    for path in out.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            assert not [c for row in csv.reader(file) for c in row if c.lstrip()[:1] in ("=", "+", "@")], path.name
    # Parquet keeps what was published, to the letter.
    assert set(
        pl.read_parquet(out / "meta.rejected_row.parquet").filter(pl.col("reason") == "test")["row_json"]
    ) == set(hostile)


def test_again_into_the_same_folder_but_into_no_other(bundled_home: Home, tmp_path: Path) -> None:
    export(bundled_home, tmp_path / "out")
    export(bundled_home, tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    with pytest.raises(PetadayError, match="not empty"):
        export(bundled_home, tmp_path / "mine")


def test_nothing_published(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotPublishedError):
        export(home, tmp_path / "out")
