"""The museum: one exhibit per real public blunder, with the smallest fixture that shows it and the check that catches it.

The reverse hangs at the end: real payloads pass, and the share of rows refused by mistake is printed.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets import intake, reading, recording
from assets.catalog import catalog
from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.training import scenario_of
from assets.estimated.training import estimate_training
from assets.observed.checks import CHECKS
from assets.reference.tables import REFERENCE_TABLES, Accelerator, read_reference
from assets.sources import _aws, source_named
from assets.sources._base import LayoutError, Scope
from assets.subjects import subject_named
from tests.assets.sources.reading import read_body
from tests.warehouse.taking import HEADER, current, log_rows, offers, take
from tests.warehouse.test_log import SERIES, STATE, Said, Store, day
from warehouse.capture_store import CaptureStore
from warehouse.captures import Capture, Document
from warehouse.connection import write_session
from warehouse.home import Home

AT = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def refusal(subject: str, **row: object) -> str | None:
    """Why the checks refuse one row of a subject; None if they let it pass."""
    declared = subject_named(subject).columns.columns()
    frame = pl.DataFrame({name: [row.get(name)] for name in declared}, schema={n: c.dtype for n, c in declared.items()})
    frame = frame.with_columns(pl.lit(AT).cast(pl.Datetime("us", "UTC")).alias("valid_from"))
    capture = Capture("c", "c", 0, 1, "museum", "u", AT.isoformat(), None, None, None, "", 0, "csv")
    good, bad = reading.check_scope(subject_named(subject), Scope("s", frame), [capture], AT)
    assert good.height + bad.height == 1
    return bad["reason"][0] if bad.height else None


def grid(intensity: float, **changes: object) -> str | None:
    """The refusal of a grid row."""
    row = {
        "zone": "DE",
        "resolution": "PT1H",
        "basis_method": "average",
        "basis_boundary": "lifecycle",
        "basis_accounting": "location",
        "basis_kind": "actual",
        "intensity_gco2e_per_kwh": intensity,
    }
    return refusal("grid_carbon", **(row | changes))


def rate(price: float, count: float = 1, **changes: object) -> str | None:
    """The refusal of a rate."""
    row = {
        "provider": "p",
        "region": "r",
        "instance_type": "i",
        "purchase_option": "on_demand",
        "price_component": "instance",
        "offer_variant": "",
        "accelerator_name": "H100",
        "accelerator_count": count,
        "price_amount_per_hour": price,
        "currency_code": "USD",
    }
    return refusal("cloud_rate", **(row | changes))


def check(con: duckdb.DuckDBPyConnection, name: str, subject: str = "cloud_rate") -> tuple[bool, dict]:
    """One check of an observed table."""
    return CHECKS[name].run(con, subject_named(subject))


def market(prices: dict[str, tuple[str, int, float]]) -> str:
    """A catalog: instance type -> (accelerator, count, price)."""
    return HEADER + "".join(f"{name},{gpu},{count},8,64,{price},r1,,\n" for name, (gpu, count, price) in prices.items())


@pytest.fixture
def fair(home: Home) -> Home:
    """A market of H100 at three providers, with the reference tables."""
    recording.refresh_reference(home)
    for cloud, price in (("lambda", 3.0), ("runpod", 2.5), ("fluidstack", 3.5)):
        take(home, market({f"{cloud}_h100": ("H100 SXM", 1, price)}), "2026-01-01", f"{cloud}_vms.csv")
    recording.record_subject(home, "cloud_rate")
    return home


# Grids ----------------------------------------------------------------------------------------------------------------


def test_a_factor_of_77_tonnes_a_kilowatt_hour() -> None:
    """Tonnes a GWh taken for tonnes a kWh, and the like: nothing on earth emits more than 1,500 g/kWh."""
    assert "is above 1500" in str(grid(77_000_000))
    assert "is above 1500" in str(grid(77_000))
    assert grid(928) is None


@pytest.mark.parametrize("share", [0.94, 0.0, 0.07])
def test_a_carbon_free_share_used_as_intensity(share: float) -> None:
    assert "lifecycle is not zero" in str(grid(share))
    assert grid(11.0) is None


def test_a_zero_that_means_unknown() -> None:
    """A grid without data published as 0; a GPU without a price listed at 0. Norway's direct 0 is honest."""
    assert "lifecycle is not zero" in str(grid(0))
    assert "price_amount_per_hour" in str(rate(0))
    assert grid(0, basis_boundary="direct") is None


