"""The files of a team's deployment, as far as they can be read without a container engine.

What starts is one list of processes, what they are told are names that the code knows, and nobody holds a key without need.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from deploy import process
from deploy.local import Team

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
#: What only a process that touches data may hold.
KEYS = {"PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
#: What the image sets for all.
IN_IMAGE = {"PETADAY_HOME", "DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY", "PYTHONPATH"}

#: Keys of Dagster's Helm chart 1.13 that the values use, as its own schema (helm/dagster/schema in dagster-io/dagster) has
#: them; below a "*" anything of Kubernetes is allowed.
CHART: dict = {
    "global": {"postgresqlSecretName": str},
    "generatePostgresqlPasswordSecret": bool,
    "postgresql": {
        "enabled": bool,
        "postgresqlHost": str,
        "postgresqlUsername": str,
        "postgresqlDatabase": str,
        "postgresqlScheme": str,
    },
    "dagsterWebserver": {"replicaCount": int, "service": "*"},
    "dagsterDaemon": {
        "runCoordinator": {
            "enabled": bool,
            "type": str,
            "config": {"queuedRunCoordinator": {"maxConcurrentRuns": int}},
        },
        "runMonitoring": "*",
        "runRetries": {"enabled": bool, "maxRetries": int, "retryOnAssetOrOpFailure": bool},
    },
    "runLauncher": {
        "type": str,
        "config": {"k8sRunLauncher": {"imagePullPolicy": str, "envSecrets": "*", "runK8sConfig": "*"}},
    },
    "dagster-user-deployments": {"enabled": bool, "deployments": "*"},
    "telemetry": {"enabled": bool},
}
USER_DEPLOYMENT = {
    "name",
    "image",
    "dagsterApiGrpcArgs",
    "port",
    "env",
    "envSecrets",
    "includeConfigInLaunchedRuns",
    "resources",
    "securityContext",
}


def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def helm() -> dict:
    return yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())


def ours() -> dict[str, dict]:
    """Services made of this project's image."""
    return {name: service for name, service in compose()["services"].items() if service["image"].startswith("petaday")}


def test_containers_start_the_same_processes_as_one_machine(tmp_path: Path) -> None:
    started = {
        name: service["command"][3]
        for name, service in ours().items()
        if service["command"][:3] == ["python", "-m", "deploy.process"]
    }
    assert sorted(started.values()) == sorted(process.NAMES)
    assert all(name == what for name, what in started.items())
    assert {n for n in ours() if n not in started} == {"init"}
    assert ours()["init"]["command"][:3] == ["petaday", "lake", "init"]
    for name in process.NAMES:
        words = process.words(name, {"PETADAY_BIND": "0.0.0.0", "PETADAY_WORKER": "w7"})
        assert Path(words[0]).parent == Path(sys.executable).parent
        assert not [w for w in words if "{" in w]


@pytest.mark.parametrize("name", process.NAMES)
def test_a_container_is_told_what_its_process_is_told_here(name: str, tmp_path: Path) -> None:
    team = Team(tmp_path, code_port=1, web_port=2)
    team.postgres = type(
        "P", (), {"port": 3, "passwords": dict.fromkeys(("writer", "dagster"), "p"), "settings": str}
    )()
    team.redis = type("R", (), {"port": 4})()
    team.s3 = type("S", (), {"port": 5})()
    here = {k for k in team.environment(name) if re.match(r"(PETADAY|PG|AWS|DAGSTER)", k) and k not in IN_IMAGE} - set(
        process.DEFAULTS
    )
    there = set(ours()[name]["environment"]) - set(process.DEFAULTS) - {"PETADAY_LIVE"}
    assert there == here
    assert (there >= KEYS) is (name == "worker")
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert all(f"{variable}=" in dockerfile for variable in IN_IMAGE)


def test_every_name_is_known_and_every_secret_is_asked_for() -> None:
    """A misspelt variable would be ignored in silence."""
    texts = [
        p.read_text() for top in ("warehouse", "assets", "pipelines", "deploy") for p in (ROOT / top).rglob("*.py")
    ]
    texts += [(DEPLOY / f).read_text() for f in ("roles.sql", "dagster.yaml", "workspace.yaml")]
    code = "\n".join(texts)
    files = {f: (DEPLOY / f).read_text() for f in ("compose.yaml", "helm-values.yaml", "env.example")}
    for file, text in files.items():
        names = set(re.findall(r"\bPETADAY_[A-Z_0-9]+\b", re.sub(r"(?m)^\s*#.*$", "", text)))
        unknown = {
            n
            for n in names
            if not re.search(rf"\b{n}\b", code) and not re.fullmatch(r"PETADAY_(WRITER|READER|DAGSTER)_PASSWORD", n)
        }
        assert not unknown, file
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_0-9]+)", files["compose.yaml"]))
    listed = set(re.findall(r"(?m)^([A-Z_0-9]+)=", files["env.example"]))
    assert asked == listed
    # Nothing secret is written down: every password in the file is one that the environment must give.
    for service in compose()["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|KEY", name):
                assert re.fullmatch(r"\$\{[A-Z_0-9]+:\?\}", value), name


