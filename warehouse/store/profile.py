"""The settings of a lake, all from the environment; secrets stay where libpq and AWS's tools look for them.

| variable | what |
| --- | --- |
| `PETADAY_WAREHOUSE` | `ducklake:postgres:` and libpq settings without a password, such as `host=db dbname=petaday user=petaday_writer` |
| `PETADAY_WAREHOUSE_DATA` | where the Parquet files, captures and staged batches lie: an absolute folder that all workers share, or `s3://bucket/prefix` |
| `PGPASSWORD`, `PGPASSFILE`, `PGSSLMODE`, … | libpq's own, never repeated anywhere |
| `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL` | the object store |
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from warehouse.errors import PetadayError

DATA_VARIABLE = "PETADAY_WAREHOUSE_DATA"
#: The schema of the catalog database that DuckLake's own tables lie in.
CATALOG_SCHEMA = "petaday_lake"
_SECRET = re.compile(r"\b(password|passfile|sslpassword)\s*=|://[^/@\s]*:[^/@\s]*@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LakeProfile:
    """Where a lake is: the libpq settings of its catalog (no password in them) and its data path (None for readers)."""

    catalog: str
    data: str | None

    @property
    def is_object_store(self) -> bool:
        """True if the data lie in S3."""
        return bool(self.data and self.data.startswith("s3://"))

    def data_path(self, room: str) -> str:
        """Folder or `s3://` prefix of one room below the data path.

        Raises:
            PetadayError: if no data path is set.
        """
        if not self.data:
            raise PetadayError(
                f"{DATA_VARIABLE} is not set: name the folder or s3://bucket/prefix that all workers share"
            )
        return f"{self.data.rstrip('/')}/{room}"


def profile_from_environment(catalog: str) -> LakeProfile:
    """The profile whose catalog settings are given.

    Raises:
        PetadayError: if a secret stands in the settings, or the data path is neither an absolute folder nor `s3://`.
    """
    catalog = catalog.strip()
    if _SECRET.search(catalog):
        raise PetadayError(
            "PETADAY_WAREHOUSE holds a password: leave it out and set PGPASSWORD, or name a file in PGPASSFILE, "
            "so that it stands in no configuration, log or process list"
        )
    if not catalog:
        raise PetadayError("PETADAY_WAREHOUSE names no database: ducklake:postgres:host=… dbname=… user=…")
    data = os.environ.get(DATA_VARIABLE, "").strip() or None
    if data and not data.startswith(("/", "s3://")):
        raise PetadayError(f"{DATA_VARIABLE} is {data!r}: an absolute folder or s3://bucket/prefix is allowed")
    return LakeProfile(catalog, data)


def s3_endpoint() -> str:
    """Address of the object store, or "" for AWS's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def s3_region() -> str:
    """Region of the object store."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def s3_secret_sql(scope: str) -> str:
    """CREATE SECRET for DuckDB: in memory, for this connection's database only, for `scope` only."""
    from warehouse.quoting import literal

    options = ["TYPE s3", f"SCOPE {literal(scope)}", f"REGION {literal(s3_region())}"]
    for option, variable in (
        ("KEY_ID", "AWS_ACCESS_KEY_ID"),
        ("SECRET", "AWS_SECRET_ACCESS_KEY"),
        ("SESSION_TOKEN", "AWS_SESSION_TOKEN"),
    ):
        if value := os.environ.get(variable):
            options.append(f"{option} {literal(value)}")
    if endpoint := s3_endpoint():
        parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        options += [
            f"ENDPOINT {literal(parts.netloc)}",
            "URL_STYLE 'path'",
            f"USE_SSL {'true' if parts.scheme == 'https' else 'false'}",
        ]
    return f"CREATE OR REPLACE TEMPORARY SECRET petaday_lake ({', '.join(options)})"
