"""Every command of the command line on a lake, one after the other, as an operator would; answers equal the published file's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import servers
from pipelines.cli import main
from tests.lake.conftest import NIGHTLY
from tests.lake.test_workers import answer
from tests.replay import Answer, ReplayServer
from tests.warehouse.taking import offers
from warehouse.home import Home

ROOT = Path(__file__).parents[2]
RATES = (
    '<e:Envelope xmlns:e="urn:e" xmlns="urn:x"><Cube><Cube time="2026-10-30"><Cube currency="USD" rate="1.15"/>'
    '<Cube currency="GBP" rate="0.87"/></Cube></Cube></e:Envelope>'
)
USAGE = (
    "used_from,used_to,provider,region,instance_type,instance_hours,purchase_option,workload\n"
    "2026-03-01,2026-03-02,aws,us-east-1,p5.48xlarge,24,on_demand,training\n"
)
SCENARIO = '[training]\nmodel = "gpt-3-175b"\naccelerator = "h100-sxm"\nregion = "us-east-1"\n'


class Publishers(ReplayServer):
    """The ECB's rates, and every range of Great Britain's grid."""

    def _find(self, url: str) -> Answer | None:
        return Answer(answer) if "/intensity/" in url else super()._find(url)


@pytest.fixture
def publishers(monkeypatch: pytest.MonkeyPatch) -> Publishers:
    server = Publishers()
    server.add("https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist-90d.xml", RATES)
    monkeypatch.setenv("PETADAY_REPLAY_URL", server.origin)
    monkeypatch.setattr("assets.sources._http.PACE_S", 0.0)
    monkeypatch.setattr("assets.sources._http.BACKOFF_FACTOR", 0.0)
    return server


def without_now(told: str) -> str:
    """An answer without the instant at which it was asked for."""
    return re.sub(r'"(as_of|computed_at)": "[^"]*"', '"now"', told)


@pytest.mark.skipif(not NIGHTLY, reason="a dozen jobs, minutes: PETADAY_NIGHTLY=1")
def test_every_command_on_a_lake(
    on_lake: servers.Postgres,
    home: Home,
    publishers: Publishers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def petaday(*words: object, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capfd.readouterr()
        assert ended.value.code == status, (words, said.err)
        assert "Traceback" not in said.err
        return said.out if status == 0 else said.err

    def rows(sql: str) -> list[dict]:
        return json.loads(petaday("query", sql, "--format", "json"))

    monkeypatch.chdir(tmp_path)
    assert petaday("lake", "init", "--reader", "petaday_reader").startswith("made:")
    assert "petaday lake init" not in petaday("query", "SELECT 1 AS a", "--format", "csv")
    assert "Published as number 1" in petaday("run")
    assert "Published as number 1" in petaday("run")
    everything = "SELECT count(*) AS n, count(DISTINCT capture_id) AS captures FROM meta.capture"
    before = rows(everything)
    assert before[0]["n"] == before[0]["captures"] > 0

    # Bringing data in.
    assert "published:" in petaday("refresh", "ecb")
    usd = "SELECT rate_per_base FROM observed.exchange_rate WHERE source_id = 'ecb' AND currency_code = 'USD'"
    assert rows(usd) == [{"rate_per_base": 1.15}]
    petaday("refresh", "gb_carbon_intensity", "--from", "2026-01-01", "--to", "2026-01-02")
    slots = "SELECT count(DISTINCT valid_from) AS n FROM observed.grid_carbon_log WHERE source_id = 'gb_carbon_intensity' AND valid_from >= '2026-01-01' AND valid_from < '2026-01-03'"
    assert rows(slots) == [{"n": 96}]
    prices = tmp_path / "lambda_vms.csv"
    prices.write_text(offers({"gpu_1x_h100_sxm5": 3.0}))
    for _ in range(2):
        assert "lambda_vms.csv" in petaday("load", "skypilot", prices, "--fetched-at", "2026-04-02T12:00:00Z")
    assert rows("SELECT count(*) AS n FROM observed.cloud_rate_log WHERE source_id = 'skypilot'") == [{"n": 1}]
    usage = tmp_path / "usage.csv"
    usage.write_text(USAGE)
    petaday("load", "usage", usage)
    assert "unchanged" in petaday("load", "usage", usage)
    ((_, hours),) = [list(r.values()) for r in rows("SELECT count(*), sum(instance_hours) FROM observed.usage")]
    assert hours == 24
    refused = tmp_path / "gcp_vms.csv"
    refused.write_text("<html>blocked</html>")
    assert "HTML page came in place of data" in petaday("load", "skypilot", refused, status=1)

    # Asking: the lake says what the published file says.
    scenario = tmp_path / "mine.toml"
    scenario.write_text(SCENARIO)
    questions: list[tuple[object, ...]] = [
        ("estimate", scenario, "--json"),
        ("explain", "gpt-3-175b", "cost_usd", "--json"),
        ("explain", "observed.cloud_rate", "aws", "--json"),
        ("restate", "ecologits-0.5.0", "ecologits-0.9.1", "--json"),
        ("query", "SELECT name, kind, meaning FROM help() WHERE kind <> 'table' ORDER BY ALL", "--format", "csv"),
        ("query", "SELECT * FROM cheapest('H100') ORDER BY ALL", "--format", "csv"),
        ("query", "SELECT * FROM estimated.training_estimate ORDER BY scenario_id, quantity", "--format", "csv"),
    ]
    on_the_lake = [petaday(*words) for words in questions]
    petaday("publish")
    with monkeypatch.context() as patch:
        patch.delenv("PETADAY_WAREHOUSE")
        for words, told in zip(questions, on_the_lake, strict=True):
            if words[:2] == ("explain", "observed.cloud_rate"):
                continue  # the bytes lie in the lake's store: who has the file alone is told that they are not here
            assert without_now(told) == without_now(petaday(*words)), words
    assert len(on_the_lake[4].splitlines()) > 150
    assert '"central"' in on_the_lake[0]
    assert "ecb" in petaday("status")
    petaday("report", "--no-open")
    assert (home.root / "report" / "index.html").stat().st_size > 10_000
    petaday("export", tmp_path / "exported", "--csv")
    assert (tmp_path / "exported" / "datapackage.json").exists()

    # Keeping.
    assert "all good" in petaday("check")
    numbers = rows("SELECT max(publication_number) AS n FROM meta.publication")[0]["n"]
    assert str(numbers) in petaday("publications")
    grown = json.loads(petaday("growth", "--json"))
    assert all(row["bytes_per_run"] > 0 for row in grown if row["source_id"] in ("ecb", "gb_carbon_intensity"))
    assert "captures now 0 MB" not in petaday("growth")
    petaday("upkeep")
    petaday("alerts", "status")
    publishers.add("https://hooks.example.org/x", "ok")
    monkeypatch.setenv("PETADAY_ALERT_WEBHOOK_URL", f"{publishers.origin}/hooks.example.org/x")
    (home.root / "alerts.toml").write_text('[webhook]\nhosts = ["127.0.0.1"]\n')
    assert "noticed" in petaday("alerts", "check")

    # The lake's own.
    assert "all good" in petaday("lake", "check")
    assert "all good" in petaday("lake", "check", "--against", home.published_file)
    assert "data files before" in petaday("lake", "upkeep")
    assert "user=petaday_reader" in petaday("lake", "attach", "--reader", "petaday_reader")
    assert "lake" in petaday("lake", "migrate", status=1)
    counts = rows(everything), rows("SELECT count(*) AS n, max(recorded_at) AS at FROM observed.cloud_rate_log")
    assert "rebuilt from" in petaday("rebuild")
    assert (
        rows(everything),
        rows("SELECT count(*) AS n, max(recorded_at) AS at FROM observed.cloud_rate_log"),
    ) == counts
    assert "all good" in petaday("lake", "check")


@pytest.mark.skipif(not NIGHTLY, reason="several first runs, a minute or more: PETADAY_NIGHTLY=1")
@pytest.mark.parametrize("count", [2, 5])
def test_commands_started_at_once_on_an_empty_lake(on_lake: servers.Postgres, tmp_path: Path, count: int) -> None:
    """First runs by several operators, each with a home of their own, on a lake without a schema: none fails, nothing is there twice."""

    def environment(number: int) -> dict[str, str]:
        return os.environ | {"PETADAY_HOME": str(tmp_path / f"home{number}"), "PYTHONPATH": str(ROOT)}

    init = [sys.executable, "-m", "pipelines.cli", "lake", "init"]
    subprocess.run(init, env=environment(0), check=True, capture_output=True, cwd=ROOT)
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "run"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(number),
            cwd=ROOT,
        )
        for number in range(count)
    ]
    told = [process.communicate(timeout=900)[1] for process in runs]
    assert [process.returncode for process in runs] == [0] * count, told
    sql = "SELECT count(*) = count(DISTINCT capture_id) AS once, count(*) > 0 AS some FROM meta.capture"
    query = [sys.executable, "-m", "pipelines.cli", "query", sql, "--format", "csv"]
    answered = subprocess.run(query, env=environment(0), check=True, capture_output=True, text=True, cwd=ROOT)
    assert answered.stdout == "once,some\ntrue,true\n"