def test_only_the_ui_is_reachable_and_only_from_the_machine() -> None:
    published = {n: s["ports"] for n, s in compose()["services"].items() if s.get("ports")}
    assert published == {"web": ["127.0.0.1:3000:3000"]}


def test_only_who_holds_a_key_comes_near_the_object_store() -> None:
    services = compose()["services"]
    assert services["objects"]["networks"] == ["data"]
    near = {name for name, service in services.items() if "data" in service.get("networks", ["default"])} - {"objects"}
    assert near == {name for name, service in ours().items() if set(service["environment"]) >= KEYS}


def test_compose_refers_only_to_what_it_has() -> None:
    made = compose()
    for name, service in made["services"].items():
        assert {"image", "build"} & set(service), name
        needed = service.get("depends_on") or []
        assert set(needed) <= set(made["services"]), name
        for other, how in needed.items() if isinstance(needed, dict) else ():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in made["services"][other], (name, other)
        for volume in service.get("volumes") or []:
            source = volume.split(":")[0]
            assert source in made["volumes"] or (DEPLOY / source).exists(), volume
    build = ours()["web"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).exists()
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            assert all((ROOT / source).exists() for source in line.split()[1:-1]), line


def test_dagster_takes_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's own schema of dagster.yaml and workspace.yaml."""
    from dagster._core.instance.config import dagster_instance_config
    from dagster._core.workspace.config_schema import ensure_workspace_config

    (tmp_path / "dagster.yaml").write_text((DEPLOY / "dagster.yaml").read_text())
    config, custom = dagster_instance_config(str(tmp_path))
    assert not custom
    assert config["run_launcher"]["class"] == "CeleryRunLauncher"
    monkeypatch.setenv("PETADAY_CODE_HOST", "code")
    monkeypatch.setenv("PETADAY_CODE_PORT", "4000")
    ensure_workspace_config(yaml.safe_load((DEPLOY / "workspace.yaml").read_text()), "workspace.yaml")


def fits(value: object, shape: object, path: str) -> None:
    if shape == "*":
        return
    if isinstance(shape, dict):
        assert isinstance(value, dict), path
        assert set(value) <= set(shape), f"{path}: unknown {set(value) - set(shape)}"
        for key, below in value.items():
            fits(below, shape[key], f"{path}.{key}")
    else:
        assert isinstance(value, shape), path  # type: ignore[arg-type]


def test_helm_values_have_the_keys_of_the_chart_and_agree_with_the_containers() -> None:
    values = helm()
    fits(values, CHART, "values")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert set(deployment) <= USER_DEPLOYMENT
    told = {e["name"]: e["value"] for e in deployment["env"]}
    there = compose()["x-lake"] | {"AWS_REGION": compose()["x-data"]["AWS_REGION"]}
    assert set(told) == set(there)
    assert told["PETADAY_WAREHOUSE_DATA"] == there["PETADAY_WAREHOUSE_DATA"]
    assert re.sub(r"host=\S+", "", told["PETADAY_WAREHOUSE"]) == re.sub(r"host=\S+", "", there["PETADAY_WAREHOUSE"])
    settings = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    assert values["dagsterDaemon"]["runRetries"]["maxRetries"] == settings["run_retries"]["max_retries"]
    assert (
        values["dagsterDaemon"]["runMonitoring"]["maxRuntimeSeconds"]
        == settings["run_monitoring"]["max_runtime_seconds"]
    )
    storage = settings["storage"]["postgres"]["postgres_db"]
    assert values["postgresql"]["postgresqlScheme"] == storage["scheme"]
    assert values["postgresql"]["postgresqlDatabase"] == storage["db_name"]
    assert values["postgresql"]["postgresqlUsername"] == storage["username"]
    assert f"{deployment['image']['repository']}:{deployment['image']['tag']}" == ours()["web"]["image"]


def test_ports_and_words_are_those_of_the_process_list() -> None:
    (mapping,) = ours()["web"]["ports"]
    assert mapping.rsplit(":", 1)[1] == process.DEFAULTS["PETADAY_WEB_PORT"]
    for name in ("code", "web"):
        (line,) = [word for word in ours()[name]["healthcheck"]["test"] if "import" in word]
        assert process.DEFAULTS[f"PETADAY_{name.upper()}_PORT"] in re.findall(r"\d{4,}", line)
        compile(line, name, "exec")
    # Who must be reached from another container listens on all addresses of its own; whom they look for is the service.
    for name in ("code", "web"):
        assert ours()[name]["environment"]["PETADAY_BIND"] == "0.0.0.0"
        assert "0.0.0.0" in process.words(name, {"PETADAY_BIND": "0.0.0.0"})
    services = compose()["services"]
    environment = ours()["worker"]["environment"]
    assert environment["PETADAY_CODE_HOST"] in services
    assert environment["PETADAY_DAGSTER_PG_HOST"] in services
    for name, pattern in (
        ("PETADAY_BROKER_URL", r"redis://(\w+):6379/0"),
        ("AWS_ENDPOINT_URL", r"http://(\w+):8333"),
        ("PETADAY_WAREHOUSE", r"ducklake:postgres:host=(\w+) "),
    ):
        assert (found := re.match(pattern, environment[name])), name
        assert found.group(1) in services
    # The code server of the cluster serves what the one of the containers serves.
    (deployment,) = helm()["dagster-user-deployments"]["deployments"]
    words = process.words("code", {})
    module = words.index("-m")
    assert deployment["dagsterApiGrpcArgs"] == words[module : module + 2]