def test_average_is_never_served_as_marginal() -> None:
    """The basis is part of the key: both stand side by side, and an estimate reads the average only."""
    keys = subject_named("grid_carbon").keys
    assert {"basis_method", "basis_boundary", "basis_accounting", "basis_kind"} <= set(keys)
    assert "basis_method is not one of" in str(grid(400, basis_method="mean"))
    con = duckdb.connect()
    from tests.assets.estimated.conftest import build

    build(con)
    con.execute("DELETE FROM observed.grid_carbon WHERE basis_method = 'average'")
    result = estimate_training(
        con, scenario_of({"model": "gpt-3-175b", "accelerator": "nvidia-h100-sxm-80gb", "region": "GB"}), AT
    ).as_json()
    assert result["operational_kgco2e"]["central"] is None
    assert result["operational_kgco2e"]["reason"]


EMPTY = {
    "electricity_maps": ("{}", "[]", '{"data": []}', '{"zone": "DE", "history": []}', "null"),
    # These are sound answers of their kind, and hold nothing.
    "digitalocean": ('{"sizes": []}',),
    "linode": ('{"data": []}',),
    "vultr": ('{"plans": []}',),
    "azure_retail": ('{"Items": [], "Count": 0}',),
    "genai_prices": ("[]",),
}


@pytest.mark.parametrize(("source_id", "body"), [(s, body) for s, bodies in EMPTY.items() for body in bodies])
def test_an_http_200_with_an_empty_map(home: Home, source_id: str, body: str) -> None:
    """For months a map answered 200 with no zones: kept, refused, red."""
    file = home.spool_dir / "map.json"
    file.write_text(body)
    taken = intake.take(home, source_named(source_id), [Document(file, "https://x", AT, "json")])
    assert (taken.outcome, taken.row_count) == ("rejected", 0)
    assert taken.message
    assert len(list(CaptureStore(home).captures())) == 1


def test_after_an_empty_answer_the_last_good_rows_stay(home: Home) -> None:
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    assert take(home, HEADER, "2026-01-02").outcome == "rejected"
    recording.record_subject(home, "cloud_rate")
    assert [(row[0], row[3]) for row in current(home)] == [("a", None)]


# Regions --------------------------------------------------------------------------------------------------------------


def region_conflicts(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        r[0]
        for r in con.execute("SELECT provider || '/' || region || ': ' || conflict FROM region_conflict()").fetchall()
    ]


