"""Hostile documents end as clean refusals or as plain data; keys reach no file and no screen."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import _base, all_sources, source_named
from assets.sources._base import LayoutError, body_of
from tests.assets.sources.reading import read_body
from tests.assets.sources.test_ecb import XML
from tests.replay import Asked, ReplayServer
from tests.warehouse.taking import HEADER, offers, take
from warehouse.capture_store import CaptureStore
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.errors import PetadayError
from warehouse.home import Home

ROOT = Path(__file__).parents[2]
#: What would blow up without end is over by then on any machine, however busy with other things.
AT_ONCE_S = 60.0


def document(tmp_path: Path, body: bytes, extension: str) -> Document:
    file = tmp_path / f"hostile.{extension}"
    file.write_bytes(body)
    return Document(file, f"file:hostile.{extension}", dt.datetime.now(dt.UTC), extension)


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


# Archives -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source_id", "name"), [("ecb", "eurofxref-hist.csv"), ("gpuhunt", "aws.csv"), ("ember_monthly", "x.csv")]
)
def test_a_zip_bomb_is_refused_and_costs_no_memory(tmp_path: Path, source_id: str, name: str) -> None:
    bomb = packed({name: b"0" * (64 << 20)})
    assert len(bomb) < 1 << 17
    started = time.monotonic()
    with pytest.raises(LayoutError, match="unpacks to more than|archive|not"):
        read_body(source_id, bomb, tmp_path, "bomb.zip")
    assert time.monotonic() - started < AT_ONCE_S


def test_a_file_packed_by_gzip_is_read_and_a_broken_one_named(tmp_path: Path) -> None:
    body = b"Date,USD,HRK,\n2022-12-30,1.0666,N/A,\n"
    scopes, _ = read_body("ecb", gzip.compress(body), tmp_path, "eurofxref-hist.csv.gz")
    assert scopes["EUR"].select("currency_code", "rate_per_base").rows() == [("USD", 1.0666)]
    bomb = gzip.compress(b"0" * (64 << 20))
    assert len(bomb) < 1 << 17
    for broken, word in (
        (gzip.compress(body)[:-9], "truncated"),
        (b"\x1f\x8bno archive at all", "cannot be read"),
        (gzip.compress(b" "), "archive is empty"),
        (bomb, "unpacks to more than"),
    ):
        with pytest.raises(LayoutError, match=word):
            read_body("ecb", broken, tmp_path, "eurofxref-hist.csv.gz")


def test_a_file_packed_by_gzip_is_loaded_as_what_is_in_it(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "eurofxref-daily.xml.gz"
    cubes = '<Cube><Cube time="2026-04-13"><Cube currency="USD" rate="1.17"/></Cube></Cube>'
    file.write_bytes(gzip.compress(f'<?xml version="1.0"?><Envelope>{cubes}</Envelope>'.encode()))
    (taken,) = intake.take_files(home, source_named("ecb"), [file], None)
    assert (taken.outcome, taken.row_count) == ("loaded", 1)


def test_a_zip_of_many_small_bombs_is_refused_by_their_sum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_base, "MAX_UNPACKED_BYTES", 4 << 20)
    line = b"instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size\n"
    many = packed({f"p{n}.csv": line + os.urandom(1 << 14).hex().encode() * 40 for n in range(16)})
    with pytest.raises(LayoutError, match="in all"):
        read_body("gpuhunt", many, tmp_path, "many.zip")


@pytest.mark.parametrize(
    "name",
    [
        "../../../../tmp/petaday-slip.csv",
        "/tmp/petaday-slip.csv",
        "..\\..\\petaday-slip.csv",
        "a/../../petaday-slip.csv",
    ],
)
@pytest.mark.parametrize("source_id", ["gpuhunt", "ecb"])
def test_names_in_an_archive_write_nowhere(tmp_path: Path, source_id: str, name: str) -> None:
    (tmp_path / "in").mkdir()
    before = sorted(tmp_path.rglob("*"))
    try:
        read_body(source_id, packed({name: offers({"a": 1.0}).encode()}), tmp_path / "in", "slip.zip")
    except PetadayError:
        pass
    assert [p for p in sorted(tmp_path.rglob("*")) if p not in before] == [tmp_path / "in" / "slip.zip"]
    assert not Path("/tmp/petaday-slip.csv").exists()


@pytest.mark.parametrize(
    "body", [b"PK", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, packed({"a": b"x", "b": b"y"}), packed({"a/": b""})]
)
def test_broken_and_odd_archives_are_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(LayoutError):
        body_of(document(tmp_path, body, "zip"))


def test_a_password_is_not_asked_for(tmp_path: Path) -> None:
    body = bytearray(packed({"a.csv": b"hello,world\n" * 20}))
    central = bytes(body).rindex(b"PK\x01\x02")
    body[6] |= 1
    body[central + 8] |= 1
    with pytest.raises(LayoutError, match="cannot be read"):
        body_of(document(tmp_path, bytes(body), "zip"))


# XML and JSON ---------------------------------------------------------------------------------------------------------

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + "]><l>&m;</l>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>'
PARAMETER = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]><l/>'


@pytest.mark.parametrize("source_id", [s for s in ("ecb", "entsoe", "entsoe_price") if s in all_sources()])
@pytest.mark.parametrize(
    "body",
    [LAUGHS, OUTSIDE, PARAMETER, "<a>" * 100_000, "<" + "a" * 11_000_000 + "/>"],
    ids=["laughs", "file", "dtd", "deep", "long"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_entities_are_never_expanded_or_fetched(tmp_path: Path, source_id: str, body: str, encoding: str) -> None:
    started = time.monotonic()
    with pytest.raises(LayoutError) as caught:
        read_body(source_id, body.replace('"1.0"', f'"1.0" encoding="{encoding}"').encode(encoding), tmp_path, "x.xml")
    assert time.monotonic() - started < AT_ONCE_S
    assert "root:" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("entity", ['"1.18"', 'SYSTEM "file:///etc/hostname"'])
def test_a_sound_answer_that_declares_entities_is_refused(tmp_path: Path, entity: str) -> None:
    """All else about it is in order: it is refused for the declaration alone."""
    sound = XML.format(version="v", rate="1.18")
    assert read_body("ecb", sound, tmp_path, "x.xml")[0]["EUR"].height == 2
    for body in (sound, sound.replace('"129.62"/>', '"129.62">&x;</Cube>')):
        with pytest.raises(LayoutError, match="document type"):
            read_body("ecb", f"<!DOCTYPE e [<!ENTITY x {entity}>]>{body}", tmp_path, "x.xml")


@pytest.mark.parametrize(
    "body", ["[" * 200_000, '{"a":' * 200_000, '{"x": 1' + "0" * 5000 + "}", '"' + "\\ud800" + '"', "NaN", "[1e999]"]
)
@pytest.mark.parametrize("source_id", ["openrouter", "digitalocean", "litellm", "azure_retail", "vast"])
def test_deep_and_odd_json_is_refused(tmp_path: Path, source_id: str, body: str) -> None:
    with pytest.raises(PetadayError):
        read_body(source_id, body, tmp_path)


# Text that is code elsewhere ------------------------------------------------------------------------------------------

NASTY = [
    "'; DROP TABLE meta.capture; --",
    "x') OR 1=1 --",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "=HYPERLINK(0)",
    "@SUM(1)",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "[bold]rich[/bold]",
    "..%2f..%2fetc",
    "\u202eevil",
    "a\u0000b",
    "名前",
    "x" * 5000,
]


def test_names_that_are_code_elsewhere_stay_data(home: Home) -> None:
    """SQL, script, formulas, templates and markup in every text field: loaded as they are, and nothing else happens."""
    rows = "".join(
        ",".join(f'"{part}"' for part in (f"t{n}", text, "1", "8", "64", "2", text, "", "")) + "\n"
        for n, text in enumerate(NASTY)
    )
    taken = take(home, HEADER + rows, "2026-01-01")
    assert taken.outcome == "loaded", taken.message
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        found = con.execute("SELECT instance_type, region, accelerator_name FROM observed.cloud_rate").fetchall()
        assert {(f"t{n}", text, text) for n, text in enumerate(NASTY)} == set(found)
        assert con.execute("SELECT count(*) FROM meta.capture").fetchall() == [(1,)]
        for text in NASTY:
            assert (
                len(
                    con.execute(
                        "SELECT * FROM cloud_rate_as_of('2026-06-01'::TIMESTAMPTZ) WHERE region = ?", [text]
                    ).fetchall()
                )
                == 1
            )


def test_a_hostile_scope_and_file_name_stay_data(home: Home) -> None:
    name = "it's; DROP TABLE meta.capture; --_vms.csv"
    assert take(home, offers({"a": 1.0}), "2026-01-01", name).outcome in ("loaded", "rejected")
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        assert con.execute("SELECT url FROM meta.capture").fetchall() == [(f"file:{name}",)]


@pytest.mark.parametrize("source_id", ["../../etc", "a/b", "", ".", "..", "A", "x" * 100, "nul\0", "skypilot\n"])
def test_a_source_id_cannot_lead_elsewhere(home: Home, source_id: str) -> None:
    with pytest.raises(PetadayError):
        source_named(source_id)
    file = home.spool_dir / "x"
    file.write_text("x")
    with pytest.raises(ValueError, match="not a source id"):
        CaptureStore(home).store(source_id, [Document(file, "u", dt.datetime.now(dt.UTC), "csv")])
    assert not list(home.captures_dir.iterdir())


def test_a_file_whose_name_is_a_path_trick_keeps_its_bytes_inside(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "x.csv.$(touch evil)"
    file.write_text(offers({"a": 1.0}))
    intake.take_files(home, source_named("skypilot"), [file], None)
    assert all(home.root in p.parents for p in home.root.rglob("*"))
    assert next(home.captures_dir.rglob("*.zst")).name.endswith(".csv.zst")


# Keys through a whole run ---------------------------------------------------------------------------------------------

KEY = "k3y+SECRET/never0show0this=="


def test_a_key_reaches_no_file_and_no_screen_of_a_whole_run(home: Home, replay: ReplayServer) -> None:
    """Fetch (echoed, refused, broken), capture, load, publish, event log: the key is in none of them."""
    from urllib.parse import quote, quote_plus

    def echo(asked: Asked) -> bytes:
        return json.dumps(
            {
                "response": {"total": 0, "data": []},
                "request": {"url": asked.url, "headers": asked.headers, "api_key": KEY},
            }
        ).encode()

    replay.add("https://api.eia.gov/v2/electricity/rto/fuel-type-data/data/", echo, headers={"ETag": f'"{KEY}"'})
    replay.add("https://api.eia.gov/v2/electricity/retail-sales/data/", echo, 403)
    replay.add("https://api.digitalocean.com/v2/sizes", echo, 401, headers={"WWW-Authenticate": f"Bearer {KEY}"})
    replay.add("https://web-api.tp.entsoe.eu/api", "x" * 100, headers={"X-Echo": KEY}, cut_at=50)
    chosen = [s for s in ("eia", "eia_retail", "digitalocean", "entsoe") if s in all_sources()]
    keys = {str(source_named(s).key_name): KEY for s in chosen}
    result = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "--verbose", "refresh", *chosen],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ | keys | {"PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 1, result.stderr[-2000:]
    assert len(replay.asked) >= 3
    forms = [KEY, quote(KEY, safe=""), quote_plus(KEY), json.dumps(KEY)[1:-1], "SECRET/never0show"]
    for form in forms:
        assert form not in result.stdout
        assert form not in result.stderr
    files = [p for p in home.root.rglob("*") if p.is_file()]
    assert any(p.suffix == ".zst" for p in files)
    assert any(p.suffix == ".db" for p in files)
    for file in files:
        body = file.read_bytes()
        assert not [form for form in forms if form.encode() in body], file
    store = CaptureStore(home)
    for capture in store.captures():
        opened = store.open_document(capture)
        body = opened.path.read_bytes()
        opened.path.unlink()
        assert KEY.encode() not in body
        assert b"REDACTED" in body