#: A `weed` that tells what it was called with; the bucket is there from the second question on.
WEED = """#!/bin/sh
echo "$@" >> "$TOLD/words"
case "$1" in
  server) env > "$TOLD/environment"; exec sleep 5 ;;
  shell) read -r asked; echo "$asked" >> "$TOLD/asked"; [ "$asked" = s3.bucket.list ] && grep -q create "$TOLD/asked" && echo "  petaday  size:0" ;;
esac
exit 0
"""


def test_the_object_store_gets_its_bucket_and_two_users_without_a_secret_in_the_process_list(tmp_path: Path) -> None:
    (tmp_path / "weed").write_text(WEED)
    (tmp_path / "weed").chmod(0o755)
    objects = compose()["services"]["objects"]
    secrets = {name: f's3cret"\\-{name}' for name in objects["environment"]}
    mounted = tmp_path / "objects"
    shutil.copytree(DEPLOY / "objects", mounted)
    (script,) = [word for word in objects["entrypoint"] if word.endswith(".sh")]
    (memory,) = objects["tmpfs"]
    text = (mounted / Path(script).name).read_text()
    assert memory in text
    (mounted / Path(script).name).write_text(text.replace(memory, str(tmp_path)))
    environment = secrets | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TOLD": str(tmp_path)}
    started = subprocess.Popen(["sh", str(mounted / Path(script).name)], env=environment)
    end = time.monotonic() + 120
    while not (tmp_path / "ready").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    started.terminate()
    started.wait()
    # The health check looks for the same file, in the same place.
    assert objects["healthcheck"]["test"] == ["CMD", "test", "-e", f"{memory}/ready"]
    made = json.loads((tmp_path / "s3.json").read_text())
    users = {user["name"]: user for user in made["identities"]}
    policies = {policy["name"]: json.loads(policy["content"]) for policy in made["policies"]}
    for role, prefix in (("writer", "S3"), ("reader", "S3_READER")):
        keys = {"accessKey": secrets[f"{prefix}_KEY_ID"], "secretKey": secrets[f"{prefix}_SECRET_KEY"]}
        assert users[role] == {"name": role, "credentials": [keys], "policyNames": [role]}
        assert policies[role] == json.loads((DEPLOY / "objects" / f"{role}.json").read_text())
    assert len(users) == len(policies) == 2
    assert (tmp_path / "s3.json").stat().st_mode & 0o077 == 0
    words = (tmp_path / "words").read_text()
    assert not [value for value in secrets.values() if value in words + (tmp_path / "environment").read_text()]
    # What asks nobody who they are listens within the container alone; S3, which asks, where the workers look for it.
    port = re.match(r"http://objects:(\d+)$", compose()["x-data"]["AWS_ENDPOINT_URL"])
    assert port
    for word in ("-ip.bind=127.0.0.1", "-s3.ip.bind=0.0.0.0", f"-s3.port={port.group(1)}"):
        assert word in words.split()
    # The place that the policies name is the place where the data lie.
    place = compose()["x-lake"]["PETADAY_WAREHOUSE_DATA"].removeprefix("s3://")
    assert f"s3.bucket.create -name {place.split('/')[0]}" in (tmp_path / "asked").read_text()
    for policy in policies.values():
        named = [r for statement in policy["Statement"] for r in statement["Resource"] if "/" in r]
        assert all(r.startswith(f"arn:aws:s3:::{place}/") for r in named)


def test_the_image_takes_no_more_than_it_copies_and_no_password() -> None:
    """The context is closed but for what the Dockerfile asks for; deploy/.env lies in a folder that it copies."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    copied = {
        source
        for line in (DEPLOY / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
    }
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == {source.split("/")[0] for source in copied}
    assert lines.index("deploy/.env") > lines.index("!deploy")


def test_passwords_of_the_roles_reach_the_server_that_makes_them() -> None:
    """roles.sql reads three variables; the database's container has each, by the same name."""
    read = set(re.findall(r"\\getenv \w+ (\w+)", (DEPLOY / "roles.sql").read_text()))
    assert len(read) == 3
    assert read <= set(compose()["services"]["postgres"]["environment"])
    mounted = [v.split(":") for v in compose()["services"]["postgres"]["volumes"]]
    assert ["./roles.sql", "/docker-entrypoint-initdb.d/roles.sql", "ro"] in mounted
