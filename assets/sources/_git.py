"""Past versions of a file in a public GitHub repository, by its commits.

A file in a repository has a dated version for every commit. The list of commits of its path is an index; the version
after the last commit of each day is requested, and the one in force when the window begins, and each is recorded as
observed when it was committed. Without an account GitHub answers 60 list requests per hour; one path takes two or three
for any window.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, urlsplit

from assets.sources._base import LayoutError, Request, Window, json_of
from warehouse.captures import Document

API_HOST = "api.github.com"
RAW_HOST = "raw.githubusercontent.com"
HOSTS = (RAW_HOST, API_HOST)
_PAGE_SIZE = 100


def current_or_past(repository: str, path: str, window: Window, branch: str = "HEAD") -> Iterator[Sequence[Request]]:
    """The file as it stands at the end of `branch`, or (where the window has days) as it stood on past days."""
    if window.first_on is None:
        yield [Request(f"https://{RAW_HOST}/{repository}/{branch}/{path}", extension=_ending(path))]
    else:
        yield from versions(repository, path, window)


def _ending(path: str) -> str:
    return path.rsplit(".", 1)[-1]


def versions(repository: str, path: str, window: Window) -> Iterator[Sequence[Request]]:
    """Indices of the versions of `path` in `repository` (owner/name) that were in force on the days of the window."""
    days = window.days()
    begins, ends = f"{days[0]}T00:00:00Z", f"{days[-1] + dt.timedelta(days=1)}T00:00:00Z"
    yield [_commits(repository, {"path": path, "until": begins, "per_page": "1"})]
    yield [
        _commits(repository, {"path": path, "since": begins, "until": ends, "per_page": str(_PAGE_SIZE), "page": "1"})
    ]


def _commits(repository: str, params: dict[str, str]) -> Request:
    return Request(f"https://{API_HOST}/repos/{repository}/commits", params, is_index=True)


def expand(document: Document, window: Window) -> Iterator[Sequence[Request]]:
    """From a list of commits to the file after the last commit of each day, the oldest first.

    Raises:
        LayoutError: if it is not a list of commits.
    """
    commits = json_of(document)
    if not isinstance(commits, list):
        raise LayoutError(f"{document.url}: not a list of commits: {str(commits)[:200]}")
    address = urlsplit(document.url)
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    repository = "/".join(address.path.strip("/").split("/")[1:3])
    last_of_day: dict[str, tuple[str, str]] = {}
    for commit in commits:
        at = commit["commit"]["committer"]["date"]
        last_of_day[at[:10]] = max(last_of_day.get(at[:10], ("", "")), (at, commit["sha"]))
    for at, sha in sorted(last_of_day.values()):
        yield [
            Request(
                f"https://{RAW_HOST}/{repository}/{sha}/{asked['path']}",
                extension=_ending(asked["path"]),
                as_of=dt.datetime.fromisoformat(at.replace("Z", "+00:00")),
            )
        ]
    if len(commits) == _PAGE_SIZE:
        yield [_commits(repository, asked | {"page": str(int(asked["page"]) + 1)})]
