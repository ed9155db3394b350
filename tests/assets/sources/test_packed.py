"""Files that someone packed: in a zip by itself, or by gzip, a file is read as it is plain."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from assets import intake, recovery
from assets.sources import _aws, _base, source_named
from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_files
from tests.assets.sources.test_aws_price_list import ROW, offers
from tests.assets.sources.test_aws_savings_plans import plans
from tests.warehouse.fuzz_seeds import packed, unpacked
from warehouse.capture_store import CaptureStore
from warehouse.errors import DiskFullError
from warehouse.home import Home

#: Source and a recorded file of it, of which the form is told by its name, or which is read in parts.
FILES = [
    ("aws_price_list", "offers_v1.0_aws_AmazonEC2_20250912225308_index.sample.csv"),
    ("aws_price_list_cn", "offer_cn-northwest-1_fragment_20230314154740.json"),
    ("aws_savings_plans", "savingsPlan_AWSComputeSavingsPlan_20250911184447_ap-east-2.sample.csv"),
    ("ecb", "eurofxref-daily.xml"),
    ("ecb", "eurofxref-hist_2026-04-13.csv"),
    ("ember", "api_country_overview_yearly.csv"),
    ("gb_carbon_intensity", "forecast_fw48h_taken_2023-03-14T0331Z.csv"),
    ("watttime", "moer_5min_CAISO_NORTH_2023-06-08_2023-07-08.csv"),
    ("energinet_price", "day_ahead_price_15min_DK1_2025-09_2026-08.csv"),
    ("skypilot", "lambda_vms_2026-05-07.csv"),
    ("vast", "bundles_2026-07-h100_a100.json"),
    ("nebius_page", "nebius_20260712235400.html"),
]


def rows_of(source_id: str, file: Path) -> tuple[list[tuple], int]:
    scopes, rejected = read_files(source_id, file)
    frames = [f.drop("capture_id").with_columns(pl.selectors.datetime().dt.epoch("us")) for f in scopes.values()]
    return sorted([tuple(map(repr, row)) for frame in frames for row in frame.rows()]), rejected.height


@pytest.mark.parametrize(("source_id", "name"), FILES)
def test_a_packed_file_is_read_as_it_is_plain(source_id: str, name: str, samples: Path, tmp_path: Path) -> None:
    found = next(f for f in samples.rglob(f"{name}*"))
    inner = unpacked(found.read_bytes())
    body = inner[1] if inner else found.read_bytes()
    (tmp_path / name).write_bytes(body)
    plain = rows_of(source_id, tmp_path / name)
    for ending, form in ((".gz", gzip.compress(body)), (".zip", packed(name, body))):
        (tmp_path / f"{name}{ending}").write_bytes(form)
        assert rows_of(source_id, tmp_path / f"{name}{ending}") == plain


@pytest.mark.parametrize("source_id", ["aws_price_list", "aws_savings_plans"])
def test_archives_that_cannot_be_read_are_told(source_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = (offers(ROW) if source_id == "aws_price_list" else plans({})).encode()
    whole = {"a.csv.gz": gzip.compress(body), "b.zip": packed("b.csv", body)}
    for name, form in whole.items():
        (tmp_path / name).write_bytes(form)
        assert len(rows_of(source_id, tmp_path / name)[0]) == 1
        (tmp_path / name).write_bytes(form[: len(form) // 2])
        with pytest.raises(LayoutError, match=r"the archive cannot be read \(truncated\?\)"):
            read_files(source_id, tmp_path / name)
    monkeypatch.setattr(_base, "MAX_UNPACKED_BYTES", len(body) - 1)
    for name, form in whole.items():
        (tmp_path / name).write_bytes(form)
        with pytest.raises(LayoutError, match="unpacks to more than"):
            read_files(source_id, tmp_path / name)


def test_without_room_to_unpack_a_file_is_not_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither when it is taken nor when the warehouse is rebuilt, which would then lack its rows."""
    file, source = tmp_path / "a.csv.gz", source_named("aws_price_list")
    file.write_bytes(gzip.compress(offers(ROW).encode()))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "plain").symlink_to("/dev/full")

    @contextmanager
    def full() -> Iterator[str]:
        yield str(tmp_path / "full")

    with monkeypatch.context() as patched:
        patched.setattr(_aws, "TemporaryDirectory", full)
        with pytest.raises(DiskFullError, match="no space left on the disk"):
            intake.take_files(home, source, [file], None)
    (taken,) = intake.take_files(home, source, [file], None)
    assert (taken.outcome, taken.row_count) == ("loaded", 1)
    store = CaptureStore(home)
    captures = store.batches()[taken.batch_id]
    assert recovery.parsed_batch(store, captures, "loaded", None).outcome == "loaded"
    monkeypatch.setattr(_aws, "TemporaryDirectory", full)
    with pytest.raises(DiskFullError, match="no space left on the disk"):
        recovery.parsed_batch(store, captures, "loaded", None)
