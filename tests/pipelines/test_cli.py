"""The command line as a person uses it: real processes, exit codes, one clear line per error."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from dagster import RunsFilter

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import source_named
from pipelines import progress
from pipelines.cli import main
from pipelines.estimate_command import _cell, _in_reading_order
from pipelines.executing import execute
from pipelines.instance import CODE_LOCATION, instance
from pipelines.ui_command import WORKSPACE
from tests.conftest import MainJob
from tests.warehouse.taking import offers, take
from warehouse.home import HOME_VARIABLE, Home
from warehouse.publish import publish


def petaday(*arguments: str, home: Home, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    environment = os.environ | {"PETADAY_HOME": str(home.root), "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=cwd,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def built(main_job: MainJob, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after the main job, for the commands of this module to change."""
    return main_job.copied_to(tmp_path_factory.mktemp("built") / "home")


def test_the_main_job_says_what_it_made_and_what_to_do_next(main_job: MainJob) -> None:
    assert "pf_days" in main_job.printed
    assert str(main_job.home.published_file) in main_job.printed
    assert "petaday refresh" in main_job.printed


def test_the_ui_finds_the_run_of_a_command_among_the_runs_of_its_job(home: Home) -> None:
    """The timeline and the page of a job show runs by code location; without one the run of `petaday run` was in neither."""
    job, label = "refresh_starter_gpu_price", f"__repository__@{CODE_LOCATION}"
    steps: list[tuple[str, bool]] = []
    progress.listen(lambda *step: steps.append(step))
    try:
        assert execute(home, job, verbose=False) == []
    finally:
        progress.listen(None)
    assert steps == [("sources__starter_gpu_price", True)]
    with instance(home) as of:
        (run,) = of.get_runs(RunsFilter(job_name=job, tags={".dagster/repository": label}))
        assert run.remote_job_origin is not None
        assert run.remote_job_origin.repository_origin.get_label() == label
        assert run.remote_job_origin.job_name == job
        # Somebody sees it break off: a daemon does not repeat it.
        assert run.tags["dagster/max_retries"] == "0"
        told = {e.dagster_event.event_type_value for e in of.all_logs(run.run_id) if e.dagster_event}
    assert not {t for t in told if t.startswith("HOOK")}, "two events of every step that tell nothing"
    # Where a step's output goes to a file of the run, the last lines of it reach the terminal by chance only.
    assert not list(home.dagster_dir.rglob("compute_logs/*"))
    assert f"location_name: {CODE_LOCATION}\n" in WORKSPACE
    assert f"location_name: {CODE_LOCATION}\n" in (Path(__file__).parents[2] / "workspace.yaml").read_text()


def test_asking_before_anything_is_published_says_what_to_do(home: Home) -> None:
    result = petaday("status", home=home)
    assert result.returncode == 1
    assert result.stderr.strip().count("\n") == 0
    assert "petaday run" in result.stderr


@pytest.mark.parametrize(
    ("style", "expected"),
    [("csv", "a\n1\n"), ("json", '[{"a":1}]\n')],
)
def test_query_formats(built: Home, style: str, expected: str) -> None:
    assert petaday("query", "SELECT 1 AS a", "--format", style, home=built).stdout == expected


def test_query_csv_of_lists_and_structs_is_json_in_the_cell(built: Home) -> None:
    sql = "SELECT 1 AS a, [1, 2] AS \"the list\", {'x': 'y'} AS s"
    shown = petaday("query", sql, "--format", "csv", home=built)
    assert shown.stdout == 'a,the list,s\n1,"[1,2]","{""x"":""y""}"\n', shown.stderr


def test_query_shows_a_few_wide_rows_one_column_a_line(built: Home) -> None:
    shown = petaday("query", "FROM siting(gpu_hours := 1, accelerator := 'H100') LIMIT 2", home=built).stdout
    assert "-- row 2 --" in shown
    assert re.search(r"^total_usd +\d", shown, re.MULTILINE)
    assert re.search(r"^is_bundled +true$", shown, re.MULTILINE)
    assert shown.endswith("\n2 rows\n")


