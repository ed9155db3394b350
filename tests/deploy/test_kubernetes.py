"""The Helm values without a cluster: Dagster's own launcher makes a run's job of them, Kubernetes' own schemas judge it, and its command runs."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test

from tests.deploy.test_deploy import KEYS, ROOT, helm

#: What the chart itself gives to a launcher, whatever the values are.
CHART = {
    "dagster_home": "/opt/dagster/dagster_home",
    "instance_config_map": "petaday-instance",
    "service_account_name": "petaday",
    "job_namespace": "data",
}
#: The newest release of Kubernetes whose schemas the package has and the oldest that is still looked after.
RELEASES = ("1.33", "1.30")


def snake(value: object) -> object:
    """Keys as the chart writes them into dagster.yaml."""
    if isinstance(value, dict):
        return {re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): snake(below) for key, below in value.items()}
    return [snake(below) for below in value] if isinstance(value, list) else value


def launcher_config(values: dict) -> dict:
    """`run_launcher.config` of the chart's dagster.yaml."""
    given = snake(values["runLauncher"]["config"]["k8sRunLauncher"])
    assert isinstance(given, dict)
    secrets = [secret["name"] for secret in given.pop("env_secrets")]
    password = {"postgres_password_secret": values["global"]["postgresqlSecretName"]}
    return given | {"env_secrets": secrets} | password | CHART


def container_context(values: dict) -> dict:
    """What the chart lets the code server say of itself, which runs then carry."""
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert deployment["includeConfigInLaunchedRuns"] == {"enabled": True}
    kept = {"image_pull_policy": deployment["image"]["pullPolicy"], "env": deployment["env"], "namespace": "data"}
    return {"k8s": kept}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict, dg.DagsterInstance, str]]:
    """The job of one run as the launcher would send it, the instance it was made by, and the run's number."""
    for package in ("dagster_k8s", "kubernetes_validate"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the Helm values are not tried: {package} is not installed (make lake-setup)")
    import kubernetes.client
    from dagster_k8s import K8sRunLauncher

    values = helm()
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    image = f"{deployment['image']['repository']}:{deployment['image']['tag']}"
    assert values["runLauncher"]["type"] == K8sRunLauncher.__name__
    config = tmp_path / "kubeconfig"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"
    )
    written = launcher_config(values) | {"load_incluster_config": False, "kubeconfig_file": str(config)}
    overrides = {"run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": written}}
    with dg.instance_for_test(overrides=overrides, temp_dir=str(tmp_path)) as instance:
        code = ModuleCodePointer("pipelines.definitions", "defs", str(ROOT))
        origin = RepositoryPythonOrigin(
            sys.executable, code, container_image=image, container_context=container_context(values)
        )
        run = create_run_for_test(
            instance,
            job_name="refresh_starter_exchange_rate",
            job_code_origin=JobPythonOrigin("refresh_starter_exchange_rate", origin),
        )
        sent: list = []
        api = instance.run_launcher._api_client
        monkeypatch.setattr(api, "create_namespaced_job_with_retries", lambda body, namespace: sent.append(body))
        instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
        yield kubernetes.client.ApiClient().sanitize_for_serialization(sent[0]), instance, run.run_id


def test_the_pod_of_a_run_is_one_that_kubernetes_takes_and_holds_what_it_needs(job: tuple) -> None:
    import kubernetes_validate

    made, _, _ = job
    for release in RELEASES:
        kubernetes_validate.validate(made, release, strict=True)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "petaday:0.1.0"
    assert container["args"][1:5] == ["-m", "dagster", "api", "execute_run"]
    told = {one["name"]: one.get("value") for one in container["env"]}
    assert {"PETADAY_WAREHOUSE", "PETADAY_WAREHOUSE_DATA", "AWS_REGION", "DAGSTER_HOME"} <= set(told)
    assert {"secretRef": {"name": "petaday-data"}} in container["envFrom"]
    # The secret's keys, as the file tells how to make it, are those that a process with data holds; none stands in the values.
    text = (ROOT / "deploy" / "helm-values.yaml").read_text()
    (made_with,) = [line for line in text.splitlines() if "create secret generic petaday-data" in line]
    assert set(re.findall(r"--from-literal=(\w+)=", made_with)) == KEYS
    assert not KEYS & set(told)
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]


def test_the_command_of_that_pod_does_the_run(job: tuple, tmp_path: Path) -> None:
    """As a process here, with the pod's own words, on the instance that names a launcher of Kubernetes; the file is the warehouse."""
    made, instance, run_id = job
    (container,) = made["spec"]["template"]["spec"]["containers"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PETADAY_", "DAGSTER_"))} | {
        "PETADAY_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path),
        "PYTHONPATH": os.environ.get("PYTHONPATH", "") + f":{ROOT}",
    }
    done = subprocess.run(
        container["args"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    run = instance.get_run_by_id(run_id)
    assert run
    assert run.status == dg.DagsterRunStatus.SUCCESS