@pytest.fixture
def regions() -> Iterator[duckdb.DuckDBPyConnection]:
    """The reference regions as they ship, to be spoilt."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA reference")
    region = next(t for t in REFERENCE_TABLES if t.name == "region")
    con.register("_region", read_reference(region).frame.to_arrow())
    con.execute("CREATE TABLE reference.region AS FROM _region")
    sql = Path(__file__).parents[2] / "assets" / "published" / "sql" / "region_conflict.sql"
    con.execute(sql.read_text(encoding="utf-8"))
    yield con
    con.close()


def test_right_city_wrong_state(regions: duckdb.DuckDBPyConnection) -> None:
    """Portland in Maine for Portland in Oregon, Columbus in Georgia for Columbus in Ohio."""
    assert region_conflicts(regions) == []
    regions.execute(
        "UPDATE reference.region SET latitude = 32.46, longitude = -84.99 WHERE provider = 'aws' AND region = 'us-east-2'"
    )
    assert any(c.startswith("aws/us-east-2: ") for c in region_conflicts(regions))


def test_valid_but_wrong_zone(regions: duckdb.DuckDBPyConnection) -> None:
    """A zone that exists, of another country or another grid than everybody else in that town."""
    regions.execute("UPDATE reference.region SET grid_zone = 'FR' WHERE provider = 'aws' AND region = 'eu-central-1'")
    regions.execute(
        "UPDATE reference.region SET grid_zone = 'US-TEX-ERCO' WHERE provider = 'aws' AND region = 'us-east-1'"
    )
    found = region_conflicts(regions)
    assert any(c.startswith("aws/eu-central-1: ") and "country" in c for c in found)
    assert any(c.startswith("aws/us-east-1: ") and "zone" in c for c in found)


# Counting and units ---------------------------------------------------------------------------------------------------


def test_eight_gpus_read_as_one(fair: Home) -> None:
    """27.5 USD "for an H100": the check names it; where the provider documents the type, the count is put right."""
    take(
        fair,
        market({"lambda_h100": ("H100 SXM", 1, 3.0), "gpu_8x": ("H100 SXM", 1, 27.5)}),
        "2026-01-02",
        "lambda_vms.csv",
    )
    take(fair, market({"p5.48xlarge": ("H100 SXM", 1, 55.04)}), "2026-01-02", "aws_vms.csv")
    recording.record_subject(fair, "cloud_rate")
    with write_session(fair, catalog()) as con:
        passed, told = check(con, "rates_agree")
        assert not passed
        assert "gpu_8x" in str(told)
        per_gpu = con.execute(
            "SELECT price_usd_per_gpu_hour FROM observed.cloud_rate WHERE instance_type = 'p5.48xlarge'"
        ).fetchall()
    assert per_gpu == [(pytest.approx(6.88),)]


def test_a_host_without_its_gpu_and_a_gpu_without_its_host(fair: Home) -> None:
    """The price of the CPU machine alone stands far from the market; a GPU alone says so in its key."""
    take(
        fair,
        market({"lambda_h100": ("H100 SXM", 1, 3.0), "host_only": ("H100 SXM", 1, 0.15)}),
        "2026-01-02",
        "lambda_vms.csv",
    )
    recording.record_subject(fair, "cloud_rate")
    with write_session(fair, catalog()) as con:
        passed, told = check(con, "rates_agree")
    assert not passed
    assert "host_only" in str(told)
    assert "price_component" in subject_named("cloud_rate").keys
    assert "price_component is not one of" in str(rate(2.0, price_component="gpu"))


def test_a_fair_market_raises_no_alarm(fair: Home) -> None:
    with write_session(fair, catalog()) as con:
        assert check(con, "rates_agree")[0]
        assert check(con, "no_unit_jumps")[0]


def test_a_month_read_as_an_hour() -> None:
    assert "gpu hour in bounds" in str(rate(2.5 * 730))
    assert "gpu hour in bounds" in str(rate(2.5 / 730)), "an hour read as a month"
    assert rate(2.5 * 8, count=8) is None


def test_cents_read_as_dollars_and_a_month_as_an_hour_for_one_offer(fair: Home) -> None:
    """Within all bounds, but a hundred times yesterday's price."""
    take(fair, market({"lambda_h100": ("H100 SXM", 1, 0.06)}), "2026-01-02", "lambda_vms.csv")
    recording.record_subject(fair, "cloud_rate")
    with write_session(fair, catalog()) as con:
        passed, told = check(con, "no_unit_jumps")
    assert not passed
    assert "lambda_h100" in str(told)


def test_one_tpu_price_for_all_slice_sizes(fair: Home) -> None:
    """A tool gave tpu-v5e-4, -8 and -256 one price: either the size or the price is not read."""
    sizes = {f"tpu-{n}": ("TPU v5e", n, 4.8) for n in (1, 4, 8, 16)}
    take(fair, market({"lambda_h100": ("H100 SXM", 1, 3.0)} | sizes), "2026-01-02", "lambda_vms.csv")
    recording.record_subject(fair, "cloud_rate")
    with write_session(fair, catalog()) as con:
        passed, told = check(con, "rates_agree")
    assert not passed
    assert "1.0 to 16.0 accelerators" in str(told["one_price_for_all_sizes"])


def test_gigabytes_are_not_gibibytes() -> None:
    """A size in another unit is not taken for GiB; 80 GB and 80 GiB cards are told apart by 8%."""
    frame = pl.DataFrame({"memory": ["1,952 GiB", "1952 GB", "2 TiB", "1952", "NA", None]})
    assert frame.select(_aws.gib("memory")).to_series().to_list() == [1952.0, None, None, None, None, None]


