"""Epoch AI's two files: rows as published, renamed columns, names that stand twice, and what must be refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources._base import LayoutError, Window
from assets.sources.epoch import EPOCH_HARDWARE, EPOCH_MODELS
from assets.sources.starter import STARTER_MODEL_COMPUTE
from tests.assets.sources.reading import read_body
from warehouse.connection import write_session
from warehouse.home import Home

HEAD = (
    "Model,Domain,Task,Organization,Publication date,Parameters,Training compute (FLOP),{size},"
    "Training time (hours),Training hardware,Hardware quantity,Training compute cost (2023 USD),Confidence\n"
)
MODELS = HEAD.format(size="Training dataset size (total)") + (
    "GPT-3 175B,Language,Chat,OpenAI,2020-05-28,175000000000.0,3.14e+23,374000000000.0,355.2,NVIDIA Tesla V100,10000.0,2061714.1,Confident\n"
    'Eyes,"Vision, Image",Sight,Lab,2021-01-05,1e9,1e21,14000000.0,,,,,Likely\n'
    "Unsaid,Language,Chat,Lab,2024-02-01,,,,,,,,Unknown\n"
    "Zero,Language,Chat,Lab,not a day,0,0,0,0,,0,0,\n"
)
HARDWARE = (
    "Hardware name,Manufacturer,Type,Release date,Release price (USD),FP32 (single precision) performance (FLOP/s),"
    "Tensor-FP16/BF16 performance (FLOP/s),FP8 performance (FLOP/s),Memory (bytes),Memory bandwidth (byte/s),TDP (W)\n"
    "NVIDIA A100 SXM4 80 GB,NVIDIA,GPU,2020-11-16,15000,19500000000000.0,312000000000000.0,,85899345920,2039000000000,400\n"
    "In systems only,Lab,TPU,2025-01-01,,,1e+15,2e+15,,,\n"
)


def models(body: str, tmp_path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and refusals of a file of models."""
    scopes, rejected = read_body("epoch_models", body, tmp_path, "models.csv")
    return scopes["notable"], rejected


def test_a_model_is_read_as_published(tmp_path: Path) -> None:
    rows, rejected = models(MODELS, tmp_path)
    assert not rejected.height
    assert rows.height == 4
    gpt = rows.row(by_predicate=pl.col("model") == "GPT-3 175B", named=True)
    assert gpt["training_flop"] == 3.14e23
    assert (gpt["released_on"], gpt["training_tokens_count"]) == (dt.date(2020, 5, 28), 374e9)
    assert (gpt["training_gpu_count"], gpt["training_cost_2023_usd"], gpt["confidence"]) == (
        10_000,
        2061714.1,
        "Confident",
    )


def test_images_are_no_tokens_and_a_zero_or_a_gap_is_null(tmp_path: Path) -> None:
    rows, _ = models(MODELS, tmp_path)
    by_name = {row["model"]: row for row in rows.iter_rows(named=True)}
    assert by_name["Eyes"]["training_tokens_count"] is None
    for name in ("Unsaid", "Zero"):
        assert by_name[name]["training_flop"] is None
        assert by_name[name]["parameters_count"] is None
    assert by_name["Zero"]["released_on"] is None


@pytest.mark.parametrize("what", ["gradients", "datapoints"])
def test_earlier_names_of_the_size_are_read(what: str, tmp_path: Path) -> None:
    rows, _ = models(MODELS.replace("(total)", f"({what})"), tmp_path)
    assert rows["training_tokens_count"].drop_nulls().to_list() == [374e9]


@pytest.mark.parametrize("header", ["Memory (bytes)", "Memory size per board (Byte)"])
def test_memory_is_read_under_either_name(header: str, tmp_path: Path) -> None:
    body = HARDWARE.replace("Memory (bytes)", header)
    rows = read_body("epoch_hardware", body, tmp_path, "hardware.csv")[0]["hardware"]
    assert rows["memory_gib"].to_list() == [80.0, None]


