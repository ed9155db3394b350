"""Every test of the log on two clocks, on the lake as on the file: the same functions over another store."""

from __future__ import annotations

import importlib.util
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from deploy import servers
from tests.lake.conftest import NIGHTLY
from tests.warehouse import test_two_clocks
from warehouse import schema
from warehouse.home import Home
from warehouse.quoting import literal
from warehouse.store.lake import LakeStore
from warehouse.store.profile import LakeProfile

#: Fewer examples than on the file: each statement asks the catalog.
_EXAMPLES = "40" if NIGHTLY else "2"


def _on_lake() -> object:
    """The tests' module once more, under another name."""
    file = Path(__file__).parents[1] / "warehouse" / "test_log.py"
    spec = importlib.util.spec_from_file_location("tests.lake.log_on_lake", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    before = os.environ.get("PETADAY_EXAMPLES")
    os.environ["PETADAY_EXAMPLES"] = _EXAMPLES
    try:
        import sys

        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        os.environ.pop("PETADAY_EXAMPLES")
        if before is not None:
            os.environ["PETADAY_EXAMPLES"] = before
    return module


_tests = _on_lake()
globals().update({name: test for name, test in vars(_tests).items() if name.startswith("test_")})


class Lakes:
    """Three lakes in turn (no test has more at once), emptied when their turn comes."""

    def __init__(self, postgres: servers.Postgres, folder: Path) -> None:
        self.postgres, self.folder = postgres, folder
        self.cons: dict[tuple[str, int], duckdb.DuckDBPyConnection] = {}
        self.turn = itertools.cycle(range(3))

    def fresh(self, catalog: schema.Catalog) -> duckdb.DuckDBPyConnection:
        number = next(self.turn)
        kind = catalog.subjects[0].name
        if (kind, number) not in self.cons:
            self.cons[kind, number] = self._made(f"log_{kind}_{number}", catalog)
        con = self.cons[kind, number]
        subject = catalog.subjects[0]
        revised = [subject.revised_name] if subject.kind == "series" else []
        for table in (subject.log_name, *revised, "meta.snapshot"):
            con.execute(f"DELETE FROM {table}").fetchall()
        con.execute("DELETE FROM meta.schema_version WHERE version > 90").fetchall()
        return con

    def _made(self, name: str, catalog: schema.Catalog) -> duckdb.DuckDBPyConnection:
        store = LakeStore(Home(self.folder), LakeProfile(self.postgres.settings(), str(self.folder / name)))
        with store.connect_catalog() as con, con.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
            cursor.execute(f"CREATE SCHEMA {name}")
        con = store.loaded()
        con.execute(store.attach_sql(read_only=False).replace(literal("petaday_lake"), literal(name))).fetchall()
        con.execute("USE warehouse").fetchall()
        schema.apply(con, catalog, is_lake=True)
        return con


@pytest.fixture(scope="module")
def lakes(postgres: servers.Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lakes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", postgres.passwords["writer"])
        made = Lakes(postgres, tmp_path_factory.mktemp("lakes"))
        yield made
        for con in made.cons.values():
            con.close()


@pytest.fixture(autouse=True)
def on_lakes(lakes: Lakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", lakes.postgres.passwords["writer"])
    monkeypatch.setattr(_tests, "fresh", lakes.fresh)


def test_a_row_that_was_refused_is_no_end_of_its_offer(lakes: Lakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_two_clocks, "fresh", lakes.fresh)
    for order in ((0, 1, 2, 3, 4, 5), (4, 1, 5, 0, 3, 2)):
        test_two_clocks.refused_rows_are_no_ends(order)
