"""Each alert once on each channel, a notice when it is over, nothing lost when a channel is down, and never a red run."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from pipelines.alerts.notify import notify
from pipelines.alerts.sensors import alert_by_the_clock, alert_on_failure, alert_on_success
from pipelines.alerts.state import alert_state
from pipelines.definitions import defs
from pipelines.instance import instance as instance_of
from tests.pipelines.alerts.conftest import HOOK, Desk
from tests.warehouse.taking import offers
from warehouse.home import Home

Say = Callable[..., None]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
#: So many equal offers that they are the median of the market.
MANY = [f"gpu_{n}x_h100_sxm5" for n in range(1, 60)]


@pytest.fixture
def bare() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def load(instance: dg.DagsterInstance, file: Path, body: str) -> bool:
    """Run the source's job on a file, as `petaday load` does."""
    file.write_text(body)
    ops = {"sources__skypilot": {"config": {"files": [str(file)], "fetched_at": ""}}}
    job = defs.resolve_job_def("refresh_skypilot")
    return job.execute_in_process(instance=instance, run_config=QUIET | {"ops": ops}, raise_on_error=False).success


def test_a_stale_source_is_told_once_and_its_recovery_once(desk: Desk, say: Say, bare: dg.DagsterInstance) -> None:
    say({"a": 3.0}, "2026-01-01T00:00:00")
    assert notify(desk.home, bare).sent_count == 2  # one message, two channels
    assert notify(desk.home, bare).sent_count == 0
    assert len(desk.posts) == len(desk.mails) == 1
    assert "source skypilot (SkyPilot catalog) is stale: last good capture 2026-01-01 00:00 UTC" in desk.posts[0]
    say({"a": 3.1}, f"{dt.datetime.now(dt.UTC) - dt.timedelta(hours=1):%Y-%m-%dT%H:%M:%S}")
    notify(desk.home, bare)
    notify(desk.home, bare)
    assert len(desk.posts) == len(desk.mails) == 2
    assert "recovered: source skypilot is stale no longer" in desk.posts[1]
    assert "recovered" in desk.mails[1]


def test_a_source_that_answers_the_same_for_weeks_is_told_once_and_its_change_once(
    desk: Desk, say: Say, bare: dg.DagsterInstance
) -> None:
    """Read every week, never stale: new bytes with the same prices (a column of time) are nothing new."""
    now = dt.datetime.now(dt.UTC)

    def at(days: float) -> str:
        return f"{now - dt.timedelta(days=days):%Y-%m-%dT%H:%M:%S}"

    say({"a": 3.0, "b": 4.0}, at(16))
    say({"b": 4.0, "a": 3.0}, at(9))
    say({"a": 3.0, "b": 4.0}, at(2.5))
    assert notify(desk.home, bare).noticed_count == 0
    say({"b": 4.0, "a": 3.0}, at(0.1))
    notify(desk.home, bare)
    notify(desk.home, bare)
    (told,) = desk.posts
    assert "source skypilot (SkyPilot catalog) stands still: it is read, but said nothing new since" in told
    assert "for 16 days; expected within 14 days" in told
    say({"a": 3.1, "b": 4.0}, at(0))
    notify(desk.home, bare)
    assert len(desk.posts) == 2
    assert "recovered: source skypilot stands still no longer" in desk.posts[1]


