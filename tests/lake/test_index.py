"""The price index on the lake: added to capture by capture, it is what computing it anew gives, as on the file."""

from __future__ import annotations

from assets import recording
from assets.catalog import catalog
from tests.assets.estimated.indices.test_price import OFFERS, Loader
from tests.lake.test_years import lake
from warehouse.connection import write_session
from warehouse.home import Home
from warehouse.store import lake_admin


def test_one_more_capture_and_a_late_one_give_what_computing_anew_gives(lake_home: Home) -> None:
    lake_admin.init(lake(lake_home), catalog())
    recording.refresh_reference(lake_home)
    with write_session(lake_home, catalog()) as con:
        loader = Loader(con)
        for day, offers in ((1, OFFERS), (3, {key: price * 1.5 for key, price in OFFERS.items()})):
            loader.prices("skypilot", "aa", day, offers)
            loader.everything()
        loader.prices("skypilot", "aa", 2, {key: price * 2 for key, price in OFFERS.items()})
        added = loader.everything()
        assert all(added.values())
        assert added == loader.anew()