@pytest.mark.parametrize(("price", "refused"), [(0.03 * 1e6, True), (0.03, False), (2.5 * 1e6, True), (600.0, False)])
def test_a_price_per_thousand_or_per_token_for_one_per_million(price: float, refused: bool) -> None:
    row = {
        "vendor": "v",
        "model": "m",
        "direction": "input",
        "service_tier": "standard",
        "context_tier_from_tokens": 0,
        "time_window": "",
        "region": "global",
        "price_usd_per_mtok": price,
    }
    assert (refusal("token_price", **row) is not None) == refused


def test_a_price_per_thousand_calls_is_no_token_price(tmp_path: Path) -> None:
    """`requests_kcount` beside `input_mtok`: left out, not read as tokens."""
    body = json.dumps(
        [
            {
                "id": "v",
                "models": [{"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 1.0, "requests_kcount": 12}}],
            }
        ]
    )
    scopes, _ = read_body("genai_prices", body, tmp_path)
    rows = pl.concat(scopes.values())
    assert rows.select("direction", "price_usd_per_mtok").rows() == [("input", 1.0)]


def test_input_and_output_in_each_others_place(home: Home) -> None:
    """A map sold a model's output at a quarter of its input for a year: at no time, and as known at none, is that a price.

    Nor is it an end: the model was listed, so what was known of it goes on.
    """
    for month, pair in ((1, (3.75e-08, 1.5e-07)), (3, (1.5e-07, 3.75e-08)), (6, (3.75e-08, 1.5e-07))):
        file = home.spool_dir / "map.json"
        priced = dict(zip(("input_cost_per_token", "output_cost_per_token"), pair, strict=True))
        other = {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}
        entries = {f"c/m{n}": other | {"litellm_provider": "c"} for n in range(20)}
        file.write_text(json.dumps({"c/command": priced | {"litellm_provider": "c"}, **entries}))
        at = dt.datetime(2026, month, 1, tzinfo=dt.UTC)
        assert intake.take(home, source_named("litellm"), [Document(file, "u", at, "json")]).outcome == "loaded"
        recording.record_subject(home, "token_price")
    with write_session(home, catalog()) as con:
        known = con.execute("SELECT epoch_us(recorded_at) FROM meta.capture ORDER BY load_number").fetchall()

        def told(at: str, as_known: int) -> dict[str, float]:
            rows = con.execute(
                f"SELECT direction, price_usd_per_mtok FROM token_price_as_of(TIMESTAMPTZ '{at}', make_timestamptz({as_known})) "
                "WHERE model = 'command'"
            ).fetchall()
            return dict(rows)

        right = {"input": 0.0375, "output": 0.15}
        for clock, at, expected in (
            (0, "2026-04-01", right),
            (1, "2026-04-01", right),
            (2, "2026-04-01", right),
            (2, "2026-07-01", right),
        ):
            assert told(at, known[clock][0]) == expected
        held = con.execute("SELECT count(*) FROM observed.token_price_log WHERE is_offered IS NULL").fetchone()
        assert held == (2,)
        reasons = con.execute("SELECT DISTINCT reason FROM meta.rejected_row").fetchall()
    assert len(reasons) == 1
    assert "cheaper than input" in reasons[0][0]


def test_sparse_flops_as_dense() -> None:
    """1,979 TFLOP/s for an H100 is the sparse figure; the row must agree with itself."""
    frame = read_reference(next(t for t in REFERENCE_TABLES if t.name == "accelerator")).frame
    h100 = frame.filter(pl.col("accelerator_id") == "nvidia-h100-sxm-80gb")
    assert h100["fp16_dense_flop_per_s"][0] == pytest.approx(989.4e12, rel=0.001)
    sparse = h100.with_columns(fp16_dense_flop_per_s=pl.lit(1978.9e12))
    assert Accelerator.filter(sparse)[1].counts() == {"dense_beside_dense": 1}
    assert Accelerator.filter(frame)[0].height == frame.height


def test_gpus_times_hours_against_hours() -> None:
    """1,024 GPUs for 21 days are 516,096 GPU-hours, not 504."""
    con = duckdb.connect()
    from tests.assets.estimated.conftest import build

    build(con)
    with pytest.raises(ScenarioError, match=r"gpu_hours 504 against 1024 accelerators x 21 days"):
        estimate_training(con, scenario_of({"accelerator_count": 1024, "duration_days": 21, "gpu_hours": 504}), AT)


def test_a_share_of_vcpus_for_a_share_of_gpus(fair: Home) -> None:
    """A GPU's price is the offer over its accelerators, whatever the vCPUs are."""
    body = (
        HEADER + "lambda_h100,H100 SXM,1,8,64,3.0,r1,,\nmany,H100 SXM,8,224,64,24,r1,,\nfew,H100 SXM,8,2,64,24,r1,,\n"
    )
    take(fair, body, "2026-01-02", "lambda_vms.csv")
    recording.record_subject(fair, "cloud_rate")
    with write_session(fair, catalog()) as con:
        rows = con.execute(
            "SELECT price_usd_per_gpu_hour FROM observed.cloud_rate WHERE instance_type IN ('many', 'few')"
        ).fetchall()
    assert rows == [(3.0,), (3.0,)]


# Unknowns -------------------------------------------------------------------------------------------------------------


def test_the_unknown_is_not_priced_at_a_default(fair: Home) -> None:
    """An accelerator nobody knows stays unmatched and listed; a training on it has no cost, and says why."""
    take(
        fair,
        market({"lambda_h100": ("H100 SXM", 1, 3.0), "new": ("Q9000 Ultra", 1, 3.0)}),
        "2026-01-02",
        "lambda_vms.csv",
    )
    recording.record_subject(fair, "cloud_rate")
    with write_session(fair, catalog()) as con:
        assert con.execute("SELECT accelerator_id FROM observed.cloud_rate WHERE instance_type = 'new'").fetchall() == [
            (None,)
        ]
        assert con.execute("SELECT accelerator_name FROM observed.unmatched_accelerator").fetchall() == [
            ("Q9000 Ultra",)
        ]
        scenario = scenario_of({"model": "gpt-3-175b", "accelerator": "nvidia-b200-sxm-180gb", "region": "ZZ"})
        try:
            result = estimate_training(con, scenario, AT).as_json()
        except ScenarioError as e:
            assert "ZZ" in str(e)
        else:
            assert result["cost_usd"]["central"] is None
            assert result["cost_usd"]["reason"]


@pytest.mark.parametrize("price", ["", "n/a", "NaN", "-1", "None", "inf"])
def test_no_price_is_no_row(home: Home, price: str) -> None:
    body = offers({f"m{n}": 2.0 for n in range(9)}) + f"x,H100,1,8,64,{price},r1,,\n"
    take(home, body, "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    assert "x" not in {row[0] for row in current(home)}


def test_a_sold_out_region_is_not_offered(tmp_path: Path) -> None:
    """The cheapest region of a ranking had nothing to rent: what is not available is not loaded."""
    size = {
        "slug": "gpu-h100x1",
        "price_hourly": 3.39,
        "vcpus": 20,
        "memory": 245760,
        "regions": ["nyc2"],
        "available": True,
        "gpu_info": {"count": 1, "model": "nvidia_h100", "vram": {"amount": 80, "unit": "gib"}},
    }
    soldout = size | {"slug": "gpu-h100x8", "available": False}
    nowhere = size | {"slug": "gpu-l40s", "regions": []}
    scopes, _ = read_body("digitalocean", json.dumps({"sizes": [size, soldout, nowhere]}), tmp_path)
    assert scopes["digitalocean"]["instance_type"].to_list() == ["gpu-h100x1"]


# Time -----------------------------------------------------------------------------------------------------------------


def test_a_cancelled_announcement_is_not_applied() -> None:
    """A rise announced for day 10, called off on day 5: at no time does it hold, but it was believed on day 3."""
    store = Store(
        STATE,
        [Said(0, (("a", 1.0, None),)), Said(2, (("a", 1.0, None), ("a", 2.0, 10.0))), Said(5, (("a", 1.0, None),))],
        complete=True,
    )
    moments = [store.load(n) for n in range(3)]
    assert store.as_of(day(12)) == {"a": 1.0}
    assert store.as_of(day(12), known=moments[1]) == {"a": 2.0}


def test_a_restated_past_is_a_second_word_not_an_overwrite() -> None:
    store = Store(SERIES, [Said(100, (("a", 380.0, 0.0),)), Said(400, (("a", 429.0, 0.0),))], complete=False)
    first = store.load(0)
    store.load(1)
    assert store.as_of(day(0.5)) == {"a": 429.0}
    assert store.as_of(day(0.5), known=first) == {"a": 380.0}


def test_a_withdrawn_instance_keeps_its_history(home: Home) -> None:
    """A tool crashed on a bill of last year once the type had left the catalog."""
    take(home, offers({"a": 2.0, "old": 3.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    take(home, offers({"a": 2.0}), "2026-02-01")
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:

        def held(at: str) -> set[str]:
            rows = con.execute(f"SELECT instance_type FROM cloud_rate_as_of(TIMESTAMPTZ '{at}')").fetchall()
            return {r[0] for r in rows}

        assert held("2026-01-15") == {"a", "old"}
        assert held("2026-02-15") == {"a"}


def test_same_id_another_product(fair: Home) -> None:
    """A provider gave an old instance type a new GPU: two intervals, each with its own accelerator."""
    take(
        fair,
        market({"lambda_h100": ("H100 SXM", 1, 3.0), "gpu_1x": ("A100 40GB PCIe", 1, 2.0)}),
        "2026-02-01",
        "lambda_vms.csv",
    )
    recording.record_subject(fair, "cloud_rate")
    take(
        fair,
        market({"lambda_h100": ("H100 SXM", 1, 3.0), "gpu_1x": ("H100 SXM", 1, 2.9)}),
        "2026-03-01",
        "lambda_vms.csv",
    )
    recording.record_subject(fair, "cloud_rate")
    with write_session(fair, catalog()) as con:
        rows = con.execute(
            "SELECT accelerator_name, accelerator_id, valid_to IS NULL FROM observed.cloud_rate WHERE instance_type = 'gpu_1x' ORDER BY valid_from"
        ).fetchall()
    assert [(name, now) for name, _, now in rows] == [("A100 40GB PCIe", False), ("H100 SXM", True)]
    assert rows[0][1] != rows[1][1]


def test_a_rerun_that_doubles_rows(home: Home) -> None:
    for _ in range(3):
        take(home, offers({"a": 2.0, "b": 3.0}), "2026-01-01")
        recording.record_subject(home, "cloud_rate")
    assert len(log_rows(home)) == 2


def test_one_publishers_drift_stops_nobody_else(home: Home) -> None:
    """One renames a column; the other's rows are loaded in the same session, and the first's last good rows stay."""
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    assert take(home, offers({"a": 2.0}).replace("Price", "Rate", 1), "2026-01-02").outcome == "rejected"
    file = home.spool_dir / "do.json"
    file.write_text(
        json.dumps(
            {
                "sizes": [
                    {
                        "slug": "gpu-h100x1",
                        "price_hourly": 3.39,
                        "vcpus": 20,
                        "memory": 245760,
                        "regions": ["nyc2"],
                        "available": True,
                        "gpu_info": {"count": 1, "model": "nvidia_h100", "vram": {"amount": 80, "unit": "gib"}},
                    }
                ]
            }
        )
    )
    intake.take(home, source_named("digitalocean"), [Document(file, "https://x", AT, "json")])
    outcomes = {r.source_id: r.outcome for r in recording.record_subject(home, "cloud_rate")}
    assert outcomes == {"skypilot": "rejected", "digitalocean": "loaded"}
    assert {row[0] for row in current(home)} == {"a", "gpu-h100x1"}


def test_a_new_method_stands_beside_the_old_one(home: Home) -> None:
    """Numbers of an earlier method version stay as they were when the scenarios are computed anew."""
    from assets.estimated import assets as estimated

    recording.refresh_reference(home)
    with write_session(home, catalog()) as con:
        columns = "scenario_id, quantity, method_version, low, central, high, unit, as_of_at, is_bundled, computed_at"
        con.execute(
            f"INSERT INTO estimated.training_estimate ({columns}) VALUES ('gpt-3-175b', 'cost_usd', 'training-0', 1, 1, 1, 'USD', now(), false, now())"
        ).fetchall()
        estimated.compute(con)
        rows = con.execute(
            "SELECT method_version, central FROM estimated.training_estimate WHERE scenario_id = 'gpt-3-175b' AND quantity = 'cost_usd' ORDER BY 1"
        ).fetchall()
    assert rows[0] == ("training-0", 1.0)
    assert len(rows) == 2


def test_a_method_bump_under_the_same_name(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool changed its formula and kept its version: numbers of one name were of two methods. The warehouse remembers."""
    from assets.estimated import method_lock

    with write_session(home, catalog()) as con:
        assert method_lock.methods_changed_under_their_name(con) == []
        assert method_lock.methods_changed_under_their_name(con) == []
        texts = method_lock.training_texts()
        monkeypatch.setattr(method_lock, "training_texts", lambda: [t.replace(" * ", " + ", 1) for t in texts])
        assert method_lock.methods_changed_under_their_name(con) == ["training-1", "training-2"]
        assert method_lock.methods_changed_under_their_name(con) == ["training-1", "training-2"]
        monkeypatch.setattr(method_lock, "STEPS", {"training-3": method_lock.STEPS["training-2"]})
        assert method_lock.methods_changed_under_their_name(con) == []


def test_a_formula_written_otherwise_is_the_same_method(home: Home) -> None:
    """What another spelling of a formula gives to the last digit is no other method; anything else under its name is."""
    from assets.estimated import method_lock

    older = "UPDATE meta.definition SET fingerprint = ? WHERE name = 'method digest ecologits-0.9.1'"
    with write_session(home, catalog()) as con:
        assert method_lock.methods_changed_under_their_name(con) == []
        con.execute(older, ["233368d1fd4dd21da7cfb3e23235ada77abc20c02610c5fd56c448b6a1255207"]).fetchall()
        assert method_lock.methods_changed_under_their_name(con) == []
        con.execute(older, ["0" * 64]).fetchall()
        assert method_lock.methods_changed_under_their_name(con) == ["ecologits-0.9.1"]


# The reverse ----------------------------------------------------------------------------------------------------------


def test_real_payloads_pass(samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real answers of publishers are read without an alarm; the share of rows refused is printed and small."""
    from tests.museum.real import real_payloads

    good_rows = refused_rows = 0
    refused_files: list[str] = []
    table: list[str] = []
    for source_id, files in sorted(real_payloads(samples).items()):
        good = bad = 0
        for file in files:
            try:
                from tests.assets.sources.reading import read_files

                scopes, rejected = read_files(source_id, file, observed_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
            except LayoutError as e:
                refused_files.append(f"{source_id} {file.name}: {str(e)[:120]}")
                continue
            good += sum(f.height for f in scopes.values())
            bad += rejected.height
        table.append(
            f"{source_id:24} {len(files):4} files {good:9,} rows {bad:6,} refused ({bad / max(good + bad, 1):.2%})"
        )
        good_rows, refused_rows = good_rows + good, refused_rows + bad
    with capsys.disabled():
        share = refused_rows / (good_rows + refused_rows)
        summary = (
            f"in all {good_rows:,} rows, {refused_rows:,} refused ({share:.3%}); files refused: {len(refused_files)}"
        )
        sys.stdout.write("\n" + "\n".join([*table, summary, *refused_files[:20]]) + "\n")
    assert good_rows > 1000
    assert refused_rows / (good_rows + refused_rows) < 0.05
    assert not refused_files
    # The figure that docs/operations.md states is the one that is measured.
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    stated = re.search(r"of (\d+) thousand rows of recorded answers ([\d.]+)%", text)
    assert stated
    assert float(stated.group(2)) == pytest.approx(100 * share, abs=0.1)
