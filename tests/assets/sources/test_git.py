"""Past versions of files in git repositories: which are asked for, and when they count as observed."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from assets import intake
from assets.sources import _git, all_sources
from assets.sources._base import LayoutError, Request, Window
from tests.replay import Asked, ReplayServer
from warehouse.captures import Document
from warehouse.home import Home
from warehouse.staging import staged

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
PATH = "prices/data.json"


def commit(at: str, sha: str) -> dict[str, object]:
    """A commit as the publisher's interface lists it, as far as it is read."""
    return {"sha": sha, "commit": {"author": {"date": "2001-01-01T00:00:00Z"}, "committer": {"date": at}}}


def listing(tmp_path: Path, commits: object, page: str = "1") -> Document:
    file = tmp_path / "commits.json"
    file.write_text(json.dumps(commits), encoding="utf-8")
    url = f"https://api.github.com/repos/o/r/commits?path=prices%2Fdata.json&since=a&until=b&per_page=100&page={page}"
    return Document(file, url, NOW, "json")


def test_the_last_commit_of_each_day_is_asked_for_oldest_first(tmp_path: Path) -> None:
    commits = [
        commit("2026-06-03T23:10:00Z", "c"),
        commit("2026-06-03T01:00:00Z", "b"),
        commit("2026-06-01T12:00:00Z", "a"),
    ]
    batches = list(_git.expand(listing(tmp_path, commits), Window(NOW)))
    assert [(b[0].url, b[0].as_of) for b in batches] == [
        (f"https://raw.githubusercontent.com/o/r/a/{PATH}", dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)),
        (f"https://raw.githubusercontent.com/o/r/c/{PATH}", dt.datetime(2026, 6, 3, 23, 10, tzinfo=dt.UTC)),
    ]
    assert {b[0].extension for b in batches} == {"json"}


def test_a_full_list_is_followed_by_the_next(tmp_path: Path) -> None:
    commits = [commit("2026-06-03T01:00:00Z", f"{n}") for n in range(100)]
    *_, last = _git.expand(listing(tmp_path, commits, "2"), Window(NOW))
    assert last[0].is_index
    assert last[0].params["page"] == "3"
    assert last[0].params["path"] == PATH


def test_no_list_is_told(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="API rate limit exceeded"):
        list(_git.expand(listing(tmp_path, {"message": "API rate limit exceeded"}), Window(NOW)))


def test_a_window_asks_for_what_was_in_force_and_what_came() -> None:
    window = Window(NOW, dt.date(2026, 6, 2), dt.date(2026, 6, 4))
    (before,), (within,) = _git.versions("o/r", PATH, window)
    assert before.params == {"path": PATH, "until": "2026-06-02T00:00:00Z", "per_page": "1"}
    assert within.params["since"] == "2026-06-02T00:00:00Z"
    assert within.params["until"] == "2026-06-05T00:00:00Z"


@pytest.mark.parametrize(
    ("source_id", "sample", "file_count"),
    [
        ("litellm", "litellm/model_prices_2025-06-28.json.zip", 1),
        ("genai_prices", "genai_prices/data_2025-10-27.json.zip", 1),
        ("gcp_pricing_yml", "gcp_pricing_yml/pricing_2024-03-28.yml.zip", 1),
        ("fsdl", "gpu_rental_snapshots/fsdl_cloud-gpus_2023-05-29.csv", 2),
        ("gsf_region", "cloud_region_metadata/Cloud_Region_Metadata_2025-02-17.csv", 1),
        ("google_region_carbon", "google_region_carbon/vintage_2022-07-18/2021.csv", 6),
    ],
)
def test_sources_read_their_past(
    source_id: str, sample: str, file_count: int, home: Home, replay: ReplayServer, samples: Path
) -> None:
    """A real version, at the address of its commit, is recorded as observed when it was committed."""
    body = (samples / sample).read_bytes()

    def commits(asked: Asked) -> bytes:
        within = "since" in parse_qs(urlsplit(asked.url).query)
        return json.dumps([commit("2025-06-28T10:00:00Z", "abc")] if within else []).encode()

    source = all_sources()[source_id]
    assert source.plan is not None
    window = Window(NOW, dt.date(2025, 6, 28), dt.date(2025, 6, 28))
    asked_for = [r for batch in source.plan(window) for r in batch]
    for request in asked_for:
        replay.add(request.url, commits)
        repository = "/".join(request.url.split("/")[4:6])
        replay.add(f"https://raw.githubusercontent.com/{repository}/abc/{request.params['path']}", body)
    taken = intake.take_live(home, source, window)
    assert [t.outcome for t in taken] == ["loaded"] * file_count
    assert {b.captures[0].fetched_at for _, b in staged(home)} == {"2025-06-28T10:00:00+00:00"}


def test_skypilot_knows_its_cloud_by_the_address_of_a_commit(home: Home, replay: ReplayServer, samples: Path) -> None:
    source = all_sources()["skypilot"]
    assert source.plan is not None
    window = Window(NOW, dt.date(2026, 4, 20), dt.date(2026, 4, 20))
    body = (samples / "skypilot_catalog/lambda_vms_2026-04-20.csv").read_bytes()

    def commits(asked: Asked) -> bytes:
        query = parse_qs(urlsplit(asked.url).query)
        is_ours = "since" in query and "/lambda/" in query["path"][0]
        return json.dumps([commit("2026-04-20T10:00:00Z", "abc")] if is_ours else []).encode()

    request: Request = next(iter(source.plan(window)))[0]
    replay.add(request.url, commits)
    root = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/abc/catalogs/v8"
    replay.add(f"{root}/lambda/vms.csv", body)
    (taken,) = intake.take_live(home, source, window)
    assert (taken.outcome, taken.row_count) == ("loaded", 272)
