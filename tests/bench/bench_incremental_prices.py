"""What follows from one more price capture, or one late correction, on one and five years of daily captures of 20,000 offers, against the index and petadays computed anew."""

from __future__ import annotations

import datetime as dt
import os
import statistics
import tempfile
from pathlib import Path

import duckdb

from assets import recording
from assets.catalog import catalog
from assets.estimated.decisions import petaday_history
from assets.estimated.indices.assets import INDICES, compute
from assets.subjects import CLOUD_RATE
from tests.bench._timing import measured, peak_mib
from warehouse import log
from warehouse.connection import transaction, write_session
from warehouse.home import Home

PRICE = INDICES[0]
OFFERS = int(os.environ.get("PETADAY_BENCH_OFFERS", "20000"))
PROVIDERS, CARDS = 20, 12
START = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
AIMS = {1: "1/120", 5: "1/400"}
_ROUNDS = 5
#: Offer n of day d; each provider is a scope, and a hundredth of the offers changes its price on a day: always to another, since the log keeps no word that
#: repeats the one before.
_OFFERS = """
    SELECT 'skypilot' AS source_id, 'p' || n % {providers} AS scope, 'p' || n % {providers} AS provider, 'r' || n // {providers} % 25 AS region, 'vm-' || n // 500 AS instance_type,
        CASE n % 3 WHEN 0 THEN 'spot' WHEN 1 THEN 'on_demand' ELSE 'reserved_1y' END AS purchase_option, 'instance' AS price_component, n::VARCHAR AS offer_variant, c.alias AS accelerator_name,
        1.0 AS accelerator_count, c.memory_gib AS accelerator_memory_gib, 8.0 AS vcpu_count, 64.0 AS memory_gib,
        round((1 + hash(n) % 400 / 100) * (0.9 + CASE hash(n) % 2 WHEN 0 THEN d ELSE -d END / 10000), 4) AS price_amount_per_hour, 'USD' AS currency_code, d
    FROM range({offers}) t(n), range({first}, {last}) s(d), card c
    WHERE c.number = n // 40 % {cards} AND ({all} OR hash(n, d) % 100 = 0)
"""
_CARDS = f"""
    CREATE OR REPLACE TEMP TABLE card AS SELECT alias, memory_gib, row_number() OVER (ORDER BY accelerator_id) - 1 AS number
    FROM (SELECT accelerator_id, any_value(a.alias) AS alias, any_value(r.memory_gib) AS memory_gib FROM reference.accelerator_alias a JOIN reference.accelerator r USING (accelerator_id)
        WHERE provider IS NULL AND instance_pattern IS NULL AND a.memory_gib IS NULL AND r.memory_gib IS NOT NULL GROUP BY ALL ORDER BY ALL LIMIT {CARDS})
"""


