"""Who may only read cannot change a data file either: in the object store by its policy, in a shared folder by its permissions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.catalog import catalog
from deploy import servers
from tests.lake.test_faults import give, lake
from warehouse.connection import transaction, write_session
from warehouse.home import Home
from warehouse.store import lake_admin
from warehouse.store.lake import LakeStore
from warehouse.store.profile import LakeProfile

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "deploy" / "objects"
ROWS = 300  # more than are kept in the catalog


def fill(home: Home) -> None:
    lake_admin.init(lake(), catalog(), reader="petaday_reader")
    with write_session(home, catalog()) as con, transaction(con):
        con.execute(f"INSERT INTO meta.rejected_row SELECT 'b', 'c', 's', 'x', 'r', '{{}}', now() FROM range({ROWS})")


@dataclass(frozen=True)
class Store:
    """An object store that asks who is there: address, and the keys of both roles."""

    url: str
    keys: dict[str, tuple[str, str]]

    def client(self, role: str):
        import boto3

        key, secret = self.keys[role]
        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret
        )

    def environment(self, role: str) -> dict[str, str]:
        key, secret = self.keys[role]
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": self.url}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Store]:
    """Users with the policies of deploy/objects; from here on every request is authorized by them."""
    try:
        server = servers.s3_server(tmp_path / "s3", "petaday")
    except servers.NotInstalledError as e:
        pytest.skip(f"the object store is not tested: {e}")
    import boto3

    url = f"http://127.0.0.1:{server.port}"
    root = {"endpoint_url": url, "region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    iam = boto3.client("iam", **root)
    keys = {}
    for role in ("writer", "reader"):
        iam.create_user(UserName=role)
        iam.put_user_policy(
            UserName=role, PolicyName=role, PolicyDocument=(POLICIES / f"{role}.json").read_text(encoding="utf-8")
        )
        made = iam.create_access_key(UserName=role)["AccessKey"]
        keys[role] = (made["AccessKeyId"], made["SecretAccessKey"])
    asked = urllib.request.Request(
        f"{url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "application/octet-stream"}
    )
    urllib.request.urlopen(asked, timeout=30).read()
    yield Store(url, keys)
    server.stop()


def test_the_readers_key_reads_tables_and_nothing_more_and_the_writers_is_enough(
    on_lake: servers.Postgres, guarded: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    monkeypatch.setenv("PETADAY_WAREHOUSE_DATA", "s3://petaday/team")
    for name, value in guarded.environment("writer").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    fill(home)
    give(home, 1)
    assert lake_admin.upkeep(lake()).file_count > 0
    keys = lake().files("tables").names()
    captures = lake().files("captures").names()
    assert keys
    assert captures

    for name, value in guarded.environment("reader").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGPASSWORD", on_lake.passwords["reader"])
    store = LakeStore(home, LakeProfile(on_lake.settings("reader"), None))
    con = store.connect(read_only=True)
    assert con.execute("SELECT count(*) FROM meta.rejected_row").fetchall() == [(ROWS,)]
    with pytest.raises(duckdb.Error, match="403|Forbidden|Access ?Denied"):
        con.execute(f"COPY (SELECT 1 AS a) TO 's3://petaday/team/tables/{keys[0]}' (FORMAT parquet)")
    con.close()

    reader, key = guarded.client("reader"), f"team/tables/{keys[0]}"
    before = reader.get_object(Bucket="petaday", Key=key)["Body"].read()
    for refused in (
        lambda: reader.delete_object(Bucket="petaday", Key=key),
        lambda: reader.put_object(Bucket="petaday", Key=key, Body=b"x"),
        lambda: reader.create_multipart_upload(Bucket="petaday", Key=key),
        lambda: reader.list_objects_v2(Bucket="petaday"),
        lambda: reader.get_object(Bucket="petaday", Key=f"team/captures/{captures[0]}"),
        lambda: reader.put_object(Bucket="petaday", Key="team/tables/new", Body=b"x"),
        lambda: guarded.client("writer").put_object(Bucket="petaday", Key="elsewhere", Body=b"x"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()
    assert reader.get_object(Bucket="petaday", Key=key)["Body"].read() == before


_AS_A_READER = """
import json, os, sys
from pathlib import Path
from warehouse.home import Home
from warehouse.store.lake import LakeStore
from warehouse.store.profile import LakeProfile
store = LakeStore(Home(Path("/nonexistent")), LakeProfile(sys.argv[1], None))
con = store.loaded()
file = Path(sys.argv[2])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
con.execute(store.attach_sql(read_only=True))
told = {"rows": con.execute("SELECT count(*) FROM warehouse.meta.rejected_row").fetchall()[0][0]}
for name, change in {
    "remove": file.unlink,
    "overwrite": lambda: file.write_bytes(b"x"),
    "add": lambda: (file.parent / "new.parquet").write_bytes(b"x"),
    "rename": lambda: file.rename(file.with_suffix(".gone")),
}.items():
    try:
        change()
        told[name] = "done"
    except PermissionError:
        told[name] = "refused"
print(json.dumps(told))
"""


def said_by_a_reader(postgres: servers.Postgres, script: str, argument: str) -> dict[str, Any]:
    """What a script prints as JSON that has the reader's address and an argument, in a process of its own."""
    answer = subprocess.run(
        [sys.executable, "-c", script, postgres.settings("reader"), argument],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PGPASSWORD": postgres.passwords["reader"], "PYTHONPATH": str(ROOT), "HOME": "/tmp"},
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user of the system needs root")
def test_a_reader_of_the_machine_cannot_touch_the_files_of_a_shared_folder(
    on_lake: servers.Postgres, shared_data: Path, home: Home
) -> None:
    fill(home)
    file = next((shared_data / "tables").rglob("*.parquet"))
    before = file.read_bytes()
    refused = dict.fromkeys(("remove", "overwrite", "add", "rename"), "refused")
    assert said_by_a_reader(on_lake, _AS_A_READER, str(file)) == {"rows": ROWS} | refused
    assert file.read_bytes() == before
