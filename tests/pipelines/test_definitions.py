"""The one code location: it loads, every dependency resolves, every job runs, one publisher's failure stops nothing else."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets.catalog import catalog
from assets.lineage import OF_THE_RULE
from assets.recording import subjects_with_sources
from assets.sources import all_sources
from assets.subjects import SUBJECTS
from pipelines.definitions import build_defs, defs
from pipelines.instance import instance as instance_of
from pipelines.ticks import schedule_name
from pipelines.ui_command import WORKSPACE
from tests.conftest import MainJob
from tests.replay import ReplayServer
from tests.warehouse.taking import offers
from warehouse.connection import read_published
from warehouse.home import HOME_VARIABLE, Home

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
ROOT = Path(__file__).parents[2]


def execute(job: str, **options: object) -> dg.ExecuteInProcessResult:
    """Run a job on an instance that is forgotten afterwards."""
    config = QUIET | {"ops": options.pop("ops", {})}
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def(job).execute_in_process(
            instance=instance, run_config=config, raise_on_error=False, **options
        )  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def events(main_job: MainJob, tmp_path_factory: pytest.TempPathFactory) -> list[dg.DagsterEvent]:
    """What the main job told Dagster, as its instance keeps it."""
    with instance_of(main_job.copied_to(tmp_path_factory.mktemp("told") / "home")) as instance:
        (run,) = instance.get_runs(dg.RunsFilter(job_name="run"))
        return [e.dagster_event for e in instance.all_logs(run.run_id) if e.dagster_event]


@pytest.fixture
def after_main_job(main_job: MainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of the home that it made, set as PETADAY_HOME."""
    home = main_job.copied_to(tmp_path / "home")
    monkeypatch.setenv(HOME_VARIABLE, str(home.root))
    return home


def test_everything_loads_and_every_dependency_is_an_asset() -> None:
    dg.Definitions.validate_loadable(defs)
    graph = defs.resolve_asset_graph()
    assert not [k for k in graph.get_all_asset_keys() if not graph.get(k).is_materializable]


def test_every_source_and_subject_is_in_the_graph() -> None:
    keys = {k.to_user_string() for k in defs.resolve_asset_graph().get_all_asset_keys()}
    assert {f"sources/{s}" for s in all_sources()} <= keys
    assert {f"observed/{s.name}" for s in SUBJECTS if any(x.subject == s.name for x in all_sources().values())} <= keys
    assert {
        "estimated/training_estimate",
        "estimated/factor",
        "published/warehouse_file",
        "reference/accelerator",
    } <= keys


def test_lineage_runs_from_sources_to_the_published_file() -> None:
    graph = defs.resolve_asset_graph()
    seen, front = set(), [dg.AssetKey(["sources", "skypilot"])]
    while front:
        key = front.pop()
        seen.add(key.to_user_string())
        front += [k for k in graph.get(key).child_keys if k.to_user_string() not in seen]
    assert {"observed/cloud_rate", "estimated/training_estimate", "published/warehouse_file"} <= seen


def test_every_asset_says_whose_it_is_and_what_it_holds() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.group_name in ("sources", "reference", "observed", "estimated", "published"), spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key


def test_every_source_with_a_cadence_has_a_schedule_and_a_licence() -> None:
    schedules = {s.name for s in build_defs().schedules or []}
    for source in all_sources().values():
        assert source.licence
        assert source.homepage_url.startswith("https://")
        if source.cadence and source.plan:
            assert f"refresh_{source.source_id}_schedule" in schedules


def test_workspace_and_pyproject_name_the_same_location() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    module = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    assert (module["module_name"], module["location_name"]) == (
        project["code_location_target_module"],
        project["code_location_name"],
    )
    # However it is started, it has one name: Dagster keeps what is switched on, and the ticks, under it.
    for text in (WORKSPACE, (ROOT / "deploy" / "workspace.yaml").read_text()):
        ((_, told),) = yaml.safe_load(text)["load_from"][0].items()
        assert told["location_name"] == project["code_location_name"]


def test_the_main_job_runs_twice_and_the_second_changes_no_row(after_main_job: Home) -> None:
    home = after_main_job
    counts = "SELECT (SELECT count(*) FROM observed.cloud_rate_log), (SELECT count(*) FROM meta.capture), (SELECT count(*) FROM estimated.factor)"
    with read_published(home) as con:
        before = con.execute(counts).fetchall()
        pf_days = con.execute(
            "SELECT central FROM estimated.training_estimate WHERE scenario_id = 'gpt-3-175b' AND quantity = 'pf_days'"
        ).fetchall()[0][0]
    assert pf_days == pytest.approx(3640, rel=0.0014)
    published = home.published_file.stat().st_mtime_ns
    assert execute("run").success
    with read_published(home) as con:
        assert con.execute(counts).fetchall() == before
    assert home.published_file.stat().st_mtime_ns == published