class History:
    """A home with a capture of every provider on every day of so many years, as the log keeps them: what changed."""

    def __init__(self, folder: Path, years: int) -> None:
        self.home = Home(Path(tempfile.mkdtemp(dir=folder))).create()
        self.days, self.count = 365 * years, 0
        recording.refresh_reference(self.home)
        with write_session(self.home, catalog()) as con:
            self.prepare(con)
            columns = "source_id, scope, " + ", ".join((*CLOUD_RATE.keys, *CLOUD_RATE.values))
            at = f"TIMESTAMPTZ '{START}' + to_days(d::INT)"
            for first, last in ((0, 1), (1, self.days)):
                con.execute(
                    f"INSERT INTO {CLOUD_RATE.log_name} ({columns}, is_offered, valid_from, observed_at, recorded_at, capture_id) "
                    f"SELECT {columns}, true, {at}, {at}, {at} + INTERVAL 1 HOUR, 'd' || d FROM ({self.offers(first, last)}) ORDER BY d"
                ).fetchall()
            con.execute(
                f"INSERT INTO meta.snapshot SELECT 'd' || d, 'skypilot', 'p' || p, 'cloud_rate', {at}, true, false, {OFFERS // PROVIDERS}, 0, NULL, NULL, {at} + INTERVAL 1 HOUR "
                f"FROM range({self.days}) s(d), range({PROVIDERS}) t(p)"
            ).fetchall()
            recording.match_accelerators(con)

    @staticmethod
    def prepare(con: duckdb.DuckDBPyConnection) -> None:
        """What a session needs before anything more is recorded in it."""
        con.execute(_CARDS).fetchall()

    def offers(self, first: int, last: int) -> str:
        """SQL of what changed on those days; on the first one of all: every offer."""
        return _OFFERS.format(
            providers=PROVIDERS,
            cards=CARDS,
            offers=OFFERS,
            first=first,
            last=last,
            all="true" if first == 0 else "false",
        )

    def record(self, con: duckdb.DuckDBPyConnection, scope: str, day: int, select: str, *, whole: bool) -> None:
        self.count += 1
        frame = con.sql(f"SELECT * EXCLUDE (source_id, scope), 'capture' AS capture_id FROM ({select})").pl()
        at, known = START + dt.timedelta(days=day), START + dt.timedelta(days=4000, hours=self.count)
        said = log.Snapshot("skypilot", scope, f"c{self.count}", at, whole, frame)
        with transaction(con):
            log.record(con, CLOUD_RATE, said, known, lambda *_: (frame.clear(), None))

    def one_more(self, con: duckdb.DuckDBPyConnection) -> None:
        """The next day's capture of one provider: all its offers, a hundredth at another price."""
        columns = ", ".join((*CLOUD_RATE.keys, *CLOUD_RATE.values))
        today = (
            f"SELECT source_id, scope, {columns}, d FROM ({self.offers(self.days, self.days + 1)}) WHERE scope = 'p3'"
        )
        held = (
            f"SELECT source_id, scope, {columns}, -1 FROM {CLOUD_RATE.log_name} WHERE scope = 'p3' "
            f"QUALIFY row_number() OVER (PARTITION BY offer_variant ORDER BY valid_from DESC, recorded_at DESC) = 1"
        )
        select = (
            f"SELECT * EXCLUDE (d), NULL::TIMESTAMPTZ AS valid_from FROM ({today} UNION ALL {held}) "
            "QUALIFY row_number() OVER (PARTITION BY offer_variant ORDER BY d DESC) = 1"
        )
        self.record(con, "p3", self.days, select, whole=True)
        self.days += 1

    def correction(self, con: duckdb.DuckDBPyConnection, back: int) -> None:
        """Another price of one offer for 30 days, told now; then again the one that it had."""
        first = START + dt.timedelta(days=self.days - back)
        one = f"SELECT * EXCLUDE (d) FROM ({self.offers(0, 1)}) WHERE offer_variant = '{7 + back}'"
        select = (
            f"SELECT * REPLACE (price_amount_per_hour * 1.25 AS price_amount_per_hour), TIMESTAMPTZ '{first}' AS valid_from FROM ({one}) "
            f"UNION ALL SELECT *, TIMESTAMPTZ '{first + dt.timedelta(days=30)}' FROM ({one})"
        )
        self.record(con, f"p{(7 + back) % PROVIDERS}", self.days, select, whole=False)


def digest(con: duckdb.DuckDBPyConnection) -> tuple:
    """All of the index but the last digits, which the order of adding logarithms makes."""
    return con.execute(
        "SELECT count(*), sum(hash(COLUMNS(* EXCLUDE (index_points, index_usd_per_gpu_hour)))), "
        "sum(round(index_points, 6))::DECIMAL(38, 4), sum(round(index_usd_per_gpu_hour, 6))::DECIMAL(38, 4) FROM estimated.price_index"
    ).fetchall()[0]