def test_a_name_that_stands_twice_with_other_values_is_refused(tmp_path: Path) -> None:
    twice = MODELS + "GPT-3 175B,Language,Chat,OpenAI,2020-05-28,175000000000.0,9e+23,,,,,,\n"
    rows, rejected = models(twice, tmp_path)
    assert "GPT-3 175B" not in rows["model"].to_list()
    assert rejected["reason"].str.contains("same key").all()


def test_a_row_without_a_name_is_refused_and_kept(tmp_path: Path) -> None:
    rows, rejected = models(MODELS + ",Language,Chat,Lab,2024-02-01,1e9,,,,,,,\n", tmp_path)
    assert rows.height == 4
    assert rejected["reason"].to_list() == ["no value in 'Model'"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (MODELS.replace("Training compute (FLOP)", "Compute"), "Training compute"),
        (MODELS.replace("Training dataset size (total)", "Dataset"), "renamed"),
        ("<!doctype html><html><body>moved</body></html>", "HTML page"),
        (MODELS.splitlines()[0] + "\n", "no row"),
        ("", "empty"),
    ],
)
def test_another_layout_is_an_error(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        models(body, tmp_path)


def test_hardware_is_read_as_published(tmp_path: Path) -> None:
    scopes, rejected = read_body("epoch_hardware", HARDWARE, tmp_path, "hardware.csv")
    assert not rejected.height
    card, other = scopes["hardware"].sort("accelerator_name", descending=True).iter_rows(named=True)
    assert card["accelerator_name"] == "NVIDIA A100 SXM4 80 GB"
    assert (card["fp16_dense_flop_per_s"], card["tdp_w"], card["release_price_usd"]) == (312e12, 400, 15_000)
    assert card["memory_gib"] == 80
    assert card["memory_bandwidth_gb_per_s"] == pytest.approx(2039)
    assert (other["release_price_usd"], other["tdp_w"], other["memory_gib"]) == (None, None, None)


def test_one_file_each_is_asked_for() -> None:
    window = Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC))
    for source in (EPOCH_MODELS, EPOCH_HARDWARE):
        assert source.plan is not None
        ((request,),) = source.plan(window)
        assert request.url.startswith("https://epoch.ai/data/")
        assert request.url.endswith(".csv")


def test_what_was_read_is_recorded_and_grows_beside_the_reference_table(home: Home, tmp_path: Path) -> None:
    """Ten models that grow tenfold a year, through captures and the log into the trend, each source by itself."""
    recording.refresh_reference(home)
    body = HEAD.format(size="Training dataset size (total)") + "".join(
        f"m{year},Language,Chat,Lab,{2010 + year}-01-01,1e9,1e{10 + year},1e9,,,,,Likely\n" for year in range(10)
    )
    (tmp_path / "models.csv").write_text(body, encoding="utf-8")
    (tmp_path / "hardware.csv").write_text(HARDWARE, encoding="utf-8")
    for source, name in ((EPOCH_MODELS, "models.csv"), (EPOCH_HARDWARE, "hardware.csv")):
        (taken,) = intake.take_files(home, source, [tmp_path / name], dt.datetime(2026, 9, 1, tzinfo=dt.UTC))
        assert taken.outcome == "loaded", taken
    (bundled,) = intake.take_bundled(home, STARTER_MODEL_COMPUTE)
    assert bundled.outcome == "loaded"
    for subject in ("model_compute", "accelerator_spec"):
        recording.record_subject(home, subject)
    with write_session(home, catalog()) as con:
        growth = con.sql(
            "SELECT growth_per_year, low_growth_per_year, high_growth_per_year, point_count FROM compute_growth(from_on := DATE '2009-01-01') "
            "WHERE source_id = 'epoch_models' AND quantity = 'training_flop'"
        ).fetchall()
        sources = con.sql("SELECT DISTINCT source_id FROM training_compute() ORDER BY 1").fetchall()
        years = con.sql(
            "SELECT year, best_flop_per_s_per_w, best_flop_per_s_per_usd, price_count FROM accelerator_by_year()"
        ).fetchall()
    assert growth[0] == pytest.approx((10, 10, 10, 10), rel=1e-3)
    assert sources == [("epoch_models",), ("starter_model_compute",)]
    assert years == [(2020, pytest.approx(312e12 / 400), pytest.approx(312e12 / 15_000), 1), (2025, None, None, 0)]
