"""A table macro beside a table: what it is given is never taken for a column of its own.

DuckDB puts the arguments of a macro into its text as they are. Beside a table (`FROM reference.region g, green_window(g.grid_zone, 4)`) an
argument is a column, and where the macro has a table `g`, or a column of that name, in sight, it would read its own: no error, another
number. So a macro gives its arguments names of their own (`asked`) where no table is in sight; here that is read off its parsed text.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.estimated.indices import slices
from assets.estimated.indices.assets import INDICES, compute
from assets.estimated.indices.grid_slices import GRID_DAYS
from assets.sources import source_named
from warehouse.connection import write_session
from warehouse.home import Home

#: Arguments that steer what is read while the statement is planned, by macro (its end, or all): they are constants, and why.
CONSTANTS = {
    # The two clocks cut down what is read of a log of many millions of rows; one answer has one knowledge.
    "*": {"known_at", "observed_by"},
    # The name of a table, and what its rows are compared on.
    "request_cost": {"requests"},
    "_request_place": {"requests", "boundary"},
    "request_impact": {"requests", "boundary", "method"},
    "request_impact_band": {"requests", "method"},
    "_window_costed": {"windows", "boundary", "by_hour"},
    "window_totals": {"windows", "boundary"},
    "window_hours": {"windows", "boundary"},
    "_served_on": {"estimate", "of_accelerator_id", "of_version"},
    "_fleet_on": {
        "estimate",
        "of_version",
        "from_accelerator_id",
        "to_accelerator_id",
        "is_other_card",
        "of_utilization",
    },
    # DuckDB refuses a column as a limit.
    "cheapest": {"n"},
    # The instant is a clock too: it cuts down the slots that are read.
    "_as_of": {"valid_at"},
    # Which tables are walked is decided by the name, the others are not read.
    "passport": {"of_table", "of_key"},
    "_row_of_observed": {"of_subject"},
    "_row_of_reference": {"of_name"},
    # Parts of why_moved and passport, of which the user has the whole.
    "_moved_": {"*"},
}
_PASSPORTS = (
    "_head_of_",
    "_reference_of_",
    "_observation_of_",
    "_offer_of_",
    "_slots_of_",
    "_linked_verdict",
    "_split_row",
    "_sited",
    "_hubbed",
)


def constants(name: str) -> set[str]:
    """Parameters of a macro that have to be constants."""
    if name.startswith(_PASSPORTS):
        return CONSTANTS["passport"]
    if name.startswith("_moved_"):
        return {"*"}
    end = "_as_of" if name.endswith("_as_of") else name
    return CONSTANTS["*"] | CONSTANTS.get(end, set())


class Reader:
    """Finds the parameters that the parsed text of a macro reads where a table is in sight."""

    def __init__(self, parameters: list[str]) -> None:
        self.parameters = {p.lower() for p in parameters}
        self.found: set[str] = set()

    def expression(self, part: Any, in_sight: bool) -> None:
        if isinstance(part, list):
            for one in part:
                self.expression(one, in_sight)
        elif isinstance(part, dict):
            if part.get("class") == "COLUMN_REF":
                names = [n.lower() for n in part["column_names"]]
                if in_sight and len(names) == 1:
                    self.found |= self.parameters & set(names)
            elif part.get("class") == "SUBQUERY":
                self.query(part["subquery"]["node"], in_sight)
                self.expression(part.get("child"), in_sight)
            else:
                self.expression(list(part.values()), in_sight)

    def source(self, part: dict[str, Any], in_sight: bool) -> None:
        """What stands after FROM; a table to the left is in sight of what follows."""
        match part["type"]:
            case "JOIN":
                self.source(part["left"], in_sight)
                self.source(part["right"], True)
                self.expression(part.get("condition"), True)
            case "SUBQUERY":
                self.query(part["subquery"]["node"], in_sight)
            case "TABLE_FUNCTION":
                self.expression(part["function"], in_sight)
            case "BASE_TABLE" | "EMPTY":
                pass
            case _:
                self.expression(part, True)

    def query(self, node: dict[str, Any], in_sight: bool) -> None:
        for entry in (node.get("cte_map") or {}).get("map", []):
            self.query(entry["value"]["query"]["node"], in_sight)
        match node["type"]:
            case "SELECT_NODE":
                self.source(node["from_table"], in_sight)
                rest = {k: v for k, v in node.items() if k not in ("from_table", "cte_map")}
                self.expression(rest, in_sight or node["from_table"]["type"] != "EMPTY")
            case "SET_OPERATION_NODE":
                for child in node.get("children") or [node["left"], node["right"]]:
                    self.query(child, in_sight)
                self.expression(node.get("modifiers"), in_sight)
            case kind:
                raise AssertionError(f"a kind of query that this test does not know: {kind}")


def captured(con: duckdb.DuckDBPyConnection, parameters: list[str], text: str) -> set[str]:
    """Parameters that an argument of which may be taken for something else."""
    row = con.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
    assert row is not None
    tree = json.loads(row[0])
    assert not tree["error"], tree
    reader = Reader(parameters)
    reader.query(tree["statements"][0]["node"], False)
    return reader.found


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two zones with hours of three days, and the bundled facts."""
    home = Home(tmp_path_factory.mktemp("lateral") / "home").create()
    recording.refresh_reference(home)
    for name in ("starter_cloud_rate", "starter_token_price"):
        intake.take_bundled(home, source_named(name))
    head = "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),Carbon Intensity gCO₂eq/kWh (LCA),Low Carbon Percentage,Renewable Percentage,Data Source,Data Estimated,Data Estimation Method"
    for zone, base in (("GB", 100), ("FR", 20)):
        hours = [dt.datetime(2026, 8, 1, tzinfo=dt.UTC) + dt.timedelta(hours=n) for n in range(72)]
        rows = [f"{t:%Y-%m-%d %H:%M:%S},x,x,{zone},{base + t.hour},{2 * base + t.hour},1,1,x,false," for t in hours]
        file = Path(home.root / f"{zone}_2026_hourly.csv")
        file.write_text("\n".join([head, *rows]), encoding="utf-8")
        taken = intake.take_files(
            home, source_named("electricity_maps_csv"), [file], dt.datetime(2026, 8, 5, tzinfo=dt.UTC)
        )
        assert taken[0].outcome in ("staged", "loaded"), taken
    for subject in ("grid_carbon", "cloud_rate", "token_price"):
        recording.record_subject(home, subject)
    with write_session(home, catalog()) as con:
        slices.update(con, GRID_DAYS)
        compute(con, INDICES[0])
        yield con