def test_query_tells_what_a_table_leaves_out(built: Home) -> None:
    shown = petaday("query", "SELECT *, * FROM reference.accelerator, range(10)", home=built).stdout.splitlines()[-1]
    assert re.fullmatch(
        r"[\d,]+ rows, the first and the last 100 shown; --format csv writes all; "
        r"10 of \d+ columns shown: name those you need, or --format records",
        shown,
    )
    assert petaday("query", "SELECT 1 AS a", home=built).stdout.endswith("┘\n1 row\n")


def test_query_names_the_columns_that_were_perhaps_meant(built: Home) -> None:
    result = petaday("query", "SELECT cost_usd FROM usage_cost()", home=built)
    assert result.returncode == 1
    assert '"list_cost_usd"' in result.stderr


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        ("FROM zone_carbon('nowhere')", ["petaday: of_zone: 'nowhere' is not known; known ones are in observed.grid_carbon"]),
        ("FROM method_band('nosuch')", ["petaday: of_factor: 'nosuch' is not known; known ones are in reference.method_default"]),
        ("FROM decision_default('life_yeers')", ["petaday: of_factor: 'life_yeers' is not known; did you mean life_years?"]),
        ("FROM passport('nosuch')", ["petaday: of_table: 'nosuch' is not known; known ones are in help(), such as estimated.training_estimate"]),
        ("FROM nosuch", ["petaday: Table with name nosuch does not exist!", "petaday: FROM help() lists tables, views and macros"]),
        ("FROM cloud_rate", ["petaday: Table with name cloud_rate does not exist!", 'petaday: Did you mean "observed.cloud_rate"?']),
        ("FROM cheapest(H100)", ['petaday: Referenced column "H100" was not found', "petaday: text is written in single quotes: 'H100'"]),
        ("SELEC 1", ['petaday: syntax error at or near "SELEC"']),
        ("SELECT CAST('Parser Error: x' AS INTEGER)", ["petaday: Could not convert string 'Parser Error: x' to INT32"]),
        (
            "FROM green_window('GB', 4, valid_at := now())",
            ["petaday: Macro green_window() does not support the supplied arguments. You might need to add explicit type casts.",
             "petaday: Candidate macros: green_window(zone, hours, from_at := "],
        ),
    ],
)  # fmt: skip
def test_an_error_of_a_query_says_what_is_wrong_and_no_more(
    built: Home, monkeypatch: pytest.MonkeyPatch, sql: str, lines: list[str]
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(built.root))
    result = CliRunner().invoke(main, ["query", sql])
    told = result.stderr.splitlines()
    assert (result.exit_code, len(told)) == (1, len(lines)), result.output
    assert all(line.startswith(wanted) for line, wanted in zip(told, lines, strict=True)), told
    assert not any("Error: " in line.split("'")[0] for line in told)


@pytest.mark.parametrize("sql", ["", " ;\n"])
def test_a_query_that_asks_nothing_says_so(sql: str) -> None:
    result = CliRunner().invoke(main, ["query", sql])
    assert result.exit_code == 2
    assert 'nothing is asked; begin with petaday query "FROM help()"' in result.stderr


def test_query_is_read_only(built: Home) -> None:
    result = petaday("query", "DELETE FROM observed.cloud_rate_log", home=built)
    assert result.returncode == 1
    assert "read-only" in result.stderr
    assert "Traceback" not in result.stderr


