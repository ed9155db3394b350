"""The first runs of a team that nobody started by hand: facts are loaded by themselves, and what is derived waits for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pytest

from assets.catalog import catalog
from assets.dagster_support import HomeResource
from assets.estimated.estimate_file import estimate_file
from assets.reference.assets import reference_tables
from pipelines.definitions import defs
from tests.pipelines.test_definitions import QUIET, asked_of
from warehouse.connection import write_session
from warehouse.errors import NotPublishedError
from warehouse.home import Home

FACTS = {key for key in defs.resolve_asset_graph().get_all_asset_keys() if key.path[0] == "reference"}
AT = dt.datetime(2026, 3, 1, 12, 1, tzinfo=dt.UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as of:
        yield of


def derived(of: dg.DagsterInstance, *groups: str) -> dg.ExecuteInProcessResult:
    """One run of what is derived in some groups, as the automation asks for it."""
    keys = [key for key in defs.resolve_asset_graph().get_all_asset_keys() if key.path[0] in groups]
    return settled(of, keys)


def settled(of: dg.DagsterInstance, keys: list[dg.AssetKey]) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("settle").execute_in_process(
        instance=of, run_config=QUIET, raise_on_error=False, asset_selection=keys
    )


def made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {e.asset_key.to_user_string() for e in result.get_asset_materialization_events() if e.asset_key}


def told_of_waiting(of: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> list[str]:
    return [e.user_message for e in of.all_logs(result.run_id) if "skipped: waits for" in e.user_message]


def test_what_is_derived_waits_for_the_facts_and_then_runs(home: Home, instance: dg.DagsterInstance) -> None:
    """Found in a team whose sensor ran before anybody loaded the facts: "CN is not a region"."""
    defs.resolve_job_def("refresh_starter_cloud_rate").execute_in_process(instance=instance, run_config=QUIET)
    early = derived(instance, "estimated", "published")
    assert early.success
    assert any("reference.region" in line for line in told_of_waiting(instance, early))
    assert made(early) == {"estimated/grid_day", "estimated/green_trial", "estimated/green_window"}
    assert not home.published_file.exists()
    with write_session(home, catalog()) as con:
        assert con.execute("SELECT count(*) FROM estimated.factor").fetchall() == [(0,)]

    cursor = dg.evaluate_automation_conditions(defs, instance, evaluation_time=AT).cursor
    assert derived(instance, "reference").success
    # Decisions read estimates: they wait for these too.
    alone = settled(instance, [dg.AssetKey(["estimated", "siting"])])
    assert not made(alone)
    assert any("for estimated.factor, estimated.price_index" in line for line in told_of_waiting(instance, alone))

    after = dg.evaluate_automation_conditions(
        defs, instance, evaluation_time=AT + dt.timedelta(minutes=1), cursor=cursor
    )
    assert {"estimated/training_estimate", "estimated/siting", "published/warehouse_file"} <= {
        key.to_user_string() for key in asked_of(after)
    }
    trained = dg.AssetKey(["estimated", "training_estimate"])
    assert made(settled(instance, [trained])) == {trained.to_user_string()}
    with write_session(home, catalog()) as con:
        ((pf_days,),) = con.execute(
            "SELECT central FROM estimated.training_estimate WHERE scenario_id = 'gpt-3-175b' AND quantity = 'pf_days'"
        ).fetchall()
    assert pf_days == pytest.approx(3640, rel=0.0014)


def test_facts_are_loaded_by_themselves_once_and_when_they_change(home: Home, instance: dg.DagsterInstance) -> None:
    def asked(minute: int, of: dg.Definitions = defs) -> set[dg.AssetKey]:
        nonlocal cursor
        told = dg.evaluate_automation_conditions(
            of, instance, evaluation_time=AT + dt.timedelta(minutes=minute), cursor=cursor
        )
        cursor = told.cursor
        return asked_of(told) & FACTS

    cursor = None
    assert asked(0) == FACTS
    assert asked(1) == set()
    # Nobody loaded them: asked for again with the hour.
    assert asked(10) == FACTS
    assert derived(instance, "reference").success
    assert asked(11) == set()
    assert asked(80) == set()
    region = dg.AssetKey(["reference", "region"])
    newer = dg.Definitions(
        [
            reference_tables.map_asset_specs(
                lambda spec: spec.replace_attributes(code_version="of a newer Petaday") if spec.key == region else spec
            )
        ],
        resources={"home": HomeResource()},
    )
    assert asked(81, newer) == {region}


def test_facts_that_could_not_be_loaded_are_tried_again(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = dg.evaluate_automation_conditions(defs, instance, evaluation_time=AT).cursor
    (home.root / "regions.csv").write_text("no,such,columns\n")
    assert not derived(instance, "reference").success
    asked = []
    for minute in (1, 10):
        told = dg.evaluate_automation_conditions(
            defs, instance, evaluation_time=AT + dt.timedelta(minutes=minute), cursor=cursor
        )
        cursor = told.cursor
        asked.append(asked_of(told) >= FACTS)
    assert asked == [False, True]


def test_a_warehouse_without_facts_says_so_to_who_asks(home: Home, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = tmp_path / "mine.toml"
    scenario.write_text('[training]\nmodel = "gpt-3-175b"\naccelerator = "h100-sxm"\nregion = "us-east-1"\n')
    with write_session(home, catalog()):
        pass
    home.work_file.rename(home.published_file)
    with pytest.raises(NotPublishedError, match="no reference tables yet: run `petaday run` first"):
        estimate_file(home, scenario)
