"""From a publisher to the staging folder: fetch, capture, parse, check.

No Dagster and no database here: these are the steps that a source asset runs, outside any lock. Everything is captured
before it is staged, whatever its parser does, and what is refused is staged too, with the reason.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from assets.reading import Pages, read_batch
from assets.sources._base import PARSER_ERRORS, FetchError, LayoutError, Request, Source, Window
from assets.sources._http import NO_CONNECTION, Client, NotModified, stored_url
from warehouse import pending_captures, staging
from warehouse.capture_store import CaptureStore
from warehouse.captures import Capture, Document
from warehouse.errors import CaptureDamagedError, DiskFullError, PetadayError, translating_disk_full
from warehouse.home import Home
from warehouse.last_answers import last_answers
from warehouse.store import is_shared


@dataclass(frozen=True, slots=True)
class Taken:
    """The outcome of taking in one batch."""

    batch_id: str
    capture_ids: tuple[str, ...]
    outcome: str
    message: str | None
    row_count: int
    rejected_count: int


def _objection(
    source: Source, scopes: Sequence[staging.StagedScope], rejected: pl.DataFrame, known: dict, at: str
) -> str | None:
    """Why the batch as a whole must not be loaded; None if it may be."""
    rows = sum(s.frame.height for s in scopes)
    if not rows and source.may_be_empty and scopes and not rejected.height:
        return None
    if not rows and not rejected.height:
        return "no usable row"
    share = rejected.height / (rows + rejected.height)
    if share > source.max_rejected_share or not rows:
        most_often = rejected["reason"].value_counts(sort=True)["reason"][0]
        if not rows:
            return f"no usable row; {rejected.height} refused, most often: {most_often}"
        return (
            f"{rejected.height} of {rows + rejected.height} rows refused "
            f"({share:.0%}, allowed {source.max_rejected_share:.0%}); most often: {most_often}"
        )
    for scope in scopes:
        before = known["scopes"].get(scope.scope)
        if scope.is_complete and before and at > before["fetched_at"]:
            least = source.min_kept_share * before["row_count"]
            if scope.frame.height < least:
                return (
                    f"{scope.scope}: {scope.frame.height} rows, the last answer had {before['row_count']}: "
                    f"fewer than {source.min_kept_share:.0%} is considered a broken answer, not an empty market"
                )
    return None


def take(home: Home, source: Source, documents: Iterable[Document]) -> Taken:
    """Capture, parse, check and stage one batch of documents; their spooled files are removed.

    The iterable may fetch documents on demand: each is stored, and parsed if the source reads single pages, while the
    next one is fetched. A large document is parsed while it is being stored; if the process dies meanwhile,
    `pending_captures.rescue` makes the capture.

    Returns:
        The outcome; a rejected batch is staged too, so that the warehouse knows of it.
    """
    known = last_answers(home, source.source_id)
    pages = Pages(source, known["urls"])
    # On a lake, the bytes must reach the shared store first: a worker's disk may vanish with its process.
    at_once = not is_shared() and pages.may_be_read_whole(documents)
    try:
        with (
            translating_disk_full(f"keeping what {source.source_id} sent in {home.captures_dir}"),
            pending_captures.pending(source.source_id, next(iter(documents))) if at_once else nullcontext(),
        ):
            captures = CaptureStore(home).store(
                source.source_id,
                pages.passing(documents),
                known["urls"],
                pages.read if source.read_page else None,
                pages.read_whole if at_once else None,
            )
        batch = staging.Batch(source.source_id, source.subject, source.parser_version, captures, "loaded")
        if same_as := _unchanged(source, captures, known):
            batch = replace(batch, outcome="unchanged", message=same_as)
        else:
            try:
                scopes, rejected = read_batch(source, captures, pages.documents, pages)
                objection = _objection(source, scopes, rejected, known, captures[0].fetched_at)
                batch = replace(batch, scopes=scopes, rejected=rejected)
            except DiskFullError:
                # It says nothing of the answer, which is not recorded as refused.
                raise
            except PetadayError as e:
                objection = str(e)[:2000]
            if objection:
                batch = replace(batch, outcome="rejected", message=objection, scopes=())
        with translating_disk_full(f"staging what {source.source_id} sent in {home.staged_dir}"):
            staging.stage(home, batch)
    finally:
        for document in documents if isinstance(documents, Sequence) else pages.documents:
            document.path.unlink(missing_ok=True)
    rows = sum(s.frame.height for s in batch.scopes)
    message = batch.message if batch.outcome == "rejected" else None
    ids = tuple(c.capture_id for c in captures)
    return Taken(batch.batch_id, ids, batch.outcome, message, rows, batch.rejected.height)


def _unchanged(source: Source, captures: Sequence[Capture], known: dict) -> str | None:
    """The id of the batch that this one repeats byte for byte, if that is the last one and this one is newer."""
    last = [known["urls"].get(c.url) for c in captures]
    if not last or any(
        one is None
        or one["sha256"] != c.sha256
        or one["fetched_at"] >= c.fetched_at
        or one["parser_version"] != source.parser_version
        for one, c in zip(last, captures, strict=True)
    ):
        return None
    batch_ids = {one["batch_id"] for one in last if one}
    return batch_ids.pop() if len(batch_ids) == 1 else None


def _rescue(home: Home) -> None:
    with translating_disk_full(f"storing what an interrupted run had fetched in {home.captures_dir}"):
        pending_captures.rescue(home)


def take_live(home: Home, source: Source, window: Window) -> list[Taken]:
    """Fetch what the source plans for `window`, batch by batch.

    Raises:
        FetchError: after all other batches were staged, naming the batches that could not be fetched: the outage of one
            country does not affect the others.
    """
    if source.plan is None:
        raise PetadayError(
            f"{source.source_id} has no live feed: load its files with `petaday load {source.source_id} FILE`"
        )
    home.create()
    _rescue(home)
    taken: list[Taken] = []
    failures: list[str] = []
    known = last_answers(home, source.source_id)["urls"]
    client = Client(source, home.spool_dir)
    try:
        for requests_of_batch in _batches(client, source, window, source.plan(window), failures):
            try:
                if len(requests_of_batch) == 1 and source.follow is None:
                    taken.append(_take_single(home, source, client, requests_of_batch[0], known))
                elif requests_of_batch:
                    taken.append(take(home, source, _all_pages(client, requests_of_batch)))
            except (FetchError, LayoutError) as e:
                failures.append(str(e))
    finally:
        client.close()
    if failures:
        # Without a network every request fails alike: the first says it.
        shown = 1 if all(NO_CONNECTION in f for f in failures) else 3
        more = f" (and {len(failures) - shown} more)" if len(failures) > shown else ""
        named = [f.removeprefix(f"{source.source_id}: ") for f in failures[:shown]]
        error = FetchError(
            f"{len(failures)} of {len(failures) + len(taken)} requests failed: " + " | ".join(named) + more
        )
        error.is_partial = bool(taken)
        raise error
    return taken


def _take_single(
    home: Home, source: Source, client: Client, request: Request, known: Mapping[str, Mapping[str, Any]]
) -> Taken:
    """Take the only document of a batch, with a conditional request; after a 304 the stored bytes count as the answer."""
    answer = client.fetch(request, known.get(stored_url(request)))
    if isinstance(answer, NotModified):
        if confirmed := _take_confirmed(home, source, answer, request, known[answer.url]):
            return confirmed
        answer = _recalled(home, source, answer, known[answer.url]) or client.fetch(request)
    assert isinstance(answer, Document), "an unconditional request is never answered with 304"
    return take(home, source, [_dated(answer, request)])


def _dated(document: Document, request: Request) -> Document:
    """A version from an archive counts as observed when it was published."""
    return document if request.as_of is None else replace(document, fetched_at=request.as_of)


def _all_pages(client: Client, requests: Sequence[Request]) -> Iterator[Document]:
    """Every page of every request, fetched on demand."""
    for request in requests:
        for document in client.pages(request):
            yield _dated(document, request)


def _batches(
    client: Client, source: Source, window: Window, planned: Iterable[Sequence[Request]], failures: list[str]
) -> Iterator[Sequence[Request]]:
    """Batches of requests for data; an index is fetched and replaced by the batches that it leads to.

    If an index cannot be fetched or read, the error is added to `failures`, and the other batches follow.
    """
    for requests_of_batch in planned:
        if source.expand is None or not requests_of_batch or not requests_of_batch[0].is_index:
            yield requests_of_batch
            continue
        try:
            found = _expanded(client, source, window, requests_of_batch[0])
        except (FetchError, LayoutError) as e:
            failures.append(str(e))
            continue
        yield from _batches(client, source, window, found, failures)


def _expanded(client: Client, source: Source, window: Window, request: Request) -> list[Sequence[Request]]:
    """The batches that an index leads to.

    Raises:
        FetchError: if the index cannot be fetched.
        LayoutError: if it cannot be read.
    """
    assert source.expand is not None
    index = client.fetch(request)
    assert isinstance(index, Document), "an index is requested without a condition"
    try:
        return list(source.expand(index, window))
    except PetadayError:
        raise
    except PARSER_ERRORS as e:
        raise LayoutError(f"{index.url}: the index cannot be read: {type(e).__name__}: {str(e)[:200]}") from e
    finally:
        index.path.unlink(missing_ok=True)


def _take_confirmed(
    home: Home, source: Source, answer: NotModified, request: Request, last: Mapping[str, Any]
) -> Taken | None:
    """Stage "unchanged" after a 304 without reading any bytes, if they are stored and today's parser has read them.

    Args:
        home: the home.
        source: publisher.
        answer: the 304.
        request: what was requested.
        last: what is remembered of the last answer of this address.

    Returns:
        None if the bytes must be read: after a change of the parser, in the folder of a new month, or if they are lost.
    """
    if request.as_of is not None:
        return None
    unread = Capture.unread(
        source.source_id,
        answer.url,
        answer.fetched_at,
        request.extension,
        http_status=304,
        etag=last["etag"],
        last_modified=last["last_modified"],
    )
    store = CaptureStore(home)
    capture = store.known_bytes(unread, last)
    same_as = _unchanged(source, [capture], {"urls": {answer.url: last}}) if capture else None
    if capture is None or same_as is None:
        return None
    with translating_disk_full(f"staging what {source.source_id} sent in {home.staged_dir}"):
        kept = store.add_sidecar(capture)
        staging.stage(
            home, staging.Batch(source.source_id, source.subject, source.parser_version, [kept], "unchanged", same_as)
        )
    return Taken(kept.batch_id, (kept.capture_id,), "unchanged", None, 0, 0)


def _recalled(home: Home, source: Source, answer: NotModified, last: Mapping[str, Any]) -> Document | None:
    """The stored bytes that a 304 refers to, as if fetched now; None if they are lost or damaged."""
    store = CaptureStore(home)
    capture = next((c for c in store.captures_of(source.source_id) if c.sha256 == last["sha256"]), None)
    try:
        document = store.open_document(capture) if capture else None
    except CaptureDamagedError:
        document = None
    if document is None:
        return None
    return replace(
        document,
        url=answer.url,
        fetched_at=answer.fetched_at,
        http_status=304,
        etag=last["etag"],
        last_modified=last["last_modified"],
    )


def take_files(home: Home, source: Source, files: Sequence[Path], fetched_at: dt.datetime | None) -> list[Taken]:
    """Take files recorded or downloaded by hand, each as one batch, exactly like fetched ones.

    Raises:
        PetadayError: if a file cannot be read or `fetched_at` lies in the future.
    """
    now = dt.datetime.now(dt.UTC)
    if fetched_at is not None and fetched_at > now:
        raise PetadayError(f"--fetched-at {fetched_at.isoformat()} lies in the future")
    home.create()
    _rescue(home)
    taken = []
    for file in files:
        if not file.is_file():
            raise PetadayError(f"{file} is not a file")
        suffix = Path(file.name.lower().removesuffix(".gz")).suffix.lstrip(".")
        extension = suffix if suffix.isalnum() and len(suffix) <= 8 else source.extension
        spooled = home.spool_dir / f"load-{os.getpid()}-{file.stat().st_ino}.{extension}"
        with translating_disk_full(f"copying {file} to {spooled.parent}"):
            shutil.copyfile(file, spooled)
        document = Document(spooled, f"file:{file.name}", fetched_at or now, extension)
        taken.append(take(home, source, [document]))
    return taken


def take_bundled(home: Home, source: Source) -> list[Taken]:
    """Take the documents that ship with Petaday; those recorded before are recognised when they are recorded again."""
    assert source.bundled is not None
    home.create()
    taken = []
    for number, document in enumerate(source.bundled()):
        spooled = home.spool_dir / f"bundled-{os.getpid()}-{number}.{document.extension}"
        shutil.copyfile(document.path, spooled)
        taken.append(take(home, source, [replace(document, path=spooled)]))
    return taken