def test_query_parquet(built: Home, tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    assert (
        petaday("query", "FROM reference.country", "--format", "parquet", "--output", str(file), home=built).returncode
        == 0
    )
    import polars as pl

    assert pl.read_parquet(file).height > 200


def test_help_is_a_table_of_macros(built: Home) -> None:
    result = petaday(
        "query", "SELECT name FROM petaday.help() WHERE name = 'cloud_rate_as_of'", "--format", "csv", home=built
    )
    assert result.stdout == "name\ncloud_rate_as_of\n"


def test_status_shows_bundled_and_unread(built: Home) -> None:
    text = petaday("status", home=built).stdout
    table, unread = text.split("Not read yet, ")
    assert "starter_cloud_rate" in table
    assert "bundled" in table
    assert re.search(r"^`petaday refresh`: .*\balibaba, ", unread, re.MULTILINE)
    assert re.search(r"^`petaday load SOURCE FILE`: .*\bnordpool\b", unread.replace("\n    ", " "), re.MULTILINE)
    assert re.search(r"^needs EIA_API_KEY: eia_retail, eia", unread, re.MULTILINE)


def test_load_goes_the_same_way_and_again_changes_nothing(built: Home, tmp_path: Path) -> None:
    file = tmp_path / "lambda_vms.csv"
    file.write_text(offers({"gpu_1x_h100_sxm5": 3.0}))
    first = petaday("load", "skypilot", str(file), "--fetched-at", "2026-04-02T12:00:00Z", home=built)
    assert first.returncode == 0, first.stderr
    count = "SELECT count(*) AS n FROM observed.cloud_rate_log WHERE source_id = 'skypilot'"
    assert petaday("query", count, "--format", "csv", home=built).stdout == "n\n1\n"
    assert petaday("load", "skypilot", str(file), "--fetched-at", "2026-04-02T12:00:00Z", home=built).returncode == 0
    assert petaday("query", count, "--format", "csv", home=built).stdout == "n\n1\n"


def test_a_refused_file_is_exit_1_with_the_reason(built: Home, tmp_path: Path) -> None:
    file = tmp_path / "lambda_vms.csv"
    file.write_text("<html>blocked</html>")
    result = petaday("load", "skypilot", str(file), home=built)
    assert result.returncode == 1
    assert "HTML page came in place of data" in result.stderr
    assert "Traceback" not in result.stderr
    # The refusal is recorded and published; nothing is derived, since nothing can have changed.
    assert "estimated/" not in result.stderr
    told = "SELECT outcome FROM meta.capture WHERE source_id = 'skypilot' ORDER BY recorded_at DESC LIMIT 1"
    assert petaday("query", told, "--format", "csv", home=built).stdout == "outcome\nrejected\n"


def test_a_grid_without_one_of_its_fuels_is_exit_1_with_the_reason(built: Home, tmp_path: Path) -> None:
    """It is refused when it is recorded, by what is known of the zone, and not when it is read."""
    rows = [
        {
            "period": f"2026-01-01T{hour:02}",
            "respondent": "ERCO",
            "fueltype": fuel,
            "value": 100,
            "value-units": "megawatthours",
        }
        for hour in range(1, 5)
        for fuel in ("COL", "NUC", "WND")
    ]
    file = tmp_path / "texas.json"
    file.write_text(json.dumps({"response": {"total": len(rows), "data": rows}}))
    result = petaday("load", "eia", str(file), home=built)
    assert result.returncode == 1
    assert "generation of gas is missing from all of US-TEX-ERCO's answer" in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("load", "skypilott", "x"), "does not exist"),
        (("load", "skypilot"), "Missing argument"),
        (("refresh", "--from", "2026-01-01"), "needs the SOURCES"),
        (("refresh", "vast", "--from", "2026-01-01"), "has no history"),
        (("refresh", "gb_carbon_intensity", "--from", "2026-01-02", "--to", "2026-01-01"), "lies before"),
        (("query", "SELECT 1", "--format", "xml"), "xml"),
        (("nonsense",), "No such command"),
    ],
)
def test_bad_usage_is_exit_2(built: Home, arguments: tuple[str, ...], word: str) -> None:
    result = petaday(*arguments, home=built)
    assert result.returncode == 2
    assert word in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_source_names_the_closest(built: Home, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("x")
    result = petaday("load", "skypilott", str(file), home=built)
    assert result.returncode == 1
    assert "did you mean skypilot" in result.stderr


@pytest.mark.parametrize("moment", ["yesterday", "2999-01-01"])
def test_fetched_at_must_be_an_instant_of_the_past(built: Home, tmp_path: Path, moment: str) -> None:
    file = tmp_path / "lambda_vms.csv"
    file.write_text(offers({"a": 3.0}))
    assert petaday("load", "skypilot", str(file), "--fetched-at", moment, home=built).returncode == 2


def test_estimate_tells_every_problem_of_a_scenario(built: Home, tmp_path: Path) -> None:
    scenario = tmp_path / "wrong.toml"
    scenario.write_text('[training]\nmodel = "gpt-3"\naccelerator = "H1000"\nregion = "nowhere"\n')
    result = petaday("estimate", str(scenario), home=built)
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["accelerator", "region"]
    assert all("closest are" in line for line in lines)


def test_restate_tells_what_a_version_moves_of_the_band_alone(built: Home, tmp_path: Path) -> None:
    """training-2 combines the sides of the factors otherwise: the same central energy, another p5."""
    mine = tmp_path / "mine.toml"
    mine.write_text('[training]\nmodel = "gpt-3-175b"\naccelerator = "A100"\n')
    result = petaday("restate", "training-1", "training-2", str(mine), "--output", str(tmp_path / "out"), home=built)
    assert result.returncode == 0, result.stderr
    (energy,) = [line for line in result.stdout.splitlines() if "energy_kwh" in line and "it_energy" not in line]
    *_, central, low, high, unit, _ = [cell.strip() for cell in energy.split("│")]
    rows = pl.read_csv(tmp_path / "out" / "training-1-to-training-2.csv").filter(pl.col("quantity") == "energy_kwh")
    moved = rows.row(-1, named=True)
    assert (central, unit) == ("+0.0%", "kWh")
    assert low == f"{moved['new_low'] / moved['old_low'] - 1:+.1%}" != "+0.0%"
    assert high == f"{moved['new_high'] / moved['old_high'] - 1:+.1%}"


def test_estimate_prints_json_with_factors(built: Home, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nparameters_count = 174.6e9\ntokens_count = 300e9\n")
    result = petaday("estimate", str(file), "--json", home=built)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["pf_days"]["central"] == pytest.approx(3640, rel=0.0014)
    assert answer["cost_usd"]["central"] is None
    assert answer["factors"]


def test_why_a_scenario_of_ones_own_moved(built: Home, tmp_path: Path) -> None:
    """The file that is named stands beside the one that asks, wherever the command is given."""
    (tmp_path / "mine.toml").write_text(
        '[training]\nmodel = "llama-65b"\ngpu = "A100"\nprovider = "aws"\nregion = "us-east-1"\n'
    )
    asked = tmp_path / "moved.toml"
    asked.write_text(
        '[why_moved]\nscenario = "mine.toml"\nfrom_at = 2024-06-01\nto_accelerator = "nvidia-h100-sxm-80gb"\n'
    )
    result = petaday("estimate", str(asked), "--json", home=built)
    assert result.returncode == 0, result.stderr
    moved = {(r["quantity"], r["part"]): r["moved_by"] for r in json.loads(result.stdout)["rows"]}
    for quantity in ("cost_usd", "energy_kwh", "operational_kgco2e"):
        parts = [v for (q, part), v in moved.items() if q == quantity and part != "total"]
        assert sum(parts) == pytest.approx(moved[quantity, "total"], rel=1e-9)


def test_a_bad_scenario_is_one_clear_line(built: Home, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[training]\ntraining_flop = -1\n")
    result = petaday("estimate", str(file), home=built)
    assert result.returncode in (1, 2)
    assert "training_flop" in result.stderr
    assert "Traceback" not in result.stderr


def test_publications_and_check(built: Home) -> None:
    assert "petaday.duckdb" in petaday("publications", home=built).stdout
    result = petaday("check", home=built)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "all good" in result.stdout


def test_rebuild_restores_the_warehouse(built: Home) -> None:
    count = "SELECT count(*) AS n, max(recorded_at) AS last FROM observed.cloud_rate_log"
    before = petaday("query", count, "--format", "csv", home=built).stdout
    result = petaday("rebuild", home=built)
    assert result.returncode == 0, result.stderr
    assert petaday("query", count, "--format", "csv", home=built).stdout == before


def test_rebuild_without_captures_replaces_nothing(built: Home) -> None:
    kept, gone = built.captures_dir, built.captures_dir.with_name("elsewhere")
    number = built.published_file.stat().st_ino
    kept.rename(gone)
    try:
        result = petaday("rebuild", home=built)
    finally:
        shutil.rmtree(kept, ignore_errors=True)
        gone.rename(kept)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"no captures in {built.root}: there is nothing to rebuild from" in result.stderr
    assert built.published_file.stat().st_ino == number


def test_check_of_a_home_that_does_not_exist_says_so_and_makes_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "mistyped")
    result = petaday("check", home=home)
    assert result.returncode == 1
    assert result.stderr == f"petaday: nothing is published in {home.root} yet: run `petaday run` first\n"
    assert not home.root.exists()


@pytest.mark.parametrize("name", ["home [1]", "what?", "a*"])
def test_a_home_whose_name_is_a_pattern_to_dagster_is_refused(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path / name)
    result = petaday("run", home=home)
    assert result.returncode == 1
    assert f"petaday: {home.root}: Dagster takes *, ? and [ in a path for a pattern" in result.stderr
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["aemo"], 2, "aemo has no live feed: load its files with `petaday load aemo FILE`"),
        (["starter_cloud_rate"], 2, "starter_cloud_rate has no live feed: `petaday run` loads it"),
        (["ecb", "vast", "--from", "2026-11-01"], 2, "vast has no history to ask for: leave --from out"),
        (["eia"], 1, "petaday: eia: needs EIA_API_KEY in the environment\n"),
    ],
)
def test_what_cannot_be_read_is_said_before_anything_runs(
    home: Home, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.delenv("EIA_API_KEY", raising=False)
    result = petaday("refresh", *arguments, home=home)
    assert (result.returncode, result.stdout) == (code, "")
    assert words in result.stderr
    assert "reading" not in result.stderr
    assert not home.dagster_dir.joinpath("dagster.yaml").exists()


def test_a_place_that_cannot_be_written_is_named_without_a_number(built: Home, tmp_path: Path) -> None:
    target = tmp_path / "missing" / "x.csv"
    result = petaday("query", "SELECT 1", "--format", "csv", "--output", str(target), home=built)
    assert (result.returncode, result.stderr) == (1, f"petaday: {target}: no such file or directory\n")
    file = tmp_path / "file"
    file.write_text("")
    result = petaday("run", home=Home(file))
    assert result.returncode == 1
    assert f"petaday: {file} cannot be written (Not a directory:" in result.stderr


def test_growth_names_what_was_not_measured_in_one_line(built: Home) -> None:
    told = petaday("growth", home=built).stdout
    (line,) = [line for line in told.splitlines() if line.startswith("not measured, ")]
    assert "aws_spot" in line
    assert not [row for row in told.splitlines() if row.startswith("│ aws_spot")]


def test_commands_started_at_once_wait_for_each_other(home: Home) -> None:
    """Two first runs on one empty home: none fails, and nothing is there twice."""
    environment = os.environ | {"PETADAY_HOME": str(home.root), "PYTHONPATH": str(Path(__file__).parents[2])}
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "run"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(2)
    ]
    for process in runs:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
    counts = "SELECT count(*) = count(DISTINCT capture_id) AS once FROM meta.capture"
    assert petaday("query", counts, "--format", "csv", home=home).stdout == "once\ntrue\n"


