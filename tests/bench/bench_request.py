"""Ten million requests: impacts by EcoLogits' method in one SQL, written as a table, against EcoLogits' own function in a loop.

`PETADAY_BENCH_REQUESTS` takes another number of rows.
"""

from __future__ import annotations

import importlib.metadata
import os
import tempfile
from pathlib import Path

import duckdb
from ecologits.impacts.llm import compute_llm_impacts
from ecologits.impacts.modeling import Impacts

from assets.catalog import catalog
from tests.bench._timing import LARGE_TABLES, against_loop
from warehouse.connection import write_session
from warehouse.home import Home

ROWS = int(os.environ.get("PETADAY_BENCH_REQUESTS", "10000000"))
#: Requests that the loop computes; its time per request does not depend on how many there are.
LOOPED = 5_000
_REQUESTS = """
    SELECT n AS request_id, 1e9 * (1 + hash(n) % 70) AS active_parameters_count, 1e9 * (1 + hash(n) % 70) * (1 + hash(n, 1) % 8) AS parameters_count,
        (1 + hash(n, 2) % 2000)::DOUBLE AS output_tokens_count, CASE WHEN n % 3 > 0 THEN 0.2 + hash(n, 3) % 60000 / 1000 END AS request_latency_s,
        1.05 + hash(n, 4) % 50 / 100 AS pue, (20 + hash(n, 5) % 900)::DOUBLE AS grid_gco2e_per_kwh, 1e-8 * (1 + hash(n, 6) % 20) AS grid_kgsbe_per_kwh,
        (3 + hash(n, 7) % 12)::DOUBLE AS grid_mj_per_kwh, hash(n, 8) % 80 / 10 AS grid_water_l_per_kwh, hash(n, 9) % 20 / 10 AS site_water_l_per_kwh
    FROM range({rows}) t(n)
"""
#: What EcoLogits' `Impacts` states of a request: its five totals, and the same as use and manufacture.
_TOTALS = ("energy_kwh", "total_kgco2e", "total_kgsbe", "total_mj", "water_l")
_SPLIT = ("energy_kwh", "operational_kgco2e", "embodied_kgco2e", "operational_kgsbe", "embodied_kgsbe", "operational_mj", "embodied_mj", "water_l")  # fmt: skip


#: EcoLogits 0.10 counts the GPU's manufacture anew (and water on the energy of the servers, as `water_l` does); the rest is 0.9.1.
_OF_0_9_1 = {"gpu_embodied_gwp": 164, "gpu_embodied_adpe": 5.1e-3, "gpu_embodied_pe": 1828}


def _peer(row: dict) -> Impacts:
    """One request by EcoLogits."""
    return compute_llm_impacts(
        model_active_parameter_count=row["active_parameters_count"] / 1e9,
        model_total_parameter_count=row["parameters_count"] / 1e9,
        output_token_count=row["output_tokens_count"],
        request_latency=row["request_latency_s"],
        if_electricity_mix_gwp=row["grid_gco2e_per_kwh"] / 1000,
        if_electricity_mix_adpe=row["grid_kgsbe_per_kwh"],
        if_electricity_mix_pe=row["grid_mj_per_kwh"],
        if_electricity_mix_wue=row["grid_water_l_per_kwh"],
        datacenter_pue=row["pue"],
        datacenter_wue=row["site_water_l_per_kwh"],
        **_OF_0_9_1,
    )


def _totals(found: Impacts) -> tuple:
    return (found.energy.value, found.gwp.value, found.adpe.value, found.pe.value, found.wcf.value)


def _split(found: Impacts) -> tuple:
    use, made = found.usage, found.embodied
    return (
        use.energy.value,
        use.gwp.value,
        made.gwp.value,
        use.adpe.value,
        made.adpe.value,
        use.pe.value,
        made.pe.value,
        use.wcf.value,
    )


def _difference(con: duckdb.DuckDBPyConnection, names: tuple[str, ...], theirs: list[tuple]) -> float:
    """Largest relative difference over the looped requests and all quantities."""
    ours = con.execute(
        f"SELECT {', '.join(names)} FROM impact WHERE request_id < {len(theirs)} ORDER BY request_id"
    ).fetchall()
    return max(
        abs(a - b) / abs(b) if b else abs(a)
        for mine, other in zip(ours, theirs, strict=True)
        for a, b in zip(mine, other, strict=True)
    )


def run() -> None:
    """Print the ratio."""
    version = importlib.metadata.version("ecologits")
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        home = Home(Path(name)).create()
        with write_session(home, catalog()) as con:
            con.execute(f"CREATE TABLE request AS {_REQUESTS.format(rows=ROWS)}").fetchall()
            rows = con.sql(f"FROM request WHERE request_id < {LOOPED} ORDER BY request_id").pl().to_dicts()
            for setting in LARGE_TABLES:
                con.execute(setting).fetchall()
            for title, names, taken in (("5 totals", _TOTALS, _totals), ("8 quantities of the split", _SPLIT, _split)):
                results = (
                    f"SELECT request_id, {', '.join(names)} FROM request_impact('request', method := 'ecologits-0.9.1')"
                )
                for kind in ("TEMP TABLE", "TABLE"):
                    theirs: list[tuple] = []
                    told = against_loop(
                        lambda kind=kind, results=results: con.execute(f"CREATE {kind} impact AS {results}").fetchall(),
                        ROWS,
                        lambda theirs=theirs, taken=taken: theirs.__setitem__(
                            slice(None), [taken(_peer(row)) for row in rows]
                        ),
                        LOOPED,
                        clear=lambda: con.execute("DROP TABLE IF EXISTS impact").fetchall(),
                    )
                    print(
                        f"{title} of {ROWS:,} requests written as a {kind.lower()}, EcoLogits {version} in a loop: {told} (aim: at least 1,000 x); "
                        f"largest relative difference {_difference(con, names, theirs):.1e} (aim: at most 1e-12)",
                        flush=True,
                    )
                    con.execute("DROP TABLE impact").fetchall()
