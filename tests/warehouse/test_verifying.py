"""A copy that does not hold what was copied never takes the place of the published file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from assets import recording
from assets.catalog import catalog
from tests.warehouse.taking import offers, take
from warehouse.connection import read_published, write_session
from warehouse.home import Home
from warehouse.publish import PublishError, publish
from warehouse.store.file import FileStore

ESTIMATE = (
    "INSERT INTO estimated.training_estimate (scenario_id, quantity, method_version, low, central, high, unit, as_of_at, is_bundled, computed_at) "
    "VALUES ('s', 'cost_usd', 'training-1', {band}, 'USD', now(), false, now())"
)
FACTOR = (
    "INSERT INTO estimated.factor (scenario_id, quantity, factor, method_version, value, low, high, unit, origin_kind, origin_ref, capture_id, is_bundled) "
    "VALUES ('s', 'cost_usd', 'price', 'training-1', 2, 2, 2, 'USD/h', '{kind}', 'o', {capture}, false)"
)


@pytest.fixture
def published(home: Home) -> Home:
    """One publication, and a load that waits for the next."""
    for day, price in ((1, 2.0), (2, 3.0)):
        take(home, offers({"a": price, "b": price + 1}), f"2026-01-0{day}")
        recording.record_subject(home, "cloud_rate")
        if day == 1:
            publish(home, catalog())
    return home


def highest_price(home: Home) -> float:
    with read_published(home) as con:
        return con.execute("SELECT max(price_amount_per_hour) FROM observed.cloud_rate").fetchall()[0][0]


HARMS = [
    (
        ["DELETE FROM observed.cloud_rate_log WHERE instance_type = 'b'"],
        "2 rows of observed.cloud_rate_log, the warehouse 4",
    ),
    (["DROP VIEW observed.cloud_rate", "DROP TABLE observed.cloud_rate_log"], "no rows of observed.cloud_rate_log"),
    (["CREATE TABLE meta.left_over (n INTEGER)"], "0 rows of meta.left_over, the warehouse none"),
    (["ALTER TABLE observed.gpu_price_log RENAME COLUMN price_amount TO price"], "observed.gpu_price cannot be read"),
    (["UPDATE meta.capture SET capture_id = 'another'"], "names capture .*, which is not recorded"),
    (["DELETE FROM meta.publication WHERE publication_number = 2"], "the copy says publication 1, expected 2"),
]
BROKEN = [
    ([ESTIMATE.format(band="3, 2, 4"), FACTOR.format(kind="given", capture="NULL")], "band out of order"),
    ([ESTIMATE.format(band="1, 2, 4")], "has a number and no factor"),
    ([FACTOR.format(kind="observed", capture="'gone'")], "names capture gone, which is not recorded"),
    ([FACTOR.format(kind="observed", capture="NULL")], "is observed and leads nowhere"),
]


def test_a_copy_that_is_not_what_was_copied(published: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Callable = FileStore.copy_to
    for harm, told in HARMS:

        def harmed(store: FileStore, target: Path, declared: object, harm: list[str] = harm) -> None:
            whole(store, target, declared)
            with duckdb.connect(str(target)) as con:
                for statement in harm:
                    con.execute(statement).fetchall()

        with monkeypatch.context() as patch:
            patch.setattr(FileStore, "copy_to", harmed)
            with pytest.raises(PublishError, match=f"publication 2 was not put in place.*{told}.*still publication 1"):
                publish(published, catalog())
        assert highest_price(published) == 3.0
        assert not list(published.root.glob(".petaday*"))
    # The number was not used up.
    assert publish(published, catalog()).number == 2
    assert highest_price(published) == 4.0


def test_estimates_that_break_a_promise_are_not_published(published: Home) -> None:
    for statements, told in BROKEN:
        with write_session(published, catalog()) as con:
            con.execute("DELETE FROM estimated.training_estimate").fetchall()
            con.execute("DELETE FROM estimated.factor").fetchall()
            for statement in statements:
                con.execute(statement).fetchall()
        with pytest.raises(PublishError, match=told):
            publish(published, catalog())
        assert highest_price(published) == 3.0
    # A negative quantity is in order: a change of cost, say.
    with write_session(published, catalog()) as con:
        con.execute("DELETE FROM estimated.factor").fetchall()
        con.execute(ESTIMATE.format(band="-0.4, -0.2, 0.03")).fetchall()
        con.execute(FACTOR.format(kind="given", capture="NULL")).fetchall()
    assert publish(published, catalog()).number == 2