def dagster(*arguments: str, home: Home) -> subprocess.CompletedProcess[str]:
    """Dagster's own command line on this code location."""
    from pipelines.instance import DAGSTER_YAML

    home.create()
    (home.dagster_dir / "dagster.yaml").write_text(DAGSTER_YAML)
    root = Path(__file__).parents[2]
    environment = os.environ | {
        "PETADAY_HOME": str(home.root),
        "DAGSTER_HOME": str(home.dagster_dir),
        "PYTHONPATH": str(root),
    }
    command = [sys.executable, "-m", "dagster", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root, check=False, timeout=600)


def test_dagster_validates_the_workspace_and_runs_the_main_job(main_job: MainJob, tmp_path: Path) -> None:
    home = main_job.copied_to(tmp_path / "home")
    home.published_file.unlink()
    result = dagster("definitions", "validate", "-w", "workspace.yaml", home=home)
    assert result.returncode == 0, result.stderr
    result = dagster("job", "execute", "-m", "pipelines.definitions", "-j", "run", home=home)
    assert result.returncode == 0, result.stderr
    assert home.published_file.exists()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_verbose_is_understood_wherever_it_stands(home: Home, place: int) -> None:
    words = ["query", "SELECT 1"]
    words.insert(place, "--verbose")
    result = petaday(*words, home=home)
    assert result.returncode != 2
    assert "NotPublishedError" in result.stderr