def test_no_macro_reads_an_argument_where_a_table_is_in_sight(con: duckdb.DuckDBPyConnection) -> None:
    """Of every table macro that there is; a new one that does so is named here, with what has to be renamed."""
    macros = con.sql(
        "SELECT function_name, parameters, macro_definition FROM duckdb_functions() WHERE function_type = 'table_macro' AND NOT internal"
    ).fetchall()
    assert len(macros) > 80
    faults = {}
    for name, parameters, text in macros:
        allowed = constants(name)
        if (found := captured(con, parameters, text) - allowed) and "*" not in allowed:
            faults[name] = found
    assert faults == {}, "give these parameters names of their own in a CTE without FROM (see region_carbon.sql)"


def test_the_reader_sees_what_is_captured(con: duckdb.DuckDBPyConnection) -> None:
    seen = {
        "SELECT * FROM t WHERE a = p": {"p"},
        "SELECT * FROM t JOIN u ON u.x = p": {"p"},
        "SELECT * FROM t, f(p)": {"p"},
        "SELECT * FROM t WHERE a IN (SELECT p)": {"p"},
        "WITH asked AS (SELECT p AS q) SELECT * FROM t JOIN asked ON t.a = asked.q": set(),
        "SELECT * FROM f(p) t": set(),
        "SELECT 1 FROM t UNION ALL SELECT p FROM t": {"p"},
    }
    assert {text: captured(con, ["p"], text) for text in seen} == seen