def test_every_column_of_the_published_file_has_a_comment(main_job: MainJob) -> None:
    with read_published(main_job.home) as con:
        bare = con.execute(
            "SELECT schema_name || '.' || table_name || '.' || column_name FROM duckdb_columns() WHERE comment IS NULL AND NOT internal "
            "AND schema_name IN ('observed', 'meta', 'reference', 'estimated')"
        ).fetchall()
        assert bare == []
        nameless = con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL").fetchall()
        assert nameless == []
        listed = {r[0] for r in con.execute("SELECT name FROM petaday.help()").fetchall()}
        parts = {r[0] for r in con.execute("SELECT name FROM petaday.help(with_parts := true)").fetchall()} - listed
    assert {"cloud_rate_as_of", "pf_days", "observed.cloud_rate"} <= listed
    assert "_row_of_observed" in parts
    assert all(name.startswith("_") for name in parts)


def test_one_publisher_failing_stops_nothing_else(after_main_job: Home, replay: ReplayServer) -> None:
    """SkyPilot is down, one cloud drifts, the others are read: their rows are there, the asset is red and says what failed."""
    base = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8"
    replay.add(f"{base}/lambda/vms.csv", offers({"a": 2.0}))
    replay.add(f"{base}/aws/vms.csv", offers({"b": 3.0}).replace("Price", "Cost", 1))
    result = execute("refresh_skypilot")
    assert not result.success
    assert execute("run").success
    with read_published(after_main_job) as con:
        assert con.execute("SELECT instance_type FROM observed.cloud_rate WHERE source_id = 'skypilot'").fetchall() == [
            ("a",)
        ]
        message = con.execute(
            "SELECT message FROM meta.capture WHERE source_id = 'skypilot' AND outcome = 'rejected'"
        ).fetchall()
    assert "Price is missing" in message[0][0]


def test_a_source_without_its_key_is_neither_red_nor_asked(
    home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it shown as fresh: what was never read is not materialized, and nothing is derived from it."""
    for has_history in (False, True):
        keyed = next(
            s for s in all_sources().values() if s.key_name and s.plan and s.cadence and s.has_history == has_history
        )
        monkeypatch.delenv(keyed.key_name or "", raising=False)
        partition = {"partition_key": "2026-11-20"} if has_history else {}
        result = execute(f"refresh_{keyed.source_id}", **partition)
        assert result.success
        assert result.get_asset_materialization_events() == []
        schedule = defs.resolve_schedule_def(schedule_name(keyed.source_id))
        with (
            instance_of(home) as instance,
            dg.build_schedule_context(
                instance=instance,
                repository_def=defs.get_repository_def(),
                scheduled_execution_time=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
            ) as context,
        ):
            told = schedule.evaluate_tick(context)
            assert (told.run_requests, told.skip_message) == (
                [],
                f"{keyed.key_name} is not set in the environment of the daemon",
            )
            monkeypatch.setenv(keyed.key_name or "", "key")
            assert len(schedule.evaluate_tick(context).run_requests or ()) == 1
    assert replay.urls() == []


def test_a_source_without_its_key_does_not_hold_up_the_others_of_a_run(
    home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when many assets are materialized at once in the UI."""
    keyed = all_sources()["gcp_skus"]
    monkeypatch.delenv(keyed.key_name or "", raising=False)
    chosen = [dg.AssetKey(["sources", keyed.source_id]), dg.AssetKey(["observed", "cloud_rate"])]
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=chosen, run_config=QUIET
        )
    assert result.success
    assert {e.asset_key for e in result.get_asset_materialization_events()} == set(chosen)
    assert replay.urls() == []


def test_every_refresh_job_runs_to_an_end(home: Home, replay: ReplayServer) -> None:
    """Against publishers that answer 404 to everything: each job ends, red or waiting for its key, and loads nothing."""
    for source in all_sources().values():
        if source.plan is None or source.is_bundled:
            continue
        partition = {"partition_key": "2026-11-20"} if source.has_history else {}
        result = execute(f"refresh_{source.source_id}", **partition)
        assert not result.success or source.key_name or not source.hosts, source.source_id
    assert execute("settle").success


