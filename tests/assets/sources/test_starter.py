"""The starter set: facts of the reference that are observed as prices."""

from __future__ import annotations

import datetime as dt

import polars as pl

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import source_named
from tests.assets.sources.reading import read_files
from warehouse.connection import write_session
from warehouse.home import Home


def test_launch_prices_hold_from_the_launch() -> None:
    """Every price of the reference with a day, none without; RTX 4090 at 1,599 USD from its announcement on 2022-09-20."""
    source = source_named("starter_gpu_price")
    assert source.bundled is not None
    (document,) = source.bundled()
    scopes, rejected = read_files("starter_gpu_price", document.path)
    rows = scopes["bundled"]
    assert rejected.is_empty()
    assert set(rows["price_kind"]) == {"launch"}
    assert rows["valid_from"].null_count() == 0
    card = rows.filter(pl.col("product_code") == "nvidia-rtx-4090-24gb")
    assert card.select("seller", "price_amount", "currency_code").rows() == [("nvidia", 1599.0, "USD")]
    assert card["valid_from"][0].date() == dt.date(2022, 9, 20)


def test_cards_are_known_by_a_name_that_only_one_has(home: Home) -> None:
    """A launch price and a shop's card meet in one accelerator_id; a name of two cards meets in none."""
    recording.refresh_reference(home)
    intake.take_bundled(home, source_named("starter_gpu_price"))
    recording.record_subject(home, "gpu_price")
    with write_session(home, catalog()) as con:
        assert con.execute("SELECT count(*) FROM observed.gpu_price WHERE accelerator_id IS NULL").fetchone() == (0,)
        names = dict(
            con.execute(
                "SELECT w.name, n.accelerator_id FROM (VALUES ('GeForce RTX 4090'), ('GeForce RTX 3080'), ('A100')) w (name) "
                "LEFT JOIN observed.accelerator_by_name n ON n.name_key = accelerator_key(w.name)"
            ).fetchall()
        )
    assert names == {"GeForce RTX 4090": "nvidia-rtx-4090-24gb", "GeForce RTX 3080": None, "A100": None}