def forget(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Have everything of a table computed anew when it is asked for next."""
    con.execute("DELETE FROM meta.definition WHERE name = ?", [table]).fetchall()


def update_petadays(con: duckdb.DuckDBPyConnection) -> None:
    with transaction(con):
        petaday_history.update(con, START)


def sum_of_petadays(con: duckdb.DuckDBPyConnection) -> tuple:
    columns = "cost_usd, low_usd, high_usd, energy_kwh"
    return con.execute(
        f"SELECT count(*), sum(hash(index_on, accelerator_id, {columns})) FROM estimated.petaday_history"
    ).fetchall()[0]


def _of(history: History, years: int) -> None:
    with write_session(history.home, catalog()) as con:
        history.prepare(con)
        compute(con, PRICE)
        update_petadays(con)
        capture, correction, petadays = [], [], []
        for n in range(_ROUNDS):
            history.one_more(con)
            capture.append(measured(lambda: compute(con, PRICE)))
            petadays.append(measured(lambda: update_petadays(con)))
            history.correction(con, 40 + 31 * n)
            correction.append(measured(lambda: compute(con, PRICE)))
        update_petadays(con)
        added, added_petadays = digest(con), sum_of_petadays(con)
        forget(con, "estimated.petaday_history")
        petadays_anew = measured(lambda: update_petadays(con))
        if added_petadays != sum_of_petadays(con):
            raise RuntimeError(f"petaday_history: what was added is not what everything anew gives: {added_petadays}")
        forget(con, "estimated.price_index")
        anew, anew_cpu = measured(lambda: compute(con, PRICE))
        if added != digest(con):
            raise RuntimeError(f"price_index: what was added is not what everything anew gives: {added}, {digest(con)}")
        (one, one_cpu), (late, _) = (
            (statistics.median(x[0] for x in times), statistics.median(x[1] for x in times))
            for times in (capture, correction)
        )
        print(
            f"price_index, {years} year(s) of {OFFERS:,} offers, {added[0]:,} rows: one more capture {one * 1e3:.0f} ms, all anew {anew:.1f} s, "
            f"ratio 1/{anew / one:.0f}, of CPU time 1/{anew_cpu / one_cpu:.0f} (aim: at most {AIMS[years]}); the same table. "
            f"30 days of one offer corrected late: {late * 1e3:.0f} ms, {late / one:.2f} x the capture (aim: at most 2)",
            flush=True,
        )
        of_day, of_day_cpu = (statistics.median(x[i] for x in petadays) for i in (0, 1))
        print(
            f"petaday_history, {years} year(s), {added_petadays[0]:,} rows: after one more capture {of_day * 1e3:.0f} ms, all anew {petadays_anew[0] * 1e3:.0f} ms; the same table. "
            f"Index and petadays together 1/{(anew + petadays_anew[0]) / (one + of_day):.0f}, of CPU time 1/{(anew_cpu + petadays_anew[1]) / (one_cpu + of_day_cpu):.0f}",
            flush=True,
        )


_ANEW = """
import sys
from pathlib import Path
from assets.catalog import catalog
from assets.estimated.decisions import petaday_history
from assets.estimated.indices.assets import INDICES, compute
from tests.bench._timing import peak_of_this_process
from warehouse.connection import write_session
from warehouse.home import Home
print(peak_of_this_process())
with write_session(Home(Path(sys.argv[1])), catalog()) as con:
    con.execute("DELETE FROM meta.definition WHERE name = 'estimated.price_index'").fetchall()
    compute(con, INDICES[0])
"""


def run() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory(prefix="petaday-bench-") as name:
        for years in (int(y) for y in os.environ.get("PETADAY_BENCH_YEARS", "1,5").split(",")):
            history = History(Path(name), years)
            _of(history, years)
            peak, _ = peak_mib(_ANEW, str(history.home.root))
            print(f"{years} year(s), the price index anew: peak {peak:.0f} MiB (aim: under 1024)", flush=True)