def test_checks_are_evaluated_on_every_observed_table(events: list[dg.DagsterEvent]) -> None:
    found = [
        e.asset_check_evaluation_data for e in events if e.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    checks = {(c.asset_key.to_user_string(), c.check_name): c.passed for c in found}
    assert checks["observed/cloud_rate", "values_in_bounds"]
    assert checks["observed/grid_carbon", "columns_as_declared"]
    assert all(checks.values()), [k for k, passed in checks.items() if not passed]


def test_every_table_tells_what_it_holds(events: list[dg.DagsterEvent]) -> None:
    """Every table of the main job says how many rows it has, of which captures it comes, and each column from which columns."""
    graph = defs.resolve_asset_graph()
    specs = {spec.key: spec for spec in defs.resolve_all_asset_specs()}
    columns = {
        k: {c.name for c in s.metadata["dagster/column_schema"].columns}
        for k, s in specs.items()
        if "dagster/column_schema" in s.metadata
    }
    materializations = [
        e.step_materialization_data.materialization
        for e in events
        if e.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION
    ]
    told_of = {m.asset_key: m.metadata for m in materializations}
    tables = {k for k in told_of if k.path[0] in ("sources", "reference", "observed", "estimated")}
    assert {k for k in graph.get_all_asset_keys() if k.path[0] in ("reference", "estimated")} <= tables
    # No table is held that is not told of.
    fed = {f"observed.{name}" for name in subjects_with_sources()}
    assert {t.full_name for t in catalog().tables} | fed == {".".join(k.path) for k in tables if k.path[0] != "sources"}
    file = told_of[dg.AssetKey(["published", "warehouse_file"])]
    assert file["dagster/row_count"].value == sum(file["tables"].value.values()) > 1000
    assert len(file["captures"].value) == file["capture_count"].value > 0
    for key in tables:
        told = told_of[key]
        assert isinstance(told["dagster/row_count"].value, int), key
        if key.path[0] == "reference":
            assert len(str(told["file_sha256"].value)) == 64
        else:
            assert told["captures"].value or not told["dagster/row_count"].value, key
        if key.path[0] == "sources":
            continue  # the roots: what they come from is the captures
        lineage = told["dagster/column_lineage"].value.deps_by_column
        if key.path[0] != "reference":
            shown = {
                column: r.data["comes_from"]
                for r in told["columns_come_from"].records
                for column in str(r.data["column"]).split(", ")
            }
            assert set(shown) == set(lineage)
            assert all(dep.column_name in shown[column] for column, deps in lineage.items() for dep in deps)
        assert set(lineage) <= columns[key]
        assert columns[key] - set(lineage) <= {
            "valid_to",
            "is_bundled",
            "source_id",
            "scope",
            "is_offered",
            "valid_from",
            "observed_at",
            "recorded_at",
            "capture_id",
        }, key
        for column, deps in lineage.items():
            assert bool(deps) or column in OF_THE_RULE or key.path[0] == "reference", (
                f"{key.to_user_string()}.{column} comes from nowhere"
            )
            for dep in deps:
                assert dep.asset_key in graph.get(key).parent_keys, (key, column)
                assert dep.column_name in columns[dep.asset_key], (key, column, dep)


def asked_of(told: dg.EvaluateAutomationConditionsResult) -> set[dg.AssetKey]:
    """Assets that the automation would run now."""
    return {r.key for r in told.results if r.true_subset.size}


def test_what_is_derived_follows_a_source_though_others_were_never_read(home: Home) -> None:
    """After one source of many was read, its subject, the estimates and the published file are asked for."""
    with dg.DagsterInstance.ephemeral() as instance:
        before = dg.evaluate_automation_conditions(defs, instance)
        assert {k.path[0] for k in asked_of(before)} == {"reference"}
        defs.resolve_job_def("refresh_starter_cloud_rate").execute_in_process(instance=instance, run_config=QUIET)
        after = dg.evaluate_automation_conditions(defs, instance, cursor=before.cursor)
        asked = {key.to_user_string() for key in asked_of(after)}
    assert {"observed/cloud_rate", "published/warehouse_file"} <= asked


def test_a_source_that_never_ends_does_not_hold_up_the_others(home: Home) -> None:
    """What others brought waits five minutes for it, not for ever (found by the nightly run of the daemon)."""
    at = dt.datetime(2026, 3, 1, 12, 1, tzinfo=dt.UTC)
    rates = dg.AssetKey(["observed", "cloud_rate"])
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = dg.evaluate_automation_conditions(defs, instance, evaluation_time=at).cursor
        hanging = instance.create_run_for_job(defs.resolve_job_def("refresh_verda"), status=dg.DagsterRunStatus.STARTED)
        assert hanging.is_finished is False
        defs.resolve_job_def("refresh_starter_cloud_rate").execute_in_process(instance=instance, run_config=QUIET)

        asked = []
        for minutes in (1.0, 4.5):
            told = dg.evaluate_automation_conditions(
                defs, instance, evaluation_time=at + dt.timedelta(minutes=minutes), cursor=cursor
            )
            asked.append(rates in asked_of(told))
            cursor = told.cursor
    assert asked == [False, True]


def test_every_schedule_and_sensor_says_what_it_does() -> None:
    found = build_defs()
    for one in [*(found.schedules or []), *(found.sensors or [])]:
        assert (getattr(one, "description", None) or "").strip(), one.name


def test_definitions_load_without_a_warning() -> None:
    """`petaday ui` showed 34 of them before its first page."""
    code = "import pipelines.definitions"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert result.stderr == ""
