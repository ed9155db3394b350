"""The recorded files as their publishers may write them tomorrow: other orders, more fields. The rows must be the same.

What a publisher promises nobody is the order of columns, of keys and of rows, and that no field is added. A parser that
leans on one of these reads a new version wrongly without a word.
"""

from __future__ import annotations

import csv
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_files

#: Source -> one recorded file of each layout.
JSON_FILES = {
    "azure_retail": ("retail_eastus_nd_2026-07-27.json", "first_page_items_2026-08-22.json.zip"),
    "gcp_skus": ("gpu_skus_2025-06.json.zip", "skus_fragment_a100_2023-03.json"),
    "oci": ("cetools_products_gpu_2026-10-01.json", "cetools_products_usd_2024-01-19.json"),
    "runpod": ("gpuTypes_graphql_2026-07.json", "gpuTypes_list_2025-06-21T2318.json"),
    "vast": ("bundles_2026-07-h100_a100.json",),
    "scaleway": ("products_servers_fr-par-2_2026-08.json",),
    "digitalocean": ("digitalocean_sizes.json",),
    "verda": ("verda_instance_types.json",),
    "vultr": ("vultr_plans.json", "vultr_plans-metal.json"),
    "gpurentalprices": ("gpurentalprices_2026-08-22.json",),
    "aws_pricing_page": ("ec2_ondemand_linux_gpu_2regions_2026-09.json",),
    "openrouter": ("models_2025-05-20.json.zip", "models_2026-08-01.json.zip"),
    "litellm": ("model_prices_2026-07-24.json.zip",),
    "genai_prices": ("data_2025-06-23.json.zip", "v2_data_2026-08.json.zip"),
    "simonw": ("openai_2026-08-05.json",),
    "united_compute": ("NVIDIA_L40S.json",),
    "pcpartpicker": ("pcpartpicker_video-card_2023-07-05.json.zip",),
    "au_rtx5070ti": ("au_rtx5070ti_history_2026-08-22.json",),
    "ru_shops": ("ru_shops_offers-2023-03-06.json.zip",),
    "idealo": ("idealo_gtx10xx_2017-08_2018-02.json",),
}
CSV_FILES = {
    "skypilot": (
        "lambda_vms_2026-05-07.csv",
        "vast_vms_2026-04-29.csv",
        "gcp_vms_2026-05-20.csv.zip",
        "azure_vms_2026-05-08.csv.zip",
    ),
    "fsdl": ("fsdl_cloud-gpus_2022-08-26.csv", "fsdl_cloud-gpus_2025-03-07.csv", "fsdl_serverless-gpus.csv"),
    "pcpartpicker": ("pcpartpicker_video-card_2025-07-23.csv.zip",),
    "csim07": ("retail_used_monthly_2023-2025_csim07.csv",),
    "ebay_monthly": ("ebay_toms_hardware_monthly_2022-2023.csv",),
    "ecb": ("eurofxref-hist_2026-04-13.csv",),
}
#: Objects that are keyed by what they speak of: a field added there would be one more thing, or condition, not one more attribute.
KEYED = {
    "litellm",
    "openrouter",
    "united_compute",
    "aws_pricing_page",
    "ru_shops",
    "genai_prices",
    "simonw",
    "scaleway",
}


def pairs(files: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(source, name) for source, names in files.items() for name in names]


def find(samples: Path, name: str) -> Path:
    return next(samples.rglob(name))


def text_of(file: Path) -> str:
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            return archive.read(archive.namelist()[0]).decode("utf-8-sig")
    return file.read_text(encoding="utf-8-sig")


def rows_of(source_id: str, file: Path) -> tuple[list[tuple], int]:
    """Every row (without the capture that all share) in an order of its own, and how many were refused."""
    scopes, rejected = read_files(source_id, file)
    rows = []
    for name, frame in scopes.items():
        kept = frame.drop("capture_id").with_columns(pl.selectors.datetime().dt.epoch("us"))
        rows += [(name, *map(repr, row)) for row in kept.select(sorted(kept.columns)).rows()]
    return sorted(rows), rejected.height


def shuffled(value: Any, draw: random.Random, *, more: bool) -> Any:
    """The same JSON with the keys of every object in another order, and fields that nobody knows."""
    if isinstance(value, dict):
        keys = list(value)
        draw.shuffle(keys)
        new = {"newField": {"unit": "1 Hour", "price": 0.01, "USD": 1}, "zzz": None} if more and keys else {}
        return new | {k: shuffled(value[k], draw, more=more) for k in keys}
    if isinstance(value, list):
        return [shuffled(v, draw, more=more) for v in value]
    return value


@pytest.mark.parametrize(("source_id", "name"), pairs(JSON_FILES))
def test_json_with_keys_in_another_order_and_new_ones(source_id: str, name: str, samples: Path, tmp_path: Path) -> None:
    file = find(samples, name)
    plain = tmp_path / name.removesuffix(".zip")
    plain.write_text(text_of(file))
    before = rows_of(source_id, plain)
    assert before[0]
    value = shuffled(json.loads(text_of(file)), random.Random(3), more=source_id not in KEYED)
    plain.write_text(json.dumps(value, indent=1, ensure_ascii=True))
    assert rows_of(source_id, plain) == before


@pytest.mark.parametrize(("source_id", "name"), pairs(CSV_FILES))
def test_csv_with_columns_and_rows_in_another_order_and_new_columns(
    source_id: str, name: str, samples: Path, tmp_path: Path
) -> None:
    file = find(samples, name)
    plain = tmp_path / name.removesuffix(".zip")
    plain.write_text(text_of(file))
    before = rows_of(source_id, plain)
    assert before[0]
    table = list(csv.reader(io.StringIO(text_of(file), newline="")))
    header, rows = table[0], table[1:]
    # What overhangs its header (unquoted commas in a last column) is left where it is.
    rows = [row[: len(header)] + [""] * (len(header) - len(row)) for row in rows if row]
    draw = random.Random(5)
    order = list(range(len(header)))
    draw.shuffle(order)
    draw.shuffle(rows)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["NewColumn", *(header[n] for n in order), "Another, new"])
    writer.writerows(["0.01", *(row[n] for n in order), 'a "quoted", text'] for row in rows)
    plain.write_text(out.getvalue(), newline="")
    assert rows_of(source_id, plain) == before


@pytest.mark.parametrize(("source_id", "name"), [p for p in pairs(CSV_FILES) if p[0] != "ecb"])
def test_csv_without_its_price_column_is_refused_by_name(
    source_id: str, name: str, samples: Path, tmp_path: Path
) -> None:
    """A renamed column is told, never read as null."""
    plain = tmp_path / name.removesuffix(".zip")
    header, rest = text_of(find(samples, name)).split("\n", 1)
    plain.write_text(f"{','.join(f'x{c.strip()}' for c in header.split(','))}\n{rest}")
    with pytest.raises(LayoutError, match="missing|more fields"):
        read_files(source_id, plain)