#: The macro with two sets of arguments, of which {} varies beside a table: the name of its parameter, and names that the macro's text has used.
BESIDE = [
    ("zone_carbon({}, period := 'day')", ("'GB'", "'FR'"), "of_zone", ("d.zone", "q.zone", "l.zone", "y.source_id")),
    ("green_window({}, 2, from_at := TIMESTAMPTZ '2026-08-02 00:00:00+00', horizon_hours := 6)", ("'GB'", "'FR'"), "zone", ("g.zone", "a.asked_at", "r.source_id", "s.zone")),
    ("green_window('GB', {}, from_at := TIMESTAMPTZ '2026-08-02 00:00:00+00', horizon_hours := 6)", ("2", "5"), "hours", ("e.wait_hours", "s.hours_known", "a.job_hours")),
    ("region_carbon('gcp', {}, valid_at := TIMESTAMPTZ '2026-08-02 12:10:00+00')", ("'europe-west2'", "'europe-west9'"), "region", ("r.region", "p.region")),
    ("gpu_hour_price({}, valid_at := DATE '2025-09-01')", ("'H100'", "'A100'"), "accelerator", ("k.accelerator_id",)),
    ("cheapest({}, valid_at := DATE '2025-09-01')", ("'H100'", "'A100'"), "accelerator", ("p.accelerator_id",)),
    ("price_history({})", ("'H100'", "'A100'"), "accelerator", ("p.accelerator_id", "q.purchase_option")),
    ("token_price_of({}, valid_at := DATE '2025-01-01')", ("'gpt-4o'", "'gpt-4'"), "model_name", ("k.model", "s.model")),
    ("_bought_token_price({})", ("'gpt-4o'", "'gpt-4'"), "model_name", ("t.model", "o.model", "x.vendor")),
    ("decision_default({})", ("'life_years'", "'hardware_use_share'"), "of_factor", ("d.factor",)),
    ("method_band({})", ("'pue'", "'grid_ratio'"), "of_factor", ("d.factor",)),
    ("accelerator_ids({})", ("'H100'", "'A100'"), "accelerator", ("w.accelerator_id", "w.written_key")),
    ("changes_since({})", ("DATE '2024-01-01'", "DATE '2025-01-01'"), "since", ("c.changed_at",)),
    ("siting(gpu_hours := {}, accelerator := 'H100', valid_at := DATE '2025-09-01')", ("10", "20"), "gpu_hours", ("c.job_gpu_hours",)),
    ("east_west(it_energy_kwh := {})", ("1000", "2000"), "it_energy_kwh", ("s.it_kwh", "h.pue_limit", "g.intensity")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "values", "parameter", "columns"), BESIDE, ids=[f"{b[0].split('(')[0]}-{b[2]}" for b in BESIDE]
)
def test_beside_a_table_it_says_the_same(
    call: str, values: tuple[str, str], parameter: str, columns: tuple[str, ...], con: duckdb.DuckDBPyConnection
) -> None:
    """Column by column of the macro's own names, and unqualified under the parameter's name: as with the constant itself."""
    direct = [rows(con, f"SELECT m.* FROM {call.format(v)} m") for v in values]
    assert direct[0] != direct[1]
    for qualified in columns:
        alias, column = qualified.split(".")
        for value, wanted in zip(values, direct, strict=True):
            beside = f"SELECT m_m.* FROM (SELECT {value} AS {column}) {alias}, {call.format(qualified)} m_m"
            assert rows(con, beside) == wanted, beside
    for value, wanted in zip(values, direct, strict=True):
        assert (
            rows(con, f"SELECT m_m.* FROM (SELECT {value} AS {parameter}) t_t, {call.format(parameter)} m_m") == wanted
        )


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """Rows as text, in order of their text; sums of floating-point numbers may be added in another order."""
    found = con.execute(query).fetchall()
    return sorted(str([f"{v:.9g}" if isinstance(v, float) else str(v) for v in row]) for row in found)
