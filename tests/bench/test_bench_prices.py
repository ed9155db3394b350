"""The benchmarks of prices do what they say: their readers find the same offers in a small file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import _aws


def test_peers_and_ours_find_the_same_offers(tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="the peers of benchmarks are not installed (make bench-setup)")
    from tests.bench import bench_aws_price_list as bench

    file = _aws.write_csv(tmp_path / "index.csv", 2_000, bench.PUBLISHED)
    found = {bench.parsed(file), bench.bare_duckdb(file), bench.dict_reader(file), bench.pandas_read_csv(file)}
    assert len(found) == 1
    assert found.pop() > 0
    json_file = _aws.write_json(tmp_path / "index.json", 2_000, bench.PUBLISHED)
    assert bench.parsed(json_file) == bench.parsed(file)
