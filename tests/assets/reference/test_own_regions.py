"""Regions that a team knows better: laid over the reference, told as such, and refused with a clear line where wrong."""

from __future__ import annotations

import pytest

from assets import recording
from assets.catalog import catalog
from assets.reference.own_regions import with_own_regions
from assets.reference.tables import REFERENCE_TABLES, read_reference
from warehouse.connection import write_session
from warehouse.errors import PetadayError
from warehouse.home import Home


def ask(home: Home, sql: str) -> list[tuple]:
    """Rows of a query on the work file."""
    with write_session(home, catalog()) as con:
        return con.execute(sql).fetchall()


def test_without_a_file_the_tables_are_as_they_ship(home: Home) -> None:
    files = [read_reference(t) for t in REFERENCE_TABLES]
    assert [f.sha256 for f in with_own_regions(home, files)] == [f.sha256 for f in files]


def test_what_did_not_change_is_not_read_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    recording.refresh_reference(home)
    read: list[str] = []
    monkeypatch.setattr(recording, "read_reference", lambda table: read.append(table.name) or read_reference(table))
    with write_session(home, catalog()) as con:
        con.execute("UPDATE meta.reference_file SET sha256 = 'of an older Petaday' WHERE table_name = 'country'")
    assert set(recording.refresh_reference(home)) == {"country"}
    assert read == ["country"]


def test_a_region_is_overridden_added_and_shown_beside_what_was_said(home: Home) -> None:
    recording.refresh_reference(home)
    before = ask(
        home,
        "SELECT grid_zone, zone_claimed_by, place, pue FROM reference.region WHERE provider = 'aws' AND region = 'us-east-1'",
    )
    (home.root / "regions.csv").write_text(
        "provider,region,grid_zone,pue,country_code,source_url\n"
        "AWS,us-east-1,US-TEST,,,https://example.org/ours\n"
        "own,basement,GB,1.5,GB,https://example.org/basement\n"
    )
    changed = recording.refresh_reference(home)
    assert set(changed) == {"region", "region_claim"}
    zone, claimed_by, place, pue, note = ask(
        home,
        "SELECT grid_zone, zone_claimed_by, place, pue, note FROM reference.region WHERE provider = 'aws' AND region = 'us-east-1'",
    )[0]
    assert (zone, claimed_by) == ("US-TEST", "regions.csv")
    assert (place, pue) == before[0][2:]
    assert "by regions.csv of this home: grid_zone (https://example.org/ours)" in note
    assert ask(
        home, "SELECT grid_zone, pue, pue_source_url, source_url FROM reference.region WHERE provider = 'own'"
    ) == [("GB", 1.5, "https://example.org/basement", "https://example.org/basement")]
    said = ask(
        home,
        "SELECT said_value, also_said_value, chosen FROM observed.disagreement WHERE thing = 'aws | us-east-1' AND attribute = 'grid_zone'",
    )
    assert any({before[0][0], "US-TEST"} == {a, b} for a, b, _ in said)
    assert recording.refresh_reference(home) == {}
    (home.root / "regions.csv").unlink()
    assert set(recording.refresh_reference(home)) == {"region", "region_claim"}
    assert (
        ask(
            home,
            "SELECT grid_zone, zone_claimed_by, place, pue FROM reference.region WHERE provider = 'aws' AND region = 'us-east-1'",
        )
        == before
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a readable CSV file"),
        ("provider,region\naws,us-east-1\n", "column source_url is missing"),
        ("provider,region,source_url,zone\naws,us-east-1,u,US\n", "unknown column zone; allowed are"),
        ("provider,region,source_url,pue\naws,us-east-1,u,low\n", "line 2: pue is 'low', which is no number"),
        ("provider,region,source_url,pue\naws,us-east-1,,1.2\n", "line 2: source_url is empty"),
        ("provider,region,source_url,pue\naws,us-east-1,u,0.7\n", "aws us-east-1: pue.min does not hold"),
        ("provider,region,source_url,pue\naws,us-east-1,u,1.2\naws,us-east-1,u,1.3\n", "2 rows state the same region"),
    ],
)
def test_a_wrong_file_is_one_clear_line_and_changes_nothing(home: Home, text: str, message: str) -> None:
    recording.refresh_reference(home)
    before = ask(home, "SELECT count(*), sum(pue) FROM reference.region")
    (home.root / "regions.csv").write_text(text)
    with pytest.raises(PetadayError) as caught:
        recording.refresh_reference(home)
    assert message in str(caught.value).replace("|", ".")
    assert ask(home, "SELECT count(*), sum(pue) FROM reference.region") == before