def _as_from_a_shell() -> None:
    """Signals as a shell hands them on, whatever another test or its libraries left blocked or ignored in this process."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _as_in_the_background_of_a_script() -> None:
    """A shell without job control lets what it starts with `&` ignore Ctrl-C."""
    _as_from_a_shell()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("number", "started"),
    [
        (signal.SIGTERM, _as_from_a_shell),
        (signal.SIGINT, _as_from_a_shell),
        (signal.SIGTERM, _as_in_the_background_of_a_script),
    ],
)
def test_the_ui_takes_its_own_processes_with_it(tmp_path: Path, number: int, started: Callable[[], None]) -> None:
    """Whoever stops `petaday ui` stops the daemon too: none goes on alone."""
    ready = tmp_path / "pid"
    child = (
        # As Dagster does: SIGTERM is dealt with as Ctrl-C is.
        "import os, pathlib, signal, time; signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT)); "
        f"pathlib.Path({str(ready)!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    code = f"import sys; from pipelines.ui_command import until_stopped; sys.exit(until_stopped([sys.executable, '-c', {child!r}]))"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, preexec_fn=started) as process:
        deadline = time.monotonic() + 120
        while not (ready.exists() and ready.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(timeout=120) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(ready.read_text()), 0)


def test_a_history_is_shown_from_its_latest_change_back() -> None:
    """Days on which a cost stood still are left to --json."""
    days = [("2026-01-01", "a", 5.0), ("2026-01-02", "a", 5.0), ("2026-01-02", "b", 9.0), ("2026-01-03", "a", 4.0)]
    rows = [{"index_on": d, "accelerator_id": a, "purchase_option": "on_demand", "cost_usd": c} for d, a, c in days]
    found = _in_reading_order("petaday_history", rows)
    assert [(r["index_on"], r["accelerator_id"]) for r in found] == [
        ("2026-01-03", "a"),
        ("2026-01-02", "b"),
        ("2026-01-01", "a"),
    ]


def test_a_source_whose_only_answer_was_refused_is_not_called_fresh(home: Home) -> None:
    take(home, offers({"a": 2.0}), "2026-01-01")
    intake.take_files(
        home, source_named("ercot"), [_file(home, "ercot.json", '{"data": {}}')], dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    )
    recording.record_subject(home, "cloud_rate")
    recording.record_subject(home, "grid_carbon")
    publish(home, catalog())
    (line,) = [line for line in petaday("status", home=home).stdout.splitlines() if " ercot " in line]
    assert "no good answer yet; last REJECTED" in line
    assert "fresh" not in line


def _file(home: Home, name: str, body: str) -> Path:
    path = home.root / name
    path.write_text(body, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [
        ("never: a bought token costs less than an own one", "never"),
        ("perhaps never: within the band own tokens cost more than bought ones", "never"),
        ("unknown: give own_tokens_per_s_per_gpu", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_volume_that_never_pays_back_is_not_called_unknown(verdict: str | None, shown: str) -> None:
    row = {"high_break_even_mtok": None, "own_usd_per_mtok": None, "verdict": verdict}
    assert _cell(row, "high_break_even_mtok") == shown
    assert _cell(row, "own_usd_per_mtok") == "unknown"


def test_what_an_esg_report_lacks_is_told_with_what_to_give(built: Home, tmp_path: Path) -> None:
    file = tmp_path / "year.toml"
    file.write_text(
        "[esg_report]\nof_year = 2023\n[[esg_report.workloads]]\nname = 'chat'\naccelerator = 'nvidia-h100-sxm-80gb'\n"
        "zone = 'SE'\ngpu_hours = 1000\n"
    )
    shown = petaday("estimate", str(file), home=built).stdout
    assert re.search(r"│ all workloads │ 2023 .*│ [\d.,]+ \[[\d.,]+ to [\d.,]+\] ", shown), shown
    assert shown.count("Unknown, ") == 1
    assert "Unknown, chat, all workloads: market-based carbon: give market_gco2e_per_kwh" in shown


def test_what_failed_is_told_once_and_not_each_step_after_it(main_job: MainJob, tmp_path: Path) -> None:
    home = main_job.copied_to(tmp_path / "home")
    (home.root / "regions.csv").write_text("no,such,columns\n")
    result = petaday("run", home=home)
    assert result.returncode == 1
    (told,) = [line for line in result.stderr.splitlines() if line.startswith("petaday: ")]
    assert "regions.csv" in told