def test_a_failing_source_is_told_with_its_reason_and_its_recovery(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "lambda_vms.csv"
    with instance_of(desk.home) as instance:
        assert not load(instance, file, "<html>blocked</html>")
        assert notify(desk.home, instance).noticed_count == 1
        # Failing on is no news.
        assert not load(instance, file, "<html>blocked again</html>")
        assert notify(desk.home, instance).noticed_count == 0
        assert load(instance, file, offers({"a": 3.0}))
        assert notify(desk.home, instance).noticed_count == 1
    assert "skypilot is failing: skypilot: captured but refused" in desk.posts[0]
    assert "HTML page came in place of data" in desk.posts[0]
    assert "recovered: source skypilot is failing no longer" in desk.posts[1]
    assert len(desk.posts) == 2


def test_a_source_whose_next_run_is_always_under_way_is_told_of(desk: Desk, tmp_path: Path) -> None:
    """A schedule that outruns its machine has a run that is not over at every look."""
    file = tmp_path / "lambda_vms.csv"
    job = defs.resolve_job_def("refresh_skypilot")

    def begin_another(instance: dg.DagsterInstance) -> None:
        run = instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
        assert (
            instance.get_asset_records([dg.AssetKey(["sources", "skypilot"])])[0].asset_entry.last_run_id == run.run_id
        )

    with instance_of(desk.home) as instance:
        assert not load(instance, file, "<html>blocked</html>")
        begin_another(instance)
        assert [notify(desk.home, instance).noticed_count for _ in range(2)] == [1, 0]
        assert load(instance, file, offers({"a": 3.0}))
        begin_another(instance)
        assert [notify(desk.home, instance).noticed_count for _ in range(2)] == [1, 0]
    assert "skypilot is failing: skypilot: captured but refused" in desk.posts[0]
    assert "recovered: source skypilot is failing no longer" in desk.posts[1]


def test_a_failed_publication_is_told_with_what_still_stands(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, bare: dg.DagsterInstance
) -> None:
    from assets.published import assets as published
    from warehouse.publish import PublishError

    real = published.publish

    def fails(*_: object) -> None:
        raise PublishError("publication 2 failed: no space")

    def settled() -> bool:
        only = [dg.AssetKey(["published", "warehouse_file"])]
        job = defs.resolve_job_def("settle")
        return job.execute_in_process(
            instance=bare, run_config=QUIET, raise_on_error=False, asset_selection=only
        ).success

    assert settled()
    monkeypatch.setattr(published, "publish", fails)
    assert not settled()
    assert notify(desk.home, bare).noticed_count == 1
    assert "publication failed: publication 2 failed: no space; still published is what was made" in desk.posts[0]
    monkeypatch.setattr(published, "publish", real)
    assert settled()
    notify(desk.home, bare)
    assert "recovered: publication failed no longer" in desk.posts[1]


def test_a_price_is_told_when_it_moved_beyond_the_setting(desk: Desk, say: Say, bare: dg.DagsterInstance) -> None:
    desk.configure('[when]\nkinds = ["price_moved"]\nprice_moved_percent = 20\n')
    say({"gpu_1x_h100_sxm5": 3.0, "gpu_8x_h100_sxm5": 24.0}, "2026-04-01T00:00:00")
    assert notify(desk.home, bare).noticed_count == 0  # the first look only takes note
    say({"gpu_1x_h100_sxm5": 2.7, "gpu_8x_h100_sxm5": 24.0}, "2026-04-02T00:00:00")
    assert notify(desk.home, bare).noticed_count == 0  # 10 %
    # Again 10 %: 19 % since it was first seen; then 27 %.
    say({"gpu_1x_h100_sxm5": 2.43, "gpu_8x_h100_sxm5": 24.0}, "2026-04-03T00:00:00")
    assert notify(desk.home, bare).noticed_count == 0
    say({"gpu_1x_h100_sxm5": 2.19, "gpu_8x_h100_sxm5": 12.0}, "2026-04-04T00:00:00")
    assert notify(desk.home, bare).noticed_count == 1
    (line,) = desk.posts
    assert "at lambda moved -50.0 %: gpu_8x_h100_sxm5 in r1 24 USD -&gt; 12 USD per hour; 2 offers moved" in line
    assert notify(desk.home, bare).noticed_count == 0
    # An old file that is loaded late moves nothing that holds now.
    say({"gpu_1x_h100_sxm5": 9.0, "gpu_8x_h100_sxm5": 99.0}, "2026-03-01T00:00:00")
    assert notify(desk.home, bare).noticed_count == 0
    # Gone and back at another price.
    say({"gpu_1x_h100_sxm5": 2.19}, "2026-04-05T00:00:00")
    assert notify(desk.home, bare).noticed_count == 0
    say({"gpu_1x_h100_sxm5": 2.19, "gpu_8x_h100_sxm5": 24.0}, "2026-04-06T00:00:00")
    notify(desk.home, bare)
    assert "moved +100.0 %" in desk.posts[1]


def test_prices_can_be_narrowed_to_an_accelerator(desk: Desk, say: Say, bare: dg.DagsterInstance) -> None:
    desk.configure('[when]\nkinds = ["price_moved"]\naccelerators = ["nvidia-b200-sxm-180gb"]\n')
    say({"gpu_1x_h100_sxm5": 3.0}, "2026-04-01T00:00:00")
    notify(desk.home, bare)
    say({"gpu_1x_h100_sxm5": 1.0}, "2026-04-02T00:00:00")
    assert notify(desk.home, bare).noticed_count == 0


def _days_ago(days: int) -> str:
    """A date that estimates of today still count: a price lapses some time after it was last seen."""
    return f"{dt.datetime.now(dt.UTC) - dt.timedelta(days=days):%Y-%m-%dT00:00:00}"


def test_an_estimate_is_told_with_a_split_that_adds_up(desk: Desk, say: Say, bare: dg.DagsterInstance) -> None:
    desk.configure('[when]\nkinds = ["estimate_moved"]\n')
    say(dict.fromkeys(MANY, 4.0), _days_ago(2), has_estimates=True)
    assert notify(desk.home, bare).noticed_count == 0
    say(dict.fromkeys(MANY, 2.0), _days_ago(1), has_estimates=True)
    assert notify(desk.home, bare).noticed_count > 0
    assert notify(desk.home, bare).noticed_count == 0
    line = next(x for x in desk.mails[0].splitlines() if "estimate gpt-3-175b-h100 cost_usd" in x)
    assert "moved -50.0 %" in line
    with alert_state(desk.home) as con:
        old, new = con.execute(
            "SELECT 2 * central, central FROM estimated.training_estimate WHERE scenario_id = 'gpt-3-175b-h100' AND quantity = 'cost_usd'"
        ).fetchall()[0]
        parts = con.execute("SELECT count(*) FROM alerts.main.told_factor").fetchall()[0][0]
    assert f"{old:,.0f} -> {new:,.0f} USD; -{old - new:,.0f} USD by usd_per_gpu_hour 4 -> 2 USD/GPU-hour" in line
    assert parts > 0


def test_an_estimate_that_becomes_unknown_says_why(desk: Desk, say: Say, bare: dg.DagsterInstance) -> None:
    desk.configure('[when]\nkinds = ["estimate_moved"]\n')
    say(dict.fromkeys(MANY, 4.0), _days_ago(2), has_estimates=True)
    notify(desk.home, bare)
    say({f"gpu_{n}x_a10": 1.0 for n in range(1, 60)}, _days_ago(1), accelerator="A10", has_estimates=True)
    notify(desk.home, bare)
    assert "estimate gpt-3-175b-h100 cost_usd" in desk.mails[0]
    assert "became unknown, was" in desk.mails[0]
    assert "give usd_per_gpu_hour" in desk.mails[0]


def test_what_a_channel_does_not_take_waits_for_the_next_look(desk: Desk, say: Say, bare: dg.DagsterInstance) -> None:
    desk.web.answers.clear()
    desk.web.add(HOOK, b"busy", 503, times=1)
    desk.web.add(HOOK, b"ok")
    say({"a": 3.0}, "2026-01-01T00:00:00")
    told = notify(desk.home, bare)
    assert told.problems == ["webhook at 127.0.0.1: answered 503; 1 waiting, tried again at the next look"]
    assert notify(desk.home, bare).sent_count == 1
    assert len(desk.mails) == 1  # the channel that took it is not told again
    assert len(desk.posts) == 2


def test_a_sender_that_was_killed_in_mid_sending_leaves_a_marked_repeat(
    desk: Desk, say: Say, bare: dg.DagsterInstance
) -> None:
    say({"a": 3.0}, "2026-01-01T00:00:00")
    notify(desk.home, bare)
    with alert_state(desk.home) as con:
        con.execute("UPDATE alerts.main.delivery SET state = 'sending' WHERE channel = 'webhook'").fetchall()
    notify(desk.home, bare)
    assert "(perhaps a repeat) source skypilot" in desk.posts[1]
    assert len(desk.mails) == 1


def test_many_lines_are_one_message(desk: Desk, say: Say, bare: dg.DagsterInstance) -> None:
    desk.configure('[when]\nkinds = ["estimate_moved"]\nestimate_moved_percent = 0.001\n')
    say(dict.fromkeys(MANY, 4.0), _days_ago(2), has_estimates=True)
    notify(desk.home, bare)
    with alert_state(desk.home) as con:
        con.execute("UPDATE alerts.main.told_estimate SET central = central * 2").fetchall()
    told = notify(desk.home, bare)
    assert told.noticed_count > 30
    assert len(desk.mails) == 1
    assert f"and {told.noticed_count - 20} more: petaday alerts status" in desk.mails[0]
    assert f"{told.noticed_count} estimates moved" in desk.smtp.received[0].message["Subject"]


def test_processes_at_once_tell_once(desk: Desk, say: Say) -> None:
    desk.web.answers.clear()
    desk.web.add(HOOK, b"ok", delay_s=0.2)
    say({"a": 3.0}, "2026-01-01T00:00:00")
    command = [sys.executable, "-m", "pipelines.cli", "alerts", "check"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    racing = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    lines = [p.communicate(timeout=600)[0].strip() for p in racing]
    assert [p.returncode for p in racing] == [0, 0, 0]
    assert sorted(lines) == ["0 noticed, 0 sent", "0 noticed, 0 sent", "1 noticed, 2 sent"]
    assert len(desk.posts) == len(desk.mails) == 1


def test_a_kind_that_is_off_is_not_told(desk: Desk, say: Say, bare: dg.DagsterInstance) -> None:
    desk.configure('[when]\nkinds = ["price_moved"]\n')
    say({"a": 3.0}, "2026-01-01T00:00:00")
    assert notify(desk.home, bare).noticed_count == 0
    desk.configure('[when]\nignore_sources = ["skypilot"]\n')
    assert notify(desk.home, bare).noticed_count == 0


@pytest.mark.parametrize("text", ["[when", "[slack]\n"])
def test_bad_settings_are_a_problem_not_an_error(desk: Desk, text: str) -> None:
    (desk.home.root / "alerts.toml").write_text(text)
    told = notify(desk.home)
    assert len(told.problems) == 1
    assert "alerts.toml" in told.problems[0]


def test_a_damaged_state_is_said_with_what_to_do(desk: Desk, bare: dg.DagsterInstance) -> None:
    (desk.home.root / "alerts").mkdir()
    (desk.home.root / "alerts" / "state.duckdb").write_bytes(b"no database")
    told = notify(desk.home, bare)
    assert "remove it to begin anew" in told.problems[0]


def test_without_a_channel_nothing_is_looked_at(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PETADAY_ALERT_WEBHOOK_URL", raising=False)
    assert not notify(home).is_configured
    assert not (home.root / "alerts").exists()


def test_the_sensors_tell_and_never_fail(desk: Desk, tmp_path: Path) -> None:
    with instance_of(desk.home) as instance:
        load(instance, tmp_path / "lambda_vms.csv", "<html>blocked</html>")
        clock = alert_by_the_clock(dg.build_sensor_context(instance))
        assert isinstance(clock, dg.SkipReason)
        assert clock.skip_message == "1 noticed, 2 sent"
        # The others look at the same thing, so it is not told again.
        run = instance.get_runs(limit=1)[0]
        failure = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)[0].dagster_event
        assert failure is not None
        context = dg.build_run_status_sensor_context("alert_on_failure", failure, instance, run).for_run_failure()
        outcome = alert_on_failure(context)
        assert isinstance(outcome, dg.SkipReason)
        assert outcome.skip_message == "0 noticed, 0 sent"
        (desk.home.root / "alerts.toml").write_text("[when")
        broken = alert_on_success(dg.build_run_status_sensor_context("alert_on_success", failure, instance, run))
        assert isinstance(broken, dg.SkipReason)
        assert "not valid TOML" in (broken.skip_message or "")
    assert {s.name for s in defs.sensors or ()} >= {"alert_on_failure", "alert_on_success", "alert_by_the_clock"}
