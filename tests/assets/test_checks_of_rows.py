"""What every row must survive on its way in, whatever the source."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from assets.reading import check_scope
from assets.sources import all_sources
from assets.sources._base import LayoutError, Scope
from assets.subjects import CLOUD_RATE, GRID_CARBON, SUBJECTS
from warehouse.captures import Capture

AT = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
CAPTURE = Capture("c", "c", 0, 1, "skypilot", "u", AT.isoformat(), None, None, None, "", 0, "csv")
GOOD = {
    "provider": "aws",
    "region": "us-east-1",
    "instance_type": "p5.48xlarge",
    "purchase_option": "on_demand",
    "price_component": "instance",
    "offer_variant": "",
    "accelerator_name": "H100",
    "accelerator_count": 8.0,
    "accelerator_memory_gib": 80.0,
    "vcpu_count": 192.0,
    "memory_gib": 2048.0,
    "price_amount_per_hour": 55.04,
    "currency_code": "USD",
}


def reasons(**changes: object) -> list[str]:
    """Why a row that differs from a good one so is refused."""
    frame = pl.DataFrame([GOOD | changes], infer_schema_length=None)
    _, refused = check_scope(CLOUD_RATE, Scope("s", frame), [CAPTURE], AT)
    return refused["reason"].to_list()


def test_a_good_row_passes() -> None:
    assert reasons() == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"currency_code": "XXX"}, "currency_code is not one of USD"),
        ({"currency_code": None}, "currency_code is missing"),
        ({"price_amount_per_hour": 0.0}, "is not above 0"),
        ({"price_amount_per_hour": -1.0}, "is not above 0"),
        ({"price_amount_per_hour": float("nan")}, "is not a number"),
        ({"price_amount_per_hour": float("inf")}, "infinite"),
        ({"price_amount_per_hour": None}, "is missing"),
        ({"price_amount_per_hour": 49_000.0}, "accelerator-hour"),
        ({"price_amount_per_hour": 0.01}, "accelerator-hour"),
        ({"purchase_option": "free"}, "purchase_option is not one of on_demand"),
        ({"region": None}, "region is missing"),
        ({"accelerator_count": 0.0}, "accelerator_count is not above 0"),
        ({"valid_from": dt.datetime(2099, 1, 1, tzinfo=dt.UTC)}, "valid_from is missing or not between"),
        ({"valid_from": dt.datetime(1900, 1, 1, tzinfo=dt.UTC)}, "valid_from is missing or not between"),
        ({"valid_from": AT + dt.timedelta(days=6 * 365)}, "valid_from is missing or not between"),
    ],
)
def test_a_bad_value_is_refused_in_words(changes: dict[str, object], word: str) -> None:
    (reason,) = reasons(**changes)
    assert word in reason


def test_rows_alike_count_once_and_rows_that_differ_are_both_refused() -> None:
    frame = pl.DataFrame(
        [GOOD, GOOD, GOOD | {"instance_type": "x"}, GOOD | {"instance_type": "x", "price_amount_per_hour": 60.0}]
    )
    good, refused = check_scope(CLOUD_RATE, Scope("s", frame), [CAPTURE], AT)
    assert good["instance_type"].to_list() == ["p5.48xlarge"]
    assert refused.height == 2


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("H100 MIG 1g.10gb", None),
        ("A100-1g.5gb", None),
        ("NVIDIA H100 80GB HBM3 MIG 3g.40gb", None),
        ("H100", 8.0),
        ("MI300X", 8.0),
    ],
)
def test_slices_of_an_accelerator_are_not_counted_as_whole_ones(name: str, count: float | None) -> None:
    good, refused = check_scope(
        CLOUD_RATE, Scope("s", pl.DataFrame([GOOD | {"accelerator_name": name}])), [CAPTURE], AT
    )
    assert refused.height == 0
    assert good["accelerator_count"].to_list() == [count]


def test_a_parser_that_forgets_a_column_is_named() -> None:
    with pytest.raises(LayoutError, match="missing \\['memory_gib'\\]"):
        check_scope(CLOUD_RATE, Scope("s", pl.DataFrame([GOOD]).drop("memory_gib")), [CAPTURE], AT)


def test_every_measured_column_names_its_unit() -> None:
    suffixes = (
        "_usd",
        "_usd_per_mtok",
        "_per_hour",
        "_gco2e_per_kwh",
        "_per_mwh",
        "_gib",
        "_count",
        "_flop",
        "_flop_per_s",
        "_gb_per_s",
        "_w",
        "_h",
        "_hours",
        "_to",
        "_tokens",
        "_amount",
        "_per_base",
    )
    for subject in SUBJECTS:
        for name, column in subject.columns.columns().items():
            unit = (column.metadata or {}).get("unit")
            # "see unit": what is claimed has many units, a column of its own says which.
            assert not unit or unit == "see unit" or name.endswith(suffixes), f"{subject.name}.{name} [{unit}]"


def test_every_source_says_what_it_must() -> None:
    for source in all_sources().values():
        assert source.licence, source.source_id
        assert source.homepage_url.startswith("https://"), source.source_id
        assert source.plan is None or source.hosts, source.source_id
        assert source.subject in {s.name for s in SUBJECTS}, source.source_id


@pytest.mark.parametrize(
    ("resolution", "first_of", "kind", "is_refused"),
    [
        ("P1Y", (2026, 1), "actual", True),
        ("P1Y", (2026, 1), "estimated", True),
        ("P1Y", (2026, 1), "forecast", False),
        ("P1Y", (2025, 1), "estimated", False),
        ("P1M", (2026, 9), "estimated", True),
        ("P1M", (2026, 8), "estimated", False),
        ("PT1H", (2026, 9), "actual", False),
    ],
)
def test_a_mean_of_a_time_that_is_not_over_is_refused(
    resolution: str, first_of: tuple[int, int], kind: str, is_refused: bool
) -> None:
    """Seen at the very end of August 2026: the month that ends then is over, the year is not."""
    row = {
        "zone": "DE",
        "resolution": resolution,
        "basis_method": "average",
        "basis_boundary": "lifecycle",
        "basis_accounting": "location",
        "basis_kind": kind,
        "intensity_gco2e_per_kwh": 300.0,
        "valid_from": dt.datetime(*first_of, 1, tzinfo=dt.UTC),
    }
    good, refused = check_scope(GRID_CARBON, Scope("s", pl.DataFrame([row])), [CAPTURE], AT)
    assert (good.height, refused.height) == ((0, 1) if is_refused else (1, 0))
    if is_refused:
        assert "was not over on 2026-09-01" in refused["reason"][0]
